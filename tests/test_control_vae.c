/* ControlVAE: its steps against the algorithm in double, no windup at the limits, and a set-point that training reaches. */
#include "graphs.h"

#include <clgen/adapt.h>
#include <clgen/data.h>
#include <clgen/model.h>
#include <clgen/train.h>

typedef struct {
  clgen_graph *graph;
  clgen_tensor *kl, *beta;
  compiled c;
} controller;

static controller make(clgen_device *device, const clgen_control_vae_config *config) {
  controller k;
  OK(clgen_graph_create(&k.graph));
  k.kl = NEED(clgen_input(k.graph, "kl", CLGEN_F32, clgen_shape_of(0)));
  k.beta = NEED(clgen_control_vae(k.graph, config, k.kl));
  OK(clgen_output(k.beta));
  k.c = compile(k.graph, device);
  return k;
}

static void unmake(controller *k) {
  free_compiled(&k->c);
  clgen_graph_free(k->graph);
}

static double step(controller *k, double kl) {
  float value = (float)kl, beta;
  OK(clgen_program_write(k->c.program, k->kl, &value, sizeof value));
  OK(clgen_program_run(k->c.program));
  OK(clgen_program_read(k->c.program, k->beta, &beta, sizeof beta));
  return (double)beta;
}

static double integral_of(controller *k) {
  float i;
  OK(clgen_store_read(k->c.store, CLGEN_CONTROL_VAE_STATE, 0, 1, &i));
  return (double)i;
}

/* Shao et al. 2020, algorithm 1, with conditional integration and a gain in proportion to beta. */
static double expected_step(const clgen_control_vae_config *c, double kl, double *integral) {
  double e = c->target - kl, p = c->kp / (1 + exp(e));
  double moved = *integral - c->ki * e * fmin(fmax(*integral + c->low, 0.1), c->high), wanted = p + moved + c->low;
  if (wanted > c->high && e < 0)
    *integral = fmax(*integral, c->high - c->low - p);
  else if (wanted < c->low && e > 0)
    *integral = fmin(*integral, -p);
  else
    *integral = moved;
  return fmin(fmax(p + *integral + c->low, c->low), c->high);
}

static void steps_are_the_algorithms(void **state) {
  (void)state;
  clgen_device *device[2] = {open_host(), open_tested()};
  const clgen_control_vae_config config = {.target = 12, .kp = 0.3, .ki = 0.02, .low = 0.25, .high = 2};
  for (int d = 0; d < 2; ++d) {
    controller k = make(device[d], &config);
    uint64_t random = 5;
    double integral = 0, least = 9, most = 0;
    for (int i = 0; i < 300; ++i) {
      double kl = (double)(float)random_between(&random, i % 100 < 50 ? 5 : 0, i % 100 < 50 ? 40 : 12);
      double expected = expected_step(&config, kl, &integral), got = step(&k, kl);
      if (!(fabs(got - expected) < 1e-5)) fail_msg("step %d: beta %g, not %g", i, got, expected);
      least = fmin(least, got), most = fmax(most, got);
    }
    assert_true(least < 0.26 && most > 1.99); /* both limits were met */
    unmake(&k);
    clgen_device_close(device[d]);
  }
}

/* After ten thousand steps at a limit the integral stands where the limit is, and the first step in which the error turns
 * takes beta off it. Integrated all the while it would be thousands away, and take as long to come back. */
static void nothing_winds_up(void **state) {
  (void)state;
  const clgen_control_vae_config config = {.target = 10, .kp = 0.01, .ki = 0.01, .low = 0, .high = 4};
  controller k = make(open_tested(), &config);
  clgen_device *device = clgen_store_device(k.c.store);
  double beta = 0;
  for (int i = 0; i < 10000; ++i) beta = step(&k, 100);
  assert_true(beta == 4);
  assert_true(integral_of(&k) <= 4 && integral_of(&k) > 3);
  assert_true(step(&k, 5) < beta - 0.15); /* ki times 5 times beta, and kp */
  for (int i = 0; i < 10000; ++i) beta = step(&k, 0);
  assert_true(beta == 0);
  assert_true(integral_of(&k) >= -0.01 && integral_of(&k) <= 0);
  assert_true(step(&k, 20) > beta + 0.009); /* ki times 10 times the least scale, 0.1 */
  unmake(&k);
  clgen_device_close(device);
}

/* A divergence that is not a number must not be hidden in the state. */
static void what_is_not_finite_stays_so(void **state) {
  (void)state;
  const clgen_control_vae_config config = {.target = 10, .kp = 0.01, .ki = 0.01, .high = 4};
  controller k = make(open_tested(), &config);
  clgen_device *device = clgen_store_device(k.c.store);
  for (int i = 0; i < 100; ++i) assert_true(isfinite(step(&k, i % 2 ? 1e30 : 0)));
  (void)step(&k, NAN);
  assert_true(isnan(integral_of(&k)));
  unmake(&k);
  clgen_device_close(device);
}

/* ---- Training ---- */

static clgen_dataset *digits(void) {
  char path[1024];
  snprintf(path, sizeof path, "%s/mnist", getenv("CLGEN_TEST_EXAMPLES"));
  clgen_dataset *data;
  OK(clgen_dataset_open(&data, path, &(clgen_dataset_options){.resolution = 14}));
  return data;
}

enum { BATCH = 64, PIXELS = 14 * 14 };

/* The mean divergence over the last `count` steps of `steps`. */
static double train(clgen_device *device, const clgen_dataset *data, double target, int steps, int count) {
  const clgen_model_config config = {
      .arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 14, .width = 14, .hidden = 48, .nz = 8};
  clgen_trainer_config c = {.batch = BATCH, .lr = 2e-3, .seed = 3};
  c.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  c.vae.control = (clgen_control_vae_config){.target = target, .kp = 0.01, .ki = 0.005, .high = 100};
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_report r;
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(m, store, 3));
  OK(clgen_trainer_create(&t, m, store, &c));
  int64_t n = clgen_dataset_get_info(data)->count;
  for (int i = 0; i < steps; ++i) {
    uint8_t batch[BATCH * PIXELS];
    for (int k = 0; k < BATCH; ++k)
      memcpy(batch + k * PIXELS, clgen_dataset_image(data, ((int64_t)i * BATCH + k) * 7 % n), PIXELS);
    OK(clgen_trainer_step(t, (uint64_t)i, batch, NULL));
    if (i + 1 == steps - count) OK(clgen_trainer_read(t, &r));
  }
  OK(clgen_trainer_read(t, &r));
  double kl = NAN, beta = NAN;
  for (int i = 0; i < r.n; ++i) {
    if (strcmp(r.name[i], "kl") == 0) kl = r.mean[i];
    if (strcmp(r.name[i], "beta") == 0) beta = r.mean[i];
  }
  print_message("target %g: %.4f nats at beta %.3f\n", target, kl, beta);
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
  return kl;
}

static void the_set_point_is_reached(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  clgen_dataset *data = digits();
  const double target[] = {4, 12};
  for (int i = 0; i < 2; ++i) {
    double kl = train(device, data, target[i], 1500, 300);
    if (!(fabs(kl - target[i]) < 0.02 * target[i])) fail_msg("%g nats instead of %g", kl, target[i]);
  }
  clgen_dataset_close(data);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_are_the_algorithms),
      cmocka_unit_test(nothing_winds_up),
      cmocka_unit_test(what_is_not_finite_stays_so),
      cmocka_unit_test(the_set_point_is_reached),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
