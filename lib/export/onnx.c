/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network as an ONNX model. Opset 15 has the newest forms of all the operators here that every
 * runtime of today reads; see the operators' definitions in ONNX's docs/Operators.md.
 */
#include <libae/export.h>

#include "base/error.h"
#include "base/options.h"
#include "base/unconst.h"

AEI_OPTIONS_INIT(ae_export_onnx_options)

#ifdef AEI_HAVE_PROTOBUF

#include "base/file.h"
#include "format/onnx_graph.h"
#include "model/cost.h"
#include "model/fold.h"
#include "store/architecture.h"

#include <libae/version.h>
#include <stdio.h>
#include <string.h>

enum {
    IR_VERSION = 8,
    OPSET = 15,
    FLOAT32 = 1,
    BOOL = 9,
    NODES_OF_A_LAYER = 3,
    TENSORS_OF_A_LAYER = 5
};
/* The most that each part adds: the graph takes its memory once, before the first node. */
enum { SCORE_NODES = 6, SCORE_TENSORS = 3, FILL_NODES = 10, FILL_TENSORS = 3 };
enum { SCALING_NODES = 4, SCALING_TENSORS = 3, OFFSET = 0, DIVISOR = 1, SCALE = 2 };

/* Protobuf lengths are signed 32-bit numbers for most readers; names and the rest stay far below
 * the margin. */
static const size_t most_bytes = ((size_t)1 << 31) - ((size_t)1 << 24);

/* "encoder.0.gemm" */
static void name_of(char name[AEI_ONNX_NAME], const ae_network *network, size_t layer,
                    const char *part)
{
    aei_tensor_name(name, AEI_ONNX_NAME, layer, network->encoder_layers, part);
}

/* A node of a layer on the constants added last. */
static aei_onnx_node *add_node(aei_onnx_graph *g, const ae_network *n, size_t layer,
                               const char *part, const char *op, size_t constants)
{
    char name[AEI_ONNX_NAME];
    name_of(name, n, layer, part);
    return aei_onnx_node_add(g, name, op, g->message.n_initializer - constants, constants);
}

/* A tensor of the network, as it is. */
static float *add_part(aei_onnx_graph *g, const ae_network *n, size_t layer, const char *part_name)
{
    char name[AEI_ONNX_NAME];
    name_of(name, n, layer, part_name);
    const aei_tensor *tensor = aei_network_tensor(n, name);
    const aei_layer *l = &n->layers[layer];
    float *values = aei_onnx_tensor_add(g, name, l->out, tensor->part == AEI_WEIGHT ? l->in : 0);
    aei_tensor_unpack(n, tensor, aei_network_block(n, tensor), values);
    return values;
}

/* Gemm's B is the weights as they are stored, [out, in]. */
static ae_status add_product(aei_onnx_graph *g, const ae_network *n, size_t layer, bool folded)
{
    const bool norm = n->layers[layer].batch_norm;
    float *weights = add_part(g, n, layer, "weight");
    if (norm && folded) {
        char name[AEI_ONNX_NAME];
        name_of(name, n, layer, "bias");
        AE_TRY(aei_layer_fold(n, layer, weights,
                              aei_onnx_tensor_add(g, name, n->layers[layer].out, 0)));
    } else if (!norm) {
        (void)add_part(g, n, layer, "bias");
    }
    aei_onnx_set_int(add_node(g, n, layer, "gemm", "Gemm", norm && !folded ? 1 : 2), "transB", 1);
    return AE_OK;
}

/* ONNX's momentum weighs the old value, as libae's decay does; inference takes no notice of it. */
static void add_norm(aei_onnx_graph *g, const ae_network *n, size_t layer)
{
    static const char *const parts[] = {"bn.weight", "bn.bias", "bn.running_mean",
                                        "bn.running_var"};
    enum { PARTS = sizeof parts / sizeof parts[0] };
    for (size_t i = 0; i < PARTS; i++)
        (void)add_part(g, n, layer, parts[i]);
    aei_onnx_node *node = add_node(g, n, layer, "bn", "BatchNormalization", PARTS);
    aei_onnx_set_float(node, "epsilon", n->bn_epsilon);
    aei_onnx_set_float(node, "momentum", n->bn_decay);
}

static void add_activation(aei_onnx_graph *g, const ae_network *n, size_t layer)
{
    static const char *const ops[] = {[AE_ACTIVATION_SIGMOID] = "Sigmoid",
                                      [AE_ACTIVATION_TANH] = "Tanh",
                                      [AE_ACTIVATION_RELU] = "Relu",
                                      [AE_ACTIVATION_LEAKY_RELU] = "LeakyRelu"};
    const aei_nonlinearity f = n->layers[layer].f;
    /* The identity needs no node. */
    if (f.kind == AE_ACTIVATION_LINEAR)
        return;
    aei_onnx_node *node = add_node(g, n, layer, aei_activation_name(f.kind), ops[f.kind], 0);
    if (f.kind == AE_ACTIVATION_LEAKY_RELU)
        aei_onnx_set_float(node, "alpha", f.slope);
}

/* The scaling's constants come first, under the numbers that the nodes use. */
static void add_scaling_tensors(aei_onnx_graph *g, const aei_scaling *scaling)
{
    static const char *const names[] = {"scaling.offset", "scaling.divisor", "scaling.scale"};
    const float *const values[] = {scaling->offset, scaling->divisor, scaling->scale};
    for (size_t i = 0; i < SCALING_TENSORS; i++)
        memcpy(aei_onnx_tensor_add(g, names[i], scaling->features, 0), values[i],
               scaling->features * sizeof(float));
}

/* What is exported: whether with scores, of which form, and the threshold on them. */
typedef struct scoring {
    bool wanted;
    aei_score_form form;
    const float *spread;           /* NULL unless in spreads */
    const ae_threshold *threshold; /* NULL: none that holds */
} scoring;

/* A node on the present value and one constant, which is added. */
static aei_onnx_node *add_with_constant(aei_onnx_graph *g, const char *name, const char *op,
                                        const char *constant, const float *values, size_t count)
{
    memcpy(aei_onnx_tensor_add(g, constant, count, 0), values, count * sizeof *values);
    return aei_onnx_node_add(g, name, op, g->message.n_initializer - 1, 1);
}

/* 1 for features that are there and 0 for those that are missing. */
static void add_present(aei_onnx_graph *g, char *missing)
{
    g->value = missing;
    (void)aei_onnx_node_add(g, "missing.not", "Not", 0, 0);
    aei_onnx_set_int(aei_onnx_node_add(g, "missing.present", "Cast", 0, 0), "to", FLOAT32);
}

static void add_sum_of_squares(aei_onnx_graph *g, const char *name, const char *op)
{
    aei_onnx_node *sum = aei_onnx_node_add(g, name, op, 0, 0);
    aei_onnx_set_ints(sum, "axes", 1);
    aei_onnx_set_int(sum, "keepdims", 0);
}

/*
 * The sum of the errors that are there, times features / features that are there. Of a row without
 * any that is 0 times infinity, NaN, as a session says. Where chooses, since NaN times 0 is NaN.
 */
static void add_weighted_sum(aei_onnx_graph *g, const ae_network *n, bool root, char *missing)
{
    const float zero = 0, features = (float)n->widths[0];
    char *error = g->value;
    add_present(g, missing);
    add_sum_of_squares(g, "missing.count", "ReduceSumSquare");
    char *count = g->value;
    g->value = missing;
    aei_onnx_node_take(add_with_constant(g, "missing.error", "Where", "missing.zero", &zero, 1),
                       error);
    add_sum_of_squares(g, "missing.sum", "ReduceSumSquare");
    (void)add_with_constant(g, "missing.times", "Mul", "missing.features", &features, 1);
    aei_onnx_node_take(aei_onnx_node_add(g, "missing.weighted", "Div", 0, 0), count);
    if (root)
        (void)aei_onnx_node_add(g, "missing.root", "Sqrt", 0, 0);
}

/* From reconstruction and target, both in the score's units, to "score" and "anomaly". NaN is
 * anomalous, as in ae_session_detect: not (score <= threshold). */
static void add_score(aei_onnx_graph *g, const ae_network *n, const scoring *s,
                      char *reconstruction, char *target, char *missing)
{
    const float features = (float)n->widths[0];
    g->value = reconstruction;
    aei_onnx_node_take(aei_onnx_node_add(g, "score.error", "Sub", 0, 0), target);
    if (s->spread != NULL)
        (void)add_with_constant(g, "score.divide", "Div", "score.spread", s->spread, n->widths[0]);
    if (missing != NULL)
        add_weighted_sum(g, n, s->form.cost == AE_COST_L2, missing);
    else
        add_sum_of_squares(g, "score.sum",
                           s->form.cost == AE_COST_L2 ? "ReduceL2" : "ReduceSumSquare");
    if (s->form.cost == AE_COST_MSE)
        (void)add_with_constant(g, "score.mean", "Div", "score.features", &features, 1);
    aei_onnx_value_name(g, "score");
    if (s->threshold == NULL)
        return;
    const float most = aei_threshold_float(s->threshold);
    (void)add_with_constant(g, "score.normal", "LessOrEqual", "score.threshold", &most, 1);
    (void)aei_onnx_node_add(g, "score.not", "Not", 0, 0);
    aei_onnx_value_name(g, "anomaly");
}

/* The chain from "input" to "reconstruction", both in the caller's units. The target is what the
 * score compares with: the row after filling, scaled or not as the score's units say. */
static ae_status add_nodes(aei_onnx_graph *g, const ae_network *n, bool folded, const scoring *s)
{
    char *target = g->value, *missing = NULL;
    if (n->scaling != NULL) /* first, under the numbers that the nodes use */
        add_scaling_tensors(g, n->scaling);
    if (n->fill != NULL) {
        char *input = g->value;
        (void)aei_onnx_node_add(g, "missing", "IsNaN", 0, 0);
        missing = g->value;
        aei_onnx_node_take(
            add_with_constant(g, "missing.filled", "Where", "missing.fill", n->fill, n->widths[0]),
            input);
        target = g->value;
    }
    if (n->scaling != NULL) {
        (void)aei_onnx_node_add(g, "scaling.subtract", "Sub", OFFSET, 1);
        (void)aei_onnx_node_add(g, "scaling.divide", "Div", DIVISOR, 1);
    }
    if (s->form.units == AE_SCORE_UNITS_SCALED)
        target = g->value;
    for (size_t layer = 0; layer < n->depth; layer++) {
        AE_TRY(add_product(g, n, layer, folded));
        if (n->layers[layer].batch_norm && !folded)
            add_norm(g, n, layer);
        add_activation(g, n, layer);
        if (layer + 1 == n->encoder_layers)
            aei_onnx_value_name(g, "code");
    }
    char *output = g->value;
    if (n->scaling != NULL) {
        (void)aei_onnx_node_add(g, "scaling.multiply", "Mul", SCALE, 1);
        (void)aei_onnx_node_add(g, "scaling.add", "Add", OFFSET, 1);
    }
    aei_onnx_value_name(g, "reconstruction");
    if (s->wanted)
        add_score(g, n, s, s->form.units == AE_SCORE_UNITS_SCALED ? output : g->value, target,
                  missing);
    return AE_OK;
}

/* A value that goes in or comes out: [N, features], or [N] if features is 0. */
typedef struct port {
    Aei__Onnx__ValueInfo info;
    Aei__Onnx__Type type;
    Aei__Onnx__TensorType tensor;
    Aei__Onnx__Shape shape;
    Aei__Onnx__Dimension dims[2], *dim_list[2];
    char rows[2];
} port;

/* The number of rows has a name instead of a value: runtimes then take batches of any size. */
static Aei__Onnx__ValueInfo *port_init(port *p, char *name, int type, size_t features)
{
    aei__onnx__value_info__init(&p->info);
    aei__onnx__type__init(&p->type);
    aei__onnx__tensor_type__init(&p->tensor);
    aei__onnx__shape__init(&p->shape);
    for (size_t i = 0; i < 2; i++) {
        aei__onnx__dimension__init(&p->dims[i]);
        p->dim_list[i] = &p->dims[i];
    }
    p->info.name = name;
    p->info.type = &p->type;
    p->type.tensor_type = &p->tensor;
    p->tensor.elem_type = type;
    p->tensor.shape = &p->shape;
    p->shape.n_dim = features == 0 ? 1 : 2;
    p->shape.dim = p->dim_list;
    memcpy(p->rows, "N", sizeof p->rows);
    p->dims[0].dim_param = p->rows;
    p->dims[1].has_dim_value = 1;
    p->dims[1].dim_value = (int64_t)features;
    return &p->info;
}

typedef struct file_buffer {
    ProtobufCBuffer base;
    aei_file *file;
} file_buffer;

/* A failure is remembered by the file and reported by its commit. */
static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    (void)aei_file_write(((file_buffer *)buffer)->file, bytes, size);
}

/* In pieces rather than packed in memory first, which would hold all weights twice. */
static ae_status save(const Aei__Onnx__Model *model, const char *path)
{
    file_buffer buffer = {.base.append = append};
    AE_TRY(aei_file_create(&buffer.file, path));
    (void)aei__onnx__model__pack_to_buffer(model, &buffer.base);
    return aei_file_commit(buffer.file);
}

static Aei__Onnx__Property property(char *key, char *value)
{
    Aei__Onnx__Property p = AEI__ONNX__PROPERTY__INIT;
    p.key = key;
    p.value = value;
    return p;
}

/* What a score is, for who reads the file: {"cost":"l2","units":"scaled","threshold":1.5}. */
static void describe_score(aei_text *json, const scoring *s)
{
    if (!s->wanted)
        return;
    aei_text_add(json, "{\"cost\":\"%s\",\"units\":\"%s\"", aei_cost_name(s->form.cost),
                 aei_score_units_name(s->form.units));
    if (s->threshold != NULL) {
        aei_text_add(json, ",\"threshold\":");
        aei_text_number(json, (double)aei_threshold_float(s->threshold));
    }
    aei_text_add(json, "}");
}

/* With its ports, which need not outlive this. */
static ae_status save_graph(const Aei__Onnx__Graph *chain, const ae_network *n, const scoring *s,
                            char *input_name, const char *path)
{
    port input, code, reconstruction, score, anomaly;
    Aei__Onnx__ValueInfo *inputs[] = {port_init(&input, input_name, FLOAT32, n->widths[0])};
    Aei__Onnx__ValueInfo *outputs[] = {
        port_init(&code, (char[]){"code"}, FLOAT32, n->widths[n->encoder_layers]),
        port_init(&reconstruction, (char[]){"reconstruction"}, FLOAT32, n->widths[0]),
        port_init(&score, (char[]){"score"}, FLOAT32, 0),
        port_init(&anomaly, (char[]){"anomaly"}, BOOL, 0)};
    Aei__Onnx__Graph graph = *chain;
    /* Arrays rather than literals, here and below: protobuf-c's texts are not const, though it
     * only reads them. */
    graph.name = (char[]){"autoencoder"};
    graph.n_input = 1;
    graph.input = inputs;
    graph.n_output = !s->wanted ? 2 : s->threshold == NULL ? 3 : 4;
    graph.output = outputs;

    aei_text architecture = {0}, scores = {0};
    aei_architecture_write(&architecture, n);
    describe_score(&scores, s);
    ae_status status = aei_text_check(&architecture);
    if (status == AE_OK)
        status = aei_text_check(&scores);
    if (status == AE_OK) {
        Aei__Onnx__Property version = property((char[]){"libae.version"},
                                               aei_unconst(ae_version_string()));
        Aei__Onnx__Property widths = property((char[]){"libae.architecture"}, architecture.data);
        Aei__Onnx__Property meaning = property((char[]){"libae.score"}, scores.data);
        Aei__Onnx__Property *properties[] = {&version, &widths, &meaning};
        Aei__Onnx__OperatorSet opset = AEI__ONNX__OPERATOR_SET__INIT, *opsets[] = {&opset};
        opset.domain = (char[]){""};
        opset.version = OPSET;
        Aei__Onnx__Model model = AEI__ONNX__MODEL__INIT;
        model.ir_version = IR_VERSION;
        model.producer_name = (char[]){"libae"};
        model.producer_version = aei_unconst(ae_version_string());
        model.graph = &graph;
        model.n_opset_import = 1;
        model.opset_import = opsets;
        model.n_metadata_props = s->wanted ? 3 : 2;
        model.metadata_props = properties;
        status = save(&model, path);
    }
    aei_text_free(&architecture);
    aei_text_free(&scores);
    return status;
}

/* The threshold's form where there is one, so that "score" and "anomaly" say the same. */
static ae_status read_scoring(scoring *s, const ae_export_onnx_options *o, const ae_network *n)
{
    AE_TRY(aei_check_enum((int)o->score, AE_TOGGLE_OFF, "score", "ae_toggle"));
    *s = (scoring){.wanted = o->score == AE_TOGGLE_ON, .threshold = aei_network_threshold(n)};
    if (!s->wanted && ((int)o->cost != 0 || (int)o->units != 0))
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "cost and units are of the output \"score\": set score to AE_TOGGLE_ON");
    if (!s->wanted)
        return AE_OK;
    AE_TRY(aei_score_form_resolve(&s->form, n, o->cost, o->units));
    /* Options that agree with the threshold are no contradiction; others would make "anomaly" an
     * answer to another question than "score". */
    if (s->threshold != NULL) {
        const aei_score_form its = {s->threshold->cost, s->threshold->units};
        if (((int)o->cost != 0 && o->cost != its.cost) ||
            ((int)o->units != 0 && o->units != its.units))
            return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                            "the network's threshold is of cost %s in %s units: leave cost and "
                            "units 0, or fit or clear the threshold",
                            aei_cost_name(its.cost), aei_score_units_name(its.units));
        s->form = its;
    }
    if (s->form.cost == AE_COST_BCE)
        return aei_fail(AE_ERROR_UNSUPPORTED, "binary cross-entropy is not exported to ONNX: take "
                                              "another cost, or leave score off");
    return s->form.units == AE_SCORE_UNITS_SPREAD ? aei_network_find_error_spread(&s->spread, n)
                                                  : AE_OK;
}

ae_status ae_network_export_onnx(const ae_network *network, const char *path,
                                 const ae_export_onnx_options *options)
{
    AE_REQUIRE(network);
    AE_REQUIRE(path);
    ae_export_onnx_options o;
    AE_TRY(aei_options_read(&o, sizeof o, options, "ae_export_onnx_options"));
    AE_TRY(aei_check_enum((int)o.fold_batch_norm, AE_TOGGLE_OFF, "fold_batch_norm", "ae_toggle"));
    scoring s;
    AE_TRY(read_scoring(&s, &o, network));
    /* Counted without folding, and before anything is allocated: a file that no reader would
     * take is refused at once. */
    size_t floats = network->scaling == NULL
                        ? 0
                        : SCALING_TENSORS * network->widths[0]; /* folding needs fewer */
    floats += s.wanted ? network->widths[0] + SCORE_TENSORS : 0;
    floats += network->fill == NULL ? 0 : network->widths[0] + FILL_TENSORS;
    for (size_t i = 0; i < network->tensor_count; i++)
        floats += aei_tensor_elements(network, &network->tensors[i]);
    if (floats > most_bytes / sizeof(float))
        return aei_fail(AE_ERROR_UNSUPPORTED,
                        "%s: %zu parameters do not fit into the 2 GiB of an ONNX file", path,
                        floats);
    char input[] = "input";
    aei_onnx_graph graph;
    AE_TRY(aei_onnx_graph_create(
        &graph, input, network->depth * NODES_OF_A_LAYER + SCALING_NODES + SCORE_NODES + FILL_NODES,
        network->depth * TENSORS_OF_A_LAYER + SCALING_TENSORS + SCORE_TENSORS + FILL_TENSORS,
        floats));
    ae_status status = add_nodes(&graph, network, o.fold_batch_norm == AE_TOGGLE_ON, &s);
    if (status == AE_OK) {
        aei_onnx_graph_finish(&graph);
        status = save_graph(&graph.message, network, &s, input, path);
    }
    aei_onnx_graph_free(&graph);
    return status;
}

#else

ae_status ae_network_export_onnx(const ae_network *network, const char *path,
                                 const ae_export_onnx_options *options)
{
    (void)network, (void)path, (void)options;
    return aei_fail(AE_ERROR_UNSUPPORTED,
                    "this libae was built without protobuf-c, and so cannot write ONNX");
}

#endif
