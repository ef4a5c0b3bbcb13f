/* Configurations of models. */
#include "model/model_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* By clgen_d_norm; a file does not say what the architecture has by itself. */
static const char *const d_norms[CLGEN_D_NORMS] = {"auto", "batch", "none", "spectral", "layer", "instance", "group"};

const char *clgen_d_norm_name(clgen_d_norm norm) { return norm < CLGEN_D_NORMS ? d_norms[norm] : "?"; }

int clgen_d_norm_parse(const char *name, clgen_d_norm *out) {
  for (size_t i = 0; i < CLGEN_D_NORMS; ++i)
    if (strcmp(d_norms[i], name) == 0) {
      *out = (clgen_d_norm)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no normalisation of a discriminator is called \"%s\"; there are %s", name,
                    CLGEN_D_NORM_CHOICES);
}

/* By clgen_minibatch. */
static const char *const minibatches[CLGEN_MINIBATCHES] = {"none", "std", "disc"};

static int check_size(const clgen_model_config *c) {
  if (c->channels < 1 || c->channels > 4)
    return clgen_fail(CLGEN_E_INVALID, "images of %d channels: 1 to 4 are possible", c->channels);
  if (c->height < 1 || c->width < 1 || c->height > 4096 || c->width > 4096)
    return clgen_fail(CLGEN_E_INVALID, "invalid image size %dx%d", c->width, c->height);
  const clgen_arch_row *row = clgen_arch_row_of(c->arch);
  return row->check ? row->check(c) : CLGEN_OK;
}

/* What is 0 becomes the architecture's own; what it does not have becomes 0. */
static int complete(int *value, int initial, const char *name) {
  if (!*value || !initial) *value = initial;
  if (!initial || *value > 0) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "%s %d: it must be at least 1", name, *value);
}

static int check_likelihood(const clgen_model_config *c, clgen_model_kind kind) {
  const clgen_likelihood *l = clgen_likelihood_of(c->likelihood);
  if (!l || (c->likelihood && kind != CLGEN_VAE))
    return clgen_fail(CLGEN_E_INVALID, "%s with likelihood %s of pixels", clgen_arch_name(c->arch), l ? l->name : "?");
  if (c->scale != 0 && (!l->scaled || !(c->scale >= 1e-3f && c->scale <= 1e3f)))
    return clgen_fail(CLGEN_E_INVALID, "likelihood %s with a scale of %g: %s", l->name, (double)c->scale,
                      l->scaled ? "0.001 to 1000 are possible" : "it has none");
  return CLGEN_OK;
}

static int check_cond(const clgen_model_config *c) {
  const clgen_arch_row *row = clgen_arch_row_of(c->arch);
  if (c->cond == CLGEN_COND_NONE) return CLGEN_OK;
  char ways[64] = "";
  for (int i = 1; i < CLGEN_CONDS; ++i)
    if (row->conds >> i & 1)
      snprintf(ways + strlen(ways), sizeof ways - strlen(ways), "%s%s", ways[0] ? ", " : "", clgen_cond_name((clgen_cond)i));
  if (c->cond >= CLGEN_CONDS || !(row->conds >> c->cond & 1))
    return clgen_fail(CLGEN_E_INVALID, "%s does not support conditioning by \"%s\"; possible: %s; %s",
                      clgen_arch_name(c->arch), clgen_cond_name(c->cond), ways[0] ? ways : "not at all",
                      row->kind == CLGEN_CLASSIFIER ? "a classifier predicts classes" : "the others need a discriminator");
  if (c->classes >= 2 && c->classes <= 65536) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "a conditional %s of %d classes: images with labels of at least two classes are needed",
                    clgen_arch_name(c->arch), c->classes);
}

int clgen_model_config_complete(clgen_model_config *c) {
  const clgen_arch_row *row = clgen_arch_row_of(c->arch);
  const clgen_arch_defaults *d = &row->defaults;
  if (c->d_norm == CLGEN_D_AUTO) c->d_norm = row->d_norm;
  if (c->d_norm >= CLGEN_D_NORMS || (c->d_norm && !(row->d_norms >> c->d_norm & 1)))
    return clgen_fail(CLGEN_E_INVALID, "%s has no discriminator with normalisation \"%s\"", clgen_arch_name(c->arch),
                      clgen_d_norm_name(c->d_norm));
  if (c->minibatch >= CLGEN_MINIBATCHES || (c->minibatch && !row->discriminate))
    return clgen_fail(CLGEN_E_INVALID, "%s has no discriminator that sees \"%s\" of a batch", clgen_arch_name(c->arch),
                      c->minibatch < CLGEN_MINIBATCHES ? minibatches[c->minibatch] : "?");
  if (c->se && !row->takes_se)
    return clgen_fail(CLGEN_E_INVALID, "%s has no residual blocks for squeeze and excitation", clgen_arch_name(c->arch));
  int code = check_likelihood(c, row->kind);
  if (!code) code = complete(&c->ngf, d->ngf, "ngf");
  if (!code) code = complete(&c->ndf, d->ndf, "ndf");
  if (!code) code = complete(&c->nz, d->nz, "nz");
  if (!code) code = complete(&c->hidden, d->hidden, "hidden");
  if (!code && c->mapping_layers && (!d->mapping_layers || c->mapping_layers > 64))
    code = clgen_fail(CLGEN_E_INVALID, "%d mapping layers: %s has %s", c->mapping_layers, clgen_arch_name(c->arch),
                      d->mapping_layers ? "at most 64" : "none");
  if (!code) code = complete(&c->mapping_layers, d->mapping_layers, "mapping_layers");
  if (!code) code = check_cond(c);
  return code ? code : check_size(c);
}

/* The members beside the architecture, by name: those of every model, those that it has where its defaults are not 0, and
 * those that are said where they are not 0. */
#define SIZE_MEMBERS(X) X(channels) X(height) X(width)
#define WIDTH_MEMBERS(X) X(ngf) X(ndf) X(nz) X(hidden) X(mapping_layers)
#define OTHER_MEMBERS(X) X(classes) X(se)

char *clgen_model_config_to_json(const clgen_model_config *c) {
  json_t *o = json_object();
  const clgen_arch_defaults *d = clgen_arch_get_defaults(c->arch);
  int failed = json_object_set_new(o, "arch", json_string(clgen_arch_name(c->arch)));
#define ALWAYS(member) failed |= json_object_set_new(o, #member, json_integer(c->member));
#define IF_IT_HAS(member) \
  if (d->member) ALWAYS(member)
#define IF_NOT_0(member) \
  if (c->member) ALWAYS(member)
  SIZE_MEMBERS(ALWAYS)
  WIDTH_MEMBERS(IF_IT_HAS)
  OTHER_MEMBERS(IF_NOT_0)
  if (c->d_norm != clgen_arch_d_norm(c->arch)) failed |= json_object_set_new(o, "d_norm", json_string(d_norms[c->d_norm]));
  if (c->minibatch) failed |= json_object_set_new(o, "minibatch", json_string(minibatches[c->minibatch]));
  if (c->likelihood) failed |= json_object_set_new(o, "likelihood", json_string(clgen_likelihood_of(c->likelihood)->name));
  if (c->scale > 0) failed |= json_object_set_new(o, "scale", json_real((double)c->scale));
  if (c->cond) failed |= json_object_set_new(o, "cond", json_string(clgen_cond_name(c->cond)));
  if (c->cond) failed |= json_object_set_new(o, "classes", json_integer(c->classes));
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

/* Which of the names it is; the first where nothing is said. */
static int read_choice(const json_t *o, const char *name, const char *const *choices, int n, const char *source, int *out) {
  const json_t *v = json_object_get(o, name);
  for (int i = 0; i < n; ++i)
    if (!v || (json_is_string(v) && strcmp(json_string_value(v), choices[i]) == 0)) {
      *out = i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_FORMAT, "%s: the model's configuration has no sensible \"%s\"", source, name);
}

static int read_likelihood(const json_t *o, const char *source, clgen_model_config *c) {
  const json_t *name = json_object_get(o, "likelihood"), *scale = json_object_get(o, "scale");
  if ((name && (!json_is_string(name) || clgen_likelihood_find(&c->likelihood, json_string_value(name)))) ||
      (scale && !json_is_number(scale)))
    return clgen_fail(CLGEN_E_FORMAT, "%s: the model's configuration has no sensible \"likelihood\"", source);
  c->scale = (float)json_number_value(scale);
  return CLGEN_OK;
}

static int read_cond(const json_t *o, const char *source, clgen_model_config *c) {
  const json_t *name = json_object_get(o, "cond");
  if (!name) return CLGEN_OK;
  if (!json_is_string(name) || clgen_cond_parse(json_string_value(name), &c->cond))
    return clgen_fail(CLGEN_E_FORMAT, "%s: the model's configuration has no sensible \"cond\"", source);
  return read_member(o, "classes", source, &c->classes);
}

int clgen_model_config_from_json(clgen_model_config *config, const char *json, const char *source) {
  memset(config, 0, sizeof *config);
  json_error_t error;
  json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, &error);
  const char *arch = json_string_value(json_object_get(o, "arch"));
  int code = arch ? clgen_arch_parse(arch, &config->arch)
                  : clgen_fail(CLGEN_E_FORMAT, "%s: its model configuration is not JSON with an \"arch\"", source);
  if (arch && code) code = clgen_fail_prefix(CLGEN_E_FORMAT, "%s", source);
  const clgen_arch_defaults *d = clgen_arch_get_defaults(config->arch);
#define READ(member) \
  if (!code) code = read_member(o, #member, source, &config->member);
#define READ_IF_IT_HAS(member) \
  if (d->member) READ(member)
#define READ_IF_SAID(member) \
  if (json_object_get(o, #member)) READ(member)
  SIZE_MEMBERS(READ)
  WIDTH_MEMBERS(READ_IF_IT_HAS)
  OTHER_MEMBERS(READ_IF_SAID)
  int norm = 0, minibatch = 0;
  if (!code) code = read_choice(o, "d_norm", d_norms, CLGEN_D_NORMS, source, &norm);
  if (!code) code = read_choice(o, "minibatch", minibatches, CLGEN_MINIBATCHES, source, &minibatch);
  config->d_norm = (clgen_d_norm)norm;
  config->minibatch = (clgen_minibatch)minibatch;
  if (!code) code = read_likelihood(o, source, config);
  if (!code) code = read_cond(o, source, config);
  json_decref(o);
  if (!code && clgen_model_config_complete(config)) code = clgen_fail_prefix(CLGEN_E_FORMAT, "%s", source);
  return code;
}
