/* The states of a run that starts from a trained network. */
#include "train/train_internal.h"

#include <stdlib.h>

enum { FISHER_IMAGES = 256 };

/* ---- States ---- */

/* A network's parameters with what is known of each. */
typedef struct {
  const clgen_model_network *network;
  int64_t n;
  float *value, *fisher; /* fisher: 0 where there is none */
  uint8_t *mark;
  bool *frozen, *real; /* real: not a gap of alignment */
} parameters;

static void parameters_free(parameters *p) {
  free(p->value);
  free(p->fisher);
  free(p->mark);
  free(p->frozen);
  free(p->real);
}

static int put(clgen_store *store, const parameters *p, const char *suffix) {
  char *name = clgen_format("%s.%s", p->network->prefix, suffix);
  int code = name ? clgen_store_declare(store, name, CLGEN_F32, clgen_shape_of(1, p->n)) : CLGEN_E_NOMEM;
  if (!code) code = clgen_store_write(store, name, 0, p->n, p->value);
  free(name);
  return code;
}

static int gather(parameters *p, const clgen_run *r, int index) {
  *p = (parameters){.network = clgen_model_network_at(r->model, index)};
  const clgen_net *net = p->network->net;
  p->n = clgen_net_param_size(net);
  size_t n = (size_t)p->n;
  p->value = calloc(n, sizeof *p->value);
  p->fisher = calloc(n, sizeof *p->fisher);
  p->mark = calloc(n, 1);
  p->frozen = calloc(n, sizeof *p->frozen);
  p->real = calloc(n, sizeof *p->real);
  if (!p->value || !p->fisher || !p->mark || !p->frozen || !p->real) return clgen_fail_nomem(n * 12);
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i);
    for (int64_t k = 0; t->kind == CLGEN_NET_PARAM && k < clgen_shape_count(&t->shape); ++k) {
      p->real[t->offset + k] = true;
      p->frozen[t->offset + k] = r->frozen[index] && r->frozen[index][i];
    }
  }
  return clgen_weight_transfer_marks(r->carry, index, p->mark);
}

static int put_rates(const clgen_run *r, parameters *p) {
  for (int64_t i = 0; i < p->n; ++i) p->value[i] = p->frozen[i] ? 0 : p->mark[i] ? (float)r->options.lr_old : 1;
  return put(r->store, p, "rate");
}

/* Where nothing was carried over the spring is that of weight decay. */
static int put_anchor_penalties(const clgen_run *r, parameters *p) {
  const clgen_train_options *o = &r->options;
  char *name = clgen_format("%s.param", p->network->prefix);
  int code = name ? clgen_store_read(r->store, name, 0, p->n, p->value) : CLGEN_E_NOMEM;
  free(name);
  for (int64_t i = 0; i < p->n; ++i)
    if (!p->mark[i]) p->value[i] = 0;
  if (!code) code = put(r->store, p, "anchor");
  for (int64_t i = 0; i < p->n; ++i) {
    double l2_sp = o->l2_sp > 0 ? (p->mark[i] ? o->l2_sp : o->l2_sp_new) : 0;
    p->value[i] = p->frozen[i] || !p->real[i] ? 0 : (float)(l2_sp + 2 * o->ewc * (double)p->fisher[i]);
  }
  return code ? code : put(r->store, p, "stiffness");
}

/* ---- Fisher information ---- */

static int load_source(const clgen_run *r, clgen_store *store) {
  const clgen_model *m = clgen_weight_transfer_source(r->carry);
  int code = CLGEN_OK;
  for (int i = 0; !code && i < clgen_model_network_count(m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    if (clgen_weight_transfer_has(r->carry, w)) code = clgen_model_load(m, store, r->init_file, w);
  }
  return code;
}

static void say_fisher(const clgen_run *r, const parameters *p) {
  double sum = 0, largest = 0, n = 0;
  for (int64_t i = 0; i < p->n; ++i) {
    n += p->mark[i] == 2;
    sum += (double)p->fisher[i];
    if ((double)p->fisher[i] > largest) largest = (double)p->fisher[i];
  }
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "ewc:      Fisher information of %s on %d images: mean %.3g, largest %.3g",
                  p->network->prefix, FISHER_IMAGES, n > 0 ? sum / n : 0, largest);
}

static int find_fisher(const clgen_run *r, int index, parameters *p) {
  const clgen_model *m = clgen_weight_transfer_source(r->carry);
  int network, generator, code = clgen_run_fisher_networks(r, index, &network, &generator);
  if (code) return code;
  int64_t numbers = 2 * FISHER_IMAGES * (int64_t)clgen_model_get_config(m)->nz;
  float *latents = malloc((size_t)numbers * sizeof *latents);
  float *fisher[CLGEN_MODEL_MAX_NETWORKS] = {NULL};
  fisher[network] = malloc((size_t)clgen_net_param_size(clgen_model_network_at(m, network)->net) * sizeof(float));
  clgen_store *store = NULL;
  code = latents && fisher[network] ? clgen_store_create(&store, r->device) : clgen_fail_nomem((size_t)numbers * 4);
  if (!code) clgen_normals_fill((uint64_t)r->options.seed, CLGEN_STREAM_FISHER, 0, numbers, latents);
  if (!code) code = load_source(r, store);
  if (!code) code = clgen_fisher(m, store, network, generator, FISHER_IMAGES, latents, fisher[network]);
  if (!code) code = clgen_weight_transfer_numbers(r->carry, index, fisher, p->fisher);
  if (!code) say_fisher(r, p);
  clgen_store_free(store);
  free(fisher[network]);
  free(latents);
  return code;
}

int clgen_run_init_begin(clgen_run *r) {
  const clgen_train_options *o = &r->options;
  if (!r->carry) return CLGEN_OK;
  int code = clgen_weight_transfer_apply(r->carry, r->store);
  for (int i = 0; !code && i < clgen_model_network_count(r->model); ++i) {
    if (!clgen_run_trains(r->model, i)) continue;
    parameters p;
    code = gather(&p, r, i);
    if (!code && clgen_run_is_rated(r, i)) code = put_rates(r, &p);
    if (!code && clgen_run_ewc_is_of(o, i)) code = find_fisher(r, i, &p);
    if (!code && (o->l2_sp > 0 || clgen_run_ewc_is_of(o, i))) code = put_anchor_penalties(r, &p);
    parameters_free(&p);
  }
  return code;
}
