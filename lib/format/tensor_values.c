/* SPDX-License-Identifier: BSD-3-Clause */
/* Elements of a container as the processor has them, whatever its byte order and the data's
 * alignment. */
#include "base/error.h"
#include "base/number.h"
#include "format/bytes.h"
#include "format/safetensors.h"
#include "format/text.h"

#include <math.h>
#include <string.h>

static uint64_t load(const unsigned char *bytes, size_t size)
{
    return aei_load(bytes, size, false);
}

static float f32_from(const unsigned char *bytes)
{
    return aei_float_from_bits((uint32_t)load(bytes, 4));
}

static double f64_from(const unsigned char *bytes)
{
    return aei_double_from_bits(load(bytes, 8));
}

/* The upper half of a float32. */
static float bf16_from(const unsigned char *bytes)
{
    return aei_float_from_bits((uint32_t)load(bytes, 2) << 16);
}

static float f16_from(const unsigned char *bytes)
{
    return aei_float_from_half((uint16_t)load(bytes, 2));
}

static float f32_from_f64(const unsigned char *bytes)
{
    return (float)f64_from(bytes);
}

/* Byte by byte: tensors of a file start wherever its header says, also on odd addresses. */
static const struct {
    const char *dtype;
    size_t size;
    float (*from)(const unsigned char *bytes);
} readers[] = {
    {"F32", 4, f32_from}, {"F64", 8, f32_from_f64}, {"F16", 2, f16_from}, {"BF16", 2, bf16_from}};

enum { READERS = sizeof readers / sizeof readers[0] };

/* READERS if the type cannot be read. */
static size_t find_reader(const aei_stored *tensor)
{
    size_t kind = 0;
    while (kind < READERS && strcmp(readers[kind].dtype, tensor->dtype) != 0)
        kind++;
    return kind;
}

ae_status aei_stored_check_type(const aei_stored *tensor)
{
    char name[AEI_QUOTE_SIZE];
    if (find_reader(tensor) == READERS)
        return aei_fail(AE_ERROR_FORMAT,
                        "tensor %s: dtype is %s; F32, F64, F16 and BF16 can be read",
                        aei_quote(name, tensor->name), tensor->dtype);
    return AE_OK;
}

/* F64 may be infinite as float32, and a damaged file may hold NAN: neither gets into a network,
 * where it would come up as a wrong score at best. */
ae_status aei_stored_floats(float *values, const aei_stored *tensor)
{
    AE_TRY(aei_stored_check_type(tensor));
    const size_t kind = find_reader(tensor);
    char name[AEI_QUOTE_SIZE];
    for (size_t i = 0; i < tensor->elements; i++) {
        values[i] = readers[kind].from(tensor->data + i * readers[kind].size);
        if (!isfinite(values[i]))
            return aei_fail(AE_ERROR_FORMAT, "tensor %s: element %zu is not finite",
                            aei_quote(name, tensor->name), i);
    }
    return AE_OK;
}

/* NAN passes: a history has it where there was no validation set. */
ae_status aei_stored_doubles(double *values, const aei_stored *tensor)
{
    char name[AEI_QUOTE_SIZE];
    if (strcmp(tensor->dtype, "F64") != 0)
        return aei_fail(AE_ERROR_FORMAT, "tensor %s: dtype is %s, not F64",
                        aei_quote(name, tensor->name), tensor->dtype);
    for (size_t i = 0; i < tensor->elements; i++)
        values[i] = f64_from(tensor->data + i * sizeof *values);
    return AE_OK;
}
