/* Going on from a trained network with other data: what holds parameters where they are, and what is carried over from one
 * network into another. */
#include "graphs.h"

#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

enum { BATCH = 4, PIXELS = 32 * 32 };

static const clgen_model_config small = {
    .arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 3};

static void pictures(uint8_t *to, uint64_t seed, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = (uint8_t)random_int(&seed, 0, 255);
}

static float *state_of(clgen_store *store, const char *prefix, const char *suffix, int64_t *n) {
  char name[64];
  clgen_dtype dtype;
  clgen_shape shape;
  snprintf(name, sizeof name, "%s.%s", prefix, suffix);
  OK(clgen_store_info(store, name, &dtype, &shape));
  *n = clgen_shape_count(&shape);
  float *values = new_floats((size_t)*n);
  OK(clgen_store_read(store, name, 0, *n, values));
  return values;
}

static void put_state(clgen_store *store, const char *prefix, const char *suffix, const float *values, int64_t n) {
  char name[64];
  snprintf(name, sizeof name, "%s.%s", prefix, suffix);
  OK(clgen_store_declare(store, name, CLGEN_F32, clgen_shape_of(1, n)));
  OK(clgen_store_write(store, name, 0, n, values));
}

/* ---- Frozen parameters, rates ---- */

/* D's first two convolutions and G's first layer with its batch norm; everything else is trained. */
static void freeze_some(const clgen_model *m, bool *g, bool *d) {
  static const char *const names[] = {"0.weight", "0.bias", "2.weight", "2.bias", "0.weight_orig", "2.weight_orig"};
  const clgen_net *net = clgen_model_network_at(m, 0)->net;
  for (int i = 0; i < clgen_net_tensor_count(net); ++i)
    g[i] = !strncmp(clgen_net_tensor_at(net, i)->name, "0.", 2) || !strncmp(clgen_net_tensor_at(net, i)->name, "1.", 2);
  net = clgen_model_network_at(m, 1)->net;
  for (int i = 0; i < clgen_net_tensor_count(net); ++i)
    for (size_t k = 0; k < sizeof names / sizeof *names; ++k)
      if (!strcmp(clgen_net_tensor_at(net, i)->name, names[k])) d[i] = true;
}

/* rate 0 where frozen, `old` in the first half of what is left, else 1 */
static void put_rates(const clgen_model *m, clgen_store *store, int index, const bool *frozen, float old) {
  const clgen_model_network *w = clgen_model_network_at(m, index);
  int64_t n = clgen_net_param_size(w->net);
  float *rate = new_floats((size_t)n);
  for (int64_t i = 0; i < n; ++i) rate[i] = i < n / 2 ? old : 1;
  for (int i = 0; i < clgen_net_tensor_count(w->net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, i);
    for (int64_t k = 0; frozen[i] && t->kind == CLGEN_NET_PARAM && k < clgen_shape_count(&t->shape); ++k)
      rate[t->offset + k] = 0;
  }
  put_state(store, w->prefix, "rate", rate, n);
  free(rate);
}

/* What is frozen, or else belongs to a frozen layer, keeps its bits; all other tensors move. */
static void check_kept(const clgen_model *m, clgen_store *store, int index, const bool *frozen, const float *const before[2],
                       const char *what) {
  const clgen_model_network *w = clgen_model_network_at(m, index);
  for (int k = 0; k < 2; ++k) {
    int64_t n;
    if (!before[k]) continue;
    float *now = state_of(store, w->prefix, k ? "stat" : "param", &n);
    for (int i = 0; i < clgen_net_tensor_count(w->net); ++i) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, i);
      if (t->kind != (k ? CLGEN_NET_STAT : CLGEN_NET_PARAM)) continue;
      size_t size = (size_t)clgen_shape_count(&t->shape) * sizeof *now;
      bool same = memcmp(now + t->offset, before[k] + t->offset, size) == 0;
      bool stays = k ? frozen[i - (strstr(t->name, "weight_u") ? 2 : strstr(t->name, "weight_v") ? 3 : 2)] : frozen[i];
      if (same != stays) fail_msg("%s: %s.%s %s", what, w->prefix, t->name, same ? "does not move" : "moves");
    }
    free(now);
  }
}

static void freeze_with(clgen_device *device, const clgen_trainer_config *config, clgen_d_norm norm, const char *what) {
  clgen_model_config c = small;
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_config with = *config;
  bool frozen[2][64] = {{false}};
  const float *before[2][2] = {{NULL}};
  int64_t n;
  c.d_norm = norm;
  OK(clgen_model_create(&m, &c));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(m, store, 1));
  freeze_some(m, frozen[0], frozen[1]);
  with.holding.rated = true;
  for (int k = 0; k < 2; ++k) {
    const clgen_model_network *w = clgen_model_network_at(m, k);
    with.holding.frozen[k] = frozen[k];
    put_rates(m, store, k, frozen[k], 0.5f);
    before[k][0] = state_of(store, w->prefix, "param", &n);
    if (clgen_net_stat_size(w->net)) before[k][1] = state_of(store, w->prefix, "stat", &n);
  }
  OK(clgen_trainer_create(&t, m, store, &with));
  uint8_t images[BATCH * PIXELS];
  for (uint64_t step = 0; step < 20; ++step) {
    pictures(images, step + 1, sizeof images);
    OK(clgen_trainer_step(t, step, images, NULL));
  }
  /* Behind a clipped critic G's gradient is too small to move what is near 1. */
  for (int k = with.gan.clip > 0; k < 2; ++k) check_kept(m, store, k, frozen[k], before[k], what);
  for (int k = 0; k < 4; ++k) free((void *)(uintptr_t)before[k / 2][k % 2]);
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
}

/* Twenty steps of every optimiser, with decay, clipped gradients and clipped weights, with every kind of discriminator. */
static void frozen_parameters_keep_their_bits(void **state) {
  (void)state;
  static const struct {
    const char *name;
    clgen_optimizer o;
  } optimizers[] = {
      {"sgd", {.kind = CLGEN_SGD}},
      {"momentum", {.kind = CLGEN_SGD, .momentum = 0.9}},
      {"rmsprop", {.kind = CLGEN_RMSPROP, .beta2 = 0.99, .eps = 1e-8}},
      {"adam", {.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8}},
      {"adamw", {.kind = CLGEN_ADAMW, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1}},
  };
  clgen_device *device = open_host(), *tested = open_tested();
  for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; ++i) {
    clgen_trainer_config c = {.batch = BATCH, .lr = 1e-2, .seed = 4, .grad_clip = 0.1, .optimizer = optimizers[i].o};
    freeze_with(device, &c, CLGEN_D_BATCH_NORM, optimizers[i].name);
  }
  clgen_trainer_config c = {.batch = BATCH, .lr = 1e-2, .seed = 4, .optimizer = optimizers[0].o};
  OK(clgen_gan_objective_parse(&c.gan, "wgan", ""));
  c.gan.clip = 0.001; /* most weights are beyond it */
  freeze_with(device, &c, CLGEN_D_BATCH_NORM, "wgan");
  OK(clgen_gan_objective_parse(&c.gan, "hinge", "sn"));
  freeze_with(device, &c, CLGEN_D_SPECTRAL, "sn");
  c.optimizer = optimizers[4].o;
  freeze_with(tested, &c, CLGEN_D_SPECTRAL, "adamw and sn on the device");
  clgen_device_close(tested);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frozen_parameters_keep_their_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
