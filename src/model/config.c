/* Configurations of models. */
#include "model/model_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"dcgan", "vae-mlp", "vae-conv", "classifier"}; /* by clgen_arch */

const char *clgen_arch_name(clgen_arch arch) { return (size_t)arch < CLGEN_COUNT(names) ? names[arch] : "?"; }

int clgen_arch_parse(const char *name, clgen_arch *out) {
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (strcmp(names[i], name) == 0) {
      *out = (clgen_arch)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no model is called \"%s\"; there are %s", name, CLGEN_ARCH_CHOICES);
}

/* By clgen_d_norm; batch norm is what is meant where nothing is said. */
static const char *const d_norms[] = {"batch", "none", "spectral"};

static int check_size(const clgen_model_config *c) {
  if (c->channels < 1 || c->channels > 4)
    return clgen_fail(CLGEN_E_INVALID, "images of %d channels: 1 to 4 are possible", c->channels);
  if (c->height < 1 || c->width < 1 || c->height > 4096 || c->width > 4096)
    return clgen_fail(CLGEN_E_INVALID, "images of %dx%d pixels make no sense here", c->width, c->height);
  bool square = c->height == c->width;
  if (c->arch == CLGEN_ARCH_DCGAN && (!square || (c->height != 32 && c->height != 64)))
    return clgen_fail(CLGEN_E_INVALID,
                      "dcgan makes images of 32x32 or 64x64 pixels, and these are %dx%d; resize them with --res 32",
                      c->width, c->height);
  if (c->arch == CLGEN_ARCH_VAE_CONV && (c->height % 4 || c->width % 4))
    return clgen_fail(CLGEN_E_INVALID,
                      "vae-conv needs sides that are multiples of 4, and these are %dx%d; resize them with --res", c->width,
                      c->height);
  return CLGEN_OK;
}

static int complete_classifier(clgen_model_config *c) {
  if (!c->ndf) c->ndf = 16;
  if (!c->hidden) c->hidden = 64;
  if (c->ndf < 1 || c->hidden < 1)
    return clgen_fail(CLGEN_E_INVALID, "ndf %d, hidden %d: each must be at least 1", c->ndf, c->hidden);
  if (c->classes < 2 || c->classes > 65536)
    return clgen_fail(CLGEN_E_INVALID, "a classifier of %d classes: images with labels of at least two classes are needed",
                      c->classes);
  return check_size(c);
}

int clgen_model_config_complete(clgen_model_config *c) {
  if (c->arch == CLGEN_ARCH_CLASSIFIER) return complete_classifier(c);
  bool gan = c->arch == CLGEN_ARCH_DCGAN;
  if ((size_t)c->d_norm >= CLGEN_COUNT(d_norms) || (c->d_norm && !gan))
    return clgen_fail(CLGEN_E_INVALID, "%s with normalisation %d of a discriminator", clgen_arch_name(c->arch),
                      (int)c->d_norm);
  if (!c->ngf) c->ngf = gan ? 64 : 32;
  if (!c->ndf) c->ndf = 64;
  if (!c->nz) c->nz = gan ? 100 : 20;
  if (!c->hidden) c->hidden = 400;
  if (c->ngf < 1 || c->ndf < 1 || c->nz < 1 || c->hidden < 1)
    return clgen_fail(CLGEN_E_INVALID, "ngf %d, ndf %d, nz %d, hidden %d: each must be at least 1", c->ngf, c->ndf, c->nz,
                      c->hidden);
  return check_size(c);
}

/* The members beside the architecture, by name: of generators, and of classifiers. */
#define MEMBERS(X) X(channels) X(height) X(width) X(ngf) X(ndf) X(nz) X(hidden)
#define CLASSIFIER_MEMBERS(X) X(channels) X(height) X(width) X(ndf) X(hidden) X(classes)

char *clgen_model_config_to_json(const clgen_model_config *c) {
  json_t *o = json_object();
  int failed = json_object_set_new(o, "arch", json_string(clgen_arch_name(c->arch)));
#define X(member) failed |= json_object_set_new(o, #member, json_integer(c->member));
  if (c->arch == CLGEN_ARCH_CLASSIFIER) {
    CLASSIFIER_MEMBERS(X)
  } else {
    MEMBERS(X)
  }
#undef X
  if (c->d_norm) failed |= json_object_set_new(o, "d_norm", json_string(d_norms[c->d_norm]));
  char *text = failed ? NULL : json_dumps(o, JSON_PRESERVE_ORDER | JSON_COMPACT);
  json_decref(o);
  if (!text) clgen_fail_nomem(256);
  return text;
}

static int read_member(const json_t *o, const char *name, const char *source, int *out) {
  const json_t *v = json_object_get(o, name);
  json_int_t n = json_integer_value(v);
  if (!json_is_integer(v) || n < 1 || n > 1 << 20)
    return clgen_fail(CLGEN_E_FORMAT, "%s: the model's configuration has no sensible \"%s\"", source, name);
  *out = (int)n;
  return CLGEN_OK;
}

static int read_d_norm(const json_t *o, const char *source, clgen_d_norm *out) {
  const json_t *v = json_object_get(o, "d_norm");
  for (size_t i = 0; i < CLGEN_COUNT(d_norms); ++i)
    if (!v || (json_is_string(v) && strcmp(json_string_value(v), d_norms[i]) == 0)) {
      *out = (clgen_d_norm)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_FORMAT, "%s: the model's configuration has no sensible \"d_norm\"", source);
}

int clgen_model_config_from_json(clgen_model_config *config, const char *json, const char *source) {
  memset(config, 0, sizeof *config);
  json_error_t error;
  json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, &error);
  const char *arch = json_string_value(json_object_get(o, "arch"));
  int code = arch ? clgen_arch_parse(arch, &config->arch)
                  : clgen_fail(CLGEN_E_FORMAT, "%s: its model configuration is not JSON with an \"arch\"", source);
  if (arch && code) code = clgen_fail_prefix(CLGEN_E_FORMAT, "%s", source);
#define X(member) \
  if (!code) code = read_member(o, #member, source, &config->member);
  if (config->arch == CLGEN_ARCH_CLASSIFIER) {
    CLASSIFIER_MEMBERS(X)
  } else {
    MEMBERS(X)
  }
#undef X
  if (!code) code = read_d_norm(o, source, &config->d_norm);
  json_decref(o);
  if (!code && clgen_model_config_complete(config)) code = clgen_fail_prefix(CLGEN_E_FORMAT, "%s", source);
  return code;
}
