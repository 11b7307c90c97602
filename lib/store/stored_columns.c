/* SPDX-License-Identifier: BSD-3-Clause */
/* How are the names of columns, a picture's size and the scale of bytes kept in a model file? As
 * JSON in the metadata: they say what rows look like, and readers of tensors have no use for
 * them. */
#include "store/stored_columns.h"

#include "base/error.h"

#include <float.h>
#include <stdlib.h>

/* A JSON array of strings. */
static void put_names(aei_archive *archive)
{
    const ae_network *network = archive->network;
    aei_text json = {0};
    if (network->columns == NULL)
        return;
    for (size_t j = 0; j < network->widths[0]; j++) {
        aei_text_bytes(&json, j == 0 ? "[" : ",", 1);
        aei_text_string(&json, network->columns[j]);
    }
    aei_text_bytes(&json, "]", 1);
    aei_archive_note_text(archive, "libae.columns", &json);
}

/* A JSON object of what is known. */
static void put_input(aei_archive *archive)
{
    const ae_network *network = archive->network;
    const bool picture = network->image_height != 0, scaled = network->uint8_scale > 0;
    aei_text json = {0};
    if (!picture && !scaled)
        return;
    aei_text_add(&json, "{");
    if (picture)
        aei_text_add(&json, "\"image_height\":%zu,\"image_width\":%zu%s", network->image_height,
                     network->image_width, scaled ? "," : "");
    if (scaled) {
        aei_text_add(&json, "\"uint8_scale\":");
        aei_text_float(&json, network->uint8_scale);
    }
    aei_text_add(&json, "}");
    aei_archive_note_text(archive, "libae.input", &json);
}

void aei_columns_put(aei_archive *archive)
{
    put_names(archive);
    put_input(archive);
}

static ae_status read_names(ae_network *network, const aei_json *list)
{
    const size_t width = network->widths[0];
    /* Pointers into the JSON are enough, since the setter copies. */
    const char **names = calloc(width, sizeof *names);
    if (names == NULL)
        return aei_fail_memory(width * sizeof *names);
    const aei_json *item = aei_json_is_array(list) ? aei_json_first(list) : NULL;
    size_t count = 0;
    for (; item != NULL && count < width; item = aei_json_next(item), count++) {
        names[count] = aei_json_string(item);
        if (names[count] == NULL)
            break;
    }
    ae_status status;
    /* Both counts matter: a list that is too long is of another network, and cutting it would
     * give columns wrong names. */
    if (count < width || item != NULL)
        status = aei_fail(AE_ERROR_FORMAT, "libae.columns: not a list of %zu strings", width);
    else
        status = ae_network_set_column_names(network, names, count);
    free(names);
    return status;
}

static ae_status damaged(const char *member)
{
    return aei_fail(AE_ERROR_FORMAT, "libae.input: %s is damaged", member);
}

/* The setters judge the values; what they refuse is the file's fault. */
static ae_status read_input(ae_network *network, const aei_json *json)
{
    const aei_json *high = aei_json_member(json, "image_height"),
                   *wide = aei_json_member(json, "image_width"),
                   *scale = aei_json_member(json, "uint8_scale");
    size_t height = 0, width = 0;
    double number = 0;
    if (!aei_json_is_object(json))
        return aei_fail(AE_ERROR_FORMAT, "libae.input is not an object");
    if ((high != NULL && !aei_json_size(high, &height)) ||
        (wide != NULL && !aei_json_size(wide, &width)) ||
        ae_network_set_image_size(network, height, width) != AE_OK)
        return damaged("image_height or image_width");
    /* The double first: what float32 cannot hold must not be converted. */
    if (scale != NULL &&
        (!aei_json_double(scale, &number) || !(number > 0 && number <= (double)FLT_MAX) ||
         ae_network_set_uint8_scale(network, (float)number) != AE_OK))
        return damaged("uint8_scale");
    return AE_OK;
}

/* A note that is absent is no fault: a network need not know its columns. */
static ae_status read_note(ae_network *network, const aei_safetensors *file, const char *key,
                           ae_status (*read)(ae_network *, const aei_json *))
{
    aei_json *json;
    AE_TRY(aei_safetensors_json(&json, file, key));
    const ae_status status = json == NULL ? AE_OK : read(network, json);
    aei_json_free(json);
    return status;
}

ae_status aei_columns_get(ae_network *network, const aei_safetensors *file)
{
    AE_TRY(read_note(network, file, "libae.columns", read_names));
    return read_note(network, file, "libae.input", read_input);
}
