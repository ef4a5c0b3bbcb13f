/* exp, log and what is made of them: the tested device against the host, which computes them in double, over all magnitudes
 * of floats. The device is CLGEN_TEST_DEVICE, else the one that is chosen by itself. */
#include "graphs.h"

enum { EACH = 61, EXPONENTS = 277, SPECIAL = 14, N = 2 * EACH * EXPONENTS + SPECIAL + 1 };

static clgen_tensor *make_exp(clgen_tensor *x) { return clgen_exp(x); }
static clgen_tensor *make_log(clgen_tensor *x) { return clgen_log(x); }
static clgen_tensor *make_tanh(clgen_tensor *x) { return clgen_tanh(x); }
static clgen_tensor *make_sigmoid(clgen_tensor *x) { return clgen_sigmoid(x); }
static clgen_tensor *make_softplus(clgen_tensor *x) { return clgen_softplus(x); }

static const struct {
  const char *name;
  clgen_tensor *(*make)(clgen_tensor *x);
  double ulps; /* OpenCL allows 3 for exp and log and 5 for tanh */
} function[] = {
    {"exp", make_exp, 2},         {"log", make_log, 2},           {"tanh", make_tanh, 6},
    {"sigmoid", make_sigmoid, 3}, {"softplus", make_softplus, 3},
};
enum { FUNCTIONS = CLGEN_COUNT(function) };

/* Every power of two, denormal ones too, with random digits behind it, and the ends of what the functions tell apart. */
static float *arguments(void) {
  static const float special[SPECIAL] = {0,       -0.0f,   INFINITY, -INFINITY, NAN,     1,        -1,
                                         88.722f, 88.723f, -103.97f, -104.0f,   9.0109f, -87.337f, 0.70710678f};
  float *x = new_floats(N);
  uint64_t random = 5;
  size_t n = 0;
  for (int e = -149; e < EXPONENTS - 149; ++e)
    for (int k = 0; k < EACH; ++k) {
      x[n++] = ldexpf((float)random_between(&random, 1, 2), e);
      x[n++] = -ldexpf((float)random_between(&random, 1, 2), e);
    }
  for (int k = 0; k < SPECIAL; ++k) x[n++] = special[k];
  x[n++] = 3;
  assert_int_equal(n, N);
  return x;
}

/* Below the normal numbers a device may have none. */
static bool is_near(float got, float expected, double ulps) {
  if (got == expected || (isnan(got) && isnan(expected))) return true;
  double ulp = (double)nextafterf(fabsf(expected), INFINITY) - fabs(expected);
  return fabs((double)got - expected) <= ulps * ulp + 2e-38;
}

static void within_ulps_over_all_magnitudes(void **state) {
  (void)state;
  clgen_device *tested = open_tested(), *host = open_host();
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(1, N)), *y[FUNCTIONS];
  for (int f = 0; f < FUNCTIONS; ++f) OK(clgen_output(y[f] = NEED(function[f].make(x))));
  compiled a = compile(g, tested), b = compile(g, host);
  float *values = arguments();
  OK(clgen_program_write(a.program, x, values, N * sizeof *values));
  OK(clgen_program_write(b.program, x, values, N * sizeof *values));
  OK(clgen_program_run(a.program));
  OK(clgen_program_run(b.program));
  for (int f = 0; f < FUNCTIONS; ++f) {
    float *got = read_floats(a.program, y[f]), *expected = read_floats(b.program, y[f]);
    for (int i = 0; i < N; ++i)
      if (!is_near(got[i], expected[i], function[f].ulps))
        fail_msg("%s(%.9g) is %.9g instead of %.9g", function[f].name, values[i], got[i], expected[i]);
    free(got);
    free(expected);
  }
  free(values);
  free_compiled(&a);
  free_compiled(&b);
  clgen_graph_free(g);
  clgen_device_close(tested);
  clgen_device_close(host);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(within_ulps_over_all_magnitudes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
