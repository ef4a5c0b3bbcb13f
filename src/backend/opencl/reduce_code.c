/* The text of a REDUCE kernel. */
#include "backend/opencl/reduce.h"

static void add_declarations(clgen_reduction *r, int width, const char *names) {
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = 0; k < r->n_sums; ++k)
    for (const char *n = names; *n; ++n) clgen_text_add(r->gen.t, "%s %c%d = (%s)(0.0f);\n", f, *n, k, f);
}

/* to += the summed values at this place */
static void add_values(clgen_reduction *r, const char *to) {
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(r->gen.t, "%s%d += v%d;\n", to, k, r->sum[k]);
}

static void add_blocks(clgen_reduction *r, int width, const char *sum, const char *error, const char *block) {
  for (int k = 0; k < r->n_sums; ++k)
    clgen_text_add(r->gen.t, "ew_accumulate_%d(&%s%d, &%s%d, %s%d);\n", width, sum, k, error, k, block, k);
}

/* u: which item's task this is; part, and own: which owner. */
static void open_tasks(clgen_reduction *r, int64_t per_item) {
  clgen_ew_gen *g = &r->gen;
  clgen_ew_open(g, r->parts == 1);
  clgen_ew_number(g, "owners", r->owners);
  clgen_ew_number(g, "summands", r->summands);
  if (r->parts > 1) {
    clgen_ew_number(g, "parts", r->parts);
    clgen_ew_number(g, "per_part", r->per_part);
    clgen_ew_number(g, "outs", r->outs);
  }
  if (r->lanes > 1) {
    clgen_text_add(g->t, "__local float cell[%d][%d];\n", r->n_sums, r->lanes);
    clgen_text_add(g->t, "const int u = (int)get_group_id(0);\nconst int lane = (int)get_local_id(0);\n{\n");
  } else {
    clgen_ew_number(g, "tasks", r->owners * r->parts);
    clgen_ew_number(g, "per_item", per_item);
    clgen_text_add(g->t, "int u = ITEM * per_item;\nconst int end = min(tasks, u + per_item);\n");
    clgen_text_add(g->t, "for (; u < end; ++u) {\n");
  }
  if (r->parts > 1)
    clgen_text_add(g->t,
                   "const int part = u / owners; const int own = u - part * owners;\n"
                   "const int first = part * per_part; const int last = min(summands, first + per_part);\n");
  else
    clgen_text_add(g->t, "const int own = u; const int first = 0; const int last = summands;\n");
}

/* Stores what is made from the sums, at column j where columns are kept; total: their names. */
static void store_after(clgen_reduction *r, int width, const char *total) {
  clgen_ew_gen *g = &r->gen;
  const clgen_step *s = r->walk.s;
  char value[16];
  clgen_ew_gen whole = *g;
  g->first = s->first_after;
  g->end = s->n_instrs;
  g->total = total;
  clgen_text_add(g->t, "{\n");
  clgen_ew_load_fixed(g, "B");
  clgen_ew_evaluate(g, width, "B");
  for (int k = 0; k < s->n_outputs; ++k) {
    snprintf(value, sizeof value, "v%d", s->value[k]);
    clgen_ew_store(g, k, width, "B", value, NULL);
  }
  clgen_text_add(g->t, "}\n");
  *g = whole;
}

void clgen_reduction_store_totals(clgen_reduction *r) {
  char name[16];
  if (r->parts == 1 && r->walk.s->first_after) {
    store_after(r, 1, "total%d");
    return;
  }
  for (int k = 0; k < r->n_sums; ++k) {
    snprintf(name, sizeof name, "total%d", k);
    if (r->parts == 1)
      clgen_ew_store(&r->gen, k, 1, "B", name, NULL);
    else
      clgen_text_add(r->gen.t, "partial[(%d * parts + part) * outs + own] = %s;\n", k, name);
  }
}

static void emit_run(clgen_reduction *r, int width, const char *condition, const char *block) {
  clgen_text_add(r->gen.t, "for (; %s; j += %d) {\n", condition, width);
  clgen_ew_evaluate(&r->gen, width, "b");
  add_values(r, block);
  clgen_text_add(r->gen.t, "}\n");
}

void clgen_reduction_place_run(clgen_reduction *r) {
  clgen_ew_gen *g = &r->gen;
  if (r->blocks == 1)
    clgen_text_add(g->t, "const int row = run; int j = 0;\n");
  else if (r->blocks == r->summands)
    clgen_text_add(g->t, "int j = run * chunk;\n");
  else
    clgen_text_add(g->t, "const int row = run / blocks; int j = (run - row * blocks) * chunk;\n");
  clgen_text_add(g->t, "const int stop = min(j + chunk, d%d);\n", g->column);
  clgen_ew_decode(g, r->walk.axes & ~(1u << g->column), "row");
}

/* For one run: its place, and its elements added to the block. */
static void emit_one_run(clgen_reduction *r, bool tail) {
  clgen_ew_gen *g = &r->gen;
  char condition[40];
  clgen_reduction_place_run(r);
  clgen_ew_bases(g, r->walk.axes & ~(1u << g->column), 0, r->walk.n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  snprintf(condition, sizeof condition, "j + %d <= stop", r->width);
  if (r->width > 1) emit_run(r, r->width, condition, "t");
  if (tail) emit_run(r, 1, "j < stop", "h");
}

static void emit_rows(clgen_reduction *r) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  bool tail = r->width == 1 || w->dim[g->column] % r->width != 0;
  clgen_ew_decode(g, clgen_reduction_kept(w), "own");
  clgen_ew_bases(g, clgen_reduction_kept(w), 0, w->n_operands, NULL, "B");
  if (r->width > 1) add_declarations(r, r->width, "se");
  if (tail) add_declarations(r, 1, "zy");
  clgen_text_add(g->t, "for (int run = first; run < last;) {\nconst int until = min(last, run + together);\n");
  if (r->width > 1) add_declarations(r, r->width, "t");
  if (tail) add_declarations(r, 1, "h");
  clgen_text_add(g->t, "for (; run < until; ++run) {\n");
  emit_one_run(r, tail);
  clgen_text_add(g->t, "}\n");
  if (r->width > 1) add_blocks(r, r->width, "s", "e", "t");
  if (tail) add_blocks(r, 1, "z", "y", "h");
  clgen_text_add(g->t, "}\n");
  for (int k = 0; k < r->n_sums; ++k) {
    clgen_text_add(g->t, "const float total%d = ", k);
    if (r->width > 1) clgen_text_add(g->t, "ew_total_%d(s%d)%s", r->width, k, tail ? " + " : ";\n");
    if (tail) clgen_text_add(g->t, "z%d;\n", k);
  }
  clgen_reduction_store_totals(r);
}

static void emit_groups(clgen_reduction *r) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  unsigned outer = w->axes & ~(1u << g->column);
  clgen_ew_decode(g, clgen_reduction_kept(w), "own");
  clgen_ew_bases(g, clgen_reduction_kept(w), 0, w->n_operands, NULL, "B");
  add_declarations(r, 1, "zy");
  clgen_text_add(g->t, "for (int at_once = first + lane; at_once < last; at_once += %d) {\n", r->lanes);
  clgen_ew_decode(g, w->axes, "at_once");
  clgen_text_add(g->t, "const int j = x%d;\n", g->column);
  clgen_ew_bases(g, outer, 0, w->n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  clgen_ew_evaluate(g, 1, "b");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "ew_accumulate_1(&z%d, &y%d, v%d);\n", k, k, r->sum[k]);
  clgen_text_add(g->t, "}\n");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "cell[%d][lane] = z%d;\n", k, k);
  clgen_text_add(g->t, "for (int far = %d; far > 0; far /= 2) {\nbarrier(CLK_LOCAL_MEM_FENCE);\nif (lane < far) {\n",
                 r->lanes / 2);
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "cell[%d][lane] += cell[%d][lane + far];\n", k, k);
  clgen_text_add(g->t, "}\n}\nif (lane == 0) {\n");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "const float total%d = cell[%d][0];\n", k, k);
  clgen_reduction_store_totals(r);
  clgen_text_add(g->t, "}\n");
}

/* NAME<k>[vectors] = 0 for every output and each of the names. */
static void add_arrays(clgen_reduction *r, int width, int vectors, const char *names) {
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = 0; k < r->n_sums; ++k)
    for (const char *n = names; *n; ++n)
      clgen_text_add(r->gen.t, "%s %c%d[%d];\nfor (int i = 0; i < %d; ++i) %c%d[i] = (%s)(0.0f);\n", f, *n, k, vectors,
                     vectors, *n, k, f);
}

static void store_column(clgen_reduction *r, int width) {
  clgen_ew_gen *g = &r->gen;
  char value[16];
  if (r->parts == 1 && r->walk.s->first_after) {
    store_after(r, width, "s%d[i]");
    return;
  }
  for (int k = 0; k < r->n_sums; ++k) {
    snprintf(value, sizeof value, "s%d[i]", k);
    if (r->parts == 1)
      clgen_ew_store(g, k, width, "B", value, NULL);
    else if (width == 1)
      clgen_text_add(g->t, "partial[(%d * parts + part) * outs + line * d%d + j] = %s;\n", k, g->column, value);
    else
      clgen_text_add(g->t, "STORE(float%d, partial + (%d * parts + part) * outs + line * d%d + j, %s);\n", width, k,
                     g->column, value);
  }
}

/* The columns at j, of a row at a time. */
static void emit_row_of_columns(clgen_reduction *r, int width, const char *each) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  clgen_text_add(g->t, "for (; row < until; ++row) {\n");
  clgen_ew_decode(g, w->axes, "row");
  clgen_ew_bases(g, w->axes, 0, w->n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  clgen_text_add(g->t, "%s", each);
  clgen_ew_evaluate(g, width, "b");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "t%d[i] += v%d;\n", k, r->sum[k]);
  clgen_text_add(g->t, "}\n}\n");
}

/* The same of ROWS rows, added in the same order, so that a sum is read and written once for all of them. */
static void emit_rows_of_columns(clgen_reduction *r, int width, const char *each) {
  enum { ROWS = 4 };
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  char f[24], row[16], base[16];
  clgen_ew_type("float", width, f);
  clgen_text_add(g->t, "for (; row + %d <= until; row += %d) {\n", ROWS, ROWS);
  for (int q = 0; q < ROWS; ++q) { /* each in a scope of its own inside of the last one, where names of places are new */
    snprintf(row, sizeof row, "row%d", q);
    snprintf(base, sizeof base, "b%d_", q);
    clgen_text_add(g->t, "{\nconst int row%d = row + %d;\n", q, q);
    clgen_ew_decode(g, w->axes, row);
    clgen_ew_bases(g, w->axes, 0, w->n_operands, "B", base);
  }
  clgen_text_add(g->t, "%s", each);
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "%s a%d = t%d[i];\n", f, k, k);
  for (int q = 0; q < ROWS; ++q) {
    snprintf(base, sizeof base, "b%d_", q);
    clgen_text_add(g->t, "{\n");
    clgen_ew_load_fixed(g, base);
    clgen_ew_evaluate(g, width, base);
    for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "a%d += v%d;\n", k, r->sum[k]);
    clgen_text_add(g->t, "}\n");
  }
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "t%d[i] = a%d;\n", k, k);
  clgen_text_add(g->t, "}\n");
  for (int q = 0; q <= ROWS; ++q) clgen_text_add(g->t, "}\n");
}

/* The columns from `start` on, at most so many vectors of them, by rows: neighbours in memory come one after another. */
static void emit_column_loop(clgen_reduction *r, int width, int vectors, const char *start) {
  enum { FEW = 12 }; /* instructions; the text is not made several times as long for more */
  clgen_ew_gen *g = &r->gen;
  char each[96];
  if (vectors > 1)
    clgen_text_add(g->t, "{\nconst int from = %s; const int n = (stop - from) / %d;\n", start, width);
  else
    clgen_text_add(g->t, "{\nconst int from = %s; const int n = 1;\n", start);
  snprintf(each, sizeof each, "for (int i = 0; i < n; ++i) {\nconst int j = from + i * %d;\n", width);
  add_arrays(r, width, vectors, "se");
  clgen_text_add(g->t, "for (int row = first; row < last;) {\nconst int until = min(last, row + %d);\n", CLGEN_REDUCE_BLOCK);
  add_arrays(r, width, vectors, "t");
  if (width > 1 && g->end <= FEW) emit_rows_of_columns(r, width, each);
  emit_row_of_columns(r, width, each);
  clgen_text_add(g->t, "for (int i = 0; i < n; ++i) {\n");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "ew_accumulate_%d(&s%d[i], &e%d[i], t%d[i]);\n", width, k, k, k);
  clgen_text_add(g->t, "}\n}\n%s", each);
  store_column(r, width);
  clgen_text_add(g->t, "}\n}\n");
}

static void emit_columns(clgen_reduction *r) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  unsigned outer = ~w->axes & ((1u << g->column) - 1u);
  clgen_text_add(g->t, "const int line = own / blocks; const int start = (own - line * blocks) * chunk;\n");
  clgen_ew_decode(g, outer, "line");
  clgen_ew_bases(g, outer, 0, w->n_operands, NULL, "B");
  if (!r->wide) {
    emit_column_loop(r, 1, 1, "start");
    return;
  }
  clgen_text_add(g->t, "const int stop = min(start + chunk, d%d);\n", g->column);
  if (r->width == 1) {
    emit_column_loop(r, 1, CLGEN_REDUCE_VECTORS, "start");
    return;
  }
  clgen_text_add(g->t, "const int whole = start + (stop - start) / %d * %d;\n", r->width, r->width);
  clgen_text_add(g->t, "if (whole > start)\n");
  emit_column_loop(r, r->width, CLGEN_REDUCE_VECTORS, "start");
  if (w->dim[g->column] % r->width == 0) return;
  clgen_text_add(g->t, "if (stop > whole)\n");
  emit_column_loop(r, 1, r->width, "whole");
}

int64_t clgen_reduction_runs_together(const clgen_reduction *r) {
  int64_t length = r->walk.dim[r->gen.column], run = length < r->chunk ? length : r->chunk;
  int64_t additions = run / r->width + run % r->width;
  return additions < CLGEN_REDUCE_BLOCK ? CLGEN_REDUCE_BLOCK / additions : 1;
}

void clgen_reduction_write(clgen_reduction *r, int64_t per_item) {
  if (r->pairs) {
    clgen_reduction_write_pairs(r, per_item);
    return;
  }
  open_tasks(r, per_item);
  if (r->lanes == 1) {
    clgen_ew_number(&r->gen, "chunk", r->chunk);
    clgen_ew_number(&r->gen, "blocks", r->blocks);
    if (!r->columns) clgen_ew_number(&r->gen, "together", clgen_reduction_runs_together(r));
  }
  if (r->columns)
    emit_columns(r);
  else if (r->lanes > 1)
    emit_groups(r);
  else
    emit_rows(r);
  clgen_text_add(r->gen.t, "}\n}\n");
}
