/* The weight gradient of a convolution: a product of dy with the matrix of patches, whose rows are output places (n, oy, ox)
 * and whose columns are (c, ky, kx). */

typedef struct {
  int channels, first_channel, images, first_image, rows, first_row; /* of this block; rows of output */
  int rows_there, cols_there, image_step, channel_step;              /* of the slot's piece of x */
} weight_block;

/* The block's piece of x into the slot, [channel][image][row][column]. What lies outside of the image is zero: at the left
 * and right it has been since the task began. g: channels, height, width, kh, kw, stride_h, stride_w, pad_h, pad_w, ... */
static void weight_spread(const weight_block *w, __global const long *g, __global const float *x, __global float *slot) {
  const int height = (int)g[1], width = (int)g[2], stride = (int)g[5], pad_y = (int)g[7], pad_x = (int)g[8];
  const int rows = (w->rows - 1) * stride + (int)g[3], y0 = w->first_row * stride - pad_y;
  const int wanted = min(width, w->cols_there - pad_x);
  for (int c = 0; c < w->channels; ++c)
    for (int n = 0; n < w->images; ++n) {
      __global const float *plane = x + ((long)(w->first_image + n) * g[0] + w->first_channel + c) * height * width;
      __global float *to = slot + (long)c * w->channel_step + n * w->image_step + pad_x;
      for (int r = 0; r < rows; ++r, to += w->cols_there) {
        const int y = y0 + r;
        int q = 0;
        if (y < 0 || y >= height) {
          for (; q < wanted; ++q) to[q] = 0.0f;
          continue;
        }
        __global const float *row = plane + y * width;
        for (; q + 16 <= wanted; q += 16) STORE(float16, to + q, LOAD(float16, row + q));
        if (q + 8 <= wanted) STORE(float8, to + q, LOAD(float8, row + q)), q += 8;
        if (q + 4 <= wanted) STORE(float4, to + q, LOAD(float4, row + q)), q += 4;
        for (; q < wanted; ++q) to[q] = row[q];
      }
    }
}

/* Up to four neighbouring taps at all places of the block. Where there is room the four floats are stored, and who comes next
 * overwrites what was too much. */
static inline void weight_piece(const weight_block *w, __global const float *x, int row_step, int step, int ow, int taps,
                                bool room, __global float *b) {
  for (int n = 0; n < w->images; ++n, x += w->image_step) {
    __global const float *row = x;
    for (int r = 0; r < w->rows; ++r, row += row_step) {
      __global const float *from = row;
      int q = 0;
      if (room) {
        for (; q + 4 <= ow; q += 4, from += 4 * step, b += 4 * TN) {
          STORE(float4, b, LOAD(float4, from));
          STORE(float4, b + TN, LOAD(float4, from + step));
          STORE(float4, b + 2 * TN, LOAD(float4, from + 2 * step));
          STORE(float4, b + 3 * TN, LOAD(float4, from + 3 * step));
        }
        for (; q < ow; ++q, from += step, b += TN) STORE(float4, b, LOAD(float4, from));
      } else {
        for (; q < ow; ++q, from += step, b += TN)
          for (int i = 0; i < taps; ++i) b[i] = from[i];
      }
    }
  }
}

/* Columns [first, first + columns) of the patches at the block's places. */
static void weight_gather(const weight_block *w, __global const long *g, __global const float *slot, int first, int columns,
                          __global float *b) {
  const int kh = (int)g[3], kw = (int)g[4], row_step = (int)g[5] * w->cols_there, step = (int)g[6], ow = (int)g[10];
  const int depth = w->images * w->rows * ow;
  for (int j = 0, taps; j < columns; j += taps) {
    const int kx = (first + j) % kw, ky = (first + j) / kw % kh, c = (first + j) / (kw * kh) - w->first_channel;
    const int at = j % TN;
    taps = min(min(4, kw - kx), min(columns - j, TN - at));
    weight_piece(w, slot + (long)c * w->channel_step + ky * w->cols_there + kx, row_step, step, ow, taps, at + 4 <= TN,
                 RIGHT_PLACE(b, j, depth, 0));
  }
  for (int j = columns; j % TN; ++j)
    for (int k = 0; k < depth; ++k) *RIGHT_PLACE(b, j, depth, k) = 0.0f;
}

__kernel void clgen_tiles_weight(__global const long *words, const int at, __global const float *packed,
                                 __global const float *x, __global float *out, __global float *slots) {
  __global const long *h = words + at, *g = h + 17;
  const int m = (int)h[0], n = (int)h[1], images = (int)h[2], group = (int)h[3], band = (int)h[4], bands = (int)h[5];
  const int blocks = (int)h[6], n_groups = (int)h[7], panels_each = (int)h[8], splits = (int)h[9], blocks_each = (int)h[10];
  const int taps = (int)(g[3] * g[4]), oh = (int)g[9], ow = (int)g[10];
  const int panels = (m + TM - 1) / TM, m_groups = (panels + panels_each - 1) / panels_each;
  const long a_panel = (long)images * oh * ow * TM;
  weight_block w;
  w.rows_there = (int)g[11], w.cols_there = (int)g[12];
  w.image_step = w.rows_there * w.cols_there, w.channel_step = group * w.image_step;
  __global float *slot = slots + h[13] + (long)get_global_id(0) * h[14], *b = slot + h[15], *c = slot + h[16];
  for (int i = 0; i < h[15]; ++i) slot[i] = 0.0f;
  for (int task = (int)get_global_id(0); task < m_groups * n_groups * splits; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, part = task / m_groups % n_groups;
    const int first = PART_START(part, n_groups, n), columns = PART_START(part + 1, n_groups, n) - first;
    const int split = task / (m_groups * n_groups);
    const int row_panels = min(panels_each, panels - panel), from = split * blocks_each, to = min(blocks, from + blocks_each);
    w.first_channel = first / taps;
    w.channels = (first + columns - 1) / taps + 1 - w.first_channel;
    for (int block = from; block < to; ++block) {
      w.first_image = block / bands * group, w.images = min(group, images - w.first_image);
      w.first_row = block % bands * band, w.rows = min(band, oh - w.first_row);
      weight_spread(&w, g, x + h[11], slot);
      weight_gather(&w, g, slot, first, columns, b);
      tile_block(packed + panel * a_panel + ((long)w.first_image * oh + w.first_row) * ow * TM, a_panel, row_panels, b, columns,
                 w.images * w.rows * ow, c, block > from);
    }
    rows_store(c, (columns + TN - 1) / TN, min(row_panels * TM, m - panel * TM), columns,
               out + h[12] + ((long)split * m + panel * TM) * n + first, n);
  }
}
