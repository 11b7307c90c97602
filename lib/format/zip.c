/* SPDX-License-Identifier: BSD-3-Clause */
/* Where does an array lie in an .npz archive? Every offset is checked against the archive's size
 * before it is followed. The directory is read, and nothing mapped: a file may become shorter. */
#include "format/zip.h"

#include "base/error.h"
#include "base/grow.h"
#include "format/bytes.h"
#include "format/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL_SIZE = 30,
    ENTRY_SIZE = 46,
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    COMMENT_MAX = 65535,
    ZIP64 = 1,     /* the extra field with sizes of 64 bits */
    ENCRYPTED = 1, /* a bit of the flags */
    STORED = 0,
    DEFLATED = 8
};

/* In place of a size that 32 bits cannot hold. */
static const uint64_t elsewhere = UINT32_MAX;

typedef struct zip_archive {
    aei_zip_read read;
    const void *archive;
    size_t size;
    unsigned char *bytes; /* its end, then its directory, from base on; freed by aei_zip_find */
    size_t base, room;
    size_t at, end; /* of the directory: the next entry, and what follows it */
    uint64_t count; /* entries */
} zip_archive;

typedef struct zip_entry {
    const char *name;
    size_t length;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, size, offset;
} zip_entry;

static uint64_t load(const unsigned char *bytes, size_t at, size_t size)
{
    return aei_load(bytes + at, size, false);
}

static bool is_mark(const unsigned char *bytes, unsigned char third, unsigned char fourth)
{
    return bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == third && bytes[3] == fourth;
}

bool aei_is_zip(const unsigned char *bytes, size_t size)
{
    return size >= 4 && (is_mark(bytes, 3, 4) || is_mark(bytes, 5, 6));
}

static ae_status damaged(const char *what)
{
    return aei_fail(AE_ERROR_FORMAT, "the zip archive is damaged or cut off: %s", what);
}

/* Have these bytes at hand. They are in the archive, so that memory is bounded by its size. */
static ae_status fetch(zip_archive *a, size_t base, size_t size)
{
    void *bytes = a->bytes;
    AE_TRY(aei_grow(&bytes, &a->room, size, 1));
    a->bytes = bytes;
    a->base = base;
    return a->read(a->archive, a->bytes, size, base);
}

/* The end is the last thing in the file but for a comment, whose length it has. */
static ae_status find_end(const zip_archive *a, size_t *at)
{
    const size_t there = a->size - a->base;
    for (size_t back = END_SIZE; back <= there && back <= END_SIZE + COMMENT_MAX; back++) {
        const unsigned char *end = a->bytes + there - back;
        if (is_mark(end, 5, 6) && load(end, 20, 2) == back - END_SIZE) {
            *at = there - back;
            return AE_OK;
        }
    }
    return damaged("its directory's end is missing");
}

static ae_status open_directory(zip_archive *a)
{
    /* All that may stand behind the directory. */
    const size_t most = END64_SIZE + LOCATOR_SIZE + END_SIZE + COMMENT_MAX;
    const size_t tail = a->size < most ? a->size : most;
    size_t end_at = 0;
    AE_TRY(fetch(a, a->size - tail, tail));
    AE_TRY(find_end(a, &end_at));
    const unsigned char *end = a->bytes + end_at;
    uint64_t count = load(end, 10, 2), size = load(end, 12, 4), offset = load(end, 16, 4);
    if (end_at >= LOCATOR_SIZE && is_mark(end - LOCATOR_SIZE, 6, 7)) {
        const uint64_t at = load(end - LOCATOR_SIZE, 8, 8);
        if (end_at < END64_SIZE || at < a->base || at - a->base > end_at - END64_SIZE ||
            !is_mark(a->bytes + (at - a->base), 6, 6))
            return damaged("its directory's zip64 end is missing");
        const unsigned char *end64 = a->bytes + (at - a->base);
        count = load(end64, 32, 8);
        size = load(end64, 40, 8);
        offset = load(end64, 48, 8);
    }
    if (offset > a->base + end_at || size > a->base + end_at - offset)
        return damaged("its directory lies outside the file");
    a->at = 0;
    a->end = (size_t)size;
    a->count = count;
    return fetch(a, (size_t)offset, (size_t)size);
}

/* A field stands in the zip64 extra only where the entry itself has none of it. */
static bool widen(uint64_t *value, const unsigned char **extra, size_t *left)
{
    if (*value != elsewhere)
        return true;
    if (*left < 8)
        return false;
    *value = load(*extra, 0, 8);
    *extra += 8;
    *left -= 8;
    return true;
}

static bool read_zip64(zip_entry *e, const unsigned char *extra, size_t size)
{
    while (size >= 4) {
        size_t length = (size_t)load(extra, 2, 2);
        if (length > size - 4)
            return false;
        const unsigned char *fields = extra + 4;
        if (load(extra, 0, 2) == ZIP64)
            return widen(&e->size, &fields, &length) && widen(&e->packed, &fields, &length) &&
                   widen(&e->offset, &fields, &length);
        extra += 4 + length;
        size -= 4 + length;
    }
    return e->size != elsewhere && e->packed != elsewhere && e->offset != elsewhere;
}

static ae_status next_entry(zip_archive *a, zip_entry *e)
{
    if (a->end - a->at < ENTRY_SIZE || !is_mark(a->bytes + a->at, 1, 2))
        return damaged("an entry of its directory is missing");
    const unsigned char *bytes = a->bytes + a->at;
    const size_t name = (size_t)load(bytes, 28, 2), extra = (size_t)load(bytes, 30, 2),
                 comment = (size_t)load(bytes, 32, 2);
    if (name + extra + comment > a->end - a->at - ENTRY_SIZE)
        return damaged("an entry of its directory is cut off");
    *e = (zip_entry){.name = (const char *)bytes + ENTRY_SIZE,
                     .length = name,
                     .flags = (unsigned)load(bytes, 8, 2),
                     .method = (unsigned)load(bytes, 10, 2),
                     .crc = (uint32_t)load(bytes, 16, 4),
                     .packed = load(bytes, 20, 4),
                     .size = load(bytes, 24, 4),
                     .offset = load(bytes, 42, 4)};
    if (!read_zip64(e, bytes + ENTRY_SIZE + name, extra))
        return damaged("an entry's sizes are missing");
    a->at += ENTRY_SIZE + name + extra + comment;
    return AE_OK;
}

static bool is_array(const zip_entry *e)
{
    return e->length > 4 && memcmp(e->name + e->length - 4, ".npy", 4) == 0;
}

/* By its name in the archive, or by NumPy's, which leaves .npy out. */
static bool is_called(const zip_entry *e, const char *name)
{
    const size_t length = name == NULL ? 0 : strlen(name);
    if (name == NULL)
        return is_array(e);
    return e->length >= length && memcmp(e->name, name, length) == 0 &&
           (e->length == length || (is_array(e) && e->length == length + 4));
}

/* Names of the arrays, for those who must choose; the last ones may be left out. */
static void list(char *text, size_t room, zip_archive a)
{
    char quoted[AEI_QUOTE_SIZE];
    size_t used = 0;
    text[0] = '\0';
    for (uint64_t i = 0; i < a.count; i++) {
        zip_entry e;
        if (next_entry(&a, &e) != AE_OK)
            return;
        if (!is_array(&e))
            continue;
        const char *name = aei_quote_bytes(quoted, e.name, e.length - 4);
        if (used + strlen(name) + 8 > room) {
            (void)snprintf(text + used, room - used, ", ...");
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "", name);
    }
}

/* Whether the member's own header has the directory's name, by pieces. */
static ae_status has_name(const zip_archive *a, const zip_entry *e, bool *same)
{
    char name[256];
    *same = true;
    for (size_t done = 0, some; done < e->length && *same; done += some) {
        some = e->length - done < sizeof name ? e->length - done : sizeof name;
        AE_TRY(a->read(a->archive, name, some, (size_t)e->offset + LOCAL_SIZE + done));
        *same = memcmp(name, e->name + done, some) == 0;
    }
    return AE_OK;
}

/* The member's own header stands in front of its bytes, with a name that must be the same. */
static ae_status locate(aei_zip_member *member, const zip_archive *a, const zip_entry *e)
{
    char quoted[AEI_QUOTE_SIZE];
    const char *name = aei_quote_bytes(quoted, e->name, e->length);
    if ((e->flags & ENCRYPTED) != 0)
        return aei_fail(AE_ERROR_UNSUPPORTED, "member %s is encrypted", name);
    if (e->method != STORED && e->method != DEFLATED)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "member %s is packed by method %u: stored and deflated ones are read", name,
                        e->method);
    unsigned char local[LOCAL_SIZE];
    bool same;
    if (e->offset > a->size || a->size - e->offset < LOCAL_SIZE)
        return damaged("a member is not where its directory says");
    AE_TRY(a->read(a->archive, local, sizeof local, (size_t)e->offset));
    if (!is_mark(local, 3, 4))
        return damaged("a member is not where its directory says");
    const size_t before = LOCAL_SIZE + (size_t)load(local, 26, 2) + (size_t)load(local, 28, 2);
    const size_t left = a->size - (size_t)e->offset;
    if (load(local, 26, 2) != e->length || before > left || e->packed > left - before)
        return damaged("a member is not as its directory says");
    AE_TRY(has_name(a, e, &same));
    if (!same)
        return damaged("a member is not as its directory says");
    if (e->size > PTRDIFF_MAX || (e->method == STORED && e->size != e->packed))
        return damaged("a member's sizes make no sense");
    *member = (aei_zip_member){.offset = (size_t)e->offset + before,
                               .packed = (size_t)e->packed,
                               .deflated = e->method == DEFLATED,
                               .size = (size_t)e->size,
                               .crc = e->crc};
    return AE_OK;
}

static ae_status find(aei_zip_member *member, const zip_archive *whole, const char *name)
{
    char quoted[AEI_QUOTE_SIZE], names[256];
    zip_archive a = *whole;
    zip_entry e, found = {0};
    uint64_t matches = 0, exact = 0;
    for (uint64_t i = 0; i < a.count; i++) {
        AE_TRY(next_entry(&a, &e));
        if (!is_called(&e, name))
            continue;
        /* "x.npy" is that member rather than x.npy.npy, which NumPy shows by the same name. */
        const bool whole_name = name != NULL && e.length == strlen(name);
        found = whole_name || exact == 0 ? e : found;
        exact += whole_name;
        matches++;
    }
    if (matches == 1 || exact == 1)
        return locate(member, whole, &found);
    list(names, sizeof names, *whole);
    if (name == NULL && matches == 0)
        return aei_fail(AE_ERROR_FORMAT, "a zip archive without any .npy file in it");
    if (name == NULL)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "the archive has several arrays: choose one by the option member: %s",
                        names);
    if (matches == 0)
        return aei_fail(AE_ERROR_NOT_FOUND, "no member \"%s\" in the archive, which has: %s",
                        aei_quote(quoted, name), names);
    return aei_fail(AE_ERROR_FORMAT, "member \"%s\" stands twice in the archive",
                    aei_quote(quoted, name));
}

ae_status aei_zip_find(aei_zip_member *member, aei_zip_read read, const void *archive, size_t size,
                       const char *name)
{
    zip_archive a = {.read = read, .archive = archive, .size = size};
    ae_status status = open_directory(&a);
    if (status == AE_OK)
        status = find(member, &a, name);
    free(a.bytes);
    return status;
}
