/* The losses of generative adversarial networks, one row each. */
#include "nn/nn_internal.h"

#include <string.h>

static clgen_tensor *mean(clgen_tensor *x) { return clgen_mean(x, CLGEN_ALL_AXES, false); }
static clgen_tensor *says_fake(clgen_tensor *logits) { return mean(clgen_softplus(logits)); }
static clgen_tensor *says_real(clgen_tensor *logits) { return says_fake(clgen_neg(logits)); }

/* Goodfellow et al. 2014, equation 1: -log s(x) of images, -log(1 - s(x)) of fakes. With one-sided label smoothing
 * (Salimans et al. 2016, section 3.4) images weigh -(1 - a) log s(x) - a log(1 - s(x)) = softplus(-x) + a x. */
static void cross_entropy(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real,
                          clgen_tensor **on_fake) {
  *on_real = says_real(real);
  if (smoothing > 0) *on_real = clgen_add(*on_real, clgen_affine(mean(real), smoothing, 0));
  *on_fake = says_fake(fake);
}

/* Goodfellow et al. 2014, section 3: G maximises log s(x) ... */
static clgen_tensor *non_saturating(clgen_tensor *real, clgen_tensor *fake) {
  (void)real;
  return says_real(fake);
}

/* ... or, as in equation 1, minimises log(1 - s(x)). */
static clgen_tensor *minimax(clgen_tensor *real, clgen_tensor *fake) {
  (void)real;
  return clgen_neg(says_fake(fake));
}

/* Mao et al. 2017, equation 9: half the squared distances to 1 for images, 0 for fakes, and 1 for G. */
static clgen_tensor *half_square(clgen_tensor *x) { return clgen_affine(mean(clgen_square(x)), 0.5f, 0); }
static void least_squares(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real,
                          clgen_tensor **on_fake) {
  (void)smoothing;
  *on_real = half_square(clgen_affine(real, 1, -1));
  *on_fake = half_square(fake);
}
static clgen_tensor *least_squares_g(clgen_tensor *real, clgen_tensor *fake) {
  (void)real;
  return half_square(clgen_affine(fake, 1, -1));
}

/* Arjovsky, Chintala, Bottou 2017, algorithm 1, and Gulrajani et al. 2017, algorithm 1, without its penalty. */
static void wasserstein(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real,
                        clgen_tensor **on_fake) {
  (void)smoothing;
  *on_real = clgen_neg(mean(real));
  *on_fake = mean(fake);
}
static clgen_tensor *wasserstein_g(clgen_tensor *real, clgen_tensor *fake) {
  (void)real;
  return clgen_neg(mean(fake));
}

/* Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17. */
static void hinge(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real, clgen_tensor **on_fake) {
  (void)smoothing;
  *on_real = mean(clgen_relu(clgen_affine(real, -1, 1)));
  *on_fake = mean(clgen_relu(clgen_affine(fake, 1, 1)));
}

/* Jolicoeur-Martineau 2018, section 4.1, RaGAN: how much more real than the average fake, and the other way round. */
static void relativistic(clgen_tensor *real, clgen_tensor *fake, float smoothing, clgen_tensor **on_real,
                         clgen_tensor **on_fake) {
  (void)smoothing;
  *on_real = says_real(clgen_sub(real, mean(fake)));
  *on_fake = says_fake(clgen_sub(fake, mean(real)));
}
static clgen_tensor *relativistic_g(clgen_tensor *real, clgen_tensor *fake) {
  return clgen_add(says_real(clgen_sub(fake, mean(real))), says_fake(clgen_sub(real, mean(fake))));
}

static const clgen_gan_loss rows[] = {
    {"ns", cross_entropy, non_saturating, true, false, false},      {"bce", cross_entropy, minimax, true, false, false},
    {"lsgan", least_squares, least_squares_g, false, false, false}, {"wgan", wasserstein, wasserstein_g, false, false, true},
    {"wgan-gp", wasserstein, wasserstein_g, false, false, true},    {"hinge", hinge, wasserstein_g, false, false, false},
    {"ragan", relativistic, relativistic_g, false, true, false},
};

const clgen_gan_loss *clgen_gan_losses(size_t *n) {
  *n = CLGEN_COUNT(rows);
  return rows;
}

int clgen_gan_loss_find(const clgen_gan_loss **out, const char *name) {
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i)
    if (strcmp(rows[i].name, name) == 0) {
      *out = &rows[i];
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no loss is called \"%s\"; there are " CLGEN_GAN_LOSS_CHOICES, name);
}
