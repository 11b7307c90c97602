/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State dicts as PyTorch programs name them. A file is written down as words "NAME=0w": a name and
 * the part of a network 6-4-2-4-6 that it stands for, here layer 0's weight; or "NAME=[3,2]" for a
 * tensor of something else. Whatever the names, the same network must come out.
 */
#include "model/network_internal.h"

#include "fixtures.h"
#include "suites.h"
#include <stdio.h>

static const size_t widths[] = {6, 4, 2, 4, 6};
enum { LAYERS = 4, NAME_SIZE = 64, MOST_BYTES = 1 << 14 };

typedef struct file {
    char header[MOST_BYTES];
    unsigned char data[MOST_BYTES];
    size_t used;
} file;

/* The values of a part, never negative: they depend on nothing else. */
static size_t part_values(size_t layer, char part, float *values)
{
    const size_t out = widths[layer + 1], count = part == 'w' ? out * widths[layer] : out;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)((i * 37 + layer * 11 + (size_t)(unsigned char)part) % 64) / 64;
    return count;
}

static void add(file *f, const char *name, const char *dtype, const char *shape, const void *values,
                size_t size)
{
    const size_t length = strlen(f->header);
    snprintf(f->header + length, sizeof f->header - length,
             "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
             length == 0 ? "{" : ",", name, dtype, shape, f->used, f->used + size);
    if (values != NULL)
        memcpy(f->data + f->used, values, size);
    fixture_little_endian(f->data + f->used, strcmp(dtype, "F32") == 0 ? size / 4 : 0, 4);
    f->used += size;
}

/* One word of a description. */
static void add_word(file *f, const char *word)
{
    char name[NAME_SIZE], shape[NAME_SIZE];
    float values[32] = {0};
    const char *what = strchr(word, '=') + 1;
    const size_t length = strcspn(what, " ");
    snprintf(name, sizeof name, "%.*s", (int)(what - 1 - word), word);
    snprintf(shape, sizeof shape, "%.*s", (int)length, what);
    size_t count = 1;
    if (*what == '[') {
        for (const char *c = what; c < what + length; c++)
            count *= *c >= '0' && *c <= '9' && (c[-1] < '0' || c[-1] > '9') ? strtoul(c, NULL, 10)
                                                                            : 1;
        add(f, name, "F32", shape, NULL, count * sizeof *values);
        return;
    }
    const size_t layer = (size_t)(*what - '0');
    if (what[1] == 't') {
        add(f, name, "F32", "[]", values, sizeof *values);
        return;
    }
    count = part_values(layer, what[1], values);
    snprintf(shape, sizeof shape, what[1] == 'w' ? "[%zu,%zu]" : "[%zu]", widths[layer + 1],
             widths[layer]);
    add(f, name, "F32", shape, values, count * sizeof *values);
}

static ae_status load(ae_network **network, const char *words, const ae_load_options *options)
{
    static file f;
    memset(&f, 0, sizeof f);
    for (; *words != '\0'; words += strspn(words, " ")) {
        add_word(&f, words);
        words += strcspn(words, " ");
    }
    const size_t header = strlen(f.header) + 1, size = 8 + header + f.used;
    unsigned char *bytes = fixture_allocate(size, 1);
    bytes[0] = (unsigned char)header, bytes[1] = (unsigned char)(header >> 8);
    memcpy(bytes + 8, f.header, header - 1);
    bytes[8 + header - 1] = '}';
    memcpy(bytes + 8 + header, f.data, f.used);
    const ae_status status = ae_network_load_memory(network, bytes, size, options);
    free(bytes);
    return status;
}

/* What the test files mean: without biases where they have none, and gammas of 1 where switched
 * off. */
static ae_network *expected(const ae_toggle *norms, bool biases, bool affine)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = widths, .width_count = COUNT(widths), .batch_norms = norms,
                           .batch_norm_count = LAYERS, .hidden_activation = AE_ACTIVATION_RELU,
                           .output_activation = AE_ACTIVATION_SIGMOID,
                           .code_activation = AE_ACTIVATION_LINEAR));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        static const char letters[] = "wgbmv";
        const aei_tensor *tensor = &network->tensors[i];
        const bool norm = network->layers[tensor->layer].batch_norm;
        char letter = letters[tensor->part];
        float values[32], bias[8];
        if (norm && tensor->part == AEI_BETA)
            letter = 'e';
        const size_t count = part_values(tensor->layer, letter, values);
        (void)part_values(tensor->layer, 'b', bias);
        for (size_t j = 0; j < count; j++) {
            if (letter == 'b' && !biases)
                values[j] = 0;
            if (norm && !affine && (letter == 'g' || letter == 'e'))
                values[j] = letter == 'g' ? 1 : 0;
            if (letter == 'm' && biases)
                values[j] -= bias[j];
        }
        ck_assert_ok(ae_network_set_tensor(network, tensor->name, values, count));
    }
    return network;
}

static const ae_load_options usual = {.size = sizeof usual,
                                      .hidden_activation = AE_ACTIVATION_RELU,
                                      .output_activation = AE_ACTIVATION_SIGMOID,
                                      .code_activation = AE_ACTIVATION_LINEAR};

static void check_loads(const char *words, const ae_network *wanted)
{
    ae_network *network = NULL;
    const ae_status status = load(&network, words, &usual);
    ck_assert_msg(status == AE_OK, "%s: %s", words, ae_last_error());
    ck_assert_msg(network->encoder_layers == 2, "%s: %zu layers encode", words,
                  network->encoder_layers);
    for (size_t l = 0; l < LAYERS; l++)
        ck_assert_msg(network->layers[l].batch_norm == wanted->layers[l].batch_norm &&
                          network->layers[l].f.kind == wanted->layers[l].f.kind,
                      "%s: layer %zu", words, l);
    ck_assert_msg(fixture_same_state(network, wanted), "%s: other values", words);
    ae_network_free(network);
}

#define LINEAR(a, b, c, d)                                                                      \
    a ".weight=0w " a ".bias=0b " b ".weight=1w " b ".bias=1b " c ".weight=2w " c ".bias=2b " d \
      ".weight=3w " d ".bias=3b"
#define TIED(a, b, c, d) \
    a ".weight=0w " a ".bias=0b " b ".weight=1w " b ".bias=1b " c ".bias=2b " d ".bias=3b"
#define NORM(name, layer)                                                                         \
    " " name ".weight=" layer "g " name ".bias=" layer "e " name ".running_mean=" layer "m " name \
    ".running_var=" layer "v " name ".num_batches_tracked=" layer "t"

static const char *const plain_names[] = {
    LINEAR("encoder.0", "encoder.1", "decoder.0", "decoder.1"),
    LINEAR("module.encoder.0", "module.encoder.1", "module.decoder.0", "module.decoder.1"),
    LINEAR("_orig_mod.module.encoder.0", "_orig_mod.module.encoder.2", "_orig_mod.module.decoder.0",
           "_orig_mod.module.decoder.3"),
    LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2"),
    LINEAR("encoder.net.0", "encoder.net.2", "decoder.net.0", "decoder.net.2"),
    LINEAR("encoder.fc1", "encoder.fc2", "decoder.fc1", "decoder.fc2"),
    LINEAR("encoder.layers.9.linear", "encoder.layers.10.linear", "decoder.layers.9.linear",
           "decoder.layers.10.linear"),
    LINEAR("0", "2", "4", "6"),
    LINEAR("model.0", "model.2", "model.4", "model.10"),
    LINEAR("fc1", "fc2", "fc3", "fc4"),
    LINEAR("enc1", "enc2", "dec1", "dec2"),
    LINEAR("enc1", "enc2", "dec2", "dec1"),
    LINEAR("fc_enc1", "fc_enc2", "fc_dec1", "fc_dec2"),
    LINEAR("Encoder_in", "Encoder_out", "Decoder_in", "Decoder_out"),
    LINEAR("ae.encoderHidden", "ae.encoderCode", "ae.decoderHidden", "ae.decoderOutput"),
    LINEAR("encoder.0", "bottleneck", "decoder.0", "decoder.2"),
    LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " classifier.0.weight=[10,2] "
                                                               "classifier.0.bias=[10]",
    LINEAR("encoder.0", "encoder.1", "decoder.0", "decoder.1") " ema.encoder.0.weight=[4,6] "
                                                               "ema.decoder.0.weight=[6,4]",
    LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " step=[] loss.scale=[2,2,2]",
    LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " loss.std=[5] importance=[6]",
};

START_TEST(linear_layers_are_found_under_many_names)
{
    static const ae_toggle none[LAYERS] = {AE_TOGGLE_OFF, AE_TOGGLE_OFF, AE_TOGGLE_OFF,
                                           AE_TOGGLE_OFF};
    ae_network *wanted = expected(none, true, true);
    check_loads(plain_names[_i], wanted);
    ae_network_free(wanted);
}
END_TEST

/* In the first two layers. */
static const char *const normalised_names[] = {
    LINEAR("encoder.0", "encoder.1", "decoder.0", "decoder.1") NORM("encoder.0.bn", "0")
        NORM("encoder.1.bn", "1"),
    LINEAR("module.encoder.0", "module.encoder.3", "module.decoder.0", "module.decoder.2")
        NORM("module.encoder.1", "0") NORM("module.encoder.4", "1"),
    LINEAR("0", "3", "6", "8") NORM("1", "0") NORM("4", "1"),
    LINEAR("fc1", "fc2", "fc3", "fc4") NORM("bn1", "0") NORM("bn2", "1"),
    LINEAR("enc1", "enc2", "dec1", "dec2") NORM("enc_bn1", "0") NORM("enc_bn2", "1"),
    LINEAR("encoder.0.linear", "encoder.1.linear", "decoder.0.linear", "decoder.1.linear")
        NORM("encoder.0.norm", "0") NORM("encoder.1.norm", "1"),
    LINEAR("encoder.linears.0", "encoder.linears.1", "decoder.linears.0", "decoder.linears.1")
        NORM("encoder.norms.0", "0") NORM("encoder.norms.1", "1"),
    LINEAR("encoder.0.0", "encoder.1.0", "decoder.0.0", "decoder.1.0") NORM("encoder.0.1", "0")
        NORM("encoder.1.1", "1"),
};

START_TEST(batch_normalisation_finds_its_layer)
{
    static const ae_toggle some[LAYERS] = {AE_TOGGLE_ON, AE_TOGGLE_ON, AE_TOGGLE_OFF,
                                           AE_TOGGLE_OFF};
    ae_network *wanted = expected(some, true, true);
    check_loads(normalised_names[_i], wanted);
    ae_network_free(wanted);
}
END_TEST

START_TEST(parameters_that_were_switched_off_are_1_and_0)
{
    static const ae_toggle first[LAYERS] = {AE_TOGGLE_ON, AE_TOGGLE_OFF, AE_TOGGLE_OFF,
                                            AE_TOGGLE_OFF};
    ae_network *wanted = expected(first, false, false);
    check_loads("encoder.0.weight=0w encoder.3.weight=1w decoder.0.weight=2w decoder.2.weight=3w "
                "encoder.1.running_mean=0m encoder.1.running_var=0v",
                wanted);
    ae_network_free(wanted);
}
END_TEST

/* What cannot be told from the file is said, with what the file has. */
static const struct {
    const char *words;
    ae_status status;
    const char *message;
} refused[] = {
    {"w=[2,3]", AE_ERROR_FORMAT, "two linear layers at least"},
    {"w=[2,3]", AE_ERROR_FORMAT, "docs/pytorch.md); the file has w [2, 3] F32"},
    {"encoder.0.weight=0w encoder.1.weight=1w", AE_ERROR_FORMAT, "do not follow each other"},
    {"encoder.0.weight=0w encoder.0.bias=0b mu.weight=[3,4] decoder.0.weight=[6,3] "
     "var.weight=[3,4]",
     AE_ERROR_FORMAT, "encoder.0.bias [4] F32, encoder.0.weight [4, 6] F32"},
    {"a.weight=[5,6] b.weight=[5,5] c.weight=[5,5] d.weight=[6,5]", AE_ERROR_FORMAT,
     "fit together in several orders: number their names"},
    {"down.weight=[2,6] up.weight=[6,2]", AE_ERROR_FORMAT, "several orders"},
    {LINEAR("a.encoder.0", "a.encoder.1", "a.decoder.0",
            "a.decoder.1") " b.encoder.0.weight=[4,6] b.decoder.0.weight=[6,4]",
     AE_ERROR_FORMAT, "several autoencoders, below a. and b.: choose one by the option prefix"},
    {LINEAR("encoder.0", "encoder.1", "decoder.0", "decoder.1") " middle.weight=[2,2]",
     AE_ERROR_FORMAT, "middle: it is neither the encoder's nor the decoder's, but may stand"},
    {LINEAR("encoder.0", "encoder.3", "decoder.0", "decoder.2") NORM("encoder.2", "0"),
     AE_ERROR_UNSUPPORTED, "encoder.2: the numbers leave a module between"},
    {LINEAR("encoder.1", "encoder.3", "decoder.0", "decoder.2") " encoder.0.running_mean=[6] "
                                                                "encoder.0.running_var=[6]",
     AE_ERROR_UNSUPPORTED, "encoder.0: batch normalisation in front of a layer"},
    {LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " encoder.1.weight=[4] "
                                                                "encoder.1.bias=[4]",
     AE_ERROR_UNSUPPORTED, "encoder.1: neither a linear layer nor batch normalisation with"},
    {LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " encoder.lstm.weight_ih_l0=[4,6]",
     AE_ERROR_UNSUPPORTED, "encoder.lstm: neither a linear layer nor batch"},
    {LINEAR("enc1", "enc2", "dec1", "dec2") NORM("bn", "0"), AE_ERROR_FORMAT,
     "bn: it is not clear which linear layer"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") " bn1.running_mean=0m", AE_ERROR_FORMAT,
     "bn1: running_var is missing"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") " bn1.running_mean=0m bn1.running_var=0v bn1.weight=0g",
     AE_ERROR_FORMAT, "bn1: bias is missing"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") NORM("bn1", "0") NORM("fc1.bn", "0"), AE_ERROR_FORMAT,
     "a second batch normalisation of the same layer"},
    {"0.weight=[4,6] 2.weight=[2,4] 4.weight=[2,2] 6.weight=[6,2]", AE_ERROR_INVALID_ARGUMENT,
     "set the option encoder_layers"},
    /* What computes and cannot be told apart, or is no layer that libae has. */
    {LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") NORM("input_norm", "3"),
     AE_ERROR_FORMAT, "input_norm: this batch normalisation may follow the last layer, or normal"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") NORM("norm", "3"), AE_ERROR_FORMAT, "norm: this batch"},
    {LINEAR("enc1", "enc2", "dec1", "dec2") NORM("bn2", "3"), AE_ERROR_FORMAT, "bn2: this batch"},
    {"encoder.a.weight=[6,6] encoder.b.weight=[2,6] decoder.a.weight=[6,2] "
     "encoder.norm.running_mean=[6] encoder.norm.running_var=[6]",
     AE_ERROR_FORMAT, "encoder.norm: "},
    {LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2") " encoder.0.lora_A=[2,6]",
     AE_ERROR_UNSUPPORTED, "tensor encoder.0.lora_A: it is a layer's, but not its weight or bias"},
    {TIED("encoder.0", "encoder.2", "decoder.0", "decoder.2") " decoder.0.parametrizations.weight."
                                                              "original0=[4,1]",
     AE_ERROR_UNSUPPORTED, "tensor decoder.0.parametrizations.weight.original0: it is a layer's"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") " fc3.mask=[2]", AE_ERROR_UNSUPPORTED, "tensor fc3.mask:"},
    {TIED("enc1", "enc2", "dec1", "dec2") " dec1.scale=[4]", AE_ERROR_FORMAT, "do not follow"},
    {LINEAR("enc1", "enc2", "dec1", "dec2") " mean=[6]", AE_ERROR_UNSUPPORTED,
     "tensor mean: if it normalises the input, name it scaling.offset or scaling.scale"},
    {LINEAR("fc1", "fc2", "fc3", "fc4") " s.x_std=[6]", AE_ERROR_UNSUPPORTED, "tensor s.x_std: if"},
    {LINEAR("enc1", "enc2", "dec1", "dec2") " act.weight=[1]", AE_ERROR_UNSUPPORTED,
     "act: neither"},
    {"encoder.0.weight=[0,6] decoder.0.weight=[6,0]", AE_ERROR_FORMAT,
     "encoder.0.weight: a shape of two dimensions expected, none of them 0"},
};

START_TEST(files_that_cannot_be_understood_say_why)
{
    ae_network *network = NULL;
    ck_assert_status(load(&network, refused[_i].words, &usual), refused[_i].status,
                     refused[_i].message);
    ck_assert_ptr_null(network);
}
END_TEST

START_TEST(a_prefix_chooses_and_encoder_layers_says_where_the_code_is)
{
    static const char two[] = LINEAR(
        "a.encoder.0", "a.encoder.2", "a.decoder.0",
        "a.decoder.2") " b.encoder.0.weight=[3,6] b.decoder.0.weight=[6,3]";
    static const char ties[] = "0.weight=[2,6] 2.weight=[2,2] 4.weight=[6,2]";
    ae_load_options o = usual;
    ae_network *network = NULL;
    o.prefix = "b";
    ck_assert_ok(load(&network, two, &o));
    ck_assert_uint_eq(ae_network_code_width(network), 3);
    ae_network_free(network);
    o.prefix = "a.";
    ck_assert_ok(load(&network, two, &o));
    ck_assert_uint_eq(ae_network_code_width(network), 2);
    ae_network_free(network);
    network = NULL;
    o.prefix = "c";
    ck_assert_status(load(&network, two, &o), AE_ERROR_FORMAT, "two linear layers at least");
    o = usual, o.encoder_layers = 1;
    ck_assert_ok(load(&network, ties, &o));
    ck_assert_uint_eq(ae_network_encoder_layer_count(network), 1);
    ae_network_free(network);
    network = NULL;
    ck_assert_status(load(&network, plain_names[0], &o), AE_ERROR_INVALID_ARGUMENT,
                     "encoder_layers: 2 in the file, 1 in the options");
    o.encoder_layers = 3;
    ck_assert_status(load(&network, ties, &o), AE_ERROR_INVALID_ARGUMENT,
                     "encoder_layers is 3: of the file's 3 layers 1 to 2 can encode");
    ck_assert_ptr_null(network);
}
END_TEST

/* A guess would be a network that answers, wrongly. */
START_TEST(activations_that_nobody_says_are_asked_for)
{
    static const char elsewhere[] = LINEAR("encoder.0", "encoder.2", "decoder.0", "decoder.2");
    ae_load_options o = {.size = sizeof o};
    ae_network *network = NULL;
    ck_assert_status(load(&network, elsewhere, &o), AE_ERROR_INVALID_ARGUMENT,
                     "the file does not say its activations: set the options hidden_activation, "
                     "code_activation");
    o.output_activation = AE_ACTIVATION_RELU;
    ck_assert_status(load(&network, elsewhere, &o), AE_ERROR_INVALID_ARGUMENT,
                     "layer 0 (encoder.0.weight): the file does not say its activation: set the "
                     "option hidden_activation");
    o.output_activation = AE_ACTIVATION_DEFAULT;
    o.hidden_activation = AE_ACTIVATION_RELU;
    ck_assert_status(load(&network, elsewhere, &o), AE_ERROR_INVALID_ARGUMENT,
                     "layer 1 (encoder.2.weight): the file does not say its activation: set the "
                     "option code_activation");
    ck_assert_status(load(&network, plain_names[0], &o), AE_ERROR_INVALID_ARGUMENT,
                     "code_activation");
    o.code_activation = AE_ACTIVATION_RELU;
    ck_assert_status(load(&network, elsewhere, &o), AE_ERROR_INVALID_ARGUMENT,
                     "layer 3 (decoder.2.weight): the file does not say its activation: set the "
                     "option output_activation");
    o.hidden_activation = o.output_activation = AE_ACTIVATION_LINEAR, o.code_activation = 0;
    ck_assert_ok(load(&network, elsewhere, &o));
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_LINEAR);
    ae_network_free(network);
    network = NULL;
    ck_assert_ok(load(&network, plain_names[0], NULL)); /* libae's own names: sigmoid */
    ck_assert_int_eq(fixture_layer(network, 1).activation, AE_ACTIVATION_SIGMOID);
    ae_network_free(network);
}
END_TEST

/* Searching must end: here no order closes the ring, whichever of so many is tried. */
START_TEST(names_made_to_be_searched_for_long_are_given_up)
{
    char words[4096] = "last.weight=[5,6]";
    for (int i = 0; i < 26; i++) {
        const size_t length = strlen(words);
        snprintf(words + length, sizeof words - length, " %c.weight=[5,5] %c%c.weight=[5,5]",
                 'a' + i, 'A' + i, 'a' + i);
    }
    ae_network *network = NULL;
    ck_assert_status(load(&network, words, &usual), AE_ERROR_FORMAT, "several orders");
    ck_assert_ptr_null(network);
}
END_TEST

START_TEST(a_name_of_ten_megabytes_is_no_layer)
{
    enum { LONG = 10000000 };
    static const char tail[] =
        ".weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}";
    const size_t header = 2 + LONG + sizeof tail - 1, size = 8 + header + 4;
    unsigned char *bytes = fixture_allocate(size, 1);
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(header >> (8 * i));
    memcpy(bytes + 8, "{\"", 2);
    memset(bytes + 10, 'x', LONG);
    memcpy(bytes + 10 + LONG, tail, sizeof tail - 1);
    ae_network *network = NULL;
    ck_assert_status(ae_network_load_memory(&network, bytes, size, &usual), AE_ERROR_FORMAT,
                     "the file has xxxxx");
    ck_assert_ptr_null(network);
    free(bytes);
}
END_TEST

/* What PyTorch saves of a decoder that computes with the encoder's weights. */
static const char *const tied_names[] = {
    TIED("encoder.0", "encoder.1", "decoder.0", "decoder.1"),
    TIED("module.encoder.0", "module.encoder.2", "module.decoder.0", "module.decoder.2"),
    TIED("enc1", "enc2", "dec2", "dec1"),
    TIED("encoder.0", "encoder.2", "decoder.0", "decoder.2") " classifier.0.weight=[10,2] "
                                                             "classifier.0.bias=[10]",
    TIED("encoder.0", "encoder.1", "decoder.0", "decoder.1") " ema.encoder.0.weight=[4,6] "
                                                             "ema.decoder.0.bias=[6]",
};

START_TEST(a_decoder_without_weights_has_the_encoders)
{
    static const ae_toggle none[LAYERS] = {AE_TOGGLE_OFF, AE_TOGGLE_OFF, AE_TOGGLE_OFF,
                                           AE_TOGGLE_OFF};
    ae_network *network = NULL, *wanted = expected(none, true, true);
    for (size_t l = 0; l < 2; l++) {
        float weight[32], turned[32];
        const size_t out = widths[l + 1], in = widths[l];
        (void)part_values(l, 'w', weight);
        for (size_t i = 0; i < out * in; i++)
            turned[i % in * out + i / in] = weight[i];
        ck_assert_ok(ae_network_set_tensor(wanted, l == 0 ? "decoder.1.weight" : "decoder.0.weight",
                                           turned, out * in));
    }
    const ae_status status = load(&network, tied_names[_i], &usual);
    ck_assert_msg(status == AE_OK, "%s: %s", tied_names[_i], ae_last_error());
    ck_assert_int_eq(fixture_info(network).tied_weights, 1);
    ck_assert(fixture_same_state(network, wanted));
    ae_network_free(network);
    ae_network_free(wanted);
}
END_TEST

/* One decoder of the two has a weight; biases that fit no encoder, or not all of them. */
START_TEST(weights_that_are_missing_otherwise_are_refused)
{
    static const char encoder[] = "encoder.0.weight=0w encoder.0.bias=0b encoder.1.weight=1w "
                                  "encoder.1.bias=1b ";
    static const char *const decoders[] = {
        "decoder.0.weight=2w decoder.0.bias=2b decoder.1.bias=3b",
        "decoder.0.bias=[5] decoder.1.bias=3b",
        "decoder.1.bias=3b",
        "decoder.0.bias=3b decoder.1.bias=3b",
        "decoder.0.bias=2b decoder.1.bias=3b decoder.2.bias=3b",
        "decoder.0.bias=2b decoder.1.bias=3b decoder.2.weight=[6,6] decoder.2.bias=[6]",
    };
    for (size_t i = 0; i < COUNT(decoders); i++) {
        char words[512];
        ae_network *network = NULL;
        snprintf(words, sizeof words, "%s%s", encoder, decoders[i]);
        ck_assert_status(load(&network, words, &usual), AE_ERROR_FORMAT,
                         "linear layers do not follow each other");
        ck_assert_ptr_null(network);
    }
}
END_TEST

START_TEST(memory_that_runs_out_is_said)
{
    ae_network *network = NULL;
    int failed = 1;
    for (size_t n = 1; failed; n++) {
        ck_assert_uint_lt(n, 100);
        support_fail_allocation(n);
        const ae_status status = load(&network, _i == 0 ? normalised_names[1] : tied_names[1],
                                      &usual);
        failed = support_allocation_failed();
        support_fail_allocation(0);
        ck_assert_int_eq(status, failed ? AE_ERROR_OUT_OF_MEMORY : AE_OK);
        ck_assert((network == NULL) == (failed != 0));
    }
    ae_network_free(network);
}
END_TEST

Suite *state_dict_suite(void)
{
    Suite *suite = suite_create("state_dict");
    TCase *tcase = tcase_create("names");
    tcase_add_loop_test(tcase, linear_layers_are_found_under_many_names, 0,
                        (int)COUNT(plain_names));
    tcase_add_loop_test(tcase, batch_normalisation_finds_its_layer, 0,
                        (int)COUNT(normalised_names));
    tcase_add_test(tcase, parameters_that_were_switched_off_are_1_and_0);
    tcase_add_loop_test(tcase, files_that_cannot_be_understood_say_why, 0, (int)COUNT(refused));
    tcase_add_test(tcase, a_prefix_chooses_and_encoder_layers_says_where_the_code_is);
    tcase_add_test(tcase, activations_that_nobody_says_are_asked_for);
    tcase_add_test(tcase, names_made_to_be_searched_for_long_are_given_up);
    tcase_add_test(tcase, a_name_of_ten_megabytes_is_no_layer);
    tcase_add_loop_test(tcase, a_decoder_without_weights_has_the_encoders, 0,
                        (int)COUNT(tied_names));
    tcase_add_test(tcase, weights_that_are_missing_otherwise_are_refused);
    tcase_add_loop_test(tcase, memory_that_runs_out_is_said, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
