/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library of matrix products (OpenBLAS, BLIS, MKL), opened by name: the 23 products of a training
 * step alone, as a lower bound for whoever calls it, and the whole step with the loops of
 * plain_step.h around them.
 *
 *     blas THREADS DATA GROUP NAME LIBRARY [PREFIX]      PREFIX of the symbols: scipy_
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "plain_step.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

typedef void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                      const float *a, int lda, const float *b, int ldb, float beta, float *c,
                      int ldc);

static struct network {
    sgemm multiply;
    peer_layer layers[8];
    size_t count, batch, rows, row, steps;
    const float *data;
} net;

static void forward(const float *x, const peer_layer *l)
{
    net.multiply(ROW_MAJOR, PLAIN, PLAIN, (int)net.batch, (int)l->out, (int)l->in, 1, x, (int)l->in,
                 l->w, (int)l->out, 0, l->z, (int)l->out);
}

static void backward(const float *x, const peer_layer *l, float *dx)
{
    if (dx != NULL)
        net.multiply(ROW_MAJOR, PLAIN, TRANSPOSED, (int)net.batch, (int)l->in, (int)l->out, 1,
                     l->dz, (int)l->out, l->w, (int)l->out, 0, dx, (int)l->in);
    net.multiply(ROW_MAJOR, TRANSPOSED, PLAIN, (int)l->in, (int)l->out, (int)net.batch, 1, x,
                 (int)l->in, l->dz, (int)l->out, 0, l->g, (int)l->out);
}

static double products(void *unused)
{
    (void)unused;
    for (size_t l = 0; l < net.count; l++)
        forward(l == 0 ? net.data : net.layers[l - 1].y, &net.layers[l]);
    for (size_t l = net.count; l-- > 0;)
        backward(l == 0 ? net.data : net.layers[l - 1].y, &net.layers[l],
                 l == 0 ? NULL : net.layers[l - 1].dy);
    return 0;
}

static double step(void *unused)
{
    (void)unused;
    const float *x = net.data + net.row * net.layers[0].in;
    net.row = (net.row + net.batch) % net.rows;
    for (size_t l = 0; l < net.count; l++) {
        forward(l == 0 ? x : net.layers[l - 1].y, &net.layers[l]);
        peer_layer_forward(&net.layers[l], net.batch);
    }
    const double cost = peer_cost(&net.layers[net.count - 1], x, net.batch);
    net.steps++;
    for (size_t l = net.count; l-- > 0;) {
        peer_layer_backward(&net.layers[l], net.batch);
        backward(l == 0 ? x : net.layers[l - 1].y, &net.layers[l],
                 l == 0 ? NULL : net.layers[l - 1].dy);
        peer_layer_update(&net.layers[l], net.steps);
    }
    return cost;
}

static void *symbol(void *library, const char *prefix, const char *name)
{
    char text[96];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return dlsym(library, text);
}

/* Which kernels the library has chosen, as far as it tells. */
static void about(const char *name, void *library, const char *prefix)
{
    char *(*config)(void) = (char *(*)(void))symbol(library, prefix, "openblas_get_config");
    char *(*core)(void) = (char *(*)(void))symbol(library, prefix, "openblas_get_corename");
    int (*arch)(void) = (int (*)(void))dlsym(library, "bli_arch_query_id");
    char *(*arch_name)(int) = (char *(*)(int))dlsym(library, "bli_arch_string");
    const char *(*blis_version)(void) = (const char *(*)(void))dlsym(library,
                                                                     "bli_info_get_version_str");
    void (*mkl_version)(char *, int) = (void (*)(char *, int))dlsym(library,
                                                                    "mkl_get_version_string");
    char text[256] = "";
    if (config != NULL && core != NULL)
        snprintf(text, sizeof text, "%s, kernels %s", config(), core());
    else if (arch != NULL && arch_name != NULL && blis_version != NULL)
        snprintf(text, sizeof text, "BLIS %s, kernels %s", blis_version(), arch_name(arch()));
    else if (mkl_version != NULL)
        mkl_version(text, (int)sizeof text - 1); /* padded with blanks, not ended */
    char *end = strstr(text, "  ");
    if (end != NULL)
        *end = '\0';
    text[strcspn(text, "\n")] = '\0';
    printf("about %s\n", text[0] != '\0' ? text : name);
}

int main(int count, char **arguments)
{
    if (count < 6)
        peer_stop("usage: blas THREADS DATA GROUP NAME LIBRARY [PREFIX]");
    const char *prefix = count > 6 ? arguments[6] : "";
    void *library = dlopen(arguments[5], RTLD_NOW | RTLD_GLOBAL);
    if (library == NULL)
        peer_stop(dlerror());
    net.multiply = (sgemm)symbol(library, prefix, "cblas_sgemm");
    if (net.multiply == NULL)
        peer_stop("no cblas_sgemm in the library");
    about(arguments[4], library, prefix);

    const int large = strcmp(arguments[3], "large") == 0;
    const size_t *widths = large ? peer_large : peer_small;
    size_t features;
    net.data = peer_rows(arguments[2], arguments[3], &net.rows, &features);
    net.count = large ? 8 : 6;
    net.batch = large ? PEER_BATCH : PEER_SMALL_BATCH;
    for (size_t l = 0; l < net.count; l++) {
        net.layers[l] = peer_layer_create(widths[l], widths[l + 1], net.batch);
        peer_layer_weights(&net.layers[l], widths[l] * widths[l + 1]);
        peer_normal(net.layers[l].w, net.layers[l].weights, 1 / sqrt((double)widths[l]),
                    (unsigned)l + 1);
    }
    char name[96];
    const size_t epoch = net.rows / net.batch;
    snprintf(name, sizeof name, "train.step.%s.%s", large ? "batch100" : "small.batch32",
             arguments[4]);
    peer_train(name, step, NULL, 10 * epoch, epoch);
    if (large) { /* after the step, so that the operands are what they are in training */
        snprintf(name, sizeof name, "train.products.batch100.%s", arguments[4]);
        peer_infer(name, products, NULL, net.layers[0].g, net.layers[0].weights);
    }
    return peer_serve();
}
