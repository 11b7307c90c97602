/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_QUOTE_H
#define AEI_QUOTE_H

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

#endif
