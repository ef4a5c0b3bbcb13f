/* A classifier's accuracy at each tick, on images that it was not trained on. */
#include <clgen/metrics.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_internal.h"

#define TEST_BATCH 100

int clgen_labels_check(const clgen_dataset *ds, const char *who) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  if (!i->has_labels || i->classes < 2)
    return clgen_fail(CLGEN_E_INVALID,
                      "%s: %s needs labels of at least two classes, and the data have %s: give IDX or NPY files with "
                      "labels beside them, one subfolder per class, dataset.json or labels.csv",
                      i->path, who, i->has_labels ? "one class" : "none");
  for (int64_t k = 0; k < i->count; ++k)
    if (clgen_dataset_label(ds, k) < 0)
      return clgen_fail(CLGEN_E_INVALID, "%s: image %lld has no label, and %s needs a label for each image", i->path,
                        (long long)k, who);
  return CLGEN_OK;
}

int clgen_model_take_classes(clgen_model *m, const clgen_dataset *ds) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  size_t n = (size_t)i->classes;
  const char **names = calloc(n, sizeof *names);
  int64_t *counts = calloc(n, sizeof *counts);
  int code = names && counts ? CLGEN_OK : clgen_fail_nomem(n * sizeof *counts);
  for (int k = 0; !code && k < i->classes; ++k) names[k] = clgen_dataset_class_name(ds, k);
  for (int64_t k = 0; !code && k < i->count; ++k) ++counts[clgen_dataset_label(ds, k)];
  if (!code) code = clgen_model_set_classes(m, names, counts);
  free(names);
  free(counts);
  return code;
}

static int open_split(clgen_dataset **out, const clgen_run *r, const char *split) {
  const clgen_train_options *o = &r->options;
  clgen_dataset_options d = {.resolution = (int)o->res, .strict = o->strict, .split = split};
  d.classes = o->classes;
  d.channels = clgen_dataset_get_info(r->data)->channels;
  int code = clgen_train_background(o, d.background);
  return code ? code : clgen_dataset_open(out, o->data, &d);
}

/* Whether the split "train" is these images too. */
static int is_training_data(const clgen_dataset *test, const clgen_run *r, bool *same) {
  char fingerprint[96], train[96];
  clgen_dataset *whole = NULL;
  clgen_data_fingerprint(test, fingerprint);
  int code = open_split(&whole, r, "train"); /* r->data may be a part of it */
  if (!code) clgen_data_fingerprint(whole, train);
  clgen_dataset_close(whole);
  *same = !code && strcmp(fingerprint, train) == 0;
  return code;
}

/* The same class by its name: where some are missing, other numbers follow. */
static int label_in(const clgen_dataset *ds, const clgen_dataset *other, int label) {
  const char *name = clgen_dataset_class_name(other, label);
  for (int k = 0; label >= 0 && k < clgen_dataset_get_info(ds)->classes; ++k)
    if (strcmp(clgen_dataset_class_name(ds, k), name) == 0) return k;
  return -1;
}

static int take(clgen_test_accuracy *e, const clgen_run *r, const clgen_dataset *test) {
  clgen_images images = clgen_images_of(test);
  size_t bytes = (size_t)images.channels * (size_t)images.height * (size_t)images.width;
  int classes = clgen_dataset_get_info(r->data)->classes;
  e->n = images.n;
  e->images = malloc((size_t)e->n * bytes);
  e->labels = malloc((size_t)e->n * sizeof *e->labels);
  e->probabilities = malloc((size_t)e->n * (size_t)classes * sizeof *e->probabilities);
  if (!e->images || !e->labels || !e->probabilities) return clgen_fail_nomem((size_t)e->n * bytes);
  memcpy(e->images, images.pixels, (size_t)e->n * bytes);
  for (int64_t k = 0; k < e->n; ++k) e->labels[k] = label_in(r->data, test, clgen_dataset_label(test, k));
  return clgen_features_create(&e->features, r->model, r->store, TEST_BATCH);
}

int clgen_test_accuracy_open(clgen_test_accuracy **out, const clgen_run *r) {
  *out = NULL;
  clgen_dataset *test = NULL;
  bool same = false;
  int code = open_split(&test, r, "test");
  if (!code) code = is_training_data(test, r, &same);
  const clgen_dataset_info *train = clgen_dataset_get_info(r->data), *i = code ? NULL : clgen_dataset_get_info(test);
  const char *why = code                                                     ? "cannot be read"
                    : same                                                   ? "contains the training images"
                    : !i->has_labels                                         ? "has no labels"
                    : i->height != train->height || i->width != train->width ? "has images of another size"
                                                                             : NULL;
  if (why) {
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "test:     none, the split test of %s %s", r->options.data, why);
    clgen_dataset_close(test);
    return CLGEN_OK;
  }
  clgen_test_accuracy *e = calloc(1, sizeof *e);
  code = e ? take(e, r, test) : clgen_fail_nomem(sizeof *e);
  clgen_dataset_close(test);
  if (code)
    clgen_test_accuracy_free(e);
  else
    *out = e;
  return code;
}

void clgen_test_accuracy_free(clgen_test_accuracy *e) {
  if (!e) return;
  clgen_features_free(e->features);
  free(e->images);
  free(e->labels);
  free(e->probabilities);
  free(e);
}

int clgen_test_accuracy_run(clgen_test_accuracy *e, double *accuracy) {
  const clgen_features_info *f = clgen_features_get_info(e->features);
  clgen_images images = {e->images, e->n, f->channels, f->height, f->width};
  int code = clgen_features_run(e->features, &images, NULL, e->probabilities, NULL, NULL);
  clgen_estimate share = {0};
  if (!code && e->n) code = clgen_class_accuracy(e->probabilities, e->labels, e->n, f->classes, &share);
  *accuracy = share.value;
  return code;
}
