/* SPDX-License-Identifier: BSD-3-Clause */
/* A pump's log: timestamps, 24 sensors of unlike units, holes. Learn from it, then watch. */
#include <libae/libae.h>
#include <stdio.h>

enum { SENSORS = 24, NAMED = 3 };

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != AE_OK) \
            goto cleanup;               \
    } while (0)

/* One row as it comes: above the threshold its number and the sensors to look at first. */
static ae_status watch(ae_session *session, const ae_network *network, const float *row,
                       size_t number)
{
    unsigned char alarm;
    float score, contributions[SENSORS];
    size_t first[NAMED];
    ae_status status = ae_session_detect(session, row, 1, &alarm, &score);
    if (status == AE_OK && alarm)
        status = ae_session_score(session, row, 1, &score, contributions, NULL);
    if (status != AE_OK || !alarm)
        return status;
    status = ae_contributions_top(contributions, SENSORS, NAMED, first);
    printf("%zu", number);
    for (size_t i = 0; i < NAMED && status == AE_OK; i++)
        printf(",%s", ae_network_column_name(network, first[i]));
    putchar('\n');
    return status;
}

int main(int argc, char **argv)
{
    static const size_t widths[] = {SENSORS, 16, 6, 16, SENSORS};
    const ae_csv_options *csv = AE_CSV_OPTIONS(.missing = AE_MISSING_KEEP,
                                               .numeric_only = AE_TOGGLE_ON);
    char path[4096];
    ae_dataset *all = NULL, *train = NULL, *held_out = NULL, *stream = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    ae_session *session = NULL;
    float row[SENSORS];
    ae_status status = AE_OK;
    if (argc != 2)
        return 2;
    (void)snprintf(path, sizeof path, "%s/log.csv", argv[1]);
    TRY(ae_dataset_open_csv(&all, path, csv));
    TRY(ae_dataset_split(&train, &held_out, all, ae_dataset_row_count(all) * 4 / 5));
    TRY(ae_network_create(&network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5,
                                                       .hidden_activation = AE_ACTIVATION_TANH,
                                                       .output_activation = AE_ACTIVATION_LINEAR)));
    TRY(ae_network_fit_scaling(network, train, AE_SCALING_OPTIONS(.kind = AE_SCALING_Z_SCORE)));
    TRY(ae_optimizer_create_adam(&adam, NULL));
    TRY(ae_trainer_create(&trainer, network, adam, train, AE_TRAINER_OPTIONS(.epochs = 30)));
    TRY(ae_trainer_run(trainer));
    TRY(ae_network_fit_threshold(network, held_out, AE_THRESHOLD_OPTIONS(.quantile = 0.999)));
    TRY(ae_session_create(&session, network, AE_SESSION_OPTIONS(.max_batch = 1)));
    (void)snprintf(path, sizeof path, "%s/live.csv", argv[1]);
    TRY(ae_dataset_open_csv(&stream, path, csv));
    (void)snprintf(path, sizeof path, "%s/alarms.csv", argv[1]);
    if (freopen(path, "w", stdout) == NULL)
        goto cleanup;
    for (size_t r = 0; r < ae_dataset_row_count(stream); r++) {
        TRY(ae_dataset_read(stream, r, 1, row));
        TRY(watch(session, network, row, r));
    }
cleanup:
    if (status != AE_OK)
        fprintf(stderr, "pump_sensors: %s\n", ae_last_error());
    ae_session_free(session), ae_trainer_free(trainer), ae_optimizer_free(adam),
        ae_network_free(network);
    ae_dataset_free(stream), ae_dataset_free(held_out), ae_dataset_free(train),
        ae_dataset_free(all);
    return status != AE_OK;
}
