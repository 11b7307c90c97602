/* SPDX-License-Identifier: BSD-3-Clause */
/* How does a file come in? By read or by mmap, as a regular file of a known size: a pipe, a device
 * or a folder is refused at the door, because readers above compare what a header promises with
 * that size. */
#define _POSIX_C_SOURCE 200809L /* posix_madvise, pread */
#include "base/input.h"

#include "base/error.h"
#include "base/file.h"
#include "base/system.h"
#include "base/unconst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Asked of the open descriptor, not of the path: another program may put another file there between
 * two calls. */
static ae_status look(aei_input *input, const char *path, bool any)
{
    struct stat about;
    if (fstat(input->descriptor, &about) != 0)
        return aei_file_fail(path, "cannot be read", errno);
    input->sized = S_ISREG(about.st_mode);
    input->device = (uint64_t)about.st_dev;
    input->number = (uint64_t)about.st_ino;
    input->size = 0;
    if (!input->sized && any && !S_ISDIR(about.st_mode))
        return AE_OK;
    if (!input->sized)
        return aei_fail(AE_ERROR_IO, "%s: is %s, not a regular file", path,
                        S_ISDIR(about.st_mode) ? "a folder" : "a device or pipe");
    if ((uintmax_t)about.st_size > PTRDIFF_MAX)
        return aei_fail(AE_ERROR_IO, "%s: %jd bytes overflow the address space", path,
                        (intmax_t)about.st_size);
    input->size = (size_t)about.st_size;
    return AE_OK;
}

/* A signal can interrupt open on a slow file system; the call is then made again. Close-on-exec,
 * because the library does not know what else its process starts. O_NOCTTY, so that a terminal
 * given as a path does not become the process's own. */
static ae_status open_input(aei_input *input, const char *path, bool any)
{
    /* Non-blocking where pipes are refused, or one without a writer would hold us up before. */
    const int wait = any ? 0 : O_NONBLOCK;
    do
        input->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | wait);
    while (input->descriptor < 0 && errno == EINTR);
    if (input->descriptor < 0)
        return aei_file_fail(path, "cannot be opened", errno);
    const ae_status status = look(input, path, any);
    if (status != AE_OK)
        aei_input_close(input);
    return status;
}

ae_status aei_input_open(aei_input *input, const char *path)
{
    return open_input(input, path, false);
}

ae_status aei_input_open_any(aei_input *input, const char *path)
{
    return open_input(input, path, true);
}

/* Nothing was written, so nothing that close could say would matter. */
void aei_input_close(aei_input *input)
{
    (void)close(input->descriptor);
}

/* read may give less than asked for at any time: Linux stops at 2 GiB, network file systems where
 * they like. Only 0 is the end. */
ae_status aei_input_read(const aei_input *input, void *data, size_t size, size_t *got)
{
    size_t done = 0;
    *got = 0;
    while (done < size) {
        const ssize_t n = read(input->descriptor, (unsigned char *)data + done, size - done);
        if (n == 0)
            break;
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return aei_file_fail(NULL, "cannot be read", errno);
    }
    *got = done;
    return AE_OK;
}

/* Private and read-only: pages come from the page cache, shared with all other readers of the file.
 * An empty file cannot be mapped, so callers make sure that values are expected. */
ae_status aei_input_map(const aei_input *input, void **data, size_t *size)
{
    void *mapped = mmap(NULL, input->size, PROT_READ, MAP_PRIVATE, input->descriptor, 0);
    if (mapped == MAP_FAILED)
        return aei_file_fail(NULL, "cannot be mapped", errno);
    /* A page that is missing is read alone. Otherwise the system would read what lies around it,
     * 8 MB on some machines, for one row; whoever reads more says so by aei_will_need. */
    (void)posix_madvise(mapped, input->size, POSIX_MADV_RANDOM);
    *data = mapped;
    *size = input->size;
    return AE_OK;
}

void aei_unmap(void *data, size_t size)
{
    if (data != NULL)
        (void)munmap(data, size);
}

/* Never 0, which stands for none. As with the mapping, a page that is missing is read alone. */
aei_kept aei_input_keep(const aei_input *input)
{
    aei_kept kept = {.device = input->device, .number = input->number};
    const int descriptor = fcntl(input->descriptor, F_DUPFD_CLOEXEC, 1);
    kept.descriptor = descriptor < 0 ? 0 : descriptor;
    if (kept.descriptor != 0)
        aei_system_read_random(kept.descriptor);
    return kept;
}

void aei_let_go(aei_kept kept)
{
    if (kept.descriptor != 0)
        (void)close(kept.descriptor);
}

/* *closed: the program has closed the descriptor, as some do with all of theirs. */
static ae_status read_at(int descriptor, void *data, size_t size, size_t offset, bool *closed)
{
    *closed = false;
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(descriptor, (unsigned char *)data + done, size - done,
                                (off_t)(offset + done));
        if (n == 0)
            return aei_fail(AE_ERROR_IO,
                            "it ends at byte %zu or before, but had more when it was opened: it "
                            "has been made shorter since",
                            offset + done);
        *closed = n < 0 && errno == EBADF;
        if (n < 0 && errno != EINTR)
            return aei_file_fail(NULL, "cannot be read", errno);
        done += n > 0 ? (size_t)n : 0;
    }
    return AE_OK;
}

/* There are programs with more files than descriptors. One that was put in the place of the file
 * meanwhile is not the one whose header was read. */
static ae_status reopen(aei_input *input, aei_kept kept, const char *path)
{
    AE_TRY(aei_input_open(input, path));
    if (input->device == kept.device && input->number == kept.number)
        return AE_OK;
    aei_input_close(input);
    return aei_fail(AE_ERROR_IO, "another file is there now");
}

static ae_status read_kept(aei_kept kept, const char *path, void *data, size_t size, size_t offset)
{
    bool closed = kept.descriptor == 0;
    if (!closed) {
        const ae_status status = read_at(kept.descriptor, data, size, offset, &closed);
        if (!closed)
            return status;
    }
    aei_input input = {0};
    AE_TRY(reopen(&input, kept, path));
    const ae_status status = read_at(input.descriptor, data, size, offset, &closed);
    aei_input_close(&input);
    return status;
}

ae_status aei_read_at(aei_kept kept, const char *path, void *data, size_t size, size_t offset)
{
    const ae_status status = read_kept(kept, path, data, size, offset);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}

ae_status aei_input_read_at(const aei_input *input, void *data, size_t size, size_t offset)
{
    bool closed;
    return read_at(input->descriptor, data, size, offset, &closed);
}

ae_status aei_input_seek(const aei_input *input, size_t offset)
{
    return lseek(input->descriptor, (off_t)offset, SEEK_SET) >= 0
               ? AE_OK
               : aei_file_fail(NULL, "cannot be read", errno);
}

/* A hint: refusal costs speed only. */
void aei_will_need(aei_kept kept, size_t size, size_t offset)
{
    if (kept.descriptor != 0)
        aei_system_read_soon(kept.descriptor, size, offset);
}

/* One byte more is asked for than the file had, to see that it has not grown. */
static ae_status read_whole(void **data, const aei_input *input, size_t limit)
{
    size_t got = 0;
    if (input->size > limit)
        return aei_fail(AE_ERROR_FORMAT, "%zu bytes, more than the %zu that are accepted",
                        input->size, limit);
    void *bytes = malloc(input->size + 1);
    if (bytes == NULL)
        return aei_fail_memory(input->size + 1);
    ae_status status = aei_input_read(input, bytes, input->size + 1, &got);
    if (status == AE_OK && got != input->size)
        status = aei_fail(AE_ERROR_IO, "its length changed from %zu bytes while it was read",
                          input->size);
    if (status == AE_OK)
        *data = bytes;
    else
        free(bytes);
    return status;
}

ae_status aei_file_read(void **data, size_t *size, const char *path, size_t limit)
{
    AE_REQUIRE(data);
    AE_REQUIRE(size);
    AE_REQUIRE(path);
    aei_input input = {0};
    AE_TRY(aei_input_open(&input, path));
    const ae_status status = read_whole(data, &input, limit);
    if (status == AE_OK)
        *size = input.size;
    aei_input_close(&input);
    return status == AE_OK ? AE_OK : aei_fail_within(status, "%s", path);
}
