/* SPDX-License-Identifier: BSD-3-Clause */
/* The matrix products of kernel_template.h. */
#ifndef AEI_KERNEL_GEMM_H
#define AEI_KERNEL_GEMM_H

/*
 * An m x (nv vectors) tile of c kept in registers: c = sum over k of a(i, k) * b[k]. a(i, k) lies
 * at a + i * stride_i + k * stride_k; along k it goes on for `run` elements, then jumps to the next
 * panel. m, nv and the strides are constants at every call, so the loops below unroll completely
 * and every address is one pointer plus a constant.
 */
AEI_INLINE void tile(const int m, const int nv, const size_t stride_i, const size_t stride_k, size_t length, size_t run,
                     size_t jump, const float *a, const float *b, float *c)
{
    vec sum[AEI_MR][AEI_NV];
#pragma GCC unroll 16
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            sum[i][v] = (vec){0};
    while (length > 0) {
        size_t now = length < run ? length : run;
        for (size_t k = 0; k < now; k++, b += PANEL) {
            vec bv[AEI_NV];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++)
                bv[v] = load(b + v * AEI_LANES);
#pragma GCC unroll 16
            for (int i = 0; i < m; i++) {
                vec av = splat(a[(size_t)i * stride_i + k * stride_k]);
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    sum[i][v] += av * bv[v];
            }
        }
        a += jump;
        length -= now;
    }
#pragma GCC unroll 16
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            store(c + i * PANEL + v * AEI_LANES, sum[i][v]);
}

#define AEI_TILE_CASES(call) \
    switch (m) {             \
    case 1: call(1); break;  \
    case 2: call(2); break;  \
    case 3: call(3); break;  \
    case 4: call(4); break;  \
    AEI_TILE_CASES_6(call)   \
    AEI_TILE_CASES_12(call)  \
    }
#if AEI_MR >= 6
#define AEI_TILE_CASES_6(call) case 5: call(5); break; case 6: call(6); break;
#else
#define AEI_TILE_CASES_6(call)
#endif
#if AEI_MR >= 12
#define AEI_TILE_CASES_12(call)                                                                   \
    case 7: call(7); break; case 8: call(8); break; case 9: call(9); break; case 10: call(10); break; \
    case 11: call(11); break; case 12: call(12); break;
#else
#define AEI_TILE_CASES_12(call)
#endif

/* Rows are cut into blocks as even as can be: 100 rows are nine blocks of 11 or 12, not eight of 12 and one of 4. */
static void gemm_nn(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c)
{
    const size_t blocks = (rows + AEI_MR - 1) / AEI_MR;
    for (size_t column = 0; column < PANEL; column += AEI_NV * AEI_LANES) {
        for (size_t block = 0, row = 0; block < blocks; block++) {
            const size_t m = (rows - row) / (blocks - block);
            const float *from = a + row * PANEL;
            float *to = c + row * PANEL + column;
#define AEI_NN(m) tile(m, AEI_NV, PANEL, 1, k, PANEL, rows * PANEL, from, b + column, to)
            if (column < n) {
                AEI_TILE_CASES(AEI_NN)
            } else {
                for (size_t i = 0; i < m; i++)
                    memset(to + i * PANEL, 0, AEI_NV * AEI_LANES * sizeof *to);
            }
            row += m;
        }
    }
}

static void gemm_tn(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c)
{
    const size_t blocks = (kb + AEI_MR - 1) / AEI_MR;
    for (size_t column = 0; column < PANEL; column += AEI_NV * AEI_LANES) {
        for (size_t block = 0, row = 0; block < blocks; block++) {
            const size_t m = (kb - row) / (blocks - block);
            const float *from = a + row;
            float *to = c + row * PANEL + column;
#define AEI_TN(m) tile(m, AEI_NV, 1, PANEL, rows, rows, 0, from, b + column, to)
            if (column < n) {
                AEI_TILE_CASES(AEI_TN)
            } else {
                for (size_t i = 0; i < m; i++)
                    memset(to + i * PANEL, 0, AEI_NV * AEI_LANES * sizeof *to);
            }
            row += m;
        }
    }
}

static void transpose(size_t k, size_t n, const float *in, float *out)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < k; i++)
            out[j * PANEL + i] = in[i * PANEL + j];
        for (size_t i = k; i < PANEL; i++)
            out[j * PANEL + i] = 0;
    }
}

#endif
