/* Sums over a stream of features, group by group. */
#ifndef CLGEN_MOMENTS_H
#define CLGEN_MOMENTS_H

#include "metrics/metrics_internal.h"

enum { CLGEN_MOMENTS_PENDING = 128 };

struct clgen_moments {
  int64_t d, n;
  int groups;
  int64_t *count;  /* (groups) */
  double *shift;   /* (d): the first row */
  double *sum;     /* (groups, d) */
  double *cross;   /* (groups, d, d), upper triangles */
  double *pending; /* (groups, CLGEN_MOMENTS_PENDING, d): rows not yet in the sums */
};

/* Mean (d) and covariance (d, d) of all groups but one (-1: of all); returns the number of rows, which has to be 2 or more.
 */
int64_t clgen_moments_without(const clgen_moments *m, int without, double *mean, double *cov);

#endif
