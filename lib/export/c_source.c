/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network as C source: names, sizes and numbers; c_source_text.c has the words. The inner layers'
 * outputs go by turns into two buffers, each as wide as the widest that it takes; the first layer
 * reads the caller's row and the last writes the caller's result. A scaling is not multiplied into
 * the first layer: with an offset much larger than the scale, products of the offset would cancel
 * in float32. The scaled row goes into the buffer that the first layer does not write.
 */
#include "export/c_source.h"

#include "base/error.h"
#include "base/input.h"
#include "base/options.h"
#include "model/cost.h"
#include "model/fold.h"
#include "store/model_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

AEI_OPTIONS_INIT(ae_export_c_options)

/* Letters as C knows them, whatever the locale does. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Names with two underscores are the compiler's in C++, as those that start with one are in C. */
static bool is_prefix(const char *text, size_t length)
{
    if (length == 0 || length >= AEI_PREFIX_SIZE || !is_letter(text[0]) || text[length - 1] == '_')
        return false;
    for (size_t i = 1; i < length; i++) {
        const bool digit = text[i] >= '0' && text[i] <= '9',
                   underscore = text[i] == '_' && text[i - 1] != '_';
        if (!is_letter(text[i]) && !digit && !underscore)
            return false;
    }
    return true;
}

/* Whether a file's name can stand between quotes behind #include: no quotes, escapes or trigraphs,
 * all in one line. */
static bool is_includable(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7F || c == '"' || c == '\\' ||
            (c == '?' && i > 0 && name[i - 1] == '?'))
            return false;
    }
    return true;
}

/* The path without .c, and in it where the last part starts. */
static void cut_path(const char *path, size_t *length, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    *length = strlen(path);
    if (strlen(*name) > 2 && strcmp(path + *length - 2, ".c") == 0)
        *length -= 2;
}

/* The prefix stands before every name that other files see, so that a program can hold several
 * networks. */
static ae_status set_names(aei_c_source *f, const char *path, size_t length, const char *name,
                           const char *prefix)
{
    const size_t name_length = (size_t)(path + length - name);
    if (name_length == 0 || name_length + sizeof ".h" > sizeof f->header_name)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s: its last part is no name for a file", path);
    if (!is_includable(name, name_length))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "the file's name holds a quote, backslash, "
                                                   "control character or two question marks, and C "
                                                   "could not include it");
    (void)snprintf(f->header_name, sizeof f->header_name, "%.*s.h", (int)name_length, name);
    const char *text = prefix == NULL ? name : prefix;
    const size_t size = prefix == NULL ? name_length : strlen(prefix);
    if (!is_prefix(text, size))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s: \"%.*s\" is no prefix for names in C (1 to %d letters, digits, single "
                        "underscores, the "
                        "first a letter)%s",
                        path, (int)size, text, AEI_PREFIX_SIZE - 1,
                        prefix == NULL ? ": set options->prefix" : "");
    for (size_t i = 0; i < size; i++) {
        f->prefix[i] = text[i];
        f->upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    }
    return AE_OK;
}

/* Which layers are there, and what they need. The last layer's output is the caller's array and
 * needs no buffer; neither does the row that the first one reads, unless it has to be scaled. */
static void measure(aei_c_source *f)
{
    const ae_network *n = f->network;
    f->first = f->part == AE_EXPORT_PART_DECODER ? n->encoder_layers : 0;
    f->last = f->part == AE_EXPORT_PART_ENCODER ? n->encoder_layers : n->depth;
    for (size_t l = f->first; l < f->last; l++) {
        const size_t products = n->layers[l].in * n->layers[l].out, width = n->layers[l].out;
        f->info.multiply_adds += products;
        f->info.weight_bytes += (products + width) * sizeof(float);
        if (l + 1 < f->last && width > f->buffers[l % 2])
            f->buffers[l % 2] = width;
    }
    if (f->scaling != NULL) {
        f->info.weight_bytes += 2 * n->widths[0] * sizeof(float);
    }
    if (f->first == 0 && f->fill != NULL)
        f->info.weight_bytes += n->widths[0] * sizeof(float);
    /* The scaled or filled row lies in the second buffer, as layer 0 writes into the first. */
    if (f->first == 0 && (f->scaling != NULL || f->fill != NULL) && n->widths[0] > f->buffers[1])
        f->buffers[1] = n->widths[0];
    if (f->spread != NULL)
        f->info.weight_bytes += n->widths[0] * sizeof(float);
    f->info.buffer_bytes = (f->buffers[0] + f->buffers[1]) * sizeof(float);
}

/* One layer's numbers at a time, in one array that is large enough for each. */
static ae_status write_texts(aei_c_source *f)
{
    const ae_network *n = f->network;
    const size_t weights = aei_model_largest(n), floats = weights + n->widest;
    float *values = malloc(floats * sizeof *values);
    if (values == NULL)
        return aei_fail_memory(floats * sizeof *values);
    ae_status status = AE_OK;
    /* Batch normalisation is multiplied into weights and bias, so that the C code knows one kind
     * of layer. */
    aei_c_source_begin(f);
    aei_c_source_scaling(f);
    aei_c_source_input(f);
    if (f->spread != NULL)
        aei_c_source_array(f, "spreads", f->spread, n->widths[0]);
    for (size_t l = f->first; l < f->last && status == AE_OK; l++) {
        status = aei_layer_fold(n, l, values, values + weights);
        if (status != AE_OK)
            break;
        char name[32];
        (void)snprintf(name, sizeof name, "weights%zu", l);
        aei_c_source_array(f, name, values, n->layers[l].in * n->layers[l].out);
        (void)snprintf(name, sizeof name, "biases%zu", l);
        aei_c_source_array(f, name, values + weights, n->layers[l].out);
        aei_c_source_layer(f, l);
    }
    free(values);
    if (status == AE_OK)
        aei_c_source_end(f);
    return status;
}

/*
 * The names of an export are those of a program: digits.c is overwritten in one careless call. What
 * a file begins with tells. Whether it can be replaced at all is found out when that is done.
 */
static ae_status check_made_by_libae(const char *path)
{
    enum { HEAD = 1024 };
    char head[HEAD + 1] = "";
    size_t got = 0;
    aei_input input;
    if (aei_input_open(&input, path) != AE_OK)
        return AE_OK;
    const ae_status status = aei_input_read(&input, head, HEAD, &got);
    aei_input_close(&input);
    if (status != AE_OK || got == 0 || strstr(head, AEI_C_SOURCE_MARK) != NULL)
        return AE_OK;
    return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                    "%s: not replaced, since libae did not write it: choose another name or delete "
                    "the file",
                    path);
}

/* Both files are complete before either takes its place: a header and a source of two networks
 * would compile and give wrong numbers. */
static ae_status write_files(aei_c_source *f, const char *path, size_t length)
{
    char *name = malloc(length + sizeof ".c");
    if (name == NULL)
        return aei_fail_memory(length + sizeof ".c");
    ae_status status = AE_OK;
    memcpy(name, path, length);
    memcpy(name + length, ".c", sizeof ".c");
    AE_CHECK(check_made_by_libae(name));
    memcpy(name + length, ".h", sizeof ".h");
    AE_CHECK(check_made_by_libae(name));
    memcpy(name + length, ".c", sizeof ".c");
    AE_CHECK(aei_file_create(&f->source, name));
    memcpy(name + length, ".h", sizeof ".h");
    AE_CHECK(aei_file_create(&f->header, name));
    AE_CHECK(write_texts(f));
    status = aei_file_commit_both(f->source, f->header);
    f->source = f->header = NULL;
cleanup:
    aei_file_discard(f->source);
    aei_file_discard(f->header);
    free(name);
    return status;
}

/* The score and the threshold are one function, so they have one unit. */
static ae_status set_score(aei_c_source *f, ae_score_units units)
{
    aei_score_form form;
    AE_TRY(aei_score_form_resolve(&form, f->network, AE_COST_L2, units));
    if (f->part != AE_EXPORT_PART_ALL)
        return units == AE_SCORE_UNITS_DEFAULT
                   ? AE_OK
                   : aei_fail(AE_ERROR_INVALID_ARGUMENT,
                              "units are %s, but only AE_EXPORT_PART_ALL has a "
                              "score: leave units 0",
                              aei_score_units_name(units));
    if (f->threshold != NULL && f->threshold->cost == AE_COST_BCE)
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "the network's threshold is of binary cross-entropy, which exported C does "
                        "not compute: fit one of another cost, clear it, or export one part");
    if (f->threshold != NULL && units != AE_SCORE_UNITS_DEFAULT && units != f->threshold->units)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "units are %s, but the network's threshold is of %s units: leave units 0, "
                        "or fit or clear the threshold",
                        aei_score_units_name(units), aei_score_units_name(f->threshold->units));
    f->units = f->threshold != NULL ? f->threshold->units : form.units;
    return f->units == AE_SCORE_UNITS_SPREAD ? aei_network_find_error_spread(&f->spread, f->network)
                                             : AE_OK;
}

ae_status ae_network_export_c(const ae_network *network, const char *path, ae_export_c_info *info,
                              const ae_export_c_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(path);
    ae_export_c_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_export_c_options"));
    AE_TRY(aei_check_enum((int)o.part, AE_EXPORT_PART_DECODER, "part", "ae_export_part"));
    if (info != NULL)
        AE_TRY(aei_result_check(info, "ae_export_c_info"));
    aei_c_source f = {.network = network,
                      .part = o.part == AE_EXPORT_PART_DEFAULT ? AE_EXPORT_PART_ALL : o.part,
                      .scaling = network->scaling,
                      .fill = network->fill};
    f.threshold = f.part == AE_EXPORT_PART_ALL ? aei_network_threshold(network) : NULL;
    AE_TRY(set_score(&f, o.units));
    size_t length;
    const char *name;
    cut_path(path, &length, &name);
    AE_TRY(set_names(&f, path, length, name, o.prefix));
    measure(&f);
    AE_TRY(write_files(&f, path, length));
    return info == NULL ? AE_OK
                        : aei_result_write(info, &f.info, sizeof f.info, "ae_export_c_info");
}
