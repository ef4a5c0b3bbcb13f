/* The strength of augmentation: p moves in the graph of every step, so that no read waits for it; what is done here once in
 * a while is to say where it went. */
#include <clgen/augment.h>
#include <math.h>

#include "adapt/adapt_internal.h"

enum { SUM, COUNT, P }; /* in the state */

static clgen_tensor *part(clgen_tensor *state, int k) { return clgen_slice(state, 0, k, 1); }

clgen_tensor *clgen_ada_p(clgen_tensor *state) { return part(state, P); }

clgen_tensor *clgen_ada_add(clgen_tensor *state, clgen_tensor *r) {
  clgen_tensor *sum = clgen_add(part(state, SUM), clgen_reshape(r, clgen_shape_of(1, 1)));
  return clgen_assign(state, clgen_concat(3, (clgen_tensor *[]){sum, part(state, COUNT), part(state, P)}, 0));
}

/* The paper's section 3.1 leaves the step at a constant that moves p from 0 to 1 in `kimg`, up or down. */
clgen_tensor *clgen_ada_end(clgen_tensor *state, const clgen_augmentation *a, int64_t batch) {
  float step = (float)((double)CLGEN_ADA_MINIBATCHES * (double)batch / (1000 * a->kimg));
  clgen_tensor *sum = part(state, SUM), *p = part(state, P), *count = clgen_affine(part(state, COUNT), 1, 1);
  clgen_tensor *goes_on = clgen_unit_step(clgen_affine(count, -1, CLGEN_ADA_MINIBATCHES - 0.5f));
  clgen_tensor *above = clgen_affine(sum, 1 / (float)CLGEN_ADA_MINIBATCHES, (float)-a->target);
  clgen_tensor *moved = clgen_clamp(clgen_add(p, clgen_affine(clgen_sign(above), step, 0)), 0, (float)a->limit);
  clgen_tensor *next[] = {clgen_mul(sum, goes_on), clgen_mul(count, goes_on), clgen_where(goes_on, p, moved)};
  return clgen_assign(state, clgen_concat(3, next, 0));
}

#define WORTH 0.1 /* smaller changes are not told */

enum { TOLD };

void clgen_adapt_ada(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out) {
  (void)c;
  double p = clgen_adapt_mean(s, "augment_p"), r = clgen_adapt_mean(s, "sign_real"), told = (double)state[TOLD];
  if (!(fabs(p - told) >= WORTH)) return; /* not where a number is missing either */
  state[TOLD] = (float)p;
  clgen_adapt_decide(out, "ada", "p", told, p, "the discriminator takes %.0f%% of the images for images (r_t %.3f)",
                     50 * (1 + r), r);
}
