/* Whole networks against PyTorch (tests/golden/make_networks.py, tests/pytorch/networks.py): the names and shapes of their
 * parameters, what they make and judge, and gradients, those of a discriminator's slope among them. */
#include "graphs.h"

#include <clgen/model.h>

#include "golden.h"

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("networks");
}

/* The last is what is run on a device too. */
static const char *const cases[] = {"resnet",       "resnet-64",   "vae-res",           "resnet-se",    "style",
                                    "style-concat", "style-acgan", "resnet-projection", "resnet-acgan", "style-projection"};

typedef struct {
  const char *name;
  clgen_model *model;
  clgen_store *store;
  clgen_graph *graph;
  clgen_module *net[2]; /* G and D, or the VAE */
  int n_nets;
  clgen_program *program;
} network;

static const clgen_st_tensor *find(const network *k, const char *what) {
  char key[160];
  snprintf(key, sizeof key, "%s.%s", k->name, what);
  const clgen_st_tensor *t = clgen_safetensors_find(golden, key);
  if (!t) fail_msg("no %s", key);
  return t;
}

static void open_model(network *k) {
  const clgen_st_tensor *cfg = find(k, "cfg");
  size_t n = (size_t)cfg->shape.dim[0];
  char *json = NEED(calloc(n + 1, 1));
  clgen_model_config c;
  memcpy(json, cfg->data, n);
  OK(clgen_model_config_from_json(&c, json, k->name));
  OK(clgen_model_create(&k->model, &c));
  free(json);
}

/* "G.conv.weight" as in a snapshot */
static const char *tensor_name(char out[128], const char *before, const clgen_model_network *w, const clgen_net_tensor *t) {
  snprintf(out, 128, "%s%s%s%s", before, w->bare ? "" : w->prefix, w->bare ? "" : ".", t->name);
  return out;
}

/* The state dicts, which have to have these names and shapes, and no others. */
static void load(network *k) {
  char name[128], text[96], other[96];
  size_t before = strlen(k->name), in_file = 0, here = 0;
  for (int i = 0; i < k->n_nets; ++i) {
    const clgen_model_network *w = clgen_model_network_at(k->model, i);
    for (int j = 0; j < clgen_net_tensor_count(w->net); ++j) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, j);
      if (t->kind == CLGEN_NET_COUNTER) continue;
      const clgen_st_tensor *from = find(k, tensor_name(name, "", w, t));
      if (!clgen_shape_equal(&from->shape, &t->shape))
        fail_msg("%s %s is %s and should be %s", k->name, name, clgen_shape_text(&t->shape, text, sizeof text),
                 clgen_shape_text(&from->shape, other, sizeof other));
      char *state = NEED(clgen_format("%s.%s", w->prefix, t->kind == CLGEN_NET_PARAM ? "param" : "stat"));
      OK(clgen_store_write(k->store, state, t->offset, clgen_shape_count(&t->shape), from->data));
      free(state);
      here += t->kind == CLGEN_NET_PARAM;
    }
  }
  for (size_t i = 0; i < clgen_safetensors_count(golden); ++i) {
    const char *key = clgen_safetensors_get(golden, i)->name;
    in_file += strncmp(key, k->name, before) == 0 && strncmp(key + before, ".grad.", 6) == 0;
  }
  assert_int_equal(here, in_file);
}

static clgen_tensor *input(network *k, const char *what) { return test_input(k->graph, what, find(k, what)->shape); }

static void check(network *k, clgen_tensor *t, const char *what) {
  char label[160];
  snprintf(label, sizeof label, "%s.%s", k->name, what);
  const clgen_st_tensor *expected = find(k, what);
  float *got = read_floats(k->program, t);
  assert_int_equal(count_of(t), clgen_shape_count(&expected->shape));
  compare(label, got, expected->data, count_of(t), 1e-4);
  free(got);
}

/* What is differentiated, and beside it what is compared itself. */
typedef struct {
  clgen_tensor *in[12], *out[4], *loss;
  const char *in_name[12], *out_name[4];
  int n_in, n_out;
} sums;

static clgen_tensor *take(network *k, sums *s, const char *name) {
  s->in_name[s->n_in] = name;
  return s->in[s->n_in++] = input(k, name);
}

static void give(network *k, sums *s, const char *name, clgen_tensor *y, const char *weight) {
  OK(clgen_output(NEED(y)));
  s->out_name[s->n_out] = name;
  s->out[s->n_out++] = y;
  clgen_tensor *term = weighted_sum(y, take(k, s, weight));
  s->loss = s->loss ? NEED(clgen_add(s->loss, term)) : term;
}

/* In use, before training moves the mean style. */
static void build_styled(network *k, sums *s, clgen_tensor *z, clgen_tensor *labels) {
  const clgen_pass pass = {.labels = labels,
                           .truncation = take(k, s, "truncation"),
                           .fine = take(k, s, "fine"),
                           .fine_from = clgen_constant(k->graph, 3, clgen_shape_of(2, 1, 1))};
  s->out_name[s->n_out] = "styled";
  s->out[s->n_out] = NEED(clgen_model_decode(k->model, k->net[0], z, &pass));
  OK(clgen_output(s->out[s->n_out++]));
}

static void check_mean_style(network *k) {
  const clgen_st_tensor *expected = find(k, "w_avg");
  const clgen_net *net = clgen_model_network_at(k->model, 0)->net;
  int64_t n = clgen_shape_count(&expected->shape);
  float *got = new_floats((size_t)n);
  for (int i = 0; i < clgen_net_tensor_count(net); ++i)
    if (strcmp(clgen_net_tensor_at(net, i)->name, "mapping.w_avg") == 0)
      OK(clgen_store_read(k->store, "G.stat", clgen_net_tensor_at(net, i)->offset, n, got));
  compare("w_avg", got, expected->data, (size_t)n, 1e-5);
  free(got);
}

static void build(network *k, sums *s) {
  clgen_pass pass = {.training = true};
  clgen_tensor *z = take(k, s, "z"), *x = take(k, s, "x"), *mu, *logvar, *slope, *picture;
  if (clgen_model_is_conditional(k->model)) pass.labels = take(k, s, "labels");
  if (clgen_model_style_layers(k->model)) build_styled(k, s, z, pass.labels);
  give(k, s, "made", clgen_model_decode(k->model, k->net[0], z, &pass), "v");
  if (clgen_model_is_vae(k->model)) {
    OK(clgen_model_encode(k->model, k->net[0], x, &pass, &mu, &logvar));
    give(k, s, "mu", mu, "a");
    give(k, s, "logvar", logvar, "b");
    return;
  }
  clgen_tensor *judged = clgen_model_discriminate(k->model, k->net[1], x, &pass, &picture);
  give(k, s, "judged", judged, "u");
  if (clgen_model_get_config(k->model)->cond == CLGEN_COND_ACGAN)
    give(k, s, "told", clgen_model_class_logits(k->model, k->net[1], picture, &pass), "t");
  OK(clgen_grad(clgen_sum(judged, CLGEN_ALL_AXES, false), 1, &x, &slope));
  float share = 1 / (float)clgen_tensor_dim(x, 0);
  s->loss = NEED(clgen_add(s->loss, clgen_affine(clgen_sum(clgen_square(slope), CLGEN_ALL_AXES, false), share, 0)));
}

/* To 1e-4 of the network's largest: what only a batch norm follows has none but rounding. */
static void check_grads(network *k, int net, clgen_tensor **grads) {
  const clgen_model_network *w = clgen_model_network_at(k->model, net);
  double most = 0, worst = 0;
  char name[128], where[128] = "";
  for (int j = 0, n = 0; j < clgen_net_tensor_count(w->net); ++j) {
    if (clgen_net_tensor_at(w->net, j)->kind != CLGEN_NET_PARAM) continue;
    const float *expected = find(k, tensor_name(name, "grad.", w, clgen_net_tensor_at(w->net, j)))->data;
    float *got = read_floats(k->program, grads[n]);
    size_t count = count_of(grads[n++]);
    most = fmax(most, largest(expected, count));
    for (size_t i = 0; i < count; ++i) {
      double off = fabs((double)got[i] - (double)expected[i]);
      if (!(off <= worst)) worst = off, snprintf(where, sizeof where, "%s", name);
    }
    free(got);
  }
  if (!(most > 0 && worst <= 1e-4 * most)) fail_msg("%s: %s is off by %g, the largest is %g", k->name, where, worst, most);
}

enum { MAX_TENSORS = 96 };

static void one_case(clgen_device *device, const char *name) {
  network k = {.name = name};
  sums s = {0};
  clgen_tensor *wrt[MAX_TENSORS], *grads[MAX_TENSORS];
  int n = 0, of_first = 0;
  open_model(&k);
  k.n_nets = clgen_model_is_gan(k.model) ? 2 : 1;
  OK(clgen_graph_create(&k.graph));
  for (int i = 0; i < k.n_nets; ++i) {
    const clgen_model_network *w = clgen_model_network_at(k.model, i);
    OK(clgen_net_bind(&k.net[i], w->net, k.graph, w->prefix));
    for (int j = 0; j < clgen_net_tensor_count(w->net); ++j)
      if (clgen_net_tensor_at(w->net, j)->kind == CLGEN_NET_PARAM) wrt[n++] = clgen_module_tensor(k.net[i], j);
    if (i == 0) of_first = n;
    assert_true(n < MAX_TENSORS);
  }
  build(&k, &s);
  OK(clgen_grad(s.loss, n, wrt, grads));
  for (int i = 0; i < n; ++i) OK(clgen_output(grads[i]));
  OK(clgen_store_create(&k.store, device));
  OK(clgen_model_init(k.model, k.store, 1));
  load(&k);
  OK(clgen_compile(&k.program, k.graph, k.store));
  for (int i = 0; i < s.n_in; ++i)
    OK(clgen_program_write(k.program, s.in[i], find(&k, s.in_name[i])->data, count_of(s.in[i]) * sizeof(float)));
  OK(clgen_program_run(k.program));
  for (int i = 0; i < s.n_out; ++i) check(&k, s.out[i], s.out_name[i]);
  if (clgen_model_style_layers(k.model)) check_mean_style(&k);
  check_grads(&k, 0, grads);
  if (k.n_nets > 1) check_grads(&k, 1, grads + of_first);
  clgen_program_free(k.program);
  clgen_store_free(k.store);
  for (int i = 0; i < k.n_nets; ++i) clgen_module_free(k.net[i]);
  clgen_graph_free(k.graph);
  clgen_model_free(k.model);
}

static void on(clgen_device *device, size_t first) {
  for (size_t i = first; i < CLGEN_COUNT(cases); ++i) one_case(device, cases[i]);
  clgen_device_close(device);
}

static void test_on_the_host(void **state) {
  (void)state;
  on(open_host(), 0);
}
static void test_on_the_device(void **state) {
  (void)state;
  on(open_tested(), CLGEN_COUNT(cases) - 1); /* each has hundreds of kernels to build */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_on_the_host),
      cmocka_unit_test(test_on_the_device),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
