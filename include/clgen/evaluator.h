/* Evaluates images by a list of metrics, each with its floor: clgen evaluate and clgen train --metrics use it. The formulas
 * are in metrics.h. */
#ifndef CLGEN_EVALUATOR_H
#define CLGEN_EVALUATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <clgen/data.h>
#include <clgen/features.h>
#include <clgen/metrics.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One value. */
typedef struct {
  char metric[16]; /* of the list: "prdc" */
  char part[24];   /* "precision_k5" */
  char name[160];  /* to be printed with it: "precision_k5[mnist-cnn]", "dup_share[pixels]", "elbo" */
  int better;      /* -1: lower is better, 1: higher, 0: nearer to the floor */
  clgen_estimate score;
  clgen_estimate floor; /* one half of the real images against the other; value NaN: none. It has a warning if the halves are
                         * smaller than the evaluated sets: a floor of fewer images is farther off */
  double seconds;       /* time of the metric, shared by its parts */
} clgen_score;
#define CLGEN_MAX_SCORES 32

/* Metrics by name, separated by commas: fid, kid, is, prdc (k = 5 and 3; by features), gantest (of images with
 * labels), ndb, msssim, dup, mem (by pixels),
 * and elbo, iwae (of a VAE, below). CLGEN_E_INVALID names the unknown one and lists them all. */
#define CLGEN_METRIC_NAMES "fid, kid, is, prdc, gantest, ndb, msssim, dup, mem, elbo, iwae"
int clgen_metrics_check(const char *list);
bool clgen_metrics_include(const char *list, const char *name);
bool clgen_metrics_need_features(const char *list);
bool clgen_metrics_need_images(const char *list); /* any but elbo and iwae */

typedef struct {
  const char *metrics;
  const clgen_dataset *real;
  clgen_features *features;              /* NULL if the list needs none */
  const clgen_dataset *train, *held_out; /* for mem: the training images (NULL: `real`), and held-out images (may be
                                          * NULL) */
  int64_t num; /* number of evaluated images, and of real images at most, chosen by the seed; at least 2 */
  uint64_t seed;
  void (*progress)(void *user, const char *what, int64_t done, int64_t total); /* may be NULL */
  void *user;
} clgen_evaluator_options;

typedef struct clgen_evaluator clgen_evaluator;
/* Computes the features of the real images and the floors. All that the options point to must outlive it. */
int clgen_evaluator_create(clgen_evaluator **out, const clgen_evaluator_options *options);
void clgen_evaluator_free(clgen_evaluator *j);
int64_t clgen_evaluator_reals(const clgen_evaluator *j); /* number of real images */
/* Evaluates the first num images; for metrics of pixels they are converted to the size and channels of the real images.
 * labels: the requested classes of the images, in the numbering of the feature network; NULL: none. Fills in at most
 * CLGEN_MAX_SCORES, in the list's order. */
int clgen_evaluator_run(clgen_evaluator *j, const clgen_images *fakes, const int *labels,
                        clgen_score scores[CLGEN_MAX_SCORES], int *n);

/* The bounds of a VAE on a dataset as scores: elbo (elbo, elbo_reconstruction, elbo_kl) and iwae, where the list has them,
 * and elbo_bits_per_dim, iwae_bits_per_dim where its likelihood is of bytes;
 * appended to scores. */
int clgen_evaluate_bounds(const clgen_model *m, clgen_store *store, const clgen_dataset *data, const char *metrics,
                          int samples, uint64_t seed,
                          void (*progress)(void *user, const char *what, int64_t done, int64_t total), void *user,
                          clgen_score scores[CLGEN_MAX_SCORES], int *n);

/* {"fid": {"name": "fid[mnist-cnn]", "value", "se", "low", "high", "better": "lower"|"higher"|"floor", "floor": {"value",
 * "se", "low", "high"} or null, "warnings": [], "seconds"}, ...} by part; what is not finite is null. free() it. */
char *clgen_scores_to_json(const clgen_score *scores, int n);

#ifdef __cplusplus
}
#endif
#endif
