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

/* out (m,n) = a (m,k) x b (k,n); or, with splits > 1, as many products of stretches of k, one behind the other. */
__kernel void clgen_tiles_product(__global const long *words, const int at, __global const float *packed,
                                  __global const float *right, __global float *out, __global float *slots) {
  __global const long *h = words + at;
  const int m = (int)h[0], n = (int)h[1], depth = (int)h[2], n_groups = (int)h[3], panels_each = (int)h[4];
  const int splits = (int)h[5], depth_each = (int)h[6], in_block = (int)h[7], transposed = (int)h[8], stride = (int)h[15];
  const int panels = (m + TM - 1) / TM, m_groups = (panels + panels_each - 1) / panels_each;
  const long a_panel = (long)depth * TM;
  __global float *b = slots + h[12] + (long)get_global_id(0) * h[13], *c = b + h[14];
  packed += h[9];
  right += h[10];
  for (int task = (int)get_global_id(0); task < m_groups * n_groups * splits; task += (int)get_global_size(0)) {
    const int panel = task % m_groups * panels_each, part = task / m_groups % n_groups;
    const int first = PART_START(part, n_groups, n), columns = PART_START(part + 1, n_groups, n) - first;
    const int split = task / (m_groups * n_groups);
    const int column_panels = (columns + TN - 1) / TN, row_panels = min(panels_each, panels - panel);
    const int from = split * depth_each, to = min(depth, from + depth_each);
    for (int k = from; k < to; k += in_block) {
      const int here = min(in_block, to - k);
      matrix_gather(right, stride, transposed, k, here, first, columns, b, column_panels);
      tile_block(packed + panel * a_panel + (long)k * TM, a_panel, row_panels, b, columns, here, c, k > from);
    }
    rows_store(c, column_panels, min(row_panels * TM, m - panel * TM), columns,
               out + h[11] + ((long)split * m + panel * TM) * n + first, n);
  }
}
