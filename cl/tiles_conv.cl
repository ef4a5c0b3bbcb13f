/* Convolutions over images: conv2d, and its input gradient as one convolution for each phase of the stride. */

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

/* n neighbouring pixels to x, where pixel i goes to place i / s of phase i % s, counted from `pad` on. */
static void conv_spread_row(int s, int pad, int n, int phase, __global const float *row, __global float *x) {
  int i = 0;
  if (s == 1) {
    x += pad;
    for (; i + 16 <= n; i += 16) STORE(float16, x + i, LOAD(float16, row + i));
    for (; i + 4 <= n; i += 4) STORE(float4, x + i, LOAD(float4, row + i));
    for (; i < n; ++i) x[i] = row[i];
  } else if (s == 2) {
    __global float *even = x + pad % 2 * phase + pad / 2, *odd = x + (pad + 1) % 2 * phase + (pad + 1) / 2;
    for (; i + 16 <= n; i += 16) {
      const float16 v = LOAD(float16, row + i);
      STORE(float8, even + i / 2, v.even);
      STORE(float8, odd + i / 2, v.odd);
    }
    for (; i + 8 <= n; i += 8) {
      const float8 v = LOAD(float8, row + i);
      STORE(float4, even + i / 2, v.even);
      STORE(float4, odd + i / 2, v.odd);
    }
    for (; i + 2 <= n; i += 2) even[i / 2] = row[i], odd[i / 2] = row[i + 1];
    if (i < n) even[i / 2] = row[i];
  } else if (s == 4) {
    __global float *to[4];
    for (int k = 0; k < 4; ++k) to[k] = x + (pad + k) % 4 * phase + (pad + k) / 4;
    for (; i + 16 <= n; i += 16) {
      const float16 v = LOAD(float16, row + i);
      STORE(float4, to[0] + i / 4, (float4)(v.s048c));
      STORE(float4, to[1] + i / 4, (float4)(v.s159d));
      STORE(float4, to[2] + i / 4, (float4)(v.s26ae));
      STORE(float4, to[3] + i / 4, (float4)(v.s37bf));
    }
    for (; i + 4 <= n; i += 4)
      for (int k = 0; k < 4; ++k) to[k][i / 4] = row[i + k];
    for (int k = 0; i < n; ++i, ++k) to[k][i / 4] = row[i];
  } else {
    for (; i < n; ++i) x[(i + pad) % s * phase + (i + pad) / s] = row[i];
  }
}

/* The block's piece of the source into the slot, which is 0 where there are no pixels, split by phase of the stride:
 * [channel][image][phase y][phase x][row][column], so that what neighbouring outputs need lies side by side. */
static void conv_spread(const conv_source *v, __global const float *source, long image_stride, __global float *x) {
  const int s = v->stride, phase = v->rows_there * v->cols_there, top = v->first_row * s - v->pad_y;
  const int skip = max(0, -v->pad_x), pad = max(0, v->pad_x), n = min(v->width - skip, s * v->cols_there - pad);
  const int from = max(0, top), to = min(v->height, top + s * v->rows_there);
  for (int c = 0; c < v->channels; ++c)
    for (int image = 0; image < v->images; ++image, x += s * s * phase) {
      __global const float *row = source + image * image_stride + ((long)c * v->height + from) * v->width + skip;
      for (int y = from - top; y < to - top; ++y, row += v->width)
        conv_spread_row(s, pad, n, phase, row, x + y % s * s * phase + y / s * v->cols_there);
    }
}
static void conv_clear(int floats, __global float *x) {
  for (int i = 0; i < floats; i += 16) STORE(float16, x + i, (float16)(0.0f)); /* whole lines: tile_aligned */
}

/* Where in the slot each k = (c, ky, kx) of output 0 is. */
static void conv_places(const conv_source *v, const conv_part *p, __global int *place) {
  const int s = v->stride, phase = v->rows_there * v->cols_there;
  for (int c = 0; c < v->channels; ++c)
    for (int ky = 0; ky < p->kh; ++ky)
      for (int kx = 0; kx < p->kw; ++kx)
        *place++ = (c * v->images * s * s + ky % s * s + kx % s) * phase + ky / s * v->cols_there + kx / s + p->skip;
}

/* The packed block, `unit` columns at a time down all of k. */
static void conv_gather(const conv_source *v, const conv_part *p, __global const float *x, __global const int *place,
                        __global float *b) {
  const int depth = v->channels * p->kh * p->kw;
  int j = 0;
  for (int n = 0; n < v->images; ++n)
    for (int r = 0; r < p->rows; ++r)
      for (int q = 0; q < p->ow; q += p->unit, j += p->unit) {
        __global const float *from = x + (n * v->stride * v->stride * v->rows_there + r) * v->cols_there + q;
        __global float *to = RIGHT_PLACE(b, j, depth, 0);
        if (p->unit == 16)
          for (int k = 0; k < depth; ++k) STORE(float16, to + k * TN, LOAD(float16, from + place[k]));
        else if (p->unit == 8)
          for (int k = 0; k < depth; ++k) STORE(float8, to + k * TN, LOAD(float8, from + place[k]));
        else if (p->unit == 4)
          for (int k = 0; k < depth; ++k) STORE(float4, to + k * TN, LOAD(float4, from + place[k]));
        else
          for (int k = 0; k < depth; ++k) to[k * TN] = from[place[k]];
      }
  for (; j % TN; ++j)
    for (int k = 0; k < depth; ++k) *RIGHT_PLACE(b, j, depth, k) = 0.0f;
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
          for (int q = 0; q < p->ow; q += 16, j += 16) STORE(float16, to + q, LOAD(float16, SUM_PLACE(c, j, i, p->panels)));
        else if (x_stride == 1 && p->unit >= 4)
          for (int q = 0; q < p->ow; q += 4, j += 4) STORE(float4, to + q, LOAD(float4, SUM_PLACE(c, j, i, p->panels)));
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
          const float4 a = LOAD(float4, SUM_PLACE(c0, j, i, p->panels)), b = LOAD(float4, SUM_PLACE(c1, j, i, p->panels));
          STORE(float8, to + 2 * q, (float8)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3));
        }
      }
  }
}

/* The first row of dy that saw row y of dx, counted with its padding. */
static int fold_first(int y, int kh, int stride) { return y < kh ? 0 : (y - kh) / stride + 1; }

/* An input gradient with few channels: the product's rows are (channel, ky, kx), its columns the places of dy, and each
 * pixel of dx is the sum of what the places that saw it say. Rows of dx from `first_row` on, as many as f has.
 * f: channels, height, width, kh, kw, stride, pad_h, pad_w, rows of dx */
static void conv_fold(const conv_source *v, const conv_part *p, __global const float *c, __global const long *f, int first_row,
                      __global float *out) {
  const int channels = (int)f[0], height = (int)f[1], width = (int)f[2], kh = (int)f[3], kw = (int)f[4], s = (int)f[5];
  const int pad_h = (int)f[6], pad_w = (int)f[7], end = min(height, first_row + (int)f[8]);
  for (int n = 0; n < v->images; ++n)
    for (int ch = 0; ch < channels; ++ch) {
      __global float *to = out + ((long)(n * channels + ch) * height + first_row) * width;
      for (int y = first_row + pad_h; y < end + pad_h; ++y) {
        const int oy0 = fold_first(y, kh, s), oy1 = min(v->first_row + p->rows - 1, y / s);
        for (int x = pad_w; x < width + pad_w; ++x) {
          const int ox0 = x < kw ? 0 : (x - kw) / s + 1, ox1 = min(p->ow - 1, x / s);
          float sum = 0.0f;
          for (int oy = oy0; oy <= oy1; ++oy)
            for (int ox = ox0; ox <= ox1; ++ox) {
              const int j = (n * p->rows + oy - v->first_row) * p->ow + ox, i = (ch * kh + y - oy * s) * kw + x - ox * s;
              sum += *SUM_PLACE(c, j, i, p->panels);
            }
          *to++ = sum;
        }
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

enum { CONV_HEAD = 23, CONV_PART = 14 };

/* Parts [first_part, parts) of some images or rows: of the output, or, where its rows are folded, of what they become. */
static void conv_task(__global const long *h, int first_part, int parts, int image, int first_row, int panel, int row_panels,
                      __global const float *packed, __global const float *source, __global float *out, __global float *slot) {
  const int channels = (int)h[7], in_block = (int)h[15], band = (int)h[4];
  conv_source v;
  v.images = min((int)h[3], (int)h[2] - image);
  v.height = (int)h[8], v.width = (int)h[9];
  v.stride = (int)h[16], v.pad_y = (int)h[17], v.pad_x = (int)h[18];
  v.rows_there = (int)h[19], v.cols_there = (int)h[20];
  __global const long *fold = h + CONV_HEAD + CONV_PART;
  v.first_row = h[21] ? fold_first(first_row + (int)fold[6], (int)fold[3], (int)fold[5]) : first_row;
  const long image_stride = (long)channels * v.height * v.width;
  __global float *b = slot + h[13], *c = slot + h[14];
  source += h[10] + image * image_stride;
  conv_clear((int)h[13], slot);
  for (int first = 0; first < channels; first += in_block) {
    v.channels = min(in_block, channels - first);
    conv_spread(&v, source + (long)first * v.height * v.width, image_stride, slot);
    for (int k = first_part; k < parts; ++k) {
      __global const long *w = h + CONV_HEAD + CONV_PART * k;
      const conv_part p = conv_part_of(w, &v, band);
      const int taps = p.kh * p.kw, depth = v.channels * taps;
      const long a_panel = (long)channels * taps * TM;
      __global int *place = (__global int *)(b + w[8]);
      conv_places(&v, &p, place);
      conv_gather(&v, &p, slot, place, b);
      tile_block(packed + w[6] + panel * a_panel + (long)first * taps * TM, a_panel, row_panels, b, p.columns, depth, c + w[7],
                 first > 0);
    }
  }
  if (h[21]) {
    __global const long *w = h + CONV_HEAD;
    const conv_part p = conv_part_of(w, &v, band);
    conv_fold(&v, &p, c, fold, first_row, out + w[9] + image * w[11]);
    return;
  }
  const int rows = min(row_panels * TM, (int)h[1] - panel * TM);
  for (int k = first_part; k < parts; ++k) {
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
  const int images = (int)h[2], group = (int)h[3], bands = (int)h[5];
  const int panels = ((int)h[1] + TM - 1) / TM, panels_each = (int)h[6], m_groups = (panels + panels_each - 1) / panels_each;
  const int parts = (int)h[0], parts_each = (int)h[22], part_groups = parts / parts_each;
  const int tasks = (images + group - 1) / group * bands * part_groups * m_groups;
  __global float *slot = slots + h[11] + (long)get_global_id(0) * h[12];
  for (int task = (int)get_global_id(0); task < tasks; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, first_part = task / m_groups % part_groups * parts_each;
    const int rest = task / (m_groups * part_groups), image = rest / bands * group;
    const int first_row = rest % bands * (int)(h[21] ? h[CONV_HEAD + CONV_PART + 8] : h[4]);
    conv_task(h, first_part, first_part + parts_each, image, first_row, panel, min(panels_each, panels - panel), packed, source,
              out, slot);
  }
}
