/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_NPY_HEADER_H
#define AEI_NPY_HEADER_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * NPY, NumPy's own format (numpy.lib.format, NEP 1):
 *
 *     93 'NUMPY' | u8 major | u8 minor | u16 (version 1) or u32 N | N bytes of header | data
 *
 * The header is the text of a Python dictionary with the keys descr, fortran_order and shape.
 */

enum {
    AEI_NPY_PREFIX = 12, /* bytes in front of the longest header's text; version 1 has two less */
    AEI_NPY_HEADER = 10000, /* NumPy itself trusts no longer text */
    AEI_NPY_RANK = 64       /* NumPy's own limit */
};

typedef struct aei_npy {
    char kind; /* 'b', 'i', 'u', 'f' as in NumPy: boolean, signed, unsigned, float; 'V': bfloat16 */
    size_t size; /* bytes of an element: 1, 2, 4, 8 */
    bool big;    /* big-endian */
    bool fortran;
    size_t rank;
    size_t shape[AEI_NPY_RANK];
} aei_npy;

/*
 * Read a header's text. AE_ERROR_FORMAT (not such a dictionary, by what is wrong with it),
 * AE_ERROR_UNSUPPORTED (a type that is not a number of the above).
 */
ae_status aei_npy_parse(aei_npy *npy, const char *text, size_t size);

#endif
