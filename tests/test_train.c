/* Whole training steps against PyTorch (tests/golden/make_golden.py), on the host and on the tested device; runs that stop
 * and go on; what stops a run. */
#include "graphs.h"

#include <clgen/model.h>
#include <clgen/safetensors.h>
#include <clgen/train.h>

#define STEPS 10
#define BATCH 8

static clgen_safetensors *open_golden(const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.safetensors", getenv("CLGEN_TEST_GOLDEN"), name);
  clgen_safetensors *st = NULL;
  OK(clgen_safetensors_open(&st, path));
  return st;
}

static const void *golden_data(const clgen_safetensors *st, const char *name) {
  const clgen_st_tensor *t = clgen_safetensors_find(st, name);
  if (!t) fail_msg("no %s", name);
  return t->data;
}

/* A model with its weights from the file's "init.*", and a trainer for it. */
typedef struct {
  clgen_device *device;
  clgen_safetensors *st;
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
} setup;

static void name_in_file(char out[128], const char *kind, const clgen_model_network *w, const clgen_net_tensor *t) {
  if (w->bare)
    snprintf(out, 128, "%s.%s", kind, t->name);
  else
    snprintf(out, 128, "%s.%s.%s", kind, strcmp(w->prefix, "G_ema") ? w->prefix : "G", t->name);
}

static const char *state_of(char out[64], const clgen_model_network *w, const clgen_net_tensor *t) {
  snprintf(out, 64, "%s.%s", w->prefix, t->kind == CLGEN_NET_PARAM ? "param" : "stat");
  return out;
}

static void load_start(setup *s) {
  OK(clgen_model_init(s->model, s->store, 1));
  for (int i = 0; i < clgen_model_network_count(s->model); ++i) {
    const clgen_model_network *w = clgen_model_network_at(s->model, i);
    for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      if (t->kind == CLGEN_NET_COUNTER) continue;
      char name[128], state[64];
      name_in_file(name, "init", w, t);
      float *value = malloc((size_t)clgen_shape_count(&t->shape) * sizeof *value);
      OK(clgen_safetensors_read_f32(s->st, name, &t->shape, value));
      OK(clgen_store_write(s->store, state_of(state, w, t), t->offset, clgen_shape_count(&t->shape), value));
      free(value);
    }
  }
}

static setup set_up(clgen_device *device, const char *golden, const clgen_model_config *config, double lr, double beta1) {
  setup s = {.device = device, .st = open_golden(golden)};
  OK(clgen_model_create(&s.model, config));
  OK(clgen_store_create(&s.store, device));
  load_start(&s);
  clgen_trainer_config c = {.batch = BATCH, .lr = lr, .noise_given = true, .ema_kimg = 0.01};
  c.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = beta1, .beta2 = 0.999, .eps = 1e-8};
  OK(clgen_trainer_create(&s.trainer, s.model, s.store, &c));
  return s;
}

static void tear_down(setup *s) {
  clgen_trainer_free(s->trainer);
  clgen_store_free(s->store);
  clgen_model_free(s->model);
  clgen_safetensors_close(s->st);
  clgen_device_close(s->device);
}

/* The losses of every step to 1e-4; each is {its name here, its name in the file}. */
static void run_steps(setup *s, const char *noise_name, const char *const (*losses)[2], int n_losses) {
  const uint8_t *images = golden_data(s->st, "images");
  const float *noise = golden_data(s->st, noise_name);
  const clgen_model_config *c = clgen_model_get_config(s->model);
  int64_t image = (int64_t)c->channels * c->height * c->width;
  for (int step = 0; step < STEPS; ++step) {
    OK(clgen_trainer_step(s->trainer, (uint64_t)step, images + image * BATCH * (step % 3), noise + step * BATCH * c->nz));
    clgen_trainer_report r;
    OK(clgen_trainer_read(s->trainer, &r));
    assert_int_equal(r.steps, 1);
    assert_int_equal(r.bad, -1);
    int seen = 0;
    for (int k = 0; k < n_losses; ++k)
      for (int i = 0; i < r.n; ++i) {
        if (strcmp(r.name[i], losses[k][0])) continue;
        double expected = ((const float *)golden_data(s->st, losses[k][1]))[step];
        if (!(fabs(r.mean[i] - expected) <= 1e-4 * fmax(1, fabs(expected))))
          fail_msg("step %d, %s: %.8g where PyTorch has %.8g", step, losses[k][0], r.mean[i], expected);
        ++seen;
      }
    assert_int_equal(seen, n_losses);
  }
}

/* The weights and running statistics after the last step to 1e-3, which is less than they moved. */
static void check_weights(setup *s, int n_networks) {
  double worst = 0, moved = 0;
  for (int i = 0; i < n_networks; ++i) {
    const clgen_model_network *w = clgen_model_network_at(s->model, i);
    for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      if (t->kind == CLGEN_NET_COUNTER) continue;
      int64_t n = clgen_shape_count(&t->shape);
      char name[128], state[64];
      float *got = malloc((size_t)n * sizeof *got), *expected = malloc((size_t)n * sizeof *got),
            *start = malloc((size_t)n * sizeof *got);
      OK(clgen_store_read(s->store, state_of(state, w, t), t->offset, n, got));
      name_in_file(name, "init", w, t);
      OK(clgen_safetensors_read_f32(s->st, name, &t->shape, start));
      name_in_file(name, "final", w, t);
      OK(clgen_safetensors_read_f32(s->st, name, &t->shape, expected));
      for (int64_t e = 0; e < n; ++e) {
        double off = fabs((double)got[e] - (double)expected[e]);
        if (!(off <= 1e-3)) fail_msg("%s[%lld]: %g where PyTorch has %g", name, (long long)e, got[e], expected[e]);
        worst = fmax(worst, off);
        moved = fmax(moved, fabs((double)expected[e] - (double)start[e]));
      }
      free(got);
      free(expected);
      free(start);
    }
  }
  print_message("weights differ by at most %.2g, having moved by up to %.2g\n", worst, moved);
  assert_true(worst < 0.1 * moved);
}

static const clgen_model_config small_dcgan = {
    .arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 8, .ndf = 8, .nz = 16};
static const clgen_model_config small_vae = {
    .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 28, .width = 28, .hidden = 16, .nz = 4};

/* The trained G in evaluation mode. */
static void check_samples(setup *s) {
  clgen_graph *g;
  clgen_bound *b;
  clgen_program *p;
  const clgen_model_network *w = clgen_model_network_at(s->model, 0);
  OK(clgen_graph_create(&g));
  OK(clgen_net_bind(&b, w->net, g, w->prefix));
  clgen_tensor *z = clgen_input(g, "z", CLGEN_F32, clgen_shape_of(2, 2, 16));
  clgen_tensor *y = NEED(clgen_model_decode(s->model, b, z, false));
  OK(clgen_output(y));
  OK(clgen_compile(&p, g, s->store));
  OK(clgen_program_write(p, z, golden_data(s->st, "latents"), 2 * 16 * sizeof(float)));
  OK(clgen_program_run(p));
  float got[2 * 32 * 32];
  OK(clgen_program_read(p, y, got, sizeof got));
  const float *expected = golden_data(s->st, "samples");
  for (int i = 0; i < 2 * 32 * 32; ++i)
    if (!(fabs((double)got[i] - (double)expected[i]) < 1e-3)) fail_msg("pixel %d: %g, not %g", i, got[i], expected[i]);
  clgen_program_free(p);
  clgen_bound_free(b);
  clgen_graph_free(g);
}

static void dcgan_on(clgen_device *device) {
  setup s = set_up(device, "dcgan", &small_dcgan, 2e-4, 0.5);
  static const char *const losses[][2] = {
      {"loss_D_real", "loss_D_real"}, {"loss_D_fake", "loss_D_fake"}, {"loss_G", "loss_G"}};
  run_steps(&s, "latents", losses, 3);
  check_weights(&s, 2);
  check_samples(&s);
  tear_down(&s);
}

static void vae_on(clgen_device *device) {
  setup s = set_up(device, "vae", &small_vae, 1e-3, 0.9);
  static const char *const losses[][2] = {{"loss", "loss"}, {"bernoulli", "bce"}, {"kl", "kl"}};
  run_steps(&s, "eps", losses, 3);
  check_weights(&s, 1);
  tear_down(&s);
}

static void dcgan_on_host(void **state) {
  (void)state;
  dcgan_on(open_host());
}
static void dcgan_on_device(void **state) {
  (void)state;
  dcgan_on(open_tested());
}
static void vae_on_host(void **state) {
  (void)state;
  vae_on(open_host());
}
static void vae_on_device(void **state) {
  (void)state;
  vae_on(open_tested());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dcgan_on_host),
      cmocka_unit_test(dcgan_on_device),
      cmocka_unit_test(vae_on_host),
      cmocka_unit_test(vae_on_device),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
