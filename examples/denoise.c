/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A denoising autoencoder: trained to give back clean digits from corrupted ones, beside the same
 * network trained without noise.
 *
 * --help lists the options. denoise.png shows digits, the same with noise, what the network makes
 * of those, and how far that is from the clean digit.
 */
#include <libae/libae.h>

#include "common/files.h"
#include "common/command_line.h"
#include "plot/grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAIN = 10000, TEST = 1000, PIXELS = 784, SHOWN = 10 };

static const float noise = 0.4f;

static ae_network *train(const ae_dataset *digits, size_t epochs, float input_noise)
{
    static const size_t widths[] = {PIXELS, 256, PIXELS};
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    check(ae_network_create(&network,
                            AE_NETWORK_OPTIONS(.widths = widths, .width_count = 3, .seed = 1)));
    check(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.003f)));
    check(ae_trainer_create(
        &trainer, network, adam, digits,
        AE_TRAINER_OPTIONS(.epochs = epochs, .seed = 1, .input_noise = input_noise)));
    check(ae_trainer_run(trainer));
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    return network;
}

/* Normal noise for the pictures: the sum of twelve uniform numbers is near enough to look at. */
static float draw_noise(uint64_t *state)
{
    float sum = -6;
    for (int i = 0; i < 12; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (float)(*state >> 40) * 0x1p-24f;
    }
    return noise * sum;
}

/* Distances of a network's answers to noisy digits from the clean ones; returns their mean. */
static double denoise(const ae_network *network, const float *noisy, const float *clean,
                      float *output, float *costs)
{
    ae_session *session = NULL;
    double mean = 0;
    check(ae_session_create(&session, network, NULL));
    check(ae_session_reconstruct(session, noisy, TEST, output));
    for (size_t r = 0; r < TEST; r++) {
        double squares = 0;
        for (size_t j = r * PIXELS; j < (r + 1) * PIXELS; j++)
            squares += ((double)output[j] - (double)clean[j]) *
                       ((double)output[j] - (double)clean[j]);
        costs[r] = (float)sqrt(squares);
        mean += sqrt(squares) / TEST;
    }
    ae_session_free(session);
    return mean;
}

typedef struct asked {
    const char *data, *out;
    size_t epochs;
} asked;

static asked parse(int argc, char **argv)
{
    asked a = {.out = ".", .epochs = 20};
    const program_option options[] = {
        {"data", "DIR", "folder of MNIST's files; else $AE_DATA_DIR, data/mnist or built-in digits",
         .text = &a.data},
        {"epochs", "N", "to train (20)", .number = &a.epochs, .least = 1, .most = 100000},
        {"out", "DIR", "folder for denoise.png (.)", .text = &a.out}};
    options_parse(&(program){.about = "Clean noisy digits by a denoising autoencoder.",
                             .options = options,
                             .option_count = sizeof options / sizeof *options},
                  argc, argv, NULL);
    return a;
}

int main(int argc, char **argv)
{
    const asked a = parse(argc, argv);
    float *clean = calloc(3 * TEST, PIXELS * sizeof *clean), costs[TEST];
    if (clean == NULL)
        fail("no memory");
    float *noisy = clean + TEST * PIXELS, *output = noisy + TEST * PIXELS;
    const image_sets found = images_load(a.data, TRAIN, false);
    ae_dataset *digits = NULL, *test = found.test;
    if (ae_dataset_feature_count(found.train) != PIXELS || ae_dataset_row_count(test) < TEST ||
        ae_dataset_row_count(found.train) < TRAIN)
        fail("images of 28 x 28 pixels are needed, %d to train and %d to test", TRAIN, TEST);
    check(ae_dataset_view(&digits, found.train, 0, TRAIN));
    check(ae_dataset_read(test, 0, TEST, clean));
    folder_prepare(a.out);
    uint64_t state = 1;
    for (size_t i = 0; i < TEST * PIXELS; i++)
        noisy[i] = clean[i] + draw_noise(&state);

    ae_network *plain = train(digits, a.epochs, 0), *denoiser = train(digits, a.epochs, noise);
    const double without = denoise(plain, noisy, clean, output, costs);
    const double with = denoise(denoiser, noisy, clean, output, costs);
    char subtitle[160];
    snprintf(subtitle, sizeof subtitle,
             "normal noise of standard deviation %.1f; mean distance from the clean digit %.2f, "
             "trained without noise %.2f",
             (double)noise, with, without);
    const pair_grid grid = {.title = "Digits, with noise, and cleaned by a denoising autoencoder",
                            .subtitle = subtitle,
                            .inputs = clean,
                            .corrupted = noisy,
                            .reconstructions = output,
                            .costs = costs,
                            .count = SHOWN,
                            .height = 28,
                            .width = 28};
    const bool drawn = grid_save(&grid, path_join(a.out, "denoise.png").text);
    printf("%s\nresult denoising=%.6f plain=%.6f data=%s\n", subtitle, with, without, found.word);
    ae_network_free(denoiser), ae_network_free(plain);
    ae_dataset_free(test), ae_dataset_free(digits), ae_dataset_free(found.train);
    free(clean);
    return drawn ? EXIT_SUCCESS : EXIT_FAILURE;
}
