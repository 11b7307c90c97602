/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exp, sigmoid, tanh and log on GNU vectors, for kernel_template.h, which says how wide they are.
 * Within 2 ulp over all floats, subnormals, infinities and NaN included (tests/test_vector_math.c
 * walks them). The polynomials are minimax fits of our own (Lawson's reweighting on Chebyshev
 * nodes).
 */
#ifndef AEI_VECTOR_MATH_H
#define AEI_VECTOR_MATH_H

typedef float vec __attribute__((vector_size(4 * AEI_LANES)));
typedef int32_t veci __attribute__((vector_size(4 * AEI_LANES)));
/* For bits of any float: sums of them wrap around. */
typedef uint32_t vecu __attribute__((vector_size(4 * AEI_LANES)));
/* Those of bfloat16 numbers, two to the lane. */
typedef uint32_t vecu_alias
    __attribute__((vector_size(4 * AEI_LANES), aligned(2 * AEI_LANES), may_alias));
/* The same vector at any address. */
typedef float vec_unaligned __attribute__((vector_size(4 * AEI_LANES), aligned(4), may_alias));

#define AEI_INLINE static inline __attribute__((always_inline))

AEI_INLINE vec splat(float x)
{
    return x - (vec){0};
}

/* mask ? a : b, a mask being the all-ones or all-zeros that a comparison gives. */
AEI_INLINE vec choose(veci mask, vec a, vec b)
{
    return (vec)((mask & (veci)a) | (~mask & (veci)b));
}

/* 2^n for n in [-126, 127], negative ones wrapped around. */
AEI_INLINE vec power_of_two(vecu n)
{
    return (vec)((n + 127) << 23);
}

/*
 * exp(x) = 2^n exp(r), n = round(x / ln 2), r = x - n ln 2 in two parts (Cody and Waite 1980), for
 * x up to 89. The polynomial is added up in Estrin's order (1960), whose chain of dependent
 * operations is half as long as Horner's: the processor runs out of operations under way before it
 * runs out of units. The power is applied in two halves, so that results run smoothly into infinity
 * and the subnormals. Of a NaN the exponent is rubbish; p carries the NaN on.
 */
AEI_INLINE vec exp_to_89(vec x)
{
    x = choose(x < splat(-104.0f), splat(-104.0f), x);
    const float magic = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
    vec shifted = x * 1.44269504f + magic;
    vec n = shifted - magic;
    vec r = x - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    vec square = r * r;
    vec q = (r * 0.16666512f + 0.5f) +
            square * ((r * 0.008369599f + 0.041666187f) + square * 0.0013951717f);
    vec p = q * square + r + 1.0f;
    vecu exponent = (vecu)shifted - (vecu)splat(magic);
    vecu half = (vecu)((veci)exponent >> 1);
    return p * power_of_two(half) * power_of_two(exponent - half);
}

AEI_INLINE vec vector_exp(vec x)
{
    return exp_to_89(choose(x > splat(89.0f), splat(89.0f), x));
}

/*
 * With e = exp(-|x|) <= 1 and t = e / (1 + e): e - e t or 1 - t. Nothing overflows, small results
 * keep their digits, and t enters as a small correction, which halves what its two roundings do.
 */
AEI_INLINE vec vector_sigmoid(vec x)
{
    vec e = exp_to_89((vec)((vecu)x | 0x80000000));
    vec t = e / (e + 1.0f);
    vec s = choose(x < 0.0f, e, splat(1.0f));
    return s - s * t;
}

/* Small arguments by an odd polynomial, the others as 1 - 2 / (exp(2|x|) + 1). */
AEI_INLINE vec vector_tanh(vec x)
{
    vec magnitude = (vec)((veci)x & 0x7fffffff);
    vec u = x * x;
    vec q = splat(-0.005679304f);
    q = q * u + 0.020618122f;
    q = q * u - 0.053734f;
    q = q * u + 0.13331383f;
    q = q * u - 0.3333328f;
    vec small = magnitude + magnitude * (u * q);
    vec large = 1.0f - 2.0f / (vector_exp(magnitude + magnitude) + 1.0f);
    vec result = choose(magnitude < 0.625f, small, choose(x == x, large, x));
    return (vec)((veci)result | ((veci)x & (int32_t)0x80000000)); /* that of -0, too */
}

/* log(2^e m) = e ln 2 + log(m), m in [sqrt(1/2), sqrt(2)), the second by a polynomial in m - 1. */
AEI_INLINE vec vector_log(vec x)
{
    veci tiny = x < 0x1p-126f;
    vec scaled = choose(tiny, x * 0x1p23f, x);
    veci e = (veci)((vecu)scaled - 0x3f3504f3) >> 23; /* from sqrt(1/2) */
    vec m = (vec)((vecu)scaled - ((vecu)e << 23));
    e = e - (tiny & 23);
    vec f = m - 1.0f;
    vec q = splat(0.06745063f);
    q = q * f - 0.11791291f;
    q = q * f + 0.11955856f;
    q = q * f - 0.12389485f;
    q = q * f + 0.14206946f;
    q = q * f - 0.16668537f;
    q = q * f + 0.20002863f;
    q = q * f - 0.2500001f;
    q = q * f + 0.333333f;
    vec n = __builtin_convertvector(e, vec);
    vec square = f * f;
    vec low = (square * f) * q + n * 1.42860677e-6f - 0.5f * square;
    vec result = n * 0.693145752f + (f + low);
    const vec infinity = splat(__builtin_inff());
    result = choose(x < infinity, result, x); /* infinity and NaN are their own logarithms */
    result = choose(x == 0.0f, -infinity, result);
    return choose(x < 0.0f, splat(__builtin_nanf("")), result);
}

/* x rounded to bfloat16, as the bits of a float; adding carries into the exponent where it must,
 * and infinity stays itself. */
AEI_INLINE vecu rounded_bits(vec x)
{
    const vecu bits = (vecu)x;
    const vecu nearest = bits + 0x7fff + (bits >> 16 & 1);
    const vecu number = (vecu)(x == x);
    return ((nearest & number) | ((bits | 0x400000) & ~number)) & 0xffff0000;
}

#endif
