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

#include "backend/opencl/reduce.h"

enum { ENOUGH_FOR_PART = 8192, SMALL_WORK = 16384, SERIAL = 64, ITEMS_PER_UNIT = 4, GPU_ITEMS_PER_UNIT = 1024 };

static int64_t divided(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* An item of a wide device goes along as many columns as it can keep sums of, since it reads them best in long runs. Where
 * there are few rows and columns it takes fewer, for then all items have some, and no second launch adds up parts. */
static int64_t columns_of_item(const clgen_ocl *ocl, const clgen_reduction *r, int64_t length, int64_t rows) {
  enum { FEW = 1 << 20 }; /* elements, which are in a cache */
  const int64_t most = CLGEN_REDUCE_VECTORS * r->width, items = ITEMS_PER_UNIT * (int64_t)ocl->units;
  if (r->outs / length * divided(length, most) >= items || rows * r->outs > FEW) return most;
  const int64_t each = divided(divided(length, r->width), divided(items, r->outs / length)) * r->width;
  return each < most ? each : most;
}

static void choose_way(const clgen_ocl *ocl, clgen_reduction *r) {
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
    r->chunk = ocl->wide ? columns_of_item(ocl, r, length, summed) : 1;
    r->blocks = divided(length, r->chunk);
    r->owners = r->outs / length * r->blocks;
    r->summands = summed;
  } else {
    r->chunk = CLGEN_REDUCE_BLOCK * r->width;
    r->blocks = divided(length, r->chunk);
    r->owners = r->outs;
    r->summands = r->lanes > 1 ? summed : summed / length * r->blocks;
  }
}

static void choose_parts(const clgen_ocl *ocl, clgen_reduction *r) {
  int64_t total = clgen_ew_count(&r->walk, ~0u), each = total / r->owners;
  int64_t wanted = ocl->wide ? ITEMS_PER_UNIT * (int64_t)ocl->units : GPU_ITEMS_PER_UNIT * (int64_t)ocl->units;
  int64_t enough = ocl->wide ? ENOUGH_FOR_PART : r->lanes > 1 ? 8 * r->lanes : CLGEN_REDUCE_BLOCK;
  int64_t parts = divided(wanted, r->owners * r->lanes);
  if (r->owners * r->lanes * 2 > wanted) parts = 1;
  if (parts > each / enough) parts = each / enough;
  if (parts > r->summands) parts = r->summands;
  if (parts < 1) parts = 1;
  r->per_part = divided(r->summands, parts);
  r->parts = divided(r->summands, r->per_part);
}

/* Two at a time only where the text, which is made for both, stays short. */
static bool goes_in_pairs(const clgen_reduction *r, int64_t per_item) {
  enum { FEW = 12 };
  return r->wide && !r->columns && r->parts == 1 && r->width > 1 && per_item > 1 && r->gen.end <= FEW;
}

/* from_scratch: so many of the inputs lie in working memory. */
static int add_item(clgen_ocl *ocl, clgen_plan *plan, clgen_reduction *r, size_t index, int from_scratch) {
  const clgen_step *s = r->walk.s;
  clgen_ocl_launch *item = clgen_ocl_launch_add(plan, index);
  if (!item) return clgen_fail_nomem(sizeof *item);
  clgen_text body = {0};
  r->gen.t = &body;
  r->gen.plan = plan;
  r->gen.w = &r->walk;
  int64_t tasks = r->owners * r->parts, items = tasks;
  if (ocl->wide && items > ITEMS_PER_UNIT * (int64_t)ocl->units) items = ITEMS_PER_UNIT * (int64_t)ocl->units;
  if (ocl->wide && clgen_ew_count(&r->walk, ~0u) * s->n_instrs < SMALL_WORK) items = 1;
  int64_t per_item = divided(tasks, items);
  r->pairs = goes_in_pairs(r, per_item);
  if (r->pairs) per_item = 2 * divided(per_item, 2);
  clgen_reduction_write(r, per_item);
  for (int k = 0; k < s->n_inputs; ++k)
    item->mem[item->n_mems++] = k < from_scratch ? clgen_ocl_scratch_mem() : clgen_ocl_mem_of(&s->in[k]);
  if (r->parts > 1) {
    item->mem[item->n_mems++] = clgen_ocl_scratch_mem();
    clgen_ocl_want_scratch(plan, (size_t)(r->outs * r->parts * r->n_sums) * sizeof(float));
  }
  for (int k = 0; r->parts == 1 && k < s->n_outputs; ++k) item->mem[item->n_mems++] = clgen_ocl_mem_of(&s->out[k]);
  item->generated = clgen_ocl_body_add(plan, &body, item->n_mems);
  item->local = r->lanes > 1 ? (size_t)r->lanes : ocl->local;
  item->global = r->lanes > 1 ? (size_t)(tasks * r->lanes)
                              : (size_t)divided(divided(tasks, per_item), (int64_t)ocl->local) * ocl->local;
  return CLGEN_OK;
}

/* The step that adds up the parts: its first axis counts them, the others are those that were kept. Its inputs are the parts
 * of each sum, then those of the instructions after the sums, which are the same. */
static bool make_second(const clgen_reduction *r, clgen_step *second) {
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
  clgen_reduction r = {.parts = 1};
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
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: too many sums (%d) together with the inputs that follow them", s->label,
                      r.n_sums);
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
