/* out (m,n) = op(a) (m,k) x op(b) (k,n), added to what is there where `add` is set: what is computed where CLBlast is wrong. A
 * group of 64 work-items makes a block of 32x32 sums, each item 4x4 of them, from columns of op(a) and rows of op(b) in local
 * memory. Takes (words, index of its first word, a, b, out); the words are written in src/backend/opencl/product.c. */
#define PRODUCT_BLOCK 32
#define PRODUCT_DEPTH 8
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void clgen_product(__global const long *words, const int at,
                                                                          __global const float *a, __global const float *b,
                                                                          __global float *out) {
  __local float left[PRODUCT_DEPTH][PRODUCT_BLOCK + 1], right[PRODUCT_DEPTH][PRODUCT_BLOCK + 1];
  const long m = words[at], n = words[at + 1], k = words[at + 2];
  const bool ta = words[at + 3] != 0, tb = words[at + 4] != 0, add = words[at + 5] != 0;
  const long lda = words[at + 9], ldb = words[at + 10], ldo = words[at + 11];
  a += words[at + 6];
  b += words[at + 7];
  out += words[at + 8];
  const long across = (n + PRODUCT_BLOCK - 1) / PRODUCT_BLOCK, block = (long)get_group_id(0);
  const long row0 = block / across * PRODUCT_BLOCK, column0 = block % across * PRODUCT_BLOCK;
  const int item = (int)get_local_id(0), y = item / 8 * 4, x = item % 8 * 4;
  float sum[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) sum[i][j] = 0.0f;
  for (long k0 = 0; k0 < k; k0 += PRODUCT_DEPTH) {
    for (int e = item; e < PRODUCT_DEPTH * PRODUCT_BLOCK; e += 64) {
      const int q = e / PRODUCT_BLOCK, i = e % PRODUCT_BLOCK;
      const long depth = k0 + q, row = row0 + i, column = column0 + i;
      left[q][i] = depth < k && row < m ? a[ta ? depth * lda + row : row * lda + depth] : 0.0f;
      right[q][i] = depth < k && column < n ? b[tb ? column * ldb + depth : depth * ldb + column] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int q = 0; q < PRODUCT_DEPTH; ++q)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sum[i][j] = CLGEN_MAD(left[q][y + i], right[q][x + j], sum[i][j]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const long row = row0 + y + i, column = column0 + x + j;
      if (row >= m || column >= n) continue;
      const long o = row * ldo + column;
      out[o] = add ? out[o] + sum[i][j] : sum[i][j];
    }
}
