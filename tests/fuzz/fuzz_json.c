/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON, as the headers and metadata of models are. */
#include "format/json.h"
#include "fuzz.h"

/* Every question is asked of every value. */
static size_t walk(const aei_json *value)
{
    size_t count = 1, whole;
    double number;
    uint64_t wide;
    bool truth;
    (void)aei_json_double(value, &number);
    (void)aei_json_size(value, &whole);
    (void)aei_json_u64(value, &wide);
    (void)aei_json_bool(value, &truth);
    if (aei_json_string(value) != NULL)
        count += strlen(aei_json_string(value)) > 0;
    const bool object = aei_json_is_object(value);
    FUZZ_REQUIRE(!object || !aei_json_is_array(value));
    for (const aei_json *v = aei_json_first(value); v != NULL; v = aei_json_next(v)) {
        if (object && count < 64)
            FUZZ_REQUIRE(aei_json_member(value, aei_json_key(v)) == v);
        count += walk(v);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz_bytes bytes = {data, size};
    uint8_t *text = fuzz_rest(&bytes);
    aei_json *root = NULL;
    const ae_status status = aei_json_parse(&root, (const char *)text, size);
    free(text); /* not needed any more, says the header */
    fuzz_answer(status, root);
    if (root != NULL)
        FUZZ_REQUIRE(walk(root) > 0);
    aei_json_free(root);
    return 0;
}
