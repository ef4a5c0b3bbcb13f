/* The collapse guard: notices a run that is lost, goes back to where it was not, and trains more carefully from there.
 *
 * Lost is: a number that is not finite; fakes that resemble each other much more than images do, or than fakes did, or that
 * repeat (mode collapse). A young generator's fakes are all alike, so diversity counts from when some was there, or from
 * DEADLINE_KIMG on. A state is worth coming back to when all has been well for a while: runs that are about to collapse have
 * good moments.
 *
 * A VAE whose posterior carries nothing (posterior collapse) was not lost by a rate, and its loss went down all the time: at
 * this weight of the divergence an unused latent is what is cheapest. So there is nothing to go back to. The weight starts
 * again from 0, as Bowman et al. 2016 have it at the beginning (section 3.1), so that the decoder comes to use the latent
 * once more, and rises to half of what it was. */
#include "adapt/adapt_internal.h"

#include <math.h>

/* Diversity is the spread of the fakes of a batch over that of its images, 1 for a perfect generator. */
#define DIVERSE 0.5
#define TOO_DIVERSE 2  /* what varies so much more than images is no image */
#define COLLAPSED 0.25 /* of images, or (a third) of what fakes had reached */
#define SOME 0.2
#define ONE_PICTURE 0.001 /* a new generator of any kind varies ten times as much */
#define REPEATING 0.5     /* share of fakes with a twin in the same batch */
#define EMPTY_NATS 0.69   /* less than one bit of an image */
#define EMPTY_KIMG 20     /* from when on a posterior is to carry something */
#define WARMUP_KIMG 10
#define DEADLINE_KIMG 50 /* of images that the generator was updated by */
#define PATIENCE 3       /* windows in a row that are bad */
#define STEADY 16        /* and that are good */
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
    clgen_snprintf(text, 120, "fakes vary %.0f%% as much as images", 100 * diversity);
  else if (c->gan && (late || most >= DIVERSE) && twins > REPEATING)
    clgen_snprintf(text, 120, "%.0f%% of the fakes have a twin in their batch", 100 * twins);
  else
    return NULL;
  return text;
}

/* Slower, and with more regularisation where there is some. */
static void be_careful(const clgen_adapt_config *c, clgen_adapt_outcome *out, int tries, const char *why) {
  float lr = out->hyper[CLGEN_HYPER_LR], penalty = out->hyper[CLGEN_HYPER_PENALTY];
  out->hyper[CLGEN_HYPER_LR] = lr / 2;
  clgen_adapt_decide(out, "guard", "learning rates", (double)lr, (double)lr / 2,
                     "%s; back to the last good state, try %d of %d", why, tries, MAX_TRIES);
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
      "the posterior carries %.3f nats: the latent is not used; beta rises again from 0 over %d kimg, try %d of "
      "%d",
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
  if (!wrong && c->beta_turns)
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
