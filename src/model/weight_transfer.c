/* What of a snapshot fits into another model, and what is done to it. */
#include "model/model_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  clgen_transferred result;
  int net, tensor;   /* of the model */
  int source, entry; /* network and tensor of the file's model */
  bool changes;
  clgen_axis_change change;
} row;

struct clgen_weight_transfer {
  const clgen_model *model;
  clgen_model *source;
  const clgen_safetensors *file;
  row *rows;
  int n;
};

static void full_name(char out[96], const clgen_model_network *w, const char *name) {
  snprintf(out, 96, "%s%s%s", w->bare ? "" : w->prefix, w->bare ? "" : ".", name);
}

/* ---- How they fit ---- */

static int only_axis_that_differs(const clgen_shape *a, const clgen_shape *b) {
  int axis = -1;
  if (a->ndim != b->ndim) return -1;
  for (int i = 0; i < a->ndim; ++i) {
    if (a->dim[i] == b->dim[i]) continue;
    if (axis >= 0) return -1;
    axis = i;
  }
  return axis;
}

/* Whether images go into the layer of an entry, rather than out of it. */
static bool faces_input(const clgen_model *m, const clgen_net *net, int entry) {
  if (clgen_model_is_gan(m)) return net != m->nets[0]; /* of D, or an encoder */
  if (clgen_model_is_classifier(m)) return true;
  int first;
  clgen_net_layer_tensors(net, m->latent, &first);
  return entry < first; /* of the encoder */
}

static void note_colours(row *r) {
  const clgen_axis_change *c = &r->change;
  bool in = c->kind == CLGEN_AXIS_COLOURS_IN, more = c->channels > c->channels_was;
  const char *how = in ? (more ? "divided among" : "added up over") : (more ? "repeated for" : "averaged over");
  bool alpha_only = (c->channels + 1) / 2 == (c->channels_was + 1) / 2;
  if (alpha_only)
    snprintf(r->result.note, sizeof r->result.note, "colour channels; alpha %s", more ? "is initialised" : "is left out");
  else
    snprintf(r->result.note, sizeof r->result.note, "%s the colours: %d channel%s from %d", how, c->channels,
             c->channels > 1 ? "s" : "", c->channels_was);
}

static bool changes_rows(row *r, int axis, int now, int was, const char *what) {
  if (now == was || r->result.shape.dim[axis] != now || r->result.was.dim[axis] != was) return false;
  r->change = (clgen_axis_change){.kind = CLGEN_AXIS_ROWS, .axis = axis};
  snprintf(r->result.note, sizeof r->result.note, "%d of %d %s", now < was ? now : was, now, what);
  return true;
}

/* Sets r->change where the two differ in what may differ. Widths that differ would make it a matter of chance. */
static bool fits_in_part(const clgen_weight_transfer *c, row *r) {
  const clgen_model_config *now = &c->model->config, *was = &c->source->config;
  int axis = only_axis_that_differs(&r->result.shape, &r->result.was);
  if (axis < 0 || now->ngf != was->ngf || now->ndf != was->ndf || now->hidden != was->hidden) return false;
  int64_t size = r->result.shape.dim[axis], size_was = r->result.was.dim[axis];
  bool same_size = now->height == was->height && now->width == was->width;
  int64_t pixels = (int64_t)now->height * now->width;
  if (now->channels != was->channels) {
    bool planes = size == now->channels && size_was == was->channels;
    bool images = same_size && size == now->channels * pixels && size_was == was->channels * pixels;
    if (planes || images) {
      bool in = faces_input(c->model, clgen_model_network_at(c->model, r->net)->net, r->tensor);
      r->change = (clgen_axis_change){.kind = in ? CLGEN_AXIS_COLOURS_IN : CLGEN_AXIS_COLOURS_OUT, .axis = axis};
      r->change.channels = now->channels;
      r->change.channels_was = was->channels;
      note_colours(r);
      return true;
    }
  }
  return changes_rows(r, axis, now->nz, was->nz, "latents") || changes_rows(r, axis, now->classes, was->classes, "classes");
}

/* ---- The rows ---- */

bool clgen_weight_transfer_has(const clgen_weight_transfer *c, const clgen_model_network *w) {
  char name[96];
  full_name(name, w, clgen_net_tensor_at(w->net, 0)->name);
  return clgen_safetensors_find(c->file, name) != NULL;
}

/* The file's network for network `index`: itself, or of G and G_ema the other; -1: there is none. */
static int source_network(const clgen_weight_transfer *c, int index) {
  int average = c->source->n_networks - 1, others[2] = {index, index};
  if (clgen_model_is_gan(c->source) && (index == 0 || index == average)) others[1] = average - index;
  for (int i = 0; i < 2; ++i)
    if (clgen_weight_transfer_has(c, &c->source->networks[others[i]])) return others[i];
  return -1;
}

static int add_row(clgen_weight_transfer *c, int index, int source, int tensor) {
  const clgen_model_network *w = &c->model->networks[index];
  const clgen_net_tensor *t = clgen_net_tensor_at(w->net, tensor);
  row *r = &c->rows[c->n++];
  *r = (row){.result = {.shape = t->shape}, .net = index, .tensor = tensor, .source = source};
  full_name(r->result.name, w, t->name);
  bool image_is_last = clgen_model_is_gan(c->model) && w->net == c->model->nets[0];
  r->entry = source < 0 ? -1 : clgen_weight_transfer_match(w->net, tensor, c->source->networks[source].net, image_is_last);
  if (r->entry < 0) return CLGEN_OK;
  const clgen_net_tensor *from = clgen_net_tensor_at(c->source->networks[source].net, r->entry);
  full_name(r->result.from, &c->source->networks[source], from->name);
  r->result.was = from->shape;
  if (!clgen_safetensors_find(c->file, r->result.from))
    return clgen_fail(CLGEN_E_FORMAT, "%s: lacks the tensor \"%s\"", clgen_safetensors_path(c->file), r->result.from);
  r->changes = !clgen_shape_equal(&t->shape, &from->shape);
  r->result.how = !r->changes ? CLGEN_TRANSFER_WHOLE : fits_in_part(c, r) ? CLGEN_TRANSFER_PART : CLGEN_TRANSFER_NOT;
  return CLGEN_OK;
}

static int make_rows(clgen_weight_transfer *c) {
  size_t room = 0;
  for (int i = 0; i < c->model->n_networks; ++i) room += (size_t)clgen_net_tensor_count(c->model->networks[i].net);
  c->rows = calloc(room, sizeof *c->rows);
  int code = c->rows ? CLGEN_OK : clgen_fail_nomem(room * sizeof *c->rows);
  for (int i = 0; !code && i < c->model->n_networks; ++i) {
    const clgen_net *net = c->model->networks[i].net;
    int source = source_network(c, i);
    for (int k = 0; !code && k < clgen_net_tensor_count(net); ++k)
      if (clgen_net_tensor_at(net, k)->kind != CLGEN_NET_COUNTER) code = add_row(c, i, source, k);
  }
  return code;
}

int clgen_weight_transfer_create(clgen_weight_transfer **out, const clgen_model *m, const clgen_safetensors *file) {
  *out = NULL;
  clgen_weight_transfer *c = calloc(1, sizeof *c);
  if (!c) return clgen_fail_nomem(sizeof *c);
  c->model = m;
  c->file = file;
  int code = clgen_model_open(&c->source, file);
  if (!code && c->source->config.arch != m->config.arch)
    code =
        clgen_fail(CLGEN_E_INVALID, "%s contains a %s, expected a %s: their layers do not match",
                   clgen_safetensors_path(file), clgen_arch_name(c->source->config.arch), clgen_arch_name(m->config.arch));
  if (!code) code = make_rows(c);
  if (code)
    clgen_weight_transfer_free(c);
  else
    *out = c;
  return code;
}

void clgen_weight_transfer_free(clgen_weight_transfer *c) {
  if (!c) return;
  clgen_model_free(c->source);
  free(c->rows);
  free(c);
}

int clgen_weight_transfer_count(const clgen_weight_transfer *c) { return c->n; }
const clgen_transferred *clgen_weight_transfer_at(const clgen_weight_transfer *c, int i) { return &c->rows[i].result; }
const clgen_model *clgen_weight_transfer_source(const clgen_weight_transfer *c) { return c->source; }

/* ---- Values ---- */

static int carry_values(const clgen_weight_transfer *c, const row *r, float *to, uint8_t *mark) {
  int64_t n = clgen_shape_count(&r->result.was);
  float *from = malloc((size_t)n * sizeof *from);
  int code =
      from ? clgen_safetensors_read_f32(c->file, r->result.from, &r->result.was, from) : clgen_fail_nomem((size_t)n * 4);
  if (!code) clgen_weight_transfer_tensor(&r->result.shape, &r->result.was, r->changes ? &r->change : NULL, from, to, mark);
  free(from);
  return code;
}

static int apply_to(const clgen_weight_transfer *c, clgen_store *store, int index, clgen_net_kind kind) {
  const clgen_model_network *w = &c->model->networks[index];
  int64_t size = kind == CLGEN_NET_PARAM ? clgen_net_param_size(w->net) : clgen_net_stat_size(w->net);
  if (!size) return CLGEN_OK;
  char *state = clgen_format("%s.%s", w->prefix, kind == CLGEN_NET_PARAM ? "param" : "stat");
  float *values = malloc((size_t)size * sizeof *values);
  int code = state && values ? clgen_store_read(store, state, 0, size, values) : clgen_fail_nomem((size_t)size * 4);
  for (int i = 0; !code && i < c->n; ++i) {
    const row *r = &c->rows[i];
    const clgen_net_tensor *t = clgen_net_tensor_at(w->net, r->tensor);
    if (r->net == index && t->kind == kind && r->result.how) code = carry_values(c, r, values + t->offset, NULL);
  }
  if (!code) code = clgen_store_write(store, state, 0, size, values);
  free(values);
  free(state);
  return code;
}

int clgen_weight_transfer_apply(const clgen_weight_transfer *c, clgen_store *store) {
  int code = CLGEN_OK;
  for (int i = 0; !code && i < c->model->n_networks; ++i) {
    code = apply_to(c, store, i, CLGEN_NET_PARAM);
    if (!code) code = apply_to(c, store, i, CLGEN_NET_STAT);
  }
  return code;
}

/* The rows of a network's parameters, with numbers in place of the file's. */
static int carry_numbers(const clgen_weight_transfer *c, int index, float *const values[CLGEN_MODEL_MAX_NETWORKS],
                         float *out, uint8_t *mark) {
  const clgen_net *net = c->model->networks[index].net;
  for (int i = 0; i < c->n; ++i) {
    const row *r = &c->rows[i];
    const clgen_net_tensor *t = clgen_net_tensor_at(net, r->tensor);
    if (r->net != index || t->kind != CLGEN_NET_PARAM || !r->result.how || (values && !values[r->source])) continue;
    int64_t offset = clgen_net_tensor_at(c->source->networks[r->source].net, r->entry)->offset;
    const clgen_axis_change *change = r->changes ? &r->change : NULL;
    int code = CLGEN_OK;
    if (values)
      clgen_weight_transfer_tensor(&r->result.shape, &r->result.was, change, values[r->source] + offset, out + t->offset,
                                   mark + t->offset);
    else
      code = carry_values(c, r, out + t->offset, mark + t->offset);
    if (code) return code;
  }
  return CLGEN_OK;
}

int clgen_weight_transfer_marks(const clgen_weight_transfer *c, int index, uint8_t *mark) {
  size_t n = (size_t)clgen_net_param_size(c->model->networks[index].net);
  float *unused = malloc(n * sizeof *unused);
  memset(mark, 0, n);
  int code = unused ? carry_numbers(c, index, NULL, unused, mark) : clgen_fail_nomem(n * sizeof *unused);
  free(unused);
  return code;
}

int clgen_weight_transfer_numbers(const clgen_weight_transfer *c, int index, float *const values[CLGEN_MODEL_MAX_NETWORKS],
                                  float *out) {
  size_t n = (size_t)clgen_net_param_size(c->model->networks[index].net);
  uint8_t *mark = calloc(n, 1);
  memset(out, 0, n * sizeof *out);
  int code = mark ? carry_numbers(c, index, values, out, mark) : clgen_fail_nomem(n);
  for (size_t i = 0; !code && i < n; ++i)
    if (mark[i] != 2) out[i] = 0;
  free(mark);
  return code;
}
