/* A step of a trainer held against golden values: where its networks start, what it reports, its gradients. Include after
 * golden.h. */
#ifndef CLGEN_TEST_STEPS_H
#define CLGEN_TEST_STEPS_H

#include <clgen/model.h>
#include <clgen/train.h>

/* Whole numbers of the file. */
static inline void labels_of(const char *name, int n, int *out) {
  const char *bytes = data_of(name);
  for (int i = 0; i < n; ++i) {
    int64_t value;
    memcpy(&value, bytes + sizeof value * (size_t)i, sizeof value);
    out[i] = (int)value;
  }
}

/* "<before>G.0.weight"; of what stands alone in a snapshot "<before>fc1.weight". */
static inline const float *entry_of(const char *before, const clgen_model_network *w, const clgen_net_tensor *t) {
  char key[192];
  snprintf(key, sizeof key, "%s%s%s%s", before, w->bare ? "" : w->prefix, w->bare ? "" : ".", t->name);
  return data_of(key);
}

/* Every network starts as the file says, the average of G as G. */
static inline void start_from(const clgen_model *m, clgen_store *store, const char *before) {
  OK(clgen_model_init(m, store, 1));
  int n = clgen_model_network_count(m);
  for (int i = 0; i < n; ++i) {
    const clgen_model_network *w = clgen_model_network_at(m, i);
    const clgen_model_network *from = clgen_model_is_gan(m) && i == n - 1 ? clgen_model_network_at(m, 0) : w;
    for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      if (t->kind == CLGEN_NET_COUNTER) continue;
      char state[64];
      snprintf(state, sizeof state, "%s.%s", w->prefix, t->kind == CLGEN_NET_PARAM ? "param" : "stat");
      OK(clgen_store_write(store, state, t->offset, clgen_shape_count(&t->shape), entry_of(before, from, t)));
    }
  }
}

static inline bool has_value(const char *name, const char *what) {
  char key[128];
  snprintf(key, sizeof key, "%s.%s", name, what);
  return clgen_safetensors_find(golden, key);
}

/* "<name>.<what>", to 1e-5. */
static inline void check_value(const char *name, const clgen_trainer_report *r, const char *what) {
  char key[128];
  snprintf(key, sizeof key, "%s.%s", name, what);
  double expected = (double)*floats_of(key);
  for (int i = 0; i < r->n; ++i) {
    if (strcmp(r->name[i], what)) continue;
    if (!(fabs(r->mean[i] - expected) <= 1e-5 * fmax(1, fabs(expected))))
      fail_msg("%s: %.8g where PyTorch has %.8g", key, r->mean[i], expected);
    return;
  }
  fail_msg("%s is not reported", key);
}

/* "<before>G.0.weight" and so on against a state, "<prefix>.<state>", or the parameters and statistics where it is NULL: to
 * 1e-4 of the network's largest. */
static inline void check_network(const char *before, clgen_store *store, const clgen_model_network *w, const char *of) {
  double largest_one = 0, worst = 0;
  for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
    if (t->kind == CLGEN_NET_COUNTER || (of && t->kind != CLGEN_NET_PARAM)) continue;
    char state[64];
    snprintf(state, sizeof state, "%s.%s", w->prefix, of ? of : t->kind == CLGEN_NET_PARAM ? "param" : "stat");
    const float *expected = entry_of(before, w, t);
    int64_t n = clgen_shape_count(&t->shape);
    float *got = new_floats((size_t)n);
    OK(clgen_store_read(store, state, t->offset, n, got));
    for (int64_t i = 0; i < n; ++i) {
      double off = fabs((double)got[i] - (double)expected[i]);
      largest_one = fmax(largest_one, fabs((double)expected[i]));
      if (!(off <= worst)) worst = off;
    }
    free(got);
  }
  if (!(largest_one > 0 && worst <= 1e-4 * largest_one))
    fail_msg("%s: those of %s differ by up to %g, the largest is %g", before, w->prefix, worst, largest_one);
}

static inline void check_grad(const char *name, clgen_store *store, const clgen_model_network *w) {
  char before[128];
  snprintf(before, sizeof before, "%s.grad.%s", name, w->bare ? "VAE." : "");
  check_network(before, store, w, "grad");
}

#endif
