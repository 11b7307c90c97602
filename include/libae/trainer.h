/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_TRAINER_H
#define LIBAE_TRAINER_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/events.h>
#include <libae/network.h>
#include <libae/optimizer.h>
#include <libae/status.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A training run: a network, an optimizer, a training set and how to go through it.
 *
 * Same seed, same kernels: same weights bit for bit, whatever the number of threads and however
 * often the run is saved and resumed.
 *
 * Where the network has a scaling, all costs of a run are of scaled values. The training set must
 * then lie within what a sigmoid or tanh output reaches when scaled; a validation set may go
 * beyond.
 *
 * Thread safety: one thread at a time, but for ae_trainer_cancel. While a call is under way the
 * network and the optimizer belong to the trainer. @since 0.1
 */
typedef struct ae_trainer ae_trainer;

/** In which order an epoch takes the rows. @since 0.1 */
typedef enum ae_shuffle {
    AE_SHUFFLE_DEFAULT = 0, /**< AE_SHUFFLE_EPOCH */
    AE_SHUFFLE_EPOCH = 1,   /**< a new random order in every epoch */
    AE_SHUFFLE_AFTER_FIRST =
        2, /**< the dataset's order in the first epoch, then a new one each: the report's program */
    AE_SHUFFLE_NONE = 3 /**< the dataset's order */
} ae_shuffle;

/** What a step did. @since 0.1 */
typedef struct ae_step_info {
    size_t size;            /**< sizeof(ae_step_info) in the library that calls back */
    uint64_t step;          /**< steps taken so far in the run, this one included */
    uint64_t epoch;         /**< epoch this step belongs to, from 1 */
    size_t epoch_step;      /**< step within the epoch, from 1 */
    size_t steps_per_epoch; /**< steps in an epoch */
    size_t rows;            /**< rows of the batch */
    double cost;            /**< cost of the batch, before the update, batch statistics */
    double learning_rate;   /**< rate used */
    double gradient_norm;   /**< global norm before clipping; 0 when clip_norm is off */
} ae_step_info;

/** What an epoch did: the history's entry. @since 0.1 */
typedef struct ae_epoch_info {
    size_t size;       /**< sizeof(ae_epoch_info), set by the caller where the caller provides it */
    uint64_t epoch;    /**< from 1 */
    uint64_t step;     /**< steps taken when it ended */
    double train_cost; /**< mean of the batch costs, training mode */
    double train_cost_min;  /**< least batch cost */
    double train_cost_max;  /**< greatest batch cost */
    double validation_cost; /**< on the validation set, inference mode; NaN without one */
    double learning_rate;   /**< of the last step */
    double seconds;         /**< wall time, validation included */
    uint64_t rows;          /**< rows trained on */
    int best;               /**< 1 when better than the best before it by more than min_delta */
} ae_epoch_info;

/**
 * Called after each step, from the thread that runs the trainer.
 * @return 0 to go on; anything else stops the run with AE_ERROR_CANCELLED
 */
typedef int (*ae_step_callback)(void *user, const ae_step_info *info);

/**
 * Called after each epoch; as ae_step_callback. The trainer may be saved and its network read here,
 * but not run, resumed or freed.
 */
typedef int (*ae_epoch_callback)(void *user, const ae_epoch_info *info);

/** How to train. Zero in any field but size means its default. @since 0.1 */
typedef struct ae_trainer_options {
    size_t size;     /**< sizeof(ae_trainer_options); AE_TRAINER_OPTIONS fills it in */
    size_t batch;    /**< rows of a batch, 2 (1 without batch normalisation) to 2^20; default 100 */
    uint64_t epochs; /**< epochs of ae_trainer_run, counted from the run's beginning; default 20 */
    uint64_t seed;   /**< of the shuffling and of the noise */
    /** 1 to 1024; default: the processors this process may use. Does not change the result */
    size_t threads;
    ae_cost cost;       /**< default AE_COST_L2 */
    ae_shuffle shuffle; /**< default AE_SHUFFLE_EPOCH */
    /** Leave out the rows that do not fill a last batch. Default off; with batch normalisation a
     * last batch of one row is always left out. */
    ae_toggle drop_last;
    /** scale gradients so that their global norm is at most this; default 0: off */
    float clip_norm;
    ae_precision precision; /**< default AE_PRECISION_F32 */
    /** evaluated after each epoch; must outlive the trainer. Default none */
    const ae_dataset *validation;
    uint64_t patience; /**< stop after this many epochs without improvement; default 0: never */
    double min_delta;  /**< an improvement is more than this; default 0 */
    /** At every exit of ae_trainer_run put back the weights of the best epoch. By validation cost,
     * or training cost without a set. Default off. */
    ae_toggle restore_best;
    /** checkpoint written here by ae_trainer_run; copied. Default none */
    const char *checkpoint_path;
    uint64_t checkpoint_every;  /**< after this many epochs, and at the end; default 1 */
    ae_step_callback on_step;   /**< default none */
    ae_epoch_callback on_epoch; /**< default none */
    void *user;                 /**< passed to both */
    /**
     * Write the cost of each step here under AE_TAG_TRAIN_COST and, where there is a validation
     * set, its cost after each epoch under AE_TAG_VALIDATION_COST, at the number of steps taken.
     * Must outlive the trainer. Default none
     */
    ae_event_writer *events;
    /**
     * A denoising autoencoder (Vincent et al. 2008, 2010): the network sees a spoilt row and is
     * trained to give the clean one. Noise is on the values that the network sees, in training
     * steps alone: validation and inference have none. In this order, each off by default:
     */
    float input_noise; /**< standard deviation of normal noise added to every feature, >= 0 */
    float input_mask;  /**< chance of a feature to be set to 0, in [0, 1) */
    /** dropout of inputs (Srivastava et al. 2014): as input_mask, but the features that stay are
     * scaled by 1 / (1 - input_dropout); in [0, 1) */
    float input_dropout;
} ae_trainer_options;

/** The report's names for its two curves. @since 0.1 */
#define AE_TAG_TRAIN_COST "autoencoder_model/training/train_cost"
#define AE_TAG_VALIDATION_COST "autoencoder_model/validation/val_cost"

/** Options in place: AE_TRAINER_OPTIONS(.epochs = 20). C only; C++ calls
 * ae_trainer_options_init. */
#define AE_TRAINER_OPTIONS(...) \
    (&(ae_trainer_options){.size = sizeof(ae_trainer_options), __VA_ARGS__})

/** Options with every default. NULL is ignored. Thread safety: safe. @since 0.1 */
AE_API void ae_trainer_options_init(ae_trainer_options *options);

/**
 * Prepare a run. All memory and threads of the run are made here.
 *
 * @param trainer receives the trainer, which the caller frees with ae_trainer_free; untouched on
 *         error
 * @param network trained in place; must outlive the trainer
 * @param optimizer taken for this network; its steps and moments start at zero unless they already
 *                  belong to a network of the same layout; must outlive the trainer
 * @param train_set rows as wide as the network's input; must outlive the trainer
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_SHAPE
 *         (widths differ, fewer than 2 rows with batch normalisation, fewer than a batch with
 * drop_last); AE_ERROR_DATA (a value outside [0, 1] when the output is a sigmoid, outside [-1, 1]
 * when it is tanh: row, column and value are named); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD Thread
 * safety: changes optimizer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_create(ae_trainer **trainer, ae_network *network,
                                              ae_optimizer *optimizer, const ae_dataset *train_set,
                                              const ae_trainer_options *options);

/** Free a trainer; NULL is allowed. Network, optimizer and datasets stay the caller's. @since
 * 0.1 */
AE_API void ae_trainer_free(ae_trainer *trainer);

/**
 * Train on the next batch; options.epochs is no limit here. At the end of an epoch the history gets
 * its entry, as in ae_trainer_run_epoch.
 *
 * @param cost NULL, or receives the batch's cost
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (trainer NULL); AE_ERROR_DIVERGED (the cost is not
 *         finite: network and optimizer are put back to the beginning of the epoch, or to where it
 * was resumed); AE_ERROR_CANCELLED (a callback stopped it after the step, or ae_trainer_cancel
 * before it); AE_ERROR_THREAD (the first step after a fork); AE_ERROR_STATE (the optimizer was
 * taken by another trainer); AE_ERROR_OUT_OF_MEMORY (the history could not grow); whatever writing
 * to options.events returns, the step being taken all the same
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run_step(ae_trainer *trainer, double *cost);

/**
 * Train to the end of the current epoch and evaluate the validation set.
 *
 * @param info NULL, or filled in; info->size must be set
 * @return as ae_trainer_run_step
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run_epoch(ae_trainer *trainer, ae_epoch_info *info);

/**
 * Train until options.epochs epochs are done, patience is used up, or something stops the run.
 * Stopping leaves a valid state: save it, resume it, or call this again to go on.
 *
 * @return AE_OK; AE_ERROR_DIVERGED; AE_ERROR_CANCELLED; and whatever writing a checkpoint returns
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run(ae_trainer *trainer);

/**
 * Ask the run to stop after the step under way, or before the next one. May be called from any
 * thread and from a signal handler. NULL is ignored.
 *
 * Thread safety: safe. @since 0.1
 */
AE_API void ae_trainer_cancel(ae_trainer *trainer);

/** Epochs completed. 0 for NULL. @since 0.1 */
AE_API uint64_t ae_trainer_epoch_count(const ae_trainer *trainer);

/** Steps taken. 0 for NULL. @since 0.1 */
AE_API uint64_t ae_trainer_step_count(const ae_trainer *trainer);

/** Steps in an epoch. 0 for NULL. @since 0.1 */
AE_API size_t ae_trainer_steps_per_epoch(const ae_trainer *trainer);

/** Threads at work. 0 for NULL. @since 0.1 */
AE_API size_t ae_trainer_thread_count(const ae_trainer *trainer);

/** Bytes of memory that the trainer holds beside its network, optimizer and datasets. 0 for NULL.
 * @since 0.1 */
AE_API size_t ae_trainer_memory(const ae_trainer *trainer);

/** Entries of the history: one for each completed epoch. 0 for NULL. @since 0.1 */
AE_API size_t ae_trainer_history_count(const ae_trainer *trainer);

/**
 * One entry of the history.
 *
 * @param index 0 to ae_trainer_history_count() - 1
 * @param info filled in; info->size must be set
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, size 0); AE_ERROR_NOT_FOUND (past the end)
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_get_epoch(const ae_trainer *trainer, size_t index,
                                                 ae_epoch_info *info);

/** How a history is written. @since 0.1 */
typedef enum ae_history_format {
    AE_HISTORY_CSV = 1, /**< a header line, then a line for each epoch */
    AE_HISTORY_JSONL =
        2 /**< a JSON object on a line for each epoch; a cost that is not a number is null */
} ae_history_format;

/**
 * Write the history, whole or not at all; numbers with a decimal point whatever the locale.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT; AE_ERROR_NOT_FOUND, AE_ERROR_NO_SPACE, AE_ERROR_IO;
 *         AE_ERROR_OUT_OF_MEMORY
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_save_history(const ae_trainer *trainer, const char *path,
                                                    ae_history_format format);

/**
 * Save the whole state of the run: network, optimizer, position in the epoch, history, best
 * weights. Same file format as a model, so ae_network_load opens it too. Atomic, as
 * ae_network_save.
 *
 * @return as ae_network_save
 * Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_save_checkpoint(const ae_trainer *trainer, const char *path);

/**
 * Take up a saved run where it stopped, bit for bit. The trainer must have been created as the
 * saved one was: same architecture, optimizer kind, batch, seed, shuffle, cost, noise and rows,
 * same scaling; epochs, threads, rate, schedule and callbacks may differ.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL); AE_ERROR_NOT_FOUND, AE_ERROR_IO;
 *         AE_ERROR_FORMAT (damaged, or not a checkpoint); AE_ERROR_SHAPE (of another run, saying
 *         what differs); AE_ERROR_UNSUPPORTED (a newer format version);
 *         AE_ERROR_STATE (the optimizer was taken by another trainer); AE_ERROR_OUT_OF_MEMORY;
 * network, optimizer and trainer are then unchanged Thread safety: uses trainer. @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_resume(ae_trainer *trainer, const char *path);

AE_END_DECLS

#endif
