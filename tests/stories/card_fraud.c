/* SPDX-License-Identifier: BSD-3-Clause */
/* 200,000 card payments in 30 columns of unlike units: train, score the last 60,000 in the units of
 * training (the default), count those over a threshold of 0.5 % false alarms. */
#include <libae/libae.h>
#include <stdio.h>

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != AE_OK) \
            goto cleanup;               \
    } while (0)

/* The test's scores in one unit, for the judge. */
static ae_status save(ae_session *session, const ae_dataset *test, const char *folder,
                      const char *name, ae_score_units units)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.npy", folder, name);
    return ae_session_save_npy(session, test, path,
                               AE_OUTPUT_OPTIONS(.output = AE_OUTPUT_SCORES, .units = units));
}

static int show(void *context, const ae_epoch_info *epoch)
{
    (void)context;
    printf("epoch %llu: cost %.4f\n", (unsigned long long)epoch->epoch, epoch->train_cost);
    return 0;
}

int main(int argc, char **argv)
{
    static const size_t widths[] = {30, 24, 8, 24, 30};
    char payments[4096];
    static unsigned char flags[60000];
    size_t flagged = 0;
    ae_dataset *all = NULL, *train = NULL, *held_out = NULL, *test = NULL;
    ae_network *network = NULL;
    ae_optimizer *optimizer = NULL;
    ae_trainer *trainer = NULL;
    ae_session *session = NULL;
    ae_status status = AE_OK;
    if (argc != 2)
        return 2;
    (void)snprintf(payments, sizeof payments, "%s/payments.npy", argv[1]);
    TRY(ae_dataset_open_npy(&all, payments, NULL));
    TRY(ae_dataset_view(&train, all, 0, 120000));
    TRY(ae_dataset_view(&held_out, all, 120000, 20000));
    TRY(ae_dataset_view(&test, all, 140000, 60000));
    TRY(ae_network_create(&network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5,
                                                       .hidden_activation = AE_ACTIVATION_TANH,
                                                       .output_activation = AE_ACTIVATION_LINEAR)));
    TRY(ae_network_fit_scaling(network, train, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    TRY(ae_optimizer_create_adam(&optimizer, NULL));
    TRY(ae_trainer_create(&trainer, network, optimizer, train,
                          AE_TRAINER_OPTIONS(.epochs = 10, .batch = 200, .on_epoch = show)));
    TRY(ae_trainer_run(trainer));
    TRY(ae_network_fit_threshold(network, held_out, AE_THRESHOLD_OPTIONS(.quantile = 0.995)));
    TRY(ae_session_create(&session, network, AE_SESSION_OPTIONS(.threads = 2)));
    TRY(save(session, test, argv[1], "scores", AE_SCORE_UNITS_DEFAULT));
    TRY(save(session, test, argv[1], "caller", AE_SCORE_UNITS_CALLER));
    TRY(ae_network_fit_error_spread(network, held_out, NULL));
    TRY(save(session, test, argv[1], "spread", AE_SCORE_UNITS_SPREAD));
    TRY(ae_session_detect_dataset(session, test, flags, NULL));
    for (size_t r = 0; r < sizeof flags; r++)
        flagged += flags[r];
    printf("%zu of 60000 payments flagged\n", flagged);
cleanup:
    if (status != AE_OK)
        fprintf(stderr, "card_fraud: %s\n", ae_last_error());
    ae_session_free(session);
    ae_trainer_free(trainer);
    ae_optimizer_free(optimizer);
    ae_network_free(network);
    ae_dataset_free(test);
    ae_dataset_free(held_out);
    ae_dataset_free(train);
    ae_dataset_free(all);
    return status != AE_OK;
}
