/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_COLUMNS_H
#define AEI_COLUMNS_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What is known of a row's features beside their values. A dataset says it of its rows, a network
 * keeps it of its training set, so that rows of another kind are not taken for the same.
 */
typedef struct aei_columns_info {
    size_t count;                     /* features of a row */
    const char *const *names;         /* count of them; NULL: not known */
    size_t image_height, image_width; /* 0: not known */
    float uint8_scale;                /* what a uint8 was multiplied by; 0: float32, or not known */
    float whole_most; /* of float32 rows that look like bytes as they are: the greatest; else 0 */
} aei_columns_info;

/* Names in one block, the pointers, then what they point to; the caller frees it.
 * AE_ERROR_INVALID_ARGUMENT (a NULL, by its index), AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_names_copy(char ***copy, const char *const *names, size_t count);

/* Which of the names this is; count: none. */
size_t aei_names_find(const char *const *names, size_t count, const char *name);

/*
 * Refuse rows that both sides say something of, and not the same: AE_ERROR_SHAPE. `what` are the
 * rows, `owner` is who has other ones. The numbers of features are compared where both have names.
 */
ae_status aei_columns_check(const aei_columns_info *rows, const char *what,
                            const aei_columns_info *wanted, const char *owner);

#endif
