/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_WITHOUT_CJSON_H
#define TESTS_WITHOUT_CJSON_H

/* What is left to test of model files in a build without cJSON. */

#include "support.h"

#include <check.h>
#include <libae/network.h>
#include <stdlib.h>

START_TEST(saving_works_and_loading_is_unsupported)
{
    ae_network *network = NULL, *loaded = NULL;
    size_t size;
    ck_assert_ok(ae_network_create(
        &network, AE_NETWORK_OPTIONS(.widths = (const size_t[]){3, 2, 3}, .width_count = 3)));
    ck_assert_ok(ae_network_save_memory(network, NULL, 0, &size));
    unsigned char *data = calloc(1, size);
    ck_assert_ok(ae_network_save_memory(network, data, size, NULL));
    ck_assert_status(ae_network_load_memory(&loaded, data, size, NULL), AE_ERROR_UNSUPPORTED,
                     "has no cJSON");
    free(data);
    ae_network_free(network);
}
END_TEST

/* Whether this is such a build; the suite then gets the test above and needs no other. */
static inline int without_cjson(Suite *suite)
{
#ifdef AEI_HAVE_CJSON
    (void)suite, (void)saving_works_and_loading_is_unsupported;
    return 0;
#else
    TCase *tcase = tcase_create("without cJSON");
    tcase_add_test(tcase, saving_works_and_loading_is_unsupported);
    suite_add_tcase(suite, tcase);
    return 1;
#endif
}

#endif
