/* What controllers watch. All of it is of one batch, and costs a step next to nothing. */
#include "train/train_internal.h"

static clgen_tensor *mean(clgen_tensor *x) { return clgen_mean(x, CLGEN_ALL_AXES, false); }

static clgen_tensor *variance(clgen_tensor *x) { return mean(clgen_square(clgen_sub(x, mean(x)))); }

/* The sensitivity index d' of signal detection (Green & Swets 1966): how many standard deviations the logits of images lie
 * above those of fakes. No loss and no scale of the logits changes it. */
static clgen_tensor *separation(clgen_tensor *real_logits, clgen_tensor *fake_logits) {
  clgen_tensor *both = clgen_add(variance(real_logits), variance(fake_logits));
  return clgen_mul(clgen_sub(mean(real_logits), mean(fake_logits)), clgen_rsqrt(clgen_affine(both, 0.5f, 1e-12f)));
}

/* The mean squared distance of an image to the batch's mean: half that of two images. */
static clgen_tensor *spread(clgen_tensor *flat) {
  clgen_tensor *apart = clgen_square(clgen_sub(flat, clgen_mean(flat, 1u << 0, true)));
  return clgen_affine(clgen_sum(apart, CLGEN_ALL_AXES, false), 1 / (float)clgen_tensor_dim(flat, 0), 0);
}

/* The share of the first half's images that lie nearer to one of the second half than a twentieth of what two images lie
 * apart on average: |a - b|^2 = |a|^2 + |b|^2 - 2 ab. */
static clgen_tensor *duplicates(clgen_tensor *flat, clgen_tensor *real_spread) {
  int64_t half = clgen_tensor_dim(flat, 0) / 2;
  clgen_tensor *a = clgen_slice(flat, 0, 0, half), *b = clgen_slice(flat, 0, half, half);
  clgen_tensor *aa = clgen_sum(clgen_square(a), 1u << 1, true), *bb = clgen_sum(clgen_square(b), 1u << 1, true);
  clgen_tensor *distance =
      clgen_add(clgen_affine(clgen_matmul(a, b, false, true), -2, 0), clgen_add(aa, clgen_transpose(bb)));
  clgen_tensor *nearest = clgen_neg(clgen_row_max(clgen_neg(distance)));
  return clgen_mean(clgen_greater(clgen_affine(real_spread, 0.1f, 0), nearest), CLGEN_ALL_AXES, false);
}

void clgen_step_watch_players(clgen_step_program *s, clgen_tensor *real, clgen_tensor *fake, clgen_tensor *real_logits,
                              clgen_tensor *fake_logits) {
  if (!real || !fake) return;
  int64_t n = clgen_tensor_dim(real, 0), pixels = clgen_shape_count(clgen_tensor_shape(real)) / n;
  clgen_tensor *reals = clgen_reshape(real, clgen_shape_of(2, n, pixels));
  clgen_tensor *fakes = clgen_reshape(fake, clgen_shape_of(2, n, pixels));
  clgen_tensor *of_reals = clgen_affine(spread(reals), 1, 1e-12f);
  clgen_step_watch(s, "separation", separation(real_logits, fake_logits));
  clgen_step_watch(s, "diversity", clgen_div(spread(fakes), of_reals));
  if (n > 1) clgen_step_watch(s, "duplicates", duplicates(fakes, of_reals));
}

/* Burda et al. 2016, section 5.2: the dimensions of the latent whose posterior mean varies by more than 0.01 between images.
 */
void clgen_step_watch_posterior(clgen_step_program *s, clgen_tensor *mu) {
  if (!s->config->vae.adapts_beta) return;
  clgen_tensor *apart = clgen_sub(mu, clgen_mean(mu, 1u << 0, true));
  clgen_tensor *active = clgen_unit_step(clgen_affine(clgen_mean(clgen_square(apart), 1u << 0, true), 1, -0.01f));
  clgen_step_watch(s, "active_units", clgen_sum(active, CLGEN_ALL_AXES, false));
}

void clgen_step_watch_gradient(clgen_step_program *s, const clgen_module *b, clgen_tensor *grad) {
  static const char *const square[] = {"grad_square_G", "grad_square_D"}, *const along[] = {"grad_along_G", "grad_along_D"};
  bool gan = clgen_model_is_gan(s->model);
  int player = s->net[1] == b;
  clgen_tensor *mean = clgen_optimizer_mean_gradient(&s->config->optimizer, b);
  if (!grad || !mean) return;
  clgen_step_watch(s, gan ? square[player] : "grad_square", clgen_sum(clgen_square(grad), CLGEN_ALL_AXES, true));
  clgen_step_watch(s, gan ? along[player] : "grad_along", clgen_sum(clgen_mul(grad, mean), CLGEN_ALL_AXES, true));
}
