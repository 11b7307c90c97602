/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Training from files: beside the same rows in memory, with a quarter of the file's size as all the
 * memory that there is (a cgroup, where one can be made), and on a sparse file of 100 GB. Files are
 * made in $TMPDIR or /tmp and removed again.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/measure.h"
#include "train/order.h"

enum { FEATURES = 784, BATCH = 100, SLICE = 40, SLICES = 9, HEADER = 128 };

static const size_t widths[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784};
static const size_t gigabytes100 = 31887755; /* rows of 3136 bytes */
static char path[256], group[256];

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void stop(ae_status status)
{
    if (status == AE_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", ae_status_name(status), ae_last_error());
    exit(1);
}

/* An NPY header with nothing behind it yet. */
static int make_file(size_t rows)
{
    char header[HEADER + 1];
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        fail(path);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(header + 10, sizeof header - 10, "%-117s\n",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (           , 784), }");
    char count[12];
    snprintf(count, sizeof count, "%11zu", rows);
    memcpy(strchr(header + 10, '(') + 1, count, 11);
    if (write(file, header, HEADER) != HEADER ||
        ftruncate(file, (off_t)(HEADER + rows * FEATURES * sizeof(float))) != 0)
        fail(path);
    return file;
}

static void fill_file(int file, float *values, size_t rows)
{
    const size_t size = rows * FEATURES * sizeof *values;
    uint32_t state = 1;
    for (size_t i = 0; i < rows * FEATURES; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) * 0x1p-24f;
    }
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(file, (char *)values + done, size - done, (off_t)(HEADER + done));
        if (n <= 0)
            fail(path);
        done += (size_t)n;
    }
    if (fsync(file) != 0)
        fail(path);
}

static void forget_pages(void)
{
    const int file = open(path, O_RDONLY);
    if (file < 0 || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)
        fail(path);
    close(file);
}

/* A line of a file of /proc/self that begins with this name, as a number. */
static double own(const char *file, const char *name)
{
    char line[256];
    double value = 0;
    FILE *f = fopen(file, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    if (f != NULL)
        fclose(f);
    return value;
}

typedef struct run {
    ae_dataset *rows;
    ae_network *network;
    ae_optimizer *adam;
    ae_trainer *trainer;
} run;

static ae_dataset *open_file(void)
{
    ae_dataset *dataset = NULL;
    stop(ae_dataset_open_npy(&dataset, path, AE_DATASET_OPTIONS(.map = AE_TOGGLE_ON)));
    return dataset;
}

static run start(ae_dataset *rows, ae_scaling scaling, ae_shuffle shuffle)
{
    run r = {.rows = rows};
    stop(ae_network_create(&r.network,
                           AE_NETWORK_OPTIONS(.widths = widths, .width_count = 9, .seed = 1)));
    if (scaling != AE_SCALING_DEFAULT) {
        stop(ae_network_fit_scaling(r.network, rows, AE_SCALING_OPTIONS(.kind = scaling)));
        if (scaling == AE_SCALING_Z_SCORE)
            ae_network_clear_scaling(r.network); /* only its price is wanted */
    }
    stop(ae_optimizer_create_adam(&r.adam, NULL));
    stop(ae_trainer_create(&r.trainer, r.network, r.adam, rows,
                           AE_TRAINER_OPTIONS(.batch = BATCH, .seed = 1, .shuffle = shuffle)));
    return r;
}

static void finish(run *r)
{
    ae_trainer_free(r->trainer);
    ae_optimizer_free(r->adam);
    ae_network_free(r->network);
    ae_dataset_free(r->rows);
}

/* Rows a second. */
static double steps(const run *r, int count)
{
    const double begin = bench_now();
    for (int i = 0; i < count; i++)
        stop(ae_trainer_run_step(r->trainer, NULL));
    return count * (double)BATCH / (bench_now() - begin);
}

/* Slices of both take turns. */
static void beside_memory(const float *values, size_t rows)
{
    double memory[SLICES], mapped[SLICES];
    ae_dataset *near = NULL;
    stop(ae_dataset_create_f32(&near, values, rows, FEATURES,
                               AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    run a = start(near, AE_SCALING_DEFAULT, AE_SHUFFLE_EPOCH),
        b = start(open_file(), AE_SCALING_DEFAULT, AE_SHUFFLE_EPOCH);
    for (int i = -1; i < SLICES; i++) {
        const double x = steps(&a, SLICE), y = steps(&b, SLICE);
        if (i >= 0)
            memory[i] = x, mapped[i] = y;
    }
    const double x = bench_median(memory, SLICES), y = bench_median(mapped, SLICES);
    bench_print("stream.train.memory", x, "rows/s");
    bench_print("stream.train.mapped", y, "rows/s");
    bench_print("stream.train.mapped_over_memory", y / x, "ratio");
    bench_print(
        "stream.trainer_memory.mapped_less_memory",
        ((double)ae_trainer_memory(b.trainer) - (double)ae_trainer_memory(a.trainer)) * 1e-6, "MB");
    finish(&a);
    finish(&b);
}

/* In the cgroup, its pages forgotten first. */
static void with_little_memory(ae_shuffle shuffle, const char *name, size_t rows)
{
    char text[96];
    const double size = (double)rows * FEATURES * sizeof(float);
    const double idle = own("/proc/self/status", "RssAnon:");
    for (int kind = AE_SCALING_MIN_MAX; shuffle == AE_SHUFFLE_EPOCH && kind <= AE_SCALING_Z_SCORE;
         kind++) {
        forget_pages();
        const double before = own("/proc/self/io", "read_bytes:"), begin = bench_now();
        run r = start(open_file(), (ae_scaling)kind, shuffle);
        (void)steps(&r, 1);
        const char *scaling = kind == AE_SCALING_MIN_MAX ? "min_max" : "z_score";
        snprintf(text, sizeof text, "stream.quarter.reads_before_step_2.%s", scaling);
        bench_print(text, (own("/proc/self/io", "read_bytes:") - before) / size, "files");
        snprintf(text, sizeof text, "stream.quarter.seconds_to_step_2.%s", scaling);
        bench_print(text, bench_now() - begin, "s");
        finish(&r);
    }
    double rates[SLICES];
    run r = start(open_file(), AE_SCALING_DEFAULT, shuffle);
    (void)steps(&r, SLICE);
    for (int i = 0; i < SLICES; i++)
        rates[i] = steps(&r, SLICE);
    snprintf(text, sizeof text, "stream.quarter.train.%s", name);
    bench_print(text, bench_median(rates, SLICES), "rows/s");
    const double grown = (own("/proc/self/status", "RssAnon:") - idle) * 1024e-6;
    snprintf(text, sizeof text, "stream.quarter.memory_of_all.%s", name);
    bench_print(text, grown, "MB");
    finish(&r);
}

static bool put(const char *folder, const char *name, size_t number)
{
    char file[512];
    snprintf(file, sizeof file, "%s/%s", folder, name);
    FILE *f = fopen(file, "w");
    if (f == NULL)
        return false;
    fprintf(f, "%zu\n", number);
    return fclose(f) == 0;
}

/* A cgroup with so much memory: version 1, then 2. */
static bool make_group(size_t bytes)
{
    snprintf(group, sizeof group, "/sys/fs/cgroup/memory/libae-bench-%d", (int)getpid());
    if (mkdir(group, 0700) == 0 && put(group, "memory.limit_in_bytes", bytes))
        return true;
    (void)rmdir(group);
    snprintf(group, sizeof group, "/sys/fs/cgroup/libae-bench-%d", (int)getpid());
    if (mkdir(group, 0700) == 0 && put(group, "memory.max", bytes))
        return true;
    (void)rmdir(group);
    return false;
}

static void in_group(ae_shuffle shuffle, const char *name, size_t rows)
{
    const pid_t child = fork();
    if (child == 0) {
        if (!put(group, "cgroup.procs", (size_t)getpid()))
            fail(group);
        with_little_memory(shuffle, name, rows);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        printf("# %s: the child ended with %d\n", name, status);
}

/* What becomes of rows that are neighbours in the file: how far apart they are in an epoch, as a
 * share of all rows, and how many pairs are in one batch. */
static void mixing(ae_shuffle shuffle, size_t window, const char *name)
{
    enum { ROWS = 200000 };
    char text[96];
    const ae_trainer_options o = {
        .shuffle = shuffle, .seed = 1, .shuffle_block = 256, .shuffle_window = window};
    uint32_t *numbers = malloc(3 * ROWS * sizeof *numbers), *place = numbers + ROWS;
    if (numbers == NULL)
        fail("memory");
    aei_order_make(&o, numbers + 2 * (size_t)ROWS, numbers, ROWS, 0);
    for (uint32_t i = 0; i < ROWS; i++)
        place[numbers[i]] = i;
    double distance = 0, together = 0;
    for (size_t r = 0; r + 1 < ROWS; r++) {
        distance += fabs((double)place[r] - (double)place[r + 1]);
        together += place[r] / BATCH == place[r + 1] / BATCH;
    }
    snprintf(text, sizeof text, "stream.mixing.distance.%s", name);
    bench_print(text, distance / ROWS / ROWS, "ratio");
    snprintf(text, sizeof text, "stream.mixing.in_one_batch.%s", name);
    bench_print(text, together / ROWS, "ratio");
    free(numbers);
}

static void sparse(void)
{
    close(make_file(gigabytes100));
    double at = bench_now();
    ae_dataset *all = open_file(), *mixed = NULL, *first = NULL, *rest = NULL;
    bench_print("stream.sparse100GB.open", (bench_now() - at) * 1e3, "ms");
    at = bench_now();
    stop(ae_dataset_shuffle(&mixed, all, 1));
    bench_print("stream.sparse100GB.shuffle", bench_now() - at, "s");
    at = bench_now();
    stop(ae_dataset_split(&first, &rest, mixed, gigabytes100 / 10 * 9));
    bench_print("stream.sparse100GB.split", (bench_now() - at) * 1e3, "ms");
    ae_dataset_free(all);
    ae_dataset_free(mixed);
    ae_dataset_free(rest);
    at = bench_now();
    run r = start(first, AE_SCALING_DEFAULT, AE_SHUFFLE_EPOCH);
    (void)steps(&r, 1);
    bench_print("stream.sparse100GB.to_step_1", bench_now() - at, "s");
    bench_print("stream.sparse100GB.train", steps(&r, 4 * SLICE), "rows/s");
    bench_print("stream.sparse100GB.memory_of_all", own("/proc/self/status", "RssAnon:") * 1024e-6,
                "MB");
    finish(&r);
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TMPDIR");
    const size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    snprintf(path, sizeof path, "%s/libae-bench-%d.npy", folder == NULL ? "/tmp" : folder,
             (int)getpid());
    printf("# %zu rows of %d features, %.0f MB\n", rows, FEATURES,
           (double)rows * FEATURES * sizeof(float) * 1e-6);
    float *values = malloc(rows * FEATURES * sizeof *values);
    if (values == NULL)
        fail("memory");
    const int file = make_file(rows);
    fill_file(file, values, rows);
    close(file);
    mixing(AE_SHUFFLE_EPOCH, 64, "epoch");
    mixing(AE_SHUFFLE_BLOCKS, 64, "blocks");
    mixing(AE_SHUFFLE_BLOCKS, 8, "blocks.window8");
    beside_memory(values, rows);
    free(values);
    if (make_group(rows * FEATURES * sizeof *values / 4)) {
        in_group(AE_SHUFFLE_EPOCH, "epoch", rows);
        in_group(AE_SHUFFLE_BLOCKS, "blocks", rows);
        (void)rmdir(group);
    } else {
        printf("# no cgroup can be made here: stream.quarter is left out\n");
    }
    sparse();
    (void)unlink(path);
    return 0;
}
