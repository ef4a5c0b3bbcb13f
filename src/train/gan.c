/* The step of a GAN: a loss (src/nn/gan_loss.c) and regularisers (regularizer.c) put together. */
#include "train/train_internal.h"

static int update_d(clgen_step_kind *s, clgen_tensor *real, clgen_tensor *fake) {
  const clgen_gan_objective *o = &s->config->gan;
  clgen_bound *d = s->net[1];
  clgen_tensor *fixed = clgen_stop_gradient(fake), *on_real, *on_fake;
  clgen_tensor *real_logits = clgen_model_judge(s->model, d, real, &s->pass, NULL);
  clgen_tensor *fake_logits = clgen_model_judge(s->model, d, fixed, &s->pass, NULL);
  o->loss->discriminator(real_logits, fake_logits, (float)o->smoothing, &on_real, &on_fake);
  clgen_step_watch(s, "loss_D_real", on_real);
  clgen_step_watch(s, "loss_D_fake", on_fake);
  const clgen_regularized r = {
      .step = s, .d = d, .real = real, .fake = fixed, .real_logits = real_logits, .fake_logits = fake_logits};
  int code = clgen_step_update(s, d, clgen_regularize(&r, false, clgen_add(on_real, on_fake)), CLGEN_SCALAR_D, "grad_D");
  return code || !(o->clip > 0) ? code : clgen_bound_clip(d, o->clip);
}

int clgen_step_build_gan(clgen_step_kind *s, clgen_tensor *real) {
  const clgen_gan_objective *o = &s->config->gan;
  clgen_bound *g = s->net[0], *d = s->net[1];
  clgen_tensor *fake = clgen_model_decode(s->model, g, s->noise, &s->pass), *real_logits = NULL;
  int code = update_d(s, real, fake);
  if (code || !s->with_g) return code;
  clgen_regularized r = {.step = s, .d = d, .real = real, .fake = fake};
  if (o->loss->compares || (o->regularizers & CLGEN_REG_FM))
    real_logits = clgen_model_judge(s->model, d, real, &s->pass, &r.real_features);
  clgen_tensor *fake_logits = clgen_model_judge(s->model, d, fake, &s->pass, &r.fake_features);
  clgen_tensor *loss = o->loss->generator(real_logits, fake_logits);
  clgen_step_watch(s, "loss_G", loss);
  code = clgen_step_update(s, g, clgen_regularize(&r, true, loss), CLGEN_SCALAR_G, "grad_G");
  return code ? code : clgen_bound_average(s->net[2], g, clgen_slice(s->scalars, 0, CLGEN_SCALAR_EMA, 1));
}
