/* The step of a GAN: a loss (src/nn/gan_loss.c) and regularisers (regularizer.c) put together. */
#include "train/train_internal.h"

/* The auxiliary classifier's cross entropy: Odena, Olah, Shlens 2017, equation 3. */
clgen_tensor *clgen_step_class_loss(clgen_step_program *s, clgen_tensor *features, const clgen_pass *pass) {
  clgen_tensor *logits = clgen_model_class_logits(s->model, s->net[1], features, pass);
  return clgen_mean(clgen_loss_classes(logits, pass->labels), CLGEN_ALL_AXES, false);
}

clgen_tensor *clgen_step_add_class_loss(clgen_step_program *s, clgen_tensor *loss, const char *name, clgen_tensor *value) {
  double weight = s->config->gan.aux_weight > 0 ? s->config->gan.aux_weight : 1;
  clgen_step_watch(s, name, value);
  return clgen_add(loss, clgen_affine(value, (float)weight, 0));
}

bool clgen_step_has_class_loss(const clgen_step_program *s) {
  return clgen_model_get_config(s->model)->cond == CLGEN_COND_ACGAN;
}

static clgen_tensor *loss_of_d(clgen_step_program *s, clgen_tensor *real, clgen_tensor *fake) {
  const clgen_gan_objective *o = &s->config->gan;
  clgen_module *d = s->net[1];
  clgen_tensor *fixed = clgen_stop_gradient(fake), *on_real, *on_fake;
  clgen_tensor *real_features, *fake_features, *real_class = NULL;
  clgen_tensor *real_logits = clgen_step_discriminate(s, real, CLGEN_SEEN_REAL, &real_features);
  if (clgen_step_has_class_loss(s)) real_class = clgen_step_class_loss(s, real_features, &s->pass);
  clgen_tensor *fake_logits = clgen_step_discriminate(s, fixed, CLGEN_SEEN_FAKE, &fake_features);
  o->loss->discriminator(real_logits, fake_logits, (float)o->smoothing, &on_real, &on_fake);
  clgen_step_watch(s, "loss_D_real", on_real);
  clgen_step_watch(s, "loss_D_fake", on_fake);
  if (clgen_step_ada_see(s, real_logits, fake_logits)) return NULL;
  if (clgen_adapt_watches(s->config->controllers, CLGEN_WATCH_PLAYERS))
    clgen_step_watch_players(s, real, fixed, real_logits, fake_logits);
  const clgen_regularized r = {
      .step = s, .d = d, .real = real, .fake = fixed, .real_logits = real_logits, .fake_logits = fake_logits};
  clgen_tensor *loss = clgen_add(on_real, on_fake);
  if (real_class)
    loss = clgen_step_add_class_loss(s, loss, "class_D",
                                     clgen_add(real_class, clgen_step_class_loss(s, fake_features, &s->fake_pass)));
  return clgen_regularize(&r, false, loss);
}

static int update_d(clgen_step_program *s, clgen_tensor *loss) {
  double clip = s->config->gan.clip;
  int code = clgen_step_update(s, s->net[1], loss, CLGEN_SCALAR_D, "grad_D");
  return code || !(clip > 0) || clgen_phase_accumulates(s->phase) ? code : clgen_module_clip(s->net[1], clip);
}

static clgen_tensor *loss_of_g(clgen_step_program *s, clgen_tensor *real, clgen_tensor *fake) {
  const clgen_gan_objective *o = &s->config->gan;
  clgen_module *d = s->net[1];
  clgen_regularized r = {.step = s, .d = d, .real = real, .fake = fake};
  clgen_tensor *real_logits = NULL;
  if (o->loss->compares || (o->regularizers & CLGEN_REG_FM))
    real_logits = clgen_step_discriminate(s, real, CLGEN_SEEN_G_REAL, &r.real_features);
  clgen_tensor *fake_logits = clgen_step_discriminate(s, fake, CLGEN_SEEN_G_FAKE, &r.fake_features);
  clgen_tensor *loss = o->loss->generator(real_logits, fake_logits);
  clgen_step_watch(s, "loss_G", loss);
  if (clgen_step_has_class_loss(s))
    loss = clgen_step_add_class_loss(s, loss, "class_G", clgen_step_class_loss(s, r.fake_features, &s->fake_pass));
  return clgen_regularize(&r, true, loss);
}

static int update_g(clgen_step_program *s, clgen_tensor *loss) {
  int code = clgen_step_update(s, s->net[0], loss, CLGEN_SCALAR_G, "grad_G");
  if (code || clgen_phase_accumulates(s->phase)) return code;
  return clgen_module_average(s->net[2], s->net[0], clgen_slice(s->scalars, 0, CLGEN_SCALAR_EMA, 1));
}

static int build(clgen_step_program *s, clgen_tensor *real) {
  if (s->phase == CLGEN_PHASE_UPDATE) return update_d(s, NULL);
  if (s->phase == CLGEN_PHASE_UPDATE_G) return update_g(s, NULL);
  clgen_tensor *fake = clgen_model_decode(s->model, s->net[0], s->noise, &s->fake_pass);
  if (s->phase == CLGEN_PHASE_GRADIENT) return update_d(s, loss_of_d(s, real, fake));
  if (s->phase == CLGEN_PHASE_GRADIENT_G) return update_g(s, loss_of_g(s, real, fake));
  int code = update_d(s, loss_of_d(s, real, fake));
  return code || !s->with_g ? code : update_g(s, loss_of_g(s, real, fake));
}

int clgen_step_build_gan(clgen_step_program *s, clgen_tensor *real) {
  int code = build(s, real);
  return code ? code : clgen_step_ada_end(s);
}
