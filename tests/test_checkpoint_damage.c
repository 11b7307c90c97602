/* SPDX-License-Identifier: BSD-3-Clause */
/* A damaged checkpoint is refused and changes nothing. */
#include "resumed_run.h"
#include "suites.h"

#include "format/safetensors.h"

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
    {"\"F64\",\"shape\":[2,11]", "\"F64\",\"shape\":[11,2]",
     "tensor history: 11 x 2 values, but 2 epochs"},
    {"\"F64\",\"shape\":[2,11]", "\"U64\",\"shape\":[2,11]",
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
    support_replace(data, size, edits[_i].old, edits[_i].new);
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
        fixture_little_endian(at, 1, 4);
        support_write(path, data, size);
        refuse(&r, &twin, path, AE_ERROR_FORMAT, pokes[i].message);
        memcpy(at, kept, 4);
    }
    free(data);
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

Suite *checkpoint_damage_suite(void)
{
    Suite *suite = suite_create("checkpoint_damage");
    TCase *tcase = tcase_create("checkpoint_damage");
    tcase_add_checked_fixture(tcase, NULL, support_dir_remove);
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, a_damaged_checkpoint_is_refused_and_nothing_changes, 0,
                        (int)COUNT(edits));
    tcase_add_test(tcase, moments_that_cannot_be_are_refused);
    tcase_add_test(tcase, survives_damaged_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
