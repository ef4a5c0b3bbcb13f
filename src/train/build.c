/* One kind of step: its graph and program. */
#include "train/train_internal.h"

#include <string.h>

void clgen_step_watch(clgen_step_kind *s, const char *name, clgen_tensor *scalar) {
  clgen_watched_names *names = s->names;
  int i = 0;
  while (i < names->n && strcmp(names->name[i], name) != 0) ++i;
  if (i == names->n) names->name[names->n++] = name;
  s->computes[i] = true;
  s->watched[i] = clgen_reshape(scalar, clgen_shape_of(1, 1));
}

/* Of the absolute values, which changes no bit of the squares: the optimiser's own square would be a shared node, written to
 * memory for both. */
static clgen_tensor *norm(clgen_tensor *grad) {
  return clgen_sqrt(clgen_sum(clgen_square(clgen_abs(grad)), CLGEN_ALL_AXES, true));
}

/* The force of the springs; what they hold of energy is watched. */
static clgen_tensor *hold_back(clgen_step_kind *s, const clgen_bound *b, clgen_tensor *grad) {
  static const char *const names[] = {"spring_G", "spring_D"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (s->net[i] == b && s->config->holding.anchored[i])
      clgen_step_watch(s, clgen_model_is_gan(s->model) ? names[i] : "spring", clgen_bound_spring(b, &grad));
  return grad;
}

int clgen_step_update(clgen_step_kind *s, clgen_bound *b, clgen_tensor *loss, int scalar, const char *watched_as) {
  clgen_tensor *grad = clgen_regularize_history(s, b, clgen_bound_grad(b, loss), scalar);
  grad = hold_back(s, b, grad);
  clgen_tensor *length = norm(grad);
  clgen_step_watch(s, watched_as, length);
  if (grad && s->config->grad_clip > 0) grad = clgen_grad_limit(grad, length, s->config->grad_clip);
  clgen_tensor *mine = clgen_slice(s->scalars, 0, scalar, CLGEN_OPTIMIZER_SCALARS);
  return grad ? clgen_optimizer_apply(&s->config->optimizer, b, grad, mine) : CLGEN_E_INVALID;
}

static int build_vae(clgen_step_kind *s, clgen_tensor *images) {
  clgen_tensor *bernoulli, *kl;
  int code = clgen_model_elbo(s->model, s->net[0], images, &s->pass, s->noise, &bernoulli, &kl);
  if (code) return code;
  bernoulli = clgen_mean(bernoulli, CLGEN_ALL_AXES, false);
  kl = clgen_mean(kl, CLGEN_ALL_AXES, false);
  clgen_tensor *loss = clgen_add(bernoulli, kl);
  clgen_step_watch(s, "loss", loss);
  clgen_step_watch(s, "bernoulli", bernoulli);
  clgen_step_watch(s, "kl", kl);
  return clgen_step_update(s, s->net[0], loss, CLGEN_SCALAR_G, "grad");
}

static int build_classifier(clgen_step_kind *s, clgen_tensor *images) {
  int classes = clgen_model_get_config(s->model)->classes;
  s->target = clgen_input(s->graph, "target", CLGEN_F32, clgen_shape_of(2, s->config->batch, classes));
  clgen_tensor *logits = clgen_model_classify(s->model, s->net[0], images, &s->pass, NULL);
  clgen_tensor *loss = clgen_mean(clgen_loss_classes(logits, s->target), CLGEN_ALL_AXES, false);
  clgen_tensor *wrong = clgen_greater(clgen_row_max(logits), clgen_sum(clgen_mul(logits, s->target), 1u << 1, true));
  clgen_step_watch(s, "loss", loss);
  clgen_step_watch(s, "accuracy", clgen_affine(clgen_mean(wrong, CLGEN_ALL_AXES, false), -1, 1));
  return clgen_step_update(s, s->net[0], loss, CLGEN_SCALAR_G, "grad");
}

/* Adds this step's numbers to those since the last report, on the device, so that no step waits for a read. */
static int build_watch(clgen_step_kind *s) {
  int n = s->names->n;
  clgen_shape shape = clgen_shape_of(1, n);
  for (int i = 0; i < n; ++i)
    if (!s->computes[i]) s->watched[i] = clgen_constant(s->graph, 0, clgen_shape_of(1, 1));
  clgen_tensor *all = clgen_concat(n, s->watched, 0);
  clgen_tensor *sum = clgen_state(s->graph, CLGEN_WATCH_SUM, CLGEN_F32, shape);
  clgen_tensor *bad = clgen_state(s->graph, CLGEN_WATCH_BAD, CLGEN_F32, shape);
  clgen_tensor *good = clgen_state(s->graph, CLGEN_WATCH_GOOD, CLGEN_F32, shape);
  sum = clgen_assign(sum, clgen_add(sum, all));
  bad = clgen_assign(bad, clgen_maximum(bad, clgen_affine(clgen_is_finite(all), -1, 1)));
  good = clgen_assign(good, clgen_add(good, clgen_affine(bad, -1, 1)));
  return sum && bad && good ? CLGEN_OK : CLGEN_E_INVALID;
}

int clgen_step_kind_build(clgen_step_kind *s, clgen_store *store) {
  const clgen_model_config *c = clgen_model_get_config(s->model);
  const clgen_trainer_config *config = s->config;
  int code = clgen_graph_create(&s->graph);
  for (int i = 0; !code && i < clgen_model_network_count(s->model); ++i) {
    const clgen_model_network *w = clgen_model_network_at(s->model, i);
    code = clgen_net_bind(&s->net[i], w->net, s->graph, w->prefix);
    if (!code && config->holding.rated && strcmp(w->prefix, "G_ema") != 0)
      code = clgen_bound_hold(s->net[i], config->holding.frozen[i]);
  }
  if (code) return code;
  s->images = clgen_input(s->graph, "images", CLGEN_U8, clgen_shape_of(4, config->batch, c->channels, c->height, c->width));
  s->scalars = clgen_input(s->graph, "scalars", CLGEN_F32, clgen_shape_of(1, CLGEN_SCALARS));
  clgen_tensor *images = clgen_model_from_bytes(s->model, s->images);
  s->pass = (clgen_pass){.training = true};
  if (clgen_model_is_classifier(s->model)) {
    code = build_classifier(s, images);
  } else {
    clgen_shape latents = clgen_shape_of(2, config->batch, c->nz);
    s->counter = clgen_input(s->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
    s->noise = config->noise_given ? clgen_input(s->graph, "noise", CLGEN_F32, latents)
                                   : clgen_random_normal(s->graph, s->counter, config->seed, CLGEN_STREAM_NOISE, latents);
    code = clgen_model_is_gan(s->model) ? clgen_step_build_gan(s, images) : build_vae(s, images);
  }
  if (!code) code = build_watch(s);
  return code ? code : clgen_compile(&s->program, s->graph, store);
}

void clgen_step_kind_free(clgen_step_kind *s) {
  clgen_program_free(s->program);
  for (size_t i = 0; i < CLGEN_COUNT(s->net); ++i) clgen_bound_free(s->net[i]);
  clgen_graph_free(s->graph);
}
