/* A trainer's steps: what their programs are given, and what controllers turn of it. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* ---- Classes ---- */

int clgen_trainer_set_labels(clgen_trainer *t, const int *labels) {
  if (!clgen_model_get_config(t->model)->classes)
    return clgen_fail(CLGEN_E_INVALID, "only classifiers and conditional models are trained with labels");
  return clgen_model_one_hot(t->model, t->config.batch * clgen_trainer_batches(t), labels, t->labels);
}

int clgen_trainer_set_fake_labels(clgen_trainer *t, const int *labels) {
  if (!clgen_model_is_conditional(t->model) || !t->config.noise_given)
    return clgen_fail(CLGEN_E_INVALID, "labels of fakes need a conditional model and given noise");
  return clgen_model_one_hot(t->model, t->config.batch * clgen_trainer_batches(t), labels, t->fake_labels);
}

int clgen_trainer_set_validation(clgen_trainer *t, const uint8_t *images, const int *labels) {
  if (!t->config.augment.by_validation) return clgen_fail(CLGEN_E_INVALID, "this trainer uses no validation images");
  t->validation = images;
  if (!clgen_model_is_conditional(t->model)) return CLGEN_OK;
  return clgen_model_one_hot(t->model, t->config.batch, labels, t->validation_labels);
}

/* A function of the seed and the step. */
static int draw_fake_labels(clgen_trainer *t, uint32_t counter) {
  int64_t n = t->config.batch, all = n * clgen_trainer_batches(t);
  for (int64_t i = 0; i < all; ++i) {
    uint32_t batch = counter + (uint32_t)(i / n);
    t->drawn[i] =
        clgen_model_class_at(t->model, clgen_uniform_at(t->config.seed, CLGEN_STREAM_CLASS, batch, (uint64_t)(i % n)));
  }
  return clgen_model_one_hot(t->model, all, t->drawn, t->fake_labels);
}

/* ---- Hyperparameters ---- */

void clgen_trainer_get_updates(const clgen_trainer *t, uint64_t step, uint64_t updates[CLGEN_PLAYERS]) {
  uint64_t batches = (uint64_t)clgen_trainer_batches(t), critic = clgen_trainer_critic_steps(t);
  uint64_t first = t->since / batches, last = (step > t->since ? step : t->since) / batches;
  updates[0] = t->updates[0] + last / critic - first / critic; /* G's come with every so many of D's */
  updates[1] = t->updates[1] + last - first;
}

void clgen_trainer_set_hyperparameters(clgen_trainer *t, const float hyper[CLGEN_HYPER_COUNT], uint64_t step) {
  uint64_t updates[CLGEN_PLAYERS];
  clgen_trainer_get_updates(t, step, updates);
  memcpy(t->updates, updates, sizeof t->updates);
  t->since = step;
  clgen_trainer_restore_hyperparameters(t, hyper);
}

void clgen_trainer_restore_hyperparameters(clgen_trainer *t, const float hyper[CLGEN_HYPER_COUNT]) {
  memcpy(t->hyper, hyper, sizeof t->hyper);
}

/* ---- Steps ---- */

/* The weight of the old average after a batch, so that it halves in ema_kimg. */
static double average_beta(const clgen_trainer *t, uint64_t step) {
  const clgen_trainer_config *c = &t->config;
  double half = c->ema_kimg * 1000, seen = (double)(step * (uint64_t)c->batch);
  if (c->ema_rampup > 0 && half > seen * c->ema_rampup) half = seen * c->ema_rampup;
  double images = (double)(c->batch * clgen_trainer_batches(t)) * (double)clgen_trainer_critic_steps(t);
  return half > 0 ? pow(0.5, images / half) : 0;
}

/* What the learning rates are multiplied by: Goyal et al. 2017, section 2.2 (warm-up); Loshchilov & Hutter 2017, equation 5
 * (cosine). */
static double rate_factor(const clgen_trainer *t, uint64_t step) {
  const clgen_trainer_config *c = &t->config;
  uint64_t behind = step + (uint64_t)clgen_trainer_batches(t);
  double seen = (double)(step * (uint64_t)c->batch) / 1000, now = (double)(behind * (uint64_t)c->batch) / 1000;
  if (now < c->warmup_kimg) return now / c->warmup_kimg;
  double span = c->total_kimg - c->warmup_kimg, done = span > 0 ? (seen - c->warmup_kimg) / span : 1;
  done = done < 0 ? 0 : done > 1 ? 1 : done;
  switch (c->schedule) {
    case CLGEN_LR_LINEAR: return 1 - done;
    case CLGEN_LR_COSINE: return (1 + cos(acos(-1) * done)) / 2;
    default: return 1;
  }
}

/* Of a player's update number `update`, from 1. */
static void player_scalars(const clgen_trainer_config *c, double lr, uint64_t update, float out[CLGEN_PLAYER_SCALARS]) {
  clgen_optimizer_scalars(&c->optimizer, lr, update, out);
  out[CLGEN_SCALAR_HISTORY] = (float)(1 / (double)update);
}

int64_t clgen_step_noise_rows(const clgen_step_program *s) {
  if (clgen_model_is_gan(s->model)) return s->images_n * (clgen_model_encodes(s->model) ? 2 : 1);
  return s->images_n * (s->config->vae.samples > 1 ? s->config->vae.samples : 1);
}

/* What a step's programs are given. */
typedef struct {
  const uint8_t *images;
  const float *noise;
  uint32_t counter;
  float scalars[CLGEN_SCALARS];
} step_inputs;

/* micro_batch: of all micro_batches of the step's batches. */
static int write_images(clgen_trainer *t, clgen_step_program *s, int64_t micro_batch, const step_inputs *in) {
  const clgen_model_config *m = clgen_model_get_config(t->model);
  size_t n = (size_t)s->images_n, first = n * (size_t)micro_batch, classes = (size_t)m->classes;
  size_t image = (size_t)m->channels * (size_t)m->height * (size_t)m->width;
  size_t drawn = (size_t)clgen_step_noise_rows(s) * (size_t)m->nz;
  int code = clgen_program_write(s->program, s->images, in->images + first * image, n * image);
  if (!code && s->validation)
    code = clgen_program_write(s->program, s->validation, t->validation + first * image, n * image);
  clgen_tensor *const labels[] = {s->pass.labels, s->fake_pass.labels, s->validation_labels};
  const float *const values[] = {t->labels, t->fake_labels, t->validation_labels};
  for (size_t i = 0; !code && i < CLGEN_COUNT(labels); ++i)
    if (labels[i])
      code = clgen_program_write(s->program, labels[i], values[i] + first * classes, n * classes * sizeof *t->labels);
  uint32_t counter = in->counter + (uint32_t)(micro_batch / clgen_step_micro_batches(&t->config));
  if (!code && s->counter) code = clgen_program_write(s->program, s->counter, &counter, sizeof counter);
  if (!code && s->counter && t->config.noise_given)
    code = clgen_program_write(s->program, s->noise, in->noise + drawn * (size_t)micro_batch, drawn * sizeof *in->noise);
  return code;
}

/* Which of its runs a program is in. */
static int write_run(clgen_trainer *t, clgen_step_program *s, int64_t run, int64_t runs) {
  size_t micro_batches = (size_t)clgen_step_micro_batches(&t->config), micro_batch = (size_t)run % micro_batches;
  const float accumulation[CLGEN_ACCUMULATION] = {run == 0, (float)(1 / (double)runs), (float)clgen_trainer_batches(t)};
  int code = CLGEN_OK;
  t->micro_batch[micro_batch] = 1;
  if (micro_batches > 1)
    code = clgen_program_write(s->program, s->micro_batch, t->micro_batch, micro_batches * sizeof *t->micro_batch);
  t->micro_batch[micro_batch] = 0;
  if (!code && s->accumulation) code = clgen_program_write(s->program, s->accumulation, accumulation, sizeof accumulation);
  return code;
}

static int run_kind(clgen_trainer *t, int kind, const step_inputs *in) {
  clgen_step_program *s = &t->kind[kind];
  bool updates = s->phase == CLGEN_PHASE_UPDATE || s->phase == CLGEN_PHASE_UPDATE_G;
  int64_t runs = clgen_trainer_runs_of(t, kind);
  int code = clgen_program_write(s->program, s->scalars, in->scalars, sizeof in->scalars);
  for (int64_t run = 0; !code && run < runs; ++run) {
    if (!updates) code = write_images(t, s, run, in);
    if (!code) code = write_run(t, s, run, runs);
    if (!code) code = clgen_program_run(s->program);
  }
  if (!code) ++t->ran[kind];
  return code;
}

int clgen_trainer_step(clgen_trainer *t, uint64_t step, const uint8_t *images, const float *noise) {
  const clgen_trainer_config *c = &t->config;
  if (c->augment.by_validation && !t->validation)
    return clgen_fail(CLGEN_E_INVALID, "the step needs validation images, and none were set");
  step_inputs in = {.images = images, .noise = noise, .counter = (uint32_t)step};
  double factor = rate_factor(t, step) * (double)t->hyper[CLGEN_HYPER_LR];
  double lr_d = (c->lr_d > 0 ? c->lr_d : c->lr) * (double)t->hyper[CLGEN_HYPER_LR_D];
  uint64_t updates[CLGEN_PLAYERS];
  clgen_trainer_get_updates(t, step, updates);
  player_scalars(c, factor * c->lr, updates[0] + 1, in.scalars + CLGEN_SCALAR_G);
  player_scalars(c, factor * lr_d, updates[1] + 1, in.scalars + CLGEN_SCALAR_D);
  in.scalars[CLGEN_SCALAR_EMA] = (float)average_beta(t, step);
  in.scalars[CLGEN_SCALAR_PENALTY] = t->hyper[CLGEN_HYPER_PENALTY];
  double seen = (double)(step * (uint64_t)c->batch) / 1000;
  in.scalars[CLGEN_SCALAR_BETA] = (float)(clgen_vae_beta_at(&c->vae, seen) * (double)t->hyper[CLGEN_HYPER_BETA]);
  in.scalars[CLGEN_SCALAR_CAPACITY] = (float)clgen_vae_capacity_at(&c->vae, seen);
  int kinds[4], n = clgen_trainer_kinds_of(t, clgen_trainer_kind_at(t, step), kinds), code = CLGEN_OK;
  if (clgen_model_is_conditional(t->model) && clgen_model_is_gan(t->model) && !c->noise_given)
    code = draw_fake_labels(t, in.counter);
  for (int i = 0; !code && i < n; ++i) code = run_kind(t, kinds[i], &in);
  if (!code) t->steps += (uint64_t)clgen_trainer_batches(t);
  t->validation = NULL;
  return code;
}
