/* Augmentation of a discriminator's images: sampling and all transformations against PyTorch and numpy (tests/golden/
 * make_augment.py), that images stay as they are where nothing happens, that views of whole pixels are exact, adjoints, and
 * the probability's way. */
#include "graphs.h"

#include "golden.h"

#include <clgen/adapt.h>
#include <clgen/augment.h>

static clgen_device *device[2]; /* the host, the tested one */

static int begin(void **state) {
  (void)state;
  device[0] = open_host();
  device[1] = open_tested();
  return open_golden_file("augment");
}
static int end(void **state) {
  clgen_device_close(device[0]);
  clgen_device_close(device[1]);
  return close_golden(state);
}

static const clgen_st_tensor *find(const char *a, const char *b) {
  char name[64];
  snprintf(name, sizeof name, "%s%s", a, b);
  const clgen_st_tensor *t = clgen_safetensors_find(golden, name);
  if (!t) fail_msg("no %s", name);
  return t;
}
static clgen_tensor *input_like(clgen_graph *g, const char *a, const char *b) {
  char name[64];
  snprintf(name, sizeof name, "%s%s", a, b);
  return test_input(g, name, find(a, b)->shape);
}
static void write_golden(clgen_program *p, clgen_tensor *t, const char *a, const char *b) {
  OK(clgen_program_write(p, t, find(a, b)->data, count_of(t) * sizeof(float)));
}
static void same_as_golden(clgen_program *p, clgen_tensor *t, const char *a, const char *b) {
  char what[80];
  snprintf(what, sizeof what, "%s%s", a, b);
  float *got = read_floats(p, t);
  compare(what, got, find(a, b)->data, count_of(t), 2e-5);
  free(got);
}

/* sum(y f), f as in make_golden.py. */
static clgen_tensor *functional(clgen_graph *g, clgen_tensor *y) { return weights_like(g, "f", "", 0, y); }
static void write_functional(clgen_program *p, clgen_tensor *f) {
  float *value = new_floats(count_of(f));
  for (size_t i = 0; i < count_of(f); ++i) value[i] = (float)(((double)((37 * i + 11) % 64) - 31.5) / 32);
  OK(clgen_program_write(p, f, value, count_of(f) * sizeof(float)));
  free(value);
}

static void views_as_pytorch(void **state) {
  (void)state;
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = input_like(g, "sample.", "x"), *theta = input_like(g, "sample.", "theta"),
               *dy = input_like(g, "sample.", "dy");
  clgen_tensor *y = NEED(clgen_affine_sample(x, theta, 6, 4)), *dx = NEED(clgen_affine_sample_grad(dy, theta, 5, 7));
  OK(clgen_output(y));
  OK(clgen_output(dx));
  for (int d = 0; d < 2; ++d) {
    compiled c = compile(g, device[d]);
    write_golden(c.program, x, "sample.", "x");
    write_golden(c.program, theta, "sample.", "theta");
    write_golden(c.program, dy, "sample.", "dy");
    OK(clgen_program_run(c.program));
    same_as_golden(c.program, y, "sample.", "y");
    same_as_golden(c.program, dx, "sample.", "dx");
    free_compiled(&c);
  }
  clgen_graph_free(g);
}

static const struct {
  const char *name, *list;
} cases[] = {{"blit", "blit"},
             {"geom", "geom"},
             {"color", "color"},
             {"filter", "filter"},
             {"noise", "noise"},
             {"cutout", "cutout"},
             {"bgc", "bgc"},
             {"even", "xflip,xint,rotate,xfrac,contrast,hue"},
             {"odd", "rotate90,scale,aniso,brightness,lumaflip,saturation"},
             {"all", "bgcfnc"}};

/* With no probability images stay as they are, to the bit; bands add up again, but round. */
static void check_unchanged(clgen_program *p, clgen_tensor *y, const char *prefix, unsigned mask, const char *name) {
  const float *images = find(prefix, "images")->data;
  float *got = read_floats(p, y);
  if (mask & CLGEN_AUGMENT_FILTER)
    compare("filtered by nothing", got, images, count_of(y), 1e-6);
  else if (memcmp(got, images, count_of(y) * sizeof(float)) != 0)
    fail_msg("%s%s: images change where p is 0", prefix, name);
  free(got);
}

/* All cases on images of some channels, as one program. */
static void images_of(const char *prefix) {
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = input_like(g, prefix, "images"), *noise = input_like(g, prefix, "drawn"), *p = input_like(g, "p", ""),
               *uniform = input_like(g, "uniform", ""), *normal = input_like(g, "normal", ""), *y[CLGEN_COUNT(cases)], *d;
  unsigned mask[CLGEN_COUNT(cases)];
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    OK(clgen_augment_parse(&mask[i], cases[i].list));
    y[i] = NEED(clgen_augment(g, x, mask[i], p, uniform, normal, noise));
    OK(clgen_output(y[i]));
  }
  clgen_tensor *whole = y[CLGEN_COUNT(cases) - 1], *f = functional(g, whole);
  OK(clgen_grad(weighted_sum(whole, f), 1, &x, &d));
  OK(clgen_output(d));
  for (int k = 0; k < 2; ++k) {
    compiled c = compile(g, device[k]);
    write_golden(c.program, x, prefix, "images");
    write_golden(c.program, noise, prefix, "drawn");
    write_golden(c.program, p, "p", "");
    write_golden(c.program, uniform, "uniform", "");
    write_golden(c.program, normal, "normal", "");
    write_functional(c.program, f);
    OK(clgen_program_run(c.program));
    for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) same_as_golden(c.program, y[i], prefix, cases[i].name);
    same_as_golden(c.program, d, prefix, "all.d");
    float zero = 0;
    OK(clgen_program_write(c.program, p, &zero, sizeof zero));
    OK(clgen_program_run(c.program));
    for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) check_unchanged(c.program, y[i], prefix, mask[i], cases[i].name);
    free_compiled(&c);
  }
  clgen_graph_free(g);
}

static void transformations_as_numpy(void **state) {
  (void)state;
  images_of("grey.");
  images_of("rgb.");
  images_of("rgba.");
}

/* Pixels that land on pixels keep their bits: a quarter turn and a shift, against the same by hand. */
static void whole_pixels_are_exact(void **state) {
  (void)state;
  enum { SIZE = 9 };
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(4, 1, 1, SIZE, SIZE)),
               *theta = test_input(g, "theta", clgen_shape_of(3, 1, 2, 3));
  clgen_tensor *y = NEED(clgen_affine_sample(x, theta, SIZE, SIZE));
  OK(clgen_output(y));
  uint64_t random = 3;
  float image[SIZE][SIZE], view[SIZE][SIZE];
  const float map[6] = {0, -1, 2, 1, 0, 0}; /* column 8 - row + 2, row column */
  for (int i = 0; i < SIZE * SIZE; ++i) image[i / SIZE][i % SIZE] = (float)random_between(&random, -1, 1);
  for (int d = 0; d < 2; ++d) {
    compiled c = compile(g, device[d]);
    OK(clgen_program_write(c.program, x, image, sizeof image));
    OK(clgen_program_write(c.program, theta, map, sizeof map));
    OK(clgen_program_run(c.program));
    OK(clgen_program_read(c.program, y, view, sizeof view));
    for (int r = 0; r < SIZE; ++r)
      for (int k = 0; k < SIZE; ++k) {
        int column = SIZE + 1 - r;
        if (column >= SIZE) column = 2 * (SIZE - 1) - column;
        assert_true(view[r][k] == image[k][column]);
      }
    free_compiled(&c);
  }
  clgen_graph_free(g);
}

/* <A x, y> = <x, A' y>, in double from what the device gives. */
static void adjoint(void **state) {
  (void)state;
  clgen_shape image = clgen_shape_of(4, 3, 2, 17, 12), seen = clgen_shape_of(4, 3, 2, 8, 23);
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = test_input(g, "x", image), *y = test_input(g, "y", seen),
               *theta = test_input(g, "theta", clgen_shape_of(3, 3, 2, 3));
  clgen_tensor *ax = NEED(clgen_affine_sample(x, theta, 8, 23)), *ay = NEED(clgen_affine_sample_grad(y, theta, 17, 12));
  OK(clgen_output(ax));
  OK(clgen_output(ay));
  uint64_t random = 11;
  for (int d = 0; d < 2; ++d) {
    compiled c = compile(g, device[d]);
    clgen_tensor *inputs[] = {x, y, theta};
    float *value[3], *got[2];
    for (int k = 0; k < 3; ++k) {
      value[k] = new_floats(count_of(inputs[k]));
      for (size_t i = 0; i < count_of(inputs[k]); ++i)
        value[k][i] = (float)random_between(&random, -1, 1) * (k == 2 && i % 3 == 2 ? 20 : 1.3f);
      OK(clgen_program_write(c.program, inputs[k], value[k], count_of(inputs[k]) * sizeof(float)));
    }
    OK(clgen_program_run(c.program));
    got[0] = read_floats(c.program, ax);
    got[1] = read_floats(c.program, ay);
    double sum[2] = {0, 0}, size = 0;
    for (size_t i = 0; i < count_of(ax); ++i) sum[0] += (double)got[0][i] * value[1][i];
    for (size_t i = 0; i < count_of(ay); ++i) sum[1] += (double)got[1][i] * value[0][i];
    for (size_t i = 0; i < count_of(ax); ++i) size += fabs((double)got[0][i] * value[1][i]);
    assert_true(fabs(sum[0] - sum[1]) < 1e-6 * size);
    for (int k = 0; k < 3; ++k) free(value[k]);
    for (int k = 0; k < 2; ++k) free(got[k]);
    free_compiled(&c);
  }
  clgen_graph_free(g);
}

static void names_of_transformations(void **state) {
  (void)state;
  static const struct {
    const char *list;
    unsigned mask; /* 0: refused */
  } rows[] = {{"b", 7},
              {"bg", 0x7f},
              {"bgc", 0xfff},
              {"bgcf", 0x1fff},
              {"bgcfn", 0x3fff},
              {"bgcfnc", 0x7fff},
              {"blit", 7},
              {"xflip", 1},
              {"rotate90,xint", 6},
              {"rotate", 0x10},
              {"saturation", 0x800},
              {"noise", 0x2000},
              {"cutout", 0x4000},
              {"geom,bg", 0x7f},
              {"color,b", 0xf87},
              {"filter,noise", 0x3000},
              {"", 0},
              {"bgcfnc,", 0},
              {"gb", 0},
              {"blot", 0},
              {"bgcfncx", 0},
              {"geo", 0},
              {"blit,,b", 0},
              {"flip", 0}};
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) {
    unsigned mask;
    int code = clgen_augment_parse(&mask, rows[i].list);
    if (rows[i].mask ? code || mask != rows[i].mask : code != CLGEN_E_INVALID) fail_msg("\"%s\": %u", rows[i].list, mask);
  }
}

/* p against the same by hand, for signs that a discriminator might give. */
static void probability_goes_its_way(void **state) {
  (void)state;
  const clgen_augmentation a = {.adaptive = true, .target = 0.6, .kimg = 2, .limit = 0.8};
  enum { BATCH = 50, STEPS = 200 };
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *r = test_input(g, "r", clgen_shape_of(0));
  clgen_tensor *s = clgen_state(g, CLGEN_ADA_STATE, CLGEN_F32, clgen_shape_of(1, 3));
  s = clgen_ada_end(clgen_ada_add(s, r), &a, BATCH);
  OK(clgen_output(NEED(clgen_affine(clgen_ada_p(s), 1, 1))));
  for (int d = 0; d < 2; ++d) {
    compiled c = compile(g, device[d]);
    uint64_t random = 5;
    double p = 0, sum = 0;
    bool reached = false, fell = false;
    for (int step = 0; step < STEPS; ++step) {
      float sign = (float)(step < 120 ? random_between(&random, 0.5, 1) : random_between(&random, -0.5, 0.5)), got[3];
      OK(clgen_program_write(c.program, r, &sign, sizeof sign));
      OK(clgen_program_run(c.program));
      sum += (double)sign;
      if (step % 4 == 3) {
        p += (sum / 4 > 0.6 ? 1 : -1) * 4.0 * BATCH / 2000;
        p = p < 0 ? 0 : p > 0.8 ? 0.8 : p;
        sum = 0;
      }
      OK(clgen_store_read(c.store, CLGEN_ADA_STATE, 0, 3, got));
      if (!(fabs((double)got[2] - p) < 1e-5)) fail_msg("step %d: p is %g instead of %g", step, (double)got[2], p);
      assert_true(got[1] == (float)((step + 1) % 4) && fabs((double)got[0] - sum) < 1e-5);
      reached = reached || p == 0.8;
      fell = fell || (reached && p == 0);
    }
    assert_true(reached && fell);
    free_compiled(&c);
  }
  clgen_graph_free(g);
}

/* The controller says where p went once it is worth it. */
static void decisions_are_told(void **state) {
  (void)state;
  const clgen_adapt_config config = {.gan = true};
  static const double way[] = {0, 0.05, 0.099, 0.11, 0.2, 0.22, 0.1}, expected[][2] = {{0, 0.11}, {0.11, 0.22}, {0.22, 0.1}};
  unsigned mask;
  size_t n, told = 0;
  OK(clgen_adapt_parse(&mask, "ada", true, false));
  assert_int_equal(clgen_adapt_parse(&(unsigned){0}, "ada", false, true), CLGEN_E_INVALID);
  clgen_controllers(&n);
  float *memory = new_floats(n * CLGEN_CONTROLLER_STATE);
  for (size_t i = 0; i < CLGEN_COUNT(way); ++i) {
    const clgen_adapt_statistics s = {.n = 2, .name = {"augment_p", "sign_real"}, .mean = {way[i], 0.8}};
    clgen_adapt_outcome out = {0};
    clgen_adapt_act(mask, &config, &s, memory, &out);
    if (!out.n) continue;
    assert_true(out.n == 1 && told < CLGEN_COUNT(expected) && !strcmp(out.decision[0].by, "ada"));
    assert_true(fabs(out.decision[0].from - expected[told][0]) < 1e-6 && out.decision[0].to == expected[told][1]);
    ++told;
  }
  assert_int_equal(told, CLGEN_COUNT(expected));
  free(memory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(views_as_pytorch),
      cmocka_unit_test(whole_pixels_are_exact),
      cmocka_unit_test(adjoint),
      cmocka_unit_test(transformations_as_numpy),
      cmocka_unit_test(names_of_transformations),
      cmocka_unit_test(probability_goes_its_way),
      cmocka_unit_test(decisions_are_told),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
