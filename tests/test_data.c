/* Datasets: IDX, CIFAR-10, folders of pictures, subsets, sampling; every kind of damage. NPY and NPZ: test_npy.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include <clgen/npy.h>

#include "files.h"

static double mean_of(const clgen_dataset *ds) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  size_t n = (size_t)i->count * (size_t)i->channels * (size_t)i->height * (size_t)i->width;
  uint64_t sum = 0;
  for (size_t k = 0; k < n; ++k) sum += clgen_dataset_image(ds, 0)[k];
  return (double)sum / (double)n;
}

static int64_t count_label(const clgen_dataset *ds, int label) {
  int64_t n = 0;
  for (int64_t i = 0; i < clgen_dataset_get_info(ds)->count; ++i) n += clgen_dataset_label(ds, i) == label;
  return n;
}

/* ---- IDX -------------------------------------------------------------------------------------------------------------- */

/* n images of 3 x 2 (and c channels), pixel k of image i being 10 i + k; returns the size. */
static size_t make_images(uint8_t *to, int n, int c) {
  const uint8_t head[20] = {0, 0, 8, c ? 4 : 3, 0, 0, 0, (uint8_t)n, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, (uint8_t)c};
  size_t at = c ? 20 : 16;
  memcpy(to, head, at);
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < 6 * (c ? c : 1); ++k) to[at++] = (uint8_t)(10 * i + k);
  return at;
}

static size_t make_labels(uint8_t *to, int n) {
  const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)n};
  memcpy(to, head, 8);
  for (int i = 0; i < n; ++i) to[8 + i] = (uint8_t)(i % 4);
  return 8 + (size_t)n;
}

static void check_idx(const clgen_dataset *ds, int n, bool labels) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  assert_string_equal(i->format, "IDX");
  assert_true(i->count == n && i->channels == 1 && i->height == 3 && i->width == 2 && i->passed_over == 0);
  assert_int_equal(i->has_labels, labels);
  for (int k = 0; k < n; ++k) {
    for (int p = 0; p < 6; ++p) assert_int_equal(clgen_dataset_image(ds, k)[p], 10 * k + p);
    assert_int_equal(clgen_dataset_label(ds, k), labels ? k % 4 : -1);
  }
}

static void idx_files(void **state) {
  (void)state;
  uint8_t b[400];
  clgen_dataset *ds = open_dataset(put_file("idx/alone", b, make_images(b, 5, 0)), NULL); /* told by its content */
  check_idx(ds, 5, false);
  assert_string_equal(clgen_dataset_get_info(ds)->name, "alone");
  clgen_dataset_close(ds);
  ds = open_dataset(put_gzip("idx/a-images-idx3-ubyte.gz", b, make_images(b, 6, 0)), NULL);
  check_idx(ds, 6, false);
  assert_non_null(strstr(files_log, "no file of labels"));
  clgen_dataset_close(ds);
  put_file("idx/a-labels-idx1-ubyte", b, make_labels(b, 6)); /* not packed, as the images are */
  ds = open_dataset(file_at("idx/a-images-idx3-ubyte.gz"), NULL);
  check_idx(ds, 6, true);
  assert_int_equal(clgen_dataset_get_info(ds)->classes, 4);
  assert_string_equal(clgen_dataset_get_info(ds)->name, "a-images-idx3-ubyte");
  clgen_dataset_close(ds);
  ds = open_dataset(put_file("idx/colour.idx", b, make_images(b, 2, 3)), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->channels, 3);
  for (int k = 0; k < 18; ++k) assert_int_equal(clgen_dataset_image(ds, 1)[k], 10 + k % 6 * 3 + k / 6);
  clgen_dataset_close(ds);
}

static void idx_folder(void **state) {
  (void)state;
  uint8_t b[400];
  const clgen_dataset_options test = {.split = "test"}, wrong = {.split = "validation"};
  put_file("set/t10k-images-idx3-ubyte", b, make_images(b, 3, 0));
  put_gzip("set/t10k-labels-idx1-ubyte.gz", b, make_labels(b, 3));
  clgen_dataset *ds = open_dataset(file_at("set"), NULL);
  check_idx(ds, 3, true);
  assert_non_null(strstr(files_log, "for training and for testing"));
  clgen_dataset_close(ds);
  put_gzip("set/train-images-idx3-ubyte.gz", b, make_images(b, 7, 0));
  put_gzip("set/train-labels-idx1-ubyte.gz", b, make_labels(b, 7));
  ds = open_dataset(file_at("set/"), NULL);
  check_idx(ds, 7, true);
  assert_string_equal(files_log, "");
  assert_string_equal(clgen_dataset_get_info(ds)->name, "set");
  assert_string_equal(clgen_dataset_get_info(ds)->path, file_at("set"));
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("set"), &test);
  check_idx(ds, 3, true);
  clgen_dataset_close(ds);
  assert_int_equal(try_dataset(&ds, file_at("set"), &wrong), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "validation"));
  put_file("set/train-images-idx3-ubyte", b, make_images(b, 8, 0)); /* the same, not packed: goes first */
  refuse(file_at("set"), NULL, CLGEN_E_FORMAT, "7 labels");
  put_file("set/other-train-images-idx3-ubyte", b, make_images(b, 8, 0));
  refuse(file_at("set"), NULL, CLGEN_E_INVALID, "other-train");
}

static void idx_refused(void **state) {
  (void)state;
  static const struct {
    uint8_t head[16];
    int code;
    const char *text;
  } cases[] = {
      {{0, 0, 8, 1, 0, 0, 0, 8}, CLGEN_E_FORMAT, "labels; name"},
      {{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2}, CLGEN_E_FORMAT, "0x00000802"},
      {{0, 0, 13, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, CLGEN_E_UNSUPPORTED, "floats"},
      {{8, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, CLGEN_E_FORMAT, "0x08030000"},
      {{0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
       CLGEN_E_FORMAT,
       "impossible size"},
      {{0, 0, 8, 3, 0, 0, 0, 1, 0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0}, CLGEN_E_FORMAT, "gives 10000000000"},
      {{0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, CLGEN_E_FORMAT, "more data follows"},
      {{0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1}, CLGEN_E_FORMAT, "more data follows"},
      {{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, CLGEN_E_FORMAT, "more data follows"},
      {{0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1}, CLGEN_E_FORMAT, "truncated"},
  };
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    uint8_t b[20] = {0};
    memcpy(b, cases[i].head, 16); /* four elements follow */
    refuse(put_file("r.idx", b, sizeof b), NULL, cases[i].code, cases[i].text);
    refuse(put_gzip("r.idx.gz", b, sizeof b), NULL, cases[i].code, cases[i].text);
  }
  uint8_t none[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, b[400];
  refuse(put_file("r.idx", none, 16), NULL, CLGEN_E_FORMAT, "no images");
  put_file("x-images-idx3-ubyte", b, make_images(b, 5, 0));
  put_file("x-labels-idx1-ubyte", b, make_labels(b, 4));
  refuse(file_at("x-images-idx3-ubyte"), NULL, CLGEN_E_FORMAT, "4 labels");
  put_file("x-labels-idx1-ubyte", b, make_images(b, 5, 0));
  refuse(file_at("x-images-idx3-ubyte"), NULL, CLGEN_E_FORMAT, "labels have 0x00000801");
}

/* A few kilobytes that unpack to 16 MB, with a header that promises 6 bytes. */
static void gzip_bomb(void **state) {
  (void)state;
  size_t n = (size_t)1 << 24;
  uint8_t *b = calloc(1, n);
  make_images(b, 1, 0);
  refuse(put_gzip("bomb.idx.gz", b, n), NULL, CLGEN_E_FORMAT, "more data follows");
  free(b);
}

static void idx_damage(void **state) {
  (void)state;
  uint8_t b[400];
  put_file("d/train-images-idx3-ubyte", b, make_images(b, 9, 0));
  put_gzip("d/train-labels-idx1-ubyte.gz", b, make_labels(b, 9));
  char *folder = clgen_strdup(file_at("d"));
  damage_file(file_at("d/train-images-idx3-ubyte"), folder, true);
  damage_file(file_at("d/train-labels-idx1-ubyte.gz"), folder, true);
  put_gzip("d2/train-images-idx3-ubyte.gz", b, make_images(b, 9, 0));
  damage_file(file_at("d2/train-images-idx3-ubyte.gz"), file_at("d2"), true);
  free(folder);
}

/* ---- CIFAR-10 --------------------------------------------------------------------------------------------------------- */

enum { RECORD = 3073 };

static void put_batch(const char *name, int n, int first_label, uint8_t value) {
  uint8_t *b = malloc((size_t)n * RECORD);
  for (int i = 0; i < n; ++i) {
    b[i * RECORD] = (uint8_t)((first_label + i) % 10);
    for (int k = 1; k < RECORD; ++k) b[i * RECORD + k] = (uint8_t)(value + (k - 1) / 1024);
  }
  put_file(name, b, (size_t)n * RECORD);
  free(b);
}

static void cifar(void **state) {
  (void)state;
  const clgen_dataset_options test = {.split = "test"};
  put_batch("cifar/test_batch.bin", 2, 8, 70);
  clgen_dataset *ds = open_dataset(file_at("cifar"), NULL);
  assert_non_null(strstr(files_log, "for training and for testing"));
  clgen_dataset_close(ds);
  put_batch("cifar/data_batch_2.bin", 3, 3, 50);
  put_batch("cifar/data_batch_1.bin", 4, 0, 10);
  ds = open_dataset(file_at("cifar"), NULL);
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  assert_string_equal(i->format, "CIFAR-10");
  assert_true(i->count == 7 && i->channels == 3 && i->height == 32 && i->width == 32 && i->classes == 10);
  assert_true(clgen_dataset_image(ds, 3)[0] == 10 && clgen_dataset_image(ds, 4)[3071] == 52);
  assert_int_equal(clgen_dataset_label(ds, 6), 5);
  assert_string_equal(clgen_dataset_class_name(ds, 5), "dog");
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("cifar"), &test);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 2);
  assert_int_equal(clgen_dataset_image(ds, 1)[1024], 71);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("cifar/data_batch_2.bin"), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 3);
  clgen_dataset_close(ds);
  damage_file(file_at("cifar/test_batch.bin"), file_at("cifar/test_batch.bin"), false);
  uint8_t b[RECORD + 1] = {10};
  refuse(put_file("bad.bin", b, RECORD), NULL, CLGEN_E_FORMAT, "label 10");
  refuse(put_file("bad.bin", b, RECORD - 1), NULL, CLGEN_E_FORMAT, "3072 bytes");
  refuse(put_file("bad.bin", b, RECORD + 1), NULL, CLGEN_E_FORMAT, "3074 bytes");
  refuse(put_file("bad.bin", b, 0), NULL, CLGEN_E_FORMAT, "0 bytes");
  put_file("cifar/data_batch_3.bin", b, 5);
  refuse(file_at("cifar"), NULL, CLGEN_E_FORMAT, "data_batch_3.bin");
}

/* ---- Conversion of arrays, subsets --------------------------------------------------------------------------------------
 */

static void array_options(void **state) {
  (void)state;
  uint8_t b[400];
  const char *path = put_file("conv.idx", b, make_images(b, 5, 0));
  const clgen_dataset_options rgb = {.channels = 3}, square = {.resolution = 2};
  clgen_dataset *ds = open_dataset(path, &rgb);
  for (int k = 0; k < 18; ++k) assert_int_equal(clgen_dataset_image(ds, 4)[k], 40 + k % 6);
  clgen_dataset_close(ds);
  ds = open_dataset(path, &square); /* 2 wide, 3 high: the first two rows stay */
  assert_true(clgen_dataset_get_info(ds)->height == 2 && clgen_dataset_get_info(ds)->max_height == 3);
  for (int k = 0; k < 4; ++k) assert_int_equal(clgen_dataset_image(ds, 3)[k], 30 + k);
  clgen_dataset_close(ds);
}

static void subsets(void **state) {
  (void)state;
  uint8_t b[400];
  const char *path = put_file("sub-images-idx3-ubyte", b, make_images(b, 20, 0));
  put_file("sub-labels-idx1-ubyte", b, make_labels(b, 20));
  uint32_t chosen[4];
  for (int n = 0; n < 4; ++n) { /* seeds 1, 1, 2, and 1 with a conversion on the way */
    const clgen_dataset_options o = {.subset = 8, .seed = n == 2 ? 2 : 1, .channels = n == 3 ? 3 : 0};
    clgen_dataset *ds = open_dataset(path, &o);
    assert_int_equal(clgen_dataset_get_info(ds)->count, 8);
    int last = -1;
    chosen[n] = 0;
    for (int i = 0; i < 8; ++i) {
      int which = clgen_dataset_image(ds, i)[0] / 10;
      assert_true(which > last);
      assert_int_equal(clgen_dataset_label(ds, i), which % 4);
      last = which;
      chosen[n] |= 1u << which;
    }
    clgen_dataset_close(ds);
  }
  assert_int_equal(chosen[0], chosen[1]);
  assert_int_equal(chosen[0], chosen[3]);
  assert_int_not_equal(chosen[0], chosen[2]);
  const clgen_dataset_options all = {.subset = 20}, more = {.subset = 21};
  clgen_dataset *ds = open_dataset(path, &all);
  check_idx(ds, 20, true);
  clgen_dataset_close(ds);
  refuse(path, &more, CLGEN_E_INVALID, "there are 20");
}

/* Every image is in one of the two, with its label and class. */
static void held_out(void **state) {
  (void)state;
  uint8_t b[400];
  const char *path = put_file("held-images-idx3-ubyte", b, make_images(b, 20, 0));
  put_file("held-labels-idx1-ubyte", b, make_labels(b, 20));
  uint32_t chosen[3];
  for (int n = 0; n < 3; ++n) { /* seeds 1, 1, 2 */
    const clgen_dataset_options o = {.seed = n == 2 ? 2 : 1};
    clgen_dataset *ds = open_dataset(path, &o), *held;
    assert_int_equal(clgen_dataset_hold_out(ds, 20, &held), CLGEN_E_INVALID);
    assert_int_equal(clgen_dataset_hold_out(ds, 0, &held), CLGEN_E_INVALID);
    assert_int_equal(clgen_dataset_hold_out(ds, 7, &held), CLGEN_OK);
    clgen_dataset *const both[] = {ds, held};
    uint32_t seen[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
      const clgen_dataset_info *info = clgen_dataset_get_info(both[k]);
      assert_true(info->count == (k ? 7 : 13) && info->has_labels && info->classes == 4);
      assert_string_equal(clgen_dataset_class_name(both[k], 3), "3");
      for (int i = 0, last = -1; i < info->count; ++i) {
        int which = clgen_dataset_image(both[k], i)[0] / 10;
        assert_true(which > last && clgen_dataset_label(both[k], i) == which % 4);
        for (int p = 0; p < 6; ++p) assert_int_equal(clgen_dataset_image(both[k], i)[p], 10 * which + p);
        seen[k] |= 1u << (last = which);
      }
    }
    assert_int_equal(seen[0] ^ seen[1], 0xfffff);
    chosen[n] = seen[1];
    clgen_dataset_close(ds);
    clgen_dataset_close(held);
  }
  assert_int_equal(chosen[0], chosen[1]);
  assert_int_not_equal(chosen[0], chosen[2]);
}

/* As many as were asked for, though some of the files cannot be read. */
static void folder_subset(void **state) {
  (void)state;
  for (int i = 0; i < 10; ++i) {
    char name[] = "some/0.png";
    const uint8_t v[1] = {(uint8_t)i};
    name[5] = (char)('0' + i);
    if (i % 2)
      put_text(name, "broken");
    else
      put_picture(name, 4, 4, 1, v);
  }
  const clgen_dataset_options five = {.subset = 5, .seed = 3}, six = {.subset = 6};
  clgen_dataset *ds = open_dataset(file_at("some"), &five);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 5);
  int seen = 0;
  for (int i = 0; i < 5; ++i) seen |= 1 << clgen_dataset_image(ds, i)[0];
  assert_int_equal(seen, 0x155);
  clgen_dataset_close(ds);
  refuse(file_at("some"), &six, CLGEN_E_INVALID, "there are 5");
}

/* Image i of 20 has the class i % 4. */
static void classes_of_an_array(void **state) {
  (void)state;
  uint8_t b[400];
  const char *path = put_file("cls-images-idx3-ubyte", b, make_images(b, 20, 0));
  put_file("cls-labels-idx1-ubyte", b, make_labels(b, 20));
  for (int n = 0; n < 3; ++n) { /* all of two classes, some of them, and with a conversion on the way */
    const clgen_dataset_options o = {.classes = "3,1", .subset = n ? 4 : 0, .seed = 1, .channels = n == 2 ? 3 : 0};
    clgen_dataset *ds = open_dataset(path, &o);
    const clgen_dataset_info *info = clgen_dataset_get_info(ds);
    assert_int_equal(info->count, n ? 4 : 10);
    assert_int_equal(info->classes, 2);
    assert_string_equal(clgen_dataset_class_name(ds, 0), "1");
    assert_string_equal(clgen_dataset_class_name(ds, 1), "3");
    for (int i = 0; i < info->count; ++i) {
      int which = clgen_dataset_image(ds, i)[0] / 10;
      if (!n) assert_int_equal(which, 2 * i + 1);
      assert_int_equal(which % 2, 1);
      assert_int_equal(clgen_dataset_label(ds, i), which % 4 == 3);
    }
    clgen_dataset_close(ds);
  }
  const clgen_dataset_options range = {.classes = "0-3"}, empty = {.classes = ""};
  for (int n = 0; n < 2; ++n) {
    clgen_dataset *ds = open_dataset(path, n ? &range : &empty);
    check_idx(ds, 20, true);
    clgen_dataset_close(ds);
  }
  static const char *const wrong[] = {"4", "2-4", "2-", "-2", "1,,2", "1,", "one", "3-1", "99999999999"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i)
    refuse(path, &(clgen_dataset_options){.classes = wrong[i]}, CLGEN_E_INVALID, "0 to 3");
  refuse(path, &(clgen_dataset_options){.classes = "1,2", .subset = 11}, CLGEN_E_INVALID, "there are 10");
  refuse(put_file("bare.idx", b, make_images(b, 5, 0)), &range, CLGEN_E_INVALID, "no labels");
}

/* By name, where names are no numbers; one of them looks like a range. */
static void classes_of_a_folder(void **state) {
  (void)state;
  static const char *const files[] = {"few/0-1/a.png", "few/cat/b.png", "few/dog/c.png", "few/cat/d.png"};
  for (uint8_t i = 0; i < 4; ++i) put_picture(files[i], 4, 4, 1, &i);
  const clgen_dataset_options cats = {.classes = "cat"}, two = {.classes = "dog,0-1"}, numbers = {.classes = "1-2"};
  clgen_dataset *ds = open_dataset(file_at("few"), &cats);
  assert_true(clgen_dataset_get_info(ds)->count == 2 && clgen_dataset_get_info(ds)->classes == 1);
  assert_true(clgen_dataset_image(ds, 0)[0] == 1 && clgen_dataset_image(ds, 1)[0] == 3);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("few"), &two);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 2);
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 0)), "0-1");
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 1)), "dog");
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("few"), &numbers); /* cat and dog */
  assert_int_equal(clgen_dataset_get_info(ds)->count, 3);
  clgen_dataset_close(ds);
  refuse(file_at("few"), &(clgen_dataset_options){.classes = "mouse"}, CLGEN_E_INVALID, "0-1, cat, dog");
  /* One file has no label, and goes with the classes that are not chosen. */
  put_text("few/labels.csv", "0-1/a.png,2\ncat/b.png,0\ndog/c.png,0\n");
  const clgen_dataset_options zero = {.classes = "0"}, one = {.classes = "1"};
  ds = open_dataset(file_at("few"), &zero);
  assert_true(clgen_dataset_get_info(ds)->count == 2 && clgen_dataset_get_info(ds)->passed_over == 0);
  clgen_dataset_close(ds);
  refuse(file_at("few"), &one, CLGEN_E_INVALID, "no image has one of the chosen classes");
}

/* ---- Sampling -----------------------------------------------------------------------------------------------------------
 */

static void sampler(void **state) {
  (void)state;
  enum { N = 101, EPOCHS = 5 };
  int64_t drawn[N * EPOCHS];
  clgen_sampler *s, *other;
  assert_int_equal(clgen_sampler_create(&s, N, 7), 0);
  for (int p = 0; p < N * EPOCHS; ++p) drawn[p] = clgen_sampler_index(s, (uint64_t)p);
  int same_place = 0;
  for (int e = 0; e < EPOCHS; ++e) {
    bool seen[N] = {false};
    for (int i = 0; i < N; ++i) {
      int64_t x = drawn[e * N + i];
      assert_in_range(x, 0, N - 1);
      assert_false(seen[x]);
      seen[x] = true;
      if (e) same_place += drawn[i] == x;
    }
  }
  assert_in_range(same_place, 0, 20); /* one in 101 by chance: 4 of 404 */
  assert_int_equal(clgen_sampler_create(&other, N, 7), 0);
  for (int k = 0; k < N * EPOCHS; ++k) { /* in any order, from any start */
    int p = k * 173 % (N * EPOCHS);
    assert_int_equal(clgen_sampler_index(other, (uint64_t)p), drawn[p]);
  }
  clgen_sampler_free(other);
  assert_int_equal(clgen_sampler_create(&other, N, 8), 0);
  int equal = 0;
  for (int p = 0; p < N; ++p) equal += clgen_sampler_index(other, (uint64_t)p) == drawn[p];
  assert_in_range(equal, 0, 10);
  assert_in_range(clgen_sampler_index(other, UINT64_MAX), 0, N - 1);
  assert_in_range(clgen_sampler_index(other, (uint64_t)N << 33), 0, N - 1);
  clgen_sampler_free(other);
  clgen_sampler_free(s);
  assert_int_equal(clgen_sampler_create(&s, 1, 0), 0);
  assert_int_equal(clgen_sampler_index(s, 12345), 0);
  clgen_sampler_free(s);
  assert_int_equal(clgen_sampler_create(&s, 0, 0), CLGEN_E_INVALID);
  assert_null(s);
}

/* All 24 orders of 4 images come equally often: chi-squared with 23 degrees is below 53 in 999.6 of 1000. */
static void sampler_is_fair(void **state) {
  (void)state;
  enum { EPOCHS = 24000 };
  int count[256] = {0};
  clgen_sampler *s;
  assert_int_equal(clgen_sampler_create(&s, 4, 99), 0);
  for (uint64_t e = 0; e < EPOCHS; ++e) {
    int order = 0;
    for (uint64_t i = 0; i < 4; ++i) order = order * 4 + (int)clgen_sampler_index(s, e * 4 + i);
    ++count[order];
  }
  clgen_sampler_free(s);
  double chi = 0, right = EPOCHS / 24.0;
  int orders = 0;
  for (int i = 0; i < 256; ++i) {
    orders += count[i] > 0;
    if (count[i]) chi += (count[i] - right) * (count[i] - right) / right;
  }
  assert_int_equal(orders, 24);
  if (!(chi < 53)) fail_msg("chi-squared is %g", chi);
}

/* ---- Real data ----------------------------------------------------------------------------------------------------------
 */

static void check_mnist(const char *path, const char *split, int64_t count, double mean, int64_t ones) {
  const clgen_dataset_options o = {.split = split};
  clgen_dataset *ds = open_dataset(path, &o);
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  assert_true(i->count == count && i->channels == 1 && i->height == 28 && i->width == 28 && i->classes == 10);
  assert_true(fabs(mean_of(ds) - mean) < 5e-5);
  assert_int_equal(count_label(ds, 1), ones);
  clgen_dataset_close(ds);
}

static void mnist_example(void **state) {
  (void)state;
  char *path = clgen_format("%s/mnist", getenv("CLGEN_TEST_EXAMPLES"));
  check_mnist(path, "train", 10000, 33.7912, 1135);
  assert_non_null(strstr(files_log, "for training and for testing"));
  check_mnist(path, "test", 10000, 33.7912, 1135);
  free(path);
}

static void pngsuite(void **state) {
  (void)state;
  char *path = clgen_format("%s/pngsuite", getenv("CLGEN_TEST_DATA"));
  clgen_dataset_options o = {.resolution = 32};
  clgen_dataset *ds = open_dataset(path, &o);
  assert_true(clgen_dataset_get_info(ds)->count == 161 && clgen_dataset_get_info(ds)->passed_over == 14);
  for (int i = 0; i < 14; ++i) assert_int_equal(clgen_dataset_passed_over(ds, i)[0], 'x');
  clgen_dataset_close(ds);
  o.strict = true;
  refuse(path, &o, CLGEN_E_FORMAT, "xc1n0g08.png");
  free(path);
}

/* The 1,797 digits of 8 x 8, values 0 .. 16, as text: to NPY as bytes and as floats in 0 .. 1, and back. */
static void check_optdigits(const char *shared) {
  enum { N = 1797 };
  char *path = clgen_format("%s/optdigits/digits.csv.gz", shared), line[4096];
  float *unit = malloc(N * 64 * sizeof *unit);
  uint8_t *bytes = malloc(N * 64);
  int64_t labels[N];
  gzFile f = gzopen(path, "rb");
  assert_non_null(f);
  for (int i = 0; i < N; ++i) {
    char *p = gzgets(f, line, sizeof line);
    assert_non_null(p);
    for (int k = 0; k < 64; ++k, ++p) unit[i * 64 + k] = (float)(bytes[i * 64 + k] = (uint8_t)strtod(p, &p)) / 16;
    labels[i] = (int64_t)strtod(p, NULL);
  }
  gzclose(f);
  free(path);
  const int64_t shape[3] = {N, 8, 8};
  assert_int_equal(clgen_npy_write(file_at("digits.npy"), CLGEN_NPY_U8, 3, shape, bytes), 0);
  assert_int_equal(clgen_npy_write(file_at("unit.npy"), CLGEN_NPY_F32, 3, shape, unit), 0);
  assert_int_equal(clgen_npy_write(file_at("digits_labels.npy"), CLGEN_NPY_I64, 1, shape, labels), 0);
  clgen_dataset *ds = open_dataset(file_at("digits.npy"), NULL), *floats = open_dataset(file_at("unit.npy"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == N && clgen_dataset_get_info(ds)->classes == 10);
  assert_true(fabs(mean_of(ds) - 4.8842) < 5e-5);
  assert_true(fabs(mean_of(floats) - 4.8842 * 255 / 16) < 0.05); /* rounded to bytes */
  clgen_dataset_close(ds);
  clgen_dataset_close(floats);
  free(unit);
  free(bytes);
}

static void shared_data(void **state) {
  (void)state;
  char *shared = clgen_format("%s/../../shared/data", getenv("CLGEN_TEST_EXAMPLES"));
  char *mnist = clgen_format("%s/mnist", shared), *emoji = clgen_format("%s/emoji64", shared);
  bool there = access(mnist, F_OK) == 0 && access(emoji, F_OK) == 0;
  if (there) {
    check_mnist(mnist, "train", 60000, 33.3184, 6742);
    check_mnist(mnist, "test", 10000, 33.7912, 1135);
    clgen_dataset *ds = open_dataset(emoji, NULL);
    assert_true(clgen_dataset_get_info(ds)->count == 1636 && clgen_dataset_get_info(ds)->classes == 8);
    assert_string_equal(clgen_dataset_class_name(ds, 4), "People & Body");
    assert_int_equal(count_label(ds, 4), 386);
    clgen_dataset_close(ds);
    check_optdigits(shared);
  }
  free(shared);
  free(mnist);
  free(emoji);
  if (there) return;
  print_message("the larger data sets are not here: passed by\n");
  skip();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(idx_files),
      cmocka_unit_test(idx_folder),
      cmocka_unit_test(idx_refused),
      cmocka_unit_test(gzip_bomb),
      cmocka_unit_test(idx_damage),
      cmocka_unit_test(cifar),
      cmocka_unit_test(array_options),
      cmocka_unit_test(subsets),
      cmocka_unit_test(held_out),
      cmocka_unit_test(folder_subset),
      cmocka_unit_test(classes_of_an_array),
      cmocka_unit_test(classes_of_a_folder),
      cmocka_unit_test(sampler),
      cmocka_unit_test(sampler_is_fair),
      cmocka_unit_test(mnist_example),
      cmocka_unit_test(pngsuite),
      cmocka_unit_test(shared_data),
  };
  return cmocka_run_group_tests_name("data", tests, files_set_up, files_tear_down);
}
