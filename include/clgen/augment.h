/* Adaptive discriminator augmentation: Karras, Aittala, Hellsten, Laine, Lehtinen & Aila 2020, "Training Generative
 * Adversarial Networks with Limited Data". A discriminator that sees images only through random transformations cannot learn
 * few images by heart; each transformation happens with a probability p below 1, so that a generator need not imitate it.
 *
 * All of it is nodes of a graph, differentiable in the images as often as one likes. docs/adapting.md says what each
 * transformation does and where it departs from the paper. */
#ifndef CLGEN_AUGMENT_H
#define CLGEN_AUGMENT_H

#include <stdbool.h>

#include <clgen/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The transformations --------------------------------------------------------------------------------------------- */

/* Transformations, as bits, in the order in which they are applied (appendix B of the paper). */
#define CLGEN_AUGMENTS(X)                                                              \
  X(XFLIP, "xflip")       /* mirrored, left and right */                               \
  X(ROTATE90, "rotate90") /* turned by quarters */                                     \
  X(XINT, "xint")         /* shifted by whole pixels */                                \
  X(SCALE, "scale")       /* larger or smaller */                                      \
  X(ROTATE, "rotate")     /* turned by any angle */                                    \
  X(ANISO, "aniso")       /* squeezed: one way more than the other */                  \
  X(XFRAC, "xfrac")       /* shifted by parts of pixels */                             \
  X(BRIGHTNESS, "brightness")                                                          \
  X(CONTRAST, "contrast")                                                              \
  X(LUMAFLIP, "lumaflip")     /* bright and dark change places */                      \
  X(HUE, "hue")               /* of three colours */                                   \
  X(SATURATION, "saturation") /* of three colours */                                   \
  X(FILTER, "filter")         /* four bands of frequencies, each stronger or weaker */ \
  X(NOISE, "noise")                                                                    \
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

/* A list with commas of transformations, of groups ("blit,noise"), and of b, bg, bgc, bgcf, bgcfn, bgcfnc for the first so
 * many groups. CLGEN_E_INVALID for other names and for none. */
int clgen_augment_parse(unsigned *transformations, const char *list);

/* Random numbers of each image, uniform on [0,1) and standard normal. */
#define CLGEN_AUGMENT_UNIFORMS 29
#define CLGEN_AUGMENT_NORMALS 12

/* images (N,C,H,W) on [-1,1], C from 1 to 4 (2 and 4: alpha last, which colour leaves alone), each transformed by its own
 * numbers: uniform (CLGEN_AUGMENT_UNIFORMS,N), normal (CLGEN_AUGMENT_NORMALS,N), and for noise the shape of images (may be
 * NULL without). p (1): each transformation is applied with this probability. NULL with a message on failure. */
clgen_tensor *clgen_augment(clgen_graph *graph, clgen_tensor *images, unsigned transformations, clgen_tensor *p,
                            clgen_tensor *uniform, clgen_tensor *normal, clgen_tensor *noise);

/* ---- Their strength --------------------------------------------------------------------------------------------------- */

/* How augmentation is to be in a training run; all zeros: there is none. */
typedef struct {
  unsigned transformations;
  bool adaptive; /* p is a state that ada moves, from 0 on; otherwise it is: */
  double p;
  double target, kimg, limit; /* of r_t (or r_v); for p from 0 to 1; of p */
  bool by_validation;         /* p goes by r_v */
} clgen_augmentation;

/* What p goes by (equation 1 of the paper), means over four minibatches, D's answers being logits: r_t = E[sign D(train)],
 * or r_v = (E[D(train)] - E[D(validation)]) / (E[D(train)] - E[D(generated)]), which is 0 where D takes images that it was
 * not trained on as it takes its own, and 1 where it takes them for generated ones. Where D has images no higher than
 * generated ones it cannot have learned any by heart, and r_v counts as 0.
 *
 * The state of an adaptive p. By r_t (3): the sum of it over the minibatches since the last change, their number, and p. By
 * r_v (6): the sum of D(train), the number, p, the sums of D(validation) and D(generated), and r_v at the last change. */
#define CLGEN_ADA_STATE "adapt.ada"
#define CLGEN_ADA_MINIBATCHES 4 /* between two changes */
clgen_shape clgen_ada_state_shape(const clgen_augmentation *a);

/* Where `state` stands for CLGEN_ADA_STATE (or is a version of it): p (1). */
clgen_tensor *clgen_ada_p(clgen_tensor *state);
/* Adds the share of a minibatch's r_t that this is, a scalar. Returns the state's new version. */
clgen_tensor *clgen_ada_add(clgen_tensor *state, clgen_tensor *r);
/* By r_v: its shares of the three means. */
clgen_tensor *clgen_ada_add_logits(clgen_tensor *state, clgen_tensor *train, clgen_tensor *validation,
                                   clgen_tensor *generated);
clgen_tensor *clgen_ada_r_v(clgen_tensor *state); /* at the last change of p: (1) */
/* Ends a minibatch of so many images. After every fourth p goes towards where r_t (or r_v) is the target (section 3.1 of the
 * paper).
 */
clgen_tensor *clgen_ada_end(clgen_tensor *state, const clgen_augmentation *a, int64_t batch);

#ifdef __cplusplus
}
#endif
#endif
