/* SPDX-License-Identifier: BSD-3-Clause */
/* What do a file's names say? Which tensors are one module's, which side it is of, and which of two
 * comes first; what that adds up to is for others. */
#include "store/module.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A piece of text. */
typedef struct span {
    const char *at;
    size_t length;
} span;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The part of a path that starts at `from`: up to the next dot. */
static span part_at(const aei_module *module, size_t from)
{
    span part = {module->path + from, 0};
    while (from + part.length < module->length && part.at[part.length] != '.')
        part.length++;
    return part;
}

/* Whether a word is "enc", "encode", "encoder" or "encoding", or begins with one before a digit or
 * a capital: "enc1", "encoderFc", but not "encrypt". */
static bool names(span word, const char *stem)
{
    static const char *const endings[] = {"oding", "oders", "oder", "ode", ""};
    const size_t stem_length = strlen(stem);
    for (size_t i = 0; i < stem_length; i++)
        if (i >= word.length || lower(word.at[i]) != stem[i])
            return false;
    for (size_t e = 0; e < sizeof endings / sizeof endings[0]; e++) {
        const size_t length = stem_length + strlen(endings[e]);
        bool same = length <= word.length;
        for (size_t i = stem_length; i < length && same; i++)
            same = lower(word.at[i]) == endings[e][i - stem_length];
        if (same && (length == word.length || !(word.at[length] >= 'a' && word.at[length] <= 'z')))
            return true;
    }
    return false;
}

/* The side that a part's words, which _ separates, agree on. */
static aei_side side_of(span part)
{
    bool encodes = false, decodes = false;
    for (size_t at = 0; at < part.length;) {
        span word = {part.at + at, 0};
        while (at + word.length < part.length && word.at[word.length] != '_')
            word.length++;
        encodes = encodes || names(word, "enc");
        decodes = decodes || names(word, "dec");
        at += word.length + 1;
    }
    return encodes == decodes ? AEI_SIDE_NONE : encodes ? AEI_SIDE_ENCODER : AEI_SIDE_DECODER;
}

/* The outermost part that names a side decides: in "decoder.encoder_norm" the inner word is
 * about something else. */
static void find_side(aei_module *module)
{
    for (size_t at = 0; at < module->length;) {
        const span part = part_at(module, at);
        module->side = side_of(part);
        module->scope = at;
        if (module->side != AEI_SIDE_NONE)
            return;
        at += part.length + 1;
    }
    module->scope = 0;
}

/* The name behind a prefix, which may or may not bring its dot; NULL: another name. */
static const char *behind(const char *name, const char *prefix)
{
    const size_t length = prefix == NULL ? 0 : strlen(prefix);
    if (length == 0)
        return name;
    if (strncmp(name, prefix, length) != 0)
        return NULL;
    name += length;
    if (prefix[length - 1] == '.')
        return name;
    return *name == '.' ? name + 1 : NULL;
}

/* A module of one tensor; false: its name is too long to be a layer's. */
static bool start(aei_module *module, const aei_stored *tensor, const char *name)
{
    *module = (aei_module){.path = name};
    const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;
    module->length = dot == NULL ? 0 : (size_t)(dot - name);
    if (module->length > AEI_PATH_MAX)
        return false;
    if (strcmp(last, "weight") == 0)
        module->weight = tensor;
    else if (strcmp(last, "bias") == 0)
        module->bias = tensor;
    else if (strcmp(last, "running_mean") == 0)
        module->mean = tensor;
    else if (strcmp(last, "running_var") == 0)
        module->variance = tensor;
    else if (strcmp(last, "num_batches_tracked") == 0)
        module->tracked = tensor;
    /* Such as in_proj_weight: a module that libae does not have. It is kept to be noticed, since
     * a network without it would compute something else. */
    else if (strstr(last, "weight") != NULL || strstr(last, "bias") != NULL)
        module->other = tensor;
    else
        module->stray = tensor;
    return true;
}

static int by_path(const void *a, const void *b)
{
    const aei_module *x = a, *y = b;
    const int order = memcmp(x->path, y->path, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* What the tensors of one module add up to, in the first of its entries. */
static void merge(aei_module *to, const aei_module *from)
{
    to->weight = to->weight != NULL ? to->weight : from->weight;
    to->bias = to->bias != NULL ? to->bias : from->bias;
    to->mean = to->mean != NULL ? to->mean : from->mean;
    to->variance = to->variance != NULL ? to->variance : from->variance;
    to->tracked = to->tracked != NULL ? to->tracked : from->tracked;
    to->other = to->other != NULL ? to->other : from->other;
    to->stray = to->stray != NULL ? to->stray : from->stray;
}

static void classify(aei_module *module)
{
    if (module->other != NULL)
        module->kind = AEI_MODULE_OTHER;
    else if (module->mean != NULL || module->variance != NULL)
        module->kind = AEI_MODULE_NORM;
    else if (module->weight != NULL && module->weight->rank == 2)
        module->kind = AEI_MODULE_LINEAR;
    else if (module->weight == NULL && module->bias == NULL && module->tracked == NULL)
        module->kind = AEI_MODULE_STRAY;
    else
        module->kind = AEI_MODULE_OTHER;
    find_side(module);
}

ae_status aei_modules_read(aei_module **modules, size_t *count, const aei_safetensors *file,
                           const char *prefix)
{
    aei_module *made = malloc((file->count + 1) * sizeof *made);
    if (made == NULL)
        return aei_fail_memory((file->count + 1) * sizeof *made);
    size_t entries = 0, kept = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = behind(file->tensors[i].name, prefix);
        entries += name != NULL && start(&made[entries], &file->tensors[i], name);
    }
    /* Sorted, the tensors of one module are neighbours, wherever they lie in the file. */
    qsort(made, entries, sizeof *made, by_path);
    for (size_t i = 0; i < entries; i++) {
        if (kept > 0 && by_path(&made[kept - 1], &made[i]) == 0)
            merge(&made[kept - 1], &made[i]);
        else
            made[kept++] = made[i];
    }
    for (size_t i = 0; i < kept; i++)
        classify(&made[i]);
    *modules = made;
    *count = kept;
    return AE_OK;
}

/* The digits that start at text[at], without zeros in front. Numbers are compared as texts of
 * digits, so that none is too long. */
static span number_at(span text, size_t at)
{
    span digits = {text.at + at, 0};
    while (at < text.length && text.at[at] == '0' && at + 1 < text.length &&
           is_digit(text.at[at + 1]))
        at++, digits.at++;
    while (at + digits.length < text.length && is_digit(text.at[at + digits.length]))
        digits.length++;
    return digits;
}

static int compare_numbers(span a, span b)
{
    if (a.length != b.length)
        return a.length < b.length ? -1 : 1;
    return memcmp(a.at, b.at, a.length);
}

/* By the first number that differs, if all else is the same; a number that is missing at the end
 * comes first. */
static int compare_parts(span a, span b)
{
    size_t i = 0, j = 0;
    int order = 0;
    while (i < a.length && j < b.length) {
        if (is_digit(a.at[i]) && is_digit(b.at[j])) {
            const span x = number_at(a, i), y = number_at(b, j);
            order = order != 0 ? order : compare_numbers(x, y);
            i = (size_t)(x.at + x.length - a.at);
            j = (size_t)(y.at + y.length - b.at);
        } else if (a.at[i++] != b.at[j++]) {
            return 0;
        }
    }
    const span rest = i < a.length ? (span){a.at + i, a.length - i}
                                   : (span){b.at + j, b.length - j};
    for (size_t k = 0; k < rest.length; k++)
        if (!is_digit(rest.at[k]))
            return 0;
    if (rest.length > 0 && order == 0)
        order = i < a.length ? 1 : -1;
    return order;
}

/* Where two paths part: the number of parts before, and the first parts that differ, empty at a
 * path's end. */
static size_t split(const aei_module *a, const aei_module *b, span *left, span *right)
{
    size_t at = 0, depth = 0;
    for (;;) {
        *left = at < a->length ? part_at(a, at) : (span){a->path + a->length, 0};
        *right = at < b->length ? part_at(b, at) : (span){b->path + b->length, 0};
        if (left->length == 0 || right->length == 0 || left->length != right->length ||
            memcmp(left->at, right->at, left->length) != 0)
            return depth;
        at += left->length + 1;
        depth++;
    }
}

int aei_module_order(const aei_module *a, const aei_module *b)
{
    span left, right;
    (void)split(a, b, &left, &right);
    return left.length == 0 || right.length == 0 ? 0 : compare_parts(left, right);
}

/* The last number of a path from `part` on, empty if there is none. */
static span last_number(const aei_module *module, span part)
{
    const span rest = {part.at, module->length - (size_t)(part.at - module->path)};
    size_t end = rest.length;
    while (end > 0 && !is_digit(rest.at[end - 1]))
        end--;
    size_t at = end;
    while (at > 0 && is_digit(rest.at[at - 1]))
        at--;
    return at == end ? (span){rest.at, 0} : number_at((span){rest.at, end}, at);
}

/* Only gaps between layers are computed with it, so it may stop far beyond any layer; digits
 * without end would overflow. */
static size_t value_of(span digits)
{
    size_t value = 0;
    for (size_t i = 0; i < digits.length && value < 1000000; i++)
        value = value * 10 + (size_t)(digits.at[i] - '0');
    return value;
}

static bool all_digits(span part)
{
    size_t i = 0;
    while (i < part.length && is_digit(part.at[i]))
        i++;
    return part.length > 0 && i == part.length;
}

aei_kinship aei_module_kinship(const aei_module *a, const aei_module *b)
{
    span left, right;
    aei_kinship k = {.depth = split(a, b, &left, &right)};
    k.child = left.length == 0 && a->length < b->length;
    k.numbered = all_digits(left) && all_digits(right);
    const size_t first = value_of(left), second = value_of(right);
    k.gap = k.numbered && second > first ? second - first : 0;
    const span x = last_number(a, left), y = last_number(b, right);
    k.same_digits = compare_numbers(x, y) == 0;
    k.both_digits = x.length > 0 && y.length > 0;
    return k;
}

bool aei_module_same_scope(const aei_module *a, const aei_module *b)
{
    return a->scope == b->scope && memcmp(a->path, b->path, a->scope) == 0;
}
