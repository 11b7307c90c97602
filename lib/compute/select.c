/* SPDX-License-Identifier: BSD-3-Clause */
/* Which kernels there are here, and which a name means. */
#include <libae/cpu.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu_internal.h"
#include "base/error.h"
#include "base/options.h"
#include "compute/blis.h"
#include "compute/kernels.h"

/* Every table of this build, the widest vectors last, with the instruction sets that it needs. */
static const struct {
    const aei_kernels *kernels;
    unsigned isa;
} tables[] = {
    {&aei_kernels_reference, 0},
    {&aei_kernels_vector, 0},
#if defined(__x86_64__)
    {&aei_kernels_avx2, AEI_ISA_AVX2},
    {&aei_kernels_avx512, AEI_ISA_AVX2 | AEI_ISA_AVX512},
#elif defined(__aarch64__)
    {&aei_kernels_neon, AEI_ISA_NEON},
#endif
};

enum { TABLES = sizeof tables / sizeof tables[0], MOST = TABLES + 1 };

/*
 * BLIS's table goes behind the reference and is never what "auto" means: the last table, libae's
 * own, is faster. BLIS is asked only when its name may matter, since its own start can end the
 * process (blis.c).
 */
static size_t list(const aei_kernels *found[MOST], bool with_blis)
{
    const unsigned isa = aei_cpu_isa();
    size_t count = 0;
    for (size_t i = 0; i < TABLES; i++) {
        if ((tables[i].isa & ~isa) == 0)
            found[count++] = tables[i].kernels;
        if (i == 0 && with_blis && aei_blis_kernels() != NULL)
            found[count++] = aei_blis_kernels();
    }
    return count;
}

size_t aei_kernels_count(void)
{
    const aei_kernels *found[MOST];
    return list(found, true);
}

const aei_kernels *aei_kernels_at(size_t index)
{
    const aei_kernels *found[MOST];
    return index < list(found, true) ? found[index] : NULL;
}

const aei_kernels *aei_kernels_own(size_t index)
{
    const aei_kernels *found[MOST];
    return index < list(found, false) ? found[index] : NULL;
}

size_t ae_kernels_count(void)
{
    return aei_kernels_count();
}

const char *ae_kernels_name(size_t index)
{
    const aei_kernels *kernels = aei_kernels_at(index);
    return kernels == NULL ? NULL : kernels->name;
}

/* BLIS is looked up only when no other table has the name: a misspelt name costs its start, "auto"
 * and libae's own do not. */
ae_status aei_kernels_find(const aei_kernels **kernels, const char *name)
{
    const aei_kernels *found[MOST];
    size_t count = list(found, false);
    if (name == NULL || strcmp(name, "auto") == 0) {
        *kernels = found[count - 1];
        return AE_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(found[i]->name, name) == 0) {
            *kernels = found[i];
            return AE_OK;
        }
    }
    count = list(found, true);
    char names[160] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(found[i]->name, name) == 0) {
            *kernels = found[i];
            return AE_OK;
        }
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), " %s", found[i]->name);
    }
    return aei_fail(AE_ERROR_UNSUPPORTED, "no kernels \"%.32s\" here; there are: auto%s", name,
                    names);
}

#ifdef AEI_TEST_HOOKS
const aei_bf16_kernels *(*aei_bf16_kernels_hook)(const aei_kernels *kernels);
#endif

/* Pairs need the panel of the table that they stand beside, and there is one such table only. */
const aei_bf16_kernels *aei_bf16_kernels_find(const aei_kernels *kernels)
{
#ifdef AEI_TEST_HOOKS
    if (aei_bf16_kernels_hook != NULL)
        return aei_bf16_kernels_hook(kernels);
#endif
#if defined(__x86_64__)
    if (kernels == &aei_kernels_avx512 && (aei_cpu_isa() & AEI_ISA_AVX512_BF16) != 0)
        return &aei_bf16_kernels_avx512;
#endif
    (void)kernels;
    return NULL;
}

ae_status ae_cpu_get_info(ae_cpu_info *info)
{
    AE_REQUIRE(info);
    const unsigned isa = aei_cpu_isa();
    const aei_kernels *found[MOST];
    const aei_blis_info blis = aei_blis_describe();
    const ae_cpu_info mine = {
        .size = sizeof mine,
        .isa = isa & AEI_ISA_AVX512_BF16 ? "avx512_bf16"
               : isa & AEI_ISA_AVX512    ? "avx512"
               : isa & AEI_ISA_AVX2      ? "avx2"
               : isa & AEI_ISA_NEON      ? "neon"
                                         : "baseline",
        .kernels = found[list(found, false) - 1]->name,
        .blis_version = blis.version,
        .blis_native = blis.native,
        .blis_used = blis.used,
        .cores = aei_cpu_cores(),
    };
    return aei_result_write(info, &mine, sizeof mine, "ae_cpu_info");
}
