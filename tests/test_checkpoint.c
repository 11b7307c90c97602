/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a saved run: its bytes, memory that runs out, locales. */
#include "resumed_run.h"
#include "suites.h"

#include <locale.h>
#include <stdio.h>

START_TEST(saving_twice_gives_the_same_bytes)
{
    run r = start(&variants[4]), other = start(&variants[4]);
    const char *first = support_path("first"), *second = support_path("second");
    steps(&r, 22);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, first));
    ck_assert_ok(ae_trainer_resume(other.trainer, first));
    ck_assert_ok(ae_trainer_save_checkpoint(other.trainer, second));
    size_t a, b;
    unsigned char *left = support_read(first, &a), *right = support_read(second, &b);
    ck_assert_uint_eq(a, b);
    ck_assert_int_eq(memcmp(left, right, a), 0);
    free(left), free(right);
    finish(&r), finish(&other);
}
END_TEST

START_TEST(a_checkpoint_opens_as_a_model)
{
    run r = start(&variants[4]);
    ae_network *network = NULL;
    const char *path = support_path("run.safetensors");
    steps(&r, 22);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, path));
    ck_assert_ok(ae_network_load(&network, path, NULL));
    ck_assert(fixture_same_state(network, r.network));
    ae_network_free(network);
    finish(&r);
}
END_TEST

START_TEST(models_and_missing_files_are_no_checkpoints)
{
    run r = start(&variants[0]), twin = start(&variants[0]);
    const char *path = support_path("model.safetensors");
    ck_assert_ok(ae_network_save(r.network, path));
    refuse(&r, &twin, path, AE_ERROR_FORMAT, "model.safetensors: a model, not a checkpoint");
    refuse(&r, &twin, support_path("absent"), AE_ERROR_NOT_FOUND, "absent");
    refuse(&r, &twin, support_dir(), AE_ERROR_IO, "folder");
    ck_assert_status(ae_trainer_resume(NULL, path), AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    ck_assert_status(ae_trainer_resume(r.trainer, NULL), AE_ERROR_INVALID_ARGUMENT, "path is NULL");
    ck_assert_status(ae_trainer_save_checkpoint(NULL, path), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_save_checkpoint(r.trainer, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "path is NULL");
    ck_assert_status(ae_trainer_save_checkpoint(r.trainer, support_path("no/folder")),
                     AE_ERROR_NOT_FOUND, "no/folder");
    finish(&r), finish(&twin);
}
END_TEST

/* Resuming and saving with each allocation failing in turn: an error, and the run and the old file
 * as they were. */
START_TEST(every_failed_allocation_is_reported)
{
    const variant *v = &variants[4];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v), twin = start(v);
    steps(&saved, 10);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    size_t tries = 0;
    for (int failed = 1; failed;) {
        support_fail_allocation(++tries);
        const ae_status status = ae_trainer_resume(r.trainer, path);
        failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        same_runs(failed ? &twin : &saved, &r);
    }
    ck_assert_uint_gt(tries, 15);
    tries = 0;
    for (int failed = 1; failed;) {
        support_fail_allocation(++tries);
        const ae_status status = ae_trainer_save_checkpoint(saved.trainer, path);
        failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        ck_assert_ok(ae_trainer_resume(twin.trainer, path));
        same_runs(&saved, &twin);
    }
    ck_assert_uint_gt(tries, 8);
    finish(&saved), finish(&r), finish(&twin);
}
END_TEST

static const char *const locales[] = {"de_DE", "ps_AF"};

/* Numbers are written and read with a point whatever the locale has. */
START_TEST(a_locale_changes_nothing)
{
    const char *plain = support_path("plain"), *comma = support_path("comma");
    run r = start(&variants[4]), other = start(&variants[4]);
    steps(&r, 22);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, plain));
    ck_assert(support_set_locale(locales[_i]));
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, comma));
    ck_assert_ok(ae_trainer_resume(other.trainer, comma));
    same_runs(&r, &other);
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
    size_t a, b;
    unsigned char *left = support_read(plain, &a), *right = support_read(comma, &b);
    ck_assert(a == b && memcmp(left, right, a) == 0);
    free(left), free(right);
    finish(&r), finish(&other);
}
END_TEST

START_TEST(a_checkpoint_in_memory_is_the_file_and_is_taken_up)
{
    run r = start(&variants[4]), other = start(&variants[4]), twin = start(&variants[4]);
    const char *path = support_path("run.safetensors");
    size_t size = 0, needed = 0, reported = 0;
    steps(&r, 22);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, path));
    unsigned char *file = support_read(path, &size);
    ck_assert_ok(ae_trainer_save_checkpoint_memory(r.trainer, NULL, 0, &needed));
    ck_assert_uint_eq(needed, size);
    unsigned char *buffer = fixture_allocate(size, 1);
    ck_assert_status(ae_trainer_save_checkpoint_memory(r.trainer, buffer, size - 1, &reported),
                     AE_ERROR_BUFFER_SIZE, "bytes are needed");
    ck_assert_uint_eq(reported, size);
    ck_assert(buffer[0] == 0 && buffer[size - 1] == 0);
    ck_assert_ok(ae_trainer_save_checkpoint_memory(r.trainer, buffer, size, NULL));
    ck_assert_mem_eq(buffer, file, size);
    ck_assert_status(ae_trainer_resume_memory(other.trainer, buffer, size - 1), AE_ERROR_FORMAT,
                     "");
    same_runs(&twin, &other);
    ck_assert_ok(ae_trainer_resume_memory(other.trainer, buffer, size));
    same_runs(&r, &other);
    ck_assert_status(ae_trainer_save_checkpoint_memory(NULL, buffer, size, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "trainer is NULL");
    ck_assert_status(ae_trainer_save_checkpoint_memory(r.trainer, NULL, 0, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "buffer and size are both NULL");
    ck_assert_status(ae_trainer_resume_memory(NULL, buffer, size), AE_ERROR_INVALID_ARGUMENT,
                     "trainer is NULL");
    ck_assert_status(ae_trainer_resume_memory(r.trainer, NULL, size), AE_ERROR_INVALID_ARGUMENT,
                     "data is NULL");
    free(file), free(buffer);
    finish(&r), finish(&other), finish(&twin);
}
END_TEST

Suite *checkpoint_suite(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tcase = tcase_create("checkpoint");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_add_test(tcase, saving_twice_gives_the_same_bytes);
    tcase_add_test(tcase, a_checkpoint_opens_as_a_model);
    for (int i = 0; i < (int)COUNT(locales); i++)
        support_add_loop_test(tcase, a_locale_changes_nothing, i, i + 1,
                              support_no_locale(locales[i]));
    tcase_add_test(tcase, models_and_missing_files_are_no_checkpoints);
    tcase_add_test(tcase, every_failed_allocation_is_reported);
    tcase_add_test(tcase, a_checkpoint_in_memory_is_the_file_and_is_taken_up);
    suite_add_tcase(suite, tcase);
    return suite;
}
