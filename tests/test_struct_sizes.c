/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs that were compiled against an older or a newer header: every public struct that begins
 * with its size, in every smaller and many larger sizes, through a call that takes it. A struct
 * that is not in the list fails the suite.
 */
#include "suites.h"
#include "world.h"

/* A call that reads options, or fills in a result. */
typedef ae_status (*user_of)(world *w, void *value);

#define READS(name, type, ...)                   \
    static ae_status name(world *w, void *value) \
    {                                            \
        type *made = NULL;                       \
        (void)w;                                 \
        const ae_status status = (__VA_ARGS__);  \
        type##_free(made);                       \
        return status;                           \
    }

#define TAKES(name, ...)                         \
    static ae_status name(world *w, void *value) \
    {                                            \
        (void)w;                                 \
        return __VA_ARGS__;                      \
    }

READS(read_network, ae_network, ae_network_create(&made, value))
READS(read_load, ae_network, ae_network_load(&made, support_path("model.safetensors"), value))
READS(read_dataset, ae_dataset, ae_dataset_create_f32(&made, w->rows, TABLE_ROWS, FEATURES, value))
READS(read_csv, ae_dataset, ae_dataset_open_csv_memory(&made, w->csv.data, w->csv.size, value))
READS(read_adam, ae_optimizer, ae_optimizer_create_adam(&made, value))
READS(read_adamw, ae_optimizer, ae_optimizer_create_adamw(&made, value))
READS(read_sgd, ae_optimizer, ae_optimizer_create_sgd(&made, value))
READS(read_session, ae_session, ae_session_create(&made, w->network, value))
READS(read_events, ae_event_writer, ae_event_writer_create(&made, support_dir(), value))
READS(read_trainer, ae_trainer, ae_trainer_create(&made, w->network, NULL, w->training, value))
TAKES(read_schedule, ae_optimizer_set_schedule(w->optimizer, value))
TAKES(read_threshold, ae_network_fit_threshold(w->network, w->training, value))
TAKES(read_spread, ae_network_fit_error_spread(w->network, w->training, value))
TAKES(read_scaling, ae_network_fit_scaling(w->network, w->training, value))
TAKES(read_export_c, ae_network_export_c(w->network, support_path("digits"), NULL, value))
TAKES(read_export_onnx, ae_network_export_onnx(w->network, support_path("x.onnx"), value))
TAKES(read_output, ae_session_save_csv(w->session, w->training, support_path("x.csv"), value))
TAKES(read_score,
      ae_session_score(w->session, w->rows, 1, (float[1]){0}, (float[FEATURES]){0}, value))

static ae_status read_evaluate(world *w, void *value)
{
    ae_evaluation result = {.size = sizeof result};
    return ae_network_evaluate(w->network, w->training, &result, value);
}

static ae_status read_diagnose(world *w, void *value)
{
    ae_diagnosis result = {.size = sizeof result};
    return ae_network_diagnose(w->network, w->training, w->validation, &result, value);
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

/* A stream without functions, which is looked at after the options. */
static ae_status read_arrow(world *w, void *value)
{
    ae_dataset *made = NULL;
    struct ArrowArrayStream stream = {.release = release_stream};
    (void)w;
    const ae_status status = ae_dataset_create_from_arrow(&made, &stream, value);
    return status != AE_OK && support_contains(ae_last_error(), "has no get_schema") ? AE_OK
                                                                                     : status;
}

TAKES(fill_cpu, ae_cpu_get_info(value))
TAKES(fill_info, ae_network_get_info(w->network, value))
TAKES(fill_layer, ae_network_get_layer(w->network, 0, value))
TAKES(fill_tensor, ae_network_get_tensor_info(w->network, 0, value))
TAKES(fill_threshold, ae_network_get_threshold(w->network, value))
TAKES(fill_epoch, ae_trainer_get_epoch(w->trainer, 0, value))
TAKES(fill_evaluation, ae_network_evaluate(w->network, w->training, value, NULL))
TAKES(fill_diagnosis, ae_network_diagnose(w->network, w->training, w->validation, value, NULL))
TAKES(fill_export, ae_network_export_c(w->network, support_path("digits"), value, NULL))

typedef struct sized {
    const char *type;
    size_t size;
    user_of call;
} sized;

#define SIZED(type, call)         \
    {                             \
#type, sizeof(type), call \
    }

static const sized options[] = {
    SIZED(ae_network_options, read_network),
    SIZED(ae_load_options, read_load),
    SIZED(ae_dataset_options, read_dataset),
    SIZED(ae_csv_options, read_csv),
    SIZED(ae_arrow_options, read_arrow),
    SIZED(ae_adam_options, read_adam),
    SIZED(ae_adam_options, read_adamw),
    SIZED(ae_sgd_options, read_sgd),
    SIZED(ae_schedule_options, read_schedule),
    SIZED(ae_session_options, read_session),
    SIZED(ae_score_options, read_score),
    SIZED(ae_output_options, read_output),
    SIZED(ae_trainer_options, read_trainer),
    SIZED(ae_threshold_options, read_threshold),
    SIZED(ae_error_spread_options, read_spread),
    SIZED(ae_scaling_options, read_scaling),
    SIZED(ae_evaluate_options, read_evaluate),
    SIZED(ae_diagnose_options, read_diagnose),
    SIZED(ae_event_writer_options, read_events),
    SIZED(ae_export_c_options, read_export_c),
    SIZED(ae_export_onnx_options, read_export_onnx),
};

static const sized results[] = {
    SIZED(ae_cpu_info, fill_cpu),          SIZED(ae_network_info, fill_info),
    SIZED(ae_layer_info, fill_layer),      SIZED(ae_tensor_info, fill_tensor),
    SIZED(ae_threshold, fill_threshold),   SIZED(ae_epoch_info, fill_epoch),
    SIZED(ae_evaluation, fill_evaluation), SIZED(ae_diagnosis, fill_diagnosis),
    SIZED(ae_export_c_info, fill_export),
};

/* What is given to libae, or handed to a callback, but neither read as options nor filled in. */
static const char *const others[] = {"ae_row_source", "ae_transport", "ae_step_info", "ae_message"};

/* Every size that is a multiple of this is tried: members are not smaller. */
enum { BEYOND = 64, STEP = 4 };

/* On the heap and exactly as long as it says, so that a sanitizer sees what lies behind it. */
static unsigned char *sized_block(size_t size, int filling)
{
    unsigned char *block = fixture_allocate(1, size);
    memset(block, filling, size);
    memcpy(block, &size, sizeof size);
    return block;
}

static void try_options(world *w, const sized *s, size_t size)
{
    unsigned char *block = sized_block(size, 0);
    const ae_status status = or_none(w, s->call(w, block));
    ck_assert_msg(status == AE_OK, "%s of %zu bytes: %s", s->type, size, ae_last_error());
    if (size > s->size) {
        block[size - 1] = 1;
        const ae_status asked = s->call(w, block);
        ck_assert_msg(asked == AE_ERROR_UNSUPPORTED, "%s of %zu bytes: %s", s->type, size,
                      ae_status_name(asked));
        ck_assert(support_contains(ae_last_error(), "newer") ||
                  support_contains(ae_last_error(), "built without"));
    }
    free(block);
}

START_TEST(options_of_any_size_are_read)
{
    const sized *s = &options[_i];
    world w;
    begin(&w);
    /* The default network has 2.8 million weights. */
    const size_t step = s->call == read_network || support_slow() ? 16 * STEP : STEP;
    for (size_t size = sizeof size; size <= s->size + BEYOND; size += step)
        try_options(&w, s, size);
    for (size_t size = 0; size < sizeof size; size++) {
        unsigned char *block = sized_block(sizeof size, 0);
        memcpy(block, &size, sizeof size);
        const ae_status status = or_none(&w, s->call(&w, block));
        ck_assert_msg(status == AE_ERROR_INVALID_ARGUMENT || w.events == NULL,
                      "%s of %zu bytes: %s", s->type, size, ae_status_name(status));
        free(block);
    }
    end(&w);
}
END_TEST

/* As far as it goes, the same as in the size of today; nothing behind it. */
START_TEST(results_of_any_size_are_filled_in)
{
    enum { FILLING = 0xEE };
    const sized *s = &results[_i];
    world w;
    begin(&w);
    unsigned char *whole = sized_block(s->size, 0);
    ck_assert_ok(s->call(&w, whole));
    for (size_t size = sizeof size; size <= s->size + BEYOND; size++) {
        unsigned char *block = sized_block(size, FILLING);
        const ae_status status = s->call(&w, block);
        ck_assert_msg(status == AE_OK, "%s of %zu bytes: %s", s->type, size, ae_last_error());
        const size_t filled = size < s->size ? size : s->size;
        ck_assert_mem_eq(block, &size, sizeof size);
        ck_assert_mem_eq(block + sizeof size, whole + sizeof size, filled - sizeof size);
        for (size_t i = filled; i < size; i++)
            ck_assert_uint_eq(block[i], FILLING);
        free(block);
    }
    free(whole);
    end(&w);
}
END_TEST

static bool known(const char *type)
{
    for (size_t i = 0; i < COUNT(options); i++)
        if (strcmp(options[i].type, type) == 0)
            return true;
    for (size_t i = 0; i < COUNT(results); i++)
        if (strcmp(results[i].type, type) == 0)
            return true;
    for (size_t i = 0; i < COUNT(others); i++)
        if (strcmp(others[i], type) == 0)
            return true;
    return false;
}

START_TEST(every_sized_struct_is_in_a_list)
{
    static const struct {
        const char *type, *member;
    } members[] = {
#define MEMBER(type, name) {#type, #name},
#define OPTIONS(...)
#include "structs.inc"
#undef MEMBER
#undef OPTIONS
    };
    size_t found = 0;
    for (size_t i = 0; i < COUNT(members); i++)
        if (strcmp(members[i].member, "size") == 0) {
            ck_assert_msg(known(members[i].type), "%s is in no list", members[i].type);
            found++;
        }
    ck_assert_uint_ge(found, 30);
}
END_TEST

Suite *struct_sizes_suite(void)
{
    Suite *suite = suite_create("struct_sizes");
    TCase *tcase = tcase_create("struct_sizes");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, options_of_any_size_are_read, 0, COUNT(options));
    tcase_add_loop_test(tcase, results_of_any_size_are_filled_in, 0, COUNT(results));
    tcase_add_test(tcase, every_sized_struct_is_in_a_list);
    suite_add_tcase(suite, tcase);
    return suite;
}
