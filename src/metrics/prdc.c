/* Precision and recall (Kynkäänniemi et al., NeurIPS 2019), density and coverage (Naeem et al., ICML 2020). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

/* What one k needs: the squared radii of both sets, and what was found. */
typedef struct {
  double *real_radius, *fake_radius;
  uint8_t *precise, *recalled, *covered;
  double *dense; /* spheres around each fake */
} sphere;

typedef struct {
  int n_k, widest; /* widest: the index of the largest k */
  const sphere *spheres;
} state;

/* Sign of the distance of a pair less a radius; products decide what is clear. */
static int side(const clgen_block *b, int64_t i, int64_t j, double square, double radius) {
  double slack = clgen_slack(b->a, i, b->b, j);
  if (square > radius + slack) return 1;
  if (square < radius - slack) return -1;
  square = clgen_exact_square(b->a, i, b->b, j);
  return (square > radius) - (square < radius);
}

/* Marks real i and fake j according to the spheres of each other that they are in. */
static void count_pair(const sphere *s, const clgen_block *b, int64_t i, int64_t j, double square) {
  int real = side(b, i, j, square, s->real_radius[i]), fake = side(b, i, j, square, s->fake_radius[j]);
  if (real <= 0) s->precise[j] = 1;
  if (fake <= 0) s->recalled[i] = 1;
  /* Strictly inside, as the paper has it; a sphere without a radius, around k exact copies, holds what is equal to them. */
  if (real < 0 || (real == 0 && s->real_radius[i] == 0)) {
    s->dense[j] += 1;
    s->covered[i] = 1;
  }
}

static void look(void *user, const clgen_block *b) {
  const state *st = user;
  const sphere *wide = &st->spheres[st->widest];
  for (int64_t r = 0; r < b->ni; ++r) {
    int64_t i = b->i0 + r;
    for (int64_t c = 0; c < b->nj; ++c) {
      int64_t j = b->j0 + c;
      double square = b->square[r * b->nj + c], slack = clgen_slack(b->a, i, b->b, j);
      if (square > wide->real_radius[i] + slack && square > wide->fake_radius[j] + slack) continue;
      for (int k = 0; k < st->n_k; ++k) count_pair(&st->spheres[k], b, i, j, square);
    }
  }
}

static int64_t count(const uint8_t *flags, int64_t n) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += flags[i];
  return sum;
}

static int64_t zeros(const double *radius, int64_t n) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += radius[i] == 0;
  return sum;
}

static void conclude(const sphere *s, int k, int64_t nr, int64_t nf, clgen_prdc_result *out) {
  memset(out, 0, sizeof *out);
  out->k = k;
  out->precision = clgen_estimate_share(count(s->precise, nf), nf);
  out->recall = clgen_estimate_share(count(s->recalled, nr), nr);
  out->coverage = clgen_estimate_share(count(s->covered, nr), nr);
  out->density =
      clgen_estimate_normal(clgen_average(s->dense, nf) / k, sqrt(clgen_variance(s->dense, nf, 1) / (double)nf) / k);
  if (out->density.low < 0) out->density.low = 0;
  clgen_estimate *all[] = {&out->precision, &out->recall, &out->density, &out->coverage};
  int64_t least = nr < nf ? nr : nf, most = nr < nf ? nf : nr;
  const int64_t points = zeros(s->real_radius, nr) + zeros(s->fake_radius, nf);
  for (size_t e = 0; e < CLGEN_COUNT(all); ++e) {
    if (2 * points > nr + nf)
      clgen_warn(all[e], "%lld of %lld images have %d neighbours with equal features: the features do not separate them",
                 (long long)points, (long long)(nr + nf), k);
    if (least < 200 * (int64_t)k)
      clgen_warn(all[e], "%lld images are too few for k = %d: use %d or more", (long long)least, k, 200 * k);
    if (most > 2 * least)
      clgen_warn(all[e], "%lld reals and %lld fakes: the radii depend on the number, so use as many of each", (long long)nr,
                 (long long)nf);
  }
}

static int spheres_alloc(sphere *s, int64_t nr, int64_t nf) {
  s->real_radius = clgen_alloc(nr, 1, sizeof(double));
  s->fake_radius = clgen_alloc(nf, 1, sizeof(double));
  s->precise = calloc((size_t)nf, 1);
  s->recalled = calloc((size_t)nr, 1);
  s->covered = calloc((size_t)nr, 1);
  s->dense = calloc((size_t)nf, sizeof(double));
  if (s->real_radius && s->fake_radius && s->precise && s->recalled && s->covered && s->dense) return 0;
  return clgen_fail_nomem((size_t)(nr + nf) * (sizeof(double) + 2));
}

static void spheres_free(sphere *s) {
  free(s->real_radius);
  free(s->fake_radius);
  free(s->precise);
  free(s->recalled);
  free(s->covered);
  free(s->dense);
}

static int radii(const clgen_rows *rows, const int *ks, int n_k, int widest, sphere *spheres, bool real) {
  int k = ks[widest];
  double *square = clgen_alloc(rows->n, k, sizeof *square);
  int64_t *index = clgen_alloc(rows->n, k, sizeof *index);
  int rc = square && index ? clgen_nearest_other(rows, k, square, index) : CLGEN_E_NOMEM;
  for (int s = 0; s < n_k && !rc; ++s)
    for (int64_t i = 0; i < rows->n; ++i)
      (real ? spheres[s].real_radius : spheres[s].fake_radius)[i] = square[i * k + ks[s] - 1];
  free(square);
  free(index);
  return rc;
}

static int prdc(const clgen_rows *real, const clgen_rows *fake, const int *ks, int n_k, clgen_prdc_result *out) {
  sphere *spheres = calloc((size_t)n_k, sizeof *spheres);
  if (!spheres) return clgen_fail_nomem((size_t)n_k * sizeof *spheres);
  state st = {n_k, 0, spheres};
  int rc = 0;
  for (int k = 0; k < n_k && !rc; ++k) {
    if (ks[k] > ks[st.widest]) st.widest = k;
    rc = spheres_alloc(&spheres[k], real->n, fake->n);
  }
  if (!rc && !(rc = radii(real, ks, n_k, st.widest, spheres, true)) &&
      !(rc = radii(fake, ks, n_k, st.widest, spheres, false)) && !(rc = clgen_walk_distances(real, fake, false, look, &st)))
    for (int k = 0; k < n_k; ++k) conclude(&spheres[k], ks[k], real->n, fake->n, &out[k]);
  for (int k = 0; k < n_k; ++k) spheres_free(&spheres[k]);
  free(spheres);
  return rc;
}

int clgen_prdc(const clgen_points *real, const clgen_points *fake, const int *ks, int n_k, clgen_prdc_result *out) {
  int most = 1;
  if (n_k < 1 || n_k > CLGEN_MAX_NEAREST)
    return clgen_fail(CLGEN_E_INVALID, "%d values of k: 1 to %d are possible", n_k, CLGEN_MAX_NEAREST);
  for (int k = 0; k < n_k; ++k) {
    if (ks[k] < 1 || ks[k] > CLGEN_MAX_NEAREST)
      return clgen_fail(CLGEN_E_INVALID, "k = %d: 1 to %d are possible", ks[k], CLGEN_MAX_NEAREST);
    if (ks[k] > most) most = ks[k];
  }
  clgen_rows a, b = {0};
  int rc = clgen_rows_init(&a, real, most + 1, "reals");
  if (rc) return rc;
  if (!(rc = clgen_rows_init(&b, fake, most + 1, "fakes")) && !(rc = clgen_rows_alike(&a, &b)))
    rc = prdc(&a, &b, ks, n_k, out);
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  return rc;
}
