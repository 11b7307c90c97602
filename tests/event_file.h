/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EVENT_FILE_H
#define TESTS_EVENT_FILE_H

/* Event files read back, in a build that can write them. */

#include "base/unconst.h"
#include "fixtures.h"

#ifdef AEI_HAVE_PROTOBUF

#include "format/crc32c.h"
#include "format/proto/event.pb-c.h"

static inline double fixed_clock(void *user)
{
    return *(const double *)user;
}

static inline ae_event_writer *open_writer(const double *seconds)
{
    ae_event_writer *writer = NULL;
    ck_assert_ok(ae_event_writer_create(
        &writer, support_dir(),
        AE_EVENT_WRITER_OPTIONS(.clock = fixed_clock, .user = aei_unconst(seconds))));
    return writer;
}

/* A file's records, checksums compared. */
typedef struct records {
    unsigned char *data;
    size_t count;
    Aei__Event__Event **events;
} records;

static inline uint64_t number(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static inline bool crc_fits(const unsigned char *data, size_t size, const unsigned char *stored)
{
    const uint32_t crc = aei_crc32c(data, size);
    return (uint32_t)number(stored, 4) == (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u);
}

static inline records read_records(const char *path)
{
    records r = {0};
    size_t size;
    r.data = support_read(path, &size);
    r.events = fixture_allocate(size / 16 + 1, sizeof *r.events);
    for (size_t at = 0; at < size; r.count++) {
        ck_assert_msg(size - at > 16, "%zu bytes behind record %zu", size - at, r.count);
        const size_t length = (size_t)number(r.data + at, 8);
        ck_assert_msg(crc_fits(r.data + at, 8, r.data + at + 8), "record %zu: length", r.count);
        ck_assert_msg(length <= size - at - 16, "record %zu is cut off", r.count);
        ck_assert_msg(crc_fits(r.data + at + 12, length, r.data + at + 12 + length),
                      "record %zu: event", r.count);
        r.events[r.count] = aei__event__event__unpack(NULL, length, r.data + at + 12);
        ck_assert_ptr_nonnull(r.events[r.count]);
        at += 16 + length;
    }
    return r;
}

static inline void free_records(records *r)
{
    for (size_t i = 0; i < r->count; i++)
        aei__event__event__free_unpacked(r->events[i], NULL);
    free(r->events);
    free(r->data);
}

#endif

#endif
