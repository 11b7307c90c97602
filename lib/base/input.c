/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "base/input.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct aei_input {
    int descriptor;
    size_t size;
};

static ae_status look(aei_input *input, const char *path)
{
    struct stat about;
    if (fstat(input->descriptor, &about) != 0)
        return aei_file_fail(path, "cannot be read", errno);
    if (!S_ISREG(about.st_mode))
        return aei_fail(AE_ERROR_IO, "%s: is %s, not a regular file", path,
                        S_ISDIR(about.st_mode) ? "a folder" : "a device or pipe");
    if ((uintmax_t)about.st_size > PTRDIFF_MAX)
        return aei_fail(AE_ERROR_IO, "%s: %jd bytes overflow the address space", path,
                        (intmax_t)about.st_size);
    input->size = (size_t)about.st_size;
    return AE_OK;
}

ae_status aei_input_open(aei_input **input, const char *path)
{
    aei_input *made = malloc(sizeof *made);
    if (made == NULL)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "%s: out of memory: %zu bytes", path, sizeof *made);
    do /* non-blocking, or a pipe without a writer would hold us up before it can be refused */
        made->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (made->descriptor < 0 && errno == EINTR);
    const ae_status status = made->descriptor < 0 ? aei_file_fail(path, "cannot be opened", errno)
                                                  : look(made, path);
    if (status != AE_OK) {
        aei_input_close(made);
        return status;
    }
    *input = made;
    return AE_OK;
}

void aei_input_close(aei_input *input)
{
    if (input == NULL)
        return;
    if (input->descriptor >= 0)
        (void)close(input->descriptor);
    free(input);
}

size_t aei_input_size(const aei_input *input)
{
    return input->size;
}

ae_status aei_input_read(aei_input *input, void *data, size_t size, size_t *got)
{
    size_t done = 0;
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

ae_status aei_input_map(aei_input *input, void **data, size_t *size)
{
    void *mapped = mmap(NULL, input->size, PROT_READ, MAP_PRIVATE, input->descriptor, 0);
    if (mapped == MAP_FAILED)
        return aei_file_fail(NULL, "cannot be mapped", errno);
    *data = mapped;
    *size = input->size;
    return AE_OK;
}

void aei_unmap(void *data, size_t size)
{
    if (data != NULL)
        (void)munmap(data, size);
}
