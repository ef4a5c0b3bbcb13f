/* The log lines of --init: which tensors were transferred, initialised and frozen. */
#include "train/train_internal.h"

#include <string.h>

static void say_row(const clgen_run *r, const clgen_transferred *c) {
  char shape[96], was[96];
  clgen_shape_text(&c->shape, shape, sizeof shape);
  clgen_shape_text(&c->was, was, sizeof was);
  if (c->how == CLGEN_TRANSFER_PART)
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "init:     %s %s from %s %s: %s", c->name, shape, c->from, was, c->note);
  else if (c->from[0])
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "init:     %s %s is initialised: %s has shape %s", c->name, shape, c->from,
                    was);
  else
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "init:     %s %s is initialised: the file has no such tensor", c->name, shape);
}

static bool is_used(const clgen_weight_transfer *c, const char *name) {
  for (int i = 0; i < clgen_weight_transfer_count(c); ++i)
    if (clgen_weight_transfer_at(c, i)->how != CLGEN_TRANSFER_NOT && strcmp(clgen_weight_transfer_at(c, i)->from, name) == 0)
      return true;
  return false;
}

/* Lists the file's tensors that are not used. */
static void say_left(const clgen_run *r) {
  const clgen_model *m = clgen_weight_transfer_source(r->carry);
  for (int i = 0; i < clgen_model_network_count(m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    for (int k = 0; clgen_weight_transfer_has(r->carry, w) && k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      char name[96], shape[96];
      snprintf(name, sizeof name, "%s%s%s", w->bare ? "" : w->prefix, w->bare ? "" : ".", t->name);
      if (t->kind != CLGEN_NET_COUNTER && !is_used(r->carry, name))
        clgen_log_write(&r->log, CLGEN_LOG_INFO, "init:     %s %s of the file is not used", name,
                        clgen_shape_text(&t->shape, shape, sizeof shape));
    }
  }
}

static void say_frozen(const clgen_run *r) {
  for (int i = 0, row = 0; i < clgen_model_network_count(r->model); ++i) {
    const clgen_net *net = clgen_model_network_at(r->model, i)->net;
    long long n = 0, all = (long long)clgen_net_param_count(net);
    for (int k = 0; k < clgen_net_tensor_count(net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(net, k);
      if (t->kind == CLGEN_NET_COUNTER) continue;
      const clgen_transferred *c = clgen_weight_transfer_at(r->carry, row++);
      if (!r->frozen[i] || !r->frozen[i][k] || t->kind != CLGEN_NET_PARAM) continue;
      n += clgen_shape_count(&t->shape);
      if (c->how == CLGEN_TRANSFER_NOT)
        clgen_log_write(&r->log, CLGEN_LOG_WARNING, "%s is frozen, so it keeps its random initialisation", c->name);
    }
    if (n)
      clgen_log_write(&r->log, CLGEN_LOG_INFO, "frozen:   %lld of %lld parameters of network %s", n, all,
                      clgen_model_network_at(r->model, i)->prefix);
  }
}

void clgen_run_init_say(const clgen_run *r) {
  if (!r->carry) return;
  int n = clgen_weight_transfer_count(r->carry), whole = 0, part = 0;
  for (int i = 0; i < n; ++i) {
    const clgen_transferred *c = clgen_weight_transfer_at(r->carry, i);
    whole += c->how == CLGEN_TRANSFER_WHOLE;
    part += c->how == CLGEN_TRANSFER_PART;
    if (c->how != CLGEN_TRANSFER_WHOLE) say_row(r, c);
  }
  say_left(r);
  char parts[48] = "";
  if (part) snprintf(parts, sizeof parts, ", and %d in part", part);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "init:     %d of %d tensors from %s%s", whole, n, r->options.init, parts);
  say_frozen(r);
}
