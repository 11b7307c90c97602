# SPDX-License-Identifier: BSD-3-Clause
"""ONNX Runtime, inference: THREADS DATA GROUP."""
import onnx_graph
import onnxruntime
import worker

threads, group, rows, _, _ = worker.arguments()
worker.say('about ONNX Runtime', onnxruntime.__version__)
for batch in (1, worker.BATCH) if group == 'large' else ():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(onnx_graph.model(batch), options, providers=['CPUExecutionProvider'])
    x = {'x': rows[0][:batch]}
    worker.infer(f'infer.batch{batch}.onnxruntime', lambda session=session, x=x: session.run(None, x)[0])
worker.serve()
