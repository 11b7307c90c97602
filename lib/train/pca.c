/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Principal component analysis: the best that a linear autoencoder can do (Baldi and Hornik 1989).
 *
 * The covariance is a matrix product, and the training step's kernels make it, a few hundred rows
 * at a time, the sums over them in float64. Its leading eigenvectors come from block power
 * iteration with some columns to spare and a Rayleigh-Ritz step at the end (Halko, Martinsson and
 * Tropp 2011, algorithms 4.4 and 5.3), which converges fast where it matters: a direction that is
 * slow to come out is one whose neighbours explain the data as well.
 */
#include "train/pca.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/philox.h"
#include "base/team.h"
#include "data/dataset_internal.h"
#include "data/reader.h"
#include "model/network_internal.h"
#include "model/panels.h"

#include <libae/scaling.h>
#include <math.h>
#include <string.h>

enum { ROWS = 256, SPARE = 16, ITERATIONS = 100, SWEEPS = 50 };

/* The gain in explained variance, relative to all of it, at which the iteration stops. */
static const double tolerance = 1e-6;

typedef struct pca {
    aei_arena arena;
    const aei_kernels *kernels;
    const ae_dataset *dataset;
    const aei_scaling *scaling; /* NULL: none */
    aei_team *team;
    size_t threads, features, components, block;
    float *mean;        /* [features] */
    float *rows;        /* [panels][ROWS][P]: a few rows less the mean */
    float *tiles;       /* [threads][P][P] */
    double *covariance; /* [features][features], times the number of rows */
    double *basis;      /* [block][features], orthonormal rows, or rows of zeros */
    double *image;      /* basis times covariance */
    double *projected;  /* [block][block]: the covariance seen from the basis */
    double *rotation;   /* [block][block]: its eigenvectors, as columns */
    float *weights;     /* [components][features], then the same transposed */
    float *bias;        /* [components] */
    aei_reader *reader; /* ROWS at a time */
    aei_batch batch;
    size_t count; /* rows of the batch */
} pca;

static void lay_out(pca *c)
{
    aei_arena *arena = &c->arena;
    const size_t panel = c->kernels->panel, panels = aei_panels(panel, c->features);
    c->mean = aei_arena_take(arena, c->features, sizeof(float));
    c->rows = aei_arena_take(arena, panels * ROWS, panel * sizeof(float));
    c->tiles = aei_arena_take(arena, c->threads * panel, panel * sizeof(float));
    c->covariance = aei_arena_take(arena, c->features, c->features * sizeof(double));
    c->basis = aei_arena_take(arena, c->block, c->features * sizeof(double));
    c->image = aei_arena_take(arena, c->block, c->features * sizeof(double));
    c->projected = aei_arena_take(arena, c->block, c->block * sizeof(double));
    c->rotation = aei_arena_take(arena, c->block, c->block * sizeof(double));
    c->weights = aei_arena_take(arena, 2 * c->components, c->features * sizeof(float));
    c->bias = aei_arena_take(arena, c->components, sizeof(float));
}

/* A thread's panels of the rows at hand, less the mean. */
static void centre(pca *c, size_t thread)
{
    const size_t panel = c->kernels->panel;
    const aei_range mine = aei_share(aei_panels(panel, c->features), thread, c->threads);
    for (size_t p = mine.first; p < mine.last; p++) {
        const size_t columns = aei_columns(panel, c->features, p);
        float *to = c->rows + p * c->count * panel;
        aei_dataset_gather(c->batch.dataset, c->batch.rows, c->count, p * panel, columns, to,
                           panel);
        if (c->scaling != NULL)
            aei_scaling_apply(c->scaling, p * panel, columns, c->count, to, panel);
        for (size_t r = 0; r < c->count; r++)
            for (size_t j = 0; j < columns; j++)
                to[r * panel + j] = isnan(to[r * panel + j])
                                        ? 0 /* missing: filled with the mean */
                                        : to[r * panel + j] - c->mean[p * panel + j];
    }
}

/* The upper triangle's tile of panels p and q gets what these rows add. */
static void add_tile(pca *c, size_t p, size_t q, float *tile)
{
    const size_t panel = c->kernels->panel;
    const size_t down = aei_columns(panel, c->features, p),
                 across = aei_columns(panel, c->features, q);
    const float *const soon[3] = {tile, tile, tile};
    c->kernels->gemm_tn(c->count, down, across, c->rows + p * c->count * panel,
                        c->rows + q * c->count * panel, tile, soon);
    for (size_t i = 0; i < down; i++) {
        double *to = c->covariance + (p * panel + i) * c->features + q * panel;
        for (size_t j = 0; j < across; j++)
            to[j] += (double)tile[i * panel + j];
    }
}

static void add_rows(void *context, size_t thread)
{
    pca *c = context;
    const size_t panel = c->kernels->panel, panels = aei_panels(panel, c->features);
    centre(c, thread);
    aei_team_barrier(c->team);
    size_t pair = 0;
    for (size_t p = 0; p < panels; p++)
        for (size_t q = p; q < panels; q++)
            if (pair++ % c->threads == thread)
                add_tile(c, p, q, c->tiles + thread * panel * panel);
}

static ae_status make_covariance(pca *c)
{
    const size_t features = c->features;
    AE_TRY(ae_dataset_mean(c->dataset, c->mean));
    if (c->scaling != NULL)
        aei_scaling_apply(c->scaling, 0, features, 1, c->mean, features);
    for (size_t k = 0; k < aei_reader_count(c->reader); k++) {
        AE_TRY(aei_reader_take(c->reader, k, &c->batch));
        c->count = c->batch.count;
        AE_TRY(aei_team_run(c->team, add_rows, c));
    }
    for (size_t i = 0; i < features; i++) {
        for (size_t j = 0; j < i; j++)
            c->covariance[i * features + j] = c->covariance[j * features + i];
        if (!isfinite(c->covariance[i * features + i]))
            return aei_fail(AE_ERROR_DATA,
                            "column %zu: its squares leave float32, so there are no components", i);
    }
    return AE_OK;
}

/* Columns of the image that are the thread's: every element is one sum over the features in
 * turn. */
static void multiply(void *context, size_t thread)
{
    pca *c = context;
    const aei_range mine = aei_share(c->features, thread, c->threads);
    for (size_t i = 0; i < c->block; i++)
        memset(c->image + i * c->features + mine.first, 0,
               (mine.last - mine.first) * sizeof(double));
    for (size_t k = 0; k < c->features; k++) {
        const double *from = c->covariance + k * c->features;
        for (size_t i = 0; i < c->block; i++) {
            const double factor = c->basis[i * c->features + k];
            double *to = c->image + i * c->features;
            for (size_t j = mine.first; j < mine.last; j++)
                to[j] += factor * from[j];
        }
    }
}

static double product(const double *a, const double *b, size_t count)
{
    double sums[4] = {0};
    for (size_t j = 0; j < count; j++)
        sums[j % 4] += a[j] * b[j];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Gram and Schmidt, twice, which suffices (Giraud et al. 2005). What depends on the rows before
 * becomes 0. */
static void orthonormalise(double *rows, size_t count, size_t features)
{
    for (size_t i = 0; i < count; i++) {
        double *row = rows + i * features;
        const double before = sqrt(product(row, row, features));
        for (size_t k = 0; k < 2 * i; k++) {
            const double *other = rows + k % i * features, along = product(row, other, features);
            for (size_t j = 0; j < features; j++)
                row[j] -= along * other[j];
        }
        const double after = sqrt(product(row, row, features));
        const double scale = after > 1e-12 * before ? 1 / after : 0;
        for (size_t j = 0; j < features; j++)
            row[j] *= scale;
    }
}

/* Leaves image = basis times covariance. */
static ae_status iterate(pca *c)
{
    const size_t floats = c->block * c->features;
    for (size_t i = 0; i < floats; i++)
        c->basis[i] = (double)aei_random_normal(0, AEI_STREAM_COMPONENTS, 0, i);
    double explained = 0;
    for (size_t step = 0; step < ITERATIONS; step++) {
        orthonormalise(c->basis, c->block, c->features);
        AE_TRY(aei_team_run(c->team, multiply, c));
        const double now = product(c->basis, c->image, floats);
        if (now - explained <= tolerance * now)
            break;
        explained = now;
        if (step + 1 < ITERATIONS)
            memcpy(c->basis, c->image, floats * sizeof *c->basis);
    }
    return AE_OK;
}

/* One rotation of the symmetric matrix a that makes a[p][q] zero; v collects them. */
static void rotate(double *a, double *v, size_t n, size_t p, size_t q)
{
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double cosine = 1 / sqrt(t * t + 1), sine = t * cosine;
    for (size_t k = 0; k < n; k++) {
        const double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = cosine * x - sine * y;
        a[k * n + q] = sine * x + cosine * y;
    }
    for (size_t k = 0; k < n; k++) {
        const double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = cosine * x - sine * y;
        a[q * n + k] = sine * x + cosine * y;
    }
    for (size_t k = 0; k < n; k++) {
        const double x = v[k * n + p], y = v[k * n + q];
        v[k * n + p] = cosine * x - sine * y;
        v[k * n + q] = sine * x + cosine * y;
    }
}

/* Jacobi's method, by rows (Golub and Van Loan, section 8.5): the eigenvalues end up on a's
 * diagonal. */
static void diagonalise(double *a, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i * n + i] = 1;
    for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
        bool done = true;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                const double bound = 1e-15 * sqrt(fabs(a[p * n + p] * a[q * n + q]));
                if (fabs(a[p * n + q]) <= bound)
                    continue;
                rotate(a, v, n, p, q);
                done = false;
            }
        if (done)
            return;
    }
}

/* The best components within the basis (Rayleigh and Ritz), as weights. */
static void choose(pca *c)
{
    const size_t n = c->block, features = c->features;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            c->projected[i * n + j] = c->projected[j * n + i] = product(
                c->basis + i * features, c->image + j * features, features);
    diagonalise(c->projected, c->rotation, n);
    for (size_t k = 0; k < c->components && k < n; k++) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            best = c->projected[i * n + i] > c->projected[best * n + best] ? i : best;
        c->projected[best * n + best] = -(double)INFINITY; /* taken */
        double bias = 0;
        for (size_t j = 0; j < features; j++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += c->rotation[i * n + best] * c->basis[i * features + j];
            c->weights[k * features + j] = (float)sum;
            c->weights[c->components * features + j * c->components + k] = (float)sum;
            bias -= sum * (double)c->mean[j];
        }
        c->bias[k] = (float)bias;
    }
}

static ae_status make_network(ae_network **linear, const pca *c)
{
    static const ae_activation activations[] = {AE_ACTIVATION_LINEAR, AE_ACTIVATION_LINEAR};
    const ae_network_options options = {
        .size = sizeof options,
        .widths = (const size_t[]){c->features, c->components, c->features},
        .width_count = 3,
        .batch_norm = AE_TOGGLE_OFF,
        .activations = activations,
        .activation_count = 2,
        .kernels = c->kernels->name};
    const size_t floats = c->components * c->features;
    ae_network *n = NULL;
    ae_status status = AE_OK;
    AE_CHECK(aei_network_build(&n, &options));
    AE_CHECK(ae_network_set_tensor(n, "encoder.0.weight", c->weights, floats));
    AE_CHECK(ae_network_set_tensor(n, "encoder.0.bias", c->bias, c->components));
    AE_CHECK(ae_network_set_tensor(n, "decoder.0.weight", c->weights + floats, floats));
    AE_CHECK(ae_network_set_tensor(n, "decoder.0.bias", c->mean, c->features));
    if (c->scaling != NULL)
        AE_CHECK(ae_network_set_scaling(n, c->scaling->offset, c->scaling->scale));
    *linear = n;
    return AE_OK;
cleanup:
    ae_network_free(n);
    return status;
}

ae_status aei_pca_network(ae_network **linear, const ae_dataset *dataset, size_t components,
                          size_t threads, const char *kernels, const aei_scaling *scaling)
{
    const size_t features = ae_dataset_feature_count(dataset);
    pca c = {
        .dataset = dataset, .scaling = scaling, .features = features, .components = components};
    c.block = components + SPARE < features ? components + SPARE : features;
    ae_status status = AE_OK;
    AE_CHECK(aei_kernels_find(&c.kernels, kernels));
    AE_CHECK(aei_team_create(&c.team, threads));
    c.threads = threads;
    lay_out(&c);
    AE_CHECK(aei_arena_allocate(&c.arena));
    lay_out(&c);
    AE_CHECK(aei_reader_create(&c.reader, dataset, ROWS, NULL, NULL));
    AE_CHECK(make_covariance(&c));
    AE_CHECK(iterate(&c));
    choose(&c);
    AE_CHECK(make_network(linear, &c));
cleanup:
    aei_reader_free(c.reader);
    aei_arena_free(&c.arena);
    aei_team_free(c.team);
    return status;
}
