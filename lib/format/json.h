/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_JSON_H
#define AEI_JSON_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON that somebody else wrote. Every question may be asked of NULL, which has no members and no
 * value.
 */
typedef struct aei_json aei_json;

/*
 * Parse a whole text, which need not end in a zero byte and is not needed afterwards.
 * AE_ERROR_FORMAT (with the byte where it goes wrong): not JSON by RFC 8259 to the letter, not
 * UTF-8, a zero character, a key twice in an object, nested too deeply, too many values, a number
 * beyond double. AE_ERROR_OUT_OF_MEMORY.
 */
ae_status aei_json_parse(aei_json **root, const char *text, size_t size);
void aei_json_free(aei_json *root);

bool aei_json_is_object(const aei_json *value);
bool aei_json_is_array(const aei_json *value);

/* Walk an object's or an array's values in the text's order; NULL at the end. */
const aei_json *aei_json_first(const aei_json *container);
const aei_json *aei_json_next(const aei_json *value);

/* A value's name within its object. */
const char *aei_json_key(const aei_json *value);

/* An object's value by name, or NULL. Looks at each in turn. */
const aei_json *aei_json_member(const aei_json *object, const char *key);

/* The value as a string, or NULL if it is none. */
const char *aei_json_string(const aei_json *value);

/* The rest tell whether the value is of that kind, and only then write it. */
bool aei_json_bool(const aei_json *value, bool *result);
bool aei_json_double(const aei_json *value, double *result); /* null reads as NaN */
bool aei_json_size(const aei_json *value, size_t *result);   /* an integer from 0 to 2^53 */
bool aei_json_u64(const aei_json *value, uint64_t *result);  /* an integer in a string: "123" */

#endif
