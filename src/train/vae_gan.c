/* The step of a VAE-GAN: Larsen et al. 2016, algorithm 1. All gradients are taken of one set of forward passes, before any
 * network moves; each network descends by its own. */
#include "train/train_internal.h"

enum { G, D, E, G_EMA }; /* as the model lists them */

/* What the networks make of a batch. */
typedef struct {
  clgen_tensor *real, *recon, *sample;                      /* images: given, decoded from their posterior, from the prior */
  clgen_tensor *real_logits, *recon_logits, *sample_logits; /* D's */
  clgen_tensor *reconstruction;                             /* scalars from here on */
  clgen_tensor *real_class_loss, *fakes_class_loss;         /* of an auxiliary classifier: NULL where there is none */
  clgen_kl_term kl;
} forward_pass;

/* -log N(D_l(x) | D_l(x~), 1) without its constant (equation 7), the mean over the batch: l is D's layer before the last. */
static clgen_tensor *off_features(clgen_tensor *real, clgen_tensor *recon) {
  if (!real || !recon) return NULL;
  unsigned axes = (1u << clgen_tensor_shape(real)->ndim) - 1u;
  clgen_tensor *each = clgen_sum(clgen_square(clgen_sub(real, recon)), axes & ~1u, false);
  return clgen_affine(clgen_mean(each, CLGEN_ALL_AXES, false), 0.5f, 0);
}

/* Images again are of their own class, samples of the class that was drawn for them. In use G makes samples, so its running
 * statistics are of those alone: its layers see other means where the latents are posteriors'. */
static int pass_forward(clgen_step_program *s, clgen_tensor *real, forward_pass *f) {
  clgen_tensor *mu, *logvar, *real_features, *recon_features, *sample_features;
  int code = clgen_model_encode(s->model, s->net[E], real, &s->pass, &mu, &logvar);
  if (code) return code;
  int64_t n = s->images_n;
  clgen_tensor *z = clgen_model_reparameterize(mu, logvar, clgen_slice(s->noise, 0, 0, n));
  f->real = real;
  clgen_module_freeze_stats(s->net[G], true);
  f->recon = clgen_model_decode(s->model, s->net[G], z, &s->pass);
  clgen_module_freeze_stats(s->net[G], false);
  f->sample = clgen_model_decode(s->model, s->net[G], clgen_slice(s->noise, 0, n, n), &s->fake_pass);
  f->real_logits = clgen_model_discriminate(s->model, s->net[D], real, &s->pass, &real_features);
  f->recon_logits = clgen_model_discriminate(s->model, s->net[D], f->recon, &s->pass, &recon_features);
  f->sample_logits = clgen_model_discriminate(s->model, s->net[D], f->sample, &s->fake_pass, &sample_features);
  f->reconstruction = off_features(real_features, recon_features);
  f->kl = clgen_step_kl_term(s, mu, logvar);
  if (clgen_step_has_class_loss(s)) {
    f->real_class_loss = clgen_step_class_loss(s, real_features, &s->pass);
    f->fakes_class_loss = clgen_add(clgen_step_class_loss(s, recon_features, &s->pass),
                                    clgen_step_class_loss(s, sample_features, &s->fake_pass));
  }
  return f->reconstruction && f->sample_logits && f->kl.weighted ? CLGEN_OK : clgen_last_code();
}

static clgen_tensor *loss_of_d(clgen_step_program *s, const forward_pass *f) {
  const clgen_gan_objective *o = &s->config->gan;
  clgen_tensor *on_real, *on_sample, *on_recon, *same;
  o->loss->discriminator(f->real_logits, f->sample_logits, (float)o->smoothing, &on_real, &on_sample);
  o->loss->discriminator(f->real_logits, f->recon_logits, (float)o->smoothing, &same, &on_recon);
  clgen_step_watch(s, "loss_D_real", on_real);
  clgen_step_watch(s, "loss_D_fake", on_sample);
  clgen_step_watch(s, "loss_D_recon", on_recon);
  clgen_tensor *sample = clgen_stop_gradient(f->sample);
  if (clgen_adapt_watches(s->config->controllers, CLGEN_WATCH_PLAYERS))
    clgen_step_watch_players(s, f->real, sample, f->real_logits, f->sample_logits);
  const clgen_regularized r = {.step = s,
                               .d = s->net[D],
                               .real = f->real,
                               .fake = sample,
                               .real_logits = f->real_logits,
                               .fake_logits = f->sample_logits};
  clgen_tensor *loss = clgen_add(clgen_add(on_real, on_sample), on_recon);
  if (f->real_class_loss)
    loss = clgen_step_add_class_loss(s, loss, "class_D", clgen_add(f->real_class_loss, f->fakes_class_loss));
  return clgen_regularize(&r, false, loss);
}

static clgen_tensor *loss_of_g(clgen_step_program *s, const forward_pass *f) {
  const clgen_gan_loss *l = s->config->gan.loss;
  double gamma = s->config->vae.recon_gamma > 0 ? s->config->vae.recon_gamma : 0.03;
  clgen_tensor *fools = clgen_add(l->generator(NULL, f->sample_logits), l->generator(NULL, f->recon_logits));
  clgen_step_watch(s, "loss_G", fools);
  if (f->fakes_class_loss) fools = clgen_step_add_class_loss(s, fools, "class_G", f->fakes_class_loss);
  return clgen_add(fools, clgen_affine(f->reconstruction, (float)gamma, 0));
}

/* D's update comes last, for the gradients of the others lead through it as it was. */
int clgen_step_build_vae_gan(clgen_step_program *s, clgen_tensor *real) {
  forward_pass f = {0};
  int code = pass_forward(s, real, &f);
  if (code) return code;
  clgen_tensor *of_d = loss_of_d(s, &f), *of_g = loss_of_g(s, &f), *of_e = clgen_add(f.reconstruction, f.kl.weighted);
  clgen_step_watch(s, "reconstruction", f.reconstruction);
  clgen_step_watch_kl(s, &f.kl);
  if (s->with_g) {
    code = clgen_step_update(s, s->net[E], of_e, CLGEN_SCALAR_G, "grad_E");
    if (!code) code = clgen_step_update(s, s->net[G], of_g, CLGEN_SCALAR_G, "grad_G");
    if (!code) code = clgen_module_average(s->net[G_EMA], s->net[G], clgen_slice(s->scalars, 0, CLGEN_SCALAR_EMA, 1));
  }
  if (!code) code = clgen_step_update(s, s->net[D], of_d, CLGEN_SCALAR_D, "grad_D");
  return code || !(s->config->gan.clip > 0) ? code : clgen_module_clip(s->net[D], s->config->gan.clip);
}

int clgen_vae_gan_check(const clgen_train_options *o, const clgen_gan_objective *gan) {
  unsigned mask;
  int code = clgen_train_controllers(o, &mask);
  const char *option = NULL, *why = NULL;
  if (gan->loss->compares)
    option = "loss", why = "a relativistic loss is not defined for two kinds of fakes, reconstructions and samples";
  else if (gan->regularizers & CLGEN_REG_FM)
    option = "reg", why = "fm is redundant, since the reconstruction loss compares features already";
  else if (gan->regularizers & CLGEN_REG_HA)
    option = "reg", why = "ha does not support three networks";
  else if (!code && mask & clgen_adapt_mask("noise-scale"))
    option = "adapt", why = "noise-scale does not support three networks";
  else if (o->batch_gpu && o->batch_gpu != o->batch)
    option = "batch-gpu", why = "three networks are updated by the same forward passes";
  if (code || !option) return code;
  return clgen_fail(CLGEN_E_INVALID, "option --%s: %s in --cfg %s", option, why, o->cfg);
}
