/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that runs out in any public call: each allocation fails in turn, alone and with all that
 * come after it. The call says so and leaks nothing; the network computes what it did; files are
 * as they were; and the call works when memory is there again. A public function that returns a
 * status and is not in the list fails the suite.
 */
#include "exhausted_data.h"
#include "exhausted_network.h"
#include "exhausted_training.h"
#include "suites.h"

#include <dirent.h>

/* What a call changes where it succeeds; a run keeps what it has trained when its checkpoint cannot
 * be written. What a block that is only made smaller fails at does no harm: the call completes. */
enum { NETWORK = 1, FILES = 2, PROGRESS = 4, COMPLETES = 8 };

/* `least` allocations show that the call went through the hooks. */
static const struct call {
    const char *name;
    attempt call;
    size_t least;
    int changes;
} calls[] = {
    {"ae_dataset_create_digits", create_digits, 2, 0},
    {"ae_dataset_create_f32", create_f32, 2, 0},
    {"ae_dataset_create_u8", create_u8, 3, 0},
    {"ae_dataset_create_labelled", create_labelled, 1, 0},
    {"ae_dataset_create_from_callback", create_from_callback, 2, 0},
    {"ae_dataset_create_from_source", create_from_source, 1, 0},
    {"ae_dataset_create_from_arrow", create_from_arrow, 3, COMPLETES},
    {"ae_dataset_concat", concat, 2, 0},
    {"ae_dataset_select", select, 1, 0},
    {"ae_dataset_select_labels", select_labels, 2, 0},
    {"ae_dataset_select_columns", select_columns, 4, COMPLETES},
    {"ae_dataset_shuffle", shuffle, 1, 0},
    {"ae_dataset_view", view, 1, 0},
    {"ae_dataset_split", split, 2, 0},
    {"ae_dataset_open_csv", open_csv, 4, COMPLETES},
    {"ae_dataset_open_csv_memory", open_csv_memory, 4, COMPLETES},
    {"ae_dataset_open_idx", open_idx, 2, 0},
    {"ae_dataset_open_idx_memory", open_idx_memory, 2, 0},
    {"ae_dataset_open_idx_labels", open_idx_labels, 3, 0},
    {"ae_dataset_open_npy", open_npy, 2, 0},
    {"ae_dataset_open_npy", open_npy_mapped, 2, 0},
    {"ae_dataset_open_npy_memory", open_npy_memory, 2, 0},
#ifdef AEI_HAVE_ZLIB
    {"ae_dataset_open_npy", open_packed, 5, COMPLETES},
#endif
    {"ae_dataset_mean", mean, 1, 0},
    {"ae_dataset_read", read_rows, 0, 0},
    {"ae_dataset_check", check_dataset, 0, 0},
    {"ae_dataset_evaluate_mean", evaluate_mean, 1, 0},
    {"ae_csv_write", csv_write, 1, FILES},
    {"ae_npy_write", npy_write, 1, FILES},
    {"ae_network_create", create_network, 3, 0},
    {"ae_network_clone", clone_network, 3, 0},
    {"ae_network_load", load_network, 5, 0},
    {"ae_network_load_memory", load_network_memory, 5, 0},
    {"ae_network_save", save_network, 2, FILES},
    {"ae_network_save_memory", save_network_memory, 1, 0},
    {"ae_network_export_c", export_c, 2, FILES},
    {"ae_network_export_onnx", export_onnx, 0, FILES},
    {"ae_network_evaluate", evaluate, 2, 0},
    {"ae_network_diagnose", diagnose, 10, 0},
    {"ae_diagnosis_text", diagnosis_text, 5, 0},
    {"ae_network_dead_units", dead_units, 1, 0},
    {"ae_network_check_dataset", check_network, 0, 0},
    {"ae_network_fit_error_spread", fit_error_spread, 3, NETWORK},
    {"ae_network_get_error_spread", get_error_spread, 0, 0},
    {"ae_network_set_error_spread", set_error_spread, 0, NETWORK},
    {"ae_network_fit_threshold", fit_threshold, 3, NETWORK},
    {"ae_network_set_threshold", set_threshold, 0, NETWORK},
    {"ae_network_get_threshold", get_threshold, 0, 0},
    {"ae_network_fit_fill", fit_fill, 1, NETWORK},
    {"ae_network_set_fill", set_fill, 0, NETWORK},
    {"ae_network_get_fill", get_fill, 0, NETWORK},
    {"ae_network_fit_scaling", fit_scaling, 1, NETWORK},
    {"ae_network_set_scaling", set_scaling, 1, NETWORK},
    {"ae_network_get_scaling", get_scaling, 1, NETWORK},
    {"ae_network_set_column_names", set_column_names, 1, NETWORK},
    {"ae_network_set_image_size", set_image_size, 0, NETWORK},
    {"ae_network_set_uint8_scale", set_uint8_scale, 0, NETWORK},
    {"ae_network_get_info", get_info, 0, 0},
    {"ae_network_get_layer", get_layer, 0, 0},
    {"ae_network_get_tensor_info", get_tensor_info, 0, 0},
    {"ae_network_get_tensor", get_tensor, 0, 0},
    {"ae_network_set_tensor", set_tensor, 0, NETWORK},
    {"ae_cpu_get_info", cpu_get_info, 0, 0},
    {"ae_session_create", create_session, 3, 0},
    {"ae_session_encode", encode, 0, 0},
    {"ae_session_encode_dataset", encode_dataset, 0, 0},
    {"ae_session_decode", decode, 0, 0},
    {"ae_session_forward", forward, 0, 0},
    {"ae_session_reconstruct", reconstruct, 0, 0},
    {"ae_session_reconstruct_dataset", reconstruct_dataset, 0, 0},
    {"ae_session_score", score, 0, 0},
    {"ae_session_score_dataset", score_dataset, 0, 0},
    {"ae_session_detect", detect, 0, 0},
    {"ae_session_detect_dataset", detect_dataset, 0, 0},
    {"ae_session_save_csv", save_csv, 1, FILES},
    {"ae_session_save_npy", save_npy, 1, FILES},
    {"ae_contributions_top", contributions_top, 0, 0},
    {"ae_optimizer_create_adam", create_adam, 1, 0},
    {"ae_optimizer_create_adamw", create_adamw, 1, 0},
    {"ae_optimizer_create_sgd", create_sgd, 1, 0},
    {"ae_optimizer_set_learning_rate", set_learning_rate, 0, 0},
    {"ae_optimizer_set_schedule", set_schedule, 0, 0},
    {"ae_trainer_create", create_trainer, 10, NETWORK},
    {"ae_trainer_run_step", run_step, 0, NETWORK},
    {"ae_trainer_run_epoch", run_epoch, 0, NETWORK},
    {"ae_trainer_run", run, 1, NETWORK | FILES | PROGRESS},
    {"ae_trainer_resume", resume, 3, NETWORK},
    {"ae_trainer_resume_memory", resume_memory, 3, NETWORK},
    {"ae_trainer_save_checkpoint", save_checkpoint, 2, FILES},
    {"ae_trainer_save_checkpoint_memory", save_checkpoint_memory, 1, 0},
    {"ae_trainer_write_checkpoint", write_checkpoint, 2, FILES},
    {"ae_trainer_save_history", save_history, 1, FILES},
    {"ae_trainer_restore_best", restore_best, 0, NETWORK},
    {"ae_trainer_get_best", get_best, 0, 0},
    {"ae_trainer_get_epoch", get_epoch, 0, 0},
    {"ae_trainer_get_gradient", get_gradient, 0, 0},
    {"ae_event_writer_create", create_events, 0, FILES},
    {"ae_event_writer_add_scalar", add_scalar, 0, FILES},
    {"ae_event_writer_add_image", add_image, 0, FILES},
    {"ae_event_writer_flush", flush, 0, FILES},
    {"ae_event_writer_resume", resume_events, 0, FILES},
    {"ae_transport_create_threads", create_transports, 1, 0},
    {"ae_transport_agree_kernels", agree_kernels, 1, 0},
};

/* Every byte of every file in the test's folder, in a number, and how many files there are. */
static uint64_t files_state(void)
{
    uint64_t state = 0;
    DIR *folder = opendir(support_dir());
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t size = 0;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "events", 6) == 0)
            continue;
        unsigned char *data = support_read(support_path(entry->d_name), &size);
        uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size; /* FNV-1a */
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
        state += hash;
        free(data);
    }
    (void)closedir(folder);
    return state;
}

/* What the world looks like from outside. */
typedef struct picture {
    uint64_t files;
    float output[TABLE_ROWS * FEATURES];
    ae_network *network;
} picture;

static picture look(world *w)
{
    picture p = {.files = files_state()};
    ck_assert_ok(ae_network_clone(&p.network, w->network));
    ck_assert_ok(ae_session_reconstruct(w->session, w->rows, TABLE_ROWS, p.output));
    return p;
}

/* Unchanged, and everything still works. */
static void compare(world *w, const picture *before, const char *name, size_t n)
{
    picture now = look(w);
    ck_assert_msg(now.files == before->files, "%s, allocation %zu: a file changed", name, n);
    ck_assert_msg(fixture_same_state(now.network, before->network),
                  "%s, allocation %zu: the network changed", name, n);
    ck_assert_mem_eq(now.output, before->output, sizeof now.output);
    ae_network_free(now.network);
}

static void fail_each(const struct call *c, bool all_later)
{
    world w;
    begin(&w);
    picture before = look(&w);
    size_t n = 1;
    for (;; n++) {
        const ptrdiff_t held = support_held_memory();
        support_fail_allocation(n);
        support_fail_later_allocations(all_later);
        const ae_status status = c->call(&w);
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        if (!failed) {
            ck_assert_msg(status == AE_OK, "%s: %s", c->name, ae_last_error());
            break;
        }
        if (status == AE_OK && (c->changes & COMPLETES) != 0)
            continue;
        ck_assert_msg(status == AE_ERROR_OUT_OF_MEMORY, "%s, allocation %zu: %s: %s", c->name, n,
                      ae_status_name(status), ae_last_error());
        ck_assert(support_contains(ae_last_error(), "memory") ||
                  support_contains(ae_last_error(), "byte"));
        ck_assert_msg(support_held_memory() == held, "%s, allocation %zu: %td bytes leaked",
                      c->name, n, support_held_memory() - held);
        if ((c->changes & PROGRESS) == 0)
            compare(&w, &before, c->name, n);
    }
    ck_assert_msg(n > c->least, "%s: %zu allocations", c->name, n - 1);
    if ((c->changes & NETWORK) == 0)
        ck_assert(fixture_same_state(w.network, before.network));
    if ((c->changes & FILES) == 0)
        ck_assert_uint_eq(files_state(), before.files);
    ae_network_free(before.network);
    end(&w);
}

/* An even test number fails one allocation, an odd one all from there on. */
START_TEST(every_public_call_survives_without_memory)
{
    fail_each(&calls[_i / 2], _i % 2 == 1);
}
END_TEST

static bool listed(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0)
            return true;
    return false;
}

/* Every function of the headers that can report a failure. */
START_TEST(the_list_is_complete)
{
    static const char mark[] = "AE_API ae_status ";
    size_t found = 0;
    DIR *folder = opendir(support_source("../include/libae"));
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[64];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "../include/libae/%.40s", entry->d_name);
        char *text = (char *)support_read(support_source(path), NULL);
        for (const char *at = text; (at = strstr(at, mark)) != NULL; found++) {
            at += strlen(mark);
            const size_t length = strcspn(at, "(");
            ck_assert_msg(listed(at, length), "%.*s is not in the list", (int)length, at);
        }
        free(text);
    }
    (void)closedir(folder);
    ck_assert_uint_ge(found, 100);
}
END_TEST

Suite *exhaustion_suite(void)
{
    Suite *suite = suite_create("exhaustion");
    TCase *tcase = tcase_create("exhaustion");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_loop_test(tcase, every_public_call_survives_without_memory, 0, 2 * COUNT(calls));
    tcase_add_test(tcase, the_list_is_complete);
    suite_add_tcase(suite, tcase);
    return suite;
}
