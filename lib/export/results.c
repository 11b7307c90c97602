/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's results over a whole dataset, piece by piece into memory or into a table's file. */
#include <libae/results.h>

#include "base/error.h"
#include "base/options.h"
#include "data/dataset_internal.h"
#include "format/table.h"
#include "model/session_internal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

AEI_OPTIONS_INIT(ae_output_options)

/* Where the results of row 0 go. */
typedef struct sink {
    ae_session *session;
    const ae_score_options *options;
    size_t layer, columns; /* whose output is wanted; values of a row */
    float *values, *scores;
    unsigned char *flags;
} sink;

/* Compute the results of a piece of the dataset that starts with row `first`. */
typedef ae_status (*work)(const void *context, const float *rows, size_t first, size_t count);

static ae_status forward(const void *context, const float *rows, size_t first, size_t count)
{
    const sink *to = context;
    return ae_session_forward(to->session, rows, count, to->layer,
                              to->values + first * to->columns);
}

static ae_status score(const void *context, const float *rows, size_t first, size_t count)
{
    const sink *to = context;
    return ae_session_score(to->session, rows, count, to->scores + first,
                            to->values == NULL ? NULL : to->values + first * to->columns,
                            to->options);
}

/* Without scores the caller's array stays NULL all the way: detecting needs none. */
static ae_status detect(const void *context, const float *rows, size_t first, size_t count)
{
    const sink *to = context;
    return ae_session_detect(to->session, rows, count, to->flags + first,
                             to->scores == NULL ? NULL : to->scores + first);
}

static ae_status check(const ae_session *session, const ae_dataset *dataset)
{
    const aei_columns_info columns = aei_dataset_columns(dataset);
    return aei_network_check_columns(aei_session_network(session), &columns, "dataset");
}

/* In pieces of one pass: the rows stay in the caches between reading and computing. The one loop
 * over a dataset: whatever is wanted of its rows is a function of `work`. Memory is one piece of
 * rows, however many the dataset has. */
static ae_status for_each_piece(ae_session *session, const ae_dataset *dataset, work compute,
                                const void *context)
{
    const size_t all = ae_dataset_row_count(dataset), features = ae_dataset_feature_count(dataset),
                 piece = aei_session_max_batch(session);
    AE_TRY(check(session, dataset));
    AE_TRY(
        aei_dataset_check_missing(dataset, aei_session_network(session)->fill != NULL, "dataset"));
    float *rows = malloc(piece * features * sizeof *rows);
    if (rows == NULL)
        return aei_fail_memory(piece * features * sizeof *rows);
    ae_status status = AE_OK;
    for (size_t first = 0; first < all; first += piece) {
        const size_t count = all - first < piece ? all - first : piece;
        AE_CHECK(ae_dataset_read(dataset, first, count, rows));
        AE_CHECK(compute(context, rows, first, count));
    }
cleanup:
    free(rows);
    return status;
}

/* --- into memory */

/* The code and the reconstruction are both outputs of a layer: the encoder's last and the last. */
static ae_status run_layers(ae_session *session, const ae_dataset *dataset, size_t count,
                            float *out)
{
    const sink to = {.session = session,
                     .layer = count - 1,
                     .columns = aei_session_network(session)->widths[count],
                     .values = out};
    return for_each_piece(session, dataset, forward, &to);
}

ae_status ae_session_encode_dataset(ae_session *session, const ae_dataset *dataset, float *codes)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(codes);
    return run_layers(session, dataset, aei_session_network(session)->encoder_layers, codes);
}

ae_status ae_session_reconstruct_dataset(ae_session *session, const ae_dataset *dataset,
                                         float *reconstructions)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(reconstructions);
    return run_layers(session, dataset, aei_session_network(session)->depth, reconstructions);
}

ae_status ae_session_score_dataset(ae_session *session, const ae_dataset *dataset, float *scores,
                                   float *contributions, const ae_score_options *options)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(scores);
    const sink to = {.session = session,
                     .options = options,
                     .columns = ae_dataset_feature_count(dataset),
                     .values = contributions,
                     .scores = scores};
    return for_each_piece(session, dataset, score, &to);
}

ae_status ae_session_detect_dataset(ae_session *session, const ae_dataset *dataset,
                                    unsigned char *flags, float *scores)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(flags);
    const sink to = {.session = session, .scores = scores, .flags = flags};
    return for_each_piece(session, dataset, detect, &to);
}

/* --- into files */

/* A file takes one piece after another, so each piece's results go where the first one's went. */
typedef struct file_sink {
    sink piece;
    const ae_dataset *dataset;
    ae_output output;
    const float *results;
    aei_table *table;
} file_sink;

/* The order of ae_output is relied on: codes and reconstructions are layers' outputs, what follows
 * comes from scores. */
static ae_status save_piece(const void *context, const float *rows, size_t first, size_t count)
{
    const file_sink *to = context;
    (void)first;
    AE_TRY((to->output < AE_OUTPUT_SCORES ? forward : score)(&to->piece, rows, 0, count));
    return aei_table_write(to->table, to->results, count);
}

/* Columns keep the dataset's names where they have features, so that a result lies beside its data;
 * a code's units have no names. */
static const char *column_name(const void *context, size_t column, char room[AEI_COLUMN_NAME])
{
    const file_sink *to = context;
    const bool codes = to->output == AE_OUTPUT_CODES;
    if (to->output == AE_OUTPUT_SCORES)
        return "score";
    const char *name = codes ? NULL : ae_dataset_column_name(to->dataset, column);
    if (name != NULL)
        return name;
    (void)snprintf(room, AEI_COLUMN_NAME, "%s_%zu", codes ? "code" : "feature", column);
    return room;
}

/* A score of no rows checks the cost without computing. The results' array has room for
 * contributions and, behind them, for the scores that come with them. */
static ae_status save(ae_session *session, const ae_dataset *dataset, const char *path,
                      const ae_output_options *options, bool csv)
{
    ae_output_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_output_options"));
    AE_TRY(aei_check_enum((int)o.output, AE_OUTPUT_CONTRIBUTIONS, "output", "ae_output"));
    AE_TRY(aei_check_reserved(o.reserved, "ae_output_options"));
    o.output = o.output == AE_OUTPUT_DEFAULT ? AE_OUTPUT_CODES : o.output;
    const ae_network *network = aei_session_network(session);
    const ae_score_options score_options = {
        .size = sizeof score_options, .cost = o.cost, .units = o.units};
    /* What the width and the cost ask for is found out before there is a file. */
    AE_TRY(check(session, dataset));
    if (o.output >= AE_OUTPUT_SCORES)
        AE_TRY(ae_session_score(session, NULL, 0, NULL, NULL, &score_options));
    const bool scores = o.output == AE_OUTPUT_SCORES;
    const size_t layers = o.output == AE_OUTPUT_CODES ? network->encoder_layers : network->depth,
                 columns = scores ? 1 : network->widths[layers],
                 rows = aei_session_max_batch(session);
    float *results = malloc(rows * (columns + 1) * sizeof *results);
    if (results == NULL)
        return aei_fail_memory(rows * (columns + 1) * sizeof *results);
    file_sink to = {.piece = {.session = session,
                              .options = &score_options,
                              .layer = layers - 1,
                              .columns = columns,
                              .values = scores ? NULL : results,
                              .scores = scores ? results : results + rows * columns},
                    .dataset = dataset,
                    .output = o.output,
                    .results = results};
    ae_status status;
    AE_CHECK(csv ? aei_table_create_csv(&to.table, path, columns, column_name, &to)
                 : aei_table_create_npy(&to.table, path, ae_dataset_row_count(dataset),
                                        scores ? 0 : columns));
    status = aei_table_close(to.table, for_each_piece(session, dataset, save_piece, &to));
cleanup:
    free(results);
    return status;
}

ae_status ae_session_save_npy(ae_session *session, const ae_dataset *dataset, const char *path,
                              const ae_output_options *options)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    return save(session, dataset, path, options, false);
}

ae_status ae_session_save_csv(ae_session *session, const ae_dataset *dataset, const char *path,
                              const ae_output_options *options)
{
    AE_REQUIRE(session);
    AE_REQUIRE(dataset);
    AE_REQUIRE(path);
    return save(session, dataset, path, options, true);
}

/* --- arrays of the caller's */

/* columns 0 stands for a plain list of numbers, as an NPY file of one dimension has them. */
static ae_status check_array(const float *values, size_t rows, size_t columns)
{
    if (rows > PTRDIFF_MAX / sizeof *values / (columns == 0 ? 1 : columns))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%zu x %zu values overflow the address space",
                        rows, columns);
    if (rows > 0)
        AE_REQUIRE(values);
    return AE_OK;
}

ae_status ae_npy_write(const char *path, const float *values, size_t rows, size_t columns)
{
    AE_REQUIRE(path);
    AE_TRY(check_array(values, rows, columns));
    /* Closing reports what writing met, and removes the file then: a table is whole or not
     * there. */
    aei_table *table;
    AE_TRY(aei_table_create_npy(&table, path, rows, columns));
    return aei_table_close(table, aei_table_write(table, values, rows));
}

static const char *given_name(const void *context, size_t column, char room[AEI_COLUMN_NAME])
{
    (void)room;
    return ((const char *const *)context)[column];
}

ae_status ae_csv_write(const char *path, const float *values, size_t rows, size_t columns,
                       const char *const *names)
{
    AE_REQUIRE(path);
    AE_TRY(check_array(values, rows, columns));
    for (size_t i = 0; names != NULL && i < (columns == 0 ? 1 : columns); i++)
        if (names[i] == NULL)
            return aei_fail(AE_ERROR_INVALID_ARGUMENT, "names[%zu] is NULL", i);
    aei_table *table;
    AE_TRY(aei_table_create_csv(&table, path, columns, names == NULL ? NULL : given_name, names));
    return aei_table_close(table, aei_table_write(table, values, rows));
}
