/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a code holds: the test images' codes as points, coloured by digit, beside what the decoder
 * makes of the same places. Wider codes lie on the plane that keeps most of their variance.
 */
#include <libae/libae.h>

#include "common/files.h"
#include "common/command_line.h"
#include "plot/map.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRAIN_DIGITS = 20000, MOST_IMAGES = 10000, TILES = MAP_TILES * MAP_TILES };

typedef struct latent {
    const char *model, *data_folder, *out, *data, *word; /* the images' names */
    size_t epochs, code;
    ae_dataset *train, *test;
    ae_network *network;
} latent;

/* A finished model, or a short run of the report's network. */
static void get_network(latent *l)
{
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    if (l->model != NULL) {
        check(ae_network_load(&l->network, l->model, NULL));
        return;
    }
    check(ae_network_create(&l->network, AE_NETWORK_OPTIONS(.code_width = l->code)));
    check(ae_optimizer_create_adam(&adam, AE_ADAM_OPTIONS(.learning_rate = 0.003f)));
    check(ae_trainer_create(&run, l->network, adam, l->train,
                            AE_TRAINER_OPTIONS(.epochs = l->epochs, .batch = 100)));
    check(ae_trainer_run(run));
    ae_trainer_free(run), ae_optimizer_free(adam);
}

/* Each tile is decoded from the code at its middle, kept to the range of its activation. */
static float *decode_tiles(const latent *l, const map *m, const plane *p)
{
    const size_t width = p->width;
    ae_layer_info code = {.size = sizeof code};
    check(ae_network_get_layer(l->network, ae_network_encoder_layer_count(l->network) - 1, &code));
    const ae_activation kind = code.activation;
    const float least = kind == AE_ACTIVATION_TANH                                    ? -1.0f
                        : kind == AE_ACTIVATION_SIGMOID || kind == AE_ACTIVATION_RELU ? 0.0f
                                                                                      : -1e30f;
    const float most = kind == AE_ACTIVATION_TANH || kind == AE_ACTIVATION_SIGMOID ? 1.0f : 1e30f;
    float *codes = calloc(TILES * width, sizeof *codes);
    float *images = calloc(TILES * ae_network_input_width(l->network), sizeof *images);
    ae_session *session = NULL;
    if (codes == NULL || images == NULL)
        fail("no memory for the images");
    for (size_t t = 0; t < TILES; t++) {
        double at[2];
        map_place(m, t / MAP_TILES, t % MAP_TILES, at);
        plane_point(p, at, codes + t * width);
        for (float *c = codes + t * width; c < codes + (t + 1) * width; c++)
            *c = *c < least ? least : *c > most ? most : *c;
    }
    check(ae_session_create(&session, l->network, NULL));
    check(ae_session_decode(session, codes, TILES, images));
    ae_session_free(session), free(codes);
    return images;
}

static bool draw(const latent *l, const float *codes, const int *labels, size_t n, const plane *p)
{
    static double points[MOST_IMAGES][2];
    char names[2][100], title[200];
    for (size_t i = 0; i < n; i++)
        plane_project(p, codes + i * p->width, points[i]);
    for (size_t a = 0; a < 2; a++)
        snprintf(names[a], sizeof names[a], "principal component %zu: %.0f %% of the variance",
                 a + 1, 100 * p->shares[a]);
    snprintf(title, sizeof title, "What %zu numbers hold of an image: %s, %zu,%03zu test images",
             p->width, l->data, n / 1000, n % 1000);
    map m = {.title = title,
             .subtitle = "0 is the mean code; the outermost 1 % at each end lies outside.",
             .axis_names = {names[0], names[1]},
             .points = (const double(*)[2])points,
             .labels = labels,
             .count = n,
             .height = ae_dataset_image_height(l->test),
             .width = ae_dataset_image_width(l->test)};
    map_fit(&m);
    float *images = decode_tiles(l, &m, p);
    m.images = images;
    const bool saved = map_save(&m, l->out);
    return free(images), saved;
}

static latent parse(int argc, char **argv)
{
    latent l = {.out = "latent.png", .epochs = 5, .code = 4};
    const program_option options[] = {
        {"model", "FILE", "a finished model; else one is trained", .text = &l.model},
        {"data", "DIR", "folder of MNIST's files; else $AE_DATA_DIR", .text = &l.data_folder},
        {"epochs", "N", "to train (5)", .number = &l.epochs, .least = 1, .most = 100000},
        {"code", "N", "width of the code (4)", .number = &l.code, .least = 2, .most = PLANE_WIDEST},
        {"out", "FILE", "the picture (latent.png)", .text = &l.out}};
    options_parse(&(program){.about = "Draw what a code holds: the codes of test images as a map.",
                             .options = options,
                             .option_count = sizeof options / sizeof *options},
                  argc, argv, NULL);
    return l;
}

int main(int argc, char **argv)
{
    static int labels[MOST_IMAGES];
    latent l = parse(argc, argv);
    const image_sets found = images_load(l.data_folder, TRAIN_DIGITS, true);
    l.train = found.train, l.test = found.test, l.data = found.name, l.word = found.word;
    get_network(&l);
    const size_t rows = ae_dataset_row_count(l.test), features = ae_dataset_feature_count(l.test);
    const size_t count = rows < MOST_IMAGES ? rows : MOST_IMAGES;
    const size_t width = ae_network_code_width(l.network);
    if (features != ae_network_input_width(l.network) || width < 2 || width > PLANE_WIDEST)
        fail("a model of %zu inputs and 2 to %d code features is needed", features, PLANE_WIDEST);
    float *inputs = calloc(count * (features + width), sizeof *inputs);
    ae_session *session = NULL;
    if (inputs == NULL)
        fail("no memory for %zu images", count);
    float *codes = inputs + count * features;
    check(ae_dataset_read(l.test, 0, count, inputs));
    check(ae_session_create(&session, l.network, NULL));
    check(ae_session_encode(session, inputs, count, codes));
    for (size_t i = 0; i < count; i++)
        labels[i] = ae_dataset_label(l.test, i);
    const plane p = plane_fit(codes, count, width);
    printf("images=%zu code=%zu plane=%.3f neighbours=%.3f data=%s\n", count, width,
           p.shares[0] + p.shares[1], neighbours_agree(codes, labels, count, width), l.word);
    const bool saved = draw(&l, codes, labels, count, &p);
    ae_session_free(session), ae_network_free(l.network);
    ae_dataset_free(l.train), ae_dataset_free(l.test), free(inputs);
    return saved ? EXIT_SUCCESS : EXIT_FAILURE;
}
