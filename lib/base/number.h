/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_NUMBER_H
#define AEI_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Numbers from and to text with a decimal point in every locale; float32 from half the bits. */

/* What a piece of text is. */
typedef enum aei_number {
    AEI_NUMBER,         /* finite */
    AEI_NUMBER_TOO_BIG, /* beyond the largest float32 or double */
    AEI_NUMBER_SPECIAL, /* nan, inf or infinity, with or without a sign, in any case */
    AEI_NUMBER_NONE     /* anything else, nothing included */
} aei_number;

/*
 * size bytes as a decimal number ([+-] digits [.digits] [e[+-]digits], blanks around allowed),
 * rounded to the nearest double or float32 (to even), however many digits there are. value is set
 * for AEI_NUMBER only.
 */
aei_number aei_parse_double(double *value, const char *text, size_t size);
aei_number aei_parse_float(float *value, const char *text, size_t size);

/* The same with another decimal point, such as a comma; then a point is none. */
aei_number aei_parse_double_with(double *value, const char *text, size_t size, char point);
aei_number aei_parse_float_with(float *value, const char *text, size_t size, char point);

/* The shortest text that reads back as the same float32; nan, inf, -inf. Returns its length. */
enum { AEI_FLOAT_TEXT = 32 };
size_t aei_format_float(char text[AEI_FLOAT_TEXT], float value);

/* A double as text with a decimal point in every locale, shortest of %.9g or %.17g that reads back;
 * "nan"/"inf" spelt null. Size at least 32. */
const char *aei_format_double(char *text, size_t size, double value);

/* IEEE 754 binary16 as float32, which holds every such value. */
float aei_float_from_half(uint16_t bits);

#endif
