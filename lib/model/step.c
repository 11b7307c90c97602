/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The training step. Every thread of the team runs `take_step`; in each phase it takes one of the
 * layer's panels after another, and with it all rows of the batch for those features, so that a
 * matrix product is followed at once, in cache and without waiting, by its batch statistics,
 * normalisation and non-linearity. The phases, with a barrier between any two:
 *
 *     input      gather a panel of the batch, add noise                        1 barrier
 *     forward    for each layer: product, normalise, non-linearity             1 each
 *     output     cost of every row, gradient at the output layer               1
 *     backward   for each layer from the last: gradient of its input with the
 *                old weights, then gradient of its weights, which go straight
 *                into the optimizer while they are in cache                    1 each but the last
 *     clipping   norm of the stored gradient, then the optimizer               2 more, where it is
 *     asked for
 *
 * In the backward phase the panels are of the layer's *input* features: those rows of the
 * weights are read by nobody else, so updating them needs no barrier.
 */
#include "model/step.h"

#include "base/arena.h"
#include "base/error.h"
#include "model/cost.h"
#include "model/matrix_form.h"
#include "model/panels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One layer's values for the batch, each [panels][rows][P], and its panels' statistics, each
 * [panels][P]. */
typedef struct activations {
    float *y;     /* output */
    float *xhat;  /* normalised sums; y without batch normalisation */
    float *delta; /* dC/dz */
    aei_matrix_form y_read, delta_read;
    float *mean, *variance, *inverse;
} activations;

/* A thread's own scratch. */
typedef struct scratch {
    float *rounded;        /* [widest][P]: room for a panel of the weights in bfloat16 */
    float *transposed;     /* [widest][P]: a panel of rows of the weights, transposed */
    float *tile;           /* [P][P]: a tile of the weights' gradient */
    float *packed;         /* for kernels that repack activations */
    float *factor;         /* [rows]: derivative of the cost along each row's distance */
    float *dgamma, *dbeta; /* [P] */
} scratch;

struct aei_step {
    aei_arena arena;
    ae_network *network;
    aei_team *team;
    size_t threads;
    size_t max_rows;
    bool stored, noisy;
    aei_gemm_mode multiplier;
    activations *layers;
    scratch *threads_scratch;
    aei_work_queue *
        /* [phases][threads]: panels left to take. Input, output, then forward and backward of
         * each layer */
        piles;
    float *input; /* [panels][rows][P] */
    aei_matrix_form input_read;
    float *target;           /* the input without its noise; the input itself unless noisy */
    float *ones;             /* [P] */
    float *costs;            /* [panels of the output][rows] */
    float *gradient;         /* like the parameters; NULL unless stored */
    double *squares;         /* sums of squares of the gradient's blocks */
    const aei_step_job *job; /* the step under way, and what is found out in it: */
    size_t rows;
    bool update;
    double cost, gradient_norm;
    bool diverged;
};

/* Phases, by their places in `piles`; a layer has two, forward and backward. */
enum { INPUT, OUTPUT, LAYERS, FORWARD = 0, BACKWARD = 1 };

static size_t phase_of(size_t l, size_t direction)
{
    return LAYERS + 2 * l + direction;
}

/* Blocks in which the gradient's norm is summed: cut by place, not by thread, so that the sum's
 * bits are fixed. */
enum { NORM_BLOCK = 8192 };

static size_t panels_of(const aei_step *step, size_t features)
{
    return aei_panels(step->network->kernels->panel, features);
}

static void deal(aei_step *step, size_t phase, size_t features)
{
    aei_work_queue_reset(&step->piles[phase * step->threads], step->threads,
                         (uint32_t)panels_of(step, features));
}

static void queue_panels(aei_step *step)
{
    const size_t *widths = step->network->widths, depth = step->network->depth;
    deal(step, INPUT, widths[0]);
    deal(step, OUTPUT, widths[depth]);
    for (size_t l = 0; l < depth; l++) {
        deal(step, phase_of(l, FORWARD), widths[l + 1]);
        deal(step, phase_of(l, BACKWARD), widths[l]);
    }
}

static bool take_panel(aei_step *step, size_t phase, size_t thread, size_t *panel)
{
    return aei_work_queue_pop(&step->piles[phase * step->threads], step->threads, thread, panel);
}

static void lay_out(aei_step *s)
{
    const ae_network *n = s->network;
    const aei_gemm_mode *m = &s->multiplier;
    const size_t panel = n->kernels->panel, rows = s->max_rows;
    aei_arena *arena = &s->arena;
    s->layers = aei_arena_take(arena, n->depth, sizeof *s->layers);
    s->threads_scratch = aei_arena_take(arena, s->threads, sizeof *s->threads_scratch);
    s->piles = aei_arena_take(arena, phase_of(n->depth, 0) * s->threads, sizeof *s->piles);
    s->input = aei_arena_take(arena, panels_of(s, n->widths[0]) * rows, panel * sizeof(float));
    s->input_read = aei_matrix_form_create(arena, m, panels_of(s, n->widths[0]), rows, s->input,
                                           !s->noisy);
    s->target = s->noisy ? aei_arena_take(arena, panels_of(s, n->widths[0]) * rows,
                                          panel * sizeof(float))
                         : s->input;
    s->ones = aei_arena_take(arena, panel, sizeof(float));
    s->costs = aei_arena_take(arena, panels_of(s, n->widths[n->depth]) * rows, sizeof(float));
    if (s->stored) {
        s->gradient = aei_arena_take(arena, n->parameter_floats, sizeof(float));
        s->squares = aei_arena_take(arena, (n->parameter_floats + NORM_BLOCK - 1) / NORM_BLOCK,
                                    sizeof(double));
    }
    for (size_t l = 0; l < n->depth; l++) {
        const size_t panels = n->layers[l].panels;
        activations a = {0};
        a.y = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        a.xhat = n->batch_norm ? aei_arena_take(arena, panels * rows, panel * sizeof(float)) : a.y;
        a.delta = aei_arena_take(arena, panels * rows, panel * sizeof(float));
        a.y_read = aei_matrix_form_create(arena, m, panels, rows, a.y, true);
        a.delta_read = aei_matrix_form_create(arena, m, panels, rows, a.delta, false);
        a.mean = aei_arena_take(arena, panels, panel * sizeof(float));
        a.variance = aei_arena_take(arena, panels, panel * sizeof(float));
        a.inverse = aei_arena_take(arena, panels, panel * sizeof(float));
        if (s->layers != NULL)
            s->layers[l] = a;
    }
    const size_t pack_floats = n->kernels->pack == NULL ? 0
                                                        : n->kernels->pack_floats(rows, n->widest);
    for (size_t t = 0; t < s->threads; t++) {
        scratch c = {0};
        c.rounded = m->bf16 ? aei_arena_take(arena, n->widest, panel * sizeof(float)) : NULL;
        c.transposed = aei_arena_take(arena, panels_of(s, n->widest) * panel,
                                      panel * sizeof(float));
        c.tile = aei_arena_take(arena, panel, panel * sizeof(float));
        c.packed = aei_arena_take(arena, pack_floats, sizeof(float));
        c.factor = aei_arena_take(arena, rows, sizeof(float));
        c.dgamma = aei_arena_take(arena, panel, sizeof(float));
        c.dbeta = aei_arena_take(arena, panel, sizeof(float));
        if (s->threads_scratch != NULL)
            s->threads_scratch[t] = c;
    }
}

ae_status aei_step_create(aei_step **step, ae_network *network, aei_team *team, size_t max_rows,
                          unsigned room)
{
    aei_step *s = calloc(1, sizeof *s);
    if (s == NULL)
        return aei_fail_memory(sizeof *s);
    s->network = network;
    s->team = team;
    s->threads = aei_team_threads(team);
    s->max_rows = max_rows;
    s->stored = (room & AEI_STEP_GRADIENT) != 0;
    s->noisy = (room & AEI_STEP_NOISE) != 0;
    s->multiplier = aei_gemm_mode_for(network->kernels, (room & AEI_STEP_BF16) != 0);
    lay_out(s);
    ae_status status = aei_arena_allocate(&s->arena);
    if (status != AE_OK) {
        free(s);
        return status;
    }
    lay_out(s);
    for (size_t i = 0; i < network->kernels->panel; i++)
        s->ones[i] = 1;
    *step = s;
    return AE_OK;
}

void aei_step_free(aei_step *step)
{
    if (step == NULL)
        return;
    aei_arena_free(&step->arena);
    free(step);
}

size_t aei_step_memory(const aei_step *step)
{
    return step->arena.size;
}

/* What products over features read: the operand, or the thread's repacked copy. */
static aei_matrix_form operand(const aei_step *s, size_t thread, const aei_matrix_form *whole,
                               size_t features)
{
    const aei_kernels *kernels = s->network->kernels;
    if (kernels->pack == NULL)
        return *whole;
    kernels->pack(s->rows, features, whole->values, s->threads_scratch[thread].packed);
    return (aei_matrix_form){.values = s->threads_scratch[thread].packed};
}

static const aei_matrix_form *layer_input(const aei_step *s, size_t l)
{
    return l == 0 ? &s->input_read : &s->layers[l - 1].y_read;
}

static void gather_input(aei_step *s, size_t thread)
{
    const size_t panel = s->network->kernels->panel, features = s->network->widths[0];
    for (size_t p; take_panel(s, INPUT, thread, &p);) {
        const size_t count = aei_columns(panel, features, p), at = p * s->rows * panel;
        s->job->gather(s->job->source, s->job->rows, s->rows, p * panel, count, s->target + at,
                       panel);
        if (s->noisy)
            aei_noise_apply(&s->job->noise, s->network->kernels, features, p * panel, count,
                            s->rows, s->target + at, s->input + at, panel);
        aei_matrix_form_store(&s->input_read, &s->multiplier, s->rows, p, s->input + at);
    }
}

static void forward_layer(aei_step *s, size_t l, size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const activations *a = &s->layers[l];
    const size_t panel = kernels->panel, tile = s->rows * panel;
    aei_matrix_form x = {0};
    for (size_t p, taken = 0; take_panel(s, phase_of(l, FORWARD), thread, &p); taken++) {
        if (taken == 0)
            x = operand(s, thread, layer_input(s, l), layer->in);
        const size_t count = aei_columns(panel, layer->out, p);
        float *z = a->xhat + p * tile, *y = a->y + p * tile;
        const float *beta = n->parameters + layer->beta + p * panel;
        const float *weights = n->parameters + layer->weight + p * layer->in * panel;
        /* The panel that this thread is likely to take next. */
        const float *prefetch = p + 1 < layer->panels ? weights + layer->in * panel : NULL;
        aei_multiply_nn(&s->multiplier, s->rows, layer->in, count, &x, weights,
                        s->threads_scratch[thread].rounded, z, prefetch);
        if (n->batch_norm)
            kernels->norm_forward(s->rows, count, z, y, n->parameters + layer->gamma + p * panel,
                                  beta, n->bn_epsilon, layer->f, a->mean + p * panel,
                                  a->variance + p * panel, a->inverse + p * panel);
        else
            kernels->affine_forward(s->rows, count, z, y, s->ones, beta, layer->f);
        aei_matrix_form_store(&a->y_read, &s->multiplier, s->rows, p, y);
        if (l + 1 == n->depth)
            kernels->row_costs(s->rows, count, y, s->target + p * tile, s->job->cost == AE_COST_BCE,
                               s->costs + p * s->rows);
    }
}

static void blend(float *running, const float *batch, float decay, size_t count)
{
    for (size_t i = 0; i < count; i++)
        running[i] = decay * running[i] + (1 - decay) * batch[i];
}

/* Step or store n parameters at `offset`, whose gradient is at hand. */
static void apply_or_store(aei_step *s, const aei_update *rule, size_t offset, size_t count,
                           const float *gradient)
{
    if (s->stored) {
        memcpy(s->gradient + offset, gradient, count * sizeof *gradient);
        return;
    }
    const aei_step_job *job = s->job;
    s->network->kernels->update(rule, count, s->network->parameters + offset, gradient,
                                job->first == NULL ? NULL : job->first + offset,
                                job->second == NULL ? NULL : job->second + offset);
}

static void blend_statistics(aei_step *s, size_t l, size_t p)
{
    ae_network *n = s->network;
    const size_t panel = n->kernels->panel;
    blend(n->running + n->layers[l].mean + p * panel, s->layers[l].mean + p * panel, n->bn_decay,
          panel);
    blend(n->running + n->layers[l].variance + p * panel, s->layers[l].variance + p * panel,
          n->bn_decay, panel);
}

/* Panel p of layer l has dC/dy in delta: go back through non-linearity and normalisation, and step
 * gamma and beta. */
static void backward_panel(aei_step *s, size_t l, size_t p, aei_nonlinearity f, size_t thread)
{
    ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const activations *a = &s->layers[l];
    const scratch *mine = &s->threads_scratch[thread];
    const size_t panel = kernels->panel, at = p * s->rows * panel;
    const size_t count = aei_columns(panel, layer->out, p);
    if (!n->batch_norm) {
        kernels->bias_backward(s->rows, count, a->delta + at, a->y + at, f, mine->dbeta);
    } else {
        kernels->norm_backward(s->rows, count, a->delta + at, a->y + at, a->xhat + at,
                               n->parameters + layer->gamma + p * panel, a->inverse + p * panel, f,
                               mine->dgamma, mine->dbeta);
        apply_or_store(s, &s->job->no_decay, layer->gamma + p * panel, panel, mine->dgamma);
        if (!s->stored)
            blend_statistics(s, l, p);
    }
    apply_or_store(s, &s->job->no_decay, layer->beta + p * panel, panel, mine->dbeta);
    aei_matrix_form_store(&a->delta_read, &s->multiplier, s->rows, p, a->delta + at);
}

static void output_gradient(aei_step *s, size_t thread)
{
    const ae_network *n = s->network;
    const size_t l = n->depth - 1, panel = n->kernels->panel, tile = s->rows * panel;
    const aei_layer *layer = &n->layers[l];
    aei_nonlinearity f = layer->f;
    if (s->job->cost == AE_COST_BCE)
        f.kind = AE_ACTIVATION_LINEAR; /* the factors are already those of dC/du */
    for (size_t p; take_panel(s, OUTPUT, thread, &p);) {
        n->kernels->cost_gradient(s->rows, aei_columns(panel, layer->out, p),
                                  s->layers[l].y + p * tile, s->target + p * tile,
                                  s->threads_scratch[thread].factor, s->layers[l].delta + p * tile);
        backward_panel(s, l, p, f, thread);
    }
}

/* dC/dy of panel q of layer l's input, from the weights' rows of that panel transposed to
 * [out][P]. */
static void backward_input(aei_step *s, size_t l, size_t q, const aei_matrix_form *delta,
                           size_t thread)
{
    const ae_network *n = s->network;
    const aei_kernels *kernels = n->kernels;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = kernels->panel, count = aei_columns(panel, layer->in, q);
    float *transposed = s->threads_scratch[thread].transposed;
    const float *weights = n->parameters + layer->weight + q * panel * panel;
    for (size_t p = 0; p < layer->panels; p++)
        kernels->transpose(count, aei_columns(panel, layer->out, p),
                           weights + p * layer->in * panel, transposed + p * panel * panel);
    aei_multiply_nn(&s->multiplier, s->rows, layer->out, count, delta, transposed,
                    s->threads_scratch[thread].rounded,
                    s->layers[l - 1].delta + q * s->rows * panel, NULL);
    backward_panel(s, l - 1, q, n->layers[l - 1].f, thread);
}

static void backward_layer(aei_step *s, size_t l, size_t thread)
{
    const ae_network *n = s->network;
    const aei_layer *layer = &n->layers[l];
    const size_t panel = n->kernels->panel, panels_in = panels_of(s, layer->in);
    const aei_matrix_form *x = layer_input(s, l), *delta = &s->layers[l].delta_read;
    /* What the update will touch, to be fetched ahead; the parameters stand in for moments that
     * there are not. */
    const float *first = s->job->first == NULL ? n->parameters : s->job->first;
    const float *second = s->job->second == NULL ? n->parameters : s->job->second;
    aei_matrix_form delta_operand = {0};
    for (size_t q, taken = 0; take_panel(s, phase_of(l, BACKWARD), thread, &q); taken++) {
        if (l > 0 && taken == 0)
            delta_operand = operand(s, thread, delta, layer->out);
        /* How far it is to the rows of the weights that this thread is likely to transpose next. */
        const size_t ahead = l > 0 && q + 1 < panels_in ? panel * panel : 0;
        const size_t count = aei_columns(panel, layer->in, q);
        if (l > 0)
            backward_input(s, l, q, &delta_operand, thread);
        for (size_t p = 0; p < layer->panels; p++) {
            float *gradient = s->threads_scratch[thread].tile;
            const size_t offset = layer->weight + (p * layer->in + q * panel) * panel;
            /* The update needs the moments next; its weights are in cache, those of the next
             * transposition are not. */
            const float *const prefetch[3] = {first + offset, second + offset,
                                              n->parameters + offset + ahead};
            aei_multiply_tn(&s->multiplier, s->rows, count, aei_columns(panel, layer->out, p), x, q,
                            delta, p, gradient, prefetch);
            apply_or_store(s, &s->job->weights, offset, count * panel, gradient);
        }
    }
}

/* The global norm of the stored gradient, the same in every thread. */
static double stored_norm(aei_step *s, size_t thread)
{
    const size_t floats = s->network->parameter_floats,
                 blocks = (floats + NORM_BLOCK - 1) / NORM_BLOCK;
    const aei_range mine = aei_share(blocks, thread, s->threads);
    for (size_t b = mine.first; b < mine.last; b++) {
        const size_t end = (b + 1) * NORM_BLOCK < floats ? (b + 1) * NORM_BLOCK : floats;
        double sum = 0;
        for (size_t i = b * NORM_BLOCK; i < end; i++)
            sum += (double)s->gradient[i] * (double)s->gradient[i];
        s->squares[b] = sum;
    }
    aei_team_barrier(s->team);
    double sum = 0;
    for (size_t b = 0; b < blocks; b++)
        sum += s->squares[b];
    return sqrt(sum);
}

/* Step from the stored gradient, each thread over its panels. */
static void apply_stored(aei_step *s, float scale, size_t thread)
{
    ae_network *n = s->network;
    const aei_step_job *job = s->job;
    aei_update weights = job->weights, no_decay = job->no_decay;
    weights.gradient_scale = no_decay.gradient_scale = scale;
    const size_t panel = n->kernels->panel;
    for (size_t l = 0; l < n->depth; l++) {
        const aei_layer *layer = &n->layers[l];
        const aei_range mine = aei_share(layer->panels, thread, s->threads);
        for (size_t p = mine.first; p < mine.last; p++) {
            const size_t offsets[] = {layer->weight + p * layer->in * panel,
                                      layer->gamma + p * panel, layer->beta + p * panel};
            const size_t counts[] = {layer->in * panel, panel, panel};
            for (size_t i = 0; i < 3; i++)
                n->kernels->update(i == 0 ? &weights : &no_decay, counts[i],
                                   n->parameters + offsets[i], s->gradient + offsets[i],
                                   job->first == NULL ? NULL : job->first + offsets[i],
                                   job->second == NULL ? NULL : job->second + offsets[i]);
            if (n->batch_norm)
                blend_statistics(s, l, p);
        }
    }
}

static void take_step(void *context, size_t thread)
{
    aei_step *s = context;
    const size_t depth = s->network->depth;
    gather_input(s, thread);
    aei_team_barrier(s->team);
    for (size_t l = 0; l < depth; l++) {
        forward_layer(s, l, thread);
        aei_team_barrier(s->team);
    }
    /* Every thread works it out for itself, in the same order; it is cheaper than a barrier. */
    const double cost = aei_cost_of_batch(s->job->cost, s->rows, s->network->widths[0],
                                          panels_of(s, s->network->widths[0]), s->costs,
                                          s->threads_scratch[thread].factor);
    if (thread == 0)
        s->cost = cost;
    if (!isfinite(cost)) {
        if (thread == 0)
            s->diverged = true;
        return;
    }
    output_gradient(s, thread);
    for (size_t l = depth; l-- > 0;) {
        aei_team_barrier(s->team);
        backward_layer(s, l, thread);
    }
    if (!s->stored)
        return;
    aei_team_barrier(s->team);
    const double norm = stored_norm(s, thread);
    if (thread == 0) {
        s->gradient_norm = norm;
        s->diverged = !isfinite(norm);
    }
    if (isfinite(norm) && s->update)
        apply_stored(
            s, norm > (double)s->job->clip_norm ? (float)((double)s->job->clip_norm / norm) : 1,
            thread);
}

static ae_status run(aei_step *step, const aei_step_job *job, bool update)
{
    step->job = job;
    step->rows = job->row_count;
    step->update = update;
    step->diverged = false;
    step->cost = step->gradient_norm = 0;
    queue_panels(step);
    AE_TRY(aei_team_run(step->team, take_step, step));
    if (step->diverged)
        return aei_fail(AE_ERROR_DIVERGED,
                        "the cost of the batch is %g, the gradient's norm %g: not finite",
                        step->cost, step->gradient_norm);
    return AE_OK;
}

ae_status aei_step_run(aei_step *step, const aei_step_job *job, double *cost, double *gradient_norm)
{
    ae_status status = run(step, job, true);
    *cost = step->cost;
    *gradient_norm = step->gradient_norm;
    if (status != AE_OK)
        return status;
    step->network->generation++;
    step->network->batches_tracked += step->network->batch_norm ? 1 : 0;
    return AE_OK;
}

ae_status aei_step_gradient(aei_step *step, const aei_step_job *job, double *cost,
                            const float **gradient)
{
    if (!step->stored)
        return aei_fail(AE_ERROR_STATE, "the step was created without room for the gradient");
    AE_TRY(run(step, job, false));
    *cost = step->cost;
    *gradient = step->gradient;
    return AE_OK;
}

void aei_step_output(const aei_step *step, size_t layer, float *values)
{
    const size_t panel = step->network->kernels->panel, out = step->network->layers[layer].out;
    for (size_t r = 0; r < step->rows; r++)
        for (size_t j = 0; j < out; j++)
            values[r * out + j] =
                step->layers[layer].y[(j / panel * step->rows + r) * panel + j % panel];
}
