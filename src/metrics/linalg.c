/* The few products of matrices that the metrics need. */
#include "config.h"
#include "metrics/metrics_internal.h"

#if CLGEN_HAVE_LAPACK
#include <cblas.h>
#include <lapacke.h>

void clgen_dot_rows(int64_t m, int64_t n, int64_t d, const double *a, const double *b, double *c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)d, 1.0, a, (int)d, b, (int)d, 0.0, c, (int)n);
}

void clgen_dot_rows_float(int64_t m, int64_t n, int64_t d, const float *a, const float *b, float *c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)d, 1, a, (int)d, b, (int)d, 0, c, (int)n);
}

void clgen_dot(int64_t m, int64_t n, int64_t d, const double *a, const double *b, double *c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)d, 1.0, a, (int)d, b, (int)n, 0.0, c, (int)n);
}

void clgen_add_outer(int64_t n, int64_t d, const double *x, double *c) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)n, 1.0, x, (int)d, 1.0, c, (int)d);
}

int clgen_eigen_symmetric(int64_t n, double *a, bool vectors, double *values) {
  lapack_int info = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n, a, (lapack_int)n, values);
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
    return clgen_fail_nomem(3 * (size_t)n * (size_t)n * sizeof *a);
  if (info)
    return clgen_fail(CLGEN_E_NONFINITE, "LAPACK found no eigenvalues of a %lldx%lld covariance (dsyevd: %d)", (long long)n,
                      (long long)n, (int)info);
  return 0;
}

#else

/* Four by four results at a time, so that each number that is read is used four times. */
#define DOT_ROWS(NAME, TYPE)                                                                                        \
  static void NAME##_tile(int64_t mi, int64_t ni, int64_t n, int64_t d, const TYPE *a, const TYPE *b, TYPE *c) {    \
    TYPE sum[4][4] = {{0}};                                                                                         \
    for (int64_t k = 0; k < d; ++k)                                                                                 \
      for (int64_t i = 0; i < mi; ++i)                                                                              \
        for (int64_t j = 0; j < ni; ++j) sum[i][j] += a[i * d + k] * b[j * d + k];                                  \
    for (int64_t i = 0; i < mi; ++i)                                                                                \
      for (int64_t j = 0; j < ni; ++j) c[i * n + j] = sum[i][j];                                                    \
  }                                                                                                                 \
  void NAME(int64_t m, int64_t n, int64_t d, const TYPE *a, const TYPE *b, TYPE *c) {                               \
    for (int64_t i = 0; i < m; i += 4)                                                                              \
      for (int64_t j = 0; j < n; j += 4) {                                                                          \
        if (m - i >= 4 && n - j >= 4)                                                                               \
          NAME##_tile(4, 4, n, d, a + i * d, b + j * d, c + i * n + j); /* constants, for the compiler to unroll */ \
        else                                                                                                        \
          NAME##_tile(m - i < 4 ? m - i : 4, n - j < 4 ? n - j : 4, n, d, a + i * d, b + j * d, c + i * n + j);     \
      }                                                                                                             \
  }
DOT_ROWS(clgen_dot_rows, double)
DOT_ROWS(clgen_dot_rows_float, float)

void clgen_dot(int64_t m, int64_t n, int64_t d, const double *a, const double *b, double *c) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) c[i * n + j] = 0;
    for (int64_t k = 0; k < d; ++k)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * d + k] * b[k * n + j];
  }
}

void clgen_add_outer(int64_t n, int64_t d, const double *x, double *c) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t i = 0; i < d; ++i)
      for (int64_t j = i; j < d; ++j) c[i * d + j] += x[r * d + i] * x[r * d + j];
}

int clgen_eigen_symmetric(int64_t n, double *a, bool vectors, double *values) {
  (void)n, (void)a, (void)vectors, (void)values;
  return clgen_fail(CLGEN_E_UNSUPPORTED,
                    "eigenvalues need LAPACK, and this build has none: install liblapacke-dev and "
                    "libopenblas-dev (Debian's names) and build again with -Dlapack=enabled");
}

#endif
