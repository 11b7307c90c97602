# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's MLPRegressor: THREADS DATA GROUP. No batch normalisation, the last layer linear, squared error: less
work than the others do."""
import warnings

import sklearn
import worker
from sklearn.neural_network import MLPRegressor

warnings.filterwarnings('ignore')
threads, group, rows, widths, _ = worker.arguments()
net = MLPRegressor(hidden_layer_sizes=widths[1:-1], activation='logistic', solver='adam', alpha=0, random_state=1,
                   learning_rate_init=worker.RATE, batch_size=rows.shape[1])


def step(batch):
    net.partial_fit(batch, batch)
    return net.loss_


worker.say('about scikit-learn', sklearn.__version__, 'numpy', worker.numpy.__version__)
worker.train(worker.work(group, 'step') + '.scikit-learn', step, list(rows))
if group == 'large':
    for batch in (1, worker.BATCH):
        worker.infer(f'infer.batch{batch}.scikit-learn', lambda x=rows[0][:batch]: net.predict(x))
worker.serve()
