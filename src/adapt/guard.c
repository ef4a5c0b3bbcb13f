/* The collapse guard: detects a failed run, restores the last good state, and continues with lower learning rates and
 * stronger regularisation.
 *
 * Failed means: a value is not finite, or mode collapse, which is: generated images differ from each other much less than
 * real images do, or much less than before, or have duplicates in their batch. At first a generator's images are all alike,
 * so low diversity counts only after there was some, or from DEADLINE_KIMG on. A state is good if STEADY windows in a row
 * were good: a run that is about to collapse has single good windows.
 *
 * Posterior collapse of a VAE is another matter. The learning rate is not the cause, and the loss fell all the time: with
 * this beta, the loss is lowest if the latent is not used. So there is no good state to restore. Instead beta is set to 0,
 * so that the decoder learns to use the latent again, and then rises to half of its former value (KL annealing: Bowman et
 * al. 2016, section 3.1). */
#include "adapt/adapt_internal.h"

#include <math.h>

/* Diversity is the total variance of a batch's generated images, divided by that of its real images: 1 for a perfect
 * generator. */
#define DIVERSE 0.5
#define TOO_DIVERSE 2     /* above this the generated images are noise */
#define COLLAPSED 0.25    /* least diversity; or a third of the highest so far, if that is less */
#define SOME 0.2          /* highest diversity so far, from which on COLLAPSED applies */
#define ONE_PICTURE 0.001 /* least diversity before that: an untrained generator has ten times as much */
#define REPEATING 0.5     /* share of fakes with a duplicate in the same batch */
#define EMPTY_NATS 0.69   /* a KL divergence below this, one bit per image, is posterior collapse ... */
#define EMPTY_KIMG 20     /* ... from here on */
#define WARMUP_KIMG 10
#define DEADLINE_KIMG 50 /* thousands of images that the generator was trained on */
#define PATIENCE 3       /* bad windows in a row before the guard acts */
#define STEADY 16        /* good windows in a row before a state is good */
#define MAX_TRIES 5

enum { TRIES, MOST_DIVERSE, BAD_WINDOWS, GOOD_WINDOWS, RESTARTS, WARM_FROM, BETA };

static const char *what_is_wrong(const clgen_adapt_config *c, const clgen_adapt_statistics *s, const float *state,
                                 bool *at_once, char text[120]) {
  for (int i = 0; i < s->n; ++i)
    if (!isfinite(s->mean[i])) {
      *at_once = true;
      snprintf(text, 120, "%s became NaN or infinite", s->name[i]);
      return text;
    }
  double diversity = clgen_adapt_mean(s, "diversity"), twins = clgen_adapt_mean(s, "duplicates");
  double seen = s->kimg / (c->critic_steps > 1 ? c->critic_steps : 1);
  double most = (double)state[MOST_DIVERSE];
  bool late = seen >= DEADLINE_KIMG;
  double least = late ? COLLAPSED : most < SOME ? ONE_PICTURE : fmin(COLLAPSED, most / 3);
  if (c->gan && diversity < least)
    clgen_snprintf(text, 120, "mode collapse: fakes vary %.0f%% as much as real images", 100 * diversity);
  else if (c->gan && (late || most >= DIVERSE) && twins > REPEATING)
    clgen_snprintf(text, 120, "mode collapse: %.0f%% of the fakes have a duplicate in their batch", 100 * twins);
  else
    return NULL;
  return text;
}

/* Halves the learning rates, and doubles the regularisation of a GAN. */
static void be_careful(const clgen_adapt_config *c, clgen_adapt_outcome *out, int tries, const char *why) {
  float lr = out->hyper[CLGEN_HYPER_LR], penalty = out->hyper[CLGEN_HYPER_PENALTY];
  out->hyper[CLGEN_HYPER_LR] = lr / 2;
  clgen_adapt_decide(out, "guard", "learning rates", (double)lr, (double)lr / 2,
                     "%s; restored the last good state (attempt %d of %d)", why, tries, MAX_TRIES);
  if (!c->gan) return;
  out->hyper[CLGEN_HYPER_PENALTY] = penalty * 2;
  clgen_adapt_decide(out, "guard", "regularisation", (double)penalty, (double)penalty * 2, "%s", why);
}

/* ---- Posterior collapse ---- */

/* Whether beta is on its way up again. */
static bool warms_up(const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out) {
  if (state[RESTARTS] == 0) return false;
  if (s->kimg < (double)state[WARM_FROM]) state[WARM_FROM] = (float)s->kimg; /* it went back */
  double done = (s->kimg - (double)state[WARM_FROM]) / WARMUP_KIMG;
  out->hyper[CLGEN_HYPER_BETA] = (float)(fmin(done, 1) * (double)state[BETA]);
  return done < 1;
}

static void watch_posterior(const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out) {
  bool empty = !warms_up(s, state, out) && s->kimg >= EMPTY_KIMG && clgen_adapt_mean(s, "kl") < EMPTY_NATS;
  state[BAD_WINDOWS] = empty ? state[BAD_WINDOWS] + 1 : 0;
  if (!empty) return;
  state[GOOD_WINDOWS] = 0;
  if (state[BAD_WINDOWS] < PATIENCE || state[RESTARTS] >= MAX_TRIES) return;
  double before = state[RESTARTS] == 0 ? 1 : (double)state[BETA];
  state[RESTARTS] += 1;
  state[BAD_WINDOWS] = 0;
  state[WARM_FROM] = (float)s->kimg;
  state[BETA] = (float)(before / 2);
  out->hyper[CLGEN_HYPER_BETA] = 0;
  clgen_adapt_decide(
      out, "guard", "beta's factor", before, before / 2,
      "posterior collapse: the KL divergence is %.3f nats; beta rises again from 0 over %d kimg (attempt %d of %d)",
      clgen_adapt_mean(s, "kl"), WARMUP_KIMG, (int)state[RESTARTS], MAX_TRIES);
}

void clgen_adapt_guard(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                       clgen_adapt_outcome *out) {
  char text[120];
  bool at_once = false;
  double diversity = clgen_adapt_mean(s, "diversity");
  const char *wrong = what_is_wrong(c, s, state, &at_once, text);
  bool good = !wrong && (!c->gan || (diversity >= DIVERSE && diversity <= TOO_DIVERSE));
  state[GOOD_WINDOWS] = good ? state[GOOD_WINDOWS] + 1 : 0;
  if (!wrong && c->adapts_beta)
    watch_posterior(s, state, out);
  else
    state[BAD_WINDOWS] = wrong ? state[BAD_WINDOWS] + 1 : 0;
  if (c->gan && diversity > (double)state[MOST_DIVERSE]) state[MOST_DIVERSE] = (float)diversity;
  out->healthy = state[GOOD_WINDOWS] >= STEADY;
  if (!wrong || (!at_once && state[BAD_WINDOWS] < PATIENCE) || state[TRIES] >= MAX_TRIES) return;
  state[TRIES] += 1;
  state[BAD_WINDOWS] = 0;
  state[MOST_DIVERSE] = 0; /* it is to become so again, and is given the time */
  out->roll_back = true;
  be_careful(c, out, (int)state[TRIES], wrong);
}
