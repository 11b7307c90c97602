/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_KERNELS_H
#define AEI_KERNELS_H

#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What runs hot, as a table of functions: the reference, one table an instruction set, and BLIS.
 *
 * Features are cut into panels of P = kernels->panel, and everything is stored panel by panel:
 *
 *     weights of a layer        [out / P][in][P]
 *     activations, gradients    [features / P][rows][P]
 *     gamma, beta, statistics   [features / P][P]
 *
 * so that a panel of one operand, and the tile it gives, are contiguous, and libae's own float32
 * kernels repack nothing but the weights that going back transposes. The last panel is filled up
 * with zeros. P floats are a multiple of 64 bytes; arrays start on 64 bytes. Each output element is
 * summed in one fixed order that depends on nothing but the shape, so the bits do not depend on who
 * computes which panel.
 */
typedef struct aei_kernels aei_kernels;

/* How a layer ends. */
typedef struct aei_nonlinearity {
    ae_activation kind;
    float slope; /* AE_ACTIVATION_LEAKY_RELU */
} aei_nonlinearity;

/*
 * Binary cross-entropy takes the logarithms of an output y and of 1 - y, each at least this: an
 * output that is certain and wrong costs as much as float32 can say, not infinity. Neither bound
 * changes another y by a float's spacing.
 */
#define AEI_LEAST_OUTPUT 1e-37f
#define AEI_LEAST_REST 0x1p-25f

/* One step of an optimizer's rule with the step's own factors worked out. */
typedef struct aei_update {
    enum { AEI_UPDATE_ADAM, AEI_UPDATE_SGD } rule;
    float gradient_scale; /* applied to the gradient first: clipping */
    float decay;          /* added to the gradient as decay * w */
    float shrink; /* w *= shrink before the step: 1 - rate * weight_decay for AdamW, else 1 */
    float rate;   /* Adam: learning rate / (1 - beta1^t); SGD: learning rate */
    float beta1;  /* SGD: momentum */
    float beta2;
    float root_scale; /* Adam: 1 / sqrt(1 - beta2^t) */
    float epsilon;
    int nesterov;
} aei_update;

struct aei_kernels {
    const char *name;
    size_t panel;

    /*
     * Kernels that cannot read activations in place name the floats they need to repack rows x k
     * of them, and repack; libae's own leave both NULL. Called once per matrix and thread, before
     * gemm_nn, whose `a` is then the repacked form.
     */
    size_t (*pack_floats)(size_t rows, size_t k);
    void (*pack)(size_t rows, size_t k, const float *a, float *packed);

    /*
     * c[rows][P] = sum over k of a[k / P][rows][k % P] * b[k][P]; only the first n columns hold
     * data, the others become 0. `prefetch` names the [k][P] that will be needed next, to be
     * prefetched, or is NULL; not read.
     */
    void (*gemm_nn)(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c,
                    const float *prefetch);

    /*
     * One row of gemm_nn for two neighbouring panels: a[k], b[2][k][P], c[2][P], with the same
     * bits. One row alone waits for its sums; those of two panels fill the time. `gemm_row_bf16`
     * takes b as `to_bf16` leaves it. Both NULL where that is no quicker, or where `pack` is not
     * NULL.
     */
    void (*gemm_row)(size_t k, const float *a, const float *b, float *c);
    void (*gemm_row_bf16)(size_t k, const float *a, const uint16_t *b, float *c);

    /*
     * c[kb][P] = sum over rows of a[rows][0 .. kb) * b[rows][P], kb <= P, over two single panels;
     * columns as above. `prefetch` names three arrays of [kb][P] that will be needed next, to be
     * prefetched; not read.
     */
    void (*gemm_tn)(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c,
                    const float *const prefetch[3]);

    /* out[n][P] = transpose of in[k][P] for k, n <= P; out's columns past k become 0. */
    void (*transpose)(size_t k, size_t n, const float *in, float *out);

    /*
     * Batch normalisation and non-linearity of one tile (Ioffe and Szegedy 2015, algorithm 1), of
     * which, here and in the three that follow, the first n columns hold data. What the others hold
     * is nobody's concern, but their statistics are 0. x becomes x^, y = f(gamma x^ + beta); writes
     * the panel's mean, variance (1/n) and 1 / sqrt(variance + epsilon).
     */
    void (*norm_forward)(size_t rows, size_t n, float *x, float *y, const float *gamma,
                         const float *beta, float epsilon, aei_nonlinearity f, float *mean,
                         float *variance, float *inverse);

    /* y = f(scale x + shift), column by column; y may be x. */
    void (*affine_forward)(size_t rows, size_t n, const float *x, float *y, const float *scale,
                           const float *shift, aei_nonlinearity f);

    /* g holds dC/dy and becomes dC/dz, back through f and the normalisation; writes dC/dgamma and
     * dC/dbeta. */
    void (*norm_backward)(size_t rows, size_t n, float *g, const float *y, const float *xhat,
                          const float *gamma, const float *inverse, aei_nonlinearity f,
                          float *dgamma, float *dbeta);

    /* The same without normalisation: g becomes g f'; writes dC/dbias. */
    void (*bias_backward)(size_t rows, size_t n, float *g, const float *y, aei_nonlinearity f,
                          float *dbias);

    /* Per row of one panel's first n columns: the sum of (y - t)^2, or for bce the sum of -(t log y
     * + (1 - t) log(1 - y)). */
    void (*row_costs)(size_t rows, size_t n, const float *y, const float *t, int bce, float *costs);

    /* g = (y - t) * factor[row] in the first n columns, 0 in the others. */
    void (*cost_gradient)(size_t rows, size_t n, const float *y, const float *t,
                          const float *factor, float *g);

    /* One step of the rule on n parameters (a multiple of 16, or the end of padding); first and
     * second are the moments.
     */
    void (*update)(const aei_update *rule, size_t n, float *w, const float *gradient, float *first,
                   float *second);

    /* sum += in, any n: gradients of blocks. The floats need no alignment. */
    void (*add)(size_t n, const float *in, float *sum);

    /* The sum of squares of n floats, a multiple of 16. */
    double (*square_sum)(size_t n, const float *in);

    /*
     * bfloat16, the upper half of a float32, rounded to nearest, ties to even; NaN stays NaN.
     * `round_bf16` keeps the result as float32 (out may be in), `to_bf16` in 16 bits, and
     * `from_bf16` reads those again. n is a multiple of 16.
     */
    void (*round_bf16)(size_t n, const float *in, float *out);
    void (*to_bf16)(size_t n, const float *in, uint16_t *out);
    void (*from_bf16)(size_t n, const uint16_t *in, float *out);

    /* exp, sigmoid, tanh, log of one element after another, away from the products: scores, tests.
     * y may be x. */
    void (*map_elementwise)(int function, size_t n, const float *x, float *y);
};

/*
 * Products of bfloat16 numbers where a processor has instructions for them, which multiply pairs of
 * neighbours in the direction of the sum and add both products to a float32 sum. A pair lies in 32
 * bits, the first in the lower half; of an odd number the last has a zero for a partner.
 */
typedef struct aei_bf16_kernels {
    const char *name;
    size_t panel;

    /* out[(rows + 1) / 2][P] = the pairs that rows of in[rows][P], rounded as round_bf16 does, form
     * with their successors. */
    void (*pack_pairs)(size_t rows, const float *in, uint32_t *out);

    /* As aei_kernels.gemm_nn, a [k / P][rows][P] as `to_bf16` leaves it, b [(k + 1) / 2][P] as
     * `pack_pairs` does. */
    void (*gemm_nn)(size_t rows, size_t k, size_t n, const uint16_t *a, const uint32_t *b,
                    float *c);

    /* As aei_kernels.gemm_tn, both operands [(rows + 1) / 2][P] as `pack_pairs` leaves them. */
    void (*gemm_tn)(size_t rows, size_t kb, size_t n, const uint32_t *a, const uint32_t *b,
                    float *c, const float *const prefetch[3]);
} aei_bf16_kernels;

enum { AEI_MAP_EXP, AEI_MAP_SIGMOID, AEI_MAP_TANH, AEI_MAP_LOG };

/* Tables that this build and processor have: the reference, BLIS's, then libae's own, the widest
 * vectors last. */
size_t aei_kernels_count(void);
const aei_kernels *aei_kernels_at(size_t index);

/* The same without BLIS's, which is not asked; NULL past the end. */
const aei_kernels *aei_kernels_own(size_t index);

/* By name; NULL or "auto": the fastest. AE_ERROR_UNSUPPORTED, listing the names there are. */
ae_status aei_kernels_find(const aei_kernels **kernels, const char *name);

/* What goes with the kernels on this processor, or NULL: bfloat16 is emulated. */
const aei_bf16_kernels *aei_bf16_kernels_find(const aei_kernels *kernels);

#ifdef AEI_TEST_HOOKS
/* A stand-in that runs on every processor; NULL: none. */
extern const aei_bf16_kernels *(*aei_bf16_kernels_hook)(const aei_kernels *kernels);
#endif

/* The tables themselves; the ones that an ISA flag guards run only where aei_cpu_isa() has it. */
extern const aei_kernels aei_kernels_reference;
extern const aei_kernels aei_kernels_vector;
#if defined(__x86_64__)
extern const aei_kernels aei_kernels_avx2;
extern const aei_kernels aei_kernels_avx512;
extern const aei_bf16_kernels aei_bf16_kernels_avx512;
#elif defined(__aarch64__)
extern const aei_kernels aei_kernels_neon;
#endif

#endif
