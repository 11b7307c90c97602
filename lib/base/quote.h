/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_QUOTE_H
#define AEI_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the UTF-8 sequence that starts left bytes, of which there is at least one; 0: it is
 * none. */
size_t aei_utf8_length(const unsigned char *bytes, size_t left);

/*
 * Text from a file as an error text can quote it: cut, with dots then, and question marks for what
 * is not UTF-8 or controls a terminal. Ends in a zero byte; so does foreign in aei_quote.
 */
enum { AEI_QUOTE_SIZE = 64 };
const char *aei_quote_bytes(char quoted[AEI_QUOTE_SIZE], const char *bytes, size_t size);
const char *aei_quote(char quoted[AEI_QUOTE_SIZE], const char *foreign);
/* Into room bytes of any number, 4 at least. */
const char *aei_quote_into(char *quoted, size_t room, const char *bytes, size_t size);

/*
 * Names from files that callers will print and keep. In place: tabs and line breaks become blanks,
 * other control characters and what is not UTF-8 a question mark a byte.
 */
void aei_clean(char *name, size_t size);
bool aei_is_clean(const char *name, size_t size);

/* Whether two names are the same once they are clean. */
bool aei_same_name(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
