/* SPDX-License-Identifier: BSD-3-Clause */
/* Inference: encoding and decoding make the whole, batches and threads and neighbours leave no
 * trace, changes are seen. */
#include "fixtures.h"
#include "model/session_internal.h"
#include "suites.h"

#include <pthread.h>

static const size_t widths[] = {37, 65, 33, 5, 33, 65, 37};
enum { ROWS = 43, WIDTH = 37, CODE = 5 };

/* A network whose running statistics, gamma and beta are as uneven as after training. */
static ae_network *uneven_network(const char *kernels, ae_toggle batch_norm, ae_activation output)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .seed = 3,
                           .batch_norm = batch_norm, .output_activation = output,
                           .kernels = kernels));
    fixture_set_vectors(network, 0.25f, 0);
    return network;
}

static ae_session *session_of(const ae_network *network, size_t max_batch, size_t threads)
{
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network,
                                   AE_SESSION_OPTIONS(.max_batch = max_batch, .threads = threads)));
    return session;
}

/* Test number: kernels, with batch normalisation or without. */
#define CASE_KERNELS(number) (ae_kernels_name((size_t)(number) / 2))
#define CASE_NORM(number) ((number) % 2 == 0 ? AE_TOGGLE_ON : AE_TOGGLE_OFF)

START_TEST(encoding_and_decoding_are_reconstructing)
{
    ae_network *network = uneven_network(CASE_KERNELS(_i), CASE_NORM(_i), AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(network, 16, 1);
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float codes[ROWS * CODE], by_code[ROWS * WIDTH], whole[ROWS * WIDTH];
    ck_assert_ok(ae_session_encode(session, rows, ROWS, codes));
    ck_assert_ok(ae_session_decode(session, codes, ROWS, by_code));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, whole));
    ck_assert_mem_eq(by_code, whole, sizeof whole);
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

/* Layer by layer, from the rows to the reconstruction in the caller's units. */
START_TEST(any_layers_output_is_what_the_next_one_reads)
{
    ae_network *network = uneven_network(CASE_KERNELS(_i), CASE_NORM(_i), AE_ACTIVATION_LINEAR);
    float *offset = fixture_values(WIDTH, -5, 5, 2), *scale = fixture_values(WIDTH, 0.5f, 4, 3);
    ck_assert_ok(ae_network_set_scaling(network, offset, scale));
    ae_session *session = session_of(network, 16, 2);
    float *rows = fixture_values(ROWS * WIDTH, -5, 5, 1);
    float at[ROWS * 65], next[ROWS * 65], whole[ROWS * WIDTH];
    const size_t depth = ae_network_layer_count(network);
    for (size_t l = 0; l + 1 < depth; l++) {
        ck_assert_ok(ae_session_forward(session, rows, ROWS, l, at));
        ck_assert_ok(ae_session_forward(session, rows, ROWS, l + 1, next));
        const size_t width = widths[l + 2];
        float *ours = fixture_allocate(ROWS * width, sizeof *ours);
        ck_assert_ok(aei_session_layers(session, l + 1, l + 2, at, ROWS, ours));
        for (size_t i = 0; l + 2 == depth && i < ROWS * WIDTH; i++)
            ours[i] = offset[i % WIDTH] + scale[i % WIDTH] * ours[i];
        ck_assert_mem_eq(ours, next, ROWS * width * sizeof *ours);
        free(ours);
    }
    ck_assert_ok(ae_session_encode(session, rows, ROWS, next));
    ck_assert_ok(ae_session_forward(session, rows, ROWS, 2, at));
    ck_assert_mem_eq(at, next, ROWS * CODE * sizeof *at);
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, whole));
    ck_assert_ok(ae_session_forward(session, rows, ROWS, depth - 1, at));
    ck_assert_mem_eq(at, whole, sizeof whole);
    free(rows), free(scale), free(offset);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

/* The nearest bfloat16, ties to even, of numbers that are. */
static float nearest_bfloat16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* A copy of a network whose weights are rounded. */
static ae_network *rounded_copy(const ae_network *network)
{
    ae_network *copy = NULL;
    ck_assert_ok(ae_network_clone(&copy, network));
    for (size_t i = 0; i < ae_network_tensor_count(copy); i++) {
        const ae_tensor_info info = fixture_tensor(copy, i);
        if (info.rank != 2)
            continue;
        float *values = fixture_allocate(info.count, sizeof *values);
        ck_assert_ok(ae_network_get_tensor(copy, info.name, values, info.count));
        for (size_t j = 0; j < info.count; j++)
            values[j] = nearest_bfloat16(values[j]);
        ck_assert_ok(ae_network_set_tensor(copy, info.name, values, info.count));
        free(values);
    }
    return copy;
}

START_TEST(a_bfloat16_session_is_one_of_the_network_with_rounded_weights)
{
    ae_network *network = uneven_network(CASE_KERNELS(_i), CASE_NORM(_i), AE_ACTIVATION_SIGMOID);
    ae_session *low = NULL, *full = session_of(network, 16, 1);
    ck_assert_ok(ae_session_create(
        &low, network,
        AE_SESSION_OPTIONS(.max_batch = 16, .threads = 2, .precision = AE_PRECISION_BF16)));
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float ours[ROWS * WIDTH], theirs[ROWS * WIDTH], exact[ROWS * WIDTH];
    /* Products of pairs add up in another order, and round activations as well. */
    const bool pairs = aei_bf16_kernels_find(network->kernels) != NULL;
    for (int change = 0; change < 2;
         change++) { /* a change of the network reaches the session's own copy, too */
        ae_network *rounded = rounded_copy(network);
        ae_session *reference = session_of(rounded, 16, 1);
        ck_assert_ok(ae_session_reconstruct(low, rows, ROWS, ours));
        ck_assert_ok(ae_session_reconstruct(reference, rows, ROWS, theirs));
        ck_assert_ok(ae_session_reconstruct(full, rows, ROWS, exact));
        for (size_t j = 0; j < COUNT(ours); j++)
            ck_assert_float_le(fabsf(ours[j] - theirs[j]), pairs ? 0.02f : 0);
        ck_assert_mem_ne(ours, exact, sizeof ours);
        ae_session_free(reference);
        ae_network_free(rounded);
        float *weights = fixture_values(65 * WIDTH, -0.3f, 0.3f, 17);
        ck_assert_ok(ae_network_set_tensor(network, "encoder.0.weight", weights, 65 * WIDTH));
        free(weights);
    }
    free(rows);
    ae_session_free(low), ae_session_free(full);
    ae_network_free(network);
}
END_TEST

/* An overcomplete code: wider than anything that goes in. */
START_TEST(a_code_may_be_wider_than_the_input)
{
    static const size_t wide[] = {10, 20, 200, 20, 10};
    ae_network *network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = wide,
                                                                  .width_count = COUNT(wide),
                                                                  .encoder_layers = 2, .seed = 3));
    ae_session *session = session_of(network, 8, 1);
    float *rows = fixture_values(ROWS * 10, 0, 1, 1);
    float codes[ROWS * 200], by_code[ROWS * 10], whole[ROWS * 10];
    ck_assert_ok(ae_session_encode(session, rows, ROWS, codes));
    ck_assert_ok(ae_session_decode(session, codes, ROWS, by_code));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, whole));
    ck_assert_mem_eq(by_code, whole, sizeof whole);
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(any_batch_and_any_number_of_threads_gives_the_same_bits)
{
    static const struct {
        size_t max_batch, threads;
    } cases[] = {{0, 1},        {1, 1},   {2, 1}, {7, 1},   {ROWS, 1},
                 {ROWS - 1, 2}, {128, 2}, {5, 3}, {128, 4}, {128, 7}};
    ae_network *network = uneven_network(CASE_KERNELS(_i), CASE_NORM(_i), AE_ACTIVATION_SIGMOID);
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float codes[2][ROWS * CODE], outputs[2][ROWS * WIDTH], scores[2][ROWS],
        contributions[2][ROWS * WIDTH];
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t at = i == 0 ? 0 : 1;
        ae_session *session = session_of(network, cases[i].max_batch, cases[i].threads);
        ck_assert_ok(ae_session_encode(session, rows, ROWS, codes[at]));
        ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, outputs[at]));
        ck_assert_ok(ae_session_score(session, rows, ROWS, scores[at], contributions[at], NULL));
        ae_session_free(session);
        if (i == 0)
            continue;
        ck_assert_mem_eq(codes[0], codes[1], sizeof codes[0]);
        ck_assert_mem_eq(outputs[0], outputs[1], sizeof outputs[0]);
        ck_assert_mem_eq(scores[0], scores[1], sizeof scores[0]);
        ck_assert_mem_eq(contributions[0], contributions[1], sizeof contributions[0]);
    }
    free(rows);
    ae_network_free(network);
}
END_TEST

START_TEST(a_row_does_not_feel_its_neighbours)
{
    ae_network *network = uneven_network(CASE_KERNELS(_i), CASE_NORM(_i), AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(network, 64, 2);
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float clean[ROWS * WIDTH], corrupted[ROWS * WIDTH], alone[WIDTH], clean_scores[ROWS],
        scores[ROWS];
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, clean));
    ck_assert_ok(ae_session_score(session, rows, ROWS, clean_scores, NULL, NULL));
    ck_assert_ok(ae_session_reconstruct(session, rows + 20 * WIDTH, 1, alone));
    ck_assert_mem_eq(alone, clean + 20 * WIDTH, sizeof alone);
    for (size_t j = 0; j < WIDTH; j++)
        rows[19 * WIDTH + j] = j % 2 == 0 ? NAN : INFINITY;
    rows[21 * WIDTH + 36] = NAN;
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, corrupted));
    ck_assert_ok(ae_session_score(session, rows, ROWS, scores, NULL, NULL));
    for (size_t r = 0; r < ROWS; r++) {
        const bool bad = r == 19 || r == 21;
        for (size_t j = 0; j < WIDTH; j++) {
            if (bad)
                ck_assert(isnan(corrupted[r * WIDTH + j]));
            else
                ck_assert_float_eq(corrupted[r * WIDTH + j], clean[r * WIDTH + j]);
        }
        ck_assert(bad ? isnan(scores[r]) : scores[r] == clean_scores[r]);
    }
    /* And nothing of it stays behind. */
    ck_assert_ok(ae_session_reconstruct(session, rows, 10, corrupted));
    ck_assert_mem_eq(corrupted, clean, 10 * WIDTH * sizeof *clean);
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(changes_of_the_network_are_seen_by_the_next_call)
{
    ae_network *network = uneven_network(NULL, CASE_NORM(_i), AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(network, 16, 1);
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float before[ROWS * WIDTH], after[ROWS * WIDTH], fresh[ROWS * WIDTH];
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, before));
        /* Small, so that no sigmoid downstream rounds the change away. */
        const float low = support_contains(info.name, "running_var") ? 0.5f : -0.2f;
        float *values = fixture_values(info.count, low, low + 0.4f, 1000 + i);
        ck_assert_ok(ae_network_set_tensor(network, info.name, values, info.count));
        free(values);
        ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, after));
        ck_assert_msg(memcmp(before, after, sizeof before) != 0, "%s", info.name);
        ae_session *another = session_of(network, 16, 1);
        ck_assert_ok(ae_session_reconstruct(another, rows, ROWS, fresh));
        ck_assert_mem_eq(after, fresh, sizeof after);
        ae_session_free(another);
    }
    /* A training step is a change too. */
    ae_dataset *dataset = fixture_dataset_of(rows, ROWS, WIDTH);
    ae_optimizer *optimizer = fixture_adam(0.1f);
    ae_trainer *trainer = fixture_trainer(network, optimizer, dataset, NULL);
    ck_assert_ok(ae_trainer_run_step(trainer, NULL));
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, before));
    ck_assert_mem_ne(before, after, sizeof before);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_dataset_free(dataset);
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

enum { WORKERS = 6, ROUNDS = 20 };

typedef struct worker {
    const ae_network *network;
    const float *rows, *expected;
    size_t max_batch, threads;
    size_t wrong;
} worker;

static void *infer(void *argument)
{
    worker *w = argument;
    float *output = malloc(ROWS * WIDTH * sizeof *output);
    ae_session *session = NULL;
    w->wrong = 1;
    if (output != NULL && ae_session_create(&session, w->network,
                                            AE_SESSION_OPTIONS(.max_batch = w->max_batch,
                                                               .threads = w->threads)) == AE_OK) {
        w->wrong = 0;
        for (size_t i = 0; i < ROUNDS; i++)
            w->wrong += ae_session_reconstruct(session, w->rows, ROWS, output) != AE_OK ||
                        memcmp(output, w->expected, ROWS * WIDTH * sizeof *output) != 0;
    }
    ae_session_free(session);
    free(output);
    return NULL;
}

START_TEST(many_sessions_run_on_one_network_at_once)
{
    ae_network *network = uneven_network(NULL, AE_TOGGLE_ON, AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(network, 128, 1);
    float *rows = fixture_values(ROWS * WIDTH, 0, 1, 1);
    float expected[ROWS * WIDTH];
    ck_assert_ok(ae_session_reconstruct(session, rows, ROWS, expected));
    pthread_t threads[WORKERS];
    worker workers[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i] = (worker){network, rows, expected, 1 + 9 * i, 1 + i % 2, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, infer, &workers[i]), 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    free(rows);
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
    ae_network *network = uneven_network(NULL, AE_TOGGLE_ON, AE_ACTIVATION_TANH);
    ae_session *untouched = (ae_session *)network, *session = untouched;
    ck_assert_status(ae_session_create(NULL, network, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_create(&session, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "network is NULL");
    ck_assert_status(ae_session_create(&session, network, AE_SESSION_OPTIONS(.max_batch = 129)),
                     AE_ERROR_INVALID_ARGUMENT, "max_batch 129");
    ck_assert_status(ae_session_create(&session, network, AE_SESSION_OPTIONS(.threads = 1025)),
                     AE_ERROR_INVALID_ARGUMENT, "threads 1025");
    ck_assert_status(ae_session_create(&session, network, &(ae_session_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "size is 0");
    ck_assert_status(ae_session_create(&session, network, AE_SESSION_OPTIONS(.reserved = 1)),
                     AE_ERROR_UNSUPPORTED, "ae_session_options.reserved");
    ck_assert_status(
        ae_session_create(&session, network, AE_SESSION_OPTIONS(.precision = (ae_precision)3)),
        AE_ERROR_INVALID_ARGUMENT, "precision is 3");
    ck_assert_ptr_eq(session, untouched);
    ae_network_free(network);
}
END_TEST

START_TEST(calls_on_rows_refuse_wrong_arguments)
{
    ae_network *network = uneven_network(NULL, AE_TOGGLE_ON, AE_ACTIVATION_TANH);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    float values[WIDTH] = {0}, result[WIDTH];
    ck_assert_status(ae_session_encode(NULL, values, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_encode(session, NULL, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "rows is NULL");
    ck_assert_status(ae_session_encode(session, values, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "codes is NULL");
    ck_assert_status(ae_session_decode(NULL, values, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_decode(session, NULL, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "codes is NULL");
    ck_assert_status(ae_session_decode(session, values, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "reconstructions is NULL");
    ck_assert_status(ae_session_reconstruct(NULL, values, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_reconstruct(session, NULL, 1, result), AE_ERROR_INVALID_ARGUMENT,
                     "rows is NULL");
    ck_assert_status(ae_session_reconstruct(session, values, 1, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "reconstructions is NULL");
    ck_assert_status(ae_session_forward(NULL, values, 1, 0, result), AE_ERROR_INVALID_ARGUMENT,
                     "session is NULL");
    ck_assert_status(ae_session_forward(session, NULL, 1, 0, result), AE_ERROR_INVALID_ARGUMENT,
                     "rows is NULL");
    ck_assert_status(ae_session_forward(session, values, 1, 0, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "outputs is NULL");
    ck_assert_status(ae_session_forward(session, values, 1, 6, result), AE_ERROR_INVALID_ARGUMENT,
                     "layer 6: the network has layers 0 to 5");
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(scores_refuse_wrong_arguments)
{
    ae_network *network = uneven_network(NULL, AE_TOGGLE_ON, AE_ACTIVATION_TANH);
    ae_session *session = NULL;
    ck_assert_ok(ae_session_create(&session, network, NULL));
    float values[WIDTH] = {0}, result[WIDTH];
    ck_assert_status(ae_session_score(session, values, 1, result, NULL,
                                      AE_SCORE_OPTIONS(.units = (ae_score_units)4)),
                     AE_ERROR_INVALID_ARGUMENT, "units is 4");
    ck_assert_status(ae_session_score(session, values, 1, result, NULL, &(ae_score_options){0}),
                     AE_ERROR_INVALID_ARGUMENT, "ae_score_options.size");
    ck_assert_status(ae_session_score(NULL, values, 1, result, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "session is NULL");
    ck_assert_status(ae_session_score(session, NULL, 1, result, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "rows is NULL");
    ck_assert_status(ae_session_score(session, values, 1, NULL, NULL, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "scores is NULL");
    ck_assert_status(
        ae_session_score(session, values, 1, result, NULL, AE_SCORE_OPTIONS(.cost = (ae_cost)5)),
        AE_ERROR_INVALID_ARGUMENT, "cost is 5");
    ck_assert_status(
        ae_session_score(session, values, 1, result, NULL, AE_SCORE_OPTIONS(.cost = (ae_cost)-1)),
        AE_ERROR_INVALID_ARGUMENT, "cost is -1");
    ck_assert_status(
        ae_session_score(session, values, 1, result, NULL, AE_SCORE_OPTIONS(.cost = AE_COST_BCE)),
        AE_ERROR_INVALID_ARGUMENT, "sigmoid");
    ae_session_free(session);
    ae_network_free(network);
}
END_TEST

START_TEST(no_rows_do_nothing_and_null_is_allowed_where_it_is_promised)
{
    ae_network *network = uneven_network(NULL, AE_TOGGLE_ON, AE_ACTIVATION_SIGMOID);
    ae_session *session = session_of(network, 4, 1);
    ck_assert_ok(ae_session_encode(session, NULL, 0, NULL));
    ck_assert_ok(ae_session_decode(session, NULL, 0, NULL));
    ck_assert_ok(ae_session_reconstruct(session, NULL, 0, NULL));
    ck_assert_ok(ae_session_forward(session, NULL, 0, 1, NULL));
    ck_assert_ok(
        ae_session_score(session, NULL, 0, NULL, NULL, AE_SCORE_OPTIONS(.cost = AE_COST_SSE)));
    ae_session_free(session);
    ae_session_free(NULL);
    ae_session_options_init(NULL);
    ae_score_options_init(NULL);
    ae_session_options options;
    ae_session_options_init(&options);
    ck_assert_uint_eq(options.size, sizeof options);
    ck_assert_uint_eq(options.max_batch, 0);
    ae_network_free(network);
}
END_TEST

Suite *session_suite(void)
{
    Suite *suite = suite_create("session");
    TCase *tcase = tcase_create("session");
    const int kernels = (int)ae_kernels_count();
    tcase_add_loop_test(tcase, encoding_and_decoding_are_reconstructing, 0, 2 * kernels);
    tcase_add_loop_test(tcase, any_layers_output_is_what_the_next_one_reads, 0, 2 * kernels);
    tcase_add_loop_test(tcase, a_bfloat16_session_is_one_of_the_network_with_rounded_weights, 0,
                        2 * kernels);
    tcase_add_test(tcase, a_code_may_be_wider_than_the_input);
    tcase_add_loop_test(tcase, any_batch_and_any_number_of_threads_gives_the_same_bits, 0,
                        2 * kernels);
    tcase_add_loop_test(tcase, a_row_does_not_feel_its_neighbours, 0, 2 * kernels);
    tcase_add_loop_test(tcase, changes_of_the_network_are_seen_by_the_next_call, 0, 2);
    tcase_add_test(tcase, many_sessions_run_on_one_network_at_once);
    tcase_add_test(tcase, options_that_cannot_be_are_refused);
    tcase_add_test(tcase, calls_on_rows_refuse_wrong_arguments);
    tcase_add_test(tcase, scores_refuse_wrong_arguments);
    tcase_add_test(tcase, no_rows_do_nothing_and_null_is_allowed_where_it_is_promised);
    suite_add_tcase(suite, tcase);
    return suite;
}
