/* Judging a network or a set of images by a list of metrics: the data, the features and evaluator.h put together, as clgen
 * evaluate and clgen train --metrics do, so that both say the same of the same network. */
#ifndef CLGEN_ASSESS_H
#define CLGEN_ASSESS_H

#include <stdbool.h>
#include <stdint.h>

#include <clgen/data.h>
#include <clgen/device.h>
#include <clgen/features.h>
#include <clgen/evaluator.h>
#include <clgen/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All but `progress` and its user are copied. */
typedef struct {
  const char *data;     /* the real images: what clgen_dataset_open takes */
  const char *split;    /* "train" or "test" */
  const char *classes;  /* of the real images, as in clgen_dataset_options; NULL or "": all */
  const char *metrics;  /* evaluator.h has their names */
  const char *features; /* as of clgen_features_for; NULL or "": what fits the data */
  int64_t num;          /* images that are judged, at least 2, against as many reals; elbo and iwae are of as many images
                         * of the data. 0: CLGEN_ASSESS_NUM, and all of the data */
  int64_t samples;      /* draws an image of iwae; 0: 50 */
  uint64_t seed;        /* of all draws and choices */
  bool strict;          /* of the data */
  unsigned char background[3];
  int channels, height, width; /* of the images that will be judged, where there is no model: the reals are brought to them;
                                * 0: unknown, the reals stay as they are */
  clgen_logger log;
  void (*progress)(void *user, const char *what, int64_t done, int64_t total); /* may be NULL */
  void *user;
} clgen_assess_options;
#define CLGEN_ASSESS_NUM 10000

/* Whether these metrics apply to the model (NULL: to sets of images); reads nothing. */
int clgen_assess_check(const clgen_model *m, const clgen_assess_options *o);

typedef struct clgen_assessor clgen_assessor;
/* For a model's networks, or (m NULL) for sets of images. The reals come in the size and channels of what is
 * judged against them (unless that is oblong), so that the same images get the same figures from a network and from a file.
 * Reads the data, finds or trains the features, computes what is of the reals alone. Device and model must outlive it.
 * CLGEN_E_INVALID for metrics that do not apply, and what opening the data and the features gives. */
int clgen_assessor_create(clgen_assessor **out, clgen_device *device, const clgen_model *m, const clgen_assess_options *o);
void clgen_assessor_free(clgen_assessor *a);
/* The model's network that makes images, with its tensors in this store: its images of the seeds 0 .. num-1, and its bounds.
 * The same store each time; it must outlive the assessor. Fills in at most CLGEN_MAX_SCORES, in the list's order, bounds
 * last. */
int clgen_assessor_network(clgen_assessor *a, clgen_store *store, clgen_score scores[CLGEN_MAX_SCORES], int *n);
/* `num` of the images, chosen by the seed when there are more. */
int clgen_assessor_images(clgen_assessor *a, const clgen_images *images, clgen_score scores[CLGEN_MAX_SCORES], int *n);

typedef struct {
  int64_t images, reals;               /* judged, and compared with; 0: the list asks for bounds only */
  int64_t bound_images, samples;       /* of elbo and iwae; 0: not asked for */
  const clgen_features_info *features; /* NULL: none are needed */
} clgen_assessor_info;
clgen_assessor_info clgen_assessor_get_info(const clgen_assessor *a);

/* What judging a model's network will take on a device, before anything runs there: the store counts its share, and
 * *beside gets what the features take (0: none are needed). `data` are images like those that features are chosen by. */
int clgen_assess_plan(const clgen_model *m, const clgen_assess_options *o, clgen_store *store, const clgen_dataset *data,
                      uint64_t *beside);

#ifdef __cplusplus
}
#endif
#endif
