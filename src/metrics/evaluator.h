/* What evaluator.c and the table of metrics share. */
#ifndef CLGEN_METRICS_JUDGE_H
#define CLGEN_METRICS_JUDGE_H

#include <clgen/evaluator.h>

/* Some images of one geometry, and what the feature network says of them (NULL where nothing needs it). */
typedef struct {
  int64_t n;
  const uint8_t *pixels;
  const float *features, *probabilities;
  const int *labels; /* by the feature network's classes, -1 for others; NULL: unknown */
} clgen_sample;

#define CLGEN_MAX_PARTS 8

struct clgen_evaluator {
  clgen_evaluator_options options;
  int channels, height, width; /* of the reals */
  int64_t pixel_dim, n_real, half;
  clgen_sample pool; /* the reals, in an order by the seed: the first n_real are compared with, two times `half` are the
                      * halves */
  uint8_t *pixels;   /* the pool's own memory */
  float *features, *probabilities;
  int *labels;
  clgen_estimate floor[CLGEN_MAX_SCORES]; /* in the order of the scores */
};

/* A row of the table. */
typedef struct {
  const char *name;
  bool by_features;
  int n_parts;
  struct {
    const char *name;
    int better;
  } part[CLGEN_MAX_PARTS];
  int (*measure)(const clgen_evaluator *j, const clgen_sample *real, const clgen_sample *fake, clgen_estimate *out);
  /* NULL: measure() on the halves */
  int (*floor)(const clgen_evaluator *j, const clgen_sample *a, const clgen_sample *b, clgen_estimate *out);
} clgen_metric_row;

/* NULL behind the last. */
const clgen_metric_row *clgen_metric_row_at(int index);

#endif
