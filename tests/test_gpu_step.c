/* Whole training steps on the device that the tests' OpenCL driver offers (tests/as_gpu), which says that it is a GPU: what
 * GPUs run, against the host, and the same bytes in two runs. CLGEN_TEST_ARCHS is how many architectures are trained, of
 * the list below; default 1. */
#include <clgen/model.h>
#include <clgen/train.h>

#include "graphs.h"

enum { BATCH = 4, STEPS = 2 };

static const clgen_model_config archs[] = {
    {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4, .nz = 8},
    {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 28, .width = 28, .hidden = 16, .nz = 4},
    {.arch = CLGEN_ARCH_RESNET, .channels = 3, .height = 32, .width = 32, .ngf = 4, .ndf = 4, .nz = 8},
    {.arch = CLGEN_ARCH_STYLE, .channels = 3, .height = 32, .width = 32, .ngf = 4, .ndf = 4, .nz = 8, .mapping_layers = 2},
};

/* The states of a store after some steps of training. */
typedef struct {
  size_t n;
  char *name[64];
  float *value[64];
  size_t count[64];
} states;

static void keep(clgen_store *store, states *out) {
  out->n = 0;
  for (size_t i = 0; i < clgen_store_count(store); ++i) {
    const char *name = clgen_store_name(store, i);
    clgen_dtype dtype;
    clgen_shape shape;
    OK(clgen_store_info(store, name, &dtype, &shape));
    if (dtype != CLGEN_F32) continue;
    assert_true(out->n < 64);
    const size_t n = out->count[out->n] = (size_t)clgen_shape_count(&shape);
    out->name[out->n] = NEED(strdup(name));
    out->value[out->n] = new_floats(n);
    OK(clgen_store_read(store, name, 0, (int64_t)n, out->value[out->n++]));
  }
}

static void states_free(states *s) {
  for (size_t i = 0; i < s->n; ++i) {
    free(s->name[i]);
    free(s->value[i]);
  }
}

/* Plain gradient descent, whose steps are as exact as the gradients. */
static void train(clgen_device *device, const clgen_model_config *config, states *out) {
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_trainer_config c = {.batch = BATCH, .lr = 1e-2, .optimizer = {.kind = CLGEN_SGD}, .seed = 3, .ema_kimg = 0.01};
  OK(clgen_model_create(&model, config));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(model, store, 1));
  OK(clgen_trainer_create(&trainer, model, store, &c));
  const clgen_model_config *full = clgen_model_get_config(model);
  const size_t bytes = (size_t)(BATCH * full->channels * full->height * full->width);
  uint8_t *images = NEED(malloc(bytes));
  for (size_t i = 0; i < bytes; ++i) images[i] = (uint8_t)((i * 2654435761u) >> 13);
  for (int step = 0; step < STEPS; ++step) OK(clgen_trainer_step(trainer, (uint64_t)step, images, NULL));
  clgen_trainer_report r;
  OK(clgen_trainer_read(trainer, &r));
  assert_int_equal(r.bad, -1);
  keep(store, out);
  free(images);
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  clgen_model_free(model);
}

static void is_a_gpu(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  const clgen_device_info *info = clgen_device_get_info(device);
  assert_int_equal(info->type, CLGEN_DEVICE_GPU_DISCRETE);
  assert_true(info->local_is_dedicated && info->vector_width == 1 && info->compute_units == 64);
  clgen_device_close(device);
}

static void steps_are_as_on_the_host(void **state) {
  (void)state;
  const char *text = getenv("CLGEN_TEST_ARCHS");
  const size_t n = text ? (size_t)atoi(text) : 1;
  clgen_device *host = open_host(), *device = open_tested();
  for (size_t i = 0; i < n && i < CLGEN_COUNT(archs); ++i) {
    const char *arch = clgen_arch_name(archs[i].arch);
    states expected, got, again;
    char what[160];
    train(host, &archs[i], &expected);
    train(device, &archs[i], &got);
    train(device, &archs[i], &again);
    assert_int_equal(got.n, expected.n);
    for (size_t k = 0; k < got.n; ++k) {
      snprintf(what, sizeof what, "%s: %s", arch, got.name[k]);
      assert_string_equal(got.name[k], expected.name[k]);
      compare(what, got.value[k], expected.value[k], got.count[k], 1e-4);
      if (memcmp(got.value[k], again.value[k], got.count[k] * sizeof(float)) != 0)
        fail_msg("%s: two runs give different bytes", what);
    }
    print_message("%s: %zu states as on the host\n", arch, got.n);
    states_free(&expected);
    states_free(&got);
    states_free(&again);
  }
  clgen_device_close(device);
  clgen_device_close(host);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_a_gpu),
      cmocka_unit_test(steps_are_as_on_the_host),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
