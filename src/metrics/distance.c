/* Distances between all pairs of two sets, block by block: |a|^2 + |b|^2 - 2 a.b by products of matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

enum { BLOCK = 512, MAX_DIMENSION = 1 << 28 };

void clgen_rows_get(const clgen_rows *rows, int64_t first, int64_t n, double *out) {
  size_t at = (size_t)first * (size_t)rows->d, count = (size_t)n * (size_t)rows->d;
  if (rows->doubles)
    memcpy(out, rows->doubles + at, count * sizeof *out);
  else if (rows->floats)
    for (size_t i = 0; i < count; ++i) out[i] = rows->floats[at + i];
  else
    for (size_t i = 0; i < count; ++i) out[i] = rows->bytes[at + i];
}

static int measure(clgen_rows *rows, const char *what) {
  rows->norm = clgen_alloc(rows->n, 1, sizeof *rows->norm);
  double *row = clgen_alloc(rows->d, 1, sizeof *row);
  int rc = rows->norm && row ? 0 : CLGEN_E_NOMEM;
  for (int64_t i = 0; i < rows->n && !rc; ++i) {
    double sum = 0;
    clgen_rows_get(rows, i, 1, row);
    for (int64_t k = 0; k < rows->d; ++k) sum += row[k] * row[k];
    rows->norm[i] = sum;
    /* Floats squared cannot overflow a double, so only a bad number does this. */
    if (!isfinite(sum)) rc = clgen_fail(CLGEN_E_NONFINITE, "row %lld of the %s is not finite", (long long)i, what);
  }
  free(row);
  if (rc) clgen_rows_free(rows);
  return rc;
}

int clgen_rows_init(clgen_rows *rows, const clgen_points *p, int64_t least, const char *what) {
  memset(rows, 0, sizeof *rows);
  if (!p || !p->floats == !p->bytes) return clgen_fail(CLGEN_E_INVALID, "the %s have to be floats or bytes", what);
  if (p->n < least)
    return clgen_fail(CLGEN_E_INVALID, "%lld %s are too few: at least %lld are needed", (long long)p->n, what,
                      (long long)least);
  if (p->d < 1 || p->d > MAX_DIMENSION)
    return clgen_fail(CLGEN_E_INVALID, "the %s have dimension %lld", what, (long long)p->d);
  rows->floats = p->floats;
  rows->bytes = p->bytes;
  rows->n = p->n;
  rows->d = p->d;
  return measure(rows, what);
}

int clgen_rows_init_double(clgen_rows *rows, const double *values, int64_t n, int64_t d) {
  memset(rows, 0, sizeof *rows);
  rows->doubles = values;
  rows->n = n;
  rows->d = d;
  return measure(rows, "centres");
}

void clgen_rows_free(clgen_rows *rows) {
  free(rows->norm);
  rows->norm = NULL;
}

int clgen_rows_alike(const clgen_rows *a, const clgen_rows *b) {
  if (!a->floats != !b->floats) return clgen_fail(CLGEN_E_INVALID, "features and pixels cannot be compared");
  if (a->d == b->d) return 0;
  return clgen_fail(CLGEN_E_INVALID, "points of dimension %lld and %lld cannot be compared", (long long)a->d,
                    (long long)b->d);
}

static double element(const clgen_rows *rows, size_t at) {
  return rows->doubles ? rows->doubles[at] : rows->floats ? (double)rows->floats[at] : (double)rows->bytes[at];
}

/* Eight sums, so that one addition need not wait for another. */
#define SQUARE(NAME, TYPE)                                              \
  static double NAME(const TYPE *a, const TYPE *b, size_t d) {          \
    double sum[8] = {0};                                                \
    size_t k = 0;                                                       \
    for (; k + 8 <= d; k += 8)                                          \
      for (int l = 0; l < 8; ++l) {                                     \
        double t = (double)a[k + (size_t)l] - (double)b[k + (size_t)l]; \
        sum[l] += t * t;                                                \
      }                                                                 \
    for (; k < d; ++k) {                                                \
      double t = (double)a[k] - (double)b[k];                           \
      sum[0] += t * t;                                                  \
    }                                                                   \
    for (int l = 1; l < 8; ++l) sum[0] += sum[l];                       \
    return sum[0];                                                      \
  }
SQUARE(square_floats, float)
SQUARE(square_bytes, uint8_t)

double clgen_exact_square(const clgen_rows *a, int64_t i, const clgen_rows *b, int64_t j) {
  size_t d = (size_t)a->d, ai = (size_t)i * d, bj = (size_t)j * d;
  if (a->floats && b->floats) return square_floats(a->floats + ai, b->floats + bj, d);
  if (a->bytes && b->bytes) return square_bytes(a->bytes + ai, b->bytes + bj, d);
  double sum = 0;
  for (size_t k = 0; k < d; ++k) {
    double t = element(a, ai + k) - element(b, bj + k);
    sum += t * t;
  }
  return sum;
}

int clgen_walk_distances(const clgen_rows *a, const clgen_rows *b, bool upper, void (*visit)(void *, const clgen_block *),
                         void *user) {
  double *x = clgen_alloc(BLOCK, a->d, sizeof *x), *y = clgen_alloc(BLOCK, a->d, sizeof *y);
  double *square = clgen_alloc(BLOCK, BLOCK, sizeof *square);
  int rc = x && y && square ? 0 : CLGEN_E_NOMEM;
  for (int64_t i0 = 0; i0 < a->n && !rc; i0 += BLOCK) {
    int64_t ni = a->n - i0 < BLOCK ? a->n - i0 : BLOCK;
    clgen_rows_get(a, i0, ni, x);
    for (int64_t j0 = upper ? i0 : 0; j0 < b->n; j0 += BLOCK) {
      int64_t nj = b->n - j0 < BLOCK ? b->n - j0 : BLOCK;
      clgen_rows_get(b, j0, nj, y);
      clgen_dot_rows(ni, nj, a->d, x, y, square);
      for (int64_t i = 0; i < ni; ++i)
        for (int64_t j = 0; j < nj; ++j) {
          double s = a->norm[i0 + i] + b->norm[j0 + j] - 2 * square[i * nj + j];
          square[i * nj + j] = s > 0 ? s : 0;
        }
      clgen_block block = {a, b, i0, ni, j0, nj, square};
      visit(user, &block);
    }
  }
  free(x);
  free(y);
  free(square);
  return rc;
}

/* ---- The nearest ------------------------------------------------------------------------------------------------- */

typedef struct {
  double square;
  int64_t index;
} candidate;

typedef struct {
  int keep; /* a few more than k: products may order near ties wrongly */
  const int64_t *skip;
  candidate *best; /* (n, keep), ascending */
} search;

static bool before(candidate a, candidate b) { return a.square < b.square || (a.square == b.square && a.index < b.index); }

static void insert(candidate *best, int keep, candidate c) {
  int at = keep - 1;
  for (; at > 0 && before(c, best[at - 1]); --at) best[at] = best[at - 1];
  best[at] = c;
}

static void look(void *user, const clgen_block *block) {
  search *s = user;
  for (int64_t i = 0; i < block->ni; ++i) {
    candidate *best = s->best + (block->i0 + i) * s->keep;
    const double *square = block->square + i * block->nj;
    int64_t skip = s->skip ? s->skip[block->i0 + i] - block->j0 : -1;
    for (int64_t j = 0; j < block->nj; ++j)
      if (square[j] < best[s->keep - 1].square && j != skip) insert(best, s->keep, (candidate){square[j], block->j0 + j});
  }
}

int clgen_nearest(const clgen_rows *a, const clgen_rows *b, int k, const int64_t *skip, double *square, int64_t *index) {
  if (k < 1 || k > b->n - (skip ? 1 : 0))
    return clgen_fail(CLGEN_E_INVALID, "the %d nearest of %lld points", k, (long long)(b->n - (skip ? 1 : 0)));
  search s = {k + 2, skip, clgen_alloc(a->n, k + 2, sizeof(candidate))};
  if (!s.best) return CLGEN_E_NOMEM;
  for (int64_t i = 0; i < a->n * s.keep; ++i) s.best[i] = (candidate){INFINITY, INT64_MAX};
  int rc = clgen_walk_distances(a, b, false, look, &s);
  for (int64_t i = 0; i < a->n && !rc; ++i) {
    candidate *best = s.best + i * s.keep, sorted[CLGEN_MAX_NEAREST + 2];
    for (int c = 0; c < s.keep; ++c) {
      if (best[c].index != INT64_MAX) best[c].square = clgen_exact_square(a, i, b, best[c].index);
      insert(sorted, c + 1, best[c]);
    }
    for (int c = 0; c < k; ++c) {
      square[i * k + c] = sorted[c].square;
      index[i * k + c] = sorted[c].index;
    }
  }
  free(s.best);
  return rc;
}

int clgen_nearest_other(const clgen_rows *a, int k, double *square, int64_t *index) {
  int64_t *self = clgen_alloc(a->n, 1, sizeof *self);
  if (!self) return CLGEN_E_NOMEM;
  for (int64_t i = 0; i < a->n; ++i) self[i] = i;
  int rc = clgen_nearest(a, a, k, self, square, index);
  free(self);
  return rc;
}
