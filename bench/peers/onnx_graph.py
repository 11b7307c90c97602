# SPDX-License-Identifier: BSD-3-Clause
"""The report's network as an ONNX graph, batch normalisation folded into the products: Gemm and Sigmoid eight times."""
import worker
from onnx import TensorProto, helper, numpy_helper


def model(batch):
    nodes, constants, x = [], [], 'x'
    for l, w in enumerate(worker.weights(worker.LARGE)):
        constants += [numpy_helper.from_array(w, f'w{l}'),
                      numpy_helper.from_array(worker.numpy.zeros(w.shape[1], 'float32'), f'b{l}')]
        nodes += [helper.make_node('Gemm', [x, f'w{l}', f'b{l}'], [f'z{l}']),
                  helper.make_node('Sigmoid', [f'z{l}'], [f'y{l}'])]
        x = f'y{l}'
    shape = (batch, worker.LARGE[0])
    graph = helper.make_graph(nodes, 'autoencoder', [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9).SerializeToString()
