/* Variational autoencoders: Kingma & Welling 2013. */
#include "model/model_internal.h"

static int build_mlp(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  int64_t pixels = (int64_t)c->channels * c->height * c->width;
  m->encoder = 0;
  int code = clgen_net_linear(net, "fc1", pixels, c->hidden);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "fc21", c->hidden, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "fc22", c->hidden, c->nz);
  if (code >= 0) code = m->decoder = clgen_net_linear(net, "fc3", c->nz, c->hidden);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->unflatten = clgen_net_linear(net, "fc4", c->hidden, pixels);
  return code;
}

static int build_conv(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  int64_t wide = 2 * (int64_t)c->ngf, features = wide * (c->height / 4) * (c->width / 4);
  m->encoder = 0;
  int code = clgen_net_conv2d(net, "conv1", c->channels, c->ngf, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_conv2d(net, "conv2", c->ngf, wide, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "fc21", features, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "fc22", features, c->nz);
  if (code >= 0) code = m->decoder = clgen_net_linear(net, "fc3", c->nz, features);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = m->unflatten = clgen_net_conv_transpose2d(net, "deconv1", wide, c->ngf, 4, 2, 1, true);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_conv_transpose2d(net, "deconv2", c->ngf, c->channels, 4, 2, 1, true);
  return code;
}

int clgen_vae_build(clgen_model *m) {
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_PYTORCH);
  if (!code) code = m->config.arch == CLGEN_ARCH_VAE_MLP ? build_mlp(m, m->nets[0]) : build_conv(m, m->nets[0]);
  if (code < 0) return code;
  m->networks[0] = (clgen_model_network){.prefix = "VAE", .net = m->nets[0], .bare = true, .forwards = 1};
  m->n_networks = 1;
  return CLGEN_OK;
}

int clgen_model_encode(const clgen_model *m, clgen_bound *b, clgen_tensor *images, clgen_tensor **mu,
                       clgen_tensor **logvar) {
  clgen_tensor *h = clgen_bound_forward(b, m->encoder, m->mu - m->encoder, images, true);
  *mu = clgen_bound_forward(b, m->mu, 1, h, true);
  *logvar = clgen_bound_forward(b, m->logvar, 1, h, true);
  return *mu && *logvar ? CLGEN_OK : CLGEN_E_INVALID;
}

int clgen_model_elbo(const clgen_model *m, clgen_bound *b, clgen_tensor *images, clgen_tensor *eps, clgen_tensor **bernoulli,
                     clgen_tensor **kl) {
  clgen_tensor *mu, *logvar;
  int code = clgen_model_encode(m, b, images, &mu, &logvar);
  if (code) return code;
  clgen_tensor *z = clgen_add(mu, clgen_mul(eps, clgen_exp(clgen_affine(logvar, 0.5f, 0))));
  *bernoulli = clgen_loss_bernoulli(clgen_model_decode(m, b, z, true), images);
  *kl = clgen_loss_kl(mu, logvar);
  return *bernoulli && *kl ? CLGEN_OK : CLGEN_E_INVALID;
}

/* The normalising constants of p(z) and q(z | image) cancel. */
clgen_tensor *clgen_model_log_weight(const clgen_model *m, clgen_bound *b, clgen_tensor *images, clgen_tensor *eps) {
  clgen_tensor *mu, *logvar;
  if (clgen_model_encode(m, b, images, &mu, &logvar)) return NULL;
  clgen_tensor *z = clgen_add(mu, clgen_mul(eps, clgen_exp(clgen_affine(logvar, 0.5f, 0))));
  clgen_tensor *prior_to_posterior = clgen_sub(clgen_add(clgen_square(eps), logvar), clgen_square(z));
  return clgen_sub(clgen_affine(clgen_sum(prior_to_posterior, 1u << 1, false), 0.5f, 0),
                   clgen_loss_bernoulli(clgen_model_decode(m, b, z, true), images));
}
