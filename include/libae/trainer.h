/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIBAE_TRAINER_H
#define LIBAE_TRAINER_H

#include <libae/attributes.h>
#include <libae/dataset.h>
#include <libae/events.h>
#include <libae/network.h>
#include <libae/optimizer.h>
#include <libae/status.h>
#include <libae/transport.h>
#include <libae/types.h>
#include <stddef.h>
#include <stdint.h>

AE_BEGIN_DECLS

/**
 * A training run: a network, an optimizer, a training set and the order of its rows.
 *
 * The same seed and the same kernels give the same weights bit for bit, for any number of threads
 * and however often the run is saved and resumed.
 *
 * Where the network has a scaling, all costs of a run are of scaled values. The scaled training set
 * must lie within what the output's activation can reach (sigmoid, tanh, ReLU); a validation set
 * may go beyond.
 *
 * A trainer keeps its datasets alive: the caller may free them at once. Memory that a dataset was
 * given with `no_copy` must still stay as it is. Network, optimizer and event writer must outlive
 * the trainer.
 *
 * A program with an optimizer of its own creates the trainer without one. Each step then computes
 * the gradient and leaves the parameters alone; after ae_trainer_run_step, or in on_step, the
 * program reads the gradient (ae_trainer_get_gradient) and sets the parameters
 * (ae_network_set_tensor).
 *
 * Several ranks, each with a trainer of its own, share one run (options.transport). All have the
 * same network, optimizer, data and options, and get the weights, costs and checkpoints, bit for
 * bit, of one rank with the same `batch_block`. Each computes some blocks of every batch, reads
 * only their rows and keeps a part of the optimizer's moments. Threads, callbacks and events are
 * each rank's own. Calls that create, train, save or resume are collective: all ranks make them in
 * the same order. What stops one rank stops all after the same step, with the same status and a
 * text that names the rank. When ranks cannot reach each other any more, each puts its state back
 * to the beginning of the epoch and returns AE_ERROR_COMMUNICATION, now and ever after: go on from
 * the last checkpoint, with as many ranks as are left.
 *
 * Thread safety: one thread at a time, but for ae_trainer_cancel. While a call is under way the
 * network and the optimizer belong to the trainer.
 * @since 0.1
 */
typedef struct ae_trainer ae_trainer;

/**
 * What a step did.
 * @since 0.1
 */
typedef struct ae_step_info {
    size_t size;            /**< sizeof(ae_step_info) in the library that calls back */
    uint64_t step;          /**< steps taken in the run, this one included */
    uint64_t epoch;         /**< epoch of this step, from 1 */
    size_t epoch_step;      /**< step within the epoch, from 1 */
    size_t steps_per_epoch; /**< steps in an epoch */
    size_t rows;            /**< rows of the batch */
    double cost;            /**< cost of the batch before the update, with batch statistics */
    double learning_rate;   /**< rate used; 0 without an optimizer */
    /** global norm of the gradient before clipping; 0 unless clip_norm or keep_gradients is on, or
     * weights are tied */
    double gradient_norm;
    /** what code_l1, code_l2 and code_kl add to what training makes smaller; not in cost; 0 without
     * them */
    double penalty;
} ae_step_info;

/**
 * What an epoch did: an entry of the history.
 * @since 0.1
 */
typedef struct ae_epoch_info {
    /** sizeof(ae_epoch_info); set by the caller where the caller provides the struct */
    size_t size;
    uint64_t epoch;        /**< from 1 */
    uint64_t step;         /**< steps taken when it ended */
    double train_cost;     /**< mean of the batch costs, training mode */
    double train_cost_min; /**< least batch cost */
    double train_cost_max; /**< greatest batch cost */
    /** on the validation set, inference mode; NaN without one. Of scaled values where the network
     * has a scaling, as train_cost and the default of ae_network_evaluate */
    double validation_cost;
    double learning_rate; /**< of the last step */
    double seconds;       /**< wall time, validation included */
    uint64_t rows;        /**< rows trained on */
    int best;             /**< 1 when the cost improved on the best by more than min_delta */
    uint32_t reserved;    /**< 0 */
    double penalty;       /**< mean of the steps' penalties; not in train_cost */
} ae_epoch_info;

/**
 * Called after each step, in the thread that runs the trainer. It may read the network, get the
 * gradient and save the trainer; where the trainer has no optimizer it may set the network's
 * tensors. It must not run, resume or free the trainer. Of several ranks either all save the
 * trainer at the same step or none does; running statistics are complete when the run returns.
 *
 * @return 0 to go on; anything else stops the run with AE_ERROR_CANCELLED
 */
typedef int (*ae_step_callback)(void *user, const ae_step_info *info);

/**
 * Called after each epoch, in the thread that runs the trainer. It may read the network and save
 * the trainer, but must not run, resume or free it. Of several ranks either all save the trainer
 * after the same epoch or none does.
 *
 * @return 0 to go on; anything else stops the run with AE_ERROR_CANCELLED
 */
typedef int (*ae_epoch_callback)(void *user, const ae_epoch_info *info);

/**
 * How to train. Zero in any field but size means its default.
 * @since 0.1
 */
typedef struct ae_trainer_options {
    /** sizeof(ae_trainer_options); AE_TRAINER_OPTIONS fills it in */
    size_t size;
    /** rows of a batch, 2 (1 without batch normalisation) to 2^20; default 100 */
    size_t batch;
    /** epochs of ae_trainer_run, counted from the beginning of the run; default 20 */
    uint64_t epochs;
    /** seed of the shuffling and of the corruption */
    uint64_t seed;
    /** 1 to 1024; default: the processors this process may use. Does not change the result. */
    size_t threads;
    /** default AE_COST_L2 */
    ae_cost cost;
    /** default AE_SHUFFLE_EPOCH */
    ae_shuffle shuffle;
    /**
     * Leave out the rows that do not fill a last batch. Default off. With batch normalisation a
     * last batch of one row is always left out.
     */
    ae_toggle drop_last;
    /** scale gradients so that their global norm is at most this; default 0: off */
    float clip_norm;
    /** default AE_PRECISION_F32 */
    ae_precision precision;
    /**
     * At every exit of ae_trainer_run put back the weights of the best epoch: the one of least
     * validation cost, or training cost without a validation set. A checkpoint keeps the latest
     * weights too, and resuming goes on from those. Default off.
     */
    ae_toggle restore_best;
    /** evaluated after each epoch; default none */
    const ae_dataset *validation;
    /** ae_trainer_run stops after this many epochs without improvement; default 0: never */
    uint64_t patience;
    /** an improvement is more than this; default 0 */
    double min_delta;
    /** ae_trainer_run writes a checkpoint here; copied. Default none. */
    const char *checkpoint_path;
    /** after this many epochs, and whenever ae_trainer_run returns, also when cancelled; default
     * 1 */
    uint64_t checkpoint_every;
    /** default none */
    ae_step_callback on_step;
    /** default none */
    ae_epoch_callback on_epoch;
    /** passed to both callbacks */
    void *user;
    /**
     * An event file. It gets the cost of each step and, where there is a validation set, its cost
     * after each epoch, at the number of steps taken. After a resume or a divergence it also gets
     * where the run goes on, so that TensorBoard shows no step twice (ae_event_writer_resume). Must
     * outlive the trainer. Default none.
     */
    ae_event_writer *events;
    /** tag of the steps' costs, UTF-8, copied; default "train/cost" */
    const char *train_tag;
    /** tag of the validation costs, UTF-8, copied; default "validation/cost" */
    const char *validation_tag;
    /**
     * Denoising autoencoders (Vincent et al. 2008, 2010): the input is corrupted, the target is the
     * clean row. Corruption is applied to the scaled input, in training only. In this order, each
     * off by default: standard deviation of normal noise added to every feature, >= 0
     */
    float input_noise;
    /** chance that a feature is set to 0, in [0, 1) */
    float input_mask;
    /**
     * Dropout of inputs (Srivastava et al. 2014): as input_mask, but the remaining features are
     * scaled by 1 / (1 - input_dropout). In [0, 1).
     */
    float input_dropout;
    /** keep the gradient of each step for ae_trainer_get_gradient; default off */
    ae_toggle keep_gradients;
    /**
     * Penalties on the code h, which training makes smaller together with the cost; the costs that
     * are reported stay those of the reconstruction, and `penalty` is reported beside them. Each
     * off by default. This one adds code_l1 times the sum of |h| of a row, as a mean over the rows
     * of the batch, as Keras's activity_regularizer does: units of the code go to 0. >= 0.
     */
    float code_l1;
    /** the same with the sum of h^2: codes stay small; >= 0 */
    float code_l2;
    /**
     * Sparse autoencoders (Ng 2011, CS294A): adds code_kl times the sum over the units of the
     * Kullback-Leibler divergence between code_kl_target, t, and the unit's mean over the batch, m:
     * t log(t / m) + (1 - t) log((1 - t) / (1 - m)), m being kept 1e-7 away from 0 and 1. Needs a
     * sigmoid code. >= 0.
     */
    float code_kl;
    /** mean that a unit of the code is to have, in (0, 1); default 0.05; only with code_kl */
    float code_kl_target;
    /** tag of the steps' penalties in the event file, UTF-8, copied; default "train/penalty" */
    const char *penalty_tag;
    /** rows of a block of AE_SHUFFLE_BLOCKS, to 4294967295; default 256; 0 for other orders */
    size_t shuffle_block;
    /** blocks whose rows are mixed, to 4294967295; default 64; 0 for other orders */
    size_t shuffle_window;
    /**
     * Dropout between layers (Srivastava et al. 2014), in training only: the chance that a unit's
     * output is set to 0; the others are scaled by 1 / (1 - dropout). Of every layer but the code
     * and the last; a layer drops its units after its activation. In [0, 1); default 0: off.
     */
    float dropout;
    /**
     * Data that are cut into shards. Off, the default: all ranks of options.transport have all
     * rows, of which each reads its own part. On: the training set and the validation set of each
     * rank are its shard, of any number of rows, and the run's data are the shards of rank 0, of
     * rank 1 and so on. The run is the same as with all rows in one place: rows travel to the ranks
     * that compute with them. Row weights stand for the rows of all ranks, and fill values must be
     * there where a shard has missing values. One rank alone has all rows.
     */
    ae_toggle sharded_data;
    /** NULL, or one for each layer, which overrides dropout, the code's included; the last must be
     * 0. Copied. */
    const float *dropouts;
    size_t dropout_count; /**< entries of dropouts: 0, or the number of layers */
    /**
     * NULL, or a weight w_j for each feature in the cost, >= 0, not all 0. Copied. With d the
     * reconstruction minus the input, both in the network's units, a row costs sqrt(sum w_j d_j^2)
     * (L2), sum w_j d_j^2 (SSE), that / F (MSE) or the sum of w_j times the feature's cross-entropy
     * / F (BCE); F stays the number of features. The validation costs of the run have the same
     * weights. Scores, thresholds and ae_network_evaluate have none. Of a row with missing values
     * the sum is over those that are there, times the sum of all weights / the sum of theirs.
     */
    const float *feature_weights;
    size_t feature_weight_count; /**< entries of feature_weights: 0, or the features of a row */
    /**
     * NULL, or a weight v_r for each row of the training set, in its order, >= 0, not all 0.
     * Copied. The cost of a batch of n rows is sum v_r cost_r / n, as with Keras's sample_weight: a
     * weight of 2 counts a row twice, and what a row adds does not depend on the rows that share
     * its batch. Penalties, batch normalisation and validation costs do not see these weights;
     * validation_row_weights are the validation set's own.
     */
    const float *row_weights;
    size_t row_weight_count; /**< entries of row_weights: 0, or the rows of the training set */
    /**
     * Tag of the steps' learning rates in options.events, UTF-8, copied, such as
     * "train/learning_rate"; default none: they are not written.
     */
    const char *rate_tag;
    /**
     * NULL, or a weight for each row of the validation set, in its order, >= 0, not all 0. Copied.
     * The validation cost is then sum v_r cost_r / n, and the best epoch is chosen by that: where
     * rows of the training set have weights, a validation set drawn like it wants them too.
     * ae_network_evaluate has no weights.
     */
    const float *validation_row_weights;
    /** entries of validation_row_weights: 0, or the rows of the validation set */
    size_t validation_row_weight_count;
    /**
     * Rows of a block of the batch. Each block has batch statistics of its own ("ghost batch
     * normalization", Hoffer et al. 2017) and a gradient of its own; the blocks' gradients are
     * added in a fixed order. Large batches then train as small ones do, as far as batch
     * normalisation is concerned. Running statistics are blended once a step, with the mean and
     * variance of all rows. The last block of a batch may be shorter; with batch normalisation a
     * last block of one row joins the one before it. Default 0: the whole batch is one block.
     */
    size_t batch_block;
    /**
     * NULL, or how this rank reaches the others: all ranks of the transport then share the run
     * (ae_trainer). The struct is copied; what its functions use must outlive the trainer. There
     * are at most as many ranks as blocks in a full batch. Tied weights, keep_gradients and a
     * caller's own optimizer need one rank. One rank alone is the same as NULL.
     */
    const ae_transport *transport;
    /** seconds that a silent rank is waited for, >= 0; default 0: 300 */
    double patience_seconds;
    /**
     * Gradients are rounded to bfloat16 where the blocks of a batch have been added up to this many
     * parts, and added on in float32. As many ranks as parts send them in half the bytes, fewer
     * ranks send sums in float32: choose the greatest number of ranks that is foreseen. The result
     * depends on this number, but not on how many ranks there are. With AE_PRECISION_BF16 weights
     * travel rounded too, as the products read them: in on_step a rank then reads rounded weights
     * of what another rank owns. Default 0: float32.
     */
    size_t bf16_parts;
} ae_trainer_options;

/** Options in place: AE_TRAINER_OPTIONS(.epochs = 20). C only; C++ calls
 * ae_trainer_options_init. */
#define AE_TRAINER_OPTIONS(...) \
    (&(ae_trainer_options){.size = sizeof(ae_trainer_options), __VA_ARGS__})

/**
 * Options with every default. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_trainer_options_init(ae_trainer_options *options);

/**
 * Prepare a run. All memory and threads of the run are made here.
 *
 * Several ranks compare the release, the kernels, all options that decide a result, the network,
 * the optimizer (but for a schedule's callback), and the datasets by their size and 16 rows of
 * each, unless these are shards. All refuse the first difference, and what one of them refuses.
 * Where a rank's transport is refused the others wait for as long as their patience lasts.
 *
 * @param trainer receives the trainer, which the caller frees with ae_trainer_free; untouched on
 *         error
 * @param network trained in place; must outlive the trainer
 * @param optimizer attached to this network: its steps and moments start at zero unless they belong
 *                  to a network of the same layout already; must outlive the trainer. A rank's
 *                  part of the moments is good for runs of such ranks alone. NULL: none.
 *                  The trainer then computes gradients, as with keep_gradients, and the caller
 *                  changes the parameters. Running statistics are updated in both cases.
 * @param train_set rows as wide as the network's input
 * @param options NULL for the defaults
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, an option outside its range); AE_ERROR_SHAPE
 *         (columns differ: ae_network_check_dataset, fewer than 2 rows with batch normalisation,
 *         fewer than a batch with drop_last); AE_ERROR_DATA (a shard has missing values and the
 *         network no fill values; a value, scaled where the network has a scaling, that the
 *         output's activation cannot give: outside [0, 1] for sigmoid, outside [-1, 1] for tanh,
 *         below 0 for ReLU: row, column and value are named; rows that are not in memory are looked
 *         at when a step reads them); AE_ERROR_OUT_OF_MEMORY; AE_ERROR_THREAD; AE_ERROR_STATE (the
 *         optimizer has moments of a run of several ranks, unlike this one); of several ranks also
 *         AE_ERROR_INVALID_ARGUMENT (options that differ, more ranks than blocks, shards of which
 *         only some have validation rows), AE_ERROR_SHAPE (networks or data that differ),
 *         AE_ERROR_UNSUPPORTED (releases or kernels that differ: ae_transport_agree_kernels;
 *         something that needs one rank), AE_ERROR_COMMUNICATION
 * Thread safety: changes optimizer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_create(ae_trainer **trainer, ae_network *network,
                                              ae_optimizer *optimizer, const ae_dataset *train_set,
                                              const ae_trainer_options *options);

/**
 * Free a trainer; NULL is allowed. Network and optimizer stay the caller's.
 *
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_API void ae_trainer_free(ae_trainer *trainer);

/**
 * Train on the next batch; options.epochs and patience are no limit here: ask
 * ae_trainer_should_stop. The last step of an epoch adds an entry
 * to the history, as in ae_trainer_run_epoch.
 *
 * Several ranks wait here for the weights and exchange their running statistics at each return, so
 * ae_trainer_run_epoch and ae_trainer_run are faster. What stops one rank in this step, such as its
 * on_step, stops all with the next one.
 *
 * @param cost NULL, or receives the batch's cost
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (trainer NULL; a schedule's callback gave a rate that is
 *         negative or not finite); AE_ERROR_DIVERGED (the cost is not finite: network and optimizer
 *         are put back to the beginning of the epoch, or to where it was resumed);
 *         AE_ERROR_CANCELLED (a callback stopped it after the step, or ae_trainer_cancel before
 *         it); AE_ERROR_THREAD (the first step after a fork); AE_ERROR_STATE (another trainer has
 *         attached the optimizer to another network); AE_ERROR_OUT_OF_MEMORY (the history could not
 *         grow); AE_ERROR_DATA, AE_ERROR_IO and AE_ERROR_CANCELLED (a row of a file or a source
 *         that cannot be used, read or had: the step is not taken, and the next call tries again);
 *         whatever writing to options.events returns, the step being taken all the same;
 *         AE_ERROR_COMMUNICATION, then and ever after (several ranks: ae_trainer)
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run_step(ae_trainer *trainer, double *cost);

/**
 * Train to the end of the current epoch and evaluate the validation set.
 *
 * @param info NULL, or filled in; info->size must be set
 * @return as ae_trainer_run_step
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run_epoch(ae_trainer *trainer, ae_epoch_info *info);

/**
 * Train until options.epochs epochs are done, patience is used up, or something stops the run. A
 * stopped run is in a valid state: save it, resume it, or call this again to go on. A checkpoint
 * that could not be written is written by the next call.
 *
 * Of several ranks rank 0 writes the checkpoint; all have a checkpoint_path or none, and only rank
 * 0's is used.
 *
 * @return as ae_trainer_run_step; and whatever writing a checkpoint returns, on all ranks
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_run(ae_trainer *trainer);

/**
 * Whether ae_trainer_run would take no further step: options.epochs epochs are done, or patience is
 * used up. For loops over ae_trainer_run_step or ae_trainer_run_epoch, which ask nobody:
 *
 *     while (!s && !ae_trainer_should_stop(run)) s = ae_trainer_run_epoch(run, NULL);
 *     if (!s) s = ae_trainer_restore_best(run);
 *
 * @return 1 or 0; 1 for NULL
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API int ae_trainer_should_stop(const ae_trainer *trainer);

/**
 * Put the weights of the best epoch into the network, as ae_trainer_run does at its end. The next
 * step goes on from the latest ones. Several ranks all do this, or none.
 *
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (trainer NULL); AE_ERROR_NOT_SET (options.restore_best
 *         is off, or no epoch is done)
 * Thread safety: uses trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_restore_best(ae_trainer *trainer);

/**
 * Ask the run to stop after the step under way, or before the next one. May be called from any
 * thread and from a signal handler. NULL is ignored.
 *
 * Thread safety: safe.
 * @since 0.1
 */
AE_API void ae_trainer_cancel(ae_trainer *trainer);

/**
 * A trainable tensor's gradient in the last step: of the batch's cost, before clipping and without
 * weight decay. Names and shapes are those of ae_network_get_tensor. Two tied weights have one
 * gradient, that of the encoder's.
 *
 * @param values count floats
 * @param count elements of the tensor
 * @return AE_OK; AE_ERROR_INVALID_ARGUMENT (a NULL, running statistics, a tied decoder's weight);
 *         AE_ERROR_NOT_FOUND (no such tensor); AE_ERROR_SHAPE (another count); AE_ERROR_NOT_SET
 *         (keep_gradients is off, no step was taken yet, the last step failed)
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_CHECKED AE_API ae_status ae_trainer_get_gradient(const ae_trainer *trainer, const char *name,
                                                    float *values, size_t count);

/**
 * Epochs completed. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API uint64_t ae_trainer_epoch_count(const ae_trainer *trainer);

/**
 * Steps taken. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API uint64_t ae_trainer_step_count(const ae_trainer *trainer);

/**
 * Steps in an epoch. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API size_t ae_trainer_steps_per_epoch(const ae_trainer *trainer);

/**
 * Threads at work. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API size_t ae_trainer_thread_count(const ae_trainer *trainer);

/**
 * Bytes of memory of the trainer, without its network, optimizer and datasets. 0 for NULL.
 *
 * Thread safety: reads trainer.
 * @since 0.1
 */
AE_API size_t ae_trainer_memory(const ae_trainer *trainer);

AE_END_DECLS

#endif
