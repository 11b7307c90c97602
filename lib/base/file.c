/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a file come to its place whole or not at all? It is written beside that place, synced,
 * and renamed over it. The first failure is remembered, so that writers need not look at each
 * write: commit reports it. */
#define _DEFAULT_SOURCE /* flock; the strerror_r that returns an int */
#include "base/file.h"

#include "base/error.h"
#include "base/folder.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 1 << 16,
    PATH_SIZE = 4096,
    NAME_SIZE = 256, /* 255 bytes is every usual file system's limit */
    LINKS_MAX = 40,  /* as many as the kernel follows */
    ATTEMPTS = 100
};

struct aei_file {
    int descriptor;
    int folder;           /* held open: the working folder may change before commit */
    int error;            /* the first failure's errno */
    bool published;       /* under its final name; an error since then is the folder's */
    char name[NAME_SIZE]; /* in folder, symbolic links followed */
    char temporary[NAME_SIZE];
    size_t used;
    unsigned char buffer[BUFFER_SIZE];
    char path[]; /* as the caller gave it */
};

ae_status aei_file_fail(const char *path, const char *action, int error)
{
    char reason[128];
    if (strerror_r(error, reason, sizeof reason) != 0)
        (void)snprintf(reason, sizeof reason, "error %d", error);
    ae_status status = AE_ERROR_IO;
    if (error == ENOENT || error == ENOTDIR)
        status = AE_ERROR_NOT_FOUND;
    else if (error == ENOSPC || error == EDQUOT ||
             error == EFBIG) /* device, user and process may each be at a limit */
        status = AE_ERROR_NO_SPACE;
    else if (error == ENOMEM)
        status = AE_ERROR_OUT_OF_MEMORY;
    return path == NULL ? aei_fail(status, "%s: %s", action, reason)
                        : aei_fail(status, "%s: %s: %s", path, action, reason);
}

/*
 * May a link be followed? In a folder where everybody may add names, but only remove their own
 * (/tmp), another user's link leads wherever that user likes: CWE-59. The rule is the kernel's
 * fs.protected_symlinks, which does not see a link that is read and not opened. Nobody else can
 * exchange a link of ours there between this look and the reading.
 */
static bool may_follow(const char *path, const struct stat *link)
{
    char folder[PATH_SIZE];
    struct stat about;
    const char *slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    if (stat(folder, &about) != 0)
        return false;
    const bool open_to_all = (about.st_mode & S_ISVTX) != 0 && (about.st_mode & S_IWOTH) != 0;
    return !open_to_all || link->st_uid == geteuid() || link->st_uid == about.st_uid;
}

/* Replace the path by what it points to, as long as that is a symbolic link; the last may
 * dangle. */
static int follow_links(char path[PATH_SIZE])
{
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_SIZE];
        struct stat about;
        if (lstat(path, &about) != 0 || !S_ISLNK(about.st_mode))
            return 0; /* no link, or nothing there: opening it will tell */
        if (!may_follow(path, &about))
            return EACCES;
        const ssize_t length = readlink(path, link, sizeof link);
        if (length < 0)
            return errno;
        const char *slash = strrchr(path, '/');
        size_t folder = link[0] == '/' || slash == NULL ? 0 : (size_t)(slash - path) + 1;
        if (folder + (size_t)length >= PATH_SIZE)
            return ENAMETOOLONG;
        memcpy(path + folder, link, (size_t)length);
        path[folder + (size_t)length] = '\0';
    }
    return ELOOP;
}

/* Each cause by its own name: it may lie in the path, in its last part, in what a link leads to, or
 * in the folder. */
static ae_status find_name(aei_file *file, char path[PATH_SIZE])
{
    if (strlen(file->path) >= PATH_SIZE)
        return aei_fail(AE_ERROR_IO, "%.200s...: the path of %zu bytes is too long, at most %d",
                        file->path, strlen(file->path), PATH_SIZE - 1);
    memcpy(path, file->path, strlen(file->path) + 1);
    const int error = follow_links(path);
    if (error == EACCES)
        return aei_fail(AE_ERROR_IO,
                        "%s: another user's symbolic link in a folder that is open to all is not "
                        "followed; remove it, or write to a folder of your own",
                        file->path);
    if (error != 0)
        return aei_file_fail(file->path, "this symbolic link cannot be followed", error);
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (strlen(name) >= sizeof file->name)
        return aei_fail(AE_ERROR_IO, "%s: a file name of %zu bytes is too long, at most %d",
                        file->path, strlen(name), NAME_SIZE - 1);
    if (*name == '\0')
        return slash == NULL ? aei_fail(AE_ERROR_NOT_FOUND, "the name of the file is empty")
                             : aei_fail(AE_ERROR_IO, "%s: is the name of a folder", file->path);
    memcpy(file->name, name, strlen(name) + 1);
    return AE_OK;
}

/* Open the folder that the file is to be in. */
static ae_status open_folder(aei_file *file)
{
    char path[PATH_SIZE];
    AE_TRY(find_name(file, path));
    const bool linked = strcmp(path, file->path) != 0;
    char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    if (slash != NULL)
        *slash = '\0';
    file->folder = aei_folder_open(folder);
    if (file->folder >= 0)
        return AE_OK;
    const int error = errno;
    const ae_status status = aei_file_fail(
        linked ? folder : file->path,
        linked ? "the folder that the symbolic link leads to cannot be opened"
               : "its folder cannot be opened",
        error);
    return linked ? aei_fail_within(status, "%s", file->path) : status;
}

/* The lock says that the writer lives. It fails where another process takes the file for a
 * leftover just now, or has removed it; file systems without locks have no leftovers removed. */
static bool is_ours(int descriptor)
{
    struct stat about;
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    return fstat(descriptor, &about) == 0 && about.st_nlink > 0;
}

/* Make a file of a new name; its names tell which file it was meant for, should the process be
 * killed. */
static int open_temporary(aei_file *file, mode_t mode)
{
    const char *stem = aei_leftovers_stem(file->name);
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)snprintf(file->temporary, sizeof file->temporary, ".%.200s.%jx-%x.tmp", stem,
                       (uintmax_t)getpid(), (unsigned)now.tv_nsec + attempt);
        file->descriptor = openat(file->folder, file->temporary,
                                  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file->descriptor >= 0 && is_ours(file->descriptor))
            return 0;
        if (file->descriptor >= 0) {
            (void)close(file->descriptor);
            file->descriptor = -1;
            errno = EEXIST;
        }
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    int error = errno;
    file->temporary[0] = '\0';
    return error;
}

/* Rights for a group that could not be kept are dropped, lest another group gets them. */
static int copy_rights(int descriptor, const struct stat *old)
{
    struct stat made;
    if (fstat(descriptor, &made) != 0)
        return errno;
    mode_t mode = old->st_mode & 0777;
    bool same = made.st_uid == old->st_uid && made.st_gid == old->st_gid;
    if (!same && fchown(descriptor, old->st_uid, old->st_gid) != 0 && made.st_gid != old->st_gid)
        mode &= (mode_t)~0070;
    return fchmod(descriptor, mode) == 0 ? 0 : errno;
}

static ae_status open_beside(aei_file *file)
{
    AE_TRY(open_folder(file));
    struct stat old;
    bool replaces = fstatat(file->folder, file->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (!replaces && errno != ENOENT)
        return aei_file_fail(file->path, "cannot be looked up", errno);
    if (replaces && !S_ISREG(old.st_mode))
        return aei_fail(AE_ERROR_IO, "%s: is %s, not a regular file", file->path,
                        S_ISDIR(old.st_mode) ? "a folder" : "a device or pipe");
    /* Renaming needs the folder's permission only, but a file made read-only is meant to stay. */
    if (replaces && faccessat(file->folder, file->name, W_OK, AT_EACCESS) != 0)
        return aei_file_fail(file->path, "cannot be replaced", errno);
    aei_leftovers_remove(file->folder, file->name);
    int error = open_temporary(file, replaces ? 0600 : 0666); /* the kernel takes the umask off */
    if (error == 0 && replaces)
        error = copy_rights(file->descriptor, &old);
    return error == 0 ? AE_OK : aei_file_fail(file->path, "cannot be created", error);
}

ae_status aei_file_create(aei_file **file, const char *path)
{
    AE_REQUIRE(file);
    AE_REQUIRE(path);
    size_t length = strlen(path) + 1;
    aei_file *made = malloc(sizeof *made + length);
    if (made == NULL)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%s: out of memory: %zu bytes", path,
                        sizeof *made + length);
    made->descriptor = made->folder = -1;
    made->error = 0;
    made->published = false;
    made->temporary[0] = '\0';
    made->used = 0;
    memcpy(made->path, path, length);
    ae_status status = open_beside(made);
    if (status != AE_OK) {
        aei_file_discard(made);
        return status;
    }
    *file = made;
    return AE_OK;
}

static ae_status report(const aei_file *file)
{
    if (file->error != 0 && file->published)
        return aei_file_fail(file->path,
                             "is in place, but its folder cannot be synced: after a loss of power "
                             "the old state may be back",
                             file->error);
    return file->error == 0 ? AE_OK : aei_file_fail(file->path, "cannot be written", file->error);
}

/* A signal may cut a write short. A write of 0 bytes would be tried for ever. */
static void write_fully(aei_file *file, const unsigned char *data, size_t size)
{
    while (file->error == 0 && size > 0) {
        ssize_t n = write(file->descriptor, data, size);
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            file->error = n == 0 ? EIO : errno;
        }
    }
}

static void flush(aei_file *file)
{
    write_fully(file, file->buffer, file->used);
    file->used = 0;
}

ae_status aei_file_write(aei_file *file, const void *data, size_t size)
{
    if (size > BUFFER_SIZE - file->used)
        flush(file);
    if (size >= BUFFER_SIZE) {
        write_fully(file, data, size);
    } else if (size > 0) {
        memcpy(file->buffer + file->used, data, size);
        file->used += size;
    }
    return report(file);
}

ae_status aei_file_print(aei_file *file, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *text = line;
    if (length >= (int)sizeof line) {
        text = malloc((size_t)length + 1);
        if (text != NULL) {
            va_start(arguments, format);
            length = vsnprintf(text, (size_t)length + 1, format, arguments);
            va_end(arguments);
        }
    }
    /* A line left out makes the whole file wrong. */
    if (file->error == 0 && (text == NULL || length < 0))
        file->error = text == NULL ? ENOMEM : EILSEQ;
    ae_status status = text == NULL || length < 0 ? report(file)
                                                  : aei_file_write(file, text, (size_t)length);
    if (text != line)
        free(text);
    return status;
}

/* Network file systems let signals interrupt it. */
static int sync_fully(int descriptor)
{
    int failed;
    do
        failed = aei_system_sync(descriptor);
    while (failed != 0 && errno == EINTR);
    return failed != 0 ? errno : 0;
}

/* The data must be on the device before the name points to them. The file stays open, and so
 * locked, until it has that name; what close could report fsync has reported. */
static void finish(aei_file *file)
{
    flush(file);
    if (file->error == 0)
        file->error = sync_fully(file->descriptor);
}

/* The folder is synced too: until then the new name may be lost with the power, not the data. */
static void publish(aei_file *file)
{
    if (file->error != 0)
        return;
    if (renameat(file->folder, file->temporary, file->folder, file->name) != 0) {
        file->error = errno;
        return;
    }
    file->temporary[0] = '\0';
    file->published = true;
    const int error = sync_fully(file->folder);
    if (error != EINVAL) /* some file systems cannot, and need not */
        file->error = error;
}

ae_status aei_file_commit(aei_file *file)
{
    AE_REQUIRE(file);
    finish(file);
    publish(file);
    ae_status status = report(file);
    aei_file_discard(file);
    return status;
}

/* A second name for what is about to be replaced; empty if there is nothing, or no way to have
 * one. The descriptor, or -1, has the lock of a writer that lives. */
static int keep_old(const aei_file *file, char kept[NAME_SIZE])
{
    (void)snprintf(kept, NAME_SIZE, "%.250s.old", file->temporary);
    if (linkat(file->folder, file->name, file->folder, kept, 0) != 0) {
        kept[0] = '\0';
        return -1;
    }
    const int lock = openat(file->folder, kept, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (lock >= 0)
        (void)flock(lock, LOCK_EX | LOCK_NB);
    return lock;
}

/* After publishing: put the old file back, or leave nothing where nothing was. */
static void take_back(const aei_file *file, const char *kept, bool was_there)
{
    if (kept[0] != '\0')
        (void)renameat(file->folder, kept, file->folder, file->name);
    else if (!was_there)
        (void)unlinkat(file->folder, file->name, 0);
}

ae_status aei_file_commit_both(aei_file *first, aei_file *second)
{
    char kept[NAME_SIZE];
    bool was_there = faccessat(first->folder, first->name, F_OK, 0) == 0;
    /* Both are complete on the device before either is seen. Between the two renames a crash leaves
     * the first new and the second old: no file system call renames two. */
    finish(first);
    finish(second);
    const int lock = keep_old(first, kept);
    if (second->error == 0)
        publish(first);
    if (first->published)
        publish(second);
    if (first->published && !second->published)
        take_back(first, kept, was_there);
    else if (kept[0] != '\0')
        (void)unlinkat(first->folder, kept, 0);
    if (lock >= 0)
        (void)close(lock);
    /* A pair that is in place as a whole may have a folder that cannot be synced. */
    first->published &= second->published;
    ae_status status = report(first->error != 0 ? first : second);
    aei_file_discard(first);
    aei_file_discard(second);
    return status;
}

void aei_file_discard(aei_file *file)
{
    if (file == NULL)
        return;
    if (file->descriptor >= 0)
        (void)close(file->descriptor);
    if (file->temporary[0] != '\0')
        (void)unlinkat(file->folder, file->temporary, 0);
    if (file->folder >= 0)
        (void)close(file->folder);
    free(file);
}
