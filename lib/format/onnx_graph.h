/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef AEI_ONNX_GRAPH_H
#define AEI_ONNX_GRAPH_H

#include <libae/status.h>

#include "format/proto/onnx.pb-c.h"

/*
 * An ONNX graph that is mostly one chain: each node takes the value before it, and constants. The
 * protobuf messages point to each other, so all of them are made at once, with room for a number of
 * nodes and constants that is known before.
 */

enum { AEI_ONNX_NAME = 64, AEI_ONNX_INPUTS = 5, AEI_ONNX_ATTRIBUTES = 2 };

/* A constant: float32, row-major. */
typedef struct aei_onnx_tensor {
    Aei__Onnx__Tensor message;
    char name[AEI_ONNX_NAME];
    int64_t dims[2];
} aei_onnx_tensor;

typedef struct aei_onnx_node {
    Aei__Onnx__Node message;
    char name[AEI_ONNX_NAME];
    char value[AEI_ONNX_NAME]; /* that it puts out */
    char *inputs[AEI_ONNX_INPUTS], *output;
    Aei__Onnx__Attribute attributes[AEI_ONNX_ATTRIBUTES], *attribute_list[AEI_ONNX_ATTRIBUTES];
    int64_t list; /* of the attribute that is a list of one number */
} aei_onnx_node;

typedef struct aei_onnx_graph {
    Aei__Onnx__Graph message;
    aei_onnx_node *nodes;     /* message.n_node of them */
    aei_onnx_tensor *tensors; /* message.n_initializer of them */
    char *value;              /* what the last node puts out; the graph's input before the first */
    float *floats;            /* of the constants, one after another */
    size_t used;
} aei_onnx_graph;

/* Room for a graph on a value named input, which must live as long; to be freed.
 * AE_ERROR_OUT_OF_MEMORY. */
ae_status aei_onnx_graph_create(aei_onnx_graph *graph, char *input, size_t nodes, size_t tensors,
                                size_t floats);
void aei_onnx_graph_free(aei_onnx_graph *graph);

/* A constant of shape [rows, columns], or [rows] if columns is 0, in the processor's byte order; to
 * be filled in. */
float *aei_onnx_tensor_add(aei_onnx_graph *graph, const char *name, size_t rows, size_t columns);

/* A node on the present value, followed by constants: count of them from the one numbered first, as
 * they were added. */
aei_onnx_node *aei_onnx_node_add(aei_onnx_graph *graph, const char *name, const char *op,
                                 size_t first, size_t count);

/* A value of another node, or the graph's input, as the node's next input. */
void aei_onnx_node_take(aei_onnx_node *node, char *value);

void aei_onnx_set_int(aei_onnx_node *node, const char *name, int64_t value);
/* A list of one number; a node has one such attribute. */
void aei_onnx_set_ints(aei_onnx_node *node, const char *name, int64_t value);
void aei_onnx_set_float(aei_onnx_node *node, const char *name, float value);

/* Name what the last node puts out. */
void aei_onnx_value_name(aei_onnx_graph *graph, const char *name);

/* Constants to little-endian: the last thing before writing. */
void aei_onnx_graph_finish(aei_onnx_graph *graph);

#endif
