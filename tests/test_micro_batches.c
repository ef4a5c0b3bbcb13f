/* A batch in parts (--batch-gpu) against the same batch as a whole. Batch norm makes images see each other: where a network
 * has it, the parts are given the same images or latents, so that their statistics are those of the whole. */
#include "graphs.h"

#include <clgen/model.h>
#include <clgen/train.h>

#define MOST 25 /* images in a batch */
#define STEPS 5

typedef struct {
  clgen_model_config model;
  clgen_trainer_config trainer;
  bool same_images, same_latents; /* in every part */
  int batch, part;                /* 0: 12 and 4 */
  int batches;                    /* the batch is gathered from so many, in steps that controllers would lengthen; 0: 1 */
} scenario;

/* What a trainer did: its reports, and its states at the end. */
typedef struct {
  clgen_trainer_report report[STEPS];
  float *state[4];
  int64_t n[4];
  clgen_memory memory;
} course;

static void make_inputs(const scenario *c, int step, uint8_t *images, float *latents, int *labels) {
  int64_t image = (int64_t)c->model.channels * c->model.height * c->model.width, nz = c->model.nz;
  int64_t part = c->part ? c->part : c->batch / c->batches; /* that a program sees at once */
  uint64_t seed = 77 + (uint64_t)step;
  for (int64_t i = 0; i < c->batch * image; ++i)
    images[i] = c->same_images && i >= part * image ? images[i - part * image] : (uint8_t)random_int(&seed, 0, 255);
  for (int64_t i = 0; i < c->batch * nz; ++i)
    latents[i] = c->same_latents && i >= part * nz ? latents[i - part * nz] : (float)random_between(&seed, -2, 2);
  for (int i = 0; i < c->batch; ++i) labels[i] = c->same_images && i >= part ? labels[i - part] : random_int(&seed, 0, 2);
}

static void read_state(course *out, int at, clgen_store *store, const char *name) {
  clgen_dtype dtype;
  clgen_shape shape;
  if (clgen_store_info(store, name, &dtype, &shape)) return;
  out->n[at] = clgen_shape_count(&shape);
  out->state[at] = NEED(malloc((size_t)out->n[at] * sizeof(float)));
  OK(clgen_store_read(store, name, 0, out->n[at], out->state[at]));
}

static course run(const scenario *c, clgen_device *device, int64_t at_once, int batches) {
  course out = {0};
  float hyper[CLGEN_HYPER_COUNT];
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_trainer_config t = c->trainer;
  t.batch = c->batch / batches;
  t.batches_max = batches;
  t.batch_gpu = at_once;
  OK(clgen_model_create(&model, &c->model));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(model, store, 3));
  OK(clgen_trainer_create(&trainer, model, store, &t));
  clgen_adapt_start(&(clgen_adapt_config){.critic_steps = t.gan.critic_steps}, hyper);
  hyper[CLGEN_HYPER_BATCHES] = (float)batches;
  clgen_trainer_set_hyperparameters(trainer, hyper, 0);
  assert_int_equal(clgen_trainer_batches(trainer), batches);
  const clgen_model_config *m = clgen_model_get_config(model);
  uint8_t *images = NEED(malloc((size_t)(c->batch * m->channels * m->height * m->width)));
  float *latents = NEED(malloc((size_t)(c->batch * (m->nz + 1)) * sizeof *latents));
  for (int step = 0; step < STEPS; ++step) {
    int labels[MOST];
    make_inputs(c, step, images, latents, labels);
    if (clgen_model_is_classifier(model)) OK(clgen_trainer_set_labels(trainer, labels));
    OK(clgen_trainer_step(trainer, (uint64_t)(step * batches), images, latents));
    OK(clgen_trainer_read(trainer, &out.report[step]));
  }
  const clgen_model_network *first = clgen_model_network_at(model, 0);
  char name[64];
  snprintf(name, sizeof name, "%s.param", first->prefix);
  read_state(&out, 0, store, name);
  read_state(&out, 1, store, clgen_model_is_gan(model) ? "D.param" : "C.stat");
  read_state(&out, 2, store, "G_ema.param");
  if (m->d_norm == CLGEN_D_SPECTRAL) read_state(&out, 3, store, "D.stat");
  if (t.augment.adaptive) read_state(&out, 3, store, CLGEN_ADA_STATE);
  out.memory = clgen_trainer_info(trainer)->memory;
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  clgen_model_free(model);
  free(images);
  free(latents);
  return out;
}

/* Of pairs of images, which parts have others of than the whole. */
static bool is_of_pairs(const char *name) { return strcmp(name, "duplicates") == 0; }

static void compare_reports(const course *whole, const course *parts, int batches) {
  for (int step = 0; step < STEPS; ++step) {
    const clgen_trainer_report *a = &whole->report[step], *b = &parts->report[step];
    assert_int_equal(a->n, b->n);
    assert_int_equal(b->steps, batches);
    assert_int_equal(b->bad, -1);
    for (int k = 0; k < a->n; ++k) {
      assert_string_equal(a->name[k], b->name[k]);
      if (!is_of_pairs(a->name[k]) && !(fabs(a->mean[k] - b->mean[k]) <= 1e-5 * fmax(1, fabs(a->mean[k]))))
        fail_msg("step %d, %s: %.9g in parts, %.9g as a whole", step, a->name[k], b->mean[k], a->mean[k]);
    }
  }
}

static void parts_are_the_whole(const scenario *given, clgen_device *device) {
  scenario mine = *given;
  const scenario *c = &mine;
  if (!mine.batch) mine.batch = 12, mine.part = 4;
  int batches = mine.batches ? mine.batches : 1;
  course whole = run(c, device, 0, 1), parts = run(c, device, c->part, batches);
  compare_reports(&whole, &parts, batches);
  for (int s = 0; s < 4; ++s) {
    assert_int_equal(whole.n[s], parts.n[s]);
    for (int64_t i = 0; i < whole.n[s]; ++i) {
      double a = (double)whole.state[s][i], b = (double)parts.state[s][i];
      /* running variances are those of fewer values: n / (n - 1) differs */
      double allowed = s == 1 && c->same_images ? 1e-2 : 1e-5;
      if (!(fabs(a - b) <= allowed * fmax(1, fabs(a))))
        fail_msg("state %d, element %lld: %.9g in parts, %.9g as a whole", s, (long long)i, b, a);
    }
    free(whole.state[s]);
    free(parts.state[s]);
  }
  assert_true(parts.memory.arena_bytes < whole.memory.arena_bytes);
  assert_true(parts.memory.peak_bytes < whole.memory.peak_bytes);
}

/* ---- What is trained ---- */

static const clgen_optimizer sgd = {.kind = CLGEN_SGD, .momentum = 0.5};

/* Latents are drawn on the device here. */
static void vae_mlp(clgen_device *device) {
  scenario c = {.model = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 9, .width = 7, .hidden = 16, .nz = 4}};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-2, .seed = 8, .grad_clip = 5};
  parts_are_the_whole(&c, device);
}

static void vae_conv(clgen_device *device) {
  scenario c = {.trainer = {.optimizer = sgd, .lr = 1e-2, .seed = 8}};
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_VAE_CONV, .channels = 2, .height = 12, .width = 8, .ngf = 6, .nz = 3};
  parts_are_the_whole(&c, device);
}

static void classifier(clgen_device *device) {
  scenario c = {.same_images = true};
  c.model = (clgen_model_config){
      .arch = CLGEN_ARCH_CLASSIFIER, .channels = 1, .height = 12, .width = 12, .ndf = 6, .hidden = 6, .classes = 3};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-2};
  parts_are_the_whole(&c, device);
}

static void gan(clgen_device *device, const char *loss, const char *reg, int critic_steps, int r1_interval) {
  scenario c = {.same_latents = true};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-2, .seed = 8, .noise_given = true, .ema_kimg = 0.1};
  c.trainer.grad_clip = 3;
  OK(clgen_gan_objective_parse(&c.trainer.gan, loss, reg));
  c.trainer.gan.critic_steps = critic_steps;
  c.trainer.gan.r1_interval = r1_interval;
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4};
  c.model.nz = 6;
  OK(clgen_gan_objective_d_norm(&c.trainer.gan, c.model.arch, &c.model.d_norm));
  parts_are_the_whole(&c, device);
}

/* What controllers go by. Players are compared within a part, so that parts alike show the whole's; signs, logits, gradients
 * and with them p are means over the batch. */
static void watched(clgen_device *device, const char *controllers, bool alike, int64_t part) {
  scenario c = {.same_latents = true, .same_images = alike, .batch = 16, .part = (int)part};
  c.trainer = (clgen_trainer_config){.lr = 1e-3, .seed = 8, .noise_given = true, .ema_kimg = 0.1};
  c.trainer.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3};
  OK(clgen_adapt_parse(&c.trainer.controllers, controllers, true, false));
  if (c.trainer.controllers & clgen_adapt_mask("ada"))
    c.trainer.augment = (clgen_augmentation){.transformations = CLGEN_AUGMENT_BLIT | CLGEN_AUGMENT_COLOR,
                                             .adaptive = true,
                                             .target = -0.9,
                                             .kimg = 0.2,
                                             .limit = 1};
  OK(clgen_gan_objective_parse(&c.trainer.gan, "hinge", "r1"));
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4};
  c.model.nz = 6;
  OK(clgen_gan_objective_d_norm(&c.trainer.gan, c.model.arch, &c.model.d_norm));
  parts_are_the_whole(&c, device);
}

/* With batch norm in D the parts have to be alike altogether. */
static void batch_norm(clgen_device *device) {
  scenario c = {.same_latents = true, .same_images = true};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-2, .seed = 8, .noise_given = true, .ema_kimg = 0.1};
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4};
  c.model.nz = 6;
  OK(clgen_gan_objective_parse(&c.trainer.gan, "ns", ""));
  OK(clgen_gan_objective_d_norm(&c.trainer.gan, c.model.arch, &c.model.d_norm));
  parts_are_the_whole(&c, device);
  OK(clgen_gan_objective_parse(&c.trainer.gan, "wgan", ""));
  c.trainer.gan.clip = 0.02; /* weights begin at about that */
  parts_are_the_whole(&c, device);
}

/* Parameters of every shape, and much that is drawn beside latents. Its discriminator compares images in groups of 2 to 4,
 * of which a batch of 25 and parts of 5 have none. */
static void style(clgen_device *device) {
  scenario c = {.batch = 25, .part = 5};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-3, .seed = 8, .ema_kimg = 0.1};
  OK(clgen_gan_objective_parse(&c.trainer.gan, "ns", "r1"));
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_STYLE, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2};
  c.model.nz = 6;
  OK(clgen_gan_objective_d_norm(&c.trainer.gan, c.model.arch, &c.model.d_norm));
  parts_are_the_whole(&c, device);
}

static void on_host(void **state) {
  (void)state;
  clgen_device *device = open_host();
  vae_mlp(device);
  vae_conv(device);
  classifier(device);
  gan(device, "wgan-gp", "", 2, 1);
  gan(device, "ns", "r1,ha", 1, 2);
  gan(device, "hinge", "sn,bcr", 1, 1);
  gan(device, "lsgan", "r1", 2, 3);
  batch_norm(device);
  style(device);
  watched(device, "guard,balance", true, 8);
  watched(device, "noise-scale", false, 4);
  watched(device, "ada", false, 4);
  clgen_device_close(device);
}

/* The same from several batches, which may come in parts themselves. Each batch moves running statistics as it would by
 * itself, so that what has them is not here. */
static void gathered(clgen_device *device, const char *loss, const char *reg, int batches, int part) {
  scenario c = {.same_latents = true, .batches = batches, .part = part, .batch = 12};
  c.trainer = (clgen_trainer_config){.lr = 1e-3, .seed = 8, .noise_given = true, .ema_kimg = 0.1, .ema_rampup = 0.5};
  c.trainer.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3};
  c.trainer.warmup_kimg = 0.05;
  c.trainer.controllers = clgen_adapt_mask("noise-scale");
  OK(clgen_gan_objective_parse(&c.trainer.gan, loss, reg));
  c.trainer.gan.critic_steps = 2;
  c.trainer.gan.r1_interval = 3;
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4};
  c.model.nz = 6;
  OK(clgen_gan_objective_d_norm(&c.trainer.gan, c.model.arch, &c.model.d_norm));
  parts_are_the_whole(&c, device);
}

static void gathered_vae(clgen_device *device, int batches, int part) {
  scenario c = {.batches = batches, .part = part, .batch = 12};
  c.model = (clgen_model_config){.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 9, .width = 7, .hidden = 16, .nz = 4};
  c.trainer = (clgen_trainer_config){.optimizer = sgd, .lr = 1e-2, .seed = 8, .noise_given = true, .grad_clip = 5};
  c.trainer.vae = (clgen_vae_objective){.beta = 2, .anneal = CLGEN_ANNEAL_LINEAR, .anneal_kimg = 0.1};
  parts_are_the_whole(&c, device);
}

static void several_batches(void **state) {
  (void)state;
  clgen_device *device = open_host();
  gathered_vae(device, 4, 0);
  gathered_vae(device, 2, 3);
  gathered(device, "ns", "r1", 2, 0);
  gathered(device, "hinge", "sn", 4, 0);
  gathered(device, "lsgan", "r1,ha", 2, 3);
  clgen_device_close(device);
}

/* Fewer: every program's kernels are built. */
static void on_device(void **state) {
  (void)state;
  clgen_device *device = open_tested();
  vae_mlp(device);
  gan(device, "hinge", "sn,bcr", 1, 1);
  clgen_device_close(device);
}

/* ---- What is not finite ---- */

/* It is found in whichever part it is, and the step that is named is a step and no run of a program. */
static void what_is_not_finite_is_found(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_model_config m = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 3};
  clgen_trainer_config c = {.batch = 6, .batch_gpu = 2, .optimizer = sgd, .lr = 1e-3, .noise_given = true};
  OK(clgen_gan_objective_parse(&c.gan, "ns", ""));
  c.gan.critic_steps = 2;
  OK(clgen_gan_objective_d_norm(&c.gan, m.arch, &m.d_norm));
  OK(clgen_model_create(&model, &m));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(model, store, 3));
  OK(clgen_trainer_create(&trainer, model, store, &c));
  uint8_t images[6 * 1024];
  for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i * 31);
  for (uint64_t step = 0; step < 5; ++step) {
    float latents[18] = {1, 0, 2};
    for (int i = 0; i < 18; ++i) latents[i] = (float)(i % 7) - 3;
    if (step == 3) latents[17] = NAN;
    OK(clgen_trainer_step(trainer, step, images, latents));
  }
  clgen_trainer_report r;
  OK(clgen_trainer_read(trainer, &r));
  assert_true(r.bad >= 0);
  assert_string_equal(r.name[r.bad], "loss_D_fake");
  assert_int_equal(r.bad_step, 3);
  assert_int_equal(r.steps, 5);
  clgen_trainer_free(trainer);
  clgen_store_free(store);
  clgen_model_free(model);
  clgen_device_close(device);
}

/* ---- What is refused ---- */

static void refused_controllers(int64_t batch, int64_t at_once, int64_t batches, const char *controllers, const char *loss,
                                const char *reg, const char *why) {
  clgen_device *device = open_host();
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_model_config m = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 3};
  clgen_trainer_config c = {.batch = batch, .batch_gpu = at_once, .batches_max = batches, .optimizer = sgd, .lr = 1e-3};
  OK(clgen_adapt_parse(&c.controllers, controllers, true, false));
  c.augment.adaptive = c.controllers & clgen_adapt_mask("ada");
  OK(clgen_gan_objective_parse(&c.gan, loss, reg));
  OK(clgen_gan_objective_d_norm(&c.gan, m.arch, &m.d_norm));
  OK(clgen_model_create(&model, &m));
  OK(clgen_store_create(&store, device));
  assert_int_equal(clgen_trainer_create(&trainer, model, store, &c), CLGEN_E_INVALID);
  assert_null(trainer);
  if (!strstr(clgen_last_error(), why)) fail_msg("\"%s\" lacks \"%s\"", clgen_last_error(), why);
  clgen_store_free(store);
  clgen_model_free(model);
  clgen_device_close(device);
}

static void refused(int64_t batch, int64_t at_once, const char *loss, const char *reg, const char *why) {
  refused_controllers(batch, at_once, 1, "", loss, reg, why);
}

static void parts_that_make_no_sense(void **state) {
  (void)state;
  refused(12, 5, "ns", "", "use 4 or 6");
  refused(12, 13, "ns", "", "is not a multiple of 13; use 12");
  refused(7, 2, "ns", "", "use 1 or 7");
  refused(12, 4, "ragan", "", "ragan: it compares with means");
  refused(12, 4, "ns", "fm", "fm: it compares means");
  refused(12, 4, "ns", "dragan", "dragan: it disturbs by the deviation");
  refused_controllers(12, 4, 1, "guard", "ns", "",
                      "compare the images of a micro-batch with each other; 4 images are too few");
  refused_controllers(12, 6, 1, "balance", "ns", "", "6 images are too few");
  refused_controllers(12, 0, 2, "noise-scale", "ragan", "", "option --batch-max: not with ragan");
  refused_controllers(12, 0, 2, "noise-scale,ada", "ns", "", "option --batch-max: not with --adapt ada");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_host),
      cmocka_unit_test(several_batches),
      cmocka_unit_test(on_device),
      cmocka_unit_test(what_is_not_finite_is_found),
      cmocka_unit_test(parts_that_make_no_sense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
