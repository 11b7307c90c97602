/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One thread writes at a time in the tests that watch. In the others, threads may write together,
 * and leave nothing but what is atomic. */
static struct {
    atomic_size_t made;
    atomic_bool renamed, synced;
    size_t wanted;
    calls_fault fault;
    int error;
    const char *failed;
} calls;

void calls_watch(size_t n, calls_fault fault, int error)
{
    calls.made = 0;
    calls.renamed = calls.synced = false;
    calls.failed = NULL;
    calls.wanted = n;
    calls.fault = fault;
    calls.error = error;
}

size_t calls_made(void)
{
    return calls.made;
}

bool calls_fault_was_made(void)
{
    return calls.failed != NULL;
}

const char *calls_failed_call(void)
{
    return calls.failed == NULL ? "none" : calls.failed;
}

bool calls_folder_synced_last(void)
{
    return calls.renamed && calls.synced;
}

/* Count a call; true when it fails, with errno set. */
static bool fails(const char *name, bool interruptible)
{
    const size_t number = atomic_fetch_add(&calls.made, 1) + 1;
    if (calls.wanted == 0 || number != calls.wanted || calls.fault == CALLS_SHORT ||
        (calls.fault == CALLS_INTERRUPTED && !interruptible))
        return false;
    calls.failed = name;
    errno = calls.fault == CALLS_INTERRUPTED ? EINTR : calls.error;
    return true;
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
int __wrap_fsync(int descriptor);
int __wrap_flock(int descriptor, int operation);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags);
int __wrap_unlink(const char *path);
int __wrap_close(int descriptor);

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return fails("open", true) ? -1 : open(path, flags, mode);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return fails("openat", true) ? -1 : openat(folder, path, flags, mode);
}

ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
    if (fails("write", true))
        return -1;
    if (calls.fault == CALLS_SHORT && calls.made == calls.wanted && size > 1) {
        calls.failed = "write";
        size /= 2;
    }
    return write(descriptor, data, size);
}

int __wrap_fsync(int descriptor)
{
    struct stat about;
    if (fails("fsync", true))
        return -1;
    if (fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode))
        calls.synced = true;
    return fsync(descriptor);
}

int __wrap_flock(int descriptor, int operation)
{
    return fails("flock", true) ? -1 : flock(descriptor, operation);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
    if (fails("renameat", false))
        return -1;
    calls.renamed = true;
    calls.synced = false;
    return renameat(from, old, to, new);
}

int __wrap_linkat(int from, const char *old, int to, const char *new, int flags)
{
    return fails("linkat", false) ? -1 : linkat(from, old, to, new, flags);
}

int __wrap_unlinkat(int folder, const char *path, int flags)
{
    return fails("unlinkat", false) ? -1 : unlinkat(folder, path, flags);
}

int __wrap_unlink(const char *path)
{
    return fails("unlink", false) ? -1 : unlink(path);
}

int __wrap_close(int descriptor)
{
    const bool failed = fails("close", true);
    const int error = errno, closed = close(descriptor);
    if (failed)
        errno = error;
    return failed ? -1 : closed;
}
