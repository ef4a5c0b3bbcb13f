/* Networks that are told a class: each way against PyTorch (tests/golden/make_conditional.py), by value and gradient;
 * batches in parts; classes by name and number, drawn, and in snapshots. */
#include "graphs.h"
#include "files.h"
#include "golden.h"
#include "steps.h"

enum { N = 8, CLASSES = 3 };

static int open_golden(void **state) { return files_set_up(state) || open_golden_file("conditional"); }
static int close_all(void **state) { return close_golden(state) || files_tear_down(state); }

/* What a case is called in the file, and what makes it. */
static const struct {
  const char *name;
  clgen_arch arch;
  clgen_cond cond;
  const char *loss, *reg;
  int64_t samples;
} cases[] = {
    {"concat", CLGEN_ARCH_DCGAN, CLGEN_COND_CONCAT, "ns", "", 0},
    {"projection", CLGEN_ARCH_DCGAN, CLGEN_COND_PROJECTION, "ns", "", 0},
    {"acgan", CLGEN_ARCH_DCGAN, CLGEN_COND_ACGAN, "ns", "", 0},
    {"projection+sn", CLGEN_ARCH_DCGAN, CLGEN_COND_PROJECTION, "hinge", "sn", 0},
    {"acgan+sn", CLGEN_ARCH_DCGAN, CLGEN_COND_ACGAN, "hinge", "sn", 0},
    {"concat+gp", CLGEN_ARCH_DCGAN, CLGEN_COND_CONCAT, "wgan-gp", "", 0},
    {"projection+gp", CLGEN_ARCH_DCGAN, CLGEN_COND_PROJECTION, "wgan-gp", "", 0},
    {"projection+bcr", CLGEN_ARCH_DCGAN, CLGEN_COND_PROJECTION, "hinge", "bcr", 0},
    {"vae-mlp", CLGEN_ARCH_VAE_MLP, CLGEN_COND_CONCAT, NULL, NULL, 1},
    {"vae-mlp+iwae", CLGEN_ARCH_VAE_MLP, CLGEN_COND_CONCAT, NULL, NULL, 3},
    {"vae-conv", CLGEN_ARCH_VAE_CONV, CLGEN_COND_CONCAT, NULL, NULL, 1},
};

static int trained_networks(const clgen_model *m) { return clgen_model_is_gan(m) ? 2 : 1; }

static void start_as(const clgen_model *m, clgen_store *store, const char *name) {
  char before[64];
  snprintf(before, sizeof before, "%s.init.", name);
  start_from(m, store, before);
}

static clgen_model_config config_of(size_t i) {
  bool gan = clgen_arch_kind(cases[i].arch) == CLGEN_GAN;
  clgen_model_config c = {.arch = cases[i].arch, .channels = 1, .cond = cases[i].cond, .classes = CLASSES};
  c.height = c.width = gan ? 32 : 12;
  c.ngf = gan ? 2 : 5, c.ndf = 2, c.nz = gan ? 4 : 3, c.hidden = 5;
  return c;
}

static void one_case(clgen_device *device, size_t i, int64_t batch_gpu) {
  const char *name = cases[i].name;
  clgen_trainer_config c = {.batch = N, .lr = 0.05, .optimizer = {.kind = CLGEN_SGD}, .noise_given = true};
  clgen_model_config config = config_of(i);
  c.batch_gpu = batch_gpu;
  c.vae.samples = cases[i].samples;
  if (cases[i].loss) {
    OK(clgen_gan_objective_parse(&c.gan, cases[i].loss, cases[i].reg));
    c.gan.critic_steps = 1;
    c.gan.aux_weight = 0.5;
    OK(clgen_gan_objective_d_norm(&c.gan, config.arch, &config.d_norm));
  }
  clgen_model *m;
  clgen_store *store;
  clgen_trainer *t;
  clgen_trainer_report r;
  int labels[N], fake_labels[N];
  labels_of("labels", N, labels);
  labels_of("fake_labels", N, fake_labels);
  OK(clgen_model_create(&m, &config));
  OK(clgen_store_create(&store, device));
  start_as(m, store, name);
  OK(clgen_trainer_create(&t, m, store, &c));
  OK(clgen_trainer_set_labels(t, labels));
  if (cases[i].loss) OK(clgen_trainer_set_fake_labels(t, fake_labels));
  OK(clgen_trainer_step(t, 0, data_of(cases[i].loss ? "images" : "small"),
                        data_of(cases[i].loss       ? "latents"
                                : c.vae.samples > 1 ? "eps3"
                                                    : "eps")));
  OK(clgen_trainer_read(t, &r));
  static const char *const values[] = {"loss_D_real", "loss_D_fake", "loss_G", "class_D",        "class_G",
                                       "gp",          "bcr",         "loss",   "reconstruction", "kl"};
  for (size_t k = 0; k < sizeof values / sizeof *values; ++k)
    if ((cases[i].loss ? k < 3 : k >= 7) || has_value(name, values[k])) check_value(name, &r, values[k]);
  for (int k = 0; k < trained_networks(m); ++k) check_grad(name, store, clgen_model_network_at(m, k));
  clgen_trainer_free(t);
  clgen_store_free(store);
  clgen_model_free(m);
}

static size_t case_at(const char *name) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    if (strcmp(cases[i].name, name) == 0) return i;
  fail_msg("no case %s", name);
  return 0;
}

static void as_pytorch_on_host(void **state) {
  (void)state;
  clgen_device *device = open_host();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) one_case(device, i, 0);
  clgen_device_close(device);
}
/* One of each way: building kernels is what takes time. */
static void as_pytorch_on_device(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  static const char *const some[] = {"concat", "projection", "acgan+sn", "vae-conv"};
  for (size_t i = 0; i < sizeof some / sizeof *some; ++i) one_case(device, case_at(some[i]), 0);
  clgen_device_close(device);
}

/* Each part takes its own labels: where nothing mixes the images of a batch, the gradient is the same. */
static void in_parts_too(void **state) {
  (void)state;
  clgen_device *device = open_host();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    if (!cases[i].loss) one_case(device, i, N / 4);
  clgen_device_close(device);
}

/* ---- Images of a class ---- */

/* PyTorch's images from a batch at a time, also an incomplete one, and from a snapshot that tells its classes. */
static void images_are_of_the_class_asked_for(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model_config config = config_of(case_at("projection"));
  clgen_model *m;
  clgen_store *store;
  clgen_generator *g, *again;
  int asked[N];
  uint8_t made[N * 1024], from_file[N * 1024];
  labels_of("fake_labels", N, asked);
  const float *z = data_of("latents"), *expected = data_of("made");
  const char *const names[CLASSES] = {"round", "a/b", "7"};
  const int64_t counts[CLASSES] = {5, 0, 15};
  OK(clgen_model_create(&m, &config));
  OK(clgen_model_set_classes(m, names, counts));
  OK(clgen_store_create(&store, device));
  start_as(m, store, "projection");
  OK(clgen_generator_create(&g, m, store, 3));
  OK(clgen_generator_run(g, N, z, asked, made));
  for (int i = 0; i < N * 1024; ++i) assert_true(fabs((double)made[i] - (127.5 + 127.5 * (double)expected[i])) <= 0.51);
  const char *path = file_at("conditional.safetensors");
  OK(clgen_model_save(m, store, 0, path, NULL, 0));
  OK(clgen_generator_open(&again, device, path, N));
  OK(clgen_generator_run(again, N, z, asked, from_file));
  assert_memory_equal(made, from_file, sizeof made);
  const clgen_model *opened = clgen_generator_model(again);
  assert_true(clgen_model_is_conditional(opened));
  for (int k = 0; k < CLASSES; ++k) assert_string_equal(clgen_model_class_name(opened, k), names[k]);
  for (uint64_t seed = 0; seed < 50; ++seed)
    assert_int_equal(clgen_model_class_of_seed(opened, seed), clgen_model_class_of_seed(m, seed));
  assert_int_equal(clgen_generator_run(g, N, z, NULL, made), CLGEN_E_INVALID);
  asked[5] = CLASSES;
  assert_int_equal(clgen_generator_run(g, N, z, asked, made), CLGEN_E_INVALID);
  clgen_generator_free(again);
  clgen_generator_free(g);
  clgen_store_free(store);
  clgen_model_free(m);
  clgen_device_close(device);
}

/* ---- Classes ---- */

static void drawn_as_often_as_there_are(void **state) {
  (void)state;
  clgen_model_config config = config_of(case_at("acgan"));
  clgen_model *m;
  int times[CLASSES] = {0};
  const char *const names[CLASSES] = {"a", "b", "c"};
  OK(clgen_model_create(&m, &config));
  OK(clgen_model_set_classes(m, names, (const int64_t[]){10, 0, 30}));
  for (uint64_t seed = 0; seed < 4000; ++seed) ++times[clgen_model_class_of_seed(m, seed)];
  assert_int_equal(times[1], 0);
  assert_true(times[0] > 900 && times[0] < 1100); /* 1000, and a deviation of 27 */
  assert_int_equal(clgen_model_class_at(m, 0), 0);
  assert_int_equal(clgen_model_class_at(m, 0.2499f), 0);
  assert_int_equal(clgen_model_class_at(m, 0.25f), 2);
  assert_int_equal(clgen_model_class_at(m, 1), 2);
  assert_int_equal(clgen_model_set_classes(m, names, (const int64_t[]){0, 0, 0}), CLGEN_E_INVALID);
  clgen_model_free(m);
}

static void check_choice(const char *list, char *const *names, int n, const char *expected) {
  int *chosen;
  size_t count;
  char text[64] = "";
  int code = clgen_choose(list, names, n, &chosen, &count);
  for (size_t i = 0; i < count; ++i) snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", chosen[i]);
  free(chosen);
  if (code != (expected ? CLGEN_OK : CLGEN_E_INVALID) || strcmp(text, expected ? expected : ""))
    fail_msg("'%s' are '%s'", list, text);
}

static void chosen_by_name_and_number(void **state) {
  (void)state;
  char *digits[] = {"5", "6", "7", "8", "9"}, *words[] = {"food", "animals", "a-b", "b"};
  check_choice("7", digits, 5, "2 ");
  check_choice("7-9,5,7", digits, 5, "2 3 4 0 ");
  check_choice("1", digits, 5, "1 "); /* no class is called so */
  check_choice("animals,0", words, 4, "1 0 ");
  check_choice("a-b", words, 4, "2 ");
  check_choice("animals-b", words, 4, "1 2 3 ");
  check_choice("0-3", NULL, 4, "0 1 2 3 ");
  static const char *const wrong[] = {"", "5,", "10", "9-5", "5-", "cars", "123456789012", "-1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) check_choice(wrong[i], digits, 5, NULL);
  check_choice("food,cars", words, 4, NULL);
  assert_non_null(strstr(clgen_last_error(), "'cars'"));
  assert_non_null(strstr(clgen_last_error(), "food, animals, a-b, b"));
}

/* ---- What makes no sense ---- */

static void refused(clgen_model_config c, const char *why) {
  clgen_model *m;
  assert_int_equal(clgen_model_create(&m, &c), CLGEN_E_INVALID);
  if (!strstr(clgen_last_error(), why)) fail_msg("%s", clgen_last_error());
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  clgen_model_config c = config_of(case_at("vae-mlp"));
  c.cond = CLGEN_COND_PROJECTION;
  refused(c, "possible: concat");
  c = config_of(case_at("concat"));
  c.classes = 1;
  refused(c, "two classes");
  c.arch = CLGEN_ARCH_CLASSIFIER;
  c.classes = 3;
  refused(c, "not at all");
  clgen_model *m;
  int *classes;
  size_t n;
  c = config_of(case_at("vae-mlp"));
  c.cond = CLGEN_COND_NONE, c.classes = 0;
  OK(clgen_model_create(&m, &c));
  assert_int_equal(clgen_model_parse_classes(m, "0", &classes, &n), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "--cond"));
  clgen_model_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_pytorch_on_host),
      cmocka_unit_test(as_pytorch_on_device),
      cmocka_unit_test(in_parts_too),
      cmocka_unit_test(images_are_of_the_class_asked_for),
      cmocka_unit_test(drawn_as_often_as_there_are),
      cmocka_unit_test(chosen_by_name_and_number),
      cmocka_unit_test(what_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests(tests, open_golden, close_all);
}
