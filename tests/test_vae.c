/* Objectives of VAEs against PyTorch (tests/golden/make_vae_cases.py): every likelihood, weight of the divergence and bound,
 * by value, gradient and update; likelihoods at extreme numbers; what depends on how far training is. */
#include "graphs.h"
#include "golden.h"

#include <clgen/model.h>
#include <clgen/train.h>

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("vae_cases");
}

static const struct {
  const char *name;
  clgen_likelihood_kind likelihood;
  float scale, log_scale; /* fixed; or where the one that is learned stands */
  clgen_vae_objective objective;
} cases[] = {
    {.name = "bernoulli"},
    {.name = "gaussian", .likelihood = CLGEN_LIKELIHOOD_GAUSSIAN, .log_scale = -1.4f},
    {.name = "logistic", .likelihood = CLGEN_LIKELIHOOD_LOGISTIC, .log_scale = -2},
    {.name = "gaussian-fixed", .likelihood = CLGEN_LIKELIHOOD_GAUSSIAN, .scale = 0.2f},
    {.name = "logistic-fixed", .likelihood = CLGEN_LIKELIHOOD_LOGISTIC, .scale = 0.05f},
    {.name = "beta", .objective = {.beta = 4}},
    {.name = "free-bits", .objective = {.free_bits = 0.084}},
    {.name = "free-bits-group", .objective = {.free_bits = 0.15, .free_bits_group = 2}},
    {.name = "free-bits-beta", .objective = {.free_bits = 0.084, .beta = 3}},
    {.name = "capacity-above", .objective = {.capacity = 0.1, .beta = 10}},
    {.name = "capacity-below", .objective = {.capacity = 7, .beta = 10}},
    {.name = "iwae", .objective = {.samples = 5}},
    {.name = "logistic-iwae", .likelihood = CLGEN_LIKELIHOOD_LOGISTIC, .log_scale = -2, .objective = {.samples = 5}},
};

static void load_start(const clgen_model *m, clgen_store *store, float log_scale) {
  const clgen_net *net = clgen_model_generator_network(m)->net;
  OK(clgen_model_init(m, store, 1));
  for (int k = 0; k < clgen_net_tensor_count(net); ++k) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, k);
    char name[128];
    snprintf(name, sizeof name, "init.%s", t->name);
    const float *value = strcmp(t->name, "log_scale") ? floats_of(name) : &log_scale;
    OK(clgen_store_write(store, "VAE.param", t->offset, clgen_shape_count(&t->shape), value));
  }
}

static double value_of(const clgen_trainer_report *r, const char *what) {
  for (int i = 0; i < r->n; ++i)
    if (strcmp(r->name[i], what) == 0) return r->mean[i];
  fail_msg("%s is not reported", what);
  return 0;
}

static void check_value(const char *name, const clgen_trainer_report *r, const char *what) {
  char key[128];
  snprintf(key, sizeof key, "%s.%s", name, what);
  double expected = (double)*floats_of(key), got = value_of(r, what);
  if (!(fabs(got - expected) <= 1e-5 * fmax(1, fabs(expected))))
    fail_msg("%s: %.8g where PyTorch has %.8g", key, got, expected);
}

/* "VAE.grad" or "VAE.param" to 1e-5 of the largest. */
static void check_tensors(const char *name, const char *kind, const char *state, clgen_store *store, const clgen_net *net) {
  double largest = 0, worst = 0;
  for (int k = 0; k < clgen_net_tensor_count(net); ++k) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, k);
    char key[128];
    snprintf(key, sizeof key, "%s.%s.%s", name, kind, t->name);
    const float *expected = floats_of(key);
    int64_t n = clgen_shape_count(&t->shape);
    float *got = new_floats((size_t)n);
    OK(clgen_store_read(store, state, t->offset, n, got));
    for (int64_t i = 0; i < n; ++i) {
      largest = fmax(largest, fabs((double)expected[i]));
      worst = fmax(worst, fabs((double)got[i] - (double)expected[i]));
    }
    free(got);
  }
  if (!(largest > 0 && worst <= 1e-5 * largest))
    fail_msg("%s: %s differ by up to %g, the largest is %g", name, state, worst, largest);
}

static void one_case(clgen_device *device, size_t i) {
  clgen_trainer_config c = {.batch = 8, .lr = 1e-3, .optimizer = {.kind = CLGEN_SGD}, .noise_given = true};
  c.vae = cases[i].objective;
  clgen_model_config config = {
      .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 6, .width = 6, .hidden = 5, .nz = 4, .scale = cases[i].scale};
  config.likelihood = cases[i].likelihood;
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_report r;
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  load_start(m, store, cases[i].log_scale);
  OK(clgen_trainer_create(&t, m, store, &c));
  OK(clgen_trainer_step(t, 0, (const uint8_t *)floats_of("images"), floats_of(c.vae.samples > 1 ? "eps5" : "eps")));
  OK(clgen_trainer_read(t, &r));
  check_value(cases[i].name, &r, "loss");
  check_value(cases[i].name, &r, "reconstruction");
  check_value(cases[i].name, &r, "kl");
  check_tensors(cases[i].name, "grad", "VAE.grad", store, clgen_model_generator_network(m)->net);
  check_tensors(cases[i].name, "final", "VAE.param", store, clgen_model_generator_network(m)->net);
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
}

/* Kernels that have to be built take most of the time: on the tested device those that have most of their own. */
static void cases_on(clgen_device *device, bool all) {
  static const char *const some[] = {"free-bits-beta", "capacity-below", "logistic-iwae"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    bool wanted = all;
    for (size_t k = 0; k < sizeof some / sizeof *some; ++k) wanted = wanted || !strcmp(cases[i].name, some[k]);
    if (wanted) one_case(device, i);
  }
  clgen_device_close(device);
}
static void as_pytorch_on_host(void **state) {
  (void)state;
  cases_on(open_host(), true);
}
static void as_pytorch_on_device(void **state) {
  (void)state;
  cases_on(open_tested(), false);
}

/* ---- Likelihoods ---- */

/* -log p of single pixels, and its gradients, far from where training is too. */
static void likelihood_on(clgen_device *device, clgen_likelihood_kind kind) {
  const clgen_likelihood *l = clgen_likelihood_of(kind);
  static const char *const names[] = {"out", "pixels", "log_scale", "value", "grad", "grad_scale"};
  const float *given[6];
  char key[64];
  for (int i = 0; i < 6; ++i) {
    snprintf(key, sizeof key, "nll.%s.%s", l->name, names[i]);
    given[i] = floats_of(key);
  }
  snprintf(key, sizeof key, "nll.%s.out", l->name);
  int64_t n = clgen_shape_count(&clgen_safetensors_find(golden, key)->shape);
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *in[3], *grad[2];
  for (int i = 0; i < 3; ++i) in[i] = test_input(g, names[i], clgen_shape_of(1, n));
  clgen_tensor *y = NEED(l->nll(in[0], in[1], l->scaled ? in[2] : NULL));
  OK(clgen_grad(clgen_sum(y, CLGEN_ALL_AXES, false), 2, (clgen_tensor *[]){in[0], in[2]}, grad));
  clgen_tensor *out[3] = {y, grad[0], grad[1]};
  for (int i = 0; i < 3; ++i) OK(clgen_output(out[i]));
  compiled p = compile(g, device);
  for (int i = 0; i < 3; ++i) OK(clgen_program_write(p.program, in[i], given[i], (size_t)n * sizeof(float)));
  OK(clgen_program_run(p.program));
  for (int i = 0; i < 3; ++i) {
    float *got = read_floats(p.program, out[i]);
    for (int64_t k = 0; k < n; ++k) {
      double expected = (double)given[3 + i][k];
      if (!(fabs((double)got[k] - expected) <= 2e-5 * fmax(1, fabs(expected))))
        fail_msg("%s: %s at output %g, pixel %g, log scale %g: %.9g, not %.9g", l->name, names[3 + i], given[0][k],
                 given[1][k], given[2][k], got[k], expected);
    }
    free(got);
  }
  free_compiled(&p);
  clgen_graph_free(g);
}

static void likelihoods(void **state) {
  (void)state;
  clgen_device *host = open_host(), *device = open_tested();
  for (int kind = CLGEN_LIKELIHOOD_BERNOULLI; kind <= CLGEN_LIKELIHOOD_LOGISTIC; ++kind) {
    likelihood_on(host, (clgen_likelihood_kind)kind);
    likelihood_on(device, (clgen_likelihood_kind)kind);
  }
  clgen_device_close(host);
  clgen_device_close(device);
}

/* The 256 bytes' probabilities sum to one, wherever the mean is and however narrow it is. */
static void logistic_is_a_distribution(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *bytes = NEED(clgen_input(g, "bytes", CLGEN_U8, clgen_shape_of(1, 256)));
  clgen_tensor *mean = test_input(g, "mean", clgen_shape_of(1, 1)), *scale = test_input(g, "scale", clgen_shape_of(1, 1));
  clgen_tensor *nll = clgen_likelihood_of(CLGEN_LIKELIHOOD_LOGISTIC)->nll(mean, clgen_affine(bytes, 1 / 255.0f, 0), scale);
  clgen_tensor *sum = NEED(clgen_sum(clgen_exp(clgen_neg(nll)), CLGEN_ALL_AXES, false));
  OK(clgen_output(sum));
  compiled p = compile(g, device);
  uint8_t all[256];
  for (int i = 0; i < 256; ++i) all[i] = (uint8_t)i;
  OK(clgen_program_write(p.program, bytes, all, sizeof all));
  for (float m = -3; m <= 3; m += 0.75f)
    for (float s = -6; s <= 4; s += 1.25f) {
      OK(clgen_program_write(p.program, mean, &m, sizeof m));
      OK(clgen_program_write(p.program, scale, &s, sizeof s));
      OK(clgen_program_run(p.program));
      float *got = read_floats(p.program, sum);
      if (!(fabs((double)*got - 1) < 1e-4)) fail_msg("mean %g, log scale %g: %.8g", m, s, *got);
      free(got);
    }
  free_compiled(&p);
  clgen_graph_free(g);
  clgen_device_close(device);
}

/* ---- How far training is ---- */

static void near(double got, double expected) {
  if (!(fabs(got - expected) < 1e-9)) fail_msg("%.12g, not %.12g", got, expected);
}

static void weights_follow_the_images_seen(void **state) {
  (void)state;
  clgen_vae_objective o = {0};
  near(clgen_vae_beta_at(&o, 5), 1);
  o.beta = 4;
  near(clgen_vae_beta_at(&o, 5), 4);
  o.anneal = CLGEN_ANNEAL_LINEAR, o.anneal_kimg = 20;
  near(clgen_vae_beta_at(&o, 0), 0);
  near(clgen_vae_beta_at(&o, 5), 1);
  near(clgen_vae_beta_at(&o, 20), 4);
  near(clgen_vae_beta_at(&o, 500), 4);
  o.anneal = CLGEN_ANNEAL_CYCLICAL; /* cycles of 5 kimg: up to 4 in 2.5, and there for as long */
  const double at[][2] = {{0, 0}, {1.25, 2}, {2.5, 4}, {4.9, 4}, {5, 0}, {6.25, 2}, {16.25, 2}, {19, 4}, {20, 4}, {99, 4}};
  for (size_t i = 0; i < sizeof at / sizeof *at; ++i) near(clgen_vae_beta_at(&o, at[i][0]), at[i][1]);
  o = (clgen_vae_objective){.capacity = 25, .capacity_kimg = 10};
  near(clgen_vae_capacity_at(&o, 0), 0);
  near(clgen_vae_capacity_at(&o, 4), 10);
  near(clgen_vae_capacity_at(&o, 11), 25);
  o.capacity_kimg = 0;
  near(clgen_vae_capacity_at(&o, 0), 25);
}

/* Without a program being built anew: what a trainer reports of beta and capacity is what the step is due. */
static void weights_are_inputs(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_trainer_config c = {.batch = 8, .lr = 1e-3, .optimizer = {.kind = CLGEN_SGD}};
  const clgen_model_config config = {
      .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 6, .width = 6, .hidden = 5, .nz = 4};
  for (int capacity = 0; capacity < 2; ++capacity) {
    if (capacity)
      c.vae = (clgen_vae_objective){.capacity = 3, .capacity_kimg = 0.032, .beta = 2};
    else
      c.vae = (clgen_vae_objective){.beta = 2, .anneal = CLGEN_ANNEAL_LINEAR, .anneal_kimg = 0.032};
    clgen_model *m;
    clgen_store *store;
    clgen_trainer *t;
    OK(clgen_model_create(&m, &config));
    OK(clgen_store_create(&store, device));
    OK(clgen_model_init(m, store, 1));
    OK(clgen_trainer_create(&t, m, store, &c));
    for (uint64_t step = 0; step < 6; ++step) {
      clgen_trainer_report r;
      OK(clgen_trainer_step(t, step, (const uint8_t *)floats_of("images"), NULL));
      OK(clgen_trainer_read(t, &r));
      double share = fmin(1, (double)step / 4), kl = value_of(&r, "kl");
      double term = capacity ? 2 * fabs(kl - 3 * share) : 2 * share * kl;
      assert_true(fabs(value_of(&r, capacity ? "capacity" : "beta") - (capacity ? 3 : 2) * share) < 1e-6);
      assert_true(fabs(value_of(&r, "loss") - value_of(&r, "reconstruction") - term) < 1e-4);
    }
    clgen_trainer_free(t);
    clgen_store_free(store);
    clgen_model_free(m);
  }
  clgen_device_close(device);
}

/* With one sample it is the ELBO: the same program, the same weights. */
static void one_sample_is_the_elbo(void **state) {
  (void)state;
  clgen_device *device = open_host();
  const clgen_model_config config = {
      .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 6, .width = 6, .hidden = 5, .nz = 4};
  float param[2][1024];
  int64_t n = 0;
  for (int k = 0; k < 2; ++k) {
    clgen_trainer_config c = {.batch = 8, .lr = 1e-3, .optimizer = {.kind = CLGEN_SGD}, .vae = {.samples = k}};
    clgen_model *m;
    clgen_store *store;
    clgen_trainer *t;
    OK(clgen_model_create(&m, &config));
    OK(clgen_store_create(&store, device));
    OK(clgen_model_init(m, store, 1));
    OK(clgen_trainer_create(&t, m, store, &c));
    for (uint64_t step = 0; step < 3; ++step) OK(clgen_trainer_step(t, step, (const uint8_t *)floats_of("images"), NULL));
    n = clgen_net_param_size(clgen_model_generator_network(m)->net);
    assert_true(n <= 1024);
    OK(clgen_store_read(store, "VAE.param", 0, n, param[k]));
    clgen_trainer_free(t);
    clgen_store_free(store);
    clgen_model_free(m);
  }
  assert_memory_equal(param[0], param[1], (size_t)n * sizeof(float));
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_pytorch_on_host),
      cmocka_unit_test(as_pytorch_on_device),
      cmocka_unit_test(likelihoods),
      cmocka_unit_test(logistic_is_a_distribution),
      cmocka_unit_test(weights_follow_the_images_seen),
      cmocka_unit_test(weights_are_inputs),
      cmocka_unit_test(one_sample_is_the_elbo),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
