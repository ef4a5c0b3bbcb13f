/* A small convolutional classifier, whose last hidden layer serves as features of images. */
#include "model/model_internal.h"

/* Halves the picture until its smaller side is below 6 pixels, twice the channels each time, at most 8 times the first. */
static int build(clgen_model *m) {
  const clgen_model_config *c = &m->config;
  int code = clgen_net_create(&m->nets[0], CLGEN_INIT_PYTORCH), in = c->channels, out = c->ndf, h = c->height, w = c->width;
  if (code) return code;
  clgen_net *net = m->nets[0];
  for (int i = 1; code >= 0 && h >= 6 && w >= 6; ++i, h /= 2, w /= 2) {
    char conv[16], norm[16];
    snprintf(conv, sizeof conv, "conv%d", i);
    snprintf(norm, sizeof norm, "bn%d", i);
    code = clgen_net_conv2d(net, conv, in, out, 4, 2, 1, false);
    if (code >= 0) code = clgen_net_batch_norm(net, norm, out);
    if (code >= 0) code = clgen_net_relu(net);
    in = out;
    if (out < 8 * c->ndf) out *= 2;
  }
  if (code >= 0) code = clgen_net_linear(net, "fc1", (int64_t)in * h * w, c->hidden);
  if (code >= 0) code = clgen_net_relu(net);
  if (code >= 0) code = clgen_net_linear(net, "fc2", c->hidden, c->classes);
  if (code < 0) return code;
  clgen_model_list_one(m, "C");
  return CLGEN_OK;
}

static clgen_tensor *classify(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                              clgen_tensor **features) {
  int last = clgen_net_layer_count(m->nets[0]) - 1;
  clgen_tensor *seen = clgen_module_forward(b, 0, last, images, pass->training);
  if (features) *features = seen;
  return clgen_module_forward(b, last, 1, seen, pass->training);
}

static int check(const clgen_model_config *c) {
  if (c->classes >= 2 && c->classes <= 65536) return CLGEN_OK;
  return clgen_fail(CLGEN_E_INVALID, "a classifier of %d classes: images with labels of at least two classes are needed",
                    c->classes);
}

const clgen_arch_row clgen_arch_classifier = {
    .kind = CLGEN_CLASSIFIER,
    .defaults = {.ndf = 16, .hidden = 64, .batch = 128, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .tick = 20},
    .check = check,
    .build = build,
    .classify = classify,
};
