/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run keeps beside the network's weights: the best epoch's, a snapshot to return to, and the
 * gradient of the last step. */
#include "base/error.h"
#include "train/trainer_internal.h"

#include <string.h>

/* Whatever was known of the run before is void: the order of its epoch, the snapshot, where the
 * best weights lie. Events learn at the next step where the run goes on. The generation moves,
 * so that sessions look at the weights anew. */
void aei_trainer_resumed(ae_trainer *t)
{
    t->ahead.made = false;
    t->snapshot.taken = false;
    t->restored = false;
    t->checkpoint_behind = false;
    t->log_behind = true;
    if (t->ranks != NULL) {
        t->ranks->behind = false;
        t->ranks->stop = AE_OK;
    }
    t->network->generation++;
    aei_step_forget_gradient(t->step);
}

/* Either may be missing: SGD without momentum has no moments, and a trainer without restore_best
 * keeps no best weights. */
void aei_copy_floats(float *to, const float *from, size_t count)
{
    if (to != NULL && from != NULL)
        memcpy(to, from, count * sizeof *to);
}

/* Changed places element by element: three copies would need another array as large as the
 * network. */
static void swap_floats(float *a, float *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* The generation is raised first and then kept: the network holds the best weights for just as long
 * as nobody raises it further. */
static void swap_best(ae_trainer *t)
{
    swap_floats(t->network->parameters, t->best_parameters, t->network->parameter_floats);
    swap_floats(t->network->running, t->best_running, t->network->running_floats);
    t->network->generation++;
    t->restored = !t->restored;
    t->restored_generation = t->network->generation;
}

/* Put the best weights into the network; the latest go where those were, so nothing is lost. */
void aei_trainer_restore_best(ae_trainer *t)
{
    if (t->best_parameters != NULL && t->progress.best_epoch != 0 && !t->restored)
        swap_best(t);
}

/* Whether the network holds the best weights, unchanged since they were put there. The flag alone
 * would not do: between two runs somebody may have set tensors. */
static bool holds_best(const ae_trainer *t)
{
    return t->restored && t->restored_generation == t->network->generation;
}

/* If somebody has changed the network in between, those are the weights that training goes on
 * from; the best ones were what has been changed, so there are none until an epoch ends. */
void aei_trainer_use_latest(ae_trainer *t)
{
    if (holds_best(t))
        swap_best(t);
    else if (t->restored)
        t->progress.best_epoch = t->progress.stale_epochs = 0;
    t->restored = false;
}

/* Best and latest change places when the best are restored, so where each of the two lies
 * depends on what the network holds now. */
aei_weights aei_trainer_latest(const ae_trainer *t)
{
    if (holds_best(t))
        return (aei_weights){t->best_parameters, t->best_running};
    return (aei_weights){t->network->parameters, t->network->running};
}

aei_weights aei_trainer_best(const ae_trainer *t)
{
    const bool lost = t->restored && !holds_best(t);
    if (t->best_parameters == NULL || t->progress.best_epoch == 0 || lost)
        return (aei_weights){NULL, NULL};
    if (t->restored)
        return (aei_weights){t->network->parameters, t->network->running};
    return (aei_weights){t->best_parameters, t->best_running};
}

/* Remember the state at the beginning of an epoch: 45 MB for the report's network, some 10 ms of a
 * 3 s epoch. */
void aei_trainer_take_snapshot(ae_trainer *t)
{
    const ae_network *n = t->network;
    aei_copy_floats(t->snapshot.parameters, n->parameters, n->parameter_floats);
    aei_copy_floats(t->snapshot.running, n->running, n->running_floats);
    aei_copy_floats(t->snapshot.first, t->optimizer->first, t->share.floats);
    aei_copy_floats(t->snapshot.second, t->optimizer->second, t->share.floats);
    t->snapshot.optimizer_steps = t->optimizer->steps;
    t->snapshot.batches_tracked = n->batches_tracked;
    t->snapshot.progress = t->progress;
    t->snapshot.taken = true;
}

/* The order of rows stays: the snapshot is of the same epoch, and a function of seed and epoch
 * anyway. */
void aei_trainer_restore_snapshot(ae_trainer *t)
{
    ae_network *n = t->network;
    aei_copy_floats(n->parameters, t->snapshot.parameters, n->parameter_floats);
    aei_copy_floats(n->running, t->snapshot.running, n->running_floats);
    aei_copy_floats(t->optimizer->first, t->snapshot.first, t->share.floats);
    aei_copy_floats(t->optimizer->second, t->snapshot.second, t->share.floats);
    t->optimizer->steps = t->snapshot.optimizer_steps;
    n->batches_tracked = t->snapshot.batches_tracked;
    n->generation++;
    aei_step_forget_gradient(t->step);
    t->progress = t->snapshot.progress;
}

/* The epoch that has just ended is the best so far. */
void aei_trainer_keep_best(ae_trainer *t)
{
    aei_copy_floats(t->best_parameters, t->network->parameters, t->network->parameter_floats);
    aei_copy_floats(t->best_running, t->network->running, t->network->running_floats);
}

ae_status ae_trainer_get_gradient(const ae_trainer *trainer, const char *name, float *values,
                                  size_t count)
{
    AE_REQUIRE(trainer);
    AE_REQUIRE(name);
    AE_REQUIRE(values);
    const aei_tensor *tensor;
    AE_TRY(aei_network_find_tensor(&tensor, trainer->network, name, count));
    /* What can never have a gradient is refused before what only has none now: setting
     * keep_gradients would not help. */
    if (aei_tensor_is_parameter(tensor) && !tensor->trained)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT,
                        "%s is tied: its gradient is part of that of the encoder's weight", name);
    if (!tensor->trained)
        return aei_fail(AE_ERROR_INVALID_ARGUMENT, "%s is a running statistic: it has no gradient",
                        name);
    if (trainer->options.keep_gradients != AE_TOGGLE_ON)
        return aei_fail(AE_ERROR_NOT_SET, "no gradient: the trainer's keep_gradients is off");
    const float *block = aei_step_gradient(trainer->step);
    if (block == NULL)
        return aei_fail(AE_ERROR_NOT_SET, "no gradient: no step was taken, or the last one failed");
    aei_tensor_unpack(trainer->network, tensor, block, values);
    return AE_OK;
}
