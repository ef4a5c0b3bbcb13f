/* Declarations that the files of src/adapt share. */
#ifndef CLGEN_ADAPT_INTERNAL_H
#define CLGEN_ADAPT_INTERNAL_H

#include <clgen/adapt.h>

#include "base/base.h"

void clgen_adapt_guard(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out);
void clgen_adapt_balance(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                         clgen_adapt_outcome *out);
void clgen_adapt_noise_scale(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                             clgen_adapt_outcome *out);
void clgen_adapt_plateau(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                         clgen_adapt_outcome *out);
/* Only reports: the nodes of the step change beta. */
void clgen_adapt_control_vae(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state,
                             clgen_adapt_outcome *out);
/* Only reports: the nodes of the step change p. */
void clgen_adapt_ada(const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *state, clgen_adapt_outcome *out);

#endif
