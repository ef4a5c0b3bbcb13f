/* Balances discriminator and generator, by how well the discriminator separates real images from fakes.
 *
 * "separation" is the sensitivity index d' of its logits, which does not depend on the loss or on the scale of the logits.
 * Below LOW the discriminator hardly separates them; above HIGH the generator's gradient is not useful. Runs that go well
 * are in between (DCGAN with batch norm 5 to 8, with spectral norm 2 to 7). The controller first changes the discriminator's
 * learning rate (two learning rates: Heusel et al. 2017); if that is at its limit, the number of critic steps. */
#include "adapt/adapt_internal.h"

#include <math.h>

#define HIGH 8
#define LOW 1
#define FACTOR 0.8f
#define LEAST_RATE 0.25f
#define MOST_RATE 4.0f
#define SMOOTHING 0.5f /* weight of the newest window */
#define YOUNG 0.25     /* below this diversity an untrained generator's fakes are all alike, and easy to separate */

enum { STARTED, SMOOTHED };

static void weaken(clgen_adapt_outcome *out, double separation) {
  float rate = out->hyper[CLGEN_HYPER_LR_D], steps = out->hyper[CLGEN_HYPER_CRITIC_STEPS];
  const char *why = "the discriminator separates real images and fakes too well";
  if (steps > 1) {
    out->hyper[CLGEN_HYPER_CRITIC_STEPS] = steps - 1;
    clgen_adapt_decide(out, "balance", "critic steps", (double)steps, (double)steps - 1, "%s: separation %.2f", why,
                       separation);
  } else if (rate > LEAST_RATE) {
    out->hyper[CLGEN_HYPER_LR_D] = fmaxf(rate * FACTOR, LEAST_RATE);
    clgen_adapt_decide(out, "balance", "discriminator's rate", (double)rate, (double)out->hyper[CLGEN_HYPER_LR_D],
                       "%s: separation %.2f", why, separation);
  }
}

static void strengthen(clgen_adapt_outcome *out, double separation) {
  float rate = out->hyper[CLGEN_HYPER_LR_D], steps = out->hyper[CLGEN_HYPER_CRITIC_STEPS];
  const char *why = "the discriminator learns too slowly";
  if (rate < MOST_RATE) {
    out->hyper[CLGEN_HYPER_LR_D] = fminf(rate / FACTOR, MOST_RATE);
    clgen_adapt_decide(out, "balance", "discriminator's rate", (double)rate, (double)out->hyper[CLGEN_HYPER_LR_D],
                       "%s: separation %.2f", why, separation);
  } else if (steps < CLGEN_MAX_CRITIC_STEPS) {
    out->hyper[CLGEN_HYPER_CRITIC_STEPS] = steps + 1;
    clgen_adapt_decide(out, "balance", "critic steps", (double)steps, (double)steps + 1, "%s: separation %.2f", why,
                       separation);
  }
}

void clgen_adapt_balance(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                         clgen_adapt_outcome *out) {
  (void)c;
  double separation = clgen_adapt_mean(s, "separation");
  if (!isfinite(separation) || clgen_adapt_mean(s, "diversity") < YOUNG) return;
  state[SMOOTHED] =
      state[STARTED] != 0 ? state[SMOOTHED] + SMOOTHING * ((float)separation - state[SMOOTHED]) : (float)separation;
  state[STARTED] = 1;
  if ((double)state[SMOOTHED] > HIGH) weaken(out, (double)state[SMOOTHED]);
  if ((double)state[SMOOTHED] < LOW) strengthen(out, (double)state[SMOOTHED]);
}
