# SPDX-License-Identifier: BSD-3-Clause
"""results.json of run.py -> a bar chart: RESULTS TARGET. Runs in the environment of pip/chart.txt."""
import json
import pathlib
import sys

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot, ticker
from matplotlib.patches import Patch

KINDS = {  # of rivals: colour, and what the legend says
    'libae': ('#c8442c', 'libae'),
    'framework': ('#35618f', 'framework'),
    'library': ('#8fb0cf', 'library of products, loops of our own around it'),
    'less': ('#c9c9c9', 'trains without batch normalisation: less work'),
}
LONGEST = 6  # bars are cut at this many times libae's


def kind(work, rival):
    if rival == 'libae':
        return 'libae'
    if rival in ('fann', 'scikit-learn') and work.startswith('train'):
        return 'less'
    return 'library' if rival.startswith(('onednn', 'openblas', 'blis', 'mkl')) else 'framework'


def number(value):
    return f'{value:.3g}' if value < 1000 else f'{value:,.0f}'


def panel(axes, work, about, figures, slots, step):
    """slots: the bars that there is room for. step: libae's whole training step in seconds, beside the products."""
    values = [f['seconds'] * about['factor'] for f in figures]
    own = next((v for v, f in zip(values, figures) if f['rival'] == 'libae'), None)
    if own is None and work == 'train.products.batch100' and step is not None:
        own = step * about['factor']
        axes.annotate("libae's whole step", (own, len(figures) - 0.1), xytext=(4, 0), textcoords='offset points', fontsize=8,
                      color=KINDS['libae'][0], va='center')
    limit = min(max(values), LONGEST * (own or values[0]))
    for y, (value, figure) in enumerate(zip(values, figures)):
        which = kind(work, figure['rival'])
        cut = value > limit
        axes.barh(y, min(value, limit), color=KINDS[which][0], height=0.72)
        if cut:  # a white gap says that the bar goes on
            axes.plot([limit * 0.955, limit * 0.975], [y - 0.45, y + 0.45], color='white', linewidth=2.5)
        label = number(value)
        axes.annotate(label, (min(value, limit), y), xytext=(4, 0), textcoords='offset points', va='center', fontsize=8,
                      fontweight='bold' if which == 'libae' else 'normal',
                      bbox={'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.8})
    if own is not None:
        axes.axvline(own, color=KINDS['libae'][0], linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(range(len(figures)), [f['rival'] for f in figures], fontsize=8)
    for tick, figure in zip(axes.get_yticklabels(), figures):
        tick.set_fontweight('bold' if figure['rival'] == 'libae' else 'normal')
    axes.set_xlim(0, limit * 1.15)
    axes.set_ylim(slots - 0.4, -0.6)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter('{x:,g}'))
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
step = next((f['seconds'] for f in found['figures']
             if f['work'] == 'train.step.batch100' and f['rival'] == 'libae'), None)
# Two columns; a row is as high as the fuller of its panels.
rows = [panels[i:i + 2] for i in range(0, len(panels), 2)]
slots = [max(len(figures) + (work == 'train.products.batch100') for work, _, figures in row) for row in rows]
heights = [count + 3 for count in slots]
figure, grid = pyplot.subplots(len(rows), 2, figsize=(11, 0.235 * sum(heights) + 1.1), squeeze=False,
                               gridspec_kw={'height_ratios': heights}, layout='constrained')
for axes, row, count in zip(grid, rows, slots):
    for one, content in zip(axes, row):
        panel(one, *content, count, step)
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
