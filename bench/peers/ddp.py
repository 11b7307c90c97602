# SPDX-License-Identifier: BSD-3-Clause
"""PyTorch's DistributedDataParallel over gloo: PROCESSES BATCH STEPS [plain]. BATCH is that of all processes together.
Prints ms a step, processor time of all processes a step, and a hash of the weights. plain: without batch normalisation,
so that no statistics depend on the number of processes."""
import hashlib
import os
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

WIDTHS = [784, 1000, 500, 250, 4, 250, 500, 1000, 784]


def network(plain):
    torch.manual_seed(1)
    layers = []
    for i, o in zip(WIDTHS, WIDTHS[1:]):
        linear = torch.nn.Linear(i, o, bias=plain)
        torch.nn.init.normal_(linear.weight, std=i ** -0.5)
        layers += [linear] + ([] if plain else [torch.nn.BatchNorm1d(o, eps=1e-3)]) + [torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers)


def work(rank, count, batch, steps, plain):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=os.environ.get('MASTER_PORT', '29511'))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=count)
    net = torch.nn.parallel.DistributedDataParallel(network(plain), broadcast_buffers=False)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)
    torch.manual_seed(2)
    rows = torch.rand(4, batch, WIDTHS[0])[:, rank * batch // count:(rank + 1) * batch // count].contiguous()

    def step(i):
        adam.zero_grad(set_to_none=True)
        x = rows[i % 4]
        torch.linalg.vector_norm(net(x) - x, dim=1).mean().backward()
        adam.step()

    for i in range(3):
        step(i)
    times, before = [], time.process_time()
    for i in range(steps):
        dist.barrier()
        start = time.perf_counter()
        step(i)
        times.append(time.perf_counter() - start)
    used = torch.tensor((time.process_time() - before) / steps * 1e3)
    dist.all_reduce(used)
    if rank == 0:
        digest = hashlib.sha256()
        for p in net.parameters():
            digest.update(p.detach().numpy().tobytes())
        print(f'ddp.processes{count}.batch{batch}{".plain" if plain else ""} {sorted(times)[steps // 2] * 1e3:.2f} ms '
              f'processor {used.item():.2f} ms weights {digest.hexdigest()[:16]}', flush=True)
    dist.destroy_process_group()


if __name__ == '__main__':
    processes, size, number = (int(a) for a in sys.argv[1:4])
    mp.spawn(work, (processes, size, number, 'plain' in sys.argv), processes)
