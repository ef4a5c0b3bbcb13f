/* Writing safetensors files. */
#include <clgen/safetensors.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/safetensors_internal.h"

#define DATA_ALIGNMENT 64u

/* The offset of each tensor's data: widest types first, otherwise in the order given. */
static int lay_out(const clgen_st_tensor *tensors, size_t n, uint64_t *begin, uint64_t *bytes) {
  uint64_t at = 0;
  for (size_t i = 0; i < n; ++i)
    if (!tensors[i].name || !clgen_st_tensor_bytes(tensors[i].dtype, &tensors[i].shape, &bytes[i]) ||
        (bytes[i] && !tensors[i].data))
      return clgen_fail(CLGEN_E_INVALID, "tensor %s: invalid type, shape or data",
                        tensors[i].name ? tensors[i].name : "without a name");
  for (size_t width = 8; width; width /= 2)
    for (size_t i = 0; i < n; ++i) {
      if (clgen_st_dtype_size(tensors[i].dtype) != width) continue;
      if (bytes[i] > (uint64_t)INT64_MAX - at) return clgen_fail(CLGEN_E_INVALID, "more data than a file can hold");
      begin[i] = at;
      at += bytes[i];
    }
  return CLGEN_OK;
}

static int add_metadata(json_t *root, const clgen_st_meta *meta, size_t n) {
  if (!n) return CLGEN_OK;
  json_t *object = json_object();
  if (!object || json_object_set_new(root, "__metadata__", object)) return clgen_fail_nomem(0);
  for (size_t i = 0; i < n; ++i) {
    if (json_object_get(object, meta[i].key)) return clgen_fail(CLGEN_E_INVALID, "metadata %s is given twice", meta[i].key);
    if (json_object_set_new(object, meta[i].key, json_string(meta[i].value)))
      return clgen_fail(CLGEN_E_INVALID, "metadata %s is not valid UTF-8", meta[i].key);
  }
  return CLGEN_OK;
}

static int add_tensor(json_t *root, const clgen_st_tensor *t, uint64_t begin, uint64_t bytes) {
  if (json_object_get(root, t->name) || !strcmp(t->name, "__metadata__"))
    return clgen_fail(CLGEN_E_INVALID, "tensor %s: the name is given twice or reserved", t->name);
  json_t *shape = json_array();
  for (int i = 0; shape && i < t->shape.ndim; ++i) json_array_append_new(shape, json_integer(t->shape.dim[i]));
  json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", clgen_st_dtype_name(t->dtype), "shape", shape, "data_offsets",
                            (json_int_t)begin, (json_int_t)(begin + bytes));
  if (!entry) return clgen_fail_nomem(0);
  if (json_object_set_new(root, t->name, entry)) return clgen_fail(CLGEN_E_INVALID, "a tensor's name is not valid UTF-8");
  return CLGEN_OK;
}

static int make_header(const clgen_st_tensor *tensors, size_t n, const clgen_st_meta *meta, size_t n_meta,
                       const uint64_t *begin, const uint64_t *bytes, char **out) {
  json_t *root = json_object();
  int code = root ? add_metadata(root, meta, n_meta) : clgen_fail_nomem(0);
  for (size_t i = 0; !code && i < n; ++i) code = add_tensor(root, &tensors[i], begin[i], bytes[i]);
  *out = code ? NULL : json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
  if (!code && !*out) code = clgen_fail_nomem(0);
  json_decref(root);
  return code;
}

static int write_all(const char *path, const char *header, const clgen_st_tensor *tensors, size_t n, const uint64_t *bytes) {
  clgen_file_writer *w;
  int code = clgen_file_writer_open(&w, path);
  if (code) return code;
  FILE *f = clgen_file_writer_stream(w);
  size_t length = strlen(header), padded = (length + 8 + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT - 8;
  for (int i = 0; i < 8; ++i) fputc((int)((uint64_t)padded >> (8 * i) & 0xff), f);
  fwrite(header, 1, length, f);
  for (size_t i = length; i < padded; ++i) fputc(' ', f);
  for (size_t width = 8; width; width /= 2)
    for (size_t i = 0; i < n; ++i)
      if (clgen_st_dtype_size(tensors[i].dtype) == width && bytes[i]) fwrite(tensors[i].data, 1, (size_t)bytes[i], f);
  return clgen_file_writer_commit(w); /* a short write has set the stream's error flag */
}

int clgen_safetensors_write(const char *path, const clgen_st_tensor *tensors, size_t n, const clgen_st_meta *meta,
                            size_t n_meta) {
  if (clgen_big_endian())
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: safetensors on a big-endian machine are not supported", path);
  uint64_t *begin = calloc(2 * n + 1, sizeof *begin), *bytes = begin + n;
  if (!begin) return clgen_fail_nomem(2 * n * sizeof *begin);
  char *header = NULL;
  int code = lay_out(tensors, n, begin, bytes);
  if (!code) code = make_header(tensors, n, meta, n_meta, begin, bytes, &header);
  code = code ? clgen_fail_prefix(code, "%s", path) : write_all(path, header, tensors, n, bytes);
  free(header);
  free(begin);
  return code;
}
