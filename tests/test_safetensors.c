/* safetensors: what is written is read back, the bytes are as the format says, and a damaged or hostile file is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clgen/error.h>
#include <clgen/safetensors.h>

#include "base/base.h"

static char folder[] = "./safetensors-XXXXXX";
static char path[128];

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/t.safetensors", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static const float weights[6] = {1.5f, -2.0f, 0.0f, 3.25f, -0.125f, 1e30f};
static const uint8_t bytes[3] = {0, 7, 255};
static const double wide[2] = {0.1, -1e-300};

static void write_sample(void) {
  const clgen_st_tensor tensors[] = {
      {"bytes", CLGEN_ST_U8, {1, {3}}, bytes},
      {"G.0.weight", CLGEN_ST_F32, {2, {2, 3}}, weights},
      {"scalar", CLGEN_ST_F64, {0, {0}}, wide},
      {"none", CLGEN_ST_F32, {2, {0, 4}}, NULL},
  };
  const clgen_st_meta meta[] = {{"format", "pt"}, {"clgen.kimg", "20 \"quoted\"\n"}};
  assert_int_equal(clgen_safetensors_write(path, tensors, 4, meta, 2), 0);
}

static void round_trip(void **state) {
  (void)state;
  write_sample();
  clgen_safetensors *st;
  assert_int_equal(clgen_safetensors_open(&st, path), 0);
  assert_string_equal(clgen_safetensors_path(st), path);
  assert_int_equal(clgen_safetensors_count(st), 4);
  assert_string_equal(clgen_safetensors_get(st, 0)->name, "bytes");
  assert_string_equal(clgen_safetensors_get(st, 3)->name, "none");
  assert_null(clgen_safetensors_get(st, 4));
  assert_string_equal(clgen_safetensors_meta(st, "clgen.kimg"), "20 \"quoted\"\n");
  assert_null(clgen_safetensors_meta(st, "nothing"));
  assert_int_equal(clgen_safetensors_meta_count(st), 2);
  assert_string_equal(clgen_safetensors_meta_get(st, 0)->key, "format");
  const clgen_st_tensor *t = clgen_safetensors_find(st, "G.0.weight");
  assert_non_null(t);
  assert_int_equal(t->dtype, CLGEN_ST_F32);
  assert_int_equal(t->shape.ndim, 2);
  assert_int_equal(t->shape.dim[1], 3);
  assert_memory_equal(t->data, weights, sizeof weights);
  assert_int_equal((uintptr_t)t->data % 4, 0);
  assert_memory_equal(clgen_safetensors_find(st, "scalar")->data, wide, sizeof wide[0]);
  assert_null(clgen_safetensors_find(st, "G.0"));
  clgen_safetensors_close(st);
}

static void bytes_on_disk(void **state) {
  (void)state;
  write_sample();
  unsigned char *first, *second;
  size_t n, m;
  assert_int_equal(clgen_file_read(path, 1 << 20, (void **)&first, &n), 0);
  write_sample();
  assert_int_equal(clgen_file_read(path, 1 << 20, (void **)&second, &m), 0);
  assert_int_equal(n, m);
  assert_memory_equal(first, second, n);
  size_t header = first[0] | (size_t)first[1] << 8;
  assert_int_equal((8 + header) % 64, 0);
  assert_int_equal(n, 8 + header + 8 + 24 + 3); /* the double first, then the floats, then the bytes */
  assert_memory_equal(first + 8 + header, wide, 8);
  assert_memory_equal(first + 8 + header + 32, bytes, 3);
  free(first);
  free(second);
}

static void write_refuses(void **state) {
  (void)state;
  const clgen_st_tensor twice[] = {{"a", CLGEN_ST_U8, {1, {3}}, bytes}, {"a", CLGEN_ST_U8, {1, {3}}, bytes}};
  unlink(path);
  assert_int_equal(clgen_safetensors_write(path, twice, 2, NULL, 0), CLGEN_E_INVALID);
  const clgen_st_tensor negative = {"a", CLGEN_ST_U8, {1, {-3}}, bytes};
  assert_int_equal(clgen_safetensors_write(path, &negative, 1, NULL, 0), CLGEN_E_INVALID);
  const clgen_st_tensor huge = {"a", CLGEN_ST_F64, {2, {INT64_MAX / 2, 4}}, bytes};
  assert_int_equal(clgen_safetensors_write(path, &huge, 1, NULL, 0), CLGEN_E_INVALID);
  const clgen_st_tensor name = {"\xff\xfe", CLGEN_ST_U8, {1, {3}}, bytes};
  assert_int_equal(clgen_safetensors_write(path, &name, 1, NULL, 0), CLGEN_E_INVALID);
  const clgen_st_meta meta[] = {{"k", "1"}, {"k", "2"}};
  assert_int_equal(clgen_safetensors_write(path, twice, 1, meta, 2), CLGEN_E_INVALID);
  assert_int_not_equal(access(path, F_OK), 0);
  assert_int_equal(clgen_safetensors_write("/nowhere/at/all", twice, 1, NULL, 0), CLGEN_E_IO);
}

/* A file of the given header and `n_data` zero bytes; length < 0 means the header's own. */
static int open_made(const char *header, long long length, size_t n_data) {
  size_t h = strlen(header);
  uint64_t stated = length < 0 ? h : (uint64_t)length;
  unsigned char *buf = calloc(1, 8 + h + n_data);
  for (int i = 0; i < 8; ++i) buf[i] = (unsigned char)(stated >> (8 * i));
  memcpy(buf + 8, header, h);
  assert_int_equal(clgen_file_write(path, buf, 8 + h + n_data), 0);
  free(buf);
  clgen_safetensors *st;
  int code = clgen_safetensors_open(&st, path);
  if (code) {
    assert_null(st);
    assert_non_null(strstr(clgen_last_error(), path));
  }
  clgen_safetensors_close(st);
  return code;
}

#define ONE(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void hostile_files(void **state) {
  (void)state;
  assert_int_equal(open_made(ONE("F32", "[2]", "[0,8]"), -1, 8), 0);
  assert_int_equal(open_made("{}", -1, 0), 0);
  assert_int_equal(open_made("{}   ", -1, 0), 0);
  static const struct {
    const char *header;
    long long length;
    size_t n_data;
    const char *says;
  } cases[] = {
      {"{}", 3, 0, "beyond the end"},
      {"{}", 0x7fffffffffffffff, 0, "over 100 MB"},
      {"{}", 99999999, 0, "beyond the end"},
      {"{\"a\":", -1, 0, "not JSON"},
      {"[]", -1, 0, "not a JSON object"},
      {"", -1, 0, "not JSON"},
      {"{\"a\":1}", -1, 0, "not an object"},
      {"{\"a\":{}}", -1, 0, "type is missing"},
      {"{\"__metadata__\":{\"k\":1}}", -1, 0, "other than text"},
      {"{\"__metadata__\":[]}", -1, 0, "not an object"},
      {ONE("F33", "[2]", "[0,8]"), -1, 8, "unknown"},
      {ONE("F32", "[-2]", "[0,8]"), -1, 8, "from 0 up"},
      {ONE("F32", "[2.5]", "[0,10]"), -1, 10, "from 0 up"},
      {ONE("F32", "2", "[0,8]"), -1, 8, "not a list"},
      {ONE("F32", "[1,1,1,1,1,1,2]", "[0,8]"), -1, 8, "more than 6"},
      {ONE("F32", "[4611686018427387905,4]", "[0,16]"), -1, 16, "too large"}, /* 2^62 + 1: wraps to 16 bytes */
      {ONE("F32", "[2305843009213693952,2]", "[0,0]"), -1, 0, "too large"},
      {ONE("F32", "[99999999999999999999]", "[0,0]"), -1, 0, "not JSON"},
      {ONE("F32", "[2]", "[0,12]"), -1, 12, "another size"},
      {ONE("F32", "[2]", "[0,8]"), -1, 7, "beyond the end"},
      {ONE("F32", "[2]", "[8,0]"), -1, 8, "rising"},
      {ONE("F32", "[2]", "[-8,0]"), -1, 8, "rising"},
      {ONE("F32", "[2]", "[0]"), -1, 8, "rising"},
      {ONE("F32", "[2]", "[0,9223372036854775807]"), -1, 8, "beyond the end"},
      {ONE("F32", "[2]", "[4,12]"), -1, 12, "gap"},
      {ONE("F32", "[2]", "[0,8]"), -1, 9, "no tensor"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
       "offsets\":[3,7]}}",
       -1, 7, "overlaps"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
       "offsets\":[4,8]}}",
       -1, 8, "not JSON"},
  };
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    assert_int_equal(open_made(cases[i].header, cases[i].length, cases[i].n_data), CLGEN_E_FORMAT);
    if (!strstr(clgen_last_error(), cases[i].says))
      fail_msg("case %zu: \"%s\" does not say \"%s\"", i, clgen_last_error(), cases[i].says);
  }
}

static void truncated_anywhere(void **state) {
  (void)state;
  write_sample();
  unsigned char *all;
  size_t n;
  assert_int_equal(clgen_file_read(path, 1 << 20, (void **)&all, &n), 0);
  for (size_t keep = 0; keep < n; ++keep) {
    assert_int_equal(clgen_file_write(path, all, keep), 0);
    clgen_safetensors *st;
    assert_int_equal(clgen_safetensors_open(&st, path), CLGEN_E_FORMAT);
  }
  free(all);
}

static void not_there(void **state) {
  (void)state;
  clgen_safetensors *st;
  assert_int_equal(clgen_safetensors_open(&st, "/nowhere/at/all"), CLGEN_E_NOTFOUND);
  assert_int_equal(clgen_safetensors_open(&st, folder), CLGEN_E_IO);
}

static void conversions(void **state) {
  (void)state;
  static const uint16_t half[7] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000, 0x7e00};
  static const uint16_t brain[2] = {0x3f80, 0xc040};
  static const int64_t integers[2] = {-5, 1 << 20};
  static const int8_t small[2] = {-128, 127};
  const clgen_st_tensor tensors[] = {
      {"half", CLGEN_ST_F16, {1, {7}}, half},     {"brain", CLGEN_ST_BF16, {1, {2}}, brain},
      {"long", CLGEN_ST_I64, {1, {2}}, integers}, {"small", CLGEN_ST_I8, {1, {2}}, small},
      {"double", CLGEN_ST_F64, {1, {2}}, wide},   {"float", CLGEN_ST_F32, {2, {2, 3}}, weights},
  };
  assert_int_equal(clgen_safetensors_write(path, tensors, CLGEN_COUNT(tensors), NULL, 0), 0);
  clgen_safetensors *st;
  assert_int_equal(clgen_safetensors_open(&st, path), 0);
  float v[7];
  assert_int_equal(clgen_safetensors_read_f32(st, "half", NULL, v), 0);
  assert_true(v[0] == 1 && v[1] == -2 && v[2] == 0x1p-24f && v[3] == 65504 && isinf(v[4]) && v[5] == 0 && signbit(v[5]) &&
              isnan(v[6]));
  assert_int_equal(clgen_safetensors_read_f32(st, "brain", NULL, v), 0);
  assert_true(v[0] == 1 && v[1] == -3);
  assert_int_equal(clgen_safetensors_read_f32(st, "long", NULL, v), 0);
  assert_true(v[0] == -5 && v[1] == 1048576);
  assert_int_equal(clgen_safetensors_read_f32(st, "small", NULL, v), 0);
  assert_true(v[0] == -128 && v[1] == 127);
  assert_int_equal(clgen_safetensors_read_f32(st, "double", NULL, v), 0);
  assert_true(v[0] == 0.1f);
  const clgen_shape right = {2, {2, 3}}, wrong = {2, {3, 2}};
  assert_int_equal(clgen_safetensors_read_f32(st, "float", &right, v), 0);
  assert_memory_equal(v, weights, sizeof weights);
  assert_int_equal(clgen_safetensors_read_f32(st, "float", &wrong, v), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "2x3"));
  assert_int_equal(clgen_safetensors_read_f32(st, "missing", NULL, v), CLGEN_E_NOTFOUND);
  clgen_safetensors_close(st);
}

/* A file as PyTorch's library wrote it: header not a multiple of 64, tensors in another order, data that is not aligned. */
static void foreign_file(void **state) {
  (void)state;
  const char *header =
      "{\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[1,5]},\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_"
      "offsets\":[0,1]}}";
  size_t h = strlen(header);
  unsigned char buf[512] = {(unsigned char)h};
  memcpy(buf + 8, header, h);
  buf[8 + h] = 1;
  const float value = -7.5f;
  memcpy(buf + 8 + h + 1, &value, 4);
  assert_int_equal(clgen_file_write(path, buf, 8 + h + 5), 0);
  clgen_safetensors *st;
  assert_int_equal(clgen_safetensors_open(&st, path), 0);
  float v;
  assert_int_equal(clgen_safetensors_read_f32(st, "b", NULL, &v), 0);
  assert_true(v == value);
  assert_int_equal(clgen_safetensors_read_f32(st, "a", NULL, &v), 0);
  assert_true(v == 1);
  clgen_safetensors_close(st);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trip),         cmocka_unit_test(bytes_on_disk), cmocka_unit_test(write_refuses),
      cmocka_unit_test(hostile_files),      cmocka_unit_test(not_there),     cmocka_unit_test(conversions),
      cmocka_unit_test(truncated_anywhere), cmocka_unit_test(foreign_file),
  };
  return cmocka_run_group_tests_name("safetensors", tests, set_up, tear_down);
}
