/* Images that are held out of training, and r_v, by which ada goes with them: a discriminator that is fed, statistics by
 * hand. */
#include "graphs.h"

#include <clgen/augment.h>
#include <clgen/model.h>
#include <clgen/train.h>

/* ---- The statistic ---- */

/* Means of four minibatches, and what r_v is of them. */
static const struct {
  float train[4], validation[4], generated[4];
  double r_v;
} by_hand[] = {
    {{1, 2, 3, 2}, {1, 2, 3, 2}, {-2, -2, -2, -2}, 0},       /* it knows none by heart */
    {{3, 3, 3, 3}, {-1, -1, -1, -1}, {-1, -1, -1, -1}, 1},   /* all */
    {{4, 2, 4, 2}, {1, 2, 1, 2}, {-1, -2, -1, -2}, 1.0 / 3}, /* (3 - 1.5) / (3 + 1.5) */
    {{5, 5, 5, 5}, {1, 1, 2, 2}, {0, 0, 0, 0}, 0.7},         /* no scale, no shift: below */
    {{-2, -2, -2, -2}, {3, 3, 3, 3}, {1, 1, 1, 1}, 0},       /* fakes lie higher: it counts as 0 */
    {{60, 50, 40, 50}, {15, 15, 25, 25}, {0, 0, 0, 0}, 0.6},
};

static void statistic_and_probability_by_hand(void **state) {
  (void)state;
  const clgen_augmentation a = {.adaptive = true, .by_validation = true, .target = 0.5, .kimg = 2, .limit = 0.25};
  enum { BATCH = 50 };
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *means = test_input(g, "means", clgen_shape_of(1, 3));
  clgen_tensor *s = clgen_state(g, CLGEN_ADA_STATE, CLGEN_F32, clgen_ada_state_shape(&a));
  s = clgen_ada_add_logits(s, clgen_slice(means, 0, 0, 1), clgen_slice(means, 0, 1, 1), clgen_slice(means, 0, 2, 1));
  s = clgen_ada_end(s, &a, BATCH);
  OK(clgen_output(NEED(clgen_affine(clgen_ada_r_v(s), 1, 0))));
  for (int d = 0; d < 2; ++d) {
    clgen_device *device = d ? open_tested() : open_host();
    compiled c = compile(g, device);
    double p = 0;
    for (size_t i = 0; i < 2 * CLGEN_COUNT(by_hand); ++i) {
      size_t row = i % CLGEN_COUNT(by_hand);
      float scale = i == row ? 1 : 7, shift = i == row ? 0 : 11, got[6];
      for (int k = 0; k < 4; ++k) {
        const float now[] = {scale * by_hand[row].train[k] + shift, scale * by_hand[row].validation[k] + shift,
                             scale * by_hand[row].generated[k] + shift};
        OK(clgen_program_write(c.program, means, now, sizeof now));
        OK(clgen_program_run(c.program));
      }
      p += (by_hand[row].r_v > 0.5 ? 1 : -1) * 4.0 * BATCH / 2000;
      p = p < 0 ? 0 : p > 0.25 ? 0.25 : p;
      OK(clgen_store_read(c.store, CLGEN_ADA_STATE, 0, 6, got));
      if (!(fabs((double)got[5] - by_hand[row].r_v) < 1e-5)) fail_msg("row %zu: %g", i, (double)got[5]);
      if (!(fabs((double)got[2] - p) < 1e-6)) fail_msg("row %zu: p is %g, not %g", i, (double)got[2], p);
      assert_true(got[0] == 0 && got[1] == 0 && got[3] == 0 && got[4] == 0); /* the next four begin */
    }
    free_compiled(&c);
    clgen_device_close(device);
  }
  clgen_graph_free(g);
}

/* ---- A discriminator that is fed ---- */

enum { BATCH = 6, PIXELS = 32 * 32, FOUR = 4 };

typedef struct {
  clgen_device *device;
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
} training;

static training start(const char *reg, double limit, int64_t batch_gpu, double lr, clgen_cond cond) {
  training t = {.device = open_host()};
  clgen_model_config m = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 4, .nz = 3};
  clgen_trainer_config c = {.batch = BATCH, .batch_gpu = batch_gpu, .lr = lr, .seed = 2, .ema_kimg = 1};
  c.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8};
  m.cond = cond;
  m.classes = cond ? 2 : 0;
  c.augment = (clgen_augmentation){
      .transformations = CLGEN_AUGMENT_BLIT | CLGEN_AUGMENT_COLOR, .adaptive = true, .by_validation = true};
  c.augment.target = 0.5, c.augment.kimg = 0.5, c.augment.limit = limit;
  c.controllers = clgen_adapt_mask("ada");
  OK(clgen_gan_objective_parse(&c.gan, "ns", reg));
  OK(clgen_gan_objective_d_norm(&c.gan, m.arch, &m.d_norm));
  OK(clgen_model_create(&t.model, &m));
  OK(clgen_store_create(&t.store, t.device));
  OK(clgen_model_init(t.model, t.store, 3));
  OK(clgen_trainer_create(&t.trainer, t.model, t.store, &c));
  return t;
}

static void end(training *t) {
  clgen_trainer_free(t->trainer);
  clgen_store_free(t->store);
  clgen_model_free(t->model);
  clgen_device_close(t->device);
}

static void make_pictures(uint8_t pictures[BATCH * PIXELS], uint64_t seed) {
  for (int i = 0; i < BATCH * PIXELS; ++i) pictures[i] = (uint8_t)random_int(&seed, 0, 255);
}

static double watched(const clgen_trainer_report *r, const char *name) {
  for (int i = 0; i < r->n; ++i)
    if (strcmp(r->name[i], name) == 0) return r->mean[i];
  fail_msg("%s is not watched", name);
  return NAN;
}

static clgen_trainer_report train(training *t, int from, int steps, uint64_t of_validation) {
  static const int labels[BATCH] = {0, 1, 0, 1, 1, 0};
  uint8_t images[BATCH * PIXELS], validation[BATCH * PIXELS];
  clgen_trainer_report r;
  make_pictures(images, 5);
  make_pictures(validation, of_validation);
  for (int step = from; step < from + steps; ++step) {
    bool conditional = clgen_model_is_conditional(t->model);
    OK(clgen_trainer_set_validation(t->trainer, validation, conditional ? labels : NULL));
    if (conditional) OK(clgen_trainer_set_labels(t->trainer, labels));
    OK(clgen_trainer_step(t->trainer, (uint64_t)step, images, NULL));
  }
  OK(clgen_trainer_read(t->trainer, &r));
  return r;
}

static float *state_of(const training *t, const char *name, int64_t *n) {
  clgen_dtype dtype;
  clgen_shape shape;
  OK(clgen_store_info(t->store, name, &dtype, &shape));
  *n = clgen_shape_count(&shape);
  float *values = new_floats((size_t)*n);
  OK(clgen_store_read(t->store, name, 0, *n, values));
  return values;
}

/* Whatever validation images are, they change p and nothing else: not even the discriminator's statistics. */
static void validation_images_leave_no_trace(void **state) {
  (void)state;
  static const char *const names[] = {"G.param", "D.param", "D.stat"}, *const regs[] = {"", "sn"};
  for (int k = 0; k < 4; ++k) {
    training one = start(regs[k % 2], 0, k / 2 ? 2 : 0, 1e-3, CLGEN_COND_NONE),
             other = start(regs[k % 2], 0, k / 2 ? 2 : 0, 1e-3, CLGEN_COND_NONE);
    clgen_trainer_report a = train(&one, 0, FOUR, 6), b = train(&other, 0, FOUR, 7);
    for (size_t i = 0; i < CLGEN_COUNT(names); ++i) {
      int64_t n, m;
      float *x = state_of(&one, names[i], &n), *y = state_of(&other, names[i], &m);
      assert_memory_equal(x, y, (size_t)n * sizeof *x);
      free(x);
      free(y);
    }
    assert_true(watched(&a, "logit_real") == watched(&b, "logit_real"));
    assert_true(watched(&a, "logit_validation") != watched(&b, "logit_validation"));
    end(&one);
    end(&other);
  }
}

/* The same images are taken alike, in parts too. */
static void known_images_are_no_news(void **state) {
  (void)state;
  for (int parts = 0; parts < 2; ++parts) {
    training t = start("", 0, parts ? 3 : 0, 1e-3, CLGEN_COND_CONCAT);
    clgen_trainer_report r = train(&t, 0, FOUR, 5);
    double real = watched(&r, "logit_real"), fake = watched(&r, "logit_fake");
    assert_true(fabs(real - watched(&r, "logit_validation")) < 1e-5 && fabs(real - fake) > 1e-3);
    end(&t);
  }
}

/* Few images, seen again and again: r_v, which is what the means of logits say, grows, and p with it. */
static void heart_learning_is_noticed(void **state) {
  (void)state;
  training t = start("", 0.3, 0, 4e-3, CLGEN_COND_NONE);
  double p = 0, r_v = 0;
  for (int k = 0; k < 40; ++k) {
    clgen_trainer_report r = train(&t, FOUR * k, FOUR, 6);
    double real = watched(&r, "logit_real"), validation = watched(&r, "logit_validation"), fake = watched(&r, "logit_fake");
    int64_t n;
    float *ada = state_of(&t, CLGEN_ADA_STATE, &n);
    double expected = real > fake ? (real - validation) / (real - fake) : 0;
    if (!(fabs((double)ada[5] - expected) < 1e-4 * fmax(1, fabs(expected))))
      fail_msg("%g is not %g", (double)ada[5], expected);
    p += expected > 0.5 ? 4.0 * BATCH / 500 : -4.0 * BATCH / 500;
    p = p < 0 ? 0 : p > 0.3 ? 0.3 : p;
    assert_true(fabs((double)ada[2] - p) < 1e-5);
    r_v = expected;
    free(ada);
  }
  if (!(p > 0.2)) fail_msg("p is %g, r_v %g", p, r_v);
  end(&t);
}

static void a_step_without_them_is_refused(void **state) {
  (void)state;
  training t = start("", 0, 0, 1e-3, CLGEN_COND_NONE);
  uint8_t images[BATCH * PIXELS] = {0};
  assert_int_equal(clgen_trainer_step(t.trainer, 0, images, NULL), CLGEN_E_INVALID);
  end(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statistic_and_probability_by_hand), cmocka_unit_test(validation_images_leave_no_trace),
      cmocka_unit_test(known_images_are_no_news),          cmocka_unit_test(heart_learning_is_noticed),
      cmocka_unit_test(a_step_without_them_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
