/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every system call of every writer fails once, at each place and in each way: what was there stays
 * whole, what is new is whole or not there, nothing piles up, and the next try succeeds.
 */
#include "event_file.h"
#include "small_run.h"
#include "suites.h"
#include "system_calls.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/* Two states of a run, so that an old file and a new one differ. */
typedef struct world {
    run runs[2];
    ae_session *sessions[2];
} world;

static world make_world(void)
{
    world w = {0};
    for (size_t v = 0; v < 2; v++) {
        w.runs[v] = prepare(fixture_adam(0.01f));
        start(&w.runs[v], (ae_trainer_options){0});
        for (size_t epoch = 0; epoch <= v; epoch++)
            ck_assert_ok(ae_trainer_run_epoch(w.runs[v].trainer, NULL));
        ck_assert_ok(ae_session_create(&w.sessions[v], w.runs[v].network, NULL));
    }
    return w;
}

static void end_world(world *w)
{
    for (size_t v = 0; v < 2; v++) {
        ae_session_free(w->sessions[v]);
        finish(&w->runs[v]);
    }
}

static ae_status write_model(const world *w, size_t v, const char *path)
{
    return ae_network_save(w->runs[v].network, path);
}

static ae_status write_checkpoint(const world *w, size_t v, const char *path)
{
    return ae_trainer_save_checkpoint(w->runs[v].trainer, path);
}

static ae_status write_c(const world *w, size_t v, const char *path)
{
    return ae_network_export_c(w->runs[v].network, path, NULL, NULL);
}

#ifdef AEI_HAVE_PROTOBUF
static ae_status write_onnx(const world *w, size_t v, const char *path)
{
    return ae_network_export_onnx(w->runs[v].network, path, NULL);
}
#endif

static ae_status write_history_csv(const world *w, size_t v, const char *path)
{
    return ae_trainer_save_history(w->runs[v].trainer, path, AE_HISTORY_CSV);
}

static ae_status write_history_jsonl(const world *w, size_t v, const char *path)
{
    return ae_trainer_save_history(w->runs[v].trainer, path, AE_HISTORY_JSONL);
}

static ae_status write_codes_npy(const world *w, size_t v, const char *path)
{
    return ae_session_save_npy(w->sessions[v], w->runs[v].training, path, NULL);
}

static ae_status write_codes_csv(const world *w, size_t v, const char *path)
{
    return ae_session_save_csv(w->sessions[v], w->runs[v].training, path, NULL);
}

static const struct {
    const char *name;
    ae_status (*write)(const world *w, size_t v, const char *path);
    const char *files[2]; /* that it writes */
} writers[] = {
    {"model", write_model, {"f.safetensors", NULL}},
    {"checkpoint", write_checkpoint, {"f.safetensors", NULL}},
    {"C source", write_c, {"f.c", "f.h"}},
    {"history as CSV", write_history_csv, {"f.csv", NULL}},
    {"history as JSON Lines", write_history_jsonl, {"f.jsonl", NULL}},
    {"codes as NPY", write_codes_npy, {"f.npy", NULL}},
    {"codes as CSV", write_codes_csv, {"f.csv", NULL}},
#ifdef AEI_HAVE_PROTOBUF
    {"ONNX", write_onnx, {"f.onnx", NULL}},
#endif
};

static const struct {
    calls_fault fault;
    int error;
    const char *name;
} faults[] = {{CALLS_ERROR, EIO, "EIO"},
              {CALLS_ERROR, ENOSPC, "ENOSPC"},
              {CALLS_ERROR, EDQUOT, "EDQUOT"},
              {CALLS_INTERRUPTED, EINTR, "EINTR"},
              {CALLS_SHORT, 0, "a short write"}};

/* The files of a folder, for each version of them. */
typedef struct files {
    unsigned char *data[2];
    size_t size[2];
} files;

static files read_files(const char *folder, const char *const names[2])
{
    files f = {0};
    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        f.data[i] = support_read(path, &f.size[i]);
        ck_assert_uint_gt(f.size[i], 0);
    }
    return f;
}

static void free_files(files *f)
{
    free(f->data[0]);
    free(f->data[1]);
}

static bool same(const files *a, const files *b)
{
    for (size_t i = 0; i < 2; i++)
        if (a->size[i] != b->size[i] ||
            (a->size[i] > 0 && memcmp(a->data[i], b->data[i], a->size[i]) != 0))
            return false;
    return true;
}

typedef struct trial {
    const world *w;
    size_t writer, fault, n;
    char folder[300], path[400];
    files old, new;
    size_t entries, tried, made;
} trial;

/* One failure. A name that cannot be removed stays until the next success. */
static bool fail_once(trial *t)
{
    char what[160];
    (void)snprintf(what, sizeof what, "%s: %s at call %zu", writers[t->writer].name,
                   faults[t->fault].name, t->n);
    ck_assert_ok(writers[t->writer].write(t->w, 0, t->path));
    calls_watch(t->n, faults[t->fault].fault, faults[t->fault].error);
    const ae_status status = writers[t->writer].write(t->w, 1, t->path);
    const bool reached = calls_made() >= t->n, made = calls_fault_was_made();
    const char *call = calls_failed_call();
    calls_watch(0, CALLS_ERROR, 0);
    files now = read_files(t->folder, writers[t->writer].files);
    const bool in_place = status == AE_OK || strstr(ae_last_error(), "is in place") != NULL;
    ck_assert_msg(same(&now, in_place ? &t->new : &t->old), "%s (%s): %s: a file is neither", what,
                  call, ae_status_name(status));
    ck_assert_msg(status == AE_OK || made, "%s: %s without a fault", what, ae_last_error());
    if (faults[t->fault].fault != CALLS_ERROR)
        ck_assert_msg(status == AE_OK, "%s (%s): %s", what, call, ae_last_error());
    if (strncmp(call, "unlink", 6) != 0)
        ck_assert_msg(support_entries(t->folder) == t->entries, "%s (%s): %zu entries", what, call,
                      support_entries(t->folder));
    ck_assert_ok(writers[t->writer].write(t->w, 1, t->path));
    ck_assert_msg(support_entries(t->folder) == t->entries, "%s (%s): %zu entries at last", what,
                  call, support_entries(t->folder));
    free_files(&now);
    t->tried++;
    t->made += made;
    return reached;
}

static void fail_everywhere(const world *w, size_t writer, size_t *tried, size_t *made)
{
    trial t = {.w = w, .writer = writer};
    (void)snprintf(t.folder, sizeof t.folder, "%s", support_path("out"));
    const char *const *names = writers[writer].files;
    ck_assert_int_eq(mkdir(t.folder, 0700), 0);
    (void)snprintf(t.path, sizeof t.path, "%s/%s", t.folder, names[0]);
    ck_assert_ok(writers[writer].write(w, 0, t.path));
    t.old = read_files(t.folder, names);
    calls_watch(0, CALLS_ERROR, 0);
    ck_assert_ok(writers[writer].write(w, 1, t.path));
    ck_assert_msg(calls_folder_synced_last(), "%s: its folder is not synced after the rename",
                  writers[writer].name);
    t.new = read_files(t.folder, names);
    t.entries = support_entries(t.folder);
    ck_assert(!same(&t.old, &t.new));
    for (t.fault = 0; t.fault < COUNT(faults); t.fault++)
        for (t.n = 1; fail_once(&t); t.n++)
            ck_assert_uint_lt(t.n, 1000);
    *tried += t.tried;
    *made += t.made;
    free_files(&t.old);
    free_files(&t.new);
    support_dir_remove();
}

START_TEST(a_failing_call_of_a_writer_leaves_the_old_file_or_the_new)
{
    world w = make_world();
    size_t tried = 0, made = 0;
    for (size_t i = 0; i < COUNT(writers); i++)
        fail_everywhere(&w, i, &tried, &made);
    printf("write_faults: %zu writers, %zu writes, in which %zu system calls failed\n",
           COUNT(writers), tried, made);
    ck_assert_uint_gt(made, 200);
    end_world(&w);
}
END_TEST

#ifdef AEI_HAVE_PROTOBUF
/* An event file grows: after a failure it ends with a whole record, and goes on. */
START_TEST(a_failing_call_leaves_an_event_file_of_whole_records)
{
    static const double noon = 1000;
    for (size_t fault = 0; fault < COUNT(faults); fault++) {
        bool reached = true;
        for (size_t n = 1; reached; n++) {
            size_t added = 0;
            calls_watch(n, faults[fault].fault, faults[fault].error);
            ae_event_writer *writer = NULL;
            ae_status status = ae_event_writer_create(
                &writer, support_dir(),
                AE_EVENT_WRITER_OPTIONS(.clock = fixed_clock, .user = aei_unconst(&noon)));
            for (uint64_t step = 0; writer != NULL && step < 3; step++)
                added += ae_event_writer_add_scalar(writer, "cost", step, 1.0) == AE_OK;
            if (writer != NULL)
                status = ae_event_writer_flush(writer);
            ck_assert(status == AE_OK || calls_fault_was_made());
            reached = calls_made() >= n;
            calls_watch(0, CALLS_ERROR, 0);
            if (writer != NULL) {
                ck_assert_ok(ae_event_writer_add_scalar(writer, "cost", 3, 1.0));
                ck_assert_ok(ae_event_writer_flush(writer));
                records r = read_records(ae_event_writer_path(writer));
                ck_assert_uint_eq(r.count, 2 + added);
                free_records(&r);
            }
            ae_event_writer_free(writer);
            support_dir_remove();
        }
    }
}
END_TEST
#endif

Suite *write_faults_suite(void)
{
    Suite *suite = suite_create("write_faults");
    TCase *cases = tcase_create("write_faults");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, NULL, support_dir_remove);
    tcase_add_test(cases, a_failing_call_of_a_writer_leaves_the_old_file_or_the_new);
#ifdef AEI_HAVE_PROTOBUF
    tcase_add_test(cases, a_failing_call_leaves_an_event_file_of_whole_records);
#endif
    suite_add_tcase(suite, cases);
    return suite;
}
