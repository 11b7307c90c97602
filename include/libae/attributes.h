/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_ATTRIBUTES_H
#define LIBAE_ATTRIBUTES_H

/* AE_API marks what the shared library exports; everything else stays hidden. */
#if defined(__GNUC__) && !defined(AE_STATIC)
#define AE_API __attribute__((visibility("default")))
#else
#define AE_API
#endif

/* AE_CHECKED asks the compiler to warn when a status is dropped. */
#if defined(__GNUC__)
#define AE_CHECKED __attribute__((warn_unused_result))
#else
#define AE_CHECKED
#endif

#ifdef __cplusplus
#define AE_BEGIN_DECLS extern "C" {
#define AE_END_DECLS }
#else
#define AE_BEGIN_DECLS
#define AE_END_DECLS
#endif

#endif
