/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that are not about to run the same are refused, all of them, and told what differs. */
#include "rank_run.h"
#include "suites.h"

enum { RANKS = 3 };

/* What is unlike on one rank. Changed after the usual pieces are made. */
typedef struct difference {
    void (*change)(rank_run *run, rank_plan *plan);
    ae_status status;
    const char *text;
} difference;

static void other_seed(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.seed = 12;
}

static void other_block(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.batch_block = 4;
}

static void other_noise(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.input_noise = 0.1f;
}

static void other_dropout(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.dropout = 0.25f;
}

static void other_epochs(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.epochs = 9;
}

static void other_patience(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.patience = 2;
}

static void a_checkpoint(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.checkpoint_path = "a.safetensors";
}

static void validated(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->validated = true;
}

static void weighted(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->weighted = true;
}

static void other_rate(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ck_assert_ok(ae_optimizer_set_learning_rate(r->optimizer, 0.5f));
}

static void other_rule(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ae_optimizer_free(r->optimizer);
    r->optimizer = fixture_sgd(0.01f);
}

static void other_steps(rank_run *r, rank_plan *plan)
{
    rank_plan alone = *plan;
    rank_run *other = fixture_allocate(1, sizeof *other);
    *other = *r;
    ck_assert_ok(rank_run_create(other, &alone, NULL));
    other->optimizer->steps = 1;
    ae_trainer_free(other->trainer);
    free(other);
}

static void other_parameters(rank_run *r, rank_plan *plan)
{
    (void)plan;
    r->network->parameters[5] += 1;
}

static void other_statistics(rank_run *r, rank_plan *plan)
{
    (void)plan;
    r->network->running[1] += 1;
}

static void scaled(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ck_assert_ok(ae_network_fit_scaling(r->network, r->training, NULL));
}

static void other_values(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ae_dataset_free(r->training);
    r->training = fixture_dataset(ROWS, FEATURES, 3);
}

static void other_rows(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ae_dataset_free(r->training);
    r->training = fixture_dataset(ROWS - 1, FEATURES, 1);
}

static void other_kernels(rank_run *r, rank_plan *plan)
{
    (void)plan;
    const size_t widths[] = {FEATURES, 70, 5, 70, FEATURES};
    ae_network_free(r->network);
    r->network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = widths,
                                                         .width_count = COUNT(widths), .seed = 7,
                                                         .kernels = "reference"));
}

static void no_optimizer(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ae_optimizer_free(r->optimizer);
    r->optimizer = NULL;
}

static void gradients(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.keep_gradients = AE_TOGGLE_ON;
}

static void no_network(rank_run *r, rank_plan *plan)
{
    (void)plan;
    ae_network_free(r->network);
    r->network = NULL;
}

static void bad_option(rank_run *r, rank_plan *plan)
{
    (void)r;
    plan->options.clip_norm = -1;
}

static void tied(rank_run *r, rank_plan *plan)
{
    (void)plan;
    const size_t widths[] = {FEATURES, 70, 5, 70, FEATURES};
    ae_network_free(r->network);
    r->network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = widths,
                                                         .width_count = COUNT(widths), .seed = 7,
                                                         .tied_weights = AE_TOGGLE_ON));
}

static const difference differences[] = {
    {other_seed, AE_ERROR_INVALID_ARGUMENT, "rank 0 has seed 11, rank 1 has 12"},
    {other_block, AE_ERROR_INVALID_ARGUMENT, "rank 0 has batch_block 3, rank 1 has 4"},
    {other_noise, AE_ERROR_INVALID_ARGUMENT, "rank 0 has input_noise 0"},
    {other_dropout, AE_ERROR_INVALID_ARGUMENT, "rank 0 has dropouts none, rank 1 has 0.25"},
    {other_epochs, AE_ERROR_INVALID_ARGUMENT, "rank 0 has epochs 3, rank 1 has 9"},
    {other_patience, AE_ERROR_INVALID_ARGUMENT, "rank 0 has patience 0, rank 1 has 2"},
    {a_checkpoint, AE_ERROR_INVALID_ARGUMENT, "rank 0 has checkpoint_path none, rank 1 has given"},
    {validated, AE_ERROR_INVALID_ARGUMENT, "rank 0 has best epoch by training, rank 1 has valid"},
    {weighted, AE_ERROR_INVALID_ARGUMENT, "rank 0 has row_weights none, rank 1 has 61 of mark"},
    {other_rate, AE_ERROR_INVALID_ARGUMENT, "rank 0 has learning_rate 0.0"},
    {other_rule, AE_ERROR_INVALID_ARGUMENT, "rank 0 has optimizer adam, rank 1 has sgd"},
    {other_steps, AE_ERROR_SHAPE, "rank 0 has optimizer_steps 0, rank 1 has 1"},
    {other_parameters, AE_ERROR_SHAPE, "rank 0 has parameters "},
    {other_statistics, AE_ERROR_SHAPE, "rank 0 has running_statistics "},
    {scaled, AE_ERROR_SHAPE, "rank 0 has scaling.offset none, rank 1 has 37 values"},
    {other_values, AE_ERROR_SHAPE, "rank 0 has training_set 61 x 37 of mark"},
    {other_rows, AE_ERROR_SHAPE, "rank 0 has rows 61, rank 1 has 60"},
    {other_kernels, AE_ERROR_UNSUPPORTED, "has reference: ae_transport_agree_kernels names"},
    {no_optimizer, AE_ERROR_UNSUPPORTED, "rank 1: a caller's own optimizer over several ranks"},
    {gradients, AE_ERROR_UNSUPPORTED, "rank 1: keep_gradients over several ranks"},
    {tied, AE_ERROR_UNSUPPORTED, "rank 1: tied weights over several ranks"},
    {no_network, AE_ERROR_INVALID_ARGUMENT, "rank 1: ae_trainer_create: network is NULL"},
    {bad_option, AE_ERROR_INVALID_ARGUMENT, "rank 1: clip_norm -1 is negative"},
};

/* One rank is unlike: each is refused, and its network and optimizer are as they were. */
static void differ(ae_transport *transport, void *context)
{
    const difference *d = context;
    rank_plan plan = {0};
    rank_run r = rank_run_prepare(&plan);
    if (transport->rank == 1)
        d->change(&r, &plan);
    const uint64_t steps = ae_optimizer_step_count(r.optimizer);
    const size_t *layout = r.optimizer == NULL ? NULL : r.optimizer->layout;
    ck_assert_status(rank_run_create(&r, &plan, transport), d->status, d->text);
    ck_assert_ptr_null(r.trainer);
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), steps);
    ck_assert_ptr_eq(r.optimizer == NULL ? NULL : r.optimizer->layout, layout);
    rank_run_finish(&r);
}

START_TEST(a_difference_is_refused_on_all_ranks)
{
    difference d = differences[_i];
    rank_threads_run(RANKS, differ, &d);
}
END_TEST

/* After a refusal the same transport serves another attempt. */
static void try_twice(ae_transport *transport, void *context)
{
    (void)context;
    rank_plan plan = {.options = {.seed = transport->rank == 2 ? 5 : 6}};
    rank_run r = rank_run_prepare(&plan);
    ck_assert_status(rank_run_create(&r, &plan, transport), AE_ERROR_INVALID_ARGUMENT,
                     "rank 0 has seed 6, rank 2 has 5");
    plan.options.seed = 7;
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    rank_run_finish(&r);
}

START_TEST(a_refusal_leaves_the_transport_as_good)
{
    rank_threads_run(RANKS, try_twice, NULL);
}
END_TEST

static void too_many(ae_transport *transport, void *context)
{
    (void)context;
    rank_plan plan = {.options = {.batch_block = 12}};
    rank_run r = rank_run_prepare(&plan);
    ck_assert_status(rank_run_create(&r, &plan, transport), AE_ERROR_INVALID_ARGUMENT,
                     "3 ranks, but 2 block(s) in a batch of 24 rows");
    rank_run_finish(&r);
}

START_TEST(more_ranks_than_blocks_are_refused)
{
    rank_threads_run(RANKS, too_many, NULL);
}
END_TEST

/* Threads, callbacks and names are each rank's own. */
static void own_ways(ae_transport *transport, void *context)
{
    (void)context;
    const rank_plan plan = {.options = {.threads = 1 + transport->rank,
                                        .train_tag = transport->rank == 0 ? "a" : "b",
                                        .patience_seconds = 20 + (double)transport->rank}};
    rank_run r = rank_run_start(&plan, transport);
    rank_run_finish(&r);
}

START_TEST(what_decides_no_bit_may_differ)
{
    rank_threads_run(RANKS, own_ways, NULL);
}
END_TEST

START_TEST(one_rank_is_no_transport)
{
    ae_transport *transport = NULL;
    ck_assert_ok(ae_transport_create_threads(&transport, 1));
    rank_plan plan = {.options = {.keep_gradients = AE_TOGGLE_ON, .batch_block = BATCH}};
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_ptr_null(r.trainer->ranks);
    ae_transport_free_threads(&transport, 1);
    ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_run_finish(&r);
}
END_TEST

START_TEST(transports_and_patience_out_of_range_are_refused)
{
    rank_plan plan = {0};
    rank_run r = rank_run_prepare(&plan);
    ck_assert_status(rank_run_create(&r, &plan, &(ae_transport){0}), AE_ERROR_INVALID_ARGUMENT,
                     "ae_transport.size is 0");
    ck_assert_status(
        rank_run_create(&r, &plan, &(ae_transport){.size = sizeof(ae_transport), .rank_count = 2}),
        AE_ERROR_INVALID_ARGUMENT, "ae_transport.send is NULL");
    ck_assert_status(ae_trainer_create(&r.trainer, r.network, r.optimizer, r.training,
                                       AE_TRAINER_OPTIONS(.patience_seconds = -1)),
                     AE_ERROR_INVALID_ARGUMENT, "patience_seconds -1");
    rank_run_finish(&r);
}
END_TEST

/* A rank of three that is not there: the others wait no longer than their patience. */
static void alone(ae_transport *transport, void *context)
{
    (void)context;
    rank_plan plan = {.options = {.patience_seconds = 0.05}};
    rank_run r = rank_run_prepare(&plan);
    if (transport->rank != 2)
        ck_assert_status(rank_run_create(&r, &plan, transport), AE_ERROR_COMMUNICATION, "rank ");
    rank_run_finish(&r);
}

START_TEST(a_rank_that_is_missing_is_named)
{
    rank_threads_run(RANKS, alone, NULL);
}
END_TEST

Suite *agree_runs_suite(void)
{
    Suite *suite = suite_create("agree_runs");
    TCase *cases = tcase_create("agree_runs");
    tcase_add_loop_test(cases, a_difference_is_refused_on_all_ranks, 0, (int)COUNT(differences));
    tcase_add_test(cases, a_refusal_leaves_the_transport_as_good);
    tcase_add_test(cases, more_ranks_than_blocks_are_refused);
    tcase_add_test(cases, what_decides_no_bit_may_differ);
    tcase_add_test(cases, one_rank_is_no_transport);
    tcase_add_test(cases, transports_and_patience_out_of_range_are_refused);
    tcase_add_test(cases, a_rank_that_is_missing_is_named);
    suite_add_tcase(suite, cases);
    return suite;
}
