/* Adaptive discriminator augmentation: Karras, Aittala, Hellsten, Laine, Lehtinen & Aila 2020, "Training Generative
 * Adversarial Networks with Limited Data". All inputs of the discriminator are randomly transformed, so that it does not
 * overfit a small data set. Each transformation is applied with a probability p below 1, so that the generator does not
 * learn to imitate it.
 *
 * All of it is nodes of a graph, differentiable any number of times in the images. docs/adapting.md says what each
 * transformation does and where it differs from the paper. */
#ifndef CLGEN_AUGMENT_H
#define CLGEN_AUGMENT_H

#include <stdbool.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The transformations --------------------------------------------------------------------------------------------- */

/* Transformations, as bits, in the order in which they are applied (appendix B of the paper). */
#define CLGEN_AUGMENTS(X)                                                             \
  X(XFLIP, "xflip")       /* horizontal flip */                                       \
  X(ROTATE90, "rotate90") /* rotation by a multiple of 90 degrees */                  \
  X(XINT, "xint")         /* translation by whole pixels */                           \
  X(SCALE, "scale")       /* isotropic scaling */                                     \
  X(ROTATE, "rotate")     /* rotation by any angle */                                 \
  X(ANISO, "aniso")       /* anisotropic scaling */                                   \
  X(XFRAC, "xfrac")       /* translation by fractions of pixels */                    \
  X(BRIGHTNESS, "brightness")                                                         \
  X(CONTRAST, "contrast")                                                             \
  X(LUMAFLIP, "lumaflip")     /* inverts the luma */                                  \
  X(HUE, "hue")               /* RGB only */                                          \
  X(SATURATION, "saturation") /* RGB only */                                          \
  X(FILTER, "filter")         /* amplifies or weakens each of four frequency bands */ \
  X(NOISE, "noise")                                                                   \
  X(CUTOUT, "cutout") /* a rectangle of half the size becomes 0 */
#define CLGEN_AUGMENT_NUMBER(name, text) CLGEN_AUGMENT_NUMBER_##name,
enum { CLGEN_AUGMENTS(CLGEN_AUGMENT_NUMBER) CLGEN_AUGMENT_COUNT };
#define CLGEN_AUGMENT_BIT(name, text) CLGEN_AUGMENT_##name = 1 << CLGEN_AUGMENT_NUMBER_##name,
enum { CLGEN_AUGMENTS(CLGEN_AUGMENT_BIT) };

/* The paper's groups of them; filter, noise and cutout are one each. */
enum {
  CLGEN_AUGMENT_BLIT = CLGEN_AUGMENT_XFLIP | CLGEN_AUGMENT_ROTATE90 | CLGEN_AUGMENT_XINT,
  CLGEN_AUGMENT_GEOM = CLGEN_AUGMENT_SCALE | CLGEN_AUGMENT_ROTATE | CLGEN_AUGMENT_ANISO | CLGEN_AUGMENT_XFRAC,
  CLGEN_AUGMENT_COLOR = CLGEN_AUGMENT_BRIGHTNESS | CLGEN_AUGMENT_CONTRAST | CLGEN_AUGMENT_LUMAFLIP | CLGEN_AUGMENT_HUE |
                        CLGEN_AUGMENT_SATURATION
};
#define CLGEN_AUGMENT_GROUPS "blit, geom, color, filter, noise, cutout"

/* Parses a comma-separated list of transformations and groups ("blit,noise"). "b", "bg", "bgc", "bgcf", "bgcfn" and "bgcfnc"
 * mean the first one to six groups. CLGEN_E_INVALID for other names and for an empty list. */
int clgen_augment_parse(unsigned *transformations, const char *list);

/* Random numbers of each image, uniform on [0,1) and standard normal. */
#define CLGEN_AUGMENT_UNIFORMS 29
#define CLGEN_AUGMENT_NORMALS 12

/* Transforms each image independently. images is (N,C,H,W) on [-1,1], C from 1 to 4; with 2 or 4 channels the last one is
 * alpha, which the colour transformations do not change. Random numbers: uniform (CLGEN_AUGMENT_UNIFORMS,N), normal
 * (CLGEN_AUGMENT_NORMALS,N), and noise, of the shape of images (NULL if CLGEN_AUGMENT_NOISE is not among the
 * transformations). p (1) is the probability of each transformation. NULL with a message on failure. */
clgen_tensor *clgen_augment(clgen_graph *graph, clgen_tensor *images, unsigned transformations, clgen_tensor *p,
                            clgen_tensor *uniform, clgen_tensor *normal, clgen_tensor *noise);

/* ---- The probability p ------------------------------------------------------------------------------------------------ */

/* The augmentation of a training run; all zeros: none. */
typedef struct {
  unsigned transformations;
  bool adaptive; /* p is a state that starts at 0 and is adjusted; otherwise p is constant: */
  double p;
  double target;      /* of r_t (or r_v) */
  double kimg;        /* thousands of images in which p can rise from 0 to 1 */
  double limit;       /* maximum of p */
  bool by_validation; /* p is adjusted by r_v instead of r_t */
} clgen_augmentation;

/* The overfitting heuristics that adjust p (equation 1 of the paper), as means over four minibatches; D(x) is a logit:
 * r_t = E[sign D(train)], or r_v = (E[D(train)] - E[D(validation)]) / (E[D(train)] - E[D(generated)]). r_v is 0 if the mean
 * logit of validation images equals that of training images (no overfitting), and 1 if it equals that of generated ones. If
 * E[D(train)] is not above E[D(generated)], D has not overfitted, and r_v counts as 0.
 *
 * The state of an adaptive p. For r_t (3): the sum of r_t over the minibatches since the last change, their number, and p.
 * For r_v (6): the sum of D(train), the number, p, the sums of D(validation) and D(generated), and r_v at the last change.
 */
#define CLGEN_ADA_STATE "adapt.ada"
#define CLGEN_ADA_MINIBATCHES 4 /* between two changes of p */
clgen_shape clgen_ada_state_shape(const clgen_augmentation *a);

/* p (1), from CLGEN_ADA_STATE or a newer version of it. */
clgen_tensor *clgen_ada_p(clgen_tensor *state);
/* Adds r, a scalar, to the sum of r_t. Micro-batches add their parts of the minibatch's mean. Returns the state's new
 * version. */
clgen_tensor *clgen_ada_add(clgen_tensor *state, clgen_tensor *r);
/* The same for r_v: adds to the sums of the three mean logits. */
clgen_tensor *clgen_ada_add_logits(clgen_tensor *state, clgen_tensor *train, clgen_tensor *validation,
                                   clgen_tensor *generated);
clgen_tensor *clgen_ada_r_v(clgen_tensor *state); /* at the last change of p: (1) */
/* Ends a minibatch of `batch` images. After every fourth minibatch p is raised if r_t (or r_v) is above the target, and
 * lowered if it is below (section 3.1 of the paper). */
clgen_tensor *clgen_ada_end(clgen_tensor *state, const clgen_augmentation *a, int64_t batch);

#ifdef __cplusplus
}
#endif
#endif
