/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints: a run taken up again is the run that was never stopped, and a failed resume changes
 * nothing. */
#include "fixtures.h"
#include "suites.h"

#include "format/safetensors.h"
#include "train/trainer_internal.h"

#include <locale.h>
#include <stdio.h>

enum { FEATURES = 21, ROWS = 61, BATCH = 16 }; /* 4 steps an epoch, the last of 13 rows */

/* A run with all that it needs. */
typedef struct run {
    ae_dataset *train_set, *validation;
    ae_network *network;
    ae_optimizer *optimizer;
    ae_trainer *trainer;
} run;

/* How runs differ from the usual one. */
typedef struct variant {
    const char *name;
    enum { ADAM, ADAMW, SGD, MOMENTUM } rule;
    ae_toggle restore_best, batch_norm;
    ae_shuffle shuffle;
    float clip_norm;
    bool validated, cosine;
} variant;

static const size_t widths[] = {FEATURES, 35, 3, 35, FEATURES};

static ae_optimizer *make_optimizer(const variant *v)
{
    ae_optimizer *optimizer = NULL;
    if (v->rule == ADAM)
        ck_assert_ok(ae_optimizer_create_adam(&optimizer, AE_ADAM_OPTIONS(.learning_rate = 0.01f)));
    else if (v->rule == ADAMW)
        ck_assert_ok(ae_optimizer_create_adamw(&optimizer, AE_ADAM_OPTIONS(.weight_decay = 0.01f)));
    else
        ck_assert_ok(ae_optimizer_create_sgd(
            &optimizer,
            AE_SGD_OPTIONS(.learning_rate = 0.05f, .momentum = v->rule == MOMENTUM ? 0.9f : 0)));
    if (v->cosine)
        ck_assert_ok(ae_optimizer_set_schedule(
            optimizer,
            AE_SCHEDULE_OPTIONS(.kind = AE_SCHEDULE_COSINE, .warmup_steps = 7, .period = 60)));
    return optimizer;
}

static run start_with(const variant *v, const ae_trainer_options *changes)
{
    run r;
    ae_trainer_options options = *changes;
    r.train_set = fixture_dataset(ROWS, FEATURES, 1);
    r.validation = fixture_dataset(9, FEATURES, 2);
    r.network = fixture_network_with(AE_NETWORK_OPTIONS(.widths = widths,
                                                        .width_count = COUNT(widths),
                                                        .batch_norm = v->batch_norm, .seed = 7));
    r.optimizer = make_optimizer(v);
    options.batch = options.batch == 0 ? BATCH : options.batch;
    options.epochs = options.epochs == 0 ? 13 : options.epochs;
    options.seed = options.seed == 0 ? UINT64_MAX : options.seed;
    options.threads = options.threads == 0 ? 1 : options.threads;
    options.restore_best = v->restore_best;
    options.clip_norm = v->clip_norm;
    options.shuffle = options.shuffle == AE_SHUFFLE_DEFAULT ? v->shuffle : options.shuffle;
    options.validation = v->validated ? r.validation : NULL;
    r.trainer = fixture_trainer(r.network, r.optimizer, r.train_set, &options);
    return r;
}

static run start(const variant *v)
{
    return start_with(v, AE_TRAINER_OPTIONS(.batch = 0));
}

static void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->optimizer);
    ae_network_free(r->network);
    ae_dataset_free(r->train_set);
    ae_dataset_free(r->validation);
}

static void steps(run *r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_ok(ae_trainer_run_step(r->trainer, NULL));
}

static void same_bits(const char *what, const float *a, const float *b, size_t count)
{
    ck_assert_msg((a == NULL) == (b == NULL), "%s: one has none", what);
    ck_assert_msg(a == NULL || memcmp(a, b, count * sizeof *a) == 0, "%s differ", what);
}

/* Bits, not values. */
static bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

/* Everything that training goes on from, but for the seconds that it took. */
static void same_runs(const run *a, const run *b)
{
    const ae_trainer *s = a->trainer, *t = b->trainer;
    ck_assert(fixture_same_state(a->network, b->network));
    ck_assert_uint_eq(a->network->batches_tracked, b->network->batches_tracked);
    ck_assert_uint_eq(a->optimizer->steps, b->optimizer->steps);
    same_bits("first moments", a->optimizer->first, b->optimizer->first,
              a->network->parameter_floats);
    same_bits("second moments", a->optimizer->second, b->optimizer->second,
              a->network->parameter_floats);
    if (s->progress.best_epoch != 0) {
        same_bits("best weights", s->best_parameters, t->best_parameters,
                  a->network->parameter_floats);
        same_bits("best statistics", s->best_running, t->best_running, a->network->running_floats);
    }
    aei_progress p = s->progress, q = t->progress;
    p.seconds = q.seconds = 0;
    ck_assert(same(&p, &q, sizeof p));
    ck_assert_uint_eq(s->history_count, t->history_count);
    for (size_t i = 0; i < s->history_count; i++) {
        const ae_epoch_info *e = &s->history[i], *f = &t->history[i];
        const double left[] = {e->train_cost, e->train_cost_min, e->train_cost_max,
                               e->learning_rate};
        const double right[] = {f->train_cost, f->train_cost_min, f->train_cost_max,
                                f->learning_rate};
        ck_assert(same(left, right, sizeof left));
        ck_assert(isnan(e->validation_cost)
                      ? isnan(f->validation_cost)
                      : same(&e->validation_cost, &f->validation_cost, sizeof(double)));
        ck_assert(e->epoch == f->epoch && e->step == f->step && e->rows == f->rows &&
                  e->best == f->best);
    }
}

static const variant variants[] = {
    {.name = "Adam"},
    {.name = "AdamW, the dataset's order", .rule = ADAMW, .shuffle = AE_SHUFFLE_NONE},
    {.name = "SGD without moments", .rule = SGD, .shuffle = AE_SHUFFLE_AFTER_FIRST},
    {.name = "momentum, clipped, no normalisation",
     .rule = MOMENTUM,
     .clip_norm = 0.5f,
     .batch_norm = AE_TOGGLE_OFF},
    {.name = "Adam, best weights, validation, cosine",
     .restore_best = AE_TOGGLE_ON,
     .validated = true,
     .cosine = true},
};

static const size_t stops[] = {20, 21, 3,
                               0}; /* after an epoch, within one, within the first, before it */

START_TEST(a_resumed_run_is_the_uninterrupted_one)
{
    const variant *v = &variants[(size_t)_i / COUNT(stops)];
    const size_t stop = stops[(size_t)_i % COUNT(stops)], all = 50;
    const char *path = support_path("run.safetensors");
    run whole = start(v), half = start(v), rest = start_with(v, AE_TRAINER_OPTIONS(.threads = 2));
    steps(&whole, all);
    steps(&half, stop);
    ck_assert_ok(ae_trainer_save_checkpoint(half.trainer, path));
    steps(&rest, 5); /* whatever the trainer did before is gone */
    ck_assert_ok(ae_trainer_resume(rest.trainer, path));
    same_runs(&half, &rest);
    ck_assert_uint_eq(ae_trainer_step_count(rest.trainer), stop);
    steps(&rest, all - stop);
    same_runs(&whole, &rest);
    finish(&whole), finish(&half), finish(&rest);
}
END_TEST

/* ae_trainer_run leaves the best weights in the network; the checkpoint still holds the latest to
 * go on from. */
START_TEST(a_run_that_ended_with_its_best_weights_goes_on)
{
    const variant v = {.restore_best = AE_TOGGLE_ON, .validated = true};
    const char *path = support_path("run.safetensors");
    run whole = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 8)),
        half = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 5)),
        rest = start_with(&v, AE_TRAINER_OPTIONS(.epochs = 8));
    ck_assert_ok(ae_trainer_run(whole.trainer));
    ck_assert_ok(ae_trainer_run(half.trainer));
    ck_assert_ok(ae_trainer_save_checkpoint(half.trainer, path));
    ck_assert_ok(ae_trainer_resume(rest.trainer, path));
    ck_assert_ok(ae_trainer_run(rest.trainer));
    same_runs(&whole, &rest);
    ck_assert_ok(ae_trainer_resume(half.trainer,
                                   path)); /* onto itself while its best weights are in place */
    const aei_weights latest = aei_trainer_latest(half.trainer);
    ck_assert_ptr_eq(latest.parameters, half.network->parameters);
    finish(&whole), finish(&half), finish(&rest);
}
END_TEST

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

/* Options by which two runs are different runs, and how the error says so. */
static const struct {
    variant v;
    ae_trainer_options options;
    const char *message;
} others[] = {
    {{.rule = SGD}, {.batch = 0}, "optimizer is adam in the checkpoint, sgd in this trainer"},
    {{.rule = ADAMW}, {.batch = 0}, "optimizer is adam in the checkpoint, adamw in this trainer"},
    {{.rule = ADAM}, {.batch = 15}, "batch is 16 in the checkpoint, 15 in this trainer"},
    {{.rule = ADAM},
     {.seed = 5},
     "seed is 18446744073709551615 in the checkpoint, 5 in this trainer"},
    {{.rule = ADAM},
     {.shuffle = AE_SHUFFLE_NONE},
     "shuffle is epoch in the checkpoint, none in this trainer"},
    {{.rule = ADAM}, {.cost = AE_COST_MSE}, "cost is l2 in the checkpoint, mse in this trainer"},
    {{.rule = ADAM},
     {.drop_last = AE_TOGGLE_ON},
     "drop_last is off in the checkpoint, on in this trainer"},
    {{.clip_norm = 0.5f}, {.batch = 0}, "clip_norm is 0 in the checkpoint, 0.5 in this trainer"},
    {{.batch_norm = AE_TOGGLE_OFF},
     {.batch = 0},
     "batch_norm is on in the checkpoint, off in this trainer"},
};

/* Resume must fail so, and leave the run as it was: it is compared with a twin. */
static void refuse(run *r, run *twin, const char *path, ae_status wanted, const char *message)
{
    ck_assert_status(ae_trainer_resume(r->trainer, path), wanted, message);
    same_runs(twin, r);
}

START_TEST(another_run_is_refused_and_nothing_changes)
{
    const variant usual = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&usual);
    steps(&saved, 6);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ae_trainer_options options = others[_i].options;
    options.size = sizeof options;
    run r = start_with(&others[_i].v, &options);
    run twin = start_with(&others[_i].v, &options);
    steps(&r, 3), steps(&twin, 3);
    refuse(&r, &twin, path, AE_ERROR_SHAPE, others[_i].message);
    steps(&r, 3), steps(&twin, 3);
    same_runs(&twin, &r);
    finish(&saved), finish(&r), finish(&twin);
}
END_TEST

static void replace(unsigned char *data, size_t size, const char *old, const char *new)
{
    const size_t length = strlen(old);
    ck_assert_uint_eq(length, strlen(new));
    for (size_t i = 8; i + length <= size; i++) {
        if (memcmp(data + i, old, length) == 0) {
            memcpy(data + i, new, length);
            return;
        }
    }
    ck_abort_msg("no %s in the file", old);
}

START_TEST(other_widths_or_rows_are_refused)
{
    const variant usual = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&usual);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ae_dataset *fewer = NULL;
    ck_assert_ok(ae_dataset_view(&fewer, saved.train_set, 0, ROWS - 1));
    ae_network *wider = FIXTURE_NETWORK(FEATURES, 36, 3, 36, FEATURES), *same = NULL;
    ck_assert_ok(ae_network_clone(&same, saved.network));
    ae_optimizer *adam = fixture_adam(0.01f);
    const ae_trainer_options *options = AE_TRAINER_OPTIONS(.batch = BATCH, .seed = UINT64_MAX,
                                                           .threads = 1);
    ae_trainer *trainer = fixture_trainer(wider, adam, saved.train_set, options);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "widths is 21 35 3 35 21 in the checkpoint, 21 36");
    ae_trainer_free(trainer);
    trainer = fixture_trainer(same, adam, fewer, options);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "rows is 61 in the checkpoint, 60 in");
    size_t size; /* a control character that JSON allows as it is */
    unsigned char *data = support_read(path, &size);
    replace(data, size, "\\\"optimizer\\\":\\\"adam\\\"", "\\\"optimizer\\\":\\\"\x7f]0;\\\"");
    support_write(path, data, size);
    free(data);
    ck_assert_status(ae_trainer_resume(trainer, path), AE_ERROR_SHAPE,
                     "optimizer is ?]0; in the checkpoint");
    ae_trainer_free(trainer);
    ae_optimizer_free(adam);
    ae_network_free(wider);
    ae_network_free(same);
    ae_dataset_free(fewer);
    finish(&saved);
}
END_TEST

/* Rate, schedule, epochs, threads are the new trainer's own. */
START_TEST(what_may_differ_stays_the_trainer_s_own)
{
    const variant cosine = {.cosine = true}, plain = {.rule = ADAM};
    const char *path = support_path("run.safetensors");
    run saved = start(&plain),
        r = start_with(&cosine, AE_TRAINER_OPTIONS(.epochs = 40, .threads = 3));
    steps(&saved, 9);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_optimizer_set_learning_rate(r.optimizer, 0.5f));
    ck_assert_ok(ae_trainer_resume(r.trainer, path));
    ck_assert_uint_eq(ae_optimizer_step_count(r.optimizer), 9);
    ck_assert_int_eq(r.optimizer->schedule.kind, AE_SCHEDULE_COSINE);
    ck_assert(!(r.optimizer->learning_rate < 0.5f) && !(r.optimizer->learning_rate > 0.5f));
    ck_assert_uint_eq(r.trainer->options.epochs, 40);
    ck_assert_uint_eq(ae_trainer_thread_count(r.trainer), 3);
    finish(&saved), finish(&r);
}
END_TEST

/* The best epoch is forgotten where the checkpoint does not hold its weights or judged by another
 * cost. */
START_TEST(a_best_epoch_that_says_nothing_here_is_forgotten)
{
    const variant plain = {.rule = ADAM}, best = {.restore_best = AE_TOGGLE_ON},
                  judged = {.validated = true};
    const char *path = support_path("run.safetensors");
    run saved = start(&plain), a = start(&best), b = start(&judged), c = start(&plain);
    steps(&saved, 9);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_trainer_resume(a.trainer, path));
    ck_assert_uint_eq(a.trainer->progress.best_epoch, 0);
    ck_assert_ok(ae_trainer_resume(b.trainer, path));
    ck_assert_uint_eq(b.trainer->progress.best_epoch, 0);
    ck_assert_ok(ae_trainer_resume(c.trainer, path));
    ck_assert_uint_ge(c.trainer->progress.best_epoch, 1);
    steps(&a, 4);
    ck_assert_uint_eq(a.trainer->progress.best_epoch, 3);
    finish(&saved), finish(&a), finish(&b), finish(&c);
}
END_TEST

/* JSON cannot say infinity; what it says instead must not become a cost that nothing improves
 * on. */
START_TEST(an_infinite_best_cost_can_be_improved_on)
{
    const variant *v = &variants[4];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v);
    steps(&saved, 8);
    saved.trainer->progress.best_epoch = 2;
    saved.trainer->progress.best_cost = INFINITY;
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    ck_assert_ok(ae_trainer_resume(r.trainer, path));
    same_runs(&saved, &r);
    steps(&r, 4);
    ck_assert_uint_eq(r.trainer->progress.best_epoch, 3);
    finish(&saved), finish(&r);
}
END_TEST

static const struct {
    const char *old, *new;
    const char *message;
} edits[] = {
    {"libae.checkpoint", "libae.checkpaint", "a model, not a checkpoint"},
    {"{\\\"run\\\"", "(\\\"run\\\"", "libae.checkpoint: JSON"},
    {"{\\\"run\\\"", "{\\\"ran\\\"", "run is missing or damaged"},
    {"\\\"progress\\\"", "\\\"pr0gress\\\"", "steps is missing or damaged"},
    {"\\\"steps\\\":\\\"10\\\"", "\\\"steps\\\":\\\"11\\\"", "steps is missing or damaged"},
    {"\\\"steps\\\":\\\"10\\\"", "\\\"steps\\\":\\\"-1\\\"", "steps is missing or damaged"},
    {"\\\"epochs\\\":\\\"2\\\"", "\\\"epochs\\\":\\\"3\\\"", "steps is missing or damaged"},
    {"\\\"epoch_step\\\":\\\"2\\\"", "\\\"epoch_step\\\":\\\"9\\\"",
     "epoch_step is missing or damaged"},
    {"\\\"cost_min\\\":", "\\\"cost_men\\\":", "cost_min is missing or damaged"},
    {"\\\"seconds\\\":0", "\\\"seconds\\\":-", "JSON"},
    {"\\\"best_epoch\\\":\\\"2\\\"", "\\\"best_epoch\\\":\\\"3\\\"",
     "best_epoch is missing or damaged"},
    {"\\\"optimizer_steps\\\":\\\"10\\\"", "\\\"optimizer_steps\\\":\\\"1.\\\"",
     "optimizer_steps is missing"},
    {"\"history\"", "\"hystory\"", "tensor history or libae.history_fields is missing"},
    {"\"epoch,step,", "\"step,epoch,", "tensor history or libae.history_fields is missing"},
    {"\"F64\",\"shape\":[2,10]", "\"F64\",\"shape\":[10,2]",
     "tensor history: 10 x 2 values, but 2 epochs"},
    {"\"F64\",\"shape\":[2,10]", "\"U64\",\"shape\":[2,10]",
     "tensor history: dtype is U64, not F64"},
    {"optimizer.first.decoder.0.weight", "optimizer.worst.decoder.0.weight",
     "optimizer.first.decoder.0.weight is missing"},
    {"optimizer.second.encoder.1.bn.bias", "optimizer.fourth.encoder.1.bn.bias",
     "optimizer.second.encoder.1.bn.bias is missing"},
    {"best.decoder.1.bn.running_var", "best.decoder.1.bn.running_bar",
     "best.decoder.1.bn.running_var is missing"},
    {"\"encoder.1.bn.running_var", "\"encoder.1.bn.running_bar",
     "tensor encoder.1.bn.running_var is missing"},
};

START_TEST(a_damaged_checkpoint_is_refused_and_nothing_changes)
{
    const variant *v = &variants[4];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v), twin = start(v);
    steps(&saved, 10), steps(&r, 5), steps(&twin, 5);
    saved.trainer->progress.best_epoch = 2; /* whichever it was, for the edit to find */
    saved.trainer->progress.seconds = 0;
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    size_t size;
    unsigned char *data = support_read(path, &size);
    replace(data, size, edits[_i].old, edits[_i].new);
    support_write(path, data, size);
    free(data);
    refuse(&r, &twin, path, AE_ERROR_FORMAT, edits[_i].message);
    finish(&saved), finish(&r), finish(&twin);
}
END_TEST

START_TEST(moments_that_cannot_be_are_refused)
{
    static const struct {
        const char *tensor;
        float value;
        const char *message;
    } pokes[] = {
        {"optimizer.first.encoder.0.weight", NAN,
         "optimizer.first.encoder.0.weight: element 0 is not finite"},
        {"optimizer.second.decoder.1.bn.weight", -1,
         "optimizer.second.decoder.1.bn.weight: element 0 is -1"},
        {"best.encoder.0.bn.running_var", -1, "best.encoder.0.bn.running_var: element 0 is -1"},
    };
    const variant *v = &variants[4];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v), twin = start(v);
    steps(&saved, 10);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    size_t size;
    unsigned char *data = support_read(path, &size);
    for (size_t i = 0; i < COUNT(pokes); i++) {
        aei_safetensors file;
        ck_assert_ok(aei_safetensors_open(&file, data, size));
        unsigned char *at = data + (aei_safetensors_find(&file, pokes[i].tensor)->data - data);
        aei_safetensors_close(&file);
        unsigned char kept[4];
        memcpy(kept, at, 4);
        memcpy(at, &pokes[i].value, 4);
        support_write(path, data, size);
        refuse(&r, &twin, path, AE_ERROR_FORMAT, pokes[i].message);
        memcpy(at, kept, 4);
    }
    free(data);
    finish(&saved), finish(&r), finish(&twin);
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

/* Every byte of the header changed in turn either resumes or is refused with everything as it
 * was. */
START_TEST(survives_damaged_bytes)
{
    const variant *v = &variants[0];
    const char *path = support_path("run.safetensors");
    run saved = start(v), r = start(v), twin = start(v);
    steps(&saved, 5);
    ck_assert_ok(ae_trainer_save_checkpoint(saved.trainer, path));
    size_t size, refusals = 0;
    unsigned char *data = support_read(path, &size);
    const size_t header = 8 + (size_t)data[0] + ((size_t)data[1] << 8);
    for (size_t at = 0; at < header; at += support_slow() ? 211 : 7) {
        data[at] ^= 0x05;
        support_write(path, data, size);
        data[at] ^= 0x05;
        const ae_status status = ae_trainer_resume(r.trainer, path);
        if (status == AE_OK) {
            finish(&r);
            r = start(v);
            continue;
        }
        refusals++;
        ck_assert_msg(status == AE_ERROR_FORMAT || status == AE_ERROR_SHAPE ||
                          status == AE_ERROR_UNSUPPORTED,
                      "byte %zu: %s", at, ae_last_error());
        if (refusals % 64 == 0)
            same_runs(&twin, &r);
    }
    same_runs(&twin, &r);
    ck_assert_uint_gt(refusals, header / (support_slow() ? 211 : 7) / 2);
    free(data);
    finish(&saved), finish(&r), finish(&twin);
}
END_TEST

/* Numbers are written and read with a point whatever the locale has. */
START_TEST(a_locale_changes_nothing)
{
    const char *name = _i == 0 ? "de_DE" : "ps_AF";
    const char *plain = support_path("plain"), *comma = support_path("comma");
    run r = start(&variants[4]), other = start(&variants[4]);
    steps(&r, 22);
    ck_assert_ok(ae_trainer_save_checkpoint(r.trainer, plain));
    if (!support_set_locale(name))
        printf("checkpoint: no locale like %s here: only half of a test was run\n", name);
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

Suite *checkpoint_suite(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *resume = tcase_create("resume");
    tcase_add_checked_fixture(resume, NULL, support_dir_remove);
    tcase_add_loop_test(resume, a_resumed_run_is_the_uninterrupted_one, 0,
                        (int)(COUNT(variants) * COUNT(stops)));
    tcase_add_test(resume, a_run_that_ended_with_its_best_weights_goes_on);
    tcase_add_test(resume, saving_twice_gives_the_same_bytes);
    tcase_add_test(resume, a_checkpoint_opens_as_a_model);
    tcase_add_test(resume, what_may_differ_stays_the_trainer_s_own);
    tcase_add_test(resume, a_best_epoch_that_says_nothing_here_is_forgotten);
    tcase_add_test(resume, an_infinite_best_cost_can_be_improved_on);
    tcase_add_loop_test(resume, a_locale_changes_nothing, 0, 2);
    suite_add_tcase(suite, resume);
    TCase *refusal = tcase_create("refusal");
    tcase_add_checked_fixture(refusal, NULL, support_dir_remove);
    tcase_set_timeout(refusal, 300);
    tcase_add_loop_test(refusal, another_run_is_refused_and_nothing_changes, 0, (int)COUNT(others));
    tcase_add_test(refusal, other_widths_or_rows_are_refused);
    tcase_add_loop_test(refusal, a_damaged_checkpoint_is_refused_and_nothing_changes, 0,
                        (int)COUNT(edits));
    tcase_add_test(refusal, moments_that_cannot_be_are_refused);
    tcase_add_test(refusal, models_and_missing_files_are_no_checkpoints);
    tcase_add_test(refusal, every_failed_allocation_is_reported);
    tcase_add_test(refusal, survives_damaged_bytes);
    suite_add_tcase(suite, refusal);
    return suite;
}
