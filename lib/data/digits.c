/* SPDX-License-Identifier: BSD-3-Clause */
/* Where do pictures come from where there is no MNIST? Examples and tests draw them, the same on
 * every machine. */
#include <libae/experimental.h>

#include "base/error.h"
#include "base/philox.h"
#include "data/glyphs.h"
#include "data/storage.h"

#include <libae/experimental.h>
#include <math.h>
#include <stdbool.h>

/*
 * A digit is a glyph's strokes bent, jittered and mapped at random, scaled into a box of about 20
 * pixels and centred on its ink as MNIST's are, then inked by each pixel's distance to the curve.
 * Only + - * / and sqrt are used, which IEEE 754 rounds in one way, and the build keeps products
 * and sums apart: the same pixels everywhere.
 */
enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CUTS = 5, /* straight pieces between two control points: about a pixel each */
    VERTICES_MAX = AEI_GLYPH_STROKES * AEI_GLYPH_POINTS * CUTS
};

typedef struct vec {
    float x;
    float y;
} vec;

typedef struct piece {
    vec from;
    vec to;
    float radius; /* half the stroke's width, in pixels once placed */
} piece;

typedef struct drawing {
    piece pieces[VERTICES_MAX];
    size_t count;
} drawing;

/* A row's own sequence of random numbers: counter (block, row), so that no row depends on
 * another. */
typedef struct dice {
    uint64_t seed;
    uint64_t row;
    uint32_t block;
    uint32_t used;
    uint32_t words[4];
} dice;

static uint32_t throw_word(dice *d)
{
    if (d->used % 4 == 0)
        aei_random_block(d->words, d->seed, AEI_STREAM_DIGITS, d->block++, d->row);
    return d->words[d->used++ % 4];
}

/* Uniform in [low, high). */
static float throw_between(dice *d, float low, float high)
{
    return low + (high - low) * ((float)(throw_word(d) >> 8) * 0x1p-24f);
}

/*
 * About normal, of mean 0 and the given deviation: the sum of a word's four bytes, less its mean
 * and over its deviation sqrt(4 (256^2 - 1) / 12). It ends at 3.45 deviations, so no digit is wild.
 */
static float throw_normal(dice *d, float deviation)
{
    uint32_t word = throw_word(d);
    uint32_t sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
    return ((float)sum - 510.0f) / 147.801f * deviation;
}

static const aei_glyph *choose_glyph(dice *d, size_t digit)
{
    size_t count;
    const aei_glyph *glyphs = aei_glyphs(digit, &count);
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += glyphs[i].weight;
    uint32_t ticket = (uint32_t)((uint64_t)throw_word(d) * total >> 32);
    while (ticket >= glyphs->weight) {
        ticket -= glyphs->weight;
        glyphs++;
    }
    return glyphs;
}

/* How one digit is deformed as a whole, on coordinates from -1/2 to 1/2. */
typedef struct hand {
    float bend;   /* x moves with y squared */
    float taper;  /* x grows with y: the lower half larger than the upper */
    float waist;  /* y moves most in the middle: loops trade heights */
    float xx, xy; /* the affine map: rotation, slant and aspect */
    float yx, yy;
} hand;

static hand throw_hand(dice *d)
{
    hand h;
    h.bend = throw_normal(d, 0.09f);
    h.taper = throw_normal(d, 0.18f);
    h.waist = throw_normal(d, 0.16f);
    float aspect = 0.82f + throw_normal(d, 0.12f);
    float slant = -0.18f + throw_normal(d, 0.22f);
    /* Rotation by the angle whose half has tangent t, without sine or cosine. */
    float t = throw_normal(d, 0.04f);
    float cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    h.xx = cosine * aspect;
    h.xy = cosine * slant - sine;
    h.yx = sine * aspect;
    h.yy = sine * slant + cosine;
    return h;
}

static vec deform(const hand *h, vec p)
{
    float x = p.x * (1 + h->taper * 2 * p.y) + h->bend * (4 * p.y * p.y - 1);
    float y = p.y + h->waist * (0.25f - p.y * p.y);
    return (vec){h->xx * x + h->xy * y, h->yx * x + h->yy * y};
}

/* The Catmull-Rom spline from b to c, at u in [0, 1]. */
static vec spline(vec a, vec b, vec c, vec d, float u)
{
    float uu = u * u, uuu = uu * u;
    float wa = -uuu + 2 * uu - u, wb = 3 * uuu - 5 * uu + 2, wc = -3 * uuu + 4 * uu + u,
          wd = uuu - uu;
    return (vec){0.5f * (wa * a.x + wb * b.x + wc * c.x + wd * d.x),
                 0.5f * (wa * a.y + wb * b.y + wc * c.y + wd * d.y)};
}

/* One stroke's pieces, its points moved a little by the hand's unsteadiness. */
static void draw_stroke(drawing *out, dice *d, const hand *h, const aei_stroke *stroke,
                        float jitter)
{
    vec points[AEI_GLYPH_POINTS];
    for (size_t i = 0; i < stroke->count; i++) {
        aei_point p = stroke->points[i];
        bool corner = i > 0 && p.x == stroke->points[i - 1].x && p.y == stroke->points[i - 1].y;
        vec place = {(float)p.x / 100 - 0.5f + throw_normal(d, jitter),
                     (float)p.y / 100 - 0.5f + throw_normal(d, jitter)};
        points[i] = corner ? points[i - 1] : deform(h, place);
    }
    /* The pen presses harder at one end than at the other. */
    float pressure = 1 + throw_normal(d, 0.08f), change = throw_normal(d, 0.12f);
    for (size_t i = 0; i + 1 < stroke->count; i++) {
        vec before = points[i > 0 ? i - 1 : 0],
            after = points[i + 2 < stroke->count ? i + 2 : i + 1];
        vec from = points[i];
        for (int cut = 1; cut <= CUTS; cut++) {
            float u = (float)cut / (float)CUTS;
            vec to = spline(before, points[i], points[i + 1], after, u);
            float along = ((float)i + u) / (float)(stroke->count - 1) - 0.5f;
            out->pieces[out->count++] = (piece){from, to, pressure + change * along};
            from = to;
        }
    }
}

static float length_of(const piece *p)
{
    float x = p->to.x - p->from.x, y = p->to.y - p->from.y;
    return sqrtf(x * x + y * y);
}

/* Where the drawing's ends lie and where its ink balances. */
typedef struct extent {
    vec low;
    vec high;
    vec centre;
} extent;

static extent measure(const drawing *drawn)
{
    extent e = {drawn->pieces[0].from, drawn->pieces[0].from, {0, 0}};
    float total = 0;
    for (size_t i = 0; i < drawn->count; i++) {
        const piece *p = &drawn->pieces[i];
        float length = length_of(p);
        e.low = (vec){fminf(e.low.x, p->to.x), fminf(e.low.y, p->to.y)};
        e.high = (vec){fmaxf(e.high.x, p->to.x), fmaxf(e.high.y, p->to.y)};
        e.centre.x += length * 0.5f * (p->from.x + p->to.x);
        e.centre.y += length * 0.5f * (p->from.y + p->to.y);
        total += length;
    }
    e.centre.x /= total;
    e.centre.y /= total;
    return e;
}

/* The offset nearest to the wanted one that keeps low to high inside the picture, `margin` from its
 * edge. */
static float keep_inside(float offset, float low, float high, float margin)
{
    return fmaxf(fminf(offset, (float)SIDE - margin - high), margin - low);
}

/* Scale the drawing into MNIST's box and put its ink's centre on the picture's, a little off at
 * random. */
static void place(drawing *drawn, dice *d)
{
    extent e = measure(drawn);
    float radius = 1.3f + throw_normal(d, 0.27f);
    float room = throw_between(d, 18.5f, 20.5f) - 2 * radius;
    float scale = room / fmaxf(e.high.x - e.low.x, e.high.y - e.low.y);
    float margin = radius + 2;
    vec offset = {SIDE / 2 - scale * e.centre.x + throw_between(d, -0.8f, 0.8f),
                  SIDE / 2 - scale * e.centre.y + throw_between(d, -0.8f, 0.8f)};
    offset.x = keep_inside(offset.x, scale * e.low.x, scale * e.high.x, margin);
    offset.y = keep_inside(offset.y, scale * e.low.y, scale * e.high.y, margin);
    for (size_t i = 0; i < drawn->count; i++) {
        piece *p = &drawn->pieces[i];
        p->from = (vec){scale * p->from.x + offset.x, scale * p->from.y + offset.y};
        p->to = (vec){scale * p->to.x + offset.x, scale * p->to.y + offset.y};
        p->radius *= radius;
    }
}

/* Pixels whose centres lie within reach of [a, b]: from *first up to, not including, the result. */
static int span(int *first, float a, float b, float reach)
{
    float low = fmaxf(fminf(a, b) - reach, 0), high = fminf(fmaxf(a, b) + reach, SIDE - 1);
    *first = (int)low;
    return high < 0 ? 0 : (int)high + 1;
}

/* Lower the distance of every pixel near a piece to its distance from the piece's edge. A piece of
 * no length, as at a corner, counts as a point: the inverse is 0 then, not infinite. */
static void ink_piece(float *distance, const piece *p, float reach)
{
    int x0, y0;
    int x1 = span(&x0, p->from.x, p->to.x, reach + p->radius),
        y1 = span(&y0, p->from.y, p->to.y, reach + p->radius);
    float dx = p->to.x - p->from.x, dy = p->to.y - p->from.y;
    float squared = dx * dx + dy * dy;
    float inverse = squared > 0 ? 1 / squared : 0;
    for (int y = y0; y < y1; y++) {
        float py = (float)y + 0.5f - p->from.y;
        for (int x = x0; x < x1; x++) {
            float px = (float)x + 0.5f - p->from.x;
            float along = (px * dx + py * dy) * inverse;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            float ex = px - along * dx, ey = py - along * dy;
            float edge = sqrtf(ex * ex + ey * ey) - p->radius;
            float *pixel = &distance[y * SIDE + x];
            *pixel = edge < *pixel ? edge : *pixel;
        }
    }
}

/* Full ink inside the stroke, none outside, over an edge as soft as a scanner's. */
static void ink(uint8_t *pixels, const drawing *drawn, float softness)
{
    float distance[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        distance[i] = SIDE;
    for (size_t i = 0; i < drawn->count; i++)
        ink_piece(distance, &drawn->pieces[i], softness);
    for (size_t i = 0; i < PIXELS; i++) {
        float t = 0.5f - distance[i] / (2 * softness);
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        pixels[i] = (uint8_t)(255 * t * t * (3 - 2 * t) + 0.5f);
    }
}

static void draw_digit(uint8_t *pixels, size_t row, uint64_t seed)
{
    dice d = {.seed = seed, .row = row};
    drawing drawn;
    drawn.count = 0;
    const aei_glyph *glyph = choose_glyph(&d, row % 10);
    hand h = throw_hand(&d);
    float jitter = throw_between(&d, 0.008f, 0.03f);
    for (size_t i = 0; i < AEI_GLYPH_STROKES; i++)
        if (glyph->strokes[i].count != 0)
            draw_stroke(&drawn, &d, &h, &glyph->strokes[i], jitter);
    place(&drawn, &d);
    ink(pixels, &drawn, throw_between(&d, 0.55f, 0.85f));
}

/* Digits take turns, so that any ten neighbouring rows have all of them, however a caller cuts the
 * dataset. */
ae_status ae_dataset_create_digits(ae_dataset **dataset, size_t rows, uint64_t seed)
{
    AE_REQUIRE(dataset);
    ae_dataset_options o;
    aei_storage draft;
    size_t bytes;
    AE_TRY(aei_dataset_read_options(
        &o, AE_DATASET_OPTIONS(.image_height = SIDE, .image_width = SIDE), 0));
    AE_TRY(aei_storage_draft(&draft, &o, rows, PIXELS, AEI_STORAGE_U8));
    AE_TRY(aei_storage_allocate(&draft, rows, &bytes));
    uint8_t *pixels = draft.block;
    ae_dataset *made;
    AE_TRY(aei_dataset_adopt(&made, &draft, rows, AEI_WITH_LABELS));
    for (size_t row = 0; row < rows; row++) {
        draw_digit(pixels + row * PIXELS, row, seed);
        made->labels[row] = (int32_t)(row % 10);
    }
    *dataset = made;
    return AE_OK;
}
