/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_C_SOURCE_H
#define AEI_C_SOURCE_H

#include "base/file.h"
#include "model/network_internal.h"

#include <libae/export.h>

enum { AEI_PREFIX_SIZE = 41 };

/* An export being written: what of the network, under which names, into which files. */
typedef struct aei_c_source {
    const ae_network *network;
    char prefix[AEI_PREFIX_SIZE], upper[AEI_PREFIX_SIZE]; /* "digits", "DIGITS" */
    char header_name[256];                                /* without folders, for #include */
    ae_export_part part;
    size_t first, last; /* the layers that are there */
    size_t buffers[2];  /* floats of the buffers that layers of even and odd number write into */
    const aei_scaling *scaling;    /* NULL: none */
    const ae_threshold *threshold; /* NULL: none that holds, or not all is exported */
    ae_score_units units;          /* of the score */
    const float *fill;             /* for missing values; NULL: none */
    const float *spread;           /* of AE_SCORE_UNITS_SPREAD, else NULL */
    uint32_t fingerprint;          /* of the numbers written so far */
    ae_export_c_info info;         /* size left to the caller */
    aei_file *source, *header;
} aei_c_source;

/* Stands among the first lines of both files. */
#define AEI_C_SOURCE_MARK "exported by libae"

/* The texts, into source->source and ->header; a failure is remembered until the files are
 * committed. */
void aei_c_source_begin(aei_c_source *source);
void aei_c_source_array(aei_c_source *source, const char *name, const float *values, size_t count);
void aei_c_source_scaling(aei_c_source *source);
void aei_c_source_input(aei_c_source *source);
void aei_c_source_layer(aei_c_source *source, size_t layer);
void aei_c_source_end(aei_c_source *source);

#endif
