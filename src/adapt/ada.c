/* The probability p of augmentation (ADA). The graph of each step updates p, so the host waits for no read. The controller
 * here only reports changes of p. */
#include <clgen/augment.h>
#include <math.h>

#include "adapt/adapt_internal.h"

enum { SUM, COUNT, P, SUM_VALIDATION, SUM_GENERATED, R_V }; /* in the state */

clgen_shape clgen_ada_state_shape(const clgen_augmentation *a) {
  return clgen_shape_of(1, a->by_validation ? R_V + 1 : P + 1);
}

static clgen_tensor *part(clgen_tensor *state, int k) { return clgen_slice(state, 0, k, 1); }

static clgen_tensor *added(clgen_tensor *state, int k, clgen_tensor *scalar) {
  return clgen_add(part(state, k), clgen_reshape(scalar, clgen_shape_of(1, 1)));
}

clgen_tensor *clgen_ada_p(clgen_tensor *state) { return part(state, P); }
clgen_tensor *clgen_ada_r_v(clgen_tensor *state) { return part(state, R_V); }

clgen_tensor *clgen_ada_add(clgen_tensor *state, clgen_tensor *r) {
  clgen_tensor *all[] = {added(state, SUM, r), part(state, COUNT), part(state, P)};
  return clgen_assign(state, clgen_concat(3, all, 0));
}

clgen_tensor *clgen_ada_add_logits(clgen_tensor *state, clgen_tensor *train, clgen_tensor *validation,
                                   clgen_tensor *generated) {
  clgen_tensor *all[] = {added(state, SUM, train),
                         part(state, COUNT),
                         part(state, P),
                         added(state, SUM_VALIDATION, validation),
                         added(state, SUM_GENERATED, generated),
                         part(state, R_V)};
  return clgen_assign(state, clgen_concat(R_V + 1, all, 0));
}

/* r_v from the sums; the number of minibatches cancels. */
static clgen_tensor *r_v(clgen_tensor *state) {
  clgen_tensor *lost = clgen_sub(part(state, SUM), part(state, SUM_VALIDATION));
  clgen_tensor *apart = clgen_sub(part(state, SUM), part(state, SUM_GENERATED));
  clgen_tensor *zero = clgen_affine(apart, 0, 0);
  return clgen_where(clgen_greater(apart, zero), clgen_div(lost, clgen_maximum(apart, clgen_affine(zero, 1, 1e-12f))), zero);
}

/* The paper's section 3.1 leaves the step at a constant that moves p from 0 to 1 in `kimg`, up or down. */
clgen_tensor *clgen_ada_end(clgen_tensor *state, const clgen_augmentation *a, int64_t batch) {
  float step = (float)((double)CLGEN_ADA_MINIBATCHES * (double)batch / (1000 * a->kimg));
  clgen_tensor *sum = part(state, SUM), *p = part(state, P), *count = clgen_affine(part(state, COUNT), 1, 1);
  clgen_tensor *goes_on = clgen_unit_step(clgen_affine(count, -1, CLGEN_ADA_MINIBATCHES - 0.5f));
  clgen_tensor *r = a->by_validation ? r_v(state) : sum;
  clgen_tensor *above = clgen_affine(r, a->by_validation ? 1 : 1 / (float)CLGEN_ADA_MINIBATCHES, (float)-a->target);
  clgen_tensor *moved = clgen_clamp(clgen_add(p, clgen_affine(clgen_sign(above), step, 0)), 0, (float)a->limit);
  clgen_tensor *next[R_V + 1] = {clgen_mul(sum, goes_on), clgen_mul(count, goes_on), clgen_where(goes_on, p, moved)};
  if (a->by_validation) {
    next[SUM_VALIDATION] = clgen_mul(part(state, SUM_VALIDATION), goes_on);
    next[SUM_GENERATED] = clgen_mul(part(state, SUM_GENERATED), goes_on);
    next[R_V] = clgen_where(goes_on, part(state, R_V), r);
  }
  return clgen_assign(state, clgen_concat(a->by_validation ? R_V + 1 : P + 1, next, 0));
}

#define LEAST_CHANGE 0.1 /* smaller changes of p are not reported */

enum { REPORTED };

void clgen_adapt_ada(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out) {
  (void)c;
  double p = clgen_adapt_mean(s, "augment_p"), r = clgen_adapt_mean(s, "sign_real"), reported = (double)state[REPORTED];
  double validation = clgen_adapt_mean(s, "r_v");
  if (!(fabs(p - reported) >= LEAST_CHANGE)) return; /* not where a number is missing either */
  state[REPORTED] = (float)p;
  if (isnan(validation))
    clgen_adapt_decide(out, "ada", "p", reported, p,
                       "the discriminator classifies %.0f%% of the training images as real (r_t %.3f)", 50 * (1 + r), r);
  else
    clgen_adapt_decide(out, "ada", "p", reported, p,
                       "the discriminator's overfitting, measured on validation images, is %.0f%% (r_v %.3f)",
                       100 * validation, validation);
}
