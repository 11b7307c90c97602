/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BLIS, used in two ways: its typed interface for a plain product, and its bare micro-kernel under
 * libae's own loops, which read weights where they lie and repack activations alone. A micro-kernel
 * adds an MR x NR tile of A B to C, A lying as [K][MR] and B as [K][NR] (Van Zee and van de Geijn,
 * "BLIS: a framework for rapidly instantiating BLAS functionality", 2015, section 4). Its wide side
 * is libae's panel, and its other side, the block, runs along the rows of the batch:
 *
 *     prefers rows      C = tile[rows][P]               A = activations, B = weights, P = NR
 *     prefers columns   C = the same tile, transposed   A = weights, B = activations, P = MR
 */
#define _POSIX_C_SOURCE 200809L /* pthread_barrier_t in blis.h */
#include "compute/blis.h"

#include "base/error.h"
#include "base/unconst.h"

#ifndef AEI_HAVE_BLIS

aei_blis_info aei_blis_describe(void)
{
    return (aei_blis_info){"", "", ""};
}

const aei_kernels *aei_blis_kernels(void)
{
    return NULL;
}

ae_status aei_blis_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *c, size_t ldc)
{
    (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb, (void)c, (void)ldc;
    return aei_fail(AE_ERROR_UNSUPPORTED, "this libae was built without BLIS");
}

#else

#include <blis.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cpu_internal.h"

/*
 * Three generations of BLIS, whose structs differ though the shared library's name is the same:
 * 0.9 has no macro for its version, 1.x the text, 2.x the number too. What they read through the
 * inline functions of blis.h must be of the library's own generation.
 */
#if defined(BLIS_VERSION_MAJOR)
#define GENERATION '2'
#elif defined(BLIS_VERSION_STRING)
#define GENERATION '1'
#else
#define GENERATION '0'
#endif

#ifdef BLIS_VERSION_STRING
typedef const cntx_t context;
#define micro_kernel_of(cntx) bli_cntx_get_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, cntx)
#define prefers_columns(cntx) bli_cntx_ukr_prefers_cols_dt(BLIS_FLOAT, BLIS_GEMM_UKR, cntx)
#else
typedef cntx_t context;
#define micro_kernel_of(cntx) bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, cntx)
#define prefers_columns(cntx) bli_cntx_l3_nat_ukr_prefers_cols_dt(BLIS_FLOAT, BLIS_GEMM_UKR, cntx)
#endif

/* The same arguments in every generation; they differ in const alone. */
typedef void (*micro_kernel)(dim_t m, dim_t n, dim_t k, const void *alpha, const void *a,
                             const void *b, const void *beta, void *c, inc_t row_stride,
                             inc_t column_stride, auxinfo_t *hints, context *cntx);

/* Before 2.0 this is no part of the shared library's interface: NULL there, but not in the static
 * library. */
#pragma weak bli_gks_lookup_id

/* gemm_tn repacks CHUNK rows at a time, so that its buffer stays in the first-level cache. */
enum { CHUNK = 256, BLOCK_MAX = 32 };

typedef struct choice {
    aei_blis_info info;
    bool usable;   /* header and library are of one generation */
    context *cntx; /* of the sub-configuration in use */
    micro_kernel run;
    bool columns;
    size_t block;
    aei_kernels table; /* its panel is 0 where the tile does not fit */
} choice;

/*
 * Which kernels BLIS has is known at run time only, and finding out is far too slow for every call:
 * written once, under pthread_once, and constant from then on.
 */
static choice chosen;
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;

/* Context of a sub-configuration, NULL if it is not in this BLIS or cannot be reached. */
static context *context_of(arch_t id, const char *name)
{
    /* AMD's variant numbers them differently. */
    if (bli_gks_lookup_id == NULL || strcmp(bli_arch_string(id), name) != 0)
        return NULL;
#ifdef BLIS_VERSION_MAJOR
    return bli_gks_lookup_id(id);
#else
    context *const *methods = bli_gks_lookup_id(id);
    return methods == NULL ? NULL : methods[BLIS_NAT];
#endif
}

/*
 * BLIS knows processors by family and brand. One that it does not know becomes "generic" (plain C),
 * an unknown Intel "haswell", Zen 4 "zen3", whatever instruction sets they have: there the
 * processor's own word counts for more. An explicit BLIS_ARCH_TYPE is the user's word and counts
 * most.
 */
static void choose_context(unsigned isa)
{
    const char *native = chosen.info.native;
    const bool unknown = strcmp(native, "generic") == 0;
    const bool narrow = unknown || strcmp(native, "haswell") == 0 || strcmp(native, "zen3") == 0;
    context *better = NULL;
    const char *name = "skx";
    if (narrow && (isa & AEI_ISA_AVX512))
        better = context_of(BLIS_ARCH_SKX, name);
    if (better == NULL && unknown && (isa & AEI_ISA_AVX2))
        better = context_of(BLIS_ARCH_HASWELL, name = "haswell");
    if (better != NULL && getenv("BLIS_ARCH_TYPE") == NULL) {
        chosen.cntx = better;
        chosen.info.used = name;
    }
}

static size_t block_size(bszid_t id)
{
    return (size_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, id, chosen.cntx);
}

/* Some kernels want packed rows longer than the tile, or each element several times in a row: not
 * libae's layout. */
static bool packs_plainly(void)
{
    const bszid_t sides[] = {BLIS_MR, BLIS_NR};
    for (size_t i = 0; i < 2; i++)
        if ((size_t)bli_cntx_get_blksz_max_dt(BLIS_FLOAT, sides[i], chosen.cntx) !=
            block_size(sides[i]))
            return false;
#ifdef BLIS_VERSION_STRING
    return block_size(BLIS_BBM) <= 1 && block_size(BLIS_BBN) <= 1;
#else
    return true;
#endif
}

/* The table that has everything but the products for these panels. */
static const aei_kernels *companion(size_t panel, unsigned isa)
{
#if defined(__x86_64__)
    if ((isa & AEI_ISA_AVX512) && panel == aei_kernels_avx512.panel)
        return &aei_kernels_avx512;
    if ((isa & AEI_ISA_AVX2) && panel == aei_kernels_avx2.panel)
        return &aei_kernels_avx2;
#endif
    (void)isa;
    return panel == aei_kernels_panel16.panel  ? &aei_kernels_panel16
           : panel == aei_kernels_vector.panel ? &aei_kernels_vector
                                               : NULL;
}

/* Adds to or sets `rows` rows, at most a block, of a tile; `packed` is [k][block], `panel`
 * [k][P]. */
static void multiply(size_t rows, size_t k, const float *packed, const float *panel, bool add,
                     float *c)
{
    const float one = 1, beta = add ? 1 : 0;
    const dim_t m = (dim_t)rows, p = (dim_t)chosen.table.panel;
    auxinfo_t hints;
    memset(&hints, 0, sizeof hints);
    /* The next operands, which some kernels prefetch: the following block and the same panel. */
    const float *next = packed + k * chosen.block;
    bli_auxinfo_set_next_a(aei_unconst(chosen.columns ? panel : next), &hints);
    bli_auxinfo_set_next_b(aei_unconst(chosen.columns ? next : panel), &hints);
    if (chosen.columns)
        chosen.run(p, m, (dim_t)k, &one, panel, packed, &beta, c, 1, p, &hints, chosen.cntx);
    else
        chosen.run(m, p, (dim_t)k, &one, packed, panel, &beta, c, p, 1, &hints, chosen.cntx);
}

static size_t pack_floats(size_t rows, size_t k)
{
    const size_t block = chosen.block;
    return (rows + block - 1) / block * block * k;
}

/* Inlined with a constant block, for which the inner loop becomes vector code. */
static inline __attribute__((always_inline)) void
pack_blocks(const size_t block, size_t rows, size_t k, const float *a, float *packed)
{
    const size_t panel = chosen.table.panel;
    for (size_t row = 0; row < rows; row += block) {
        const size_t m = rows - row < block ? rows - row : block;
        if (m < block)
            memset(packed, 0, k * block * sizeof *packed);
        for (size_t p = 0; p < k; p += panel) {
            const size_t columns = k - p < panel ? k - p : panel;
            const float *from = a + p * rows + row * panel;
            if (m == block)
                for (size_t j = 0; j < columns; j++)
                    for (size_t i = 0; i < block; i++)
                        packed[j * block + i] = from[i * panel + j];
            else
                for (size_t j = 0; j < columns; j++)
                    for (size_t i = 0; i < m; i++)
                        packed[j * block + i] = from[i * panel + j];
            packed += columns * block;
        }
    }
}

/* To [blocks][k][block]; rows that fill up the last block are zeros. */
static void pack(size_t rows, size_t k, const float *a, float *packed)
{
    switch (chosen.block) {
    case 6:
        pack_blocks(6, rows, k, a, packed);
        break;
    case 12:
        pack_blocks(12, rows, k, a, packed);
        break;
    default:
        pack_blocks(chosen.block, rows, k, a, packed);
    }
}

/* The first m columns of `rows` rows of a panel, to [rows][block] with zeros behind them. */
static void copy_columns(size_t m, size_t rows, const float *from, float *packed)
{
    const size_t block = chosen.block, panel = chosen.table.panel;
    if (m < block)
        memset(packed, 0, rows * block * sizeof *packed);
#define COPY(width)                   \
    for (size_t r = 0; r < rows; r++) \
    memcpy(packed + r * block, from + r * panel, (width) * sizeof *packed)
    switch (
        /* constant widths become moves: those of full tiles, and what these leave of 16 and 32
         * columns */
        m) {
    case 4:
        COPY(4);
        break;
    case 6:
        COPY(6);
        break;
    case 8:
        COPY(8);
        break;
    case 12:
        COPY(12);
        break;
    default:
        COPY(m);
    }
#undef COPY
}

/* Columns past n come out as 0 because they are 0 in b. */
static void gemm_nn(size_t rows, size_t k, size_t n, const float *a, const float *b, float *c,
                    const float *prefetch)
{
    (void)n, (void)prefetch;
    const size_t block = chosen.block, panel = chosen.table.panel;
    for (size_t row = 0; row < rows; row += block)
        multiply(rows - row < block ? rows - row : block, k, a + row * k, b, false,
                 c + row * panel);
}

/* `a` lies across the order of its sum, in panels of another size: columns of a block are copied, a
 * chunk at a time. */
static void gemm_tn(size_t rows, size_t kb, size_t n, const float *a, const float *b, float *c,
                    const float *const prefetch[3])
{
    (void)n, (void)prefetch;
    const size_t block = chosen.block, panel = chosen.table.panel;
    alignas(AEI_ALIGNMENT) float packed[CHUNK * BLOCK_MAX + AEI_SLACK / sizeof(float)];
    for (size_t column = 0; column < kb; column += block) {
        const size_t m = kb - column < block ? kb - column : block;
        for (size_t start = 0; start < rows; start += CHUNK) {
            const size_t length = rows - start < CHUNK ? rows - start : CHUNK;
            copy_columns(m, length, a + start * panel + column, packed);
            multiply(m, length, packed, b + start * panel, start > 0, c + column * panel);
        }
    }
}

static void build_table(unsigned isa)
{
    const size_t mr = block_size(BLIS_MR), nr = block_size(BLIS_NR);
    void_fp run = micro_kernel_of(chosen.cntx);
    chosen.columns = prefers_columns(chosen.cntx);
    chosen.block = chosen.columns ? nr : mr;
    const aei_kernels *rest = companion(chosen.columns ? mr : nr, isa);
    if (rest == NULL || chosen.block == 0 || chosen.block > BLOCK_MAX || run == NULL ||
        !packs_plainly())
        return;
    memcpy(&chosen.run, &run,
           sizeof run); /* BLIS keeps functions in void *, which ISO C does not convert */
    chosen.table = *rest;
    chosen.table.name = "blis";
    chosen.table.pack_floats = pack_floats;
    chosen.table.pack = pack;
    chosen.table.gemm_nn = gemm_nn;
    chosen.table.gemm_tn = gemm_tn;
    chosen.table.gemm_row = NULL; /* reads rows that are not repacked */
    chosen.table.gemm_row_bf16 = NULL;
}

/* BLIS ends the process over a BLIS_ARCH_TYPE that it was not built for: such a value leaves BLIS
 * out instead. */
static bool environment_is_safe(void)
{
    static const char *const names[] = {"skx", "knl", "haswell", "zen3", "zen2", "zen", "generic"};
    const char *value = getenv("BLIS_ARCH_TYPE");
    if (value == NULL)
        return true;
    if (getenv("BLIS_ARCH_DEBUG") != NULL) /* would print */
        return false;
    char *end;
    const intmax_t id = strtoimax(value, &end, 10);
    if (end != value && *end == '\0')
        return (id >= BLIS_ARCH_SKX && id <= BLIS_ARCH_BULLDOZER && id != BLIS_ARCH_KNC) ||
               id == BLIS_ARCH_GENERIC;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(value, names[i]) == 0)
            return true;
    return false;
}

/* BLIS ends the process where it gets no memory: its start takes some 340 blocks, 82 KB together,
 * and nothing later does. More than that is asked for here and given back, in blocks so small that
 * the C library keeps what it got from the system. */
static bool there_is_memory(void)
{
    enum { BLOCKS = 30, BLOCK = 4000 };
    void *blocks[BLOCKS];
    size_t count = 0;
    while (count < BLOCKS && (blocks[count] = malloc(BLOCK)) != NULL)
        count++;
    const bool enough = count == BLOCKS;
    while (count > 0)
        free(blocks[--count]);
    return enough;
}

static void choose(void)
{
    chosen.info.version = bli_info_get_version_str();
    chosen.info.native = chosen.info.used = "";
    if (!environment_is_safe() || !there_is_memory())
        return;
    /* Before anything else: asked too early, BLIS 0.9 takes every BLIS_ARCH_TYPE for a mistake, and
     * aborts. */
    bli_init();
    chosen.info.native = chosen.info.used = bli_arch_string(bli_arch_query_id());
    const char *version = chosen.info.version;
    chosen.usable = version[0] == GENERATION && version[1] == '.' &&
                    (GENERATION != '0' || version[2] == '9');
    if (!chosen.usable)
        return;
    const unsigned isa = aei_cpu_isa();
    chosen.cntx = bli_gks_query_cntx();
    choose_context(isa);
    build_table(isa);
}

static const choice *choice_made(void)
{
    (void)pthread_once(&chosen_once, choose);
    return &chosen;
}

aei_blis_info aei_blis_describe(void)
{
    return choice_made()->info;
}

const aei_kernels *aei_blis_kernels(void)
{
    const choice *c = choice_made();
    return c->table.panel == 0 ? NULL : &c->table;
}

ae_status aei_blis_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *c, size_t ldc)
{
    AE_REQUIRE(a);
    AE_REQUIRE(b);
    AE_REQUIRE(c);
    /* BLIS ends the process over arguments that it does not like. */
    if (m == 0 || n == 0 || k == 0 || m > INT_MAX || n > INT_MAX || k > INT_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "product of %zu x %zu by %zu x %zu: sizes must be 1 to %d", m, k, k, n,
                        INT_MAX);
    if (lda < k || ldb < n || ldc < n || lda > INT_MAX || ldb > INT_MAX || ldc > INT_MAX)
        return aei_fail(
            AE_ERROR_INVALID_ARGUMENT,
            "leading dimensions %zu, %zu and %zu: must be at least %zu, %zu and %zu, at most %d",
            lda, ldb, ldc, k, n, n, INT_MAX);
    const choice *blis = choice_made();
    if (!blis->usable)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "BLIS %s is not of the generation that libae was built with: rebuild libae",
                        blis->info.version);
    rntm_t runtime;
    bli_rntm_init_from_global(&runtime);
    bli_rntm_set_num_threads(1, &runtime);
    float one = 1, zero = 0;
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, (dim_t)m, (dim_t)n, (dim_t)k, &one,
                 aei_unconst(a), (inc_t)lda, 1, aei_unconst(b), (inc_t)ldb, 1, &zero, c, (inc_t)ldc,
                 1, blis->cntx, &runtime);
    return AE_OK;
}

#endif
