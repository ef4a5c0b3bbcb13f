/* A VAE of residual blocks with group norm, whose encoder and decoder each change the side by 4. */
#include <stdlib.h>

#include <clgen/blocks.h>

#include "model/model_internal.h"

#define BLOCKS 2

typedef struct {
  clgen_residual down[BLOCKS], up[BLOCKS];
  int stem, down_tail,
      up_tail; /* a convolution; norm and ReLU behind the blocks, and a convolution behind those of the decoder */
} plan;

/* ngf channels at the images' size, twice and four times as many at half and a quarter of it. */
static int add_blocks(clgen_net *net, const clgen_model_config *c, const char *part, bool down, clgen_residual *blocks) {
  char name[40];
  int code = 0;
  for (int i = 0; code >= 0 && i < BLOCKS; ++i) {
    int64_t large = (int64_t)c->ngf << (down ? i : BLOCKS - 1 - i);
    blocks[i] = (clgen_residual){.in = down ? large : 2 * large, .out = down ? 2 * large : large, .squeeze = c->se};
    blocks[i].resample = down ? CLGEN_DOWNSAMPLE : CLGEN_UPSAMPLE;
    blocks[i].norm = CLGEN_NORM_GROUP;
    snprintf(name, sizeof name, "%s.block%d", part, i + 1);
    code = clgen_net_residual(net, name, &blocks[i]);
  }
  return code;
}

static int add_tail(clgen_net *net, const char *name, int64_t channels) {
  int first = clgen_net_norm(net, CLGEN_NORM_GROUP, name, channels), code = first;
  if (code >= 0) code = clgen_net_relu(net);
  return code < 0 ? code : first;
}

static int build(clgen_model *m) {
  const clgen_model_config *c = &m->config;
  int64_t wide = (int64_t)c->ngf << BLOCKS, features = wide * (c->height / 4) * (c->width / 4),
          joined = clgen_model_joined(c);
  plan *p = m->plan = calloc(1, sizeof *p);
  if (!p) return clgen_fail_nomem(sizeof *p);
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_XAVIER);
  clgen_net *net = m->nets[0];
  if (!code) code = clgen_model_add_scale(m);
  if (code >= 0) code = p->stem = clgen_net_conv2d(net, "encoder.conv", c->channels, c->ngf, 3, 1, 1, true);
  if (code >= 0) code = add_blocks(net, c, "encoder", true, p->down);
  if (code >= 0) code = p->down_tail = add_tail(net, "encoder.norm", wide);
  if (code >= 0) code = m->mu = clgen_net_linear(net, "fc21", features + joined, c->nz);
  if (code >= 0) code = m->logvar = clgen_net_linear(net, "fc22", features + joined, c->nz);
  if (code >= 0) code = m->latent = clgen_net_linear(net, "fc3", c->nz + joined, features);
  if (code >= 0) code = add_blocks(net, c, "decoder", false, p->up);
  if (code >= 0) code = p->up_tail = add_tail(net, "decoder.norm", c->ngf);
  if (code >= 0) code = clgen_net_conv2d(net, "decoder.conv", c->ngf, c->channels, 3, 1, 1, true);
  if (code < 0) return code;
  clgen_model_list_one(m, "VAE");
  return CLGEN_OK;
}

static clgen_tensor *run_blocks(clgen_module *b, const clgen_residual *blocks, clgen_tensor *x, bool training) {
  for (int i = 0; i < BLOCKS; ++i) x = clgen_module_residual(b, &blocks[i], x, NULL, training);
  return x;
}

static int encode(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor **mu,
                  clgen_tensor **logvar) {
  const plan *p = m->plan;
  clgen_tensor *h = clgen_module_forward(b, p->stem, 1, images, pass->training);
  h = run_blocks(b, p->down, h, pass->training);
  h = clgen_model_join(m, clgen_module_forward(b, p->down_tail, 2, h, pass->training), pass);
  *mu = clgen_module_forward(b, m->mu, 1, h, pass->training);
  *logvar = clgen_module_forward(b, m->logvar, 1, h, pass->training);
  return *mu && *logvar ? CLGEN_OK : clgen_last_code();
}

static clgen_tensor *decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  const plan *p = m->plan;
  const clgen_model_config *c = &m->config;
  clgen_tensor *h = clgen_module_forward(b, m->latent, 1, clgen_model_join(m, z, pass), pass->training);
  h = clgen_reshape(h, clgen_shape_of(4, clgen_tensor_dim(z, 0), p->up[0].in, c->height / 4, c->width / 4));
  h = run_blocks(b, p->up, h, pass->training);
  return clgen_module_forward(b, p->up_tail, 3, h, pass->training);
}

static int check(const clgen_model_config *c) {
  if (c->height % 4 == 0 && c->width % 4 == 0) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "vae-res needs sides that are multiples of 4, and these are %dx%d; resize them with --res", c->width,
                    c->height);
}

const clgen_arch_row clgen_arch_vae_res = {
    .kind = CLGEN_VAE,
    .defaults = {.ngf = 32, .nz = 20, .batch = 128, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .tick = 20},
    .takes_se = true,
    .conds = 1u << CLGEN_COND_CONCAT,
    .check = check,
    .build = build,
    .decode = decode,
    .encode = encode,
};
