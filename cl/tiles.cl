/* Products of matrices on devices with few wide cores, and convolutions as such products without their matrix of patches:
 * a work-item packs a block of the right operand straight from where it lies (the image, for a convolution) into its own
 * slot of working memory, small enough for the second-level cache, and multiplies it with the packed left operand by tiles
 * of TM x TN sums in registers. Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
 *
 * The includer defines TM, TV and TW: rows of a tile, vectors in a row, floats in a vector (4, 8 or 16). A sum is taken in
 * order over blocks of the inner dimension whose sizes do not depend on the tile, so that the result does not either.
 *
 * Left operand, packed: [panel of TM rows][k][row]. Right operand: [panel of TN columns][k of this block][column].
 * Sums: [panel of rows][panel of columns][row][column]. The words of each kernel are listed in src/backend/opencl/tiles*.c. */

#define TN (TV * TW)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, TW) tile_vector;
typedef JOIN(unaligned_float, TW) unaligned_tile_vector;

/* NAME: c (TM, VECTORS of a row's TV) = or += a x b; the rows of c are `step` apart. A macro, since the loops must be unrolled
 * before anything else is done for the sums to be registers. Packed blocks begin at multiples of a vector, which their
 * pointers say. */
#define TILE_PRODUCT(NAME, VECTORS)                                                                                        \
  static inline void NAME(__global const float *a, __global const float *b, __global float *c, int step, int depth,         \
                          bool add) {                                                                                      \
    tile_vector sum[TM][VECTORS];                                                                                          \
    _Pragma("unroll") for (int i = 0; i < TM; ++i)                                                                         \
        _Pragma("unroll") for (int v = 0; v < VECTORS; ++v) sum[i][v] = (tile_vector)(0.0f);                               \
    for (int k = 0; k < depth; ++k) {                                                                                      \
      tile_vector row[VECTORS];                                                                                            \
      _Pragma("unroll") for (int v = 0; v < VECTORS; ++v) row[v] = ((__global const tile_vector *)b)[v];                   \
      _Pragma("unroll") for (int i = 0; i < TM; ++i)                                                                       \
          _Pragma("unroll") for (int v = 0; v < VECTORS; ++v) sum[i][v] = fma((tile_vector)(a[i]), row[v], sum[i][v]);     \
      a += TM;                                                                                                             \
      b += TN;                                                                                                             \
    }                                                                                                                      \
    _Pragma("unroll") for (int i = 0; i < TM; ++i) {                                                                       \
      __global float *to = c + (long)i * step;                                                                             \
      _Pragma("unroll") for (int v = 0; v < VECTORS; ++v) {                                                                \
        if (add) sum[i][v] += LOAD(tile_vector, to + v * TW);                                                              \
        STORE(tile_vector, to + v * TW, sum[i][v]);                                                                        \
      }                                                                                                                    \
    }                                                                                                                      \
  }
TILE_PRODUCT(tile_product, TV)
TILE_PRODUCT(tile_product_narrow, 1)

/* One block of the inner dimension: `a` is at its first k, `a_panel` floats before the same k of the next panel of rows. In
 * the last of the panels that hold `columns`, only the vectors that are needed are computed. */
static void tile_block(__global const float *a, long a_panel, int row_panels, __global const float *b, int columns, int depth,
                       __global float *c, bool add) {
  const int column_panels = (columns + TN - 1) / TN, whole = TV > 1 && columns % TN <= TW ? columns / TN : column_panels;
  for (int i = 0; i < row_panels; ++i) {
    for (int j = 0; j < whole; ++j)
      tile_product(a + i * a_panel, b + (long)j * depth * TN, c + (long)(i * column_panels + j) * TM * TN, TN, depth,
                   add);
    if (whole < column_panels)
      tile_product_narrow(a + i * a_panel, b + (long)whole * depth * TN, c + (long)(i * column_panels + whole) * TM * TN, TN,
                          depth, add);
  }
}

/* `count` neighbouring floats from a row of columns beginning at column j of a packed block; never across a panel when unit
 * divides count and j. */
#define RIGHT_PLACE(b, j, depth, k) ((b) + ((long)((j) / TN) * (depth) + (k)) * TN + (j) % TN)
#define SUM_PLACE(c, j, i, column_panels) \
  ((c) + ((long)((i) / TM * (column_panels) + (j) / TN) * TM + (i) % TM) * TN + (j) % TN)

/* The first of n columns that part g of so many has: whole vectors, as even as they can be. */
#define PART_START(g, parts, n) min(n, ((n) + TW - 1) / TW * (g) / (parts) * TW)

/* One of four arguments of a kernel. */
#define ONE_OF_4(i, name) ((i) == 0 ? name##0 : (i) == 1 ? name##1 : (i) == 2 ? name##2 : name##3)

/* ---- The left operand ------------------------------------------------------------------------------------------ */

/* o[k] = the elements k of r[0] to r[7]. */
#define TURN_8X4(r, o)                                                                                               \
  {                                                                                                                  \
    const float8 a = (float8)(r[0], r[4]), b = (float8)(r[1], r[5]), c = (float8)(r[2], r[6]), d = (float8)(r[3], r[7]); \
    const float8 e = (float8)(a.s0, b.s0, a.s1, b.s1, a.s4, b.s4, a.s5, b.s5);                                       \
    const float8 f = (float8)(a.s2, b.s2, a.s3, b.s3, a.s6, b.s6, a.s7, b.s7);                                       \
    const float8 g = (float8)(c.s0, d.s0, c.s1, d.s1, c.s4, d.s4, c.s5, d.s5);                                       \
    const float8 h = (float8)(c.s2, d.s2, c.s3, d.s3, c.s6, d.s6, c.s7, d.s7);                                       \
    o[0] = (float8)(e.s01, g.s01, e.s45, g.s45);                                                                     \
    o[1] = (float8)(e.s23, g.s23, e.s67, g.s67);                                                                     \
    o[2] = (float8)(f.s01, h.s01, f.s45, h.s45);                                                                     \
    o[3] = (float8)(f.s23, h.s23, f.s67, h.s67);                                                                     \
  }

/* 8 rows, `row_step` apart, of n neighbouring elements: to [k][row], `step` from one k to the next. By 8 x 4 in registers. */
static void turn8(__global const float *from, long row_step, int n, __global float *to, int step) {
  int k = 0;
  for (; k + 4 <= n; k += 4, from += 4, to += 4 * step) {
    float4 r[8];
    float8 o[4];
#pragma unroll
    for (int i = 0; i < 8; ++i) r[i] = LOAD(float4, from + i * row_step);
    TURN_8X4(r, o)
#pragma unroll
    for (int i = 0; i < 4; ++i) STORE(float8, to + i * step, o[i]);
  }
  for (; k < n; ++k, ++from, to += step)
    for (int i = 0; i < 8; ++i) to[i] = from[i * row_step];
}

/* TURN(r, AT, to): `to`[k][row], TM rows, of four elements k of each of r[0] to r[TM-1]; AT(type, p) is the place p as a TYPE. */
#if TM == 8
#define TURN(r, AT, to)                                                    \
  {                                                                        \
    float8 o_[4];                                                          \
    TURN_8X4(r, o_)                                                        \
    _Pragma("unroll") for (int i = 0; i < 4; ++i) AT(float8, (to) + i * TM) = o_[i]; \
  }
#elif TM == 6
#define TURN(r, AT, to)                                                                                  \
  {                                                                                                      \
    float4 low[3], high[3];                                                                              \
    _Pragma("unroll") for (int i = 0; i < 3; ++i) {                                                      \
      low[i] = (float4)(r[2 * i].s0, r[2 * i + 1].s0, r[2 * i].s1, r[2 * i + 1].s1);                     \
      high[i] = (float4)(r[2 * i].s2, r[2 * i + 1].s2, r[2 * i].s3, r[2 * i + 1].s3);                    \
    }                                                                                                    \
    AT(float4, (to)) = (float4)(low[0].lo, low[1].lo), AT(float4, (to) + 4) = (float4)(low[2].lo, low[0].hi);         \
    AT(float4, (to) + 8) = (float4)(low[1].hi, low[2].hi), AT(float4, (to) + 12) = (float4)(high[0].lo, high[1].lo);  \
    AT(float4, (to) + 16) = (float4)(high[2].lo, high[0].hi), AT(float4, (to) + 20) = (float4)(high[1].hi, high[2].hi); \
  }
#else
#error "no TURN for this TM"
#endif
#define GLOBAL_AT(type, p) ((__global unaligned_##type *)(p))->v
#define PRIVATE_AT(type, p) ((unaligned_##type *)(p))->v

/* A panel, of which `here` rows are there; the others are any. Row m is at a + m sm, its elements 0 ... n-1 are s apart. */
static void pack_panel(__global const float *a, int sm, int s, int here, int n, __global float *p) {
  long row[TM];
  int k = 0;
  for (int i = 0; i < TM; ++i) row[i] = (long)min(i, here - 1) * sm;
  if (sm == 1 && here == TM)
    for (; k < n; ++k, a += s, p += TM)
#pragma unroll
      for (int i = 0; i < TM; ++i) p[i] = a[i];
  if (s == 1)
    for (; k + 4 <= n; k += 4, a += 4, p += 4 * TM) {
      float4 r[TM];
#pragma unroll
      for (int i = 0; i < TM; ++i) r[i] = LOAD(float4, a + row[i]);
      TURN(r, GLOBAL_AT, p)
    }
  for (; k < n; ++k, a += s, p += TM)
#pragma unroll
    for (int i = 0; i < TM; ++i) p[i] = a[row[i]];
}

/* The same of n groups of a few elements, s1 from one group to the next; of a group's k2n x k3n they are s2 and s3 apart. */
enum { PACK_FEW = 16 };
static void pack_groups(__global const float *a, int sm, int here, int n, int s1, int k2n, int s2, int k3n, int s3,
                        __global float *p) {
  int place[PACK_FEW];
  long row[TM];
  for (int i = 0; i < TM; ++i) row[i] = (long)min(i, here - 1) * sm;
  for (int k = 0; k < k2n * k3n; ++k) place[k] = k / k3n * s2 + k % k3n * s3;
  for (int k1 = 0; k1 < n; ++k1, a += s1)
    for (int k = 0; k < k2n * k3n; ++k, p += TM)
#pragma unroll
      for (int i = 0; i < TM; ++i) p[i] = a[place[k] + row[i]];
}

/* Several matrices: a(m, k) with k = (k1,k2,k3) is at base + m sm + k1 s1 + k2 s2 + k3 s3 of one of four pieces of memory. */
static void tiles_pack(const int item, const int items, __global const long *words, const int at, __global float *to,
                       __global const float *from0, __global const float *from1, __global const float *from2,
                       __global const float *from3) {
  const int tasks = (int)words[at], parts = (int)words[at + 1], last = (int)((long)tasks * (item + 1) / items);
  for (int task = (int)((long)tasks * item / items); task < last; ++task) {
    __global const long *w = words + at + 2;
    int panel = task;
    if (parts) { /* of equal size: the same panel of all, since they read the same places */
      w += task % parts * 12;
      panel /= parts;
    }
    for (; panel >= (int)w[0]; w += 12) panel -= (int)w[0];
    const int here = min(TM, (int)w[1] - panel * TM);
    const int k1n = (int)w[3], k2n = (int)w[4], k3n = (int)w[5], sm = (int)w[6], s1 = (int)w[7], s2 = (int)w[8], s3 = (int)w[9];
    __global const float *a = ONE_OF_4(w[2], from) + w[10] + (long)panel * TM * sm;
    __global float *p = to + w[11] + (long)panel * TM * k1n * k2n * k3n;
    if (k1n > 1 && k2n * k3n <= PACK_FEW && (s3 != 1 || k3n < 4)) {
      pack_groups(a, sm, here, k1n, s1, k2n, s2, k3n, s3, p);
      continue;
    }
    for (int k1 = 0; k1 < k1n; ++k1)
      for (int k2 = 0; k2 < k2n; ++k2, p += (long)k3n * TM) pack_panel(a + (long)k1 * s1 + k2 * s2, sm, s3, here, k3n, p);
  }
}

__kernel void clgen_tiles_pack(__global const long *words, const int at, __global float *to, __global const float *from0,
                               __global const float *from1, __global const float *from2, __global const float *from3) {
  tiles_pack((int)get_global_id(0), (int)get_global_size(0), words, at, to, from0, from1, from2, from3);
}

/* ---- What a task of a product leaves ---------------------------------------------------------------------------------- */

static void rows_store(__global const float *c, int panels, int rows, int columns, __global float *out, int stride) {
  for (int i = 0; i < rows; ++i, out += stride)
    for (int p = 0; p < panels; ++p) {
      __global const float *from = SUM_PLACE(c, p * TN, i, panels);
      const int here = min(TN, columns - p * TN);
      if (here == TN) {
#pragma unroll
        for (int v = 0; v < TV; ++v) STORE(tile_vector, out + p * TN + v * TW, LOAD(tile_vector, from + v * TW));
      } else {
        for (int j = 0; j < here; ++j) out[p * TN + j] = from[j];
      }
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
