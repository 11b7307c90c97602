/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/peak.h"

#include <stdint.h>

#include "base/cpu_internal.h"
#include "common/measure.h"

/*
 * Twelve or twenty chains of dependent multiply-adds keep two units of latency 4 or 5 busy. The
 * chains start from the caller's value and end in the result, so that no compiler can drop them.
 */
#define CHAINS_12(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CHAINS_20(X) CHAINS_12(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19)

#if defined(__x86_64__)
#include <immintrin.h>

#define START(i) __m512 c##i = _mm512_set1_ps(start + i);
#define ADD(i) c##i = _mm512_fmadd_ps(c##i, factor, term);
#define SUM(i) sum = _mm512_add_ps(sum, c##i);
__attribute__((noinline, target("avx512f"))) static float chains_512(uint64_t turns, float start)
{
    const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(1e-3f);
    CHAINS_20(START)
    for (uint64_t i = 0; i < turns; i++) {
        CHAINS_20(ADD)
    }
    __m512 sum = _mm512_setzero_ps();
    CHAINS_20(SUM)
    return _mm512_reduce_add_ps(sum);
}
#undef START
#undef ADD
#undef SUM

#define START(i) __m512 c##i = _mm512_set1_ps(start + i);
#define ADD(i) __asm__ volatile("vdpbf16ps %1, %1, %0" : "+v"(c##i) : "v"(pairs));
#define SUM(i) sum = _mm512_add_ps(sum, c##i);
__attribute__((noinline, target("avx512f"))) static float chains_bf16(uint64_t turns, float start)
{
    const __m512i pairs = _mm512_set1_epi32(0x3c003c00); /* 2^-7 twice */
    CHAINS_20(START)
    for (uint64_t i = 0; i < turns; i++) {
        CHAINS_20(ADD)
    }
    __m512 sum = _mm512_setzero_ps();
    CHAINS_20(SUM)
    return _mm512_reduce_add_ps(sum);
}
#undef START
#undef ADD
#undef SUM

#define START(i) __m256 c##i = _mm256_set1_ps(start + i);
#define ADD(i) c##i = _mm256_fmadd_ps(c##i, factor, term);
#define SUM(i) sum = _mm256_add_ps(sum, c##i);
__attribute__((noinline, target("avx2,fma"))) static float chains_256(uint64_t turns, float start)
{
    const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(1e-3f);
    CHAINS_12(START)
    for (uint64_t i = 0; i < turns; i++) {
        CHAINS_12(ADD)
    }
    __m256 sum = _mm256_setzero_ps();
    CHAINS_12(SUM)
    return _mm256_cvtss_f32(sum);
}
#undef START
#undef ADD
#undef SUM
#endif

/* Any processor: vectors of four, multiply and add, fused where the compiler may. */
typedef float four __attribute__((vector_size(16)));
#define START(i) four c##i = (start + i) - (four){0};
#define ADD(i) c##i = c##i * 0.999f + 1e-3f;
#define SUM(i) sum += c##i;
__attribute__((noinline)) static float chains_128(uint64_t turns, float start)
{
    CHAINS_12(START)
    for (uint64_t i = 0; i < turns; i++) {
        CHAINS_12(ADD)
    }
    four sum = {0};
    CHAINS_12(SUM)
    return sum[0] + sum[1] + sum[2] + sum[3];
}

typedef struct peak_work {
    float (*chains)(uint64_t turns, float start);
    uint64_t turns;
    volatile float sink[1024];
    const float *buffer;
    size_t floats, threads;
} peak_work;

static void multiply_add(void *context, size_t thread)
{
    peak_work *work = context;
    work->sink[thread] = work->chains(work->turns, 1.0f);
}

/* Longer and longer, until waking the threads no longer counts. */
static double measure(aei_team *team, float (*chains)(uint64_t, float), double flops_per_turn,
                      double seconds)
{
    static peak_work work;
    work.chains = chains;
    double taken = 0;
    for (work.turns = 20000; taken < seconds / 2; work.turns *= 2) {
        const double start = bench_now();
        if (aei_team_run(team, multiply_add, &work) != 0)
            return 0;
        taken = bench_now() - start;
    }
    return flops_per_turn * (double)(work.turns / 2) * (double)aei_team_threads(team) / taken *
           1e-9;
}

double peak_fma(aei_team *team, unsigned isa, double seconds)
{
#if defined(__x86_64__)
    if (isa & AEI_ISA_AVX512)
        return measure(team, chains_512, 20 * 16 * 2, seconds);
    if (isa & AEI_ISA_AVX2)
        return measure(team, chains_256, 12 * 8 * 2, seconds);
#else
    (void)isa;
#endif
    return measure(team, chains_128, 12 * 4 * 2, seconds);
}

double peak_bf16(aei_team *team, unsigned isa, double seconds)
{
#if defined(__x86_64__)
    if (isa & AEI_ISA_AVX512_BF16)
        return measure(team, chains_bf16, 20 * 32 * 2, seconds);
#endif
    (void)team, (void)isa, (void)seconds;
    return 0;
}

static void read_part(void *context, size_t thread)
{
    typedef float vector __attribute__((vector_size(64), aligned(64)));
    peak_work *work = context;
    const size_t vectors = work->floats / 16;
    const vector *data = (const vector *)(const void *)work->buffer;
    vector sums[4] = {{0}};
    size_t i = vectors * thread / work->threads;
    const size_t end = vectors * (thread + 1) / work->threads;
    for (; i + 4 <= end; i += 4)
        for (size_t j = 0; j < 4; j++)
            sums[j] += data[i + j];
    work->sink[thread] = sums[0][0] + sums[1][1] + sums[2][2] + sums[3][3];
}

double peak_read(aei_team *team, const float *buffer, size_t floats)
{
    static peak_work work;
    if (buffer == NULL)
        return 0;
    work.buffer = buffer;
    work.floats = floats;
    work.threads = aei_team_threads(team);
    const double start = bench_now();
    if (aei_team_run(team, read_part, &work) != 0)
        return 0;
    return (double)floats * sizeof *buffer / (bench_now() - start) * 1e-9;
}
