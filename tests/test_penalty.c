/* SPDX-License-Identifier: BSD-3-Clause */
/* Penalties on the code: against float64, in what a run reports, saved and resumed, and what they
 * do to a code. */
#include "model/penalty.h"

#include "reference_steps.h"
#include "suites.h"
#include "trained.h"

static const size_t widths[] = {7, 33, 5, 40, 7};

typedef struct kind {
    float l1, l2, kl, target;
    ae_activation hidden;
} kind;

static const kind kinds[] = {
    {.l1 = 0.3f, .hidden = AE_ACTIVATION_SIGMOID},
    {.l1 = 0.2f, .l2 = 0.1f, .hidden = AE_ACTIVATION_TANH},
    {.l1 = 0.1f, .hidden = AE_ACTIVATION_RELU},
    {.l2 = 0.5f, .hidden = AE_ACTIVATION_LINEAR},
    {.kl = 0.4f, .hidden = AE_ACTIVATION_SIGMOID},
    {.l1 = 0.1f, .l2 = 0.2f, .kl = 0.3f, .target = 0.3f, .hidden = AE_ACTIVATION_SIGMOID},
};

static ae_trainer_options options_of(const kind *k)
{
    return (ae_trainer_options){.size = sizeof(ae_trainer_options),
                                .code_l1 = k->l1,
                                .code_l2 = k->l2,
                                .code_kl = k->kl,
                                .code_kl_target = k->target};
}

/* A test number is a kind and whether there is batch normalisation; all kernels, all costs. */
START_TEST(steps_are_those_of_the_reference)
{
    static const ae_cost costs[] = {AE_COST_L2, AE_COST_SSE, AE_COST_MSE, AE_COST_BCE};
    const kind *k = &kinds[(size_t)_i / 2];
    const size_t some = support_slow() ? COUNT(costs) : 1; /* one of the costs, or each */
    for (size_t c = (size_t)_i % some; c < COUNT(costs); c += some) {
        reference n = {.widths = widths,
                       .depth = COUNT(widths) - 1,
                       .batch_norm = _i % 2 == 1,
                       .hidden = k->hidden,
                       .output = costs[c] == AE_COST_BCE ? AE_ACTIVATION_SIGMOID
                                                         : AE_ACTIVATION_LINEAR,
                       .slope = (double)0.2f,
                       .epsilon = (double)1e-3f,
                       .encoder_layers = 2,
                       .l1 = (double)k->l1,
                       .l2 = (double)k->l2,
                       .kl = (double)k->kl,
                       .target = (double)(k->target > 0 ? k->target : 0.05f)};
        ae_trainer_options o = options_of(k);
        o.cost = costs[c];
        reference_agrees(&n, &o, 6, NULL);
    }
}
END_TEST

/* Over panels of 16 or 32 columns the same, and what lies behind the last column is not read. */
START_TEST(a_panel_has_its_share_whatever_lies_behind_its_columns)
{
    enum { N = 5, USED = 3, PANEL = 16 };
    const aei_penalty penalty = {.l1 = 2, .l2 = 0.5f, .kl = 3, .target = 0.25f};
    float y[N * PANEL], delta[N * PANEL] = {0};
    for (size_t i = 0; i < COUNT(y); i++)
        y[i] = i % PANEL < USED ? (float)(i % 7) / 8 : NAN;
    const double sum = aei_penalty_of_panel(&penalty, N, USED, PANEL, y);
    ck_assert(isfinite(sum));
    aei_penalty_add_gradient(&penalty, N, USED, PANEL, y, delta);
    for (size_t i = 0; i < COUNT(delta); i++)
        ck_assert(i % PANEL < USED ? isfinite(delta[i]) : delta[i] == 0);
}
END_TEST

/* All rows at 0, or at 1: a finite penalty, and a finite slope that leads back. */
START_TEST(a_unit_that_is_stuck_has_a_finite_penalty)
{
    enum { N = 4, PANEL = 16 };
    const aei_penalty penalty = {.kl = 1, .target = 0.05f};
    for (int one = 0; one < 2; one++) {
        float y[N * PANEL] = {0}, delta[N * PANEL] = {0};
        for (size_t r = 0; r < N; r++)
            y[r * PANEL] = (float)one;
        const double sum = aei_penalty_of_panel(&penalty, N, 1, PANEL, y);
        ck_assert(isfinite(sum) && sum > 0);
        aei_penalty_add_gradient(&penalty, N, 1, PANEL, y, delta);
        ck_assert(isfinite(delta[0]) && (one ? delta[0] > 0 : delta[0] < 0));
    }
}
END_TEST

enum { FEATURES = 21, ROWS = 61 };

static ae_trainer_options usual(void)
{
    return (ae_trainer_options){.size = sizeof(ae_trainer_options),
                                .batch = 16,
                                .epochs = 3,
                                .seed = 3,
                                .threads = 1,
                                .code_l1 = 0.01f,
                                .code_l2 = 0.02f,
                                .code_kl = 0.03f};
}

static ae_network *make(void)
{
    return FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
}

static const trained_recipe usual_run = {.network = make};

/* A run of three epochs, perhaps stopped and taken up, and the penalty of its first epoch. */
static ae_network *run(const ae_dataset *dataset, const ae_trainer_options *options, uint64_t stop,
                       double *penalty)
{
    const trained t = trained_run(&usual_run, dataset, options, stop);
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_get_epoch(t.trainer, 0, &info));
    *penalty = info.penalty;
    return trained_network(t);
}

START_TEST(any_number_of_threads_and_resuming_give_the_same_bits)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = usual();
    options.precision = _i == 1 ? AE_PRECISION_BF16 : AE_PRECISION_F32;
    options.clip_norm = _i == 2 ? 0.1f : 0;
    double expected = 0, penalty = 0;
    ae_network *whole = run(dataset, &options, 0, &expected);
    ck_assert_double_gt(expected, 0);
    for (size_t threads = 2; threads < 5; threads++) {
        options.threads = threads;
        /* Within the first epoch of four steps, at its end, and within the second. */
        ae_network *other = run(dataset, &options, threads == 2 ? 0 : threads, &penalty);
        ck_assert(fixture_same_state(whole, other));
        ck_assert(memcmp(&penalty, &expected, sizeof penalty) == 0);
        ae_network_free(other);
    }
    options.code_l1 = options.code_l2 = options.code_kl = 0;
    ae_network *plain = run(dataset, &options, 0, &penalty);
    ck_assert(!fixture_same_state(whole, plain));
    ck_assert_double_eq(penalty, 0);
    ae_network_free(plain), ae_network_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

typedef struct seen {
    double penalties[16];
    size_t count;
} seen;

static int see(void *user, const ae_step_info *info)
{
    seen *s = user;
    s->penalties[s->count++] = info->penalty;
    return 0;
}

START_TEST(an_epochs_penalty_is_the_mean_of_its_steps)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    seen s = {0};
    ae_trainer_options options = usual();
    options.on_step = see, options.user = &s;
    double penalty = 0;
    ae_network_free(run(dataset, &options, 0, &penalty));
    ck_assert_uint_eq(s.count, 12);
    const double mean = (s.penalties[0] + s.penalties[1] + s.penalties[2] + s.penalties[3]) / 4;
    ck_assert_double_eq_tol(penalty, mean, 1e-12);
    ae_dataset_free(dataset);
}
END_TEST

/* Options of one run alone, in either of the two. */
START_TEST(another_penalty_is_another_run)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options with = usual();
    const ae_trainer_options plain = {.size = sizeof plain, .batch = 16, .seed = 3, .threads = 1};
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *one = fixture_trainer(network, adam, dataset, &with);
    ck_assert_ok(ae_trainer_save_checkpoint(one, support_path("with")));
    ae_trainer *two = fixture_trainer(network, adam, dataset, &plain);
    ck_assert_ok(ae_trainer_save_checkpoint(two, support_path("plain")));
    ck_assert_status(ae_trainer_resume(two, support_path("with")), AE_ERROR_SHAPE,
                     "code_l1 is in the checkpoint, absent in this trainer");
    ck_assert_status(ae_trainer_resume(one, support_path("plain")), AE_ERROR_SHAPE,
                     "code_l1 is absent in the checkpoint, 0.00999");
    ae_trainer_free(one);
    with.code_kl_target = 0.1f;
    one = fixture_trainer(network, adam, dataset, &with);
    ck_assert_status(ae_trainer_resume(one, support_path("with")), AE_ERROR_SHAPE,
                     "code_kl_target is 0.05");
    ae_trainer_free(one), ae_trainer_free(two);
    ae_optimizer_free(adam), ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

/* Names that are not known are skipped, so this stands for a file that has no penalty. */
START_TEST(a_checkpoint_from_before_there_were_penalties_is_resumed)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    const ae_trainer_options plain = {.size = sizeof plain, .batch = 16, .epochs = 2};
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, &plain);
    ck_assert_ok(ae_trainer_run(trainer));
    const char *path = support_path("checkpoint");
    ck_assert_ok(ae_trainer_save_checkpoint(trainer, path));
    size_t size;
    unsigned char *data = support_read(path, &size);
    support_replace(data, size, "penalty_sum", "penalty_xxx");
    support_replace(data, size, ",best,penalty", ",best,xxxxxxx");
    ck_assert_ok(ae_trainer_resume_memory(trainer, data, size));
    ck_assert_uint_eq(ae_trainer_history_count(trainer), 2);
    support_replace(data, size, ",best,xxxxxxx", ",best_penalty");
    ck_assert_status(ae_trainer_resume_memory(trainer, data, size), AE_ERROR_FORMAT,
                     "libae.history_fields");
    free(data);
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

/* Mean of |h| over the rows and units, and of h of the first unit, after training on digits. */
static double mean_code(ae_activation code, const ae_trainer_options *penalty, bool absolute)
{
    enum { DIGITS = 500, PIXELS = 784, WIDTH = 30 };
    const size_t dims[] = {PIXELS, WIDTH, PIXELS};
    const ae_activation activations[] = {code, AE_ACTIVATION_SIGMOID};
    ae_dataset *digits = NULL;
    ae_session *session = NULL;
    ck_assert_ok(ae_dataset_create_digits(&digits, DIGITS, 1));
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = dims, .width_count = COUNT(dims), .seed = 7,
                           .batch_norm = AE_TOGGLE_OFF, .activations = activations,
                           .activation_count = COUNT(activations)));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer_options o = *penalty;
    o.size = sizeof o, o.batch = 50, o.epochs = 20;
    ae_trainer *trainer = fixture_trainer(network, adam, digits, &o);
    ck_assert_ok(ae_trainer_run(trainer));
    float *rows = fixture_allocate(DIGITS * PIXELS, sizeof *rows),
          *codes = fixture_allocate(DIGITS * WIDTH, sizeof *codes);
    ck_assert_ok(ae_dataset_read(digits, 0, DIGITS, rows));
    ck_assert_ok(ae_session_create(&session, network, NULL));
    ck_assert_ok(ae_session_encode(session, rows, DIGITS, codes));
    double mean = 0;
    for (size_t i = 0; i < DIGITS * WIDTH; i++)
        mean += (absolute ? fabs((double)codes[i]) : (double)codes[i]) / (DIGITS * WIDTH);
    ae_session_free(session), free(codes), free(rows);
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(digits);
    return mean;
}

START_TEST(a_penalty_does_to_the_code_what_it_is_for)
{
    const ae_trainer_options plain = {0}, l1 = {.code_l1 = 0.02f}, l2 = {.code_l2 = 0.02f},
                             kl = {.code_kl = 5, .code_kl_target = 0.1f};
    const double relu = mean_code(AE_ACTIVATION_RELU, &plain, true);
    ck_assert_double_lt(mean_code(AE_ACTIVATION_RELU, &l1, true), 0.7 * relu);
    ck_assert_double_lt(mean_code(AE_ACTIVATION_RELU, &l2, true), 0.7 * relu);
    ck_assert_double_gt(mean_code(AE_ACTIVATION_SIGMOID, &plain, false), 0.2);
    ck_assert_double_eq_tol(mean_code(AE_ACTIVATION_SIGMOID, &kl, false), 0.1, 0.02);
}
END_TEST

START_TEST(penalties_outside_their_range_are_refused)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make();
    ae_network *tanh_code = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = (const size_t[]){FEATURES, 3, FEATURES}, .width_count = 3,
                           .hidden_activation = AE_ACTIVATION_TANH));
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
#define REFUSED(net, part, ...)                                                           \
    ck_assert_status(                                                                     \
        ae_trainer_create(&trainer, net, adam, dataset, AE_TRAINER_OPTIONS(__VA_ARGS__)), \
        AE_ERROR_INVALID_ARGUMENT, part)
    REFUSED(network, "code_l1 -1", .code_l1 = -1);
    REFUSED(network, "code_l1 nan", .code_l1 = fabsf(NAN));
    REFUSED(network, "code_l2 inf", .code_l2 = INFINITY);
    REFUSED(network, "code_kl -0.5", .code_kl = -0.5f);
    REFUSED(network, "code_kl_target 1", .code_kl = 1, .code_kl_target = 1);
    REFUSED(network, "code_kl_target -1", .code_kl = 1, .code_kl_target = -1);
    REFUSED(network, "code_kl_target nan", .code_kl = 1, .code_kl_target = fabsf(NAN));
    REFUSED(network, "code_kl, the weight", .code_kl_target = 0.1f);
    REFUSED(network, "penalty_tag", .penalty_tag = "\xff");
    REFUSED(tanh_code, "needs a sigmoid code, and layer 0", .code_kl = 1);
#undef REFUSED
    ck_assert_ptr_null(trainer);
    ae_optimizer_free(adam);
    ae_network_free(tanh_code), ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *penalty_suite(void)
{
    Suite *suite = suite_create("penalty");
    TCase *penalty = tcase_create("penalty");
    tcase_set_timeout(penalty, 60);
    tcase_add_loop_test(penalty, steps_are_those_of_the_reference, 0, 2 * (int)COUNT(kinds));
    tcase_add_test(penalty, a_panel_has_its_share_whatever_lies_behind_its_columns);
    tcase_add_test(penalty, a_unit_that_is_stuck_has_a_finite_penalty);
    tcase_add_test(penalty, an_epochs_penalty_is_the_mean_of_its_steps);
    tcase_add_test(penalty, penalties_outside_their_range_are_refused);
    if (!support_slow())
        tcase_add_test(penalty, a_penalty_does_to_the_code_what_it_is_for);
    suite_add_tcase(suite, penalty);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_loop_test(files, any_number_of_threads_and_resuming_give_the_same_bits, 0, 3);
    tcase_add_test(files, another_penalty_is_another_run);
    tcase_add_test(files, a_checkpoint_from_before_there_were_penalties_is_resumed);
    suite_add_tcase(suite, files);
    return suite;
}
