/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/profile.h"

#include <stdatomic.h>
#include <string.h>

#include "common/measure.h"

const char *const profile_names[PROFILE_PARTS] = {
    "product", "weight_gradient", "transpose", "normalise", "backward", "cost", "update"};

static aei_kernels wrapped;
static const aei_kernels *inner;
static atomic_int threads;
static _Thread_local int self = -1;

/* A cache line or more to each thread. */
static struct {
    _Alignas(128) double parts[PROFILE_PARTS];
} spent[PROFILE_THREADS];

static void add(profile_part part, double since)
{
    const double now = bench_now();
    if (self < 0)
        self = atomic_fetch_add(&threads, 1) % PROFILE_THREADS;
    spent[self].parts[part] += now - since;
}

static void gemm_nn(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c,
                    const float *prefetch)
{
    const double since = bench_now();
    inner->gemm_nn(rows, k, n, a, b, c, prefetch);
    add(PROFILE_PRODUCT, since);
}

static void gemm_tn(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c,
                    const float *const prefetch[3])
{
    const double since = bench_now();
    inner->gemm_tn(rows, kb, n, a, b, c, prefetch);
    add(PROFILE_GRADIENT, since);
}

static void transpose(size_t k, size_t n, const float *in, float *out)
{
    const double since = bench_now();
    inner->transpose(k, n, in, out);
    add(PROFILE_TRANSPOSE, since);
}

static void norm_forward(size_t rows, size_t n, float *x, float *y, const float *gamma,
                         const float *beta, float epsilon, aei_nonlinearity f, float *mean,
                         float *variance, float *inverse)
{
    const double since = bench_now();
    inner->norm_forward(rows, n, x, y, gamma, beta, epsilon, f, mean, variance, inverse);
    add(PROFILE_NORMALISE, since);
}

static void norm_backward(size_t rows, size_t n, float *g, const float *y, const float *xhat,
                          const float *gamma, const float *inverse, aei_nonlinearity f,
                          float *dgamma, float *dbeta)
{
    const double since = bench_now();
    inner->norm_backward(rows, n, g, y, xhat, gamma, inverse, f, dgamma, dbeta);
    add(PROFILE_BACK, since);
}

static void row_costs(size_t rows, size_t n, const float *y, const float *t, int bce, float *costs)
{
    const double since = bench_now();
    inner->row_costs(rows, n, y, t, bce, costs);
    add(PROFILE_COST, since);
}

static void cost_gradient(size_t rows, size_t n, const float *y, const float *t,
                          const float *factor, float *g)
{
    const double since = bench_now();
    inner->cost_gradient(rows, n, y, t, factor, g);
    add(PROFILE_COST, since);
}

static void update(const aei_update *rule, size_t n, float *w, const float *gradient, float *first,
                   float *second)
{
    const double since = bench_now();
    inner->update(rule, n, w, gradient, first, second);
    add(PROFILE_UPDATE, since);
}

const aei_kernels *profile_wrap(const aei_kernels *kernels)
{
    inner = kernels;
    wrapped = *kernels;
    wrapped.gemm_nn = gemm_nn;
    wrapped.gemm_tn = gemm_tn;
    wrapped.transpose = transpose;
    wrapped.norm_forward = norm_forward;
    wrapped.norm_backward = norm_backward;
    wrapped.row_costs = row_costs;
    wrapped.cost_gradient = cost_gradient;
    wrapped.update = update;
    memset(spent, 0, sizeof spent);
    return &wrapped;
}

void profile_take(double seconds[PROFILE_PARTS])
{
    for (int part = 0; part < PROFILE_PARTS; part++) {
        seconds[part] = 0;
        for (int t = 0; t < PROFILE_THREADS; t++) {
            seconds[part] += spent[t].parts[part];
            spent[t].parts[part] = 0;
        }
    }
}
