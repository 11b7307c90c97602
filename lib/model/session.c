/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inference. Batch normalisation with running statistics is an affine map of each feature, worked
 * out once: y = f(scale z + shift), scale = gamma / sqrt(variance + epsilon), shift = beta - mean *
 * scale. In float32 the weights stay the network's own, shared by every session, so a session costs
 * only its scratch.
 */
#include "model/session_internal.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "model/bf16_weights.h"
#include "model/cost.h"
#include "model/panels.h"
#include "model/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With many more rows the activations and a panel of the weights leave the second-level cache
 * (docs/performance.md). */
enum { PASS_ROWS = 128 };

enum { MAX_BATCH = 1 << 20, MAX_THREADS = 1024 };

/* The pass under way: layers [first, last) over at most max_batch rows. */
typedef struct pass {
    size_t first, last;
    size_t rows;
    const float *in; /* row-major; or gathered: */
    aei_gather gather;
    const void *source;
    const uint32_t *numbers;
    float *out; /* row-major; NULL to leave the result in panels */
    int squares, entropies;
    bool units; /* reconstructions and squares in the caller's units, not the scaled ones */
    aei_score_job score; /* of the last layer's output; scores NULL: none wanted */
} pass;

struct ae_session {
    aei_arena arena;
    const ae_network *network;
    aei_team *team;
    bool owns_team;
    bool bf16;
    size_t threads, max_batch;
    uint64_t generation;  /* of the network when scale and shift were worked out, plus 1 */
    float *scale, *shift; /* [panels][P] of every layer, one after another */
    size_t *offsets;      /* of a layer in scale and shift */
    float *input;         /* [panels][rows][P], kept for the costs */
    float *buffers[2];    /* layers' outputs by turns */
    float *square_sums, *entropy_sums; /* [panels][rows] */
    aei_bf16_weights bf16_weights;     /* used when bf16 */
    uint16_t *bf16_input; /* input and buffers in bfloat16, where products take pairs */
    uint16_t *bf16_buffers[2];
    float **packed; /* per thread, for kernels that repack */
    /* [depth + 1][threads]: panels of the input and each layer left to take */
    aei_work_queue *piles;
    pass now;
};

AEI_OPTIONS_INIT(ae_session_options)

static void lay_out(ae_session *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel, rows = s->max_batch;
    const size_t ends = (n->widths[0] + panel - 1) / panel,
                 widest = (n->widest + panel - 1) / panel;
    aei_arena *arena = &s->arena;
    size_t features = 0;
    for (size_t l = 0; l < n->depth; l++)
        features += n->layers[l].panels * panel;
    s->piles = aei_arena_take(arena, (n->depth + 1) * s->threads, sizeof *s->piles);
    s->offsets = aei_arena_take(arena, n->depth, sizeof *s->offsets);
    s->scale = aei_arena_take(arena, features, sizeof(float));
    s->shift = aei_arena_take(arena, features, sizeof(float));
    s->input = aei_arena_take(arena, widest * rows,
                              panel * sizeof(float)); /* codes, too, which may be wider */
    for (size_t i = 0; i < 2; i++)
        s->buffers[i] = aei_arena_take(arena, widest * rows, panel * sizeof(float));
    s->square_sums = aei_arena_take(arena, ends * rows, sizeof(float));
    s->entropy_sums = aei_arena_take(arena, ends * rows, sizeof(float));
    if (s->bf16)
        aei_bf16_weights_lay_out(&s->bf16_weights, arena, n, s->threads);
    if (s->bf16_weights.pairs != NULL) {
        s->bf16_input = aei_arena_take(arena, widest * rows, panel * sizeof *s->bf16_input);
        for (size_t i = 0; i < 2; i++)
            s->bf16_buffers[i] = aei_arena_take(arena, widest * rows,
                                                panel * sizeof *s->bf16_input);
    }
    s->packed = aei_arena_take(arena, s->threads, sizeof *s->packed);
    for (size_t t = 0; t < s->threads && n->kernels->pack != NULL; t++) {
        float *packed = aei_arena_take(arena, n->kernels->pack_floats(rows, n->widest),
                                       sizeof(float));
        if (s->packed != NULL)
            s->packed[t] = packed;
    }
}

ae_status aei_session_create(ae_session **session, const ae_network *network,
                             const ae_session_options *options, aei_team *team)
{
    ae_session_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_session_options"));
    if (o.max_batch > MAX_BATCH)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "max_batch %zu is over %d", o.max_batch,
                        MAX_BATCH);
    if (o.threads > MAX_THREADS)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "threads %zu is over %d", o.threads,
                        MAX_THREADS);
    if ((int)o.precision < AE_PRECISION_DEFAULT || (int)o.precision > AE_PRECISION_BF16)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "precision %d is not an ae_precision",
                        (int)o.precision);
    ae_session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return aei_fail_memory(sizeof *s);
    ae_status status = AE_OK;
    s->network = network;
    s->max_batch = o.max_batch == 0 || o.max_batch > PASS_ROWS ? PASS_ROWS : o.max_batch;
    s->bf16 = o.precision == AE_PRECISION_BF16;
    s->bf16_weights.pairs = s->bf16 ? aei_bf16_kernels_find(network->kernels) : NULL;
    s->team = team;
    if (team == NULL) {
        AE_CHECK(aei_team_create(&s->team, o.threads == 0 ? 1 : o.threads));
        s->owns_team = true;
    }
    s->threads = aei_team_threads(s->team);
    lay_out(s);
    AE_CHECK(aei_arena_allocate(&s->arena));
    lay_out(s);
    for (size_t l = 0, at = 0; l < network->depth; l++) {
        s->offsets[l] = at;
        at += network->layers[l].panels * network->kernels->panel;
    }
    *session = s;
    return AE_OK;
cleanup:
    ae_session_free(s);
    return status;
}

ae_status ae_session_create(ae_session **session, const ae_network *network,
                            const ae_session_options *options)
{
    AE_REQUIRE(session);
    AE_REQUIRE(network);
    return aei_session_create(session, network, options, NULL);
}

void ae_session_free(ae_session *session)
{
    if (session == NULL)
        return;
    if (session->owns_team)
        aei_team_free(session->team);
    aei_arena_free(&session->arena);
    free(session);
}

const ae_network *aei_session_network(const ae_session *session)
{
    return session->network;
}

size_t aei_session_memory(const ae_session *session)
{
    return session->arena.size;
}

size_t aei_session_max_batch(const ae_session *session)
{
    return session->max_batch;
}

/* Work out what depends on the network's parameters: scale, shift, weights in bfloat16; again if it
 * has changed since.
 */
static void refresh(ae_session *s)
{
    const ae_network *n = s->network;
    if (s->generation == n->generation + 1)
        return;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        float *scale = s->scale + s->offsets[l], *shift = s->shift + s->offsets[l];
        const float *gamma = n->parameters + layer->gamma, *beta = n->parameters + layer->beta;
        const float *mean = n->running + layer->mean, *variance = n->running + layer->variance;
        for (size_t j = 0; j < layer->out; j++) {
            scale[j] = n->batch_norm ? gamma[j] / sqrtf(variance[j] + n->bn_epsilon) : 1;
            shift[j] = n->batch_norm ? beta[j] - mean[j] * scale[j] : beta[j];
        }
    }
    if (s->bf16)
        aei_bf16_weights_copy(&s->bf16_weights, n);
    s->generation = n->generation + 1;
}

static size_t panels_of(const ae_session *s, size_t features)
{
    return aei_panels(s->network->kernels->panel, features);
}

/* The caller's features of panel p. */
static void take_panel(const ae_session *s, size_t p, float *to)
{
    const pass *now = &s->now;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[now->first];
    const size_t count = aei_columns(panel, features, p);
    if (now->gather != NULL) {
        now->gather(now->source, now->numbers, now->rows, p * panel, count, to, panel);
        return;
    }
    for (size_t r = 0; r < now->rows; r++)
        memcpy(to + r * panel, now->in + r * features + p * panel, count * sizeof *to);
}

/* The pass's input features into panels, scaled; codes are nobody's units. */
static void load_input(ae_session *s, size_t thread)
{
    const aei_scaling *scaling = s->now.first == 0 ? s->network->scaling : NULL;
    const size_t panel = s->network->kernels->panel, features = s->network->widths[s->now.first];
    for (size_t p; aei_work_queue_pop(s->piles, s->threads, thread, &p);) {
        float *to = s->input + p * s->now.rows * panel;
        take_panel(s, p, to);
        if (scaling != NULL)
            aei_scaling_apply(scaling, p * panel, aei_columns(panel, features, p), s->now.rows, to,
                              panel);
        if (s->bf16_weights.pairs != NULL)
            s->network->kernels->to_bf16(s->now.rows * panel, to,
                                         s->bf16_input + p * s->now.rows * panel);
    }
}

/*
 * Panel p of the reconstruction, and the input that its squares are taken from, in the caller's
 * units. The input is read again: a constant feature's value does not survive the scaling. By the
 * last layer, which is never the first, all threads are done with the scaled one.
 */
static void unscale_panel(ae_session *s, float *tile, size_t p)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    aei_scaling_restore(n->scaling, p * panel, aei_columns(panel, n->widths[0], p), s->now.rows,
                        tile, panel);
    if (s->now.squares || s->now.score.scores != NULL)
        take_panel(s, p, s->input + p * s->now.rows * panel);
}

static void store_output(ae_session *s, const float *tile, size_t p, size_t features)
{
    const size_t panel = s->network->kernels->panel, count = aei_columns(panel, features, p);
    for (size_t r = 0; r < s->now.rows; r++)
        memcpy(s->now.out + r * features + p * panel, tile + r * panel, count * sizeof *tile);
}

/* Panels that are multiplied at once. */
static size_t together(const ae_session *s)
{
    const aei_kernels *kernels = s->network->kernels;
    return s->now.rows == 1 && s->bf16_weights.pairs == NULL && kernels->pack == NULL &&
                   kernels->gemm_row != NULL
               ? 2
               : 1;
}

/* z = panel p of the layer's product, or of one row panels p and p + 1. */
static void multiply(const ae_session *s, size_t l, size_t p, size_t panels, const float *x,
                     float *z, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = kernels->panel, rows = s->now.rows,
                 count = aei_columns(panel, layer->out, p);
    if (s->bf16_weights.pairs != NULL) {
        const uint16_t *low = l == s->now.first ? s->bf16_input : s->bf16_buffers[(l - 1) % 2];
        aei_bf16_weights_multiply_pairs(&s->bf16_weights, n, l, p, rows, low, z);
        return;
    }
    if (s->bf16) {
        aei_bf16_weights_multiply(&s->bf16_weights, n, l, p, panels, rows, x, z, thread);
        return;
    }
    const float *weights = n->parameters + layer->weight + p * layer->in * panel;
    if (panels == 2) {
        kernels->gemm_row(layer->in, x, weights, z);
        return;
    }
    /* The panel that this thread is likely to take next. */
    const float *next = p + 1 < layer->panels ? weights + layer->in * panel : NULL;
    kernels->gemm_nn(rows, layer->in, count, x, weights, z, next);
}

/* From panel p of the layer's sums to its output, and what the caller wants of that. */
static void finish(ae_session *s, size_t l, size_t p, float *y)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_layer *layer = &s->network->layers[l];
    const size_t panel = kernels->panel, rows = s->now.rows;
    const size_t count = aei_columns(panel, layer->out, p), at = p * rows * panel;
    kernels->affine_forward(rows, count, y + at, y + at, s->scale + s->offsets[l] + p * panel,
                            s->shift + s->offsets[l] + p * panel, layer->f);
    if (l + 1 < s->now.last) {
        if (s->bf16_weights.pairs != NULL)
            kernels->to_bf16(rows * panel, y + at, s->bf16_buffers[l % 2] + at);
        return;
    }
    if (s->now.entropies)
        kernels->row_costs(rows, count, y + at, s->input + at, 1, s->entropy_sums + p * rows);
    if (s->now.units)
        unscale_panel(s, y + at, p);
    if (s->now.squares)
        kernels->row_costs(rows, count, y + at, s->input + at, 0, s->square_sums + p * rows);
    if (s->now.out != NULL)
        store_output(s, y + at, p, layer->out);
}

static void run_layer(ae_session *s, size_t l, const float *x, float *y, size_t thread)
{
    const aei_kernels *kernels = s->network->kernels;
    const aei_layer *layer = &s->network->layers[l];
    const size_t group = together(s), tile = s->now.rows * kernels->panel;
    for (size_t piece;
         aei_work_queue_pop(&s->piles[(l + 1) * s->threads], s->threads, thread, &piece);) {
        if (kernels->pack != NULL && x != s->packed[thread]) {
            kernels->pack(s->now.rows, layer->in, x, s->packed[thread]);
            x = s->packed[thread];
        }
        const size_t first = piece * group, left = layer->panels - first,
                     panels = left < group ? left : group;
        multiply(s, l, first, panels, x, y + first * tile, thread);
        for (size_t p = first; p < first + panels; p++)
            finish(s, l, p, y);
    }
}

static void run_pass(void *context, size_t thread)
{
    ae_session *s = context;
    load_input(s, thread);
    const float *x = s->input;
    for (size_t l = s->now.first; l < s->now.last; l++) {
        aei_team_barrier(s->team);
        float *y = s->buffers[l % 2];
        run_layer(s, l, x, y, thread);
        x = y;
    }
    if (s->now.score.scores == NULL)
        return;
    aei_team_barrier(s->team);
    aei_score_rows(&s->now.score, aei_share(s->now.rows, thread, s->threads));
}

static ae_status run(ae_session *s)
{
    const ae_network *n = s->network;
    aei_work_queue_reset(s->piles, s->threads, (uint32_t)panels_of(s, n->widths[s->now.first]));
    for (size_t l = s->now.first; l < s->now.last; l++)
        aei_work_queue_reset(&s->piles[(l + 1) * s->threads], s->threads,
                             (uint32_t)((n->layers[l].panels + together(s) - 1) / together(s)));
    return aei_team_run(s->team, run_pass, s);
}

/* Rows of the next pass of a call that has so many left: at most max_batch, in passes as even as
 * can be. */
static size_t next_pass(const ae_session *s, size_t left)
{
    const size_t passes = (left + s->max_batch - 1) / s->max_batch;
    return (left + passes - 1) / passes;
}

static ae_status run_rows(ae_session *s, size_t first, size_t last, bool units, const float *in,
                          size_t count, float *out)
{
    refresh(s);
    const size_t in_width = s->network->widths[first], out_width = s->network->widths[last];
    for (size_t done = 0; done < count; done += s->now.rows) {
        const size_t rows = next_pass(s, count - done);
        s->now = (pass){.first = first,
                        .last = last,
                        .rows = rows,
                        .in = in + done * in_width,
                        .out = out + done * out_width,
                        .units = units && s->network->scaling != NULL};
        AE_TRY(run(s));
    }
    return AE_OK;
}

ae_status aei_session_layers(ae_session *session, size_t first, size_t last, const float *in,
                             size_t count, float *out)
{
    return run_rows(session, first, last, false, in, count, out);
}

ae_status ae_session_encode(ae_session *session, const float *rows, size_t count, float *codes)
{
    AE_REQUIRE(session);
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(rows);
    AE_REQUIRE(codes);
    return run_rows(session, 0, session->network->encoder_layers, false, rows, count, codes);
}

ae_status ae_session_decode(ae_session *session, const float *codes, size_t count,
                            float *reconstructions)
{
    AE_REQUIRE(session);
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(codes);
    AE_REQUIRE(reconstructions);
    return run_rows(session, session->network->encoder_layers, session->network->depth, true, codes,
                    count, reconstructions);
}

ae_status ae_session_reconstruct(ae_session *session, const float *rows, size_t count,
                                 float *reconstructions)
{
    AE_REQUIRE(session);
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(rows);
    AE_REQUIRE(reconstructions);
    return run_rows(session, 0, session->network->depth, true, rows, count, reconstructions);
}

static double add_panels(const float *sums, size_t panels, size_t rows, size_t row)
{
    double sum = 0;
    for (size_t p = 0; p < panels; p++)
        sum += (double)sums[p * rows + row];
    return sum;
}

ae_status aei_session_costs(ae_session *session, aei_gather gather, const void *source,
                            const uint32_t *rows, size_t row_count, bool units, double *squares,
                            double *entropies)
{
    ae_session *s = session;
    refresh(s);
    s->now = (pass){.last = s->network->depth,
                    .rows = row_count,
                    .gather = gather,
                    .source = source,
                    .numbers = rows,
                    .squares = 1,
                    .entropies = entropies != NULL,
                    .units = units && s->network->scaling != NULL};
    AE_TRY(run(s));
    const size_t panels = panels_of(s, s->network->widths[0]);
    for (size_t r = 0; r < row_count; r++) {
        squares[r] = add_panels(s->square_sums, panels, row_count, r);
        if (entropies != NULL)
            entropies[r] = add_panels(s->entropy_sums, panels, row_count, r);
    }
    return AE_OK;
}

ae_status ae_session_score(ae_session *session, ae_cost cost, const float *rows, size_t count,
                           float *scores, float *parts)
{
    AE_REQUIRE(session);
    const ae_network *n = session->network;
    AE_TRY(aei_network_check_cost(n, cost));
    if (count == 0)
        return AE_OK;
    AE_REQUIRE(rows);
    AE_REQUIRE(scores);
    cost = cost == AE_COST_DEFAULT ? AE_COST_L2 : cost;
    const size_t width = n->widths[0];
    refresh(session);
    for (size_t done = 0; done < count; done += session->now.rows) {
        const size_t batch = next_pass(session, count - done);
        const aei_score_job score = {.kernels = n->kernels,
                                     .cost = cost,
                                     .features = width,
                                     .rows = batch,
                                     .output = session->buffers[(n->depth - 1) % 2],
                                     .input = session->input,
                                     .scores = scores + done,
                                     .parts = parts == NULL ? NULL : parts + done * width};
        session->now = (pass){.last = n->depth,
                              .rows = batch,
                              .in = rows + done * width,
                              .units = cost != AE_COST_BCE && n->scaling != NULL,
                              .score = score};
        AE_TRY(run(session));
    }
    return AE_OK;
}
