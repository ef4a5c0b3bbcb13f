/* Features of images: the file's form, the one path of pixels, batches, and which network is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "files.h"

#include <clgen/device.h>
#include <clgen/features.h>
#include <clgen/train.h>

enum { N = 13, CLASSES = 4, HIDDEN = 6, NDF = 3 };
static clgen_device *device;
static clgen_model *model;
static clgen_store *store;

static void ok(int rc) {
  if (rc) fail_msg("%d: %s", rc, clgen_last_error());
}

static void refused(int rc, int expected, const char *words) {
  if (rc != expected || !strstr(clgen_last_error(), words)) fail_msg("%d: %s", rc, clgen_last_error());
}

static int set_up(void **state) {
  clgen_model_config c = {.arch = CLGEN_ARCH_CLASSIFIER, .channels = 1, .height = 13, .width = 15, .ndf = NDF};
  c.hidden = HIDDEN, c.classes = CLASSES;
  if (files_set_up(state)) return -1;
  return clgen_device_open(&device, "host", NULL) || clgen_store_create(&store, device) || clgen_model_create(&model, &c) ||
         clgen_model_init(model, store, 3);
}

static int tear_down(void **state) {
  clgen_store_free(store);
  clgen_model_free(model);
  clgen_device_close(device);
  return files_tear_down(state);
}

static clgen_images some_images(uint8_t *pixels, int n, int c, int h, int w) {
  for (int i = 0; i < n * c * h * w; ++i) pixels[i] = (uint8_t)((i * 7919 + i / 31 * 271) % 256);
  return (clgen_images){pixels, n, c, h, w};
}

static void count_calls(void *user, int64_t done, int64_t total) {
  int64_t *last = user;
  assert_true(done > *last && done <= total && total == N);
  *last = done;
}

/* Whatever the batch, an image's features are its own; probabilities are some. */
static void batches(void **state) {
  (void)state;
  static uint8_t pixels[N * 13 * 15];
  static float f[2][N * HIDDEN], p[2][N * CLASSES];
  clgen_images images = some_images(pixels, N, 1, 13, 15);
  for (int i = 0; i < 2; ++i) {
    clgen_features *features;
    int64_t done = 0;
    ok(clgen_features_create(&features, model, store, i ? 5 : 64));
    assert_int_equal(clgen_features_get_info(features)->dim, HIDDEN);
    assert_int_equal(clgen_features_get_info(features)->classes, CLASSES);
    ok(clgen_features_run(features, &images, f[i], p[i], count_calls, &done));
    assert_int_equal(done, N);
    clgen_features_free(features);
  }
  for (int i = 0; i < N * HIDDEN; ++i) assert_float_equal(f[0][i], f[1][i], 1e-6);
  double spread = 0;
  for (int i = 0; i < N; ++i) {
    double sum = 0;
    for (int k = 0; k < CLASSES; ++k) sum += (double)p[0][i * CLASSES + k];
    assert_float_equal(sum, 1, 1e-5);
    for (int k = 0; k < HIDDEN; ++k) spread += fabs((double)f[0][i * HIDDEN + k] - (double)f[0][k]);
  }
  assert_true(spread > 1e-3); /* they do look at the image */
}

/* Through a file, under the name that is said beside the figures. */
static void through_a_file(void **state) {
  (void)state;
  static const struct {
    const char *file, *name;
  } cases[] = {{"eyes.safetensors", "eyes"},
               {"00003-cats-classifier/network-snapshot-000420.safetensors", "00003-cats-classifier-000420"}};
  static uint8_t pixels[N * 13 * 15];
  static float before[N * HIDDEN], after[N * HIDDEN];
  clgen_images images = some_images(pixels, N, 1, 13, 15);
  clgen_features *features;
  ok(clgen_features_create(&features, model, store, N));
  assert_string_equal(clgen_features_get_info(features)->path, "");
  ok(clgen_features_run(features, &images, before, NULL, NULL, NULL));
  clgen_features_free(features);
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    const char *path = put_file(cases[i].file, "", 0);
    ok(clgen_model_save(model, store, 1, path, NULL, 0));
    ok(clgen_features_open(&features, device, path, N));
    assert_string_equal(clgen_features_get_info(features)->name, cases[i].name);
    assert_string_equal(clgen_features_get_info(features)->path, path);
    ok(clgen_features_run(features, &images, after, NULL, NULL, NULL));
    assert_memory_equal(before, after, sizeof before);
    clgen_features_free(features);
  }
}

/* Other sizes and channels come to what the network looks at by one path, that of clgen_images_fit. */
static void one_path_of_pixels(void **state) {
  (void)state;
  static uint8_t pixels[N * 3 * 26 * 30], fitted[N * 13 * 15];
  static float a[N * HIDDEN], b[N * HIDDEN];
  clgen_images images = some_images(pixels, N, 3, 26, 30), small = {fitted, N, 1, 13, 15};
  for (int i = 0; i < N; ++i) ok(clgen_images_fit(&images, i, 1, 13, 15, fitted + (ptrdiff_t)i * 13 * 15));
  clgen_features *features;
  ok(clgen_features_create(&features, model, store, 4));
  ok(clgen_features_run(features, &images, a, NULL, NULL, NULL));
  ok(clgen_features_run(features, &small, b, NULL, NULL, NULL));
  assert_memory_equal(a, b, sizeof a);
  clgen_features_free(features);
}

static void fitting(void **state) {
  (void)state;
  uint8_t red[3 * 4 * 4], out[3 * 4 * 4], same[3 * 4 * 4];
  for (int i = 0; i < 48; ++i) red[i] = i < 16 ? 255 : 0; /* planes, one after another */
  clgen_images images = {red, 1, 3, 4, 4};
  ok(clgen_images_fit(&images, 0, 3, 4, 4, same)); /* nothing to do: the bytes themselves */
  assert_memory_equal(same, red, sizeof red);
  ok(clgen_images_fit(&images, 0, 1, 2, 2, out)); /* grey by luma: 0.299 red */
  for (int i = 0; i < 4; ++i) assert_in_range(out[i], 75, 77);
  images = (clgen_images){out, 1, 1, 2, 2};
  ok(clgen_images_fit(&images, 0, 3, 4, 4, same)); /* grey becomes all three planes */
  for (int i = 0; i < 48; ++i) assert_int_equal(same[i], out[0]);
  uint8_t clear[4] = {200, 100, 50, 0}, rgb[3]; /* alpha lies on black */
  images = (clgen_images){clear, 1, 4, 1, 1};
  ok(clgen_images_fit(&images, 0, 3, 1, 1, rgb));
  for (int i = 0; i < 3; ++i) assert_int_equal(rgb[i], 0);
}

static void refusals(void **state) {
  (void)state;
  clgen_features *features;
  clgen_model *vae;
  clgen_model_config c = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 8, .width = 8, .nz = 2, .hidden = 4};
  refused(clgen_features_create(&features, model, store, 0), CLGEN_E_INVALID, "invalid batch size 0");
  ok(clgen_model_create(&vae, &c));
  refused(clgen_features_create(&features, vae, store, 1), CLGEN_E_INVALID, "come from a classifier");
  clgen_model_free(vae);
  refused(clgen_features_open(&features, device, file_at("none.safetensors"), 1), CLGEN_E_NOTFOUND, "none.safetensors");
  refused(clgen_features_open(&features, device, put_text("text.safetensors", "no weights at all"), 1), CLGEN_E_FORMAT,
          "text.safetensors");
  assert_null(features);
}

/* ---- Which to judge by ---- */

static void keep(void *user, clgen_log_level level, const char *message) { files_keep_log(user, level, message); }

static int choose(clgen_features **out, const char *spec, const char *data) {
  clgen_dataset *ds = open_dataset(data, NULL);
  clgen_logger log = {keep, NULL};
  files_log[0] = 0;
  int code = clgen_features_for(out, device, spec, ds, &log);
  clgen_dataset_close(ds);
  return code;
}

static void chosen(void **state) {
  (void)state;
  clgen_features *features;
  char *digits = clgen_format("%s/mnist", getenv("CLGEN_TEST_EXAMPLES"));
  ok(choose(&features, NULL, digits));
  assert_string_equal(clgen_features_get_info(features)->name, "mnist-cnn");
  assert_non_null(strstr(files_log, "images correctly"));
  clgen_features_free(features);
  ok(choose(&features, "mnist-cnn", digits));
  clgen_features_free(features);
  refused(choose(&features, "imagenet", digits), CLGEN_E_NOTFOUND, "features 'imagenet'");
  free(digits);
  uint8_t grey = 90; /* no labels */
  put_picture("grey/a.png", 8, 8, 1, &grey);
  put_picture("grey/b.png", 8, 8, 1, &grey);
  refused(choose(&features, "", file_at("grey")), CLGEN_E_INVALID, "--features");
  assert_null(features);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(batches), cmocka_unit_test(through_a_file), cmocka_unit_test(one_path_of_pixels),
      cmocka_unit_test(fitting), cmocka_unit_test(refusals),       cmocka_unit_test(chosen),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
