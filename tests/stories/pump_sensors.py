#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A pump's sensors, with timestamps and holes; see scripts/check-stories."""
import csv
import os
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)

SENSORS, FACTORS, LOGGED, LIVE = 24, 5, 20_000, 10_000


def sensors(rng, rows):
    """What a pump does follows a few hidden states; each sensor sees a bent mixture of them."""
    mixing = np.random.default_rng(5)
    mix = mixing.normal(size=(FACTORS, SENSORS)) / np.sqrt(FACTORS)
    bend = mixing.normal(size=(FACTORS, SENSORS)) / np.sqrt(FACTORS)
    state = rng.normal(size=(rows, FACTORS))
    table = np.tanh(state) @ mix + 0.4 * np.sin(state) @ bend
    return table + 0.1 * rng.normal(size=table.shape)


def units(table):
    """From 1e-6 to 1e6, as ampere, bar, kelvin and revolutions a minute come together in a log."""
    return table * np.logspace(-6, 6, SENSORS) + np.logspace(-5, 5, SENSORS)


def write(path, table, rng):
    names = ["timestamp"] + [f"sensor {j}" for j in range(SENSORS)] + ["state"]
    holes = rng.random(table.shape) < 0.05
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(names)
        for r, row in enumerate(table):
            cells = [rng.choice(["", "NA", "nan"]) if holes[r, j] else f"{value:.7g}"
                     for j, value in enumerate(row)]
            out.writerow([f"2018-04-{1 + r // 1440 % 28:02}T{r // 60 % 24:02}:{r % 60:02}:00"] + cells + ["NORMAL"])
    return holes


def make(folder):
    rng = np.random.default_rng(12)
    write(os.path.join(folder, "log.csv"), units(sensors(rng, LOGGED)), rng)
    # In a fault one sensor shows what it showed at another time, and more: usual alone, not beside the others.
    table = sensors(rng, LIVE)
    guilty = np.where(rng.random(LIVE) < 0.02, rng.integers(SENSORS, size=LIVE), -1)
    faulty = np.flatnonzero(guilty >= 0)
    table[faulty, guilty[faulty]] += rng.choice([-1.5, 1.5], size=len(faulty))
    holes = write(os.path.join(folder, "live.csv"), units(table), rng)
    guilty[faulty[holes[faulty, guilty[faulty]]]] = -1  # a sensor that is silent shows no fault
    np.save(os.path.join(folder, "guilty.npy"), guilty)


def judge(folder):
    guilty = np.load(os.path.join(folder, "guilty.npy"))
    with open(os.path.join(folder, "alarms.csv"), encoding="utf-8") as file:
        alarms = {int(number): named for number, *named in csv.reader(file)}
    faulty = np.flatnonzero(guilty >= 0)
    found = [r for r in faulty if r in alarms]
    named = [r for r in found if f"sensor {guilty[r]}" in alarms[r]]
    wrong = len(alarms) - len(found)
    print(f"result libae: faulty={len(faulty)} found={len(found)} guilty_sensor_among_three={len(named)} "
          f"false_alarms={wrong} of={len(guilty) - len(faulty)}")
    if len(found) < len(faulty) / 2 or len(named) < 0.8 * len(found) or wrong > 0.01 * len(guilty):
        sys.exit("most faults should be found, with the sensor that has them")


if __name__ == "__main__":
    {"make": make, "judge": judge}[sys.argv[1]](sys.argv[2])
