/* Products of matrices on devices with few wide cores, and convolutions as such products without their matrix of patches:
 * a work-item packs a block of the right operand straight from where it lies (the image, for a convolution) into its own
 * slot of working memory, small enough for the second-level cache, and multiplies it with the packed left operand by tiles
 * of TM x TN sums in registers. Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
 *
 * The includer defines TM, TV and TW: rows of a tile, vectors in a row, floats in a vector (4, 8 or 16). A sum is taken in
 * order over blocks of the inner dimension whose sizes do not depend on the tile, so that the result does not either.
 *
 * Left operand, packed: [panel of TM rows][k][row]. Right operand: [panel of TN columns][k of this block][column].
 * Sums: [panel of rows][panel of columns][row][column]. The words of each kernel are listed in src/backend/opencl/tiles.c. */

#define TN (TV * TW)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, TW) tile_vector;
#define TILE_LOAD JOIN(vload, TW)
#define TILE_STORE JOIN(vstore, TW)

static inline void tile_product(__global const float *a, __global const float *b, __global float *c, int depth, bool add) {
  tile_vector sum[TM][TV];
#pragma unroll
  for (int i = 0; i < TM; ++i)
#pragma unroll
    for (int v = 0; v < TV; ++v) sum[i][v] = (tile_vector)(0.0f);
  for (int k = 0; k < depth; ++k) {
    tile_vector row[TV];
#pragma unroll
    for (int v = 0; v < TV; ++v) row[v] = TILE_LOAD(v, b);
#pragma unroll
    for (int i = 0; i < TM; ++i)
#pragma unroll
      for (int v = 0; v < TV; ++v) sum[i][v] = fma((tile_vector)(a[i]), row[v], sum[i][v]);
    a += TM;
    b += TN;
  }
  if (add) {
#pragma unroll
    for (int i = 0; i < TM; ++i)
#pragma unroll
      for (int v = 0; v < TV; ++v) TILE_STORE(TILE_LOAD(i * TV + v, c) + sum[i][v], i * TV + v, c);
  } else {
#pragma unroll
    for (int i = 0; i < TM; ++i)
#pragma unroll
      for (int v = 0; v < TV; ++v) TILE_STORE(sum[i][v], i * TV + v, c);
  }
}

/* One block of the inner dimension: `a` is at its first k, `rest` floats behind the same k of the next panel of rows. */
static void tile_block(__global const float *a, long a_panel, int row_panels, __global const float *b, int column_panels,
                       int depth, __global float *c, bool add) {
  for (int i = 0; i < row_panels; ++i)
    for (int j = 0; j < column_panels; ++j)
      tile_product(a + i * a_panel, b + (long)j * depth * TN, c + (long)(i * column_panels + j) * TM * TN, depth, add);
}

/* `count` neighbouring floats from a row of columns beginning at column j of a packed block; never across a panel when unit
 * divides count and j. */
#define RIGHT_PLACE(b, j, depth, k) ((b) + ((long)((j) / TN) * (depth) + (k)) * TN + (j) % TN)
#define SUM_PLACE(c, j, i, column_panels) \
  ((c) + ((long)((i) / TM * (column_panels) + (j) / TN) * TM + (i) % TM) * TN + (j) % TN)

/* ---- The left operand ------------------------------------------------------------------------------------------ */

/* a(m, k) with k = (k1,k2,k3) is at base + m sm + k1 s1 + k2 s2 + k3 s3; several such matrices, one behind the other. */
__kernel void clgen_tiles_pack(__global const long *words, const int at, __global const float *from, __global float *to) {
  const int parts = (int)words[at], rows = (int)words[at + 1], panels = (rows + TM - 1) / TM;
  for (int u = (int)get_global_id(0); u < parts * panels; u += (int)get_global_size(0)) {
    __global const long *w = words + at + 2 + u / panels * 9;
    const int k1n = (int)w[0], k2n = (int)w[1], k3n = (int)w[2], sm = (int)w[3], s1 = (int)w[4], s2 = (int)w[5], s3 = (int)w[6];
    const int panel = u % panels, here = min(TM, rows - panel * TM);
    __global const float *a = from + w[7] + (long)panel * TM * sm;
    __global float *p = to + w[8] + (long)panel * TM * k1n * k2n * k3n;
    for (int k1 = 0; k1 < k1n; ++k1)
      for (int k2 = 0; k2 < k2n; ++k2) {
        __global const float *row = a + (long)k1 * s1 + k2 * s2;
        for (int k3 = 0; k3 < k3n; ++k3, row += s3, p += TM) {
          if (here == TM) {
#pragma unroll
            for (int i = 0; i < TM; ++i) p[i] = row[(long)i * sm];
          } else {
            for (int i = 0; i < TM; ++i) p[i] = i < here ? row[(long)i * sm] : 0.0f;
          }
        }
      }
  }
}

/* ---- Convolutions over images: conv2d, and its input gradient as one convolution for each phase of the stride ------- */

typedef struct {
  int images, channels, height, width; /* of the source; images and channels of this block */
  int stride, pad_y, pad_x, first_row;
  int rows_there, cols_there; /* of one phase of the source in the slot */
} conv_source;

typedef struct {
  int kh, kw, skip; /* skip: from the slot's first float of a phase to the one that the first tap of output 0 reads */
  int rows, ow;     /* of this task's output */
  int columns, panels, unit;
} conv_part;

/* The block's piece of the source into the slot, with zeros around it, split by phase of the stride: [channel][image]
 * [phase y][phase x][row][column], so that what neighbouring outputs need lies side by side. */
static void conv_spread(const conv_source *v, __global const float *source, long image_stride, __global float *x) {
  const int s = v->stride, cols = v->cols_there;
  for (int c = 0; c < v->channels; ++c)
    for (int n = 0; n < v->images; ++n)
      for (int f = 0; f < s * s; ++f) {
        const int shift = f % s - v->pad_x;
        const int high = min(cols, v->width - shift > 0 ? (v->width - shift + s - 1) / s : 0);
        const int low = min(high, shift >= 0 ? 0 : (s - 1 - shift) / s);
        for (int r = 0; r < v->rows_there; ++r, x += cols) {
          const int y = (v->first_row + r) * s - v->pad_y + f / s;
          if (y < 0 || y >= v->height) {
            for (int q = 0; q < cols; ++q) x[q] = 0.0f;
            continue;
          }
          __global const float *row = source + n * image_stride + ((long)c * v->height + y) * v->width + shift;
          for (int q = 0; q < low; ++q) x[q] = 0.0f;
          int q = low;
          if (s == 1) {
            for (; q + 8 <= high; q += 8) vstore8(vload8(0, row + q), 0, x + q);
            for (; q + 4 <= high; q += 4) vstore4(vload4(0, row + q), 0, x + q);
          } else if (s == 2) {
            /* the 16th float is not needed, and need not be there */
            for (; q + 9 <= high; q += 8) vstore8(vload16(0, row + 2 * q).even, 0, x + q);
          }
          for (; q < high; ++q) x[q] = row[s * q];
          for (q = high; q < cols; ++q) x[q] = 0.0f;
        }
      }
}

/* Where each piece of `unit` columns comes from in a phase of the slot, and goes to in a row of the packed block. */
static void conv_pieces(const conv_source *v, const conv_part *p, int depth, __global int *from, __global int *to) {
  int u = 0, j = 0;
  for (int n = 0; n < v->images; ++n)
    for (int r = 0; r < p->rows; ++r)
      for (int q = 0; q < p->ow; q += p->unit, j += p->unit, ++u) {
        from[u] = (n * v->stride * v->stride * v->rows_there + r) * v->cols_there + q;
        to[u] = j / TN * depth * TN + j % TN;
      }
}

static void conv_gather(const conv_source *v, const conv_part *p, __global const float *x, __global const int *from,
                        __global const int *to, __global float *b) {
  const int s = v->stride, depth = v->channels * p->kh * p->kw, phase = v->rows_there * v->cols_there, pieces = p->columns / p->unit;
  int k = 0;
  for (int c = 0; c < v->channels; ++c)
    for (int ky = 0; ky < p->kh; ++ky)
      for (int kx = 0; kx < p->kw; ++kx, ++k) {
        __global const float *first =
            x + (long)(c * v->images * s * s + ky % s * s + kx % s) * phase + ky / s * v->cols_there + kx / s + p->skip;
        __global float *row = b + k * TN;
        if (p->unit == 16)
          for (int u = 0; u < pieces; ++u) vstore16(vload16(0, first + from[u]), 0, row + to[u]);
        else if (p->unit == 8)
          for (int u = 0; u < pieces; ++u) vstore8(vload8(0, first + from[u]), 0, row + to[u]);
        else if (p->unit == 4)
          for (int u = 0; u < pieces; ++u) vstore4(vload4(0, first + from[u]), 0, row + to[u]);
        else
          for (int u = 0; u < pieces; ++u) row[to[u]] = first[from[u]];
        for (int j = p->columns; j < p->panels * TN; ++j) *RIGHT_PLACE(b, j, depth, k) = 0.0f;
      }
}

/* strides: of a row of the product, of an image, of an output row and of an output column */
static void conv_store(const conv_source *v, const conv_part *p, __global const float *c, int rows,
                       __global const long *strides, __global float *out) {
  const long row_stride = strides[0], image_stride = strides[1];
  const int y_stride = (int)strides[2], x_stride = (int)strides[3];
  for (int i = 0; i < rows; ++i) {
    int j = 0;
    for (int n = 0; n < v->images; ++n)
      for (int r = 0; r < p->rows; ++r) {
        __global float *to = out + i * row_stride + n * image_stride + (v->first_row + r) * y_stride;
        if (x_stride == 1 && p->unit == 16)
          for (int q = 0; q < p->ow; q += 16, j += 16) vstore16(vload16(0, SUM_PLACE(c, j, i, p->panels)), 0, to + q);
        else if (x_stride == 1 && p->unit >= 4)
          for (int q = 0; q < p->ow; q += 4, j += 4) vstore4(vload4(0, SUM_PLACE(c, j, i, p->panels)), 0, to + q);
        else
          for (int q = 0; q < p->ow; ++q, ++j) to[q * x_stride] = *SUM_PLACE(c, j, i, p->panels);
      }
  }
}

/* The same for two parts whose columns take turns in the output: c0's come first. */
static void conv_store_pair(const conv_source *v, const conv_part *p, __global const float *c0, __global const float *c1,
                            int rows, __global const long *strides, __global float *out) {
  const long row_stride = strides[0], image_stride = strides[1];
  const int y_stride = (int)strides[2];
  for (int i = 0; i < rows; ++i) {
    int j = 0;
    for (int n = 0; n < v->images; ++n)
      for (int r = 0; r < p->rows; ++r) {
        __global float *to = out + i * row_stride + n * image_stride + (v->first_row + r) * y_stride;
        for (int q = 0; q < p->ow; q += 4, j += 4) {
          const float4 a = vload4(0, SUM_PLACE(c0, j, i, p->panels)), b = vload4(0, SUM_PLACE(c1, j, i, p->panels));
          vstore8((float8)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3), 0, to + 2 * q);
        }
      }
  }
}

/* An input gradient with few channels: the product's rows are (channel, ky, kx), its columns the places of dy, and each
 * pixel of dx is the sum of what the places that saw it say. f: channels, height, width, kh, kw, stride, pad_h, pad_w */
static void conv_fold(const conv_source *v, const conv_part *p, __global const float *c, __global const long *f,
                      __global float *out) {
  const int channels = (int)f[0], height = (int)f[1], width = (int)f[2], kh = (int)f[3], kw = (int)f[4], s = (int)f[5];
  const int pad_h = (int)f[6], pad_w = (int)f[7];
  for (int n = 0; n < v->images; ++n)
    for (int ch = 0; ch < channels; ++ch)
      for (int y = pad_h; y < height + pad_h; ++y) {
        const int oy0 = y < kh ? 0 : (y - kh) / s + 1, oy1 = min(p->rows - 1, y / s);
        for (int x = pad_w; x < width + pad_w; ++x) {
          const int ox0 = x < kw ? 0 : (x - kw) / s + 1, ox1 = min(p->ow - 1, x / s);
          float sum = 0.0f;
          for (int oy = oy0; oy <= oy1; ++oy)
            for (int ox = ox0; ox <= ox1; ++ox) {
              const int j = (n * p->rows + oy) * p->ow + ox, i = (ch * kh + y - oy * s) * kw + x - ox * s;
              sum += *SUM_PLACE(c, j, i, p->panels);
            }
          *out++ = sum;
        }
      }
}

/* What part w computes for this task. */
static conv_part conv_part_of(__global const long *w, const conv_source *v, int band) {
  conv_part p;
  p.kh = (int)w[0], p.kw = (int)w[1], p.skip = (int)w[2] * v->cols_there + (int)w[3];
  p.rows = clamp((int)w[4] - v->first_row, 0, band);
  p.ow = (int)w[5];
  p.columns = v->images * p.rows * p.ow;
  p.panels = (p.columns + TN - 1) / TN;
  p.unit = (p.ow | TN) % 16 == 0 ? 16 : (p.ow | TN) % 8 == 0 ? 8 : p.ow % 4 == 0 ? 4 : 1;
  return p;
}

enum { CONV_HEAD = 22, CONV_PART = 14 };

static void conv_task(__global const long *h, int image, int first_row, int panel, int row_panels, __global const float *packed,
                      __global const float *source, __global float *out, __global float *slot) {
  const int parts = (int)h[0], channels = (int)h[7], in_block = (int)h[15], band = (int)h[4];
  conv_source v;
  v.images = min((int)h[3], (int)h[2] - image);
  v.height = (int)h[8], v.width = (int)h[9];
  v.stride = (int)h[16], v.pad_y = (int)h[17], v.pad_x = (int)h[18];
  v.rows_there = (int)h[19], v.cols_there = (int)h[20];
  v.first_row = first_row;
  const long image_stride = (long)channels * v.height * v.width;
  __global float *b = slot + h[13], *c = slot + h[14];
  source += h[10] + image * image_stride;
  for (int first = 0; first < channels; first += in_block) {
    v.channels = min(in_block, channels - first);
    conv_spread(&v, source + (long)first * v.height * v.width, image_stride, slot);
    for (int k = 0; k < parts; ++k) {
      __global const long *w = h + CONV_HEAD + CONV_PART * k;
      const conv_part p = conv_part_of(w, &v, band);
      const int taps = p.kh * p.kw, depth = v.channels * taps;
      const long a_panel = (long)channels * taps * TM;
      __global int *from = (__global int *)(b + w[8]), *to = from + p.columns;
      conv_pieces(&v, &p, depth, from, to);
      conv_gather(&v, &p, slot, from, to, b);
      tile_block(packed + w[6] + panel * a_panel + (long)first * taps * TM, a_panel, row_panels, b, p.panels, depth, c + w[7],
                 first > 0);
    }
  }
  if (h[21]) {
    __global const long *w = h + CONV_HEAD;
    const conv_part p = conv_part_of(w, &v, band);
    conv_fold(&v, &p, c, w + CONV_PART, out + w[9] + image * w[11]);
    return;
  }
  const int rows = min(row_panels * TM, (int)h[1] - panel * TM);
  for (int k = 0; k < parts; ++k) {
    __global const long *w = h + CONV_HEAD + CONV_PART * k;
    const conv_part p = conv_part_of(w, &v, band);
    __global float *to = out + w[9] + (long)panel * TM * w[10] + image * w[11];
    if (k + 1 < parts && w[CONV_PART + 9] == w[9] + 1 && w[13] == 2 && p.unit >= 4 && w[CONV_PART + 5] == p.ow) {
      conv_store_pair(&v, &p, c + w[7], c + w[CONV_PART + 7], rows, w + 10, to);
      ++k;
    } else {
      conv_store(&v, &p, c + w[7], rows, w + 10, to);
    }
  }
}

__kernel void clgen_tiles_conv(__global const long *words, const int at, __global const float *packed,
                               __global const float *source, __global float *out, __global float *slots) {
  __global const long *h = words + at;
  const int images = (int)h[2], group = (int)h[3], band = (int)h[4], bands = (int)h[5];
  const int panels = ((int)h[1] + TM - 1) / TM, panels_each = (int)h[6], m_groups = (panels + panels_each - 1) / panels_each;
  const int tasks = (images + group - 1) / group * bands * m_groups;
  __global float *slot = slots + h[11] + (long)get_global_id(0) * h[12];
  for (int task = (int)get_global_id(0); task < tasks; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, first_row = task / m_groups % bands * band;
    const int image = task / (m_groups * bands) * group;
    conv_task(h, image, first_row, panel, min(panels_each, panels - panel), packed, source, out, slot);
  }
}

/* ---- Matrix products, and the weight gradient ----------------------------------------------------------------------- */

/* Columns [first, first + columns) of rows [k0, k0 + depth) of a matrix. */
static void matrix_gather(__global const float *from, int stride, bool transposed, int k0, int depth, int first,
                          int columns, __global float *b, int panels) {
  for (int p = 0; p < panels; ++p, b += (long)depth * TN) {
    const int j0 = first + p * TN, here = min(TN, columns - p * TN);
    if (!transposed) {
      __global const float *row = from + (long)k0 * stride + j0;
      if (here == TN) {
        for (int k = 0; k < depth; ++k, row += stride)
#pragma unroll
          for (int v = 0; v < TV; ++v) TILE_STORE(TILE_LOAD(v, row), k * TV + v, b);
      } else {
        for (int k = 0; k < depth; ++k, row += stride)
          for (int j = 0; j < TN; ++j) b[k * TN + j] = j < here ? row[j] : 0.0f;
      }
    } else {
      for (int j = 0; j < TN; ++j) {
        __global const float *column = from + (long)(j0 + j) * stride + k0;
        if (j < here)
          for (int k = 0; k < depth; ++k) b[k * TN + j] = column[k];
        else
          for (int k = 0; k < depth; ++k) b[k * TN + j] = 0.0f;
      }
    }
  }
}

/* What one output row (of `ow` places) of one column (c, ky, kx) of the patches holds, into every TN-th float. */
static void patch_row(__global const float *row, int width, int ow, int stride, int shift, __global float *b) {
  const int low = min(ow, shift >= 0 ? 0 : (stride - 1 - shift) / stride);
  const int high = max(low, min(ow, width - shift > 0 ? (width - shift + stride - 1) / stride : 0));
  for (int q = 0; q < low; ++q) b[q * TN] = 0.0f;
  for (int q = low; q < high; ++q) b[q * TN] = row[q * stride + shift];
  for (int q = high; q < ow; ++q) b[q * TN] = 0.0f;
}

/* The same for kx = 0 .. 3 at once, which are neighbours in the image. */
static void patch_row4(__global const float *row, int width, int ow, int stride, int shift, __global float *b) {
  const int low = min(ow, shift >= 0 ? 0 : (stride - 1 - shift) / stride);
  const int high = max(low, min(ow, width - 4 - shift >= 0 ? (width - 4 - shift) / stride + 1 : 0));
  for (int q = low; q < high; ++q) vstore4(vload4(0, row + q * stride + shift), 0, b + q * TN);
  for (int t = 0; t < ow - (high - low); ++t) { /* those that reach over an edge */
    const int q = t < low ? t : t + high - low, x = q * stride + shift;
    for (int i = 0; i < 4; ++i) b[q * TN + i] = x + i >= 0 && x + i < width ? row[x + i] : 0.0f;
  }
}

/* The patches' matrix (images oh ow, channels kh kw): rows of output [first_row, first_row + rows), columns as above.
 * g: channels, height, width, kh, kw, stride_h, stride_w, pad_h, pad_w, oh, ow */
static void patches_gather(__global const long *g, __global const float *x, int first_row, int rows, int first, int columns,
                           __global float *b, int panels) {
  const int channels = (int)g[0], height = (int)g[1], width = (int)g[2], kh = (int)g[3], kw = (int)g[4];
  const int stride_h = (int)g[5], stride_w = (int)g[6], pad_h = (int)g[7], pad_w = (int)g[8], oh = (int)g[9], ow = (int)g[10];
  const int depth = rows * ow, wide = kw == 4 ? 4 : 1;
  for (int r = 0; r < rows; ++r) {
    const int n = (first_row + r) / oh, oy = (first_row + r) % oh;
    for (int j = 0; j < panels * TN; j += wide) {
      const int kx = (first + j) % kw, ky = (first + j) / kw % kh, c = (first + j) / (kw * kh), y = oy * stride_h - pad_h + ky;
      __global float *to = RIGHT_PLACE(b, j, depth, r * ow);
      __global const float *row = x + (((long)n * channels + c) * height + y) * width;
      if (j >= columns || y < 0 || y >= height)
        for (int q = 0; q < ow; ++q)
          for (int i = 0; i < wide; ++i) to[q * TN + i] = 0.0f;
      else if (wide == 4)
        patch_row4(row, width, ow, stride_w, -pad_w, to);
      else
        patch_row(row, width, ow, stride_w, kx - pad_w, to);
    }
  }
}

static void rows_store(__global const float *c, int panels, int rows, int columns, __global float *out, int stride) {
  for (int i = 0; i < rows; ++i, out += stride)
    for (int p = 0; p < panels; ++p) {
      __global const float *from = SUM_PLACE(c, p * TN, i, panels);
      const int here = min(TN, columns - p * TN);
      if (here == TN) {
#pragma unroll
        for (int v = 0; v < TV; ++v) TILE_STORE(TILE_LOAD(v, from), v, out + p * TN);
      } else {
        for (int j = 0; j < here; ++j) out[p * TN + j] = from[j];
      }
    }
}

/* out (m,n) = a (m,k) x b (k,n); or, with splits > 1, as many products of stretches of k, one behind the other.
 * The unit of k is a row of b, and for patches a row of output places. */
__kernel void clgen_tiles_product(__global const long *words, const int at, __global const float *packed,
                                  __global const float *right, __global float *out, __global float *slots) {
  __global const long *h = words + at;
  const int m = (int)h[0], n = (int)h[1], units = (int)h[2], per_unit = (int)h[3], columns_each = (int)h[4];
  const int panels_each = (int)h[5], splits = (int)h[6], units_each = (int)h[7], in_block = (int)h[8], mode = (int)h[9];
  const int panels = (m + TM - 1) / TM, m_groups = (panels + panels_each - 1) / panels_each;
  const int n_groups = (n + columns_each - 1) / columns_each;
  const long a_panel = (long)units * per_unit * TM;
  __global float *b = slots + h[13] + (long)get_global_id(0) * h[14], *c = b + h[15];
  packed += h[10];
  right += h[11];
  for (int task = (int)get_global_id(0); task < m_groups * n_groups * splits; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, first = task / m_groups % n_groups * columns_each;
    const int split = task / (m_groups * n_groups), columns = min(columns_each, n - first);
    const int column_panels = (columns + TN - 1) / TN, row_panels = min(panels_each, panels - panel);
    const int from = split * units_each, to = min(units, from + units_each);
    for (int u = from; u < to; u += in_block) {
      const int here = min(in_block, to - u);
      if (mode == 2)
        patches_gather(h + 17, right, u, here, first, columns, b, column_panels);
      else
        matrix_gather(right, (int)h[16], mode == 1, u, here, first, columns, b, column_panels);
      tile_block(packed + panel * a_panel + (long)u * per_unit * TM, a_panel, row_panels, b, column_panels, here * per_unit, c,
                 u > from);
    }
    rows_store(c, column_panels, min(row_panels * TM, m - panel * TM), columns,
               out + h[12] + ((long)split * m + panel * TM) * n + first, n);
  }
}

/* The sum of the stretches, in order. */
__kernel void clgen_tiles_sum(__global const long *words, const int at, __global const float *from, __global float *to) {
  const int per_item = (int)words[at], total = (int)words[at + 1], splits = (int)words[at + 2];
  from += words[at + 3];
  to += words[at + 4];
  const int first = (int)get_global_id(0) * per_item, last = min(total, first + per_item);
  for (int i = first; i < last; ++i) {
    float sum = from[i];
    for (int s = 1; s < splits; ++s) sum += from[(long)s * total + i];
    to[i] = sum;
  }
}
