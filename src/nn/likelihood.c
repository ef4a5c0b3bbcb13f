/* Likelihoods of pixels under a decoder, one row each. */
#include "nn/nn_internal.h"

#include <string.h>

/* A scale below this, or above its inverse, stays there: Salimans et al. 2017 take the same limit. */
#define LEAST_LOG_SCALE (-7.0f)
#define LOG_2_PI 1.8378770664093453

static clgen_tensor *limited(clgen_tensor *log_scale) { return clgen_clamp(log_scale, LEAST_LOG_SCALE, -LEAST_LOG_SCALE); }

/* -t log s(l) - (1 - t) log(1 - s(l)) = softplus(l) - t l */
static clgen_tensor *bernoulli(clgen_tensor *logits, clgen_tensor *pixels, clgen_tensor *log_scale) {
  (void)log_scale;
  return clgen_sub(clgen_softplus(logits), clgen_mul(pixels, logits));
}

/* Rybkin, Daniilidis, Levine 2021, section 3, with the constant. */
static clgen_tensor *gaussian(clgen_tensor *output, clgen_tensor *pixels, clgen_tensor *log_scale) {
  log_scale = limited(log_scale);
  clgen_tensor *off = clgen_mul(clgen_sub(pixels, clgen_sigmoid(output)), clgen_exp(clgen_neg(log_scale)));
  return clgen_add(clgen_affine(clgen_square(off), 0.5f, (float)(0.5 * LOG_2_PI)), log_scale);
}

/* (1 + output) / 2: the output itself is the mean on [-1,1]. */
static clgen_tensor *from_centred(clgen_tensor *output) { return clgen_affine(output, 0.5f, 0.5f); }

/* The probability of the bin x -+ 1/510 is s(a) - s(b) with s the logistic function, a and b the bin's ends less the mean,
 * over the scale: Salimans et al. 2017, equation 2. The first bin begins at minus infinity, the last ends at infinity.
 * Taken apart so that nothing cancels, log(s(a) - s(b)) = log s(a) + log s(-b) + log(1 - exp(b - a)), in which b - a is the
 * same everywhere; of the first bin only the first term is left, of the last only the second. */
static clgen_tensor *logistic(clgen_tensor *output, clgen_tensor *pixels, clgen_tensor *log_scale) {
  clgen_tensor *inverse = clgen_exp(clgen_neg(limited(log_scale)));
  clgen_tensor *off = clgen_sub(pixels, from_centred(output));
  clgen_tensor *below_end = clgen_softplus(clgen_mul(clgen_affine(off, -1, -1 / 510.0f), inverse));  /* -log s(a) */
  clgen_tensor *above_start = clgen_softplus(clgen_mul(clgen_affine(off, 1, -1 / 510.0f), inverse)); /* -log s(-b) */
  /* 1 - exp(-d) = 2 t / (1 + t) with t = tanh(d / 2), which keeps its digits where d is small */
  clgen_tensor *t = clgen_tanh(clgen_affine(inverse, 1 / 510.0f, 0));
  clgen_tensor *width = clgen_log(clgen_div(clgen_affine(t, 2, 0), clgen_affine(t, 1, 1)));
  clgen_tensor *has_start = clgen_unit_step(clgen_affine(pixels, 1, -1 / 510.0f));
  clgen_tensor *has_end = clgen_unit_step(clgen_affine(pixels, -1, 1 - 1 / 510.0f));
  clgen_tensor *ends = clgen_add(clgen_mul(has_end, below_end), clgen_mul(has_start, above_start));
  return clgen_sub(ends, clgen_mul(clgen_mul(has_start, has_end), width));
}

/* Scales start as about the deviation that the pixels of a dataset have by themselves; a logistic's is its scale times
 * pi / sqrt(3). */
static const clgen_likelihood rows[] = {
    [CLGEN_LIKELIHOOD_BERNOULLI] = {"bernoulli", false, false, 0, bernoulli, clgen_sigmoid},
    [CLGEN_LIKELIHOOD_GAUSSIAN] = {"gaussian", true, false, -1.4, gaussian, clgen_sigmoid},
    [CLGEN_LIKELIHOOD_LOGISTIC] = {"logistic", true, true, -2, logistic, from_centred},
};

const clgen_likelihood *clgen_likelihood_of(clgen_likelihood_kind kind) {
  return (size_t)kind < CLGEN_COUNT(rows) ? &rows[kind] : NULL;
}

int clgen_likelihood_find(clgen_likelihood_kind *out, const char *name) {
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i)
    if (strcmp(rows[i].name, name) == 0) {
      *out = (clgen_likelihood_kind)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no likelihood is called \"%s\"; there are " CLGEN_LIKELIHOOD_CHOICES, name);
}
