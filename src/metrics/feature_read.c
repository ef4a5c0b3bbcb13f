/* Members of a description of a feature network, and the tensors that they name. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "metrics/feature_net.h"

int clgen_feature_fail(const clgen_feature_part *p, const char *format, ...) {
  char what[512];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(what, sizeof what, format, args);
  va_end(args);
  const char *path = clgen_safetensors_path(p->net->file);
  if (p->name[0]) return clgen_fail(CLGEN_E_FORMAT, "%s: layer '%.100s': %s", path, p->name, what);
  return clgen_fail(CLGEN_E_FORMAT, "%s: \"" CLGEN_FEATURES_KEY "\": %s", path, what);
}

static bool among(const char *words, const char *word) {
  size_t n = strlen(word);
  for (const char *at = words; n && (at = strstr(at, word)) != NULL; at += n)
    if ((at == words || at[-1] == ' ') && (at[n] == 0 || at[n] == ' ')) return true;
  return false;
}

int clgen_feature_keys(const clgen_feature_part *p, const char *known, const char *also) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)p->json, key, value) {
    if (!among(known, key) && !among(also, key))
      return clgen_feature_fail(p, "unknown key \"%.60s\"; there are: %s%s%s", key, also, known[0] ? " " : "", known);
  }
  return CLGEN_OK;
}

int clgen_feature_number(const clgen_feature_part *p, const char *key, double missing, double low, double high,
                         double *out) {
  const json_t *value = json_object_get(p->json, key);
  *out = value ? json_number_value(value) : missing;
  if (!value || (json_is_number(value) && *out >= low && *out <= high)) return CLGEN_OK;
  return clgen_feature_fail(p, "\"%s\" is not a number from %g to %g", key, low, high);
}

int clgen_feature_flag(const clgen_feature_part *p, const char *key, bool missing, bool *out) {
  const json_t *value = json_object_get(p->json, key);
  *out = value ? json_is_true(value) : missing;
  return !value || json_is_boolean(value) ? CLGEN_OK : clgen_feature_fail(p, "\"%s\" is neither true nor false", key);
}

int clgen_feature_ints(const clgen_feature_part *p, const char *key, int low, int high, int n, int *out) {
  const json_t *value = json_object_get(p->json, key);
  if (!value) return 0;
  bool good = json_is_integer(value) || (json_is_array(value) && json_array_size(value) == (size_t)n);
  for (int i = 0; good && i < n; ++i) {
    const json_t *one = json_is_array(value) ? json_array_get(value, (size_t)i) : value;
    json_int_t x = json_integer_value(one);
    good = json_is_integer(one) && x >= low && x <= high;
    if (good) out[i] = (int)x;
  }
  if (good) return n;
  return clgen_feature_fail(p, "\"%s\" is neither a whole number from %d to %d nor a list of %d", key, low, high, n);
}

/* ---- Tensors ---- */

/* *t is NULL where the description says false. */
static int find_tensor(const clgen_feature_part *p, const char *key, bool optional, const clgen_st_tensor **t) {
  const json_t *said = json_object_get(p->json, key);
  *t = NULL;
  if (optional && json_is_false(said)) return CLGEN_OK;
  if (said && !json_is_string(said))
    return clgen_feature_fail(p, "\"%s\" is not the name of a tensor%s", key, optional ? " or false" : "");
  char *name = said ? clgen_strdup(json_string_value(said)) : clgen_format("%s.%s", p->name, key);
  if (!name) return CLGEN_E_NOMEM;
  *t = clgen_safetensors_find(p->net->file, name);
  int code = *t ? CLGEN_OK
                : clgen_feature_fail(p, "the file has no tensor \"%.200s\"%s%s%s", name, optional ? " (\"" : "",
                                     optional ? key : "", optional ? "\": false says that there is none)" : "");
  free(name);
  return code;
}

/* n values of a tensor; one that is no number would make all features such. */
static int read_values(const clgen_safetensors *file, const char *tensor, int64_t n, float *out) {
  int code = clgen_safetensors_read_f32(file, tensor, NULL, out);
  for (int64_t i = 0; !code && i < n; ++i)
    if (!isfinite(out[i]))
      code = clgen_fail(CLGEN_E_FORMAT, "%s: tensor \"%.200s\": value %lld is not a finite number",
                        clgen_safetensors_path(file), tensor, (long long)i);
  return code;
}

static int add_weight(const clgen_feature_part *p, const char *what, clgen_shape shape, clgen_feature_weight **out) {
  clgen_feature_net *net = p->net;
  if (net->n_weights == net->room_weights) {
    size_t room = net->room_weights ? 2 * net->room_weights : 64;
    clgen_feature_weight *more = realloc(net->weight, room * sizeof *more);
    if (!more) return clgen_fail_nomem(room * sizeof *more);
    net->weight = more;
    net->room_weights = room;
  }
  char *state = clgen_format("features.%s.%s", p->name, what);
  if (!state) return CLGEN_E_NOMEM;
  *out = &net->weight[net->n_weights++];
  **out = (clgen_feature_weight){.state = state, .shape = shape};
  return CLGEN_OK;
}

int clgen_feature_tensor(const clgen_feature_part *p, const char *key, int ndim, bool optional, clgen_tensor **out) {
  const clgen_st_tensor *t;
  clgen_feature_weight *w = NULL;
  char text[96];
  *out = NULL;
  int code = find_tensor(p, key, optional, &t);
  if (code || !t) return code;
  if (t->shape.ndim != ndim || clgen_shape_count(&t->shape) < 1)
    return clgen_feature_fail(p, "tensor \"%.200s\" is %s where %d dimensions are needed", t->name,
                              clgen_shape_text(&t->shape, text, sizeof text), ndim);
  code = add_weight(p, key, t->shape, &w);
  if (!code && !(w->tensor = clgen_strdup(t->name))) code = CLGEN_E_NOMEM;
  if (code) return code;
  *out = clgen_state(p->graph, w->state, CLGEN_F32, t->shape);
  return *out ? CLGEN_OK : clgen_last_code();
}

int clgen_feature_values(const clgen_feature_part *p, const char *key, int64_t n, bool optional, float **out) {
  const clgen_st_tensor *t;
  const clgen_shape wanted = clgen_shape_of(1, n);
  char text[96];
  *out = NULL;
  int code = find_tensor(p, key, optional, &t);
  if (code || !t) return code;
  if (!clgen_shape_equal(&t->shape, &wanted))
    return clgen_feature_fail(p, "tensor \"%.200s\" is %s where %lld values, one a channel, are needed", t->name,
                              clgen_shape_text(&t->shape, text, sizeof text), (long long)n);
  *out = malloc((size_t)n * sizeof **out);
  return *out ? read_values(p->net->file, t->name, n, *out) : clgen_fail_nomem((size_t)n * sizeof **out);
}

clgen_tensor *clgen_feature_constant(const clgen_feature_part *p, const char *what, float *values, clgen_shape shape) {
  clgen_feature_weight *w = NULL;
  if (!values || add_weight(p, what, shape, &w)) {
    free(values);
    return NULL;
  }
  w->values = values;
  return clgen_state(p->graph, w->state, CLGEN_F32, shape);
}

int clgen_feature_net_load(const clgen_feature_net *net, clgen_store *store) {
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < net->n_weights; ++i) {
    const clgen_feature_weight *w = &net->weight[i];
    int64_t n = clgen_shape_count(&w->shape);
    float *read = w->values ? NULL : malloc((size_t)n * sizeof *read);
    if (!w->values) code = read ? read_values(net->file, w->tensor, n, read) : clgen_fail_nomem((size_t)n * 4);
    if (!code) code = clgen_store_declare(store, w->state, CLGEN_F32, w->shape);
    if (!code) code = clgen_store_write(store, w->state, 0, n, w->values ? w->values : read);
    free(read);
  }
  return code;
}
