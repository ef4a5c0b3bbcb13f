/* A small StyleGAN2: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", for 32x32 and 64x64, with
 * equalised learning rates (Karras et al. 2018, section 4.1). A mapping network makes a style of the latent; convolutions on
 * a learned constant are modulated by it; pictures of every size add up to the image. Between pictures
 * upsampling is bilinear, where the paper has zeros beyond the edges; D pools means, where the paper has a longer filter. */
#include <math.h>
#include <stdlib.h>

#include <clgen/blocks.h>

#include "model/model_internal.h"

#define MAX_LEVELS 5
#define SLOPE 0.2f
#define GAIN 1.41421356f /* makes up for what a leaky ReLU takes of the variance */
#define W_SHARE 0.005    /* what a batch adds to the mean style */
#define MIXED 0.9        /* share of the training images with two styles (Karras et al. 2019, section 3.1) */

typedef struct {
  int embed, w_avg, constant;                           /* as layers; embed: of classes, where they are told */
  int levels;                                           /* pictures of 4x4, 8x8, ... */
  clgen_modulated conv[MAX_LEVELS][2], rgb[MAX_LEVELS]; /* the first has no conv[.][0] */
  int from_rgb, conv0[MAX_LEVELS], conv1[MAX_LEVELS], skip[MAX_LEVELS], minibatch, conv_last, fc, out; /* of D, as layers */
} plan;

/* Of ngf or ndf: once at the images' size, twice at half of it, at most 8 times. */
static int64_t width(int channels, int height, int side) {
  return (int64_t)channels * (height / side < 8 ? height / side : 8);
}

/* ---- Their layers ---- */

/* Each class has nz numbers, behind those of the latent: Karras et al. 2020, "Training generative adversarial networks with
 * limited data", whose code is StyleGAN2's with classes. They are brought to length, so that a gain would do nothing. */
static int add_embedding(clgen_model *m) {
  clgen_net *net = m->nets[0];
  int first;
  clgen_net_equalize(net, 0);
  int code = ((plan *)m->plan)->embed = clgen_net_embedding(net, "mapping.embed", m->config.classes, m->config.nz);
  if (code < 0) return code;
  clgen_net_layer_tensors(net, code, &first);
  clgen_net_init_normal(net, first, 0, 1);
  return code;
}

static int add_mapping(clgen_model *m) {
  const clgen_model_config *c = &m->config;
  char name[40];
  plan *p = m->plan;
  int code = 0;
  m->latent = 0;
  clgen_net_equalize(m->nets[0], 0.01f);
  for (int i = 0; code >= 0 && i < c->mapping_layers; ++i) {
    snprintf(name, sizeof name, "mapping.fc%d", i);
    code = clgen_net_linear(m->nets[0], name, i || !c->cond ? c->nz : 2 * (int64_t)c->nz, c->nz);
  }
  if (code >= 0 && c->cond) code = add_embedding(m);
  if (code >= 0) code = p->w_avg = clgen_net_buffer(m->nets[0], "mapping.w_avg", clgen_shape_of(1, c->nz), 0, 0);
  return code;
}

static int add_modulated(clgen_model *m, clgen_modulated *conv, int side, const char *what, clgen_modulated how) {
  char name[40];
  *conv = how;
  conv->style = m->config.nz;
  snprintf(name, sizeof name, "synthesis.b%d.%s", side, what);
  return clgen_net_modulated(m->nets[0], name, conv);
}

static int add_synthesis(clgen_model *m) {
  const clgen_model_config *c = &m->config;
  plan *p = m->plan;
  int64_t in = width(c->ngf, c->height, 4);
  int code = p->constant = clgen_net_parameter(m->nets[0], "synthesis.b4.const", clgen_shape_of(3, in, 4, 4), 0), first;
  if (code < 0) return code;
  clgen_net_layer_tensors(m->nets[0], p->constant, &first);
  clgen_net_init_normal(m->nets[0], first, 0, 1);
  clgen_net_equalize(m->nets[0], 1);
  for (int side = 4; code >= 0 && side <= c->height; side *= 2) {
    int i = p->levels++;
    clgen_modulated how = {.in = in, .out = width(c->ngf, c->height, side), .kernel = 3, .side = side, .slope = SLOPE};
    how.demodulate = true;
    how.resample = CLGEN_UPSAMPLE_SMOOTH;
    if (i) code = add_modulated(m, &p->conv[i][0], side, "conv0", how);
    how.in = in = how.out;
    how.resample = CLGEN_SAME_SIZE;
    if (code >= 0) code = add_modulated(m, &p->conv[i][1], side, "conv1", how);
    if (code >= 0)
      code = add_modulated(m, &p->rgb[i], side, "torgb", (clgen_modulated){.in = in, .out = c->channels, .kernel = 1});
  }
  return code;
}

static int add_discriminator(clgen_model *m) {
  clgen_model_config c = m->config;
  clgen_net *net = m->nets[1];
  plan *p = m->plan;
  char name[24];
  int64_t in = c.ndf;
  int side = c.height, code;
  clgen_net_equalize(net, 1);
  snprintf(name, sizeof name, "b%d.fromrgb", side);
  code = p->from_rgb = clgen_net_conv2d(net, name, c.channels + clgen_model_planes(&c), in, 1, 1, 0, true);
  for (int i = 0; code >= 0 && side > 4; ++i, side /= 2) {
    int64_t out = width(c.ndf, c.height, side / 2);
    snprintf(name, sizeof name, "b%d.conv0", side);
    code = p->conv0[i] = clgen_net_conv2d(net, name, in, in, 3, 1, 1, true);
    snprintf(name, sizeof name, "b%d.conv1", side);
    if (code >= 0) code = p->conv1[i] = clgen_net_conv2d(net, name, in, out, 3, 1, 1, true);
    snprintf(name, sizeof name, "b%d.skip", side);
    if (code >= 0) code = p->skip[i] = clgen_net_conv2d(net, name, in, out, 1, 1, 0, false);
    in = out;
  }
  if (!c.minibatch) c.minibatch = CLGEN_MINIBATCH_STD; /* it is a part of this network */
  p->minibatch = clgen_net_layer_count(net);
  if (code >= 0) code = clgen_model_add_minibatch(&c, net, (int)in, 16);
  if (code >= 0) code = p->conv_last = clgen_net_conv2d(net, "b4.conv", code, in, 3, 1, 1, true);
  if (code >= 0) code = p->fc = clgen_net_linear(net, "b4.fc", in * 16, in);
  if (code >= 0) code = p->out = clgen_net_linear(net, "b4.out", in, 1);
  return code >= 0 ? clgen_model_add_class_head(m, net, in) : code;
}

static int build(clgen_model *m) {
  m->plan = calloc(1, sizeof(plan));
  if (!m->plan) return clgen_fail_nomem(sizeof(plan));
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_PYTORCH);
  if (!code) code = clgen_net_create(&m->nets[1], CLGEN_INIT_PYTORCH);
  if (!code) code = add_mapping(m);
  if (code >= 0) code = add_synthesis(m);
  if (code >= 0) code = add_discriminator(m);
  if (code < 0) return code;
  clgen_model_list_gan(m);
  return CLGEN_OK;
}

/* ---- The generator ---- */

static clgen_tensor *activate(clgen_tensor *x) { return clgen_affine(clgen_leaky_relu(x, SLOPE), GAIN, 0); }

/* Each row with a mean square of 1. */
static clgen_tensor *to_length(clgen_tensor *x) {
  return clgen_mul(x, clgen_rsqrt(clgen_affine(clgen_mean(clgen_square(x), 1u << 1, true), 1, 1e-8f)));
}

static clgen_tensor *map(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  z = to_length(z);
  if (m->config.cond) {
    int table;
    clgen_net_layer_tensors(m->nets[0], ((const plan *)m->plan)->embed, &table);
    clgen_tensor *of_class = clgen_matmul(pass->labels, clgen_module_tensor(b, table), false, false);
    z = clgen_concat(2, (clgen_tensor *[]){z, to_length(of_class)}, 1);
  }
  for (int i = 0; i < m->config.mapping_layers; ++i) z = activate(clgen_module_forward(b, i, 1, z, true));
  return z;
}

static int n_styles(const clgen_model *m) { return 2 * ((const plan *)m->plan)->levels; }

/* Style i of a picture's layers: `coarse`, and from some layer on `fine`. */
typedef struct {
  const clgen_model *model;
  clgen_tensor *coarse, *fine, *from;
  clgen_tensor *all; /* (N,layers,nz), from which they are taken then; NULL: from the others */
} styles;

static clgen_tensor *style_at(const styles *s, int i) {
  if (s->all) return clgen_reshape(clgen_slice(s->all, 1, i, 1), *clgen_tensor_shape(s->coarse));
  if (!s->fine) return s->coarse;
  return clgen_where(clgen_unit_step(clgen_affine(s->from, 1, -(float)i)), s->coarse, s->fine);
}

/* As one tensor, which has to be there before the images are made of it. */
static clgen_tensor *gather_styles(styles *s) {
  clgen_tensor *each[2 * MAX_LEVELS];
  int n = n_styles(s->model);
  clgen_shape row = clgen_shape_of(3, clgen_tensor_dim(s->coarse, 0), 1, clgen_tensor_dim(s->coarse, 1));
  for (int i = 0; i < n; ++i) each[i] = clgen_reshape(style_at(s, i), row);
  return s->all = clgen_concat(n, each, 1);
}

/* In training the mean style moves, and most images change to the style of another latent at a layer drawn for each. */
static bool train_styles(const clgen_model *m, clgen_module *b, const clgen_pass *pass, styles *s,
                         const clgen_shape *latents) {
  int first;
  clgen_net_layer_tensors(m->nets[0], ((const plan *)m->plan)->w_avg, &first);
  if (clgen_module_update_running_stats(b, first, clgen_mean(clgen_stop_gradient(s->coarse), 1u << 0, false), W_SHARE))
    return false;
  if (!pass->draw) return true;
  s->fine = map(m, b, pass->draw(pass->user, true, CLGEN_STREAM_MIX, *latents), pass);
  clgen_tensor *u = pass->draw(pass->user, false, CLGEN_STREAM_MIX_AT, clgen_shape_of(2, latents->dim[0], 1));
  s->from = clgen_affine(u, (float)((n_styles(m) - 1) / MIXED), 1e-6f); /* between 0 and 1, ... L - 2 and L - 1, or beyond */
  if (pass->styles) *pass->styles = s->fine ? gather_styles(s) : NULL;
  return s->fine && s->from && !(pass->styles && !*pass->styles);
}

static bool make_styles(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass, styles *s) {
  int first;
  *s = (styles){.model = m, .coarse = map(m, b, z, pass)};
  if (!s->coarse) return false;
  if (pass->training) return train_styles(m, b, pass, s, clgen_tensor_shape(z));
  if (pass->fine) s->fine = map(m, b, pass->fine, pass), s->from = pass->fine_from;
  if (pass->truncation) { /* Karras et al. 2019, appendix B */
    clgen_net_layer_tensors(m->nets[0], ((const plan *)m->plan)->w_avg, &first);
    clgen_tensor *mean = clgen_module_tensor(b, first);
    s->coarse = clgen_add(mean, clgen_mul(pass->truncation, clgen_sub(s->coarse, mean)));
    if (s->fine) s->fine = clgen_add(mean, clgen_mul(pass->truncation, clgen_sub(s->fine, mean)));
  }
  return true;
}

/* In use a layer's noise is its own and always the same. */
static clgen_tensor *noise_for(const clgen_pass *pass, int layer, int64_t n, int side) {
  if (!pass->training || !pass->draw) return NULL;
  return pass->draw(pass->user, true, CLGEN_STREAM_LAYER + (uint32_t)layer, clgen_shape_of(4, n, 1, side, side));
}

static clgen_tensor *decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass) {
  const plan *p = m->plan;
  styles s;
  int first, side = 4;
  int64_t n = clgen_tensor_dim(z, 0);
  if (!make_styles(m, b, z, pass, &s)) return NULL;
  clgen_net_layer_tensors(m->nets[0], p->constant, &first);
  clgen_tensor *x = clgen_module_tensor(b, first), *image = NULL;
  clgen_shape shape = *clgen_tensor_shape(x);
  x = clgen_broadcast(clgen_reshape(x, clgen_shape_of(4, 1, shape.dim[0], 4, 4)), clgen_shape_of(4, n, shape.dim[0], 4, 4));
  for (int i = 0; i < p->levels; ++i, side *= 2) {
    if (i) x = clgen_module_modulated(b, &p->conv[i][0], x, style_at(&s, 2 * i - 1), noise_for(pass, 2 * i - 1, n, side));
    x = clgen_module_modulated(b, &p->conv[i][1], x, style_at(&s, 2 * i), noise_for(pass, 2 * i, n, side));
    clgen_tensor *rgb = clgen_module_modulated(b, &p->rgb[i], x, style_at(&s, 2 * i + 1), NULL);
    image = i ? clgen_add(clgen_upsample_bilinear(image), rgb) : rgb;
  }
  return image;
}

/* ---- The discriminator ---- */

static clgen_tensor *sum_up(const clgen_model *m, clgen_module *b, clgen_tensor *picture, const clgen_pass *pass) {
  return activate(clgen_module_forward(b, ((const plan *)m->plan)->fc, 1, picture, pass->training));
}

static clgen_tensor *discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                  clgen_tensor **features) {
  const plan *p = m->plan;
  bool training = pass->training;
  clgen_tensor *x = activate(clgen_module_forward(b, p->from_rgb, 1, clgen_model_join_planes(m, images, pass), training));
  for (int i = 0; i < p->levels - 1; ++i) {
    clgen_tensor *beside = clgen_module_forward(b, p->skip[i], 1, clgen_average_pool(x, 2), training);
    x = activate(clgen_module_forward(b, p->conv0[i], 1, x, training));
    x = activate(clgen_module_conv3x3(b, p->conv1[i], x, CLGEN_DOWNSAMPLE, training));
    x = clgen_affine(clgen_add(x, beside), (float)sqrt(0.5), 0);
  }
  x = clgen_module_forward(b, p->minibatch, 1, x, training);
  x = activate(clgen_module_forward(b, p->conv_last, 1, x, training));
  if (features) *features = x;
  x = sum_up(m, b, x, pass);
  clgen_tensor *logits = clgen_module_forward(b, p->out, 1, x, training);
  logits = clgen_reshape(logits, clgen_shape_of(1, clgen_tensor_dim(images, 0)));
  return clgen_model_project(m, b, x, logits, pass);
}

static int check(const clgen_model_config *c) {
  if (c->height == c->width && (c->height == 32 || c->height == 64)) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID,
                    "style makes images of 32x32 or 64x64 pixels, and these are %dx%d; resize them with --res 32", c->width,
                    c->height);
}

const clgen_arch_row clgen_arch_style = {
    .kind = CLGEN_GAN,
    .defaults = {.res = 32,
                 .ngf = 32,
                 .ndf = 32,
                 .nz = 128,
                 .batch = 32,
                 .lr = 2e-3,
                 .clip = 0.5, /* equalised weights start at a deviation of 1, not of a hundredth */
                 .beta1 = 0,
                 .beta2 = 0.99,
                 .tick = 4,
                 .mapping_layers = 4},
    .d_norm = CLGEN_D_PLAIN,
    .d_norms = 1u << CLGEN_D_PLAIN,
    .conds = CLGEN_EVERY_COND,
    .check = check,
    .build = build,
    .decode = decode,
    .discriminate = discriminate,
    .sum_up = sum_up,
    .styles = n_styles,
};
