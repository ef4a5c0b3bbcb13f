/* Programs: a lowered graph on a device. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

struct clgen_program {
  clgen_store *store;
  clgen_device *device;
  const clgen_graph *graph;
  clgen_lowered low;
  clgen_program_info info;
  uint64_t arena_bytes[CLGEN_MAX_ARENAS];
  clgen_buffer *arena[CLGEN_MAX_ARENAS]; /* the store's */
  int n_arenas;
  bool is_planned; /* the store counts it */
  clgen_plan *plan;
};

/* ---- Compiling ---- */

static int check_supported(const clgen_program *p) {
  for (size_t i = 0; i < p->low.n_steps; ++i)
    if (!p->device->backend->supports(p->device->impl, &p->low.step[i]))
      return clgen_fail_prefix(CLGEN_E_UNSUPPORTED, "%s cannot run %s", p->device->info.name, p->low.step[i].label);
  return CLGEN_OK;
}

static void place_operand(const clgen_program *p, clgen_operand *o) {
  const clgen_slot *s = &p->low.slot[o->slot];
  o->buffer = s->buffer;
  if (s->kind != CLGEN_SLOT_TEMP) return;
  o->slot = p->low.n_slots + s->arena;
  o->offset += (int64_t)(s->offset / clgen_dtype_size(o->dtype));
}

/* The steps with the memory that was planned. What has no buffer yet is told apart by its slot, which for intermediate
 * results is then that of their arena. NULL: out of memory. */
static clgen_step *place_steps(const clgen_program *p) {
  clgen_step *placed = malloc(p->low.n_steps * sizeof *placed);
  if (placed) memcpy(placed, p->low.step, p->low.n_steps * sizeof *placed);
  for (size_t i = 0; placed && i < p->low.n_steps; ++i) {
    for (int k = 0; k < placed[i].n_inputs; ++k) place_operand(p, &placed[i].in[k]);
    for (int k = 0; k < placed[i].n_outputs; ++k) place_operand(p, &placed[i].out[k]);
  }
  return placed;
}

static int find_needs(const clgen_program *p, clgen_plan_needs *needs) {
  clgen_step *placed = place_steps(p);
  if (!placed) return clgen_fail_nomem(p->low.n_steps * sizeof *placed);
  int code = p->device->backend->needs(p->device->impl, placed, p->low.n_steps, needs);
  free(placed);
  return code;
}

static int fill_info(clgen_program *p) {
  clgen_plan_needs needs;
  int code = find_needs(p, &needs);
  if (code) return code;
  clgen_memory *m = &p->info.memory;
  for (int i = 0; i < p->low.n_slots; ++i) {
    const clgen_slot *s = &p->low.slot[i];
    if (s->kind == CLGEN_SLOT_STATE) m->state_bytes += s->bytes;
    if (s->kind == CLGEN_SLOT_INPUT || s->kind == CLGEN_SLOT_OUTPUT) m->input_bytes += s->bytes;
  }
  for (int i = 0; i < p->n_arenas; ++i) m->arena_bytes += p->arena_bytes[i];
  m->input_bytes += needs.cache_bytes;
  m->scratch_bytes = needs.scratch_bytes;
  m->peak_bytes = m->state_bytes + m->input_bytes + m->arena_bytes + m->scratch_bytes;
  for (size_t i = 0; i < p->low.n_steps; ++i) {
    p->info.flops += p->low.step[i].flops;
    p->info.bytes += p->low.step[i].bytes;
  }
  p->info.nodes = p->low.alive;
  p->info.steps = p->low.n_steps;
  p->info.launches = needs.launches;
  return CLGEN_OK;
}

/* Whether the device gives so much at once. */
static int check_piece(const clgen_program *p, uint64_t bytes, const char *what, const char *name) {
  uint64_t most = p->device->info.max_alloc_bytes;
  if (!most || bytes <= most) return CLGEN_OK;
  return clgen_fail(CLGEN_E_NOMEM, "%s%s takes %.1f MiB, and %s allows at most %.1f MiB per allocation: %.1f MiB too much",
                    what, name, (double)bytes / 1048576.0, p->device->info.name, (double)most / 1048576.0,
                    (double)(bytes - most) / 1048576.0);
}

static int check_pieces(const clgen_program *p) {
  int code = check_piece(p, p->info.memory.scratch_bytes, "the working memory of one operation", "");
  for (int i = 0; !code && i < p->low.n_slots; ++i) {
    const clgen_slot *s = &p->low.slot[i];
    if (s->kind != CLGEN_SLOT_TEMP)
      code = check_piece(p, s->bytes, s->node->name ? "" : "an output", s->node->name ? s->node->name : "");
  }
  return code;
}

int clgen_compile(clgen_program **out, clgen_graph *graph, clgen_store *store) {
  *out = NULL;
  clgen_program *p = calloc(1, sizeof *p);
  if (!p) return clgen_fail_nomem(sizeof *p);
  p->store = store;
  p->device = clgen_store_device(store);
  p->graph = graph;
  int code = clgen_lower(&p->low, graph);
  if (!code && !p->low.n_steps) code = clgen_fail(CLGEN_E_INVALID, "compile: this graph has no output and no assignment");
  if (!code) code = check_supported(p);
  if (!code) code = clgen_plan_memory(&p->low, p->device->info.max_alloc_bytes, p->arena_bytes, &p->n_arenas);
  if (!code) code = fill_info(p);
  if (!code) code = check_pieces(p);
  if (!code) code = clgen_store_admit(store, &p->low, p->arena_bytes, &p->info.memory);
  p->is_planned = !code;
  if (code) {
    clgen_program_free(p);
    return code;
  }
  *out = p;
  return CLGEN_OK;
}

void clgen_program_free(clgen_program *p) {
  if (!p) return;
  const clgen_backend *b = p->device->backend;
  if (p->plan) b->plan_free(p->device->impl, p->plan);
  for (int i = 0; i < p->low.n_slots; ++i) {
    const clgen_slot *s = &p->low.slot[i];
    if ((s->kind == CLGEN_SLOT_INPUT || s->kind == CLGEN_SLOT_OUTPUT) && s->buffer)
      b->buffer_free(p->device->impl, s->buffer);
  }
  for (int i = 0; i < p->n_arenas; ++i)
    if (p->arena[i]) clgen_store_arena_release(p->store, i, p->arena[i]);
  if (p->is_planned) clgen_store_program_gone(p->store, &p->info.memory);
  clgen_lowered_free(&p->low);
  free(p);
}

const clgen_program_info *clgen_program_get_info(const clgen_program *program) { return &program->info; }

/* ---- Preparing ---- */

static int bind_slot(clgen_program *p, clgen_slot *s) {
  const clgen_backend *b = p->device->backend;
  switch (s->kind) {
    case CLGEN_SLOT_TEMP: s->buffer = p->arena[s->arena]; return CLGEN_OK;
    case CLGEN_SLOT_STATE: {
      int code = clgen_store_declare(p->store, s->node->name, s->node->dtype, s->node->shape);
      if (!code) s->buffer = clgen_store_buffer(p->store, s->node->name);
      return code;
    }
    default: return s->buffer ? CLGEN_OK : b->buffer_create(p->device->impl, (size_t)s->bytes, &s->buffer);
  }
}

/* States and inputs, which the caller may touch before the first run. */
static int allocate(clgen_program *p) {
  int code = CLGEN_OK;
  for (int i = 0; i < p->n_arenas && !code; ++i)
    if (!p->arena[i]) code = clgen_store_arena(p->store, i, p->arena_bytes[i], &p->arena[i]);
  for (int i = 0; i < p->low.n_slots && !code; ++i) code = bind_slot(p, &p->low.slot[i]);
  return code;
}

int clgen_program_prepare(clgen_program *p) {
  if (p->plan) return CLGEN_OK;
  int code = allocate(p);
  if (code) return code;
  clgen_step *bound = place_steps(p);
  if (!bound) return clgen_fail_nomem(p->low.n_steps * sizeof *bound);
  code = p->device->backend->plan_create(p->device->impl, bound, p->low.n_steps, &p->plan);
  free(bound);
  return code;
}

/* ---- Running ---- */

/* The memory of a tensor that the caller names, which must lie in one piece. */
static int find_memory(clgen_program *p, const clgen_tensor *t, size_t bytes, bool write, clgen_buffer **buffer,
                       size_t *offset) {
  const char *what = write ? "write" : "read";
  if (!t || t->graph != p->graph)
    return clgen_fail(CLGEN_E_INVALID, "%s: the tensor is not part of this program's graph", what);
  size_t size = clgen_dtype_size(t->dtype), have = (size_t)clgen_shape_count(&t->shape) * size;
  if (bytes != have) {
    char text[96];
    return clgen_fail(CLGEN_E_INVALID, "%s: %zu bytes for a tensor of shape %s, which has %zu", what, bytes,
                      clgen_shape_text(&t->shape, text, sizeof text), have);
  }
  int code = clgen_program_prepare(p);
  if (code) return code;
  if (write && t->op == CLGEN_OP_INPUT && !p->low.has_view[t->id]) return CLGEN_OK; /* nothing needs it */
  const clgen_view *view = &p->low.view[t->id];
  int slot = p->low.has_view[t->id] ? clgen_lowered_slot_of(&p->low, view->base) : -1;
  bool reachable = slot >= 0 && p->low.slot[slot].kind != CLGEN_SLOT_TEMP && clgen_view_is_contiguous(view, &t->shape);
  if (!reachable || (write && p->low.slot[slot].kind != CLGEN_SLOT_INPUT))
    return clgen_fail(CLGEN_E_INVALID, "%s: the tensor is not %s of this program", what,
                      write ? "an input" : "an output, input or state");
  *buffer = p->low.slot[slot].buffer;
  *offset = (size_t)view->offset * size;
  return CLGEN_OK;
}

int clgen_program_write(clgen_program *program, clgen_tensor *input, const void *data, size_t bytes) {
  clgen_buffer *buffer = NULL;
  size_t offset = 0;
  int code = find_memory(program, input, bytes, true, &buffer, &offset);
  if (code || !buffer) return code;
  return program->device->backend->buffer_write(program->device->impl, buffer, offset, bytes, data);
}

int clgen_program_run(clgen_program *program) {
  int code = clgen_program_prepare(program);
  return code ? code : program->device->backend->plan_run(program->device->impl, program->plan);
}

int clgen_program_read(clgen_program *program, clgen_tensor *output, void *data, size_t bytes) {
  clgen_buffer *buffer = NULL;
  size_t offset = 0;
  int code = find_memory(program, output, bytes, false, &buffer, &offset);
  if (code) return code;
  return program->device->backend->buffer_read(program->device->impl, buffer, offset, bytes, data);
}
