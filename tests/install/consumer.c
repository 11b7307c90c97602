/* SPDX-License-Identifier: BSD-3-Clause */
/* A program outside the tree: trains a small network on the built-in digits and uses it. */
#include <libae/experimental.h>
#include <libae/libae.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static int report(ae_status status)
{
    if (status != AE_OK)
        fprintf(stderr, "consumer: %s: %s\n", ae_status_name(status), ae_last_error());
    return status != AE_OK;
}

int main(void)
{
    const char *version = ae_version_string();
    if (strcmp(version, AE_VERSION_STRING) != 0 || ae_version_number() != AE_VERSION_NUMBER) {
        fprintf(stderr, "consumer: header %s, library %s\n", AE_VERSION_STRING, version);
        return 1;
    }
    static const size_t widths[] = {784, 48, 4, 48, 784};
    static float rows[3 * 784], codes[3 * 4];
    double first = NAN, last = NAN;
    ae_dataset *digits = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    ae_session *session = NULL;

    ae_status status = ae_dataset_create_digits(&digits, 400, 1);
    if (!status)
        status = ae_network_create(&network,
                                   AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5));
    if (!status)
        status = ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.01f));
    if (!status)
        status = ae_trainer_create(&trainer, network, adam, digits,
                                   AE_TRAINER_OPTIONS(.batch = 50, .epochs = 3));
    if (!status)
        status = ae_trainer_run_step(trainer, &first);
    if (!status)
        status = ae_trainer_run(trainer);
    if (!status)
        status = ae_trainer_run_step(trainer, &last);
    if (!status)
        status = ae_session_create(&session, network, NULL);
    if (!status)
        status = ae_dataset_read(digits, 0, 3, rows);
    if (!status)
        status = ae_session_encode(session, rows, 3, codes);

    int wrong = report(status);
    if (!wrong && !(last < first)) {
        fprintf(stderr, "consumer: the cost went from %g to %g\n", first, last);
        wrong = 1;
    }
    if (!wrong)
        printf("consumer: cost %.3f -> %.3f, first code %.3f %.3f %.3f %.3f\n", first, last,
               (double)codes[0], (double)codes[1], (double)codes[2], (double)codes[3]);
    ae_session_free(session), ae_trainer_free(trainer), ae_optimizer_free(adam);
    ae_network_free(network), ae_dataset_free(digits);
    return wrong;
}
