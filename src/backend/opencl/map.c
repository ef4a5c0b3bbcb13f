/* MAP: one generated kernel. The domain is cut into rows (along the last axis) and rows into chunks; a work-item of a wide
 * device takes a stretch of neighbouring chunks, one of the others takes every so many-th chunk, which is one element. */
#include "backend/opencl/map.h"

enum { LONG_CHUNK = 1024, SMALL_WORK = 131072, ITEMS_PER_UNIT = 4 };

void clgen_map_store(clgen_ew_gen *g, int width) {
  const clgen_step *s = g->w->s;
  char value[24], word[24];
  for (int k = 0; k < s->n_outputs; ++k) {
    int load = clgen_ew_word_load(s, s->value[k]);
    snprintf(value, sizeof value, "v%d", s->value[k]);
    snprintf(word, sizeof word, "w%d", load);
    clgen_ew_store(g, k, width, "b", value, load >= 0 ? word : NULL);
  }
}

static void emit_loop(clgen_ew_gen *g, int width, const char *condition) {
  clgen_text_add(g->t, "for (; %s; j += %d) {\n", condition, width);
  clgen_ew_evaluate(g, width, "b");
  clgen_map_store(g, width);
  clgen_text_add(g->t, "}\n");
}

/* Four vectors at a time, as random numbers like to be made. */
static void emit_quads(clgen_ew_gen *g, int width) {
  clgen_text_add(g->t, "for (; j + %d <= last;) {\n", 4 * width);
  clgen_ew_draw_quads(g, width, "b");
  clgen_text_add(g->t, "for (int q = 0; q < 4; ++q, j += %d) {\n", width);
  g->in_quad = true;
  clgen_ew_evaluate(g, width, "b");
  g->in_quad = false;
  clgen_map_store(g, width);
  clgen_text_add(g->t, "}\n}\n");
}

typedef struct {
  bool wide;
  int width;
  int64_t chunk, blocks, rows, units, per_item;
} layout;

/* The place of unit u. Where units are rows, an item of a wide device need not divide for each: it counts on. */
static void open_units(clgen_ew_gen *g, const layout *l, unsigned outer, bool counts) {
  clgen_ew_number(g, "chunk", l->chunk);
  clgen_ew_number(g, "blocks", l->blocks);
  clgen_ew_number(g, "units", l->units);
  if (l->wide) {
    clgen_ew_number(g, "per_item", l->per_item);
    clgen_text_add(g->t, "int u = ITEM * per_item;\nconst int end = min(units, u + per_item);\n");
    if (counts) clgen_ew_decode(g, outer, "u");
    clgen_text_add(g->t, "for (; u < end; ++u) {\n");
  } else {
    clgen_text_add(g->t, "for (int u = ITEM; u < units; u += ITEMS) {\n");
  }
  if (l->blocks == 1)
    clgen_text_add(g->t, "const int row = u; int j = 0;\n");
  else if (l->rows == 1)
    clgen_text_add(g->t, "const int row = 0; int j = u * chunk;\n");
  else
    clgen_text_add(g->t, "const int row = u / blocks; int j = (u - row * blocks) * chunk;\n");
  clgen_text_add(g->t, "const int last = min(j + chunk, d%d);\n", g->column);
  if (!counts) clgen_ew_decode(g, outer, "row");
}

static void emit(clgen_ew_gen *g, const layout *l) {
  const clgen_ew_walk *w = g->w;
  unsigned outer = (1u << g->column) - 1u;
  bool counts = l->wide && l->blocks == 1 && g->column > 1;
  char condition[40];
  clgen_ew_open(g, true);
  open_units(g, l, outer, counts);
  clgen_ew_bases(g, outer, 0, w->n_operands, NULL, "b");
  clgen_ew_load_fixed(g, "b");
  snprintf(condition, sizeof condition, "j + %d <= last", l->width);
  if (l->width > 1 && w->dim[g->column] >= 4 * l->width && clgen_ew_draws_quads(g)) emit_quads(g, l->width);
  if (l->width > 1) emit_loop(g, l->width, condition);
  if (l->width == 1 || w->dim[g->column] % l->width != 0) emit_loop(g, 1, "j < last");
  if (counts) clgen_ew_advance(g, outer);
  clgen_text_add(g->t, "}\n}\n");
}

/* The widest vector that the row fills at least once. */
static int choose_width(const clgen_ocl *ocl, const clgen_ew_walk *w) {
  int width = ocl->width;
  if (!clgen_ew_is_unit(w, 0, w->n_operands)) return 1;
  while (width > 1 && width > w->dim[w->nd - 1]) width /= 2;
  return width < 4 ? 1 : width;
}

/* The kernel's text; returns the number of work-items that are wanted. */
static size_t write_rows(const clgen_ocl *ocl, clgen_ew_gen *g, int64_t total) {
  const clgen_ew_walk *w = g->w;
  int64_t length = w->dim[w->nd - 1];
  layout l = {.wide = ocl->wide, .width = choose_width(ocl, w), .rows = total / length};
  l.chunk = !ocl->wide ? 1 : length <= 2 * LONG_CHUNK ? length : LONG_CHUNK;
  l.blocks = (length + l.chunk - 1) / l.chunk;
  l.units = l.rows * l.blocks;
  int64_t items = ocl->wide ? ITEMS_PER_UNIT * (int64_t)ocl->units : l.units;
  if (ocl->wide && total * w->s->n_instrs < SMALL_WORK) items = 1;
  if (items > l.units) items = l.units;
  l.per_item = (l.units + items - 1) / items;
  emit(g, &l);
  if (ocl->wide) return (size_t)((l.units + l.per_item - 1) / l.per_item);
  int64_t most = 4096 * (int64_t)ocl->units; /* beyond this many, work-items of a GPU loop */
  if (most > CLGEN_STEP_MAX_ITEMS) most = CLGEN_STEP_MAX_ITEMS;
  return (size_t)(items > most ? most : items);
}

int clgen_ocl_add_map(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  clgen_ew_walk w;
  clgen_ew_walk_make(&w, s);
  int64_t total = clgen_ew_count(&w, ~0u);
  if (total == 0) return CLGEN_OK;
  clgen_ocl_launch *item = clgen_ocl_launch_add(plan, index);
  if (!item) return clgen_fail_nomem(sizeof *item);
  clgen_text body = {0};
  clgen_ew_gen g = {.t = &body, .plan = plan, .w = &w, .column = w.nd - 1, .end = s->n_instrs};
  size_t items = clgen_map_turns(ocl, &w) ? clgen_map_write_turned(ocl, &g) : write_rows(ocl, &g, total);
  for (int k = 0; k < s->n_inputs; ++k) item->mem[item->n_mems++] = clgen_ocl_mem_of(&s->in[k]);
  for (int k = 0; k < s->n_outputs; ++k) item->mem[item->n_mems++] = clgen_ocl_mem_of(&s->out[k]);
  item->generated = clgen_ocl_body_add(plan, &body, item->n_mems);
  item->local = ocl->local;
  item->global = (items + ocl->local - 1) / ocl->local * ocl->local;
  return CLGEN_OK;
}
