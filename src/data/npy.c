/* NPY: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. A magic string, a version, the length of the
 * header, the header (a Python dictionary as text), the elements. */
#include <clgen/npy.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/npy_internal.h"

static const struct {
  clgen_npy_type type;
  char kind, size;
  const char *name;
} types[] = {
    {CLGEN_NPY_BOOL, 'b', 1, "bool"},   {CLGEN_NPY_U8, 'u', 1, "uint8"},    {CLGEN_NPY_I8, 'i', 1, "int8"},
    {CLGEN_NPY_U16, 'u', 2, "uint16"},  {CLGEN_NPY_I16, 'i', 2, "int16"},   {CLGEN_NPY_U32, 'u', 4, "uint32"},
    {CLGEN_NPY_I32, 'i', 4, "int32"},   {CLGEN_NPY_U64, 'u', 8, "uint64"},  {CLGEN_NPY_I64, 'i', 8, "int64"},
    {CLGEN_NPY_F32, 'f', 4, "float32"}, {CLGEN_NPY_F64, 'f', 8, "float64"}, {CLGEN_NPY_F16, 'f', 2, "float16"},
};

size_t clgen_npy_type_size(clgen_npy_type type) { return (size_t)types[type].size; }
const char *clgen_npy_type_name(clgen_npy_type type) { return types[type].name; }

static bool big_endian(void) {
  const uint16_t one = 1;
  unsigned char low;
  memcpy(&low, &one, 1);
  return low == 0;
}

void clgen_npy_shape_text(int rank, const int64_t *shape, char *text, size_t size) {
  size_t n = 0;
  snprintf(text, size, "(");
  for (int i = 0; i < rank && (n = strlen(text)) + 1 < size; ++i)
    snprintf(text + n, size - n, "%s%lld%s", i ? " " : "", (long long)shape[i], i + 1 < rank || rank == 1 ? "," : "");
  n = strlen(text);
  snprintf(text + n, size - n, ")");
}

/* ---- The header ------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *at, *end;
  const char *name;
} parser;

static int bad_header(const parser *p, const char *why) {
  return clgen_fail(CLGEN_E_FORMAT, "%s: damaged NPY header: %s", p->name, why);
}

static void skip_space(parser *p) {
  while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at) ++p->at;
}

static bool take(parser *p, char c) {
  skip_space(p);
  if (p->at >= p->end || *p->at != c) return false;
  ++p->at;
  return true;
}

static bool take_text(parser *p, char *to, size_t size) {
  skip_space(p);
  if (p->at >= p->end || (*p->at != '\'' && *p->at != '"')) return false;
  char quote = *p->at++;
  size_t n = 0;
  while (p->at < p->end && *p->at != quote && n + 1 < size) to[n++] = *p->at++;
  to[n] = 0;
  return take(p, quote);
}

static bool take_word(parser *p, const char *word) {
  size_t n = strlen(word);
  skip_space(p);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return false;
  p->at += n;
  return true;
}

static bool take_size(parser *p, int64_t *out) {
  int64_t x = 0;
  skip_space(p);
  const char *from = p->at;
  for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; ++p->at) {
    if (x > (INT64_MAX - 9) / 10) return false;
    x = x * 10 + (*p->at - '0');
  }
  if (p->at == from) return false;
  if (p->at < p->end && *p->at == 'L') ++p->at; /* Python 2 */
  *out = x;
  return true;
}

static int take_descr(parser *p, clgen_npy_header *h) {
  char text[32];
  skip_space(p);
  if (p->at < p->end && *p->at == '[')
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: arrays of records are not supported; only arrays of numbers are", p->name);
  if (!take_text(p, text, sizeof text)) return bad_header(p, "'descr' is not a text");
  char order = strchr("<>|=", text[0]) && text[0] ? text[0] : 0;
  const char *kind = text + (order ? 1 : 0);
  for (size_t i = 0; i < CLGEN_COUNT(types); ++i)
    if (kind[0] == types[i].kind && kind[1] == '0' + types[i].size && kind[2] == 0) {
      h->type = types[i].type;
      h->swap = types[i].size > 1 && ((order == '<' && big_endian()) || (order == '>' && !big_endian()));
      return CLGEN_OK;
    }
  return clgen_fail(
      CLGEN_E_UNSUPPORTED,
      "%s: elements of type '%s' are not supported; bool, integers of 8 to 64 bits, float16, float32 and float64 are",
      p->name, text);
}

static int take_shape(parser *p, clgen_npy_header *h) {
  if (!take(p, '(')) return bad_header(p, "'shape' is not a tuple");
  h->rank = 0;
  h->count = 1;
  while (!take(p, ')')) {
    int64_t n;
    if (!take_size(p, &n)) return bad_header(p, "'shape' contains something that is not a size");
    if (h->rank == CLGEN_NPY_MAX_RANK)
      return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: more than %d axes", p->name, CLGEN_NPY_MAX_RANK);
    if (n && h->count > INT64_MAX / 8 / n) return bad_header(p, "the array is too large");
    h->count *= n;
    h->shape[h->rank++] = n;
    if (!take(p, ',')) {
      if (!take(p, ')')) return bad_header(p, "'shape' does not end");
      break;
    }
  }
  return CLGEN_OK;
}

static int take_dictionary(parser *p, clgen_npy_header *h) {
  enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
  int seen = 0, code = CLGEN_OK;
  char key[32];
  if (!take(p, '{')) return bad_header(p, "it is not a dictionary");
  while (!take(p, '}')) {
    if (!take_text(p, key, sizeof key) || !take(p, ':')) return bad_header(p, "a key is missing");
    if (strcmp(key, "descr") == 0) {
      seen |= DESCR;
      code = take_descr(p, h);
    } else if (strcmp(key, "fortran_order") == 0) {
      seen |= ORDER;
      h->fortran = take_word(p, "True");
      if (!h->fortran && !take_word(p, "False")) return bad_header(p, "'fortran_order' is neither True nor False");
    } else if (strcmp(key, "shape") == 0) {
      seen |= SHAPE;
      code = take_shape(p, h);
    } else {
      return bad_header(p, "an unknown key");
    }
    if (code) return code;
    if (!take(p, ',')) {
      if (!take(p, '}')) return bad_header(p, "it does not end");
      break;
    }
  }
  if (seen != (DESCR | ORDER | SHAPE)) return bad_header(p, "it lacks one of 'descr', 'fortran_order', 'shape'");
  return CLGEN_OK;
}

bool clgen_npy_is(const void *data, size_t size) { return size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0; }

int clgen_npy_parse(clgen_npy_header *h, const void *data, size_t size, const char *name) {
  const unsigned char *p = data;
  memset(h, 0, sizeof *h);
  if (!clgen_npy_is(data, size))
    return clgen_fail(CLGEN_E_FORMAT, "%s: not an NPY file (it does not begin with \\x93NUMPY)", name);
  if (size < 12) return clgen_fail(CLGEN_E_FORMAT, "%s: truncated within the NPY header", name);
  if (p[6] < 1 || p[6] > 3)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: NPY version %d.%d is not supported; 1.0, 2.0 and 3.0 are", name, p[6], p[7]);
  size_t begin = p[6] == 1 ? 10 : 12, length = p[8] | (size_t)p[9] << 8;
  if (p[6] > 1) length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
  if (length > size - begin) return clgen_fail(CLGEN_E_FORMAT, "%s: truncated within the NPY header", name);
  parser s = {(const char *)p + begin, (const char *)p + begin + length, name};
  h->begin = begin + length;
  return take_dictionary(&s, h);
}

/* ---- The elements ----------------------------------------------------------------------------------------------------- */

static void swap_bytes(void *data, int64_t count, size_t size) {
  unsigned char *p = data;
  for (int64_t i = 0; i < count; ++i, p += size)
    for (size_t a = 0, b = size - 1; a < b; ++a, --b) {
      unsigned char t = p[a];
      p[a] = p[b];
      p[b] = t;
    }
}

/* The first index runs fastest in the file; walk the output in C order with an odometer over input offsets. */
static int from_fortran(clgen_npy *a) {
  size_t size = clgen_npy_type_size(a->type), bytes = (size_t)a->count * size;
  int64_t step[CLGEN_NPY_MAX_RANK], at[CLGEN_NPY_MAX_RANK] = {0}, from = 0, s = 1;
  unsigned char *to = malloc(bytes ? bytes : 1);
  if (!to) return clgen_fail_nomem(bytes);
  for (int k = 0; k < a->rank; ++k) {
    step[k] = s;
    s *= a->shape[k];
  }
  for (int64_t i = 0; i < a->count; ++i) {
    memcpy(to + (size_t)i * size, (unsigned char *)a->data + (size_t)from * size, size);
    for (int k = a->rank - 1; k >= 0; --k) {
      from += step[k];
      if (++at[k] < a->shape[k]) break;
      from -= step[k] * a->shape[k];
      at[k] = 0;
    }
  }
  free(a->data);
  a->data = to;
  return CLGEN_OK;
}

int clgen_npy_adopt(clgen_npy *out, void *data, size_t size, const char *name) {
  clgen_npy_header h;
  memset(out, 0, sizeof *out);
  int code = clgen_npy_parse(&h, data, size, name);
  size_t bytes = 0;
  if (!code) {
    bytes = (size_t)h.count * clgen_npy_type_size(h.type);
    char shape[160];
    clgen_npy_shape_text(h.rank, h.shape, shape, sizeof shape);
    if (size - h.begin != bytes)
      code = clgen_fail(CLGEN_E_FORMAT, "%s: %s: the header gives %s of %s, %zu bytes, but %zu bytes follow", name,
                        size - h.begin < bytes ? "truncated" : "too long", shape, clgen_npy_type_name(h.type), bytes,
                        size - h.begin);
  }
  if (code) {
    free(data);
    return code;
  }
  memmove(data, (unsigned char *)data + h.begin, bytes);
  void *less = realloc(data, bytes ? bytes : 1);
  out->data = less ? less : data;
  out->type = h.type;
  out->rank = h.rank;
  out->count = h.count;
  memcpy(out->shape, h.shape, sizeof h.shape);
  if (h.swap) swap_bytes(out->data, out->count, clgen_npy_type_size(h.type));
  if (h.fortran && h.rank > 1) code = from_fortran(out);
  if (code) clgen_npy_free(out);
  return code;
}

int clgen_npy_read(clgen_npy *out, const char *path) {
  void *data;
  size_t size;
  memset(out, 0, sizeof *out);
  int code = clgen_file_read(path, SIZE_MAX / 4, &data, &size);
  return code ? code : clgen_npy_adopt(out, data, size, path);
}

int clgen_npy_read_memory(clgen_npy *out, const void *data, size_t size, const char *name) {
  memset(out, 0, sizeof *out);
  void *copy = malloc(size ? size : 1);
  if (!copy) return clgen_fail_nomem(size);
  memcpy(copy, data, size);
  return clgen_npy_adopt(out, copy, size, name);
}

void clgen_npy_free(clgen_npy *array) {
  if (!array) return;
  free(array->data);
  memset(array, 0, sizeof *array);
}

/* IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
static double half_to_double(uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  double v = exponent == 31 ? (fraction ? NAN : INFINITY)
                            : ldexp(exponent ? 1024 + fraction : fraction, (exponent ? exponent : 1) - 25);
  return h >> 15 ? -v : v;
}

double clgen_npy_at(const clgen_npy *a, int64_t i) {
  switch (a->type) {
    case CLGEN_NPY_BOOL: return ((const uint8_t *)a->data)[i] != 0;
    case CLGEN_NPY_U8: return ((const uint8_t *)a->data)[i];
    case CLGEN_NPY_I8: return ((const int8_t *)a->data)[i];
    case CLGEN_NPY_U16: return ((const uint16_t *)a->data)[i];
    case CLGEN_NPY_I16: return ((const int16_t *)a->data)[i];
    case CLGEN_NPY_U32: return ((const uint32_t *)a->data)[i];
    case CLGEN_NPY_I32: return ((const int32_t *)a->data)[i];
    case CLGEN_NPY_U64: return (double)((const uint64_t *)a->data)[i];
    case CLGEN_NPY_I64: return (double)((const int64_t *)a->data)[i];
    case CLGEN_NPY_F32: return ((const float *)a->data)[i];
    case CLGEN_NPY_F16: return half_to_double(((const uint16_t *)a->data)[i]);
    default: return ((const double *)a->data)[i];
  }
}

int clgen_npy_to_f32(clgen_npy *array) {
  if (array->type == CLGEN_NPY_F32) return CLGEN_OK;
  size_t bytes = (size_t)array->count * sizeof(float);
  float *to = malloc(bytes ? bytes : 1);
  if (!to) return clgen_fail_nomem(bytes);
  for (int64_t i = 0; i < array->count; ++i) to[i] = (float)clgen_npy_at(array, i);
  free(array->data);
  array->data = to;
  array->type = CLGEN_NPY_F32;
  return CLGEN_OK;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------
 */

int clgen_npy_write(const char *path, clgen_npy_type type, int rank, const int64_t *shape, const void *data) {
  if (rank < 0 || rank > CLGEN_NPY_MAX_RANK || (unsigned)type >= CLGEN_COUNT(types))
    return clgen_fail(CLGEN_E_INVALID, "%s: cannot write an array of %d axes as NPY", path, rank);
  int64_t count = 1;
  for (int i = 0; i < rank; ++i) {
    if (shape[i] < 0 || (shape[i] && count > INT64_MAX / 8 / shape[i]))
      return clgen_fail(CLGEN_E_INVALID, "%s: cannot write an axis of length %lld", path, (long long)shape[i]);
    count *= shape[i];
  }
  char text[256], dict[400], order = types[type].size == 1 ? '|' : big_endian() ? '>' : '<';
  clgen_npy_shape_text(rank, shape, text, sizeof text);
  int used = snprintf(dict, sizeof dict, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': %s, }", order,
                      types[type].kind, types[type].size, text);
  unsigned length = ((unsigned)used + 1 + 10 + 63) / 64 * 64 - 10; /* the elements begin at a multiple of 64 */
  unsigned char head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)length, (unsigned char)(length >> 8)};
  clgen_file_writer *w;
  int code = clgen_file_writer_open(&w, path);
  if (code) return code;
  FILE *f = clgen_file_writer_stream(w);
  fwrite(head, 1, sizeof head, f);
  fprintf(f, "%s%*s\n", dict, (int)length - used - 1, "");
  if (count) fwrite(data, (size_t)types[type].size, (size_t)count, f);
  return clgen_file_writer_commit(w);
}
