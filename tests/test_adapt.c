/* Controllers as functions: what they make of statistics, and what they say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <clgen/adapt.h>
#include <clgen/error.h>

static const clgen_adapt_config gan = {.gan = true, .critic_steps = 1, .batch = 64, .total_kimg = 100};

typedef struct {
  unsigned mask;
  clgen_adapt_config config;
  float states[16 * CLGEN_CONTROLLER_STATE], hyper[CLGEN_HYPER_COUNT];
  clgen_adapt_outcome out;
} control;

static control start(const char *list, const clgen_adapt_config *config) {
  control c = {.config = *config};
  assert_int_equal(clgen_adapt_parse(&c.mask, list, config->gan, false), CLGEN_OK);
  clgen_adapt_start(config, c.hyper);
  return c;
}

static void step(control *c, const clgen_adapt_statistics *s) {
  memset(&c->out, 0, sizeof c->out);
  memcpy(c->out.hyper, c->hyper, sizeof c->hyper);
  clgen_adapt_act(c->mask, &c->config, s, c->states, &c->out);
  memcpy(c->hyper, c->out.hyper, sizeof c->hyper);
}

static clgen_adapt_statistics players(double kimg, double separation, double diversity, double duplicates) {
  return (clgen_adapt_statistics){
      .kimg = kimg, .n = 3, .name = {"separation", "diversity", "duplicates"}, .mean = {separation, diversity, duplicates}};
}

static void names_are_read(void **state) {
  (void)state;
  unsigned mask;
  assert_int_equal(clgen_adapt_parse(&mask, "", true, false), CLGEN_OK);
  assert_int_equal(mask, 0);
  assert_int_equal(clgen_adapt_parse(&mask, "none", true, false), CLGEN_OK);
  assert_int_equal(mask, 0);
  assert_int_equal(clgen_adapt_parse(&mask, "balance,guard", true, false), CLGEN_OK);
  assert_true(mask != 0 && clgen_adapt_watches(mask, CLGEN_WATCH_PLAYERS));
  assert_int_equal(clgen_adapt_parse(&mask, "guard,", true, false), CLGEN_E_INVALID);
  assert_int_equal(clgen_adapt_parse(&mask, "gard", true, false), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "\"gard\" is not one of"));
  assert_int_equal(clgen_adapt_parse(&mask, "balance", false, false), CLGEN_E_INVALID);
  assert_int_equal(clgen_adapt_parse(&mask, "guard", false, false), CLGEN_OK);
}

static control start_plateau(bool of_gan) {
  clgen_adapt_config config = gan;
  config.gan = of_gan;
  config.patience_kimg = 10;
  config.plateau_factor = 0.25;
  control c = start("", &config);
  c.mask = clgen_adapt_mask("plateau");
  assert_true(c.mask != 0);
  return c;
}

/* Spans of 10 windows. The windows of a span differ, as batches do. */
static void one_span(control *c, int span, double loss) {
  for (int k = 1; k <= 10; ++k) {
    clgen_adapt_statistics s = {.kimg = 10 * span + k};
    double value = loss + (k % 2 ? 3 : -3);
    if (c->config.gan) {
      s.n = 2;
      s.name[0] = "loss_D_real", s.name[1] = "loss_D_fake";
      s.mean[0] = -value - 1, s.mean[1] = 1;
    } else {
      s.n = 1;
      s.name[0] = "loss", s.mean[0] = value;
    }
    step(c, &s);
    if (k < 10) assert_int_equal(c->out.n, 0);
  }
}

static void plateau_lowers_rates_where_the_loss_stays(void **state) {
  (void)state;
  static const double loss[] = {100, 90, 89.999, 91, 80, 80, 79};
  static const float rate[] = {1, 1, 0.25f, 0.0625f, 0.0625f, 0.015625f, 0.015625f};
  control c = start_plateau(false);
  for (int span = 0; span < 7; ++span) {
    one_span(&c, span, loss[span]);
    assert_true(c.hyper[CLGEN_HYPER_LR] == rate[span]);
    assert_int_equal(c.out.n, span > 0 && rate[span] != rate[span - 1]);
  }
  for (int span = 7; span < 20; ++span) one_span(&c, span, 100);
  assert_true(fabs((double)c.hyper[CLGEN_HYPER_LR] - 1e-3) < 1e-9); /* and no further */
  assert_int_equal(c.out.n, 0);
  assert_int_equal(clgen_adapt_parse(&c.mask, "plateau", false, false),
                   CLGEN_E_INVALID); /* an option of its own asks for it */
}

/* A critic's distance grows at first, and means less the smaller it is. */
static void plateau_of_a_critic_begins_with_the_second_span(void **state) {
  (void)state;
  static const double distance[] = {5, 40, 30, 30, -1, -1};
  static const float rate[] = {1, 1, 1, 0.25f, 0.25f, 0.0625f};
  control c = start_plateau(true);
  for (int span = 0; span < 6; ++span) {
    one_span(&c, span, distance[span]);
    assert_true(c.hyper[CLGEN_HYPER_LR] == rate[span]);
  }
}

static void guard_leaves_a_good_run_alone(void **state) {
  (void)state;
  control c = start("guard", &gan);
  for (int k = 1; k < 200; ++k) { /* a generator that grows up slowly, and stays */
    clgen_adapt_statistics s = players(k, 9, k < 45 ? 0.02 : 0.6, k < 45 ? 1 : 0);
    step(&c, &s);
    assert_false(c.out.roll_back);
    assert_int_equal(c.out.n, 0);
    assert_int_equal(c.out.healthy, k >= 45 + 15); /* when it has been so for a while */
  }
  for (int i = 0; i < CLGEN_HYPER_COUNT; ++i) assert_true(c.hyper[i] == 1);
}

/* Diverse at first, then all alike: two windows are bad luck, three are a collapse. */
static void guard_goes_back_from_a_collapse(void **state) {
  (void)state;
  control c = start("guard", &gan);
  clgen_adapt_statistics good = players(5, 5, 0.8, 0), alike = players(6, 5, 0.1, 0.2), twins = players(6, 5, 0.8, 0.9);
  for (int times = 0; times < 5; ++times) {
    for (int k = 0; k < 16; ++k) step(&c, &good);
    assert_true(c.out.healthy);
    const clgen_adapt_statistics *bad = times % 2 ? &twins : &alike;
    step(&c, bad);
    step(&c, bad);
    assert_false(c.out.roll_back || c.out.healthy);
    step(&c, bad);
    assert_true(c.out.roll_back);
    assert_true(c.hyper[CLGEN_HYPER_LR] == (float)pow(0.5, times + 1));
    assert_true(c.hyper[CLGEN_HYPER_PENALTY] == (float)pow(2, times + 1));
    assert_string_equal(c.out.decision[0].by, "guard");
    assert_non_null(strstr(c.out.decision[0].reason, times % 2 ? "90% of the fakes" : "vary 10% as much"));
  }
  step(&c, &good);
  for (int k = 0; k < 10; ++k) step(&c, &alike);
  assert_false(c.out.roll_back); /* it has tried often enough */
}

/* Some diversity, never much, and then a third of it. What varies wildly is no state to come back to. */
static void guard_sees_a_collapse_of_the_young(void **state) {
  (void)state;
  control c = start("guard", &gan);
  clgen_adapt_statistics some = players(4, 5, 0.3, 0.9), less = players(5, 5, 0.11, 1), gone = players(6, 5, 0.09, 1);
  clgen_adapt_statistics wild = players(4, 5, 3, 0);
  step(&c, &some);
  for (int k = 0; k < 9; ++k) step(&c, &less);
  assert_false(c.out.roll_back);
  for (int k = 0; k < 3; ++k) step(&c, &gone);
  assert_true(c.out.roll_back);
  clgen_adapt_statistics one = players(2, 5, 0.0005, 1);
  for (int k = 0; k < 3; ++k) {
    assert_int_equal(c.out.roll_back, k == 0);
    step(&c, &one);
  }
  assert_true(c.out.roll_back);
  for (int k = 0; k < 40; ++k) step(&c, &wild);
  assert_false(c.out.healthy || c.out.roll_back);
}

static void guard_goes_back_at_once_from_what_is_not_finite(void **state) {
  (void)state;
  control c = start("guard", &gan);
  clgen_adapt_statistics s = players(1, NAN, 0.02, 1);
  step(&c, &s);
  assert_true(c.out.roll_back);
  assert_non_null(strstr(c.out.decision[0].reason, "separation became NaN"));
}

static void guard_gives_slow_generators_time(void **state) {
  (void)state;
  clgen_adapt_config slow = gan;
  slow.critic_steps = 5;
  control c = start("guard", &slow);
  clgen_adapt_statistics s = players(249, 9, 0.02, 1), late = players(251, 9, 0.02, 1);
  for (int k = 0; k < 5; ++k) step(&c, &s);
  assert_false(c.out.roll_back);
  for (int k = 0; k < 3; ++k) step(&c, &late);
  assert_true(c.out.roll_back);
}

/* Rates are not to blame: beta begins again at 0 and rises to half of what it was, five times at most. */
static void guard_lowers_beta_where_the_latent_is_unused(void **state) {
  (void)state;
  const clgen_adapt_config vae = {.batch = 128, .total_kimg = 1000, .adapts_beta = true};
  control c = start("guard", &vae);
  clgen_adapt_statistics s = {.kimg = 1, .n = 1, .name = {"kl"}, .mean = {0.01}};
  for (; s.kimg < 22; ++s.kimg) {
    step(&c, &s);
    assert_int_equal(c.out.n, 0);
    assert_true(c.hyper[CLGEN_HYPER_BETA] == 1);
  }
  for (int times = 1; times <= 5; ++times) {
    step(&c, &s);
    assert_int_equal(c.out.n, 1);
    assert_string_equal(c.out.decision[0].what, "beta's factor");
    assert_true(c.out.decision[0].to == pow(0.5, times) && !c.out.roll_back);
    assert_non_null(strstr(c.out.decision[0].reason, "KL divergence is 0.010 nats"));
    for (int k = 0; k < 11; ++k) { /* the rise, and two windows behind it */
      assert_float_equal(c.hyper[CLGEN_HYPER_BETA], pow(0.5, times) * fmin(1, k / 10.0), 1e-6);
      s.kimg += 1;
      step(&c, &s);
      assert_int_equal(c.out.n, 0);
    }
    s.kimg += 1;
  }
  for (int k = 0; k < 50; ++k, ++s.kimg) step(&c, &s);
  assert_int_equal(c.out.n, 0); /* it has tried often enough */
  assert_true(c.hyper[CLGEN_HYPER_BETA] == 0.03125f && c.hyper[CLGEN_HYPER_LR] == 1);
}

static void guard_leaves_a_used_latent_alone(void **state) {
  (void)state;
  const clgen_adapt_config turns = {.batch = 128, .adapts_beta = true}, other = {.batch = 128};
  control c = start("guard", &turns), fixed = start("guard", &other);
  clgen_adapt_statistics used = {.n = 1, .name = {"kl"}, .mean = {12}}, unused = used;
  unused.mean[0] = 0.01;
  for (int k = 1; k < 60; ++k) {
    used.kimg = unused.kimg = k;
    step(&c, k % 3 ? &unused : &used); /* not three windows in a row */
    assert_true(c.out.n == 0 && c.hyper[CLGEN_HYPER_BETA] == 1);
    step(&fixed, &unused); /* where nothing would come of it: control-vae has beta, or there is none */
    assert_true(fixed.out.n == 0 && !fixed.out.roll_back);
  }
  clgen_adapt_statistics lost = {.kimg = 61, .n = 1, .name = {"loss"}, .mean = {NAN}}; /* that is a matter of rates */
  step(&c, &lost);
  assert_true(c.out.roll_back && c.out.n == 1 && c.hyper[CLGEN_HYPER_LR] == 0.5f && c.hyper[CLGEN_HYPER_PENALTY] == 1);
}

static void balance_turns_the_rate_then_the_steps(void **state) {
  (void)state;
  control c = start("balance", &gan);
  clgen_adapt_statistics young = players(1, 20, 0.02, 1), even = players(9, 4, 0.8, 0);
  clgen_adapt_statistics strong = players(9, 20, 0.8, 0), weak = players(9, 0.1, 0.8, 0);
  step(&c, &young);
  step(&c, &even);
  assert_int_equal(c.out.n, 0);
  for (int k = 0; k < 30; ++k) step(&c, &strong);
  assert_true(c.hyper[CLGEN_HYPER_LR_D] == 0.25f && c.hyper[CLGEN_HYPER_CRITIC_STEPS] == 1);
  for (int k = 0; k < 60; ++k) step(&c, &weak);
  assert_true(c.hyper[CLGEN_HYPER_LR_D] == 4 && c.hyper[CLGEN_HYPER_CRITIC_STEPS] == CLGEN_MAX_CRITIC_STEPS);
  for (int k = 0; k < 60; ++k) step(&c, &strong);
  assert_true(c.hyper[CLGEN_HYPER_LR_D] == 0.25f && c.hyper[CLGEN_HYPER_CRITIC_STEPS] == 1);
  assert_true(c.hyper[CLGEN_HYPER_LR] == 1);
}

/* Gradients g = G + noise: <g, mean> is |G|^2, and |g|^2 grows with the noise. */
static void noise_scale_lowers_the_rate_as_noise_wins(void **state) {
  (void)state;
  control c = start("noise-scale", &gan);
  clgen_adapt_statistics s = {.kimg = 1, .n = 2, .name = {"grad_square_G", "grad_along_G"}, .mean = {4, 1}};
  for (int k = 0; k < 19; ++k) {
    step(&c, &s);
    assert_int_equal(c.out.n, 0);
  }
  step(&c, &s); /* noise to signal 3: a batch of 192 would be of use */
  assert_int_equal(c.out.n, 1);
  assert_string_equal(c.out.decision[0].what, "useful batch");
  assert_float_equal(c.out.decision[0].to, 192, 1);
  assert_true(c.hyper[CLGEN_HYPER_LR] == 1);
  s.mean[0] = 16; /* 15: the rate goes to sqrt(4 / 16) */
  for (int k = 0; k < 100; ++k) step(&c, &s);
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], 0.5, 0.05);
  c.hyper[CLGEN_HYPER_LR] /= 2; /* another controller's doing stays */
  s.mean[0] = 4;
  for (int k = 0; k < 100; ++k) step(&c, &s);
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], 0.5, 0.05);
  s.mean[0] = 1e6;
  for (int k = 0; k < 100; ++k) step(&c, &s);
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], 0.5 * 0.125, 0.01);
}

/* Gradients whose noise goes down with the batch: S / |G|^2 = 64 * ratio, whatever the batch. */
static void noise(control *c, double ratio, int windows) {
  for (int k = 0; k < windows; ++k) {
    double batches = (double)c->hyper[CLGEN_HYPER_BATCHES];
    clgen_adapt_statistics s = {
        .kimg = 1, .n = 2, .name = {"grad_square_G", "grad_along_G"}, .mean = {1 + ratio / batches, 1}};
    step(c, &s);
  }
}

static void noise_scale_changes_the_batch_where_it_may(void **state) {
  (void)state;
  clgen_adapt_config config = gan;
  config.batches_max = 8;
  control c = start("noise-scale", &config);
  noise(&c, 6, 19);
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 1);
  noise(&c, 6, 1); /* a batch of 384 would be best: 64 is below half of it */
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 2 && c.out.n == 2);
  assert_string_equal(c.out.decision[0].what, "batch");
  assert_true(c.out.decision[0].from == 64 && c.out.decision[0].to == 128);
  assert_non_null(strstr(c.out.decision[0].reason, "a batch of 384"));
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], sqrt(7.0 / 4), 1e-5); /* (1 + B_noise / B)^-1/2 */
  noise(&c, 6, 9);
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 2); /* is measured first */
  noise(&c, 6, 200);
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 4); /* 256 is not below half of 384 */
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], sqrt(7 / 2.5), 0.02);
  noise(&c, 100, 400);
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 8); /* and no further */
  assert_float_equal(c.hyper[CLGEN_HYPER_LR], sqrt(7 / 13.5), 0.05);
  control lost = start("noise-scale", &config), advised = start("noise-scale", &gan);
  clgen_adapt_statistics s = {.kimg = 1, .n = 2, .name = {"grad_square_G", "grad_along_G"}, .mean = {5, -1}};
  for (int k = 0; k < 60; ++k) { /* steps go too far to see a signal */
    step(&lost, &s);
    if (k == 19) assert_non_null(strstr(lost.out.decision[0].reason, "are not correlated"));
    step(&advised, &s);
    assert_int_equal(advised.out.n, 0);
  }
  assert_true(lost.hyper[CLGEN_HYPER_BATCHES] == 8 && lost.hyper[CLGEN_HYPER_LR] == 1);
  noise(&c, 0.1, 400); /* no noise: down again, and the rate no higher than for the batch */
  assert_true(c.hyper[CLGEN_HYPER_BATCHES] == 1 && c.hyper[CLGEN_HYPER_LR] <= 1);
}

static const clgen_auto_option *chosen(const clgen_auto_choice *c, const char *name) {
  for (int i = 0; i < c->n; ++i)
    if (strcmp(c->option[i].name, name) == 0) return &c->option[i];
  return NULL;
}

static void auto_follows_data_and_device(void **state) {
  (void)state;
  clgen_auto_choice c;
  const clgen_auto_facts digits = {.images = 60000,
                                   .width = 28,
                                   .height = 28,
                                   .grey = true,
                                   .diversity = 0.35,
                                   .gflops = 400,
                                   .memory = (uint64_t)8 << 30,
                                   .seconds = 600};
  clgen_auto_choose(&digits, &c);
  assert_string_equal(chosen(&c, "res")->value, "32");
  assert_string_equal(chosen(&c, "channels")->value, "1");
  assert_int_equal(c.ngf, 64);
  assert_null(chosen(&c, "reg"));
  assert_true(c.kimg > 200 && c.kimg < 600); /* ten minutes at 600 images/s */

  clgen_auto_facts slow = digits;
  slow.gflops = 10;
  clgen_auto_choose(&slow, &c);
  assert_int_equal(c.ngf, 16);
  slow.gflops = 0.1;
  clgen_auto_choose(&slow, &c);
  assert_int_equal(c.kimg, 60); /* less shows nothing */

  clgen_auto_facts small = digits;
  small.memory = 64u << 20;
  clgen_auto_choose(&small, &c);
  assert_true(c.batch < 64 && c.batch >= 8);

  clgen_auto_facts few = {.images = 500,
                          .width = 100,
                          .height = 64,
                          .diversity = 0.4,
                          .gflops = 4000,
                          .memory = (uint64_t)8 << 30,
                          .seconds = 600};
  clgen_auto_choose(&few, &c);
  assert_string_equal(chosen(&c, "res")->value, "64");
  assert_string_equal(chosen(&c, "channels")->value, "3");
  assert_string_equal(chosen(&c, "adapt")->value, "ada,guard");
  assert_string_equal(chosen(&c, "augment")->value, "xint,scale,aniso,xfrac,brightness,contrast,hue,saturation");
  assert_null(chosen(&c, "reg"));
  assert_int_equal(c.kimg, 200); /* 400 times the data, not ten minutes */

  few.mirrored = 1.03, few.turned = 1.11, few.negative = 1.5;
  clgen_auto_choose(&few, &c);
  assert_string_equal(chosen(&c, "augment")->value, "xflip,xint,scale,aniso,xfrac,brightness,contrast,hue,saturation");
  few.turned = few.negative = 1;
  few.channels = 1;
  clgen_auto_choose(&few, &c);
  assert_string_equal(chosen(&c, "augment")->value,
                      "xflip,rotate90,rotate,xint,scale,aniso,xfrac,brightness,contrast,lumaflip");

  few.res = 32, few.ngf = 48, few.batch = 16, few.kimg = 7, few.channels = 1; /* what is fixed is not chosen */
  clgen_auto_choose(&few, &c);
  assert_true(c.res == 32 && c.ngf == 48 && c.batch == 16 && c.kimg == 7 && c.channels == 1);
  assert_null(chosen(&c, "ngf"));
  assert_null(chosen(&c, "kimg"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_read),
      cmocka_unit_test(plateau_lowers_rates_where_the_loss_stays),
      cmocka_unit_test(plateau_of_a_critic_begins_with_the_second_span),
      cmocka_unit_test(guard_leaves_a_good_run_alone),
      cmocka_unit_test(guard_goes_back_from_a_collapse),
      cmocka_unit_test(guard_sees_a_collapse_of_the_young),
      cmocka_unit_test(guard_goes_back_at_once_from_what_is_not_finite),
      cmocka_unit_test(guard_gives_slow_generators_time),
      cmocka_unit_test(guard_lowers_beta_where_the_latent_is_unused),
      cmocka_unit_test(guard_leaves_a_used_latent_alone),
      cmocka_unit_test(noise_scale_lowers_the_rate_as_noise_wins),
      cmocka_unit_test(noise_scale_changes_the_batch_where_it_may),
      cmocka_unit_test(auto_follows_data_and_device),
      cmocka_unit_test(balance_turns_the_rate_then_the_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
