/* The step of a VAE: a likelihood, and how much the divergence from the prior counts. */
#include "train/train_internal.h"

#include <math.h>

static clgen_tensor *mean(clgen_tensor *x) { return clgen_mean(x, CLGEN_ALL_AXES, false); }

/* Kingma et al. 2016, appendix C.8: the sum over groups of dimensions of max(lambda, the group's mean over the batch). */
static clgen_tensor *above_free_bits(clgen_step_program *s, clgen_tensor *mu, clgen_tensor *logvar) {
  const clgen_vae_objective *o = &s->config->vae;
  int64_t group = o->free_bits_group > 1 ? o->free_bits_group : 1, groups = clgen_tensor_dim(mu, 1) / group;
  clgen_tensor *each = clgen_mean(clgen_kl_per_dim(mu, logvar), 1u << 0, false);
  each = clgen_sum(clgen_reshape(each, clgen_shape_of(2, groups, group)), 1u << 1, false);
  clgen_tensor *least = clgen_constant(s->graph, (float)o->free_bits, clgen_shape_of(1, groups));
  return clgen_sum(clgen_maximum(each, least), CLGEN_ALL_AXES, false);
}

clgen_kl_term clgen_step_kl_term(clgen_step_program *s, clgen_tensor *mu, clgen_tensor *logvar) {
  const clgen_vae_objective *o = &s->config->vae;
  clgen_kl_term t = {.kl = mean(clgen_loss_kl(mu, logvar))};
  t.weighted = o->free_bits > 0 ? above_free_bits(s, mu, logvar) : t.kl;
  if (o->capacity > 0) { /* Burgess et al. 2018 */
    t.capacity = clgen_slice(s->scalars, 0, CLGEN_SCALAR_CAPACITY, 1);
    t.weighted = clgen_abs(clgen_sub(t.weighted, t.capacity));
  }
  if (!clgen_vae_objective_has_beta(o)) return t;
  bool controlled = o->control.target > 0;
  t.beta = controlled ? clgen_control_vae(s->graph, &o->control, t.kl) : clgen_slice(s->scalars, 0, CLGEN_SCALAR_BETA, 1);
  t.weighted = clgen_mul(t.beta, t.weighted);
  return t;
}

void clgen_step_watch_kl(clgen_step_program *s, const clgen_kl_term *t) {
  clgen_step_watch(s, "kl", t->kl);
  if (t->beta) clgen_step_watch(s, "beta", t->beta);
  if (t->capacity) clgen_step_watch(s, "capacity", t->capacity);
}

/* Burda et al. 2016, equation 8: log K - log sum_k w_k, the mean over the batch. */
static clgen_tensor *importance_weighted(const clgen_step_program *s, clgen_tensor *log_weight) {
  return clgen_affine(mean(clgen_log_sum_exp(log_weight)), -1, (float)log((double)s->config->vae.samples));
}

int clgen_step_build_vae(clgen_step_program *s, clgen_tensor *images) {
  clgen_module *net = s->net[0];
  if (s->phase == CLGEN_PHASE_UPDATE) return clgen_step_update(s, net, NULL, CLGEN_SCALAR_G, "grad");
  clgen_tensor *mu, *logvar;
  int code = clgen_model_encode(s->model, net, images, &s->pass, &mu, &logvar);
  if (code) return code;
  clgen_tensor *z = clgen_model_reparameterize(mu, logvar, s->noise);
  clgen_tensor *nll = clgen_model_nll(s->model, net, images, z, &s->pass);
  clgen_kl_term kl = clgen_step_kl_term(s, mu, logvar); /* before the mean, so that one launch makes both */
  clgen_tensor *reconstruction = mean(nll);
  clgen_tensor *loss = s->config->vae.samples > 1 ? importance_weighted(s, clgen_model_log_weight(logvar, s->noise, z, nll))
                                                  : clgen_add(reconstruction, kl.weighted);
  clgen_step_watch(s, "loss", loss);
  clgen_step_watch(s, "reconstruction", reconstruction);
  clgen_step_watch_kl(s, &kl);
  clgen_step_watch_posterior(s, mu);
  clgen_tensor *log_scale = clgen_model_log_scale(s->model, net);
  if (log_scale) clgen_step_watch(s, "scale", clgen_exp(log_scale));
  return clgen_step_update(s, net, loss, CLGEN_SCALAR_G, "grad");
}
