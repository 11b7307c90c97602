# SPDX-License-Identifier: BSD-3-Clause
"""OpenVINO, inference, set up for latency: THREADS DATA GROUP."""
import onnx_graph
import openvino
import worker

threads, group, rows, _, _ = worker.arguments()
worker.say('about OpenVINO', openvino.__version__.split('-')[0])
core = openvino.Core()
for batch in (1, worker.BATCH) if group == 'large' else ():
    compiled = core.compile_model(core.read_model(onnx_graph.model(batch), b''), 'CPU',
                                  {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_NUM_THREADS': threads,
                                   'INFERENCE_PRECISION_HINT': 'f32'})
    request = compiled.create_infer_request()
    x = openvino.Tensor(rows[0][:batch].copy())

    def call(request=request, x=x):
        request.infer([x], share_inputs=True, share_outputs=True)
        return request.get_output_tensor().data

    worker.infer(f'infer.batch{batch}.openvino', call)
worker.serve()
