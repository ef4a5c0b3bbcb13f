/* Reading safetensors files, and their types of numbers. */
#include <clgen/safetensors.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/safetensors_internal.h"

/* As in the format's own reader: no sane header is larger, and a hostile one must not make us allocate. */
#define MAX_HEADER_BYTES 100000000u

static const struct {
  const char *name;
  unsigned size;
} dtypes[] = {
    [CLGEN_ST_F32] = {"F32", 4},  [CLGEN_ST_F64] = {"F64", 8}, [CLGEN_ST_F16] = {"F16", 2}, [CLGEN_ST_BF16] = {"BF16", 2},
    [CLGEN_ST_I64] = {"I64", 8},  [CLGEN_ST_I32] = {"I32", 4}, [CLGEN_ST_U32] = {"U32", 4}, [CLGEN_ST_U8] = {"U8", 1},
    [CLGEN_ST_I8] = {"I8", 1},    [CLGEN_ST_I16] = {"I16", 2}, [CLGEN_ST_U16] = {"U16", 2}, [CLGEN_ST_U64] = {"U64", 8},
    [CLGEN_ST_BOOL] = {"BOOL", 1}};

size_t clgen_st_dtype_size(clgen_st_dtype dtype) { return (size_t)dtype < CLGEN_COUNT(dtypes) ? dtypes[dtype].size : 0; }

const char *clgen_st_dtype_name(clgen_st_dtype dtype) {
  return (size_t)dtype < CLGEN_COUNT(dtypes) ? dtypes[dtype].name : "?";
}

bool clgen_st_tensor_bytes(clgen_st_dtype dtype, const clgen_shape *shape, uint64_t *bytes) {
  uint64_t n = clgen_st_dtype_size(dtype);
  if (!n || shape->ndim < 0 || shape->ndim > CLGEN_MAX_DIMS) return false;
  for (int i = 0; i < shape->ndim; ++i) {
    if (shape->dim[i] < 0) return false;
    /* A later 0 would make the product small again, but a dimension like that is never meant. */
    uint64_t d = (uint64_t)shape->dim[i];
    if (d && n > (uint64_t)INT64_MAX / d) return false;
    n *= d;
  }
  *bytes = n;
  return true;
}

bool clgen_big_endian(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one == 0;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

typedef struct {
  uint64_t begin, end;
  const char *name;
} extent;

struct clgen_safetensors {
  char *path;
  json_t *root; /* owns the names and the metadata */
  unsigned char *data;
  uint64_t data_bytes;
  size_t count, n_meta;
  clgen_st_tensor *tensors;
  const clgen_st_tensor **by_name;
  clgen_st_meta *meta;
};

static int bad(const char *path, const char *name, const char *what) {
  if (!name) return clgen_fail(CLGEN_E_FORMAT, "%s: not a safetensors file, or a damaged one: %s", path, what);
  return clgen_fail(CLGEN_E_FORMAT, "%s: tensor \"%.200s\": %s", path, name, what);
}

/* Reads the header into *text (with a zero after it) and the data into st->data. */
static int read_parts(clgen_safetensors *st, FILE *f, uint64_t size, char **text, size_t *length) {
  unsigned char prefix[8];
  if (size < 8 || fread(prefix, 1, 8, f) != 8) return bad(st->path, NULL, "shorter than the 8 bytes of its header's length");
  uint64_t n = 0;
  char begin[32];
  memcpy(begin, prefix, 8);
  const size_t more = fread(begin + 8, 1, sizeof begin - 8, f);
  if (clgen_is_lfs_pointer(begin, 8 + more)) return clgen_fail_lfs_pointer(st->path);
  if (fseek(f, 8, SEEK_SET) != 0) return clgen_fail(CLGEN_E_IO, "%s: %s", st->path, strerror(errno));
  for (int i = 0; i < 8; ++i) n |= (uint64_t)prefix[i] << (8 * i);
  if (n > MAX_HEADER_BYTES) return bad(st->path, NULL, "the header's length is over 100 MB");
  if (n > size - 8) return bad(st->path, NULL, "the header's length goes beyond the end of the file");
  st->data_bytes = size - 8 - n;
  if (st->data_bytes > SIZE_MAX - 1) return clgen_fail_nomem(SIZE_MAX);
  *length = (size_t)n;
  *text = malloc((size_t)n + 1);
  st->data = malloc((size_t)st->data_bytes + 1);
  if (!*text || !st->data) return clgen_fail_nomem((size_t)(*text ? st->data_bytes : n));
  if (fread(*text, 1, *length, f) != *length || fread(st->data, 1, (size_t)st->data_bytes, f) != st->data_bytes)
    return clgen_fail(CLGEN_E_IO, "%s: cannot be read: %s", st->path, ferror(f) ? strerror(errno) : "it became shorter");
  (*text)[n] = 0;
  return CLGEN_OK;
}

static int read_file(clgen_safetensors *st, char **text, size_t *length) {
  FILE *f = fopen(st->path, "rb");
  if (!f) return clgen_fail(errno == ENOENT ? CLGEN_E_NOTFOUND : CLGEN_E_IO, "%s: %s", st->path, strerror(errno));
  struct stat info;
  int code = CLGEN_OK;
  if (fstat(fileno(f), &info) != 0)
    code = clgen_fail(CLGEN_E_IO, "%s: %s", st->path, strerror(errno));
  else if (!S_ISREG(info.st_mode))
    code = clgen_fail(CLGEN_E_IO, "%s: not a regular file", st->path);
  else
    code = read_parts(st, f, (uint64_t)info.st_size, text, length);
  fclose(f);
  return code;
}

static int read_shape(const char *path, const char *name, const json_t *array, clgen_shape *shape) {
  if (!json_is_array(array)) return bad(path, name, "its shape is not a list");
  size_t n = json_array_size(array);
  if (n > CLGEN_MAX_DIMS) return bad(path, name, "it has more than 6 dimensions");
  shape->ndim = (int)n;
  for (size_t i = 0; i < n; ++i) {
    const json_t *d = json_array_get(array, i);
    if (!json_is_integer(d) || json_integer_value(d) < 0) return bad(path, name, "a dimension is not a number from 0 up");
    shape->dim[i] = json_integer_value(d);
  }
  return CLGEN_OK;
}

static int read_entry(const clgen_safetensors *st, const char *name, const json_t *entry, clgen_st_tensor *t, extent *e) {
  if (!json_is_object(entry)) return bad(st->path, name, "its entry is not an object");
  const char *dtype = json_string_value(json_object_get(entry, "dtype"));
  size_t type = 0;
  while (dtype && type < CLGEN_COUNT(dtypes) && strcmp(dtype, dtypes[type].name)) ++type;
  if (!dtype || type == CLGEN_COUNT(dtypes)) return bad(st->path, name, "its type is missing or unknown");
  *t = (clgen_st_tensor){.name = name, .dtype = (clgen_st_dtype)type};
  int code = read_shape(st->path, name, json_object_get(entry, "shape"), &t->shape);
  if (code) return code;
  uint64_t bytes;
  if (!clgen_st_tensor_bytes(t->dtype, &t->shape, &bytes)) return bad(st->path, name, "its shape is too large");
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) || json_integer_value(first) < 0 ||
      json_integer_value(last) < json_integer_value(first))
    return bad(st->path, name, "its data_offsets are not two rising numbers");
  *e = (extent){(uint64_t)json_integer_value(first), (uint64_t)json_integer_value(last), name};
  if (e->end > st->data_bytes) return bad(st->path, name, "its data goes beyond the end of the file");
  if (e->end - e->begin != bytes) return bad(st->path, name, "its data has another size than its type and shape");
  t->data = st->data + e->begin;
  return CLGEN_OK;
}

static int by_extent(const void *a, const void *b) {
  const extent *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int by_tensor_name(const void *a, const void *b) {
  return strcmp((*(const clgen_st_tensor *const *)a)->name, (*(const clgen_st_tensor *const *)b)->name);
}

/* Every byte of the data belongs to one tensor: the format's rule, which leaves nowhere to hide anything. */
static int check_extents(const clgen_safetensors *st, extent *extents) {
  qsort(extents, st->count, sizeof *extents, by_extent);
  uint64_t at = 0;
  for (size_t i = 0; i < st->count; ++i) {
    if (extents[i].begin < at) return bad(st->path, extents[i].name, "its data overlaps another tensor's");
    if (extents[i].begin > at) return bad(st->path, extents[i].name, "there is a gap before its data");
    at = extents[i].end;
  }
  return at == st->data_bytes ? CLGEN_OK : bad(st->path, NULL, "bytes that belong to no tensor at its end");
}

static int read_tensors(clgen_safetensors *st) {
  size_t room = json_object_size(st->root) + 1;
  st->tensors = calloc(room, sizeof *st->tensors);
  st->by_name = calloc(room, sizeof *st->by_name);
  extent *extents = calloc(room, sizeof *extents);
  int code = st->tensors && st->by_name && extents ? CLGEN_OK : clgen_fail_nomem(room * sizeof *st->tensors);
  const char *name;
  json_t *entry;
  if (!code) json_object_foreach(st->root, name, entry) {
      if (!strcmp(name, "__metadata__")) continue;
      code = read_entry(st, name, entry, &st->tensors[st->count], &extents[st->count]);
      if (code) break;
      st->by_name[st->count] = &st->tensors[st->count];
      ++st->count;
    }
  if (!code) code = check_extents(st, extents);
  if (!code) qsort(st->by_name, st->count, sizeof *st->by_name, by_tensor_name);
  free(extents);
  return code;
}

static int read_metadata(clgen_safetensors *st) {
  json_t *object = json_object_get(st->root, "__metadata__"), *value;
  if (!object) return CLGEN_OK;
  if (!json_is_object(object)) return bad(st->path, NULL, "its __metadata__ is not an object");
  st->meta = calloc(json_object_size(object) + 1, sizeof *st->meta);
  if (!st->meta) return clgen_fail_nomem(json_object_size(object) * sizeof *st->meta);
  const char *key;
  json_object_foreach(object, key, value) {
    if (!json_is_string(value)) return bad(st->path, NULL, "its __metadata__ holds something other than text");
    st->meta[st->n_meta++] = (clgen_st_meta){key, json_string_value(value)};
  }
  return CLGEN_OK;
}

static int open_parsed(clgen_safetensors *st) {
  char *text = NULL;
  size_t length = 0;
  int code = read_file(st, &text, &length);
  if (!code) {
    json_error_t error;
    st->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!st->root) {
      char what[sizeof error.text + 32];
      snprintf(what, sizeof what, "its header is not JSON: %s", error.text);
      code = bad(st->path, NULL, what);
    } else if (!json_is_object(st->root)) {
      code = bad(st->path, NULL, "its header is not a JSON object");
    }
  }
  free(text);
  if (!code) code = read_metadata(st);
  if (!code) code = read_tensors(st);
  return code;
}

int clgen_safetensors_open(clgen_safetensors **out, const char *path) {
  *out = NULL;
  if (clgen_big_endian())
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: safetensors on a big-endian machine are not supported", path);
  clgen_safetensors *st = calloc(1, sizeof *st);
  if (!st) return clgen_fail_nomem(sizeof *st);
  st->path = clgen_strdup(path);
  int code = st->path ? open_parsed(st) : CLGEN_E_NOMEM;
  if (code) {
    clgen_safetensors_close(st);
    return code;
  }
  *out = st;
  return CLGEN_OK;
}

void clgen_safetensors_close(clgen_safetensors *st) {
  if (!st) return;
  json_decref(st->root);
  free(st->meta);
  free((void *)st->by_name);
  free(st->tensors);
  free(st->data);
  free(st->path);
  free(st);
}

const char *clgen_safetensors_path(const clgen_safetensors *st) { return st->path; }
size_t clgen_safetensors_count(const clgen_safetensors *st) { return st->count; }

const clgen_st_tensor *clgen_safetensors_get(const clgen_safetensors *st, size_t index) {
  return index < st->count ? &st->tensors[index] : NULL;
}

const clgen_st_tensor *clgen_safetensors_find(const clgen_safetensors *st, const char *name) {
  const clgen_st_tensor wanted = {.name = name}, *key = &wanted;
  if (!st->count) return NULL;
  const clgen_st_tensor **found = bsearch(&key, st->by_name, st->count, sizeof *st->by_name, by_tensor_name);
  return found ? *found : NULL;
}

size_t clgen_safetensors_meta_count(const clgen_safetensors *st) { return st->n_meta; }

const clgen_st_meta *clgen_safetensors_meta_get(const clgen_safetensors *st, size_t index) {
  return index < st->n_meta ? &st->meta[index] : NULL;
}

const char *clgen_safetensors_meta(const clgen_safetensors *st, const char *key) {
  for (size_t i = 0; i < st->n_meta; ++i)
    if (!strcmp(st->meta[i].key, key)) return st->meta[i].value;
  return NULL;
}

/* ---- Conversion --------------------------------------------------------------------------------------------------- */

static float float_from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static float float_from_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, fraction = h & 1023u;
  if (exponent == 31) return float_from_bits(sign | 0x7f800000u | fraction << 13);
  if (exponent) return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
  float tiny = (float)fraction * 0x1p-24f; /* subnormal: exact */
  return sign ? -tiny : tiny;
}

#define CONVERT(type, expression)                                        \
  for (int64_t i = 0; i < n; ++i) {                                      \
    type v;                                                              \
    memcpy(&v, (const char *)t->data + i * (int64_t)sizeof v, sizeof v); \
    out[i] = expression;                                                 \
  }                                                                      \
  break

static void convert(const clgen_st_tensor *t, int64_t n, float *out) {
  switch (t->dtype) {
    case CLGEN_ST_F32: CONVERT(float, v);
    case CLGEN_ST_F64: CONVERT(double, (float)v);
    case CLGEN_ST_F16: CONVERT(uint16_t, float_from_half(v));
    case CLGEN_ST_BF16: CONVERT(uint16_t, float_from_bits((uint32_t)v << 16));
    case CLGEN_ST_I64: CONVERT(int64_t, (float)v);
    case CLGEN_ST_I32: CONVERT(int32_t, (float)v);
    case CLGEN_ST_U32: CONVERT(uint32_t, (float)v);
    case CLGEN_ST_U8: CONVERT(uint8_t, (float)v);
    case CLGEN_ST_I8: CONVERT(int8_t, (float)v);
    case CLGEN_ST_I16: CONVERT(int16_t, (float)v);
    case CLGEN_ST_U16: CONVERT(uint16_t, (float)v);
    case CLGEN_ST_U64: CONVERT(uint64_t, (float)v);
    case CLGEN_ST_BOOL: CONVERT(uint8_t, (float)(v != 0));
  }
}

static const char *shape_text(const clgen_shape *s, char *buf, size_t size) {
  size_t at = 0;
  snprintf(buf, size, "scalar");
  for (int i = 0; i < s->ndim && at < size; ++i)
    at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "x" : "", (long long)s->dim[i]);
  return buf;
}

static bool same_shape(const clgen_shape *a, const clgen_shape *b) {
  if (a->ndim != b->ndim) return false;
  for (int i = 0; i < a->ndim; ++i)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

int clgen_safetensors_read_f32(const clgen_safetensors *st, const char *name, const clgen_shape *expected, float *out) {
  const clgen_st_tensor *t = clgen_safetensors_find(st, name);
  if (!t) return clgen_fail(CLGEN_E_NOTFOUND, "%s: holds no tensor \"%s\"", st->path, name);
  if (expected && !same_shape(expected, &t->shape)) {
    char found[160], wanted[160];
    return clgen_fail(CLGEN_E_FORMAT, "%s: tensor \"%s\" is %s where %s is needed", st->path, name,
                      shape_text(&t->shape, found, sizeof found), shape_text(expected, wanted, sizeof wanted));
  }
  int64_t n = 1;
  for (int i = 0; i < t->shape.ndim; ++i) n *= t->shape.dim[i];
  convert(t, n, out);
  return CLGEN_OK;
}
