/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/columns.h"

#include "base/error.h"
#include "base/quote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ae_status aei_names_copy(char ***copy, const char *const *names, size_t count)
{
    size_t bytes = count * sizeof **copy;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "names[%zu] is NULL", i);
        bytes += strlen(names[i]) + 1;
    }
    char **made = malloc(bytes);
    if (made == NULL)
        return aei_fail_memory(bytes);
    char *to = (char *)(made + count);
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]) + 1;
        made[i] = memcpy(to, names[i], size);
        aei_clean(made[i], size - 1);
        to += size;
    }
    *copy = made;
    return AE_OK;
}

/* The names of datasets and networks are clean. One that is asked for mostly is, too, and then
 * bytes are compared: tables have tens of thousands of columns. */
size_t aei_names_find(const char *const *names, size_t count, const char *name)
{
    const size_t size = strlen(name);
    const bool clean = aei_is_clean(name, size);
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0 &&
           (clean || !aei_same_name(names[i], strlen(names[i]), name, size)))
        i++;
    return i;
}

/* The first difference says enough: a column too many moves all behind it. */
static ae_status check_names(const aei_columns_info *rows, const char *what,
                             const aei_columns_info *wanted, const char *owner)
{
    const size_t both = rows->count < wanted->count ? rows->count : wanted->count;
    size_t at = 0;
    while (at < both && strcmp(rows->names[at], wanted->names[at]) == 0)
        at++;
    if (at == rows->count && at == wanted->count)
        return AE_OK;
    char is[AEI_QUOTE_SIZE + 2] = "none", other[AEI_QUOTE_SIZE + 2] = "none",
                             quoted[AEI_QUOTE_SIZE];
    if (at < rows->count)
        (void)snprintf(is, sizeof is, "\"%s\"", aei_quote(quoted, rows->names[at]));
    if (at < wanted->count)
        (void)snprintf(other, sizeof other, "\"%s\"", aei_quote(quoted, wanted->names[at]));
    /* Whether the rows have the column at all decides what their owner can do. */
    const bool there = at == wanted->count ||
                       aei_names_find(rows->names, rows->count, wanted->names[at]) < rows->count;
    return aei_fail(AE_ERROR_SHAPE, "%s: column %zu of %zu is %s, but %s of %zu for %s: %s", what,
                    at, rows->count, is, other, wanted->count, owner,
                    there ? "take them in that order by ae_dataset_select_columns or the option "
                            "column_names of ae_csv_options"
                          : "no column has that name: name the columns alike");
}

static ae_status check_scale(const aei_columns_info *rows, const char *what,
                             const aei_columns_info *wanted, const char *owner)
{
    const double scale = (double)wanted->uint8_scale, other = (double)rows->uint8_scale;
    /* A scale that was typed with fewer digits is the same one. */
    if (other > 0 && fabs(other - scale) > 1e-4 * scale)
        return aei_fail(AE_ERROR_SHAPE,
                        "%s: its uint8 values are multiplied by %g, but by %g for %s: set the "
                        "option scale of ae_dataset_options",
                        what, other, scale, owner);
    if ((double)rows->whole_most > 255.1 * scale)
        return aei_fail(AE_ERROR_SHAPE,
                        "%s: whole numbers up to %g, but uint8 multiplied by %g for %s: multiply "
                        "the values by that",
                        what, (double)rows->whole_most, scale, owner);
    return AE_OK;
}

ae_status aei_columns_check(const aei_columns_info *rows, const char *what,
                            const aei_columns_info *wanted, const char *owner)
{
    if (rows->names != NULL && wanted->names != NULL)
        AE_TRY(check_names(rows, what, wanted, owner));
    if (rows->image_height != 0 && wanted->image_height != 0 &&
        (rows->image_height != wanted->image_height || rows->image_width != wanted->image_width))
        return aei_fail(AE_ERROR_SHAPE,
                        "%s: images of %zu x %zu pixels (height x width), but of %zu x %zu for %s",
                        what, rows->image_height, rows->image_width, wanted->image_height,
                        wanted->image_width, owner);
    return wanted->uint8_scale > 0 ? check_scale(rows, what, wanted, owner) : AE_OK;
}
