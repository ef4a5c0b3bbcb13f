/* How networks are told a class. */
#include "model/model_internal.h"

#include <string.h>

static const char *const conds[CLGEN_CONDS] = {"none", "concat", "projection", "acgan"};

const char *clgen_cond_name(clgen_cond cond) { return (size_t)cond < CLGEN_CONDS ? conds[cond] : "?"; }

int clgen_cond_parse(const char *name, clgen_cond *out) {
  for (size_t i = 0; i < CLGEN_CONDS; ++i)
    if (strcmp(conds[i], name) == 0) {
      *out = (clgen_cond)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no conditioning is called \"%s\"; there are %s", name, CLGEN_COND_CHOICES);
}

bool clgen_model_is_conditional(const clgen_model *m) { return m->config.cond != CLGEN_COND_NONE; }

/* ---- Joined to something ---- */

int clgen_model_joined(const clgen_model_config *c) {
  return c->cond == CLGEN_COND_CONCAT || c->cond == CLGEN_COND_ACGAN ? c->classes : 0;
}

clgen_tensor *clgen_model_join(const clgen_model *m, clgen_tensor *x, const clgen_pass *pass) {
  return clgen_model_joined(&m->config) ? clgen_model_append_class(m, x, pass) : x;
}

clgen_tensor *clgen_model_append_class(const clgen_model *m, clgen_tensor *x, const clgen_pass *pass) {
  if (!x || !clgen_model_is_conditional(m)) return x;
  int64_t n = clgen_tensor_dim(x, 0), labels = clgen_tensor_dim(pass->labels, 0), classes = m->config.classes;
  x = clgen_reshape(x, clgen_shape_of(2, n, clgen_shape_count(clgen_tensor_shape(x)) / n));
  clgen_tensor *y = pass->labels;
  if (n != labels) { /* several draws an image */
    y = clgen_broadcast(clgen_reshape(y, clgen_shape_of(3, labels, 1, classes)),
                        clgen_shape_of(3, labels, n / labels, classes));
    y = clgen_reshape(y, clgen_shape_of(2, n, classes));
  }
  return clgen_concat(2, (clgen_tensor *[]){x, y}, 1);
}

int clgen_model_planes(const clgen_model_config *c) { return c->cond == CLGEN_COND_CONCAT ? c->classes : 0; }

clgen_tensor *clgen_model_join_planes(const clgen_model *m, clgen_tensor *images, const clgen_pass *pass) {
  if (!images || !clgen_model_planes(&m->config)) return images;
  const clgen_shape *s = clgen_tensor_shape(images);
  clgen_tensor *y = clgen_reshape(pass->labels, clgen_shape_of(4, s->dim[0], m->config.classes, 1, 1));
  y = clgen_broadcast(y, clgen_shape_of(4, s->dim[0], m->config.classes, s->dim[2], s->dim[3]));
  return clgen_concat(2, (clgen_tensor *[]){images, y}, 1);
}

/* ---- In a generator's norms, and behind a discriminator's features ---- */

int clgen_model_batch_norm(const clgen_model_config *c, clgen_net *net, const char *name, int64_t channels) {
  return c->cond == CLGEN_COND_PROJECTION ? clgen_net_conditional_batch_norm(net, name, c->classes, channels)
                                          : clgen_net_batch_norm(net, name, channels);
}

int clgen_model_add_class_head(clgen_model *m, clgen_net *d, int64_t features) {
  const clgen_model_config *c = &m->config;
  int code = CLGEN_OK;
  if (c->cond == CLGEN_COND_PROJECTION) code = m->class_head = clgen_net_embedding(d, "embed", c->classes, features);
  if (c->cond == CLGEN_COND_ACGAN) code = m->class_head = clgen_net_linear(d, "aux", features, c->classes);
  return code;
}

int clgen_model_verdict_layer(const clgen_model *m) {
  return (m->class_head < 0 ? clgen_net_layer_count(m->nets[1]) : m->class_head) - 1;
}

clgen_tensor *clgen_model_project(const clgen_model *m, clgen_module *b, clgen_tensor *features, clgen_tensor *logits,
                                  const clgen_pass *pass) {
  if (!features || !logits || m->config.cond != CLGEN_COND_PROJECTION) return logits;
  clgen_tensor *on_classes = clgen_module_forward(b, m->class_head, 1, features, pass->training);
  return clgen_add(logits, clgen_sum(clgen_mul(on_classes, pass->labels), 1u << 1, false));
}

clgen_tensor *clgen_model_class_logits(const clgen_model *m, clgen_module *b, clgen_tensor *features,
                                       const clgen_pass *pass) {
  if (m->config.cond == CLGEN_COND_ACGAN) {
    const clgen_pass again = {
        .labels = pass->labels}; /* as the discriminator's pass, and spectral norms' vectors move no further */
    if (features && m->row->sum_up) features = m->row->sum_up(m, b, features, &again);
    return features ? clgen_module_forward(b, m->class_head, 1, features, pass->training) : NULL;
  }
  clgen_fail(CLGEN_E_INVALID, "this discriminator has no auxiliary classifier");
  return NULL;
}
