/* SPDX-License-Identifier: BSD-3-Clause */
#include "train/quantile.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void aei_sort(float *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
}

double aei_quantile(const float *sorted, size_t count, double q)
{
    const double at = (double)(count - 1) * q;
    const size_t below = (size_t)at;
    if (below + 1 >= count)
        return (double)sorted[count - 1];
    const double low = (double)sorted[below], high = (double)sorted[below + 1];
    return low + (at - (double)below) * (high - low);
}
