/* Which parameters --freeze and --freezed name. */
#include "train/train_internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static bool is_trained(const clgen_model_network *w) { return strcmp(w->prefix, "G_ema") != 0; }

static void name_of(char out[96], const clgen_model_network *w, const char *name) {
  snprintf(out, 96, "%s%s%s", w->bare ? "" : w->prefix, w->bare ? "" : ".", name);
}

/* A pattern is of a tensor's name or of its layer's. */
static bool matches(const char *pattern, const char *tensor) {
  char layer[96];
  snprintf(layer, sizeof layer, "%s", tensor);
  char *dot = strrchr(layer, '.');
  if (dot) *dot = 0;
  return fnmatch(pattern, tensor, 0) == 0 || fnmatch(pattern, layer, 0) == 0;
}

/* Its layers, for a message. */
static void list_layers(const clgen_model *m, char *out, size_t size) {
  char last[96] = "";
  out[0] = 0;
  for (int i = 0; i < clgen_model_network_count(m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    for (int k = 0; is_trained(w) && k < clgen_net_tensor_count(w->net); ++k) {
      char name[96];
      name_of(name, w, clgen_net_tensor_at(w->net, k)->name);
      char *dot = strrchr(name, '.');
      if (dot) *dot = 0;
      if (strcmp(name, last) == 0) continue;
      size_t at = strlen(out);
      snprintf(out + at, size - at, "%s%s", at ? ", " : "", name);
      memcpy(last, name, sizeof last);
    }
  }
}

static int freeze_pattern(const clgen_model *m, const char *pattern, bool *frozen[CLGEN_MODEL_MAX_NETWORKS]) {
  bool found = false;
  for (int i = 0; i < clgen_model_network_count(m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    for (int k = 0; is_trained(w) && k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      char name[96];
      name_of(name, w, t->name);
      if (t->kind == CLGEN_NET_PARAM && matches(pattern, name)) frozen[i][k] = found = true;
    }
  }
  if (found) return CLGEN_OK;
  char layers[2048];
  list_layers(m, layers, sizeof layers);
  return clgen_fail(CLGEN_E_INVALID, "option --freeze: no parameter matches '%s'; the layers are %s", pattern, layers);
}

/* A layer with the norm behind it is one. Networks list their layers from the image on where images go in. */
static int freeze_first(const clgen_model *m, int count, bool *frozen) {
  const clgen_model_network *w = clgen_model_network_at(m, 1);
  int layers = 0, total = 0;
  for (int pass = 0; pass < 2; ++pass) {
    layers = 0;
    for (int layer = 0; layer < clgen_net_layer_count(w->net); ++layer) {
      int first, n = clgen_net_layer_tensors(w->net, layer, &first);
      if (!n) continue;
      layers += clgen_net_tensor_at(w->net, first)->shape.ndim > 1; /* a norm has a number for each channel */
      for (int k = first; pass && layers <= count && k < first + n; ++k) frozen[k] = true;
    }
    if (!pass) total = layers;
    if (count >= total)
      return clgen_fail(CLGEN_E_INVALID,
                        "option --freezed: the discriminator has %d layers, so at most %d can be frozen, not %d", total,
                        total - 1, count);
  }
  return CLGEN_OK;
}

static int refuse_all(const clgen_model *m, bool *frozen[CLGEN_MODEL_MAX_NETWORKS]) {
  for (int i = 0; i < clgen_model_network_count(m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    bool all = is_trained(w);
    for (int k = 0; k < clgen_net_tensor_count(w->net); ++k)
      if (clgen_net_tensor_at(w->net, k)->kind == CLGEN_NET_PARAM && !frozen[i][k]) all = false;
    if (all) return clgen_fail(CLGEN_E_INVALID, "option --freeze: all parameters of %s would be frozen", w->prefix);
  }
  return CLGEN_OK;
}

int clgen_freeze_find(const clgen_model *m, const char *patterns, int first_of_d, bool *frozen[CLGEN_MODEL_MAX_NETWORKS]) {
  int code = CLGEN_OK;
  for (int i = 0; i < clgen_model_network_count(m) && !code; ++i) {
    size_t n = (size_t)clgen_net_tensor_count(clgen_model_network_at(m, i)->net);
    frozen[i] = calloc(n + 1, sizeof *frozen[i]);
    if (!frozen[i]) code = clgen_fail_nomem(n);
  }
  for (const char *p = patterns; !code && patterns[0];) {
    size_t length = strcspn(p, ",");
    char *pattern = clgen_format("%.*s", (int)length, p);
    code = pattern ? freeze_pattern(m, pattern, frozen) : CLGEN_E_NOMEM;
    free(pattern);
    p += length;
    if (!*p++) break;
  }
  if (!code && first_of_d) code = freeze_first(m, first_of_d, frozen[1]);
  return code ? code : refuse_all(m, frozen);
}
