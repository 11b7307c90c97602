/* SPDX-License-Identifier: BSD-3-Clause */
/* Train on rows in memory, reconstruct one: eight sensors follow one hidden quantity, the code. */
#include <libae/libae.h>

#include "common/command_line.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 1000, SENSORS = 8 };
static const size_t widths[] = {SENSORS, 16, 1, 16, SENSORS};

int main(int argc, char **argv)
{
    options_parse(&(program){.about = "Train on rows in memory, reconstruct one."}, argc, argv,
                  NULL);
    static float rows[ROWS][SENSORS];
    float back[SENSORS], code, error;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < SENSORS; j++)
            rows[i][j] = 0.5f + 0.4f * sinf(0.003f * (float)i + 0.4f * (float)j);

    ae_dataset *data = NULL;
    ae_network *net = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    ae_session *session = NULL;
    check(ae_dataset_create_f32(&data, rows[0], ROWS, SENSORS, NULL));
    check(ae_network_create(&net, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5)));
    check(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.01f)));
    check(
        ae_trainer_create(&run, net, adam, data, AE_TRAINER_OPTIONS(.epochs = 200, .batch = 100)));
    check(ae_trainer_run(run));

    check(ae_session_create(&session, net, NULL));
    check(ae_session_encode(session, rows[500], 1, &code));
    check(ae_session_reconstruct(session, rows[500], 1, back));
    check(ae_session_score(session, rows[500], 1, &error, NULL, NULL));
    printf("code %.3f, error %.3f (L2 norm)\n", (double)code, (double)error);
    printf("sensor 7: %.3f, reconstructed %.3f\n", (double)rows[500][7], (double)back[7]);
    ae_session_free(session), ae_trainer_free(run), ae_optimizer_free(adam);
    ae_network_free(net), ae_dataset_free(data);
}
