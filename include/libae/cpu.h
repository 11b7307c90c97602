/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_CPU_H
#define LIBAE_CPU_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <stddef.h>

AE_BEGIN_DECLS

/**
 * What this process computes with. Strings live as long as the program.
 * @since 0.1
 */
typedef struct ae_cpu_info {
    size_t size; /**< sizeof(ae_cpu_info), set by the caller */
    /** widest instruction set usable here: "avx512_bf16", "avx512", "avx2", "neon", "baseline" */
    const char *isa;
    const char *kernels;      /**< kernels that "auto" means here */
    const char *blis_version; /**< "0.9.0", or "" without BLIS */
    const char *blis_native;  /**< configuration that BLIS selects by itself, say "generic" */
    const char *blis_used;    /**< the one that libae uses, say "skx" */
    /** processors that this process may use (affinity and cgroup quota): a trainer's default */
    size_t cores;
} ae_cpu_info;

/**
 * Report the processor, the kernels and BLIS's configuration.
 *
 * BLIS 0.9 knows no processor newer than itself and then runs its slow "generic" kernels. libae
 * chooses the right ones where BLIS lets it. libae's own kernels are not concerned.
 *
 * @param info filled in up to info->size, which the caller sets; untouched on error
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (info NULL, a size not set)
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_cpu_get_info(ae_cpu_info *info);

/**
 * How many kinds of kernels this build and processor have. BLIS's are left out where the first
 * call that asks for kernels finds too little memory for BLIS to start: BLIS would end the process.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API size_t ae_kernels_count(void);

/**
 * The name of a kind of kernels: "reference", "vector", "avx2", "avx512", "neon", "blis" and so on.
 *
 * @param index 0 to ae_kernels_count() - 1: the reference, BLIS's, then libae's own, the widest
 *         vectors last; "auto" means the last
 * @return a string that lives as long as the program; NULL past the end
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API const char *ae_kernels_name(size_t index);

AE_END_DECLS

#endif
