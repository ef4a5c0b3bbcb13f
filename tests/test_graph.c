/* The graph compiler: fusion, memory reuse and in-place writes must not change a value; states are written in the order of
 * the calls; what cannot be is refused with a message. Values of single operations are test_ops.c's business. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <clgen/clgen.h>

#include "graph/internal.h"

#define OK(call)                                                          \
  do {                                                                    \
    int code_ = (call);                                                   \
    if (code_) fail_msg("%s: %s (%d)", #call, clgen_last_error(), code_); \
  } while (0)

static clgen_device *device;

static int open_device(void **state) {
  (void)state;
  return clgen_device_open(&device, "host", NULL);
}

static int close_device(void **state) {
  (void)state;
  clgen_device_close(device);
  return 0;
}

/* ---- Random programs: everything kept against only the end kept ---- */

enum { POOL = 64, STATE_SIZE = 24 };

static uint64_t lcg;
static int draw(int n) {
  lcg = lcg * 6364136223846793005u + 1442695040888963407u;
  return (int)((lcg >> 33) % (uint64_t)n);
}

static clgen_tensor *pool[POOL];
static int n_pool;

static clgen_tensor *pick(void) { return pool[draw(n_pool)]; }

/* One random operation on what is there. All tensors are 4x6, so that everything meets everything, through views too. */
static clgen_tensor *random_op(void) {
  clgen_shape full = clgen_shape_of(2, 4, 6);
  clgen_tensor *a = pick(), *b = pick();
  switch (draw(16)) {
    case 0: return clgen_tanh(a);
    case 1: return clgen_tanh(clgen_add(a, b));
    case 2: return clgen_mul(clgen_sigmoid(a), b);
    case 3: return clgen_leaky_relu(clgen_sub(a, b), 0.2f);
    case 4: return clgen_maximum(a, clgen_affine(b, 0.5f, 0.1f));
    case 5: return clgen_broadcast(clgen_mean(a, 1u, true), full);
    case 6: return clgen_tanh(clgen_broadcast(clgen_sum(clgen_square(a), 2u, true), full));
    case 7:
      return clgen_tanh(clgen_matmul(a, b, true, false))
                 ? clgen_tanh(clgen_matmul(a, clgen_matmul(a, b, true, false), false, false))
                 : NULL;
    case 8: return clgen_reshape(clgen_transpose(clgen_reshape(a, clgen_shape_of(2, 6, 4))), full);
    case 9: return clgen_concat(2, (clgen_tensor *[]){clgen_slice(a, 1, 2, 4), clgen_slice(b, 1, 0, 2)}, 1);
    case 10: return clgen_pad(clgen_slice(a, 0, 1, 2), 0, 1, 1);
    case 11: return clgen_normalize(a, clgen_mean(a, 2u, true), clgen_affine(clgen_square(clgen_mean(a, 2u, true)), 1, 1));
    case 12: return clgen_where(clgen_greater(a, b), b, clgen_neg(a));
    case 13: return clgen_mul(a, clgen_broadcast(clgen_slice(b, 0, 3, 1), full));
    case 14: return clgen_constant(a->graph, 0.25f, full);
    default: return clgen_stop_gradient(clgen_exp(clgen_neg(clgen_abs(a))));
  }
}

typedef struct {
  float out[3][STATE_SIZE], state[3][STATE_SIZE], grad[STATE_SIZE];
  size_t steps;
  uint64_t arena;
} result;

static void random_program(uint64_t seed, bool keep_all, result *r) {
  static const char *names[] = {"s0", "s1", "s2"};
  clgen_shape full = clgen_shape_of(2, 4, 6);
  clgen_store *store;
  clgen_graph *g;
  clgen_program *p;
  OK(clgen_store_create(&store, device));
  OK(clgen_graph_create(&g));
  lcg = seed;
  n_pool = 0;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, full), *flat[3], *end[3];
  pool[n_pool++] = x;
  for (int i = 0; i < 3; ++i) {
    flat[i] = clgen_state(g, names[i], CLGEN_F32, clgen_shape_of(1, STATE_SIZE));
    /* A value, not a view: views must not be read once the state is written. */
    pool[n_pool++] = clgen_affine(clgen_reshape(flat[i], full), 0.9f, 0);
  }
  clgen_tensor *w = pool[1];
  for (int i = 0; i < 25; ++i) {
    clgen_tensor *t = random_op();
    if (!t) fail_msg("seed %llu: %s", (unsigned long long)seed, clgen_last_error());
    pool[n_pool++] = t;
  }
  clgen_tensor *loss = clgen_sum(clgen_mul(pick(), pool[n_pool - 1]), CLGEN_ALL_AXES, false), *grad;
  OK(clgen_grad(loss, 1, &w, &grad));
  clgen_tensor *packed = clgen_state(g, "g", CLGEN_F32, clgen_shape_of(1, STATE_SIZE));
  packed = clgen_pack(packed, 1, &grad, (int64_t[]){0});
  /* Writes: old handles must not be read afterwards, so everything read later is made from values or from new handles. */
  for (int i = 0; i < 3; ++i) {
    clgen_tensor *old = pool[1 + i];
    clgen_tensor *mixed = clgen_add(clgen_affine(old, 0.5f, 0), clgen_tanh(pool[4 + draw(n_pool - 4)]));
    end[i] =
        clgen_assign(flat[i], clgen_reshape(clgen_add(mixed, clgen_reshape(packed, full)), clgen_shape_of(1, STATE_SIZE)));
    end[i] = clgen_tanh(end[i]);
    OK(clgen_output(end[i]));
  }
  if (keep_all)
    for (int i = 4; i < n_pool; ++i)
      if (!clgen_is_constant(pool[i])) OK(clgen_output(pool[i]));
  int code = clgen_compile(&p, g, store);
  if (code) fail_msg("seed %llu: %s", (unsigned long long)seed, clgen_last_error());
  r->steps = clgen_program_get_info(p)->steps;
  r->arena = clgen_program_get_info(p)->memory.arena_bytes;
  OK(clgen_program_prepare(p));
  float data[STATE_SIZE];
  for (int run = 0; run < 2; ++run) {
    for (int i = 0; i < STATE_SIZE; ++i) data[i] = (float)((i * 37 + run * 11) % 17) / 8 - 1;
    OK(clgen_program_write(p, x, data, sizeof data));
    if (run == 0)
      for (int i = 0; i < 3; ++i) {
        for (int k = 0; k < STATE_SIZE; ++k) data[k] = (float)((k * 13 + i * 5) % 19) / 10 - 0.9f;
        OK(clgen_store_write(store, names[i], 0, STATE_SIZE, data));
      }
    OK(clgen_program_run(p));
  }
  for (int i = 0; i < 3; ++i) {
    OK(clgen_program_read(p, end[i], r->out[i], sizeof r->out[i]));
    OK(clgen_store_read(store, names[i], 0, STATE_SIZE, r->state[i]));
  }
  OK(clgen_store_read(store, "g", 0, STATE_SIZE, r->grad));
  clgen_program_free(p);
  clgen_graph_free(g);
  clgen_store_free(store);
}

static void test_fusion_changes_nothing(void **state) {
  (void)state;
  size_t fused = 0, kept = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    result a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    random_program(seed, true, &a);
    random_program(seed, false, &b);
    if (memcmp(a.out, b.out, sizeof a.out) || memcmp(a.state, b.state, sizeof a.state) ||
        memcmp(a.grad, b.grad, sizeof a.grad))
      fail_msg("seed %llu: keeping all results changes the values", (unsigned long long)seed);
    kept += a.steps;
    fused += b.steps;
  }
  assert_true(fused < kept); /* dropping results lets more run together */
}

/* ---- What the compiler makes of patterns that matter ---- */

static clgen_graph *g;
static clgen_store *store;

static int begin(void **state) {
  (void)state;
  return clgen_store_create(&store, device) || clgen_graph_create(&g);
}

static int end(void **state) {
  (void)state;
  clgen_graph_free(g);
  clgen_store_free(store);
  return 0;
}

static size_t steps_of(clgen_program **p) {
  OK(clgen_compile(p, g, store));
  return clgen_program_get_info(*p)->steps;
}

static void test_optimiser_is_one_step(void **state) {
  (void)state;
  clgen_shape n = clgen_shape_of(1, 1000);
  clgen_tensor *w = clgen_state(g, "w", CLGEN_F32, n), *m = clgen_state(g, "m", CLGEN_F32, n),
               *v = clgen_state(g, "v", CLGEN_F32, n);
  clgen_tensor *grad = clgen_input(g, "g", CLGEN_F32, n);
  clgen_tensor *m2 = clgen_add(clgen_affine(m, 0.9f, 0), clgen_affine(grad, 0.1f, 0));
  clgen_tensor *v2 = clgen_add(clgen_affine(v, 0.99f, 0), clgen_affine(clgen_square(grad), 0.01f, 0));
  m2 = clgen_assign(m, m2);
  v2 = clgen_assign(v, v2);
  clgen_assign(w, clgen_sub(w, clgen_div(clgen_affine(m2, 0.1f, 0), clgen_affine(clgen_sqrt(v2), 1, 1e-8f))));
  clgen_program *p;
  assert_int_equal(steps_of(&p), 1);
  float ones[1000], got[1000];
  for (int i = 0; i < 1000; ++i) ones[i] = 1;
  OK(clgen_program_write(p, grad, ones, sizeof ones));
  OK(clgen_program_run(p));
  OK(clgen_store_read(store, "w", 0, 1000, got));
  assert_float_equal(got[0], -0.1f * 0.1f / 0.1f, 1e-6);
  OK(clgen_store_read(store, "m", 0, 1000, got));
  assert_float_equal(got[999], 0.1f, 1e-7);
  clgen_program_free(p);
}

static void test_batch_norm_backward(void **state) {
  (void)state;
  clgen_shape x4 = clgen_shape_of(4, 3, 5, 4, 4), c = clgen_shape_of(4, 1, 5, 1, 1);
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, x4), *go = clgen_input(g, "go", CLGEN_F32, x4);
  clgen_tensor *gamma = clgen_input(g, "gamma", CLGEN_F32, c), *beta = clgen_input(g, "beta", CLGEN_F32, c);
  clgen_tensor *mean = clgen_mean(x, 0xd, true), *var = clgen_mean(clgen_square(clgen_sub(x, mean)), 0xd, true);
  clgen_tensor *y = clgen_add(clgen_mul(clgen_normalize(x, mean, clgen_rsqrt(clgen_affine(var, 1, 1e-5f))), gamma), beta);
  clgen_tensor *grads[3], *wrt[] = {x, gamma, beta};
  OK(clgen_grad(clgen_sum(clgen_mul(y, go), CLGEN_ALL_AXES, false), 3, wrt, grads));
  for (int i = 0; i < 3; ++i) OK(clgen_output(grads[i]));
  clgen_lowered low;
  OK(clgen_lower(&low, g));
  size_t reduces = 0;
  for (size_t i = 0; i < low.n_steps; ++i) reduces += low.step[i].kind == CLGEN_STEP_REDUCE;
  assert_int_equal(reduces, 3); /* mean, variance, and both sums of the backward pass together */
  clgen_lowered_free(&low);
}

/* A mean, what it becomes and a running average of it: all in the launch that sums. */
static void test_sums_go_on(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(3, 4, 3, 5));
  clgen_tensor *running = clgen_state(g, "running", CLGEN_F32, clgen_shape_of(1, 3));
  clgen_tensor *mean = clgen_mean(x, 1u << 0 | 1u << 2, true);
  clgen_tensor *old = clgen_reshape(running, clgen_shape_of(3, 1, 3, 1));
  clgen_assign(old, clgen_add(clgen_affine(old, 0.5f, 0), clgen_affine(mean, 0.5f, 0)));
  clgen_tensor *root = clgen_sqrt(mean);
  OK(clgen_output(root));
  clgen_program *p;
  assert_int_equal(steps_of(&p), 1);
  float values[60], roots[3], got[3], start[3] = {10, 20, 30};
  for (int i = 0; i < 60; ++i) values[i] = (float)(i / 5 % 3 + 1);
  OK(clgen_program_write(p, x, values, sizeof values));
  OK(clgen_store_write(store, "running", 0, 3, start));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, root, roots, sizeof roots));
  OK(clgen_store_read(store, "running", 0, 3, got));
  for (int i = 0; i < 3; ++i) {
    assert_float_equal(roots[i], sqrt(i + 1.0), 1e-6);
    assert_float_equal(got[i], start[i] / 2 + (float)(i + 1) / 2, 1e-6);
  }
  clgen_program_free(p);
}

/* What is summed reads all of a state that what follows the sum would write: that waits for a step of its own. */
static void test_sums_do_not_write_what_they_read(void **state) {
  (void)state;
  clgen_tensor *s = clgen_state(g, "s", CLGEN_F32, clgen_shape_of(2, 3, 3));
  clgen_tensor *first = clgen_slice(s, 0, 0, 1);
  clgen_tensor *sums = clgen_sum(s, 1u << 0, true);
  clgen_assign(first, clgen_affine(sums, 2, 0));
  clgen_program *p;
  assert_int_equal(steps_of(&p), 2);
  clgen_program_free(p);
}

/* Running averages of neighbours in memory are one step; with a gap they are two. */
static void test_neighbours_are_one_step(void **state) {
  (void)state;
  clgen_tensor *a = clgen_state(g, "a", CLGEN_F32, clgen_shape_of(1, 10)),
               *b = clgen_state(g, "b", CLGEN_F32, clgen_shape_of(1, 10));
  const int from[] = {0, 3, 8}, count[] = {3, 4, 2};
  for (int k = 0; k < 3; ++k) {
    clgen_tensor *old = clgen_slice(a, 0, from[k], count[k]), *value = clgen_slice(b, 0, from[k], count[k]);
    clgen_assign(old, clgen_add(clgen_affine(old, 0.5f, 0), clgen_affine(value, 0.5f, 0)));
  }
  clgen_program *p;
  assert_int_equal(steps_of(&p), 2);
  float x[10], y[10], got[10];
  for (int i = 0; i < 10; ++i) x[i] = (float)i, y[i] = (float)(100 * i);
  OK(clgen_program_prepare(p));
  OK(clgen_store_write(store, "a", 0, 10, x));
  OK(clgen_store_write(store, "b", 0, 10, y));
  OK(clgen_program_run(p));
  OK(clgen_store_read(store, "a", 0, 10, got));
  for (int i = 0; i < 10; ++i) assert_float_equal(got[i], i == 7 ? 7 : 50.5f * (float)i, 1e-5);
  clgen_program_free(p);
}

static void test_concat_computes_in_place(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 3, 4));
  clgen_tensor *pieces[] = {clgen_reshape(clgen_sum(x, CLGEN_ALL_AXES, false), clgen_shape_of(1, 1)),
                            clgen_sum(x, 1u << 1, false), clgen_slice(clgen_reshape(x, clgen_shape_of(1, 12)), 0, 5, 2)};
  clgen_tensor *all = clgen_concat(3, pieces, 0);
  OK(clgen_output(all));
  clgen_program *p;
  assert_int_equal(steps_of(&p), 3); /* two sums, and a copy of what is not computed */
  float values[12], got[6];
  for (int i = 0; i < 12; ++i) values[i] = (float)i;
  OK(clgen_program_write(p, x, values, sizeof values));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, all, got, sizeof got));
  const float expected[] = {66, 6, 22, 38, 5, 6};
  for (int i = 0; i < 6; ++i) assert_float_equal(got[i], expected[i], 0);
  clgen_program_free(p);
}

static void test_pack_computes_in_place(void **state) {
  (void)state;
  clgen_tensor *a = clgen_input(g, "a", CLGEN_F32, clgen_shape_of(2, 3, 4)),
               *b = clgen_input(g, "b", CLGEN_F32, clgen_shape_of(2, 4, 2));
  clgen_tensor *flat = clgen_state(g, "flat", CLGEN_F32, clgen_shape_of(1, 16));
  clgen_tensor *pieces[] = {clgen_matmul(a, b, false, false), clgen_sum(a, 1u, false)};
  clgen_pack(flat, 2, pieces, (int64_t[]){1, 10});
  clgen_program *p;
  assert_int_equal(steps_of(&p), 2); /* no copies */
  float av[12], bv[8], got[16], guard[16];
  for (int i = 0; i < 12; ++i) av[i] = (float)i;
  for (int i = 0; i < 8; ++i) bv[i] = (float)(i - 3);
  for (int i = 0; i < 16; ++i) guard[i] = 77;
  OK(clgen_program_write(p, a, av, sizeof av));
  OK(clgen_program_write(p, b, bv, sizeof bv));
  OK(clgen_store_write(store, "flat", 0, 16, guard));
  OK(clgen_program_run(p));
  OK(clgen_store_read(store, "flat", 0, 16, got));
  assert_float_equal(got[0], 77, 0); /* what lies between is left alone */
  assert_float_equal(got[1], 0 * -3 + 1 * -1 + 2 * 1 + 3 * 3, 0);
  assert_float_equal(got[7], 77, 0);
  assert_float_equal(got[10], 0 + 4 + 8, 0);
  assert_float_equal(got[14], 77, 0);
  clgen_program_free(p);
}

static void test_assign_order(void **state) {
  (void)state;
  clgen_tensor *s = clgen_state(g, "s", CLGEN_F32, clgen_shape_of(1, 4)), *before = clgen_affine(s, 10, 0);
  clgen_tensor *s1 = clgen_assign(s, clgen_affine(s, 1, 1)), *after = clgen_affine(s1, 10, 0);
  clgen_tensor *half = clgen_assign(clgen_slice(s1, 0, 2, 2), clgen_constant(g, 5, clgen_shape_of(1, 2)));
  OK(clgen_output(before));
  OK(clgen_output(after));
  OK(clgen_output(half));
  clgen_program *p;
  steps_of(&p);
  float got[4];
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, before, got, sizeof got));
  assert_float_equal(got[3], 0, 0);
  OK(clgen_program_read(p, after, got, sizeof got));
  assert_float_equal(got[3], 10, 0);
  OK(clgen_store_read(store, "s", 0, 4, got));
  assert_float_equal(got[1], 1, 0);
  assert_float_equal(got[2], 5, 0);
  OK(clgen_program_read(p, half, got, 2 * sizeof *got));
  assert_float_equal(got[1], 5, 0);
  clgen_program_free(p);
}

/* A value made from a state, used after the state was overwritten by another step: it is made before. */
static void test_a_read_is_not_moved_past_a_write(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 3, 3));
  clgen_tensor *s = clgen_state(g, "s", CLGEN_F32, clgen_shape_of(2, 6, 3));
  clgen_tensor *low = clgen_affine(clgen_slice(s, 0, 0, 3), 10, 0), *high = clgen_affine(clgen_slice(s, 0, 3, 3), 10, 0);
  clgen_assign(clgen_slice(s, 0, 0, 3), clgen_matmul(x, x, false, false));
  clgen_tensor *late = clgen_add(low, x), *free_to_move = clgen_sub(high, x);
  OK(clgen_output(late));
  OK(clgen_output(free_to_move));
  clgen_program *p;
  assert_int_equal(steps_of(&p), 5); /* low, the product, its copy; then late, and high together with free_to_move */
  float xv[9], sv[18], got[9];
  for (int i = 0; i < 9; ++i) xv[i] = (float)(i + 1);
  for (int i = 0; i < 18; ++i) sv[i] = (float)(100 + i);
  OK(clgen_program_write(p, x, xv, sizeof xv));
  OK(clgen_store_write(store, "s", 0, 18, sv));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, late, got, sizeof got));
  for (int i = 0; i < 9; ++i) assert_float_equal(got[i], 10 * sv[i] + xv[i], 0);
  OK(clgen_program_read(p, free_to_move, got, sizeof got));
  for (int i = 0; i < 9; ++i) assert_float_equal(got[i], 10 * sv[9 + i] - xv[i], 0);
  clgen_program_free(p);
}

static void test_memory_is_reused(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 64, 64)), *t = x;
  for (int i = 0; i < 20; ++i) t = clgen_matmul(t, x, false, false);
  OK(clgen_output(t));
  clgen_program *p;
  steps_of(&p);
  assert_int_equal(clgen_program_get_info(p)->memory.arena_bytes, 2 * 64 * 64 * 4);
  clgen_program_free(p);
}

/* Two products with a sum between them, and a third that needs the first. */
static void test_products_come_together(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 8, 8)), *a = clgen_matmul(x, x, false, true);
  clgen_tensor *sum = clgen_sum(clgen_tanh(x), 1u << 0, true), *b = clgen_matmul(x, x, true, false);
  clgen_tensor *other = clgen_exp(a), *c = clgen_matmul(a, x, false, false);
  clgen_tensor *const all[] = {sum, b, other, c};
  for (size_t i = 0; i < 4; ++i) OK(clgen_output(all[i]));
  clgen_lowered low;
  OK(clgen_lower(&low, g));
  assert_int_equal(low.n_steps, 5);
  const clgen_step_kind expected[] = {CLGEN_STEP_MATMUL, CLGEN_STEP_MATMUL, CLGEN_STEP_MATMUL, CLGEN_STEP_REDUCE,
                                      CLGEN_STEP_MAP};
  for (size_t i = 0; i < 5; ++i) assert_int_equal(low.step[i].kind, expected[i]);
  assert_int_equal(clgen_step_together(low.step, low.n_steps), 2);
  clgen_lowered_free(&low);
}

static void expect_compile_error(const char *words) {
  clgen_program *p;
  assert_int_equal(clgen_compile(&p, g, store), CLGEN_E_INVALID);
  assert_null(p);
  if (!strstr(clgen_last_error(), words)) fail_msg("\"%s\" does not say \"%s\"", clgen_last_error(), words);
}

static void test_stale_handle_is_refused(void **state) {
  (void)state;
  clgen_tensor *s = clgen_state(g, "weights", CLGEN_F32, clgen_shape_of(1, 4));
  clgen_assign(s, clgen_affine(s, 1, 1));
  OK(clgen_output(clgen_tanh(s)));
  expect_compile_error("\"weights\"");
}

static void test_empty_graph_is_refused(void **state) {
  (void)state;
  clgen_tanh(clgen_input(g, "x", CLGEN_F32, clgen_shape_of(1, 4)));
  expect_compile_error("output");
}

static void test_reads_and_writes_are_checked(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(1, 4)), *y = clgen_tanh(x), *z = clgen_exp(y);
  OK(clgen_output(z));
  clgen_program *p;
  float v[4] = {0};
  steps_of(&p);
  assert_int_equal(clgen_program_write(p, x, v, 12), CLGEN_E_INVALID);
  assert_int_equal(clgen_program_write(p, z, v, 16), CLGEN_E_INVALID);
  assert_int_equal(clgen_program_read(p, y, v, 16), CLGEN_E_INVALID); /* not kept */
  assert_int_equal(clgen_program_read(p, NULL, v, 16), CLGEN_E_INVALID);
  OK(clgen_program_write(p, x, v, 16));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, z, v, 16));
  assert_float_equal(v[0], 1, 0);
  clgen_program_free(p);
  assert_int_equal(clgen_store_read(store, "nothing", 0, 1, v), CLGEN_E_NOTFOUND);
}

static void test_equal_nodes_are_one(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(1, 4));
  assert_ptr_equal(clgen_tanh(x), clgen_tanh(x));
  assert_ptr_not_equal(clgen_leaky_relu(x, 0.1f), clgen_leaky_relu(x, 0.2f));
  assert_ptr_equal(clgen_reshape(x, clgen_shape_of(1, 4)), x);
}

/* A network's weight is a reshaped piece of a state, and may be reshaped again where it is used. */
static void test_gradient_of_what_is_reshaped_twice(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(1, 4));
  clgen_tensor *once = clgen_reshape(x, clgen_shape_of(2, 2, 2)), *twice = clgen_reshape(once, clgen_shape_of(2, 4, 1));
  clgen_tensor *d = NULL;
  OK(clgen_grad(clgen_sum(clgen_square(twice), CLGEN_ALL_AXES, false), 1, &once, &d));
  OK(clgen_output(d));
  clgen_program *p = NULL;
  OK(clgen_compile(&p, g, store));
  const float v[4] = {1, 2, 3, 4};
  float got[4];
  OK(clgen_program_write(p, x, v, sizeof v));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, d, got, sizeof got));
  for (int i = 0; i < 4; ++i) assert_float_equal(got[i], 2 * v[i], 0);
  clgen_program_free(p);
}

/* A product is differentiated as what it is, though the sum of one could be taken apart. */
static void test_gradient_of_a_product_in_a_sum(void **state) {
  (void)state;
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 2, 2));
  clgen_tensor *f = clgen_input(g, "f", CLGEN_F32, clgen_shape_of(2, 2, 1));
  clgen_tensor *product = clgen_mul(x, f), *d = NULL;
  clgen_tensor *loss = clgen_sum(clgen_square(clgen_sum(product, 1u << 1, false)), CLGEN_ALL_AXES, false);
  OK(clgen_grad(loss, 1, &product, &d));
  OK(clgen_output(d));
  clgen_program *p = NULL;
  OK(clgen_compile(&p, g, store));
  const float vx[4] = {1, 2, 3, 4}, vf[2] = {1, 2}, expected[4] = {6, 6, 28, 28};
  float got[4];
  OK(clgen_program_write(p, x, vx, sizeof vx));
  OK(clgen_program_write(p, f, vf, sizeof vf));
  OK(clgen_program_run(p));
  OK(clgen_program_read(p, d, got, sizeof got));
  for (int i = 0; i < 4; ++i) assert_float_equal(got[i], expected[i], 0);
  clgen_program_free(p);
}

/* ---- Errors, and memory that steps can count ---- */

static void test_errors_are_what_they_are(void **state) {
  (void)state;
  clgen_graph *g;
  clgen_fail(CLGEN_E_IO, "something from before");
  OK(clgen_graph_create(&g));
  assert_null(clgen_tanh(NULL));
  assert_non_null(strstr(clgen_last_error(), "operand 0 is missing"));
  assert_int_equal(clgen_output(NULL), CLGEN_E_INVALID);
  clgen_fail_nomem(8); /* as a builder that gives NULL for want of memory leaves it */
  assert_int_equal(clgen_output(NULL), CLGEN_E_NOMEM);
  assert_int_equal(clgen_output(clgen_tanh(clgen_tanh(NULL))), CLGEN_E_NOMEM);
  clgen_graph_free(g);
}

/* Three products of 4 GiB that are all needed at once, where the device would give them as one piece. */
static void test_arenas_end_where_steps_stop_counting(void **state) {
  (void)state;
  clgen_graph *g;
  clgen_lowered low;
  uint64_t bytes[CLGEN_MAX_ARENAS];
  int n = 0, n_temps = 0;
  OK(clgen_graph_create(&g));
  clgen_tensor *sum = NULL;
  for (int i = 0; i < 3; ++i) {
    char name[2][8] = {{'a', (char)('0' + i), 0}, {'b', (char)('0' + i), 0}};
    clgen_tensor *m = clgen_matmul(clgen_input(g, name[0], CLGEN_F32, clgen_shape_of(2, 1024, 2)),
                                   clgen_input(g, name[1], CLGEN_F32, clgen_shape_of(2, 2, 1 << 20)), false, false);
    sum = sum ? clgen_mul(sum, m) : m;
  }
  OK(clgen_output(clgen_sum(sum, CLGEN_ALL_AXES, false)));
  OK(clgen_lower(&low, g));
  OK(clgen_plan_memory(&low, (uint64_t)64 << 30, bytes, &n));
  assert_true(n >= 2);
  for (int i = 0; i < low.n_slots; ++i) {
    const clgen_slot *s = &low.slot[i];
    if (s->kind != CLGEN_SLOT_TEMP) continue;
    assert_true((s->offset + s->bytes) / sizeof(float) <= CLGEN_STEP_MAX_ELEMENTS);
    assert_true(s->offset + s->bytes <= bytes[s->arena]);
    n_temps += s->bytes == (uint64_t)4 << 30;
  }
  assert_true(n_temps >= 3);
  clgen_lowered_free(&low);
  clgen_graph_free(g);
}

static clgen_program *program_of_size(clgen_graph **g, clgen_store *store, int64_t n) {
  clgen_program *p;
  OK(clgen_graph_create(g));
  clgen_tensor *x = clgen_input(*g, "x", CLGEN_F32, clgen_shape_of(2, n, n));
  OK(clgen_output(clgen_sum(clgen_matmul(x, x, false, false), CLGEN_ALL_AXES, false)));
  OK(clgen_compile(&p, *g, store));
  OK(clgen_program_prepare(p));
  return p;
}

/* Memory that a later, larger program made anew lives as long as a program is bound to it. */
static void test_outgrown_memory_goes(void **state) {
  (void)state;
  clgen_store *store;
  clgen_graph *g[2];
  OK(clgen_store_create(&store, device));
  clgen_program *small = program_of_size(&g[0], store, 20);
  const uint64_t alone = clgen_store_memory(store).arena_bytes;
  assert_true(alone >= 1600);
  clgen_program *large = program_of_size(&g[1], store, 40);
  const uint64_t both = clgen_store_memory(store).arena_bytes;
  OK(clgen_program_run(small));
  clgen_program_free(small);
  assert_int_equal(clgen_store_memory(store).arena_bytes, both - alone);
  OK(clgen_program_run(large));
  clgen_program_free(large);
  clgen_store_free(store);
  for (int i = 0; i < 2; ++i) clgen_graph_free(g[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fusion_changes_nothing),
      cmocka_unit_test_setup_teardown(test_optimiser_is_one_step, begin, end),
      cmocka_unit_test_setup_teardown(test_batch_norm_backward, begin, end),
      cmocka_unit_test_setup_teardown(test_sums_go_on, begin, end),
      cmocka_unit_test_setup_teardown(test_sums_do_not_write_what_they_read, begin, end),
      cmocka_unit_test_setup_teardown(test_neighbours_are_one_step, begin, end),
      cmocka_unit_test_setup_teardown(test_concat_computes_in_place, begin, end),
      cmocka_unit_test_setup_teardown(test_pack_computes_in_place, begin, end),
      cmocka_unit_test_setup_teardown(test_assign_order, begin, end),
      cmocka_unit_test_setup_teardown(test_a_read_is_not_moved_past_a_write, begin, end),
      cmocka_unit_test_setup_teardown(test_memory_is_reused, begin, end),
      cmocka_unit_test_setup_teardown(test_products_come_together, begin, end),
      cmocka_unit_test_setup_teardown(test_stale_handle_is_refused, begin, end),
      cmocka_unit_test_setup_teardown(test_empty_graph_is_refused, begin, end),
      cmocka_unit_test_setup_teardown(test_reads_and_writes_are_checked, begin, end),
      cmocka_unit_test_setup_teardown(test_equal_nodes_are_one, begin, end),
      cmocka_unit_test_setup_teardown(test_gradient_of_what_is_reshaped_twice, begin, end),
      cmocka_unit_test_setup_teardown(test_gradient_of_a_product_in_a_sum, begin, end),
      cmocka_unit_test(test_errors_are_what_they_are),
      cmocka_unit_test(test_arenas_end_where_steps_stop_counting),
      cmocka_unit_test(test_outgrown_memory_goes),
  };
  return cmocka_run_group_tests_name("graph", tests, open_device, close_device);
}
