# SPDX-License-Identifier: BSD-3-Clause
"""results.json of run.py -> a bar chart: RESULTS TARGET. Runs in the environment of pip/chart.txt."""
import json
import pathlib
import sys

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot
from matplotlib.patches import Patch

KINDS = {  # of rivals: colour, and what the legend says
    'libae': ('#c8442c', 'libae'),
    'framework': ('#35618f', 'framework'),
    'library': ('#8fb0cf', 'library of products, own loops around it'),
    'less': ('#c9c9c9', 'does less work (no batch normalisation)'),
}
LONGEST = 5  # bars are cut at this many times libae's, or the fastest's


def kind(rival):
    if rival == 'libae':
        return 'libae'
    if rival in ('fann', 'scikit-learn'):
        return 'less'
    return 'library' if rival.startswith(('onednn', 'openblas', 'blis', 'mkl')) else 'framework'


def number(value):
    return f'{value:.3g}' if value < 1000 else f'{value:,.0f}'


def panel(axes, work, about, figures):
    values = [f['seconds'] * about['factor'] for f in figures]
    own = next((v for v, f in zip(values, figures) if f['rival'] == 'libae'), values[0])
    limit = min(max(values), LONGEST * own)
    for y, (value, figure) in enumerate(zip(values, figures)):
        which = kind(figure['rival'])
        cut = value > limit
        axes.barh(y, min(value, limit), color=KINDS[which][0], height=0.72)
        label = number(value) + (' (bar cut)' if cut else '')
        axes.annotate(label, (min(value, limit), y), xytext=(4, 0), textcoords='offset points', va='center', fontsize=8,
                      fontweight='bold' if which == 'libae' else 'normal')
    if any(f['rival'] == 'libae' for f in figures):
        axes.axvline(own, color=KINDS['libae'][0], linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(range(len(figures)), [f['rival'] for f in figures], fontsize=8)
    for tick, figure in zip(axes.get_yticklabels(), figures):
        tick.set_fontweight('bold' if figure['rival'] == 'libae' else 'normal')
    axes.invert_yaxis()
    axes.set_xlim(0, limit * 1.25)
    axes.set_xlabel({'ms': 'milliseconds', 'us': 'microseconds'}[about['unit']] + ' (less is better)', fontsize=8)
    axes.set_title(about['title'], fontsize=9.5, loc='left')
    axes.tick_params(axis='x', labelsize=8)
    axes.tick_params(axis='y', length=0)
    axes.spines[['top', 'right', 'left']].set_visible(False)
    axes.grid(axis='x', color='#e4e4e4', linewidth=0.6)
    axes.set_axisbelow(True)


found = json.loads(pathlib.Path(sys.argv[1]).read_text())
panels = []
for work, about in found['works'].items():
    figures = sorted((f for f in found['figures'] if f['work'] == work), key=lambda f: f['seconds'])
    if len(figures) > 1:
        panels.append((work, about, figures))
if not panels:
    sys.exit('chart: nothing to draw')
# Two columns; a row is as high as the fuller of its panels.
rows = [panels[i:i + 2] for i in range(0, len(panels), 2)]
heights = [max(len(figures) for _, _, figures in row) + 3 for row in rows]
figure, grid = pyplot.subplots(len(rows), 2, figsize=(11, 0.235 * sum(heights) + 1.1), squeeze=False,
                               gridspec_kw={'height_ratios': heights}, layout='constrained')
for axes, row in zip(grid, rows):
    for one, content in zip(axes, row):
        panel(one, *content)
    for one in axes[len(row):]:
        one.set_axis_off()
figure.suptitle(f"libae beside other libraries: {found['machine']}, {found['threads']} threads, {found['date']}",
                fontsize=10.5, x=0.01, ha='left')
figure.legend(handles=[Patch(color=colour, label=label) for colour, label in KINDS.values()], loc='outside lower center',
              ncols=4, frameon=False, fontsize=8.5)
target = pathlib.Path(sys.argv[2])
target.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(target, dpi=110)
print('# chart:', target)
