#define _XOPEN_SOURCE 700 /* realpath */
/* A run that starts from a trained network: which options follow from it, what of it is carried over, and what holds it. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

static int refuse(const char *option, const char *why) {
  return clgen_fail(CLGEN_E_INVALID, "option --%s: %s", option, why);
}

int clgen_train_check_transfer(const clgen_train_options *o, clgen_arch arch) {
  const char *option = o->freeze[0] ? "freeze" : o->freezed ? "freezed" : o->l2_sp > 0 ? "l2-sp" : o->ewc > 0 ? "ewc" : NULL;
  if (!option && o->lr_old != 1) option = "lr-old";
  if (option && !o->init[0]) return refuse(option, "needs --init");
  if (!(o->lr_old > 0)) return refuse("lr-old", "must be above 0; use --freeze to keep parameters unchanged");
  if (o->freezed && clgen_arch_kind(arch) != CLGEN_GAN)
    return clgen_fail(CLGEN_E_INVALID, "option --freezed: there is no discriminator in --cfg %s", o->cfg);
  if (o->ewc > 0 && clgen_arch_kind(arch) == CLGEN_CLASSIFIER)
    return refuse("ewc",
                  "the Fisher information needs generated images, and a classifier does not generate any; use --l2-sp");
  if (o->ewc > 0 && strcmp(o->cond, "none") != 0)
    return refuse("ewc", "not with --cond: the Fisher information is computed without classes; use --l2-sp");
  if (strcmp(o->ewc_of, "G") != 0 && (!(o->ewc > 0) || clgen_arch_kind(arch) != CLGEN_GAN))
    return refuse("ewc-of", "needs --ewc and a GAN");
  return CLGEN_OK;
}

static void imply(int64_t *option, int value) {
  if (!*option) *option = value;
}

/* The objective may need another discriminator than the network's. */
static int imply_d_norm(clgen_train_options *o, const bool *given, const clgen_model_config *c) {
  clgen_gan_objective objective;
  clgen_d_norm norm = c->d_norm;
  if (strcmp(o->d_norm, "auto") != 0 || clgen_arch_kind(c->arch) != CLGEN_GAN) return CLGEN_OK;
  if (norm == CLGEN_D_SPECTRAL) {
    if (!clgen_train_option_given(o, given, "reg")) snprintf(o->reg, sizeof o->reg, "sn");
    return CLGEN_OK;
  }
  int code = clgen_gan_objective_parse(&objective, o->loss, o->reg);
  if (!code && clgen_gan_objective_d_norm(&objective, c->arch, &norm) == CLGEN_OK && norm == c->d_norm)
    snprintf(o->d_norm, sizeof o->d_norm, "%s", clgen_d_norm_name(norm));
  return code;
}

static void imply_likelihood(clgen_train_options *o, const bool *given, const clgen_model_config *c) {
  const char *name = clgen_likelihood_of(c->likelihood)->name;
  if (clgen_arch_kind(c->arch) != CLGEN_VAE) return;
  if (!clgen_train_option_given(o, given, "likelihood")) snprintf(o->likelihood, sizeof o->likelihood, "%s", name);
  if (!clgen_train_option_given(o, given, "scale") && strcmp(o->likelihood, name) == 0) o->scale = (double)c->scale;
}

static int imply_options(clgen_train_options *o, const bool *given, const clgen_model_config *c) {
  const char *arch = clgen_arch_name(c->arch);
  if (!clgen_train_option_given(o, given, "cfg")) snprintf(o->cfg, sizeof o->cfg, "%s", arch);
  if (strcmp(o->cfg, arch) != 0)
    return clgen_fail(CLGEN_E_INVALID, "option --init: %s contains a %s; its layers do not match those of --cfg %s", o->init,
                      arch, o->cfg);
  imply_likelihood(o, given, c);
  imply(&o->ngf, c->ngf);
  imply(&o->ndf, c->ndf);
  imply(&o->nz, c->nz);
  imply(&o->hidden, c->hidden);
  imply(&o->mapping_layers, c->mapping_layers);
  if (!clgen_train_option_given(o, given, "se")) o->se = c->se;
  if (clgen_arch_get_defaults(c->arch)->res && c->height == c->width) imply(&o->res, c->height);
  return imply_d_norm(o, given, c);
}

/* The file is named so that it is found from everywhere, and stays the same when the run that wrote it goes on. */
static int find_network(clgen_train_options *o) {
  char *file = NULL;
  int code = clgen_run_network(&file, o->init);
  if (code) return code;
  char *full = realpath(file, NULL);
  const char *path = full ? full : file;
  if (strlen(path) >= sizeof o->init)
    code = clgen_fail(CLGEN_E_INVALID, "option --init: the path of %s is too long", o->init);
  else
    memcpy(o->init, path, strlen(path) + 1);
  free(full);
  free(file);
  return code;
}

int clgen_run_init_open(clgen_run *r, const bool *given) {
  clgen_train_options *o = &r->options;
  if (!o->init[0]) return CLGEN_OK;
  clgen_model *m = NULL;
  int code = find_network(o);
  if (!code) code = clgen_safetensors_open(&r->init_file, o->init);
  if (!code) code = clgen_model_open(&m, r->init_file);
  if (!code) code = imply_options(o, given, clgen_model_get_config(m));
  clgen_model_free(m);
  return code;
}

/* ---- What holds networks ---- */

bool clgen_run_ewc_is_of(const clgen_train_options *o, int index) {
  bool both = strcmp(o->ewc_of, "both") == 0;
  return o->ewc > 0 && index < 2 && (both || index == (strcmp(o->ewc_of, "D") == 0));
}

bool clgen_run_trains(const clgen_model *m, int index) {
  return !clgen_model_is_gan(m) || index + 1 < clgen_model_network_count(m);
}

int clgen_run_fisher_networks(const clgen_run *r, int index, int *network, int *generator) {
  const clgen_model *m = clgen_weight_transfer_source(r->carry);
  *network = *generator = index;
  if (!clgen_model_is_gan(m)) return CLGEN_OK;
  bool has[CLGEN_MODEL_MAX_NETWORKS];
  int average = clgen_model_network_count(m) - 1;
  for (int i = 0; i <= average; ++i) has[i] = clgen_weight_transfer_has(r->carry, clgen_model_network_at(m, i));
  *generator = index == 1 ? (has[average] ? average : 0) : (has[0] ? 0 : average);
  if (index != 1) *network = *generator;
  if (has[1] && has[*generator]) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "option --ewc: %s contains no %s; the Fisher information needs D's logits of G's images",
                    r->options.init, has[1] ? "generator" : "discriminator");
}

static int check_carry(clgen_run *r) {
  int n = clgen_weight_transfer_count(r->carry), fits = 0, network, generator, code = CLGEN_OK;
  for (int i = 0; i < n; ++i) fits += clgen_weight_transfer_at(r->carry, i)->how != CLGEN_TRANSFER_NOT;
  if (!fits) return clgen_fail(CLGEN_E_INVALID, "option --init: no tensor of %s fits this model", r->options.init);
  for (int i = 0; !code && i < clgen_model_network_count(r->model); ++i)
    if (clgen_run_ewc_is_of(&r->options, i)) code = clgen_run_fisher_networks(r, i, &network, &generator);
  return code;
}

bool clgen_run_is_rated(const clgen_run *r, int index) {
  bool any = r->options.lr_old != 1;
  for (int k = 0; r->frozen[index] && k < clgen_net_tensor_count(clgen_model_network_at(r->model, index)->net); ++k)
    any = any || r->frozen[index][k];
  return any;
}

int clgen_run_init_multipliers(clgen_run *r, clgen_fine_tuning *out) {
  const clgen_train_options *o = &r->options;
  int code = r->init_file ? clgen_weight_transfer_create(&r->carry, r->model, r->init_file) : CLGEN_OK;
  if (!code && r->carry) code = check_carry(r);
  if (code || !o->init[0]) return code;
  bool freezes = o->freeze[0] || o->freezed;
  if (freezes) code = clgen_freeze_find(r->model, o->freeze, (int)o->freezed, r->frozen);
  for (int i = 0; i < clgen_model_network_count(r->model); ++i) {
    if (!clgen_run_trains(r->model, i)) continue;
    out->rated[i] = clgen_run_is_rated(r, i);
    if (out->rated[i]) out->frozen[i] = r->frozen[i];
    out->anchored[i] = o->l2_sp > 0 || clgen_run_ewc_is_of(o, i);
  }
  return code;
}

void clgen_run_init_close(clgen_run *r) {
  clgen_weight_transfer_free(r->carry);
  clgen_safetensors_close(r->init_file);
  for (size_t i = 0; i < CLGEN_COUNT(r->frozen); ++i) free(r->frozen[i]);
}
