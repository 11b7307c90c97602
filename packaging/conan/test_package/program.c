/* SPDX-License-Identifier: BSD-3-Clause */
/* Trains for an epoch, and says which version did it. Its rows are sines. */
#include <libae/libae.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 300, WIDTH = 32 };

static int train(ae_network *network, ae_optimizer *adam, const ae_dataset *rows)
{
    ae_trainer *trainer = NULL;
    ae_status status = ae_trainer_create(&trainer, network, adam, rows,
                                         AE_TRAINER_OPTIONS(.epochs = 1));
    if (status == AE_OK)
        status = ae_trainer_run(trainer);
    ae_trainer_free(trainer);
    return status == AE_OK;
}

int main(void)
{
    static float values[ROWS * WIDTH];
    for (int i = 0; i < ROWS * WIDTH; i++)
        values[i] = sinf((float)(i % WIDTH) * 0.2f + (float)(i / WIDTH));
    const size_t widths[] = {WIDTH, 16, 2, 16, WIDTH};
    ae_dataset *rows = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    const int ok = ae_dataset_create_f32(&rows, values, ROWS, WIDTH, NULL) == AE_OK &&
                   ae_network_create(
                       &network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5,
                                                    .output_activation = AE_ACTIVATION_LINEAR)) ==
                       AE_OK &&
                   ae_optimizer_create_adam(&adam, NULL) == AE_OK && train(network, adam, rows);
    printf("libae %s: %s\n", ae_version_string(), ok ? "trained" : ae_last_error());
    ae_optimizer_free(adam);
    ae_network_free(network);
    ae_dataset_free(rows);
    return ok ? 0 : 1;
}
