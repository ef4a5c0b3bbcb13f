/* A trainer: the kinds of steps that it needs, and what of them is due when. */
#include "train/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* By index: the phase times 8, and 1 set: without G's update; 2 set: without D's lazy regularisers; 4 set: with G's update,
 * but without its lazy regularisers. Kinds that never come are not made. */
enum { WITHOUT_G = 1, WITHOUT_LAZY = 2, WITHOUT_LAZY_G = 4, DUE = 8 };
#define KINDS (DUE * CLGEN_PHASES)

struct clgen_trainer {
  const clgen_model *model;
  clgen_store *store;
  clgen_trainer_config config;
  clgen_watched_names names;
  clgen_step_kind kind[KINDS];
  clgen_program_info info;
  float *labels, *fake_labels, *validation_labels; /* the classes of images, as rows of a 1 among zeros */
  const uint8_t *validation;                       /* the caller's, for the next step */
  int *drawn;
  float *part;                /* which part of a batch it is */
  uint64_t steps, ran[KINDS]; /* since the last report */
  float knob[CLGEN_KNOB_COUNT];
  uint64_t g_updates, since; /* updates of G before step `since`, from which the knobs hold */
};

/* ---- Which kind of step is due ---- */

/* A function of the step, and of what the controllers turned last. */
static uint64_t critic_steps(const clgen_trainer *t) { return (uint64_t)t->knob[CLGEN_KNOB_CRITIC_STEPS]; }
static uint64_t lazy_interval(const clgen_trainer_config *c) {
  bool lazy = c->gan.regularizers & CLGEN_REG_R1 && c->gan.r1_interval > 1;
  return lazy ? (uint64_t)c->gan.r1_interval : 1;
}

/* In updates of G. */
static uint64_t lazy_interval_g(const clgen_trainer_config *c) {
  bool lazy = c->gan.regularizers & CLGEN_REG_PL && c->gan.pl_interval > 1;
  return lazy ? (uint64_t)c->gan.pl_interval : 1;
}

static int kind_at(const clgen_trainer *t, uint64_t step) {
  int due = (step + 1) % lazy_interval(&t->config) ? WITHOUT_LAZY : 0;
  if ((step + 1) % critic_steps(t)) return due | WITHOUT_G;
  return due | ((clgen_trainer_g_updates(t, step) + 1) % lazy_interval_g(&t->config) ? WITHOUT_LAZY_G : 0);
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
  uint64_t n = critic_steps(t), k = lazy_interval(&t->config), every = lazy_interval_g(&t->config), g = n * every;
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

/* The kinds of one step, in the order in which they run; returns how many. With parts nothing of G's is lazy. */
static int kinds_of(const clgen_trainer *t, int due, int kinds[4]) {
  bool gan = clgen_model_is_gan(t->model), with_g = gan && !(due & WITHOUT_G);
  int n = 0;
  if (clgen_step_parts(&t->config) == 1) {
    kinds[n++] = DUE * CLGEN_PHASE_WHOLE + due;
    return n;
  }
  kinds[n++] = DUE * CLGEN_PHASE_GRADIENT + (due & WITHOUT_LAZY); /* each differs by what it does only */
  kinds[n++] = DUE * CLGEN_PHASE_UPDATE + (due & WITHOUT_G);
  if (with_g) kinds[n++] = DUE * CLGEN_PHASE_GRADIENT_G;
  if (with_g) kinds[n++] = DUE * CLGEN_PHASE_UPDATE_G;
  return n;
}

static int64_t runs_of(const clgen_trainer *t, int kind) {
  return clgen_phase_takes_parts(t->kind[kind].phase) ? clgen_step_parts(&t->config) : 1;
}

static int build_kind(clgen_trainer *t, int i) {
  clgen_step_kind *s = &t->kind[i];
  if (s->graph) return CLGEN_OK;
  s->model = t->model;
  s->config = &t->config;
  s->names = &t->names;
  s->phase = (clgen_step_phase)(i / DUE);
  s->images_n = t->config.batch / clgen_step_parts(&t->config);
  s->with_g = !(i & WITHOUT_G);
  s->with_lazy = !(i & WITHOUT_LAZY);
  s->with_lazy_g = s->with_g && !(i & WITHOUT_LAZY_G);
  return clgen_step_kind_build(s);
}

/* What a step with everything does, and what memory all steps take. */
static void fill_info(clgen_trainer *t) {
  int kinds[4], n = kinds_of(t, 0, kinds);
  for (int i = 0; i < n; ++i) {
    const clgen_program_info *one = clgen_program_get_info(t->kind[kinds[i]].program);
    int64_t runs = runs_of(t, kinds[i]);
    t->info.steps += one->steps * (size_t)runs;
    t->info.nodes += one->nodes;
    t->info.flops += one->flops * (double)runs;
    t->info.bytes += one->bytes * (double)runs;
  }
  t->info.memory = clgen_store_memory(t->store);
}

static int build_kinds(clgen_trainer *t) {
  int code = CLGEN_OK;
  for (int due = 0; !code && due < DUE; ++due) {
    int kinds[4], n = comes(t, due) ? kinds_of(t, due, kinds) : 0;
    for (int i = 0; !code && i < n; ++i) code = build_kind(t, kinds[i]);
  }
  for (int i = 0; !code && i < KINDS; ++i)
    if (t->kind[i].graph) code = clgen_step_kind_compile(&t->kind[i], t->store);
  if (!code) fill_info(t);
  return code;
}

/* ---- Trainers ---- */

static int check(const clgen_model *m, const clgen_trainer_config *c) {
  if (c->batch < 1) return clgen_fail(CLGEN_E_INVALID, "a batch of %lld images", (long long)c->batch);
  int code = clgen_batch_gpu_check(c->batch, c->batch_gpu, &c->gan);
  if (!code) code = clgen_vae_batch_gpu_check(c->batch, c->batch_gpu, &c->vae);
  if (code) return code;
  for (size_t i = 0; i < CLGEN_COUNT(c->holding.frozen); ++i)
    if (c->holding.frozen[i] && !c->holding.rated[i])
      return clgen_fail(CLGEN_E_INVALID, "frozen parameters need rates, which are 0 there");
  const clgen_model_config *config = clgen_model_get_config(m);
  if (config->minibatch != clgen_gan_objective_minibatch(&c->gan))
    return clgen_fail(CLGEN_E_INVALID, "what the discriminator sees of a batch is not what its objective says");
  clgen_d_norm norm = config->d_norm;
  if (clgen_gan_objective_d_norm(&c->gan, config->arch, &norm) || norm != config->d_norm)
    return clgen_fail(CLGEN_E_INVALID, "the discriminator's normalisation is not what its objective needs");
  if (c->gan.regularizers & CLGEN_REG_PL && !clgen_model_style_layers(m))
    return clgen_fail(CLGEN_E_INVALID, "path lengths are of styles, and a %s has none", clgen_arch_name(config->arch));
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
  clgen_adapt_start(&(clgen_adapt_config){.critic_steps = config->gan.critic_steps}, t->knob);
  if (!t->config.gan.loss) code = clgen_gan_loss_find(&t->config.gan.loss, "ns");
  size_t numbers = (size_t)config->batch * (size_t)clgen_model_get_config(m)->classes;
  t->labels = calloc(3 * numbers + 1, sizeof *t->labels);
  t->drawn = calloc((size_t)config->batch, sizeof *t->drawn);
  if (!t->labels || !t->drawn) code = clgen_fail_nomem(3 * numbers * sizeof *t->labels);
  t->fake_labels = t->labels + numbers;
  t->validation_labels = t->labels + 2 * numbers;
  if (!code && !(t->part = calloc((size_t)clgen_step_parts(config), sizeof *t->part)))
    code = clgen_fail_nomem(sizeof *t->part);
  if (!code) code = build_kinds(t);
  if (code)
    clgen_trainer_free(t);
  else
    *out = t;
  return code;
}

void clgen_trainer_free(clgen_trainer *t) {
  if (!t) return;
  for (int i = 0; i < KINDS; ++i) clgen_step_kind_free(&t->kind[i]);
  free(t->labels);
  free(t->drawn);
  free(t->part);
  free(t);
}

const clgen_program_info *clgen_trainer_info(const clgen_trainer *t) { return &t->info; }

int clgen_trainer_prepare(clgen_trainer *t) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < KINDS; ++i)
    if (t->kind[i].program) code = clgen_program_prepare(t->kind[i].program);
  return code;
}

int clgen_trainer_set_labels(clgen_trainer *t, const int *labels) {
  if (!clgen_model_get_config(t->model)->classes)
    return clgen_fail(CLGEN_E_INVALID, "only classifiers and conditional models are trained with labels");
  return clgen_model_one_hot(t->model, t->config.batch, labels, t->labels);
}

int clgen_trainer_set_fake_labels(clgen_trainer *t, const int *labels) {
  if (!clgen_model_is_conditional(t->model) || !t->config.noise_given)
    return clgen_fail(CLGEN_E_INVALID, "only a conditional model whose noise is given is told the classes of its fakes");
  return clgen_model_one_hot(t->model, t->config.batch, labels, t->fake_labels);
}

int clgen_trainer_set_validation(clgen_trainer *t, const uint8_t *images, const int *labels) {
  if (!t->config.augment.by_validation) return clgen_fail(CLGEN_E_INVALID, "this trainer looks at no validation images");
  t->validation = images;
  if (!clgen_model_is_conditional(t->model)) return CLGEN_OK;
  return clgen_model_one_hot(t->model, t->config.batch, labels, t->validation_labels);
}

/* A function of the seed and the step. */
static int draw_fake_labels(clgen_trainer *t, uint32_t counter) {
  for (int64_t i = 0; i < t->config.batch; ++i)
    t->drawn[i] = clgen_model_class_at(t->model, clgen_uniform_at(t->config.seed, CLGEN_STREAM_CLASS, counter, (uint64_t)i));
  return clgen_model_one_hot(t->model, t->config.batch, t->drawn, t->fake_labels);
}

/* ---- Knobs ---- */

/* Steps of first .. last-1 that have G's part. */
static uint64_t updates_between(const clgen_trainer *t, uint64_t first, uint64_t last) {
  return last / critic_steps(t) - first / critic_steps(t);
}

uint64_t clgen_trainer_g_updates(const clgen_trainer *t, uint64_t step) {
  return t->g_updates + (step > t->since ? updates_between(t, t->since, step) : 0);
}

void clgen_trainer_set_g_updates(clgen_trainer *t, uint64_t updates, uint64_t step) {
  t->g_updates = updates;
  t->since = step;
}

void clgen_trainer_set_knobs(clgen_trainer *t, const float knob[CLGEN_KNOB_COUNT], uint64_t step) {
  clgen_trainer_set_g_updates(t, clgen_trainer_g_updates(t, step), step);
  memcpy(t->knob, knob, sizeof t->knob);
}

/* ---- Steps ---- */

/* The weight of the old average after a batch, so that it halves in ema_kimg. */
static double average_beta(const clgen_trainer *t, uint64_t step) {
  const clgen_trainer_config *c = &t->config;
  double half = c->ema_kimg * 1000, seen = (double)(step * (uint64_t)c->batch);
  if (c->ema_rampup > 0 && half > seen * c->ema_rampup) half = seen * c->ema_rampup;
  return half > 0 ? pow(0.5, (double)c->batch * (double)critic_steps(t) / half) : 0;
}

/* What the learning rates are multiplied by: Goyal et al. 2017, section 2.2 (warm-up); Loshchilov & Hutter 2017, equation 5
 * (cosine). */
static double rate_factor(const clgen_trainer_config *c, uint64_t step) {
  double seen = (double)(step * (uint64_t)c->batch) / 1000, now = (double)((step + 1) * (uint64_t)c->batch) / 1000;
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

int64_t clgen_step_draws(const clgen_step_kind *s) {
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

static int write_images(clgen_trainer *t, clgen_step_kind *s, int64_t part, const step_inputs *in) {
  const clgen_model_config *m = clgen_model_get_config(t->model);
  size_t n = (size_t)s->images_n, first = n * (size_t)part, classes = (size_t)m->classes;
  size_t image = (size_t)m->channels * (size_t)m->height * (size_t)m->width;
  size_t drawn = (size_t)clgen_step_draws(s) * (size_t)m->nz;
  int code = clgen_program_write(s->program, s->images, in->images + first * image, n * image);
  if (!code && s->validation)
    code = clgen_program_write(s->program, s->validation, t->validation + first * image, n * image);
  clgen_tensor *const labels[] = {s->pass.labels, s->fake_pass.labels, s->validation_labels};
  const float *const values[] = {t->labels, t->fake_labels, t->validation_labels};
  for (size_t i = 0; !code && i < CLGEN_COUNT(labels); ++i)
    if (labels[i])
      code = clgen_program_write(s->program, labels[i], values[i] + first * classes, n * classes * sizeof *t->labels);
  if (!code && s->counter) code = clgen_program_write(s->program, s->counter, &in->counter, sizeof in->counter);
  if (!code && s->counter && t->config.noise_given)
    code = clgen_program_write(s->program, s->noise, in->noise + drawn * (size_t)part, drawn * sizeof *in->noise);
  return code;
}

static int run_kind(clgen_trainer *t, int kind, const step_inputs *in) {
  clgen_step_kind *s = &t->kind[kind];
  size_t parts = (size_t)clgen_step_parts(&t->config);
  int code = clgen_program_write(s->program, s->scalars, in->scalars, sizeof in->scalars);
  for (int64_t part = 0; !code && part < runs_of(t, kind); ++part) {
    bool updates = s->phase == CLGEN_PHASE_UPDATE || s->phase == CLGEN_PHASE_UPDATE_G;
    if (!updates) code = write_images(t, s, part, in);
    t->part[part] = 1;
    if (!code && parts > 1) code = clgen_program_write(s->program, s->part, t->part, parts * sizeof *t->part);
    t->part[part] = 0;
    if (!code) code = clgen_program_run(s->program);
  }
  if (!code) ++t->ran[kind];
  return code;
}

int clgen_trainer_step(clgen_trainer *t, uint64_t step, const uint8_t *images, const float *noise) {
  const clgen_trainer_config *c = &t->config;
  if (c->augment.by_validation && !t->validation)
    return clgen_fail(CLGEN_E_INVALID, "a step that goes by validation images has none");
  step_inputs in = {.images = images, .noise = noise, .counter = (uint32_t)step};
  double factor = rate_factor(c, step) * (double)t->knob[CLGEN_KNOB_LR];
  double lr_d = (c->lr_d > 0 ? c->lr_d : c->lr) * (double)t->knob[CLGEN_KNOB_LR_D];
  player_scalars(c, factor * c->lr, clgen_trainer_g_updates(t, step) + 1, in.scalars + CLGEN_SCALAR_G);
  player_scalars(c, factor * lr_d, step + 1, in.scalars + CLGEN_SCALAR_D);
  in.scalars[CLGEN_SCALAR_EMA] = (float)average_beta(t, step);
  in.scalars[CLGEN_SCALAR_PENALTY] = t->knob[CLGEN_KNOB_PENALTY];
  double seen = (double)(step * (uint64_t)c->batch) / 1000;
  in.scalars[CLGEN_SCALAR_BETA] = (float)(clgen_vae_beta_at(&c->vae, seen) * (double)t->knob[CLGEN_KNOB_BETA]);
  in.scalars[CLGEN_SCALAR_CAPACITY] = (float)clgen_vae_capacity_at(&c->vae, seen);
  int kinds[4], n = kinds_of(t, kind_at(t, step), kinds), code = CLGEN_OK;
  if (clgen_model_is_conditional(t->model) && clgen_model_is_gan(t->model) && !c->noise_given)
    code = draw_fake_labels(t, in.counter);
  for (int i = 0; !code && i < n; ++i) code = run_kind(t, kinds[i], &in);
  if (!code) ++t->steps;
  t->validation = NULL;
  return code;
}

/* ---- Reports ---- */

/* How many steps computed watched number i, of so many of each kind. */
static uint64_t times(const clgen_trainer *t, int i, const uint64_t ran[KINDS]) {
  uint64_t n = 0;
  for (int k = 0; k < KINDS; ++k)
    if (t->kind[k].computes[i]) n += ran[k];
  return n;
}

int clgen_trainer_read(clgen_trainer *t, clgen_trainer_report *out) {
  float sum[CLGEN_MAX_WATCHED], bad[CLGEN_MAX_WATCHED], good[CLGEN_MAX_WATCHED];
  static const char *const states[] = {CLGEN_WATCH_SUM, CLGEN_WATCH_BAD, CLGEN_WATCH_GOOD};
  float *const values[] = {sum, bad, good};
  *out = (clgen_trainer_report){.steps = t->steps, .bad = -1};
  if (!t->steps) return CLGEN_OK;
  for (size_t k = 0; k < CLGEN_COUNT(states); ++k) {
    int code = clgen_store_read(t->store, states[k], 0, t->names.n, values[k]);
    const float zero[CLGEN_MAX_WATCHED] = {0};
    if (!code) code = clgen_store_write(t->store, states[k], 0, t->names.n, zero);
    if (code) return code;
  }
  for (int i = 0; i < t->names.n; ++i) {
    uint64_t computed = times(t, i, t->ran);
    if (!computed) continue;
    int at = out->n++;
    out->name[at] = t->names.name[i];
    out->mean[at] = (double)sum[i] / (double)computed;
    if (bad[i] != 0 && (out->bad < 0 || good[i] < (float)out->bad_step)) {
      out->bad = at;
      out->bad_step = (uint64_t)good[i];
    }
  }
  t->steps = 0;
  memset(t->ran, 0, sizeof t->ran);
  return CLGEN_OK;
}

int clgen_trainer_read_window(clgen_trainer *t, uint64_t first, uint64_t last, clgen_adapt_statistics *out) {
  float sum[CLGEN_MAX_WATCHED];
  const float zero[CLGEN_MAX_WATCHED] = {0};
  uint64_t ran[KINDS] = {0}; /* no knob was turned between first and last */
  out->n = 0;
  if (!t->config.controllers) return clgen_fail(CLGEN_E_INVALID, "a trainer without controllers has no window");
  for (uint64_t step = first; step < last; ++step) {
    int kinds[4], n = kinds_of(t, kind_at(t, step), kinds);
    for (int i = 0; i < n; ++i) ++ran[kinds[i]];
  }
  int code = clgen_store_read(t->store, CLGEN_ADAPT_WINDOW, 0, t->names.n, sum);
  if (!code) code = clgen_store_write(t->store, CLGEN_ADAPT_WINDOW, 0, t->names.n, zero);
  for (int i = 0; !code && i < t->names.n; ++i) {
    uint64_t computed = times(t, i, ran);
    if (!computed) continue;
    out->name[out->n] = t->names.name[i];
    out->mean[out->n++] = (double)sum[i] / (double)computed;
  }
  return code;
}
