/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_SAFETENSORS_H
#define AEI_SAFETENSORS_H

#include <libae/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/json.h"

/*
 * The safetensors container, for reading:
 *
 *     u64 N | N bytes of JSON: {"name": {"dtype", "shape", "data_offsets"}, ...} | tensor bytes
 *
 * all little-endian, tensors in C order and without holes. archive.h writes it.
 */

/* The longest header that the format allows. */
#define AEI_SAFETENSORS_HEADER 100000000u

/* A tensor in the file. */
typedef struct aei_stored {
    const char *name;
    const char *dtype;
    size_t rank;
    size_t shape[2]; /* the first two dimensions; 1 where there are fewer */
    size_t elements;
    size_t begin, end; /* offsets from the first tensor byte */
    const unsigned char *data;
} aei_stored;

typedef struct aei_safetensors {
    aei_json *header;
    const aei_json *metadata; /* an object of strings, or NULL */
    aei_stored *tensors;      /* sorted by name */
    size_t count;
} aei_safetensors;

/*
 * Check a whole container and index it; data must outlive it. Nothing is allocated in proportion
 * to what the file claims, only to what it holds. AE_ERROR_FORMAT, AE_ERROR_OUT_OF_MEMORY. To be
 * closed after success only.
 */
ae_status aei_safetensors_open(aei_safetensors *file, const void *data, size_t size);
void aei_safetensors_close(aei_safetensors *file);

/* A tensor by name, or NULL. */
const aei_stored *aei_safetensors_find(const aei_safetensors *file, const char *name);

/* A metadata string by key, or NULL. */
const char *aei_safetensors_note(const aei_safetensors *file, const char *key);

/* A metadata string that holds JSON, parsed, which the caller frees; NULL: there is none.
 * AE_ERROR_FORMAT names the key; AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_safetensors_json(aei_json **json, const aei_safetensors *file, const char *key);

/* All elements as float32, from F64, F32, F16 or BF16. AE_ERROR_FORMAT: another type, a value not
 * finite in float32. */
ae_status aei_stored_floats(float *values, const aei_stored *tensor);

/* Whether that can read the tensor's type. AE_ERROR_FORMAT. */
ae_status aei_stored_check_type(const aei_stored *tensor);

/* All elements of an F64 tensor, NaN and infinity included. AE_ERROR_FORMAT: another type. */
ae_status aei_stored_doubles(double *values, const aei_stored *tensor);

/* Whether a tensor is a single I64, not negative; only then is it written. */
bool aei_stored_count(uint64_t *value, const aei_stored *tensor);

#endif
