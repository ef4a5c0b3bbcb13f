/* Feature networks that a file describes: every kind of layer against PyTorch (tests/golden/make_features.py), a classifier
 * as a description against the classifier itself, and what is refused. */
#include "graphs.h"

#include "files.h"
#include "golden.h"

#include <clgen/features.h>

static int set_up(void **state) { return files_set_up(state) || open_golden_file("features"); }
static int tear_down(void **state) { return close_golden(state) || files_tear_down(state); }

static const char *golden_path(void) { return clgen_safetensors_path(golden); }

static clgen_images golden_images(void) {
  const clgen_st_tensor *t = clgen_safetensors_find(golden, "expected.images");
  const int64_t *d = t->shape.dim;
  return (clgen_images){t->data, d[0], (int)d[1], (int)d[2], (int)d[3]};
}

/* ---- Against PyTorch ---- */

enum { N = 5, D = 24, K = 4 };

static void looks(clgen_device *device, int64_t batch) {
  clgen_images images = golden_images();
  clgen_features *f;
  float seen[N * D], p[N * K];
  OK(clgen_features_open(&f, device, golden_path(), batch));
  const clgen_features_info *i = clgen_features_get_info(f);
  assert_string_equal(i->name, "every-layer");
  assert_string_equal(i->path, golden_path());
  assert_int_equal(i->dim, D);
  assert_int_equal(i->classes, K);
  assert_int_equal(i->channels * 10000 + i->height * 100 + i->width, 32023);
  assert_int_equal(clgen_features_find_class(f, "three"), 3);
  assert_int_equal(clgen_features_find_class(f, "3"), -1);
  OK(clgen_features_run(f, &images, seen, p, NULL, NULL));
  compare("features", seen, floats_of("expected.features"), N * D, 1e-5);
  compare("probabilities", p, floats_of("expected.probabilities"), N * K, 1e-5);
  clgen_features_free(f);
}

static void test_on_the_host(void **state) {
  (void)state;
  clgen_device *device = open_host();
  looks(device, 1);
  looks(device, 3);
  looks(device, 100);
  clgen_device_close(device);
}

static void test_on_the_device(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  looks(device, N);
  clgen_device_close(device);
}

static void test_memory_is_known(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_memory one, more;
  OK(clgen_features_memory(device, golden_path(), 1, &one));
  OK(clgen_features_memory(device, golden_path(), 64, &more));
  assert_true(one.state_bytes > 20000 && one.state_bytes == more.state_bytes);
  assert_true(more.arena_bytes > 32 * one.arena_bytes);
  OK(clgen_features_memory(device, golden_path(), (int64_t)1 << 22, &more)); /* fewer at a time */
  assert_true(more.peak_bytes - more.state_bytes <= (uint64_t)1 << 30);
  clgen_device_close(device);
}

/* ---- Against clgen's own ---- */

/* What clgen/features.h says of a classifier's form, as a description. */
static const char classifier[] =
    "{\"version\":1,\"name\":\"twin\",\"input\":{\"channels\":1,\"height\":13,\"width\":15},\"layers\":["
    "{\"name\":\"conv1\",\"type\":\"conv2d\",\"bias\":false,\"stride\":2,\"padding\":1},"
    "{\"name\":\"bn1\",\"type\":\"batch_norm\"},{\"name\":\"relu1\",\"type\":\"relu\"},"
    "{\"name\":\"conv2\",\"type\":\"conv2d\",\"bias\":false,\"stride\":[2,2],\"padding\":[1,1]},"
    "{\"name\":\"bn2\",\"type\":\"batch_norm\"},{\"name\":\"relu2\",\"type\":\"relu\"},"
    "{\"name\":\"flat\",\"type\":\"flatten\"},{\"name\":\"fc1\",\"type\":\"linear\"},{\"name\":\"seen\",\"type\":\"relu\"},"
    "{\"name\":\"fc2\",\"type\":\"linear\"}],\"features\":\"seen\",\"logits\":\"fc2\"}";

static void test_a_classifier_described(void **state) {
  (void)state;
  const clgen_st_meta meta = {"clgen.features", classifier};
  clgen_model_config c = {.arch = CLGEN_ARCH_CLASSIFIER, .channels = 1, .height = 13, .width = 15, .ndf = 3};
  c.hidden = 6, c.classes = 4;
  clgen_device *device = open_host();
  clgen_model *model;
  clgen_store *store;
  OK(clgen_store_create(&store, device));
  OK(clgen_model_create(&model, &c));
  OK(clgen_model_init(model, store, 3));
  OK(clgen_model_save(model, store, 1, put_file("own.safetensors", "", 0), NULL, 0));
  OK(clgen_model_save(model, store, 1, put_file("twin.safetensors", "", 0), &meta, 1));
  clgen_images images = golden_images(); /* of another size and with colours */
  float seen[2][N * 6], p[2][N * 4];
  for (int i = 0; i < 2; ++i) {
    clgen_features *f;
    OK(clgen_features_open(&f, device, file_at(i ? "twin.safetensors" : "own.safetensors"), 2));
    assert_string_equal(clgen_features_get_info(f)->name, i ? "twin" : "own");
    assert_int_equal(clgen_features_find_class(f, "3"), i ? -1 : 3);
    OK(clgen_features_run(f, &images, seen[i], p[i], NULL, NULL));
    clgen_features_free(f);
  }
  compare("features", seen[1], seen[0], N * 6, 1e-5);
  compare("probabilities", p[1], p[0], N * 4, 1e-5);
  clgen_model_free(model);
  clgen_store_free(store);
  clgen_device_close(device);
}

/* ---- What is refused ---- */

static const char *put_description(const char *json) {
  static float zeros[4 * 3 * 3 * 3], negative[4] = {1, 1, -1, 1}, odd[4] = {0, NAN, 0, 0};
  const clgen_st_tensor tensors[] = {{"c.weight", CLGEN_ST_F32, clgen_shape_of(4, 4, 3, 3, 3), zeros},
                                     {"c.bias", CLGEN_ST_F32, clgen_shape_of(1, 4), zeros},
                                     {"five", CLGEN_ST_F32, clgen_shape_of(1, 5), zeros},
                                     {"fc", CLGEN_ST_F32, clgen_shape_of(2, 2, 4), zeros},
                                     {"negative", CLGEN_ST_F32, clgen_shape_of(1, 4), negative},
                                     {"odd", CLGEN_ST_F32, clgen_shape_of(1, 4), odd},
                                     {"none", CLGEN_ST_F32, clgen_shape_of(1, 0), zeros},
                                     {"one", CLGEN_ST_F32, clgen_shape_of(2, 1, 4), zeros}};
  const clgen_st_meta meta = {"clgen.features", json};
  const char *path = put_file("net.safetensors", "", 0);
  OK(clgen_safetensors_write(path, tensors, CLGEN_COUNT(tensors), &meta, 1));
  return path;
}

#define INPUT "\"input\":{\"channels\":3,\"height\":8,\"width\":8}"
#define NET(layers, rest) "{\"version\":1,\"name\":\"n\"," INPUT ",\"layers\":[" layers "]," rest "}"
#define CONV "{\"name\":\"c\",\"type\":\"conv2d\"},"
#define POOLED "{\"name\":\"g\",\"type\":\"global_avg_pool\"}"
#define WITH(layer) NET(layer ",{\"name\":\"g\",\"type\":\"global_avg_pool\"}", "\"features\":\"g\"")
#define NORM "\"weight\":false,\"bias\":false,\"running_mean\":\"c.bias\",\"running_var\":"

static const struct {
  const char *json, *words, *more;
} refusals[] = {
    {"{", "\"clgen.features\": not a JSON object", ""},
    {"[1]", "not a JSON object", ""},
    {"{\"version\":1,\"version\":1}", "not a JSON object", "duplicate"},
    {"{\"version\":2}", "\"version\" is not 1", ""},
    {"{\"version\":1,\"name\":\"n\",\"colour\":1}", "unknown key \"colour\"", "layers"},
    {"{\"version\":1,\"name\":\"\"}", "\"name\"", ""},
    {"{\"version\":1,\"name\":\"a[b]\"}", "\"name\"", "brackets"},
    {"{\"version\":1,\"name\":\"n\"}", "\"input\" is not an object", ""},
    {"{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":3,\"height\":8}}", "\"input\" needs", ""},
    {"{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":2,\"height\":8,\"width\":8}}", "\"input\" needs", ""},
    {"{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":3,\"height\":0,\"width\":8}}", "\"height\"", ""},
    {"{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":3,\"height\":8,\"width\":8,\"depth\":8}}", "\"depth\"", ""},
    {"{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":3,\"height\":8,\"width\":8,\"std\":0}," POOLED "}", "", ""},
    {"{\"version\":1,\"name\":\"n\"," INPUT ",\"features\":\"g\"}", "\"layers\" is not a list", ""},
    {NET("", "\"features\":\"g\""), "\"layers\" is not a list", ""},
    {WITH("{\"type\":\"relu\"}"), "layer 1 has no \"name\"", ""},
    {WITH("3"), "layer 1 has no \"name\"", ""},
    {WITH("{\"name\":\"image\",\"type\":\"relu\"}"), "layer 1 has no \"name\"", ""},
    {WITH("{\"name\":\"g\",\"type\":\"relu\"}"), "layer 'g': there are two layers", ""},
    {WITH("{\"name\":\"a\",\"type\":\"dropout\"}"), "layer 'a': unknown type \"dropout\"", "conv2d"},
    {WITH("{\"name\":\"a\"}"), "layer 'a': unknown type", ""},
    {WITH("{\"name\":\"a\",\"type\":\"relu\",\"slope\":1}"), "layer 'a': unknown key \"slope\"", "name type input"},
    {WITH("{\"name\":\"a\",\"type\":\"relu\",\"inputs\":[\"image\"]}"), "layer 'a': unknown key \"inputs\"", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"dilation\":2}"), "layer 'c': unknown key \"dilation\"", "padding"},
    {WITH("{\"name\":\"a\",\"type\":\"relu\",\"input\":\"b\"}"), "layer 'a': there is no layer 'b'", ""},
    {WITH("{\"name\":\"a\",\"type\":\"relu\",\"input\":1}"), "layer 'a': an input is not", ""},
    {WITH("{\"name\":\"a\",\"type\":\"relu\",\"input\":\"a\"}"), "layer 'a': its input 'a' is itself", "cycles"},
    {WITH("{\"name\":\"a\",\"type\":\"add\",\"inputs\":[\"image\",\"b\"]},{\"name\":\"b\",\"type\":\"relu\"}"),
     "layer 'a': its input 'b' is a later layer", "cycles"},
    {WITH("{\"name\":\"a\",\"type\":\"add\",\"inputs\":[\"image\"]}"), "layer 'a': \"inputs\"", ""},
    {WITH("{\"name\":\"a\",\"type\":\"add\",\"inputs\":\"image\"}"), "layer 'a': \"inputs\"", ""},
    {WITH(CONV "{\"name\":\"a\",\"type\":\"add\",\"inputs\":[\"image\",\"c\"]}"), "layer 'a': 1x3x8x8 and 1x4x6x6", "added"},
    {WITH(CONV "{\"name\":\"a\",\"type\":\"concat\",\"inputs\":[\"image\",\"c\"]}"), "layer 'a': concat", ""},
    {WITH("{\"name\":\"x\",\"type\":\"conv2d\"}"), "layer 'x': the file has no tensor \"x.weight\"", ""},
    {WITH("{\"name\":\"x\",\"type\":\"conv2d\",\"weight\":\"c.weight\"}"), "no tensor \"x.bias\"", "false"},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"weight\":false}"), "layer 'c': \"weight\" is not the name", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"weight\":\"five\"}"), "layer 'c': tensor \"five\" is 5 where 4", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"bias\":\"five\"}"), "layer 'c': its bias has 5 values", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"bias\":\"none\"}"), "layer 'c': tensor \"none\" is 0", ""},
    {WITH(CONV "{\"name\":\"e\",\"type\":\"conv2d\",\"weight\":\"c.weight\",\"bias\":false}"), "layer 'e': conv2d: 1x4x6x6",
     "channels differ"},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"stride\":0}"), "layer 'c': \"stride\"", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"stride\":[1,2,3]}"), "layer 'c': \"stride\"", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"stride\":1.5}"), "layer 'c': \"stride\"", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"padding\":\"valid\"}"), "layer 'c': padding \"valid\"", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"padding\":-1}"), "layer 'c': \"padding\"", ""},
    {WITH("{\"name\":\"p\",\"type\":\"max_pool\"}"), "layer 'p': \"kernel\" is missing", ""},
    {WITH("{\"name\":\"p\",\"type\":\"max_pool\",\"kernel\":9}"), "layer 'p': max pooling: windows", ""},
    {WITH("{\"name\":\"p\",\"type\":\"max_pool\",\"kernel\":2,\"padding\":2}"), "layer 'p': max pooling: windows", ""},
    {WITH("{\"name\":\"p\",\"type\":\"avg_pool\",\"kernel\":2,\"count_include_pad\":1}"), "layer 'p': \"count_include_pad\"",
     ""},
    {WITH("{\"name\":\"l\",\"type\":\"linear\",\"weight\":\"fc\"}"), "layer 'l': its input is 1x3x8x8", "flatten"},
    {NET(CONV POOLED ",{\"name\":\"l\",\"type\":\"linear\",\"weight\":\"c.weight\"}", "\"features\":\"g\""), "layer 'l'",
     "4x3x3x3"},
    {NET(POOLED ",{\"name\":\"l\",\"type\":\"linear\",\"weight\":\"fc\",\"bias\":false}", "\"features\":\"g\""),
     "layer 'l': matmul", "1x3"},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"}"), "layer 'b': the file has no tensor \"b.weight\"", "false"},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"," NORM "\"five\"}"), "layer 'b': tensor \"five\" is 5 where 4", ""},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"," NORM "false}"), "layer 'b': \"running_var\"", ""},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"," NORM "\"negative\"}"), "layer 'b': channel 2 has the variance -1",
     ""},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"," NORM "\"negative\",\"eps\":\"no\"}"), "layer 'b': \"eps\"", ""},
    {WITH(CONV "{\"name\":\"b\",\"type\":\"batch_norm\"," NORM "\"odd\"}"), "tensor \"odd\": value 1", ""},
    {WITH("{\"name\":\"c\",\"type\":\"conv2d\",\"bias\":\"odd\"}"), "tensor \"odd\": value 1", ""},
    {WITH("{\"name\":\"r\",\"type\":\"leaky_relu\",\"slope\":-1}"), "layer 'r': \"slope\"", ""},
    {NET(CONV POOLED, "\"features\":\"c\""), "\"features\" is layer 'c', which is 1x4x6x6", "flatten"},
    {NET(CONV POOLED, "\"features\":\"x\""), "\"features\" is not the name of a layer", ""},
    {NET(CONV POOLED, "\"logits\":\"g\""), "\"features\" is not the name of a layer", ""},
    {NET(CONV POOLED, "\"features\":\"g\",\"logits\":\"c\""), "\"logits\" is layer 'c'", ""},
    {NET(CONV POOLED, "\"features\":\"g\",\"logits\":\"g\",\"classes\":[\"a\"]"), "\"classes\" is not a list", "4 logits"},
    {NET(CONV POOLED, "\"features\":\"g\",\"logits\":\"g\",\"classes\":[\"a\",1,\"b\",\"c\"]"), "class 1 of \"classes\"",
     ""},
    {NET(CONV POOLED, "\"features\":\"g\",\"classes\":[\"a\"]"), "\"classes\" is not a list", "0 logits"},
    {NET(CONV POOLED ",{\"name\":\"l\",\"type\":\"linear\",\"weight\":\"one\",\"bias\":false}",
         "\"features\":\"g\",\"logits\":\"l\""),
     "fewer than two classes", ""},
};

static void test_refusals(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_features *f;
  for (size_t i = 0; i < CLGEN_COUNT(refusals); ++i) {
    const char *path = put_description(refusals[i].json);
    int code = clgen_features_open(&f, device, path, 1);
    const char *said = clgen_last_error();
    if (code != CLGEN_E_FORMAT || f || !strstr(said, path) || !strstr(said, refusals[i].words) ||
        !strstr(said, refusals[i].more))
      fail_msg("%s: %d: %s", refusals[i].json, code, said);
  }
  OK(clgen_features_open(&f, device, put_description(NET(CONV POOLED, "\"features\":\"g\"")), 1)); /* so it is not all */
  assert_int_equal(clgen_features_get_info(f)->classes, 0);
  clgen_features_free(f);
  clgen_device_close(device);
}

/* Statistics of an input and a network without probabilities. */
static void test_the_input(void **state) {
  (void)state;
  static const char *const values[] = {"\"mean\":0.5,\"std\":[0.5,0.25,1]", "\"mean\":[0,0]", "\"mean\":\"no\"", "\"std\":0",
                                       "\"std\":[1,1,-1]"};
  clgen_device *device = open_host();
  uint8_t pixels[3 * 8 * 8];
  clgen_images images = {pixels, 1, 3, 8, 8}, grey = {pixels, 1, 1, 8, 8};
  for (int i = 0; i < 3 * 64; ++i) pixels[i] = (uint8_t)(i < 64 ? 255 : i < 128 ? 51 : 0);
  for (size_t i = 0; i < CLGEN_COUNT(values); ++i) {
    char json[512];
    clgen_features *f;
    float seen[3];
    snprintf(json, sizeof json,
             "{\"version\":1,\"name\":\"n\",\"input\":{\"channels\":3,\"height\":8,\"width\":8,%s},\"layers\":[" POOLED
             "],\"features\":\"g\"}",
             values[i]);
    int code = clgen_features_open(&f, device, put_description(json), 1);
    if (i) {
      assert_int_equal(code, CLGEN_E_FORMAT);
      assert_non_null(strstr(clgen_last_error(), i < 3 ? "mean" : "std"));
      continue;
    }
    OK(code);
    OK(clgen_features_run(f, &images, seen, NULL, NULL, NULL));
    compare("normalised", seen, (const float[]){1, -1.2f, -0.5f}, 3, 1e-6);
    OK(clgen_features_run(f, &grey, seen, NULL, NULL, NULL)); /* grey is in all channels */
    compare("grey", seen, (const float[]){1, 2, 0.5f}, 3, 1e-6);
    clgen_features_free(f);
  }
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_on_the_host),     cmocka_unit_test(test_on_the_device),
      cmocka_unit_test(test_memory_is_known), cmocka_unit_test(test_a_classifier_described),
      cmocka_unit_test(test_refusals),        cmocka_unit_test(test_the_input),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
