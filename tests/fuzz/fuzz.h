/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "base/quote.h"

#include <libae/libae.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the fuzz targets share: bytes that are taken one after another, and what must hold whatever
 * the bytes were. A promise that does not hold ends the program, which is how a fuzzer learns. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(condition)                          \
    do {                                                 \
        if (!(condition))                                \
            fuzz_broken(__FILE__, __LINE__, #condition); \
    } while (0)

static inline void fuzz_broken(const char *file, int line, const char *promise)
{
    const char *input = getenv("AE_FUZZ_INPUT"); /* of a replay */
    (void)fprintf(stderr, "%s:%d: %s: not true: %s (%s)\n", file, line,
                  input == NULL ? "this input" : input, promise, ae_last_error());
    abort();
}

typedef struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
} fuzz_bytes;

/* The next byte, and 0 for ever behind the last one. */
static inline uint8_t fuzz_byte(fuzz_bytes *bytes)
{
    if (bytes->size == 0)
        return 0;
    bytes->size--;
    return *bytes->data++;
}

/* The next bytes as a text, at most room - 1 of them, up to a zero byte. */
static inline const char *fuzz_text(fuzz_bytes *bytes, char *text, size_t room)
{
    size_t length = 0;
    for (uint8_t c; length + 1 < room && (c = fuzz_byte(bytes)) != 0; length++)
        text[length] = (char)c;
    text[length] = '\0';
    return text;
}

/* Memory of its own for what is left, so that a sanitizer sees every byte read behind it. */
static inline uint8_t *fuzz_rest(const fuzz_bytes *bytes)
{
    uint8_t *copy = malloc(bytes->size == 0 ? 1 : bytes->size);
    FUZZ_REQUIRE(copy != NULL);
    if (bytes->size > 0)
        memcpy(copy, bytes->data, bytes->size);
    return copy;
}

/* Text that a terminal or a log may show. */
static inline void fuzz_clean(const char *text)
{
    FUZZ_REQUIRE(text != NULL);
    FUZZ_REQUIRE(aei_is_clean(text, strlen(text)));
}

/* An answer comes with its object or with a reason, and never with both. */
static inline void fuzz_answer(ae_status status, const void *object)
{
    FUZZ_REQUIRE((status == AE_OK) == (object != NULL));
    if (status == AE_OK)
        return;
    FUZZ_REQUIRE(ae_last_error()[0] != '\0');
    fuzz_clean(ae_last_error());
}

static inline void fuzz_dataset_texts(const ae_dataset *dataset)
{
    for (size_t i = 0; i < ae_dataset_feature_count(dataset); i++)
        if (ae_dataset_column_name(dataset, i) != NULL)
            fuzz_clean(ae_dataset_column_name(dataset, i));
    for (size_t i = 0; i < ae_dataset_class_count(dataset); i++)
        fuzz_clean(ae_dataset_class_name(dataset, (int32_t)i));
}

/* What a reader made of a file: every value is finite, or missing where that was allowed. */
static inline void fuzz_dataset(ae_status status, ae_dataset *dataset)
{
    enum { MOST = 1 << 20 };
    fuzz_answer(status, dataset);
    if (dataset == NULL)
        return;
    const size_t rows = ae_dataset_row_count(dataset), features = ae_dataset_feature_count(dataset);
    FUZZ_REQUIRE(rows > 0 && features > 0);
    fuzz_dataset_texts(dataset);
    if (features <= MOST) {
        float *row = malloc(features * sizeof *row);
        FUZZ_REQUIRE(row != NULL);
        const size_t step = rows * features > MOST ? rows / (MOST / features + 1) + 1 : 1;
        for (size_t r = 0; r < rows; r += step) {
            FUZZ_REQUIRE(ae_dataset_read(dataset, r, 1, row) == AE_OK);
            for (size_t j = 0; j < features; j++)
                FUZZ_REQUIRE(isfinite(row[j]) ||
                             (isnan(row[j]) && ae_dataset_has_missing(dataset)));
            FUZZ_REQUIRE(!ae_dataset_has_labels(dataset) ||
                         ae_dataset_label(dataset, r) != AE_LABEL_NONE);
        }
        free(row);
    }
    ae_dataset_free(dataset);
}

/* What a reader made of a model: it computes, and what is saved of it is read again. */
static inline void fuzz_network(ae_status status, ae_network *network)
{
    fuzz_answer(status, network);
    if (network == NULL)
        return;
    size_t size = 0, again = 0;
    FUZZ_REQUIRE(ae_network_save_memory(network, NULL, 0, &size) == AE_OK);
    uint8_t *first = malloc(size), *second = malloc(size);
    FUZZ_REQUIRE(first != NULL && second != NULL);
    FUZZ_REQUIRE(ae_network_save_memory(network, first, size, &size) == AE_OK);
    ae_network *copy = NULL;
    FUZZ_REQUIRE(ae_network_load_memory(&copy, first, size, NULL) == AE_OK);
    FUZZ_REQUIRE(ae_network_save_memory(copy, second, size, &again) == AE_OK);
    FUZZ_REQUIRE(again == size && memcmp(first, second, size) == 0);
    ae_network_free(copy);
    ae_network_free(network);
    free(first);
    free(second);
}

#endif
