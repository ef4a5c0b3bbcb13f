/* Variational autoencoders as lists of layers: Kingma & Welling 2013. */
#include "model/model_internal.h"

static int add_mlp(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  int64_t pixels = (int64_t)c->channels * c->height * c->width;
  int code = clgen_model_add_scale(m);
  if (code >= 0) code = clgen_net_linear(net, "fc1", pixels + clgen_model_joined(c), c->hidden);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "fc21", c->hidden, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "fc22", c->hidden, c->nz);
  if (code >= 0) code = m->latent = clgen_net_linear(net, "fc3", c->nz + clgen_model_joined(c), c->hidden);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->unflatten = clgen_net_linear(net, "fc4", c->hidden, pixels);
  return code;
}

static int add_conv(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  int64_t wide = 2 * (int64_t)c->ngf, features = wide * (c->height / 4) * (c->width / 4), joined = clgen_model_joined(c);
  int code = clgen_model_add_scale(m);
  if (code >= 0) code = clgen_net_conv2d(net, "conv1", c->channels, c->ngf, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_conv2d(net, "conv2", c->ngf, wide, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "fc21", features + joined, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "fc22", features + joined, c->nz);
  if (code >= 0) code = m->latent = clgen_net_linear(net, "fc3", c->nz + joined, features);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->unflatten = clgen_net_conv_transpose2d(net, "deconv1", wide, c->ngf, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_conv_transpose2d(net, "deconv2", c->ngf, c->channels, 4, 2, 1, true);
  return code;
}

static int finish(clgen_model *m, int code) {
  if (code < 0) return code;
  clgen_model_list_one(m, "VAE");
  return CLGEN_OK;
}
static int build_mlp(clgen_model *m) {
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_PYTORCH);
  return finish(m, code ? code : add_mlp(m, m->nets[0]));
}
static int build_conv(clgen_model *m) {
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_PYTORCH);
  return finish(m, code ? code : add_conv(m, m->nets[0]));
}

static int posterior(const clgen_model *m, clgen_module *b, clgen_tensor *h, const clgen_pass *pass, clgen_tensor **mu,
                     clgen_tensor **logvar) {
  *mu = clgen_module_forward(b, m->mu, 1, h, pass->training);
  *logvar = clgen_module_forward(b, m->logvar, 1, h, pass->training);
  return *mu && *logvar ? CLGEN_OK : clgen_last_code();
}

/* The class is told with the pixels (Sohn, Lee, Yan 2015) ... */
static int encode_mlp(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor **mu,
                      clgen_tensor **logvar) {
  return posterior(m, b, clgen_module_forward(b, 0, m->mu, clgen_model_join(m, images, pass), pass->training), pass, mu,
                   logvar);
}

/* ... or with what the convolutions made of them. */
static int encode_conv(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                       clgen_tensor **mu, clgen_tensor **logvar) {
  return posterior(m, b, clgen_model_join(m, clgen_module_forward(b, 0, m->mu, images, pass->training), pass), pass, mu,
                   logvar);
}

static clgen_tensor *decode_mlp(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  const clgen_model_config *c = &m->config;
  int layers = clgen_net_layer_count(m->nets[0]) - m->latent;
  clgen_tensor *h = clgen_module_forward(b, m->latent, layers, clgen_model_join(m, z, pass), pass->training);
  return clgen_reshape(h, clgen_shape_of(4, clgen_tensor_dim(z, 0), c->channels, c->height, c->width));
}

static clgen_tensor *decode_conv(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  const clgen_model_config *c = &m->config;
  clgen_shape picture = clgen_shape_of(4, clgen_tensor_dim(z, 0), 2 * c->ngf, c->height / 4, c->width / 4);
  clgen_tensor *h =
      clgen_module_forward(b, m->latent, m->unflatten - m->latent, clgen_model_join(m, z, pass), pass->training);
  return clgen_module_forward(b, m->unflatten, clgen_net_layer_count(m->nets[0]) - m->unflatten, clgen_reshape(h, picture),
                              pass->training);
}

static int check_conv(const clgen_model_config *c) {
  if (c->height % 4 == 0 && c->width % 4 == 0) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "vae-conv needs sides that are multiples of 4, and these are %dx%d; resize them with --res", c->width,
                    c->height);
}

#define DEFAULTS \
  { .ngf = 32, .ndf = 64, .nz = 20, .hidden = 400, .batch = 128, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .tick = 20 }
const clgen_arch_row clgen_arch_vae_mlp = {.kind = CLGEN_VAE,
                                           .conds = 1u << CLGEN_COND_CONCAT,
                                           .defaults = DEFAULTS,
                                           .build = build_mlp,
                                           .decode = decode_mlp,
                                           .encode = encode_mlp};
const clgen_arch_row clgen_arch_vae_conv = {.kind = CLGEN_VAE,
                                            .defaults = DEFAULTS,
                                            .conds = 1u << CLGEN_COND_CONCAT,
                                            .check = check_conv,
                                            .build = build_conv,
                                            .decode = decode_conv,
                                            .encode = encode_conv};
