/* Models as lists of networks, and the nodes that all of them share. */
#include "model/model_internal.h"

#include <stdlib.h>

int clgen_model_create(clgen_model **out, const clgen_model_config *config) {
  *out = NULL;
  clgen_model *m = calloc(1, sizeof *m);
  if (!m) return clgen_fail_nomem(sizeof *m);
  m->config = *config;
  m->log_scale = -1;
  m->class_head = -1;
  int code = clgen_model_config_complete(&m->config);
  m->row = code ? NULL : clgen_arch_row_of(m->config.arch);
  if (!code) code = m->row->build(m);
  if (!code && m->config.classes) code = clgen_model_number_classes(m);
  if (code)
    clgen_model_free(m);
  else
    *out = m;
  return code;
}

void clgen_model_free(clgen_model *m) {
  if (!m) return;
  for (size_t i = 0; i < CLGEN_COUNT(m->nets); ++i) clgen_net_free(m->nets[i]);
  free(m->plan);
  clgen_model_free_classes(m);
  free(m);
}

const clgen_model_config *clgen_model_get_config(const clgen_model *m) { return &m->config; }
clgen_model_kind clgen_model_get_kind(const clgen_model *m) { return m->row->kind; }
bool clgen_model_is_gan(const clgen_model *m) { return m->row->kind == CLGEN_GAN; }
bool clgen_model_is_vae(const clgen_model *m) { return m->row->kind == CLGEN_VAE; }
bool clgen_model_is_classifier(const clgen_model *m) { return m->row->kind == CLGEN_CLASSIFIER; }
bool clgen_model_encodes(const clgen_model *m) { return m->row->encode; }
int clgen_model_network_count(const clgen_model *m) { return m->n_networks; }
const clgen_model_network *clgen_model_network_at(const clgen_model *m, int index) { return &m->networks[index]; }
const clgen_model_network *clgen_model_generator_network(const clgen_model *m) { return &m->networks[m->n_networks - 1]; }

const clgen_model_network *clgen_model_encoder(const clgen_model *m) {
  if (!m->row->encode) return NULL;
  return &m->networks[clgen_model_is_gan(m) ? 2 : 0];
}

int clgen_model_latent_layer(const clgen_model *m) { return m->latent; }
int clgen_model_style_layers(const clgen_model *m) { return m->row->styles ? m->row->styles(m) : 0; }

void clgen_model_list_gan(clgen_model *m) {
  m->networks[0] = (clgen_model_network){.prefix = "G", .net = m->nets[0], .forwards = 1};
  m->networks[1] = (clgen_model_network){.prefix = "D", .net = m->nets[1], .forwards = 3}; /* real, fake, and for G */
  m->networks[2] = (clgen_model_network){.prefix = "G_ema", .net = m->nets[0], .forwards = 1};
  m->n_networks = 3;
}

void clgen_model_list_one(clgen_model *m, const char *prefix) {
  m->networks[0] = (clgen_model_network){.prefix = prefix, .net = m->nets[0], .bare = true, .forwards = 1};
  m->n_networks = 1;
}

clgen_norm clgen_d_norm_layer(clgen_d_norm norm) {
  switch (norm) {
    case CLGEN_D_BATCH_NORM: return CLGEN_NORM_BATCH;
    case CLGEN_D_LAYER_NORM: return CLGEN_NORM_LAYER;
    case CLGEN_D_INSTANCE_NORM: return CLGEN_NORM_INSTANCE;
    case CLGEN_D_GROUP_NORM: return CLGEN_NORM_GROUP;
    default: return CLGEN_NORM_NONE;
  }
}

/* Of minibatch discrimination: fewer kernels than the paper's 100, whose weight would be larger than all of a small network.
 */
#define KERNELS 32
#define KERNEL_DIMS 5

int clgen_model_add_minibatch(const clgen_model_config *c, clgen_net *d, int channels, int positions) {
  int more = 0, code = 0;
  if (c->minibatch == CLGEN_MINIBATCH_STD) {
    more = 1;
    code = clgen_net_minibatch_std(d, channels);
  } else if (c->minibatch == CLGEN_MINIBATCH_DISC) {
    more = KERNELS;
    code = clgen_net_minibatch_disc(d, "minibatch", (int64_t)channels * positions, KERNELS, KERNEL_DIMS);
  }
  return code < 0 ? code : channels + more;
}

int clgen_model_add_scale(clgen_model *m) {
  const clgen_likelihood *l = clgen_likelihood_of(m->config.likelihood);
  if (!l->scaled || m->config.scale > 0) return CLGEN_OK;
  return m->log_scale = clgen_net_parameter(m->nets[0], "log_scale", clgen_shape_of(1, 1), l->start);
}

/* "<to>.<suffix>" becomes a copy of "<from>.<suffix>". */
static int copy_state(clgen_store *store, const char *from, const char *to, const char *suffix, int64_t n) {
  if (!n) return CLGEN_OK;
  char *source = clgen_format("%s.%s", from, suffix), *target = clgen_format("%s.%s", to, suffix);
  float *values = malloc((size_t)n * sizeof *values);
  int code = source && target && values ? CLGEN_OK : clgen_fail_nomem((size_t)n * sizeof *values);
  if (!code) code = clgen_store_read(store, source, 0, n, values);
  if (!code) code = clgen_store_declare(store, target, CLGEN_F32, clgen_shape_of(1, n));
  if (!code) code = clgen_store_write(store, target, 0, n, values);
  free(values);
  free(source);
  free(target);
  return code;
}

int clgen_model_init(const clgen_model *m, clgen_store *store, uint64_t seed) {
  const clgen_net *g = m->nets[0];
  bool gan = clgen_model_is_gan(m);
  int code = CLGEN_OK;
  for (int i = 0; !code && i < m->n_networks - gan; ++i)
    code = clgen_net_init(m->networks[i].net, store, m->networks[i].prefix, seed);
  if (!code && gan) {
    code = copy_state(store, "G", "G_ema", "param", clgen_net_param_size(g));
    if (!code) code = copy_state(store, "G", "G_ema", "stat", clgen_net_stat_size(g));
  }
  return code;
}

clgen_tensor *clgen_model_from_bytes(const clgen_model *m, clgen_tensor *u8) {
  return clgen_model_is_gan(m) ? clgen_affine(u8, 1 / 127.5f, -1) : clgen_affine(u8, 1 / 255.0f, 0);
}

clgen_tensor *clgen_model_to_unit(const clgen_model *m, clgen_tensor *decoded) {
  if (clgen_model_is_gan(m)) return clgen_affine(decoded, 0.5f, 0.5f);
  return clgen_likelihood_of(m->config.likelihood)->mean(decoded);
}

clgen_tensor *clgen_model_to_bytes(const clgen_model *m, clgen_tensor *decoded) {
  if (clgen_model_is_gan(m)) return clgen_to_u8(clgen_affine(decoded, 127.5f, 127.5f));
  return clgen_to_u8(clgen_affine(clgen_model_to_unit(m, decoded), 255, 0));
}

/* ---- The parts, where the architecture has them ---- */

static int lacks(const clgen_model *m, const char *part) {
  return clgen_fail(CLGEN_E_INVALID, "a %s has no %s", clgen_arch_name(m->config.arch), part);
}

/* Whether the pass has what a conditional model needs. */
static bool has_labels(const clgen_model *m, const clgen_pass *pass) {
  if (!clgen_model_is_conditional(m) || pass->labels) return true;
  clgen_fail(CLGEN_E_INVALID, "a conditional %s needs labels", clgen_arch_name(m->config.arch));
  return false;
}

clgen_tensor *clgen_model_decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  if (!m->row->decode) lacks(m, "generator");
  return z && m->row->decode && has_labels(m, pass) ? m->row->decode(m, b, z, pass) : NULL;
}

clgen_tensor *clgen_model_discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                       clgen_tensor **features) {
  if (!m->row->discriminate) lacks(m, "discriminator");
  return images && m->row->discriminate && has_labels(m, pass) ? m->row->discriminate(m, b, images, pass, features) : NULL;
}

clgen_tensor *clgen_model_classify(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                   clgen_tensor **features) {
  if (!m->row->classify) lacks(m, "classes");
  return images && m->row->classify ? m->row->classify(m, b, images, pass, features) : NULL;
}

int clgen_model_encode(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                       clgen_tensor **mu, clgen_tensor **logvar) {
  if (!m->row->encode) return lacks(m, "encoder");
  return images && has_labels(m, pass) ? m->row->encode(m, b, images, pass, mu, logvar) : CLGEN_E_INVALID;
}
