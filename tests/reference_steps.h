/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_REFERENCE_STEPS_H
#define TESTS_REFERENCE_STEPS_H

/*
 * A trainer's first steps against the same steps of the float64 reference, which descends along its
 * own differences: costs, penalties, every gradient of the first step, parameters after the last.
 */
#include "reference_network.h"
#include "train/trainer_internal.h"

enum { REFERENCE_STEPS = 3 };

/*
 * float32 rounding (6e-8) grows by the conditioning of batch normalisation over a few rows. The
 * largest error seen is 4e-5 in a gradient; a wrong term or a missing one gives 1e-2 and more.
 */
static const double reference_tolerance = 2e-4, reference_cost_tolerance = 1e-5;

/* Arguments of non-linearities stay this far from 0, where ReLU and |h| have a kink. */
static const double reference_kink = 1e-4;

/* Where the loop over kernels begins: the differences are long arithmetic, so under an emulator
 * only the last, libae's widest, are tried. */
static inline size_t reference_first_kernels(void)
{
    return support_slow() ? ae_kernels_count() - 1 : 0;
}

/* Rows and parameters of a trial, from the first seed that keeps away from kinks. */
typedef struct trial {
    float *values;
    double *x, *scratch, *fill;
    uint64_t seed;
} trial;

/* Weights as created from the seed, gamma in [0.5, 1.5), beta and biases in [-0.5, 0.5). */
static inline ae_network *reference_build(const reference *n, const char *kernels, uint64_t seed)
{
    ae_network *network = fixture_network_with(
        AE_NETWORK_OPTIONS(.widths = n->widths, .width_count = n->depth + 1,
                           .encoder_layers = n->encoder_layers,
                           .tied_weights = n->tied ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
                           .batch_norm = n->batch_norm ? AE_TOGGLE_ON : AE_TOGGLE_OFF,
                           .hidden_activation = n->hidden, .output_activation = n->output,
                           .leaky_slope = (float)n->slope, .seed = seed, .kernels = kernels));
    fixture_set_vectors(network, 0.5f, seed * 100);
    return network;
}

/* Values in [0.05, 0.95), or NaN where one is missing: of the rows from the second on, so that each
 * feature has one. `fill` gets the means, as the library rounds them. */
static inline void reference_draw(const reference *n, trial *t, size_t rows, uint64_t seed)
{
    const size_t width = n->widths[0];
    free(t->values);
    t->values = fixture_values(rows * width, 0.05f, 0.95f, seed);
    for (size_t j = 0; j < width; j++) {
        double sum = 0, count = 0;
        for (size_t r = 0; r < rows; r++) {
            float *value = &t->values[r * width + j];
            if (n->holes && r > 0 && fixture_uniform(&seed) < 0.25f)
                *value = NAN;
            t->x[r * width + j] = (double)*value;
            sum += isnan(*value) ? 0 : (double)*value;
            count += isnan(*value) ? 0 : 1;
        }
        t->fill[j] = (double)(float)(sum / count);
    }
}

static inline trial reference_trial(reference *n, size_t rows, ae_cost cost)
{
    trial t = {.x = fixture_allocate(rows * n->widths[0], sizeof *t.x),
               .fill = fixture_allocate(n->widths[0], sizeof *t.fill),
               .scratch = fixture_allocate(reference_units(n, rows), sizeof *t.scratch)};
    n->fill = t.fill;
    double margin = 0;
    for (t.seed = 1; t.seed < 200 && margin < reference_kink; t.seed++) {
        reference_draw(n, &t, rows, t.seed + 1);
        ae_network *network = reference_build(n, "reference", t.seed + 1);
        double *parameters = reference_parameters(network);
        margin = reference_run(n, parameters, t.x, rows, cost, t.scratch).margin;
        free(parameters);
        ae_network_free(network);
    }
    ck_assert_msg(margin >= reference_kink, "no seed keeps away from the kinks");
    return t;
}

static inline void reference_trial_free(trial *t)
{
    free(t->values), free(t->x), free(t->scratch), free(t->fill);
}

static inline double reference_norm(const float *a, const float *b, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (b == NULL ? 0 : (double)b[i]);
        squares += d * d;
    }
    return sqrt(squares);
}

/* Every trainable tensor by norm; one that is small beside the whole is measured by a hundredth of
 * that. `get` copies a tensor of the trainer out. */
static inline void reference_compare(const char *what, const ae_trainer *trainer, bool gradients,
                                     const float *expected, double tolerance)
{
    const ae_network *network = trainer->network;
    const double whole = reference_norm(expected, NULL, ae_network_parameter_count(network));
    for (size_t i = 0; i < ae_network_tensor_count(network); i++) {
        const ae_tensor_info info = fixture_tensor(network, i);
        if (!info.trainable)
            continue;
        float *found = fixture_allocate(info.count, sizeof *found);
        if (gradients)
            ck_assert_ok(ae_trainer_get_gradient(trainer, info.name, found, info.count));
        else
            ck_assert_ok(ae_network_get_tensor(network, info.name, found, info.count));
        const double size = fmax(reference_norm(expected, NULL, info.count), whole / 100);
        const double off = reference_norm(found, expected, info.count) / size;
        ck_assert_msg(off <= tolerance, "%s, %s kernels: %s off by %.3g of its norm %.3g", what,
                      ae_network_kernels(network), info.name, off, size);
        expected += info.count;
        free(found);
    }
}

static inline int reference_keep_info(void *user, const ae_step_info *info)
{
    *(ae_step_info *)user = *info;
    return 0;
}

/* Descend `rate` along the gradient, and keep the result as float32 too. */
static inline void reference_descend(double *parameters, const float *gradient, size_t count,
                                     double rate)
{
    for (size_t i = 0; i < count; i++)
        parameters[i] -= rate * (double)gradient[i];
}

/* A trainer with kernels of its own, and what its last step told. */
typedef struct reference_subject {
    ae_network *network;
    ae_optimizer *sgd;
    ae_trainer *trainer;
    ae_step_info info;
} reference_subject;

/* The i-th kernels, with 1 to 3 threads. `options` are the run's, but for what is set here. */
static inline void reference_start(reference_subject *s, size_t i, const reference *n,
                                   const ae_trainer_options *options, uint64_t seed, float rate,
                                   const ae_dataset *dataset)
{
    ae_trainer_options o = *options;
    o.threads = 1 + i % 3, o.shuffle = AE_SHUFFLE_NONE;
    o.keep_gradients = AE_TOGGLE_ON, o.on_step = reference_keep_info, o.user = &s->info;
    s->network = reference_build(n, ae_kernels_name(i), seed);
    s->sgd = fixture_sgd(rate);
    s->trainer = fixture_trainer(s->network, s->sgd, dataset, &o);
}

static inline void reference_judge_step(const reference_subject *s, reference_result expected,
                                        const float *gradient)
{
    ck_assert_ok(ae_trainer_run_step(s->trainer, NULL));
    ck_assert_double_eq_tol(s->info.cost, expected.cost, reference_cost_tolerance * expected.cost);
    ck_assert_double_eq_tol(s->info.penalty, expected.penalty,
                            reference_cost_tolerance * expected.penalty + 1e-300);
    if (gradient != NULL)
        reference_compare("gradient", s->trainer, true, gradient, reference_tolerance);
}

static inline void reference_end(reference_subject *s, const double *parameters, size_t count)
{
    float *last = fixture_allocate(count, sizeof *last);
    for (size_t i = 0; i < count; i++)
        last[i] = (float)parameters[i];
    reference_compare("parameters", s->trainer, false, last, reference_tolerance);
    free(last);
    ae_trainer_free(s->trainer), ae_optimizer_free(s->sgd), ae_network_free(s->network);
}

/* All kernels against one reference, whose differences are the long part. `options` are the run's,
 * but for `batch` and what reference_start sets. `before` is called ahead of each step, if it is
 * not NULL. */
static inline void reference_agrees(reference *n, const ae_trainer_options *options, size_t rows,
                                    void (*before)(reference *n, size_t rows, uint64_t step))
{
    const float rate = 0.05f;
    ae_trainer_options o = *options;
    o.batch = rows;
    const ae_cost cost = o.cost == AE_COST_DEFAULT ? AE_COST_L2 : o.cost;
    if (before != NULL)
        before(n, rows, 0);
    trial t = reference_trial(n, rows, cost);
    ae_dataset *dataset = NULL;
    ck_assert_ok(ae_dataset_create_f32(&dataset, t.values, rows, n->widths[0],
                                       AE_DATASET_OPTIONS(.missing = AE_MISSING_KEEP)));
    const size_t first = reference_first_kernels(), kernels = ae_kernels_count();
    reference_subject *subjects = fixture_allocate(kernels, sizeof *subjects);
    for (size_t i = first; i < kernels; i++)
        reference_start(&subjects[i], i, n, &o, t.seed, rate, dataset);
    double *parameters = reference_parameters(subjects[first].network);
    const size_t count = ae_network_parameter_count(subjects[first].network);
    for (uint64_t s = 0; s < REFERENCE_STEPS; s++) {
        if (before != NULL)
            before(n, rows, s);
        const reference_result expected = reference_run(n, parameters, t.x, rows, cost, t.scratch);
        float *gradient = reference_differences(n, parameters, count, t.x, rows, cost, t.scratch);
        for (size_t i = first; i < kernels; i++)
            reference_judge_step(&subjects[i], expected, s == 0 ? gradient : NULL);
        reference_descend(parameters, gradient, count, (double)rate);
        free(gradient);
    }
    for (size_t i = first; i < kernels; i++)
        reference_end(&subjects[i], parameters, count);
    free(subjects), free(parameters);
    ae_dataset_free(dataset);
    reference_trial_free(&t);
}

#endif
