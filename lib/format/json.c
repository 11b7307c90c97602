/* SPDX-License-Identifier: BSD-3-Clause */
/* All that libae knows of cJSON. The grammar was checked before, so what cJSON refuses is for want
 * of memory. */
#define _POSIX_C_SOURCE 200809L /* newlocale, uselocale */
#include "format/json.h"

#include "base/error.h"
#include "format/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef AEI_HAVE_CJSON
#include <cjson/cJSON.h>
#include <locale.h>

enum { FEW = 8 }; /* keys that are compared without allocating */

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* RFC 8259 leaves the meaning of a key that comes twice open: two readers could see two different
 * files. */
static ae_status find_twins(const cJSON **members, size_t count)
{
    qsort(members, count, sizeof *members, compare_keys);
    char key[AEI_QUOTE_SIZE];
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&members[i - 1], &members[i]) == 0)
            return aei_fail(AE_ERROR_FORMAT, "JSON: the key \"%s\" twice in an object",
                            aei_quote(key, members[i]->string));
    return AE_OK;
}

/* All objects below this one as well; the grammar check has bounded the depth. */
static ae_status check_keys(const cJSON *container)
{
    const cJSON *few[FEW], **members = few;
    const size_t count = cJSON_IsObject(container) ? (size_t)cJSON_GetArraySize(container) : 0;
    size_t i = 0;
    if (count > FEW) {
        members = malloc(count * sizeof *members);
        if (members == NULL)
            return aei_fail_memory(count * sizeof *members);
    }
    for (const cJSON *child = container->child; child != NULL && count > 0; child = child->next)
        members[i++] = child;
    ae_status status = find_twins(members, count);
    if (members != few)
        free(members);
    for (const cJSON *child = container->child; child != NULL && status == AE_OK;
         child = child->next)
        if (child->child != NULL)
            status = check_keys(child);
    return status;
}

/*
 * cJSON reads numbers with strtod and takes the locale's decimal separator for a single byte, which
 * it is not everywhere. In the C locale it is; uselocale sets it for this thread alone and takes it
 * back, and the process's locale stays as it is throughout. NULL: out of memory.
 */
static cJSON *parse(const char *text, size_t size)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return NULL;
    const locale_t before = uselocale(plain);
    cJSON *parsed = cJSON_ParseWithLength(text, size);
    (void)uselocale(before);
    freelocale(plain);
    return parsed;
}

ae_status aei_json_parse(aei_json **root, const char *text, size_t size)
{
    AE_TRY(aei_json_check(text, size));
    cJSON *parsed = parse(text, size);
    if (parsed == NULL)
        return aei_fail(AE_ERROR_OUT_OF_MEMORY, "out of memory for %zu bytes of JSON", size);
    ae_status status = check_keys(parsed);
    if (status != AE_OK) {
        cJSON_Delete(parsed);
        return status;
    }
    *root = (aei_json *)parsed;
    return AE_OK;
}

static const cJSON *theirs(const aei_json *value)
{
    return (const cJSON *)value;
}

void aei_json_free(aei_json *root)
{
    cJSON_Delete((cJSON *)root);
}

bool aei_json_is_object(const aei_json *value)
{
    return cJSON_IsObject(theirs(value));
}

bool aei_json_is_array(const aei_json *value)
{
    return cJSON_IsArray(theirs(value));
}

const aei_json *aei_json_first(const aei_json *container)
{
    return container == NULL ? NULL : (const aei_json *)theirs(container)->child;
}

const aei_json *aei_json_next(const aei_json *value)
{
    return value == NULL ? NULL : (const aei_json *)theirs(value)->next;
}

const char *aei_json_key(const aei_json *value)
{
    return value == NULL ? NULL : theirs(value)->string;
}

const aei_json *aei_json_member(const aei_json *object, const char *key)
{
    return aei_json_is_object(object)
               ? (const aei_json *)cJSON_GetObjectItemCaseSensitive(theirs(object), key)
               : NULL;
}

const char *aei_json_string(const aei_json *value)
{
    return cJSON_GetStringValue(theirs(value));
}

bool aei_json_bool(const aei_json *value, bool *result)
{
    if (!cJSON_IsBool(theirs(value)))
        return false;
    *result = cJSON_IsTrue(theirs(value));
    return true;
}

bool aei_json_double(const aei_json *value, double *result)
{
    if (!cJSON_IsNumber(theirs(value)) && !cJSON_IsNull(theirs(value)))
        return false;
    *result = cJSON_IsNull(theirs(value)) ? (double)NAN : theirs(value)->valuedouble;
    return true;
}

#else

ae_status aei_json_parse(aei_json **root, const char *text, size_t size)
{
    (void)root, (void)text, (void)size;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this build of libae has no cJSON and cannot read model files");
}

void aei_json_free(aei_json *root)
{
    (void)root;
}

bool aei_json_is_object(const aei_json *value)
{
    return value != NULL;
}

bool aei_json_is_array(const aei_json *value)
{
    return value != NULL;
}

const aei_json *aei_json_first(const aei_json *container)
{
    (void)container;
    return NULL;
}

const aei_json *aei_json_next(const aei_json *value)
{
    (void)value;
    return NULL;
}

const char *aei_json_key(const aei_json *value)
{
    (void)value;
    return NULL;
}

const aei_json *aei_json_member(const aei_json *object, const char *key)
{
    (void)object, (void)key;
    return NULL;
}

const char *aei_json_string(const aei_json *value)
{
    (void)value;
    return NULL;
}

bool aei_json_bool(const aei_json *value, bool *result)
{
    (void)value, (void)result;
    return false;
}

bool aei_json_double(const aei_json *value, double *result)
{
    (void)value, (void)result;
    return false;
}

#endif

/* A double holds every integer up to 2^53 exactly, and no larger one can be told from its
 * neighbour. */
bool aei_json_size(const aei_json *value, size_t *result)
{
    double number;
    if (!aei_json_double(value, &number) || !(number >= 0 && number <= 9007199254740992.0))
        return false;
    const uint64_t integer = (uint64_t)number;
    if ((double)integer < number || integer > SIZE_MAX)
        return false;
    *result = (size_t)integer;
    return true;
}

bool aei_json_u64(const aei_json *value, uint64_t *result)
{
    const char *text = aei_json_string(value);
    if (text == NULL || *text == '\0')
        return false;
    uint64_t integer = 0;
    for (; *text != '\0'; text++) {
        const unsigned digit = (unsigned)(unsigned char)*text - '0';
        if (digit > 9 || integer > (UINT64_MAX - digit) / 10)
            return false;
        integer = integer * 10 + digit;
    }
    *result = integer;
    return true;
}
