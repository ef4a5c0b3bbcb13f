/* Networks: names and layout of their tensors, starting values, layers against formulas, losses, optimisers, averages. On
 * the host: that devices agree with it is for test_ops and test_train. */
#include "graphs.h"

#include <clgen/safetensors.h>

#include <clgen/nn.h>

static clgen_device *host;
static clgen_graph *g;
static clgen_store *store;
static clgen_net *net;

static int open_device(void **state) {
  (void)state;
  host = open_host();
  return 0;
}
static int close_device(void **state) {
  (void)state;
  clgen_device_close(host);
  return 0;
}
static int begin(void **state) {
  (void)state;
  OK(clgen_graph_create(&g));
  OK(clgen_store_create(&store, host));
  OK(clgen_net_create(&net, CLGEN_INIT_DCGAN));
  return 0;
}
static int end(void **state) {
  (void)state;
  clgen_store_free(store);
  clgen_graph_free(g);
  clgen_net_free(net);
  return 0;
}

static void layer(int code) {
  if (code < 0) fail_msg("%s", clgen_last_error());
}

static void read_state(const char *name, int64_t offset, int64_t n, float *out) {
  OK(clgen_store_read(store, name, offset, n, out));
}

/* ---- Tensors ---- */

static void test_tensors_are_pytorchs(void **state) {
  (void)state;
  layer(clgen_net_conv_transpose2d(net, "0", 5, 7, 4, 1, 0, false));
  layer(clgen_net_batch_norm(net, "1", 7));
  layer(clgen_net_relu(net));
  layer(clgen_net_conv2d(net, "3", 7, 3, 3, 2, 1, true));
  layer(clgen_net_linear(net, "fc", 6, 2));
  static const struct {
    const char *name;
    clgen_net_kind kind;
    int ndim;
    int64_t dim[4];
  } expected[] = {{"0.weight", CLGEN_NET_PARAM, 4, {5, 7, 4, 4}},
                  {"1.weight", CLGEN_NET_PARAM, 1, {7}},
                  {"1.bias", CLGEN_NET_PARAM, 1, {7}},
                  {"1.running_mean", CLGEN_NET_STAT, 1, {7}},
                  {"1.running_var", CLGEN_NET_STAT, 1, {7}},
                  {"1.num_batches_tracked", CLGEN_NET_COUNTER, 0, {0}},
                  {"3.weight", CLGEN_NET_PARAM, 4, {3, 7, 3, 3}},
                  {"3.bias", CLGEN_NET_PARAM, 1, {3}},
                  {"fc.weight", CLGEN_NET_PARAM, 2, {2, 6}},
                  {"fc.bias", CLGEN_NET_PARAM, 1, {2}}};
  assert_int_equal(clgen_net_tensor_count(net), CLGEN_COUNT(expected));
  int64_t end_of[2] = {0, 0}, count = 0;
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i);
    assert_string_equal(t->name, expected[i].name);
    assert_int_equal(t->kind, expected[i].kind);
    assert_int_equal(t->shape.ndim, expected[i].ndim);
    for (int k = 0; k < t->shape.ndim; ++k) assert_int_equal(t->shape.dim[k], expected[i].dim[k]);
    if (t->kind == CLGEN_NET_COUNTER) continue;
    int64_t *at = &end_of[t->kind == CLGEN_NET_STAT];
    assert_true(t->offset >= *at); /* one after another, none over another */
    *at = t->offset + clgen_shape_count(&t->shape);
    if (t->kind == CLGEN_NET_PARAM) count += clgen_shape_count(&t->shape);
  }
  assert_true(clgen_net_param_size(net) >= end_of[0]);
  assert_true(clgen_net_stat_size(net) >= end_of[1]);
  assert_int_equal(clgen_net_param_count(net), count);
  assert_int_equal(clgen_net_layer_count(net), 5);
}

static void test_bad_layers(void **state) {
  (void)state;
  assert_int_equal(clgen_net_linear(net, "fc", 0, 3), CLGEN_E_INVALID);
  char long_name[200];
  memset(long_name, 'x', sizeof long_name);
  long_name[199] = 0;
  assert_int_equal(clgen_net_linear(net, long_name, 2, 3), CLGEN_E_INVALID);
  clgen_module *b;
  assert_int_equal(clgen_net_bind(&b, net, g, long_name), CLGEN_E_INVALID);
  assert_null(b);
}

/* ---- Starting values ---- */

static void moments(const float *x, int64_t n, double *mean, double *deviation, double *most) {
  double s = 0, q = 0, m = 0;
  for (int64_t i = 0; i < n; ++i) {
    s += (double)x[i];
    q += (double)x[i] * (double)x[i];
    m = fmax(m, fabs((double)x[i]));
  }
  *mean = s / (double)n;
  *deviation = sqrt(q / (double)n - *mean * *mean);
  *most = m;
}

static void test_dcgan_start(void **state) {
  (void)state;
  layer(clgen_net_conv2d(net, "0", 16, 32, 4, 2, 1, true));
  layer(clgen_net_batch_norm(net, "1", 1000));
  OK(clgen_net_init(net, store, "A", 7));
  float w[16 * 32 * 16], bias[32], scale[1000], shift[1000], mean[1000], var[1000];
  const clgen_net_tensor *t[6];
  for (int i = 0; i < 6; ++i) t[i] = clgen_net_tensor_at(net, i);
  read_state("A.param", t[0]->offset, 16 * 32 * 16, w);
  read_state("A.param", t[1]->offset, 32, bias);
  read_state("A.param", t[2]->offset, 1000, scale);
  read_state("A.param", t[3]->offset, 1000, shift);
  read_state("A.stat", t[4]->offset, 1000, mean);
  read_state("A.stat", t[5]->offset, 1000, var);
  double m, d, most;
  moments(w, 16 * 32 * 16, &m, &d, &most);
  assert_true(fabs(m) < 0.001 && fabs(d - 0.02) < 0.001 && most > 0.05);
  moments(scale, 1000, &m, &d, &most);
  assert_true(fabs(m - 1) < 0.004 && fabs(d - 0.02) < 0.003);
  for (int i = 0; i < 32; ++i) assert_true(bias[i] == 0);
  for (int i = 0; i < 1000; ++i) assert_true(shift[i] == 0 && mean[i] == 0 && var[i] == 1);
}

static void test_start_is_a_function_of_seed_and_name(void **state) {
  (void)state;
  clgen_net *more;
  OK(clgen_net_create(&more, CLGEN_INIT_DCGAN));
  layer(clgen_net_linear(more, "before", 3, 3));
  layer(clgen_net_linear(more, "fc", 4, 5));
  layer(clgen_net_linear(net, "fc", 4, 5));
  OK(clgen_net_init(net, store, "A", 7));
  OK(clgen_net_init(more, store, "B", 7));
  OK(clgen_net_init(net, store, "B2", 7));
  float a[20], b[20], c[20], again[20];
  read_state("A.param", 0, 20, a);
  read_state("B.param", clgen_net_tensor_at(more, 2)->offset, 20, b);
  assert_memory_not_equal(a, b, sizeof a); /* another prefix */
  OK(clgen_net_init(net, store, "A", 8));
  read_state("A.param", 0, 20, c);
  assert_memory_not_equal(a, c, sizeof a); /* another seed */
  OK(clgen_net_init(net, store, "A", 7));
  read_state("A.param", 0, 20, again);
  assert_memory_equal(a, again, sizeof a);
  clgen_store *other;
  OK(clgen_store_create(&other, host));
  OK(clgen_net_init(net, other, "B", 7)); /* the layer before changes nothing */
  OK(clgen_store_read(other, "B.param", 0, 20, c));
  assert_memory_equal(b, c, sizeof b);
  clgen_store_free(other);
  clgen_net_free(more);
}

static void test_pytorch_start(void **state) {
  (void)state;
  clgen_net *p;
  OK(clgen_net_create(&p, CLGEN_INIT_PYTORCH));
  layer(clgen_net_linear(p, "fc", 100, 60));
  layer(clgen_net_conv_transpose2d(p, "up", 2, 50, 2, 2, 0, true)); /* PyTorch's fan: 50 * 2 * 2 */
  OK(clgen_net_init(p, store, "P", 1));
  static float x[6000];
  const double bound[] = {0.1, 0.1, sqrt(1 / 200.0), sqrt(1 / 200.0)};
  const int64_t n[] = {6000, 60, 400, 50};
  for (int i = 0; i < 4; ++i) {
    double m, d, most;
    read_state("P.param", clgen_net_tensor_at(p, i)->offset, n[i], x);
    moments(x, n[i], &m, &d, &most);
    if (!(most <= bound[i] && most > 0.9 * bound[i] && fabs(d - bound[i] / sqrt(3)) < 0.15 * bound[i]))
      fail_msg("tensor %d: %g within %g", i, most, bound[i]);
  }
  clgen_net_free(p);
}

/* ---- Layers ---- */

/* A kernel that meets one position is computed as a matrix product: against the convolution itself. */
static void test_one_position_is_a_product(void **state) {
  (void)state;
  layer(clgen_net_conv2d(net, "down", 3, 5, 4, 1, 0, true));
  layer(clgen_net_conv_transpose2d(net, "up", 5, 2, 4, 1, 0, false));
  OK(clgen_net_init(net, store, "N", 3));
  float bias[5] = {1, -2, 3, -4, 5};
  OK(clgen_store_write(store, "N.param", clgen_net_tensor_at(net, 1)->offset, 5, bias));
  clgen_module *b;
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_conv conv = {1, 1, 0, 0};
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(4, 2, 3, 4, 4));
  clgen_tensor *y = NEED(clgen_module_forward(b, 0, 1, x, false)), *z = NEED(clgen_module_forward(b, 1, 1, y, false));
  clgen_tensor *y2 = clgen_add(clgen_conv2d(x, clgen_module_tensor(b, 0), conv),
                               clgen_reshape(clgen_module_tensor(b, 1), clgen_shape_of(4, 1, 5, 1, 1)));
  clgen_tensor *z2 = NEED(clgen_conv2d_input_grad(y2, clgen_module_tensor(b, 2), conv, 4, 4));
  clgen_tensor *all[] = {y, z, y2, z2};
  for (int i = 0; i < 4; ++i) OK(clgen_output(all[i]));
  clgen_program *p;
  OK(clgen_compile(&p, g, store));
  float in[96];
  uint64_t random = 5;
  for (int i = 0; i < 96; ++i) in[i] = (float)random_between(&random, -1, 1);
  OK(clgen_program_write(p, x, in, sizeof in));
  OK(clgen_program_run(p));
  float *v[4];
  for (int i = 0; i < 4; ++i) v[i] = read_floats(p, all[i]);
  compare("down", v[0], v[2], count_of(y), 1e-6);
  compare("up", v[1], v[3], count_of(z), 1e-6);
  assert_true(largest(v[1], count_of(z)) > 0.01);
  for (int i = 0; i < 4; ++i) free(v[i]);
  clgen_program_free(p);
  clgen_module_free(b);
}

static void test_batch_norm(void **state) {
  (void)state;
  layer(clgen_net_batch_norm(net, "bn", 2));
  OK(clgen_net_init(net, store, "N", 3));
  const float scale[2] = {2, 3}, shift[2] = {0.5f, -1}, old_mean[2] = {10, 20}, old_var[2] = {4, 9};
  OK(clgen_store_write(store, "N.param", clgen_net_tensor_at(net, 0)->offset, 2, scale));
  OK(clgen_store_write(store, "N.param", clgen_net_tensor_at(net, 1)->offset, 2, shift));
  OK(clgen_store_write(store, "N.stat", clgen_net_tensor_at(net, 2)->offset, 2, old_mean));
  OK(clgen_store_write(store, "N.stat", clgen_net_tensor_at(net, 3)->offset, 2, old_var));
  clgen_module *b;
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(4, 2, 2, 1, 2));
  clgen_tensor *eval = NEED(clgen_module_forward(b, 0, 1, x, false)), *train = NEED(clgen_module_forward(b, 0, 1, x, true));
  OK(clgen_output(eval));
  OK(clgen_output(train));
  clgen_program *p;
  OK(clgen_compile(&p, g, store));
  const float in[8] = {1, 2, 5, 5, 3, 6, 6, 8}; /* channel 0: 1 2 3 6, channel 1: 5 5 6 8 */
  OK(clgen_program_write(p, x, in, sizeof in));
  OK(clgen_program_run(p));
  float *e = read_floats(p, eval), *t = read_floats(p, train), mean[2], var[2];
  const double m[2] = {3, 6}, v[2] = {3.5, 1.5};
  for (int i = 0; i < 8; ++i) {
    int c = i / 2 % 2;
    assert_true(fabs(e[i] - ((in[i] - old_mean[c]) / sqrt(old_var[c] + 1e-5) * scale[c] + shift[c])) < 1e-5);
    assert_true(fabs(t[i] - ((in[i] - m[c]) / sqrt(v[c] + 1e-5) * scale[c] + shift[c])) < 1e-5);
  }
  read_state("N.stat", clgen_net_tensor_at(net, 2)->offset, 2, mean);
  read_state("N.stat", clgen_net_tensor_at(net, 3)->offset, 2, var);
  for (int c = 0; c < 2; ++c) {
    assert_true(fabs(mean[c] - (0.9 * old_mean[c] + 0.1 * m[c])) < 1e-5);
    assert_true(fabs(var[c] - (0.9 * old_var[c] + 0.1 * v[c] * 4 / 3)) < 1e-5);
  }
  free(e);
  free(t);
  clgen_program_free(p);
  clgen_tensor *one = test_input(g, "one", clgen_shape_of(4, 1, 2, 1, 1));
  assert_null(clgen_module_forward(b, 0, 1, one, true));
  assert_non_null(strstr(clgen_last_error(), "larger batch"));
  assert_null(clgen_module_forward(b, 0, 1, test_input(g, "wide", clgen_shape_of(4, 1, 3, 2, 2)), true));
  assert_null(clgen_module_forward(b, 0, 2, x, true));
  clgen_module_free(b);
}

static void test_inputs_that_do_not_fit(void **state) {
  (void)state;
  layer(clgen_net_linear(net, "fc", 6, 2));
  layer(clgen_net_conv2d(net, "c", 3, 2, 3, 1, 1, false));
  clgen_module *b;
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(4, 2, 2, 3, 1));
  assert_non_null(clgen_module_forward(b, 0, 1, x, true)); /* flattened */
  assert_null(clgen_module_forward(b, 1, 1, x, true));
  assert_non_null(strstr(clgen_last_error(), "c.weight"));
  assert_null(clgen_module_forward(b, 0, 1, test_input(g, "y", clgen_shape_of(2, 2, 7)), true));
  assert_non_null(strstr(clgen_last_error(), "fc.weight"));
  clgen_module_free(b);
}

/* ---- Losses ---- */

static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

static void test_losses(void **state) {
  (void)state;
  clgen_tensor *x = test_input(g, "x", clgen_shape_of(2, 2, 3)), *t = test_input(g, "t", clgen_shape_of(2, 2, 3));
  const clgen_gan_loss *ns;
  OK(clgen_gan_loss_find(&ns, "ns"));
  clgen_tensor *y[4] = {NULL, NULL,
                        clgen_sum(clgen_likelihood_of(CLGEN_LIKELIHOOD_BERNOULLI)->nll(x, t, NULL), 1u << 1, false),
                        clgen_loss_kl(x, t)};
  ns->discriminator(x, x, 0, &y[0], &y[1]);
  for (int i = 0; i < 4; ++i) OK(clgen_output(y[i]));
  clgen_program *p;
  OK(clgen_compile(&p, g, store));
  const float vx[6] = {0.5f, -1, 2, 1000, -1000, 0}, vt[6] = {0, 1, 0.3f, 1, 0, -2};
  OK(clgen_program_write(p, x, vx, sizeof vx));
  OK(clgen_program_write(p, t, vt, sizeof vt));
  OK(clgen_program_run(p));
  double real = 0, fake = 0, bernoulli[2] = {0, 0}, kl[2] = {0, 0};
  for (int i = 0; i < 6; ++i) {
    double a = (double)vx[i], b = (double)vt[i];
    real += softplus(-a) / 6;
    fake += softplus(a) / 6;
    bernoulli[i / 3] += softplus(a) - a * b;
    kl[i / 3] += 0.5 * (a * a + exp(b) - 1 - b);
  }
  const float expected[6] = {(float)real, (float)fake, (float)bernoulli[0], (float)bernoulli[1], (float)kl[0], (float)kl[1]};
  float got[6];
  OK(clgen_program_read(p, y[0], got, 4));
  OK(clgen_program_read(p, y[1], got + 1, 4));
  OK(clgen_program_read(p, y[2], got + 2, 8));
  OK(clgen_program_read(p, y[3], got + 4, 8));
  for (int i = 0; i < 6; ++i) assert_true(fabs((double)got[i] - (double)expected[i]) <= 1e-6 * fmax(1, fabs(expected[i])));
  clgen_program_free(p);
}

/* ---- Optimisers and averages ---- */

/* Three steps with the gradients of sum(c w^2), against the formulas in double. */
static void check_optimizer(clgen_optimizer o, double lr) {
  layer(clgen_net_linear(net, "fc", 2, 2));
  OK(clgen_net_init(net, store, "N", 3));
  const float start[4] = {1, -2, 3, 0.5f}, c[4] = {1, 0.5f, 2, -1};
  OK(clgen_store_write(store, "N.param", 0, 4, start));
  clgen_module *b;
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *scalars = clgen_input(g, "s", CLGEN_F32, clgen_shape_of(1, CLGEN_OPTIMIZER_SCALARS));
  clgen_tensor *weight = test_input(g, "c", clgen_shape_of(2, 2, 2));
  clgen_tensor *loss = clgen_sum(clgen_mul(weight, clgen_square(clgen_module_tensor(b, 0))), CLGEN_ALL_AXES, false);
  clgen_tensor *grad = NEED(clgen_module_grad(b, loss));
  OK(clgen_optimizer_apply(&o, b, grad, scalars));
  clgen_program *p;
  OK(clgen_compile(&p, g, store));
  OK(clgen_program_write(p, weight, c, sizeof c));
  double w[4], m[4] = {0}, v[4] = {0};
  for (int i = 0; i < 4; ++i) w[i] = (double)start[i];
  for (int step = 1; step <= 3; ++step) {
    float s[CLGEN_OPTIMIZER_SCALARS];
    clgen_optimizer_scalars(&o, lr, (uint64_t)step, s);
    OK(clgen_program_write(p, scalars, s, sizeof s));
    OK(clgen_program_run(p));
    float got[4];
    read_state("N.param", 0, 4, got);
    for (int i = 0; i < 4; ++i) {
      double d = 2 * (double)c[i] * w[i];
      if (o.kind == CLGEN_ADAM) {
        m[i] = o.beta1 * m[i] + (1 - o.beta1) * d;
        v[i] = o.beta2 * v[i] + (1 - o.beta2) * d * d;
        w[i] -= lr * (m[i] / (1 - pow(o.beta1, step))) / (sqrt(v[i] / (1 - pow(o.beta2, step))) + o.eps);
      } else {
        m[i] = o.momentum * m[i] + d;
        w[i] -= lr * m[i];
      }
      if (!(fabs(got[i] - w[i]) < 2e-6)) fail_msg("step %d, weight %d: %.8g, not %.8g", step, i, got[i], w[i]);
    }
  }
  clgen_program_free(p);
  clgen_module_free(b);
}

static void test_adam(void **state) {
  (void)state;
  check_optimizer((clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.99, .eps = 1e-3}, 0.1);
}
static void test_sgd(void **state) {
  (void)state;
  check_optimizer((clgen_optimizer){.kind = CLGEN_SGD, .momentum = 0.8}, 0.05);
}

/* Five steps as PyTorch takes them (tests/golden/make_optimizers.py). */
static void as_pytorch(const char *name, clgen_optimizer o, double lr, double limit) {
  char path[1024], prefix[32];
  clgen_safetensors *st;
  snprintf(path, sizeof path, "%s/optimizers.safetensors", getenv("CLGEN_TEST_GOLDEN"));
  snprintf(prefix, sizeof prefix, "N-%s", name);
  OK(clgen_safetensors_open(&st, path));
  const clgen_st_tensor *steps = NEED((void *)clgen_safetensors_find(st, name));
  const float *expected = steps->data;
  OK(clgen_net_init(net, store, prefix, 3));
  char param[48];
  snprintf(param, sizeof param, "%s.param", prefix);
  OK(clgen_store_write(store, param, 0, 4, clgen_safetensors_find(st, "start")->data));
  clgen_graph *graph;
  clgen_module *b;
  clgen_program *p;
  OK(clgen_graph_create(&graph));
  OK(clgen_net_bind(&b, net, graph, prefix));
  clgen_tensor *scalars = clgen_input(graph, "s", CLGEN_F32, clgen_shape_of(1, CLGEN_OPTIMIZER_SCALARS));
  clgen_tensor *c = clgen_input(graph, "c", CLGEN_F32, clgen_shape_of(2, 2, 2));
  clgen_tensor *loss = clgen_sum(clgen_mul(c, clgen_square(clgen_module_tensor(b, 0))), CLGEN_ALL_AXES, false);
  clgen_tensor *grad = NEED(clgen_module_grad(b, loss));
  clgen_tensor *length = clgen_sqrt(clgen_sum(clgen_square(grad), CLGEN_ALL_AXES, false));
  OK(clgen_optimizer_apply(&o, b, limit > 0 ? clgen_clip_grad_norm(grad, length, limit) : grad, scalars));
  OK(clgen_compile(&p, graph, store));
  OK(clgen_program_write(p, c, clgen_safetensors_find(st, "c")->data, 16));
  for (int step = 1; step <= 5; ++step) {
    float s[CLGEN_OPTIMIZER_SCALARS], got[4];
    clgen_optimizer_scalars(&o, lr, (uint64_t)step, s);
    OK(clgen_program_write(p, scalars, s, sizeof s));
    OK(clgen_program_run(p));
    read_state(param, 0, 4, got);
    for (int i = 0; i < 4; ++i)
      if (!(fabs((double)got[i] - (double)expected[4 * (step - 1) + i]) < 5e-6))
        fail_msg("%s, step %d, weight %d: %.8g, PyTorch %.8g", name, step, i, got[i], expected[4 * (step - 1) + i]);
  }
  clgen_program_free(p);
  clgen_module_free(b);
  clgen_graph_free(graph);
  clgen_safetensors_close(st);
}
static void test_optimizers_as_pytorch(void **state) {
  (void)state;
  layer(clgen_net_linear(net, "fc", 2, 2));
  clgen_optimizer adam = {.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.3}, adamw = adam;
  adamw.kind = CLGEN_ADAMW;
  as_pytorch("sgd", (clgen_optimizer){.kind = CLGEN_SGD}, 0.05, 0);
  as_pytorch("momentum", (clgen_optimizer){.kind = CLGEN_SGD, .momentum = 0.8}, 0.05, 0);
  as_pytorch("rmsprop", (clgen_optimizer){.kind = CLGEN_RMSPROP, .beta2 = 0.9, .eps = 1e-3}, 0.05, 0);
  as_pytorch("adam", adam, 0.1, 0);
  as_pytorch("adamw", adamw, 0.1, 0);
  as_pytorch("clipped", (clgen_optimizer){.kind = CLGEN_SGD}, 0.05, 3);
}

static void test_average(void **state) {
  (void)state;
  layer(clgen_net_batch_norm(net, "bn", 2));
  OK(clgen_net_init(net, store, "N", 3));
  OK(clgen_net_init(net, store, "A", 3));
  const int where[4] = {0, 1, 2, 3};
  float now[4][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}, old[4][2] = {{9, 8}, {7, 6}, {5, 4}, {3, 2}};
  for (int i = 0; i < 4; ++i) {
    int64_t at = clgen_net_tensor_at(net, where[i])->offset;
    OK(clgen_store_write(store, i < 2 ? "N.param" : "N.stat", at, 2, now[i]));
    OK(clgen_store_write(store, i < 2 ? "A.param" : "A.stat", at, 2, old[i]));
  }
  clgen_module *b, *average;
  OK(clgen_net_bind(&b, net, g, "N"));
  OK(clgen_net_bind(&average, net, g, "A"));
  clgen_tensor *beta = clgen_input(g, "beta", CLGEN_F32, clgen_shape_of(1, 1));
  OK(clgen_module_average(average, b, beta));
  clgen_program *p;
  OK(clgen_compile(&p, g, store));
  const float share = 0.75f;
  OK(clgen_program_write(p, beta, &share, sizeof share));
  OK(clgen_program_run(p));
  for (int i = 0; i < 4; ++i) {
    float got[2], same[2];
    int64_t at = clgen_net_tensor_at(net, where[i])->offset;
    read_state(i < 2 ? "A.param" : "A.stat", at, 2, got);
    read_state(i < 2 ? "N.param" : "N.stat", at, 2, same);
    for (int k = 0; k < 2; ++k) {
      assert_true(fabs(got[k] - (0.75 * old[i][k] + 0.25 * now[i][k])) < 1e-6);
      assert_true(same[k] == now[i][k]);
    }
  }
  clgen_program_free(p);
  clgen_module_free(b);
  clgen_module_free(average);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_tensors_are_pytorchs),
      TEST(test_bad_layers),
      TEST(test_dcgan_start),
      TEST(test_start_is_a_function_of_seed_and_name),
      TEST(test_pytorch_start),
      TEST(test_one_position_is_a_product),
      TEST(test_batch_norm),
      TEST(test_inputs_that_do_not_fit),
      TEST(test_losses),
      TEST(test_adam),
      TEST(test_sgd),
      TEST(test_optimizers_as_pytorch),
      TEST(test_average),
  };
  return cmocka_run_group_tests(tests, open_device, close_device);
}
