/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: their life, their memory and their calls, each a number of passes (pass.c). In float32
 * the weights stay the network's own, shared by every session, so a session costs only its scratch.
 */
#include "model/session_internal.h"

#include "base/error.h"
#include "base/options.h"
#include "model/cost.h"
#include "model/fill.h"
#include "model/panels.h"
#include "model/pass.h"

#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_session_options)

/* Beside the float32 arrays, not instead of them: the epilogue works in float32, and costs compare
 * with the input as it came. */
static void lay_out_pairs(ae_session *s, size_t floats)
{
    s->bf16_input = aei_arena_take(&s->arena, floats, sizeof *s->bf16_input);
    for (size_t i = 0; i < 2; i++)
        s->bf16_buffers[i] = aei_arena_take(&s->arena, floats, sizeof *s->bf16_input);
}

/*
 * Two buffers take turns, because a layer reads the one before and nobody reads further back. The
 * input has an array of its own: after the last layer it is compared with the output. All are made
 * for the widest layer and the largest pass, so that no call allocates. Called twice, as aei_arena
 * wants it.
 */
static void lay_out(ae_session *s)
{
    const ae_network *n = s->network;
    const size_t panel = n->kernels->panel, rows = s->max_batch;
    const size_t ends = aei_panels(panel, n->widths[0]),
                 widest = aei_panels(panel, n->widest) * panel *
                          rows; /* a code may be the widest */
    aei_arena *arena = &s->arena;
    size_t features = 0;
    s->queues = aei_arena_take(arena, (n->depth + 1) * s->threads, sizeof *s->queues);
    s->offsets = aei_arena_take(arena, n->depth, sizeof *s->offsets);
    for (size_t l = 0; l < n->depth; l++) {
        if (s->offsets != NULL)
            s->offsets[l] = features;
        features += n->layers[l].panels * panel;
    }
    s->scale = aei_arena_take(arena, features, sizeof(float));
    s->shift = aei_arena_take(arena, features, sizeof(float));
    s->input = aei_arena_take(arena, widest, sizeof(float));
    for (size_t i = 0; i < 2; i++)
        s->buffers[i] = aei_arena_take(arena, widest, sizeof(float));
    s->square_sums = aei_arena_take(arena, ends * rows, sizeof(float));
    s->entropy_sums = aei_arena_take(arena, ends * rows, sizeof(float));
    s->present = aei_arena_take(arena, ends * rows, sizeof(float));
    s->masked = aei_arena_take(arena, s->threads * 2 * rows, panel * sizeof(float));
    if (s->bf16)
        aei_bf16_weights_lay_out(&s->bf16_weights, arena, n, s->threads);
    if (s->bf16_weights.pairs != NULL)
        lay_out_pairs(s, widest);
    s->packed = aei_arena_take(arena, s->threads, sizeof *s->packed);
    for (size_t t = 0; t < s->threads && n->kernels->pack != NULL; t++) {
        float *packed = aei_arena_take(arena, n->kernels->pack_floats(rows, n->widest),
                                       sizeof(float));
        if (s->packed != NULL)
            s->packed[t] = packed;
    }
}

static ae_status check_options(const ae_session_options *o)
{
    if (o->max_batch > AEI_PASS_ROWS)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "max_batch %zu is over %d; a call takes any number of rows", o->max_batch,
                        AEI_PASS_ROWS);
    AE_TRY(aei_check_most(o->threads, AEI_THREADS_MAX, "threads"));
    AE_TRY(aei_check_enum((int)o->precision, AE_PRECISION_BF16, "precision", "ae_precision"));
    return aei_check_reserved(o->reserved, "ae_session_options");
}

/* A trainer hands its own team over, which has nothing to do between two steps: a second team would
 * double the threads. */
ae_status aei_session_create(ae_session **session, const ae_network *network,
                             const ae_session_options *options, aei_team *team)
{
    ae_session_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_session_options"));
    AE_TRY(check_options(&o));
    ae_session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return aei_fail_memory(sizeof *s);
    ae_status status = AE_OK;
    s->network = network;
    s->max_batch = o.max_batch == 0 ? AEI_PASS_ROWS : o.max_batch;
    s->bf16 = o.precision == AE_PRECISION_BF16;
    s->bf16_weights.pairs = s->bf16 ? aei_bf16_kernels_find(network->kernels) : NULL;
    s->team = team;
    if (team == NULL) {
        AE_CHECK(aei_team_create(&s->team, o.threads == 0 ? 1 : o.threads));
        s->owns_team = true;
    }
    s->threads = aei_team_threads(s->team);
    lay_out(s);
    AE_CHECK(aei_arena_allocate(&s->arena));
    lay_out(s);
    *session = s;
    return AE_OK;
cleanup:
    ae_session_free(s);
    return status;
}

ae_status ae_session_create(ae_session **session, const ae_network *network,
                            const ae_session_options *options)
{
    AE_REQUIRE(session);
    AE_REQUIRE(network);
    return aei_session_create(session, network, options, NULL);
}

void ae_session_free(ae_session *session)
{
    if (session == NULL)
        return;
    if (session->owns_team)
        aei_team_free(session->team);
    aei_arena_free(&session->arena);
    free(session);
}

const ae_network *aei_session_network(const ae_session *session)
{
    return session->network;
}

bool aei_session_is_bf16(const ae_session *session)
{
    return session->bf16;
}

size_t aei_session_memory(const ae_session *session)
{
    return session->arena.size;
}

size_t aei_session_max_batch(const ae_session *session)
{
    return session->max_batch;
}

/* The caller's rows or codes. */
typedef struct matrix {
    const float *values;
    size_t width;
} matrix;

/* A caller's rows follow each other in memory, so they need no numbers. */
static void gather_matrix(const void *source, const uint32_t *numbers, size_t row_count,
                          size_t first, size_t count, float *out, size_t stride)
{
    const matrix *from = source;
    (void)numbers;
    for (size_t r = 0; r < row_count; r++)
        memcpy(out + r * stride, from->values + r * from->width + first, count * sizeof *out);
}

/*
 * Run a pass for all rows of a call, in as few pieces as max_batch allows and as even as can be: a
 * short last piece would keep the threads less busy.
 */
static ae_status run_rows(ae_session *s, aei_pass pass, const float *in, size_t count)
{
    const size_t *widths = s->network->widths;
    matrix from = {in, widths[pass.first]};
    pass.gather = gather_matrix;
    pass.source = &from;
    for (size_t left = count; left > 0; left -= pass.rows) {
        pass.rows = left / aei_panels(s->max_batch, left);
        AE_TRY(aei_pass_run(s, &pass));
        from.values += pass.rows * from.width;
        if (pass.out != NULL)
            pass.out += pass.rows * widths[pass.last];
        if (pass.scores != NULL)
            pass.scores += pass.rows;
        if (pass.contributions != NULL)
            pass.contributions += pass.rows * widths[0];
    }
    return AE_OK;
}

/* Without `unscaled`: codes have no units, and the search for dead units feeds each output to the
 * next layer. */
ae_status aei_session_layers(ae_session *session, size_t first, size_t last, const float *in,
                             size_t count, float *out)
{
    return run_rows(session, (aei_pass){.first = first, .last = last, .out = out}, in, count);
}

/* Refuse a NULL by its name; a call for no rows needs no arrays. A macro, because AE_REQUIRE names
 * the function that it stands in. */
#define REQUIRE_ROWS(session, count, in, out) \
    do {                                      \
        AE_REQUIRE(session);                  \
        if ((count) > 0) {                    \
            AE_REQUIRE(in);                   \
            AE_REQUIRE(out);                  \
        }                                     \
    } while (0)

ae_status ae_session_encode(ae_session *session, const float *rows, size_t count, float *codes)
{
    REQUIRE_ROWS(session, count, rows, codes);
    return aei_session_layers(session, 0, session->network->encoder_layers, rows, count, codes);
}

ae_status ae_session_decode(ae_session *session, const float *codes, size_t count,
                            float *reconstructions)
{
    REQUIRE_ROWS(session, count, codes, reconstructions);
    const aei_pass pass = {.first = session->network->encoder_layers,
                           .last = session->network->depth,
                           .out = reconstructions,
                           .unscaled = true};
    return run_rows(session, pass, codes, count);
}

/* Checked here too, so that an error names this function and not ae_session_forward. */
ae_status ae_session_reconstruct(ae_session *session, const float *rows, size_t count,
                                 float *reconstructions)
{
    REQUIRE_ROWS(session, count, rows, reconstructions);
    return ae_session_forward(session, rows, count, session->network->depth - 1, reconstructions);
}

/* Only the last layer has the caller's units; a hidden layer's outputs have none. */
ae_status ae_session_forward(ae_session *session, const float *rows, size_t count, size_t layer,
                             float *outputs)
{
    REQUIRE_ROWS(session, count, rows, outputs);
    const size_t depth = session->network->depth;
    if (layer >= depth)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "layer %zu: the network has layers 0 to %zu",
                        layer, depth - 1);
    const aei_pass pass = {.last = layer + 1, .out = outputs, .unscaled = layer + 1 == depth};
    return run_rows(session, pass, rows, count);
}

/* In the order of panels and in float64, whoever computed them: the sum depends on no thread. */
static double add_panels(const float *sums, size_t panels, size_t rows, size_t row)
{
    double sum = 0;
    for (size_t p = 0; p < panels; p++)
        sum += (double)sums[p * rows + row];
    return sum;
}

void aei_session_weigh(ae_session *session, const float *feature_weights)
{
    session->feature_weights = feature_weights;
}

ae_status aei_session_costs(ae_session *s, aei_gather gather, const void *source,
                            const uint32_t *rows, size_t row_count, ae_score_units units,
                            double *squares, double *entropies)
{
    const aei_pass pass = {
        .last = s->network->depth,
        .rows = row_count,
        .gather = gather,
        .source = source,
        .numbers = rows,
        .squares = true,
        .entropies = entropies != NULL,
        .unscaled = units != AE_SCORE_UNITS_SCALED,
        .spread = units == AE_SCORE_UNITS_SPREAD ? aei_network_error_spread(s->network) : NULL};
    AE_TRY(aei_pass_run(s, &pass));
    const size_t panel = s->network->kernels->panel, features = s->network->widths[0],
                 panels = aei_panels(panel, features);
    const aei_there there = {s->present, panels,
                             aei_sum_weights(features, panel, s->feature_weights)};
    for (size_t r = 0; r < row_count; r++) {
        const double weight = s->network->fill == NULL ? 1
                                                       : aei_missing_weight(&there, row_count, r);
        squares[r] = weight * add_panels(s->square_sums, panels, row_count, r);
        if (entropies != NULL)
            entropies[r] = weight * add_panels(s->entropy_sums, panels, row_count, r);
    }
    return AE_OK;
}

/* Cross-entropy is of probabilities, which scaled values are; distances are in the caller's
 * units. */
ae_status ae_session_score(ae_session *session, const float *rows, size_t count, float *scores,
                           float *contributions, const ae_score_options *options)
{
    REQUIRE_ROWS(session, count, rows, scores);
    aei_score_form form;
    const float *spread;
    AE_TRY(aei_score_form_read(&form, &spread, session->network, options));
    const aei_pass pass = {.last = session->network->depth,
                           .unscaled = form.units != AE_SCORE_UNITS_SCALED,
                           .spread = spread,
                           .cost = form.cost,
                           .scores = scores,
                           .contributions = contributions};
    return run_rows(session, pass, rows, count);
}
