/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_JSON_TEXT_H
#define TESTS_JSON_TEXT_H

/* JSON read from memory of its size, and written again. */

#include "format/json.h"
#include "format/text.h"

#include "fixtures.h"

/* From memory of exactly its size, so that a sanitizer sees every byte read past it. */
static inline ae_status json_parse(aei_json **root, const char *text, size_t size)
{
    char *copy = fixture_allocate(size, 1);
    memcpy(copy, text, size);
    aei_json *const untouched = (aei_json *)copy;
    *root = untouched;
    const ae_status status = aei_json_parse(root, copy, size);
    if (status != AE_OK) {
        ck_assert_ptr_eq(*root, untouched);
        ck_assert_int_eq(status, AE_ERROR_FORMAT);
        const char *where = strstr(ae_last_error(), " at byte ");
        ck_assert_msg(where != NULL && strtoul(where + 9, NULL, 10) <= size, "%s", ae_last_error());
        *root = NULL;
    }
    free(copy);
    return status;
}

/* The document as this test understands it, written without blanks. */
static inline void json_write(aei_text *out, const aei_json *value)
{
    const bool object = aei_json_is_object(value);
    double number;
    bool truth;
    if (object || aei_json_is_array(value)) {
        const char *separator = object ? "{" : "[";
        for (const aei_json *v = aei_json_first(value); v != NULL;
             v = aei_json_next(v), separator = ",") {
            aei_text_add(out, "%s", separator);
            ck_assert((aei_json_key(v) != NULL) == object);
            if (object) {
                ck_assert_ptr_eq(aei_json_member(value, aei_json_key(v)), v);
                aei_text_string(out, aei_json_key(v));
                aei_text_add(out, ":");
            }
            json_write(out, v);
        }
        aei_text_add(out,
                     aei_json_first(value) != NULL ? "%s"
                     : object                      ? "{%s"
                                                   : "[%s",
                     object ? "}" : "]");
    } else if (aei_json_string(value) != NULL) {
        aei_text_string(out, aei_json_string(value));
    } else if (aei_json_bool(value, &truth)) {
        aei_text_add(out, truth ? "true" : "false");
    } else {
        ck_assert(aei_json_double(value, &number));
        aei_text_number(out, number);
    }
}

static inline char *json_written(const aei_json *root)
{
    aei_text out = {0};
    json_write(&out, root);
    ck_assert_ok(aei_text_check(&out));
    return out.data;
}

#endif
