/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_BLIS_H
#define AEI_BLIS_H

#include "compute/kernels.h"

/*
 * What BLIS is and does here; every string "" in a build without it. The first call of any function
 * here starts BLIS, which stays started; later ones are cheap. All may be called from any thread.
 */
typedef struct aei_blis_info {
    const char *version; /* "0.9.0" */
    /* sub-configuration that BLIS picks by itself, or is told to by BLIS_ARCH_TYPE */
    const char *native;
    const char *used; /* the one whose kernels libae takes */
} aei_blis_info;
aei_blis_info aei_blis_describe(void);

/* A table around BLIS's own micro-kernel for this machine; NULL without BLIS or where its tile fits
 * no panels. */
const aei_kernels *aei_blis_kernels(void);

/* Where that table takes all but the matrix products from when its panels are 16 wide. */
extern const aei_kernels aei_kernels_panel16;

/*
 * Plain C = A B through BLIS's typed expert interface on one thread, row-major, with leading
 * dimensions: the reference for tests and benchmarks. AE_ERROR_INVALID_ARGUMENT,
 * AE_ERROR_UNSUPPORTED.
 */
ae_status aei_blis_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *c, size_t ldc);

#endif
