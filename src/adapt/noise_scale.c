/* Learning rate and batch by the gradient noise scale: McCandlish, Kaplan, Amodei & OpenAI Dota Team 2018, "An Empirical
 * Model of Large-Batch Training".
 *
 * The gradient g of a batch of B images is the true gradient G plus noise of total variance S / B. Adam's mean gradient m of
 * the steps before is independent of this batch's noise. So the mean of <g, m> estimates |G|^2, and the mean of |g|^2 -
 * <g, m> estimates S / B. Their ratio is B_noise / B. B_noise = S / |G|^2 is the batch size beyond which larger batches help
 * little (equation 2.8). The best learning rate for a batch is proportional to (1 + B_noise / B)^-a, with a = 1 for SGD and
 * 0.5 to 1 for Adam (section 2.2 and figure 4). So, as the ratio grows during a run, the learning rate falls in proportion
 * to (1 + ratio)^-0.5, relative to the first measurement. If the batch grows, the ratio falls and the learning rate rises by
 * the same rule, at most with the square root of the batch. */
#include "adapt/adapt_internal.h"

#include <math.h>

#define SMOOTHING 0.1f /* weight of the newest window; a window has but few steps */
#define WINDOWS_FIRST 20
#define WINDOWS_BETWEEN 10 /* two changes of the batch */
#define LEAST 0.125
#define LEAST_CHANGE 1.1 /* factor; smaller changes are not made */

enum { WINDOWS, NOISE, SIGNAL, REFERENCE, FACTOR, ADVISED, WAIT };

/* Of a GAN, measures the generator's gradient. */
static bool measure(const clgen_adapt_statistics *s, float *state) {
  double square = clgen_adapt_mean(s, "grad_square"), along = clgen_adapt_mean(s, "grad_along");
  if (isnan(square)) square = clgen_adapt_mean(s, "grad_square_G"), along = clgen_adapt_mean(s, "grad_along_G");
  if (!isfinite(square) || !isfinite(along)) return false;
  float share = state[WINDOWS] == 0 ? 1 : SMOOTHING;
  state[NOISE] += share * ((float)(square - along) - state[NOISE]);
  state[SIGNAL] += share * ((float)along - state[SIGNAL]);
  state[WINDOWS] += 1;
  return state[WINDOWS] >= WINDOWS_FIRST && state[NOISE] > 0;
}

/* If the batch size is fixed: only reports a useful size. */
static void advise(const clgen_adapt_config *c, double ratio, float *state, clgen_adapt_outcome *out) {
  double useful = (double)c->batch * ratio;
  if (state[ADVISED] != 0 && useful < 2 * (double)state[ADVISED] && useful > (double)state[ADVISED] / 2) return;
  state[ADVISED] = (float)useful;
  clgen_adapt_decide(out, "noise-scale", "useful batch", (double)c->batch, useful,
                     "the gradient noise scale is %.3g batches: a larger batch, up to this, needs fewer steps (advice only)",
                     ratio);
}

/* With a batch of B_noise images, training takes twice the least number of steps and twice the least number of images
 * (equation 2.11). The batch is doubled if it is below half of B_noise, and halved if it is above twice B_noise. */
static void change_batch(const clgen_adapt_config *c, double *ratio, float *state, clgen_adapt_outcome *out) {
  float batches = out->hyper[CLGEN_HYPER_BATCHES], to = batches;
  if (*ratio > 2 && 2 * batches <= (float)c->batches_max) to = 2 * batches;
  if (*ratio < 0.5 && batches > 1) to = batches / 2;
  state[WAIT] -= state[WAIT] > 0 ? 1 : 0;
  if (to == batches || state[WAIT] > 0) return;
  double batch = (double)c->batch * (double)batches;
  out->hyper[CLGEN_HYPER_BATCHES] = to;
  state[WAIT] = WINDOWS_BETWEEN;
  state[NOISE] *= batches / to;
  if (isinf(*ratio))
    clgen_adapt_decide(out, "noise-scale", "batch", batch, (double)c->batch * (double)to,
                       "successive gradients are not correlated: only noise is measured");
  else
    clgen_adapt_decide(out, "noise-scale", "batch", batch, (double)c->batch * (double)to,
                       "the gradient noise scale is %.3g batches: a batch of %.0f balances steps and images", *ratio,
                       batch * *ratio);
  *ratio *= (double)(batches / to);
}

void clgen_adapt_noise_scale(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                             clgen_adapt_outcome *out) {
  if (!measure(s, state)) return;
  if (!(state[SIGNAL] > 0)) { /* the ratio is infinite; a larger batch helps */
    double all = INFINITY;
    if (c->batches_max > 1) change_batch(c, &all, state, out);
    return;
  }
  double ratio = (double)state[NOISE] / (double)state[SIGNAL];
  if (state[REFERENCE] == 0) state[REFERENCE] = (float)ratio, state[FACTOR] = 1;
  if (c->batches_max > 1)
    change_batch(c, &ratio, state, out);
  else
    advise(c, ratio, state, out);
  double factor = sqrt((1 + (double)state[REFERENCE]) / (1 + ratio)), now = (double)state[FACTOR];
  double most = sqrt((double)out->hyper[CLGEN_HYPER_BATCHES]);
  factor = factor > most ? most : factor < LEAST ? LEAST : factor;
  if (factor < now * LEAST_CHANGE && factor * LEAST_CHANGE > now) return;
  float lr = out->hyper[CLGEN_HYPER_LR];
  out->hyper[CLGEN_HYPER_LR] = (float)((double)lr * factor / now);
  state[FACTOR] = (float)factor;
  clgen_adapt_decide(out, "noise-scale", "learning rates", (double)lr, (double)out->hyper[CLGEN_HYPER_LR],
                     "the gradient's noise to signal ratio is %.3g, at first it was %.3g", ratio, (double)state[REFERENCE]);
}
