/* SPDX-License-Identifier: BSD-3-Clause */
/* How do structs from older and newer headers fit this library? Their first field is their size.
 * What a shorter one lacks is 0, the default; what a longer one has beyond this library must be 0,
 * or it asks for something unknown. */
#include "base/options.h"

#include "base/error.h"

#include <string.h>

/* A size beyond 4096 is no struct of libae's but memory that was never filled in; reading that many
 * bytes could leave the caller's memory. */
ae_status aei_options_read(void *mine, size_t size, const void *options, const char *name)
{
    memset(mine, 0, size);
    memcpy(mine, &size, sizeof size);
    if (options == NULL)
        return AE_OK;
    size_t theirs;
    memcpy(&theirs, options, sizeof theirs);
    if (theirs < sizeof theirs || theirs > 4096)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s.size is %zu: fill it in with sizeof or the init function", name,
                        theirs);
    const unsigned char *bytes = options;
    for (size_t i = size; i < theirs; i++)
        if (bytes[i] != 0)
            return aei_fail(AE_ERROR_UNSUPPORTED, "%s asks for an option newer than this library",
                            name);
    size_t common = theirs < size ? theirs : size;
    memcpy((unsigned char *)mine + sizeof size, bytes + sizeof size, common - sizeof size);
    return AE_OK;
}

ae_status aei_check_reserved(uint32_t reserved, const char *name)
{
    if (reserved == 0)
        return AE_OK;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "%s.reserved is not 0: fill in the struct with its macro or init function",
                    name);
}

ae_status aei_check_most(size_t value, size_t most, const char *name)
{
    if (value <= most)
        return AE_OK;
    return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s %zu is over %zu", name, value, most);
}

ae_status aei_check_enum(int value, int last, const char *name, const char *type)
{
    if (value >= 0 && value <= last)
        return AE_OK;
    return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s is %d, not an %s", name, value, type);
}

ae_status aei_result_check(const void *theirs, const char *name)
{
    size_t room;
    memcpy(&room, theirs, sizeof room);
    if (room < sizeof room || room > 4096)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s.size is %zu: set it to sizeof (%s) before the call", name, room, name);
    return AE_OK;
}

/* The size stays the caller's: it is the room that the next call finds. */
ae_status aei_result_write(void *theirs, const void *mine, size_t size, const char *name)
{
    AE_TRY(aei_result_check(theirs, name));
    size_t room;
    memcpy(&room, theirs, sizeof room);
    size_t common = room < size ? room : size;
    memcpy((unsigned char *)theirs + sizeof room, (const unsigned char *)mine + sizeof room,
           common - sizeof room);
    return AE_OK;
}
