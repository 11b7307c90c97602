/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TensorBoard event files: TFRecord framing around events. A record is
 *
 *     u64 length | u32 masked CRC-32C of those 8 bytes | event | u32 masked CRC-32C of the event
 *
 * all little-endian; the first event holds the version, each other one a scalar, an image, or the
 * step from which on a run goes on.
 */
#define _POSIX_C_SOURCE 200809L /* openat, gethostname, clock_gettime */
#include <libae/events.h>

#include "base/error.h"
#include "base/options.h"
#include "base/unconst.h"
#include "format/events_internal.h"

AEI_OPTIONS_INIT(ae_event_writer_options)

#ifdef AEI_HAVE_PROTOBUF

#include "base/file.h"
#include "base/folder.h"
#include "format/bytes.h"
#include "format/crc32c.h"
#include "format/png.h"
#include "format/proto/event.pb-c.h"
#include "format/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A name needs 190 bytes at most: fixed text, 16 digits of time, a host of 127, a process id and a
 * number. */
enum {
    NAME_SIZE = 256,
    HOST_SIZE = 128,
    HEAD = 12,
    TAIL = 4,
    MOST_FILES = 10000,
    MOST_PIXELS = 65535
};

/* Up to here every whole second is a double of its own, as the file's name and wall_time need
 * it. */
static const double latest = 0x1p53;
/* 2^30 bytes of pixels keep an event under the 2 GiB that readers of protobuf take, even where PNG
 * cannot make them smaller. */
static const size_t largest_image = (size_t)1 << 30;

struct ae_event_writer {
    double (*clock)(void *user);
    void *user;
    pthread_mutex_t lock; /* of what follows */
    int descriptor;
    off_t length; /* of the whole records in the file */
    bool damaged; /* a piece of a record is behind them and could not be taken away */
    bool begun;   /* an event with a step is among them */
    unsigned char *record;
    size_t room;
    char path[];
};

static double system_clock(void *user)
{
    (void)user;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A caller's clock can return anything; converted to an integer for the name, what is negative or
 * huge would be undefined. */
static ae_status read_clock(double *seconds, const ae_event_writer *w)
{
    const double now = w->clock(w->user);
    if (!(now >= 0 && now <= latest))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "clock: %g is not a time from 0 to 2^53 seconds",
                        now);
    *seconds = now;
    return AE_OK;
}

/* Rotated and shifted, so that a checksum over data that hold checksums is no special case. */
static uint32_t masked_crc(const void *data, size_t size)
{
    const uint32_t crc = aei_crc32c(data, size);
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

/* Kept for the next event: a run that writes one scalar a step allocates once. */
static ae_status reserve(ae_event_writer *w, size_t size)
{
    if (size <= w->room)
        return AE_OK;
    unsigned char *grown = realloc(w->record, size);
    if (grown == NULL)
        return aei_fail_memory(size);
    w->record = grown;
    w->room = size;
    return AE_OK;
}

/* All of a record or, as far as that can be had, nothing. One write for a whole record: a program
 * that is killed leaves no half of one. After an error the file ends where the last whole record
 * does, because readers stop at the first damaged one and would never see what follows. */
static ae_status append(ae_event_writer *w, size_t size)
{
    size_t done = 0;
    int error = 0;
    while (done < size && error == 0) {
        const ssize_t n = write(w->descriptor, w->record + done, size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            error = n == 0 ? EIO : errno;
    }
    if (error == 0) {
        w->length += (off_t)size;
        return AE_OK;
    }
    w->damaged = done > 0 && ftruncate(w->descriptor, w->length) != 0;
    return aei_file_fail(w->path, "cannot be written", error);
}

/* Once a piece stays behind, each further record would be lost to readers; the error says so
 * instead. */
static ae_status write_locked(ae_event_writer *w, const Aei__Event__Event *event)
{
    if (w->damaged)
        return aei_fail(AE_ERROR_IO, "%s: ends in a piece of a record that could not be taken back",
                        w->path);
    const size_t size = aei__event__event__get_packed_size(event);
    AE_TRY(reserve(w, HEAD + size + TAIL));
    aei_store(w->record, size, 8);
    aei_store(w->record + 8, masked_crc(w->record, 8), 4);
    (void)aei__event__event__pack(event, w->record + HEAD);
    aei_store(w->record + HEAD + size, masked_crc(w->record + HEAD, size), TAIL);
    const ae_status status = append(w, HEAD + size + TAIL);
    w->begun = w->begun || (status == AE_OK && event->has_step != 0);
    return status;
}

/* The clock is read outside the lock: it is the caller's code, which other threads should not have
 * to wait for. */
static ae_status write_event(ae_event_writer *w, Aei__Event__Event *event)
{
    AE_TRY(read_clock(&event->wall_time, w));
    (void)pthread_mutex_lock(&w->lock);
    const ae_status status = write_locked(w, event);
    (void)pthread_mutex_unlock(&w->lock);
    return status;
}

/* The name has to be one path component whatever this machine is called. */
static void host_name(char host[HOST_SIZE])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (gethostname(host, HOST_SIZE) != 0)
        host[0] = '\0';
    host[HOST_SIZE - 1] = '\0';
    for (size_t i = strspn(host, plain); host[i] != '\0'; i += strspn(host + i, plain))
        host[i] = '_';
    if (host[0] == '\0')
        (void)snprintf(host, HOST_SIZE, "localhost");
}

/* A file of a new name. The folder is synced too: a file that is not listed is no use after a power
 * cut. Two writers can start in the same second, also in one process. O_EXCL decides who has a
 * name, and the other takes the next number; TensorBoard takes all files of a folder for one
 * run. */
static ae_status open_file(ae_event_writer *w, const char *folder, double now)
{
    char host[HOST_SIZE], name[NAME_SIZE];
    host_name(host);
    const int directory = aei_folder_open(folder);
    if (directory < 0)
        return aei_file_fail(folder, "cannot be opened as a folder", errno);
    int error = EEXIST;
    for (unsigned n = 0; n < MOST_FILES && (error == EEXIST || error == EINTR); n++) {
        (void)snprintf(name, sizeof name, "events.out.tfevents.%010llu.%s.%jd.%u",
                       (unsigned long long)now, host, (intmax_t)getpid(), n);
        w->descriptor = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
                               0666);
        error = w->descriptor < 0 ? errno : 0;
    }
    if (error == 0)
        (void)fsync(directory);
    (void)close(directory);
    (void)snprintf(w->path, strlen(folder) + 1 + NAME_SIZE, "%s/%s", folder, name);
    return error == 0 ? AE_OK : aei_file_fail(w->path, "cannot be created", error);
}

/* The version must be the first record. Without it the file is no use to a reader, so it is
 * removed. */
static ae_status begin(ae_event_writer *w, const char *folder)
{
    double now = 0;
    AE_TRY(read_clock(&now, w));
    AE_TRY(open_file(w, folder, now));
    Aei__Event__Event event = AEI__EVENT__EVENT__INIT;
    event.file_version = (char[]){"brain.Event:2"};
    const ae_status status = write_event(w, &event);
    if (status != AE_OK)
        (void)unlink(w->path);
    return status;
}

ae_status ae_event_writer_create(ae_event_writer **writer, const char *folder,
                                 const ae_event_writer_options *options)
{
    AE_REQUIRE(writer);
    AE_REQUIRE(folder);
    ae_event_writer_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_event_writer_options"));
    const size_t size = sizeof(ae_event_writer) + strlen(folder) + 1 + NAME_SIZE;
    /* The path is part of the allocation: nothing more can fail when a message needs it. */
    ae_event_writer *w = calloc(1, size);
    if (w == NULL)
        return aei_fail_memory(size);
    if (pthread_mutex_init(&w->lock, NULL) != 0) {
        free(w);
        return aei_fail(AE_ERROR_THREAD, "a lock could not be made");
    }
    w->descriptor = -1;
    w->clock = o.clock == NULL ? system_clock : o.clock;
    w->user = o.user;
    const ae_status status = begin(w, folder);
    if (status != AE_OK) {
        ae_event_writer_free(w);
        return status;
    }
    *writer = w;
    return AE_OK;
}

void ae_event_writer_free(ae_event_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->descriptor >= 0)
        (void)close(writer->descriptor);
    (void)pthread_mutex_destroy(&writer->lock);
    free(writer->record);
    free(writer);
}

const char *ae_event_writer_path(const ae_event_writer *writer)
{
    return writer == NULL ? "" : writer->path;
}

/* In protobuf a step is an int64. */
static ae_status check_step(uint64_t step)
{
    if (step > INT64_MAX)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "step %llu is over 2^63 - 1",
                        (unsigned long long)step);
    return AE_OK;
}

static ae_status check_series(const char *tag, uint64_t step)
{
    AE_TRY(aei_check_utf8("the tag", tag));
    return check_step(step);
}

/* Readers drop all points of the folder from this step on, whatever their tag, that come before
 * this event: in this file, and in those whose names sort before it. */
static ae_status write_start(ae_event_writer *w, uint64_t step, bool first_only)
{
    Aei__Event__SessionLog log = AEI__EVENT__SESSION_LOG__INIT;
    log.has_status = 1;
    log.status = AEI__EVENT__SESSION_LOG__STATUS__START;
    Aei__Event__Event event = AEI__EVENT__EVENT__INIT;
    event.has_step = 1;
    event.step = (int64_t)step;
    event.session_log = &log;
    AE_TRY(read_clock(&event.wall_time, w));
    (void)pthread_mutex_lock(&w->lock);
    const ae_status status = first_only && w->begun ? AE_OK : write_locked(w, &event);
    (void)pthread_mutex_unlock(&w->lock);
    return status;
}

ae_status ae_event_writer_resume(ae_event_writer *writer, uint64_t step)
{
    AE_REQUIRE(writer);
    AE_TRY(check_step(step));
    return write_start(writer, step, false);
}

/* A run that begins in a file that already has points does not take those away: they may be another
 * run's, with tags of its own. */
ae_status aei_event_writer_begin(ae_event_writer *writer, uint64_t step)
{
    return write_start(writer, step, true);
}

static ae_status write_value(ae_event_writer *w, uint64_t step, Aei__Event__Value *value)
{
    Aei__Event__Summary summary = AEI__EVENT__SUMMARY__INIT;
    summary.n_value = 1;
    summary.value = &value;
    Aei__Event__Event event = AEI__EVENT__EVENT__INIT;
    event.has_step = 1;
    event.step = (int64_t)step;
    event.summary = &summary;
    return write_event(w, &event);
}

/* simple_value is a float in TensorBoard's format: digits beyond that have no place in the file. */
ae_status ae_event_writer_add_scalar(ae_event_writer *writer, const char *tag, uint64_t step,
                                     double value)
{
    AE_REQUIRE(writer);
    AE_REQUIRE(tag);
    AE_TRY(check_series(tag, step));
    Aei__Event__Value scalar = AEI__EVENT__VALUE__INIT;
    scalar.tag = aei_unconst(tag);
    scalar.has_simple_value = 1;
    scalar.simple_value = (float)value;
    return write_value(writer, step, &scalar);
}

static ae_status check_image(size_t width, size_t height, size_t channels)
{
    if (width == 0 || width > MOST_PIXELS || height == 0 || height > MOST_PIXELS)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "a picture of %zu x %zu pixels: each must be 1 to %d", width, height,
                        MOST_PIXELS);
    if (channels != 1 && channels != 3 && channels != 4)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "channels is %zu: 1, 3 or 4 can be written",
                        channels);
    if (width * height > largest_image / channels)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "a picture of %zu x %zu pixels of %zu bytes is over 2^30 bytes", width,
                        height, channels);
    return AE_OK;
}

ae_status ae_event_writer_add_image(ae_event_writer *writer, const char *tag, uint64_t step,
                                    size_t width, size_t height, size_t channels,
                                    const uint8_t *pixels)
{
    AE_REQUIRE(writer);
    AE_REQUIRE(tag);
    AE_REQUIRE(pixels);
    AE_TRY(check_series(tag, step));
    AE_TRY(check_image(width, height, channels));
    Aei__Event__Image image = AEI__EVENT__IMAGE__INIT;
    AE_TRY(
        aei_png_encode(&image.encoded.data, &image.encoded.len, width, height, channels, pixels));
    image.width = (int32_t)width;
    image.height = (int32_t)height;
    image.colorspace = (int32_t)channels;
    Aei__Event__Value value = AEI__EVENT__VALUE__INIT;
    value.tag = aei_unconst(tag);
    value.image = &image;
    const ae_status status = write_value(writer, step, &value);
    free(image.encoded.data);
    return status;
}

/* Records are in the kernel's hands already, so a program that crashes loses none. This is for a
 * machine that does. */
ae_status ae_event_writer_flush(ae_event_writer *writer)
{
    AE_REQUIRE(writer);
    if (fsync(writer->descriptor) != 0 &&
        errno != EINVAL) /* some file systems cannot, and need not */
        return aei_file_fail(writer->path, "cannot be written", errno);
    return AE_OK;
}

#else

static ae_status unsupported(void)
{
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without protobuf-c, and so cannot write event files");
}

ae_status ae_event_writer_create(ae_event_writer **writer, const char *folder,
                                 const ae_event_writer_options *options)
{
    (void)writer, (void)folder, (void)options;
    return unsupported();
}

void ae_event_writer_free(ae_event_writer *writer)
{
    (void)writer;
}

const char *ae_event_writer_path(const ae_event_writer *writer)
{
    (void)writer;
    return "";
}

ae_status ae_event_writer_add_scalar(ae_event_writer *writer, const char *tag, uint64_t step,
                                     double value)
{
    (void)writer, (void)tag, (void)step, (void)value;
    return unsupported();
}

ae_status ae_event_writer_add_image(ae_event_writer *writer, const char *tag, uint64_t step,
                                    size_t width, size_t height, size_t channels,
                                    const uint8_t *pixels)
{
    (void)writer, (void)tag, (void)step, (void)width, (void)height, (void)channels, (void)pixels;
    return unsupported();
}

ae_status ae_event_writer_resume(ae_event_writer *writer, uint64_t step)
{
    (void)writer, (void)step;
    return unsupported();
}

ae_status aei_event_writer_begin(ae_event_writer *writer, uint64_t step)
{
    (void)writer, (void)step;
    return unsupported();
}

ae_status ae_event_writer_flush(ae_event_writer *writer)
{
    (void)writer;
    return unsupported();
}

#endif
