# SPDX-License-Identifier: BSD-3-Clause
"""PyTorch: THREADS DATA GROUP VARIANT, one of eager-fused, eager-foreach, compile, compile-max-autotune."""
import copy
import logging
import warnings

import torch
import worker

warnings.filterwarnings('ignore')
logging.disable(logging.WARNING)
threads, group, rows, widths, (variant,) = worker.arguments()
torch.set_num_threads(threads)
torch.manual_seed(1)
compiled = variant.startswith('compile')
how = {'mode': 'max-autotune'} if variant == 'compile-max-autotune' else {}
batches = list(torch.from_numpy(rows))


def network():
    layers = []
    for i, o in zip(widths, widths[1:]):
        linear = torch.nn.Linear(i, o, bias=False)
        torch.nn.init.normal_(linear.weight, std=i ** -0.5)
        layers += [linear, torch.nn.BatchNorm1d(o, eps=worker.EPSILON), torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers)


def add_training(bf16):
    net = network()
    kind = {'fused': True} if variant != 'eager-foreach' else {'foreach': True}
    adam = torch.optim.Adam(net.parameters(), lr=worker.RATE, **kind)

    def cost_of(batch):
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            out = net(batch)
        return torch.linalg.vector_norm(out.float() - batch, dim=1).mean()

    forward = torch.compile(cost_of, **how) if compiled else cost_of

    def step(batch):
        adam.zero_grad(set_to_none=True)
        cost = forward(batch)
        cost.backward()
        adam.step()
        return cost.detach()

    name = worker.work(group, 'step.bf16' if bf16 else 'step')
    # bfloat16 without instructions for it takes a second a step
    worker.train(f'{name}.pytorch-{variant}', step, batches, 3 * len(batches) if bf16 else None)


def folded(net):
    """Batch normalisation folded into the products, which get a bias."""
    layers = list(copy.deepcopy(net).eval())
    fuse = torch.nn.utils.fusion.fuse_linear_bn_eval
    return torch.nn.Sequential(*(layer for l in range(0, len(layers), 3)
                                 for layer in (fuse(layers[l], layers[l + 1]), layers[l + 2]))).eval()


def add_inference(batch, bf16):
    kind = torch.bfloat16 if bf16 else torch.float32
    net = folded(network()).to(kind)
    x = batches[0][:batch].contiguous().to(kind)
    if compiled:
        torch._inductor.config.freezing = True  # constants, and the products in their own layout
        net = torch.compile(net, **how)
    context = torch.no_grad if compiled else torch.inference_mode

    def call():
        with context():
            return net(x)

    name = worker.work(group, 'infer.bf16' if bf16 else 'infer', batch)
    worker.infer(f'{name}.pytorch-{variant}', call, lambda y: y.float().numpy())


worker.say('about PyTorch', torch.__version__, 'vectors', torch.backends.cpu.get_cpu_capability(), 'products by',
           'MKL' if torch.backends.mkl.is_available() else 'another BLAS')
add_training(bf16=False)
if group == 'large':
    add_training(bf16=True)
    if variant != 'eager-foreach':  # the optimizer does not matter here
        for bf16 in (False, True):
            for batch in (1, worker.BATCH):
                add_inference(batch, bf16)
worker.serve()
