/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "figures.h"

#include "common/check.h"
#include "common/files.h"
#include "plot/picture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_events(const char *folder)
{
    static const char prefix[] = "events.out.tfevents.";
    DIR *directory = opendir(folder);
    if (directory == NULL)
        fail("%s: %s", folder, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        file_name name = path_join(folder, entry->d_name);
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 && unlink(name.text) != 0)
            fail("%s: %s", name.text, strerror(errno));
    }
    closedir(directory);
}

void log_begin(experiment *e)
{
    file_name usual = path_join(e->args.out, "tensorboard");
    const char *folder = e->args.tensorboard != NULL ? e->args.tensorboard : usual.text;
    folder_prepare(folder);
    if (e->args.tensorboard == NULL && !e->args.resume)
        remove_events(folder); /* TensorBoard would take them for this run's */
    ae_status status = ae_event_writer_create(&e->events, folder, NULL);
    if (status == AE_ERROR_UNSUPPORTED)
        note("no log for TensorBoard: %s", error_text(status));
    else
        check(status);
    e->log_pictures = e->events != NULL;
}

/* Side by side, from row-major images one after another. */
static bool log_strip(ae_event_writer *events, const char *tag, uint64_t step, const pairs *p,
                      const float *images)
{
    size_t width = p->width * p->count;
    uint8_t *pixels = calloc(width * p->height, 1);
    if (pixels == NULL)
        fail("no memory for pictures");
    for (size_t i = 0; i < p->count; ++i)
        for (size_t y = 0; y < p->height; ++y)
            for (size_t x = 0; x < p->width; ++x)
                pixels[y * width + i * p->width + x] = picture_grey(
                    images[(i * p->height + y) * p->width + x]);
    ae_status status = ae_event_writer_add_image(events, tag, step, width, p->height, 1, pixels);
    free(pixels);
    if (status != AE_OK)
        note("%s: %s", tag, error_text(status));
    return status == AE_OK;
}

void log_pictures(experiment *e, uint64_t step)
{
    if (!e->log_pictures || ae_dataset_image_height(e->validation) == 0)
        return;
    pairs p = pairs_make(e);
    e->log_pictures = log_strip(e->events, "autoencoder_model/validation/input", step, &p,
                                p.inputs) &&
                      log_strip(e->events, "autoencoder_model/validation/output", step, &p,
                                p.outputs);
    pairs_free(&p);
}
