/* SPDX-License-Identifier: BSD-3-Clause */
#include "model/score_f64.h"

#include "model/fold.h"
#include "model/panels.h"

#include <math.h>
#include <string.h>

size_t aei_score_f64_room(const ae_network *network)
{
    return 3 * network->widest;
}

static double activate(aei_nonlinearity f, double z)
{
    switch (f.kind) {
    case AE_ACTIVATION_TANH:
        return tanh(z);
    case AE_ACTIVATION_RELU:
        return z < 0 ? 0 : z;
    case AE_ACTIVATION_LEAKY_RELU:
        return z > 0 ? z : (double)f.slope * z;
    case AE_ACTIVATION_LINEAR:
        return z;
    default:
        return 1 / (1 + exp(-z));
    }
}

/* Along the rows of a panel, as the weights lie: they are read once, in order. */
static void run_layer(const ae_network *n, const aei_layer *layer, const double *x, double *y)
{
    const size_t panel = n->kernels->panel;
    memset(y, 0, layer->out * sizeof *y);
    for (size_t p = 0; p < layer->panels; p++) {
        const float *weights = n->parameters + layer->weight + p * layer->in * panel;
        const size_t count = aei_columns(panel, layer->out, p);
        for (size_t i = 0; i < layer->in; i++)
            for (size_t j = 0; j < count; j++)
                y[p * panel + j] += x[i] * (double)weights[i * panel + j];
    }
    for (size_t j = 0; j < layer->out; j++) {
        const aei_affine map = aei_layer_affine(n, layer, j);
        y[j] = activate(layer->f, map.scale * y[j] + map.shift);
    }
}

/* The bounds are float32's, as in score.c: without them no float32 comes near. */
static double entropy(double y, double t)
{
    return -(t * log(fmax(y, (double)AEI_LEAST_OUTPUT)) +
             (1 - t) * log(fmax(1 - y, (double)AEI_LEAST_REST)));
}

/* What the network's input is for a value of feature j. */
static double scaled(const ae_network *n, size_t j, float value)
{
    const aei_scaling *scaling = n->scaling;
    return scaling == NULL
               ? (double)value
               : ((double)value - (double)scaling->offset[j]) / (double)scaling->divisor[j];
}

static double sum_up(const ae_network *n, aei_score_form form, const float *row,
                     const double *target, const double *output)
{
    const aei_scaling *scaling = n->scaling;
    const float *spread = form.units == AE_SCORE_UNITS_SPREAD ? n->error_spread : NULL;
    double sum = 0, there = 0;
    for (size_t j = 0; j < n->widths[0]; j++) {
        if (n->fill != NULL && isnan(row[j]))
            continue;
        there++;
        double d = output[j] - target[j];
        if (form.cost == AE_COST_BCE) {
            sum += entropy(output[j], target[j]);
            continue;
        }
        if (form.units != AE_SCORE_UNITS_SCALED && scaling != NULL)
            d = (double)scaling->offset[j] + (double)scaling->scale[j] * output[j] - (double)row[j];
        if (spread != NULL)
            d /= (double)spread[j];
        sum += d * d;
    }
    return there > 0 ? sum * (double)n->widths[0] / there : 0;
}

double aei_score_f64(const ae_network *network, aei_score_form form, const float *row, double *room)
{
    const size_t features = network->widths[0];
    double *target = room, *layers[2] = {room + network->widest, room + 2 * network->widest};
    for (size_t j = 0; j < features; j++)
        target[j] = scaled(network, j,
                           network->fill != NULL && isnan(row[j]) ? network->fill[j] : row[j]);
    const double *x = target;
    for (size_t l = 0; l < network->depth; l++) {
        run_layer(network, &network->layers[l], x, layers[l % 2]);
        x = layers[l % 2];
    }
    const double sum = sum_up(network, form, row, target, x);
    switch (form.cost) {
    case AE_COST_SSE:
        return sum;
    case AE_COST_MSE:
    case AE_COST_BCE:
        return sum / (double)features;
    default:
        return sqrt(sum);
    }
}
