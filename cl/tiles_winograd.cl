/* Convolutions by minimal filtering algorithms, which make several outputs at once with fewer multiplications. Winograd,
 * "Arithmetic Complexity of Computations" (1980); Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
 * Three forms:
 *  0: kernels of 3x3, stride 1, and the input gradients of such: F(2x2, 3x3), 16 products for 4 outputs instead of 36.
 *  1: kernels of 4x4, stride 2: a sum over the four phases of the image of convolutions with kernels of 2x2, each by
 *     F(2x2, 2x2), 36 products for 4 outputs instead of 64.
 *  2: the input gradients of such: each of its four phases is a convolution with kernels of 2x2, 36 products for 16 outputs
 *     instead of 64. Of what the phases need of a patch much is the same.
 *
 * Outputs are made in tiles. What a tile sees, a patch, is transformed to some kinds of numbers, one for each product, and so
 * are the kernels; of each kind the sums over channels are a product of matrices of their own, whose columns are the tiles. */

typedef struct {
  int step, patch; /* from one tile's patch to the next, and the patch's size, in pixels of the source */
  int phases;      /* of the source: an inner index is (channel, phase) */
  int products;    /* kinds of sums */
  int outputs;     /* along each side of a tile */
} winograd_form;

static winograd_form winograd_form_of(int form) {
  winograd_form f;
  f.step = form == 1 ? 4 : 2;
  f.patch = form == 1 ? 6 : 4;
  f.phases = form == 1 ? 4 : 1;
  f.products = form == 0 ? 16 : form == 1 ? 9 : 36;
  f.outputs = form == 2 ? 4 : 2;
  return f;
}

/* ---- Kernels --------------------------------------------------------------------------------------------------- */

/* Of TM kernels at a time: each number is a row of TM, one for each. */
#define WINOGRAD_ROWS(value) \
  _Pragma("unroll") for (int i = 0; i < TM; ++i) value

/* Of TM kernels, of which `here` are there and sm apart, tap by tap; the others are any. */
static void winograd_taps(__global const float *w, long sm, int here, int taps, float (*g)[TM]) {
  int t = 0;
  for (; t + 4 <= taps; t += 4) {
    float4 r[TM];
#pragma unroll
    for (int i = 0; i < TM; ++i) r[i] = LOAD(float4, w + min(i, here - 1) * sm + t);
    TURN(r, PRIVATE_AT, g[t])
  }
  for (; t < taps; ++t)
    for (int i = 0; i < TM; ++i) g[t][i] = w[min(i, here - 1) * sm + t];
}

/* (1, 0, 0), (1, 1, 1) / 2, (1, -1, 1) / 2, (0, 0, 1) on both sides of 3x3 elements */
static void winograd_kernels_3(float (*tap)[TM], bool turned, __global float *to, long kind) {
  float row[12][TM];
  for (int x = 0; x < 3; ++x) {
    const float *g0 = tap[turned ? 8 - x : x], *g1 = tap[turned ? 5 - x : 3 + x], *g2 = tap[turned ? 2 - x : 6 + x];
    WINOGRAD_ROWS(row[x][i] = g0[i]);
    WINOGRAD_ROWS(row[3 + x][i] = 0.5f * (g0[i] + g2[i]) + 0.5f * g1[i]);
    WINOGRAD_ROWS(row[6 + x][i] = 0.5f * (g0[i] + g2[i]) - 0.5f * g1[i]);
    WINOGRAD_ROWS(row[9 + x][i] = g2[i]);
  }
  for (int y = 0; y < 4; ++y, to += 4 * kind) {
    float(*r)[TM] = row + 3 * y;
    WINOGRAD_ROWS(to[i] = r[0][i]);
    WINOGRAD_ROWS(to[kind + i] = 0.5f * (r[0][i] + r[2][i]) + 0.5f * r[1][i]);
    WINOGRAD_ROWS(to[2 * kind + i] = 0.5f * (r[0][i] + r[2][i]) - 0.5f * r[1][i]);
    WINOGRAD_ROWS(to[3 * kind + i] = r[2][i]);
  }
}

/* (1, 0), (1, 1), (0, 1) on both sides of a, b; c, d */
static void winograd_kernels_2(const float *a, const float *b, const float *c, const float *d, __global float *to, long kind) {
  WINOGRAD_ROWS(to[i] = a[i]);
  WINOGRAD_ROWS(to[kind + i] = a[i] + b[i]);
  WINOGRAD_ROWS(to[2 * kind + i] = b[i]);
  WINOGRAD_ROWS(to[3 * kind + i] = a[i] + c[i]);
  WINOGRAD_ROWS(to[4 * kind + i] = (a[i] + b[i]) + (c[i] + d[i]));
  WINOGRAD_ROWS(to[5 * kind + i] = b[i] + d[i]);
  WINOGRAD_ROWS(to[6 * kind + i] = c[i]);
  WINOGRAD_ROWS(to[7 * kind + i] = c[i] + d[i]);
  WINOGRAD_ROWS(to[8 * kind + i] = d[i]);
}

/* Packed as a left operand of each kind, one behind the other. The taps of kernel (m, k) are at w + m sm + k s1, one after the
 * other or, where `turned`, from the last to the first. */
static void tiles_winograd_weights(const int item, const int items, __global const long *words, const int at,
                                   __global float *to, __global const float *w) {
  const int form = (int)words[at], rows = (int)words[at + 1], channels = (int)words[at + 2];
  const int sm = (int)words[at + 3], s1 = (int)words[at + 4], turned = (int)words[at + 5];
  const winograd_form f = winograd_form_of(form);
  const int panels = (rows + TM - 1) / TM;
  const long kind = (long)panels * channels * f.phases * TM;
  w += words[at + 6];
  for (int panel = item; panel < panels; panel += items)
    for (int k = 0; k < channels; ++k) {
      __global float *place = to + ((long)panel * channels + k) * f.phases * TM;
      float g[16][TM];
      winograd_taps(w + (long)panel * TM * sm + (long)k * s1, sm, min(TM, rows - panel * TM), form == 0 ? 9 : 16, g);
      if (form == 0)
        winograd_kernels_3(g, turned, place, kind);
      else
        for (int p = 0; p < 4; ++p) { /* of the input gradient: even places are made by taps 3 and 1, odd ones by 2 and 0 */
          const int first = form == 1 ? p / 2 * 4 + p % 2 : (3 - p / 2) * 4 + 3 - p % 2, x = form == 1 ? 2 : -2;
          winograd_kernels_2(g[first], g[first + x], g[first + 4 * x], g[first + 5 * x],
                             form == 1 ? place + p * TM : place + 9 * p * kind, kind);
        }
    }
}

__kernel void clgen_tiles_winograd_weights(__global const long *words, const int at, __global float *to,
                                           __global const float *w) {
  tiles_winograd_weights((int)get_global_id(0), (int)get_global_size(0), words, at, to, w);
}

/* ---- Patches --------------------------------------------------------------------------------------------------- */

/* NAME: as many patches as TYPE has elements, which lie side by side, of every channel, by the places of their elements. `to`
 * is where the first kind's go, one inner index after the other. */
#define WINOGRAD_PATCHES(NAME, TYPE)                                                                                        \
  static void NAME##_0(__global const float *from, __global const int *place, int channels, __global float *to, long kind) { \
    for (int k = 0; k < channels; ++k, place += 16, to += TN) {                                                             \
      TYPE d[4][4];                                                                                                         \
      _Pragma("unroll") for (int x = 0; x < 4; ++x) {                                                                       \
        const TYPE d0 = LOAD(TYPE, from + place[x]), d1 = LOAD(TYPE, from + place[4 + x]);                                  \
        const TYPE d2 = LOAD(TYPE, from + place[8 + x]), d3 = LOAD(TYPE, from + place[12 + x]);                             \
        d[0][x] = d0 - d2, d[1][x] = d1 + d2, d[2][x] = d2 - d1, d[3][x] = d1 - d3;                                         \
      }                                                                                                                     \
      _Pragma("unroll") for (int y = 0; y < 4; ++y) {                                                                       \
        STORE(TYPE, to + (4 * y) * kind, d[y][0] - d[y][2]);                                                                \
        STORE(TYPE, to + (4 * y + 1) * kind, d[y][1] + d[y][2]);                                                            \
        STORE(TYPE, to + (4 * y + 2) * kind, d[y][2] - d[y][1]);                                                            \
        STORE(TYPE, to + (4 * y + 3) * kind, d[y][1] - d[y][3]);                                                            \
      }                                                                                                                     \
    }                                                                                                                       \
  }                                                                                                                         \
  static void NAME##_1(__global const float *from, __global const int *place, int channels, __global float *to, long kind) { \
    for (int k = 0; k < channels; ++k, place += 36)                                                                         \
      for (int p = 0; p < 4; ++p, to += TN) {                                                                               \
        __global const int *at = place + p / 2 * 6 + p % 2;                                                                 \
        TYPE d[3][3];                                                                                                       \
        _Pragma("unroll") for (int x = 0; x < 3; ++x) {                                                                     \
          const TYPE d0 = LOAD(TYPE, from + at[2 * x]), d1 = LOAD(TYPE, from + at[12 + 2 * x]);                             \
          const TYPE d2 = LOAD(TYPE, from + at[24 + 2 * x]);                                                                \
          d[0][x] = d0 - d1, d[1][x] = d1, d[2][x] = d1 - d2;                                                               \
        }                                                                                                                   \
        _Pragma("unroll") for (int y = 0; y < 3; ++y) {                                                                     \
          STORE(TYPE, to + (3 * y) * kind, d[y][0] - d[y][1]);                                                              \
          STORE(TYPE, to + (3 * y + 1) * kind, d[y][1]);                                                                    \
          STORE(TYPE, to + (3 * y + 2) * kind, d[y][1] - d[y][2]);                                                          \
        }                                                                                                                   \
      }                                                                                                                     \
  }                                                                                                                         \
  static void NAME##_2(__global const float *from, __global const int *place, int channels, __global float *to, long kind) { \
    for (int k = 0; k < channels; ++k, place += 16, to += TN) {                                                             \
      TYPE d[5][4];                                                                                                         \
      _Pragma("unroll") for (int x = 0; x < 4; ++x) {                                                                       \
        const TYPE d0 = LOAD(TYPE, from + place[x]), d3 = LOAD(TYPE, from + place[12 + x]);                                 \
        d[1][x] = LOAD(TYPE, from + place[4 + x]), d[3][x] = LOAD(TYPE, from + place[8 + x]);                               \
        d[0][x] = d0 - d[1][x], d[2][x] = d[1][x] - d[3][x], d[4][x] = d[3][x] - d3;                                        \
      }                                                                                                                     \
      _Pragma("unroll") for (int y = 0; y < 5; ++y) {                                                                       \
        STORE(TYPE, to + (5 * y) * kind, d[y][0] - d[y][1]);                                                                \
        STORE(TYPE, to + (5 * y + 1) * kind, d[y][1]);                                                                      \
        STORE(TYPE, to + (5 * y + 2) * kind, d[y][1] - d[y][2]);                                                            \
        STORE(TYPE, to + (5 * y + 3) * kind, d[y][2]);                                                                      \
        STORE(TYPE, to + (5 * y + 4) * kind, d[y][2] - d[y][3]);                                                            \
      }                                                                                                                     \
    }                                                                                                                       \
  }                                                                                                                         \
  static void NAME(int form, __global const float *from, __global const int *place, int channels, __global float *to,       \
                   long kind) {                                                                                             \
    if (form == 0)                                                                                                          \
      NAME##_0(from, place, channels, to, kind);                                                                            \
    else if (form == 1)                                                                                                     \
      NAME##_1(from, place, channels, to, kind);                                                                            \
    else                                                                                                                    \
      NAME##_2(from, place, channels, to, kind);                                                                            \
  }
WINOGRAD_PATCHES(winograd_patches_16, float16)
WINOGRAD_PATCHES(winograd_patches_8, float8)
WINOGRAD_PATCHES(winograd_patches_4, float4)
WINOGRAD_PATCHES(winograd_patches_2, float2)
WINOGRAD_PATCHES(winograd_patches_1, float)

/* Those of a block of `depth` inner indices, of which the slot has the piece x of the source. */
static void winograd_gather(int form, const winograd_form *f, const conv_source *v, const conv_part *p,
                            __global const float *x, __global const int *place, __global float *to, int depth, long kind) {
  const int kinds = form == 2 ? 25 : f->products, image = f->step * f->step * v->rows_there * v->cols_there;
  int j = 0;
  for (int n = 0; n < v->images; ++n)
    for (int r = 0; r < p->rows; ++r)
      for (int q = 0; q < p->ow; q += p->unit, j += p->unit) {
        __global const float *from = x + n * image + r * v->cols_there + q;
        __global float *column = RIGHT_PLACE(to, j, depth, 0);
        switch (p->unit) {
          case 16: winograd_patches_16(form, from, place, v->channels, column, kind); break;
          case 8: winograd_patches_8(form, from, place, v->channels, column, kind); break;
          case 4: winograd_patches_4(form, from, place, v->channels, column, kind); break;
          case 2: winograd_patches_2(form, from, place, v->channels, column, kind); break;
          default: winograd_patches_1(form, from, place, v->channels, column, kind);
        }
      }
  for (; j % TN; ++j)
    for (int k = 0; k < depth; ++k)
      for (int i = 0; i < kinds; ++i) RIGHT_PLACE(to, j, depth, k)[i * kind] = 0.0f;
}

/* ---- Outputs --------------------------------------------------------------------------------------------------- */

/* The 2x2 outputs of 4x4 or 3x3 sums, a vector of tiles at a time: to out, `right` and `down` floats apart. */
static void winograd_sums_4(__global const float *from, long kind, __global float *out, int right, int down) {
  tile_vector s[2][4];
#pragma unroll
  for (int x = 0; x < 4; ++x) {
    const tile_vector m0 = LOAD(tile_vector, from + x * kind), m1 = LOAD(tile_vector, from + (4 + x) * kind);
    const tile_vector m2 = LOAD(tile_vector, from + (8 + x) * kind), m3 = LOAD(tile_vector, from + (12 + x) * kind);
    s[0][x] = m0 + m1 + m2;
    s[1][x] = m1 - m2 - m3;
  }
#pragma unroll
  for (int y = 0; y < 2; ++y) {
    STORE(tile_vector, out + y * down, s[y][0] + s[y][1] + s[y][2]);
    STORE(tile_vector, out + y * down + right, s[y][1] - s[y][2] - s[y][3]);
  }
}
static void winograd_sums_3(__global const float *from, long kind, __global float *out, int right, int down) {
  tile_vector s[2][3];
#pragma unroll
  for (int x = 0; x < 3; ++x) {
    const tile_vector m1 = LOAD(tile_vector, from + (3 + x) * kind);
    s[0][x] = LOAD(tile_vector, from + x * kind) + m1;
    s[1][x] = m1 - LOAD(tile_vector, from + (6 + x) * kind);
  }
#pragma unroll
  for (int y = 0; y < 2; ++y) {
    STORE(tile_vector, out + y * down, s[y][0] + s[y][1]);
    STORE(tile_vector, out + y * down + right, s[y][1] - s[y][2]);
  }
}

/* Row i of the sums: to `tile` the outputs of each column's tile, each for all columns. */
static void winograd_outputs(int form, const conv_part *p, __global const float *c, long kind, int i, __global float *tile) {
  const int columns = p->panels * TN;
  for (int j = 0; j < p->columns; j += TW) {
    __global const float *from = SUM_PLACE(c, j, i, p->panels);
    if (form == 0)
      winograd_sums_4(from, kind, tile + j, columns, 2 * columns);
    else if (form == 1)
      winograd_sums_3(from, kind, tile + j, columns, 2 * columns);
    else
      for (int f = 0; f < 4; ++f)
        winograd_sums_3(from + 9 * f * kind, kind, tile + (f / 2 * 4 + f % 2) * columns + j, 2 * columns, 8 * columns);
  }
}

/* A row of n numbers from those that take turns in it, two or four, `columns` floats apart. */
static void winograd_row_2(__global const float *from, int columns, int n, __global float *to) {
  int q = 0;
  for (; 2 * q + 16 <= n; q += 8) {
    const float8 a = LOAD(float8, from + q), b = LOAD(float8, from + columns + q);
    STORE(float16, to + 2 * q,
          ((float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)));
  }
  for (; 2 * q + 8 <= n; q += 4) {
    const float4 a = LOAD(float4, from + q), b = LOAD(float4, from + columns + q);
    STORE(float8, to + 2 * q, ((float8)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3)));
  }
  for (int x = 2 * q; x < n; ++x) to[x] = from[x % 2 * columns + x / 2];
}
static void winograd_row_4(__global const float *from, int columns, int n, __global float *to) {
  int q = 0;
  for (; 4 * q + 16 <= n; q += 4) {
    const float4 a = LOAD(float4, from + q), b = LOAD(float4, from + columns + q);
    const float4 c = LOAD(float4, from + 2 * columns + q), d = LOAD(float4, from + 3 * columns + q);
    STORE(float16, to + 4 * q,
          ((float16)(a.s0, b.s0, c.s0, d.s0, a.s1, b.s1, c.s1, d.s1, a.s2, b.s2, c.s2, d.s2, a.s3, b.s3, c.s3, d.s3)));
  }
  for (int x = 4 * q; x < n; ++x) to[x] = from[x % 4 * columns + x / 4];
}

static void winograd_store(const winograd_form *f, const conv_source *v, const conv_part *p, __global const float *tile,
                           int oh, int ow, long image_stride, __global float *out) {
  const int columns = p->panels * TN;
  for (int n = 0; n < v->images; ++n, out += image_stride)
    for (int r = 0; r < p->rows; ++r, tile += p->ow)
      for (int y = 0; y < f->outputs; ++y) {
        const int oy = f->outputs * (v->first_row + r) + y;
        if (oy >= oh) continue;
        if (f->outputs == 2)
          winograd_row_2(tile + 2 * y * columns, columns, ow, out + oy * ow);
        else
          winograd_row_4(tile + 4 * y * columns, columns, ow, out + oy * ow);
      }
}

/* ---- Tasks ----------------------------------------------------------------------------------------------------- */

/* Which kind of patches product p is of. */
static int winograd_kind_of(int form, int p) {
  const int phase = p / 9, y = p % 9 / 3, x = p % 3;
  return form == 2 ? (phase / 2 * 2 + y) * 5 + phase % 2 * 2 + x : p;
}

static void winograd_task(__global const long *h, int image, int first_row, int panel, int row_panels,
                          __global const float *packed, __global const float *source, __global float *out,
                          __global float *slot) {
  const int m = (int)h[0], channels = (int)h[6], in_block = (int)h[12], oh = (int)h[17], ow = (int)h[18], form = (int)h[26];
  const winograd_form f = winograd_form_of(form);
  const int all_panels = (m + TM - 1) / TM, inner = channels * f.phases;
  const long kind = h[24], sums_kind = h[25];
  conv_source v;
  v.images = min((int)h[2], (int)h[1] - image);
  v.height = (int)h[7], v.width = (int)h[8];
  v.stride = f.step, v.pad_y = (int)h[13], v.pad_x = (int)h[14];
  v.rows_there = (int)h[15], v.cols_there = (int)h[16];
  v.first_row = first_row;
  conv_part p;
  p.kh = p.kw = f.patch, p.skip = 0;
  p.ow = (ow + f.outputs - 1) / f.outputs;
  p.rows = min((int)h[3], (oh + f.outputs - 1) / f.outputs - first_row);
  p.columns = v.images * p.rows * p.ow;
  p.panels = (p.columns + TN - 1) / TN;
  p.unit = (p.ow | TN) % 16 == 0 ? 16 : (p.ow | TN) % 8 == 0 ? 8 : p.ow % 4 == 0 ? 4 : p.ow % 2 == 0 ? 2 : 1;
  const long image_stride = (long)channels * v.height * v.width, plane = (long)oh * ow;
  __global int *place = (__global int *)(slot + h[20]);
  __global float *patches = slot + h[21], *c = slot + h[22], *tile = slot + h[23];
  source += h[9] + image * image_stride;
  conv_clear((int)h[20], slot);
  for (int first = 0; first < channels; first += in_block) {
    v.channels = min(in_block, channels - first);
    const int depth = v.channels * f.phases;
    conv_spread(&v, source + (long)first * v.height * v.width, image_stride, slot);
    conv_places(&v, &p, place);
    winograd_gather(form, &f, &v, &p, slot, place, patches, depth, kind);
    for (int i = 0; i < f.products; ++i)
      tile_block(packed + (((long)i * all_panels + panel) * inner + first * f.phases) * TM, (long)inner * TM, row_panels,
                 patches + winograd_kind_of(form, i) * kind, p.columns, depth, c + i * sums_kind, first > 0);
  }
  __global float *to = out + h[19] + image * m * plane + (long)panel * TM * plane;
  for (int i = 0; i < min(row_panels * TM, m - panel * TM); ++i, to += plane) {
    winograd_outputs(form, &p, c, sums_kind, i, tile);
    winograd_store(&f, &v, &p, tile, oh, ow, m * plane, to);
  }
}

__kernel void clgen_tiles_winograd(__global const long *words, const int at, __global const float *packed,
                                   __global const float *source, __global float *out, __global float *slots) {
  __global const long *h = words + at;
  const int images = (int)h[1], group = (int)h[2], band = (int)h[3], bands = (int)h[4];
  const int panels = ((int)h[0] + TM - 1) / TM, panels_each = (int)h[5], m_groups = (panels + panels_each - 1) / panels_each;
  const int tasks = (images + group - 1) / group * bands * m_groups;
  __global float *slot = slots + h[10] + (long)get_global_id(0) * h[11];
  for (int task = (int)get_global_id(0); task < tasks; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, first_row = task / m_groups % bands * band;
    const int image = task / (m_groups * bands) * group;
    winograd_task(h, image, first_row, panel, min(panels_each, panels - panel), packed, source, out, slot);
  }
}
