/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

/* The build lists every tests/test_NAME.c as SUITE(NAME) in suites.inc: Suite *NAME_suite(void). */
#define SUITE(name) Suite *name##_suite(void);
#include "suites.inc"
#undef SUITE

#endif
