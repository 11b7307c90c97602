/* SPDX-License-Identifier: BSD-3-Clause */
/* Dropout between layers: against float64 with the same units dropped, counted and not drawn in
 * turn, saved and resumed, absent from inference. */
#include "base/philox.h"

#include "reference_steps.h"
#include "suites.h"
#include "trained.h"

enum { LAYERS = 4, STEP_ROWS = 6, SEED = 11 };

static const size_t widths[] = {7, 33, 5, 40, 7};
static const float shares[] = {0.5f, 0, 0.25f, 0}, with_code[] = {0.5f, 0.2f, 0.25f, 0};

/* The chances of the trial under way, and the units that they drop. */
static const float *chances;
static double kept[LAYERS][STEP_ROWS * 40];
static double *const factors[LAYERS] = {kept[0], kept[1], kept[2], kept[3]};

/* As trainer.h has it: a unit's number is that of seed, layer, step, row of the batch and unit;
 * four units of a row share a block. */
static void draw(reference *n, size_t rows, uint64_t step)
{
    for (size_t l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < rows * widths[l + 1]; i++) {
            const size_t width = widths[l + 1], row = i / width, unit = i % width;
            uint32_t words[4];
            aei_random_block(words, SEED, AEI_STREAM_LAYERS + (uint32_t)l, (uint32_t)step,
                             (uint64_t)(unit / 4) << 32 | row);
            const double uniform = (double)words[unit % 4] * 0x1p-32, p = (double)chances[l];
            kept[l][i] = uniform < p ? 0 : 1 / (1 - p);
        }
    n->factors = factors;
}

/* A test number is whether the code drops units and whether there is batch normalisation. */
START_TEST(steps_are_those_of_the_reference)
{
    static const ae_activation kinds[] = {AE_ACTIVATION_SIGMOID, AE_ACTIVATION_TANH,
                                          AE_ACTIVATION_LINEAR, AE_ACTIVATION_LEAKY_RELU};
    chances = _i / 2 == 1 ? with_code : shares;
    for (size_t c = 0; c < COUNT(kinds); c++) {
        reference n = {.widths = widths,
                       .depth = LAYERS,
                       .batch_norm = _i % 2 == 1,
                       .hidden = kinds[c],
                       .output = AE_ACTIVATION_LINEAR,
                       .slope = (double)0.2f,
                       .epsilon = (double)1e-3f,
                       .encoder_layers = 2,
                       .l2 = (double)0.1f};
        const ae_trainer_options o = {.size = sizeof o,
                                      .seed = SEED,
                                      .dropouts = chances,
                                      .dropout_count = LAYERS,
                                      .code_l2 = 0.1f};
        reference_agrees(&n, &o, STEP_ROWS, draw);
    }
}
END_TEST

enum { FEATURES = 21, ROWS = 61 };

static ae_network *make(void)
{
    return FIXTURE_NETWORK(FEATURES, 35, 3, 35, FEATURES);
}

static ae_trainer_options usual(void)
{
    return (ae_trainer_options){.size = sizeof(ae_trainer_options),
                                .batch = 16,
                                .epochs = 3,
                                .seed = 3,
                                .threads = 1,
                                .dropout = 0.3f};
}

static const trained_recipe usual_run = {.network = make};

static ae_network *run(const ae_dataset *dataset, const ae_trainer_options *options)
{
    return trained_network(trained_run(&usual_run, dataset, options, 0));
}

/* float32, bfloat16, clipped. */
START_TEST(any_number_of_threads_and_resuming_give_the_same_bits)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = usual();
    options.precision = _i == 1 ? AE_PRECISION_BF16 : AE_PRECISION_F32;
    options.clip_norm = _i == 2 ? 0.1f : 0;
    /* Stopped within the first epoch of four steps, at its end, and within the second. */
    ae_network *whole = trained_alike(&usual_run, dataset, options, 5);
    options.seed = 4;
    ae_network *other = run(dataset, &options);
    ck_assert(!fixture_same_state(whole, other));
    ae_network_free(other), ae_network_free(whole);
    ae_dataset_free(dataset);
}
END_TEST

/* One chance for all is the same run as that chance for every layer but the code and the last; an
 * array of zeros is none. The caller's array may change. */
START_TEST(one_chance_stands_for_every_hidden_layer_but_the_code)
{
    float each[] = {0.3f, 0, 0.3f, 0};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options options = usual();
    ae_network *one = run(dataset, &options);
    options.dropouts = each, options.dropout_count = COUNT(each);
    options.dropout = 0.9f; /* overridden */
    ae_network *list = run(dataset, &options);
    ck_assert(fixture_same_state(one, list));
    ae_network_free(list);
    memset(each, 0, sizeof each);
    list = run(dataset, &options);
    options.dropouts = NULL, options.dropout_count = 0, options.dropout = 0;
    ae_network *none = run(dataset, &options);
    ck_assert(fixture_same_state(none, list));
    ck_assert(!fixture_same_state(none, one));
    ae_network_free(none), ae_network_free(list), ae_network_free(one);
    ae_dataset_free(dataset);
}
END_TEST

/* Rows, or their outputs, that nothing is dropped from: the validation cost is what evaluating
 * gives. */
START_TEST(inference_drops_nothing)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer_options options = usual();
    options.validation = dataset;
    ae_trainer *trainer = fixture_trainer(network, adam, dataset, &options);
    ae_epoch_info info = {.size = sizeof info};
    ck_assert_ok(ae_trainer_run_epoch(trainer, &info));
    ae_evaluation result = {.size = sizeof result};
    ck_assert_ok(ae_network_evaluate(network, dataset, &result, NULL));
    ck_assert_double_eq(info.validation_cost, result.l2);
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

START_TEST(another_dropout_is_another_run)
{
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_trainer_options with = usual(), plain = usual();
    plain.dropout = 0;
    ae_network *network = make();
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *one = fixture_trainer(network, adam, dataset, &with);
    ck_assert_ok(ae_trainer_save_checkpoint(one, support_path("with")));
    ae_trainer *two = fixture_trainer(network, adam, dataset, &plain);
    ck_assert_ok(ae_trainer_save_checkpoint(two, support_path("plain")));
    ck_assert_status(ae_trainer_resume(two, support_path("with")), AE_ERROR_SHAPE,
                     "dropouts is in the checkpoint, absent in this trainer");
    ck_assert_status(ae_trainer_resume(one, support_path("plain")), AE_ERROR_SHAPE,
                     "dropouts is absent in the checkpoint");
    ae_trainer_free(one);
    with.dropout = 0.4f;
    one = fixture_trainer(network, adam, dataset, &with);
    ck_assert_status(ae_trainer_resume(one, support_path("with")), AE_ERROR_SHAPE,
                     "dropouts is 0.3");
    ae_trainer_free(one), ae_trainer_free(two);
    ae_optimizer_free(adam), ae_network_free(network), ae_dataset_free(dataset);
}
END_TEST

START_TEST(chances_outside_their_range_are_refused)
{
    static const float bad[] = {0.1f, 0, 1.5f, 0}, last[] = {0, 0, 0, 0.5f};
    ae_dataset *dataset = fixture_dataset(ROWS, FEATURES, 1);
    ae_network *network = make(), *shallow = FIXTURE_NETWORK(FEATURES, 3, FEATURES);
    ae_optimizer *adam = fixture_adam(0.01f);
    ae_trainer *trainer = NULL;
#define REFUSED(net, status, part, ...)                                                           \
    ck_assert_status(                                                                             \
        ae_trainer_create(&trainer, net, adam, dataset, AE_TRAINER_OPTIONS(__VA_ARGS__)), status, \
        part)
    const ae_status argument = AE_ERROR_INVALID_ARGUMENT;
    REFUSED(network, argument, "dropout 1", .dropout = 1);
    REFUSED(network, argument, "dropout -0.5", .dropout = -0.5f);
    REFUSED(network, argument, "dropout nan", .dropout = fabsf(NAN));
    REFUSED(network, argument, "dropouts is NULL", .dropout_count = 4);
    REFUSED(network, argument, "dropouts[2] 1.5", .dropouts = bad, .dropout_count = 4);
    REFUSED(network, argument, "dropouts[3] is 0.5", .dropouts = last, .dropout_count = 4);
    REFUSED(network, AE_ERROR_SHAPE, "dropout_count is 3, but there are 4 layers", .dropouts = bad,
            .dropout_count = 3);
    REFUSED(shallow, argument, "the code is the only hidden layer", .dropout = 0.5f);
#undef REFUSED
    ck_assert_ptr_null(trainer);
    ae_optimizer_free(adam);
    ae_network_free(shallow), ae_network_free(network);
    ae_dataset_free(dataset);
}
END_TEST

Suite *dropout_suite(void)
{
    Suite *suite = suite_create("dropout");
    TCase *dropout = tcase_create("dropout");
    tcase_set_timeout(dropout, 60);
    tcase_add_loop_test(dropout, steps_are_those_of_the_reference, 0, 4);
    tcase_add_test(dropout, one_chance_stands_for_every_hidden_layer_but_the_code);
    tcase_add_test(dropout, inference_drops_nothing);
    tcase_add_test(dropout, chances_outside_their_range_are_refused);
    suite_add_tcase(suite, dropout);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, NULL, support_dir_remove);
    tcase_add_loop_test(files, any_number_of_threads_and_resuming_give_the_same_bits, 0, 3);
    tcase_add_test(files, another_dropout_is_another_run);
    suite_add_tcase(suite, files);
    return suite;
}
