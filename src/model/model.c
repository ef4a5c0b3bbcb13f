/* Models as lists of networks, and the nodes that all of them share. */
#include "model/model_internal.h"

#include <stdlib.h>

int clgen_model_create(clgen_model **out, const clgen_model_config *config) {
  *out = NULL;
  clgen_model *m = calloc(1, sizeof *m);
  if (!m) return clgen_fail_nomem(sizeof *m);
  m->config = *config;
  int code = clgen_model_config_complete(&m->config);
  if (!code && m->config.arch == CLGEN_ARCH_DCGAN)
    code = clgen_dcgan_build(m);
  else if (!code)
    code = m->config.arch == CLGEN_ARCH_CLASSIFIER ? clgen_classifier_build(m) : clgen_vae_build(m);
  if (code)
    clgen_model_free(m);
  else
    *out = m;
  return code;
}

void clgen_model_free(clgen_model *m) {
  if (!m) return;
  for (size_t i = 0; i < CLGEN_COUNT(m->nets); ++i) clgen_net_free(m->nets[i]);
  free(m);
}

const clgen_model_config *clgen_model_get_config(const clgen_model *m) { return &m->config; }
bool clgen_model_is_gan(const clgen_model *m) { return m->config.arch == CLGEN_ARCH_DCGAN; }
bool clgen_model_is_classifier(const clgen_model *m) { return m->config.arch == CLGEN_ARCH_CLASSIFIER; }
bool clgen_model_is_vae(const clgen_model *m) { return !clgen_model_is_gan(m) && !clgen_model_is_classifier(m); }
int clgen_model_network_count(const clgen_model *m) { return m->n_networks; }
const clgen_model_network *clgen_model_network_at(const clgen_model *m, int index) { return &m->networks[index]; }
const clgen_model_network *clgen_model_maker(const clgen_model *m) { return &m->networks[m->n_networks - 1]; }

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
  int code = clgen_net_init(m->networks[0].net, store, m->networks[0].prefix, seed);
  if (!code && clgen_model_is_gan(m)) {
    const clgen_net *g = m->nets[0];
    code = clgen_net_init(m->nets[1], store, "D", seed);
    if (!code) code = copy_state(store, "G", "G_ema", "param", clgen_net_param_size(g));
    if (!code) code = copy_state(store, "G", "G_ema", "stat", clgen_net_stat_size(g));
  }
  return code;
}

clgen_tensor *clgen_model_from_bytes(const clgen_model *m, clgen_tensor *u8) {
  return clgen_model_is_gan(m) ? clgen_affine(u8, 1 / 127.5f, -1) : clgen_affine(u8, 1 / 255.0f, 0);
}

clgen_tensor *clgen_model_to_bytes(const clgen_model *m, clgen_tensor *decoded) {
  return clgen_to_u8(clgen_model_is_gan(m) ? clgen_affine(decoded, 127.5f, 127.5f)
                                           : clgen_affine(clgen_sigmoid(decoded), 255, 0));
}

clgen_tensor *clgen_model_decode(const clgen_model *m, clgen_bound *b, clgen_tensor *z, bool training) {
  const clgen_model_config *c = &m->config;
  if (!z) return NULL;
  int64_t n = clgen_tensor_dim(z, 0);
  int all = clgen_net_layer_count(m->nets[0]);
  if (clgen_model_is_gan(m))
    return clgen_bound_forward(b, 0, all, clgen_reshape(z, clgen_shape_of(4, n, c->nz, 1, 1)), training);
  clgen_tensor *h = clgen_bound_forward(b, m->decoder, m->unflatten - m->decoder, z, training);
  if (c->arch == CLGEN_ARCH_VAE_CONV) h = clgen_reshape(h, clgen_shape_of(4, n, 2 * c->ngf, c->height / 4, c->width / 4));
  h = clgen_bound_forward(b, m->unflatten, all - m->unflatten, h, training);
  return clgen_reshape(h, clgen_shape_of(4, n, c->channels, c->height, c->width));
}
