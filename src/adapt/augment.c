/* The transformations of adaptive discriminator augmentation, in the paper's order and strength (appendix B). What is one
 * number for each image has shape (N). */
#include <clgen/augment.h>
#include <math.h>
#include <string.h>

#include "base/base.h"

static const double pi = 3.14159265358979323846;

/* How far each goes: halves, standard deviations, or shares of the image. */
static const float shift_most = 0.125f, scale_deviation = 0.2f, shift_deviation = 0.125f, brightness_deviation = 0.2f,
                   contrast_deviation = 0.5f, saturation_deviation = 1, filter_deviation = 1, noise_deviation = 0.1f,
                   cutout_size = 0.5f;

/* Where an image's numbers lie: G_ whether (a transformation is applied where it is below p), U_ uniform, N_ normal. */
enum {
  G_FLIP,
  U_FLIP,
  G_TURN,
  U_TURN,
  G_SHIFT,
  U_SHIFT_X,
  U_SHIFT_Y,
  G_SCALE,
  G_ROTATE_BEFORE,
  U_ROTATE_BEFORE,
  G_SQUEEZE,
  G_ROTATE_AFTER,
  U_ROTATE_AFTER,
  G_FRACTION,
  G_BRIGHTNESS,
  G_CONTRAST,
  G_LUMA,
  U_LUMA,
  G_HUE,
  U_HUE,
  G_SATURATION,
  G_FILTER, /* one for each band */
  G_NOISE = G_FILTER + 4,
  G_CUTOUT,
  U_CUTOUT_X,
  U_CUTOUT_Y = CLGEN_AUGMENT_UNIFORMS - 1
};
enum {
  N_SCALE,
  N_SQUEEZE,
  N_FRACTION_X,
  N_FRACTION_Y,
  N_BRIGHTNESS,
  N_CONTRAST,
  N_SATURATION,
  N_FILTER, /* one for each band */
  N_NOISE = N_FILTER + 4,
  N_COUNT
};
_Static_assert((int)N_COUNT == CLGEN_AUGMENT_NORMALS && U_CUTOUT_Y == U_CUTOUT_X + 1, "the numbers that are asked for");

typedef struct {
  clgen_graph *graph;
  unsigned which;
  clgen_tensor *p, *uniform, *normal;
  int64_t n, channels, height, width;
} augmenter;

/* ---- Numbers ---- */

static clgen_tensor *row(const augmenter *a, clgen_tensor *t, int k) {
  return clgen_reshape(clgen_slice(t, 0, k, 1), clgen_shape_of(1, a->n));
}
static clgen_tensor *uniform(const augmenter *a, int k) { return row(a, a->uniform, k); }
static clgen_tensor *normal(const augmenter *a, int k) { return row(a, a->normal, k); }
static clgen_tensor *constant(const augmenter *a, float value) {
  return clgen_constant(a->graph, value, clgen_shape_of(1, a->n));
}

/* `changed` with probability p, else `unchanged`. */
static clgen_tensor *perhaps_with(const augmenter *a, clgen_tensor *p, int gate, clgen_tensor *changed, float unchanged) {
  return clgen_where(clgen_greater(p, uniform(a, gate)), changed, constant(a, unchanged));
}
static clgen_tensor *perhaps(const augmenter *a, int gate, clgen_tensor *changed, float unchanged) {
  return perhaps_with(a, a->p, gate, changed, unchanged);
}

/* 2 to the power of what is normal with this deviation. */
static clgen_tensor *log_normal(const augmenter *a, int k, float deviation) {
  return clgen_exp(clgen_affine(normal(a, k), (float)(log(2) * deviation), 0));
}
/* 1 or -1. */
static clgen_tensor *either(const augmenter *a, int k) {
  return clgen_affine(clgen_greater(uniform(a, k), constant(a, 0.5f)), -2, 1);
}
/* Of an image: (N,1,1,1). */
static clgen_tensor *of_image(const augmenter *a, clgen_tensor *each) {
  return clgen_reshape(each, clgen_shape_of(4, a->n, 1, 1, 1));
}

/* ---- Where pixels go: blit, geom ---- */

/* From places in the result to places in the image: (t0 u + t1 v + t2, t3 u + t4 v + t5). Transformations of the image
 * follow each other as their inverses are multiplied from the right. */
typedef struct {
  clgen_tensor *t[6];
} map;

static void scale(map *m, clgen_tensor *x, clgen_tensor *y) {
  for (int k = 0; k < 6; k += 3) {
    m->t[k] = clgen_mul(m->t[k], x);
    m->t[k + 1] = clgen_mul(m->t[k + 1], y);
  }
}

static void turn(map *m, clgen_tensor *cosine, clgen_tensor *sine) {
  for (int k = 0; k < 6; k += 3) {
    clgen_tensor *u = m->t[k], *v = m->t[k + 1];
    m->t[k] = clgen_add(clgen_mul(u, cosine), clgen_mul(v, sine));
    m->t[k + 1] = clgen_sub(clgen_mul(v, cosine), clgen_mul(u, sine));
  }
}

static void shift(map *m, clgen_tensor *x, clgen_tensor *y) {
  for (int k = 0; k < 6; k += 3)
    m->t[k + 2] = clgen_add(m->t[k + 2], clgen_add(clgen_mul(m->t[k], x), clgen_mul(m->t[k + 1], y)));
}

/* A quarter turn's number, 0 to 3, as a sum of steps, so that its cosine and sine are exact. */
static void quarter_turn(const augmenter *a, map *m) {
  clgen_tensor *step[3];
  for (int k = 0; k < 3; ++k) {
    clgen_tensor *below = clgen_greater(constant(a, 0.25f * (float)(k + 1)), uniform(a, U_TURN));
    step[k] = clgen_affine(below, -1, 1);
  }
  clgen_tensor *cosine = clgen_sub(clgen_affine(clgen_sub(step[2], step[0]), 1, 1), step[1]);
  clgen_tensor *sine = clgen_sub(clgen_sub(step[0], step[1]), step[2]);
  turn(m, perhaps(a, G_TURN, cosine, 1), perhaps(a, G_TURN, sine, 0));
}

static void whole_shift(const augmenter *a, map *m) {
  clgen_tensor *by[2];
  for (int k = 0; k < 2; ++k) {
    float most = shift_most * (float)(k ? a->height : a->width);
    clgen_tensor *pixels = clgen_round(clgen_affine(uniform(a, U_SHIFT_X + k), 2 * most, -most));
    by[k] = perhaps(a, G_SHIFT, pixels, 0);
  }
  shift(m, by[0], by[1]);
}

static void blit(const augmenter *a, map *m) {
  if (a->which & CLGEN_AUGMENT_XFLIP) scale(m, perhaps(a, G_FLIP, either(a, U_FLIP), 1), constant(a, 1));
  if (a->which & CLGEN_AUGMENT_ROTATE90) quarter_turn(a, m);
  if (a->which & CLGEN_AUGMENT_XINT) whole_shift(a, m);
}

/* Before and after squeezing, each with such a probability that one of them at least happens with probability p. */
static void rotate(const augmenter *a, map *m, int gate) {
  clgen_tensor *rest = clgen_sqrt(clgen_clamp(clgen_affine(a->p, -1, 1), 0, 1));
  clgen_tensor *angle = clgen_affine(uniform(a, gate + 1), (float)(2 * pi), (float)-pi);
  angle = perhaps_with(a, clgen_affine(rest, -1, 1), gate, angle, 0);
  turn(m, clgen_cos(angle), clgen_sin(angle));
}

static void geom(const augmenter *a, map *m) {
  if (a->which & CLGEN_AUGMENT_SCALE) {
    clgen_tensor *by = clgen_reciprocal(perhaps(a, G_SCALE, log_normal(a, N_SCALE, scale_deviation), 1));
    scale(m, by, by);
  }
  if (a->which & CLGEN_AUGMENT_ROTATE) rotate(a, m, G_ROTATE_BEFORE);
  if (a->which & CLGEN_AUGMENT_ANISO) {
    clgen_tensor *by = perhaps(a, G_SQUEEZE, log_normal(a, N_SQUEEZE, scale_deviation), 1);
    scale(m, clgen_reciprocal(by), by);
  }
  if (a->which & CLGEN_AUGMENT_ROTATE) rotate(a, m, G_ROTATE_AFTER);
  if (a->which & CLGEN_AUGMENT_XFRAC) {
    clgen_tensor *x = clgen_affine(normal(a, N_FRACTION_X), shift_deviation * (float)a->width, 0);
    clgen_tensor *y = clgen_affine(normal(a, N_FRACTION_Y), shift_deviation * (float)a->height, 0);
    shift(m, perhaps(a, G_FRACTION, x, 0), perhaps(a, G_FRACTION, y, 0));
  }
}

static clgen_tensor *move(const augmenter *a, clgen_tensor *x) {
  map m;
  for (int k = 0; k < 6; ++k) m.t[k] = constant(a, k % 4 == 0 ? 1 : 0);
  blit(a, &m);
  geom(a, &m);
  for (int k = 0; k < 6; ++k) m.t[k] = clgen_reshape(m.t[k], clgen_shape_of(2, 1, a->n));
  clgen_tensor *theta = clgen_reshape(clgen_transpose(clgen_concat(6, m.t, 0)), clgen_shape_of(3, a->n, 2, 3));
  return clgen_affine_sample(x, theta, a->height, a->width);
}

/* ---- Colours ---- */

/* Of a colour the part along grey (its mean) is multiplied by `grey`, after a number was added; the rest is turned about the
 * grey axis and multiplied. All of the paper's matrices are of this form, so their product is one of few numbers. */
typedef struct {
  clgen_tensor *add, *grey, *rest, *cosine, *sine;
} toning;

/* `changed` with probability p where the transformation is among those asked for, else `unchanged`. */
static clgen_tensor *perhaps_if(const augmenter *a, unsigned asked, int gate, clgen_tensor *changed, float unchanged) {
  return a->which & asked ? perhaps(a, gate, changed, unchanged) : constant(a, unchanged);
}

static toning tone(const augmenter *a, bool colourful) {
  toning t;
  t.add = perhaps_if(a, CLGEN_AUGMENT_BRIGHTNESS, G_BRIGHTNESS,
                     clgen_affine(normal(a, N_BRIGHTNESS), brightness_deviation, 0), 0);
  clgen_tensor *contrast =
      perhaps_if(a, CLGEN_AUGMENT_CONTRAST, G_CONTRAST, log_normal(a, N_CONTRAST, contrast_deviation), 1);
  t.grey = clgen_mul(contrast, perhaps_if(a, CLGEN_AUGMENT_LUMAFLIP, G_LUMA, either(a, U_LUMA), 1));
  t.rest = t.cosine = t.sine = NULL;
  if (!colourful) return t;
  clgen_tensor *angle =
      perhaps_if(a, CLGEN_AUGMENT_HUE, G_HUE, clgen_affine(uniform(a, U_HUE), (float)(2 * pi), (float)-pi), 0);
  t.rest = clgen_mul(
      contrast, perhaps_if(a, CLGEN_AUGMENT_SATURATION, G_SATURATION, log_normal(a, N_SATURATION, saturation_deviation), 1));
  t.cosine = clgen_cos(angle);
  t.sine = clgen_sin(angle);
  return t;
}

/* Three colours x: each becomes a sum of all three, by a matrix whose rows are one row turned round. */
static clgen_tensor *mix(const augmenter *a, const toning *t, clgen_tensor *x) {
  clgen_tensor *along = clgen_affine(t->grey, 1 / 3.0f, 0), *cosine = clgen_mul(t->rest, t->cosine);
  clgen_tensor *sine = clgen_affine(clgen_mul(t->rest, t->sine), (float)(1 / sqrt(3)), 0);
  clgen_tensor *others = clgen_sub(along, clgen_affine(cosine, 1 / 3.0f, 0));
  clgen_tensor *turned[3] = {clgen_add(along, clgen_affine(cosine, 2 / 3.0f, 0)), clgen_sub(others, sine),
                             clgen_add(others, sine)};
  clgen_tensor *entry[9];
  for (int k = 0; k < 9; ++k) entry[k] = clgen_reshape(turned[(k % 3 - k / 3 + 3) % 3], clgen_shape_of(2, 1, a->n));
  clgen_tensor *matrix = clgen_reshape(clgen_transpose(clgen_concat(9, entry, 0)), clgen_shape_of(5, a->n, 3, 3, 1, 1));
  x = clgen_reshape(x, clgen_shape_of(5, a->n, 1, 3, a->height, a->width));
  return clgen_sum(clgen_mul(matrix, x), 1u << 2, false);
}

static clgen_tensor *color(const augmenter *a, clgen_tensor *x) {
  int64_t colours = a->channels > 2 ? 3 : 1;
  toning t = tone(a, colours == 3);
  clgen_tensor *opaque = clgen_slice(x, 1, 0, colours);
  clgen_tensor *toned = colours == 3 ? mix(a, &t, opaque) : clgen_mul(opaque, of_image(a, t.grey));
  toned = clgen_add(toned, of_image(a, clgen_mul(t.add, t.grey)));
  if (a->channels == colours) return toned;
  return clgen_concat(2, (clgen_tensor *[]){toned, clgen_slice(x, 1, colours, 1)}, 1);
}

/* ---- Frequencies ---- */

enum { BANDS = 4, MARGIN = 7 }; /* 1 + 2 + 4 */

/* Each of the two axes smoothed by (1 2 1) / 4, with `step` pixels between the three; so much is cut from all sides. */
static clgen_tensor *smoothed(clgen_tensor *x, int64_t step) {
  for (int axis = 2; axis < 4; ++axis) {
    int64_t size = clgen_tensor_dim(x, axis) - 2 * step;
    clgen_tensor *sides = clgen_add(clgen_slice(x, axis, 0, size), clgen_slice(x, axis, 2 * step, size));
    x = clgen_add(clgen_affine(sides, 0.25f, 0), clgen_affine(clgen_slice(x, axis, step, size), 0.5f, 0));
    if (!x) return NULL;
  }
  return x;
}

static clgen_tensor *inner(const augmenter *a, clgen_tensor *x, int64_t margin) {
  return clgen_slice(clgen_slice(x, 2, margin, a->height), 3, margin, a->width);
}

/* How much of each band stays: gains in turn, each followed by bringing the power of a natural image, most of which is in
 * the low frequencies, back to what it was. bands: the finest first. */
static void gains(const augmenter *a, clgen_tensor *gain[BANDS]) {
  static const float power[BANDS] = {1 / 13.0f, 1 / 13.0f, 1 / 13.0f, 10 / 13.0f};
  for (int k = 0; k < BANDS; ++k) gain[k] = constant(a, 1);
  for (int k = 0; k < BANDS; ++k) {
    clgen_tensor *one = perhaps(a, G_FILTER + k, log_normal(a, N_FILTER + k, filter_deviation), 1);
    clgen_tensor *back = clgen_rsqrt(clgen_affine(clgen_square(one), power[k], 1 - power[k]));
    for (int j = 0; j < BANDS; ++j) gain[j] = clgen_mul(gain[j], j == k ? clgen_mul(one, back) : back);
  }
}

/* Shensa 1992, "The discrete wavelet transform: wedding the a trous and Mallat algorithms": smoothed again and again at
 * twice the step; a band is what one smoothing took away. */
static clgen_tensor *filter(const augmenter *a, clgen_tensor *x) {
  static const float same[6] = {1, 0, 0, 0, 1, 0};
  clgen_tensor *gain[BANDS], *entry[6], *level[BANDS];
  for (int k = 0; k < 6; ++k) entry[k] = clgen_constant(a->graph, same[k], clgen_shape_of(2, 1, a->n));
  clgen_tensor *theta = clgen_reshape(clgen_transpose(clgen_concat(6, entry, 0)), clgen_shape_of(3, a->n, 2, 3));
  clgen_tensor *wide = clgen_affine_sample(x, theta, a->height + 2 * MARGIN, a->width + 2 * MARGIN);
  int64_t margin = MARGIN;
  gains(a, gain);
  level[0] = x;
  for (int k = 1; k < BANDS; ++k) {
    int64_t step = 1 << (k - 1);
    wide = smoothed(wide, step);
    margin -= step;
    level[k] = inner(a, wide, margin);
  }
  clgen_tensor *out = clgen_mul(level[BANDS - 1], of_image(a, gain[BANDS - 1]));
  for (int k = 0; k < BANDS - 1; ++k)
    out = clgen_add(out, clgen_mul(clgen_sub(level[k], level[k + 1]), of_image(a, gain[k])));
  return out;
}

/* ---- Corruptions ---- */

static clgen_tensor *add_noise(const augmenter *a, clgen_tensor *x, clgen_tensor *noise) {
  clgen_tensor *deviation = clgen_affine(clgen_abs(normal(a, N_NOISE)), noise_deviation, 0);
  return clgen_add(x, clgen_mul(noise, of_image(a, perhaps(a, G_NOISE, deviation, 0))));
}

/* 0.5, 1.5, ... of n, in n: put together from halves, since there are no constants with more than one value. */
static clgen_tensor *places(const augmenter *a, int64_t n) {
  clgen_tensor *ramp = clgen_constant(a->graph, 0.5f, clgen_shape_of(1, 1));
  for (int64_t size = 1; ramp && size < n; size *= 2)
    ramp = clgen_concat(2, (clgen_tensor *[]){ramp, clgen_affine(ramp, 1, (float)size)}, 0);
  return clgen_affine(clgen_slice(ramp, 0, 0, n), 1 / (float)n, 0);
}

static clgen_tensor *cut_out(const augmenter *a, clgen_tensor *x) {
  clgen_tensor *reach = of_image(a, perhaps(a, G_CUTOUT, constant(a, cutout_size / 2), 0)), *outside = NULL;
  for (int k = 0; k < 2; ++k) {
    int64_t size = k ? a->height : a->width;
    clgen_shape along = k ? clgen_shape_of(4, 1, 1, size, 1) : clgen_shape_of(4, 1, 1, 1, size);
    clgen_tensor *away =
        clgen_abs(clgen_sub(clgen_reshape(places(a, size), along), of_image(a, uniform(a, U_CUTOUT_X + k))));
    clgen_tensor *there = clgen_affine(clgen_greater(reach, away), -1, 1);
    outside = outside ? clgen_maximum(outside, there) : there;
  }
  return clgen_mul(x, clgen_stop_gradient(outside));
}

/* ---- All ---- */

clgen_tensor *clgen_augment(clgen_graph *graph, clgen_tensor *images, unsigned transformations, clgen_tensor *p,
                            clgen_tensor *uniform_numbers, clgen_tensor *normal_numbers, clgen_tensor *noise) {
  if (!images || !p || !uniform_numbers || !normal_numbers) return NULL;
  if (clgen_tensor_shape(images)->ndim != 4 || (transformations & CLGEN_AUGMENT_NOISE && !noise)) {
    clgen_fail(CLGEN_E_INVALID, "augment: images (N,C,H,W) and, for noise, numbers for each pixel are needed");
    return NULL;
  }
  augmenter a = {.graph = graph, .which = transformations, .p = p, .uniform = uniform_numbers, .normal = normal_numbers};
  a.n = clgen_tensor_dim(images, 0), a.channels = clgen_tensor_dim(images, 1);
  a.height = clgen_tensor_dim(images, 2), a.width = clgen_tensor_dim(images, 3);
  clgen_tensor *x = images;
  if (a.which & (CLGEN_AUGMENT_BLIT | CLGEN_AUGMENT_GEOM)) x = move(&a, x);
  if (a.which & CLGEN_AUGMENT_COLOR) x = color(&a, x);
  if (a.which & CLGEN_AUGMENT_FILTER) x = filter(&a, x);
  if (a.which & CLGEN_AUGMENT_NOISE) x = add_noise(&a, x, noise);
  if (a.which & CLGEN_AUGMENT_CUTOUT) x = cut_out(&a, x);
  return x;
}

/* ---- Names ---- */

static const struct {
  const char *name;
  unsigned bits;
} groups[] = {{"blit", CLGEN_AUGMENT_BLIT},     {"geom", CLGEN_AUGMENT_GEOM},   {"color", CLGEN_AUGMENT_COLOR},
              {"filter", CLGEN_AUGMENT_FILTER}, {"noise", CLGEN_AUGMENT_NOISE}, {"cutout", CLGEN_AUGMENT_CUTOUT}};

static bool is(const char *name, const char *begin, size_t length) {
  return strlen(name) == length && strncmp(name, begin, length) == 0;
}

static int parse_one(unsigned *transformations, const char *name, size_t length) {
#define CLGEN_AUGMENT_TEXT(name, text) text,
  static const char *const names[] = {CLGEN_AUGMENTS(CLGEN_AUGMENT_TEXT)}, shorthand[] = "bgcfnc";
  unsigned bits = 0;
  for (size_t k = 0; k < CLGEN_COUNT(names); ++k)
    if (is(names[k], name, length)) bits = 1u << k;
  for (size_t k = 0; k < CLGEN_COUNT(groups); ++k)
    if (is(groups[k].name, name, length)) bits = groups[k].bits;
  if (length && length <= CLGEN_COUNT(groups) && strncmp(shorthand, name, length) == 0)
    for (size_t k = 0; k < length; ++k) bits |= groups[k].bits;
  *transformations |= bits;
  if (bits) return CLGEN_OK;
#define CLGEN_AUGMENT_LISTED(name, text) ", " text
  return clgen_fail(CLGEN_E_INVALID,
                    "\"%.*s\" is not one of " CLGEN_AUGMENT_GROUPS ", no beginning of %s, and no single transformation%s",
                    (int)length, name, shorthand, CLGEN_AUGMENTS(CLGEN_AUGMENT_LISTED));
}

int clgen_augment_parse(unsigned *transformations, const char *list) {
  *transformations = 0;
  for (const char *p = list;; ++p) {
    size_t length = strcspn(p, ",");
    int code = parse_one(transformations, p, length);
    if (code) return code;
    p += length;
    if (!*p) return CLGEN_OK;
  }
}
