/* The evidence lower bound of a VAE: Kingma & Welling 2013, equation 10. */
#include "model/model_internal.h"

int clgen_model_elbo(const clgen_model *m, clgen_bound *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor *eps,
                     clgen_tensor **bernoulli, clgen_tensor **kl) {
  clgen_tensor *mu, *logvar;
  int code = clgen_model_encode(m, b, images, pass, &mu, &logvar);
  if (code) return code;
  clgen_tensor *z = clgen_add(mu, clgen_mul(eps, clgen_exp(clgen_affine(logvar, 0.5f, 0))));
  *bernoulli = clgen_loss_bernoulli(clgen_model_decode(m, b, z, pass), images);
  *kl = clgen_loss_kl(mu, logvar);
  return *bernoulli && *kl ? CLGEN_OK : CLGEN_E_INVALID;
}

/* The normalising constants of p(z) and q(z | image) cancel. */
clgen_tensor *clgen_model_log_weight(const clgen_model *m, clgen_bound *b, clgen_tensor *images, const clgen_pass *pass,
                                     clgen_tensor *eps) {
  clgen_tensor *mu, *logvar;
  if (clgen_model_encode(m, b, images, pass, &mu, &logvar)) return NULL;
  clgen_tensor *z = clgen_add(mu, clgen_mul(eps, clgen_exp(clgen_affine(logvar, 0.5f, 0))));
  clgen_tensor *prior_to_posterior = clgen_sub(clgen_add(clgen_square(eps), logvar), clgen_square(z));
  return clgen_sub(clgen_affine(clgen_sum(prior_to_posterior, 1u << 1, false), 0.5f, 0),
                   clgen_loss_bernoulli(clgen_model_decode(m, b, z, pass), images));
}
