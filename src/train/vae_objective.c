/* What a VAE minimises, as options: what goes together, and what depends on how far training is. */
#include "train/train_internal.h"

#include <math.h>
#include <string.h>

bool clgen_vae_objective_has_beta(const clgen_vae_objective *o) {
  return (o->beta > 0 && o->beta != 1) || o->anneal || o->control.target > 0 || o->adapts_beta;
}

/* Fu et al. 2019: four cycles, each rising in its first half. */
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

int clgen_vae_check_whole(const char *option, const clgen_vae_objective *o) {
  const char *name = o->free_bits > 0 ? "--free-bits" : o->capacity > 0 ? "--capacity" : NULL;
  if (o->control.target > 0) name = "--adapt control-vae";
  if (!name) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "option --%s: not with %s, which uses the mean KL divergence of the whole batch",
                    option, name);
}

int clgen_vae_batch_gpu_check(int64_t batch, int64_t at_once, const clgen_vae_objective *o) {
  return !at_once || at_once == batch ? CLGEN_OK : clgen_vae_check_whole("batch-gpu", o);
}

/* ---- From the options ---- */

/* Options of a VAE's objective, and whether they were given. */
typedef struct {
  const char *option;
  bool given;
} asked;

static int refuse_all(const asked *options, size_t n, const char *cfg, const char *why) {
  for (size_t i = 0; i < n; ++i)
    if (options[i].given)
      return clgen_fail(CLGEN_E_INVALID, "option --%s: there is %s in --cfg %s", options[i].option, why, cfg);
  return CLGEN_OK;
}

static int refuse_pair(bool given, const char *one, const asked *others, size_t n, const char *why) {
  for (size_t i = 0; given && i < n; ++i)
    if (others[i].given)
      return clgen_fail(CLGEN_E_INVALID, "options --%s and --%s cannot be combined: %s", one, others[i].option, why);
  return CLGEN_OK;
}

/* Of an objective: which options go together. */
static int check_together(const clgen_train_options *o, const asked *kl, size_t n) {
  int code = refuse_pair(o->iwae > 1, "iwae", kl, n, "the importance-weighted bound has no separate KL term");
  bool capacity = o->capacity > 0;
  const asked others[] = {{"kl-anneal", strcmp(o->kl_anneal, "none") != 0}}, free_bits[] = {{"free-bits", o->free_bits > 0}};
  if (!code) code = refuse_pair(capacity, "capacity", others, 1, "the capacity has its own schedule, --capacity-kimg");
  if (!code) code = refuse_pair(capacity, "capacity", free_bits, 1, "both set how much KL divergence is not penalised");
  if (!code && o->free_bits_group > 1 && !(o->free_bits > 0))
    code = clgen_fail(CLGEN_E_INVALID, "option --free-bits-group: needs --free-bits");
  if (!code && o->nz % o->free_bits_group)
    code =
        clgen_fail(CLGEN_E_INVALID, "option --free-bits-group: %lld latent dimensions cannot be divided into groups of %lld",
                   (long long)o->nz, (long long)o->free_bits_group);
  return code;
}

int clgen_train_controllers(const clgen_train_options *o, unsigned *mask) {
  clgen_arch arch;
  int code = clgen_arch_parse(o->cfg, &arch);
  return code ? code : clgen_adapt_parse(mask, o->adapt, clgen_arch_kind(arch) == CLGEN_GAN, clgen_arch_encodes(arch));
}

/* The controller of beta; `kl` are the options that it has no use for. */
static int read_control(const clgen_train_options *o, const asked *kl, size_t n, clgen_control_vae_config *out) {
  unsigned mask;
  int code = clgen_train_controllers(o, &mask);
  if (code) return code;
  bool controlled = mask & clgen_adapt_mask("control-vae");
  if (!controlled && o->kl_target > 0) return clgen_fail(CLGEN_E_INVALID, "option --kl-target: needs --adapt control-vae");
  if (!controlled) return CLGEN_OK;
  if (!(o->kl_target > 0))
    return clgen_fail(CLGEN_E_INVALID, "option --adapt: control-vae needs --kl-target, the KL divergence in nats");
  *out = (clgen_control_vae_config){.target = o->kl_target, .kp = o->control_kp, .ki = o->control_ki, .high = o->beta_max};
  return refuse_pair(true, "adapt control-vae", kl, n, "the controller sets beta from the measured KL divergence");
}

int clgen_train_vae_objective(const clgen_train_options *o, clgen_vae_objective *out) {
  *out = (clgen_vae_objective){0};
  const asked kl[] = {{"beta", o->beta != 1},
                      {"kl-anneal", strcmp(o->kl_anneal, "none") != 0},
                      {"free-bits", o->free_bits > 0},
                      {"free-bits-group", o->free_bits_group > 1},
                      {"capacity", o->capacity > 0}};
  const asked target[] = {{"kl-target", o->kl_target > 0}};
  const asked gamma[] = {{"recon-gamma", o->recon_gamma > 0}};
  const asked bound[] = {{"iwae", o->iwae > 1}};
  clgen_arch arch;
  int code = clgen_arch_parse(o->cfg, &arch);
  if (!code && !clgen_arch_encodes(arch)) code = refuse_all(kl, CLGEN_COUNT(kl), o->cfg, "no posterior to draw to a prior");
  if (!code && !clgen_arch_encodes(arch)) code = refuse_all(target, 1, o->cfg, "no posterior to draw to a prior");
  if (!code && clgen_arch_kind(arch) != CLGEN_VAE) code = refuse_all(bound, 1, o->cfg, "no likelihood of pixels");
  if (!code && arch != CLGEN_ARCH_VAE_GAN) code = refuse_all(gamma, 1, o->cfg, "no reconstruction by a discriminator");
  if (code || !clgen_arch_encodes(arch)) return code;
  code = check_together(o, kl, CLGEN_COUNT(kl));
  if (!code) code = read_control(o, kl, CLGEN_COUNT(kl), &out->control);
  if (!code && out->control.target > 0)
    code = refuse_pair(true, "adapt control-vae", bound, 1, "the importance-weighted bound has no beta");
  out->beta = o->beta;
  if (strcmp(o->kl_anneal, "linear") == 0) out->anneal = CLGEN_ANNEAL_LINEAR;
  if (strcmp(o->kl_anneal, "cyclical") == 0) out->anneal = CLGEN_ANNEAL_CYCLICAL;
  out->anneal_kimg = o->kl_anneal_kimg;
  out->free_bits = o->free_bits;
  out->free_bits_group = (int)o->free_bits_group;
  out->capacity = o->capacity;
  out->capacity_kimg = o->capacity_kimg;
  out->samples = (int)o->iwae;
  unsigned mask;
  if (!code) code = clgen_train_controllers(o, &mask);
  bool controlled = out->control.target > 0 || out->samples > 1; /* by another, or there is none */
  if (!code) out->adapts_beta = mask & clgen_adapt_mask("guard") && clgen_arch_kind(arch) == CLGEN_VAE && !controlled;
  out->recon_gamma = o->recon_gamma;
  return code;
}

int clgen_train_likelihood(const clgen_train_options *o, clgen_model_config *out) {
  clgen_arch arch;
  const asked pixels[] = {{"likelihood", strcmp(o->likelihood, "bernoulli") != 0}, {"scale", o->scale > 0}};
  int code = clgen_arch_parse(o->cfg, &arch);
  if (!code && clgen_arch_kind(arch) != CLGEN_VAE) return refuse_all(pixels, 2, o->cfg, "no likelihood of pixels");
  if (!code) code = clgen_likelihood_find(&out->likelihood, o->likelihood);
  out->scale = (float)o->scale;
  if (!code && o->scale > 0 && !clgen_likelihood_of(out->likelihood)->scaled)
    code = clgen_fail(CLGEN_E_INVALID, "option --scale: --likelihood %s has no scale", o->likelihood);
  return code;
}
