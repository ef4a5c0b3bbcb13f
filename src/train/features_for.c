/* The choice of a feature network: given, known, or trained here on the labels. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train_internal.h"

#define KNOWN "mnist-cnn" /* comes with clgen, in models/ */

enum { BATCH = 128, LOOK = 1000, TRAIN_IMAGES = 300000, LOOK_BATCH = 100 };

static int find_named(char **path, const char *spec) {
  *path = NULL;
  if (strchr(spec, '/') || access(spec, F_OK) == 0) return (*path = clgen_strdup(spec)) ? CLGEN_OK : CLGEN_E_NOMEM;
  int code = clgen_features_find(path, spec);
  return code ? clgen_fail_prefix(code, "features '%s': no such file, and none of that name comes with clgen", spec) : code;
}

static int open_named(clgen_features **out, clgen_device *device, const char *spec) {
  char *path = NULL;
  int code = find_named(&path, spec);
  if (!code) code = clgen_features_open(out, device, path, LOOK_BATCH);
  free(path);
  return code;
}

/* ---- Does the known one know these images? ---- */

/* How many of (at most LOOK of) the images it names rightly. Classes meet by name. */
static int count_right(clgen_features *f, const clgen_dataset *data, int64_t *right, int64_t *looked) {
  clgen_images images = clgen_images_of(data);
  size_t bytes = (size_t)images.channels * (size_t)images.height * (size_t)images.width;
  int classes = clgen_features_get_info(f)->classes;
  int64_t step = images.n / LOOK > 0 ? images.n / LOOK : 1, n = images.n / step < LOOK ? images.n / step : LOOK;
  uint8_t *some = malloc((size_t)n * bytes);
  float *p = malloc((size_t)n * (size_t)classes * sizeof *p);
  int code = some && p ? CLGEN_OK : clgen_fail_nomem((size_t)n * bytes);
  for (int64_t i = 0; !code && i < n; ++i)
    memcpy(some + (size_t)i * bytes, images.pixels + (size_t)(i * step) * bytes, bytes);
  images.pixels = some;
  images.n = n;
  if (!code) code = clgen_features_run(f, &images, NULL, p, NULL, NULL);
  *right = 0;
  for (int64_t i = 0; !code && i < n; ++i) {
    int best = 0;
    for (int c = 1; c < classes; ++c)
      if (p[i * classes + c] > p[i * classes + best]) best = c;
    char name[16];
    snprintf(name, sizeof name, "%d", best);
    *right += strcmp(name, clgen_dataset_class_name(data, clgen_dataset_label(data, i * step))) == 0;
  }
  *looked = n;
  free(some);
  free(p);
  return code;
}

/* *out stays NULL when it does not fit. */
static int try_known(clgen_features **out, clgen_device *device, const clgen_dataset *data, const clgen_logger *log) {
  char *path = NULL;
  clgen_features *f = NULL;
  int64_t right, looked;
  if (clgen_features_find(&path, KNOWN)) return CLGEN_OK; /* one can be trained */
  int code = clgen_features_open(&f, device, path, LOOK_BATCH);
  free(path);
  if (!code) code = count_right(f, data, &right, &looked);
  bool fits = !code && (double)right >= 0.9 * (double)looked;
  if (fits)
    clgen_log_write(log, CLGEN_LOG_INFO, "features: %s, which classifies %.1f%% of %lld images correctly", KNOWN,
                    100 * (double)right / (double)looked, (long long)looked);
  if (!fits) clgen_features_free(f);
  if (fits) *out = f;
  return code;
}

/* ---- One trained here ---- */

typedef struct {
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_sampler *sampler;
  uint8_t *images;
  int *labels;
} lesson;

static void trained_config(clgen_model_config *c, const clgen_dataset *data) {
  const clgen_dataset_info *i = clgen_dataset_get_info(data);
  *c = (clgen_model_config){.arch = CLGEN_ARCH_CLASSIFIER, .channels = i->channels, .height = i->height, .width = i->width};
  c->classes = i->classes;
}

static int begin(lesson *l, clgen_device *device, const clgen_dataset *data) {
  const clgen_dataset_info *i = clgen_dataset_get_info(data);
  clgen_model_config c;
  trained_config(&c, data);
  clgen_trainer_config t = {.batch = BATCH, .lr = 1e-3};
  t.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  l->images = malloc(BATCH * (size_t)i->channels * (size_t)i->height * (size_t)i->width);
  l->labels = malloc(BATCH * sizeof *l->labels);
  int code = l->images && l->labels ? CLGEN_OK : clgen_fail_nomem(BATCH * (size_t)i->height * (size_t)i->width);
  if (!code) code = clgen_sampler_create(&l->sampler, i->count, 0);
  if (!code) code = clgen_model_create(&l->model, &c);
  if (!code) code = clgen_model_take_classes(l->model, data);
  if (!code) code = clgen_store_create(&l->store, device);
  if (!code) code = clgen_trainer_create(&l->trainer, l->model, l->store, &t);
  if (!code) code = clgen_model_init(l->model, l->store, 0);
  return code;
}

static int teach(lesson *l, const clgen_dataset *data, const clgen_logger *log) {
  const clgen_dataset_info *info = clgen_dataset_get_info(data);
  size_t bytes = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
  uint64_t steps = TRAIN_IMAGES / BATCH;
  int code = CLGEN_OK;
  for (uint64_t s = 0; !code && s < steps; ++s) {
    for (uint64_t k = 0; k < BATCH; ++k) {
      int64_t index = clgen_sampler_index(l->sampler, s * BATCH + k);
      memcpy(l->images + k * bytes, clgen_dataset_image(data, index), bytes);
      l->labels[k] = clgen_dataset_label(data, index);
    }
    code = clgen_trainer_set_labels(l->trainer, l->labels);
    if (!code) code = clgen_trainer_step(l->trainer, s, l->images, NULL);
    if (code || (s + 1) % (steps / 4) != 0) continue;
    clgen_trainer_report r;
    code = clgen_trainer_read(l->trainer, &r);
    if (!code && r.bad >= 0) code = clgen_fail(CLGEN_E_NONFINITE, "training features: %s became NaN", r.name[r.bad]);
    if (!code)
      clgen_log_write(log, CLGEN_LOG_INFO, "features: %llu of %llu steps, %s %.4f, %s %.4f", (unsigned long long)s + 1,
                      (unsigned long long)steps, r.name[0], r.mean[0], r.name[1], r.mean[1]);
  }
  return code;
}

static void end(lesson *l) {
  clgen_trainer_free(l->trainer);
  clgen_store_free(l->store);
  clgen_model_free(l->model);
  clgen_sampler_free(l->sampler);
  free(l->images);
  free(l->labels);
}

static int train_to(const char *path, clgen_device *device, const clgen_dataset *data, const clgen_logger *log) {
  lesson l = {0};
  char fingerprint[96];
  clgen_data_fingerprint(data, fingerprint);
  clgen_log_write(
      log, CLGEN_LOG_INFO,
      "features: no known feature network fits %s, so a classifier is trained on its labels (%d images; saved as "
      "%s)",
      clgen_dataset_get_info(data)->path, TRAIN_IMAGES, path);
  const clgen_st_meta meta[] = {{"clgen.data", fingerprint}, {"clgen.device", clgen_device_get_info(device)->name}};
  int code = begin(&l, device, data);
  if (!code) code = teach(&l, data, log);
  if (!code) code = clgen_model_save(l.model, l.store, TRAIN_IMAGES / BATCH, path, meta, CLGEN_COUNT(meta));
  end(&l);
  return code;
}

/* A function of the images and their labels. */
static char *cached_path(const char *folder, const clgen_dataset *data) {
  const clgen_dataset_info *i = clgen_dataset_get_info(data);
  char fingerprint[96];
  clgen_data_fingerprint(data, fingerprint);
  uint64_t hash = clgen_hash64(fingerprint, strlen(fingerprint), 0);
  for (int64_t k = 0; k < i->count; ++k) {
    int label = clgen_dataset_label(data, k);
    hash = clgen_hash64(&label, sizeof label, hash);
  }
  for (int k = 0; k < i->classes; ++k) { /* they are in the file, where they are more than numbers */
    char number[16];
    const char *name = clgen_dataset_class_name(data, k);
    snprintf(number, sizeof number, "%d", k);
    if (strcmp(name, number) != 0) hash = clgen_hash64(name, strlen(name) + 1, hash);
  }
  return clgen_format("%s/%.100s-cnn-%08x.safetensors", folder, i->name, (unsigned)(hash & 0xffffffffu));
}

static int open_trained(clgen_features **out, clgen_device *device, const clgen_dataset *data, const clgen_logger *log) {
  char *cache = clgen_cache_dir(), *folder = cache ? clgen_format("%s/features", cache) : clgen_strdup("/nonexistent");
  char *path = folder ? cached_path(folder, data) : NULL;
  int code = path ? CLGEN_OK : CLGEN_E_NOMEM;
  if (!code && !cache)
    code = clgen_fail(CLGEN_E_INVALID,
                      "a feature network must be trained, but there is no cache folder to save it in: set HOME or "
                      "XDG_CACHE_HOME, or give a feature network with --features");
  if (!code && access(path, R_OK) == 0 && clgen_features_open(out, device, path, LOOK_BATCH) == CLGEN_OK) {
    clgen_log_write(log, CLGEN_LOG_INFO, "features: %s, which was trained on these labels before", path);
  } else if (!code) {
    code = clgen_make_folders(folder);
    if (!code) code = train_to(path, device, data, log);
    if (!code) code = clgen_features_open(out, device, path, LOOK_BATCH);
  }
  free(cache);
  free(folder);
  free(path);
  return code;
}

/* ---- What they will take ---- */

static int plan_model(const clgen_model *m, clgen_device *device, clgen_memory *out) {
  clgen_store *store = NULL;
  clgen_features *f = NULL;
  int code = clgen_store_create(&store, device);
  if (!code) code = clgen_features_create(&f, m, store, LOOK_BATCH);
  if (!code) *out = clgen_store_memory(store);
  clgen_features_free(f);
  clgen_store_free(store);
  return code;
}

static int plan_trained(clgen_device *device, const clgen_dataset *data, clgen_memory *out) {
  clgen_model_config c;
  clgen_model *model = NULL;
  trained_config(&c, data);
  int code = clgen_model_create(&model, &c);
  if (!code) code = plan_model(model, device, out);
  clgen_model_free(model);
  return code;
}

int clgen_features_plan(clgen_device *device, const char *spec, const clgen_dataset *data, clgen_memory *out) {
  clgen_memory known = {0}, trained = {0};
  const clgen_dataset_info *i = clgen_dataset_get_info(data);
  bool named = spec && spec[0];
  char *path = NULL;
  int code = named ? find_named(&path, spec) : CLGEN_OK;
  if (!named && clgen_features_find(&path, KNOWN)) path = NULL;
  if (!code && path) code = clgen_features_memory(device, path, LOOK_BATCH, &known);
  if (!code && !named && i->has_labels && i->classes > 1) code = plan_trained(device, data, &trained);
  free(path);
  *out = known.peak_bytes > trained.peak_bytes ? known : trained;
  return code;
}

int clgen_features_for(clgen_features **out, clgen_device *device, const char *spec, const clgen_dataset *data,
                       const clgen_logger *log) {
  *out = NULL;
  if (spec && spec[0]) return open_named(out, device, spec);
  const clgen_dataset_info *i = clgen_dataset_get_info(data);
  if (!i->has_labels || clgen_labels_check(data, "a classifier") != CLGEN_OK)
    return clgen_fail(CLGEN_E_INVALID,
                      "%s: has no labels, which are needed to choose a feature network; give one: --features " KNOWN
                      " for handwritten digits, or --features FILE, a snapshot of 'clgen train --cfg classifier' on images "
                      "like these, or another network (docs/features.md)",
                      i->path);
  int code = try_known(out, device, data, log);
  return code || *out ? code : open_trained(out, device, data, log);
}
