/* One program of a step: its graph, and compiling it. */
#include "train/train_internal.h"

#include <string.h>

int64_t clgen_step_micro_batches(const clgen_trainer_config *c) { return c->batch_gpu ? c->batch / c->batch_gpu : 1; }
int64_t clgen_step_batches_max(const clgen_trainer_config *c) { return c->batches_max > 1 ? c->batches_max : 1; }
bool clgen_step_in_phases(const clgen_trainer_config *c) {
  return clgen_step_micro_batches(c) > 1 || clgen_step_batches_max(c) > 1;
}
bool clgen_phase_accumulates(clgen_step_phase phase) {
  return phase == CLGEN_PHASE_GRADIENT || phase == CLGEN_PHASE_GRADIENT_G;
}

/* ---- Random numbers ---- */

typedef clgen_tensor *(*random_builder)(clgen_graph *, clgen_tensor *counter, uint64_t seed, uint32_t stream, clgen_shape);

/* A micro_batch takes its own of what is drawn for the whole batch: times 1, and 0 times all others. Drawing the others
 * costs nothing beside what is done with an image. */
static clgen_tensor *draw(clgen_step_program *s, random_builder builder, uint32_t stream, clgen_shape shape, int axis) {
  int64_t micro_batches = clgen_step_micro_batches(s->config), before = 1, after = 1;
  if (micro_batches == 1) return builder(s->graph, s->counter, s->config->seed, stream, shape);
  for (int i = 0; i < shape.ndim; ++i) *(i < axis ? &before : &after) *= shape.dim[i];
  clgen_tensor *all =
      builder(s->graph, s->counter, s->config->seed, stream, clgen_shape_of(3, before, micro_batches, after));
  clgen_tensor *mine = clgen_mul(all, clgen_reshape(s->micro_batch, clgen_shape_of(3, 1, micro_batches, 1)));
  return clgen_reshape(clgen_sum(mine, 1u << 1, false), shape);
}

clgen_tensor *clgen_step_uniform(clgen_step_program *s, uint32_t stream, clgen_shape shape, int axis) {
  return draw(s, clgen_random_uniform, stream, shape, axis);
}

static clgen_tensor *draw_for_network(void *user, bool normal, uint32_t stream, clgen_shape shape) {
  return draw(user, normal ? clgen_random_normal : clgen_random_uniform, stream, shape, 0);
}

clgen_tensor *clgen_step_normal(clgen_step_program *s, uint32_t stream, clgen_shape shape, int axis) {
  return draw(s, clgen_random_normal, stream, shape, axis);
}

/* ---- Updates ---- */

clgen_tensor *clgen_step_scale_loss(const clgen_step_program *s, clgen_tensor *mean) {
  if (!clgen_phase_accumulates(s->phase)) return mean;
  if (s->accumulation) return clgen_mul(mean, clgen_slice(s->accumulation, 0, CLGEN_ACCUMULATION_SHARE, 1));
  return clgen_affine(mean, (float)(1 / (double)clgen_step_micro_batches(s->config)), 0);
}

void clgen_step_watch(clgen_step_program *s, const char *name, clgen_tensor *scalar) {
  clgen_watched_names *names = s->names;
  int i = 0;
  while (i < names->n && strcmp(names->name[i], name) != 0) ++i;
  if (i == CLGEN_MAX_WATCHED) {
    names->too_many = true; /* which the end of building says */
    return;
  }
  if (i == names->n) names->name[names->n++] = name;
  s->computes[i] = true;
  s->watched[i] = clgen_reshape(clgen_step_scale_loss(s, scalar), clgen_shape_of(1, 1));
}

/* Squares of the absolute values, which are the same bits: the optimiser's own square would be a shared node, written to
 * memory for both. */
static clgen_tensor *norm(clgen_tensor *grad) {
  return clgen_sqrt(clgen_sum(clgen_square(clgen_abs(grad)), CLGEN_ALL_AXES, true));
}

/* Adds the gradient of the L2-SP and EWC penalty; its value is watched. */
static clgen_tensor *add_anchor_penalty(clgen_step_program *s, const clgen_module *b, clgen_tensor *grad) {
  static const char *const names[] = {"penalty_G", "penalty_D", "penalty_E"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (s->net[i] == b && s->config->fine_tuning.anchored[i])
      clgen_step_watch(s, clgen_model_is_gan(s->model) ? names[i] : "spring", clgen_module_anchor_penalty(b, &grad));
  return grad;
}

static clgen_tensor *first_micro_batch(const clgen_step_program *s) {
  return s->accumulation ? clgen_slice(s->accumulation, 0, CLGEN_ACCUMULATION_FIRST, 1)
                         : clgen_slice(s->micro_batch, 0, 0, 1);
}

int clgen_step_update(clgen_step_program *s, clgen_module *b, clgen_tensor *loss, int scalar, const char *watched_as) {
  if (clgen_phase_accumulates(s->phase))
    return loss ? clgen_module_grad_add(b, clgen_step_scale_loss(s, loss), first_micro_batch(s)) : CLGEN_E_INVALID;
  clgen_tensor *grad = s->phase == CLGEN_PHASE_WHOLE ? clgen_module_grad(b, loss) : clgen_module_grad_sum(b);
  grad = add_anchor_penalty(s, b, clgen_regularize_history(s, b, grad, scalar));
  clgen_tensor *length = norm(grad);
  clgen_step_watch(s, watched_as, length);
  if (clgen_adapt_watches(s->config->controllers, CLGEN_WATCH_GRADIENTS)) clgen_step_watch_gradient(s, b, grad);
  if (grad && s->config->grad_clip > 0) grad = clgen_clip_grad_norm(grad, length, s->config->grad_clip);
  clgen_tensor *mine = clgen_slice(s->scalars, 0, scalar, CLGEN_OPTIMIZER_SCALARS);
  return grad ? clgen_optimizer_apply(&s->config->optimizer, b, grad, mine) : CLGEN_E_INVALID;
}

static int build_classifier(clgen_step_program *s, clgen_tensor *images) {
  if (s->phase == CLGEN_PHASE_UPDATE) return clgen_step_update(s, s->net[0], NULL, CLGEN_SCALAR_G, "grad");
  clgen_tensor *logits = clgen_model_classify(s->model, s->net[0], images, &s->pass, NULL);
  clgen_tensor *loss = clgen_mean(clgen_loss_classes(logits, s->pass.labels), CLGEN_ALL_AXES, false);
  clgen_tensor *wrong = clgen_greater(clgen_row_max(logits), clgen_sum(clgen_mul(logits, s->pass.labels), 1u << 1, true));
  clgen_step_watch(s, "loss", loss);
  clgen_step_watch(s, "accuracy", clgen_affine(clgen_mean(wrong, CLGEN_ALL_AXES, false), -1, 1));
  return clgen_step_update(s, s->net[0], loss, CLGEN_SCALAR_G, "grad");
}

/* The same since the controllers' last decision. */
static int build_window(clgen_step_program *s, clgen_tensor *all) {
  clgen_tensor *window = clgen_state(s->graph, CLGEN_ADAPT_WINDOW, CLGEN_F32, clgen_shape_of(1, s->names->n));
  return clgen_assign(window, clgen_add(window, all)) ? CLGEN_OK : clgen_last_code();
}

bool clgen_step_ends(const clgen_step_program *s) {
  bool waits_for_g = s->phase == CLGEN_PHASE_UPDATE && clgen_model_is_gan(s->model) && s->with_g;
  return !clgen_phase_accumulates(s->phase) && !waits_for_g;
}

/* Adds this step's numbers to those since the last report, on the device, so that no step waits for a read. */
static int build_watch(clgen_step_program *s) {
  if (s->names->too_many) return clgen_fail(CLGEN_E_UNSUPPORTED, "a step reports more than %d values", CLGEN_MAX_WATCHED);
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
  clgen_tensor *fine = clgen_affine(bad, -1, 1);
  if (s->accumulation) fine = clgen_mul(fine, clgen_slice(s->accumulation, 0, CLGEN_ACCUMULATION_BATCHES, 1));
  if (clgen_step_ends(s)) good = clgen_assign(good, clgen_add(good, fine));
  if (s->config->controllers && build_window(s, all)) return clgen_last_code();
  return sum && bad && good ? CLGEN_OK : clgen_last_code();
}

/* Networks as they are at the beginning of this phase. */
static int bind_networks(clgen_step_program *s) {
  const clgen_fine_tuning *fine_tuning = &s->config->fine_tuning;
  int code = CLGEN_OK, n = clgen_model_network_count(s->model);
  for (int i = 0; !code && i < n; ++i) {
    const clgen_model_network *w = clgen_model_network_at(s->model, i);
    code = clgen_net_bind(&s->net[i], w->net, s->graph, w->prefix);
    /* G's second pass is over the same latents with the same weights: its statistics were taken in the first. */
    bool again = s->phase == CLGEN_PHASE_GRADIENT_G && i == 0;
    if (!code && clgen_phase_accumulates(s->phase))
      code = clgen_module_accumulate_grads(s->net[i], clgen_step_micro_batches(s->config), first_micro_batch(s), again);
  }
  /* Behind all of them, as a model's own states are declared before all others. */
  for (int i = 0; !code && i < n; ++i)
    if (fine_tuning->rated[i]) code = clgen_module_lr_multipliers(s->net[i], fine_tuning->frozen[i]);
  return code;
}

int clgen_step_program_build(clgen_step_program *s) {
  const clgen_model_config *c = clgen_model_get_config(s->model);
  const clgen_trainer_config *config = s->config;
  int code = clgen_graph_create(&s->graph);
  if (code) return code;
  s->micro_batch = clgen_input(s->graph, "micro_batch", CLGEN_F32, clgen_shape_of(1, clgen_step_micro_batches(config)));
  if (clgen_step_batches_max(config) > 1)
    s->accumulation = clgen_input(s->graph, "accumulation", CLGEN_F32, clgen_shape_of(1, CLGEN_ACCUMULATION));
  code = bind_networks(s);
  if (code) return code;
  s->images = clgen_input(s->graph, "images", CLGEN_U8, clgen_shape_of(4, s->images_n, c->channels, c->height, c->width));
  s->scalars = clgen_input(s->graph, "scalars", CLGEN_F32, clgen_shape_of(1, CLGEN_SCALARS));
  clgen_tensor *images = clgen_model_from_bytes(s->model, s->images);
  s->pass = s->fake_pass = (clgen_pass){.training = true, .draw = draw_for_network, .user = s};
  clgen_shape labels = clgen_shape_of(2, s->images_n, c->classes);
  if (c->classes) s->pass.labels = clgen_input(s->graph, "labels", CLGEN_F32, labels);
  if (clgen_model_is_classifier(s->model)) return build_classifier(s, images);
  clgen_shape latents = clgen_shape_of(2, clgen_step_noise_rows(s), c->nz);
  s->counter = clgen_input(s->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  s->noise = config->noise_given ? clgen_input(s->graph, "noise", CLGEN_F32, latents)
                                 : clgen_step_normal(s, CLGEN_STREAM_NOISE, latents, 0);
  if (config->gan.regularizers & CLGEN_REG_PL && s->with_g && s->with_lazy_g) s->fake_pass.styles = &s->styles;
  if (c->classes && clgen_model_is_gan(s->model))
    s->fake_pass.labels = clgen_input(s->graph, "fake_labels", CLGEN_F32, labels);
  if (clgen_model_is_gan(s->model) && clgen_model_encodes(s->model)) return clgen_step_build_vae_gan(s, images);
  return clgen_model_is_gan(s->model) ? clgen_step_build_gan(s, images) : clgen_step_build_vae(s, images);
}

int clgen_step_program_compile(clgen_step_program *s, clgen_store *store) {
  int code = build_watch(s);
  return code ? code : clgen_compile(&s->program, s->graph, store);
}

void clgen_step_program_free(clgen_step_program *s) {
  clgen_program_free(s->program);
  for (size_t i = 0; i < CLGEN_COUNT(s->net); ++i) clgen_module_free(s->net[i]);
  clgen_graph_free(s->graph);
}
