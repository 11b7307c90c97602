#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Card payments, one in 500 a fraud; see scripts/check-stories."""
import os
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)

ROWS, COLUMNS, FACTORS, TRAINED, TESTED = 200_000, 30, 6, 120_000, 140_000


def make(folder):
    rng = np.random.default_rng(11)
    # Normal payments lie near a curved surface: columns follow a few factors, with heavy-tailed noise.
    factors = rng.normal(size=(ROWS, FACTORS))
    mix = rng.normal(size=(FACTORS, COLUMNS)) / np.sqrt(FACTORS)
    bend = rng.normal(size=(FACTORS, COLUMNS)) / np.sqrt(FACTORS)
    table = np.tanh(factors) @ mix + 0.5 * np.sin(factors) @ bend
    table += 0.15 * rng.standard_t(5, size=table.shape)
    # In a fraud some columns are those of another payment: each value is usual, together they are not.
    fraud = rng.random(ROWS) < 0.002
    for row in np.flatnonzero(fraud):
        which = rng.choice(COLUMNS, size=rng.integers(6, 14), replace=False)
        table[row, which] = table[rng.integers(ROWS), which] * rng.uniform(1, 1.8)
    # Seconds, cents, shares, counts: what one unit is in a column says nothing about its weight.
    table = table * 10.0 ** rng.uniform(-6, 6, COLUMNS) + 10.0 ** rng.uniform(-3, 3, COLUMNS)
    np.save(os.path.join(folder, "payments.npy"), table)
    np.save(os.path.join(folder, "fraud.npy"), fraud)


def auc(scores, fraud):
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    bad = fraud.sum()
    return (ranks[fraud].sum() - bad * (bad + 1) / 2) / (bad * (len(scores) - bad))


def average_precision(scores, fraud):
    hits = fraud[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def others(table):
    """Scores of scikit-learn's detectors for the same rows, or nothing where it is missing."""
    try:
        from sklearn.decomposition import PCA
        from sklearn.ensemble import IsolationForest
    except ImportError:
        print("result scikit-learn: left out, it is not installed")
        return
    mean, deviation = table[:TRAINED].mean(0), table[:TRAINED].std(0)
    train, test = (table[:TRAINED] - mean) / deviation, (table[TESTED:] - mean) / deviation
    pca = PCA(FACTORS).fit(train)
    yield "PCA", ((test - pca.inverse_transform(pca.transform(test))) ** 2).sum(1)
    yield "IsolationForest", -IsolationForest(random_state=0).fit(train).score_samples(test)


def judge(folder):
    table = np.load(os.path.join(folder, "payments.npy"))
    fraud = np.load(os.path.join(folder, "fraud.npy"))[TESTED:]
    scores = np.load(os.path.join(folder, "scores.npy"))
    best = auc(scores, fraud)
    print(f"result libae: auc={best:.4f} average_precision={average_precision(scores, fraud):.4f}")
    for name in "spread", "caller":
        other = np.load(os.path.join(folder, name + ".npy"))
        print(f"result libae in units of {name}: auc={auc(other, fraud):.4f} "
              f"average_precision={average_precision(other, fraud):.4f}")
    for name, theirs in others(table):
        print(f"result {name}: auc={auc(theirs, fraud):.4f} "
              f"average_precision={average_precision(theirs, fraud):.4f}")
    if best <= 0.9:
        sys.exit(f"an AUC of {best:.4f} is no detector")


if __name__ == "__main__":
    {"make": make, "judge": judge}[sys.argv[1]](sys.argv[2])
