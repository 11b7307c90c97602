/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_RESULTS_H
#define LIBAE_RESULTS_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/session.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/*
 * Results as files for other programs: NPY for numpy.load (memory mapping included) and CSV. A file
 * is written whole or not at all: beside path, synced, then renamed over it.
 */

/**
 * Write float32 values as an NPY file of version 1.0, C order.
 *
 * @param path file name; an existing file is replaced only when the new one is complete
 * @param values rows x columns floats, row-major; NaN and infinite values are written as they are.
 *               NULL only if there are none
 * @param rows may be 0
 * @param columns the array's shape is (rows, columns); 0: it is (rows,), and there are rows values
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, sizes that overflow); AE_ERROR_NOT_FOUND (no
 *         such folder); AE_ERROR_NO_SPACE; AE_ERROR_IO; AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_npy_write(const char *path, const float *values, size_t rows,
                                         size_t columns);

/**
 * Write float32 values as a CSV file (RFC 4180, but lines end in LF): one line per row, commas
 * between values, a decimal point whatever the locale, as few digits as read back the same float32.
 * NaN and infinite values are written nan, inf and -inf.
 *
 * @param path file name; an existing file is replaced only when the new one is complete
 * @param values rows x columns floats, row-major; NULL only if there are none
 * @param rows may be 0
 * @param columns 0 and 1 both mean one
 * @param names NULL for no header, or columns strings, quoted where they must be
 * @return as ae_npy_write, and AE_ERROR_INVALID_ARGUMENT for a name that is NULL
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_csv_write(const char *path, const float *values, size_t rows,
                                         size_t columns, const char *const *names);

/**
 * What a session computes of a dataset's rows.
 * @since 0.1
 */
typedef enum ae_output {
    AE_OUTPUT_DEFAULT = 0,         /**< AE_OUTPUT_CODES */
    AE_OUTPUT_CODES = 1,           /**< ae_session_encode: code width columns */
    AE_OUTPUT_RECONSTRUCTIONS = 2, /**< ae_session_reconstruct: input width columns */
    AE_OUTPUT_SCORES = 3,          /**< ae_session_score: one column; NPY of shape (rows,) */
    AE_OUTPUT_CONTRIBUTIONS = 4    /**< ae_session_score's contributions: input width columns */
} ae_output;

/**
 * What to save. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_output_options {
    size_t size;      /**< sizeof(ae_output_options); AE_OUTPUT_OPTIONS fills it in */
    ae_output output; /**< default AE_OUTPUT_CODES */
    ae_cost cost;     /**< of scores and contributions; default AE_COST_L2 */
    /** of scores and contributions; default: scaled where the network has a scaling */
    ae_score_units units;
    uint32_t reserved; /**< must be 0 */
} ae_output_options;

/** Options in place: AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES). C only; C++ calls
 * ae_output_options_init. */
#define AE_OUTPUT_OPTIONS(...) \
    (&(ae_output_options){.size = sizeof(ae_output_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_output_options_init(ae_output_options *options);

/**
 * Run a session over all rows of a dataset and save the results, row by row in the dataset's order,
 * as NPY. Rows are read in pieces of the session's max_batch, so neither the rows nor the results
 * have to fit into memory.
 *
 * @param session does the work
 * @param dataset rows as wide as the network's input
 * @param path file name
 * @param options NULL for the codes
 * @return as ae_npy_write and ae_session_score, and AE_ERROR_SHAPE when network and dataset differ
 *         in width, AE_ERROR_UNSUPPORTED when options->reserved is not 0
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_save_npy(ae_session *session, const ae_dataset *dataset,
                                                const char *path, const ae_output_options *options);

/**
 * The same as CSV with a header. Columns of codes are named code_0, code_1, ...; that of scores is
 * named score; those of reconstructions and contributions have the dataset's column names, or
 * feature_0, feature_1, ...
 *
 * @param session does the work
 * @param dataset rows as wide as the network's input
 * @param path file name
 * @param options NULL for the codes
 * @return as ae_session_save_npy
 * Thread safety: uses session, reads dataset.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_session_save_csv(ae_session *session, const ae_dataset *dataset,
                                                const char *path, const ae_output_options *options);

AE_END_DECLS

#endif
