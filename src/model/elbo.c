/* What the bounds on a VAE's likelihood are made of: Kingma & Welling 2013, equation 10; Burda et al. 2016, equation 8. */
#include "model/model_internal.h"

#include <math.h>

/* (N K,...) as (N,K,P), and (N,...) as (N,1,P), so that they broadcast; as they are where there is one draw an image. */
static clgen_tensor *by_draws(clgen_tensor *x, int64_t n, int64_t draws) {
  if (!x || draws == 1) return x;
  int64_t count = clgen_shape_count(clgen_tensor_shape(x)), rows = clgen_tensor_dim(x, 0);
  return clgen_reshape(x, clgen_shape_of(3, n, rows / n, count / rows));
}

/* The sum over what belongs to one draw: (N,K), or (N). */
static clgen_tensor *sum_of_draws(clgen_tensor *x, int64_t draws) {
  if (!x) return NULL;
  unsigned all = (1u << clgen_tensor_shape(x)->ndim) - 1u;
  return clgen_sum(x, draws == 1 ? all & ~1u : 1u << 2, false);
}

clgen_tensor *clgen_model_reparameterize(clgen_tensor *mu, clgen_tensor *logvar, clgen_tensor *eps) {
  if (!mu || !logvar || !eps) return NULL;
  int64_t n = clgen_tensor_dim(mu, 0), draws = clgen_tensor_dim(eps, 0) / n;
  clgen_tensor *deviation = by_draws(clgen_exp(clgen_affine(logvar, 0.5f, 0)), n, draws);
  clgen_tensor *z = clgen_add(by_draws(mu, n, draws), clgen_mul(by_draws(eps, n, draws), deviation));
  return clgen_reshape(z, *clgen_tensor_shape(eps));
}

clgen_tensor *clgen_model_log_scale(const clgen_model *m, clgen_module *b) {
  int first;
  if (m->log_scale < 0) return NULL;
  clgen_net_layer_tensors(m->nets[0], m->log_scale, &first);
  return clgen_module_tensor(b, first);
}

clgen_tensor *clgen_model_nll(const clgen_model *m, clgen_module *b, clgen_tensor *images, clgen_tensor *z,
                              const clgen_pass *pass) {
  clgen_tensor *decoded = clgen_model_decode(m, b, z, pass), *log_scale = clgen_model_log_scale(m, b);
  if (!decoded || !images) return NULL;
  int64_t n = clgen_tensor_dim(images, 0), draws = clgen_tensor_dim(z, 0) / n;
  const clgen_likelihood *l = clgen_likelihood_of(m->config.likelihood);
  if (l->scaled && m->config.scale > 0)
    log_scale = clgen_constant(clgen_module_graph(b), (float)log((double)m->config.scale), clgen_shape_of(1, 1));
  return sum_of_draws(l->nll(by_draws(decoded, n, draws), by_draws(images, n, draws), log_scale), draws);
}

/* The normalising constants of p(z) and q(z | image) cancel. */
clgen_tensor *clgen_model_log_weight(clgen_tensor *logvar, clgen_tensor *eps, clgen_tensor *z, clgen_tensor *nll) {
  if (!logvar || !eps || !z) return NULL;
  int64_t n = clgen_tensor_dim(logvar, 0), draws = clgen_tensor_dim(z, 0) / n;
  clgen_tensor *at_eps = clgen_add(clgen_square(by_draws(eps, n, draws)), by_draws(logvar, n, draws));
  clgen_tensor *prior_to_posterior = clgen_sub(at_eps, clgen_square(by_draws(z, n, draws)));
  return clgen_sub(clgen_affine(sum_of_draws(prior_to_posterior, draws), 0.5f, 0), nll);
}
