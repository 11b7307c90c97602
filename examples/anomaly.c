/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Find what does not belong: train on images of one class alone, fit a threshold on images of that
 * class which were held back, then score a test set of all classes.
 *
 *     anomaly [OUT [DIR [CLASS]]]
 *
 * DIR has the four files of MNIST or Fashion-MNIST as .gz (Debian: dataset-fashion-mnist); without
 * it, or with "", these are built-in digits. OUT (.) receives anomaly.png and anomaly.safetensors.
 */
#include <libae/experimental.h>
#include <libae/libae.h>

#include "common/check.h"
#include "common/files.h"
#include "plot/histogram.h"

#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 60 };

static ae_dataset *load(const char *folder, const char *part, size_t rows, uint64_t seed)
{
    ae_dataset *images = NULL, *labelled = NULL;
    char name[64];
    if (*folder == '\0') {
        check(ae_dataset_create_digits(&images, rows, seed));
        return images;
    }
    snprintf(name, sizeof name, "%s-images-idx3-ubyte.gz", part);
    check(ae_dataset_open_idx(&images, path_join(folder, name).text, NULL));
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte.gz", part);
    check(ae_dataset_open_idx_labels(&labelled, images, path_join(folder, name).text));
    ae_dataset_free(images);
    return labelled;
}

/* The rows of the class, or all the others. */
static ae_dataset *pick(const ae_dataset *all, int label, bool of_class)
{
    size_t count = 0, *rows = calloc(ae_dataset_row_count(all), sizeof *rows);
    ae_dataset *picked = NULL;
    if (rows == NULL)
        fail("no memory");
    for (size_t i = 0; i < ae_dataset_row_count(all); i++)
        if ((ae_dataset_label(all, i) == label) == of_class)
            rows[count++] = i;
    check(ae_dataset_select(&picked, all, rows, count));
    free(rows);
    return picked;
}

/* Batch normalisation would make much of features that hardly vary among the normal rows. */
static ae_network *train(const ae_dataset *normal)
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
                            AE_TRAINER_OPTIONS(.epochs = EPOCHS, .batch = 50)));
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
    const char *out = argc > 1 ? argv[1] : ".", *folder = argc > 2 ? argv[2] : "";
    const int label = argc > 3 ? atoi(argv[3]) : 0;
    ae_dataset *all = load(folder, "train", 20000, 1), *test = load(folder, "t10k", 5000, 2);
    ae_dataset *normal = pick(all, label, true), *known = NULL, *held_out = NULL;
    ae_dataset *sets[2] = {pick(test, label, true), pick(test, label, false)};
    check(ae_dataset_split(&known, &held_out, normal, ae_dataset_row_count(normal) * 4 / 5));
    folder_prepare(out);

    ae_network *network = train(known);
    ae_threshold threshold = {.size = sizeof threshold};
    check(ae_network_fit_threshold(network, held_out, AE_THRESHOLD_OPTIONS(.quantile = 0.99)));
    check(ae_network_get_threshold(network, &threshold));
    check(ae_network_save(network,
                          path_join(out, "anomaly.safetensors").text)); /* threshold included */

    size_t flagged[2], counts[2] = {ae_dataset_row_count(sets[0]), ae_dataset_row_count(sets[1])};
    float *scores[2] = {judge(network, sets[0], &flagged[0]), judge(network, sets[1], &flagged[1])};
    const double auc = area(scores[0], counts[0], scores[1], counts[1]);
    char title[64], subtitle[128];
    snprintf(title, sizeof title, "Trained on class %d: what is unlike it?", label);
    snprintf(subtitle, sizeof subtitle,
             "ROC AUC %.3f; flagged: %.1f %% of class %d, %.1f %% of the others", auc,
             100 * (double)flagged[0] / (double)counts[0], label,
             100 * (double)flagged[1] / (double)counts[1]);
    printf("threshold %.3f, fitted on %zu held-out rows\n%s\n", threshold.value,
           ae_dataset_row_count(held_out), subtitle);
    const histogram picture = {.title = title,
                               .subtitle = subtitle,
                               .x_label = "score: L2 norm of the error",
                               .names = {"the class", "others"},
                               .values = {scores[0], scores[1]},
                               .counts = {counts[0], counts[1]},
                               .threshold = threshold.value};
    const bool drawn = histogram_save(&picture, path_join(out, "anomaly.png").text);
    printf("result auc=%.6f normal=%.6f others=%.6f\n", auc, (double)flagged[0] / (double)counts[0],
           (double)flagged[1] / (double)counts[1]);
    for (int i = 0; i < 2; i++)
        free(scores[i]), ae_dataset_free(sets[i]);
    ae_network_free(network);
    ae_dataset_free(held_out), ae_dataset_free(known), ae_dataset_free(normal);
    ae_dataset_free(test), ae_dataset_free(all);
    return drawn ? EXIT_SUCCESS : EXIT_FAILURE;
}
