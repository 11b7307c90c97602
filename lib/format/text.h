/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_TEXT_H
#define AEI_TEXT_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/quote.h"

/*
 * Text that grows as it is added to; start with {0}. Running out of memory is remembered, so only
 * aei_text_check has to be looked at, once.
 */
typedef struct aei_text {
    char *data; /* ends in a zero byte; NULL while empty */
    size_t length, room;
    bool failed;
} aei_text;

void aei_text_free(aei_text *text);

/* Whether everything was added: AE_OK or AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_text_check(const aei_text *text);

void aei_text_bytes(aei_text *text, const char *bytes, size_t size);

/* printf, up to 255 bytes a call; doubles must go through aei_text_number. */
__attribute__((format(printf, 2, 3))) void aei_text_add(aei_text *text, const char *format, ...);

/* A double that reads back as the same bits, with a decimal point in every locale; null if not
 * finite. */
void aei_text_number(aei_text *text, double value);

/* A finite float32, as short as it reads back as the same one, by way of a double too. */
void aei_text_float(aei_text *text, float value);

/* A JSON string with its quotes. Bytes of value that are not UTF-8 become U+FFFD. */
void aei_text_string(aei_text *text, const char *value);

/* Leave out the blanks around a text: spaces and tabs. */
void aei_trim(const char **text, size_t *size);

/* Refuse text that is empty, longer than 1024 bytes or not UTF-8: AE_ERROR_INVALID_ARGUMENT, "NAME
 * is empty". */
ae_status aei_check_utf8(const char *name, const char *text);

#endif
