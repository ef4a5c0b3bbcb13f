/* All that training depends on, as one file. Everything else that a run draws or counts (latents, the order of the data,
 * the optimiser's bias correction, the ramp of the average) is a function of the step and of the seed. */
#include "train/train_internal.h"

#include <clgen/safetensors.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

/* What was watched since the last report, so that a report covers its whole tick however often the run was stopped in it. */
static bool is_watched(const char *name) {
  return strcmp(name, CLGEN_WATCH_SUM) == 0 || strcmp(name, CLGEN_WATCH_BAD) == 0 || strcmp(name, CLGEN_WATCH_GOOD) == 0;
}

#define COUNTS "steps_since_report"
#define STATS_LINES "clgen.stats_lines"

static bool belongs(const char *name) {
  size_t n = strlen(name);
  return is_watched(name) || (strncmp(name, "train.", 6) != 0 && !(n > 5 && strcmp(name + n - 5, ".grad") == 0));
}

static int collect(clgen_store *store, const char *name, clgen_st_tensor *out, float **values) {
  clgen_dtype dtype;
  clgen_shape shape;
  int code = clgen_store_info(store, name, &dtype, &shape);
  if (code) return code;
  if (dtype != CLGEN_F32) return clgen_fail(CLGEN_E_UNSUPPORTED, "state \"%s\" is not of float32", name);
  int64_t n = clgen_shape_count(&shape);
  if ((uint64_t)n > SIZE_MAX / sizeof **values) return clgen_fail(CLGEN_E_NOMEM, "state \"%s\" is too large", name);
  *values = malloc((size_t)n * sizeof **values);
  if (!*values) return clgen_fail_nomem((size_t)n * sizeof **values);
  code = clgen_store_read(store, name, 0, n, *values);
  for (int64_t i = 0; !code && i < n; ++i)
    if (!isfinite((*values)[i]))
      code = clgen_fail(CLGEN_E_NONFINITE, "element %lld of %s became %s", (long long)i, name,
                        isnan((*values)[i]) ? "NaN" : "infinite");
  *out = (clgen_st_tensor){.name = name, .dtype = CLGEN_ST_F32, .shape = shape, .data = *values};
  return code;
}

int clgen_training_state_save(clgen_store *store, const char *path, uint64_t step, const clgen_state_identity *id) {
  size_t room = clgen_store_count(store) + 2, n = 0;
  clgen_st_tensor *tensors = calloc(room, sizeof *tensors);
  float **values = calloc(room, sizeof *values);
  int code = tensors && values ? CLGEN_OK : clgen_fail_nomem(room * sizeof *tensors);
  for (size_t i = 0; !code && i + 2 < room; ++i) {
    const char *name = clgen_store_name(store, i);
    if (!belongs(name)) continue;
    code = collect(store, name, &tensors[n], &values[n]);
    ++n;
  }
  if (!code) {
    int64_t counter = (int64_t)step;
    char lines[32];
    snprintf(lines, sizeof lines, "%lld", (long long)id->stats_lines);
    tensors[n++] = (clgen_st_tensor){.name = "step", .dtype = CLGEN_ST_I64, .shape = clgen_shape_of(0), .data = &counter};
    tensors[n++] = (clgen_st_tensor){
        .name = COUNTS, .dtype = CLGEN_ST_I64, .shape = clgen_shape_of(1, CLGEN_TRAINER_COUNTS), .data = id->counts};
    const clgen_st_meta meta[] = {
        {"clgen.version", CLGEN_VERSION}, {"clgen.training", id->course}, {"clgen.data", id->data}, {STATS_LINES, lines}};
    code = clgen_safetensors_write(path, tensors, n, meta, CLGEN_COUNT(meta));
  }
  for (size_t i = 0; values && i < room; ++i) free(values[i]);
  free(values);
  free(tensors);
  return code;
}

static int check_identity(const clgen_safetensors *st, const char *key, const char *now, const char *what) {
  const char *then = clgen_safetensors_meta(st, key);
  if (!then) return clgen_fail(CLGEN_E_FORMAT, "%s: not a training state: it lacks \"%s\"", clgen_safetensors_path(st), key);
  if (strcmp(then, now) == 0) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s: %s changed since this state was written: %s, now %s", clgen_safetensors_path(st),
                    what, then, now);
}

static int load_state(clgen_store *store, const clgen_safetensors *st, const clgen_st_tensor *t) {
  int64_t n = clgen_shape_count(&t->shape);
  float *values = malloc((size_t)n * sizeof *values);
  int code = values ? clgen_safetensors_read_f32(st, t->name, NULL, values) : clgen_fail_nomem((size_t)n * sizeof *values);
  if (!code) code = clgen_store_declare(store, t->name, CLGEN_F32, t->shape);
  if (code == CLGEN_E_INVALID) code = clgen_fail_prefix(CLGEN_E_FORMAT, "%s", clgen_safetensors_path(st));
  if (!code) code = clgen_store_write(store, t->name, 0, n, values);
  free(values);
  return code;
}

/* Nothing that the step needs may keep its starting value. */
static int check_complete(clgen_store *store, const clgen_safetensors *st) {
  for (size_t i = 0; i < clgen_store_count(store); ++i) {
    const char *name = clgen_store_name(store, i);
    if (belongs(name) && !is_watched(name) && !clgen_safetensors_find(st, name)) /* older versions kept nothing watched */
      return clgen_fail(CLGEN_E_FORMAT, "%s: lacks the state \"%s\"", clgen_safetensors_path(st), name);
  }
  return CLGEN_OK;
}

static int load_counts(const clgen_safetensors *st, clgen_state_identity *id) {
  const clgen_st_tensor *t = clgen_safetensors_find(st, COUNTS);
  const char *lines = clgen_safetensors_meta(st, STATS_LINES);
  memset(id->counts, 0, sizeof id->counts);
  id->stats_lines = lines ? strtoll(lines, NULL, 10) : -1;
  if (!t) return CLGEN_OK; /* an older version's, saved at the end of a tick */
  if (t->dtype != CLGEN_ST_I64 || clgen_shape_count(&t->shape) != CLGEN_TRAINER_COUNTS)
    return clgen_fail(CLGEN_E_FORMAT, "%s: \"%s\" does not have %d numbers", clgen_safetensors_path(st), COUNTS,
                      CLGEN_TRAINER_COUNTS);
  memcpy(id->counts, t->data, sizeof id->counts);
  for (size_t i = 0; i < CLGEN_COUNT(id->counts); ++i)
    if (id->counts[i] < 0)
      return clgen_fail(CLGEN_E_FORMAT, "%s: \"%s\" has a negative number", clgen_safetensors_path(st), COUNTS);
  return CLGEN_OK;
}

int clgen_training_state_load(clgen_store *store, const char *path, uint64_t *step, clgen_state_identity *id) {
  clgen_safetensors *st = NULL;
  int code = clgen_safetensors_open(&st, path);
  if (!code) code = check_identity(st, "clgen.training", id->course, "the options");
  if (!code) code = check_identity(st, "clgen.data", id->data, "the data");
  if (!code) code = check_complete(store, st);
  const clgen_st_tensor *counter = code ? NULL : clgen_safetensors_find(st, "step");
  if (!code && (!counter || counter->dtype != CLGEN_ST_I64 || clgen_shape_count(&counter->shape) != 1))
    code = clgen_fail(CLGEN_E_FORMAT, "%s: not a training state: it has no step", path);
  if (!code) {
    int64_t value;
    memcpy(&value, counter->data, sizeof value);
    *step = (uint64_t)value;
    if (value < 0) code = clgen_fail(CLGEN_E_FORMAT, "%s: invalid step %lld", path, (long long)value);
  }
  for (size_t i = 0; !code && i < clgen_safetensors_count(st); ++i) {
    const clgen_st_tensor *t = clgen_safetensors_get(st, i);
    if (t != counter && strcmp(t->name, COUNTS) != 0) code = load_state(store, st, t);
  }
  if (!code) code = load_counts(st, id);
  clgen_safetensors_close(st);
  return code;
}

void clgen_data_fingerprint(const clgen_dataset *ds, char out[96]) {
  enum { LEAST = 4096, MOST_BYTES = 1 << 28 }; /* about 0.3 s */
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  const size_t bytes = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
  const int64_t room = (int64_t)(MOST_BYTES / bytes), most = room > LEAST ? room : LEAST;
  const int64_t every = (info->count + most - 1) / most;
  uint64_t hash = 0;
  for (int64_t i = 0; i < info->count; i += every) hash = clgen_hash64(clgen_dataset_image(ds, i), bytes, hash);
  for (int64_t i = 0; i < info->count; ++i) {
    const int label = clgen_dataset_label(ds, i);
    hash = clgen_hash64(&label, sizeof label, hash);
  }
  snprintf(out, 96, "%lld images %dx%dx%d %016llx", (long long)info->count, info->channels, info->height, info->width,
           (unsigned long long)hash);
}
