/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_OPTIMIZER_H
#define LIBAE_OPTIMIZER_H

#include <libae/attributes.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A rule that turns gradients into changes of parameters, with its learning-rate schedule. Once it
 * is attached to a trainer it holds the moments of every parameter of that trainer's network.
 *
 * Thread safety: serves one trainer at a time.
 * @since 0.1
 */
typedef struct ae_optimizer ae_optimizer;

/**
 * Adam (Kingma and Ba 2015, algorithm 1). Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_adam_options {
    size_t size;         /**< sizeof(ae_adam_options); AE_ADAM_OPTIONS fills it in */
    float learning_rate; /**< > 0; default 0.001 */
    float beta1;         /**< in (0, 1); default 0.9 */
    float beta2;         /**< in (0, 1); default 0.999 */
    float epsilon;       /**< > 0; default 1e-8 */
    /**
     * Of weights only; default 0. Adam: weight_decay * w is added to the gradient. AdamW: w shrinks
     * by rate * weight_decay * w.
     */
    float weight_decay;
    uint32_t reserved; /**< must be 0 */
} ae_adam_options;

/** Options in place: AE_ADAM_OPTIONS(.learning_rate = 0.01f). C only; C++ calls
 * ae_adam_options_init. */
#define AE_ADAM_OPTIONS(...) (&(ae_adam_options){.size = sizeof(ae_adam_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_adam_options_init(ae_adam_options *options);

/**
 * Stochastic gradient descent. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_sgd_options {
    size_t size;         /**< sizeof(ae_sgd_options); AE_SGD_OPTIONS fills it in */
    float learning_rate; /**< > 0; default 0.01 */
    float momentum;      /**< in [0, 1); default 0 */
    ae_toggle nesterov;  /**< default off; needs momentum > 0 (Sutskever et al. 2013) */
    float weight_decay;  /**< weight_decay * w is added to the gradient of weights; default 0 */
} ae_sgd_options;

/** Options in place: AE_SGD_OPTIONS(.momentum = 0.9f). C only; C++ calls ae_sgd_options_init. */
#define AE_SGD_OPTIONS(...) (&(ae_sgd_options){.size = sizeof(ae_sgd_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_sgd_options_init(ae_sgd_options *options);

/**
 * Create an Adam optimizer.
 *
 * @param optimizer receives the optimizer, which the caller frees with ae_optimizer_free; untouched
 *         on error
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (optimizer NULL, an option outside its range or not
 *         finite); AE_ERROR_UNSUPPORTED (reserved is not 0); AE_ERROR_OUT_OF_MEMORY
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_optimizer_create_adam(ae_optimizer **optimizer,
                                                     const ae_adam_options *options);

/**
 * Create an AdamW optimizer: weight decay apart from the gradient (Loshchilov and Hutter 2019).
 *
 * @return as ae_optimizer_create_adam
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_optimizer_create_adamw(ae_optimizer **optimizer,
                                                      const ae_adam_options *options);

/**
 * Create an optimizer by stochastic gradient descent, with momentum and Nesterov's variant.
 *
 * @return as ae_optimizer_create_adam
 * Thread safety: safe.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_optimizer_create_sgd(ae_optimizer **optimizer,
                                                    const ae_sgd_options *options);

/**
 * Free an optimizer; NULL is allowed. No trainer may use it any more.
 *
 * Thread safety: uses optimizer.
 * @since 0.1
 */
AE_API void ae_optimizer_free(ae_optimizer *optimizer);

/**
 * How the learning rate moves. s is the number of steps since the warm-up ended.
 * @since 0.1
 */
typedef enum ae_schedule {
    /** AE_SCHEDULE_CONSTANT */
    AE_SCHEDULE_DEFAULT = 0,
    /** base */
    AE_SCHEDULE_CONSTANT = 1,
    /** base * factor^floor(s / period) */
    AE_SCHEDULE_STEP = 2,
    /** base * factor^(s / period) */
    AE_SCHEDULE_EXPONENTIAL = 3,
    /** floor + (base - floor) * (1 + cos(pi * s / period)) / 2, then floor (Loshchilov and Hutter
     * 2017) */
    AE_SCHEDULE_COSINE = 4,
    /** callback(user, s, base) */
    AE_SCHEDULE_CALLBACK = 5
} ae_schedule;

/**
 * A learning-rate schedule. It counts the optimizer's own steps, which go on when another trainer
 * takes the optimizer. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_schedule_options {
    /** sizeof(ae_schedule_options); AE_SCHEDULE_OPTIONS fills it in */
    size_t size;
    /** default AE_SCHEDULE_CONSTANT */
    ae_schedule kind;
    /** must be 0: keeps the struct free of padding */
    uint32_t reserved;
    /** the rate climbs linearly from base / warmup_steps to base; default 0 */
    uint64_t warmup_steps;
    /** in steps; step and exponential need one; cosine, 0: to the end of the trainer's run */
    uint64_t period;
    /** of step and exponential, in (0, 1]; default 0.1 */
    float factor;
    /** lowest rate of cosine, 0 to base; default 0 */
    float floor;
    /**
     * Of AE_SCHEDULE_CALLBACK: gives the rate of a step, finite and not negative. It may be called
     * several times for one step and must give the same rate each time. Called in the thread that
     * runs the trainer or asks for the rate.
     */
    float (*callback)(void *user, uint64_t step, float base);
    /** passed to callback */
    void *user;
} ae_schedule_options;

/** Options in place. C only; C++ calls ae_schedule_options_init. */
#define AE_SCHEDULE_OPTIONS(...) \
    (&(ae_schedule_options){.size = sizeof(ae_schedule_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_schedule_options_init(ae_schedule_options *options);

/**
 * Set the learning-rate schedule, before or between steps.
 *
 * @param options NULL for a constant rate
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (optimizer NULL, an option outside its range, a callback
 *         that is missing or has no use); the schedule is then as before
 * Thread safety: changes optimizer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_optimizer_set_schedule(ae_optimizer *optimizer,
                                                      const ae_schedule_options *options);

/**
 * Change the base learning rate.
 *
 * @param learning_rate finite, > 0
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT
 * Thread safety: changes optimizer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_optimizer_set_learning_rate(ae_optimizer *optimizer,
                                                           float learning_rate);

/**
 * The rate that the next step will use. 0 for NULL.
 *
 * Thread safety: reads optimizer.
 * @since 0.1
 */
AE_API float ae_optimizer_learning_rate(const ae_optimizer *optimizer);

/**
 * Steps taken. 0 for NULL.
 *
 * Thread safety: reads optimizer.
 * @since 0.1
 */
AE_API uint64_t ae_optimizer_step_count(const ae_optimizer *optimizer);

AE_END_DECLS

#endif
