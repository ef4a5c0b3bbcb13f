/* Evaluates a network or a set of images by a list of metrics: opens the data and the feature network, and runs evaluator.h.
 * Both clgen evaluate and clgen train --metrics use it, so that they give the same values for the same network. */
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
  int64_t num;          /* number of evaluated images, at least 2, and of real images; also of the images for elbo and iwae.
                         * 0: CLGEN_ASSESS_NUM, and all of the data for elbo and iwae */
  int64_t samples;      /* importance samples per image for iwae; 0: 50 */
  uint64_t seed;        /* of all random numbers and choices */
  bool strict;          /* as in clgen_dataset_options */
  unsigned char background[3];
  int channels, height, width; /* without a model: of the images to be evaluated; the reals are converted to this size.
                                * 0: unknown, the reals are not converted */
  clgen_logger log;
  void (*progress)(void *user, const char *what, int64_t done, int64_t total); /* may be NULL */
  void *user;
} clgen_assess_options;
#define CLGEN_ASSESS_NUM 10000

/* Whether these metrics apply to the model (NULL: to sets of images); reads nothing. */
int clgen_assess_check(const clgen_model *m, const clgen_assess_options *o);

typedef struct clgen_assessor clgen_assessor;
/* For a model's networks, or (m NULL) for sets of images. Reads the data, finds or trains the feature network, and computes
 * what depends on the reals alone. The reals are converted to the size and channels of the evaluated images (if those are
 * square), so that the same images get the same values from a network and from a file. Device and model must outlive it.
 * CLGEN_E_INVALID for metrics that do not apply, and the errors of opening the data and the features. */
int clgen_assessor_create(clgen_assessor **out, clgen_device *device, const clgen_model *m, const clgen_assess_options *o);
void clgen_assessor_free(clgen_assessor *a);
/* Evaluates the model's generator network, whose tensors are in this store: its images of the seeds 0 .. num-1, and a VAE's
 * bounds. Each call must use the same store; it must outlive the assessor. Fills in at most CLGEN_MAX_SCORES, in the list's
 * order, bounds last. */
int clgen_assessor_network(clgen_assessor *a, clgen_store *store, clgen_score scores[CLGEN_MAX_SCORES], int *n);
/* Evaluates `num` of these images, chosen by the seed if there are more. */
int clgen_assessor_images(clgen_assessor *a, const clgen_images *images, clgen_score scores[CLGEN_MAX_SCORES], int *n);

typedef struct {
  int64_t images, reals;               /* evaluated images, and real ones; 0: the list has only bounds */
  int64_t bound_images, samples;       /* of elbo and iwae; 0: not in the list */
  const clgen_features_info *features; /* NULL: not needed */
} clgen_assessor_info;
clgen_assessor_info clgen_assessor_get_info(const clgen_assessor *a);

/* Plans the device memory for evaluating a model's network, before anything runs: adds its programs to the store, and sets
 * *beside to the memory of the feature network (0: not needed). `data` are images like those by which the feature network
 * will be chosen. */
int clgen_assess_plan(const clgen_model *m, const clgen_assess_options *o, clgen_store *store, const clgen_dataset *data,
                      uint64_t *beside);

#ifdef __cplusplus
}
#endif
#endif
