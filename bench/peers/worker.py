# SPDX-License-Identifier: BSD-3-Clause
"""What each Python rival shares: the protocol that worker.h describes."""
import sys
import time

import numpy

LARGE = (784, 1000, 500, 250, 4, 250, 500, 1000, 784)
SMALL = (30, 16, 8, 4, 8, 16, 30)
BATCH, SMALL_BATCH = 100, 32
EPSILON, RATE = 1e-3, 1e-3

cases = {}


def say(*words):
    print(*words, flush=True)


def arguments():
    """threads, group, its rows in batches, its widths, and what follows on the command line."""
    threads, folder, group = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    widths, batch = (LARGE, BATCH) if group == 'large' else (SMALL, SMALL_BATCH)
    rows = numpy.fromfile(f'{folder}/{group}.f32', numpy.float32).reshape(-1, batch, widths[0])
    return threads, group, rows, widths, sys.argv[4:]


def weights(widths):
    """Normal, deviation 1 / sqrt(fan in), shape [in, out]."""
    random = numpy.random.default_rng(1)
    return [(random.standard_normal((i, o)) / i ** 0.5).astype(numpy.float32) for i, o in zip(widths, widths[1:])]


def work(group, kind, batch=None):
    if kind == 'step':
        return 'train.step.batch100' if group == 'large' else 'train.step.small.batch32'
    if kind == 'step.bf16':
        return 'train.step.bf16.batch100'
    return f'{kind}.batch{batch}'


def train(name, step, batches, steps=None):
    """step(batch) takes one step and returns its cost as something that float() takes."""
    steps = 10 * len(batches) if steps is None else steps
    part = max(1, min(len(batches), steps // 2))
    at = 0

    def call():
        nonlocal at
        cost = step(batches[at])
        at = (at + 1) % len(batches)
        return cost

    try:
        costs = [float(call()) for _ in range(steps)]
    except Exception as failed:  # a rival that cannot is said, the others go on
        return say('skip', name, f'{type(failed).__name__}: {failed}'.splitlines()[0][:200])
    say('trained', name, sum(costs[:part]) / part, sum(costs[-part:]) / part, steps)
    cases[name] = call


def infer(name, call, as_array=numpy.asarray):
    """call() computes once and returns the output; as_array makes it a float array."""
    try:
        out = as_array(call())
        call()
    except Exception as failed:
        return say('skip', name, f'{type(failed).__name__}: {failed}'.splitlines()[0][:200])
    if not numpy.isfinite(out).all():
        return say('skip', name, 'its output is not finite')
    say('computed', name, out.min(), out.max())
    cases[name] = call


def run(call, seconds):
    clock = time.perf_counter
    warm = clock()
    while True:
        call()
        if clock() - warm >= seconds / 5:
            break
    calls, start = 0, clock()
    while True:
        call()
        calls += 1
        taken = clock() - start
        if taken >= seconds:
            return taken / calls, calls


def serve():
    say('ready')
    for line in sys.stdin:
        word, name, seconds = line.split()
        if word == 'run' and name in cases:
            say('time', name, *run(cases[name], float(seconds)))
