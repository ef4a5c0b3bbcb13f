/* Every operation: the tested device against the host, and first and second derivatives against finite differences. A new
 * row of the table of elementwise operations is tested without being named here; a new structural operation without an
 * example in examples.h is an error. The device is CLGEN_TEST_DEVICE, else the one that is chosen by itself. */
#include "examples.h"

static clgen_device *tested, *host;

static int open_devices(void **state) {
  (void)state;
  host = open_host();
  tested = open_tested();
  return 0;
}

static int close_devices(void **state) {
  (void)state;
  clgen_device_close(tested);
  clgen_device_close(host);
  return 0;
}

static void write_floats(clgen_program *p, clgen_tensor *t, const float *value) {
  OK(clgen_program_write(p, t, value, count_of(t) * sizeof(float)));
}

/* Writes the inputs, and the weights of the functionals: the same numbers for every device. */
static void write_example(clgen_program *p, const example *x, bool with_weights) {
  for (int k = 0; k < x->t.n; ++k) write_floats(p, x->t.in[k], x->value[k]);
  if (!with_weights) return;
  uint64_t random = 77;
  for (int k = -1; k < x->t.n; ++k) {
    clgen_tensor *t = k < 0 ? x->t.v : x->t.u[k];
    float *value = new_floats(count_of(t));
    for (size_t i = 0; i < count_of(t); ++i) value[i] = (float)random_between(&random, -1, 1);
    write_floats(p, t, value);
    free(value);
  }
}

/* ---- Device against host --------------------------------------------------------------------------------------------- */

static void compare_tensor(const compiled *a, const compiled *b, clgen_tensor *t, const char *name, const char *role,
                           int k) {
  char what[120];
  snprintf(what, sizeof what, "%s, %s %d", name, role, k);
  float *got = read_floats(a->program, t), *expected = read_floats(b->program, t);
  compare(what, got, expected, count_of(t), 2e-5);
  free(got);
  free(expected);
}

/* All examples are one graph, so that a device compiles few programs. */
static void compare_devices(clgen_graph *g, example *xs, const bool *derived_too, int n) {
  compiled a = compile(g, tested), b = compile(g, host);
  for (int i = 0; i < n; ++i) {
    write_example(a.program, &xs[i], derived_too[i]);
    write_example(b.program, &xs[i], derived_too[i]);
  }
  OK(clgen_program_run(a.program));
  OK(clgen_program_run(b.program));
  for (int i = 0; i < n; ++i) {
    compare_tensor(&a, &b, xs[i].t.y, xs[i].name, "output", 0);
    for (int k = 0; derived_too[i] && k < xs[i].t.n; ++k) {
      compare_tensor(&a, &b, xs[i].t.d[k], xs[i].name, "gradient", k);
      compare_tensor(&a, &b, xs[i].t.dd[k], xs[i].name, "second gradient", k);
    }
  }
  free_compiled(&a);
  free_compiled(&b);
}

static bool is_drawn(int op) { return clgen_op_is_random(op) || op == CLGEN_EW_CONST; } /* tested apart */

static void elementwise_on_device(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    clgen_graph *g;
    OK(clgen_graph_create(&g));
    example xs[CLGEN_EW_COUNT];
    bool derived_too[CLGEN_EW_COUNT] = {false};
    int n = 0;
    for (int op = 0; op < CLGEN_EW_COUNT; ++op) {
      if (is_drawn(op)) continue;
      begin_example(&xs[n], g, clgen_ew_name(op), seed);
      make_elementwise(&xs[n], op);
      end_example(&xs[n++]);
    }
    compare_devices(g, xs, derived_too, n);
    for (int i = 0; i < n; ++i) free_example(&xs[i]);
    clgen_graph_free(g);
  }
}

static void structural_on_device(void **state) {
  (void)state;
  enum { N = CLGEN_COUNT(structural) };
  for (uint64_t seed = 0; seed < 2; ++seed) {
    clgen_graph *g;
    OK(clgen_graph_create(&g));
    example *xs = NEED(calloc(N, sizeof *xs));
    bool derived_too[N];
    for (int i = 0; i < N; ++i) {
      begin_example(&xs[i], g, structural[i].name, seed);
      xs[i].t.y = structural[i].make(&xs[i]);
      end_example(&xs[i]);
      derived_too[i] = !(structural[i].flags & (VALUES_ONLY | BY_DIFFERENCES));
      if (derived_too[i]) derive(g, xs[i].name, &xs[i].t);
    }
    compare_devices(g, xs, derived_too, N);
    for (int i = 0; i < N; ++i) free_example(&xs[i]);
    free(xs);
    clgen_graph_free(g);
  }
}

static void every_structural_operation_has_an_example(void **state) {
  (void)state;
  bool seen[CLGEN_OP_COUNT] = {false};
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  for (size_t i = 0; i < CLGEN_COUNT(structural); ++i) {
    example x;
    begin_example(&x, g, structural[i].name, 0);
    x.t.y = structural[i].make(&x);
    end_example(&x);
    free_example(&x);
  }
  for (int i = 0; i < g->count; ++i) seen[g->node[i]->op] = true;
  for (int op = CLGEN_OP_FIRST_STRUCTURAL; op < CLGEN_OP_COUNT; ++op)
    if (!seen[op]) fail_msg("%s has no example in examples.h", clgen_op_name(op));
  clgen_graph_free(g);
}

/* Not close: equal, for the random streams of a resumed run must be the same anywhere. */
static void draw_with_counter(clgen_shape counter_shape) {
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *counter = NEED(clgen_input(g, "counter", CLGEN_U32, counter_shape));
  const uint64_t seed = 0xfedcba9876543210u;
  clgen_tensor *columns[] = {clgen_random_uniform(g, counter, seed, 3, (clgen_shape){2, {5, 1}}),
                             clgen_random_normal(g, counter, seed, 4, (clgen_shape){2, {5, 1}})};
  clgen_tensor *drawn[] = {
      clgen_random_uniform(g, counter, seed, 1, (clgen_shape){3, {7, 11, 13}}),
      clgen_random_normal(g, counter, seed, 2, (clgen_shape){3, {7, 11, 13}}),
      clgen_random_normal(g, counter, 5, 0xffffffffu, (clgen_shape){1, {20011}}),
      clgen_permute(clgen_random_normal(g, counter, seed, 2, (clgen_shape){2, {5, 9}}), (int[]){1, 0}),
      /* with a factor for each row: rows that begin anywhere in a call of philox */
      clgen_mul(clgen_random_normal(g, counter, seed, 5, (clgen_shape){2, {5, 203}}), columns[0]),
      clgen_mul(clgen_random_uniform(g, counter, seed, 6, (clgen_shape){2, {5, 131}}), columns[1]),
  };
  for (size_t i = 0; i < CLGEN_COUNT(drawn); ++i) OK(clgen_output(NEED(drawn[i])));
  compiled a = compile(g, tested), b = compile(g, host);
  const uint32_t counters[] = {0, 1, 0x80000001u, 0xffffffffu};
  for (size_t c = 0; c < CLGEN_COUNT(counters); ++c) {
    OK(clgen_program_write(a.program, counter, &counters[c], sizeof counters[c]));
    OK(clgen_program_write(b.program, counter, &counters[c], sizeof counters[c]));
    OK(clgen_program_run(a.program));
    OK(clgen_program_run(b.program));
    for (size_t i = 0; i < CLGEN_COUNT(drawn); ++i) {
      float *got = read_floats(a.program, drawn[i]), *expected = read_floats(b.program, drawn[i]);
      assert_memory_equal(got, expected, count_of(drawn[i]) * sizeof(float));
      free(got);
      free(expected);
    }
  }
  free_compiled(&a);
  free_compiled(&b);
  clgen_graph_free(g);
}

static void random_numbers_are_the_same_bits(void **state) {
  (void)state;
  draw_with_counter((clgen_shape){.ndim = 0});
  draw_with_counter((clgen_shape){1, {1}}); /* one element all the same: no stride along a draw's axes */
}

/* What training relies on when something goes wrong, and when pictures are written. */
static void special_values(void **state) {
  (void)state;
  static const float value[] = {1, INFINITY, -INFINITY, NAN, 3e38f, -0.0f, 1e-40f};
  static const float expected_finite[] = {1, 0, 0, 0, 1, 1, 1};
  static const float level[] = {-1, 0.5f, 1.5f, 2.5f, 254.5f, 255.5f, 1e9f}, expected_u8[] = {0, 0, 2, 2, 254, 255, 255};
  static const float big[] = {-1e4f, -100, -20, 0, 20, 100, 1e4f};
  static const float expected_sigmoid[] = {0, 0, 2.0611537e-9f, 0.5f, 1, 1, 1},
                     expected_softplus[] = {0, 0, 2.0611537e-9f, 0.69314718f, 20, 100, 1e4f};
  enum { N = CLGEN_COUNT(value) };
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_shape shape = {1, {N}};
  clgen_tensor *a = clgen_input(g, "a", CLGEN_F32, shape), *b = clgen_input(g, "b", CLGEN_F32, shape),
               *c = clgen_input(g, "c", CLGEN_F32, shape);
  clgen_tensor *out[] = {clgen_is_finite(a), clgen_to_u8(b), clgen_sigmoid(c), clgen_softplus(c), clgen_tanh(c)};
  const float expected_tanh[] = {-1, -1, -1, 0, 1, 1, 1},
              *expected[] = {expected_finite, expected_u8, expected_sigmoid, expected_softplus, expected_tanh};
  for (size_t i = 0; i < CLGEN_COUNT(out); ++i) OK(clgen_output(NEED(out[i])));
  clgen_device *devices[] = {host, tested};
  for (int d = 0; d < 2; ++d) {
    compiled p = compile(g, devices[d]);
    write_floats(p.program, a, value);
    write_floats(p.program, b, level);
    write_floats(p.program, c, big);
    OK(clgen_program_run(p.program));
    for (size_t i = 0; i < CLGEN_COUNT(out); ++i) {
      float *got = read_floats(p.program, out[i]);
      for (int k = 0; k < N; ++k)
        if (!(fabs(got[k] - expected[i][k]) <= 1e-6 * fabs(expected[i][k]) + 1e-37))
          fail_msg("%s: special values %zu, element %d: %.9g instead of %.9g", d ? "device" : "host", i, k, got[k],
                   expected[i][k]);
      free(got);
    }
    free_compiled(&p);
  }
  clgen_graph_free(g);
}

/* ---- Finite differences, on the host -----------------------------------------------------------------------------------
 */

typedef struct {
  example *x;
  clgen_program *p;
  float *v, *u[MAX_IN], *d[MAX_IN], *dd[MAX_IN];
  long checked, kinks;
} differences;

static double weighted(clgen_program *p, clgen_tensor *t, const float *w) {
  float *value = read_floats(p, t);
  double sum = 0;
  for (size_t i = 0; i < count_of(t); ++i) sum += (double)value[i] * w[i];
  free(value);
  return sum;
}

/* The two functionals, where element i of input k is `at`. */
static void functionals(differences *f, int k, size_t i, float at, double out[2]) {
  example *x = f->x;
  float kept = x->value[k][i];
  x->value[k][i] = at;
  write_floats(f->p, x->t.in[k], x->value[k]);
  x->value[k][i] = kept;
  OK(clgen_program_run(f->p));
  out[0] = weighted(f->p, x->t.y, f->v);
  out[1] = 0;
  for (int j = 0; j < x->t.n; ++j) out[1] += weighted(f->p, x->t.d[j], f->u[j]);
}

static void central(differences *f, int k, size_t i, float step, double out[2]) {
  float centre = f->x->value[k][i], low = centre - step, high = centre + step;
  double below[2], above[2];
  functionals(f, k, i, low, below);
  functionals(f, k, i, high, above);
  for (int order = 0; order < 2; ++order) out[order] = (above[order] - below[order]) / ((double)high - low);
}

static void check_element(differences *f, int k, size_t i) {
  const example *x = f->x;
  const double exact[2] = {f->d[k][i], f->dd[k][i]};
  const size_t n = count_of(x->t.in[k]);
  const double scale[2] = {largest(f->d[k], n), largest(f->dd[k], n)};
  double wide[2], narrow[2];
  central(f, k, i, 1e-2f, wide);
  for (int order = 0; order < 2; ++order) {
    double tolerance = 1e-2 * fabs(exact[order]) + 2e-3 * scale[order] + 2e-3;
    f->checked++;
    if (fabs(wide[order] - exact[order]) <= tolerance) continue;
    central(f, k, i, 4e-3f, narrow);
    if (fabs(narrow[order] - exact[order]) <= tolerance) continue; /* curved */
    if (fabs(wide[order] - narrow[order]) > tolerance / 2) {       /* a kink is near: the difference has no limit yet */
      f->kinks++;
      continue;
    }
    fail_msg("%s: %s derivative in element %zu of input %d is %.6g, by differences %.6g and %.6g", x->name,
             order ? "second" : "first", i, k, exact[order], wide[order], narrow[order]);
  }
}

static void check_input(differences *f, int k) {
  size_t n = count_of(f->x->t.in[k]), stride = n / 16 + 1;
  for (size_t i = 0; i < n; i += stride) check_element(f, k, i);
  write_floats(f->p, f->x->t.in[k], f->x->value[k]);
}

/* Weights of the functional on t, as they are written to the program. */
static float *draw_weights(clgen_program *p, clgen_tensor *t, uint64_t *random) {
  float *w = new_floats(count_of(t));
  for (size_t i = 0; i < count_of(t); ++i)
    w[i] = (float)random_between(random, 0.25, 1) * (random_int(random, 0, 1) ? 1 : -1);
  write_floats(p, t, w);
  return w;
}

/* The example's graph is complete, with its derivatives. */
static void check_by_differences(example *x) {
  compiled c = compile(x->g, host);
  differences f = {.x = x, .p = c.program};
  write_example(c.program, x, false);
  f.v = draw_weights(c.program, x->t.v, &x->random);
  for (int k = 0; k < x->t.n; ++k) f.u[k] = draw_weights(c.program, x->t.u[k], &x->random);
  OK(clgen_program_run(c.program));
  for (int k = 0; k < x->t.n; ++k) {
    f.d[k] = read_floats(c.program, x->t.d[k]);
    f.dd[k] = read_floats(c.program, x->t.dd[k]);
  }
  for (int k = 0; k < x->t.n; ++k) check_input(&f, k);
  if (f.kinks * 4 > f.checked) fail_msg("%s: kinks near %ld of %ld points", x->name, f.kinks, f.checked);
  for (int k = 0; k < x->t.n; ++k) {
    free(f.u[k]);
    free(f.d[k]);
    free(f.dd[k]);
  }
  free(f.v);
  free_compiled(&c);
}

static bool all_finite(example *x) {
  compiled c = compile(x->g, host);
  write_example(c.program, x, false);
  OK(clgen_program_run(c.program));
  float *y = read_floats(c.program, x->t.y);
  bool good = true;
  for (size_t i = 0; i < count_of(x->t.y); ++i) good = good && isfinite(y[i]);
  free(y);
  free_compiled(&c);
  return good;
}

/* `positive`: stay in the table's domain, and do not try its mirror image too. False if that leaves the real numbers. */
static bool differentiate_elementwise(int op, uint64_t seed, bool positive) {
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  example x;
  begin_example(&x, g, clgen_ew_name(op), seed);
  x.positive = positive;
  make_elementwise(&x, op);
  end_example(&x);
  bool good = all_finite(&x);
  if (good) {
    derive(g, x.name, &x.t);
    check_by_differences(&x);
  }
  free_example(&x);
  clgen_graph_free(g);
  return good;
}

/* normalize is no function of three independent operands, see its declaration: it has an example instead. */
static void elementwise_derivatives(void **state) {
  (void)state;
  for (int op = 0; op < CLGEN_EW_COUNT; ++op) {
    if (is_drawn(op) || op == CLGEN_EW_NORMALIZE) continue;
    for (uint64_t seed = 0; seed < 4; ++seed)
      if (!differentiate_elementwise(op, seed, false) && !differentiate_elementwise(op, seed, true))
        fail_msg("%s is not finite in the domain that its row gives", clgen_ew_name(op));
  }
}

static void structural_derivatives(void **state) {
  (void)state;
  for (size_t i = 0; i < CLGEN_COUNT(structural); ++i) {
    if (structural[i].flags & ~BY_DIFFERENCES) continue;
    for (uint64_t seed = 10; seed < 13; ++seed) {
      clgen_graph *g;
      OK(clgen_graph_create(&g));
      example x;
      begin_example(&x, g, structural[i].name, seed);
      x.t.y = structural[i].make(&x);
      end_example(&x);
      derive(g, x.name, &x.t);
      check_by_differences(&x);
      free_example(&x);
      clgen_graph_free(g);
    }
  }
}

/* d (x^2 + stop(x^2) 3) = 2 x, where differences would find 8 x. */
static void nothing_flows_through_stop_gradient(void **state) {
  (void)state;
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  example x;
  begin_example(&x, g, "stop", 0);
  x.t.y = ex_stop_gradient(&x);
  end_example(&x);
  derive(g, x.name, &x.t);
  compiled c = compile(g, host);
  write_example(c.program, &x, false);
  size_t n = count_of(x.t.y);
  float *v = draw_weights(c.program, x.t.v, &x.random), *u = draw_weights(c.program, x.t.u[0], &x.random);
  OK(clgen_program_run(c.program));
  float *d = read_floats(c.program, x.t.d[0]), *dd = read_floats(c.program, x.t.dd[0]);
  for (size_t i = 0; i < n; ++i) {
    assert_true(fabs(d[i] - 2.0 * x.value[0][i] * v[i]) < 1e-5);
    assert_true(fabs(dd[i] - 2.0 * u[i] * v[i]) < 1e-5);
  }
  free(v);
  free(u);
  free(d);
  free(dd);
  free_compiled(&c);
  free_example(&x);
  clgen_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_structural_operation_has_an_example),
      cmocka_unit_test(elementwise_derivatives),
      cmocka_unit_test(structural_derivatives),
      cmocka_unit_test(nothing_flows_through_stop_gradient),
      cmocka_unit_test(elementwise_on_device),
      cmocka_unit_test(structural_on_device),
      cmocka_unit_test(random_numbers_are_the_same_bits),
      cmocka_unit_test(special_values),
  };
  return cmocka_run_group_tests(tests, open_devices, close_devices);
}
