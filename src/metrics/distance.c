/* Distances between all pairs of two sets, block by block: |a|^2 + |b|^2 - 2 a.b by products of matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

enum { BLOCK = 512, MAX_DIMENSION = 1 << 28, MIDDLE = 128 };

void clgen_rows_get(const clgen_rows *rows, int64_t first, int64_t n, double *out) {
  size_t at = (size_t)first * (size_t)rows->d, count = (size_t)n * (size_t)rows->d;
  if (rows->doubles)
    memcpy(out, rows->doubles + at, count * sizeof *out);
  else if (rows->floats)
    for (size_t i = 0; i < count; ++i) out[i] = rows->floats[at + i];
  else
    for (size_t i = 0; i < count; ++i) out[i] = rows->bytes[at + i] - MIDDLE;
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
  if (!p || !p->floats == !p->bytes) return clgen_fail(CLGEN_E_INVALID, "the %s must be either floats or bytes", what);
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

/* Eight sums, so that one addition need not wait for another. */
#define SQUARE(NAME, TYPE_A, TYPE_B, MIDDLE_A)                       \
  static double NAME(const TYPE_A *a, const TYPE_B *b, size_t d) {   \
    double sum[8] = {0};                                             \
    size_t k = 0;                                                    \
    for (; k + 8 <= d; k += 8)                                       \
      for (size_t l = 0; l < 8; ++l) {                               \
        double t = (double)a[k + l] - (MIDDLE_A) - (double)b[k + l]; \
        sum[l] += t * t;                                             \
      }                                                              \
    for (; k < d; ++k) {                                             \
      double t = (double)a[k] - (MIDDLE_A) - (double)b[k];           \
      sum[0] += t * t;                                               \
    }                                                                \
    for (int l = 1; l < 8; ++l) sum[0] += sum[l];                    \
    return sum[0];                                                   \
  }
SQUARE(square_floats, float, float, 0)
SQUARE(square_bytes, uint8_t, uint8_t, 0)
SQUARE(square_float_double, float, double, 0)
SQUARE(square_byte_double, uint8_t, double, MIDDLE)

double clgen_exact_square(const clgen_rows *a, int64_t i, const clgen_rows *b, int64_t j) {
  size_t d = (size_t)a->d, ai = (size_t)i * d, bj = (size_t)j * d;
  if (b->doubles)
    return a->floats ? square_float_double(a->floats + ai, b->doubles + bj, d)
                     : square_byte_double(a->bytes + ai, b->doubles + bj, d);
  return a->floats ? square_floats(a->floats + ai, b->floats + bj, d) : square_bytes(a->bytes + ai, b->bytes + bj, d);
}

/* Rows and products of one block, in double or in float. */
typedef struct {
  bool single;
  double *x, *y, *square;
  float *xf, *yf, *dots;
} rooms;

static void rooms_free(rooms *r) {
  free(r->x);
  free(r->y);
  free(r->square);
  free(r->xf);
  free(r->yf);
  free(r->dots);
}

static int rooms_init(rooms *r, int64_t d, bool single) {
  memset(r, 0, sizeof *r);
  r->single = single;
  r->square = clgen_alloc(BLOCK, BLOCK, sizeof *r->square);
  if (single) {
    r->xf = clgen_alloc(BLOCK, d, sizeof *r->xf);
    r->yf = clgen_alloc(BLOCK, d, sizeof *r->yf);
    r->dots = clgen_alloc(BLOCK, BLOCK, sizeof *r->dots);
    return r->square && r->xf && r->yf && r->dots ? 0 : CLGEN_E_NOMEM;
  }
  r->x = clgen_alloc(BLOCK, d, sizeof *r->x);
  r->y = clgen_alloc(BLOCK, d, sizeof *r->y);
  return r->square && r->x && r->y ? 0 : CLGEN_E_NOMEM;
}

static void load(const rooms *r, const clgen_rows *rows, int64_t first, int64_t n, double *wide, float *single) {
  if (!r->single) {
    clgen_rows_get(rows, first, n, wide);
    return;
  }
  const uint8_t *bytes = rows->bytes + (size_t)first * (size_t)rows->d;
  for (size_t i = 0; i < (size_t)n * (size_t)rows->d; ++i) single[i] = (float)(bytes[i] - MIDDLE);
}

static void measure_block(const rooms *r, const clgen_block *b) {
  if (r->single)
    clgen_dot_rows_float(b->ni, b->nj, b->a->d, r->xf, r->yf, r->dots);
  else
    clgen_dot_rows(b->ni, b->nj, b->a->d, r->x, r->y, r->square);
  for (int64_t i = 0; i < b->ni; ++i) {
    const double *norm = b->b->norm + b->j0;
    double own = b->a->norm[b->i0 + i], *square = r->square + i * b->nj;
    const float *dots = r->dots + i * b->nj;
    for (int64_t j = 0; j < b->nj; ++j) {
      double s = own + norm[j] - 2 * (r->single ? (double)dots[j] : square[j]);
      square[j] = s > 0 ? s : 0;
    }
  }
}

int clgen_walk_distances(const clgen_rows *a, const clgen_rows *b, bool upper, void (*visit)(void *, const clgen_block *),
                         void *user) {
  rooms r;
  int rc = rooms_init(&r, a->d, clgen_products_float(a, b));
  for (int64_t i0 = 0; i0 < a->n && !rc; i0 += BLOCK) {
    int64_t ni = a->n - i0 < BLOCK ? a->n - i0 : BLOCK;
    load(&r, a, i0, ni, r.x, r.xf);
    for (int64_t j0 = upper ? i0 : 0; j0 < b->n; j0 += BLOCK) {
      int64_t nj = b->n - j0 < BLOCK ? b->n - j0 : BLOCK;
      load(&r, b, j0, nj, r.y, r.yf);
      clgen_block block = {a, b, i0, ni, j0, nj, r.square};
      measure_block(&r, &block);
      visit(user, &block);
    }
  }
  rooms_free(&r);
  return rc;
}

/* ---- The nearest ------------------------------------------------------------------------------------------------- */

typedef struct {
  double square;
  int64_t index;
} candidate;

typedef struct {
  int k;
  const int64_t *skip;
  candidate *best; /* (n, k), ascending, exact */
} search;

static bool before(candidate a, candidate b) { return a.square < b.square || (a.square == b.square && a.index < b.index); }

static void insert(candidate *best, int k, candidate c) {
  int at = k - 1;
  if (!before(c, best[at])) return;
  for (; at > 0 && before(c, best[at - 1]); --at) best[at] = best[at - 1];
  best[at] = c;
}

static void look(void *user, const clgen_block *b) {
  search *s = user;
  for (int64_t r = 0; r < b->ni; ++r) {
    int64_t i = b->i0 + r, skip = s->skip ? s->skip[i] - b->j0 : -1;
    candidate *best = s->best + i * s->k, *last = &best[s->k - 1];
    const double *square = b->square + r * b->nj;
    /* Rows of b come in their order, so behind k copies of the point itself nothing is nearer. */
    for (int64_t j = 0; j < b->nj && last->square > 0; ++j)
      if (square[j] - clgen_slack(b->a, i, b->b, b->j0 + j) <= last->square && j != skip)
        insert(best, s->k, (candidate){clgen_exact_square(b->a, i, b->b, b->j0 + j), b->j0 + j});
  }
}

int clgen_nearest(const clgen_rows *a, const clgen_rows *b, int k, const int64_t *skip, double *square, int64_t *index) {
  if (k < 1 || k > b->n - (skip ? 1 : 0))
    return clgen_fail(CLGEN_E_INVALID, "cannot find the %d nearest of %lld points", k, (long long)(b->n - (skip ? 1 : 0)));
  search s = {k, skip, clgen_alloc(a->n, k, sizeof(candidate))};
  if (!s.best) return CLGEN_E_NOMEM;
  for (int64_t i = 0; i < a->n * k; ++i) s.best[i] = (candidate){INFINITY, INT64_MAX};
  int rc = clgen_walk_distances(a, b, false, look, &s);
  for (int64_t i = 0; i < a->n * k && !rc; ++i) {
    square[i] = s.best[i].square;
    index[i] = s.best[i].index;
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
