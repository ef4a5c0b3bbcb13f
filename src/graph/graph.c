/* Graphs and their nodes. */
#include "graph/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

size_t clgen_dtype_size(clgen_dtype dtype) { return dtype == CLGEN_U8 ? 1 : 4; }

clgen_shape clgen_shape_from(const int64_t *v) {
  clgen_shape s = {.ndim = v[0] < 0 ? 0 : v[0] > CLGEN_MAX_DIMS ? CLGEN_MAX_DIMS : (int)v[0]};
  for (int i = 0; i < s.ndim; ++i) s.dim[i] = v[1 + i];
  return s;
}

int64_t clgen_shape_count(const clgen_shape *shape) {
  int64_t n = 1;
  for (int i = 0; i < shape->ndim; ++i) n *= shape->dim[i];
  return n;
}

bool clgen_shape_fits(const clgen_shape *shape) {
  int64_t n = 1;
  for (int i = 0; i < shape->ndim; ++i) {
    if (n && shape->dim[i] > CLGEN_MOST_ELEMENTS / n) return false;
    n *= shape->dim[i];
  }
  return true;
}

bool clgen_shape_equal(const clgen_shape *a, const clgen_shape *b) {
  if (a->ndim != b->ndim) return false;
  for (int i = 0; i < a->ndim; ++i)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

const char *clgen_shape_text(const clgen_shape *shape, char *buf, size_t size) {
  size_t n = 0;
  if (size) buf[0] = 0;
  if (!shape->ndim) snprintf(buf, size, "scalar");
  for (int i = 0; i < shape->ndim && n < size; ++i)
    n += (size_t)snprintf(buf + n, size - n, i ? "x%lld" : "%lld", (long long)shape->dim[i]);
  return buf;
}

int clgen_graph_create(clgen_graph **out) {
  clgen_forget_error(); /* a chain of calls reports where it broke: nothing older may look as if it had */
  *out = calloc(1, sizeof **out);
  return *out ? CLGEN_OK : clgen_fail_nomem(sizeof **out);
}

static void node_free(clgen_tensor *t) {
  if (!t) return;
  free(t->in);
  free(t->offsets);
  free(t->name);
  free(t);
}

void clgen_graph_free(clgen_graph *g) {
  if (!g) return;
  for (int i = 0; i < g->count; ++i) node_free(g->node[i]);
  free(g->node);
  free(g->table);
  free(g);
}

clgen_graph *clgen_tensor_graph(const clgen_tensor *t) { return t->graph; }
const clgen_shape *clgen_tensor_shape(const clgen_tensor *t) { return &t->shape; }
clgen_dtype clgen_tensor_dtype(const clgen_tensor *t) { return t->dtype; }
int64_t clgen_tensor_dim(const clgen_tensor *t, int i) { return i >= 0 && i < t->shape.ndim ? t->shape.dim[i] : 1; }

const char *clgen_op_name(int op) {
  static const char *const names[] = {
#define X(NAME, name) #name,
      CLGEN_STRUCTURAL_OPS(X)
#undef X
  };
  if (op >= 0 && op < CLGEN_EW_COUNT) return clgen_ew_name(op);
  return op < CLGEN_OP_COUNT ? names[op - CLGEN_OP_FIRST_STRUCTURAL] : "?";
}

clgen_tensor *clgen_node_fail(const char *op, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  clgen_vsnprintf(text, sizeof text, format, args);
  va_end(args);
  clgen_fail(CLGEN_E_INVALID, "%s: %s", op, text);
  return NULL;
}

bool clgen_operands_ok(const char *op, int n, clgen_tensor *const *in) {
  for (int i = 0; i < n; ++i)
    if (!in[i]) { /* the first message stays, so that a chain of calls reports where it broke */
      if (!clgen_last_error()[0]) clgen_node_fail(op, "operand %d is missing", i);
      return false;
    }
  for (int i = 1; i < n; ++i)
    if (in[i]->graph != in[0]->graph) {
      clgen_node_fail(op, "its operands are of different graphs");
      return false;
    }
  return true;
}

/* ---- Equal nodes ---- */

static uint64_t node_hash(const clgen_tensor *t) {
  uint64_t h = clgen_hash64(&t->op, sizeof t->op, (uint64_t)t->dtype);
  h = clgen_hash64(t->shape.dim, sizeof t->shape.dim[0] * (size_t)t->shape.ndim, h);
  for (int i = 0; i < t->n_in; ++i) h = clgen_hash64(&t->in[i]->id, sizeof t->in[i]->id, h);
  return clgen_hash64(&t->attr, sizeof t->attr, h);
}

static bool node_equal(const clgen_tensor *a, const clgen_tensor *b) {
  if (a->op != b->op || a->dtype != b->dtype || a->n_in != b->n_in || !clgen_shape_equal(&a->shape, &b->shape)) return false;
  for (int i = 0; i < a->n_in; ++i)
    if (a->in[i] != b->in[i]) return false;
  return memcmp(&a->attr, &b->attr, sizeof a->attr) == 0;
}

/* Nodes with an identity of their own are never merged with an equal one. */
static bool has_identity(int op) {
  return op == CLGEN_OP_INPUT || op == CLGEN_OP_STATE || op == CLGEN_OP_ASSIGN || op == CLGEN_OP_PACK;
}

static bool table_grow(clgen_graph *g) {
  int room = g->table_room ? g->table_room * 2 : 256;
  int *table = calloc((size_t)room, sizeof *table);
  if (!table) return false;
  for (int i = 0; i < g->count; ++i) {
    if (has_identity(g->node[i]->op)) continue;
    size_t at = node_hash(g->node[i]) & (size_t)(room - 1);
    while (table[at]) at = (at + 1) & (size_t)(room - 1);
    table[at] = i + 1;
  }
  free(g->table);
  g->table = table;
  g->table_room = room;
  return true;
}

static int *table_find(clgen_graph *g, const clgen_tensor *t) {
  size_t at = node_hash(t) & (size_t)(g->table_room - 1);
  while (g->table[at] && !node_equal(g->node[g->table[at] - 1], t)) at = (at + 1) & (size_t)(g->table_room - 1);
  return &g->table[at];
}

static clgen_tensor *node_new(clgen_graph *g, const clgen_tensor *like) {
  if (g->count == g->room) {
    int room = g->room ? g->room * 2 : 128;
    clgen_tensor **node = realloc(g->node, (size_t)room * sizeof *node);
    if (!node) return NULL;
    g->node = node;
    g->room = room;
  }
  clgen_tensor *t = malloc(sizeof *t);
  if (!t) return NULL;
  *t = *like;
  t->id = g->count;
  t->in = malloc((size_t)(t->n_in ? t->n_in : 1) * sizeof *t->in);
  if (!t->in) {
    free(t);
    return NULL;
  }
  if (t->n_in) memcpy(t->in, like->in, (size_t)t->n_in * sizeof *t->in);
  return g->node[g->count++] = t;
}

clgen_tensor *clgen_node_add(clgen_graph *g, int op, clgen_dtype dtype, clgen_shape shape, int n_in, clgen_tensor *const *in,
                             const clgen_attr *attr) {
  char text[96];
  for (int i = 0; i < shape.ndim; ++i)
    if (shape.dim[i] < 1)
      return clgen_node_fail(clgen_op_name(op), "a result of shape %s is empty",
                             clgen_shape_text(&shape, text, sizeof text));
  if (!clgen_shape_fits(&shape))
    return clgen_node_fail(clgen_op_name(op), "a result of shape %s has more elements than can be counted",
                           clgen_shape_text(&shape, text, sizeof text));
  clgen_tensor like = {.graph = g, .op = op, .dtype = dtype, .shape = shape, .n_in = n_in, .in = (clgen_tensor **)in};
  if (attr)
    memcpy(&like.attr, attr, sizeof like.attr);
  else
    memset(&like.attr, 0, sizeof like.attr);
  int *entry = NULL;
  if (!has_identity(op)) {
    if (2 * (g->count + 1) > g->table_room && !table_grow(g)) goto no_memory;
    entry = table_find(g, &like);
    if (*entry) return g->node[*entry - 1];
  }
  clgen_tensor *t = node_new(g, &like);
  if (!t) goto no_memory;
  if (entry) *entry = t->id + 1;
  return t;
no_memory:
  clgen_fail_nomem(sizeof like);
  return NULL;
}

/* ---- Sources ---- */

static clgen_tensor *named(clgen_graph *g, int op, const char *name, clgen_dtype dtype, clgen_shape shape) {
  char a[96], b[96];
  for (int i = 0; i < g->count; ++i) {
    clgen_tensor *t = g->node[i];
    if (t->op != op || strcmp(t->name, name) != 0) continue;
    if (t->dtype == dtype && clgen_shape_equal(&t->shape, &shape)) return t;
    return clgen_node_fail(clgen_op_name(op), "\"%s\" is there already with another type or shape (%s, now %s)", name,
                           clgen_shape_text(&t->shape, a, sizeof a), clgen_shape_text(&shape, b, sizeof b));
  }
  char *copy = clgen_strdup(name); /* first: a node without its name would stay in the graph */
  clgen_tensor *t = copy ? clgen_node_add(g, op, dtype, shape, 0, NULL, NULL) : NULL;
  if (!t)
    free(copy);
  else
    t->name = copy;
  return t;
}

clgen_tensor *clgen_input(clgen_graph *g, const char *name, clgen_dtype dtype, clgen_shape shape) {
  return named(g, CLGEN_OP_INPUT, name, dtype, shape);
}

clgen_tensor *clgen_state(clgen_graph *g, const char *name, clgen_dtype dtype, clgen_shape shape) {
  return named(g, CLGEN_OP_STATE, name, dtype, shape);
}

clgen_tensor *clgen_constant(clgen_graph *g, float value, clgen_shape shape) {
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.p = value;
  return clgen_node_add(g, CLGEN_EW_CONST, CLGEN_F32, shape, 0, NULL, &attr);
}

static clgen_tensor *random_node(int op, clgen_graph *g, clgen_tensor *counter, uint64_t seed, uint32_t stream,
                                 clgen_shape shape) {
  if (!clgen_operands_ok(clgen_op_name(op), 1, &counter)) return NULL;
  if (counter->dtype != CLGEN_U32 || clgen_shape_count(&counter->shape) != 1)
    return clgen_node_fail(clgen_op_name(op), "the counter must be one U32 element");
  if (counter->shape.ndim) counter = clgen_reshape(counter, clgen_shape_of(0)); /* every element reads the same one */
  if (!counter) return NULL;
  clgen_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.seed = seed;
  attr.stream = stream;
  return clgen_node_add(g, op, CLGEN_F32, shape, 1, &counter, &attr);
}

clgen_tensor *clgen_random_uniform(clgen_graph *g, clgen_tensor *counter, uint64_t seed, uint32_t stream,
                                   clgen_shape shape) {
  return random_node(CLGEN_EW_RANDOM_UNIFORM, g, counter, seed, stream, shape);
}

clgen_tensor *clgen_random_normal(clgen_graph *g, clgen_tensor *counter, uint64_t seed, uint32_t stream, clgen_shape shape) {
  return random_node(CLGEN_EW_RANDOM_NORMAL, g, counter, seed, stream, shape);
}

int clgen_output(clgen_tensor *t) {
  if (!t) return clgen_operands_ok("output", 1, &t), clgen_last_code();
  t->output = true;
  return CLGEN_OK;
}
