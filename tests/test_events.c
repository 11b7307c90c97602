/* SPDX-License-Identifier: BSD-3-Clause */
/* Event files: the bytes, what TensorBoard reads of them, what is refused, full disks, threads. */
#define _POSIX_C_SOURCE 200809L /* opendir, setrlimit */
#include "base/unconst.h"
#include "event_file.h"
#include "python.h"
#include "suites.h"

#ifdef AEI_HAVE_PROTOBUF

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static size_t event_files(void)
{
    DIR *folder = opendir(support_dir());
    ck_assert_ptr_nonnull(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += strstr(entry->d_name, "tfevents") != NULL;
    closedir(folder);
    return count;
}

/* The bytes. */

START_TEST(the_bytes_are_those_of_the_format)
{
    static const unsigned char wanted[] =
        "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22"
        "\x09\0\0\0\0\0\0\0\0\x1a\x0d"
        "brain.Event:2"
        "\xee\xdf\x28\xa3"
        "\x20\0\0\0\0\0\0\0\x29\xed\xa9\x50"
        "\x09\0\0\0\0\0\0\0\0\x10\x01\x2a\x13\x0a\x11\x0a\x0aloss/train\x15\0\0\0\x3f"
        "\xee\x80\xe6\x87";
    const double zero = 0;
    ae_event_writer *writer = open_writer(&zero);
    ck_assert_ok(ae_event_writer_add_scalar(writer, "loss/train", 1, 0.5));
    size_t size;
    unsigned char *bytes = support_read(ae_event_writer_path(writer),
                                        &size); /* not freed, not flushed: it is there */
    ck_assert_uint_eq(size, sizeof wanted - 1);
    ck_assert_mem_eq(bytes, wanted, sizeof wanted - 1);
    free(bytes);
    ae_event_writer_free(writer);
}
END_TEST

START_TEST(a_scalar_of_zero_at_step_zero_is_written_out)
{
    const double zero = 0;
    ae_event_writer *writer = open_writer(&zero);
    ck_assert_ok(ae_event_writer_add_scalar(writer, "x", 0, 0));
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 2);
    ck_assert_str_eq(r.events[0]->file_version, "brain.Event:2");
    ck_assert(r.events[1]->has_step && r.events[1]->step == 0);
    const Aei__Event__Value *value = r.events[1]->summary->value[0];
    ck_assert(value->has_simple_value && value->simple_value == 0);
    free_records(&r);
    ae_event_writer_free(writer);
}
END_TEST

/* Two writers of one process at one moment; the names sort by time. */
START_TEST(every_writer_has_a_file_of_its_own)
{
    const double then = 1234567890.75;
    ae_event_writer *first = open_writer(&then), *second = open_writer(&then);
    char wanted[64];
    snprintf(wanted, sizeof wanted, ".%jd.1", (intmax_t)getpid());
    const char *path = ae_event_writer_path(second), *name = strrchr(path, '/') + 1;
    ck_assert_msg(strncmp(name, "events.out.tfevents.1234567890.", 31) == 0, "%s", name);
    ck_assert_msg(strcmp(name + strlen(name) - strlen(wanted), wanted) == 0, "%s", name);
    ck_assert_str_ne(ae_event_writer_path(first), path);
    ck_assert_uint_eq(event_files(), 2);
    ck_assert_ok(ae_event_writer_flush(first));
    ae_event_writer_free(first);
    ae_event_writer_free(second);
}
END_TEST

START_TEST(the_systems_clock_is_the_default)
{
    ae_event_writer *writer = NULL;
    const double before = (double)time(NULL);
    ck_assert_ok(ae_event_writer_create(&writer, support_dir(), NULL));
    ck_assert_ok(ae_event_writer_add_scalar(writer, "x", 1, 1));
    records r = read_records(ae_event_writer_path(writer));
    ck_assert(r.events[0]->wall_time >= before && r.events[1]->wall_time >= r.events[0]->wall_time);
    ck_assert(r.events[1]->wall_time <= (double)time(NULL) + 1);
    free_records(&r);
    ae_event_writer_free(writer);
}
END_TEST

/* TensorBoard's reader. */

static void expect(FILE *list, const char *kind, const char *tag, uint64_t step, double seconds,
                   const char *rest)
{
    fprintf(list, "%s\t%s\t%ju\t%a\t%s\n", kind, tag, (uintmax_t)step, seconds, rest);
}

/* Noise, and the edges of the formats: values that float32 has to round, one pixel, one row, one
 * column. */
START_TEST(tensorboard_reads_every_value_and_picture)
{
    static const char *const tags[] = {"loss/train", "k\xc3\xb6stlich/\xf0\x9f\x98\x80 x", "one"};
    static const double values[] = {0,   -0.0,   1e-50,    0.1,       1.0 / 3, -12.5,
                                    NAN, 1e-310, INFINITY, -INFINITY, 3.4e38,  1e300};
    static const size_t shapes[][3] = {{28, 28, 1}, {1, 1, 1},   {17, 3, 3},
                                       {1, 9, 4},   {300, 1, 3}, {64, 64, 4}};
    double now = 1.7e9;
    ae_event_writer *writer = open_writer(&now);
    FILE *list = fopen(support_path("expected"), "w");
    ck_assert_ptr_nonnull(list);
    for (size_t t = 0; t < COUNT(tags); t++)
        for (uint64_t i = 0; i < COUNT(values); i++) {
            char text[64];
            now += 0.125;
            const uint64_t step = t == 0 ? i : i * 1000000007 + 5000000000;
            ck_assert_ok(ae_event_writer_add_scalar(writer, tags[t], step, values[i]));
            snprintf(text, sizeof text, "%a", (double)(float)values[i]);
            expect(list, "scalar", tags[t], step, now, text);
        }
    uint64_t random = 9;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const size_t size = shapes[i][0] * shapes[i][1] * shapes[i][2];
        uint8_t *pixels = fixture_allocate(size, 1);
        for (size_t k = 0; k < size; k++)
            pixels[k] = (uint8_t)(256 * fixture_uniform(&random));
        char name[32], text[96];
        snprintf(name, sizeof name, "pixels.%zu", i);
        snprintf(text, sizeof text, "%zu\t%zu\t%zu\t%s", shapes[i][0], shapes[i][1], shapes[i][2],
                 name);
        support_write(support_path(name), pixels, size);
        now += 1;
#ifdef AEI_HAVE_PNG
        ck_assert_ok(ae_event_writer_add_image(writer, i < 3 ? "pictures/a" : "b", i, shapes[i][0],
                                               shapes[i][1], shapes[i][2], pixels));
        expect(list, "image", i < 3 ? "pictures/a" : "b", i, now, text);
#endif
        free(pixels);
    }
    ck_assert_int_eq(fclose(list), 0);
    ae_event_writer_free(writer);
    ck_assert_int_eq(
        python_run("tensorboard_reads.py", (const char *const[]){"check", support_dir(), NULL}), 0);
}
END_TEST

START_TEST(tensorboard_reads_all_but_a_record_that_is_cut_off)
{
    const double now = 5;
    ae_event_writer *writer = open_writer(&now);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_ok(ae_event_writer_add_scalar(writer, "x", i, 1));
    ae_event_writer_free(writer);
    ck_assert_int_eq(
        python_run("tensorboard_reads.py", (const char *const[]){"cut", support_dir(), NULL}), 0);
}
END_TEST

/* What is refused. */

START_TEST(a_tag_has_at_most_1024_bytes)
{
    double now = 3;
    ae_event_writer *writer = open_writer(&now);
    char tag[1026];
    memset(tag, 't', sizeof tag);
    tag[1025] = '\0';
    ck_assert_status(ae_event_writer_add_scalar(writer, tag, 1, 1), AE_ERROR_INVALID_ARGUMENT,
                     "the tag has 1025 bytes: at most 1024");
    tag[1024] = '\0';
    ck_assert_ok(ae_event_writer_add_scalar(writer, tag, 1, 1));
    ae_event_writer_free(writer);
}
END_TEST

START_TEST(arguments_out_of_range_are_refused_and_write_nothing)
{
    double now = 3;
    ae_event_writer *writer = open_writer(&now);
    const uint8_t pixel[4] = {0};
    static const char *const bad[] = {"\xff",   "caf\xe9",  "\xed\xa0\x80",
                                      "ab\xc3", "\xc0\x80", "\xf5\x80\x80\x80"};
    ck_assert_status(ae_event_writer_add_scalar(NULL, "x", 1, 1), AE_ERROR_INVALID_ARGUMENT,
                     "writer");
    ck_assert_status(ae_event_writer_add_scalar(writer, NULL, 1, 1), AE_ERROR_INVALID_ARGUMENT,
                     "tag");
    ck_assert_status(ae_event_writer_add_scalar(writer, "", 1, 1), AE_ERROR_INVALID_ARGUMENT,
                     "tag is empty");
    for (size_t i = 0; i < COUNT(bad); i++)
        ck_assert_status(ae_event_writer_add_scalar(writer, bad[i], 1, 1),
                         AE_ERROR_INVALID_ARGUMENT, "not UTF-8");
    ck_assert_status(ae_event_writer_add_scalar(writer, "x", (uint64_t)1 << 63, 1),
                     AE_ERROR_INVALID_ARGUMENT, "step");
    ck_assert_status(ae_event_writer_add_image(NULL, "x", 1, 1, 1, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "writer");
    ck_assert_status(ae_event_writer_add_image(writer, NULL, 1, 1, 1, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "tag");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 1, 1, 1, NULL),
                     AE_ERROR_INVALID_ARGUMENT, "pixels");
    ck_assert_status(ae_event_writer_add_image(writer, "\xff", 1, 1, 1, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "UTF-8");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 0, 1, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "0 x 1");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 1, 65536, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "65536");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, SIZE_MAX, SIZE_MAX, 1, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "must be");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 65535, 65535, 4, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "2^30");
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 1, 1, 2, pixel),
                     AE_ERROR_INVALID_ARGUMENT, "channels");
    static const double times[] = {-1, NAN, INFINITY, 1e300};
    for (size_t i = 0; i < COUNT(times); i++) {
        now = times[i];
        ck_assert_status(ae_event_writer_add_scalar(writer, "x", 1, 1), AE_ERROR_INVALID_ARGUMENT,
                         "clock");
    }
    ck_assert_status(ae_event_writer_flush(NULL), AE_ERROR_INVALID_ARGUMENT, "writer");
    ck_assert_str_eq(ae_event_writer_path(NULL), "");
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 1);
    free_records(&r);
    ae_event_writer_free(writer);
    ae_event_writer_free(NULL);
}
END_TEST

START_TEST(a_file_that_cannot_be_made_is_named)
{
    char place;
    ae_event_writer *const untouched = (ae_event_writer *)&place, *writer = untouched;
    ck_assert_status(ae_event_writer_create(NULL, "x", NULL), AE_ERROR_INVALID_ARGUMENT, "writer");
    ck_assert_status(ae_event_writer_create(&writer, NULL, NULL), AE_ERROR_INVALID_ARGUMENT,
                     "folder");
    ck_assert_status(ae_event_writer_create(&writer, support_path("no/folder"), NULL),
                     AE_ERROR_NOT_FOUND, "no/folder");
    support_write(support_path("file"), "x", 1);
    ck_assert_status(ae_event_writer_create(&writer, support_path("file"), NULL),
                     AE_ERROR_NOT_FOUND, "file");
    const double never = NAN;
    ck_assert_status(ae_event_writer_create(&writer, support_dir(),
                                            AE_EVENT_WRITER_OPTIONS(.clock = fixed_clock,
                                                                    .user = aei_unconst(&never))),
                     AE_ERROR_INVALID_ARGUMENT, "clock");
    ae_event_writer_options sizeless = {0};
    ck_assert_status(ae_event_writer_create(&writer, support_dir(), &sizeless),
                     AE_ERROR_INVALID_ARGUMENT, "size");
    ae_event_writer_options_init(&sizeless);
    ck_assert_uint_eq(sizeless.size, sizeof sizeless);
    ae_event_writer_options_init(NULL);
    ck_assert_int_eq(chmod(support_dir(), 0555), 0);
    const uid_t user = geteuid();
    ck_assert_int_eq(user == 0 ? seteuid(65534) : 0, 0); /* the superuser may write everywhere */
    const ae_status status = ae_event_writer_create(&writer, support_dir(), NULL);
    ck_assert_int_eq(user == 0 ? seteuid(0) : 0, 0);
    ck_assert_int_eq(chmod(support_dir(), 0755), 0);
    ck_assert_status(status, AE_ERROR_IO, "tfevents");
    ck_assert_ptr_eq(writer, untouched);
    ck_assert_uint_eq(event_files(), 0);
}
END_TEST

/* In a child, since a limit cannot be raised again, and without Check, whose messages go through a
 * file too. */
static int overfill(ae_event_writer *writer, const char *folder)
{
    char tag[200];
    memset(tag, 'x', sizeof tag - 1);
    tag[sizeof tag - 1] = '\0';
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){1100, 1100}) != 0)
        return 2;
    for (uint64_t i = 0; i < 4; i++)
        if (ae_event_writer_add_scalar(writer, tag, i, 1) != AE_OK)
            return 3;
    for (int i = 0; i < 2; i++)
        if (ae_event_writer_add_scalar(writer, tag, 4, 1) != AE_ERROR_NO_SPACE ||
            !support_contains(ae_last_error(), ae_event_writer_path(writer)))
            return 4;
    if (ae_event_writer_add_scalar(writer, "short", 5, 1) != AE_OK)
        return 5;
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, 10}) != 0)
        return 6;
    ae_event_writer *none = NULL;
    const ae_status status = ae_event_writer_create(&none, folder, NULL);
    ae_event_writer_free(writer);
    return status == AE_ERROR_NO_SPACE && none == NULL ? 0 : 7;
}

/* What does not fit is taken back, something shorter still fits in behind, and a new writer leaves
 * no file. */
START_TEST(a_record_that_does_not_fit_on_the_disk_is_taken_back)
{
    const double now = 3;
    ae_event_writer *writer = open_writer(&now);
    const char *folder = support_dir();
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(overfill(writer, folder));
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the child ended with %d", result);
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 6);
    ck_assert_int_eq(r.events[4]->step, 3);
    ck_assert_str_eq(r.events[5]->summary->value[0]->tag, "short");
    ck_assert_uint_eq(event_files(), 1);
    free_records(&r);
    ae_event_writer_free(writer);
}
END_TEST

START_TEST(memory_that_runs_out_is_reported_and_not_needed_again)
{
    const double now = 3;
    for (size_t n = 1;; n++) {
        ae_event_writer *writer = NULL;
        support_fail_allocation(n);
        const ae_status status = ae_event_writer_create(
            &writer, support_dir(),
            AE_EVENT_WRITER_OPTIONS(.clock = fixed_clock, .user = aei_unconst(&now)));
        const int failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        ae_event_writer_free(writer);
        ck_assert_uint_eq(event_files(), failed ? 0 : 1);
        if (!failed)
            break;
    }
    ae_event_writer *writer = open_writer(&now);
    const uint8_t pixels[100] = {0};
    support_fail_allocation(1);
    ck_assert_status(ae_event_writer_add_scalar(writer, "a longer record", 1, 1),
                     AE_ERROR_OUT_OF_MEMORY, "memory");
    support_fail_allocation(0);
    ck_assert_ok(ae_event_writer_add_scalar(writer, "a longer record", UINT64_MAX / 2, 1));
#ifdef AEI_HAVE_PNG
    for (size_t n = 1; n <= 2; n++) {
        support_fail_allocation(n);
        ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 10, 10, 1, pixels),
                         AE_ERROR_OUT_OF_MEMORY, "memory");
    }
    support_fail_allocation(0);
#else
    ck_assert_status(ae_event_writer_add_image(writer, "x", 1, 10, 10, 1, pixels),
                     AE_ERROR_UNSUPPORTED, "libpng");
#endif
    const size_t before = support_allocations();
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_ok(ae_event_writer_add_scalar(writer, "a longer record", i, 1));
    ck_assert_uint_eq(support_allocations(), before);
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 102);
    free_records(&r);
    ae_event_writer_free(writer);
}
END_TEST

/* Threads. */

enum { THREADS = 4, RECORDS = 200 };

static void *add_many(void *user)
{
    for (uint64_t i = 0; i < RECORDS; i++) /* of growing length, so that the common buffer moves */
        if (ae_event_writer_add_scalar(user, &"a tag that is somewhat long"[RECORDS / 10 - i / 10],
                                       i, 1) != AE_OK)
            return user;
    return NULL;
}

START_TEST(records_of_several_threads_stay_whole)
{
    const double now = 3;
    ae_event_writer *writer = open_writer(&now);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, writer), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    records r = read_records(ae_event_writer_path(writer));
    ck_assert_uint_eq(r.count, 1 + THREADS * RECORDS);
    size_t seen[RECORDS] = {0};
    for (size_t i = 1; i < r.count; i++)
        seen[r.events[i]->step]++;
    for (size_t i = 0; i < RECORDS; i++)
        ck_assert_uint_eq(seen[i], THREADS);
    free_records(&r);
    ae_event_writer_free(writer);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 240); /* importing tensorboard takes seconds */
    tcase_add_test(tcase, the_bytes_are_those_of_the_format);
    tcase_add_test(tcase, a_scalar_of_zero_at_step_zero_is_written_out);
    tcase_add_test(tcase, every_writer_has_a_file_of_its_own);
    tcase_add_test(tcase, the_systems_clock_is_the_default);
    const char *missing = python_lacks("tensorboard_reads.py",
                                       "$AE_PYTHON or python3 has no tensorboard or PIL");
    support_add_test(tcase, tensorboard_reads_every_value_and_picture, missing);
    support_add_test(tcase, tensorboard_reads_all_but_a_record_that_is_cut_off, missing);
    tcase_add_test(tcase, arguments_out_of_range_are_refused_and_write_nothing);
    tcase_add_test(tcase, a_tag_has_at_most_1024_bytes);
    tcase_add_test(tcase, a_file_that_cannot_be_made_is_named);
    tcase_add_test(tcase, a_record_that_does_not_fit_on_the_disk_is_taken_back);
    tcase_add_test(tcase, memory_that_runs_out_is_reported_and_not_needed_again);
    tcase_add_test(tcase, records_of_several_threads_stay_whole);
}

#else

START_TEST(without_protobuf_every_call_says_so)
{
    ae_event_writer *writer = NULL;
    const uint8_t pixel = 0;
    ck_assert_status(ae_event_writer_create(&writer, support_dir(), NULL), AE_ERROR_UNSUPPORTED,
                     "protobuf-c");
    ck_assert_ptr_null(writer);
    ck_assert_status(ae_event_writer_add_scalar(NULL, "x", 1, 1), AE_ERROR_UNSUPPORTED,
                     "protobuf-c");
    ck_assert_status(ae_event_writer_add_image(NULL, "x", 1, 1, 1, 1, &pixel), AE_ERROR_UNSUPPORTED,
                     "protobuf-c");
    ck_assert_status(ae_event_writer_flush(NULL), AE_ERROR_UNSUPPORTED, "protobuf-c");
    ck_assert_str_eq(ae_event_writer_path(NULL), "");
    ae_event_writer_free(NULL);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, without_protobuf_every_call_says_so);
}

#endif

Suite *events_suite(void)
{
    Suite *suite = suite_create("events");
    TCase *tcase = tcase_create("event files");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}
