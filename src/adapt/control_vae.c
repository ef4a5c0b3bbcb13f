/* ControlVAE: Shao et al. 2020, "ControlVAE: controllable variational autoencoder", ICML, algorithm 1, as nodes of the
 * step's graph: no step waits for a read, and the integral is a state, which a snapshot saves. */
#include "adapt/adapt_internal.h"

#include <math.h>

/* The KL divergence falls about linearly with the logarithm of beta. So a gain that is stable at beta 0.5 is far too slow at
 * beta 5. Therefore the steps of the integral are proportional to beta, if beta is at least LEAST_SCALE. */
#define LEAST_SCALE 0.1f

/* 1 where both are above 0 */
static clgen_tensor *both(clgen_tensor *a, clgen_tensor *b) { return clgen_mul(clgen_unit_step(a), clgen_unit_step(b)); }

/* Anti-windup. The paper stops the integral while the last beta is outside of its limits. A clipped beta is never outside,
 * and an unclipped one would stay there forever. Here the integral stops where the output reaches a limit, as long as the
 * error would drive it further (conditional integration: Astrom & Hagglund 1995, section 3.5). So beta leaves the limit in
 * the first step in which the error changes its sign. */
clgen_tensor *clgen_control_vae(clgen_graph *g, const clgen_control_vae_config *c, clgen_tensor *kl) {
  clgen_shape one = clgen_shape_of(1, 1);
  clgen_tensor *old = clgen_state(g, CLGEN_CONTROL_VAE_STATE, CLGEN_F32, one);
  clgen_tensor *error = clgen_affine(clgen_reshape(clgen_stop_gradient(kl), one), -1, (float)c->target);
  clgen_tensor *proportional = clgen_affine(clgen_sigmoid(clgen_neg(error)), (float)c->kp, 0); /* kp / (1 + exp(e)) */
  clgen_tensor *scale = clgen_clamp(clgen_affine(old, 1, (float)c->low), LEAST_SCALE, (float)fmax(c->high, LEAST_SCALE));
  clgen_tensor *moved = clgen_sub(old, clgen_mul(clgen_affine(error, (float)c->ki, 0), scale));
  clgen_tensor *wanted = clgen_add(proportional, moved);
  clgen_tensor *above = both(clgen_affine(wanted, 1, (float)(c->low - c->high)), clgen_neg(error));
  clgen_tensor *below = both(clgen_neg(wanted), error);
  clgen_tensor *at_high = clgen_maximum(old, clgen_affine(proportional, -1, (float)(c->high - c->low)));
  clgen_tensor *at_low = clgen_minimum(old, clgen_neg(proportional));
  clgen_tensor *integral = clgen_assign(old, clgen_where(above, at_high, clgen_where(below, at_low, moved)));
  return clgen_clamp(clgen_affine(clgen_add(proportional, integral), 1, (float)c->low), (float)c->low, (float)c->high);
}

/* Reports beta if it differs by a quarter from the last reported value. */
void clgen_adapt_control_vae(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                             clgen_adapt_outcome *out) {
  double beta = clgen_adapt_mean(s, "beta"), kl = clgen_adapt_mean(s, "kl"), said = (double)state[0];
  if (!isfinite(beta) || !isfinite(kl) || fabs(beta - said) <= 0.25 * fabs(said)) return;
  state[0] = (float)beta;
  clgen_adapt_decide(out, "control-vae", "beta", said, beta, "the KL divergence was %.4g nats, the target is %.4g", kl,
                     c->kl_target);
}
