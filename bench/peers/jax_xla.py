# SPDX-License-Identifier: BSD-3-Clause
"""JAX, compiled by XLA: THREADS DATA GROUP. The threads are the processors that run.py leaves to this process."""
import jax
import jax.numpy as jnp
import jaxlib
import worker

threads, group, rows, widths, _ = worker.arguments()
batches = [jnp.asarray(batch) for batch in rows]


def parameters():
    return [{'w': jnp.asarray(w), 'gamma': jnp.ones(w.shape[1]), 'beta': jnp.zeros(w.shape[1])}
            for w in worker.weights(widths)]


def cost_of(layers, x, bf16):
    y = x
    for layer in layers:
        if bf16:
            z = jnp.dot(y.astype(jnp.bfloat16), layer['w'].astype(jnp.bfloat16), preferred_element_type=jnp.float32)
        else:
            z = y @ layer['w']
        mean = z.mean(0)
        d = z - mean
        z = d * jax.lax.rsqrt((d * d).mean(0) + worker.EPSILON)
        y = jax.nn.sigmoid(z * layer['gamma'] + layer['beta'])
    return jnp.sqrt(((y - x) ** 2).sum(1)).mean()


def step(state, x, bf16):
    layers, m, v, t = state
    cost, gradient = jax.value_and_grad(cost_of)(layers, x, bf16)
    each = jax.tree_util.tree_map
    t = t + 1
    rate = worker.RATE * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    m = each(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
    v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
    layers = each(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), layers, m, v)
    return (layers, m, v, t), cost


def add_training(bf16):
    compiled = jax.jit(lambda state, x: step(state, x, bf16), donate_argnums=0)
    layers = parameters()
    zeros = [jax.tree_util.tree_map(jnp.zeros_like, layers) for _ in range(2)]
    state = (layers, *zeros, jnp.float32(0))

    def call(batch):
        nonlocal state
        state, cost = compiled(state, batch)
        return cost.block_until_ready()

    worker.train(worker.work(group, 'step.bf16' if bf16 else 'step') + '.jax', call, batches)


def add_inference(batch, kind, name):
    layers = [(layer['w'].astype(kind), jnp.zeros(layer['w'].shape[1], kind)) for layer in parameters()]

    @jax.jit
    def forward(layers, x):
        for w, bias in layers:
            x = jax.nn.sigmoid(x @ w + bias)
        return x

    x = batches[0][:batch].astype(kind)
    worker.infer(worker.work(group, name, batch) + '.jax', lambda: forward(layers, x).block_until_ready(),
                 lambda y: worker.numpy.asarray(y, worker.numpy.float32))


worker.say('about JAX', jax.__version__, 'jaxlib', jaxlib.__version__)
add_training(bf16=False)
if group == 'large':
    add_training(bf16=True)
    for batch in (1, worker.BATCH):
        add_inference(batch, jnp.float32, 'infer')
        add_inference(batch, jnp.bfloat16, 'infer.bf16')
worker.serve()
