/* Matrix products. */

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
          for (int v = 0; v < TV; ++v) STORE(tile_vector, b + k * TN + v * TW, LOAD(tile_vector, row + v * TW));
      } else {
        for (int k = 0; k < depth; ++k, row += stride)
          for (int j = 0; j < TN; ++j) b[k * TN + j] = j < here ? row[j] : 0.0f;
      }
    } else {
      int j = 0;
      for (; j + 8 <= here; j += 8) turn8(from + (long)(j0 + j) * stride + k0, stride, depth, b + j, TN);
      for (; j < TN; ++j) {
        __global const float *column = from + (long)(j0 + j) * stride + k0;
        for (int k = 0; k < depth; ++k) b[k * TN + j] = j < here ? column[k] : 0.0f;
      }
    }
  }
}

/* One block of the inner dimension: out (rows, columns) = or += the panels a x the block b. Tiles that lie in `out` as a
 * whole are made there, the others at `edge`. */
static void matrix_block(__global const float *a, long a_panel, int rows, __global const float *b, int columns, int depth,
                         __global float *edge, __global float *out, int stride, bool add) {
  for (int i = 0; i < rows; i += TM, a += a_panel)
    for (int j = 0; j < columns; j += TN) {
      __global const float *right = b + (long)j * depth;
      __global float *to = out + (long)i * stride + j;
      const int down = min(TM, rows - i), across = min(TN, columns - j);
      const bool narrow = TV > 1 && across <= TW;
      if (down == TM && across == TN) {
        tile_product(a, right, to, stride, depth, add);
      } else if (down == TM && narrow && across == TW) {
        tile_product_narrow(a, right, to, stride, depth, add);
      } else {
        if (narrow)
          tile_product_narrow(a, right, edge, TN, depth, false);
        else
          tile_product(a, right, edge, TN, depth, false);
        for (int y = 0; y < down; ++y)
          for (int x = 0; x < across; ++x)
            to[(long)y * stride + x] = add ? edge[y * TN + x] + to[(long)y * stride + x] : edge[y * TN + x];
      }
    }
}

/* Up to four products that have nothing to do with each other. Of each: out (m,n) = a (m,k) x b (k,n); or, with splits > 1, as
 * many products of stretches of k, one behind the other. The panels of a are in `packed`, or, where pack_at is not
 * negative, packed by each task for itself. */
__kernel void clgen_tiles_product(__global const long *words, const int at, __global const float *packed,
                                  __global float *slots, __global const float *left0, __global const float *left1,
                                  __global const float *left2, __global const float *left3, __global const float *right0,
                                  __global const float *right1, __global const float *right2, __global const float *right3,
                                  __global float *out0, __global float *out1, __global float *out2, __global float *out3) {
  __global const long *head = words + at;
  const int tasks = (int)head[0], pack_at = (int)head[4];
  __global float *b = slots + head[1] + (long)get_global_id(0) * head[2], *edge = b + head[3];
  for (int number = (int)get_global_id(0); number < tasks; number += (int)get_global_size(0)) {
    __global const long *h = head + 5;
    int task = number, product = 0;
    for (; task >= (int)h[0]; h += 16, ++product) task -= (int)h[0];
    const int m = (int)h[1], n = (int)h[2], depth = (int)h[3], n_parts = (int)h[4], panels_each = (int)h[5];
    const int depth_each = (int)h[6], in_block = (int)h[7], transposed = (int)h[8], stride = (int)h[12];
    const int m_parts = ((m + TM - 1) / TM + panels_each - 1) / panels_each;
    const int row = task % m_parts * panels_each * TM, part = task / m_parts % n_parts, split = task / (m_parts * n_parts);
    const int first = PART_START(part, n_parts, n), columns = PART_START(part + 1, n_parts, n) - first;
    const int rows = min(panels_each * TM, m - row), from = split * depth_each, to = min(depth, from + depth_each);
    __global const float *right = ONE_OF_4(product, right) + h[10];
    __global float *out = ONE_OF_4(product, out) + h[11] + ((long)split * m + row) * n + first;
    __global const float *a = packed + h[9] + (long)row * depth;
    if (pack_at >= 0) {
      const int sm = (int)h[13], s = (int)h[14];
      __global float *own = b + pack_at;
      a = own;
      for (int i = 0; i < rows; i += TM, own += (long)depth * TM)
        pack_panel(ONE_OF_4(product, left) + h[15] + (long)(row + i) * sm, sm, s, min(TM, rows - i), depth, own);
    }
    for (int k = from; k < to; k += in_block) {
      const int here = min(in_block, to - k);
      matrix_gather(right, stride, transposed, k, here, first, columns, b, (columns + TN - 1) / TN);
      matrix_block(a + (long)k * TM, (long)depth * TM, rows, b, columns, here, edge, out, n, k > from);
    }
  }
}
