#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same work by libae and by its rivals, in the same minutes: run by `make bench-peers`.

Prepares the rivals (compiles them; packages of Python's index go into throw-away environments under the build folder),
starts each as a process of its own, and lets them take turns: in each round every case of every rival runs one short
slice, the others stopped. Prints the median of a case's slices as `peers.CASE.RIVAL value unit`, then writes a table
and a chart. What cannot be installed, does not build or does not work is said and left out.
"""
import argparse
import ctypes
import json
import os
import pathlib
import platform
import random
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = {  # what is measured: unit, factor from seconds, title
    'train.step.batch100': ('ms', 1e3, 'Training step, batch 100, float32'),
    'train.step.bf16.batch100': ('ms', 1e3, 'Training step, batch 100, bfloat16 products'),
    'train.products.batch100': ('ms', 1e3, 'The 23 matrix products of that step alone, float32'),
    'infer.batch1': ('us', 1e6, 'Reconstruction of 1 row, float32'),
    'infer.batch100': ('us', 1e6, 'Reconstruction of 100 rows, float32'),
    'infer.bf16.batch1': ('us', 1e6, 'Reconstruction of 1 row, bfloat16'),
    'infer.bf16.batch100': ('us', 1e6, 'Reconstruction of 100 rows, bfloat16'),
    'train.step.small.batch32': ('us', 1e6, 'Step of 30-16-8-4-8-16-30, batch 32, float32, one thread'),
}
CXX = ['-O3', '-march=native', '-ffast-math', '-fopenmp']
# Each rival: the virtual environment it needs (a file in pip/), the unpacked Debian packages, how it is compiled, how
# it is called, what its environment has beside the threads.
RIVALS = {
    'libae': {'run': ['{build}/bench/peers/libae'], 'args': []},
    'onednn': {'pip': 'onednn', 'args': ['onednn'],
               'compile': ['{cxx}', *CXX, '-I{venv}/include', 'onednn.cpp', '-L{venv}/lib', '-Wl,-rpath,{venv}/lib',
                           '-ldnnl', '-lm']},
    'onednn-debian': {'args': ['onednn-debian'], 'compile': ['{cxx}', *CXX, 'onednn.cpp', '-ldnnl', '-lm']},
    'openblas': {'pip': 'openblas', 'args': ['openblas', '{venv}/**/libscipy_openblas.so', 'scipy_'],
                 'compile': ['{cc}', *CXX, 'blas.c', '-lm', '-ldl'], 'env': {'OMP_WAIT_POLICY': 'passive'}},
    'openblas-debian': {'deb': 'libopenblas0-openmp', 'compile': ['{cc}', *CXX, 'blas.c', '-lm', '-ldl'],
                        'args': ['openblas-debian', '{deb}/**/openblas-openmp/libopenblas.so.0']},
    'blis': {'deb': 'libblis4-openmp', 'args': ['blis', '{deb}/**/blis-openmp/libblis.so.4'],
             'compile': ['{cc}', *CXX, 'blas.c', '-lm', '-ldl']},
    'mkl': {'pip': 'mkl', 'args': ['mkl', '{venv}/lib/libmkl_rt.so.*'],
            'compile': ['{cc}', *CXX, 'blas.c', '-lm', '-ldl'], 'env': {'MKL_THREADING_LAYER': 'GNU'}},
    'dlib': {'deb': 'libopenblas0-openmp', 'args': [],
             'compile': ['{cxx}', '-O3', '-march=native', 'dlib.cpp', '-ldlib', '{deb}/**/openblas-openmp/libopenblas.so.0',
                         '-lpthread'],
             'path': '{deb}/**/openblas-openmp'},
    'fann': {'compile': ['{cc}', '-O3', '-march=native', '-ffast-math', 'fann.c', '-lfann', '-lm'], 'args': []},
    'pytorch-eager-fused': {'pip': 'pytorch', 'script': 'pytorch.py', 'args': ['eager-fused']},
    'pytorch-eager-foreach': {'pip': 'pytorch', 'script': 'pytorch.py', 'args': ['eager-foreach']},
    'pytorch-compile': {'pip': 'pytorch', 'script': 'pytorch.py', 'args': ['compile']},
    'pytorch-compile-max-autotune': {'pip': 'pytorch', 'script': 'pytorch.py', 'args': ['compile-max-autotune']},
    'jax': {'pip': 'jax', 'script': 'jax_xla.py', 'args': []},
    'tensorflow': {'pip': 'tensorflow', 'script': 'tensor_flow.py', 'args': ['graph']},
    'tensorflow-xla': {'pip': 'tensorflow', 'script': 'tensor_flow.py', 'args': ['xla']},
    'onnxruntime': {'pip': 'onnxruntime', 'script': 'onnx_runtime.py', 'args': []},
    'openvino': {'pip': 'openvino', 'script': 'open_vino.py', 'args': []},
    'scikit-learn': {'pip': 'scikit-learn', 'script': 'scikit_learn.py', 'args': []},
}
SLOW_TO_PREPARE = ('pytorch-compile-max-autotune',)  # minutes: only when asked for


class Missing(Exception):
    """A rival that is not to be had here; the text says why."""


def note(*words):
    print('#', *words, flush=True)


def checked(command, what, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', **options)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if 'rror' in line] or done.stdout.splitlines() or ['']
        raise Missing(f'{what} failed: {lines[0].strip()[:200]}')


class Preparation:
    """Environments, unpacked packages and programs under the build folder; each is made once."""

    def __init__(self, build, python):
        self.build, self.python, self.folder = build, python, build / 'peers'
        self.failed = {}
        (self.folder / 'bin').mkdir(parents=True, exist_ok=True)

    def once(self, key, make):
        if key not in self.failed:
            try:
                make()
                self.failed[key] = None
            except (Missing, OSError) as reason:
                self.failed[key] = str(reason)
        if self.failed[key] is not None:
            raise Missing(self.failed[key])

    def environment(self, name):
        venv, pins = self.folder / 'venv' / name, HERE / 'pip' / f'{name}.txt'
        done = venv / 'pins.txt'

        def make():
            if done.exists() and done.read_text() == pins.read_text():
                return
            note(f'installing {" ".join(pins.read_text().split())}')
            checked([self.python, '-m', 'venv', '--clear', venv], f'an environment for {name}')
            checked([venv / 'bin/python', '-m', 'pip', 'install', '--quiet', '-r', pins], f'pip install of {name}')
            shutil.copy(pins, done)

        self.once(f'venv {name}', make)
        return venv

    def package(self, name):
        """A Debian package unpacked, not installed: installed it would become the system's BLAS."""
        root = self.folder / 'deb' / name

        def make():
            if root.exists():
                return
            if shutil.which('apt-get') is None:
                raise Missing('no apt-get here')
            part = root.with_name(name + '.part')
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            checked(['apt-get', 'download', name], f'apt-get download {name}', cwd=part)
            for file in part.glob('*.deb'):
                checked(['dpkg', '-x', file, part], f'unpacking {name}')
            part.rename(root)

        self.once(f'deb {name}', make)
        return root

    def rival(self, name):
        """The command line, but for THREADS DATA GROUP, and the environment of a rival."""
        how = RIVALS[name]
        words = {'build': self.build, 'cc': os.environ.get('CC', 'cc'), 'cxx': os.environ.get('CXX', 'c++')}
        if 'pip' in how:
            words['venv'] = self.environment(how['pip'])
        if 'deb' in how:
            words['deb'] = self.package(how['deb'])

        def fill(text):
            text = text.format(**words)
            if '*' not in text:
                return text
            found = sorted(pathlib.Path('/').glob(text.lstrip('/')))
            if not found:
                raise Missing(f'no {text}')
            return str(found[0])

        environment = dict(how.get('env', {}))
        if 'compile' in how:
            program = self.folder / 'bin' / name
            command = [fill(word) for word in how['compile']]
            if 'path' in how:
                command.append('-Wl,-rpath,' + fill(how['path']))
            if shutil.which(command[0]) is None:
                raise Missing(f'no {command[0]}')
            checked([*command, '-o', program], f'compiling {name}', cwd=HERE)
            run = [program]
        elif 'script' in how:
            run = [words['venv'] / 'bin/python', HERE / how['script']]
        else:
            run = [fill(word) for word in how['run']]
        return run, [fill(word) for word in how['args']], environment


class Gate:
    """While it is open, a command such as `flock FILE` holds the machine for us: it runs cat until its input ends, or
    for 20 minutes if this program hangs."""

    def __init__(self, command):
        self.command, self.child = command.split(), None

    def __enter__(self):
        if self.command:
            self.child = subprocess.Popen([*self.command, 'sh', '-c', 'echo; exec timeout 1200 cat >/dev/null'], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
            self.child.stdout.readline()

    def __exit__(self, *_):
        if self.child is not None:
            self.child.stdin.close()
            self.child.wait()


def tied(cores):
    """Runs in a child before its program: its processors, and that it dies with this program even when it is stopped."""
    os.sched_setaffinity(0, cores)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A rival at work on one group of cases; stopped unless it is its turn."""

    def __init__(self, name, command, environment, cores, log):
        self.name, self.cases, self.about, self.checks, self.skipped = name, [], '', {}, []
        self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=open(log, 'w'), env=environment, start_new_session=True,
                                      preexec_fn=lambda: tied(cores))
        self.log, self.rest = log, b''

    def line(self, seconds):
        """The next line; None at the end or when nothing comes for so long."""
        end = time.monotonic() + seconds
        while b'\n' not in self.rest:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self.child.stdout.fileno(), 65536) if ready else b''
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b'\n', 1)
        return line.decode(errors='replace')

    def signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass

    def prepare(self):
        """Let it set up its cases and check them. A cost must fall, a reconstruction lie within [0, 1]."""
        while True:
            line = self.line(1200)
            if line is None:
                text = pathlib.Path(self.log).read_text(errors='replace').strip().splitlines()
                raise Missing(f'it ended before it was ready: {text[-1][:200] if text else "no message"}')
            word, _, rest = line.partition(' ')
            if word == 'about':
                self.about = ' '.join(rest.split())
            elif word == 'skip':
                self.skipped.append(rest.partition(' ')[::2])
            elif word == 'trained':
                case, first, last, steps = rest.split()
                self.checks[case] = f'cost {float(first):.4g} -> {float(last):.4g} in {steps} steps'
                self.accept(case, float(last) < 0.99 * float(first))
            elif word == 'computed':
                case, least, greatest = rest.split()
                self.checks[case] = f'output {float(least):.3g} to {float(greatest):.3g}'
                free = case.startswith('train.products') or 'scikit' in case  # gradients; a linear output
                self.accept(case, float(least) < float(greatest) and (free or 0 <= float(least) and float(greatest) <= 1))
            elif word == 'ready':
                self.signal(signal.SIGSTOP)
                return

    def accept(self, case, good):
        if good:
            self.cases.append(case)
        else:
            self.skipped.append((case, 'it does not do the work: ' + self.checks.pop(case)))

    def slice(self, case, seconds):
        self.signal(signal.SIGCONT)
        self.child.stdin.write(f'run {case} {seconds}\n'.encode())
        self.child.stdin.flush()
        line = self.line(120)
        self.signal(signal.SIGSTOP)
        if line is None or not line.startswith(f'time {case} '):
            raise Missing(f'{case}: no answer')
        return float(line.split()[2])

    def close(self):
        self.signal(signal.SIGKILL)
        self.child.wait()


def surroundings(preparation, threads, extra):
    """A rival's environment: the number of threads said to everybody who might ask, and no forced choice of kernels."""
    forced = ('OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE', 'OPENBLAS_CONFIG', 'BLIS_ARCH_TYPE', 'MKL_DEBUG_CPU_TYPE')
    environment = {key: value for key, value in os.environ.items() if key not in forced}
    environment |= {f'{key}_NUM_THREADS': str(threads) for key in ('OMP', 'MKL', 'OPENBLAS', 'BLIS')}
    return environment | {'PYTHONDONTWRITEBYTECODE': '1', 'CUDA_VISIBLE_DEVICES': '',
                          'TORCHINDUCTOR_CACHE_DIR': str(preparation.folder / 'inductor'), **extra}


def start(preparation, name, threads, cores, processes, left_out):
    """Adds a rival's processes, ready and stopped, or what is left out of it, with the reason."""
    try:
        run, arguments, extra = preparation.rival(name)
        for group, count in (('large', threads), ('small', 1)):
            if group == 'small' and name in ('onnxruntime', 'openvino'):
                continue
            begun = time.monotonic()
            process = Process(name, [*run, count, preparation.folder / 'data', group, *arguments],
                              surroundings(preparation, count, extra), cores[:count],
                              preparation.folder / f'{name}.{group}.log')
            try:
                process.prepare()
            except Missing:
                process.close()
                raise
            processes.append(process)
            left_out.extend(process.skipped)
            note(f'{name} ({group}): {process.about}; ready after {time.monotonic() - begun:.0f} s')
            for case, text in process.checks.items():
                note(f'  {case}: {text}')
    except Missing as reason:
        left_out.append((name, str(reason)))
        note(f'{name}: left out: {reason}')


def busy():
    """Seconds that all processors have worked since the machine started; None where that is unknown."""
    try:
        fields = [int(word) for word in open('/proc/stat').readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf('SC_CLK_TCK')  # all but idle and waiting for a disk


def own(processes):
    """Seconds that the rivals' processes have worked."""
    total = 0
    for process in processes:
        try:
            fields = open(f'/proc/{process.child.pid}/stat').read().rpartition(')')[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        except (OSError, ValueError, IndexError):
            pass
    return total


def measure(processes, rounds, seconds):
    """Slices by turns, in another order each round; a case too slow for a slice takes part in the first three rounds."""
    times, broken = {}, []
    turns = [(process, case) for process in processes for case in process.cases]
    for turn in range(rounds):
        random.Random(turn).shuffle(turns)
        for process, case in list(turns):
            if turn >= 3 and min(times[case]) > seconds:
                continue
            try:
                times.setdefault(case, []).append(process.slice(case, seconds))
            except (Missing, OSError) as reason:
                broken.append((case, str(reason)))
                times.pop(case, None)
                turns = [pair for pair in turns if pair[0] is not process]
                break
    return times, broken


def machine(cores):
    model = platform.machine()
    try:
        for line in open('/proc/cpuinfo'):
            if line.startswith('model name'):
                model = line.partition(':')[2].strip()
                break
    except OSError:
        pass
    wide = ''
    try:
        flags = next(line for line in open('/proc/cpuinfo') if line.startswith('flags')).split()
        wide = ', '.join(name for name, flag in (('AVX2', 'avx2'), ('AVX-512', 'avx512f'), ('bfloat16', 'avx512_bf16'),
                                                 ('AMX', 'amx_bf16')) if flag in flags)
    except (OSError, StopIteration):
        pass
    system = platform.freedesktop_os_release().get('PRETTY_NAME', '') if hasattr(platform, 'freedesktop_os_release') else ''
    return f'{len(cores)} cores of {model}' + (f' ({wide})' if wide else '') + (f', {system}' if system else '')


def split(case):
    """The work and the rival that a case names."""
    work = max((work for work in WORK if case.startswith(work + '.')), key=len)
    return work, case[len(work) + 1:]


def results(times, processes, left_out, arguments, cores):
    figures = []
    for case, slices in times.items():
        work, rival = split(case)
        figures.append({'work': work, 'rival': rival, 'seconds': statistics.median(slices), 'least': min(slices),
                        'greatest': max(slices), 'slices': len(slices)})
    checks = {case: text for process in processes for case, text in process.checks.items()}
    about = {process.name: process.about for process in processes}
    return {'figures': figures, 'checks': checks, 'about': about, 'left_out': left_out, 'threads': arguments.threads,
            'machine': machine(cores), 'date': time.strftime('%Y-%m-%d'), 'rounds': arguments.rounds,
            'slice': arguments.slice,
            'works': {work: {'unit': unit, 'factor': factor, 'title': title} for work, (unit, factor, title) in WORK.items()}}


def figures(found):
    for work, (unit, factor, _) in WORK.items():
        for figure in sorted((f for f in found['figures'] if f['work'] == work), key=lambda f: f['seconds']):
            print(f"peers.{work}.{figure['rival']} {figure['seconds'] * factor:.4g} {unit}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = sorted(os.sched_getaffinity(0))
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='the build folder')
    parser.add_argument('--python', default=sys.executable, help='makes the environments; needs its headers')
    parser.add_argument('--threads', type=int, default=len(here), help='of every rival (default: all processors)')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--slice', type=float, default=0.15, help='seconds of a case in a round')
    parser.add_argument('--only', nargs='*', default=[name for name in RIVALS if name not in SLOW_TO_PREPARE],
                        metavar='RIVAL', help=' '.join(RIVALS))
    parser.add_argument('--gate', default='', help='a command (`flock FILE`) under which to measure')
    parser.add_argument('--prepare-gate', default='', help='a command under which to prepare')
    parser.add_argument('--docs', type=pathlib.Path, help='folder for peers.md and images/peers.png (default: BUILD/peers)')
    arguments = parser.parse_args()
    build, cores = arguments.build.resolve(), here[:arguments.threads]
    docs = (arguments.docs or build / 'peers').resolve()
    preparation = Preparation(build, arguments.python)
    processes, left_out = [], []
    try:
        data = preparation.folder / 'data'
        data.mkdir(exist_ok=True)
        subprocess.run([build / 'bench/peers/libae', 'data', data], check=True)
        for name in ['libae'] + [name for name in arguments.only if name != 'libae']:
            with Gate(arguments.prepare_gate):  # one at a time, so that others get their turn
                start(preparation, name, arguments.threads, cores, processes, left_out)
        with Gate(arguments.gate):
            begun, before = time.monotonic(), (busy(), own(processes))
            times, broken = measure(processes, arguments.rounds, arguments.slice)
            taken, others = time.monotonic() - begun, None
            if before[0] is not None:
                others = max(0, (busy() - before[0]) - (own(processes) - before[1])) / (taken * os.cpu_count())
            note(f'measured for {taken:.0f} s' +
                 ('' if others is None else f'; other programs took {100 * others:.0f} % of the processors'))
    finally:
        for process in processes:
            process.close()
    found = results(times, processes, left_out + broken, arguments, cores)
    found['others'] = others
    figures(found)
    for name, reason in found['left_out']:
        note(f'left out: {name}: {reason}')
    path = preparation.folder / 'results.json'
    path.write_text(json.dumps(found, indent=1))
    subprocess.run([sys.executable, HERE / 'table.py', path, docs / 'peers.md'], check=True)
    try:
        chart = preparation.environment('chart')
        subprocess.run([chart / 'bin/python', HERE / 'chart.py', path, docs / 'images/peers.png'], check=True)
    except Missing as reason:
        note(f'no chart: {reason}')


if __name__ == '__main__':
    main()
