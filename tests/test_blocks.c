/* Normalisations and building blocks against PyTorch (tests/golden/make_blocks.py): values, gradients, and the gradients of
 * a function of the input's gradient, on the host and on the tested device. */
#include "graphs.h"

#include "golden.h"

#include <clgen/blocks.h>

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("blocks");
}

/* ---- Cases ---- */

enum { MAX_BESIDE = 2 };
typedef struct {
  clgen_graph *graph;
  clgen_net *net;
  clgen_module *b;
  clgen_tensor *x, *beside[MAX_BESIDE], *labels;
  union {
    clgen_residual residual;
    clgen_dense dense;
    clgen_inception inception;
    clgen_fully_convolutional fcn;
  } of;
} block;

static clgen_tensor *all_layers(block *k) {
  return clgen_module_forward(k->b, 0, clgen_net_layer_count(k->net), k->x, true);
}

static int add_group(block *k) { return clgen_net_group_norm(k->net, "", 2, 6); }
static int add_layer(block *k) { return clgen_net_group_norm(k->net, "", 1, 6); }
static int add_layer_of_vectors(block *k) { return clgen_net_group_norm(k->net, "", 1, 7); }
static int add_instance(block *k) { return clgen_net_group_norm(k->net, "", 5, 5); }
static int add_virtual(block *k) { return clgen_net_virtual_batch_norm(k->net, "", 3, 4); }
static int add_conditional(block *k) { return clgen_net_conditional_batch_norm(k->net, "", 3, 5); }
static clgen_tensor *conditional(block *k) { return clgen_module_forward_labelled(k->b, 0, 1, k->x, k->labels, true); }
static clgen_tensor *adaptive(block *k) { return clgen_adaptive_instance_norm(k->x, k->beside[0], k->beside[1]); }

static clgen_tensor *nearest(block *k) { return clgen_upsample_nearest(k->x, 3); }
static clgen_tensor *bilinear(block *k) { return clgen_upsample_bilinear(k->x); }
static clgen_tensor *pool(block *k) { return clgen_average_pool(k->x, 3); }
static clgen_tensor *max_plain(block *k) { return clgen_max_pool2d(k->x, (clgen_window){3, 3, 2, 2, 0, 0, 0, 0}); }
static clgen_tensor *max_padded(block *k) { return clgen_max_pool2d(k->x, (clgen_window){3, 2, 2, 1, 1, 1, 1, 0}); }
static clgen_tensor *max_apart(block *k) { return clgen_max_pool2d(k->x, (clgen_window){1, 2, 2, 3, 0, 0, 0, 1}); }
static clgen_tensor *max_of_ties(block *k) { return max_plain(k); }
static clgen_tensor *pool_3x3(block *k) { return clgen_avg_pool2d(k->x, (clgen_window){3, 3, 1, 1, 1, 1, 1, 1}, true); }
static clgen_tensor *pool_inside(block *k) { return clgen_avg_pool2d(k->x, (clgen_window){3, 3, 1, 1, 1, 1, 1, 1}, false); }
static clgen_tensor *pool_strided(block *k) { return clgen_avg_pool2d(k->x, (clgen_window){2, 5, 2, 3, 1, 1, 2, 2}, false); }

static int add_squeeze(block *k) { return clgen_net_squeeze_excite(k->net, "", 5); }
static clgen_tensor *squeeze(block *k) { return clgen_module_squeeze_excite(k->b, 0, k->x); }

static int add_residual(block *k, clgen_residual r) {
  k->of.residual = r;
  return clgen_net_residual(k->net, "", &k->of.residual);
}
static int add_same(block *k) { return add_residual(k, (clgen_residual){.in = 4, .out = 4, .squeeze = true}); }
static int add_up(block *k) {
  return add_residual(k, (clgen_residual){.in = 5, .out = 3, .resample = CLGEN_UPSAMPLE, .norm = CLGEN_NORM_BATCH});
}
static int add_down(block *k) {
  return add_residual(
      k, (clgen_residual){.in = 3, .out = 5, .resample = CLGEN_DOWNSAMPLE, .norm = CLGEN_NORM_LAYER, .slope = 0.2f});
}
static int add_first(block *k) {
  return add_residual(k, (clgen_residual){.in = 2, .out = 5, .resample = CLGEN_DOWNSAMPLE, .first = true});
}
static int add_classes(block *k) {
  return add_residual(k, (clgen_residual){.in = 4, .out = 3, .resample = CLGEN_UPSAMPLE, .classes = 3, .squeeze = true});
}
static clgen_tensor *residual(block *k) { return clgen_module_residual(k->b, &k->of.residual, k->x, k->labels, true); }

static int add_dense(block *k) {
  k->of.dense = (clgen_dense){.in = 3, .growth = 2, .layers = 3, .norm = CLGEN_NORM_BATCH};
  return clgen_net_dense(k->net, "", &k->of.dense);
}
static clgen_tensor *dense(block *k) { return clgen_module_dense(k->b, &k->of.dense, k->x, true); }

static int add_inception(block *k) {
  k->of.inception =
      (clgen_inception){.in = 4, .one = 2, .three_reduced = 3, .three = 4, .five_reduced = 2, .five = 3, .pool = 2};
  return clgen_net_inception(k->net, "", &k->of.inception);
}
static clgen_tensor *inception(block *k) { return clgen_module_inception(k->b, &k->of.inception, k->x, true); }

static int add_fcn(block *k) {
  k->of.fcn = (clgen_fully_convolutional){.in = 2, .hidden = 4, .out = 3, .levels = 3};
  return clgen_net_fully_convolutional(k->net, "", &k->of.fcn);
}
static clgen_tensor *fcn(block *k) { return clgen_module_fully_convolutional(k->b, &k->of.fcn, k->x, true); }

static const struct {
  const char *name;
  int (*add)(block *k); /* NULL: it has no parameters */
  clgen_tensor *(*forward)(block *k);
  const char *beside[MAX_BESIDE];
} cases[] = {
    {"group", add_group, all_layers, {NULL}},
    {"layer", add_layer, all_layers, {NULL}},
    {"layer-of-vectors", add_layer_of_vectors, all_layers, {NULL}},
    {"instance", add_instance, all_layers, {NULL}},
    {"virtual", add_virtual, all_layers, {NULL}},
    {"conditional", add_conditional, conditional, {NULL}},
    {"adaptive", NULL, adaptive, {"scale", "shift"}},
    {"nearest", NULL, nearest, {NULL}},
    {"bilinear", NULL, bilinear, {NULL}},
    {"bilinear-of-one", NULL, bilinear, {NULL}},
    {"pool", NULL, pool, {NULL}},
    {"pool-3x3", NULL, pool_3x3, {NULL}},
    {"pool-inside", NULL, pool_inside, {NULL}},
    {"pool-strided", NULL, pool_strided, {NULL}},
    {"max", NULL, max_plain, {NULL}},
    {"max-padded", NULL, max_padded, {NULL}},
    {"max-apart", NULL, max_apart, {NULL}},
    {"max-of-ties", NULL, max_of_ties, {NULL}},
    {"squeeze", add_squeeze, squeeze, {NULL}},
    {"residual", add_same, residual, {NULL}},
    {"residual-up", add_up, residual, {NULL}},
    {"residual-down", add_down, residual, {NULL}},
    {"residual-first", add_first, residual, {NULL}},
    {"residual-classes", add_classes, residual, {NULL}},
    {"dense", add_dense, dense, {NULL}},
    {"inception", add_inception, inception, {NULL}},
    {"fully-convolutional", add_fcn, fcn, {NULL}},
};

/* ---- One case ---- */

static const clgen_st_tensor *find(const char *name, const char *what, const char *of) {
  char key[160];
  snprintf(key, sizeof key, "%s.%s%s", name, what, of);
  const clgen_st_tensor *t = clgen_safetensors_find(golden, key);
  if (!t) fail_msg("no %s", key);
  return t;
}

static clgen_tensor *input(clgen_graph *g, const char *name, const char *what) {
  return test_input(g, what, find(name, what, "")->shape);
}

static void write_input(clgen_program *p, clgen_tensor *t, const char *name, const char *what) {
  OK(clgen_program_write(p, t, find(name, what, "")->data, count_of(t) * sizeof(float)));
}

static void check(clgen_program *p, clgen_tensor *t, const char *name, const char *what, const char *of) {
  const clgen_st_tensor *expected = find(name, what, of);
  char label[160];
  float *got = read_floats(p, t);
  snprintf(label, sizeof label, "%s.%s%s", name, what, of);
  assert_int_equal(count_of(t), clgen_shape_count(&expected->shape));
  compare(label, got, expected->data, count_of(t), 2e-5);
  free(got);
}

/* "param.NAME" without the point that a layer of no name begins with. */
static void wrt_name(char out[128], const clgen_net_tensor *t) {
  snprintf(out, 128, "param.%s", t->name[0] == '.' ? t->name + 1 : t->name);
}

static void load(const clgen_net *net, clgen_store *store, const char *name) {
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i);
    char what[128];
    wrt_name(what, t);
    if (t->kind != CLGEN_NET_COUNTER)
      OK(clgen_store_write(store, t->kind == CLGEN_NET_PARAM ? "N.param" : "N.stat", t->offset, clgen_shape_count(&t->shape),
                           find(name, what, "")->data));
  }
}

static void one_case(clgen_device *device, size_t which) {
  enum { MAX_WRT = 24 };
  const char *name = cases[which].name;
  block k = {0};
  char names[MAX_WRT][128];
  clgen_tensor *wrt[MAX_WRT], *first[MAX_WRT], *second[MAX_WRT];
  int n = 0;
  OK(clgen_net_create(&k.net, CLGEN_INIT_PYTORCH));
  if (cases[which].add && cases[which].add(&k) < 0) fail_msg("%s", clgen_last_error());
  OK(clgen_graph_create(&k.graph));
  OK(clgen_net_bind(&k.b, k.net, k.graph, "N"));
  k.x = wrt[n] = input(k.graph, name, "x");
  snprintf(names[n++], 128, "x");
  for (int i = 0; i < MAX_BESIDE && cases[which].beside[i]; ++i) {
    snprintf(names[n], 128, "in.%s", cases[which].beside[i]);
    k.beside[i] = wrt[n] = input(k.graph, name, names[n]);
    ++n;
  }
  if (cases[which].forward == conditional || cases[which].add == add_classes) k.labels = input(k.graph, name, "labels");
  for (int i = 0; i < clgen_net_tensor_count(k.net); ++i)
    if (clgen_net_tensor_at(k.net, i)->kind == CLGEN_NET_PARAM) {
      wrt_name(names[n], clgen_net_tensor_at(k.net, i));
      wrt[n++] = clgen_module_tensor(k.b, i);
    }
  clgen_tensor *y = NEED(cases[which].forward(&k)), *v = input(k.graph, name, "v"), *u = input(k.graph, name, "u");
  OK(clgen_grad(weighted_sum(y, v), n, wrt, first));
  OK(clgen_grad(weighted_sum(first[0], u), n, wrt, second));
  OK(clgen_output(y));
  for (int i = 0; i < n; ++i) {
    OK(clgen_output(first[i]));
    OK(clgen_output(second[i]));
  }
  clgen_store *store;
  clgen_program *p;
  OK(clgen_store_create(&store, device));
  OK(clgen_net_init(k.net, store, "N", 1));
  load(k.net, store, name);
  OK(clgen_compile(&p, k.graph, store));
  write_input(p, k.x, name, "x");
  write_input(p, v, name, "v");
  write_input(p, u, name, "u");
  if (k.labels) write_input(p, k.labels, name, "labels");
  for (int i = 1; i < n; ++i)
    if (strncmp(names[i], "in.", 3) == 0) write_input(p, wrt[i], name, names[i]);
  OK(clgen_program_run(p));
  check(p, y, name, "y", "");
  for (int i = 0; i < n; ++i) {
    check(p, first[i], name, "grad.", names[i]);
    check(p, second[i], name, "second.", names[i]);
  }
  clgen_program_free(p);
  clgen_store_free(store);
  clgen_module_free(k.b);
  clgen_graph_free(k.graph);
  clgen_net_free(k.net);
}

static void on(clgen_device *device, size_t stride) {
  for (size_t i = 0; i < CLGEN_COUNT(cases); i += stride) one_case(device, i);
  clgen_device_close(device);
}

static void test_on_the_host(void **state) {
  (void)state;
  on(open_host(), 1);
}
static void test_on_the_device(void **state) {
  (void)state;
  on(open_tested(), 5); /* each has many kernels to build */
}

/* ---- What makes no sense ---- */

static void test_bad_layers(void **state) {
  (void)state;
  clgen_net *net;
  clgen_graph *g;
  clgen_module *b;
  OK(clgen_net_create(&net, CLGEN_INIT_PYTORCH));
  assert_int_equal(clgen_net_group_norm(net, "a", 4, 6), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "a: 6 channels"));
  assert_int_equal(clgen_net_group_norm(net, "a", 0, 6), CLGEN_E_INVALID);
  assert_int_equal(clgen_net_virtual_batch_norm(net, "a", 0, 6), CLGEN_E_INVALID);
  assert_int_equal(clgen_net_group_norm(net, "a", 2, 6), 0);
  assert_int_equal(clgen_net_virtual_batch_norm(net, "b", 2, 6), 1);
  assert_int_equal(clgen_net_conditional_batch_norm(net, "c", 3, 6), 2);
  static const char *const text[] = {"group_norm 6, 2 groups", "virtual_batch_norm 6, 2 references",
                                     "conditional_batch_norm 6, 3 classes"};
  OK(clgen_graph_create(&g));
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *bad = clgen_constant(g, 1, clgen_shape_of(4, 3, 5, 2, 2)), *few;
  few = clgen_constant(g, 1, clgen_shape_of(4, 2, 6, 2, 2));
  for (int i = 0; i < 3; ++i) {
    char buf[96];
    assert_string_equal(clgen_net_layer_text(net, i, buf, sizeof buf), text[i]);
    assert_null(clgen_module_forward(b, i, 1, bad, true));
  }
  assert_null(clgen_module_forward(b, 1, 1, few, true)); /* nothing behind the reference batch */
  assert_non_null(strstr(clgen_last_error(), "b.weight"));
  assert_null(clgen_module_forward(b, 2, 1, few, true)); /* without labels */
  assert_non_null(strstr(clgen_last_error(), "labels"));
  assert_null(clgen_adaptive_instance_norm(clgen_reshape(few, clgen_shape_of(2, 2, 24)), few, few));
  clgen_module_free(b);
  clgen_graph_free(g);
  clgen_net_free(net);
}

static void test_bad_windows(void **state) {
  (void)state;
  clgen_graph *g;
  OK(clgen_graph_create(&g));
  clgen_tensor *x = clgen_constant(g, 1, clgen_shape_of(4, 2, 3, 4, 5)),
               *flat = clgen_constant(g, 1, clgen_shape_of(2, 2, 3));
  static const clgen_window bad[] = {{0, 2, 1, 1, 0, 0, 0, 0}, {2, 2, 1, 0, 0, 0, 0, 0},  {2, 2, 1, 1, 2, 0, 0, 0},
                                     {2, 2, 1, 1, 0, 0, 0, 2}, {2, 2, 1, 1, 0, -1, 0, 0}, {5, 2, 1, 1, 0, 0, 0, 0},
                                     {4, 7, 1, 1, 0, 0, 1, 0}};
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    assert_null(clgen_max_pool2d(x, bad[i]));
    assert_non_null(strstr(clgen_last_error(), "max pooling: windows of"));
    assert_null(clgen_avg_pool2d(x, bad[i], i % 2));
    assert_non_null(strstr(clgen_last_error(), "of 2x3x4x5"));
  }
  assert_null(clgen_max_pool2d(flat, (clgen_window){1, 1, 1, 1, 0, 0, 0, 0}));
  assert_non_null(strstr(clgen_last_error(), "the input is 2x3"));
  clgen_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_on_the_host),
      cmocka_unit_test(test_on_the_device),
      cmocka_unit_test(test_bad_layers),
      cmocka_unit_test(test_bad_windows),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
