/* A described feature network: the description as a whole, and its layers one after another. */
#include "metrics/feature_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { MOST_PIXELS = 4096, MOST_LAYERS = 4096, MOST_INPUTS = 64 };

static void forget_weights(clgen_feature_net *net) {
  for (size_t i = 0; i < net->n_weights; ++i) {
    free(net->weight[i].state);
    free(net->weight[i].tensor);
    free(net->weight[i].values);
  }
  net->n_weights = 0;
}

void clgen_feature_net_free(clgen_feature_net *net) {
  forget_weights(net);
  free(net->weight);
  free(net->name);
  json_decref(net->json);
  memset(net, 0, sizeof *net);
}

/* ---- What is not layers ---- */

static clgen_feature_part whole(clgen_feature_net *net, clgen_graph *g) {
  return (clgen_feature_part){net, g, net->json, ""};
}

static int read_input(clgen_feature_net *net) {
  clgen_feature_part p = whole(net, NULL);
  p.json = json_object_get(net->json, "input");
  if (!json_is_object(p.json)) return clgen_feature_fail(&p, "\"input\" is not an object");
  int code = clgen_feature_keys(&p, "channels height width mean std", ""), n = 0;
  if (!code) code = n = clgen_feature_ints(&p, "channels", 1, 3, 1, &net->channels);
  if (n == 1) code = n = clgen_feature_ints(&p, "height", 1, MOST_PIXELS, 1, &net->height);
  if (n == 1) code = n = clgen_feature_ints(&p, "width", 1, MOST_PIXELS, 1, &net->width);
  if (code < 0) return code;
  if (n != 1 || net->channels == 2)
    return clgen_feature_fail(&p, "\"input\" needs \"channels\" (1 or 3), \"height\" and \"width\"");
  return CLGEN_OK;
}

int clgen_feature_net_read(clgen_feature_net *net, const clgen_safetensors *file) {
  memset(net, 0, sizeof *net);
  net->file = file;
  json_error_t error;
  net->json = json_loads(clgen_safetensors_meta(file, CLGEN_FEATURES_KEY), JSON_REJECT_DUPLICATES, &error);
  clgen_feature_part p = whole(net, NULL);
  if (!json_is_object(net->json)) return clgen_feature_fail(&p, "not a JSON object: %s", net->json ? "" : error.text);
  const json_t *version = json_object_get(net->json, "version"), *name = json_object_get(net->json, "name");
  if (!json_is_integer(version) || json_integer_value(version) != 1)
    return clgen_feature_fail(&p, "its \"version\" is not 1, the only supported version");
  int code = clgen_feature_keys(&p, "version name input layers features logits classes", "");
  if (code) return code;
  if (!json_is_string(name) || !json_string_value(name)[0] || strpbrk(json_string_value(name), "[]\n"))
    return clgen_feature_fail(&p, "its \"name\" is not a text without brackets");
  net->name = clgen_strdup(json_string_value(name));
  if (!net->name) return CLGEN_E_NOMEM;
  return read_input(net);
}

int clgen_feature_net_classes(const clgen_feature_net *net, int64_t classes, char ***names) {
  const json_t *list = json_object_get(net->json, "classes");
  const clgen_feature_part p = {(clgen_feature_net *)(uintptr_t)net, NULL, net->json, ""};
  *names = NULL;
  if (!list) return CLGEN_OK;
  if (!json_is_array(list) || json_array_size(list) != (size_t)classes)
    return clgen_feature_fail(&p, "\"classes\" is not a list of names, one for each of %lld logits", (long long)classes);
  *names = calloc((size_t)classes + 1, sizeof **names);
  if (!*names) return clgen_fail_nomem((size_t)classes * sizeof **names);
  for (size_t k = 0; k < (size_t)classes; ++k) {
    const char *name = json_string_value(json_array_get(list, k));
    if (!name) return clgen_feature_fail(&p, "class %zu of \"classes\" is not a text", k);
    if (!((*names)[k] = clgen_strdup(name))) return CLGEN_E_NOMEM;
  }
  return CLGEN_OK;
}

/* ---- Layers ---- */

typedef struct {
  clgen_feature_net *net;
  clgen_graph *graph;
  json_t *layers;
  clgen_tensor **made; /* by layer */
  const char **name;   /* of those that are made */
  clgen_tensor *image; /* what layers call "image" */
  size_t n;            /* layers that are made */
} builder;

static const char *name_of(const builder *b, size_t index) {
  return json_string_value(json_object_get(json_array_get(b->layers, index), "name"));
}

static clgen_tensor *find_made(const builder *b, const char *name) {
  if (strcmp(name, "image") == 0) return b->image;
  for (size_t i = 0; i < b->n; ++i)
    if (strcmp(b->name[i], name) == 0) return b->made[i];
  return NULL;
}

static int find_input(const builder *b, const clgen_feature_part *p, const json_t *said, clgen_tensor **out) {
  const char *name = json_string_value(said);
  if (!name) return clgen_feature_fail(p, "an input is not the name of a layer");
  if ((*out = find_made(b, name)) != NULL) return CLGEN_OK;
  for (size_t i = b->n; i < json_array_size(b->layers); ++i) {
    const char *later = name_of(b, i);
    if (later && strcmp(later, name) == 0)
      return clgen_feature_fail(
          p, "its input '%.100s' is %s: layers come in the order in which they are computed, without cycles", name,
          i == b->n ? "itself" : "a later layer");
  }
  return clgen_feature_fail(p, "there is no layer '%.100s' that could be its input", name);
}

static int find_inputs(const builder *b, const clgen_feature_part *p, const clgen_feature_layer *row,
                       clgen_tensor *in[MOST_INPUTS], int *n) {
  const json_t *one = json_object_get(p->json, "input"), *many = json_object_get(p->json, "inputs");
  *n = 1;
  if (row->inputs == 1 && one) return find_input(b, p, one, in);
  if (row->inputs == 1) {
    *in = b->n ? b->made[b->n - 1] : b->image;
    return CLGEN_OK;
  }
  size_t count = json_array_size(many);
  if (count < 2 || count > MOST_INPUTS)
    return clgen_feature_fail(p, "\"inputs\" is not a list of 2 to %d names of layers", MOST_INPUTS);
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < count; ++i) code = find_input(b, p, json_array_get(many, i), &in[i]);
  *n = (int)count;
  return code;
}

static int find_row(const clgen_feature_part *p, const clgen_feature_layer **row) {
  const char *type = json_string_value(json_object_get(p->json, "type"));
  char known[400] = "";
  size_t at = 0;
  for (size_t i = 0; (*row = clgen_feature_layer_at(i)) != NULL; ++i) {
    if (type && strcmp((*row)->type, type) == 0) return CLGEN_OK;
    if (at < sizeof known) at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", (*row)->type);
  }
  return clgen_feature_fail(p, "unknown type \"%.60s\"; there are: %s", type ? type : "", known);
}

static int build_layer(builder *b) {
  clgen_feature_part p = {b->net, b->graph, json_array_get(b->layers, b->n), ""};
  const char *name = name_of(b, b->n);
  if (!name || !name[0] || strcmp(name, "image") == 0)
    return clgen_feature_fail(&p, "layer %zu has no \"name\" of its own", b->n + 1);
  p.name = name;
  if (find_made(b, name)) return clgen_feature_fail(&p, "there are two layers of this name");
  const clgen_feature_layer *row;
  clgen_tensor *in[MOST_INPUTS];
  int n = 0, code = find_row(&p, &row);
  if (!code) code = clgen_feature_keys(&p, row->keys, row->inputs == 1 ? "name type input" : "name type inputs");
  if (!code) code = find_inputs(b, &p, row, in, &n);
  if (!code) code = row->build(&p, n, in, &b->made[b->n]);
  if (!code && !b->made[b->n]) { /* a builder's own message */
    char what[400];
    snprintf(what, sizeof what, "%s", clgen_last_error());
    code = clgen_feature_fail(&p, "%s", what);
  }
  if (!code) b->name[b->n++] = name;
  return code;
}

/* ---- The ends ---- */

static int one_a_channel(const clgen_feature_part *p, const char *key, double missing, double out[3]) {
  const json_t *value = json_object_get(p->json, key);
  for (int c = 0; c < p->net->channels; ++c) {
    const json_t *one = json_is_array(value) ? json_array_get(value, (size_t)c) : value;
    bool counted = !json_is_array(value) || json_array_size(value) == (size_t)p->net->channels;
    if (value && (!json_is_number(one) || !counted))
      return clgen_feature_fail(p, "\"%s\" of the input is neither a number nor one for each of %d channels", key,
                                p->net->channels);
    out[c] = value ? json_number_value(one) : missing;
  }
  return CLGEN_OK;
}

/* (byte / 255 - mean) / std. */
static int build_image(builder *b, int64_t batch, clgen_tensor **bytes) {
  clgen_feature_net *net = b->net;
  clgen_feature_part p = whole(net, b->graph);
  double mean[3], std[3];
  p.json = json_object_get(net->json, "input");
  int code = one_a_channel(&p, "mean", 0, mean);
  if (!code) code = one_a_channel(&p, "std", 1, std);
  float *scale = malloc(3 * sizeof *scale), *shift = malloc(3 * sizeof *shift);
  if (!code && (!scale || !shift)) code = clgen_fail_nomem(6 * sizeof *scale);
  for (int c = 0; !code && c < net->channels; ++c) {
    if (!(std[c] > 0)) code = clgen_feature_fail(&p, "\"std\" of the input is not above 0");
    scale[c] = (float)(1 / (255 * std[c]));
    shift[c] = (float)(-mean[c] / std[c]);
  }
  if (code) {
    free(scale);
    free(shift);
    return code;
  }
  const clgen_shape each = clgen_shape_of(4, 1, net->channels, 1, 1);
  *bytes = clgen_input(b->graph, "images", CLGEN_U8, clgen_shape_of(4, batch, net->channels, net->height, net->width));
  clgen_tensor *by = clgen_feature_constant(&p, "scale", scale, each),
               *plus = clgen_feature_constant(&p, "shift", shift, each);
  b->image = clgen_add(clgen_mul(*bytes, by), plus);
  return b->image ? CLGEN_OK : clgen_last_code();
}

static int find_output(const builder *b, const char *key, bool optional, clgen_tensor **out) {
  const clgen_feature_part p = whole(b->net, b->graph);
  const json_t *said = json_object_get(p.json, key);
  char text[96];
  *out = NULL;
  if (!said && optional) return CLGEN_OK;
  const char *name = json_string_value(said);
  *out = name ? find_made(b, name) : NULL;
  if (!*out) return clgen_feature_fail(&p, "\"%s\" is not the name of a layer", key);
  const clgen_shape *s = clgen_tensor_shape(*out);
  if (s->ndim == 2) return CLGEN_OK;
  return clgen_feature_fail(&p,
                            "\"%s\" is layer '%.100s', which is %s: not one vector an image, as flatten and global_avg_pool "
                            "make it",
                            key, name, clgen_shape_text(s, text, sizeof text));
}

int clgen_feature_net_build(clgen_feature_net *net, clgen_graph *g, int64_t batch, clgen_feature_nodes *out) {
  builder b = {.net = net, .graph = g, .layers = json_object_get(net->json, "layers")};
  const clgen_feature_part p = whole(net, g);
  size_t count = json_array_size(b.layers);
  memset(out, 0, sizeof *out);
  if (count < 1 || count > MOST_LAYERS)
    return clgen_feature_fail(&p, "\"layers\" is not a list of 1 to %d layers", MOST_LAYERS);
  forget_weights(net);
  b.made = calloc(count, sizeof *b.made);
  b.name = calloc(count, sizeof *b.name);
  int code = b.made && b.name ? build_image(&b, batch, &out->images) : clgen_fail_nomem(count * sizeof *b.made);
  while (!code && b.n < count) code = build_layer(&b);
  if (!code) code = find_output(&b, "features", false, &out->features);
  if (!code) code = find_output(&b, "logits", true, &out->logits);
  if (!code && out->logits && clgen_tensor_dim(out->logits, 1) < 2)
    code = clgen_feature_fail(&p, "\"logits\" has fewer than two classes");
  free(b.made);
  free((void *)b.name);
  return code;
}
