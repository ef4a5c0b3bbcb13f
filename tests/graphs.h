/* What the tests of operations share: random numbers, devices, and a graph run on a device with its inputs' values. */
#ifndef CLGEN_TESTS_GRAPHS_H
#define CLGEN_TESTS_GRAPHS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "graph/internal.h"

/* A test stops here with the library's own message. */
#define OK(call)                                                    \
  do {                                                              \
    if ((call) != 0) fail_msg("%s: %s", #call, clgen_last_error()); \
  } while (0)

static inline void *need(void *p, const char *what) {
  if (!p) fail_msg("%s: %s", what, clgen_last_error());
  return p;
}
#define NEED(pointer) need(pointer, #pointer)

static inline uint64_t next_random(uint64_t *state) { /* xorshift64*, Vigna 2016 */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545F4914F6CDD1Du;
}

static inline double random_between(uint64_t *state, double low, double high) {
  return low + (high - low) * (double)(next_random(state) >> 11) * 0x1p-53;
}

static inline int random_int(uint64_t *state, int low, int high) { /* both included */
  return low + (int)((next_random(state) >> 33) % (uint64_t)(high - low + 1));
}

static inline clgen_device *open_host(void) {
  clgen_device *device = NULL;
  OK(clgen_device_open(&device, "host", NULL));
  return device;
}

/* CLGEN_TEST_DEVICE, else the one that would be chosen, else the host itself (and then nothing is learned from comparing).
 */
static inline clgen_device *open_tested(void) {
  const char *spec = getenv("CLGEN_TEST_DEVICE");
  clgen_device_options options = {0};
  clgen_device *device = NULL;
  int err = clgen_device_open(&device, spec && *spec ? spec : NULL, &options);
  if (err && !(spec && *spec)) {
    print_message("no device (%s): the host is compared with itself\n", clgen_last_error());
    err = clgen_device_open(&device, "host", NULL);
  }
  if (err) fail_msg("%s", clgen_last_error());
  print_message("device: %s\n", clgen_device_get_info(device)->name);
  return device;
}

/* A graph compiled for one device. */
typedef struct {
  clgen_store *store;
  clgen_program *program;
} compiled;

static inline compiled compile(clgen_graph *g, clgen_device *device) {
  compiled c = {NULL, NULL};
  OK(clgen_store_create(&c.store, device));
  OK(clgen_compile(&c.program, g, c.store));
  return c;
}

static inline void free_compiled(compiled *c) {
  clgen_program_free(c->program);
  clgen_store_free(c->store);
}

static inline size_t count_of(const clgen_tensor *t) { return (size_t)clgen_shape_count(clgen_tensor_shape(t)); }

static inline float *new_floats(size_t n) { return NEED(calloc(n ? n : 1, sizeof(float))); }

/* The tensor's values as floats, whatever its type; free() them. */
static inline float *read_floats(clgen_program *p, clgen_tensor *t) {
  size_t n = count_of(t), bytes = n * clgen_dtype_size(clgen_tensor_dtype(t));
  void *raw = NEED(malloc(bytes ? bytes : 1));
  OK(clgen_program_read(p, t, raw, bytes));
  float *out = new_floats(n);
  for (size_t i = 0; i < n; ++i) {
    switch (clgen_tensor_dtype(t)) {
      case CLGEN_U8: out[i] = ((unsigned char *)raw)[i]; break;
      case CLGEN_U32: out[i] = (float)((uint32_t *)raw)[i]; break;
      case CLGEN_F32: out[i] = ((float *)raw)[i]; break;
    }
  }
  free(raw);
  return out;
}

static inline double largest(const float *x, size_t n) {
  double max = 0;
  for (size_t i = 0; i < n; ++i)
    if (isfinite(x[i]) && fabs(x[i]) > max) max = fabs(x[i]);
  return max;
}

/* |got - expected| <= tolerance (|expected| + largest |expected|); a NaN or an infinity must be the same one. */
static inline void compare(const char *what, const float *got, const float *expected, size_t n, double tolerance) {
  double scale = largest(expected, n);
  for (size_t i = 0; i < n; ++i) {
    if (got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]))) continue;
    if (!(fabs((double)got[i] - expected[i]) <= tolerance * (fabs(expected[i]) + scale)))
      fail_msg("%s: element %zu of %zu is %.9g instead of %.9g", what, i, n, got[i], expected[i]);
  }
}

/* sum over the inputs' gradients: d = grad(sum(y v)), dd = grad(sum over j of sum(d_j u_j)), all marked as outputs. */
enum { MAX_IN = 24 };
typedef struct {
  int n;
  clgen_tensor *in[MAX_IN], *y, *v, *u[MAX_IN], *d[MAX_IN], *dd[MAX_IN];
} derived;

/* Marked as an output, so that it stays in the program when nothing else depends on it. */
static inline clgen_tensor *test_input(clgen_graph *g, const char *name, clgen_shape shape) {
  clgen_tensor *t = NEED(clgen_input(g, name, CLGEN_F32, shape));
  OK(clgen_output(t));
  return t;
}

static inline clgen_tensor *weights_like(clgen_graph *g, const char *prefix, const char *role, int k,
                                         const clgen_tensor *t) {
  char name[80];
  snprintf(name, sizeof name, "%s.%s%d", prefix, role, k);
  return test_input(g, name, *clgen_tensor_shape(t));
}

static inline clgen_tensor *weighted_sum(clgen_tensor *x, clgen_tensor *w) {
  return NEED(clgen_sum(clgen_mul(x, w), CLGEN_ALL_AXES, false));
}

static inline void derive(clgen_graph *g, const char *prefix, derived *e) {
  e->v = weights_like(g, prefix, "v", 0, e->y);
  OK(clgen_grad(weighted_sum(e->y, e->v), e->n, e->in, e->d));
  clgen_tensor *h = NULL;
  for (int k = 0; k < e->n; ++k) {
    e->u[k] = weights_like(g, prefix, "u", k, e->in[k]);
    clgen_tensor *term = weighted_sum(e->d[k], e->u[k]);
    h = h ? NEED(clgen_add(h, term)) : term;
  }
  OK(clgen_grad(h, e->n, e->in, e->dd));
  for (int k = 0; k < e->n; ++k) {
    OK(clgen_output(e->d[k]));
    OK(clgen_output(e->dd[k]));
  }
}

#endif
