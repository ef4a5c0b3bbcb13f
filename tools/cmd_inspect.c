/* clgen inspect: what is in a snapshot, or in any safetensors file. Everything is gathered as JSON first; the text is a view
 * of it. */
#include <stdlib.h>
#include <string.h>

#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

#include "columns.h"
#include "commands.h"
#include "common.h"

typedef struct {
  bool json;
} record;

static const clgen_option rows[] = {
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print everything as JSON"},
};

static const char usage[] =
    "usage: clgen inspect FILE [--json]\n\n"
    "Shows a network snapshot: layers, shapes, parameters, bytes and training options. Of any\n"
    "other safetensors file it shows the tensors and the metadata. For a run's folder it takes the newest snapshot.\n";

/* ---- Gathering --------------------------------------------------------------------------------------------------- */

static json_int_t tensor_bytes(const clgen_st_tensor *t) {
  return clgen_shape_count(&t->shape) * (json_int_t)clgen_st_dtype_size(t->dtype);
}

static json_t *tensor_json(const clgen_st_tensor *t) {
  json_t *shape = json_array();
  for (int i = 0; i < t->shape.ndim; ++i) json_array_append_new(shape, json_integer(t->shape.dim[i]));
  return json_pack("{s:s, s:s, s:o, s:I}", "name", t->name, "dtype", clgen_st_dtype_name(t->dtype), "shape", shape, "bytes",
                   tensor_bytes(t));
}

/* The tensor that the model needs, with its shape, or NULL with a message. */
static const clgen_st_tensor *wanted(const clgen_safetensors *file, const clgen_model_network *w,
                                     const clgen_net_tensor *t) {
  char *name = w->bare ? clgen_strdup(t->name) : clgen_format("%s.%s", w->prefix, t->name);
  const clgen_st_tensor *found = name ? clgen_safetensors_find(file, name) : NULL;
  char has[96], needs[96];
  if (name && !found)
    clgen_fail(CLGEN_E_FORMAT, "%s: the tensor %s, which its configuration speaks of, is missing",
               clgen_safetensors_path(file), name);
  if (found && !clgen_shape_equal(&found->shape, &t->shape)) {
    clgen_fail(CLGEN_E_FORMAT, "%s: the tensor %s is %s and should be %s", clgen_safetensors_path(file), name,
               clgen_shape_text(&found->shape, has, sizeof has), clgen_shape_text(&t->shape, needs, sizeof needs));
    found = NULL;
  }
  free(name);
  return found;
}

static json_t *layer_json(const clgen_safetensors *file, const clgen_model_network *w, int layer) {
  char text[96];
  json_int_t parameters = 0, bytes = 0;
  int first, n = clgen_net_layer_tensors(w->net, layer, &first);
  json_t *tensors = json_array();
  for (int i = first; i < first + n; ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, i);
    const clgen_st_tensor *found = wanted(file, w, t);
    if (!found) {
      json_decref(tensors);
      return NULL;
    }
    if (t->kind == CLGEN_NET_PARAM) parameters += clgen_shape_count(&t->shape);
    bytes += tensor_bytes(found);
    json_array_append_new(tensors, tensor_json(found));
  }
  return json_pack("{s:s, s:I, s:I, s:o}", "layer", clgen_net_layer_text(w->net, layer, text, sizeof text), "parameters",
                   parameters, "bytes", bytes, "tensors", tensors);
}

static json_t *network_json(const clgen_safetensors *file, const clgen_model_network *w) {
  json_t *layers = json_array(), *network = NULL;
  json_int_t bytes = 0;
  int n = clgen_net_layer_count(w->net), i = 0;
  for (; i < n; ++i) {
    json_t *layer = layer_json(file, w, i);
    if (!layer) break;
    bytes += json_integer_value(json_object_get(layer, "bytes"));
    json_array_append_new(layers, layer);
  }
  if (i == n)
    network = json_pack("{s:s, s:I, s:I, s:O}", "name", w->prefix, "parameters", (json_int_t)clgen_net_param_count(w->net),
                        "bytes", bytes, "layers", layers);
  json_decref(layers);
  return network;
}

static int add_model(json_t *out, const clgen_safetensors *file) {
  clgen_model *model;
  int code = clgen_model_open(&model, file);
  if (code) return code;
  json_t *networks = json_array();
  for (int i = 0; !code && i < clgen_model_network_count(model); ++i) {
    json_t *network = network_json(file, clgen_model_network_at(model, i));
    if (!network || json_array_append_new(networks, network)) code = CLGEN_E_FORMAT;
  }
  json_object_set_new(out, "model", json_loads(clgen_safetensors_meta(file, "clgen.cfg"), 0, NULL));
  json_object_set_new(out, "networks", networks);
  clgen_model_free(model);
  return code;
}

static bool in_networks(const json_t *out, const char *name) {
  size_t i, j, k;
  json_t *network, *layer, *tensor;
  json_array_foreach(json_object_get(out, "networks"), i, network)
      json_array_foreach(json_object_get(network, "layers"), j, layer)
          json_array_foreach(json_object_get(layer, "tensors"), k,
                             tensor) if (strcmp(json_string_value(json_object_get(tensor, "name")), name) == 0) return true;
  return false;
}

static int gather(json_t **result, const char *path) {
  clgen_safetensors *file;
  int code = clgen_safetensors_open(&file, path);
  if (code) return code;
  json_t *out = json_object(), *metadata = json_object(), *others = json_array();
  json_int_t bytes = 0;
  json_object_set_new(out, "file", tool_text_json(path));
  if (clgen_safetensors_meta(file, "clgen.cfg")) code = add_model(out, file);
  for (size_t i = 0; !code && i < clgen_safetensors_count(file); ++i) {
    const clgen_st_tensor *t = clgen_safetensors_get(file, i);
    bytes += tensor_bytes(t);
    if (!in_networks(out, t->name)) json_array_append_new(others, tensor_json(t));
  }
  for (size_t i = 0; i < clgen_safetensors_meta_count(file); ++i) {
    const clgen_st_meta *m = clgen_safetensors_meta_get(file, i);
    json_object_set_new(metadata, m->key, json_string(m->value));
  }
  json_object_set_new(out, "tensors", others);
  json_object_set_new(out, "tensor_count", json_integer((json_int_t)clgen_safetensors_count(file)));
  json_object_set_new(out, "tensor_bytes", json_integer(bytes));
  json_object_set_new(out, "metadata", metadata);
  clgen_safetensors_close(file);
  *result = out;
  if (code) json_decref(out);
  return code;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }
static json_int_t int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static const char *shape_text(const json_t *tensor, char *buf, size_t size) {
  size_t i, at = 0;
  json_t *d;
  snprintf(buf, size, "scalar");
  json_array_foreach(json_object_get(tensor, "shape"), i, d) at +=
      (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "x" : "", (long long)json_integer_value(d));
  return buf;
}

static void print_network(const json_t *network) {
  char count[32], bytes[32], shape[160];
  size_t i, k;
  json_t *layer, *tensor;
  printf("\n%s: %s parameters, %s\n", text_of(network, "name"),
         tool_count_text(int_of(network, "parameters"), count, sizeof count),
         tool_bytes_text((double)int_of(network, "bytes"), bytes, sizeof bytes));
  columns c;
  columns_begin(&c, 5);
  for (i = 0; i < 5; ++i) columns_add(&c, "%s", (const char *[]){"  layer", "parameters", "tensor", "shape", "bytes"}[i]);
  json_array_foreach(json_object_get(network, "layers"), i, layer) {
    json_t *tensors = json_object_get(layer, "tensors");
    columns_add(&c, "  %s", text_of(layer, "layer"));
    size_t n = json_array_size(tensors);
    for (k = 0; !n && k < 4; ++k) columns_add(&c, "%s", "");
    json_array_foreach(tensors, k, tensor) {
      if (k) columns_add(&c, "%s", "");
      columns_add(&c, "%s", k ? "" : tool_count_text(int_of(layer, "parameters"), count, sizeof count));
      columns_add(&c, "%s", text_of(tensor, "name"));
      columns_add(&c, "%s", shape_text(tensor, shape, sizeof shape));
      columns_add(&c, "%s", tool_bytes_text((double)int_of(tensor, "bytes"), bytes, sizeof bytes));
    }
  }
  columns_end(&c, stdout);
}

static void print_tensors(const json_t *tensors, const char *title) {
  char bytes[32], shape[160];
  size_t i;
  json_t *t;
  if (!json_array_size(tensors)) return;
  printf("\n%s:\n", title);
  columns c;
  columns_begin(&c, 4);
  json_array_foreach(tensors, i, t) {
    columns_add(&c, "  %s", text_of(t, "name"));
    columns_add(&c, "%s", text_of(t, "dtype"));
    columns_add(&c, "%s", shape_text(t, shape, sizeof shape));
    columns_add(&c, "%s", tool_bytes_text((double)int_of(t, "bytes"), bytes, sizeof bytes));
  }
  columns_end(&c, stdout);
}

/* One line a member; what is an object itself is spread out below. */
static void print_members(const json_t *object, int indent) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object, key, value) {
    json_t *inner = json_is_string(value) ? json_loads(json_string_value(value), 0, NULL) : json_incref(value);
    if (json_is_object(inner)) {
      printf("%*s%s:\n", indent, "", key);
      print_members(inner, indent + 2);
    } else {
      char *text = json_is_string(value) ? clgen_strdup(json_string_value(value))
                                         : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
      printf("%*s%s: %s\n", indent, "", key, text ? text : "?");
      free(text);
    }
    json_decref(inner);
  }
}

static void print_text(const json_t *out) {
  char bytes[32];
  size_t i;
  json_t *network, *metadata = json_object_get(out, "metadata");
  const json_t *model = json_object_get(out, "model");
  printf("%s\n", text_of(out, "file"));
  printf("%lld tensors, %s\n", (long long)int_of(out, "tensor_count"),
         tool_bytes_text((double)int_of(out, "tensor_bytes"), bytes, sizeof bytes));
  if (model) {
    char latent[48] = "", classes[32] = "";
    if (json_object_get(model, "nz"))
      snprintf(latent, sizeof latent, "; latent numbers %lld", (long long)int_of(model, "nz"));
    if (json_object_get(model, "classes"))
      snprintf(classes, sizeof classes, "; classes %lld", (long long)int_of(model, "classes"));
    printf("model %s: images of %lldx%lld pixels, channels %lld%s%s\n", text_of(model, "arch"),
           (long long)int_of(model, "width"), (long long)int_of(model, "height"), (long long)int_of(model, "channels"),
           latent, classes);
  }
  json_array_foreach(json_object_get(out, "networks"), i, network) print_network(network);
  print_tensors(json_object_get(out, "tensors"), model ? "other tensors" : "tensors");
  if (json_object_size(metadata)) printf("\nmetadata:\n");
  print_members(metadata, 2);
}

int cmd_inspect(int argc, char **argv) {
  record r;
  const char *operand = NULL;
  tool_options o = {
      .usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r, .operands = &operand, .max_operands = 1};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!operand) return tool_usage(argv[0], "which file?");
  json_t *out = NULL;
  char *path = NULL;
  if (clgen_run_network(&path, operand) || gather(&out, path)) {
    free(path);
    return tool_failed(argv[0]);
  }
  free(path);
  if (r.json) return tool_json_print(argv[0], out);
  print_text(out);
  json_decref(out);
  return TOOL_OK;
}
