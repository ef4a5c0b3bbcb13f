/* What the metrics share: linear algebra, distances, small statistics. */
#ifndef CLGEN_METRICS_INTERNAL_H
#define CLGEN_METRICS_INTERNAL_H

#include <clgen/metrics.h>

#include "base/base.h"

/* ---- linalg.c: through CBLAS and LAPACKE, or plain loops --------------------------------------------------------- */

/* c (m, n) = a (m, d) b (n, d)^T, row-major, dense. */
void clgen_dot_rows(int64_t m, int64_t n, int64_t d, const double *a, const double *b, double *c);
void clgen_dot_rows_float(int64_t m, int64_t n, int64_t d, const float *a, const float *b, float *c);
/* c (m, n) = a (m, d) b (d, n). */
void clgen_dot(int64_t m, int64_t n, int64_t d, const double *a, const double *b, double *c);
/* The upper triangle of c (d, d) += x (n, d)^T x. */
void clgen_add_outer(int64_t n, int64_t d, const double *x, double *c);
/* Eigenvalues, ascending, of the symmetric a (n, n), of which the upper triangle is read and all is overwritten: by the
 * eigenvectors as columns where asked for. */
int clgen_eigen_symmetric(int64_t n, double *a, bool vectors, double *values);

/* ---- distance.c -------------------------------------------------------------------------------------------------- */

/* Points ready for distances. One of the three pointers is set. Bytes count from 128, which changes no distance and keeps
 * products small. */
typedef struct {
  const float *floats;
  const uint8_t *bytes;
  const double *doubles;
  int64_t n, d;
  double *norm; /* squared lengths */
} clgen_rows;

/* Checks and prepares; `what` ("reals") is for messages. At least `least` points. */
int clgen_rows_init(clgen_rows *rows, const clgen_points *points, int64_t least, const char *what);
int clgen_rows_init_double(clgen_rows *rows, const double *values, int64_t n, int64_t d);
void clgen_rows_free(clgen_rows *rows);
void clgen_rows_get(const clgen_rows *rows, int64_t first, int64_t n, double *out);
int clgen_rows_alike(const clgen_rows *a, const clgen_rows *b);

/* The squared distance by the sum of squared differences in one order, so that a pair has the same distance from both sides
 * and equal points have 0; doubles only as b. Products of matrices are many times faster but round: they decide only what is
 * farther than clgen_slack() from a threshold. */
double clgen_exact_square(const clgen_rows *a, int64_t i, const clgen_rows *b, int64_t j);

/* Products of bytes are taken in single precision, up to this dimension. */
enum { CLGEN_FLOAT_D = 16384 };
static inline bool clgen_products_float(const clgen_rows *a, const clgen_rows *b) {
  return a->bytes && b->bytes && a->d <= CLGEN_FLOAT_D;
}
/* What a product of d terms can be off by, doubled for 2 a.b: d roundings of at most 2^-24 |a| |b| each. In double the bound
 * is kept far above that. */
static inline double clgen_slack(const clgen_rows *a, int64_t i, const clgen_rows *b, int64_t j) {
  return (clgen_products_float(a, b) ? (double)a->d * 0x1p-24 : 1e-11) * (a->norm[i] + b->norm[j]);
}

/* Squared distances (by products) of rows i0 .. of a to rows j0 .. of b: square[(i - i0) * nj + j - j0]. */
typedef struct {
  const clgen_rows *a, *b;
  int64_t i0, ni, j0, nj;
  const double *square;
} clgen_block;
/* Calls `visit` for every block, rows of a ascending and then rows of b ascending; with `upper` (a and b are one set) only
 * blocks that hold a pair i < j. */
int clgen_walk_distances(const clgen_rows *a, const clgen_rows *b, bool upper,
                         void (*visit)(void *user, const clgen_block *block), void *user);

enum { CLGEN_MAX_NEAREST = 64 };

/* For each row of a the k nearest rows of b, nearest first, equal ones by index: square and index are (a->n, k). skip[i],
 * unless skip is NULL, is a row of b that does not count for row i (itself). */
int clgen_nearest(const clgen_rows *a, const clgen_rows *b, int k, const int64_t *skip, double *square, int64_t *index);
/* The same within one set, not counting a point itself. */
int clgen_nearest_other(const clgen_rows *a, int k, double *square, int64_t *index);

/* ---- stats.c ----------------------------------------------------------------------------------------------------- */

enum {
  CLGEN_DRAW_HALVES = 1,
  CLGEN_DRAW_SPLITS,
  CLGEN_DRAW_KMEANS,
  CLGEN_DRAW_PAIRS,
  CLGEN_DRAW_GROUPS,
  CLGEN_DRAW_BOOT = 1024,
  CLGEN_DRAW_KID = 65536
};

/* The first m of a random permutation of 0 .. n-1; order has room for n. */
void clgen_draw_order(uint64_t seed, uint32_t counter, int64_t n, int64_t m, int64_t *order);

/* value +- 1.96 se. */
clgen_estimate clgen_estimate_normal(double value, double se);
/* hits of n: Wilson's interval. */
clgen_estimate clgen_estimate_share(int64_t hits, int64_t n);
void clgen_warn(clgen_estimate *e, const char *format, ...) CLGEN_PRINTF(2, 3);
double clgen_average(const double *x, int64_t n);
/* Sum of squared deviations, divided by n - less. */
double clgen_variance(const double *x, int64_t n, int less);
int clgen_compare_doubles(const void *a, const void *b);

/* malloc of n * m * size, refusing what does not fit; on failure the message is set. */
void *clgen_alloc(int64_t n, int64_t m, size_t size);

/* k-means (kmeans.c): centres (bins, d), and the bin of each row. */
int clgen_kmeans(const clgen_rows *rows, int bins, uint64_t seed, double *centres, int64_t *bin);
int clgen_nearest_centre(const clgen_rows *rows, int bins, const double *centres, int64_t *bin);

#endif
