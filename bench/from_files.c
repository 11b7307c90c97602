/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Training from files: beside the same rows in memory, with a quarter of the file's size as all the
 * memory that there is (a cgroup, where one can be made), and on a sparse file of 100 GB. Files are
 * made in $TMPDIR or /tmp and removed again. A second argument is part of the names of what is to
 * be measured: from_files 200000 quarter.epoch
 */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/control_group.h"
#include "common/measure.h"
#include "data/reader.h"
#include "train/order.h"

enum { FEATURES = 784, BATCH = 100, HEADER = 128 };
/* Blocks of 803 kB: two windows fit beside the network in a quarter of the file; 64 do not. */
enum { WINDOW = 16 };
enum { WARM = 20, SLICE = 170, SLICES = 11, BORDER = 10 }; /* steps, but for SLICES */

static const size_t widths[] = {784, 1000, 500, 250, 4, 250, 500, 1000, 784};
static const size_t gigabytes100 = 31887755; /* rows of 3136 bytes */
static char path[256];
static const char *wanted = ""; /* part of the names of what is measured */

static bool is_wanted(const char *name)
{
    return strstr(name, wanted) != NULL;
}

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
    stop(ae_trainer_create(
        &r.trainer, r.network, r.adam, rows,
        AE_TRAINER_OPTIONS(.batch = BATCH, .seed = 1, .shuffle = shuffle,
                           .shuffle_window = shuffle == AE_SHUFFLE_BLOCKS ? WINDOW : 0)));
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
static double steps(run *r, int count)
{
    const double begin = bench_now();
    for (int i = 0; i < count; i++)
        stop(ae_trainer_run_step(r->trainer, NULL));
    return count * (double)BATCH / (bench_now() - begin);
}

static double processor_seconds(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Of the thread that ran least: with a file, the one that reads ahead. */
static double least_busy(void)
{
    double least = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        char file[320];
        double ns = 0;
        snprintf(file, sizeof file, "/proc/self/task/%s/schedstat", task->d_name);
        FILE *f = task->d_name[0] != '.' ? fopen(file, "r") : NULL;
        if (f == NULL)
            continue;
        if (fscanf(f, "%lf", &ns) == 1 && (least == 0 || ns * 1e-9 < least))
            least = ns * 1e-9;
        fclose(f);
    }
    if (tasks != NULL)
        closedir(tasks);
    return least;
}

/* What a slice of training was like. */
typedef struct slice {
    double rate, processor; /* rows a second; processor seconds of one */
    double reader;          /* those of the reader's thread */
    double read;            /* bytes from the disk for each byte of a row */
    double border;          /* seconds of the first steps of an epoch, if there were any */
    double trainer, grown;  /* bytes: of the trainer; of the process since it began */
} slice;

/* What was read ahead while others had their turn is used up first. */
static slice run_slice(run *r, size_t *step, size_t epoch, double idle)
{
    slice s = {.trainer = (double)ae_trainer_memory(r->trainer)};
    (void)steps(r, WARM);
    *step += WARM;
    const double io = own("/proc/self/io", "read_bytes:");
    const double cpu = processor_seconds(), least = least_busy(), begin = bench_now();
    double border = 0;
    for (int i = 0; i < SLICE; i++, ++*step) {
        if (*step % epoch == 0)
            border = bench_now();
        stop(ae_trainer_run_step(r->trainer, NULL));
        if (border != 0 && *step % epoch == BORDER - 1)
            s.border = bench_now() - border;
    }
    s.rate = SLICE * (double)BATCH / (bench_now() - begin);
    s.processor = (processor_seconds() - cpu) / (SLICE * (double)BATCH);
    s.reader = (least_busy() - least) / (SLICE * (double)BATCH);
    s.read = (own("/proc/self/io", "read_bytes:") - io) /
             (SLICE * (double)BATCH * FEATURES * sizeof(float));
    s.grown = (own("/proc/self/status", "RssAnon:") - idle) * 1024;
    return s;
}

typedef struct rival {
    pid_t process;
    int orders, answers; /* pipes */
} rival;

enum { MEMORY, MAPPED, QUARTER };

enum { TRAIN = 't', END = 'e' };

static void serve(int kind, ae_shuffle shuffle, const float *values, size_t rows, int in, int out)
{
    const double idle = own("/proc/self/status", "RssAnon:");
    ae_dataset *near = NULL;
    if (kind == QUARTER && !bench_join_group())
        fail(bench_group);
    if (kind == MEMORY)
        stop(ae_dataset_create_f32(&near, values, rows, FEATURES,
                                   AE_DATASET_OPTIONS(.no_copy = AE_TOGGLE_ON)));
    run r = start(kind == MEMORY ? near : open_file(), AE_SCALING_DEFAULT, shuffle);
    size_t step = 0;
    for (char order; read(in, &order, 1) == 1 && order == TRAIN;) {
        const slice s = run_slice(&r, &step, rows / BATCH, idle);
        if (write(out, &s, sizeof s) != sizeof s)
            fail("pipe");
    }
    finish(&r);
    _exit(0);
}

/* A process that trains a slice for each TRAIN it is sent. */
static rival hire(int kind, ae_shuffle shuffle, const float *values, size_t rows)
{
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0)
        fail("pipe");
    const rival made = {fork(), to[1], from[0]};
    if (made.process < 0)
        fail("fork");
    if (made.process == 0) {
        close(to[1]);
        close(from[0]);
        serve(kind, shuffle, values, rows, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    return made;
}

static slice let(const rival *r)
{
    slice s;
    const char order = TRAIN;
    if (write(r->orders, &order, 1) != 1 || read(r->answers, &s, sizeof s) != sizeof s)
        fail("a rival ended");
    return s;
}

static void dismiss(const rival *r)
{
    int status = 0;
    const char order = END;
    if (write(r->orders, &order, 1) != 1)
        fail("pipe");
    close(r->orders);
    close(r->answers);
    if (waitpid(r->process, &status, 0) != r->process || status != 0)
        printf("# a child ended with %d\n", status);
}

static void print_as(const char *name, const char *what, double value, const char *unit)
{
    char text[96];
    snprintf(text, sizeof text, "stream.%s.%s", name, what);
    bench_print(text, value, unit);
}

/* Slices of the same training in memory and from the file take turns; the ratio is that of
 * neighbours, since the machine's pace changes. */
static void beside_memory(int kind, ae_shuffle shuffle, const char *name, const float *values,
                          size_t rows)
{
    double near[SLICES], far[SLICES], ratios[SLICES], work[4][SLICES];
    if (!is_wanted(name))
        return;
    if (kind == QUARTER)
        forget_pages();
    const rival a = hire(MEMORY, shuffle, values, rows), b = hire(kind, shuffle, values, rows);
    slice x = {0}, y = {0};
    double borders[2] = {0, 0};
    for (int i = 0; i < SLICES; i++) {
        x = let(&a), y = let(&b);
        near[i] = x.rate, far[i] = y.rate, ratios[i] = y.rate / x.rate;
        work[0][i] = x.processor * 1e6, work[1][i] = y.processor * 1e6;
        work[2][i] = y.reader * 1e6, work[3][i] = y.read;
        borders[0] += x.border, borders[1] += y.border;
    }
    dismiss(&a);
    dismiss(&b);
    print_as(name, "memory", bench_median(near, SLICES), "rows/s");
    print_as(name, "file", bench_median(far, SLICES), "rows/s");
    print_as(name, "file_over_memory", bench_median(ratios, SLICES), "ratio");
    print_as(name, "processor.memory", bench_median(work[0], SLICES), "us/row");
    print_as(name, "processor.file", bench_median(work[1], SLICES), "us/row");
    print_as(name, "processor.reader", bench_median(work[2], SLICES), "us/row");
    print_as(name, "read_from_disk", bench_median(work[3], SLICES), "ratio");
    if (borders[1] > 0) {
        print_as(name, "border.memory", borders[0] * 1e3, "ms");
        print_as(name, "border.file", borders[1] * 1e3, "ms");
    }
    print_as(name, "trainer.file_less_memory", (y.trainer - x.trainer) * 1e-6, "MB");
    print_as(name, "memory_of_all.file", y.grown * 1e-6, "MB");
}

/* What the disk and the system give with no training beside it, in a random order, in the group. */
static void read_only(size_t rows)
{
    double rates[SLICES];
    uint32_t *order = malloc(rows * sizeof *order);
    ae_dataset *dataset = open_file();
    aei_reader *reader = NULL;
    const ae_trainer_options o = {.shuffle = AE_SHUFFLE_EPOCH, .seed = 2};
    if (order == NULL)
        fail("memory");
    aei_order_make(&o, NULL, order, (uint32_t)rows, 0);
    stop(aei_reader_create(&reader, dataset, BATCH, NULL, NULL));
    aei_reader_begin(reader, order);
    size_t next = 0;
    for (int i = 0; i < SLICES; i++) {
        const double begin = bench_now();
        for (int k = 0; k < SLICE; k++) {
            aei_batch batch;
            stop(aei_reader_take(reader, next++ % aei_reader_count(reader), &batch));
        }
        rates[i] = SLICE * (double)BATCH / (bench_now() - begin);
    }
    bench_print("stream.quarter.read", bench_median(rates, SLICES), "rows/s");
    aei_reader_free(reader);
    ae_dataset_free(dataset);
    free(order);
}

/* In the cgroup, its pages forgotten first. */
static void begin_with_little_memory(size_t rows)
{
    char text[96];
    const double size = (double)rows * FEATURES * sizeof(float);
    for (int kind = AE_SCALING_MIN_MAX; kind <= AE_SCALING_Z_SCORE; kind++) {
        forget_pages();
        const double before = own("/proc/self/io", "read_bytes:"), begin = bench_now();
        run r = start(open_file(), (ae_scaling)kind, AE_SHUFFLE_EPOCH);
        (void)steps(&r, 1);
        const char *scaling = kind == AE_SCALING_MIN_MAX ? "min_max" : "z_score";
        snprintf(text, sizeof text, "stream.quarter.reads_before_step_2.%s", scaling);
        bench_print(text, (own("/proc/self/io", "read_bytes:") - before) / size, "files");
        snprintf(text, sizeof text, "stream.quarter.seconds_to_step_2.%s", scaling);
        bench_print(text, bench_now() - begin, "s");
        finish(&r);
    }
    forget_pages();
    read_only(rows);
}

static void in_group(void (*what)(size_t rows), size_t rows)
{
    const pid_t child = fork();
    if (child == 0) {
        if (!bench_join_group())
            fail(bench_group);
        what(rows);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        printf("# the child ended with %d\n", status);
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
    bench_print("stream.sparse100GB.train", steps(&r, SLICE), "rows/s");
    bench_print("stream.sparse100GB.memory_of_all", own("/proc/self/status", "RssAnon:") * 1024e-6,
                "MB");
    finish(&r);
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TMPDIR");
    const size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    wanted = argc > 2 ? argv[2] : "";
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
    if (is_wanted("mixing")) {
        mixing(AE_SHUFFLE_EPOCH, 64, "epoch");
        mixing(AE_SHUFFLE_BLOCKS, 64, "blocks");
        mixing(AE_SHUFFLE_BLOCKS, 8, "blocks.window8");
    }
    beside_memory(MAPPED, AE_SHUFFLE_EPOCH, "mapped", values, rows);
    if (bench_make_group(rows * FEATURES * sizeof *values / 4)) {
        if (is_wanted("quarter.begin"))
            in_group(begin_with_little_memory, rows);
        beside_memory(QUARTER, AE_SHUFFLE_EPOCH, "quarter.epoch", values, rows);
        beside_memory(QUARTER, AE_SHUFFLE_BLOCKS, "quarter.blocks", values, rows);
        (void)rmdir(bench_group);
    } else {
        printf("# no cgroup can be made here: stream.quarter is left out\n");
    }
    free(values);
    if (is_wanted("sparse"))
        sparse();
    (void)unlink(path);
    return 0;
}
