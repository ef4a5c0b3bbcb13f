/* Every loss and regulariser of a GAN against PyTorch (tests/golden/make_gan_cases.py): values, and the gradients with
 * respect to both players' weights after one step. What does not go together. Spectral norm against a singular value. */
#include "graphs.h"
#include "golden.h"
#include "steps.h"

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("gan_cases");
}

/* What a case is called in the file, and what makes it. */
static const struct {
  const char *name, *loss, *reg, *init, *value; /* value: the regulariser's name, or NULL */
  double smoothing;
} cases[] = {
    {"ns", "ns", "", "batch", NULL, 0},
    {"bce", "bce", "", "batch", NULL, 0},
    {"bce+smoothed", "bce", "", "batch", NULL, 0.1},
    {"lsgan", "lsgan", "", "batch", NULL, 0},
    {"wgan", "wgan", "", "batch", NULL, 0},
    {"hinge", "hinge", "", "batch", NULL, 0},
    {"ragan", "ragan", "", "batch", NULL, 0},
    {"wgan-gp+gp", "wgan-gp", "", "plain", "gp", 0},
    {"ns+r1", "ns", "r1", "plain", "r1", 0},
    {"ns+dragan", "ns", "dragan", "plain", "dragan", 0},
    {"hinge+sn", "hinge", "sn", "spectral", NULL, 0},
    {"ns+fm", "ns", "fm", "batch", "fm", 0},
    {"ragan+fm", "ragan", "fm", "batch", "fm", 0},
    {"ns+ha", "ns", "ha", "batch", "ha_D", 0},
    {"ns+ha", "ns", "ha", "batch", "ha_G", 0},
    {"hinge+bcr", "hinge", "bcr", "batch", "bcr", 0},
    {"hinge+bcr+flip", "hinge", "bcr", "batch", "bcr", 0},
    {"ns+mbstd", "ns", "mbstd", "batch+mbstd", NULL, 0},
    {"ns+mbdisc", "ns", "mbdisc", "batch+mbdisc", NULL, 0},
    {"hinge+r1,mbstd", "hinge", "r1,mbstd", "plain+mbstd", "r1", 0},
    {"wgan-gp+gp,mbstd", "wgan-gp", "mbstd", "plain+mbstd", "gp", 0},
    {"ns+pl", "ns", "pl", "style", "pl", 0},
    {"ns+pl", "ns", "pl", "style", "path_length", 0},
};

static void one_case(clgen_device *device, size_t i) {
  clgen_trainer_config c = {.batch = 8, .lr = 0.05, .optimizer = {.kind = CLGEN_SGD}, .noise_given = true};
  OK(clgen_gan_objective_parse(&c.gan, cases[i].loss, cases[i].reg));
  c.gan.smoothing = cases[i].smoothing;
  c.gan.critic_steps = 1;
  c.gan.ha_weight = 1;
  c.gan.bcr_flip = strstr(cases[i].name, "flip");
  clgen_model_config config = {
      .arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 4};
  if (strcmp(cases[i].init, "style") == 0) { /* whose gradients are longer */
    c.lr = 0.001;
    config.arch = CLGEN_ARCH_STYLE, config.ngf = config.ndf = config.mapping_layers = 1;
  }
  OK(clgen_gan_objective_d_norm(&c.gan, config.arch, &config.d_norm));
  config.minibatch = clgen_gan_objective_minibatch(&c.gan);
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_report r;
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  char before[64];
  snprintf(before, sizeof before, "init.%s.", cases[i].init);
  start_from(m, store, before);
  OK(clgen_trainer_create(&t, m, store, &c));
  /* Of three the last counts, for there is no history at the first. */
  int steps = strcmp(cases[i].reg, "ha") && strcmp(cases[i].reg, "pl") ? 1 : 3;
  for (int step = 0; step < steps; ++step) {
    OK(clgen_trainer_step(t, (uint64_t)step, data_of("images"), data_of("latents")));
    OK(clgen_trainer_read(t, &r));
  }
  check_value(cases[i].name, &r, "loss_D_real");
  check_value(cases[i].name, &r, "loss_D_fake");
  check_value(cases[i].name, &r, "loss_G");
  if (cases[i].value) check_value(cases[i].name, &r, cases[i].value);
  check_grad(cases[i].name, store, clgen_model_network_at(m, 0));
  check_grad(cases[i].name, store, clgen_model_network_at(m, 1));
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
}

static void on(clgen_device *device, size_t stride) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i += stride) one_case(device, i);
  clgen_device_close(device);
}
static void as_pytorch_on_host(void **state) {
  (void)state;
  on(open_host(), 1);
}
static void as_pytorch_on_device(void **state) {
  (void)state;
  on(open_tested(), 5); /* each has many kernels to build */
}

/* ---- Path lengths ---- */

static double reported(clgen_trainer *t, const char *a, double weight, const char *b) {
  clgen_trainer_report r;
  double sum = 0;
  OK(clgen_trainer_read(t, &r));
  for (int i = 0; i < r.n; ++i)
    sum += strcmp(r.name[i], a) == 0 ? r.mean[i] : b && strcmp(r.name[i], b) == 0 ? weight * r.mean[i] : 0;
  return sum;
}

/* What G minimises with the mean length held at `mean`, whatever this batch adds to it. */
static double minimised(clgen_trainer *t, clgen_store *store, float mean) {
  float before = 0;
  OK(clgen_store_write(store, "reg.path_length", 0, 1, &before));
  OK(clgen_trainer_step(t, 0, data_of("images"), data_of("latents")));
  before = (mean - (float)reported(t, "path_length", 0, NULL)) / 0.99f;
  OK(clgen_store_write(store, "reg.path_length", 0, 1, &before));
  OK(clgen_trainer_step(t, 0, data_of("images"), data_of("latents")));
  return reported(t, "loss_G", 2, "pl");
}

/* Along a random direction in what makes colours of pictures, with networks that stand still. A leaky ReLU that changes its
 * side makes the slope of an image jump, and behind those layers there is none: other parameters' derivatives are PyTorch's.
 */
static void path_lengths_by_finite_differences(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_trainer_config c = {.batch = 8, .lr = 0, .optimizer = {.kind = CLGEN_SGD}, .noise_given = true};
  clgen_model_config config = {
      .arch = CLGEN_ARCH_STYLE, .channels = 1, .height = 32, .width = 32, .ngf = 1, .ndf = 1, .nz = 4, .mapping_layers = 1};
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  OK(clgen_gan_objective_parse(&c.gan, "ns", "pl"));
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  start_from(m, store, "init.style.");
  OK(clgen_trainer_create(&t, m, store, &c));
  OK(clgen_trainer_prepare(t));
  const clgen_net *net = clgen_model_network_at(m, 0)->net;
  int64_t n = clgen_net_param_size(net);
  float *start = new_floats((size_t)n), *grad = new_floats((size_t)n), *at = new_floats((size_t)n);
  double *way = NEED(calloc((size_t)n, sizeof *way)), slope = 0, value[2];
  uint64_t random = 3;
  const double h = 1e-3;
  OK(clgen_store_read(store, "G.param", 0, n, start));
  (void)minimised(t, store, 1);
  OK(clgen_store_read(store, "G.grad", 0, n, grad));
  for (int k = 0; k < clgen_net_tensor_count(net); ++k) {
    const clgen_net_tensor *w = clgen_net_tensor_at(net, k);
    for (int64_t i = w->offset; strstr(w->name, "torgb") && i < w->offset + clgen_shape_count(&w->shape); ++i) {
      way[i] = random_between(&random, -1, 1);
      slope += way[i] * (double)grad[i];
    }
  }
  for (int side = 0; side < 2; ++side) {
    for (int64_t i = 0; i < n; ++i) at[i] = (float)((double)start[i] + (side ? h : -h) * way[i]);
    OK(clgen_store_write(store, "G.param", 0, n, at));
    value[side] = minimised(t, store, 1);
  }
  double found = (value[1] - value[0]) / (2 * h);
  if (!(fabs(slope) > 1 && fabs(found - slope) <= 0.005 * fabs(slope)))
    fail_msg("%g by differences, %g is said", found, slope);
  free(way);
  free(at);
  free(grad);
  free(start);
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
  clgen_device_close(device);
}

/* Each row of the tables of losses and of regularisers is among the cases. */
static void every_row_has_a_case(void **state) {
  (void)state;
  size_t n;
  const char *name;
  for (size_t k = 0; (name = clgen_gan_regularizer_name(k)); ++k) {
    bool found = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) found = found || strstr(cases[i].name, name);
    if (!found) fail_msg("no golden case for the regulariser %s", name);
  }
  const clgen_gan_loss *rows = clgen_gan_losses(&n);
  for (size_t k = 0; k < n; ++k) {
    bool found = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) found = found || !strcmp(cases[i].loss, rows[k].name);
    if (!found) fail_msg("no golden case for the loss %s", rows[k].name);
  }
}

/* After many steps of the power iteration the weight is divided by its largest singular value. */
static void spectral_norm_divides_by_the_largest_singular_value(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  clgen_store *store;
  clgen_net *net;
  clgen_graph *g;
  clgen_module *b;
  clgen_program *p;
  OK(clgen_store_create(&store, device));
  OK(clgen_net_create(&net, CLGEN_INIT_PYTORCH));
  clgen_net_spectral_norm(net);
  assert_true(clgen_net_linear(net, "fc", 7, 5) >= 0);
  OK(clgen_net_init(net, store, "N", 1));
  const float *weight = data_of("svd.weight"), zero[5] = {0}, sigma = *(const float *)data_of("svd.sigma");
  OK(clgen_store_write(store, "N.param", clgen_net_tensor_at(net, 0)->offset, 35, weight));
  OK(clgen_store_write(store, "N.param", clgen_net_tensor_at(net, 1)->offset, 5, zero));
  OK(clgen_graph_create(&g));
  OK(clgen_net_bind(&b, net, g, "N"));
  clgen_tensor *x = clgen_input(g, "x", CLGEN_F32, clgen_shape_of(2, 7, 7));
  clgen_tensor *y = NEED(clgen_module_forward(b, 0, 1, x, true)), *fixed = NEED(clgen_module_forward(b, 0, 1, x, false));
  OK(clgen_output(y));
  OK(clgen_output(fixed));
  OK(clgen_compile(&p, g, store));
  float one[49] = {0}, got[2][35];
  for (int i = 0; i < 7; ++i) one[8 * i] = 1;
  OK(clgen_program_write(p, x, one, sizeof one));
  for (int i = 0; i < 200; ++i) OK(clgen_program_run(p));
  OK(clgen_program_read(p, y, got[0], sizeof got[0]));
  OK(clgen_program_read(p, fixed, got[1], sizeof got[1]));
  for (int k = 0; k < 2; ++k)
    for (int i = 0; i < 7; ++i)
      for (int o = 0; o < 5; ++o)
        assert_true(fabs((double)got[k][5 * i + o] * (double)sigma - (double)weight[7 * o + i]) < 1e-5);
  clgen_program_free(p);
  clgen_module_free(b);
  clgen_graph_free(g);
  clgen_net_free(net);
  clgen_store_free(store);
  clgen_device_close(device);
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {"what", ""},           {"ns", "r2"},        {"ns", ","},           {"ns", "gp,,r1"},      {"wgan", "gp"},
      {"wgan", "sn"},         {"wgan", "dragan"},  {"wgan", "r1"},        {"wgan-gp", "r1"},     {"ns", "gp,r1"},
      {"hinge", "gp,dragan"}, {"ns", "r1,dragan"}, {"wgan-gp", "dragan"}, {"wgan-gp", "mbdisc"}, {"ns", "r1,mbdisc"},
      {"ns", "mbstd,mbdisc"}};
  static const char *const right[][2] = {{"wgan", "fm"},     {"wgan-gp", "gp"},    {"wgan-gp", "sn,fm"},
                                         {"ragan", "r1,sn"}, {"wgan-gp", "mbstd"}, {"hinge", "sn,mbdisc,ha,bcr"}};
  clgen_gan_objective o;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i)
    if (clgen_gan_objective_parse(&o, wrong[i][0], wrong[i][1]) != CLGEN_E_INVALID)
      fail_msg("--loss %s --reg %s is taken", wrong[i][0], wrong[i][1]);
  for (size_t i = 0; i < sizeof right / sizeof *right; ++i) OK(clgen_gan_objective_parse(&o, right[i][0], right[i][1]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_pytorch_on_host),
      cmocka_unit_test(as_pytorch_on_device),
      cmocka_unit_test(path_lengths_by_finite_differences),
      cmocka_unit_test(every_row_has_a_case),
      cmocka_unit_test(spectral_norm_divides_by_the_largest_singular_value),
      cmocka_unit_test(what_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
