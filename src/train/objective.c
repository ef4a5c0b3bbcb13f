/* Which losses and regularisers go together: all that is refused is refused here. */
#include "train/train_internal.h"

#include <math.h>
#include <string.h>

/* Two names, each of a loss or a regulariser, and why not both. */
static const struct {
  const char *one, *other, *why;
} refused[] = {
    {"wgan", "gp", "clipping already bounds the critic's slope; --loss wgan-gp has the penalty instead"},
    {"wgan", "dragan", "clipping already bounds the critic's slope; --loss wgan-gp has a penalty instead"},
    {"wgan", "r1", "clipping already bounds the critic's slope, and r1 would pull it to 0"},
    {"wgan", "sn", "what is clipped is divided by its norm, so that clipping has no effect"},
    {"gp", "r1", "one asks for slopes of 1 and the other for 0"},
    {"gp", "dragan", "both ask for slopes of 1, at different places: choose one"},
    {"dragan", "r1", "one asks for slopes of 1 and the other for 0"},
    {"mbstd", "mbdisc", "both tell the discriminator how much the batch varies: choose one"},
    {"gp", "mbdisc", "an image's slope would be that of every logit of its batch; mbstd is what is used with a penalty"},
    {"r1", "mbdisc", "an image's slope would be that of every logit of its batch; mbstd is what is used with a penalty"},
    {"dragan", "mbdisc", "an image's slope would be that of every logit of its batch; mbstd is what is used with a penalty"},
};

static bool has(const clgen_gan_objective *o, const char *name) {
  if (o->loss && strcmp(o->loss->name, name) == 0) return true;
  size_t n;
  const clgen_regularizer *rows = clgen_regularizers(&n);
  for (size_t i = 0; i < n; ++i)
    if (strcmp(rows[i].name, name) == 0) return o->regularizers & rows[i].bit;
  return false;
}

static int add_regularizer(clgen_gan_objective *o, const char *name, size_t length) {
  size_t n;
  const clgen_regularizer *rows = clgen_regularizers(&n);
  char known[128] = "";
  for (size_t i = 0; i < n; ++i) {
    if (strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0) {
      o->regularizers |= rows[i].bit;
      return CLGEN_OK;
    }
    snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", rows[i].name);
  }
  return clgen_fail(CLGEN_E_INVALID, "option --reg: \"%.*s\" is not one of %s", (int)length, name, known);
}

int clgen_gan_objective_parse(clgen_gan_objective *out, const char *loss, const char *regularizers) {
  *out = (clgen_gan_objective){.critic_steps = 1, .r1_interval = 1, .gp_weight = 10, .r1_gamma = 10, .fm_weight = 1};
  out->ha_weight = 0.01, out->bcr_weight = 10, out->pl_weight = 2, out->pl_interval = 1;
  int code = clgen_gan_loss_find(&out->loss, loss);
  if (code) return clgen_fail_prefix(code, "option --loss");
  for (const char *p = regularizers; !code && *p;) {
    size_t length = strcspn(p, ",");
    code = add_regularizer(out, p, length);
    p += length;
    if (!code && *p == ',' && !*++p) code = add_regularizer(out, "", 0);
  }
  if (has(out, "wgan")) out->clip = 0.01;
  if (has(out, "wgan") || has(out, "wgan-gp")) out->critic_steps = 5; /* both papers */
  if (has(out, "wgan-gp")) out->regularizers |= CLGEN_REG_GP;
  for (size_t i = 0; !code && i < CLGEN_COUNT(refused); ++i)
    if (has(out, refused[i].one) && has(out, refused[i].other))
      code = clgen_fail(CLGEN_E_INVALID, "options --loss %s and --reg %s: %s and %s cannot be combined: %s", loss,
                        regularizers, refused[i].one, refused[i].other, refused[i].why);
  return code;
}

int clgen_gan_objective_d_norm(const clgen_gan_objective *o, clgen_arch arch, clgen_d_norm *norm) {
  size_t n;
  const clgen_regularizer *rows = clgen_regularizers(&n), *strictest = NULL;
  for (size_t i = 0; i < n; ++i)
    if (o->regularizers & rows[i].bit && rows[i].d_norm > (strictest ? strictest->d_norm : CLGEN_D_AUTO))
      strictest = &rows[i];
  bool said = *norm != CLGEN_D_AUTO;
  if (!said) *norm = clgen_arch_d_norm(arch);
  if (!strictest) return CLGEN_OK;
  if (strictest->d_norm == CLGEN_D_SPECTRAL) {
    if (said && *norm != CLGEN_D_PLAIN && *norm != CLGEN_D_SPECTRAL)
      return clgen_fail(CLGEN_E_INVALID, "option --d-norm: not with --reg %s, which normalises the weights instead",
                        strictest->name);
    *norm = CLGEN_D_SPECTRAL;
  } else if (*norm == CLGEN_D_BATCH_NORM) {
    if (said)
      return clgen_fail(CLGEN_E_INVALID,
                        "option --d-norm: not batch with %s, which needs each image's logit to be independent of the other "
                        "images; possible are layer, instance, group and none",
                        strictest->name);
    *norm = CLGEN_D_PLAIN;
  }
  return CLGEN_OK;
}

clgen_minibatch clgen_gan_objective_minibatch(const clgen_gan_objective *o) {
  if (o->regularizers & CLGEN_REG_MBSTD) return CLGEN_MINIBATCH_STD;
  return o->regularizers & CLGEN_REG_MBDISC ? CLGEN_MINIBATCH_DISC : CLGEN_MINIBATCH_NONE;
}

/* ---- Gradient accumulation ---- */

/* The nearest divisors of `batch` around `n`, which is none. */
static void divisors_around(int64_t batch, int64_t n, int64_t *below, int64_t *above) {
  *below = *above = n < batch ? n : batch;
  while (batch % *below) --*below;
  while (batch % *above) ++*above;
}

/* Refuses micro-batches if the objective computes something over the whole batch. */
static int check_whole(const char *option, const clgen_gan_objective *o) {
  size_t n;
  const clgen_regularizer *rows = clgen_regularizers(&n);
  const char *name = o->loss ? o->loss->name : "", *why = NULL;
  if (o->loss && o->loss->compares) why = "it compares with means over the whole batch";
  for (size_t i = 0; i < n && !why; ++i)
    if (o->regularizers & rows[i].bit && rows[i].whole) name = rows[i].name, why = rows[i].whole;
  return why ? clgen_fail(CLGEN_E_INVALID, "option --%s: not with %s: %s", option, name, why) : CLGEN_OK;
}

int clgen_batch_gpu_check(int64_t batch, int64_t at_once, const clgen_gan_objective *o) {
  if (at_once < 0 || (at_once && batch % at_once)) {
    int64_t below, above;
    divisors_around(batch, at_once > 0 ? at_once : 1, &below, &above);
    char other[32] = "";
    if (above != below) snprintf(other, sizeof other, " or %lld", (long long)above);
    return clgen_fail(
        CLGEN_E_INVALID,
        "option --batch-gpu: the batch, %lld images, is not a multiple of %lld; use %lld%s, or another --batch",
        (long long)batch, (long long)at_once, (long long)below, other);
  }
  return !at_once || at_once == batch ? CLGEN_OK : check_whole("batch-gpu", o);
}

/* The least micro-batch for which statistics of its images are meaningful. */
#define LEAST_COMPARED 8

int clgen_controllers_batch_gpu_check(int64_t batch, int64_t at_once, unsigned controllers) {
  bool whole = !at_once || at_once == batch || at_once >= LEAST_COMPARED;
  if (whole || !clgen_adapt_watches(controllers, CLGEN_WATCH_PLAYERS)) return CLGEN_OK;
  return clgen_fail(
      CLGEN_E_INVALID,
      "option --batch-gpu: guard and balance compare the images of a micro-batch with each other; %lld images are too few, "
      "at least %d are needed",
      (long long)at_once, LEAST_COMPARED);
}

/* ---- Several batches ---- */

int clgen_batches_check(const clgen_trainer_config *c) {
  int code = check_whole("batch-max", &c->gan);
  if (!code) code = clgen_vae_check_whole("batch-max", &c->vae);
  if (!code && c->augment.adaptive)
    code = clgen_fail(CLGEN_E_INVALID, "option --batch-max: not with --adapt ada, which needs a constant batch size");
  return code;
}

/* ---- From the options ---- */

static int refuse(const char *option, const char *why) {
  return clgen_fail(CLGEN_E_INVALID, "option --%s: %s", option, why);
}

/* Checks the options that depend on the kind of conditioning. */
static int check_cond(const clgen_train_options *o, const clgen_gan_objective *objective) {
  bool tells = strcmp(o->cond, "acgan") == 0;
  if (tells && objective->clip > 0)
    return refuse("cond",
                  "not acgan with --loss wgan: with clipped weights the auxiliary classifier's logits stay too small");
  if (!tells && fabs(o->aux_weight - 1) > 0) return refuse("aux-weight", "only --cond acgan has an auxiliary classifier");
  return CLGEN_OK;
}

static int refuse_without_gan(const clgen_train_options *o) {
  const char *option = NULL;
  if (strcmp(o->loss, "ns") != 0) option = "loss";
  if (o->reg[0]) option = "reg";
  if (o->label_smoothing > 0) option = "label-smoothing";
  if (o->clip > 0) option = "clip";
  if (o->critic_steps > 1) option = "critic-steps";
  if (o->bcr_flip) option = "bcr-flip";
  if (strcmp(o->d_norm, "auto") != 0) option = "d-norm";
  return option ? clgen_fail(CLGEN_E_INVALID, "option --%s: --cfg %s is not a GAN", option, o->cfg) : CLGEN_OK;
}

int clgen_train_d_norm(const clgen_train_options *o, clgen_arch arch, const clgen_gan_objective *objective,
                       clgen_d_norm *out) {
  int code = clgen_d_norm_parse(o->d_norm, out);
  return code ? code : clgen_gan_objective_d_norm(objective, arch, out);
}

int clgen_train_objective(const clgen_train_options *o, clgen_gan_objective *out) {
  *out = (clgen_gan_objective){0};
  clgen_arch arch;
  int code = clgen_arch_parse(o->cfg, &arch);
  if (code) return code;
  if (clgen_arch_kind(arch) != CLGEN_GAN) {
    code = refuse_without_gan(o);
    return code ? code : check_cond(o, out);
  }
  code = clgen_gan_objective_parse(out, o->loss, o->reg);
  const double clip = clgen_arch_get_defaults(arch)->clip;
  if (out->clip > 0 && clip > 0) out->clip = clip;
  if (!code) code = check_cond(o, out);
  out->aux_weight = o->aux_weight;
  if (code) return code;
  if (o->label_smoothing > 0 && !out->loss->smooths)
    return refuse("label-smoothing", "only the cross entropy losses, ns and bce, have target labels to smooth");
  if (o->clip > 0 && !(out->clip > 0)) return refuse("clip", "only --loss wgan clips weights");
  int64_t at_once = o->batch_gpu ? o->batch_gpu : o->batch;
  if (out->regularizers & CLGEN_REG_MBSTD && at_once > 1 && clgen_minibatch_group(at_once) == 1)
    return clgen_fail(CLGEN_E_INVALID,
                      "option --reg: mbstd needs a (micro-)batch that divides into equal groups of 2 to %d images, and %lld "
                      "does not",
                      CLGEN_MINIBATCH_GROUP, (long long)at_once);
  if (out->regularizers & CLGEN_REG_PL && !clgen_arch_has_styles(arch))
    return clgen_fail(CLGEN_E_INVALID, "option --reg: pl needs styles, and --cfg %s has none", o->cfg);
  if (o->bcr_flip && !(out->regularizers & CLGEN_REG_BCR)) return refuse("bcr-flip", "needs --reg bcr");
  out->smoothing = o->label_smoothing;
  if (o->clip > 0) out->clip = o->clip;
  out->gp_weight = o->gp_weight;
  out->r1_gamma = o->r1_gamma;
  out->fm_weight = o->fm_weight;
  out->ha_weight = o->ha_weight;
  out->bcr_weight = o->bcr_weight;
  out->bcr_flip = o->bcr_flip;
  out->r1_interval = (int)o->reg_interval;
  out->pl_weight = o->pl_weight;
  out->pl_interval = (int)o->pl_interval;
  if (o->critic_steps) out->critic_steps = (int)o->critic_steps;
  clgen_d_norm norm;
  code = clgen_train_d_norm(o, arch, out, &norm);
  return code || !clgen_arch_encodes(arch) ? code : clgen_vae_gan_check(o, out);
}

int clgen_train_batches_max(const clgen_train_options *o, int64_t *out) {
  unsigned mask;
  *out = 1;
  int code = clgen_train_controllers(o, &mask);
  if (code || !o->batch_max) return code;
  if (!(mask & clgen_adapt_mask("noise-scale"))) return refuse("batch-max", "only --adapt noise-scale changes the batch");
  while (2 * *out * o->batch <= o->batch_max) *out *= 2;
  if (*out * o->batch != o->batch_max)
    return clgen_fail(CLGEN_E_INVALID, "option --batch-max: %lld is not %lld times a power of two; use %lld or %lld",
                      (long long)o->batch_max, (long long)o->batch, (long long)(*out * o->batch),
                      (long long)(2 * *out * o->batch));
  clgen_trainer_config c = {.batches_max = *out};
  code = clgen_train_objective(o, &c.gan);
  if (!code) code = clgen_train_vae_objective(o, &c.vae);
  if (!code) code = clgen_train_augmentation(o, &c.augment);
  return code || *out == 1 ? code : clgen_batches_check(&c);
}
