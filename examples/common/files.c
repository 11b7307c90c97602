/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include "check.h"

#include <libae/experimental.h>

#include <errno.h>
#include <fcntl.h>
#include <libae/experimental.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_FOLDER "data/mnist"
#define FETCH_SCRIPT "scripts/fetch-mnist"

enum { TEST_DIGITS = 10000 };

extern char **environ;

file_name path_join(const char *folder, const char *name)
{
    file_name joined;
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    int needed = snprintf(joined.text, sizeof joined.text, "%s%s%s", folder, slash, name);
    if (needed < 0 || (size_t)needed >= sizeof joined.text)
        fail("%.60s...: the name is too long, give a shorter folder", folder);
    return joined;
}

bool file_exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static bool make_folder(const char *folder)
{
    return mkdir(folder, 0777) == 0 || errno == EEXIST;
}

void folder_prepare(const char *folder)
{
    file_name part = path_join(folder, "");
    for (char *slash = strchr(part.text + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_folder(part.text))
            fail("%s: the folder cannot be made: %s; choose another with --out", part.text,
                 strerror(errno));
        *slash = '/';
    }
    char name[32];
    snprintf(name, sizeof name, ".probe-%jd", (intmax_t)getpid());
    file_name probe = path_join(folder, name);
    int file = open(probe.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        fail("%s: no file can be written there: %s; choose another folder with --out", folder,
             strerror(errno));
    close(file);
    unlink(probe.text);
}

/* A file that exists and cannot be read is found all the same: opening it says why. */
static bool find_file(file_name *file, const char *folder, const char *name)
{
    char packed_name[64];
    snprintf(packed_name, sizeof packed_name, "%s.gz", name);
    file_name plain = path_join(folder, name);
    file_name packed = path_join(folder, packed_name);
    if (file_exists(plain.text))
        *file = plain;
    else if (file_exists(packed.text))
        *file = packed;
    else
        return false;
    return true;
}

/* Where the images were found. */
typedef struct image_files {
    file_name train;
    file_name test;
    file_name labels;
    bool labelled;
} image_files;

static bool search(image_files *files, const char *folder)
{
    files->labelled = find_file(&files->labels, folder, "t10k-labels-idx1-ubyte");
    return find_file(&files->train, folder, "train-images-idx3-ubyte") &&
           find_file(&files->test, folder, "t10k-images-idx3-ubyte");
}

/*
 * The script's output joins the progress on standard error: standard output belongs to the results.
 */
static bool run_fetch_script(void)
{
    if (access(FETCH_SCRIPT, X_OK) != 0)
        return false;
    char *command[] = {FETCH_SCRIPT, DEFAULT_FOLDER, NULL};
    posix_spawn_file_actions_t redirect;
    if (posix_spawn_file_actions_init(&redirect) != 0)
        return false;
    pid_t child = 0;
    int status = 0;
    bool done = posix_spawn_file_actions_adddup2(&redirect, STDERR_FILENO, STDOUT_FILENO) == 0 &&
                posix_spawn(&child, FETCH_SCRIPT, &redirect, NULL, command, environ) == 0 &&
                waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                WEXITSTATUS(status) == 0;
    posix_spawn_file_actions_destroy(&redirect);
    return done;
}

static bool find_images(image_files *files, const char *wanted)
{
    const char *folders[] = {wanted, getenv("AE_DATA_DIR"), DEFAULT_FOLDER};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; ++i) {
        if (folders[i] == NULL || *folders[i] == '\0')
            continue;
        if (search(files, folders[i]))
            return true;
        if (i == 0)
            note("%s: train-images-idx3-ubyte and t10k-images-idx3-ubyte (or .gz) are not both "
                 "there, looking elsewhere",
                 wanted);
    }
    if (run_fetch_script() && search(files, DEFAULT_FOLDER))
        return true;
    note("MNIST is neither here nor could " FETCH_SCRIPT
         " fetch it: built-in drawn digits are used instead");
    return false;
}

bool images_are_mnist(const ae_dataset *images)
{
    enum { ROWS = 60000, FEATURES = 784, SAMPLE = 8 };
    static const uint64_t fingerprint =
        0x7c351351de14fbd5u; /* of MNIST's first SAMPLE training images */
    static float pixels[SAMPLE * FEATURES];
    if (ae_dataset_row_count(images) != ROWS || ae_dataset_feature_count(images) != FEATURES ||
        ae_dataset_read(images, 0, SAMPLE, pixels) != AE_OK)
        return false;
    uint64_t hash = 14695981039346656037u; /* FNV-1a, 64 bits */
    for (size_t i = 0; i < SAMPLE * FEATURES; ++i)
        hash = (hash ^ (uint64_t)(pixels[i] * 255.0f + 0.5f)) * 1099511628211u;
    return hash == fingerprint;
}

const char *images_load(ae_dataset **train, ae_dataset **test, const char *folder, size_t digits)
{
    image_files files;
    ae_dataset *images = NULL;
    if (!find_images(&files, folder)) {
        check(ae_dataset_create_digits(train, digits, 1));
        check(ae_dataset_create_digits(test, TEST_DIGITS, 2));
        return "built-in digits";
    }
    check(ae_dataset_open_idx(train, files.train.text, NULL));
    check(ae_dataset_open_idx(test, files.test.text, NULL));
    if (files.labelled) {
        images = *test;
        check(ae_dataset_open_idx_labels(test, images, files.labels.text));
        ae_dataset_free(images);
    }
    return images_are_mnist(*train) ? "MNIST" : "other data";
}
