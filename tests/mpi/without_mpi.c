/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What examples/mnist_mpi.c computes on built-in digits, without MPI and without a transport:
 * without_mpi ROWS EPOCHS MODEL, with 8 blocks of 100 rows. scripts/check-mpi compares the models.
 */
#include <libae/experimental.h>
#include <libae/libae.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS = 60000, VALIDATION_ROWS = 50 };

static void must(ae_status status)
{
    if (status == AE_OK)
        return;
    (void)fprintf(stderr, "without_mpi: %s\n", ae_last_error());
    exit(1);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    ae_dataset *digits = NULL, *validation = NULL, *rest = NULL, *training = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    must(ae_dataset_create_digits(&digits, DIGITS, 1));
    must(ae_dataset_split(&validation, &rest, digits, VALIDATION_ROWS));
    must(ae_dataset_view(&training, rest, 0, (size_t)atoi(arguments[1])));
    must(ae_network_create(&network, AE_NETWORK_OPTIONS(.seed = 1)));
    must(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.008f)));
    must(ae_trainer_create(
        &trainer, network, adam, training,
        AE_TRAINER_OPTIONS(.batch = 800, .batch_block = 100, .seed = 1,
                           .epochs = (uint64_t)atoi(arguments[2]), .validation = validation,
                           .shuffle = AE_SHUFFLE_AFTER_FIRST, .drop_last = AE_TOGGLE_ON)));
    must(ae_trainer_run(trainer));
    must(ae_network_save(network, arguments[3]));
    ae_trainer_free(trainer), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(training), ae_dataset_free(rest), ae_dataset_free(validation);
    ae_dataset_free(digits);
    return 0;
}
