/* MAP where some input runs across the last axis (a transpose): by blocks of width x width elements, whose vectors are
 * loaded along the axis on which that input's neighbours lie, and turned in registers. A unit is SUPER rows of blocks by a
 * stretch of the last axis, so that what is read of one cache line is read together. */
#include "backend/opencl/map.h"

enum { SUPER = 64, STRETCH = 256, ITEMS_PER_UNIT = 4 };

typedef struct {
  clgen_ew_gen *g;
  int across; /* the axis along which the turned operands have stride 1 */
  int width;
  unsigned outer;
} turned;

static int find_across(const clgen_ew_walk *w, unsigned *operands) {
  int last = w->nd - 1, across = -1;
  *operands = 0;
  for (int o = 0; o < w->n_operands; ++o) {
    if (w->stride[o][last] == 0 || w->stride[o][last] == 1) continue;
    if (o >= w->s->n_inputs || w->s->in[o].dtype != CLGEN_F32) return -1;
    int a = 0;
    while (a < last && w->stride[o][a] != 1) ++a;
    if (a == last || (across >= 0 && a != across)) return -1;
    across = a;
    *operands |= 1u << o;
  }
  return across;
}

/* One row of a block at a time, or one element at a time where a block is not full. */
static void emit_row(turned *t, int width) {
  clgen_ew_gen *g = t->g;
  clgen_ew_bases(g, 1u << t->across, 0, g->w->n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  clgen_ew_evaluate(g, width, "b");
  clgen_map_store(g, width);
}

static void emit_block(turned *t) {
  clgen_ew_gen *g = t->g;
  char f[24];
  clgen_ew_type("float", t->width, f);
  for (int o = 0; o < g->w->s->n_inputs; ++o) {
    if (!(g->turned >> o & 1u)) continue;
    clgen_text_add(g->t, "%s T%d[%d];\n", f, o, t->width);
    clgen_text_add(g->t, "for (int r = 0; r < %d; ++r) T%d[r] = LOAD(%s, i%d + B%d + i + (j + r) * s%d_%d);\n", t->width, o,
                   f, o, o, o, g->column);
    clgen_text_add(g->t, "ew_transpose_%d(T%d);\n", t->width, o);
  }
  clgen_text_add(g->t, "for (int r = 0; r < %d; ++r) {\nconst int x%d = i + r;\n", t->width, t->across);
  emit_row(t, t->width);
  clgen_text_add(g->t, "}\n");
}

static void emit(turned *t, int64_t units, int64_t per_item) {
  clgen_ew_gen *g = t->g;
  clgen_ew_open(g, true);
  clgen_ew_number(g, "units", units);
  clgen_ew_number(g, "per_item", per_item);
  clgen_text_add(g->t,
                 "const int supers = (d%d + %d) / %d, stretches = (d%d + %d) / %d;\n"
                 "int u = ITEM * per_item;\nconst int end = min(units, u + per_item);\n"
                 "for (; u < end; ++u) {\n"
                 "const int row = u / (supers * stretches);\n"
                 "const int row0 = u / stretches %% supers * %d, row1 = min(row0 + %d, d%d);\n"
                 "const int column0 = u %% stretches * %d, column1 = min(column0 + %d, d%d);\n",
                 t->across, SUPER - 1, SUPER, g->column, STRETCH - 1, STRETCH, SUPER, SUPER, t->across, STRETCH, STRETCH,
                 g->column);
  clgen_ew_decode(g, t->outer, "row");
  clgen_ew_bases(g, t->outer, 0, g->w->n_operands, NULL, "B");
  clgen_text_add(
      g->t,
      "const int whole_rows = row0 + (row1 - row0) / %d * %d, whole_columns = column0 + (column1 - column0) / %d * %d;\n",
      t->width, t->width, t->width, t->width);
  clgen_text_add(g->t, "for (int j = column0; j < whole_columns; j += %d)\nfor (int i = row0; i < whole_rows; i += %d) {\n",
                 t->width, t->width);
  emit_block(t);
  clgen_text_add(g->t, "}\n");
  clgen_text_add(g->t,
                 "for (int x%d = row0; x%d < row1; ++x%d)\nfor (int j = x%d < whole_rows ? whole_columns : column0; j < "
                 "column1; ++j) {\n",
                 t->across, t->across, t->across, t->across);
  emit_row(t, 1);
  clgen_text_add(g->t, "}\n}\n}\n");
}

bool clgen_map_turns(const clgen_ocl *ocl, const clgen_ew_walk *w) {
  unsigned operands;
  int across = ocl->wide && ocl->width >= 4 ? find_across(w, &operands) : -1;
  return across >= 0 && w->dim[across] >= ocl->width && w->dim[w->nd - 1] >= ocl->width;
}

size_t clgen_map_write_turned(const clgen_ocl *ocl, clgen_ew_gen *g) {
  const clgen_ew_walk *w = g->w;
  turned t = {.g = g, .across = find_across(w, &g->turned), .width = ocl->width};
  t.outer = ((1u << g->column) - 1u) & ~(1u << t.across);
  int64_t units =
      clgen_ew_count(w, t.outer) * ((w->dim[t.across] + SUPER - 1) / SUPER) * ((w->dim[g->column] + STRETCH - 1) / STRETCH);
  int64_t most = ITEMS_PER_UNIT * (int64_t)ocl->units, items = units < most ? units : most;
  int64_t per_item = (units + items - 1) / items;
  emit(&t, units, per_item);
  return (size_t)((units + per_item - 1) / per_item);
}
