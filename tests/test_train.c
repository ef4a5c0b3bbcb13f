/* Whole training steps against PyTorch (tests/golden/make_golden.py), on the host and on the tested device; runs that stop
 * and go on; what stops a run. */
#include "graphs.h"

#include <clgen/features.h>
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

static setup set_up_for(clgen_device *device, const char *golden, const clgen_model_config *config, double lr, double beta1,
                        const clgen_gan_objective *gan) {
  setup s = {.device = device, .st = open_golden(golden)};
  OK(clgen_model_create(&s.model, config));
  OK(clgen_store_create(&s.store, device));
  load_start(&s);
  clgen_trainer_config c = {.batch = BATCH, .lr = lr, .noise_given = true, .ema_kimg = 0.01};
  c.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = beta1, .beta2 = 0.999, .eps = 1e-8};
  if (gan) c.gan = *gan;
  OK(clgen_trainer_create(&s.trainer, s.model, s.store, &c));
  return s;
}

static setup set_up(clgen_device *device, const char *golden, const clgen_model_config *config, double lr, double beta1) {
  return set_up_for(device, golden, config, lr, beta1, NULL);
}

static void tear_down(setup *s) {
  clgen_trainer_free(s->trainer);
  clgen_store_free(s->store);
  clgen_model_free(s->model);
  clgen_safetensors_close(s->st);
  clgen_device_close(s->device);
}

static void set_labels(setup *s, int step) {
  const int64_t *labels = golden_data(s->st, "labels");
  int mine[BATCH];
  for (int i = 0; i < BATCH; ++i) mine[i] = (int)labels[BATCH * (step % 3) + i];
  OK(clgen_trainer_set_labels(s->trainer, mine));
}

/* The losses of every step to 1e-4; each is {its name here, its name in the file}. */
static void run_steps(setup *s, const char *noise_name, const char *const (*losses)[2], int n_losses) {
  const uint8_t *images = golden_data(s->st, "images");
  bool classifier = clgen_model_is_classifier(s->model);
  const float *noise = noise_name ? golden_data(s->st, noise_name) : NULL;
  const clgen_model_config *c = clgen_model_get_config(s->model);
  int64_t image = (int64_t)c->channels * c->height * c->width;
  for (int step = 0; step < STEPS; ++step) {
    if (classifier) set_labels(s, step);
    const float *mine = noise ? noise + step * BATCH * c->nz : NULL;
    OK(clgen_trainer_step(s->trainer, (uint64_t)step, images + image * BATCH * (step % 3), mine));
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
  clgen_module *b;
  clgen_program *p;
  const clgen_model_network *w = clgen_model_network_at(s->model, 0);
  OK(clgen_graph_create(&g));
  OK(clgen_net_bind(&b, w->net, g, w->prefix));
  clgen_tensor *z = clgen_input(g, "z", CLGEN_F32, clgen_shape_of(2, 2, 16));
  clgen_tensor *y = NEED(clgen_model_decode(s->model, b, z, &(clgen_pass){0}));
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
  clgen_module_free(b);
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

/* Objectives (tests/golden/make_objectives.py). A loss that a step has not is not reported, and 0 in the file. */
static void objective_on(clgen_device *device, const char *golden, const char *loss, const char *reg, int critic_steps,
                         int interval) {
  clgen_gan_objective o;
  OK(clgen_gan_objective_parse(&o, loss, reg));
  o.critic_steps = critic_steps;
  o.r1_interval = interval;
  clgen_model_config config = small_dcgan;
  OK(clgen_gan_objective_d_norm(&o, config.arch, &config.d_norm));
  setup s = set_up_for(device, golden, &config, 2e-4, 0.5, &o);
  static const char *const names[][2] = {{"loss_D_real", "loss_D_real"},
                                         {"loss_D_fake", "loss_D_fake"},
                                         {"loss_G", "loss_G"},
                                         {"gp", "loss_reg"},
                                         {"r1", "loss_reg"}};
  int seen = 0;
  for (int step = 0; step < STEPS; ++step) {
    clgen_trainer_report r;
    OK(clgen_trainer_step(s.trainer, (uint64_t)step,
                          (const uint8_t *)golden_data(s.st, "images") + 1024 * BATCH * (step % 3),
                          (const float *)golden_data(s.st, "latents") + step * BATCH * config.nz));
    OK(clgen_trainer_read(s.trainer, &r));
    assert_int_equal(r.bad, -1);
    for (int i = 0; i < r.n; ++i)
      for (size_t k = 0; k < sizeof names / sizeof *names; ++k) {
        if (strcmp(r.name[i], names[k][0])) continue;
        double expected = ((const float *)golden_data(s.st, names[k][1]))[step];
        if (!(fabs(r.mean[i] - expected) <= 1e-4 * fmax(1, fabs(expected))))
          fail_msg("%s, step %d, %s: %.8g where PyTorch has %.8g", golden, step, r.name[i], r.mean[i], expected);
        ++seen;
      }
  }
  assert_true(seen >= 25);
  check_weights(&s, 2);
  tear_down(&s);
}

static void objectives_on_host(void **state) {
  (void)state;
  objective_on(open_host(), "wgan_gp", "wgan-gp", "", 2, 1);
  objective_on(open_host(), "hinge_sn", "hinge", "sn", 1, 1);
  objective_on(open_host(), "r1", "ns", "r1", 1, 2);
}
static void objectives_on_device(void **state) {
  (void)state;
  objective_on(open_tested(), "wgan_gp", "wgan-gp", "", 2, 1);
  objective_on(open_tested(), "hinge_sn", "hinge", "sn", 1, 1);
  objective_on(open_tested(), "r1", "ns", "r1", 1, 2);
}

static void vae_on(clgen_device *device) {
  setup s = set_up(device, "vae", &small_vae, 1e-3, 0.9);
  static const char *const losses[][2] = {{"loss", "loss"}, {"reconstruction", "bce"}, {"kl", "kl"}};
  run_steps(&s, "eps", losses, 3);
  check_weights(&s, 1);
  tear_down(&s);
}

static const clgen_model_config small_classifier = {
    .arch = CLGEN_ARCH_CLASSIFIER, .channels = 1, .height = 12, .width = 12, .ndf = 4, .hidden = 6, .classes = 5};

/* Features and probabilities of the trained network, looked at three at a time: 8 images make an incomplete batch too. */
static void check_features(setup *s) {
  clgen_features *f;
  OK(clgen_features_create(&f, s->model, s->store, 3));
  clgen_images images = {golden_data(s->st, "images"), 8, 1, 12, 12};
  float features[8 * 6], probabilities[8 * 5];
  OK(clgen_features_run(f, &images, features, probabilities, NULL, NULL));
  const float *wanted = golden_data(s->st, "features"), *p = golden_data(s->st, "probabilities");
  double largest = 0;
  for (int i = 0; i < 8 * 6; ++i) {
    if (!(fabs((double)features[i] - (double)wanted[i]) < 1e-4))
      fail_msg("feature %d: %g, not %g", i, features[i], wanted[i]);
    largest = fmax(largest, (double)wanted[i]);
  }
  for (int i = 0; i < 8 * 5; ++i)
    if (!(fabs((double)probabilities[i] - (double)p[i]) < 1e-4))
      fail_msg("probability %d: %g, not %g", i, probabilities[i], p[i]);
  assert_true(largest > 0.1);
  clgen_features_free(f);
}

static void classifier_on(clgen_device *device) {
  setup s = set_up(device, "classifier", &small_classifier, 1e-3, 0.9);
  static const char *const losses[][2] = {{"loss", "loss"}, {"accuracy", "accuracy"}};
  run_steps(&s, NULL, losses, 2);
  check_weights(&s, 1);
  check_features(&s);
  const int wrong[2][BATCH] = {{0, 1, 2, 3, 4, 5, 0, 0}, {0, -1}};
  assert_int_equal(clgen_trainer_set_labels(s.trainer, wrong[0]), CLGEN_E_INVALID);
  assert_int_equal(clgen_trainer_set_labels(s.trainer, wrong[1]), CLGEN_E_INVALID);
  tear_down(&s);
}

static void classifier_on_host(void **state) {
  (void)state;
  classifier_on(open_host());
}
static void classifier_on_device(void **state) {
  (void)state;
  classifier_on(open_tested());
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

/* ---- What is watched ---- */

static const clgen_model_config tiny_vae = {
    .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};

static const clgen_model_config tiny_dcgan = {
    .arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 3};

static setup set_up_tiny(const clgen_model_config *config, clgen_trainer_config c) {
  setup s = {.device = open_tested()};
  OK(clgen_model_create(&s.model, config));
  OK(clgen_store_create(&s.store, s.device));
  OK(clgen_model_init(s.model, s.store, 3));
  OK(clgen_trainer_create(&s.trainer, s.model, s.store, &c));
  return s;
}

static const clgen_optimizer sgd = {.kind = CLGEN_SGD};

/* Reports are means over the steps since the last one, and say in which step something went wrong. */
static void reports(void **state) {
  (void)state;
  setup s = set_up_tiny(&tiny_vae, (clgen_trainer_config){.batch = 2, .lr = 1e-3, .optimizer = sgd, .seed = 4});
  uint8_t images[2 * 16] = {0, 255, 128, 7, 9};
  clgen_trainer_report one[3], all;
  OK(clgen_trainer_read(s.trainer, &all)); /* nothing yet */
  assert_true(all.steps == 0 && all.bad == -1);
  for (int i = 0; i < 3; ++i) {
    OK(clgen_trainer_step(s.trainer, (uint64_t)i, images, NULL));
    OK(clgen_trainer_read(s.trainer, &one[i]));
  }
  OK(clgen_model_init(s.model, s.store, 3));
  for (int i = 0; i < 3; ++i) OK(clgen_trainer_step(s.trainer, (uint64_t)i, images, NULL));
  OK(clgen_trainer_read(s.trainer, &all));
  assert_int_equal(all.steps, 3);
  for (int k = 0; k < all.n; ++k) {
    double mean = (one[0].mean[k] + one[1].mean[k] + one[2].mean[k]) / 3;
    if (!(fabs(all.mean[k] - mean) <= 1e-5 * fabs(mean))) fail_msg("%s: %g, not %g", all.name[k], all.mean[k], mean);
    assert_true(fabs(one[0].mean[k] - one[1].mean[k]) > 0);
  }
  tear_down(&s);
}

static void what_is_not_finite_is_found(void **state) {
  (void)state;
  setup s = set_up_tiny(&tiny_vae, (clgen_trainer_config){.batch = 2, .lr = 1e-3, .optimizer = sgd, .seed = 4});
  const uint8_t images[2 * 16] = {0, 255, 128, 7, 9};
  clgen_trainer_report r;
  for (uint64_t i = 0; i < 5; ++i) {
    const float nan = NAN;
    if (i == 3) OK(clgen_store_write(s.store, "VAE.param", 0, 1, &nan));
    OK(clgen_trainer_step(s.trainer, i, images, NULL));
  }
  OK(clgen_trainer_read(s.trainer, &r));
  assert_true(r.bad >= 0);
  assert_int_equal(r.bad_step, 3);
  assert_string_equal(r.name[r.bad], "loss");
  OK(clgen_model_init(s.model, s.store, 3)); /* and afterwards starts afresh */
  OK(clgen_trainer_step(s.trainer, 0, images, NULL));
  OK(clgen_trainer_read(s.trainer, &r));
  assert_int_equal(r.bad, -1);
  tear_down(&s);
}

/* A discriminator that is broken by its update shows first in what depends on it. */
static void the_first_that_is_not_finite_is_named(void **state) {
  (void)state;
  clgen_trainer_config c = {.batch = 2, .lr = 1e-3, .lr_d = 3e38, .optimizer = sgd, .seed = 4};
  setup s = set_up_tiny(&tiny_dcgan, c);
  uint8_t images[2 * 1024];
  for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i * 31);
  OK(clgen_trainer_step(s.trainer, 0, images, NULL));
  clgen_trainer_report r;
  OK(clgen_trainer_read(s.trainer, &r));
  assert_true(r.bad >= 0);
  assert_string_equal(r.name[r.bad], "loss_G");
  assert_int_equal(r.bad_step, 0);
  tear_down(&s);
}

/* ---- Learning rates ---- */

/* Six steps of two images, the first two of them warm-up: how far the weights move for their gradient. */
static void rates_follow_the_schedule(void **state) {
  (void)state;
  const double expected[3][6] = {
      {0.5, 1, 1, 1, 1, 1}, {0.5, 1, 1, 0.75, 0.5, 0.25}, {0.5, 1, 1, 0.85355339, 0.5, 0.14644661}};
  for (int schedule = CLGEN_LR_CONSTANT; schedule <= CLGEN_LR_COSINE; ++schedule) {
    clgen_trainer_config c = {
        .batch = 2, .lr = 1e-2, .optimizer = sgd, .seed = 4, .warmup_kimg = 0.004, .total_kimg = 0.012};
    if (schedule == CLGEN_LR_LINEAR) c.schedule = CLGEN_LR_LINEAR;
    if (schedule == CLGEN_LR_COSINE) c.schedule = CLGEN_LR_COSINE;
    setup s = set_up_tiny(&tiny_vae, c);
    const uint8_t images[2 * 16] = {0, 255, 128, 7, 9};
    float before[512], after[512], grad[512];
    int64_t n = clgen_net_param_size(clgen_model_generator_network(s.model)->net);
    assert_true(n <= 512);
    for (uint64_t step = 0; step < 6; ++step) {
      OK(clgen_store_read(s.store, "VAE.param", 0, n, before));
      OK(clgen_trainer_step(s.trainer, step, images, NULL));
      OK(clgen_store_read(s.store, "VAE.param", 0, n, after));
      OK(clgen_store_read(s.store, "VAE.grad", 0, n, grad));
      double moved = 0, slope = 0;
      for (int64_t i = 0; i < n; ++i) {
        moved += ((double)before[i] - (double)after[i]) * (double)grad[i];
        slope += (double)grad[i] * (double)grad[i];
      }
      double rate = moved / slope / 1e-2;
      if (!(fabs(rate - expected[schedule][step]) < 1e-3))
        fail_msg("schedule %d, step %d: %g, not %g", schedule, (int)step, rate, expected[schedule][step]);
    }
    tear_down(&s);
  }
}

/* A gradient that is too long moves the weights by as much as one of the greatest length. */
static void long_gradients_are_shortened(void **state) {
  (void)state;
  setup s =
      set_up_tiny(&tiny_vae, (clgen_trainer_config){.batch = 2, .lr = 1, .optimizer = sgd, .seed = 4, .grad_clip = 0.125});
  const uint8_t images[2 * 16] = {0, 255, 128, 7, 9};
  float before[512], after[512];
  int64_t n = clgen_net_param_size(clgen_model_generator_network(s.model)->net);
  OK(clgen_store_read(s.store, "VAE.param", 0, n, before));
  OK(clgen_trainer_step(s.trainer, 0, images, NULL));
  OK(clgen_store_read(s.store, "VAE.param", 0, n, after));
  clgen_trainer_report r;
  OK(clgen_trainer_read(s.trainer, &r));
  assert_string_equal(r.name[3], "grad");
  assert_true(r.mean[3] > 0.5); /* what is reported is its own length */
  double moved = 0;
  for (int64_t i = 0; i < n; ++i) moved += pow((double)before[i] - (double)after[i], 2);
  assert_true(fabs(sqrt(moved) - 0.125) < 1e-5);
  tear_down(&s);
}

/* ---- The average of G ---- */

static void average_follows(void **state) {
  (void)state;
  const double kimg = 0.01, rampup = 0.5; /* 10 images; at most half of those seen */
  clgen_trainer_config c = {.batch = 2, .lr = 1e-2, .optimizer = sgd, .seed = 4, .ema_kimg = kimg, .ema_rampup = rampup};
  setup s = set_up_tiny(&tiny_dcgan, c);
  int64_t n = clgen_net_param_size(clgen_model_generator_network(s.model)->net);
  float *g = new_floats((size_t)n), *got = new_floats((size_t)n);
  double *average = NEED(calloc((size_t)n, sizeof *average));
  uint8_t images[2 * 1024];
  for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i * 31);
  for (uint64_t step = 0; step < 15; ++step) {
    OK(clgen_trainer_step(s.trainer, step, images, NULL));
    OK(clgen_store_read(s.store, "G.param", 0, n, g));
    OK(clgen_store_read(s.store, "G_ema.param", 0, n, got));
    double half = fmin(10, rampup * 2 * (double)step), beta = half > 0 ? pow(0.5, 2 / half) : 0;
    for (int64_t i = 0; i < n; ++i) {
      average[i] = beta * average[i] + (1 - beta) * (double)g[i];
      if (!(fabs(average[i] - (double)got[i]) < 1e-6)) fail_msg("step %d: %g, not %g", (int)step, got[i], average[i]);
    }
  }
  double apart = 0;
  for (int64_t i = 0; i < n; ++i) apart = fmax(apart, fabs((double)g[i] - average[i]));
  assert_true(apart > 1e-4);
  free(g);
  free(got);
  free(average);
  tear_down(&s);
}

/* Latents are a function of seed and step: the same step twice from the same weights is the same, another is not. */
static void latents_follow_seed_and_step(void **state) {
  (void)state;
  double kl[4];
  for (int k = 0; k < 4; ++k) {
    clgen_trainer_config c = {.batch = 2, .lr = 1e-3, .optimizer = sgd, .seed = k == 3 ? 5 : 4};
    setup s = set_up_tiny(&tiny_vae, c);
    const uint8_t images[2 * 16] = {0, 255, 128, 7, 9};
    clgen_trainer_report r;
    OK(clgen_trainer_step(s.trainer, k == 2 ? 1 : 0, images, NULL));
    OK(clgen_trainer_read(s.trainer, &r));
    assert_string_equal(r.name[1], "reconstruction");
    kl[k] = r.mean[1];
    tear_down(&s);
  }
  assert_true(kl[0] == kl[1]);
  assert_true(kl[0] != kl[2] && kl[0] != kl[3]);
}

static void batches_that_make_no_sense(void **state) {
  (void)state;
  setup s = {.device = open_host()};
  OK(clgen_model_create(&s.model, &small_dcgan));
  OK(clgen_store_create(&s.store, s.device));
  clgen_trainer_config c = {.batch = 0, .lr = 1, .optimizer = sgd};
  assert_int_equal(clgen_trainer_create(&s.trainer, s.model, s.store, &c), CLGEN_E_INVALID);
  assert_null(s.trainer);
  tear_down(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dcgan_on_host),
      cmocka_unit_test(dcgan_on_device),
      cmocka_unit_test(objectives_on_host),
      cmocka_unit_test(objectives_on_device),
      cmocka_unit_test(vae_on_host),
      cmocka_unit_test(vae_on_device),
      cmocka_unit_test(classifier_on_host),
      cmocka_unit_test(classifier_on_device),
      cmocka_unit_test(reports),
      cmocka_unit_test(what_is_not_finite_is_found),
      cmocka_unit_test(the_first_that_is_not_finite_is_named),
      cmocka_unit_test(rates_follow_the_schedule),
      cmocka_unit_test(long_gradients_are_shortened),
      cmocka_unit_test(average_follows),
      cmocka_unit_test(latents_follow_seed_and_step),
      cmocka_unit_test(batches_that_make_no_sense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
