/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a folder hold that nobody wants? Killed processes leave files. Nobody waits for an
 * answer about them, so no error is reported, and errno stays as it was. */
#define _DEFAULT_SOURCE /* flock */
#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int aei_folder_open(const char *path)
{
    int descriptor;
    do
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* A name has at most 255 bytes: a long one leaves no room for the rest. */
const char *aei_leftovers_stem(const char *name)
{
    return strlen(name) <= 200 ? name : "libae";
}

/* Hexadecimal digits, at least one, and what comes behind them. */
static const char *skip_digits(const char *text)
{
    const size_t count = strspn(text, "0123456789abcdef");
    return count > 0 ? text + count : NULL;
}

static bool is_temporary(const char *entry, const char *stem)
{
    const size_t length = strlen(stem);
    if (entry[0] != '.' || strncmp(entry + 1, stem, length) != 0 || entry[1 + length] != '.')
        return false;
    const char *at = skip_digits(entry + length + 2);
    if (at == NULL || *at != '-')
        return false;
    at = skip_digits(at + 1);
    return at != NULL && (strcmp(at, ".tmp") == 0 || strcmp(at, ".tmp.old") == 0);
}

/* Only a regular file of this user's whose writer is gone. */
static void remove_dead(int folder, const char *entry)
{
    const int descriptor = openat(folder, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat about;
    if (descriptor < 0)
        return;
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == geteuid() &&
        flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(folder, entry, 0);
    (void)close(descriptor);
}

/* A descriptor of its own, since reading a folder moves its offset. */
static void remove_all(int folder, const char *stem)
{
    const int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own < 0 ? NULL : fdopendir(own);
    if (entries == NULL) {
        if (own >= 0)
            (void)close(own);
        return;
    }
    for (const struct dirent *e = readdir(entries); e != NULL; e = readdir(entries))
        if (is_temporary(e->d_name, stem))
            remove_dead(folder, e->d_name);
    (void)closedir(entries);
}

void aei_leftovers_remove(int folder, const char *name)
{
    const int before = errno;
    remove_all(folder, aei_leftovers_stem(name));
    errno = before;
}

void aei_leftovers_remove_of(const char *path)
{
    const int before = errno;
    const char *slash = strrchr(path, '/');
    char folder[4096] = ".";
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length + 1 < sizeof folder) {
        memcpy(folder, path, length);
        memcpy(folder + length, ".", 2);
        const int descriptor = aei_folder_open(folder);
        if (descriptor >= 0) {
            remove_all(descriptor, aei_leftovers_stem(slash == NULL ? path : slash + 1));
            (void)close(descriptor);
        }
    }
    errno = before;
}
