/* Reduces the learning rates when the loss stops to fall (PyTorch's ReduceLROnPlateau). It compares means over spans of
 * `patience` instead of single values, so that one lucky batch does not set the best value.
 *
 * The watched value must fall as training succeeds: the loss of a VAE or a classifier, or a critic's estimate of the
 * distance between real and generated images (minus its loss without the penalty). A critic must learn this distance first,
 * so its first span does not count. */
#include "adapt/adapt_internal.h"

#include <math.h>

#define LEAST_IMPROVEMENT 1e-3 /* as a share of the best value so far */
#define LEAST 1e-3f

enum { SPANS, BEGUN_KIMG, SUM, WINDOWS, BEST, FACTOR };

static double watched(const clgen_adapt_config *c, const clgen_adapt_statistics *s, const char **name) {
  *name = c->gan ? "the critic's distance" : "the loss";
  if (!c->gan) return clgen_adapt_mean(s, "loss");
  return -(clgen_adapt_mean(s, "loss_D_real") + clgen_adapt_mean(s, "loss_D_fake"));
}

static void begin_span(float *state, double kimg) {
  state[BEGUN_KIMG] = (float)kimg;
  state[SUM] = state[WINDOWS] = 0;
}

static void lower(const clgen_adapt_config *c, float *state, const char *name, double mean, clgen_adapt_outcome *out) {
  if (state[FACTOR] <= LEAST) return;
  float lr = out->hyper[CLGEN_HYPER_LR], factor = fmaxf((float)c->plateau_factor, LEAST / state[FACTOR]);
  state[FACTOR] *= factor;
  out->hyper[CLGEN_HYPER_LR] = lr * factor;
  clgen_adapt_decide(out, "plateau", "learning rates", (double)lr, (double)out->hyper[CLGEN_HYPER_LR],
                     "the mean of %s over the last %g kimg is %.6g, not below the best, %.6g", name, c->patience_kimg, mean,
                     (double)state[BEST]);
}

void clgen_adapt_plateau(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                         clgen_adapt_outcome *out) {
  const char *name;
  double value = watched(c, s, &name);
  if (!isfinite(value)) return;
  if (state[FACTOR] == 0) state[FACTOR] = 1;
  if (s->kimg < (double)state[BEGUN_KIMG]) begin_span(state, s->kimg); /* the guard went back */
  state[SUM] += (float)value;
  state[WINDOWS] += 1;
  if (s->kimg - (double)state[BEGUN_KIMG] < c->patience_kimg) return;
  double mean = (double)state[SUM] / (double)state[WINDOWS], best = (double)state[BEST];
  begin_span(state, s->kimg);
  state[SPANS] += 1;
  int first = c->gan ? 2 : 1;
  if (state[SPANS] < (float)first) return;
  if (state[SPANS] == (float)first || mean < best - LEAST_IMPROVEMENT * fabs(best))
    state[BEST] = (float)mean;
  else
    lower(c, state, name, mean, out);
}
