/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What follows a matrix product in kernel_template.h: normalisation, non-linearities, costs and
 * the optimizers, over one tile [rows][PANEL] that the product has just left in cache.
 */
#ifndef AEI_KERNEL_ELEMENTWISE_H
#define AEI_KERNEL_ELEMENTWISE_H

AEI_INLINE vec apply(const ae_activation kind, vec x, vec slope)
{
    switch (kind) {
    case AE_ACTIVATION_TANH:
        return vector_tanh(x);
    case AE_ACTIVATION_RELU:
        return choose(x > 0.0f, x, choose(x == x, splat(0.0f), x));
    case AE_ACTIVATION_LEAKY_RELU:
        return choose(x > 0.0f, x, x * slope);
    case AE_ACTIVATION_LINEAR:
        return x;
    default:
        return vector_sigmoid(x);
    }
}

/* f'(x) from y = f(x). */
AEI_INLINE vec derivative(const ae_activation kind, vec y, vec slope)
{
    switch (kind) {
    case AE_ACTIVATION_TANH:
        return 1.0f - y * y;
    case AE_ACTIVATION_RELU:
        return choose(y > 0.0f, splat(1.0f), splat(0.0f));
    case AE_ACTIVATION_LEAKY_RELU:
        return choose(y > 0.0f, splat(1.0f), slope);
    case AE_ACTIVATION_LINEAR:
        return splat(1.0f);
    default:
        return y - y * y;
    }
}

/* Calls a function of (kind constant, ...) for the kind at hand, so that its loops hold no
 * branch. */
#define AEI_FOR_KIND(kind, call)        \
    switch (kind) {                     \
    case AE_ACTIVATION_TANH:            \
        call(AE_ACTIVATION_TANH);       \
        break;                          \
    case AE_ACTIVATION_RELU:            \
        call(AE_ACTIVATION_RELU);       \
        break;                          \
    case AE_ACTIVATION_LEAKY_RELU:      \
        call(AE_ACTIVATION_LEAKY_RELU); \
        break;                          \
    case AE_ACTIVATION_LINEAR:          \
        call(AE_ACTIVATION_LINEAR);     \
        break;                          \
    default:                            \
        call(AE_ACTIVATION_SIGMOID);    \
        break;                          \
    }

/* Four running sums hide the adder's latency; the order is fixed by the row number. */
AEI_INLINE vec column_sum(size_t rows, const float *x)
{
    vec sum[4] = {{0}};
    size_t row = 0;
    for (; row + 4 <= rows; row += 4)
        for (size_t i = 0; i < 4; i++)
            sum[i] += load(x + (row + i) * PANEL);
    for (; row < rows; row++)
        sum[0] += load(x + row * PANEL);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

AEI_INLINE vec column_squares(size_t rows, const float *x, vec mean)
{
    vec sum[4] = {{0}};
    size_t row = 0;
    for (; row + 4 <= rows; row += 4)
        for (size_t i = 0; i < 4; i++) {
            vec d = load(x + (row + i) * PANEL) - mean;
            sum[i] += d * d;
        }
    for (; row < rows; row++) {
        vec d = load(x + row * PANEL) - mean;
        sum[0] += d * d;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

AEI_INLINE vec vector_sqrt(vec x)
{
    for (size_t i = 0; i < AEI_LANES; i++)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
}

AEI_INLINE void norm_apply(const ae_activation kind, size_t rows, float *x, float *y, vec mean,
                           vec inverse, vec gamma, vec beta, vec slope)
{
    for (size_t row = 0; row < rows; row++) {
        vec xhat = (load(x + row * PANEL) - mean) * inverse;
        store(x + row * PANEL, xhat);
        store(y + row * PANEL, apply(kind, gamma * xhat + beta, slope));
    }
}

static void norm_forward(size_t rows, size_t n, float *x, float *y, const float *gamma,
                         const float *beta, float epsilon, aei_nonlinearity f, float *mean,
                         float *variance, float *inverse)
{
    const float share = 1.0f / (float)rows;
    for (size_t v = 0; v < PANEL; v += AEI_LANES) {
        if (v >= n) {
            store(mean + v, splat(0));
            store(variance + v, splat(0));
            store(inverse + v, splat(0));
            continue;
        }
        vec m = column_sum(rows, x + v) * share;
        vec s = column_squares(rows, x + v, m) * share;
        vec i = 1.0f / vector_sqrt(s + epsilon);
        store(mean + v, m);
        store(variance + v, s);
        store(inverse + v, i);
#define AEI_NORM(kind) \
    norm_apply(kind, rows, x + v, y + v, m, i, load(gamma + v), load(beta + v), splat(f.slope))
        AEI_FOR_KIND(f.kind, AEI_NORM)
    }
}

AEI_INLINE void affine_apply(const ae_activation kind, size_t rows, const float *x, float *y,
                             vec scale, vec shift, vec slope)
{
    for (size_t row = 0; row < rows; row++)
        store(y + row * PANEL, apply(kind, scale * load(x + row * PANEL) + shift, slope));
}

static void affine_forward(size_t rows, size_t n, const float *x, float *y, const float *scale,
                           const float *shift, aei_nonlinearity f)
{
    for (size_t v = 0; v < n; v += AEI_LANES) {
#define AEI_AFFINE(kind) \
    affine_apply(kind, rows, x + v, y + v, load(scale + v), load(shift + v), splat(f.slope))
        AEI_FOR_KIND(f.kind, AEI_AFFINE)
    }
}

/*
 * With u = gamma x^ + beta, g = dC/du and n rows (the same paper, section 3):
 * dC/dz = gamma / sqrt(variance + epsilon) * (g - sum(g) / n - x^ * sum(g x^) / n).
 */
AEI_INLINE void norm_back(const ae_activation kind, size_t rows, float *g, const float *y,
                          const float *xhat, vec factor, vec slope, float *dgamma, float *dbeta)
{
    vec sum = {0}, product = {0};
    for (size_t row = 0; row < rows; row++) {
        vec d = load(g + row * PANEL) * derivative(kind, load(y + row * PANEL), slope);
        store(g + row * PANEL, d);
        sum += d;
        product += d * load(xhat + row * PANEL);
    }
    store(dbeta, sum);
    store(dgamma, product);
    const float share = 1.0f / (float)rows;
    vec mean = sum * share, slant = product * share;
    for (size_t row = 0; row < rows; row++)
        store(g + row * PANEL,
              factor * (load(g + row * PANEL) - mean - load(xhat + row * PANEL) * slant));
}

static void norm_backward(size_t rows, size_t n, float *g, const float *y, const float *xhat,
                          const float *gamma, const float *inverse, aei_nonlinearity f,
                          float *dgamma, float *dbeta)
{
    for (size_t v = 0; v < PANEL; v += AEI_LANES) {
        if (v >= n) {
            store(dgamma + v, splat(0));
            store(dbeta + v, splat(0));
            continue;
        }
#define AEI_NORM_BACK(kind)                                                            \
    norm_back(kind, rows, g + v, y + v, xhat + v, load(gamma + v) * load(inverse + v), \
              splat(f.slope), dgamma + v, dbeta + v)
        AEI_FOR_KIND(f.kind, AEI_NORM_BACK)
    }
}

AEI_INLINE void bias_back(const ae_activation kind, size_t rows, float *g, const float *y,
                          vec slope, float *dbias)
{
    vec sum = {0};
    for (size_t row = 0; row < rows; row++) {
        vec d = load(g + row * PANEL) * derivative(kind, load(y + row * PANEL), slope);
        store(g + row * PANEL, d);
        sum += d;
    }
    store(dbias, sum);
}

static void bias_backward(size_t rows, size_t n, float *g, const float *y, aei_nonlinearity f,
                          float *dbias)
{
    for (size_t v = 0; v < PANEL; v += AEI_LANES) {
        if (v >= n) {
            store(dbias + v, splat(0));
            continue;
        }
#define AEI_BIAS_BACK(kind) bias_back(kind, rows, g + v, y + v, splat(f.slope), dbias + v)
        AEI_FOR_KIND(f.kind, AEI_BIAS_BACK)
    }
}

/* All ones in the lanes below n. */
AEI_INLINE veci lanes_below(size_t n)
{
    veci lane = {0}; /* gcc's analyzer does not follow the lanes */
    for (int i = 0; i < AEI_LANES; i++)
        lane[i] = i;
    return lane < (int32_t)(n < AEI_LANES ? n : AEI_LANES);
}

AEI_INLINE float add_lanes(vec x)
{
    float half[AEI_LANES];
    *(vec_unaligned *)half = x;
    for (size_t width = AEI_LANES / 2; width > 0; width /= 2)
        for (size_t i = 0; i < width; i++)
            half[i] += half[i + width];
    return half[0];
}

AEI_INLINE vec cross_entropy(vec y, vec t)
{
    vec inside = choose(y < AEI_LEAST_OUTPUT, splat(AEI_LEAST_OUTPUT), y);
    vec other = 1.0f - y;
    other = choose(other < AEI_LEAST_REST, splat(AEI_LEAST_REST), other);
    return -(t * vector_log(inside) + (1.0f - t) * vector_log(other));
}

static void row_costs(size_t rows, size_t n, const float *y, const float *t, int bce, float *costs)
{
    for (size_t row = 0; row < rows; row++) {
        vec sum = {0};
        for (size_t v = 0; v < n; v += AEI_LANES) {
            vec a = load(y + row * PANEL + v), b = load(t + row * PANEL + v), d = a - b;
            vec cost = bce ? cross_entropy(a, b) : d * d;
            sum += (vec)((veci)cost & lanes_below(n - v));
        }
        costs[row] = add_lanes(sum);
    }
}

static void cost_gradient(size_t rows, size_t n, const float *y, const float *t,
                          const float *factor, float *g)
{
    for (size_t v = 0; v < PANEL; v += AEI_LANES) {
        veci mask = lanes_below(v < n ? n - v : 0);
        for (size_t row = 0; row < rows; row++) {
            vec d = (load(y + row * PANEL + v) - load(t + row * PANEL + v)) * factor[row];
            store(g + row * PANEL + v, (vec)((veci)d & mask));
        }
    }
}

/*
 * a / (sqrt(v) * scale + epsilon), v >= 0. AVX-512's square root and division take some 35 cycles a
 * vector; estimates of 14 bits and one Newton step each (a relative error below 2^-22) are quicker
 * and take 4 to 5 % off the whole step (docs/performance.md).
 */
AEI_INLINE vec over_root(vec a, vec v, float scale, float epsilon)
{
#if defined(__AVX512F__)
    vec bounded = (vec)_mm512_max_ps((__m512)splat(1e-37f),
                                     (__m512)v); /* the estimate at 0 is infinite */
    vec y = (vec)_mm512_rsqrt14_ps((__m512)bounded);
    y = y * (1.5f - (bounded * 0.5f) * (y * y));
    vec d = (bounded * y) * scale + epsilon;
    vec q = (vec)_mm512_rcp14_ps((__m512)d);
    q = q + q * (1.0f - d * q);
    return a * q;
#else
    return a / (vector_sqrt(v) * scale + epsilon);
#endif
}

/*
 * Kingma and Ba 2015, algorithm 1; AdamW's decay (Loshchilov and Hutter 2019, algorithm 2) is
 * `shrink`. `plain` is a constant at every call: no clipping and no decay, a fifth fewer
 * operations.
 */
AEI_INLINE void update_adam(const int plain, const aei_update *rule, size_t n, float *w,
                            const float *gradient, float *first, float *second)
{
    const float beta1 = rule->beta1, beta2 = rule->beta2, rest1 = 1 - beta1, rest2 = 1 - beta2;
    const float rate = rule->rate, root_scale = rule->root_scale, epsilon = rule->epsilon;
    const float scale = rule->gradient_scale, decay = rule->decay, shrink = rule->shrink;
    for (size_t i = 0; i < n; i += AEI_LANES) {
        const vec x = load(w + i), given = load(gradient + i);
        const vec g = plain ? given : given * scale + x * decay;
        const vec m = load(first + i) * beta1 + g * rest1;
        const vec v = load(second + i) * beta2 + (g * g) * rest2;
        store(first + i, m);
        store(second + i, v);
        store(w + i, (plain ? x : x * shrink) - over_root(m * rate, v, root_scale, epsilon));
    }
}

static void update_sgd(const aei_update *rule, size_t n, float *w, const float *gradient,
                       float *first)
{
    const int momentum = rule->beta1 != 0;
    for (size_t i = 0; i < n; i += AEI_LANES) {
        const vec x = load(w + i);
        vec g = load(gradient + i) * rule->gradient_scale + x * rule->decay;
        if (momentum) {
            const vec velocity = load(first + i) * rule->beta1 + g;
            store(first + i, velocity);
            g = rule->nesterov ? g + velocity * rule->beta1 : velocity;
        }
        store(w + i, x * rule->shrink - g * rule->rate);
    }
}

static void update(const aei_update *rule, size_t n, float *w, const float *gradient, float *first,
                   float *second)
{
    const int plain = rule->gradient_scale == 1 && rule->decay == 0 && rule->shrink == 1;
    if (rule->rule == AEI_UPDATE_SGD)
        update_sgd(rule, n, w, gradient, first);
    else if (plain)
        update_adam(1, rule, n, w, gradient, first, second);
    else
        update_adam(0, rule, n, w, gradient, first, second);
}

/* Parts of gradients that lie one behind the other need not begin on a line of the cache. */
static void add(size_t n, const float *in, float *sum)
{
    size_t i = 0;
    for (; i + AEI_LANES <= n; i += AEI_LANES) {
        vec a, b;
        memcpy(&a, sum + i, sizeof a);
        memcpy(&b, in + i, sizeof b);
        a += b;
        memcpy(sum + i, &a, sizeof a);
    }
    for (; i < n; i++)
        sum[i] += in[i];
}

/* Four sums, so that no addition waits for the one before it. */
static double square_sum(size_t n, const float *in)
{
    enum { LANES = AEI_LANES / 2 };
    typedef float half __attribute__((vector_size(LANES * sizeof(float))));
    typedef double wide __attribute__((vector_size(LANES * sizeof(double))));
    wide sums[4] = {0};
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (size_t k = 0; k < 4; k++) {
            half x;
            memcpy(&x, in + i + k * LANES, sizeof x);
            const wide y = __builtin_convertvector(x, wide);
            sums[k] += y * y;
        }
    const wide all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double sum = 0;
    for (size_t j = 0; j < LANES; j++)
        sum += all[j];
    for (; i < n; i++)
        sum += (double)in[i] * (double)in[i];
    return sum;
}

static void map_elementwise(int function, size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i += AEI_LANES) {
        vec in = {0}, out;
        for (size_t j = 0; j < AEI_LANES && i + j < n; j++)
            in[j] = x[i + j];
        switch (function) {
        case AEI_MAP_EXP:
            out = vector_exp(in);
            break;
        case AEI_MAP_TANH:
            out = vector_tanh(in);
            break;
        case AEI_MAP_LOG:
            out = vector_log(in);
            break;
        default:
            out = vector_sigmoid(in);
        }
        for (size_t j = 0; j < AEI_LANES && i + j < n; j++)
            y[i + j] = out[j];
    }
}

#endif
