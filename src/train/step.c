/* A trainer: the kinds of steps that it needs, and what of them is due when. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bits of what is due. */
enum { WITHOUT_G = 1, WITHOUT_LAZY = 2, WITHOUT_LAZY_G = 4, DUE = CLGEN_STEP_DUE };

/* ---- Which kind of step is due ---- */

/* A function of the step, and of what the controllers turned last. */
uint64_t clgen_trainer_critic_steps(const clgen_trainer *t) { return (uint64_t)t->hyper[CLGEN_HYPER_CRITIC_STEPS]; }
int64_t clgen_trainer_batches(const clgen_trainer *t) { return (int64_t)t->hyper[CLGEN_HYPER_BATCHES]; }

static uint64_t lazy_interval(const clgen_trainer_config *c) {
  bool lazy = c->gan.regularizers & CLGEN_REG_R1 && c->gan.r1_interval > 1;
  return lazy ? (uint64_t)c->gan.r1_interval : 1;
}

/* In updates of G. */
static uint64_t lazy_interval_g(const clgen_trainer_config *c) {
  bool lazy = c->gan.regularizers & CLGEN_REG_PL && c->gan.pl_interval > 1;
  return lazy ? (uint64_t)c->gan.pl_interval : 1;
}

int clgen_trainer_kind_at(const clgen_trainer *t, uint64_t step) {
  uint64_t nth = step / (uint64_t)clgen_trainer_batches(t) + 1, updates[CLGEN_PLAYERS]; /* of D's */
  int due = nth % lazy_interval(&t->config) ? WITHOUT_LAZY : 0;
  if (nth % clgen_trainer_critic_steps(t)) return due | WITHOUT_G;
  clgen_trainer_get_updates(t, step, updates);
  return due | ((updates[0] + 1) % lazy_interval_g(&t->config) ? WITHOUT_LAZY_G : 0);
}

static uint64_t common(uint64_t a, uint64_t b) {
  uint64_t x = a, y = b;
  while (y) {
    uint64_t rest = x % y;
    x = y;
    y = rest;
  }
  return a / x * b;
}

/* Where controllers may change the number of critic steps, every kind may come. */
static bool comes(const clgen_trainer *t, int kind) {
  uint64_t n = clgen_trainer_critic_steps(t), k = lazy_interval(&t->config), every = lazy_interval_g(&t->config),
           g = n * every;
  bool varies = t->config.controllers && clgen_model_is_gan(t->model);
  if (kind & WITHOUT_G && kind & WITHOUT_LAZY_G) return false;
  switch (kind) {
    case WITHOUT_G: return varies || k % n != 0; /* D's lazy ones due, G not */
    case WITHOUT_G | WITHOUT_LAZY: return (varies || n > 1) && k > 1;
    case WITHOUT_LAZY: return varies ? k > 1 : g % k != 0; /* G with all that it has */
    case WITHOUT_LAZY_G: return varies ? every > 1 : common(n, k) % g != 0;
    case WITHOUT_LAZY | WITHOUT_LAZY_G: return every > 1 && (varies ? k > 1 : n % k != 0);
    default: return true;
  }
}

/* The kinds of one step, in the order in which they run; returns how many. With micro_batches nothing of G's is lazy. */
int clgen_trainer_kinds_of(const clgen_trainer *t, int due, int kinds[4]) {
  bool gan = clgen_model_is_gan(t->model), with_g = gan && !(due & WITHOUT_G);
  int n = 0;
  if (!clgen_step_in_phases(&t->config)) {
    kinds[n++] = DUE * CLGEN_PHASE_WHOLE + due;
    return n;
  }
  kinds[n++] = DUE * CLGEN_PHASE_GRADIENT + (due & WITHOUT_LAZY); /* each differs by what it does only */
  kinds[n++] = DUE * CLGEN_PHASE_UPDATE + (due & WITHOUT_G);
  if (with_g) kinds[n++] = DUE * CLGEN_PHASE_GRADIENT_G;
  if (with_g) kinds[n++] = DUE * CLGEN_PHASE_UPDATE_G;
  return n;
}

int64_t clgen_trainer_runs_of(const clgen_trainer *t, int kind) {
  bool gathers = clgen_phase_accumulates(t->kind[kind].phase);
  return gathers ? clgen_step_micro_batches(&t->config) * clgen_trainer_batches(t) : 1;
}

static int build_kind(clgen_trainer *t, int i) {
  clgen_step_program *s = &t->kind[i];
  if (s->graph) return CLGEN_OK;
  s->model = t->model;
  s->config = &t->config;
  s->names = &t->names;
  s->phase = (clgen_step_phase)(i / DUE);
  s->images_n = t->config.batch / clgen_step_micro_batches(&t->config);
  s->with_g = !(i & WITHOUT_G);
  s->with_lazy = !(i & WITHOUT_LAZY);
  s->with_lazy_g = s->with_g && !(i & WITHOUT_LAZY_G);
  return clgen_step_program_build(s);
}

/* What a step with everything does, and what memory all steps take. */
static void fill_info(clgen_trainer *t) {
  int kinds[4], n = clgen_trainer_kinds_of(t, 0, kinds);
  for (int i = 0; i < n; ++i) {
    const clgen_program_info *one = clgen_program_get_info(t->kind[kinds[i]].program);
    int64_t runs = clgen_trainer_runs_of(t, kinds[i]);
    t->info.steps += one->steps * (size_t)runs;
    t->info.launches += one->launches * (size_t)runs;
    t->info.nodes += one->nodes;
    t->info.flops += one->flops * (double)runs;
    t->info.bytes += one->bytes * (double)runs;
  }
  t->info.memory = clgen_store_memory(t->store);
}

static int build_kinds(clgen_trainer *t) {
  int code = CLGEN_OK;
  for (int due = 0; !code && due < DUE; ++due) {
    int kinds[4], n = comes(t, due) ? clgen_trainer_kinds_of(t, due, kinds) : 0;
    for (int i = 0; !code && i < n; ++i) code = build_kind(t, kinds[i]);
  }
  for (int i = 0; !code && i < CLGEN_STEP_KINDS; ++i)
    if (t->kind[i].graph) code = clgen_step_program_compile(&t->kind[i], t->store);
  if (!code) fill_info(t);
  return code;
}

/* ---- Trainers ---- */

static int check(const clgen_model *m, const clgen_trainer_config *c) {
  if (c->batch < 1) return clgen_fail(CLGEN_E_INVALID, "a batch of %lld images", (long long)c->batch);
  int code = clgen_batch_gpu_check(c->batch, c->batch_gpu, &c->gan);
  if (!code) code = clgen_vae_batch_gpu_check(c->batch, c->batch_gpu, &c->vae);
  if (!code && clgen_model_is_gan(m)) code = clgen_controllers_batch_gpu_check(c->batch, c->batch_gpu, c->controllers);
  if (!code && clgen_step_batches_max(c) > 1) code = clgen_batches_check(c);
  if (code) return code;
  for (size_t i = 0; i < CLGEN_COUNT(c->fine_tuning.frozen); ++i)
    if (c->fine_tuning.frozen[i] && !c->fine_tuning.rated[i])
      return clgen_fail(CLGEN_E_INVALID, "frozen parameters need learning rate multipliers of 0");
  const clgen_model_config *config = clgen_model_get_config(m);
  if (config->minibatch != clgen_gan_objective_minibatch(&c->gan))
    return clgen_fail(CLGEN_E_INVALID, "the discriminator's minibatch layer is not that of its objective");
  clgen_d_norm norm = config->d_norm;
  if (clgen_gan_objective_d_norm(&c->gan, config->arch, &norm) || norm != config->d_norm)
    return clgen_fail(CLGEN_E_INVALID, "the discriminator's normalisation is not what its objective needs");
  if (c->gan.regularizers & CLGEN_REG_PL && !clgen_model_style_layers(m))
    return clgen_fail(CLGEN_E_INVALID, "path length regularisation needs styles, and a %s has none",
                      clgen_arch_name(config->arch));
  return CLGEN_OK;
}

int clgen_trainer_create(clgen_trainer **out, const clgen_model *m, clgen_store *store, const clgen_trainer_config *config) {
  *out = NULL;
  int code = check(m, config);
  if (code) return code;
  clgen_trainer *t = calloc(1, sizeof *t);
  if (!t) return clgen_fail_nomem(sizeof *t);
  t->model = m;
  t->store = store;
  t->config = *config;
  clgen_adapt_start(&(clgen_adapt_config){.critic_steps = config->gan.critic_steps}, t->hyper);
  if (!t->config.gan.loss) code = clgen_gan_loss_find(&t->config.gan.loss, "ns");
  size_t most = (size_t)(config->batch * clgen_step_batches_max(config)),
         numbers = most * (size_t)clgen_model_get_config(m)->classes;
  t->labels = calloc(3 * numbers + 1, sizeof *t->labels);
  t->drawn = calloc(most, sizeof *t->drawn);
  if (!t->labels || !t->drawn) code = clgen_fail_nomem(3 * numbers * sizeof *t->labels);
  t->fake_labels = t->labels + numbers;
  t->validation_labels = t->labels + 2 * numbers;
  if (!code && !(t->micro_batch = calloc((size_t)clgen_step_micro_batches(config), sizeof *t->micro_batch)))
    code = clgen_fail_nomem(sizeof *t->micro_batch);
  if (!code) code = build_kinds(t);
  if (code)
    clgen_trainer_free(t);
  else
    *out = t;
  return code;
}

void clgen_trainer_free(clgen_trainer *t) {
  if (!t) return;
  for (int i = 0; i < CLGEN_STEP_KINDS; ++i) clgen_step_program_free(&t->kind[i]);
  free(t->labels);
  free(t->drawn);
  free(t->micro_batch);
  free(t);
}

const clgen_program_info *clgen_trainer_info(const clgen_trainer *t) { return &t->info; }

int clgen_trainer_prepare(clgen_trainer *t) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < CLGEN_STEP_KINDS; ++i)
    if (t->kind[i].program) code = clgen_program_prepare(t->kind[i].program);
  return code;
}
