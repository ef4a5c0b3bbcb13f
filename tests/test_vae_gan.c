/* A step of a VAE-GAN against PyTorch (tests/golden/make_vae_cases.py): its losses, the gradients of its three networks, and
 * where they and their statistics are after the update. */
#include "graphs.h"
#include "golden.h"
#include "steps.h"

static int open_golden(void **state) {
  (void)state;
  return open_golden_file("vae_gan");
}

/* "ns/acgan": what the players minimise, and how networks are told a class. */
typedef struct {
  const char *name, *loss;
  clgen_cond cond;
} vae_gan_case;

enum { N = 8, CLASSES = 3 };

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
  char before[64];
  snprintf(before, sizeof before, "%s%sinit.", k->cond ? k->name : "", k->cond ? "." : "");
  start_from(m, store, before);
  OK(clgen_trainer_create(&t, m, store, &c));
  int labels[2][N];
  labels_of("labels", N, labels[0]);
  labels_of("fake_labels", N, labels[1]);
  if (k->cond) OK(clgen_trainer_set_labels(t, labels[0]));
  if (k->cond) OK(clgen_trainer_set_fake_labels(t, labels[1]));
  OK(clgen_trainer_step(t, 0, (const uint8_t *)floats_of("images"), floats_of("noise")));
  OK(clgen_trainer_read(t, &r));
  static const char *const names[] = {"loss_D_real", "loss_D_fake",    "loss_D_recon", "loss_G",
                                      "kl",          "reconstruction", "class_D",      "class_G"};
  for (size_t n = 0; n < (k->cond == CLGEN_COND_ACGAN ? 8 : 6); ++n) check_value(k->name, &r, names[n]);
  snprintf(before, sizeof before, "%s.final.", k->name);
  for (int i = 0; i < 3; ++i) {
    check_grad(k->name, store, clgen_model_network_at(m, i));
    check_network(before, store, clgen_model_network_at(m, i), NULL);
  }
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
