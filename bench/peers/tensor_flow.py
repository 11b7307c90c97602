# SPDX-License-Identifier: BSD-3-Clause
"""TensorFlow, as a graph: THREADS DATA GROUP VARIANT, graph or xla."""
import os

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import tensorflow as tf
import worker

threads, group, rows, widths, (variant,) = worker.arguments()
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
batches = [tf.constant(batch) for batch in rows]
rival = 'tensorflow' + ('-xla' if variant == 'xla' else '')


def add_training():
    layers = [(tf.Variable(w), tf.Variable(tf.ones(w.shape[1])), tf.Variable(tf.zeros(w.shape[1])))
              for w in worker.weights(widths)]
    variables = [variable for layer in layers for variable in layer]
    moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
    power1, power2 = tf.Variable(1.0), tf.Variable(1.0)

    @tf.function(jit_compile=variant == 'xla')
    def step(x):
        with tf.GradientTape() as tape:
            y = x
            for w, gamma, beta in layers:
                z = y @ w
                mean, variance = tf.nn.moments(z, 0)
                y = tf.sigmoid(tf.nn.batch_normalization(z, mean, variance, beta, gamma, worker.EPSILON))
            cost = tf.reduce_mean(tf.norm(y - x, axis=1))
        power1.assign(power1 * 0.9)
        power2.assign(power2 * 0.999)
        for variable, (m, v), g in zip(variables, moments, tape.gradient(cost, variables)):
            tf.raw_ops.ResourceApplyAdam(var=variable.handle, m=m.handle, v=v.handle, beta1_power=power1,
                                         beta2_power=power2, lr=worker.RATE, beta1=0.9, beta2=0.999, epsilon=1e-8,
                                         grad=g)
        return cost

    worker.train(f"{worker.work(group, 'step')}.{rival}", lambda batch: step(batch).numpy(), batches)


def add_inference(batch):
    layers = [(tf.constant(w), tf.zeros(w.shape[1])) for w in worker.weights(widths)]

    @tf.function(jit_compile=variant == 'xla')
    def forward(x):
        for w, bias in layers:
            x = tf.sigmoid(tf.nn.bias_add(x @ w, bias))
        return x

    x = batches[0][:batch]
    worker.infer(f"{worker.work(group, 'infer', batch)}.{rival}", lambda: forward(x).numpy())


worker.say('about TensorFlow', tf.__version__)
add_training()
if group == 'large':
    for batch in (1, worker.BATCH):
        add_inference(batch)
worker.serve()
