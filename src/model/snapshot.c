/* Networks to and from safetensors, with PyTorch's names. */
#include "model/model_internal.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"

/* What a snapshot's tensors point at while it is written. */
typedef struct {
  clgen_st_tensor *tensor;
  char **name;
  size_t n;
  float *values[2 * CLGEN_MODEL_MAX_NETWORKS]; /* each network's parameters and statistics */
  int n_values;
  int64_t counter[CLGEN_MODEL_MAX_NETWORKS];
} collection;

static int add_network(collection *c, const clgen_model_network *w, clgen_store *store, uint64_t steps, int index) {
  int64_t size[2] = {clgen_net_param_size(w->net), clgen_net_stat_size(w->net)};
  float *values[2] = {NULL, NULL};
  for (int k = 0; k < 2; ++k) {
    if (!size[k]) continue;
    char *state = clgen_format("%s.%s", w->prefix, k ? "stat" : "param");
    values[k] = c->values[c->n_values++] = malloc((size_t)size[k] * sizeof(float));
    int code =
        state && values[k] ? clgen_store_read(store, state, 0, size[k], values[k]) : clgen_fail_nomem((size_t)size[k] * 4);
    free(state);
    if (code) return code;
  }
  c->counter[index] = (int64_t)steps * w->forwards;
  for (int i = 0; i < clgen_net_tensor_count(w->net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, i);
    char *name = w->bare ? clgen_strdup(t->name) : clgen_format("%s.%s", w->prefix, t->name);
    if (!name) return CLGEN_E_NOMEM;
    clgen_st_tensor *s = &c->tensor[c->n];
    c->name[c->n++] = name;
    *s = (clgen_st_tensor){.name = name, .dtype = CLGEN_ST_F32, .shape = t->shape};
    if (t->kind == CLGEN_NET_COUNTER) {
      s->dtype = CLGEN_ST_I64;
      s->data = &c->counter[index];
    } else {
      s->data = values[t->kind == CLGEN_NET_STAT] + t->offset;
    }
  }
  return CLGEN_OK;
}

static void collection_free(collection *c) {
  for (size_t i = 0; i < c->n; ++i) free(c->name[i]);
  for (int i = 0; i < c->n_values; ++i) free(c->values[i]);
  free(c->name);
  free(c->tensor);
}

int clgen_model_save(const clgen_model *m, clgen_store *store, uint64_t steps, const char *path, const clgen_st_meta *meta,
                     size_t n_meta) {
  size_t room = 0;
  for (int i = 0; i < m->n_networks; ++i) room += (size_t)clgen_net_tensor_count(m->networks[i].net);
  collection c = {.tensor = calloc(room, sizeof *c.tensor), .name = calloc(room, sizeof *c.name)};
  clgen_st_meta *all = calloc(n_meta + 3, sizeof *all);
  char *config = clgen_model_config_to_json(&m->config),
       *classes = m->config.classes ? clgen_model_classes_to_json(m) : NULL;
  int code = c.tensor && c.name && all && config && (classes || !m->config.classes)
                 ? CLGEN_OK
                 : clgen_fail_nomem(room * sizeof *c.tensor);
  for (int i = 0; !code && i < m->n_networks; ++i) code = add_network(&c, &m->networks[i], store, steps, i);
  if (!code) {
    all[0] = (clgen_st_meta){"clgen.version", CLGEN_VERSION};
    all[1] = (clgen_st_meta){"clgen.cfg", config};
    if (n_meta) memcpy(all + 2, meta, n_meta * sizeof *all);
    if (classes) all[2 + n_meta] = (clgen_st_meta){"clgen.classes", classes};
    code = clgen_safetensors_write(path, c.tensor, c.n, all, n_meta + (classes ? 3 : 2));
  }
  free(config);
  free(classes);
  free(all);
  collection_free(&c);
  return code;
}

int clgen_model_open(clgen_model **out, const clgen_safetensors *file) {
  *out = NULL;
  const char *path = clgen_safetensors_path(file), *json = clgen_safetensors_meta(file, "clgen.cfg");
  if (!json)
    return clgen_fail(CLGEN_E_FORMAT, "%s: has no metadata \"clgen.cfg\", so it is no snapshot of a network trained here",
                      path);
  clgen_model_config config;
  int code = clgen_model_config_from_json(&config, json, path);
  if (!code) code = clgen_model_create(out, &config);
  const char *classes = clgen_safetensors_meta(file, "clgen.classes");
  if (!code && config.classes && classes) code = clgen_model_classes_from_json(*out, classes, path);
  if (code) {
    clgen_model_free(*out);
    *out = NULL;
  }
  return code;
}

/* One tensor of a network, `values` with room for all: its values from the file. NULL: whether the file has it, so that no
 * configuration can ask for more memory than the file's own size bears out. */
static int load_tensor(const clgen_model_network *w, const clgen_net_tensor *t, const clgen_safetensors *file,
                       float *values) {
  char *name = w->bare ? clgen_strdup(t->name) : clgen_format("%s.%s", w->prefix, t->name);
  if (!name) return CLGEN_E_NOMEM;
  const clgen_st_tensor *found = clgen_safetensors_find(file, name);
  const bool fits = found && clgen_shape_equal(&found->shape, &t->shape);
  int code = CLGEN_OK;
  if (values || !fits) code = clgen_safetensors_read_f32(file, name, &t->shape, values ? values + t->offset : NULL);
  free(name);
  return code;
}

static int load_tensors(const clgen_model_network *w, clgen_net_kind kind, const clgen_safetensors *file, float *values) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < clgen_net_tensor_count(w->net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, i);
    if (t->kind == kind) code = load_tensor(w, t, file, values);
  }
  return code;
}

static int load_network(const clgen_model_network *w, clgen_store *store, const clgen_safetensors *file) {
  for (int k = 0; k < 2; ++k) {
    int64_t size = k ? clgen_net_stat_size(w->net) : clgen_net_param_size(w->net);
    if (!size) continue;
    const clgen_net_kind kind = k ? CLGEN_NET_STAT : CLGEN_NET_PARAM;
    int code = load_tensors(w, kind, file, NULL);
    if (code) return code;
    char *state = clgen_format("%s.%s", w->prefix, k ? "stat" : "param");
    float *values = calloc((size_t)size, sizeof *values);
    code = state && values ? load_tensors(w, kind, file, values) : clgen_fail_nomem((size_t)size * sizeof *values);
    if (!code) code = clgen_store_declare(store, state, CLGEN_F32, clgen_shape_of(1, size));
    if (!code) code = clgen_store_write(store, state, 0, size, values);
    free(values);
    free(state);
    if (code) return code;
  }
  return CLGEN_OK;
}

int clgen_model_load(const clgen_model *m, clgen_store *store, const clgen_safetensors *file,
                     const clgen_model_network *only) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < m->n_networks; ++i)
    if (!only || only == &m->networks[i]) code = load_network(&m->networks[i], store, file);
  return code;
}
