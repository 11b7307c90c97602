/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Find what does not belong: train on images of one class alone, fit a threshold on images of that
 * class which were held back, then score a test set of all classes. --help lists the options.
 */
#include <libae/libae.h>

#include "common/files.h"
#include "common/command_line.h"
#include "plot/histogram.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRAIN_DIGITS = 20000, MOST_CLASSES = 256 };

typedef struct asked {
    const char *data, *out;
    size_t label, epochs;
} asked;

static asked parse(int argc, char **argv)
{
    asked a = {.out = ".", .epochs = 60};
    const program_option options[] = {
        {"data", "DIR",
         "folder of the four files of MNIST or Fashion-MNIST (Debian: dataset-fashion-mnist); else "
         "$AE_DATA_DIR, data/mnist or built-in digits",
         .text = &a.data},
        {"class", "N", "the class that is normal (0)", .number = &a.label, .most = 255},
        {"epochs", "N", "to train (60)", .number = &a.epochs, .least = 1, .most = 100000},
        {"out", "DIR", "folder for anomaly.png and anomaly.safetensors (.)", .text = &a.out}};
    options_parse(&(program){.about = "Train on one class of images, find those of the others.",
                             .options = options,
                             .option_count = sizeof options / sizeof *options},
                  argc, argv, NULL);
    return a;
}

/* The rows of the class, or all the others. */
static ae_dataset *pick(const ae_dataset *all, size_t label, bool of_class)
{
    int32_t labels[MOST_CLASSES];
    size_t count = 0;
    ae_dataset *picked = NULL;
    for (int32_t l = 0; l < MOST_CLASSES; l++)
        if (((size_t)l == label) == of_class)
            labels[count++] = l;
    check(ae_dataset_select_labels(&picked, all, labels, count));
    return picked;
}

/* Batch normalisation would make much of features that hardly vary among the normal rows. */
static ae_network *train(const ae_dataset *normal, size_t epochs)
{
    static const size_t widths[] = {784, 128, 16, 128, 784};
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *trainer = NULL;
    check(ae_network_create(&network,
                            AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5, .seed = 1,
                                               .hidden_activation = AE_ACTIVATION_TANH,
                                               .batch_norm = AE_TOGGLE_OFF)));
    check(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.001f)));
    check(ae_trainer_create(&trainer, network, adam, normal,
                            AE_TRAINER_OPTIONS(.epochs = epochs, .batch = 50)));
    check(ae_trainer_run(trainer));
    ae_trainer_free(trainer), ae_optimizer_free(adam);
    return network;
}

/* Scores of a dataset, which the caller frees, and how many of them are over the threshold. */
static float *judge(const ae_network *network, const ae_dataset *dataset, size_t *flagged)
{
    const size_t rows = ae_dataset_row_count(dataset), features = ae_dataset_feature_count(dataset);
    float *values = calloc(rows, features * sizeof *values), *scores = calloc(rows, sizeof *scores);
    unsigned char *flags = calloc(rows, 1);
    ae_session *session = NULL;
    if (values == NULL || scores == NULL || flags == NULL)
        fail("no memory");
    check(ae_dataset_read(dataset, 0, rows, values));
    check(ae_session_create(&session, network, NULL));
    check(ae_session_detect(session, values, rows, flags, scores));
    *flagged = 0;
    for (size_t i = 0; i < rows; i++)
        *flagged += flags[i];
    ae_session_free(session);
    free(flags), free(values);
    return scores;
}

/* The area under the ROC curve: how often an anomaly scores above a normal row, ties half. */
static double area(const float *normal, size_t normals, const float *other, size_t others)
{
    double wins = 0;
    for (size_t i = 0; i < normals; i++)
        for (size_t j = 0; j < others; j++)
            wins += other[j] > normal[i] ? 1 : other[j] == normal[i] ? 0.5 : 0;
    return wins / (double)normals / (double)others;
}

int main(int argc, char **argv)
{
    const asked a = parse(argc, argv);
    const image_sets found = images_load(a.data, TRAIN_DIGITS, false);
    ae_dataset *normal = pick(found.train, a.label, true), *known = NULL, *held_out = NULL;
    ae_dataset *sets[2] = {pick(found.test, a.label, true), pick(found.test, a.label, false)};
    check(ae_dataset_split(&known, &held_out, normal, ae_dataset_row_count(normal) * 4 / 5));
    folder_prepare(a.out);

    ae_network *network = train(known, a.epochs);
    ae_threshold threshold = {.size = sizeof threshold};
    check(ae_network_fit_threshold(network, held_out, AE_THRESHOLD_OPTIONS(.quantile = 0.99)));
    check(ae_network_get_threshold(network, &threshold));
    check(ae_network_save(network,
                          path_join(a.out, "anomaly.safetensors").text)); /* threshold included */

    size_t flagged[2], counts[2] = {ae_dataset_row_count(sets[0]), ae_dataset_row_count(sets[1])};
    float *scores[2] = {judge(network, sets[0], &flagged[0]), judge(network, sets[1], &flagged[1])};
    const double auc = area(scores[0], counts[0], scores[1], counts[1]);
    char title[96], subtitle[128], names[2][32];
    snprintf(title, sizeof title, "Trained on class %zu of %s: what is unlike it?", a.label,
             found.name);
    snprintf(subtitle, sizeof subtitle,
             "ROC AUC %.4f; flagged: %.1f %% of class %zu, %.1f %% of the others", auc,
             100 * (double)flagged[0] / (double)counts[0], a.label,
             100 * (double)flagged[1] / (double)counts[1]);
    snprintf(names[0], sizeof names[0], "class %zu", a.label);
    snprintf(names[1], sizeof names[1], "other classes");
    printf("threshold %.3f, fitted on %zu held-out rows\n%s\n", threshold.value,
           ae_dataset_row_count(held_out), subtitle);
    const histogram picture = {.title = title,
                               .subtitle = subtitle,
                               .x_label = "score: L2 norm of the error",
                               .names = {names[0], names[1]},
                               .values = {scores[0], scores[1]},
                               .counts = {counts[0], counts[1]},
                               .threshold = threshold.value};
    const bool drawn = histogram_save(&picture, path_join(a.out, "anomaly.png").text);
    printf("result auc=%.6f normal=%.6f others=%.6f data=%s\n", auc,
           (double)flagged[0] / (double)counts[0], (double)flagged[1] / (double)counts[1],
           found.word);
    for (int i = 0; i < 2; i++)
        free(scores[i]), ae_dataset_free(sets[i]);
    ae_network_free(network);
    ae_dataset_free(held_out), ae_dataset_free(known), ae_dataset_free(normal);
    ae_dataset_free(found.test), ae_dataset_free(found.train);
    return drawn ? EXIT_SUCCESS : EXIT_FAILURE;
}
