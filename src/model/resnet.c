/* ResNet GAN: Gulrajani et al. 2017, appendix C, and Miyato et al. 2018, appendix B.4, for 32x32 (blocks of one width) and
 * 64x64 (twice the channels for half the side, at most 8 times the first). */
#include <stdlib.h>

#include <clgen/blocks.h>

#include "model/model_internal.h"

#define MAX_BLOCKS 5

typedef struct {
  clgen_residual g[MAX_BLOCKS], d[MAX_BLOCKS];
  int n_g, n_d;
  int g_tail, d_tail; /* the layers behind the blocks: of G four, of D the last */
} plan;

static const char *block_name(char out[24], int number) {
  snprintf(out, 24, "block%d", number);
  return out;
}

/* How many times ngf or ndf a picture of so many pixels a side has channels. */
static int width(const clgen_model_config *c, int side) {
  if (c->height == 32) return 1;
  return side >= 64 ? 1 : 64 / side < 8 ? 64 / side : 8;
}

static int build_generator(clgen_net *net, const clgen_model_config *c, plan *p) {
  char name[24];
  int64_t in = (int64_t)c->ngf * width(c, 4);
  int code = clgen_net_linear(net, "fc", c->nz + clgen_model_joined(c), in * 16);
  for (int side = 8; code >= 0 && side <= c->height; side *= 2) {
    clgen_residual *r = &p->g[p->n_g++];
    *r = (clgen_residual){.in = in, .out = (int64_t)c->ngf * width(c, side), .resample = CLGEN_UPSAMPLE};
    r->norm = CLGEN_NORM_BATCH;
    r->classes = c->cond == CLGEN_COND_PROJECTION ? c->classes : 0;
    r->squeeze = c->se;
    code = clgen_net_residual(net, block_name(name, p->n_g), r);
    in = r->out;
  }
  if (code >= 0) code = p->g_tail = clgen_model_batch_norm(c, net, "norm", in);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_conv2d(net, "conv", in, c->channels, 3, 1, 1, true);
  return code >= 0 ? clgen_net_tanh(net) : code;
}

/* Down to 8x8 and two blocks more, or to 4x4 and one more. */
static int build_discriminator(clgen_model *m, clgen_net *net, plan *p) {
  const clgen_model_config *c = &m->config;
  char name[24];
  int64_t in = c->channels + clgen_model_planes(c);
  int code = 0, side = c->height, last = c->height == 32 ? 8 : 4;
  if (c->d_norm == CLGEN_D_SPECTRAL) clgen_net_spectral_norm(net);
  for (int same = 0; code >= 0 && same < last / 4;) {
    clgen_residual *r = &p->d[p->n_d++];
    *r = (clgen_residual){.in = in, .first = p->n_d == 1, .norm = clgen_d_norm_layer(c->d_norm), .squeeze = c->se};
    r->resample = side > last ? CLGEN_DOWNSAMPLE : CLGEN_SAME_SIZE;
    if (side > last)
      side /= 2;
    else
      ++same;
    r->out = (int64_t)c->ndf * width(c, 2 * side);
    code = clgen_net_residual(net, block_name(name, p->n_d), r);
    in = r->out;
  }
  if (code >= 0) code = clgen_model_add_minibatch(c, net, (int)in, 1);
  in = code;
  if (code >= 0) code = p->d_tail = clgen_net_linear(net, "fc", in, 1);
  return code >= 0 ? clgen_model_add_class_head(m, net, in) : code;
}

static int build(clgen_model *m) {
  plan *p = m->plan = calloc(1, sizeof *p);
  if (!p) return clgen_fail_nomem(sizeof *p);
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_XAVIER);
  if (!code) code = clgen_net_create(&m->nets[1], CLGEN_INIT_XAVIER);
  if (!code) code = build_generator(m->nets[0], &m->config, p);
  if (code >= 0) code = build_discriminator(m, m->nets[1], p);
  if (code < 0) return code;
  clgen_model_list_gan(m);
  return CLGEN_OK;
}

static clgen_tensor *decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  const plan *p = m->plan;
  clgen_tensor *x = clgen_module_forward(b, 0, 1, clgen_model_join(m, z, pass), pass->training);
  x = clgen_reshape(x, clgen_shape_of(4, clgen_tensor_dim(z, 0), p->g[0].in, 4, 4));
  for (int i = 0; i < p->n_g; ++i) x = clgen_module_residual(b, &p->g[i], x, pass->labels, pass->training);
  return clgen_module_forward_labelled(b, p->g_tail, 4, x, pass->labels, pass->training);
}

/* Means over the picture, and what tells of the batch, if anything. */
static clgen_tensor *sum_up(const clgen_model *m, clgen_module *b, clgen_tensor *picture, const clgen_pass *pass) {
  const plan *p = m->plan;
  const clgen_residual *last = &p->d[p->n_d - 1];
  int behind = last->se >= 0 ? last->se + 3 : (last->shortcut >= 0 ? last->shortcut : last->conv2) + 1;
  clgen_tensor *x = clgen_mean(picture, 1u << 2 | 1u << 3, false);
  return clgen_module_forward(b, behind, p->d_tail - behind, x, pass->training);
}

static clgen_tensor *discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                  clgen_tensor **features) {
  const plan *p = m->plan;
  clgen_tensor *x = clgen_model_join_planes(m, images, pass);
  for (int i = 0; i < p->n_d; ++i) x = clgen_module_residual(b, &p->d[i], x, NULL, pass->training);
  x = clgen_relu(x);
  if (features) *features = x;
  x = sum_up(m, b, x, pass);
  clgen_tensor *logits = clgen_module_forward(b, p->d_tail, 1, x, pass->training);
  logits = clgen_reshape(logits, clgen_shape_of(1, clgen_tensor_dim(images, 0)));
  return clgen_model_project(m, b, x, logits, pass);
}

static int check(const clgen_model_config *c) {
  if (c->height == c->width && (c->height == 32 || c->height == 64)) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "resnet makes images of 32x32 or 64x64 pixels, and these are %dx%d; resize them with --res 32", c->width,
                    c->height);
}

const clgen_arch_row clgen_arch_resnet = {
    .kind = CLGEN_GAN,
    .defaults = {.res = 32, .ngf = 64, .ndf = 64, .nz = 128, .batch = 64, .lr = 2e-4, .beta1 = 0, .beta2 = 0.9, .tick = 4},
    .d_norm = CLGEN_D_PLAIN,
    .d_norms = CLGEN_EVERY_D_NORM,
    .takes_se = true,
    .conds = CLGEN_EVERY_COND,
    .check = check,
    .build = build,
    .decode = decode,
    .discriminate = discriminate,
    .sum_up = sum_up,
};
