/* What is added to the losses of a GAN's players, one row each. */
#include "train/train_internal.h"

#include <math.h>

/* The gradient of each image's logit with respect to that image, squared and summed: (N). Images see nothing of each other
 * in a discriminator without batch norm, so the gradient of the sum of the logits is that of each. With the deviation of a
 * group (mbstd) it is the image's part in all logits of its group, as in the papers that have both (Karras et al. 2018,
 * 2020). A conditional discriminator is asked about the classes of the data's images, also between those and fakes. */
static clgen_tensor *squared_slope(const clgen_regularized *r, clgen_tensor *at) {
  clgen_tensor *logits = clgen_step_discriminate(r->step, at, CLGEN_SEEN_SLOPE, NULL), *slope;
  if (!logits || clgen_grad(clgen_sum(logits, CLGEN_ALL_AXES, false), 1, &at, &slope)) return NULL;
  return clgen_sum(clgen_square(slope), 1u << 1 | 1u << 2 | 1u << 3, false);
}

/* mean (|slope| - 1)^2; the root's derivative stays finite at 0. */
static clgen_tensor *away_from_one(const clgen_regularized *r, clgen_tensor *at) {
  clgen_tensor *length = clgen_sqrt(clgen_affine(squared_slope(r, at), 1, 1e-12f));
  return clgen_mean(clgen_square(clgen_affine(length, 1, -1)), CLGEN_ALL_AXES, false);
}

/* a + t (b - a), with one t on [0,1) for each image */
static clgen_tensor *between(const clgen_regularized *r, clgen_tensor *a, clgen_tensor *b) {
  clgen_tensor *t = clgen_step_uniform(r->step, CLGEN_STREAM_BETWEEN, clgen_shape_of(4, r->step->images_n, 1, 1, 1), 0);
  return clgen_stop_gradient(clgen_add(a, clgen_mul(t, clgen_sub(b, a))));
}

/* Gulrajani et al. 2017, equation 3. */
static clgen_tensor *gradient_penalty(const clgen_regularized *r) { return away_from_one(r, between(r, r->fake, r->real)); }

/* Kodali et al. 2017, section 2.4 and its code: between an image and the image moved by half the batch's deviation times
 * uniform numbers. */
static clgen_tensor *dragan(const clgen_regularized *r) {
  clgen_tensor *centred = clgen_sub(r->real, clgen_mean(r->real, CLGEN_ALL_AXES, false));
  clgen_tensor *deviation = clgen_sqrt(clgen_mean(clgen_square(centred), CLGEN_ALL_AXES, false));
  clgen_tensor *noise = clgen_step_uniform(r->step, CLGEN_STREAM_AROUND, *clgen_tensor_shape(r->real), 0);
  clgen_tensor *moved = clgen_add(r->real, clgen_affine(clgen_mul(deviation, noise), 0.5f, 0));
  return away_from_one(r, between(r, r->real, moved));
}

/* Mescheder, Geiger, Nowozin 2018, equation 9. */
static clgen_tensor *r1(const clgen_regularized *r) {
  return clgen_mean(squared_slope(r, clgen_stop_gradient(r->real)), CLGEN_ALL_AXES, false);
}

/* Salimans et al. 2016, section 3.1. */
static clgen_tensor *feature_matching(const clgen_regularized *r) {
  clgen_tensor *apart =
      clgen_sub(clgen_mean(r->real_features, 1u << 0, false), clgen_mean(r->fake_features, 1u << 0, false));
  return clgen_sum(clgen_square(apart), CLGEN_ALL_AXES, false);
}

#define PATH_DECAY 0.01 /* what a batch adds to the mean length */

/* Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", equation 4: styles of unit steps should move
 * images as far everywhere, by the mean so far, which this batch is part of and which counts as a constant. As in their code
 * the length is a mean over the layers, and y is divided by the square root of the pixels, so that a weight suits all sizes.
 */
static clgen_tensor *path_length(const clgen_regularized *r) {
  clgen_step_program *s = r->step;
  const clgen_shape *image = clgen_tensor_shape(r->fake);
  clgen_tensor *y = clgen_step_normal(s, CLGEN_STREAM_PATH, *image, 0), *slope;
  y = clgen_affine(y, (float)(1 / sqrt((double)(image->dim[2] * image->dim[3]))), 0);
  if (clgen_grad(clgen_sum(clgen_mul(r->fake, y), CLGEN_ALL_AXES, false), 1, &s->styles, &slope)) return NULL;
  clgen_tensor *square = clgen_mean(clgen_sum(clgen_square(slope), 1u << 2, false), 1u << 1, false);
  clgen_tensor *length = clgen_sqrt(clgen_affine(square, 1, 1e-12f)); /* whose derivative stays finite at 0 */
  clgen_tensor *now = clgen_mean(clgen_stop_gradient(length), CLGEN_ALL_AXES, false);
  clgen_tensor *so_far = clgen_state(s->graph, "reg.path_length", CLGEN_F32, clgen_shape_of(1, 1));
  now = clgen_affine(clgen_reshape(now, clgen_shape_of(1, 1)), (float)PATH_DECAY, 0);
  so_far = clgen_assign(so_far, clgen_add(clgen_affine(so_far, (float)(1 - PATH_DECAY), 0), now));
  clgen_step_watch(s, "path_length", so_far);
  return clgen_mean(clgen_square(clgen_sub(length, so_far)), CLGEN_ALL_AXES, false);
}

#define SHIFT 4

/* A number on [0,1) for each image as a whole number of -SHIFT .. SHIFT, all alike probable: (N,1). */
static clgen_tensor *whole(clgen_tensor *drawn) {
  clgen_tensor *sum = NULL;
  for (int k = 1; k <= 2 * SHIFT; ++k) {
    clgen_tensor *more = clgen_unit_step(clgen_affine(drawn, 2 * SHIFT + 1, (float)-k));
    sum = k > 1 ? clgen_add(sum, more) : more;
  }
  return clgen_affine(sum, 1, -SHIFT);
}

/* Each image moved by whole pixels each way, and with bcr_flip half of them mirrored; drawn: (3,N). */
static clgen_tensor *moved(const clgen_regularized *r, clgen_tensor *x, clgen_tensor *drawn) {
  if (!x || !drawn) return NULL;
  clgen_shape each = clgen_shape_of(2, clgen_tensor_dim(x, 0), 1);
  clgen_tensor *zero = clgen_constant(r->step->graph, 0, each), *one = clgen_constant(r->step->graph, 1, each), *number[3];
  for (int k = 0; k < 3; ++k) number[k] = clgen_reshape(clgen_slice(drawn, 0, k, 1), each);
  clgen_tensor *side = one;
  if (r->step->config->gan.bcr_flip) side = clgen_affine(clgen_unit_step(clgen_affine(number[2], 1, -0.5f)), -2, 1);
  clgen_tensor *map[] = {side, zero, whole(number[1]), zero, one, whole(number[0])};
  clgen_tensor *theta = clgen_reshape(clgen_concat(6, map, 1), clgen_shape_of(3, each.dim[0], 2, 3));
  return clgen_affine_sample(x, theta, clgen_tensor_dim(x, 2), clgen_tensor_dim(x, 3));
}

/* mean (D(x) - D(x moved))^2 */
static clgen_tensor *inconsistency(const clgen_regularized *r, clgen_tensor *x, clgen_tensor *logits, clgen_tensor *drawn,
                                   clgen_seen seen) {
  clgen_tensor *there = clgen_step_discriminate(r->step, moved(r, x, drawn), seen, NULL);
  return clgen_mean(clgen_square(clgen_sub(logits, there)), CLGEN_ALL_AXES, false);
}

/* Zhao, Singh, Lee, Zhang, Odena, Zhang 2021, "Improved consistency regularization for GANs", algorithm 1 (bCR). */
static clgen_tensor *balanced_consistency(const clgen_regularized *r) {
  clgen_step_program *s = r->step;
  clgen_tensor *drawn = clgen_step_uniform(s, CLGEN_STREAM_SHIFT, clgen_shape_of(2, 6, s->images_n), 1);
  clgen_tensor *of_reals = inconsistency(r, r->real, r->real_logits, clgen_slice(drawn, 0, 0, 3), CLGEN_SEEN_REAL);
  return clgen_add(of_reals, inconsistency(r, r->fake, r->fake_logits, clgen_slice(drawn, 0, 3, 3), CLGEN_SEEN_FAKE));
}

/* Salimans et al. 2016, section 3.2: |p - m|^2 with m the mean of the parameters before each update so far, this one
 * included, which counts as a constant. All of a network at once, so it is a gradient rather than a term of the loss. */
clgen_tensor *clgen_regularize_history(clgen_step_program *s, clgen_module *b, clgen_tensor *grad, int scalar) {
  const clgen_gan_objective *o = &s->config->gan;
  if (!grad || !(o->regularizers & CLGEN_REG_HA)) return grad;
  clgen_tensor *away = clgen_module_history_residual(b, clgen_slice(s->scalars, 0, scalar + CLGEN_SCALAR_HISTORY, 1));
  clgen_step_watch(s, scalar == CLGEN_SCALAR_D ? "ha_D" : "ha_G", clgen_sum(clgen_square(away), CLGEN_ALL_AXES, false));
  return clgen_assign(grad, clgen_add(grad, clgen_affine(away, (float)(2 * o->ha_weight), 0)));
}

static double gp_weight(const clgen_gan_objective *o) { return o->gp_weight; }
static double fm_weight(const clgen_gan_objective *o) { return o->fm_weight; }
static double bcr_weight(const clgen_gan_objective *o) { return o->bcr_weight; }
/* Where it is computed every few steps only, it weighs as many times as much (Karras et al. 2020, appendix B). */
static double r1_weight(const clgen_gan_objective *o) { return o->r1_gamma / 2 * (o->r1_interval > 1 ? o->r1_interval : 1); }

static double pl_weight(const clgen_gan_objective *o) { return o->pl_weight * (o->pl_interval > 1 ? o->pl_interval : 1); }

static const clgen_regularizer rows[] = {
    {"gp", CLGEN_REG_GP, false, gradient_penalty, gp_weight, CLGEN_D_PLAIN, NULL},
    {"r1", CLGEN_REG_R1, false, r1, r1_weight, CLGEN_D_PLAIN, NULL},
    {"dragan", CLGEN_REG_DRAGAN, false, dragan, gp_weight, CLGEN_D_PLAIN, "it disturbs by the deviation of the whole batch"},
    {"sn", CLGEN_REG_SN, false, NULL, NULL, CLGEN_D_SPECTRAL, NULL},
    {"fm", CLGEN_REG_FM, true, feature_matching, fm_weight, CLGEN_D_AUTO, "it compares means over the whole batch"},
    {"ha", CLGEN_REG_HA, false, NULL, NULL, CLGEN_D_AUTO, NULL},
    {"bcr", CLGEN_REG_BCR, false, balanced_consistency, bcr_weight, CLGEN_D_AUTO, NULL},
    {"mbstd", CLGEN_REG_MBSTD, false, NULL, NULL, CLGEN_D_AUTO, NULL},
    {"mbdisc", CLGEN_REG_MBDISC, false, NULL, NULL, CLGEN_D_AUTO, "it compares all images of the batch"},
    {"pl", CLGEN_REG_PL, true, path_length, pl_weight, CLGEN_D_AUTO, "it compares with a mean over whole batches"},
};

const clgen_regularizer *clgen_regularizers(size_t *n) {
  *n = CLGEN_COUNT(rows);
  return rows;
}

const char *clgen_gan_regularizer_name(size_t index) { return index < CLGEN_COUNT(rows) ? rows[index].name : NULL; }

bool clgen_regularizer_is_due(const clgen_step_program *s, const clgen_regularizer *r) {
  return (s->config->gan.regularizers & r->bit) && r->value && (r->bit != CLGEN_REG_R1 || s->with_lazy) &&
         (r->bit != CLGEN_REG_PL || s->with_lazy_g);
}

clgen_tensor *clgen_regularize(const clgen_regularized *r, bool of_g, clgen_tensor *loss) {
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) {
    if (rows[i].of_g != of_g || !clgen_regularizer_is_due(r->step, &rows[i])) continue;
    clgen_tensor *value = rows[i].value(r);
    clgen_step_watch(r->step, rows[i].name, value);
    clgen_tensor *weighted = clgen_affine(value, (float)rows[i].weight(&r->step->config->gan), 0);
    if (!of_g && r->step->config->controllers)
      weighted =
          clgen_mul(weighted, clgen_reshape(clgen_slice(r->step->scalars, 0, CLGEN_SCALAR_PENALTY, 1), clgen_shape_of(0)));
    loss = clgen_add(loss, weighted);
  }
  return loss;
}
