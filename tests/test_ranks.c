/* SPDX-License-Identifier: BSD-3-Clause */
/* A run that several ranks share: the same bits as one rank with the same blocks. */
#include "far_rows.h"
#include "rank_run.h"
#include "suites.h"

static const size_t rank_counts[] = {1, 2, 3, 4, 5, 7, 8};

static const rank_plan variants[] = {
    {.name = "plain"},
    {.name = "no normalisation", .batch_norm = AE_TOGGLE_OFF},
    {.name = "clipped", .options = {.clip_norm = 0.05f}},
    {.name = "noise, dropout",
     .options = {.input_noise = 0.1f, .input_dropout = 0.1f, .dropout = 0.2f}},
    {.name = "the last batch left out", .options = {.drop_last = AE_TOGGLE_ON}},
    {.name = "bfloat16", .options = {.precision = AE_PRECISION_BF16}},
    {.name = "penalties", .options = {.code_l1 = 0.01f, .code_l2 = 0.02f}},
    {.name = "weighted rows, momentum", .weighted = true, .momentum = true},
    {.name = "best weights",
     .options = {.restore_best = AE_TOGGLE_ON, .patience = 2, .min_delta = 0.3, .epochs = 9},
     .validated = true},
    {.name = "blocks of 2, the dataset's order",
     .options = {.batch_block = 2, .shuffle = AE_SHUFFLE_NONE},
     .batch_norm = AE_TOGGLE_OFF},
    {.name = "bfloat16 on the way", .options = {.bf16_parts = 4}, .validated = true},
    {.name = "bfloat16 everywhere",
     .options = {.bf16_parts = 4, .precision = AE_PRECISION_BF16, .restore_best = AE_TOGGLE_ON},
     .validated = true},
};

/* What every rank must come to. */
typedef struct result {
    const rank_plan *plan;
    size_t threads;
    rank_file model, checkpoint;
} result;

/* The bytes of the model are those of the best weights, where they are restored. */
static void whole_run(ae_transport *transport, void *context)
{
    const result *w = context;
    rank_plan plan = *w->plan;
    plan.options.threads = w->threads;
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_file model = rank_run_model(r.network), checkpoint = rank_run_checkpoint(r.trainer);
    ck_assert_msg(rank_file_same(&model, &w->model), "%s, rank %zu of %zu: another model",
                  plan.name, transport->rank, transport->rank_count);
    ck_assert_msg(rank_file_same(&checkpoint, &w->checkpoint),
                  "%s, rank %zu of %zu: another checkpoint", plan.name, transport->rank,
                  transport->rank_count);
    rank_file_free(&model);
    rank_file_free(&checkpoint);
    rank_run_finish(&r);
}

static result result_of_one_rank(const rank_plan *plan)
{
    result w = {.plan = plan, .threads = 2};
    rank_run alone = rank_run_start(plan, NULL);
    ck_assert_ok(ae_trainer_run(alone.trainer));
    w.model = rank_run_model(alone.network);
    w.checkpoint = rank_run_checkpoint(alone.trainer);
    rank_run_finish(&alone);
    return w;
}

START_TEST(any_number_of_ranks_and_threads_gives_the_same_files)
{
    result w = result_of_one_rank(&variants[_i]);
    for (size_t i = 0; i < COUNT(rank_counts); i++)
        for (w.threads = 1; w.threads <= 2; w.threads++)
            if (!support_slow_arithmetic() || (rank_counts[i] <= 4 && w.threads == 2))
                rank_threads_run(rank_counts[i], whole_run, &w);
    rank_file_free(&w.model);
    rank_file_free(&w.checkpoint);
}
END_TEST

/* A transport that reads a message only after its rank has asked for some others, as MPI may: until
 * then the message's memory must stay as it is. */
typedef struct late_message {
    ae_message message;
    size_t due;    /* when it is sent, in questions; 0: it was handed on */
    void *request; /* the inner transport's */
    struct late_message *next;
} late_message;

typedef struct late_transport {
    ae_transport inner;
    size_t asked, sends;
    late_message *waiting;
} late_transport;

static int late_send(void *user, const ae_message *message, void **request)
{
    late_transport *t = user;
    late_message *late = calloc(1, sizeof *late);
    *late = (late_message){
        .message = *message, .due = t->asked + 1 + t->sends++ * 7 % 40, .next = t->waiting};
    *request = t->waiting = late;
    return 0;
}

static int late_receive(void *user, const ae_message *message, void **request)
{
    late_transport *t = user;
    late_message *late = calloc(1, sizeof *late);
    *request = late;
    return t->inner.receive(t->inner.user, message, &late->request);
}

static int late_test(void *user, void **request, int *done)
{
    late_transport *t = user;
    int code = 0;
    t->asked++;
    for (late_message **at = &t->waiting; *at != NULL && code == 0;) {
        late_message *one = *at;
        if (one->due > t->asked) {
            at = &one->next;
            continue;
        }
        code = t->inner.send(t->inner.user, &one->message, &one->request);
        one->due = 0;
        *at = one->next;
    }
    late_message *late = *request;
    *done = code == 0 && late->due == 0 && late->request == NULL;
    if (code == 0 && late->request != NULL)
        code = t->inner.test(t->inner.user, &late->request, done);
    if (*done) {
        free(late);
        *request = NULL;
    }
    return code;
}

static void late_abandon(void *user)
{
    late_transport *t = user;
    t->inner.abandon(t->inner.user);
}

static void late_run(ae_transport *transport, void *context)
{
    late_transport late = {.inner = *transport};
    ae_transport slow = {.size = sizeof slow,
                         .user = &late,
                         .rank = transport->rank,
                         .rank_count = transport->rank_count,
                         .send = late_send,
                         .receive = late_receive,
                         .test = late_test,
                         .abandon = late_abandon};
    whole_run(&slow, context);
}

START_TEST(messages_stay_as_they_are_until_they_are_sent)
{
    result w = result_of_one_rank(&variants[_i]);
    rank_threads_run(3, late_run, &w);
    rank_file_free(&w.model);
    rank_file_free(&w.checkpoint);
}
END_TEST

/* A run that is saved and taken up by another number of ranks, in the middle of an epoch. */
typedef struct leg {
    const rank_plan *plan;
    const char *path;
    bool resumes;
    uint64_t steps; /* to be taken in all before it is saved */
} leg;

static void run_leg(ae_transport *transport, void *context)
{
    const leg *l = context;
    const bool first = transport->rank == 0;
    rank_run r = rank_run_start(l->plan, transport);
    if (l->resumes)
        ck_assert_ok(ae_trainer_resume(r.trainer, first ? l->path : NULL));
    while (ae_trainer_step_count(r.trainer) < l->steps)
        ck_assert_ok(ae_trainer_run_step(r.trainer, NULL));
    rank_run_forget_times(r.trainer);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, first ? l->path : NULL));
    rank_run_finish(&r);
}

START_TEST(saved_on_eight_ranks_resumed_on_three_and_on_one)
{
    const rank_plan *plan = &variants[_i];
    const char *path = support_path("ranks.safetensors");
    leg l = {.plan = plan, .path = path, .steps = 4};
    rank_threads_run(8, run_leg, &l);
    l.resumes = true;
    l.steps = 5;
    rank_threads_run(3, run_leg, &l);
    l.steps = 7;
    rank_threads_run(1, run_leg, &l);
    l.steps = 8;
    rank_threads_run(2, run_leg, &l);
    rank_run alone = rank_run_start(plan, NULL);
    while (ae_trainer_step_count(alone.trainer) < 8)
        ck_assert_ok(ae_trainer_run_step(alone.trainer, NULL));
    rank_file whole = rank_run_checkpoint(alone.trainer);
    rank_file found = {0};
    found.data = support_read(path, &found.size);
    ck_assert(rank_file_same(&whole, &found));
    rank_file_free(&found);
    rank_file_free(&whole);
    rank_run_finish(&alone);
}
END_TEST

/* Each step's figures and the network as on_step sees them. */
typedef struct seen {
    const ae_network *network;
    ae_step_info steps[9];
    size_t count;
    float weight[9]; /* the last of the decoder's bias or beta */
} seen;

static int see_step(void *user, const ae_step_info *info)
{
    seen *s = user;
    s->weight[s->count] = s->network->parameters[s->network->parameter_floats / 2];
    s->steps[s->count++] = *info;
    return 0;
}

static seen run_watched(const ae_transport *transport)
{
    rank_plan plan = variants[2];
    seen s = {0};
    plan.options.on_step = see_step;
    plan.options.user = &s;
    rank_run r = rank_run_prepare(&plan);
    s.network = r.network;
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_run_finish(&r);
    return s;
}

static void watch(ae_transport *transport, void *context)
{
    const seen *wanted = context, s = run_watched(transport);
    ck_assert_uint_eq(s.count, wanted->count);
    ck_assert_int_eq(memcmp(s.steps, wanted->steps, s.count * sizeof *s.steps), 0);
    ck_assert_int_eq(memcmp(s.weight, wanted->weight, sizeof s.weight), 0);
}

START_TEST(callbacks_see_the_whole_batch_and_settled_weights)
{
    seen s = run_watched(NULL);
    ck_assert_uint_eq(s.count, 9);
    rank_threads_run(3, watch, &s);
}
END_TEST

/* Where rows are read one by one, each is read by one rank, once an epoch. */
typedef struct readers {
    rank_file model;
    size_t asked[8];
} readers;

static void read_own_rows(ae_transport *transport, void *context)
{
    readers *all = context;
    const rank_plan plan = {.validated = true};
    rank_run r = rank_run_prepare(&plan);
    float *values = fixture_values(ROWS * FEATURES, 0, 1, 1);
    float *others = fixture_values(VALIDATION_ROWS * FEATURES, 0, 1, 2);
    far_source *source = far_source_of(values, ROWS, FEATURES),
               *checked = far_source_of(others, VALIDATION_ROWS, FEATURES);
    ae_dataset_free(r.training);
    ae_dataset_free(r.validation);
    r.training = far_dataset(source);
    r.validation = far_dataset(checked);
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    const size_t before = source->asked + checked->asked;
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    aei_reader_rest(r.trainer->reader);
    all->asked[transport->rank] = source->asked + checked->asked - before;
    ck_assert_ok(ae_trainer_run(r.trainer));
    rank_file model = rank_run_model(r.network);
    ck_assert(rank_file_same(&model, &all->model));
    rank_file_free(&model);
    rank_run_finish(&r);
    free(source);
    free(checked);
    free(values);
    free(others);
}

START_TEST(each_row_is_read_by_one_rank)
{
    const rank_plan plan = {.validated = true};
    rank_run alone = rank_run_start(&plan, NULL);
    ck_assert_ok(ae_trainer_run(alone.trainer));
    readers all = {.model = rank_run_model(alone.network)};
    rank_run_finish(&alone);
    const size_t ranks = (size_t)_i;
    rank_threads_run(ranks, read_own_rows, &all);
    size_t asked = 0;
    for (size_t r = 0; r < ranks; r++)
        asked += all.asked[r];
    ck_assert_uint_eq(asked, ROWS + VALIDATION_ROWS);
    rank_file_free(&all.model);
}
END_TEST

/* An optimizer that was used alone goes on as a share of its moments. */
static void go_on(ae_transport *transport, void *context)
{
    const rank_file *wanted = context;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, NULL);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ae_trainer_free(r.trainer);
    r.trainer = NULL;
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), EPOCH_STEPS);
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    ae_trainer_free(r.trainer);
    r.trainer = NULL;
    ck_assert_ok(rank_run_create(&r, &plan, transport));
    ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
    rank_file model = rank_run_model(r.network);
    ck_assert(rank_file_same(&model, wanted));
    rank_file_free(&model);
    ae_trainer_free(r.trainer);
    r.trainer = NULL;
    ck_assert_status(rank_run_create(&r, &plan, NULL), AE_ERROR_STATE,
                     "give this run a new optimizer and resume a checkpoint");
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), 3 * EPOCH_STEPS);
    rank_run_finish(&r);
}

START_TEST(moments_of_one_rank_are_shared_out_and_stay_so)
{
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, NULL);
    for (size_t e = 0; e < 3; e++) {
        if (e > 0)
            ck_assert_ok(rank_run_create(&r, &plan, NULL));
        ck_assert_ok(ae_trainer_run_epoch(r.trainer, NULL));
        ae_trainer_free(r.trainer);
        r.trainer = NULL;
    }
    rank_file model = rank_run_model(r.network);
    rank_run_finish(&r);
    rank_threads_run(4, go_on, &model);
    rank_file_free(&model);
}
END_TEST

static void count_moments(ae_transport *transport, void *context)
{
    atomic_size_t *floats = context;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, transport);
    ck_assert_uint_le(r.optimizer->state_floats,
                      r.network->parameter_floats / transport->rank_count + (1u << 17));
    atomic_fetch_add(floats, r.optimizer->state_floats);
    rank_run_finish(&r);
}

START_TEST(moments_live_once)
{
    atomic_size_t floats = 0;
    const rank_plan plan = {0};
    rank_run r = rank_run_start(&plan, NULL);
    const size_t all = r.network->parameter_floats;
    ck_assert_uint_eq(r.optimizer->state_floats, all);
    rank_run_finish(&r);
    rank_threads_run(4, count_moments, &floats);
    ck_assert_uint_ge(floats, all / 2); /* without the padding between panels */
    ck_assert_uint_le(floats, all + all / 2);
}
END_TEST

Suite *ranks_suite(void)
{
    Suite *suite = suite_create("ranks");
    TCase *cases = tcase_create("ranks");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, any_number_of_ranks_and_threads_gives_the_same_files, 0,
                        (int)COUNT(variants));
    tcase_add_loop_test(cases, messages_stay_as_they_are_until_they_are_sent, 0,
                        (int)COUNT(variants));
    tcase_add_loop_test(cases, saved_on_eight_ranks_resumed_on_three_and_on_one, 0,
                        (int)COUNT(variants));
    tcase_add_test(cases, callbacks_see_the_whole_batch_and_settled_weights);
    tcase_add_loop_test(cases, each_row_is_read_by_one_rank, 2, 9);
    tcase_add_test(cases, moments_of_one_rank_are_shared_out_and_stay_so);
    tcase_add_test(cases, moments_live_once);
    suite_add_tcase(suite, cases);
    return suite;
}
