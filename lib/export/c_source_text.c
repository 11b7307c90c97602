/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of exported C source. In the texts below @ stands for the prefix and $ for the same in
 * capitals. What is written must compile without a warning as C99 and as C++, and call nothing.
 */
#include "base/error.h"
#include "base/number.h"
#include "export/c_source.h"
#include "store/architecture.h"

#include <float.h>
#include <libae/version.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 256, NUMBERS_A_LINE = 8 };

/* Text with the prefix put in. */
static void put(const aei_c_source *f, aei_file *file, const char *text)
{
    while (*text != '\0') {
        const size_t plain = strcspn(text, "@$");
        (void)aei_file_write(file, text, plain);
        text += plain;
        if (*text == '\0')
            return;
        const char *name = *text++ == '@' ? f->prefix : f->upper;
        (void)aei_file_write(file, name, strlen(name));
    }
}

/* The same with numbers and short names in it. */
__attribute__((format(printf, 3, 4))) static void put_line(const aei_c_source *f, aei_file *file,
                                                           const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(f, file, line);
}

/* As it is: it may be longer than a line, and hold @ and $. */
static void put_header_name(const aei_c_source *f)
{
    (void)aei_file_write(f->source, f->header_name, strlen(f->header_name));
}

/* A float as a constant of that type: "1e-05f", "-0.25f", "3.0f". */
static const char *constant(char text[32], float value)
{
    const size_t length = aei_format_float(text, value);
    const char *suffix = text[strcspn(text, ".e")] == '\0' ? ".0f" : "f";
    memcpy(text + length, suffix, strlen(suffix) + 1);
    return text;
}

/* FNV-1a, 32 bits: enough to tell two exports apart. */
static void mix(aei_c_source *f, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        f->fingerprint = (f->fingerprint ^ bytes[i]) * 16777619u;
}

static void put_widths(const aei_c_source *f, aei_file *file)
{
    const ae_network *n = f->network;
    for (size_t i = f->first; i <= f->last; i++)
        put_line(f, file, "%s%zu%s",
                 i == f->first ? ""
                 : i % 12 == 0 ? "-\n *     "
                               : "-",
                 n->widths[i], i == n->encoder_layers ? " (code)" : "");
}

static const char dot_text[] =
    "/*\n"
    " * bias + sum of x[i] w[i]. Weights are read once and in order, as flash and caches like it; "
    "x is small\n"
    " * and stays near. Four sums hide an adder's latency and round less than one.\n"
    " */\n"
    "static float @_dot(const float *x, const float *w, size_t count, float bias)\n"
    "{\n"
    "    float a = bias, b = 0.0f, c = 0.0f, d = 0.0f;\n"
    "    for (; count >= 4; count -= 4, x += 4, w += 4) {\n"
    "        a += x[0] * w[0];\n"
    "        b += x[1] * w[1];\n"
    "        c += x[2] * w[2];\n"
    "        d += x[3] * w[3];\n"
    "    }\n"
    "    for (; count > 0; count--)\n"
    "        a += *x++ * *w++;\n"
    "    return (a + b) + (c + d);\n"
    "}\n\n";

/* lib/compute/vector_math.h's method and polynomials, for one number at a time and without looking
 * at its bits. */
static const char exp_text[] =
    "/* exp(x) for x <= 0: 2^-n exp(r), n = round(-x / ln 2), |r| <= ln(2) / 2 (Cody and Waite "
    "1980). */\n"
    "static float @_exp(float x)\n"
    "{\n"
    "    static const float powers[7] = {0.5f, 0.25f, 0.0625f, 0.00390625f, 1.52587891e-05f, "
    "2.32830644e-10f,\n"
    "                                    5.42101086e-20f}; /* 2^-1, 2^-2, 2^-4, ... 2^-64 */\n"
    "    float r, q;\n"
    "    int n, bit;\n"
    "    if (!(x > -87.0f))\n"
    "        return x < 0.0f ? 0.0f : x; /* NaN stays NaN */\n"
    "    n = (int)(0.5f - x * 1.44269504f);\n"
    "    r = x + (float)n * 0.693145752f;\n"
    "    r = r + (float)n * 1.42860677e-6f;\n"
    "    q = 0.0013951717f;\n"
    "    q = q * r + 0.008369599f;\n"
    "    q = q * r + 0.041666187f;\n"
    "    q = q * r + 0.16666512f;\n"
    "    q = q * r + 0.5f;\n"
    "    q = (q * r) * r + r + 1.0f;\n"
    "    for (bit = 0; n > 0; bit++, n /= 2)\n"
    "        if (n % 2 != 0)\n"
    "            q *= powers[bit];\n"
    "    return q;\n"
    "}\n\n";

static const char sigmoid_text[] =
    "static float @_sigmoid(float x)\n"
    "{\n"
    "    const float e = @_exp(x < 0.0f ? x : -x), t = e / (1.0f + e);\n"
    "    return x < 0.0f ? t : 1.0f - t;\n"
    "}\n\n";

static const char tanh_text[] = "static float @_tanh(float x)\n"
                                "{\n"
                                "    const float u = x * x;\n"
                                "    float e, q = -0.005679304f;\n"
                                "    if (u < 0.390625f) {\n"
                                "        q = q * u + 0.020618122f;\n"
                                "        q = q * u - 0.053734f;\n"
                                "        q = q * u + 0.13331383f;\n"
                                "        q = q * u - 0.3333328f;\n"
                                "        return x + x * (u * q);\n"
                                "    }\n"
                                "    e = @_exp(x < 0.0f ? x + x : -(x + x));\n"
                                "    e = 1.0f - (e + e) / (1.0f + e);\n"
                                "    return x < 0.0f ? -e : e;\n"
                                "}\n\n";

static const char relu_text[] = "static float @_relu(float x)\n"
                                "{\n"
                                "    return x < 0.0f ? 0.0f : x;\n"
                                "}\n\n";

static const char sqrt_text[] =
    "/* Newton's iteration for s in [1, 4), where three steps reach float's precision. */\n"
    "static float @_sqrt(float x)\n"
    "{\n"
    "    float s = x, power = 1.0f, y;\n"
    "    int step;\n"
    "    if (!(x > 0.0f && x <= 3.40282347e+38f))\n"
    "        return x; /* 0, infinity, NaN */\n"
    "    for (; s >= 4.0f; power *= 2.0f)\n"
    "        s *= 0.25f;\n"
    "    for (; s < 1.0f; power *= 0.5f)\n"
    "        s *= 4.0f;\n"
    "    y = 0.5f * (s + 1.0f);\n"
    "    for (step = 0; step < 3; step++)\n"
    "        y = 0.5f * (y + s / y);\n"
    "    return y * power;\n"
    "}\n\n";

static bool uses(const aei_c_source *f, ae_activation kind)
{
    for (size_t l = f->first; l < f->last; l++)
        if (f->network->layers[l].f.kind == kind)
            return true;
    return false;
}

static void put_arithmetic(const aei_c_source *f)
{
    char slope[32];
    put(f, f->source, dot_text);
    if (uses(f, AE_ACTIVATION_SIGMOID) || uses(f, AE_ACTIVATION_TANH))
        put(f, f->source, exp_text);
    if (uses(f, AE_ACTIVATION_SIGMOID))
        put(f, f->source, sigmoid_text);
    if (uses(f, AE_ACTIVATION_TANH))
        put(f, f->source, tanh_text);
    if (uses(f, AE_ACTIVATION_RELU))
        put(f, f->source, relu_text);
    if (uses(f, AE_ACTIVATION_LEAKY_RELU))
        put_line(f, f->source,
                 "static float @_leaky_relu(float x)\n{\n    return x > 0.0f ? x : %s * x;\n}\n\n",
                 constant(slope, f->network->leaky_slope));
    if (f->part == AE_EXPORT_PART_ALL)
        put(f, f->source, sqrt_text);
}

void aei_c_source_begin(aei_c_source *f)
{
    f->fingerprint = 2166136261u;
    put(f, f->source, "/* @: an autoencoder's functions; ");
    put_header_name(f);
    put(f, f->source, " says what they do. */\n");
    put_line(f, f->source, "/* " AEI_C_SOURCE_MARK " %s: a change is better made there. */\n",
             ae_version_string());
    put(f, f->source, "#include \"");
    put_header_name(f);
    put(f, f->source, "\"\n\n#include <stddef.h>\n\n");
    put(f, f->source,
        "/* What weights are declared with, say __attribute__((section(\".qspi\"))) for other "
        "flash. */\n"
        "#ifndef $_PLACE\n#define $_PLACE\n#endif\n\n");
    if (f->info.buffer_bytes > 0)
        put(f, f->source, "/* Outputs of inner layers, by turns. */\n");
    for (size_t i = 0; i < 2; i++)
        if (f->buffers[i] > 0)
            put_line(f, f->source, "static float @_buffer%zu[%zu];\n", i, f->buffers[i]);
    if (f->info.buffer_bytes > 0)
        put(f, f->source, "\n");
    put_arithmetic(f);
}

void aei_c_source_array(aei_c_source *f, const char *name, const float *values, size_t count)
{
    char text[32];
    put_line(f, f->source, "static const float @_%s[%zu] $_PLACE = {", name, count);
    for (size_t i = 0; i < count; i++) {
        const char *gap = i % NUMBERS_A_LINE == 0 ? (i == 0 ? "\n    " : ",\n    ") : ", ";
        (void)aei_file_write(f->source, gap, strlen(gap));
        (void)constant(text, values[i]);
        (void)aei_file_write(f->source, text, strlen(text));
    }
    put(f, f->source, "\n};\n\n");
    mix(f, values, count * sizeof *values);
}

/* A constant feature, of scale 0, is 0 to the network unless it is NaN, and always reconstructed as
 * its offset. */
static const char scale_text[] =
    "/* Feature j in the network's units, (value - offset) / scale. */\n"
    "static float @_scaled(float value, size_t j)\n"
    "{\n"
    "    const float d = value - @_offsets[j], scale = @_scales[j];\n"
    "    return scale > 0.0f ? d / scale : d * 0.0f;\n"
    "}\n\n";

static const char fill_text[] =
    "/* Feature j; where it is missing, which NaN says, what stands for it. */\n"
    "static float @_filled(float value, size_t j)\n"
    "{\n"
    "    return value != value ? @_fills[j] : value;\n"
    "}\n\n";

void aei_c_source_scaling(aei_c_source *f)
{
    if (f->scaling == NULL)
        return;
    put(f, f->source, "/* The caller's units: value = offset + scale * the network's. */\n");
    aei_c_source_array(f, "offsets", f->scaling->offset, f->scaling->features);
    aei_c_source_array(f, "scales", f->scaling->scale, f->scaling->features);
    if (f->first == 0)
        put(f, f->source, scale_text);
}

/* What the first layer reads, where that is not the row itself. */
void aei_c_source_input(aei_c_source *f)
{
    if (f->first != 0 || (f->scaling == NULL && f->fill == NULL))
        return;
    if (f->fill != NULL) {
        aei_c_source_array(f, "fills", f->fill, f->network->widths[0]);
        put(f, f->source, fill_text);
    }
    put(f, f->source,
        "static void @_input(const float *row, float *x)\n{\n    size_t j;\n"
        "    for (j = 0; j < $_INPUT_WIDTH; j++)\n        x[j] = ");
    put(f, f->source,
        f->scaling == NULL ? "@_filled(row[j], j);\n}\n\n"
        : f->fill == NULL  ? "@_scaled(row[j], j);\n}\n\n"
                           : "@_scaled(@_filled(row[j], j), j);\n}\n\n");
}

/* One output of a layer: activation(dot(...)), of the inputs x; if wanted, in the caller's
 * units. */
static void put_feature(const aei_c_source *f, size_t layer, const char *x, bool unscaled)
{
    const ae_activation kind = f->network->layers[layer].f.kind;
    const size_t in = f->network->layers[layer].in;
    const bool linear = kind == AE_ACTIVATION_LINEAR;
    if (f->scaling != NULL && unscaled)
        put(f, f->source, "@_offsets[j] + @_scales[j] * ");
    if (!linear)
        put_line(f, f->source, "@_%s(", aei_activation_name(kind));
    put_line(f, f->source, "@_dot(%s, @_weights%zu + %zu * j, %zu, @_biases%zu[j])%s", x, layer, in,
             in, layer, linear ? "" : ")");
}

void aei_c_source_layer(aei_c_source *f, size_t layer)
{
    const aei_layer *at = &f->network->layers[layer];
    mix(f, &at->f.kind, sizeof at->f.kind);
    put_line(f, f->source, "/* Layer %zu: %zu features to %zu, %s. */\n", layer, at->in, at->out,
             aei_activation_name(at->f.kind));
    put_line(f, f->source, "static void @_layer%zu(const float *x, float *y)\n{\n    size_t j;\n",
             layer);
    put_line(f, f->source, "    for (j = 0; j < %zu; j++)\n        y[j] = ", at->out);
    put_feature(f, layer, "x", layer + 1 == f->network->depth);
    put(f, f->source, ";\n}\n\n");
}

static const char *buffer_after(size_t layer)
{
    return layer % 2 == 0 ? "@_buffer0" : "@_buffer1";
}

/* Calls of layers first to last - 1, from one array to another by way of the buffers. */
static void put_calls(const aei_c_source *f, size_t first, size_t last, const char *in,
                      const char *out)
{
    if ((f->scaling != NULL || f->fill != NULL) && first == 0) {
        put(f, f->source, "    @_input(row, @_buffer1);\n");
        in = "@_buffer1";
    }
    for (size_t l = first; l < last; l++)
        put_line(f, f->source, "    @_layer%zu(%s, %s);\n", l,
                 l == first ? in : buffer_after(l - 1), l + 1 == last ? out : buffer_after(l));
}

static const char encode_text[] =
    "void @_encode(const float row[$_INPUT_WIDTH], float code[$_CODE_WIDTH])";
static const char decode_text[] =
    "void @_decode(const float code[$_CODE_WIDTH], float reconstruction[$_INPUT_WIDTH])";
static const char reconstruct_text[] =
    "void @_reconstruct(const float row[$_INPUT_WIDTH], float reconstruction[$_INPUT_WIDTH])";
static const char score_text[] = "float @_score(const float row[$_INPUT_WIDTH])";
static const char anomaly_text[] = "int @_is_anomaly(const float row[$_INPUT_WIDTH])";

static void put_function(const aei_c_source *f, const char *declaration, size_t first, size_t last,
                         const char *in, const char *out)
{
    put(f, f->source, declaration);
    put(f, f->source, "\n{\n");
    put_calls(f, first, last, in, out);
    put(f, f->source, "}\n\n");
}

/* The last layer's outputs are compared as they come, so the score needs no room for a
 * reconstruction. Missing values are left out, and the sum is weighed as a session weighs it. */
static void put_score(const aei_c_source *f)
{
    const bool scaled = f->units == AE_SCORE_UNITS_SCALED;
    const size_t last = f->network->depth - 1;
    const char *inner = buffer_after(last - 1);
    put(f, f->source,
        "static float @_squares(const float *row)\n{\n    float sum = 0.0f, d;\n    size_t j;\n");
    if (f->fill != NULL)
        put(f, f->source, "    size_t there = 0;\n");
    put_calls(f, 0, last, "row", inner);
    put(f, f->source, "    for (j = 0; j < $_INPUT_WIDTH; j++) {\n");
    if (f->fill != NULL)
        put(f, f->source,
            "        if (row[j] != row[j])\n            continue;\n        there++;\n");
    put(f, f->source, "        d = ");
    put_feature(f, last, inner, !scaled);
    put(f, f->source, scaled ? " - @_scaled(row[j], j);\n" : " - row[j];\n");
    if (f->spread != NULL)
        put(f, f->source, "        d /= @_spreads[j];\n");
    put(f, f->source, "        sum += d * d;\n    }\n");
    if (f->fill != NULL)
        put(f, f->source,
            "    sum = there > 0 ? sum * ((float)$_INPUT_WIDTH / (float)there) : row[0];\n");
    put(f, f->source, "    return sum;\n}\n\n");
    put(f, f->source, score_text);
    put(f, f->source, "\n{\n    return @_sqrt(@_squares(row));\n}\n\n");
}

/* Not "greater": NaN is anomalous. */
static void put_anomaly(const aei_c_source *f)
{
    const ae_cost cost = f->threshold->cost;
    put(f, f->source, anomaly_text);
    put_line(f, f->source, "\n{\n    return !(%s <= $_THRESHOLD);\n}\n\n",
             cost == AE_COST_L2    ? "@_score(row)"
             : cost == AE_COST_SSE ? "@_squares(row)"
                                   : "@_squares(row) / (float)$_INPUT_WIDTH");
}

static void put_functions(const aei_c_source *f)
{
    const size_t code = f->network->encoder_layers, depth = f->network->depth;
    if (f->part != AE_EXPORT_PART_DECODER)
        put_function(f, encode_text, 0, code, "row", "code");
    if (f->part != AE_EXPORT_PART_ENCODER)
        put_function(f, decode_text, code, depth, "code", "reconstruction");
    if (f->part != AE_EXPORT_PART_ALL)
        return;
    put_function(f, reconstruct_text, 0, depth, "row", "reconstruction");
    put_score(f);
    if (f->threshold != NULL)
        put_anomaly(f);
}

static void put_threshold(const aei_c_source *f, aei_file *h)
{
    static const char *const costs[] = {[AE_COST_L2] = "the L2 norm of the difference",
                                        [AE_COST_SSE] = "the sum of squared differences",
                                        [AE_COST_MSE] = "the mean squared difference"};
    char number[32];
    put_line(f, h, "#define $_THRESHOLD (%s) /* a row is anomalous when %s is greater */\n",
             constant(number, aei_threshold_float(f->threshold)), costs[f->threshold->cost]);
}

static void put_sizes(const aei_c_source *f, aei_file *h)
{
    put_line(f, h, "#define $_INPUT_WIDTH %zu /* features of a row and of its reconstruction */\n",
             f->network->widths[0]);
    put_line(f, h, "#define $_CODE_WIDTH %zu\n", f->network->widths[f->network->encoder_layers]);
    put_line(f, h, "#define $_WEIGHT_BYTES %zu /* constant arrays: flash */\n",
             f->info.weight_bytes);
    put_line(f, h, "#define $_BUFFER_BYTES %zu /* static buffers: RAM */\n", f->info.buffer_bytes);
    put_line(f, h, "#define $_MULTIPLY_ADDS %zu /* of one call%s */\n", f->info.multiply_adds,
             f->part == AE_EXPORT_PART_ALL ? " of @_reconstruct" : "");
    if (f->threshold != NULL)
        put_threshold(f, h);
    put_line(f, h, "#define $_FINGERPRINT 0x%08xu /* the same in the source */\n\n",
             (unsigned)f->fingerprint);
}

/* What a function does, and how it is called. */
static void put_declaration(const aei_c_source *f, const char *comment, const char *declaration)
{
    put_line(f, f->header, "/* %s */\n", comment);
    put(f, f->header, declaration);
    put(f, f->header, ";\n\n");
}

static const char *const score_comments[] = {
    [AE_SCORE_UNITS_SCALED] = "How badly a row is reconstructed: the L2 norm of the difference of "
                              "scaled values.",
    [AE_SCORE_UNITS_CALLER] = "How badly a row is reconstructed: the L2 norm of the difference.",
    [AE_SCORE_UNITS_SPREAD] = "How badly a row is reconstructed: the L2 norm of the difference, "
                              "each feature in its usual error."};

static void put_header(const aei_c_source *f)
{
    static const char *const what[] = {[AE_EXPORT_PART_ALL] = "an autoencoder",
                                       [AE_EXPORT_PART_ENCODER] = "an autoencoder's encoder",
                                       [AE_EXPORT_PART_DECODER] = "an autoencoder's decoder"};
    aei_file *h = f->header;
    put_line(f, h, "/*\n * @: %s, " AEI_C_SOURCE_MARK " %s:\n *\n *     ", what[f->part],
             ae_version_string());
    put_widths(f, h);
    put(f, h,
        "\n *\n"
        " * C99 or C++, float32, no library: nothing is allocated, nothing else is called. Inputs "
        "and results\n"
        " * are the caller's arrays, one row a call, which must not overlap. Inner layers share "
        "static buffers,\n"
        " * so one call at a time. NaN in gives NaN out.\n"
        " */\n"
        "#ifndef $_H\n#define $_H\n\n");
    put_sizes(f, h);
    put(f, h, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    if (f->part != AE_EXPORT_PART_DECODER)
        put_declaration(f, "A row's code.", encode_text);
    if (f->part != AE_EXPORT_PART_ENCODER)
        put_declaration(f, "A code's reconstruction.", decode_text);
    if (f->part == AE_EXPORT_PART_ALL) {
        put_declaration(f, "Encode, then decode.", reconstruct_text);
        put_declaration(f, score_comments[f->units], score_text);
    }
    if (f->threshold != NULL)
        put_declaration(
            f, "1 for a row over the threshold or with a score that is not a number, else 0.",
            anomaly_text);
    put(f, h, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

void aei_c_source_end(aei_c_source *f)
{
    if (f->threshold != NULL) {
        const float value = aei_threshold_float(f->threshold);
        mix(f, &value, sizeof value);
        mix(f, &f->threshold->cost, sizeof f->threshold->cost);
    }
    mix(f, &f->units, sizeof f->units);
    put_functions(f);
    put_line(f, f->source,
             "#if $_FINGERPRINT != 0x%08xu\n#error \"the header is of another export than this "
             "source\"\n#endif\n",
             (unsigned)f->fingerprint);
    put_header(f);
}
