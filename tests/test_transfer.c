/* Going on from a trained network with other data: what holds parameters where they are. What is carried over from one
 * network into another: test_carry.c. */
#include "graphs.h"

#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

#include "files.h"
#include "runs.h"

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
  for (int k = 0; k < 2; ++k) {
    const clgen_model_network *w = clgen_model_network_at(m, k);
    with.fine_tuning.rated[k] = true;
    with.fine_tuning.frozen[k] = frozen[k];
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

/* A parameter that learns at half the rate moves half as far: by a plain step, and by what weight decay takes. */
static void rates_scale_the_update(void **state) {
  (void)state;
  static const clgen_optimizer optimizers[] = {
      {.kind = CLGEN_SGD}, {.kind = CLGEN_ADAMW, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8, .weight_decay = 20}};
  clgen_device *device = open_host();
  for (size_t k = 0; k < 2; ++k) {
    float *after[2], *before = NULL;
    int64_t n;
    for (int half = 0; half < 2; ++half) {
      clgen_model *m;
      clgen_store *store;
      clgen_trainer *t;
      clgen_trainer_config c = {.batch = BATCH, .lr = 1e-2, .seed = 4, .optimizer = optimizers[k]};
      const clgen_model_config vae = {
          .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};
      const bool none[64] = {false};
      uint8_t images[BATCH * 16];
      pictures(images, 5, sizeof images);
      OK(clgen_model_create(&m, &vae));
      OK(clgen_store_create(&store, device));
      OK(clgen_model_init(m, store, 1));
      free(before);
      before = state_of(store, "VAE", "param", &n);
      c.fine_tuning.rated[0] = true;
      put_rates(m, store, 0, none, half ? 0.5f : 1);
      OK(clgen_trainer_create(&t, m, store, &c));
      OK(clgen_trainer_step(t, 0, images, NULL));
      after[half] = state_of(store, "VAE", "param", &n);
      clgen_trainer_free(t);
      clgen_store_free(store);
      clgen_model_free(m);
    }
    double moved = 0;
    for (int64_t i = 0; i < n; ++i) {
      double whole = (double)after[0][i] - (double)before[i], half = (double)after[1][i] - (double)before[i];
      moved = fmax(moved, fabs(whole));
      if (!(fabs(half - (i < n / 2 ? 0.5 : 1) * whole) < 1e-6)) fail_msg("parameter %d: %g of %g", (int)i, half, whole);
    }
    assert_true(moved > 1e-3);
    free(before);
    free(after[0]);
    free(after[1]);
  }
  clgen_device_close(device);
}

/* ---- Against PyTorch (tests/golden/make_transfer.py) ---- */

static clgen_safetensors *golden;

static int open_golden(void **state) {
  char path[1024];
  snprintf(path, sizeof path, "%s/transfer.safetensors", getenv("CLGEN_TEST_GOLDEN"));
  return files_set_up(state) ? -1 : clgen_safetensors_open(&golden, path);
}
static int close_golden(void **state) {
  clgen_safetensors_close(golden);
  return files_tear_down(state);
}

static const void *data_of(const char *name) {
  const clgen_st_tensor *t = clgen_safetensors_find(golden, name);
  if (!t) fail_msg("no %s", name);
  return t->data;
}

/* A network's tensors of one kind, as they lie in its state, from "<prefix>.<name>" of the file. */
static float *packed(const clgen_net *net, clgen_net_kind kind, const char *prefix) {
  int64_t n = kind == CLGEN_NET_PARAM ? clgen_net_param_size(net) : clgen_net_stat_size(net);
  float *all = new_floats((size_t)n);
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i);
    char name[128];
    snprintf(name, sizeof name, "%s.%s", prefix, t->name);
    if (t->kind == kind) OK(clgen_safetensors_read_f32(golden, name, &t->shape, all + t->offset));
  }
  return all;
}

static void put_network(clgen_store *store, const clgen_model_network *w, const char *prefix) {
  for (int k = 0; k < 2; ++k) {
    clgen_net_kind kind = k ? CLGEN_NET_STAT : CLGEN_NET_PARAM;
    int64_t n = k ? clgen_net_stat_size(w->net) : clgen_net_param_size(w->net);
    if (!n) continue;
    float *values = packed(w->net, kind, prefix);
    put_state(store, w->prefix, k ? "stat" : "param", values, n);
    free(values);
  }
}

/* To 1e-4 of the largest. */
static void check_close(const float *got, const float *expected, int64_t n, const char *what) {
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    largest = fmax(largest, fabs((double)expected[i]));
    worst = fmax(worst, fabs((double)got[i] - (double)expected[i]));
  }
  if (!(largest > 0 && worst <= 1e-4 * largest)) fail_msg("%s: off by %g where the largest is %g", what, worst, largest);
}

static void fisher_of(clgen_device *device, const clgen_model_config *config, int network, const char *name,
                      const float *latents) {
  clgen_model *m;
  clgen_store *store;
  char key[64];
  OK(clgen_model_create(&m, config));
  OK(clgen_store_create(&store, device));
  bool gan = clgen_model_is_gan(m);
  for (int i = 0; i < (gan ? 2 : 1); ++i)
    put_network(store, clgen_model_network_at(m, i), gan ? (i ? "gan.D" : "gan.G") : "vae");
  const clgen_net *net = clgen_model_network_at(m, network)->net;
  int64_t n = clgen_net_param_size(net);
  float *got = new_floats((size_t)n);
  OK(clgen_fisher(m, store, network, 0, 3, latents, got));
  snprintf(key, sizeof key, "fisher.%s", name);
  float *expected = packed(net, CLGEN_NET_PARAM, key);
  check_close(got, expected, n, key);
  free(expected);
  free(got);
  clgen_store_free(store);
  clgen_model_free(m);
}

static void fisher_on(clgen_device *device) {
  clgen_model_config gan = small;
  gan.nz = 4;
  const clgen_model_config vae = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};
  float latents[24] = {0}, pairs[12];
  for (int i = 0; i < 3; ++i) memcpy(latents + 8 * i, (const float *)data_of("gan.z") + 4 * i, 4 * sizeof *latents);
  for (int i = 0; i < 3; ++i) {
    memcpy(pairs + 4 * i, (const float *)data_of("vae.z") + 2 * i, 2 * sizeof *pairs);
    memcpy(pairs + 4 * i + 2, (const float *)data_of("vae.eps") + 2 * i, 2 * sizeof *pairs);
  }
  fisher_of(device, &gan, 0, "G", latents);
  fisher_of(device, &gan, 1, "D", latents);
  fisher_of(device, &vae, 0, "vae", pairs);
  clgen_device_close(device);
}
static void fisher_on_host(void **state) {
  (void)state;
  fisher_on(open_host());
}
static void fisher_on_device(void **state) {
  (void)state;
  fisher_on(open_tested());
}

/* A spring's energy and force; nothing else moves the parameters here. */
static void check_anchor_penalty(clgen_device *device, const clgen_net *net, const float *anchor, const float *stiffness,
                                 const char *name) {
  int64_t n = clgen_net_param_size(net);
  clgen_store *store;
  clgen_graph *g;
  clgen_module *b;
  clgen_program *p;
  OK(clgen_store_create(&store, device));
  OK(clgen_graph_create(&g));
  float *start = packed(net, CLGEN_NET_PARAM, "vae"), *expected = packed(net, CLGEN_NET_PARAM, name);
  put_state(store, "N", "param", start, n);
  put_state(store, "N", "anchor", anchor, n);
  put_state(store, "N", "stiffness", stiffness, n);
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *grad = NEED(clgen_constant(g, 2, clgen_shape_of(1, n)));
  clgen_tensor *energy = NEED(clgen_module_anchor_penalty(b, &grad));
  OK(clgen_output(energy));
  OK(clgen_output(grad));
  OK(clgen_compile(&p, g, store));
  OK(clgen_program_run(p));
  float value, *force = new_floats((size_t)n);
  OK(clgen_program_read(p, energy, &value, sizeof value));
  OK(clgen_program_read(p, grad, force, (size_t)n * sizeof *force));
  for (int64_t i = 0; i < n; ++i) force[i] -= 2;
  check_close(force, expected, n, name);
  check_close(&value, data_of(name), 1, name);
  free(start);
  free(expected);
  free(force);
  clgen_program_free(p);
  clgen_module_free(b);
  clgen_graph_free(g);
  clgen_store_free(store);
}

static void springs_are_ewc_and_l2_sp(void **state) {
  (void)state;
  clgen_device *devices[] = {open_host(), open_tested()};
  clgen_model *m;
  const clgen_model_config vae = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};
  OK(clgen_model_create(&m, &vae));
  const clgen_net *net = clgen_model_network_at(m, 0)->net;
  int64_t n = clgen_net_param_size(net);
  float *start = packed(net, CLGEN_NET_PARAM, "start"), *info = packed(net, CLGEN_NET_PARAM, "fisher_of"),
        *old = packed(net, CLGEN_NET_PARAM, "old"), *stiffness = new_floats((size_t)n), *anchor = new_floats((size_t)n);
  for (int k = 0; k < 2; ++k) {
    for (int64_t i = 0; i < n; ++i) stiffness[i] = 2 * 0.7f * info[i];
    check_anchor_penalty(devices[k], net, start, stiffness, "ewc");
    for (int64_t i = 0; i < n; ++i) stiffness[i] = old[i] > 0 ? 0.3f : 0.2f;
    for (int64_t i = 0; i < n; ++i) anchor[i] = old[i] > 0 ? start[i] : 0;
    check_anchor_penalty(devices[k], net, anchor, stiffness, "l2sp");
    clgen_device_close(devices[k]);
  }
  free(start);
  free(info);
  free(old);
  free(stiffness);
  free(anchor);
  clgen_model_free(m);
}

/* ---- A whole run ---- */

static float *read_all(const char *path, const char *name, int64_t *n) {
  clgen_safetensors *file;
  OK(clgen_safetensors_open(&file, path));
  const clgen_st_tensor *t = NEED((void *)(uintptr_t)clgen_safetensors_find(file, name));
  *n = clgen_shape_count(&t->shape);
  float *values = new_floats((size_t)*n);
  OK(clgen_safetensors_read_f32(file, name, NULL, values));
  clgen_safetensors_close(file);
  return values;
}

/* From 3 latents to 5: what a run writes of its states is what the options say of the network that it starts from. */
static void a_run_starts_from_the_network(void **state) {
  (void)state;
  char data[1100], out[1100], init[1100], saved[2200];
  snprintf(data, sizeof data, "data=%s/mnist/t10k-images-idx3-ubyte.gz", getenv("CLGEN_TEST_EXAMPLES"));
  snprintf(out, sizeof out, "outdir=%s", file_at("runs"));
  const char *const first[] = {data, out, "cfg=dcgan", "ngf=2", "nz=3", "kimg=1", "device=host", "subset=100", "seed=3"};
  clgen_train_result source = train_with(first, sizeof first / sizeof *first), result;
  snprintf(init, sizeof init, "init=%.1000s", source.run_dir);
  const char *const more[] = {
      data,     out,         init,         "nz=5",        "kimg=1",    "device=host",     "subset=100",
      "seed=4", "freezed=1", "freeze=G.3", "lr-old=0.25", "l2-sp=0.5", "l2-sp-new=0.125", "ewc=1e11"};
  result = train_with(more, sizeof more / sizeof *more);
  snprintf(saved, sizeof saved, "%.2000s/training-state-000001.safetensors", result.run_dir);

  clgen_device *device = open_host();
  clgen_model *m;
  clgen_store *store;
  clgen_safetensors *file;
  OK(clgen_safetensors_open(&file, source.snapshot));
  OK(clgen_model_open(&m, file));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_load(m, store, file, NULL));
  assert_int_equal(clgen_model_get_config(m)->ngf, 2);
  const clgen_net *net = clgen_model_network_at(m, 0)->net;
  int64_t n = clgen_net_param_size(net), k, offset = clgen_net_tensor_at(net, 0)->offset;
  float *fisher = new_floats((size_t)n), *latents = new_floats(256 * 6), *was = new_floats((size_t)n);
  clgen_normals_fill(4, CLGEN_STREAM_FISHER, 0, 256 * 6, latents);
  OK(clgen_fisher(m, store, 0, 0, 256, latents, fisher));
  OK(clgen_store_read(store, "G.param", 0, n, was));
  float *anchor = read_all(saved, "G.anchor", &k), *stiffness = read_all(saved, "G.stiffness", &k),
        *rate = read_all(saved, "G.rate", &k), *now = read_all(saved, "G.param", &k);
  const int64_t before = 3 * 8 * 16, after = 5 * 8 * 16, frozen = 8 * 4 * 16; /* G.0, G.3 */
  double most = 0;
  assert_int_equal(offset, 0);
  for (int64_t i = 0; i < before; ++i) { /* carried over and trained */
    assert_true(anchor[i] == was[i] && rate[i] == 0.25f);
    most = fmax(most, (double)stiffness[i]);
    assert_true(fabs((double)stiffness[i] - (0.5 + 2e11 * (double)fisher[i])) <= 1e-5 * (double)stiffness[i]);
  }
  assert_true(most > 1); /* of which the information is the greater part */
  for (int64_t i = before; i < after; ++i) assert_true(anchor[i] == 0 && stiffness[i] == 0.125f && rate[i] == 1);
  int64_t g3 = clgen_net_tensor_at(net, 6)->offset, shift = after - before;
  assert_string_equal(clgen_net_tensor_at(net, 6)->name, "3.weight");
  for (int64_t i = 0; i < frozen; ++i)
    assert_true(now[g3 + shift + i] == was[g3 + i] && rate[g3 + shift + i] == 0 && stiffness[g3 + shift + i] == 0);
  assert_memory_not_equal(now, was, (size_t)before * sizeof *now);
  free(fisher);
  free(latents);
  free(was);
  free(anchor);
  free(stiffness);
  free(rate);
  free(now);
  clgen_store_free(store);
  clgen_model_free(m);
  clgen_safetensors_close(file);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frozen_parameters_keep_their_bits),
      cmocka_unit_test(rates_scale_the_update),
      cmocka_unit_test(fisher_on_host),
      cmocka_unit_test(fisher_on_device),
      cmocka_unit_test(springs_are_ewc_and_l2_sp),
      cmocka_unit_test(a_run_starts_from_the_network),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
