# SPDX-License-Identifier: BSD-3-Clause
"""results.json of run.py -> peers.md: RESULTS TARGET."""
import json
import pathlib
import sys
import textwrap

found = json.loads(pathlib.Path(sys.argv[1]).read_text())
root = str(pathlib.Path(__file__).resolve().parent.parent.parent)


def number(value):
    return f'{value:.4g}' if value < 1000 else f'{value:.0f}'


def clean(text):
    return text.replace(root + '/', '').replace('|', '/')


others = found.get('others')
intro = ('`make bench-peers DOCS=docs` writes this page; it is not edited by hand. The figures were measured on '
         f"{found['date']}, on {found['machine']}, with {found['threads']} threads, for the small network with one. "
         f"Each figure is the median of {found['rounds']} rounds (three rounds where a call takes longer than a slice). "
         f"In a round the libraries take turns, each for a slice of {found['slice']:g} s. *least* and *greatest* are "
         "the extreme slices. *times libae* is the median over libae's median. "
         '[performance.md](performance.md#beside-other-libraries) says what each library does.')
if others is not None:
    intro += f' Meanwhile other programs took {100 * others:.0f} % of the processors.'
lines = ['# libae beside other libraries', '', textwrap.fill(intro, 100, break_on_hyphens=False), '',
         '![The same figures as bars](images/peers.png)', '']
if found.get('remark') or (others or 0) > 0.05:
    lines[3:3] = ['', '**Not a quiet machine: these figures show that everything runs, not how fast it is.** ' +
                  found.get('remark', '')]
for work, about in found['works'].items():
    figures = sorted((f for f in found['figures'] if f['work'] == work), key=lambda f: f['seconds'])
    if not figures:
        continue
    compared = 'train.step.batch100' if work == 'train.products.batch100' else work
    own = next((f['seconds'] for f in found['figures'] if (f['work'], f['rival']) == (compared, 'libae')), None)
    unit, factor = about['unit'], about['factor']
    times = 'times libae' if compared == work else "times libae's whole step"
    lines += [f"## {about['title']}", '', f'`{work}`', '',
              f'| | median, {unit} | least | greatest | {times} | check |', '|---|---|---|---|---|---|']
    for f in figures:
        name = '**libae**' if f['rival'] == 'libae' else f['rival']
        ratio = f"{f['seconds'] / own:.2f}" if own else ''
        lines.append(f"| {name} | {number(f['seconds'] * factor)} | {number(f['least'] * factor)} | "
                     f"{number(f['greatest'] * factor)} | {ratio} | {found['checks'][work + '.' + f['rival']]} |")
    lines.append('')
lines += ['## Versions', '', '| library | version |', '|---|---|']
lines += [f'| {name} | {clean(text)} |' for name, text in found['about'].items()]
if found['left_out']:
    lines += ['', '## Left out', '', '| figure | why |', '|---|---|']
    lines += [f'| {name} | {clean(reason)} |' for name, reason in found['left_out']]
target = pathlib.Path(sys.argv[2])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text('\n'.join(lines) + '\n')
print('# table:', target)
