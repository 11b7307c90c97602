/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_REFERENCE_NETWORK_H
#define TESTS_REFERENCE_NETWORK_H

/*
 * A plain float64 network, written down once more and forward only: what it makes of a batch, and
 * the differences that give its gradient. Nothing here is the library's but the types.
 */
#include "fixtures.h"

#include <math.h>

/* An architecture, and what a run adds to the cost: 0 and NULL are off. */
typedef struct reference {
    const size_t *widths;
    size_t depth;
    bool batch_norm;
    const bool *norms; /* NULL: as batch_norm; else of even layers, of odd ones */
    ae_activation hidden, output;
    double slope, epsilon;
    size_t encoder_layers;
    bool tied;
    double l1, l2, kl, target; /* on the code */
    const float *feature_weights, *row_weights;
    bool holes;             /* about a quarter of the values is missing */
    const double *fill;     /* what the input reads for those */
    double *const *factors; /* for each layer NULL, or a factor for each of its outputs */
} reference;

/* The mean cost of a batch, what is added to it, and the smallest argument of a non-linearity as a
 * distance from 0. */
typedef struct reference_result {
    double cost, penalty, margin;
} reference_result;

static inline double reference_activate(ae_activation kind, double slope, double x)
{
    switch (kind) {
    case AE_ACTIVATION_TANH:
        return tanh(x);
    case AE_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case AE_ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : slope * x;
    case AE_ACTIVATION_LINEAR:
        return x;
    default:
        return 1 / (1 + exp(-x));
    }
}

/* One column of sums in place: normalised over the batch. */
static inline void reference_normalise(double *z, size_t rows, size_t stride, double gamma,
                                       double beta, double epsilon)
{
    double mean = 0, variance = 0;
    for (size_t r = 0; r < rows; r++)
        mean += z[r * stride] / (double)rows;
    for (size_t r = 0; r < rows; r++)
        variance += (z[r * stride] - mean) * (z[r * stride] - mean) / (double)rows;
    for (size_t r = 0; r < rows; r++)
        z[r * stride] = gamma * (z[r * stride] - mean) / sqrt(variance + epsilon) + beta;
}

/* Over the values that are there, and as much more as the missing ones weigh. */
static inline double reference_row_cost(ae_cost cost, const float *weights, const double *y,
                                        const double *t, size_t width)
{
    double sum = 0, whole = 0, there = 0;
    for (size_t j = 0; j < width; j++) {
        const double weight = weights == NULL ? 1 : (double)weights[j];
        whole += weight;
        if (isnan(t[j]))
            continue;
        there += weight;
        sum += weight * (cost == AE_COST_BCE ? -(t[j] * log(y[j]) + (1 - t[j]) * log(1 - y[j]))
                                             : (y[j] - t[j]) * (y[j] - t[j]));
    }
    sum *= there > 0 ? whole / there : 0;
    return cost == AE_COST_L2 ? sqrt(sum) : cost == AE_COST_SSE ? sum : sum / (double)width;
}

/* The penalty on a code of these rows. */
static inline double reference_penalty(const reference *n, const double *h, size_t rows)
{
    const size_t width = n->widths[n->encoder_layers];
    double sum = 0;
    for (size_t j = 0; j < width; j++) {
        double mean = 0;
        for (size_t r = 0; r < rows; r++) {
            const double value = h[r * width + j];
            sum += (n->l1 * fabs(value) + n->l2 * value * value) / (double)rows;
            mean += value / (double)rows;
        }
        if (n->kl > 0)
            sum += n->kl * (n->target * log(n->target / mean) +
                            (1 - n->target) * log((1 - n->target) / (1 - mean)));
    }
    return sum;
}

/* A layer's parameters: the weight is [out][in], or of a tied layer [in][out]. */
typedef struct reference_parts {
    const double *weight, *gamma, *beta;
    bool transposed, batch_norm;
} reference_parts;

/* Those of layer l, which start at `parameters`: weight, then gamma and beta, or the bias.
 * `weights` keeps what later layers are tied to. Returns what follows them. */
static inline const double *reference_split(const reference *n, size_t l, const double *parameters,
                                            const double **weights, reference_parts *parts)
{
    const size_t width = n->widths[l + 1];
    parts->transposed = n->tied && l >= n->encoder_layers;
    parts->weight = parts->transposed ? weights[n->depth - 1 - l] : parameters;
    weights[l] = parts->weight;
    parts->gamma = parts->transposed ? parameters : parameters + width * n->widths[l];
    parts->batch_norm = n->norms != NULL ? n->norms[l % 2] : n->batch_norm;
    parts->beta = parts->batch_norm ? parts->gamma + width : parts->gamma;
    return parts->beta + width;
}

/* Layer l of the rows in `in`: y[rows][out]. */
static inline void reference_layer(const reference *n, size_t l, const reference_parts *parts,
                                   const double *in, size_t rows, double *y, double *margin)
{
    const size_t width_in = n->widths[l], width = n->widths[l + 1];
    for (size_t j = 0; j < width; j++) {
        for (size_t r = 0; r < rows; r++) {
            double sum = parts->batch_norm ? 0 : parts->beta[j];
            for (size_t i = 0; i < width_in; i++)
                sum += in[r * width_in + i] *
                       parts->weight[parts->transposed ? i * width + j : j * width_in + i];
            y[r * width + j] = sum;
        }
        if (parts->batch_norm)
            reference_normalise(y + j, rows, width, parts->gamma[j], parts->beta[j], n->epsilon);
    }
    for (size_t i = 0; i < rows * width; i++) {
        *margin = fmin(*margin, fabs(y[i]));
        y[i] = reference_activate(l + 1 == n->depth ? n->output : n->hidden, n->slope, y[i]);
    }
}

/* Values of all layers for a batch: what scratch holds. */
static inline size_t reference_units(const reference *n, size_t rows)
{
    size_t units = 0;
    for (size_t l = 1; l <= n->depth; l++)
        units += n->widths[l] * rows;
    return units;
}

/* The rows as the first layer reads them: a copy of x, which has NaN for missing values. */
static inline double *reference_filled(const reference *n, const double *x, size_t rows)
{
    const size_t width = n->widths[0];
    double *filled = fixture_allocate(rows * width, sizeof *filled);
    for (size_t i = 0; i < rows * width; i++)
        filled[i] = isnan(x[i]) ? n->fill[i % width] : x[i];
    return filled;
}

/* A batch through the network; parameters in the order of the library's trainable tensors. */
static inline reference_result reference_run(const reference *n, const double *parameters,
                                             const double *x, size_t rows, ae_cost cost,
                                             double *scratch)
{
    reference_result result = {.margin = INFINITY};
    const double *weights[16];
    double *filled = reference_filled(n, x, rows);
    const double *in = filled;
    for (size_t l = 0; l < n->depth; l++) {
        reference_parts parts;
        parameters = reference_split(n, l, parameters, weights, &parts);
        reference_layer(n, l, &parts, in, rows, scratch, &result.margin);
        in = scratch;
        if (l + 1 == n->encoder_layers)
            result.penalty = reference_penalty(n, in, rows);
        for (size_t i = 0;
             n->factors != NULL && n->factors[l] != NULL && i < rows * n->widths[l + 1]; i++)
            scratch[i] *= n->factors[l][i];
        scratch += rows * n->widths[l + 1];
    }
    const size_t width = n->widths[0];
    for (size_t r = 0; r < rows; r++)
        result.cost += (n->row_weights == NULL ? 1 : (double)n->row_weights[r]) *
                       reference_row_cost(cost, n->feature_weights, in + r * width, x + r * width,
                                          width) /
                       (double)rows;
    free(filled);
    return result;
}

/* Central differences of cost and penalty for every parameter, which is put back. The caller frees
 * them. */
static inline float *reference_differences(const reference *n, double *parameters, size_t count,
                                           const double *x, size_t rows, ae_cost cost,
                                           double *scratch)
{
    static const double step = 1e-6;
    float *gradient = fixture_allocate(count, sizeof *gradient);
    for (size_t i = 0; i < count; i++) {
        const double kept = parameters[i];
        parameters[i] = kept + step;
        const reference_result above = reference_run(n, parameters, x, rows, cost, scratch);
        parameters[i] = kept - step;
        const reference_result below = reference_run(n, parameters, x, rows, cost, scratch);
        parameters[i] = kept;
        gradient[i] = (float)((above.cost + above.penalty - below.cost - below.penalty) /
                              (2 * step));
    }
    return gradient;
}

/* A network's trainable parameters in their order, which the caller frees. */
static inline double *reference_parameters(const ae_network *network)
{
    double *parameters = fixture_allocate(ae_network_parameter_count(network), sizeof *parameters);
    size_t at = 0;
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        float *values = fixture_allocate(info.count, sizeof *values);
        ck_assert_ok(ae_network_get_tensor(network, info.name, values, info.count));
        for (size_t j = 0; j < info.count; j++)
            parameters[at++] = (double)values[j];
        free(values);
    }
    return parameters;
}

#endif
