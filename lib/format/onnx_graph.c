/* SPDX-License-Identifier: BSD-3-Clause */
/* How is a chain of layers said in ONNX's protobuf messages? The messages point to each other. All
 * of them are therefore made at once and never move; each call fills in the next one. */
#ifdef AEI_HAVE_PROTOBUF

#include "format/onnx_graph.h"

#include "base/error.h"
#include "base/unconst.h"
#include "format/bytes.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLOAT32 = 1 }; /* TensorProto.DataType */

/* calloc, because attribute lists and counts start at zero; it also refuses a product of sizes that
 * overflows. */
ae_status aei_onnx_graph_create(aei_onnx_graph *graph, char *input, size_t nodes, size_t tensors,
                                size_t floats)
{
    *graph = (aei_onnx_graph){.message = AEI__ONNX__GRAPH__INIT, .value = input};
    graph->nodes = calloc(nodes, sizeof *graph->nodes);
    graph->message.node = calloc(nodes, sizeof *graph->message.node);
    graph->tensors = calloc(tensors, sizeof *graph->tensors);
    graph->message.initializer = calloc(tensors, sizeof *graph->message.initializer);
    graph->floats = calloc(floats, sizeof *graph->floats);
    if (graph->nodes != NULL && graph->message.node != NULL && graph->tensors != NULL &&
        graph->message.initializer != NULL && graph->floats != NULL)
        return AE_OK;
    aei_onnx_graph_free(graph);
    return aei_fail_memory(nodes * sizeof *graph->nodes + tensors * sizeof *graph->tensors +
                           floats * sizeof *graph->floats);
}

void aei_onnx_graph_free(aei_onnx_graph *graph)
{
    free(graph->nodes);
    free(graph->message.node);
    free(graph->tensors);
    free(graph->message.initializer);
    free(graph->floats);
    *graph = (aei_onnx_graph){0};
}

/* raw_data rather than float_data: the writer copies bytes and does not pack number by number. */
float *aei_onnx_tensor_add(aei_onnx_graph *graph, const char *name, size_t rows, size_t columns)
{
    aei_onnx_tensor *tensor = &graph->tensors[graph->message.n_initializer];
    graph->message.initializer[graph->message.n_initializer++] = &tensor->message;
    const size_t count = rows * (columns == 0 ? 1 : columns);
    float *values = graph->floats + graph->used;
    graph->used += count;
    (void)snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->dims[0] = (int64_t)rows;
    tensor->dims[1] = (int64_t)columns;
    aei__onnx__tensor__init(&tensor->message);
    tensor->message.name = tensor->name;
    tensor->message.n_dims = columns == 0 ? 1 : 2;
    tensor->message.dims = tensor->dims;
    tensor->message.data_type = FLOAT32;
    tensor->message.raw_data.data = (unsigned char *)values;
    tensor->message.raw_data.len = count * sizeof *values;
    return values;
}

/* The value that comes out has the node's name until aei_onnx_value_name gives it another; node and
 * value names are two name spaces in ONNX, so that nothing clashes. */
aei_onnx_node *aei_onnx_node_add(aei_onnx_graph *graph, const char *name, const char *op,
                                 size_t first, size_t count)
{
    aei_onnx_node *node = &graph->nodes[graph->message.n_node];
    graph->message.node[graph->message.n_node++] = &node->message;
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    (void)snprintf(node->value, sizeof node->value, "%s", name);
    /* The name stays where it is, in the node before or with the caller: nothing is copied. */
    node->inputs[0] = graph->value;
    for (size_t i = 0; i < count; i++)
        node->inputs[1 + i] = graph->tensors[first + i].name;
    node->output = graph->value = node->value;
    aei__onnx__node__init(&node->message);
    node->message.name = node->name;
    node->message.op_type = aei_unconst(op);
    node->message.n_input = 1 + count;
    node->message.input = node->inputs;
    node->message.n_output = 1;
    node->message.output = &node->output;
    node->message.attribute = node->attribute_list;
    return node;
}

void aei_onnx_node_take(aei_onnx_node *node, char *value)
{
    node->inputs[node->message.n_input++] = value;
}

/* protobuf-c's strings are not const, though it only reads them: hence aei_unconst. */
static Aei__Onnx__Attribute *add_attribute(aei_onnx_node *node, const char *name,
                                           Aei__Onnx__Attribute__Type type)
{
    Aei__Onnx__Attribute *attribute = &node->attributes[node->message.n_attribute];
    node->attribute_list[node->message.n_attribute++] = attribute;
    aei__onnx__attribute__init(attribute);
    attribute->name = aei_unconst(name);
    attribute->type = type;
    return attribute;
}

void aei_onnx_set_int(aei_onnx_node *node, const char *name, int64_t value)
{
    Aei__Onnx__Attribute *attribute = add_attribute(node, name, AEI__ONNX__ATTRIBUTE__TYPE__INT);
    attribute->has_i = 1;
    attribute->i = value;
}

void aei_onnx_set_ints(aei_onnx_node *node, const char *name, int64_t value)
{
    Aei__Onnx__Attribute *attribute = add_attribute(node, name, AEI__ONNX__ATTRIBUTE__TYPE__INTS);
    node->list = value;
    attribute->n_ints = 1;
    attribute->ints = &node->list;
}

void aei_onnx_set_float(aei_onnx_node *node, const char *name, float value)
{
    Aei__Onnx__Attribute *attribute = add_attribute(node, name, AEI__ONNX__ATTRIBUTE__TYPE__FLOAT);
    attribute->has_f = 1;
    attribute->f = value;
}

/* Over the name in place, so a node must have been added: before, graph->value is the caller's
 * input, which may be shorter. */
void aei_onnx_value_name(aei_onnx_graph *graph, const char *name)
{
    (void)snprintf(graph->value, AEI_ONNX_NAME, "%s", name);
}

/* raw_data are little-endian whatever the machine. Folding computes on the values, so this comes
 * last. */
void aei_onnx_graph_finish(aei_onnx_graph *graph)
{
    aei_little_endian(graph->floats, graph->used, sizeof *graph->floats);
}

#else
typedef int aei_without_protobuf; /* C wants a declaration in every file */
#endif
