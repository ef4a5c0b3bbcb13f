/* The number of statistically different bins: Richardson & Weiss, NeurIPS 2018. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_internal.h"

enum { BOOTSTRAPS = 200, MAX_BINS = 100000 };

static int different_bins(int bins, const int64_t *counts, int64_t nr, int64_t nf, double significance) {
  int different = 0;
  for (int b = 0; b < bins; ++b) {
    double r = (double)counts[b] / (double)nr, f = (double)counts[bins + b] / (double)nf;
    double p = (double)(counts[b] + counts[bins + b]) / (double)(nr + nf);
    double se = sqrt(p * (1 - p) * (1 / (double)nr + 1 / (double)nf));
    if (se > 0 && erfc(fabs(r - f) / se / sqrt(2)) < significance) ++different;
  }
  return different;
}

static double divergence(int bins, const int64_t *counts, int64_t nr, int64_t nf) {
  double sum = 0;
  for (int b = 0; b < bins; ++b) {
    double r = (double)counts[b] / (double)nr, f = (double)counts[bins + b] / (double)nf, m = (r + f) / 2;
    if (r > 0) sum += r * log(r / m);
    if (f > 0) sum += f * log(f / m);
  }
  return sum / 2;
}

/* Draws the counts of n points again; `first` numbers the random numbers. */
static void redraw(int bins, const int64_t *counts, int64_t n, uint64_t seed, uint32_t counter, uint64_t first,
                   int64_t *ends, int64_t *out) {
  int64_t sum = 0;
  for (int b = 0; b < bins; ++b) ends[b] = sum += counts[b];
  memset(out, 0, (size_t)bins * sizeof *out);
  for (int64_t i = 0; i < n; ++i) {
    double u = clgen_uniform_at(seed, CLGEN_STREAM_METRIC, counter, first + (uint64_t)i);
    int64_t point = (int64_t)(u * (double)n);
    int low = 0, high = bins - 1;
    while (low < high) {
      int middle = (low + high) / 2;
      if (ends[middle] > point)
        high = middle;
      else
        low = middle + 1;
    }
    ++out[low];
  }
}

static int bootstrap(int bins, const int64_t *counts, int64_t nr, int64_t nf, uint64_t seed, double *se) {
  int64_t *room = clgen_alloc(3, bins, sizeof *room);
  double values[BOOTSTRAPS];
  if (!room) return CLGEN_E_NOMEM;
  for (int b = 0; b < BOOTSTRAPS; ++b) {
    uint32_t counter = CLGEN_DRAW_BOOT + (uint32_t)b;
    redraw(bins, counts, nr, seed, counter, 0, room + 2 * bins, room);
    redraw(bins, counts + bins, nf, seed, counter, (uint64_t)nr, room + 2 * bins, room + bins);
    values[b] = divergence(bins, room, nr, nf);
  }
  *se = sqrt(clgen_variance(values, BOOTSTRAPS, 1));
  free(room);
  return 0;
}

static int conclude(const int64_t *counts, int64_t nr, int64_t nf, uint64_t seed, clgen_ndb_result *out) {
  int bins = out->bins, different = different_bins(bins, counts, nr, nf, out->significance);
  double se;
  int rc = bootstrap(bins, counts, nr, nf, seed, &se);
  if (rc) return rc;
  out->share = clgen_estimate_share(different, bins);
  out->ndb = out->share;
  out->ndb.value = different;
  out->ndb.se *= bins;
  out->ndb.low *= bins;
  out->ndb.high *= bins;
  out->jsd = clgen_estimate_normal(divergence(bins, counts, nr, nf), se);
  if (out->jsd.low < 0) out->jsd.low = 0;
  clgen_estimate *all[] = {&out->ndb, &out->share, &out->jsd};
  int64_t least = nr < nf ? nr : nf;
  for (size_t e = 0; e < CLGEN_COUNT(all) && least < 10 * (int64_t)bins; ++e)
    clgen_warn(all[e], "%lld images in %d bins are fewer than 10 per bin: the test has little power", (long long)least,
               bins);
  return 0;
}

static int ndb(const clgen_rows *real, const clgen_rows *fake, uint64_t seed, clgen_ndb_result *out, int64_t *counts) {
  int bins = out->bins;
  double *centres = clgen_alloc(bins, real->d, sizeof *centres);
  int64_t *bin = clgen_alloc(real->n > fake->n ? real->n : fake->n, 1, sizeof *bin);
  int64_t *both = calloc(2 * (size_t)bins, sizeof *both);
  int rc = centres && bin ? 0 : CLGEN_E_NOMEM;
  if (!both) rc = clgen_fail_nomem(2 * (size_t)bins * sizeof *both);
  if (!rc) rc = clgen_kmeans(real, bins, seed, centres, bin);
  if (!rc) {
    for (int64_t i = 0; i < real->n; ++i) ++both[bin[i]];
    rc = clgen_nearest_centre(fake, bins, centres, bin);
  }
  if (!rc) {
    for (int64_t i = 0; i < fake->n; ++i) ++both[bins + bin[i]];
    rc = conclude(both, real->n, fake->n, seed, out);
  }
  if (!rc && counts) memcpy(counts, both, 2 * (size_t)bins * sizeof *both);
  free(centres);
  free(bin);
  free(both);
  return rc;
}

int clgen_ndb(const clgen_points *real, const clgen_points *fake, uint64_t seed, clgen_ndb_result *out, int64_t *counts) {
  int bins = out->bins ? out->bins : 100;
  double significance = out->significance == 0 ? 0.05 : out->significance;
  if (bins < 2 || bins > MAX_BINS || !(significance > 0 && significance < 1))
    return clgen_fail(CLGEN_E_INVALID, "%d bins at significance %g: 2 to %d bins, and above 0 and below 1", bins,
                      significance, MAX_BINS);
  clgen_rows a, b = {0};
  int rc = clgen_rows_init(&a, real, bins, "reals");
  if (rc) return rc;
  if (!(rc = clgen_rows_init(&b, fake, 2, "fakes")) && !(rc = clgen_rows_alike(&a, &b))) {
    memset(out, 0, sizeof *out);
    out->bins = bins;
    out->significance = significance;
    rc = ndb(&a, &b, seed, out, counts);
  }
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  return rc;
}
