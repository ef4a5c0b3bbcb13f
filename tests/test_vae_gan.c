/* A step of a VAE-GAN against PyTorch (tests/golden/make_vae_cases.py): its losses, the gradients of its three networks, and
 * where they and their statistics are after the update. */
#include "graphs.h"
#include "golden.h"

#include <clgen/model.h>
#include <clgen/train.h>

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("vae_gan");
}

/* The worst difference, and the largest value, of what `kind` says of a network. */
static void compare_state(const char *key, clgen_store *store, const char *state, int64_t offset, int64_t n, double *worst,
                          double *largest) {
  const float *expected = floats_of(key);
  float *got = new_floats((size_t)n);
  OK(clgen_store_read(store, state, offset, n, got));
  for (int64_t i = 0; i < n; ++i) {
    *worst = fmax(*worst, fabs((double)got[i] - (double)expected[i]));
    *largest = fmax(*largest, fabs((double)expected[i]));
  }
  free(got);
}

/* "ns/acgan": what the players minimise, and how networks are told a class. */
typedef struct {
  const char *name, *loss;
  clgen_cond cond;
} vae_gan_case;

enum { N = 8, CLASSES = 3 };

static void labels_of(const char *name, int out[N]) {
  int64_t values[N];
  memcpy(values, data_of(name), sizeof values);
  for (int i = 0; i < N; ++i) out[i] = (int)values[i];
}

static void check_network(const char *loss, clgen_store *store, const clgen_model_network *w) {
  double worst[2] = {0, 0}, largest[2] = {0, 0};
  for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
    if (t->kind == CLGEN_NET_COUNTER) continue;
    char key[128], state[64];
    int64_t n = clgen_shape_count(&t->shape);
    snprintf(key, sizeof key, "%s.final.%s.%s", loss, w->prefix, t->name);
    snprintf(state, sizeof state, "%s.%s", w->prefix, t->kind == CLGEN_NET_PARAM ? "param" : "stat");
    compare_state(key, store, state, t->offset, n, &worst[1], &largest[1]);
    if (t->kind != CLGEN_NET_PARAM) continue;
    snprintf(key, sizeof key, "%s.grad.%s.%s", loss, w->prefix, t->name);
    snprintf(state, sizeof state, "%s.grad", w->prefix);
    compare_state(key, store, state, t->offset, n, &worst[0], &largest[0]);
  }
  for (int i = 0; i < 2; ++i)
    if (!(largest[i] > 0 && worst[i] <= 1e-4 * largest[i]))
      fail_msg("%s: %s of %s differ by up to %g, the largest is %g", loss, i ? "numbers" : "gradients", w->prefix, worst[i],
               largest[i]);
}

static void load_start(const clgen_model *m, clgen_store *store, const vae_gan_case *k) {
  OK(clgen_model_init(m, store, 1));
  for (int i = 0; i < 3; ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    for (int j = 0; j < clgen_net_tensor_count(w->net); ++j) {
      const clgen_net_tensor *entry = clgen_net_tensor_at(w->net, j);
      if (entry->kind == CLGEN_NET_COUNTER) continue;
      char name[128], state[64];
      snprintf(name, sizeof name, "%s%sinit.%s.%s", k->cond ? k->name : "", k->cond ? "." : "", w->prefix, entry->name);
      snprintf(state, sizeof state, "%s.%s", w->prefix, entry->kind == CLGEN_NET_PARAM ? "param" : "stat");
      OK(clgen_store_write(store, state, entry->offset, clgen_shape_count(&entry->shape), floats_of(name)));
    }
  }
}

static void one_case(clgen_device *device, const vae_gan_case *k) {
  clgen_trainer_config c = {.batch = N, .lr = 0.01, .optimizer = {.kind = CLGEN_SGD}, .noise_given = true};
  c.vae.recon_gamma = 0.05;
  OK(clgen_gan_objective_parse(&c.gan, k->loss, ""));
  const clgen_model_config config = {.arch = CLGEN_ARCH_VAE_GAN,
                                     .channels = 1,
                                     .height = 32,
                                     .width = 32,
                                     .ngf = 2,
                                     .ndf = 2,
                                     .nz = 4,
                                     .cond = k->cond,
                                     .classes = k->cond ? CLASSES : 0};
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_report r;
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  load_start(m, store, k);
  OK(clgen_trainer_create(&t, m, store, &c));
  int labels[2][N];
  labels_of("labels", labels[0]);
  labels_of("fake_labels", labels[1]);
  if (k->cond) OK(clgen_trainer_set_labels(t, labels[0]));
  if (k->cond) OK(clgen_trainer_set_fake_labels(t, labels[1]));
  OK(clgen_trainer_step(t, 0, (const uint8_t *)floats_of("images"), floats_of("noise")));
  OK(clgen_trainer_read(t, &r));
  static const char *const names[] = {"loss_D_real", "loss_D_fake",    "loss_D_recon", "loss_G",
                                      "kl",          "reconstruction", "class_D",      "class_G"};
  for (size_t n = 0; n < (k->cond == CLGEN_COND_ACGAN ? 8 : 6); ++n) {
    char key[64];
    double got = NAN;
    snprintf(key, sizeof key, "%s.%s", k->name, names[n]);
    for (int i = 0; i < r.n; ++i)
      if (strcmp(r.name[i], names[n]) == 0) got = r.mean[i];
    double expected = (double)*floats_of(key);
    if (!(fabs(got - expected) <= 1e-5 * fmax(1, fabs(expected)))) fail_msg("%s: %.8g, not %.8g", key, got, expected);
  }
  for (int i = 0; i < 3; ++i) check_network(k->name, store, clgen_model_network_at(m, i));
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
}

static const vae_gan_case cases[] = {{"hinge", "hinge", CLGEN_COND_NONE},
                                     {"lsgan", "lsgan", CLGEN_COND_NONE},
                                     {"ns/projection", "ns", CLGEN_COND_PROJECTION},
                                     {"ns/acgan", "ns", CLGEN_COND_ACGAN},
                                     {"ns", "ns", CLGEN_COND_NONE}};

static void as_pytorch_on_host(void **state) {
  (void)state;
  clgen_device *device = open_host();
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) one_case(device, &cases[i]);
  clgen_device_close(device);
}
static void as_pytorch_on_device(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  one_case(device, &cases[CLGEN_COUNT(cases) - 1]);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_pytorch_on_host), cmocka_unit_test(as_pytorch_on_device)};
  return cmocka_run_group_tests(tests, open_golden, close_golden);
}
