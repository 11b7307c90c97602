/* SPDX-License-Identifier: BSD-3-Clause */
/* How features fall into panels, and panels to threads. */
#ifndef AEI_PANELS_H
#define AEI_PANELS_H

#include <stddef.h>

/* How many panels hold the features. */
static inline size_t aei_panels(size_t panel, size_t features)
{
    return (features + panel - 1) / panel;
}

/* Columns of panel p that hold data. */
static inline size_t aei_columns(size_t panel, size_t features, size_t p)
{
    const size_t left = features - p * panel;
    return left < panel ? left : panel;
}

typedef struct aei_range {
    size_t first, last;
} aei_range;

/* A thread's even share of count things. */
static inline aei_range aei_share(size_t count, size_t thread, size_t threads)
{
    return (aei_range){count * thread / threads, count * (thread + 1) / threads};
}

#endif
