/* SPDX-License-Identifier: BSD-3-Clause */
/* 200,000 card payments in 30 columns of unlike units: train, score the last 60,000. */
#include <libae/libae.h>
#include <stdio.h>

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != AE_OK) \
            goto cleanup;               \
    } while (0)

static int show(void *context, const ae_epoch_info *epoch)
{
    (void)context;
    printf("epoch %llu: cost %.4f\n", (unsigned long long)epoch->epoch, epoch->train_cost);
    return 0;
}

int main(int argc, char **argv)
{
    static const size_t widths[] = {30, 24, 8, 24, 30};
    char payments[4096], scores[4096];
    ae_dataset *all = NULL, *train = NULL, *test = NULL;
    ae_network *network = NULL;
    ae_optimizer *optimizer = NULL;
    ae_trainer *trainer = NULL;
    ae_session *session = NULL;
    ae_status status = AE_OK;
    if (argc != 2)
        return 2;
    (void)snprintf(payments, sizeof payments, "%s/payments.npy", argv[1]);
    (void)snprintf(scores, sizeof scores, "%s/scores.npy", argv[1]);
    TRY(ae_dataset_open_npy(&all, payments, NULL));
    TRY(ae_dataset_view(&train, all, 0, 120000));
    TRY(ae_dataset_view(&test, all, 140000, 60000));
    TRY(ae_network_create(&network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5,
                                                       .hidden_activation = AE_ACTIVATION_TANH,
                                                       .output_activation = AE_ACTIVATION_LINEAR)));
    TRY(ae_network_fit_scaling(network, train, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    TRY(ae_optimizer_create_adam(&optimizer, NULL));
    TRY(ae_trainer_create(&trainer, network, optimizer, train,
                          AE_TRAINER_OPTIONS(.epochs = 10, .batch = 200, .on_epoch = show)));
    TRY(ae_trainer_run(trainer));
    TRY(ae_session_create(&session, network, AE_SESSION_OPTIONS(.threads = 2)));
    TRY(ae_session_save_npy(session, test, scores, AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES)));
cleanup:
    if (status != AE_OK)
        fprintf(stderr, "card_fraud: %s\n", ae_last_error());
    ae_session_free(session);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(test);
    ae_dataset_free(train);
    ae_dataset_free(all);
    return status != AE_OK;
}
