/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernels as their definitions in kernels.h read: one element at a time, sums in double,
 * libm's functions. What every other table is compared with.
 */
#include "compute/kernels.h"

#include <math.h>
#include <string.h>

enum { P = 32 };

static void gemm_nn(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c,
                    const float *prefetch)
{
    (void)prefetch;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < P; j++) {
            double sum = 0;
            for (size_t i = 0; i < k && j < n; i++)
                sum += (double)a[(i / P * rows + r) * P + i % P] * (double)b[i * P + j];
            c[r * P + j] = (float)sum;
        }
}

/* A column of padding has a gradient of 0 for its weights, so no optimizer moves them away from
 * 0. */
static void gemm_tn(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c,
                    const float *const prefetch[3])
{
    (void)prefetch;
    for (size_t i = 0; i < kb; i++)
        for (size_t j = 0; j < P; j++) {
            double sum = 0;
            for (size_t r = 0; r < rows && j < n; r++)
                sum += (double)a[r * P + i] * (double)b[r * P + j];
            c[i * P + j] = (float)sum;
        }
}

static void transpose(size_t k, size_t n, const float *in, float *out)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < P; i++)
            out[j * P + i] = i < k ? in[i * P + j] : 0;
}

/* ReLU lets NAN through: a plain comparison would turn it into 0, and a run that diverges would
 * look healthy. */
static double apply(aei_nonlinearity f, double x)
{
    switch (f.kind) {
    case AE_ACTIVATION_TANH:
        return tanh(x);
    case AE_ACTIVATION_RELU:
        return x > 0 || isnan(x) ? x : 0;
    case AE_ACTIVATION_LEAKY_RELU:
        return x > 0 || isnan(x) ? x : (double)f.slope * x;
    case AE_ACTIVATION_LINEAR:
        return x;
    default:
        return 1 / (1 + exp(-x));
    }
}

/* From the output y, because the step keeps no input of the activation: all of these can be told
 * from y. ReLU's derivative at 0 is 0, as in PyTorch. */
static double derivative(aei_nonlinearity f, double y)
{
    switch (f.kind) {
    case AE_ACTIVATION_TANH:
        return 1 - y * y;
    case AE_ACTIVATION_RELU:
        return y > 0 ? 1 : 0;
    case AE_ACTIVATION_LEAKY_RELU:
        return y > 0 ? 1 : (double)f.slope;
    case AE_ACTIVATION_LINEAR:
        return 1;
    default:
        return y * (1 - y);
    }
}

/* The mean first, then squares around it: sum of squares minus square of the mean would lose a
 * small variance beside a large mean. The variance is biased, as algorithm 1 has it. */
static void norm_forward(size_t rows, size_t n, float *x, float *y, const float *gamma,
                         const float *beta, float epsilon, aei_nonlinearity f, float *mean,
                         float *variance, float *inverse)
{
    for (size_t j = 0; j < P; j++)
        mean[j] = variance[j] = inverse[j] = 0;
    for (size_t j = 0; j < n; j++) {
        double sum = 0, squares = 0;
        for (size_t r = 0; r < rows; r++)
            sum += (double)x[r * P + j];
        const double m = sum / (double)rows;
        for (size_t r = 0; r < rows; r++)
            squares += ((double)x[r * P + j] - m) * ((double)x[r * P + j] - m);
        const double v = squares / (double)rows, i = 1 / sqrt(v + (double)epsilon);
        for (size_t r = 0; r < rows; r++) {
            const double xhat = ((double)x[r * P + j] - m) * i;
            x[r * P + j] = (float)xhat;
            y[r * P + j] = (float)apply(f, (double)gamma[j] * xhat + (double)beta[j]);
        }
        mean[j] = (float)m;
        variance[j] = (float)v;
        inverse[j] = (float)i;
    }
}

static void affine_forward(size_t rows, size_t n, const float *x, float *y, const float *scale,
                           const float *shift, aei_nonlinearity f)
{
    for (size_t i = 0; i < rows * P; i++)
        if (i % P < n)
            y[i] = (float)apply(f, (double)scale[i % P] * (double)x[i] + (double)shift[i % P]);
}

/* The chain of Ioffe and Szegedy 2015, section 3, with mean and variance put in: with d = dC/du,
 * dC/dz = gamma / sd (d - mean(d) - x^ mean(d x^)). The two sums are dbeta and dgamma, so they come
 * for free. */
static void norm_backward(size_t rows, size_t n, float *g, const float *y, const float *xhat,
                          const float *gamma, const float *inverse, aei_nonlinearity f,
                          float *dgamma, float *dbeta)
{
    for (size_t j = 0; j < P; j++)
        dgamma[j] = dbeta[j] = 0;
    for (size_t j = 0; j < n; j++) {
        double sum = 0, product = 0;
        for (size_t i = j; i < rows * P; i += P) {
            const double d = (double)g[i] * derivative(f, (double)y[i]);
            sum += d;
            product += d * (double)xhat[i];
        }
        for (size_t i = j; i < rows * P; i += P) {
            const double d = (double)g[i] * derivative(f, (double)y[i]);
            g[i] = (float)((double)gamma[j] * (double)inverse[j] *
                           (d - sum / (double)rows - (double)xhat[i] * product / (double)rows));
        }
        dgamma[j] = (float)product;
        dbeta[j] = (float)sum;
    }
}

/* Without normalisation nothing couples the rows: a column's sum is all there is. */
static void bias_backward(size_t rows, size_t n, float *g, const float *y, aei_nonlinearity f,
                          float *dbias)
{
    for (size_t j = 0; j < P; j++)
        dbias[j] = 0;
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = j; i < rows * P; i += P) {
            const double d = (double)g[i] * derivative(f, (double)y[i]);
            g[i] = (float)d;
            sum += d;
        }
        dbias[j] = (float)sum;
    }
}

/* y is kept away from 0 and 1 by the bounds of kernels.h, each for its own logarithm. */
static void row_costs(size_t rows, size_t n, const float *y, const float *t, int bce, float *costs)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            const double a = (double)y[r * P + j], b = (double)t[r * P + j];
            sum += bce ? -(b * log(fmax(a, (double)AEI_LEAST_OUTPUT)) +
                           (1 - b) * log(fmax(1 - a, (double)AEI_LEAST_REST)))
                       : (a - b) * (a - b);
        }
        costs[r] = (float)sum;
    }
}

static void cost_gradient(size_t rows, size_t n, const float *y, const float *t,
                          const float *factor, float *g)
{
    for (size_t i = 0; i < rows * P; i++)
        g[i] = i % P < n ? (y[i] - t[i]) * factor[i / P] : 0;
}

/* Padding has a gradient, a weight and moments of 0: Adam divides 0 by epsilon there, and it stays
 * 0. */
static void update(const aei_update *rule, size_t n, float *w, const float *gradient, float *first,
                   float *second)
{
    const double beta1 = (double)rule->beta1, beta2 = (double)rule->beta2;
    for (size_t i = 0; i < n; i++) {
        double x = (double)w[i];
        double g = (double)gradient[i] * (double)rule->gradient_scale + (double)rule->decay * x;
        if (rule->rule == AEI_UPDATE_ADAM) {
            first[i] = (float)(beta1 * (double)first[i] + (1 - beta1) * g);
            second[i] = (float)(beta2 * (double)second[i] + (1 - beta2) * g * g);
            g = (double)first[i] /
                (sqrt((double)second[i]) * (double)rule->root_scale + (double)rule->epsilon);
        } else if (beta1 != 0) {
            first[i] = (float)(beta1 * (double)first[i] + g);
            g = rule->nesterov ? g + beta1 * (double)first[i] : (double)first[i];
        }
        w[i] = (float)(x * (double)rule->shrink - (double)rule->rate * g);
    }
}

/* memcpy, because C allows no other look at a float's bits; compilers make one move of it. */
static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The nearer of the two bfloat16 around x, the even one in the middle. */
static uint16_t bf16_of(float x)
{
    const uint32_t bits = bits_of(x), low = bits & 0xffff, high = bits >> 16;
    /* The quiet bit: a NAN whose payload lies in the lower half would become infinity when that is
     * cut off. */
    if (isnan(x))
        return (uint16_t)(high | 0x40);
    return (uint16_t)(high + (low > 0x8000 || (low == 0x8000 && (high & 1) != 0)));
}

static void add(size_t n, const float *in, float *sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += in[i];
}

static double square_sum(size_t n, const float *in)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)in[i] * (double)in[i];
    return sum;
}

static void to_bf16(size_t n, const float *in, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = bf16_of(in[i]);
}

static void from_bf16(size_t n, const uint16_t *in, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = float_of((uint32_t)in[i] << 16);
}

static void round_bf16(size_t n, const float *in, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = float_of((uint32_t)bf16_of(in[i]) << 16);
}

/* In double, then rounded once: about half an ulp, so that the 2 ulp of the others can be
 * measured. */
static void map_elementwise(int function, size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        y[i] = (float)(function == AEI_MAP_EXP    ? exp(v)
                       : function == AEI_MAP_TANH ? tanh(v)
                       : function == AEI_MAP_LOG  ? log(v)
                                                  : 1 / (1 + exp(-v)));
    }
}

const aei_kernels aei_kernels_reference = {
    .name = "reference",
    .panel = P,
    .gemm_nn = gemm_nn,
    .gemm_tn = gemm_tn,
    .transpose = transpose,
    .norm_forward = norm_forward,
    .affine_forward = affine_forward,
    .norm_backward = norm_backward,
    .bias_backward = bias_backward,
    .row_costs = row_costs,
    .cost_gradient = cost_gradient,
    .update = update,
    .round_bf16 = round_bf16,
    .add = add,
    .square_sum = square_sum,
    .to_bf16 = to_bf16,
    .from_bf16 = from_bf16,
    .map_elementwise = map_elementwise,
};
