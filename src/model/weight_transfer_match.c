/* Which tensor of a network serves for which of another. */
#include "model/model_internal.h"

#include <ctype.h>
#include <string.h>

/* How far a name goes without the end that spectral normalisation gives it: what that trains is the weight. */
static size_t length_of(const char *name) {
  size_t n = strlen(name), end = strlen("_orig");
  return n > end && strcmp(name + n - end, "_orig") == 0 ? n - end : n;
}

static bool same_name(const char *a, const char *b) {
  return length_of(a) == length_of(b) && strncmp(a, b, length_of(a)) == 0;
}

/* Where a tensor is in a chain of layers: at which layer with weights, counted from the image; whether it is of the norm
 * behind it; whether it is of the layer at the other end, which meets its like only. */
typedef struct {
  int place;
  bool norm, end;
  const char *part; /* ".weight" of "3.weight" */
} station;

/* A norm has a number for each channel, or a table of them for each class. */
static bool is_norm(const clgen_net *net, int first) {
  const clgen_net_tensor *t = clgen_net_tensor_at(net, first);
  return t->shape.ndim == 1 || strstr(t->name, ".gamma.");
}

static station station_of(const clgen_net *net, int tensor, bool image_is_last) {
  station s = {.place = -1};
  int layers_with_weights = 0;
  for (int layer = 0; layer < clgen_net_layer_count(net); ++layer) {
    int first, count = clgen_net_layer_tensors(net, layer, &first);
    if (!count) continue;
    bool norm = is_norm(net, first);
    layers_with_weights += !norm;
    if (tensor < first || tensor >= first + count) continue;
    s.place = layers_with_weights - 1;
    s.norm = norm;
  }
  s.end = !s.norm && s.place == (image_is_last ? 0 : layers_with_weights - 1);
  if (image_is_last) s.place = layers_with_weights - 1 - s.place;
  s.part = strchr(clgen_net_tensor_at(net, tensor)->name, '.');
  return s;
}

static bool meet(const station *a, const station *b) {
  return a->place == b->place && a->norm == b->norm && a->end == b->end && a->part && b->part && same_name(a->part, b->part);
}

/* A chain has numbers for names, and more of them where the image is larger. */
int clgen_weight_transfer_match(const clgen_net *to, int i, const clgen_net *from, bool image_is_last) {
  const char *name = clgen_net_tensor_at(to, i)->name;
  bool chain = isdigit((unsigned char)name[0]);
  station here = station_of(to, i, image_is_last);
  for (int k = 0; k < clgen_net_tensor_count(from); ++k) {
    const clgen_net_tensor *t = clgen_net_tensor_at(from, k);
    if (t->kind != clgen_net_tensor_at(to, i)->kind) continue;
    station there = station_of(from, k, image_is_last);
    if (chain ? meet(&here, &there) : same_name(name, t->name)) return k;
  }
  return -1;
}
