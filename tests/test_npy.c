/* NPY and NPZ: what NumPy wrote (golden/make_numpy.py), what we write, arrays as datasets, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include <clgen/npy.h>

#include "files.h"

static const char *numpy_file(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/numpy/%s", getenv("CLGEN_TEST_DATA"), name);
  return path;
}

static int right_element(int64_t i) { return (int)(i * 7 % 251); }

/* ---- NPY as arrays ---------------------------------------------------------------------------------------------------- */

static void from_numpy(void **state) {
  (void)state;
  static const struct {
    const char *file;
    clgen_npy_type type;
  } cases[] = {
      {"plain", CLGEN_NPY_U8},        {"fortran", CLGEN_NPY_U8},         {"format2", CLGEN_NPY_U8},
      {"format3", CLGEN_NPY_U8},      {"type_bool", CLGEN_NPY_BOOL},     {"type_little_i2", CLGEN_NPY_I16},
      {"type_big_i4", CLGEN_NPY_I32}, {"type_little_u8", CLGEN_NPY_U64}, {"type_big_u2", CLGEN_NPY_U16},
      {"type_big_f4", CLGEN_NPY_F32}, {"type_little_f8", CLGEN_NPY_F64}, {"type_big_f8", CLGEN_NPY_F64},
  };
  for (size_t k = 0; k < CLGEN_COUNT(cases); ++k) {
    char name[64];
    snprintf(name, sizeof name, "%s.npy", cases[k].file);
    clgen_npy a;
    if (clgen_npy_read(&a, numpy_file(name))) fail_msg("%s", clgen_last_error());
    assert_int_equal(a.type, cases[k].type);
    assert_int_equal(a.rank, 3);
    assert_true(a.shape[0] == 6 && a.shape[1] == 5 && a.shape[2] == 4 && a.count == 120);
    assert_int_equal(clgen_npy_to_f32(&a), 0);
    for (int64_t i = 0; i < a.count; ++i) {
      int right = cases[k].type == CLGEN_NPY_BOOL ? right_element(i) % 2 : right_element(i);
      if (((const float *)a.data)[i] != (float)right) fail_msg("%s: element %d", name, (int)i);
    }
    clgen_npy_free(&a);
  }
}

static void odd_ones(void **state) {
  (void)state;
  clgen_npy a;
  assert_int_equal(clgen_npy_read(&a, numpy_file("scalar.npy")), 0);
  assert_int_equal(a.rank, 0);
  assert_true(*(const float *)a.data == 2.5f);
  clgen_npy_free(&a);
  assert_int_equal(clgen_npy_read(&a, numpy_file("empty.npy")), 0);
  assert_int_equal(a.count, 0);
  assert_int_equal(a.shape[1], 3);
  clgen_npy_free(&a);
  static const char *const others[] = {"complex.npy", "text.npy", "records.npy"};
  for (size_t i = 0; i < CLGEN_COUNT(others); ++i) {
    assert_int_equal(clgen_npy_read(&a, numpy_file(others[i])), CLGEN_E_UNSUPPORTED);
    assert_non_null(strstr(clgen_last_error(), others[i]));
    clgen_npy_free(&a);
  }
  assert_int_equal(clgen_npy_read(&a, file_at("not-there.npy")), CLGEN_E_NOTFOUND);
}

static void headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    int code;
  } cases[] = {
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", CLGEN_OK},
      {"{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"u1\"}", CLGEN_OK},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", CLGEN_E_FORMAT}, /* 8 bytes are promised */
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", CLGEN_E_FORMAT}, /* one byte too many */
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (-2,), }", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807,), }", CLGEN_E_FORMAT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }", CLGEN_E_FORMAT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999999,), }", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", CLGEN_E_UNSUPPORTED},
      {"{'descr': '|u1', 'fortran_order': Maybe, 'shape': (2,), }", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': 2, }", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False}", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}", CLGEN_E_FORMAT},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,)", CLGEN_E_FORMAT},
      {"{'descr': '|u", CLGEN_E_FORMAT},
      {"", CLGEN_E_FORMAT},
      {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", CLGEN_E_UNSUPPORTED},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", CLGEN_E_UNSUPPORTED},
  };
  for (size_t k = 0; k < CLGEN_COUNT(cases); ++k) {
    unsigned char file[400] = "\x93NUMPY\1";
    size_t n = strlen(cases[k].header);
    file[8] = (unsigned char)n;
    memcpy(file + 10, cases[k].header, n);
    file[10 + n] = 7;
    clgen_npy a;
    int code = clgen_npy_read_memory(&a, file, 10 + n + 2, "it");
    if (code != cases[k].code) fail_msg("%s: %d, %s", cases[k].header, code, code ? clgen_last_error() : "");
    if (!code) assert_true(a.count == 2 && ((uint8_t *)a.data)[0] == 7);
    clgen_npy_free(&a);
  }
}

static void short_headers(void **state) {
  (void)state;
  unsigned char wraps[] = "\x93NUMPY\1\0\x4d\0{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296,)}";
  wraps[8] = sizeof wraps - 11;
  clgen_npy w; /* the product of these is 0 in 64 bits, and no bytes follow */
  assert_int_equal(clgen_npy_read_memory(&w, wraps, sizeof wraps - 1, "it"), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "array is too large"));
  unsigned char file[] = "\x93NUMPY\1\0\x80\1{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  for (size_t n = 0; n < sizeof file; ++n) {
    unsigned char *exact = malloc(n + 1); /* nothing behind it, for the sanitizer */
    memcpy(exact, file, n);
    clgen_npy a;
    assert_int_equal(clgen_npy_read_memory(&a, exact, n, "it"), CLGEN_E_FORMAT);
    if (n >= 6) assert_non_null(strstr(clgen_last_error(), "truncated within"));
    free(exact);
  }
}

static void written(void **state) {
  (void)state;
  const float v[6] = {1.5f, -2, 3e30f, 0, 5, 6};
  const int64_t shape[2] = {3, 2}, negative[1] = {-1};
  const char *path = file_at("w.npy");
  assert_int_equal(clgen_npy_write(path, CLGEN_NPY_F32, 2, shape, v), 0);
  void *bytes;
  size_t size;
  assert_int_equal(clgen_file_read(path, 1 << 20, &bytes, &size), 0);
  /* As numpy.save does: padded with spaces to a multiple of 64, the last of the header a line end. */
  const char *right = "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  assert_int_equal(size, 128 + sizeof v);
  assert_memory_equal(bytes, right, 10 + strlen(right + 10));
  assert_int_equal(((char *)bytes)[127], '\n');
  assert_memory_equal((char *)bytes + 128, v, sizeof v);
  free(bytes);
  clgen_npy a;
  assert_int_equal(clgen_npy_read(&a, path), 0);
  assert_memory_equal(a.data, v, sizeof v);
  clgen_npy_free(&a);
  assert_int_equal(clgen_npy_write(path, CLGEN_NPY_U8, 1, negative, v), CLGEN_E_INVALID);
  assert_int_equal(clgen_npy_write(path, CLGEN_NPY_U8, 9, shape, v), CLGEN_E_INVALID);
  assert_int_equal(clgen_npy_write(file_at("no/such/folder.npy"), CLGEN_NPY_U8, 1, shape, v), CLGEN_E_IO);
}

/* The file that NumPy wrote of the same array, byte for byte. */
static void same_bytes_as_numpy(void **state) {
  (void)state;
  clgen_npy a;
  void *ours, *theirs;
  size_t n, m;
  assert_int_equal(clgen_npy_read(&a, numpy_file("plain.npy")), 0);
  assert_int_equal(clgen_npy_write(file_at("p.npy"), a.type, a.rank, a.shape, a.data), 0);
  clgen_npy_free(&a);
  assert_int_equal(clgen_file_read(file_at("p.npy"), 1 << 20, &ours, &n), 0);
  assert_int_equal(clgen_file_read(numpy_file("plain.npy"), 1 << 20, &theirs, &m), 0);
  assert_int_equal(n, m);
  assert_memory_equal(ours, theirs, n);
  free(ours);
  free(theirs);
}

/* ---- As datasets ------------------------------------------------------------------------------------------------------ */

static void check_pictures(const clgen_dataset *ds, int64_t count, bool labels) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  assert_int_equal(i->count, count);
  assert_true(i->channels == 1 && i->height == 5 && i->width == 4);
  assert_int_equal(i->has_labels, labels);
  for (int64_t n = 0; n < count; ++n) {
    for (int64_t k = 0; k < 20; ++k) assert_int_equal(clgen_dataset_image(ds, n)[k], right_element(n * 20 + k));
    if (labels && count == 6) assert_int_equal(clgen_dataset_label(ds, n), n % 3);
  }
}

static void numpy_datasets(void **state) {
  (void)state;
  static const char *const files[] = {"plain.npy",          "fortran.npy", "type_big_f4.npy",
                                      "type_little_u8.npy", "stored.npz",  "deflated.npz",
                                      "positional.npz",     "keras.npz",   "zip64.npz"};
  for (size_t k = 0; k < CLGEN_COUNT(files); ++k) {
    clgen_dataset *ds = open_dataset(numpy_file(files[k]), NULL);
    check_pictures(ds, 6, strstr(files[k], ".npz") != NULL);
    assert_string_equal(clgen_dataset_get_info(ds)->format, strstr(files[k], ".npz") ? "NPZ" : "NPY");
    clgen_dataset_close(ds);
  }
  const clgen_dataset_options test = {.split = "test"};
  clgen_dataset *ds = open_dataset(numpy_file("keras.npz"), &test);
  check_pictures(ds, 2, true);
  assert_true(clgen_dataset_label(ds, 0) == 2 && clgen_dataset_label(ds, 1) == 0);
  assert_string_equal(files_log, "");
  clgen_dataset_close(ds);
  ds = open_dataset(numpy_file("stored.npz"), &test);
  check_pictures(ds, 6, true);
  assert_non_null(strstr(files_log, "for training and for testing"));
  clgen_dataset_close(ds);
  ds = open_dataset(numpy_file("type_bool.npy"), NULL);
  assert_true(clgen_dataset_image(ds, 0)[0] == 0 && clgen_dataset_image(ds, 0)[1] == 255);
  clgen_dataset_close(ds);
}

static const char *put_array(const char *name, clgen_npy_type type, int rank, const int64_t *shape, const void *data) {
  assert_int_equal(clgen_npy_write(file_at(name), type, rank, shape, data), 0);
  return file_at(name);
}

/* Each kind of number that float16 has. */
static void half_precision(void **state) {
  (void)state;
  static const uint16_t bits[] = {0x0000, 0x8000, 0x3c00, 0xbc00, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00};
  static const float right[] = {0,        -0.0f,        1,        -1,       0.333251953125f, 65504,
                                0x1p-24f, 0x1.ff8p-15f, 0x1p-14f, INFINITY, -INFINITY};
  const int64_t n = CLGEN_COUNT(bits), shape[] = {1, 1, 4};
  clgen_npy a;
  assert_int_equal(clgen_npy_read(&a, put_array("half.npy", CLGEN_NPY_F16, 1, &n, bits)), 0);
  assert_true(a.type == CLGEN_NPY_F16 && clgen_npy_type_size(a.type) == 2);
  assert_string_equal(clgen_npy_type_name(a.type), "float16");
  assert_int_equal(clgen_npy_to_f32(&a), 0);
  assert_memory_equal(a.data, right, sizeof right);
  clgen_npy_free(&a);
  static const uint16_t image[] = {0x0000, 0x3800, 0x3c00, 0x3400};
  clgen_dataset *ds = open_dataset(put_array("unit16.npy", CLGEN_NPY_F16, 3, shape, image), NULL);
  static const uint8_t pixels[] = {0, 128, 255, 64};
  assert_memory_equal(clgen_dataset_image(ds, 0), pixels, 4);
  clgen_dataset_close(ds);
}

/* Which axis is the channels, and that planes come out. */
static void channel_order(void **state) {
  (void)state;
  static const struct {
    int64_t shape[4];
    int channels, height, width; /* 0: refused */
    bool last;
  } cases[] = {
      {{2, 5, 6, 3}, 3, 5, 6, true},  {{2, 3, 5, 6}, 3, 5, 6, false}, {{2, 3, 5, 4}, 4, 3, 5, true},
      {{2, 1, 5, 6}, 1, 5, 6, false}, {{2, 5, 6, 1}, 1, 5, 6, true},  {{2, 5, 6, 7}, 0, 0, 0, false},
  };
  uint8_t data[2 * 5 * 6 * 7];
  for (size_t i = 0; i < sizeof data; ++i) data[i] = (uint8_t)i;
  for (size_t n = 0; n < CLGEN_COUNT(cases); ++n) {
    const char *path = put_array("c.npy", CLGEN_NPY_U8, 4, cases[n].shape, data);
    int c = cases[n].channels, h = cases[n].height, w = cases[n].width;
    if (!c) {
      refuse(path, NULL, CLGEN_E_FORMAT, "(2, 5, 6, 7)");
      continue;
    }
    const clgen_dataset_options as_is = {.channels = c};
    clgen_dataset *ds = open_dataset(path, &as_is);
    const clgen_dataset_info *i = clgen_dataset_get_info(ds);
    assert_true(i->channels == c && i->height == h && i->width == w && i->count == 2);
    for (int p = 0; p < h * w; ++p)
      for (int k = 0; k < c; ++k) {
        int at = h * w * c + (cases[n].last ? p * c + k : k * h * w + p);
        assert_int_equal(clgen_dataset_image(ds, 1)[k * h * w + p], data[at]);
      }
    clgen_dataset_close(ds);
  }
  const int64_t one[3] = {8, 8, 3}, thin_images[3] = {3, 7, 3};
  refuse(put_array("c.npy", CLGEN_NPY_U8, 3, one, data), NULL, CLGEN_E_FORMAT, "one image (H,W,C)");
  clgen_dataset_close(open_dataset(put_array("c.npy", CLGEN_NPY_U8, 3, thin_images, data), NULL));
  const int64_t flat[2] = {4, 16}, none[3] = {0, 4, 4}, thin[3] = {4, 0, 4};
  refuse(put_array("c.npy", CLGEN_NPY_U8, 2, flat, data), NULL, CLGEN_E_FORMAT, "(4, 16)");
  refuse(put_array("c.npy", CLGEN_NPY_U8, 3, none, data), NULL, CLGEN_E_FORMAT, "no images");
  refuse(put_array("c.npy", CLGEN_NPY_U8, 3, thin, data), NULL, CLGEN_E_FORMAT, "4 x 0");
}

static void values(void **state) {
  (void)state;
  static const struct {
    float from[4];
    int to[4]; /* to[0] < 0: refused */
  } cases[] = {
      {{0, 1, 0.5f, 0.25f}, {0, 255, 128, 64}},
      {{0, 255, 3, 2}, {0, 255, 3, 2}},
      {{0, 255, 3.5f, 2}, {-1}},
      {{0, 1, -0.5f, 0}, {-1}},
      {{0, 256, 1, 1}, {-1}},
      {{0, 1.25f, 0.5f, 1}, {-1}},
  };
  const int64_t shape[3] = {1, 2, 2};
  for (size_t n = 0; n < CLGEN_COUNT(cases) + 1; ++n) {
    float nan[4] = {0, 0.0f / 1, 1, 0};
    uint32_t bits = 0x7fc00000;
    memcpy(nan + 1, &bits, 4);
    bool bad = n == CLGEN_COUNT(cases) || cases[n].to[0] < 0;
    const char *path = put_array("v.npy", CLGEN_NPY_F32, 3, shape, n == CLGEN_COUNT(cases) ? nan : cases[n].from);
    if (bad) {
      refuse(path, NULL, CLGEN_E_FORMAT, "float32");
      continue;
    }
    clgen_dataset *ds = open_dataset(path, NULL);
    for (int i = 0; i < 4; ++i) assert_int_equal(clgen_dataset_image(ds, 0)[i], cases[n].to[i]);
    clgen_dataset_close(ds);
  }
  const int16_t negative[4] = {1, 2, -3, 4}, ones[4] = {1, 0, 1, 255};
  refuse(put_array("v.npy", CLGEN_NPY_I16, 3, shape, negative), NULL, CLGEN_E_FORMAT, "-3");
  clgen_dataset *ds = open_dataset(put_array("v.npy", CLGEN_NPY_I16, 3, shape, ones), NULL);
  assert_int_equal(clgen_dataset_image(ds, 0)[0], 1);
  clgen_dataset_close(ds);
}

static void labels_beside(void **state) {
  (void)state;
  const uint8_t pixels[12] = {0};
  const int64_t shape[3] = {3, 2, 2}, three[1] = {3}, two[1] = {2}, matrix[2] = {3, 2};
  const int64_t labels[6] = {4, 0, 1, 0, 0, 0}, negative[3] = {0, -1, 2}, large[3] = {0, 1 << 20, 0};
  const float fractions[3] = {0, 0.5f, 1};
  put_array("images-a.npy", CLGEN_NPY_U8, 3, shape, pixels);
  put_array("faces.npy", CLGEN_NPY_U8, 3, shape, pixels);
  put_array("labels-a.npy", CLGEN_NPY_I64, 1, three, labels);
  put_array("faces_labels.npy", CLGEN_NPY_I64, 1, three, labels);
  static const char *const names[] = {"images-a.npy", "faces.npy"};
  for (size_t i = 0; i < 2; ++i) {
    clgen_dataset *ds = open_dataset(file_at(names[i]), NULL);
    assert_int_equal(clgen_dataset_get_info(ds)->classes, 5);
    assert_int_equal(clgen_dataset_label(ds, 0), 4);
    assert_string_equal(clgen_dataset_class_name(ds, 4), "4");
    assert_string_equal(clgen_dataset_class_name(ds, 5), "");
    clgen_dataset_close(ds);
  }
  const char *path = put_array("labels-a.npy", CLGEN_NPY_I64, 1, two, labels);
  refuse(file_at("images-a.npy"), NULL, CLGEN_E_FORMAT, "2 labels");
  assert_non_null(strstr(clgen_last_error(), path));
  put_array("labels-a.npy", CLGEN_NPY_I64, 2, matrix, labels);
  refuse(file_at("images-a.npy"), NULL, CLGEN_E_FORMAT, "(3, 2)");
  put_array("labels-a.npy", CLGEN_NPY_I64, 1, three, negative);
  refuse(file_at("images-a.npy"), NULL, CLGEN_E_FORMAT, "-1");
  put_array("labels-a.npy", CLGEN_NPY_I64, 1, three, large);
  refuse(file_at("images-a.npy"), NULL, CLGEN_E_FORMAT, "image 1");
  put_array("labels-a.npy", CLGEN_NPY_F32, 1, three, fractions);
  refuse(file_at("images-a.npy"), NULL, CLGEN_E_FORMAT, "0.5");
}

/* ---- Damage ----------------------------------------------------------------------------------------------------------- */

static const char *copy_of(const char *name) {
  void *data;
  size_t size;
  assert_int_equal(clgen_file_read(numpy_file(name), 1 << 20, &data, &size), 0);
  const char *path = put_file(name, data, size);
  free(data);
  return path;
}

static void damage(void **state) {
  (void)state;
  static const char *const files[] = {"plain.npy",    "fortran.npy", "format2.npy", "type_big_f4.npy",
                                      "deflated.npz", "stored.npz",  "zip64.npz"};
  for (size_t i = 0; i < CLGEN_COUNT(files); ++i) {
    char *path = clgen_strdup(copy_of(files[i]));
    damage_file(path, path, true);
    free(path);
  }
}

/* A member that promises terabytes, in the directory's plain fields and in ZIP64's. */
static void npz_promises(void **state) {
  (void)state;
  static const char *const files[] = {"stored.npz", "deflated.npz", "zip64.npz"};
  for (size_t k = 0; k < CLGEN_COUNT(files); ++k) {
    void *data;
    size_t size;
    assert_int_equal(clgen_file_read(numpy_file(files[k]), 1 << 20, &data, &size), 0);
    unsigned char *p = data;
    for (size_t i = 0; i + 46 < size; ++i)
      if (memcmp(p + i, "PK\1\2", 4) == 0) {
        size_t extra = i + 46 + p[i + 28] + 4, zip64 = p[i + 30];
        if (zip64)
          memset(p + extra, 0x3f, 7); /* the size */
        else
          memset(p + i + 24, 0xfe, 4);
      }
    refuse(put_file("promise.npz", data, size), NULL, CLGEN_E_FORMAT, "which is impossible");
    free(data);
  }
}

static void npz_checksum(void **state) {
  (void)state;
  void *data;
  size_t size;
  assert_int_equal(clgen_file_read(numpy_file("stored.npz"), 1 << 20, &data, &size), 0);
  unsigned char *p = data;
  size_t at = 0;
  while (at + 8 < size && memcmp(p + at, "\0\7\16\25\34", 5) != 0) ++at; /* the first pixels */
  assert_true(at + 8 < size);
  p[at + 2] ^= 1;
  refuse(put_file("sum.npz", data, size), NULL, CLGEN_E_FORMAT, "checksum");
  free(data);
}

static void rename_member(void *data, size_t size, const char *from, const char *to) {
  const size_t n = strlen(from);
  for (unsigned char *p = data; p + n <= (unsigned char *)data + size; ++p)
    if (memcmp(p, from, n) == 0) memcpy(p, to, n);
}

/* An archive without test images: those for validation are the split test. */
static void npz_validation(void **state) {
  (void)state;
  void *data;
  size_t size;
  assert_int_equal(clgen_file_read(numpy_file("keras.npz"), 1 << 20, &data, &size), 0);
  rename_member(data, size, "x_train", "x_valid");
  rename_member(data, size, "y_train", "y_valid");
  rename_member(data, size, "x_test", "q_test");
  const clgen_dataset_options test = {.split = "test"};
  clgen_dataset *ds = open_dataset(put_file("val.npz", data, size), &test);
  check_pictures(ds, 6, true);
  assert_string_equal(files_log, "");
  clgen_dataset_close(ds);
  free(data);
}

static void npz_without_images(void **state) {
  (void)state;
  void *data;
  size_t size;
  assert_int_equal(clgen_file_read(numpy_file("stored.npz"), 1 << 20, &data, &size), 0);
  rename_member(data, size, "x.npy", "q.npy");
  refuse(put_file("q.npz", data, size), NULL, CLGEN_E_FORMAT, "q.npy, y.npy");
  free(data);
  refuse(put_text("t.npz", "this is no archive at all, but long enough"), NULL, CLGEN_E_FORMAT, "ZIP");
  refuse(put_text("t.npz", ""), NULL, CLGEN_E_FORMAT, "ZIP");
  refuse(put_text("t.npy", ""), NULL, CLGEN_E_FORMAT, "NPY");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(from_numpy),
      cmocka_unit_test(half_precision),
      cmocka_unit_test(odd_ones),
      cmocka_unit_test(headers),
      cmocka_unit_test(short_headers),
      cmocka_unit_test(written),
      cmocka_unit_test(same_bytes_as_numpy),
      cmocka_unit_test(numpy_datasets),
      cmocka_unit_test(channel_order),
      cmocka_unit_test(values),
      cmocka_unit_test(labels_beside),
      cmocka_unit_test(damage),
      cmocka_unit_test(npz_promises),
      cmocka_unit_test(npz_checksum),
      cmocka_unit_test(npz_without_images),
      cmocka_unit_test(npz_validation),
  };
  return cmocka_run_group_tests_name("npy", tests, files_set_up, files_tear_down);
}
