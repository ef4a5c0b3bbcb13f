/* One training step as one program. */
#include "train/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct clgen_trainer {
  const clgen_model *model;
  clgen_store *store;
  clgen_trainer_config config;
  clgen_graph *graph;
  clgen_program *program;
  clgen_bound *net[3]; /* by index in the model */
  clgen_tensor *images, *noise, *counter, *scalars;
  clgen_tensor *target; /* of a classifier: a 1 among zeros for each image */
  float *one_hot;
  clgen_tensor *watched[CLGEN_TRAINER_MAX_WATCHED];
  const char *name[CLGEN_TRAINER_MAX_WATCHED];
  int n_watched;
  uint64_t steps; /* since the last report */
};

/* Where the step's small numbers lie in `scalars`. */
enum { SCALAR_G = 0, SCALAR_D = CLGEN_OPTIMIZER_SCALARS, SCALAR_EMA = 2 * CLGEN_OPTIMIZER_SCALARS, SCALARS };

/* States that last from one report to the next, and are no part of the training's state. */
#define SUM "train.sum"   /* of the watched numbers */
#define BAD "train.bad"   /* 1 once a number was not finite */
#define GOOD "train.good" /* steps before that */

static void watch(clgen_trainer *t, const char *name, clgen_tensor *scalar) {
  t->name[t->n_watched] = name;
  t->watched[t->n_watched++] = clgen_reshape(scalar, clgen_shape_of(1, 1));
}

/* Of the absolute values, which changes no bit of the squares: the optimiser's own square would be a shared node, written to
 * memory for both. */
static clgen_tensor *norm(clgen_tensor *grad) {
  return clgen_sqrt(clgen_sum(clgen_square(clgen_abs(grad)), CLGEN_ALL_AXES, true));
}

static int update(clgen_trainer *t, clgen_bound *b, clgen_tensor *loss, int scalar, const char *watched_as) {
  clgen_tensor *grad = clgen_bound_grad(b, loss);
  watch(t, watched_as, norm(grad));
  clgen_tensor *mine = clgen_slice(t->scalars, 0, scalar, CLGEN_OPTIMIZER_SCALARS);
  return grad ? clgen_optimizer_apply(&t->config.optimizer, b, grad, mine) : CLGEN_E_INVALID;
}

static int build_gan(clgen_trainer *t, clgen_tensor *real) {
  clgen_bound *g = t->net[0], *d = t->net[1], *average = t->net[2];
  clgen_tensor *fake = clgen_model_decode(t->model, g, t->noise, true);
  clgen_tensor *on_real = clgen_loss_real(clgen_model_judge(t->model, d, real, true));
  clgen_tensor *on_fake = clgen_loss_fake(clgen_model_judge(t->model, d, clgen_stop_gradient(fake), true));
  watch(t, "loss_D_real", on_real);
  watch(t, "loss_D_fake", on_fake);
  int code = update(t, d, clgen_add(on_real, on_fake), SCALAR_D, "grad_D");
  if (code) return code;
  clgen_tensor *loss = clgen_loss_real(clgen_model_judge(t->model, d, fake, true));
  watch(t, "loss_G", loss);
  code = update(t, g, loss, SCALAR_G, "grad_G");
  return code ? code : clgen_bound_average(average, g, clgen_slice(t->scalars, 0, SCALAR_EMA, 1));
}

static int build_vae(clgen_trainer *t, clgen_tensor *images) {
  clgen_tensor *bernoulli, *kl;
  int code = clgen_model_elbo(t->model, t->net[0], images, t->noise, &bernoulli, &kl);
  if (code) return code;
  bernoulli = clgen_mean(bernoulli, CLGEN_ALL_AXES, false);
  kl = clgen_mean(kl, CLGEN_ALL_AXES, false);
  clgen_tensor *loss = clgen_add(bernoulli, kl);
  watch(t, "loss", loss);
  watch(t, "bernoulli", bernoulli);
  watch(t, "kl", kl);
  return update(t, t->net[0], loss, SCALAR_G, "grad");
}

static int build_classifier(clgen_trainer *t, clgen_tensor *images) {
  const clgen_model_config *c = clgen_model_get_config(t->model);
  size_t numbers = (size_t)t->config.batch * (size_t)c->classes;
  t->one_hot = malloc(numbers * sizeof *t->one_hot);
  if (!t->one_hot) return clgen_fail_nomem(numbers * sizeof *t->one_hot);
  t->target = clgen_input(t->graph, "target", CLGEN_F32, clgen_shape_of(2, t->config.batch, c->classes));
  clgen_tensor *logits = clgen_model_classify(t->model, t->net[0], images, true, NULL);
  clgen_tensor *loss = clgen_mean(clgen_loss_classes(logits, t->target), CLGEN_ALL_AXES, false);
  clgen_tensor *wrong = clgen_greater(clgen_row_max(logits), clgen_sum(clgen_mul(logits, t->target), 1u << 1, true));
  watch(t, "loss", loss);
  watch(t, "accuracy", clgen_affine(clgen_mean(wrong, CLGEN_ALL_AXES, false), -1, 1));
  return update(t, t->net[0], loss, SCALAR_G, "grad");
}

int clgen_trainer_set_labels(clgen_trainer *t, const int *labels) {
  int classes = clgen_model_get_config(t->model)->classes;
  if (!t->target) return clgen_fail(CLGEN_E_INVALID, "only a classifier is trained with labels");
  size_t numbers = (size_t)t->config.batch * (size_t)classes;
  memset(t->one_hot, 0, numbers * sizeof *t->one_hot);
  for (int64_t i = 0; i < t->config.batch; ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      return clgen_fail(CLGEN_E_INVALID, "label %d of a classifier of %d classes", labels[i], classes);
    t->one_hot[i * classes + labels[i]] = 1;
  }
  return clgen_program_write(t->program, t->target, t->one_hot, numbers * sizeof *t->one_hot);
}

/* Adds this step's numbers to those since the last report, on the device, so that no step waits for a read. */
static int build_watch(clgen_trainer *t) {
  clgen_shape shape = clgen_shape_of(1, t->n_watched);
  clgen_tensor *all = clgen_concat(t->n_watched, t->watched, 0);
  clgen_tensor *sum = clgen_state(t->graph, SUM, CLGEN_F32, shape), *bad = clgen_state(t->graph, BAD, CLGEN_F32, shape);
  clgen_tensor *good = clgen_state(t->graph, GOOD, CLGEN_F32, shape);
  sum = clgen_assign(sum, clgen_add(sum, all));
  bad = clgen_assign(bad, clgen_maximum(bad, clgen_affine(clgen_is_finite(all), -1, 1)));
  good = clgen_assign(good, clgen_add(good, clgen_affine(bad, -1, 1)));
  return sum && bad && good ? CLGEN_OK : CLGEN_E_INVALID;
}

static int build(clgen_trainer *t) {
  const clgen_model_config *c = clgen_model_get_config(t->model);
  int code = clgen_graph_create(&t->graph);
  for (int i = 0; !code && i < clgen_model_network_count(t->model); ++i) {
    const clgen_model_network *w = clgen_model_network_at(t->model, i);
    code = clgen_net_bind(&t->net[i], w->net, t->graph, w->prefix);
  }
  if (code) return code;
  t->images =
      clgen_input(t->graph, "images", CLGEN_U8, clgen_shape_of(4, t->config.batch, c->channels, c->height, c->width));
  t->scalars = clgen_input(t->graph, "scalars", CLGEN_F32, clgen_shape_of(1, SCALARS));
  clgen_tensor *images = clgen_model_from_bytes(t->model, t->images);
  if (clgen_model_is_classifier(t->model)) {
    code = build_classifier(t, images);
  } else {
    clgen_shape latents = clgen_shape_of(2, t->config.batch, c->nz);
    t->counter = clgen_input(t->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
    t->noise = t->config.noise_given
                   ? clgen_input(t->graph, "noise", CLGEN_F32, latents)
                   : clgen_random_normal(t->graph, t->counter, t->config.seed, CLGEN_STREAM_NOISE, latents);
    code = clgen_model_is_gan(t->model) ? build_gan(t, images) : build_vae(t, images);
  }
  if (!code) code = build_watch(t);
  return code ? code : clgen_compile(&t->program, t->graph, t->store);
}

int clgen_trainer_create(clgen_trainer **out, const clgen_model *m, clgen_store *store, const clgen_trainer_config *config) {
  *out = NULL;
  if (config->batch < 1) return clgen_fail(CLGEN_E_INVALID, "a batch of %lld images", (long long)config->batch);
  clgen_trainer *t = calloc(1, sizeof *t);
  if (!t) return clgen_fail_nomem(sizeof *t);
  t->model = m;
  t->store = store;
  t->config = *config;
  int code = build(t);
  if (code)
    clgen_trainer_free(t);
  else
    *out = t;
  return code;
}

void clgen_trainer_free(clgen_trainer *t) {
  if (!t) return;
  clgen_program_free(t->program);
  for (size_t i = 0; i < CLGEN_COUNT(t->net); ++i) clgen_bound_free(t->net[i]);
  clgen_graph_free(t->graph);
  free(t->one_hot);
  free(t);
}

const clgen_program_info *clgen_trainer_info(const clgen_trainer *t) { return clgen_program_get_info(t->program); }
int clgen_trainer_prepare(clgen_trainer *t) { return clgen_program_prepare(t->program); }

/* The weight of the old average after a batch, so that it halves in ema_kimg. */
static double average_beta(const clgen_trainer_config *c, uint64_t step) {
  double half = c->ema_kimg * 1000, seen = (double)(step * (uint64_t)c->batch);
  if (c->ema_rampup > 0 && half > seen * c->ema_rampup) half = seen * c->ema_rampup;
  return half > 0 ? pow(0.5, (double)c->batch / half) : 0;
}

int clgen_trainer_step(clgen_trainer *t, uint64_t step, const uint8_t *images, const float *noise) {
  const clgen_model_config *m = clgen_model_get_config(t->model);
  const clgen_trainer_config *c = &t->config;
  float scalars[SCALARS];
  clgen_optimizer_scalars(&c->optimizer, c->lr, step + 1, scalars + SCALAR_G);
  clgen_optimizer_scalars(&c->optimizer, c->lr_d > 0 ? c->lr_d : c->lr, step + 1, scalars + SCALAR_D);
  scalars[SCALAR_EMA] = (float)average_beta(c, step);
  uint32_t counter = (uint32_t)step;
  size_t batch = (size_t)c->batch, image = (size_t)m->channels * (size_t)m->height * (size_t)m->width;
  int code = clgen_program_write(t->program, t->images, images, batch * image);
  if (!code) code = clgen_program_write(t->program, t->scalars, scalars, sizeof scalars);
  if (!code && t->counter && !c->noise_given) code = clgen_program_write(t->program, t->counter, &counter, sizeof counter);
  if (!code && t->counter && c->noise_given)
    code = clgen_program_write(t->program, t->noise, noise, batch * (size_t)m->nz * sizeof *noise);
  if (!code) code = clgen_program_run(t->program);
  if (!code) ++t->steps;
  return code;
}

int clgen_trainer_read(clgen_trainer *t, clgen_trainer_report *out) {
  float sum[CLGEN_TRAINER_MAX_WATCHED], bad[CLGEN_TRAINER_MAX_WATCHED], good[CLGEN_TRAINER_MAX_WATCHED];
  static const char *const states[] = {SUM, BAD, GOOD};
  float *const values[] = {sum, bad, good};
  *out = (clgen_trainer_report){.n = t->n_watched, .steps = t->steps, .bad = -1};
  for (int i = 0; i < t->n_watched; ++i) out->name[i] = t->name[i];
  if (!t->steps) return CLGEN_OK;
  for (size_t k = 0; k < CLGEN_COUNT(states); ++k) {
    int code = clgen_store_read(t->store, states[k], 0, t->n_watched, values[k]);
    const float zero[CLGEN_TRAINER_MAX_WATCHED] = {0};
    if (!code) code = clgen_store_write(t->store, states[k], 0, t->n_watched, zero);
    if (code) return code;
  }
  for (int i = 0; i < t->n_watched; ++i) {
    out->mean[i] = (double)sum[i] / (double)t->steps;
    if (bad[i] != 0 && (out->bad < 0 || good[i] < (float)out->bad_step)) {
      out->bad = i;
      out->bad_step = (uint64_t)good[i];
    }
  }
  t->steps = 0;
  return CLGEN_OK;
}
