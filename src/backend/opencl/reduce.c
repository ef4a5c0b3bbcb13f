/* REDUCE: one generated kernel, or two where there are few sums and much to add.
 *
 * What is summed for one output is cut into PARTS. With one part the kernel stores the outputs; otherwise it stores the sums
 * of parts to working memory, and a second kernel, made from a step like any other, adds them up. There are three ways to
 * go through memory, by the last axis (the column axis, along which neighbours lie):
 *  - it is summed over: an item adds up runs along it, in vectors where the device wants them (rows),
 *  - the same, on devices that want work-items side by side: a group does, each of its items every so many-th element, and
 *    their sums are added up as a tree in local memory (groups),
 *  - it is kept: an item owns some columns and goes through the rows (columns).
 * Short blocks are added plainly, blocks with the rounding error carried along (Kahan): the error is like that of pairwise
 * summation, and the order depends on nothing but shapes and the device. */
#include <string.h>

#include "backend/opencl/ew_code.h"

enum {
  BLOCK = 32,
  VECTORS = 16,
  ENOUGH_FOR_PART = 8192,
  SMALL_WORK = 16384,
  SERIAL = 64,
  ITEMS_PER_UNIT = 4,
  GPU_ITEMS_PER_UNIT = 1024
};

typedef struct {
  clgen_ew_gen gen;
  clgen_ew_walk walk;
  bool wide, columns;
  int width, lanes; /* lanes > 1: a group of so many items for each sum */
  int n_sums;       /* how many values are summed, and which */
  int sum[CLGEN_STEP_MAX_INSTRS];
  int64_t outs;          /* sums of each */
  int64_t chunk, blocks; /* stretches of the column axis: of a run, or of the columns that an item owns */
  int64_t owners;        /* what u counts within a part: sums, or stretches of columns */
  int64_t summands;      /* what is cut into parts: runs, elements (groups) or rows (columns) */
  int64_t parts, per_part;
} reduction;

static unsigned kept_axes(const clgen_ew_walk *w) { return ~w->axes & ((1u << w->nd) - 1u); }

/* ---- Text ------------------------------------------------------------------------------------------------------ */

static void add_declarations(reduction *r, int width, const char *names) {
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = 0; k < r->n_sums; ++k)
    for (const char *n = names; *n; ++n) clgen_text_add(r->gen.t, "%s %c%d = (%s)(0.0f);\n", f, *n, k, f);
}

/* to += the summed values at this place */
static void add_values(reduction *r, const char *to) {
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(r->gen.t, "%s%d += v%d;\n", to, k, r->sum[k]);
}

static void add_blocks(reduction *r, int width, const char *sum, const char *error, const char *block) {
  for (int k = 0; k < r->n_sums; ++k)
    clgen_text_add(r->gen.t, "ew_accumulate_%d(&%s%d, &%s%d, %s%d);\n", width, sum, k, error, k, block, k);
}

/* u: which item's task this is; part, and own: which owner. */
static void open_tasks(reduction *r, int64_t per_item) {
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
    clgen_text_add(g->t, "int u = (int)get_global_id(0) * per_item;\nconst int end = min(tasks, u + per_item);\n");
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
static void store_after(reduction *r, int width, const char *total) {
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

/* Stores what belongs to the sums `own`. */
static void store_totals(reduction *r) {
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

static void emit_run(reduction *r, int width, const char *condition, const char *block) {
  clgen_text_add(r->gen.t, "for (; %s; j += %d) {\n", condition, width);
  clgen_ew_evaluate(&r->gen, width, "b");
  add_values(r, block);
  clgen_text_add(r->gen.t, "}\n");
}

/* For one run: its place, and its elements added to the block. */
static void emit_one_run(reduction *r, bool tail) {
  clgen_ew_gen *g = &r->gen;
  unsigned outer = r->walk.axes & ~(1u << g->column);
  char condition[40];
  if (r->blocks == 1)
    clgen_text_add(g->t, "const int row = run; int j = 0;\n");
  else if (r->blocks == r->summands)
    clgen_text_add(g->t, "int j = run * chunk;\n");
  else
    clgen_text_add(g->t, "const int row = run / blocks; int j = (run - row * blocks) * chunk;\n");
  clgen_text_add(g->t, "const int stop = min(j + chunk, d%d);\n", g->column);
  clgen_ew_decode(g, outer, "row");
  clgen_ew_bases(g, outer, 0, r->walk.n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  snprintf(condition, sizeof condition, "j + %d <= stop", r->width);
  if (r->width > 1) emit_run(r, r->width, condition, "t");
  if (tail) emit_run(r, 1, "j < stop", "h");
}

static void emit_rows(reduction *r) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  bool tail = r->width == 1 || w->dim[g->column] % r->width != 0;
  clgen_ew_decode(g, kept_axes(w), "own");
  clgen_ew_bases(g, kept_axes(w), 0, w->n_operands, NULL, "B");
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
  store_totals(r);
}

static void emit_groups(reduction *r) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  unsigned outer = w->axes & ~(1u << g->column);
  clgen_ew_decode(g, kept_axes(w), "own");
  clgen_ew_bases(g, kept_axes(w), 0, w->n_operands, NULL, "B");
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
  store_totals(r);
  clgen_text_add(g->t, "}\n");
}

/* NAME<k>[vectors] = 0 for every output and each of the names. */
static void add_arrays(reduction *r, int width, int vectors, const char *names) {
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = 0; k < r->n_sums; ++k)
    for (const char *n = names; *n; ++n)
      clgen_text_add(r->gen.t, "%s %c%d[%d];\nfor (int i = 0; i < %d; ++i) %c%d[i] = (%s)(0.0f);\n", f, *n, k, vectors,
                     vectors, *n, k, f);
}

static void store_column(reduction *r, int width) {
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
      clgen_text_add(g->t, "vstore%d(%s, 0, partial + (%d * parts + part) * outs + line * d%d + j);\n", width, value, k,
                     g->column);
  }
}

/* The columns from `start` on, at most so many vectors of them, a row at a time: neighbours in memory come one after
 * another. */
static void emit_column_loop(reduction *r, int width, int vectors, const char *start) {
  clgen_ew_gen *g = &r->gen;
  const clgen_ew_walk *w = &r->walk;
  char each[96];
  if (vectors > 1)
    clgen_text_add(g->t, "{\nconst int from = %s; const int n = (stop - from) / %d;\n", start, width);
  else
    clgen_text_add(g->t, "{\nconst int from = %s; const int n = 1;\n", start);
  snprintf(each, sizeof each, "for (int i = 0; i < n; ++i) {\nconst int j = from + i * %d;\n", width);
  add_arrays(r, width, vectors, "se");
  clgen_text_add(g->t, "for (int row = first; row < last;) {\nconst int until = min(last, row + %d);\n", BLOCK);
  add_arrays(r, width, vectors, "t");
  clgen_text_add(g->t, "for (; row < until; ++row) {\n");
  clgen_ew_decode(g, w->axes, "row");
  clgen_ew_bases(g, w->axes, 0, w->n_operands, "B", "b");
  clgen_ew_load_fixed(g, "b");
  clgen_text_add(g->t, "%s", each);
  clgen_ew_evaluate(g, width, "b");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "t%d[i] += v%d;\n", k, r->sum[k]);
  clgen_text_add(g->t, "}\n}\nfor (int i = 0; i < n; ++i) {\n");
  for (int k = 0; k < r->n_sums; ++k) clgen_text_add(g->t, "ew_accumulate_%d(&s%d[i], &e%d[i], t%d[i]);\n", width, k, k, k);
  clgen_text_add(g->t, "}\n}\n%s", each);
  store_column(r, width);
  clgen_text_add(g->t, "}\n}\n");
}

static void emit_columns(reduction *r) {
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
    emit_column_loop(r, 1, VECTORS, "start");
    return;
  }
  clgen_text_add(g->t, "const int whole = start + (stop - start) / %d * %d;\n", r->width, r->width);
  clgen_text_add(g->t, "if (whole > start)\n");
  emit_column_loop(r, r->width, VECTORS, "start");
  if (w->dim[g->column] % r->width == 0) return;
  clgen_text_add(g->t, "if (stop > whole)\n");
  emit_column_loop(r, 1, r->width, "whole");
}

/* ---- Choices ------------------------------------------------------------------------------------------------------ */

static int64_t divided(int64_t a, int64_t b) { return (a + b - 1) / b; }

static void choose_way(const clgen_ocl *ocl, reduction *r) {
  const clgen_ew_walk *w = &r->walk;
  int column = w->nd - 1;
  int64_t length = w->dim[column], summed = clgen_ew_count(w, w->axes);
  r->gen.column = column;
  r->gen.end = w->s->first_after ? w->s->first_after : w->s->n_instrs;
  r->wide = ocl->wide;
  r->columns = !(w->axes >> column & 1u);
  r->outs = clgen_ew_count(w, ~w->axes);
  r->lanes = !ocl->wide && !r->columns && summed > SERIAL ? (int)ocl->local : 1;
  r->width = clgen_ew_is_unit(w, 0, w->s->n_inputs) && (!r->columns || clgen_ew_is_unit(w, w->s->n_inputs, w->n_operands))
                 ? ocl->width
                 : 1;
  while (r->width > 1 && r->width > length) r->width /= 2;
  if (r->width < 4) r->width = 1;
  if (r->columns) {
    r->chunk = ocl->wide ? VECTORS * r->width : 1;
    r->blocks = divided(length, r->chunk);
    r->owners = r->outs / length * r->blocks;
    r->summands = summed;
  } else {
    r->chunk = BLOCK * r->width;
    r->blocks = divided(length, r->chunk);
    r->owners = r->outs;
    r->summands = r->lanes > 1 ? summed : summed / length * r->blocks;
  }
}

static void choose_parts(const clgen_ocl *ocl, reduction *r) {
  int64_t total = clgen_ew_count(&r->walk, ~0u), each = total / r->owners;
  int64_t wanted = ocl->wide ? ITEMS_PER_UNIT * (int64_t)ocl->units : GPU_ITEMS_PER_UNIT * (int64_t)ocl->units;
  int64_t enough = ocl->wide ? ENOUGH_FOR_PART : r->lanes > 1 ? 8 * r->lanes : BLOCK;
  int64_t parts = divided(wanted, r->owners * r->lanes);
  if (r->owners * r->lanes * 2 > wanted) parts = 1;
  if (parts > each / enough) parts = each / enough;
  if (parts > r->summands) parts = r->summands;
  if (parts < 1) parts = 1;
  r->per_part = divided(r->summands, parts);
  r->parts = divided(r->summands, r->per_part);
}

/* How many runs make a block. */
static int64_t runs_together(const reduction *r) {
  int64_t length = r->walk.dim[r->gen.column], run = length < r->chunk ? length : r->chunk;
  int64_t additions = run / r->width + run % r->width;
  return additions < BLOCK ? BLOCK / additions : 1;
}

/* from_scratch: so many of the inputs lie in working memory. */
static int add_item(clgen_ocl *ocl, clgen_plan *plan, reduction *r, size_t index, int from_scratch) {
  const clgen_step *s = r->walk.s;
  clgen_ocl_item *item = clgen_ocl_item_add(plan, index);
  if (!item) return clgen_fail_nomem(sizeof *item);
  clgen_text body = {0};
  r->gen.t = &body;
  r->gen.plan = plan;
  r->gen.w = &r->walk;
  int64_t tasks = r->owners * r->parts, items = tasks;
  if (ocl->wide && items > ITEMS_PER_UNIT * (int64_t)ocl->units) items = ITEMS_PER_UNIT * (int64_t)ocl->units;
  if (ocl->wide && clgen_ew_count(&r->walk, ~0u) * s->n_instrs < SMALL_WORK) items = 1;
  int64_t per_item = divided(tasks, items);
  open_tasks(r, per_item);
  if (r->lanes == 1) {
    clgen_ew_number(&r->gen, "chunk", r->chunk);
    clgen_ew_number(&r->gen, "blocks", r->blocks);
    if (!r->columns) clgen_ew_number(&r->gen, "together", runs_together(r));
  }
  if (r->columns)
    emit_columns(r);
  else if (r->lanes > 1)
    emit_groups(r);
  else
    emit_rows(r);
  clgen_text_add(&body, "}\n}\n");
  item->generated = clgen_ocl_body(plan, &body);
  for (int k = 0; k < s->n_inputs; ++k)
    item->mem[item->n_mems++] = k < from_scratch ? clgen_ocl_scratch_mem() : clgen_ocl_mem_of(&s->in[k]);
  if (r->parts > 1) {
    item->mem[item->n_mems++] = clgen_ocl_scratch_mem();
    clgen_ocl_want_scratch(plan, (size_t)(r->outs * r->parts * r->n_sums) * sizeof(float));
  }
  for (int k = 0; r->parts == 1 && k < s->n_outputs; ++k) item->mem[item->n_mems++] = clgen_ocl_mem_of(&s->out[k]);
  item->local = r->lanes > 1 ? (size_t)r->lanes : ocl->local;
  item->global = r->lanes > 1 ? (size_t)(tasks * r->lanes)
                              : (size_t)divided(divided(tasks, per_item), (int64_t)ocl->local) * ocl->local;
  return CLGEN_OK;
}

/* The step that adds up the parts: its first axis counts them, the others are those that were kept. Its inputs are the parts
 * of each sum, then those of the instructions after the sums, which are the same. */
static bool make_second(const reduction *r, clgen_step *second) {
  const clgen_ew_walk *w = &r->walk;
  const clgen_step *s = w->s;
  int n = r->n_sums, moved[CLGEN_STEP_MAX_INPUTS];
  *second = (clgen_step){.kind = CLGEN_STEP_REDUCE, .label = s->label, .axes = 1u, .ndim = 1};
  second->dim[0] = r->parts;
  for (int k = 0; k < n; ++k) {
    second->in[k] = (clgen_operand){.dtype = CLGEN_F32, .offset = k * r->parts * r->outs, .stride = {r->outs}};
    second->instr[k] = (clgen_ew_instr){.op = CLGEN_EW_LOAD, .a = k};
  }
  second->n_inputs = second->n_instrs = n;
  second->n_outputs = s->n_outputs;
  second->first_after = s->first_after ? n : 0;
  for (int k = s->first_after, sums = 0; s->first_after && k < s->n_instrs; ++k) {
    clgen_ew_instr in = s->instr[k];
    if (in.op == CLGEN_EW_LOAD) {
      if (second->n_inputs == CLGEN_STEP_MAX_INPUTS) return false;
      moved[second->n_inputs] = in.a;
      second->in[second->n_inputs] = s->in[in.a];
      memset(second->in[second->n_inputs].stride, 0, sizeof second->in->stride);
      in.a = second->n_inputs++;
    } else if (in.op == CLGEN_EW_TOTAL) {
      in.a = sums++;
    } else {
      in.a -= s->first_after - n, in.b -= s->first_after - n, in.c -= s->first_after - n;
    }
    second->instr[second->n_instrs++] = in;
  }
  for (int k = 0; k < s->n_outputs; ++k) {
    second->out[k] = s->out[k];
    memset(second->out[k].stride, 0, sizeof second->out[k].stride);
    second->value[k] = s->first_after ? s->value[k] - s->first_after + n : k;
  }
  int64_t stride = r->outs;
  for (int a = 0; a < w->nd; ++a) {
    if (w->axes >> a & 1u) continue;
    int at = second->ndim++;
    second->dim[at] = w->dim[a];
    stride /= w->dim[a];
    for (int k = 0; k < n; ++k) second->in[k].stride[at] = stride;
    for (int k = n; k < second->n_inputs; ++k) second->in[k].stride[at] = w->stride[moved[k]][a];
    for (int k = 0; k < s->n_outputs; ++k) second->out[k].stride[at] = w->stride[s->n_inputs + k][a];
  }
  return true;
}

static int add_zeros(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  clgen_step zeros = *s;
  zeros.kind = CLGEN_STEP_MAP;
  zeros.n_inputs = 0;
  zeros.n_instrs = 1;
  zeros.instr[0] = (clgen_ew_instr){.op = CLGEN_EW_CONST};
  for (int k = 0; k < s->n_outputs; ++k) zeros.value[k] = 0;
  for (int a = 0; a < s->ndim; ++a)
    if (s->axes >> a & 1u) zeros.dim[a] = 1;
  return clgen_ocl_add_map(ocl, plan, &zeros, index);
}

static int add_reduction(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index, int from_scratch) {
  reduction r = {.parts = 1};
  clgen_ew_walk_make(&r.walk, s);
  for (int k = s->first_after; s->first_after && k < s->n_instrs; ++k)
    if (s->instr[k].op == CLGEN_EW_TOTAL) r.sum[r.n_sums++] = s->instr[k].a;
  for (int k = 0; !s->first_after && k < s->n_outputs; ++k) r.sum[r.n_sums++] = s->value[k];
  choose_way(ocl, &r);
  r.per_part = r.summands;
  if (!from_scratch) choose_parts(ocl, &r);
  int code = add_item(ocl, plan, &r, index, from_scratch);
  if (code || r.parts == 1) return code;
  clgen_step second;
  if (!make_second(&r, &second))
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: %d sums and the inputs after them", s->label, r.n_sums);
  return add_reduction(ocl, plan, &second, index, r.n_sums);
}

int clgen_ocl_add_reduce(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  int64_t kept = 1, summed = 1;
  for (int a = 0; a < s->ndim; ++a) *(s->axes >> a & 1u ? &summed : &kept) *= s->dim[a];
  if (kept == 0) return CLGEN_OK;
  if (summed == 0) return add_zeros(ocl, plan, s, index);
  if (summed == 1) {
    clgen_step map = *s;
    map.kind = CLGEN_STEP_MAP;
    map.first_after = 0;
    for (int k = 0; k < s->n_instrs; ++k)
      if (s->instr[k].op == CLGEN_EW_TOTAL) map.instr[k].op = CLGEN_EW_COPY;
    return clgen_ocl_add_map(ocl, plan, &map, index);
  }
  return add_reduction(ocl, plan, s, index, 0);
}
