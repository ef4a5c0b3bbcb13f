/* DCGAN: Radford, Metz, Chintala 2015, for 32x32 and 64x64, with the names of PyTorch's Sequential. */
#include "model/model_internal.h"

/* Layers are named by their index, activations included. */
static const char *next(int *index, char name[12]) {
  snprintf(name, 12, "%d", (*index)++);
  return name;
}

int clgen_dcgan_generator(clgen_net *net, const clgen_model_config *c) {
  char name[12];
  int i = 0, in = c->nz + clgen_model_joined(c), out = c->ngf * c->height / 8;
  int code = clgen_net_conv_transpose2d(net, next(&i, name), in, out, 4, 1, 0, false);
  while (code >= 0) {
    code = clgen_model_batch_norm(c, net, next(&i, name), out);
    if (code >= 0) code = clgen_net_relu(net);
    ++i;
    if (code < 0 || out == c->ngf) break;
    in = out;
    out /= 2;
    code = clgen_net_conv_transpose2d(net, next(&i, name), in, out, 4, 2, 1, false);
  }
  if (code >= 0) code = clgen_net_conv_transpose2d(net, next(&i, name), out, c->channels, 4, 2, 1, false);
  return code >= 0 ? clgen_net_tanh(net) : code;
}

int clgen_dcgan_convolutions(clgen_net *net, const clgen_model_config *c, clgen_norm norm, int *index, int *channels) {
  char name[12];
  int code = 0, in = *channels, out = c->ndf, last = c->ndf * c->height / 8;
  for (; code >= 0 && out <= last; in = out, out *= 2) {
    code = clgen_net_conv2d(net, next(index, name), in, out, 4, 2, 1, !norm);
    if (code >= 0 && norm && *index > 1) code = clgen_net_norm(net, norm, next(index, name), out);
    if (code >= 0) code = clgen_net_leaky_relu(net, 0.2f);
    ++*index;
  }
  *channels = in;
  return code;
}

int clgen_dcgan_discriminator(clgen_model *m, clgen_net *net) {
  const clgen_model_config *c = &m->config;
  char name[12];
  int i = 0, in = c->channels + clgen_model_planes(c);
  clgen_norm norm = clgen_d_norm_layer(c->d_norm);
  if (c->d_norm == CLGEN_D_SPECTRAL) clgen_net_spectral_norm(net);
  int code = clgen_dcgan_convolutions(net, c, norm, &i, &in);
  if (code >= 0) code = in = clgen_model_add_minibatch(c, net, in, 16);
  if (code >= 0) code = clgen_net_conv2d(net, next(&i, name), in, 1, 4, 1, 0, !norm);
  return code >= 0 ? clgen_model_add_class_head(m, net, (int64_t)in * 16) : code;
}

static int build(clgen_model *m) {
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_DCGAN);
  if (!code) code = clgen_net_create(&m->nets[1], CLGEN_INIT_DCGAN);
  if (!code) code = clgen_dcgan_generator(m->nets[0], &m->config);
  if (code >= 0) code = clgen_dcgan_discriminator(m, m->nets[1]);
  if (code < 0) return code;
  clgen_model_list_gan(m);
  return CLGEN_OK;
}

clgen_tensor *clgen_dcgan_decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  int joined = clgen_model_joined(&m->config);
  z = clgen_model_join(m, z, pass);
  if (z) z = clgen_reshape(z, clgen_shape_of(4, clgen_tensor_dim(z, 0), m->config.nz + joined, 1, 1));
  return clgen_module_forward_labelled(b, 0, clgen_net_layer_count(m->nets[0]), z, pass->labels, pass->training);
}

clgen_tensor *clgen_dcgan_discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                       clgen_tensor **features) {
  int last = clgen_model_verdict_layer(m);
  clgen_tensor *seen = clgen_module_forward(b, 0, last, clgen_model_join_planes(m, images, pass), pass->training);
  clgen_tensor *y = clgen_module_forward(b, last, 1, seen, pass->training);
  if (features) *features = seen;
  y = clgen_reshape(y, clgen_shape_of(1, clgen_tensor_dim(images, 0)));
  return clgen_model_project(m, b, seen, y, pass);
}

int clgen_dcgan_check(const clgen_model_config *c) {
  if (c->height == c->width && (c->height == 32 || c->height == 64)) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "%s makes images of 32x32 or 64x64 pixels, and these are %dx%d; resize them with --res 32",
                    clgen_arch_name(c->arch), c->width, c->height);
}

const clgen_arch_row clgen_arch_dcgan = {
    .kind = CLGEN_GAN,
    .defaults = {CLGEN_DCGAN_DEFAULTS, .lr = 2e-4},
    .d_norm = CLGEN_D_BATCH_NORM,
    .d_norms = CLGEN_EVERY_D_NORM,
    .conds = CLGEN_EVERY_COND,
    .check = clgen_dcgan_check,
    .build = build,
    .decode = clgen_dcgan_decode,
    .discriminate = clgen_dcgan_discriminate,
};
