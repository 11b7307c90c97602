/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include "check.h"

#include <libae/experimental.h>

#include <errno.h>
#include <fcntl.h>
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

/* A file that exists and cannot be read is found all the same: opening it says why. Some unpack
 * train-images-idx3-ubyte as train-images.idx3-ubyte. */
static bool find_file(file_name *file, const char *folder, const char *part, const char *kind)
{
    static const char *const forms[] = {"%s-%s", "%s-%s.gz", "%s.%s", "%s.%s.gz"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; ++i) {
        char name[64];
        snprintf(name, sizeof name, forms[i], part, kind);
        *file = path_join(folder, name);
        if (file_exists(file->text))
            return true;
    }
    return false;
}

/* Where the images were found. */
typedef struct image_files {
    file_name train, test, train_labels, test_labels;
    bool labelled[2];
} image_files;

static bool search(image_files *files, const char *folder)
{
    files->labelled[0] = find_file(&files->train_labels, folder, "train-labels", "idx1-ubyte");
    files->labelled[1] = find_file(&files->test_labels, folder, "t10k-labels", "idx1-ubyte");
    return find_file(&files->train, folder, "train-images", "idx3-ubyte") &&
           find_file(&files->test, folder, "t10k-images", "idx3-ubyte");
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

/* Whoever names a folder means its images: others in their place would give results that look
 * right. */
static bool find_images(image_files *files, const char *folder, bool fetch)
{
    const char *named = folder != NULL ? folder : getenv("AE_DATA_DIR");
    if (named != NULL && *named != '\0') {
        if (!search(files, named))
            fail("%s: train-images-idx3-ubyte and t10k-images-idx3-ubyte (or .gz) are not both "
                 "there; name another folder by %s",
                 named, folder != NULL ? "--data" : "AE_DATA_DIR, or unset it");
        return true;
    }
    if (search(files, DEFAULT_FOLDER) ||
        (fetch && run_fetch_script() && search(files, DEFAULT_FOLDER)))
        return true;
    note("built-in drawn digits are used: no folder was named, and " DEFAULT_FOLDER
         " has no MNIST%s",
         fetch ? ", nor could " FETCH_SCRIPT " fetch it" : "");
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

static ae_dataset *open_images(const char *pixels, const char *labels, bool labelled)
{
    ae_dataset *plain = NULL, *both = NULL;
    check(ae_dataset_open_idx(&plain, pixels, NULL));
    if (!labelled)
        return plain;
    check(ae_dataset_open_idx_labels(&both, plain, labels));
    ae_dataset_free(plain);
    return both;
}

image_sets images_load(const char *folder, size_t digits, bool fetch)
{
    image_sets found = {.name = "built-in digits", .word = "drawn"};
    image_files files;
    if (!find_images(&files, folder, fetch)) {
        check(ae_dataset_create_digits(&found.train, digits, 1));
        check(ae_dataset_create_digits(&found.test, TEST_DIGITS, 2));
        return found;
    }
    found.train = open_images(files.train.text, files.train_labels.text, files.labelled[0]);
    found.test = open_images(files.test.text, files.test_labels.text, files.labelled[1]);
    const bool mnist = images_are_mnist(found.train);
    found.name = mnist ? "MNIST" : "other data";
    found.word = mnist ? "mnist" : "other";
    return found;
}
