/* What a VAE minimises, as options: what goes together, and what depends on how far training is. */
#include "train/train_internal.h"

#include <math.h>
#include <string.h>

bool clgen_vae_objective_is_weighted(const clgen_vae_objective *o) {
  return (o->beta > 0 && o->beta != 1) || o->anneal || o->capacity > 0 || o->control.target > 0;
}

/* Fu et al. 2019, section 3.2, with four cycles, each rising in its first half. */
enum { CYCLES = 4 };

static double annealed(const clgen_vae_objective *o, double kimg) {
  if (!o->anneal || kimg >= o->anneal_kimg) return 1;
  double done = kimg / o->anneal_kimg; /* Bowman et al. 2016, section 3.1, on a straight line */
  if (o->anneal == CLGEN_ANNEAL_CYCLICAL) done = fmin(1, 2 * (CYCLES * done - floor(CYCLES * done)));
  return done;
}

double clgen_vae_beta_at(const clgen_vae_objective *o, double kimg) {
  return (o->beta > 0 ? o->beta : 1) * annealed(o, kimg);
}

double clgen_vae_capacity_at(const clgen_vae_objective *o, double kimg) {
  return kimg < o->capacity_kimg ? o->capacity * kimg / o->capacity_kimg : o->capacity;
}

/* ---- From the options ---- */

typedef struct {
  const char *option;
  bool given;
} asked;

/* The first two of the options that were given, which exclude each other for the reason. */
static int refuse_pair(const char *one, const asked *others, size_t n, const char *why) {
  for (size_t i = 0; i < n; ++i)
    if (others[i].given)
      return clgen_fail(CLGEN_E_INVALID, "options --%s and --%s do not go together: %s", one, others[i].option, why);
  return CLGEN_OK;
}

static int refuse_all(const asked *options, size_t n, const char *cfg, const char *why) {
  for (size_t i = 0; i < n; ++i)
    if (options[i].given)
      return clgen_fail(CLGEN_E_INVALID, "option --%s: %s in --cfg %s", options[i].option, why, cfg);
  return CLGEN_OK;
}

/* What cannot go together. */
static int check_together(const clgen_train_options *o, bool controlled) {
  const asked kl[] = {{"beta", o->beta != 1},
                      {"kl-anneal", strcmp(o->kl_anneal, "none") != 0},
                      {"capacity", o->capacity > 0},
                      {"free-bits", o->free_bits > 0},
                      {"kl-target", o->kl_target > 0}};
  int code = CLGEN_OK;
  if (o->iwae > 1)
    code = refuse_pair("iwae", kl, CLGEN_COUNT(kl), "the importance-weighted bound has no term for the divergence to weigh");
  if (!code && controlled)
    code = refuse_pair("adapt control-vae", kl, 4, "the controller sets beta, and the divergence as it is");
  if (!code && o->capacity > 0)
    code = refuse_pair("capacity", kl + 3, 1, "each sets a divergence of its own that costs nothing");
  if (!code && o->capacity > 0 && kl[1].given)
    code = refuse_pair("capacity", kl + 1, 1, "the capacity rises by itself, over --capacity-kimg");
  return code;
}

static int check_free_bits(const clgen_train_options *o) {
  if (o->free_bits_group > 1 && !(o->free_bits > 0))
    return clgen_fail(CLGEN_E_INVALID, "option --free-bits-group: there are no --free-bits to give to groups");
  if (o->free_bits > 0 && o->nz % o->free_bits_group)
    return clgen_fail(CLGEN_E_INVALID, "option --free-bits-group: a latent of %lld numbers has no groups of %lld",
                      (long long)o->nz, (long long)o->free_bits_group);
  return CLGEN_OK;
}
