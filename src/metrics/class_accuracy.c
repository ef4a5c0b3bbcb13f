/* How often images are recognised as the class that they were asked to be: Shmelkov, Schmid, Alahari, ECCV 2018. */
#include <math.h>

#include "metrics/metrics_internal.h"

int clgen_class_accuracy(const float *probabilities, const int *labels, int64_t n, int64_t classes, clgen_estimate *out) {
  if (!probabilities || !labels || n < 1 || classes < 1)
    return clgen_fail(CLGEN_E_INVALID, "class accuracy of %lld images with %lld classes: both must be at least 1",
                      (long long)n, (long long)classes);
  int64_t right = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float *p = probabilities + i * classes;
    int64_t best = 0;
    for (int64_t c = 0; c < classes; ++c) {
      if (!isfinite(p[c]))
        return clgen_fail(CLGEN_E_NONFINITE, "the probabilities of image %lld are not finite", (long long)i);
      if (p[c] > p[best]) best = c;
    }
    right += best == labels[i];
  }
  *out = clgen_estimate_share(right, n);
  return CLGEN_OK;
}
