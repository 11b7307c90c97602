/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a machine that has no Check: trains, saves, loads, resumes and computes with each kind of
 * kernels, by the public API alone, and prints what must be so. Exit status 0: all is well.
 *
 *     smoke FOLDER
 */
#include <libae/experimental.h>
#include <libae/libae.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, ae_last_error()); \
            exit(EXIT_FAILURE);                                                                  \
        }                                                                                        \
    } while (0)

enum { ROWS = 200, EPOCHS = 4, WIDTH = 784 };

static char path[3][512];

typedef struct run {
    ae_network *network;
    ae_optimizer *adam;
    ae_trainer *trainer;
} run;

static run begin(const ae_dataset *digits, const char *kernels, size_t threads)
{
    run r = {NULL, NULL, NULL};
    const size_t widths[] = {WIDTH, 64, 4, 64, WIDTH};
    CHECK(ae_network_create(&r.network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5,
                                                           .kernels = kernels)) == AE_OK);
    CHECK(ae_optimizer_create_adam(&r.adam, NULL) == AE_OK);
    CHECK(ae_trainer_create(
              &r.trainer, r.network, r.adam, digits,
              AE_TRAINER_OPTIONS(.batch = 50, .epochs = EPOCHS, .threads = threads)) == AE_OK);
    return r;
}

static void end(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->adam);
    ae_network_free(r->network);
}

static int same_file(const char *a, const char *b)
{
    FILE *files[2] = {fopen(a, "rb"), fopen(b, "rb")};
    CHECK(files[0] != NULL && files[1] != NULL);
    int read[2];
    do {
        read[0] = getc(files[0]), read[1] = getc(files[1]);
    } while (read[0] == read[1] && read[0] != EOF);
    (void)fclose(files[0]);
    (void)fclose(files[1]);
    return read[0] == read[1];
}

/* A whole run, and one with two threads that is saved and taken up again: the same file. */
static void train(const ae_dataset *digits, const char *kernels)
{
    ae_epoch_info first = {.size = sizeof first}, last = {.size = sizeof last};
    run r = begin(digits, kernels, 1);
    CHECK(ae_trainer_run(r.trainer) == AE_OK);
    CHECK(ae_trainer_get_epoch(r.trainer, 0, &first) == AE_OK);
    CHECK(ae_trainer_get_epoch(r.trainer, EPOCHS - 1, &last) == AE_OK);
    CHECK(last.train_cost < first.train_cost);
    CHECK(ae_network_save(r.network, path[0]) == AE_OK);
    end(&r);
    r = begin(digits, kernels, 2);
    for (int step = 0; step < 5; step++)
        CHECK(ae_trainer_run_step(r.trainer, NULL) == AE_OK);
    CHECK(ae_trainer_save_checkpoint(r.trainer, path[1]) == AE_OK);
    end(&r);
    r = begin(digits, kernels, 2);
    CHECK(ae_trainer_resume(r.trainer, path[1]) == AE_OK);
    CHECK(ae_trainer_run(r.trainer) == AE_OK);
    CHECK(ae_network_save(r.network, path[2]) == AE_OK);
    end(&r);
    CHECK(same_file(path[0], path[2]));
    printf("%-10s cost %.4f, then %.4f; resumed to the same bytes\n", kernels, first.train_cost,
           last.train_cost);
}

int main(int argc, char **argv)
{
    static float rows[ROWS * WIDTH], again[ROWS * WIDTH];
    CHECK(argc == 2);
    const char *const names[] = {"a.safetensors", "b.safetensors", "c.safetensors"};
    for (size_t i = 0; i < 3; i++)
        CHECK(snprintf(path[i], sizeof path[i], "%s/%s", argv[1], names[i]) > 0);
    ae_dataset *digits = NULL;
    CHECK(ae_dataset_create_digits(&digits, ROWS, 1) == AE_OK);
    for (size_t i = 0; i < ae_kernels_count(); i++)
        train(digits, ae_kernels_name(i));
    ae_network *network = NULL;
    ae_session *session = NULL;
    CHECK(ae_network_load(&network, path[0], NULL) == AE_OK);
    CHECK(ae_session_create(&session, network, NULL) == AE_OK);
    CHECK(ae_dataset_read(digits, 0, ROWS, rows) == AE_OK);
    CHECK(ae_session_reconstruct(session, rows, ROWS, again) == AE_OK);
    CHECK(ae_csv_write(path[1], again, ROWS, WIDTH, NULL) == AE_OK);
    CHECK(ae_network_load(&network, "nowhere.safetensors", NULL) == AE_ERROR_NOT_FOUND);
    CHECK(strstr(ae_last_error(), "nowhere.safetensors") != NULL);
    ae_session_free(session);
    ae_network_free(network);
    ae_dataset_free(digits);
    return EXIT_SUCCESS;
}
