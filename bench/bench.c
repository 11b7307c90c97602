/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The figures of docs/performance.md: one a line, `name value unit`, each the median of slices that
 * take turns with slices of the machine's own peak on the same threads. `bench full` measures every
 * size.
 */
#include <libae/experimental.h>
#include <libae/libae.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cpu_internal.h"
#include "common/measure.h"
#include "common/peak.h"
#include "common/profile.h"
#include "compute/blis.h"
#include "model/network_internal.h"

enum { MOST_SLICES = 200 };

static const size_t small_widths[] = {30, 16, 8, 4, 8, 16, 30};

/* Multiply-adds of one training step, counted as 2: forward, gradient of weights, gradient of
 * inputs (not of layer 0). */
static double step_flops(const ae_network *network, size_t batch)
{
    double products = 0;
    for (size_t l = 0; l < ae_network_layer_count(network); l++) {
        const double weights = (double)network->widths[l] * (double)network->widths[l + 1];
        products += (l == 0 ? 2 : 3) * weights;
    }
    return 2 * products * (double)batch;
}

static double forward_flops(const ae_network *network, size_t batch)
{
    double weights = 0;
    for (size_t l = 0; l < ae_network_layer_count(network); l++)
        weights += (double)network->widths[l] * (double)network->widths[l + 1];
    return 2 * weights * (double)batch;
}

static void stop(ae_status status)
{
    if (status == AE_OK)
        return;
    fprintf(stderr, "bench: %s: %s\n", ae_status_name(status), ae_last_error());
    exit(1);
}

static void name(char text[96], const char *what, const char *kind, size_t threads,
                 const char *unit, size_t number)
{
    char part[32] = "";
    if (number > 0)
        snprintf(part, sizeof part, ".%s%zu", unit, number);
    snprintf(text, 96, "%s%s%s%s%s", what, kind[0] != '\0' ? "." : "", kind, part,
             threads == 1 ? ".threads1" : "");
}

/* A training step of a network, beside the peak. */
static void bench_step(const char *label, const size_t *widths, size_t width_count,
                       const char *kernels, ae_precision precision, size_t threads, size_t batch,
                       double seconds)
{
    ae_dataset *digits = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    aei_team *team = NULL;
    const size_t features = widths == NULL ? 784 : widths[0];
    /* A hundred steps to an epoch: at its beginning a trainer copies its state, which real epochs
     * make nothing of. */
    const size_t rows = batch * 100;
    uint8_t *values = malloc(rows * features);
    for (size_t i = 0; values != NULL && i < rows * features; i++)
        values[i] = (uint8_t)((i * 2654435761u) >> 24);
    stop(ae_dataset_create_u8(&digits, values, rows, features, NULL));
    stop(
        ae_network_create(&network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = width_count,
                                                       .kernels = kernels)));
    stop(ae_optimizer_create_adam(&adam, NULL));
    stop(ae_trainer_create(
        &run, network, adam, digits,
        AE_TRAINER_OPTIONS(.batch = batch, .threads = threads, .precision = precision)));
    stop(aei_team_create(&team, threads));
    const unsigned isa = strcmp(kernels, "avx2") == 0 ? AEI_ISA_AVX2 : aei_cpu_isa();
    const double flops = step_flops(network, batch);
    double steps[MOST_SLICES], fractions[MOST_SLICES], first = bench_now();
    for (int i = 0; i < 3; i++)
        stop(ae_trainer_run_step(run, NULL));
    const double once = (bench_now() - first) / 3;
    const int repeats = once > 5e-3 ? 1 : (int)(5e-3 / once) + 1;
    size_t slices = (size_t)(seconds / (2 * repeats * once + 1e-9));
    slices = slices < 15 ? 15 : slices > MOST_SLICES ? MOST_SLICES : slices;
    for (size_t s = 0; s < slices; s++) {
        const double before = peak_fma(team, isa, 2e-3), start = bench_now();
        for (int i = 0; i < repeats; i++)
            stop(ae_trainer_run_step(run, NULL));
        steps[s] = (bench_now() - start) / repeats;
        const double peak = (before + peak_fma(team, isa, 2e-3)) / 2;
        fractions[s] = flops / steps[s] * 1e-9 / peak;
    }
    char text[96];
    const double step = bench_median(steps, slices);
    if (widths != NULL) {
        snprintf(text, sizeof text, "train.step.%s", label);
        bench_print(text, step * 1e6, "us");
        goto done;
    }
    name(text, "train.step", label, threads, "batch", batch);
    bench_print(text, step * 1e3, "ms");
    name(text, "train.rate", label, threads, "batch", batch);
    bench_print(text, flops / step * 1e-9, "GFLOP/s");
    name(text, "train.fraction_of_peak", label, threads, "batch", batch);
    bench_print(text, bench_median(fractions, slices), "ratio");
done:
    aei_team_free(team);
    ae_trainer_free(run), ae_optimizer_free(adam), ae_network_free(network),
        ae_dataset_free(digits);
    free(values);
}

/* Where a step's time goes: processor time of all threads, part by part, and the rest (gathering,
 * barriers, waiting).
 */
static void bench_parts(size_t threads, size_t batch)
{
    enum { STEPS = 60 };
    ae_dataset *digits = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    stop(ae_dataset_create_digits(&digits, batch * 100, 1));
    stop(ae_network_create(&network, NULL));
    stop(ae_optimizer_create_adam(&adam, NULL));
    network->kernels = profile_wrap(network->kernels);
    stop(ae_trainer_create(&run, network, adam, digits,
                           AE_TRAINER_OPTIONS(.batch = batch, .threads = threads)));
    double times[PROFILE_PARTS + 1][STEPS], parts[PROFILE_PARTS];
    for (size_t s = 0; s < STEPS; s++) {
        profile_take(parts);
        const double start = bench_now();
        stop(ae_trainer_run_step(run, NULL));
        double rest = (bench_now() - start) * (double)threads;
        profile_take(parts);
        for (size_t i = 0; i < PROFILE_PARTS; i++) {
            times[i][s] = parts[i];
            rest -= parts[i];
        }
        times[PROFILE_PARTS][s] = rest;
    }
    for (size_t i = 0; i <= PROFILE_PARTS; i++) {
        char text[96];
        name(text, "train.part", i < PROFILE_PARTS ? profile_names[i] : "rest", threads, "batch",
             batch);
        bench_print(text, bench_median(times[i], STEPS) * 1e3, "ms");
    }
    ae_trainer_free(run), ae_optimizer_free(adam), ae_network_free(network),
        ae_dataset_free(digits);
}

/* An epoch as users run it: MNIST of AE_DATA_DIR, else as many drawn digits; 599 steps of 100,
 * validation included. */
static void bench_epoch(size_t threads)
{
    ae_dataset *images = NULL, *validation = NULL, *training = NULL;
    ae_network *network = NULL;
    ae_optimizer *adam = NULL;
    ae_trainer *run = NULL;
    const char *folder = getenv("AE_DATA_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", folder == NULL ? "." : folder);
    if (folder == NULL || ae_dataset_open_idx(&images, path, NULL) != AE_OK)
        stop(ae_dataset_create_digits(&images, 60000, 1));
    stop(ae_dataset_split(&validation, &training, images, 50));
    stop(ae_network_create(&network, NULL));
    stop(ae_optimizer_create_adam(&adam, NULL));
    stop(ae_trainer_create(&run, network, adam, training,
                           AE_TRAINER_OPTIONS(.threads = threads, .drop_last = AE_TOGGLE_ON,
                                              .validation = validation)));
    ae_epoch_info info = {.size = sizeof info};
    stop(ae_trainer_run_epoch(run, &info));
    bench_print("train.epoch.mnist", (double)info.rows / info.seconds, "images/s");
    ae_trainer_free(run), ae_optimizer_free(adam), ae_network_free(network);
    ae_dataset_free(validation), ae_dataset_free(training), ae_dataset_free(images);
}

/* BLIS's plain products of a forward pass, on one thread, beside the peak: what packing costs on
 * such shapes. */
static void bench_blis(size_t batch)
{
    enum { SLICES = 15 };
    aei_team *team;
    stop(aei_team_create(&team, 1));
    float *buffer = calloc(3 * 1024 * 1024, sizeof *buffer);
    static const size_t widths[] = {784, 1000, 500, 250};
    double fractions[SLICES];
    for (size_t s = 0; buffer != NULL && s < SLICES; s++) {
        const double peak = peak_fma(team, aei_cpu_isa(), 2e-3), start = bench_now();
        double flops = 0;
        for (size_t l = 0; l + 1 < sizeof widths / sizeof widths[0]; l++) {
            const size_t k = widths[l], n = widths[l + 1];
            if (aei_blis_gemm(batch, n, k, buffer, k, buffer + 1024 * 1024, n,
                              buffer + 2 * 1024 * 1024, n) != AE_OK)
                goto done;
            flops += 2 * (double)(batch * n * k);
        }
        fractions[s] = flops / (bench_now() - start) * 1e-9 / peak;
    }
    char text[96];
    name(text, "gemm.fraction_of_peak", "blis", 1, "batch", batch);
    bench_print(text, bench_median(fractions, SLICES), "ratio");
done:
    free(buffer);
    aei_team_free(team);
}

/* Reconstruction of `batch` rows at a time. */
static void bench_inference(const char *label, ae_precision precision, size_t threads, size_t batch,
                            double seconds)
{
    ae_network *network = NULL;
    ae_session *session = NULL;
    aei_team *team = NULL;
    stop(ae_network_create(&network, NULL));
    stop(ae_session_create(&session, network,
                           AE_SESSION_OPTIONS(.max_batch = batch < 128 ? batch : 128,
                                              .threads = threads, .precision = precision)));
    stop(aei_team_create(&team, threads));
    float *rows = calloc(2 * batch * 784, sizeof *rows), *out = rows + batch * 784;
    for (size_t i = 0; i < batch * 784; i++)
        rows[i] = (float)(i * 2654435761u >> 24 & 255) / 255;
    double calls[MOST_SLICES], fractions[MOST_SLICES], first = bench_now();
    for (int i = 0; i < 3; i++)
        stop(ae_session_reconstruct(session, rows, batch, out));
    const double once = (bench_now() - first) / 3;
    const int repeats = once > 5e-3 ? 1 : (int)(5e-3 / once) + 1;
    size_t slices = (size_t)(seconds / (2 * repeats * once + 1e-9));
    slices = slices < 15 ? 15 : slices > MOST_SLICES ? MOST_SLICES : slices;
    for (size_t s = 0; s < slices; s++) {
        const double peak = peak_fma(team, aei_cpu_isa(), 2e-3), start = bench_now();
        for (int i = 0; i < repeats; i++)
            stop(ae_session_reconstruct(session, rows, batch, out));
        calls[s] = (bench_now() - start) / repeats;
        fractions[s] = forward_flops(network, batch) / calls[s] * 1e-9 / peak;
    }
    char text[96];
    const double call = bench_median(calls, slices);
    name(text, "infer.latency", label, threads, "batch", batch);
    bench_print(text, call * 1e6, "us");
    name(text, "infer.throughput", label, threads, "batch", batch);
    bench_print(text, (double)batch / call, "rows/s");
    name(text, "infer.fraction_of_peak", label, threads, "batch", batch);
    bench_print(text, bench_median(fractions, slices), "ratio");
    free(rows);
    aei_team_free(team);
    ae_session_free(session), ae_network_free(network);
}

static void bench_machine(size_t threads)
{
    enum { FLOATS = 64 << 20, SLICES = 9 };
    aei_team *team;
    stop(aei_team_create(&team, threads));
    float *buffer = aligned_alloc(64, FLOATS * sizeof *buffer);
    if (buffer != NULL)
        memset(buffer, 1, FLOATS * sizeof *buffer);
    double fma[SLICES], read[SLICES];
    for (size_t i = 0; i < SLICES; i++) {
        fma[i] = peak_fma(team, aei_cpu_isa(), 20e-3);
        read[i] = peak_read(team, buffer, FLOATS);
    }
    char text[96];
    name(text, "peak.fma", "f32", threads, "", 0);
    bench_print(text, bench_median(fma, SLICES), "GFLOP/s");
    const double bf16 = peak_bf16(team, aei_cpu_isa(), 20e-3);
    name(text, "peak.fma", "bf16", threads, "", 0);
    if (bf16 > 0)
        bench_print(text, bf16, "GFLOP/s");
    name(text, "peak.read", "", threads, "", 0);
    bench_print(text, bench_median(read, SLICES), "GB/s");
    free(buffer);
    aei_team_free(team);
}

int main(int count, char **arguments)
{
    const bool full = count > 1 && strcmp(arguments[1], "full") == 0;
    const double seconds = full ? 2.0 : 0.8;
    ae_cpu_info cpu = {.size = sizeof cpu};
    stop(ae_cpu_get_info(&cpu));
    printf("# libae %s, kernels %s, BLIS %s (%s, by itself %s), %zu threads\n", ae_version_string(),
           cpu.kernels, cpu.blis_version, cpu.blis_used, cpu.blis_native, cpu.cores);
    const size_t threads[] = {1, cpu.cores}, batches[] = {32, 100, 256, 1024},
                 calls[] = {1, 16, 100, 1000, 10000};
    for (size_t t = 0; t < (cpu.cores > 1 ? 2 : 1); t++) {
        bench_machine(threads[t]);
        for (size_t b = 0; b < 4; b++)
            if (full || b == 1 || b == 2)
                bench_step("f32", NULL, 0, "auto", AE_PRECISION_F32, threads[t], batches[b],
                           seconds);
        for (size_t b = 0; b < 5; b++)
            if (full || b == 0 || b == 2 || b == 3)
                bench_inference("f32", AE_PRECISION_F32, threads[t], calls[b], seconds);
    }
    bench_step("bf16", NULL, 0, "auto", AE_PRECISION_BF16, cpu.cores, 100, seconds);
    bench_inference("bf16", AE_PRECISION_BF16, cpu.cores, 1, seconds);
    bench_inference("bf16", AE_PRECISION_BF16, cpu.cores, 100, seconds);
    bench_step("small", small_widths, 7, "auto", AE_PRECISION_F32, 1, 32, seconds);
    bench_parts(cpu.cores, 100);
    bench_epoch(cpu.cores);
    bench_blis(100);
    if (full)
        bench_blis(1000);
    for (size_t i = 0; i + 1 < ae_kernels_count(); i++)
        if (i > 0 || full) /* the reference is a definition, not a speed */
            bench_step(ae_kernels_name(i), NULL, 0, ae_kernels_name(i), AE_PRECISION_F32, cpu.cores,
                       100, seconds);
    return 0;
}
