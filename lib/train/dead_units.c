/* SPDX-License-Identifier: BSD-3-Clause */
/* Which outputs of which layers vary over a dataset, and which units of the code say the same. */
#include "train/dead_units.h"

#include "base/arena.h"
#include "base/cpu_internal.h"
#include "base/error.h"
#include "data/dataset_internal.h"
#include "model/fill.h"
#include "model/network_internal.h"
#include "model/session_internal.h"
#include "train/check_dataset.h"

#include <libae/view.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows at a time, and in all; codes of more units are not searched for redundant ones. */
enum { ROWS = 128, SAMPLE_ROWS = 4096, CODES_MAX = 512 };

/* A dead unit's standard deviation is at most this share of its layer's root mean square output. */
static const double dead_deviation = 1e-3;
static const double redundant_correlation = 0.999;

/* Sums over the rows for `width` values, taken from the first row on so that nothing cancels. */
typedef struct spread {
    size_t width;
    float *first;
    double *sums, *squares;
    double power; /* sum of the squares of all values themselves */
} spread;

typedef struct units {
    aei_arena arena;
    const ae_network *network;
    size_t rows; /* seen */
    spread input, *layers;
    double *products; /* of the code's features; NULL when they are too many */
    float *values[2]; /* [ROWS][widest] */
} units;

/* Sums are float64: over 4096 rows float32 would lose the small spreads that this file looks
 * for. */
static spread take_spread(aei_arena *arena, size_t width)
{
    return (spread){.width = width,
                    .first = aei_arena_take(arena, width, sizeof(float)),
                    .sums = aei_arena_take(arena, width, sizeof(double)),
                    .squares = aei_arena_take(arena, width, sizeof(double))};
}

/* In the first round the arena only counts and every array is NULL, u->layers too. */
static void lay_out(units *u)
{
    const ae_network *n = u->network;
    aei_arena *arena = &u->arena;
    const size_t codes = n->widths[n->encoder_layers];
    u->layers = aei_arena_take(arena, n->depth, sizeof *u->layers);
    u->input = take_spread(arena, n->widths[0]);
    for (size_t l = 0; l < n->depth; l++) {
        const spread s = take_spread(arena, n->layers[l].out);
        if (u->layers != NULL)
            u->layers[l] = s;
    }
    u->products = codes <= CODES_MAX ? aei_arena_take(arena, codes, codes * sizeof(double)) : NULL;
    for (size_t i = 0; i < 2; i++)
        u->values[i] = aei_arena_take(arena, ROWS, n->widest * sizeof(float));
}

/* Power is of the values themselves, not of distances: it says how large a layer's outputs are,
 * which is the measure for a spread that counts as none. */
static void add_row(spread *s, const float *values, bool first)
{
    if (first)
        memcpy(s->first, values, s->width * sizeof *values);
    for (size_t j = 0; j < s->width; j++) {
        const double x = (double)values[j], d = x - (double)s->first[j];
        s->sums[j] += d;
        s->squares[j] += d * d;
        s->power += x * x;
    }
}

/* The upper triangle. */
static void add_products(double *products, const spread *s, const float *values)
{
    for (size_t i = 0; i < s->width; i++) {
        const double d = (double)values[i] - (double)s->first[i];
        for (size_t j = i; j < s->width; j++)
            products[i * s->width + j] += d * ((double)values[j] - (double)s->first[j]);
    }
}

/* What the first layer reads in place of missing values, panel by panel. */
static void fill(const ae_network *n, size_t count, float *rows)
{
    const size_t width = n->widths[0];
    for (size_t first = 0; n->fill != NULL && first < width; first += AEI_FILL_COLUMNS) {
        const size_t left = width - first,
                     columns = left < AEI_FILL_COLUMNS ? left : AEI_FILL_COLUMNS;
        aei_fill_apply(n, first, columns, count, rows + first, rows + first, width);
    }
}

/* All layers over a few rows of the dataset, each from the output of the one before. */
static ae_status add_rows(units *u, ae_session *session, const ae_dataset *dataset, size_t count)
{
    const ae_network *n = u->network;
    float *x = u->values[0], *y = u->values[1];
    AE_TRY(ae_dataset_read(dataset, u->rows, count, x));
    memcpy(y, x, count * n->widths[0] * sizeof *y);
    if (n->scaling != NULL)
        aei_scaling_apply(n->scaling, 0, n->widths[0], count, y, n->widths[0]);
    fill(n, count, y);
    for (size_t r = 0; r < count; r++)
        add_row(&u->input, y + r * n->widths[0], u->rows + r == 0);
    for (size_t l = 0; l < n->depth; l++) {
        const size_t width = n->layers[l].out;
        AE_TRY(aei_session_layers(session, l, l + 1, x, count, y));
        for (size_t r = 0; r < count; r++) {
            add_row(&u->layers[l], y + r * width, u->rows + r == 0);
            if (l + 1 == n->encoder_layers && u->products != NULL)
                add_products(u->products, &u->layers[l], y + r * width);
        }
        float *done = x;
        x = y;
        y = done;
    }
    u->rows += count;
    return AE_OK;
}

/* Rounding can take the difference below 0 for a unit that never changes; its root would be NAN,
 * and NAN counts as alive. */
static double variance(const spread *s, size_t j, size_t rows)
{
    const double mean = s->sums[j] / (double)rows;
    return fmax(s->squares[j] / (double)rows - mean * mean, 0);
}

/* Less or equal: a layer whose outputs are all 0 has no power either, and all of its units are
 * dead. */
static bool is_dead(const spread *s, size_t j, size_t rows)
{
    const double power = s->power / (double)rows / (double)s->width;
    return sqrt(variance(s, j, rows)) <= dead_deviation * sqrt(power);
}

/* A feature that is constant in the data has to be constant in the output: there it is no fault. */
static size_t count_dead(const units *u, size_t l)
{
    const bool last = l + 1 == u->network->depth;
    size_t dead = 0;
    for (size_t j = 0; j < u->layers[l].width; j++)
        dead += is_dead(&u->layers[l], j, u->rows) && !(last && is_dead(&u->input, j, u->rows));
    return dead;
}

/* Units that are not dead, but whose correlation with one before them is beyond the bound. */
static size_t count_redundant(const units *u)
{
    const spread *s = &u->layers[u->network->encoder_layers - 1];
    size_t redundant = 0;
    for (size_t j = 1; j < s->width && u->products != NULL; j++) {
        bool found = is_dead(s, j, u->rows);
        const bool dead = found;
        for (size_t i = 0; i < j && !found; i++) {
            const double n = (double)u->rows;
            const double covariance = u->products[i * s->width + j] / n -
                                      s->sums[i] / n * (s->sums[j] / n);
            const double scale = sqrt(variance(s, i, u->rows) * variance(s, j, u->rows));
            found = !is_dead(s, i, u->rows) && fabs(covariance) > redundant_correlation * scale;
        }
        redundant += found && !dead;
    }
    return redundant;
}

/* A few dead units are usual with ReLU; the warning starts at one in twenty of a layer. A code is
 * small by choice, so there a single lost unit counts. */
static void write_counts(ae_diagnosis *v, size_t *counts, const units *u)
{
    double worst = 0;
    for (size_t l = 0; l < u->network->depth; l++) {
        const size_t width = u->layers[l].width, dead = count_dead(u, l);
        const double share = (double)dead / (double)width;
        v->units += width;
        v->dead_units += dead;
        if (counts != NULL)
            counts[l] = dead;
        if (l + 1 == u->network->encoder_layers)
            v->inactive_codes = dead;
        if (share > worst) {
            worst = share;
            v->dead_layer = l;
            v->dead_layer_units = dead;
        }
    }
    v->redundant_codes = count_redundant(u);
    v->warnings |= worst > 0.05 ? AE_WARNING_DEAD_UNITS : 0u;
    v->warnings |= v->inactive_codes + v->redundant_codes > 0 ? AE_WARNING_COLLAPSED_CODE : 0u;
}

/* Evenly spaced, so that a dataset in the order of its classes shows all of them. */
static ae_status sample(ae_dataset **rows, const ae_dataset *dataset)
{
    const size_t all = ae_dataset_row_count(dataset), count = all < SAMPLE_ROWS ? all : SAMPLE_ROWS;
    size_t *numbers = malloc(count * sizeof *numbers);
    if (numbers == NULL)
        return aei_fail_memory(count * sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (size_t)((uint64_t)i * all / count);
    const ae_status status = ae_dataset_select(rows, dataset, numbers, count);
    free(numbers);
    return status;
}

/* One layer at a time, each from the stored output of the one before: asking a session for layer
 * after layer from the input would compute the first layers again and again. */
ae_status aei_dead_units_count(ae_diagnosis *diagnosis, size_t *counts, const ae_network *network,
                               const ae_dataset *dataset, size_t threads)
{
    const ae_session_options options = {.size = sizeof options, .threads = threads};
    units u = {.network = network};
    ae_session *session = NULL;
    ae_dataset *rows = NULL;
    ae_status status = AE_OK;
    AE_CHECK(ae_session_create(&session, network, &options));
    AE_CHECK(sample(&rows, dataset));
    lay_out(&u);
    AE_CHECK(aei_arena_allocate(&u.arena));
    lay_out(&u);
    for (const size_t all = ae_dataset_row_count(rows); u.rows < all;)
        AE_CHECK(add_rows(&u, session, rows, all - u.rows < ROWS ? all - u.rows : ROWS));
    write_counts(diagnosis, counts, &u);
cleanup:
    aei_arena_free(&u.arena);
    ae_dataset_free(rows);
    ae_session_free(session);
    return status;
}

ae_status ae_network_dead_units(const ae_network *network, const ae_dataset *dataset,
                                size_t *counts, size_t count)
{
    AE_REQUIRE(network);
    AE_REQUIRE(dataset);
    AE_REQUIRE(counts);
    AE_TRY(aei_network_check_dataset(network, dataset, "dataset"));
    AE_TRY(aei_dataset_check_missing(dataset, network->fill != NULL, "dataset"));
    if (count != network->depth)
        return aei_fail(AE_ERROR_SHAPE, "count is %zu, but the network has %zu layers", count,
                        network->depth);
    ae_diagnosis unused = {0};
    return aei_dead_units_count(&unused, counts, network, dataset, aei_cpu_cores());
}
