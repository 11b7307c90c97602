/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's results over a whole dataset, piece by piece into a table. */
#include <libae/results.h>

#include "base/error.h"
#include "base/options.h"
#include "format/table.h"
#include "model/session_internal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct plan {
    ae_session *session;
    const ae_dataset *dataset;
    ae_output_options options; /* defaults resolved */
    size_t features, columns;
    size_t piece; /* rows at a time */
    float *rows, *results, *scores;
} plan;

AEI_OPTIONS_INIT(ae_output_options)

static ae_status make_plan(plan *p, ae_session *session, const ae_dataset *dataset,
                           const ae_output_options *options)
{
    const ae_network *network = aei_session_network(session);
    ae_output_options *o = &p->options;
    AE_TRY(aei_options_read(o, sizeof *o, options, "ae_output_options"));
    if ((int)o->output < AE_OUTPUT_DEFAULT || (int)o->output > AE_OUTPUT_CONTRIBUTIONS)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "output is %d, not an ae_output",
                        (int)o->output);
    o->output = o->output == AE_OUTPUT_DEFAULT ? AE_OUTPUT_CODES : o->output;
    p->session = session;
    p->dataset = dataset;
    p->features = ae_dataset_feature_count(dataset);
    if (p->features != ae_network_input_width(network))
        return aei_fail(AE_ERROR_SHAPE, "dataset: rows of %zu features, but the network takes %zu",
                        p->features, ae_network_input_width(network));
    p->columns = o->output == AE_OUTPUT_CODES    ? ae_network_code_width(network)
                 : o->output == AE_OUTPUT_SCORES ? 1
                                                 : p->features;
    p->piece = aei_session_max_batch(session);
    const size_t floats = p->piece * (p->features + p->columns + 1);
    p->rows = malloc(floats * sizeof *p->rows);
    if (p->rows == NULL)
        return aei_fail_memory(floats * sizeof *p->rows);
    p->results = p->rows + p->piece * p->features;
    p->scores = p->results + p->piece * p->columns;
    /* What the cost asks of the network is found out before there is a file. */
    return o->output < AE_OUTPUT_SCORES ? AE_OK
                                        : ae_session_score(session, o->cost, NULL, 0, NULL, NULL);
}

static ae_status run_piece(const plan *p, size_t count)
{
    switch (p->options.output) {
    case AE_OUTPUT_RECONSTRUCTIONS:
        return ae_session_reconstruct(p->session, p->rows, count, p->results);
    case AE_OUTPUT_SCORES:
        return ae_session_score(p->session, p->options.cost, p->rows, count, p->results, NULL);
    case AE_OUTPUT_CONTRIBUTIONS:
        return ae_session_score(p->session, p->options.cost, p->rows, count, p->scores, p->results);
    default:
        return ae_session_encode(p->session, p->rows, count, p->results);
    }
}

static ae_status fill(const plan *p, aei_table *table)
{
    const size_t rows = ae_dataset_row_count(p->dataset);
    for (size_t done = 0; done < rows; done += p->piece) {
        const size_t count = rows - done < p->piece ? rows - done : p->piece;
        AE_TRY(ae_dataset_read(p->dataset, done, count, p->rows));
        AE_TRY(run_piece(p, count));
        AE_TRY(aei_table_write(table, p->results, count));
    }
    return AE_OK;
}

static const char *column_name(const void *context, size_t column, char room[AEI_COLUMN_NAME])
{
    const plan *p = context;
    const bool codes = p->options.output == AE_OUTPUT_CODES;
    if (p->options.output == AE_OUTPUT_SCORES)
        return "score";
    const char *name = codes ? NULL : ae_dataset_column_name(p->dataset, column);
    if (name != NULL)
        return name;
    (void)snprintf(room, AEI_COLUMN_NAME, "%s_%zu", codes ? "code" : "feature", column);
    return room;
}

static ae_status save(ae_session *session, const ae_dataset *dataset, const char *path,
                      const ae_output_options *options, bool csv)
{
    plan p = {0};
    aei_table *table;
    ae_status status;
    AE_CHECK(make_plan(&p, session, dataset, options));
    AE_CHECK(csv ? aei_table_create_csv(&table, path, p.columns, column_name, &p)
                 : aei_table_create_npy(&table, path, ae_dataset_row_count(dataset),
                                        p.options.output == AE_OUTPUT_SCORES ? 0 : p.columns));
    status = aei_table_close(table, fill(&p, table));
cleanup:
    free(p.rows);
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
