/* A VAE whose decoder is the generator of a GAN: Larsen, Sonderby, Larochelle, Winther 2016, in DCGAN's shapes. */
#include "model/model_internal.h"

/* The discriminator's convolutions with batch norm, then a layer for the mean and one for the log variance, which a class is
 * told beside what the convolutions made of the image. */
static int build_encoder(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  int index = 0, channels = c->channels, told = c->cond ? c->classes : 0;
  int code = clgen_dcgan_convolutions(net, c, CLGEN_NORM_BATCH, &index, &channels);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "mu", (int64_t)channels * 16 + told, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "logvar", (int64_t)channels * 16 + told, c->nz);
  return code;
}

static int build(clgen_model *m) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < 3; ++i) code = clgen_net_create(&m->nets[i], CLGEN_INIT_DCGAN);
  if (!code) code = clgen_dcgan_generator(m->nets[0], &m->config);
  if (code >= 0) code = clgen_dcgan_discriminator(m, m->nets[1]);
  if (code >= 0) code = build_encoder(m, m->nets[2]);
  if (code < 0) return code;
  m->networks[0] =
      (clgen_model_network){.prefix = "G", .net = m->nets[0], .forwards = 1}; /* whose statistics move: samples */
  m->networks[1] = (clgen_model_network){.prefix = "D", .net = m->nets[1], .forwards = 3};
  m->networks[2] = (clgen_model_network){.prefix = "E", .net = m->nets[2], .forwards = 1};
  m->networks[3] = (clgen_model_network){.prefix = "G_ema", .net = m->nets[0], .forwards = 1};
  m->n_networks = 4;
  return CLGEN_OK;
}

static int encode(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor **mu,
                  clgen_tensor **logvar) {
  clgen_tensor *h = clgen_model_append_class(m, clgen_module_forward(b, 0, m->mu, images, pass->training), pass);
  *mu = clgen_module_forward(b, m->mu, 1, h, pass->training);
  *logvar = clgen_module_forward(b, m->logvar, 1, h, pass->training);
  return *mu && *logvar ? CLGEN_OK : clgen_last_code();
}

const clgen_arch_row clgen_arch_vae_gan = {
    .kind = CLGEN_GAN,
    .defaults = {CLGEN_DCGAN_DEFAULTS, .lr = 1e-3, .lr_d = 2e-4},
    .d_norm = CLGEN_D_BATCH_NORM,
    .d_norms = CLGEN_EVERY_D_NORM,
    .conds = CLGEN_EVERY_COND,
    .check = clgen_dcgan_check,
    .build = build,
    .decode = clgen_dcgan_decode,
    .discriminate = clgen_dcgan_discriminate,
    .encode = encode,
};
