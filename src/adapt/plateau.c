/* Learning rates that fall where the loss no longer does: what frameworks call "reduce on plateau", on the means of spans of
 * `patience` rather than on single readings, so that a lucky batch is no record to be beaten.
 *
 * What is watched has to fall as training succeeds: the loss of a model that has one, and a critic's loss, which is minus
 * its estimate of a distance between images and fakes with the penalty left out. A critic has to learn that distance first,
 * so there the distance is what falls, and its first span does not count. */
#include "adapt/adapt_internal.h"

#include <math.h>

#define WORTH 1e-3 /* of the best so far: what is less is no improvement */
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
                     "%s was %.6g over the last %g kimg, no better than %.6g before", name, mean, c->patience_kimg,
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
  if (state[SPANS] == (float)first || mean < best - WORTH * fabs(best))
    state[BEST] = (float)mean;
  else
    lower(c, state, name, mean, out);
}
