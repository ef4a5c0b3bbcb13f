/* Stores: the named states of a device. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  char *name;
  clgen_dtype dtype;
  clgen_shape shape;
  clgen_buffer *buffer;
} entry;

/* A state that a program will use. */
typedef struct {
  char *name;
  uint64_t bytes;
} planned;

/* What the programs ask for. */
typedef struct {
  size_t n_planned;
  uint64_t input_bytes, scratch_bytes, arena[CLGEN_MAX_ARENAS]; /* all; the most that one asks for */
} wants;

/* Memory of intermediate results. */
typedef struct {
  clgen_buffer *buffer; /* NULL: not allocated */
  uint64_t bytes;
  int users; /* programs that are bound to it */
} arena;

struct clgen_store {
  clgen_device *device;
  entry *entry;
  size_t count, room;
  planned *planned;
  wants wants;
  arena arena[CLGEN_MAX_ARENAS];
  arena *outgrown; /* arenas that earlier programs are bound to */
  size_t n_outgrown;
};

int clgen_store_create(clgen_store **out, clgen_device *device) {
  *out = calloc(1, sizeof **out);
  if (!*out) return clgen_fail_nomem(sizeof **out);
  (*out)->device = device;
  return CLGEN_OK;
}

void clgen_store_free(clgen_store *store) {
  if (!store) return;
  for (size_t i = 0; i < store->count; ++i) {
    store->device->backend->buffer_free(store->device->impl, store->entry[i].buffer);
    free(store->entry[i].name);
  }
  for (size_t i = 0; i < store->wants.n_planned; ++i) free(store->planned[i].name);
  for (int i = 0; i < CLGEN_MAX_ARENAS; ++i)
    if (store->arena[i].buffer) store->device->backend->buffer_free(store->device->impl, store->arena[i].buffer);
  for (size_t i = 0; i < store->n_outgrown; ++i)
    store->device->backend->buffer_free(store->device->impl, store->outgrown[i].buffer);
  free(store->outgrown);
  free(store->planned);
  free(store->entry);
  free(store);
}

clgen_device *clgen_store_device(const clgen_store *store) { return store->device; }

static entry *find(const clgen_store *store, const char *name) {
  for (size_t i = 0; i < store->count; ++i)
    if (strcmp(store->entry[i].name, name) == 0) return &store->entry[i];
  return NULL;
}

static uint64_t state_bytes(const entry *e) { return (uint64_t)clgen_shape_count(&e->shape) * clgen_dtype_size(e->dtype); }

static int create_buffer(const clgen_store *store, uint64_t bytes, clgen_buffer **out) {
  if ((size_t)bytes != bytes)
    return clgen_fail(CLGEN_E_NOMEM, "a buffer of %.1f GiB is larger than 32 bits can address",
                      (double)bytes / 1073741824.0);
  return store->device->backend->buffer_create(store->device->impl, (size_t)bytes, out);
}

int clgen_store_declare(clgen_store *store, const char *name, clgen_dtype dtype, clgen_shape shape) {
  entry *e = find(store, name);
  if (e) {
    char a[96], b[96];
    if (e->dtype == dtype && clgen_shape_equal(&e->shape, &shape)) return CLGEN_OK;
    return clgen_fail(CLGEN_E_INVALID, "state \"%s\" exists already with another type or shape (%s, now %s)", name,
                      clgen_shape_text(&e->shape, a, sizeof a), clgen_shape_text(&shape, b, sizeof b));
  }
  if (store->count == store->room) {
    size_t room = store->room ? 2 * store->room : 16;
    entry *more = realloc(store->entry, room * sizeof *more);
    if (!more) return clgen_fail_nomem(room * sizeof *more);
    store->entry = more;
    store->room = room;
  }
  entry fresh = {.name = clgen_strdup(name), .dtype = dtype, .shape = shape};
  if (!fresh.name) return CLGEN_E_NOMEM;
  int code = create_buffer(store, state_bytes(&fresh), &fresh.buffer);
  if (code) {
    clgen_fail_prefix(code, "state \"%s\"", name);
    free(fresh.name);
    return code;
  }
  store->entry[store->count++] = fresh;
  return CLGEN_OK;
}

clgen_buffer *clgen_store_buffer(const clgen_store *store, const char *name) {
  entry *e = find(store, name);
  return e ? e->buffer : NULL;
}

static int locate(const clgen_store *store, const char *name, int64_t offset, int64_t count, entry **out) {
  *out = find(store, name);
  if (!*out) return clgen_fail(CLGEN_E_NOTFOUND, "there is no state \"%s\"", name);
  int64_t have = clgen_shape_count(&(*out)->shape);
  if (offset < 0 || count < 0 || offset > have - count)
    return clgen_fail(CLGEN_E_INVALID, "state \"%s\" has %lld elements: cannot access %lld from element %lld on", name,
                      (long long)have, (long long)count, (long long)offset);
  return CLGEN_OK;
}

int clgen_store_read(clgen_store *store, const char *name, int64_t offset, int64_t count, void *data) {
  entry *e;
  int code = locate(store, name, offset, count, &e);
  if (code || !count) return code;
  size_t size = clgen_dtype_size(e->dtype);
  return store->device->backend->buffer_read(store->device->impl, e->buffer, (size_t)offset * size, (size_t)count * size,
                                             data);
}

int clgen_store_write(clgen_store *store, const char *name, int64_t offset, int64_t count, const void *data) {
  entry *e;
  int code = locate(store, name, offset, count, &e);
  if (code || !count) return code;
  size_t size = clgen_dtype_size(e->dtype);
  return store->device->backend->buffer_write(store->device->impl, e->buffer, (size_t)offset * size, (size_t)count * size,
                                              data);
}

size_t clgen_store_count(const clgen_store *store) { return store->count; }
const char *clgen_store_name(const clgen_store *store, size_t index) {
  return index < store->count ? store->entry[index].name : NULL;
}

int clgen_store_info(const clgen_store *store, const char *name, clgen_dtype *dtype, clgen_shape *shape) {
  entry *e;
  int code = locate(store, name, 0, 0, &e);
  if (code) return code;
  *dtype = e->dtype;
  *shape = e->shape;
  return CLGEN_OK;
}

/* ---- What programs take ---- */

static int plan_state(clgen_store *store, const char *name, uint64_t bytes) {
  size_t n = store->wants.n_planned;
  for (size_t i = 0; i < n; ++i)
    if (strcmp(store->planned[i].name, name) == 0) return CLGEN_OK;
  planned *more = realloc(store->planned, (n + 1) * sizeof *more);
  if (!more) return clgen_fail_nomem((n + 1) * sizeof *more);
  store->planned = more;
  more[n] = (planned){clgen_strdup(name), bytes};
  if (!more[n].name) return CLGEN_E_NOMEM;
  ++store->wants.n_planned;
  return CLGEN_OK;
}

static void raise_to(uint64_t *most, uint64_t bytes) {
  if (bytes > *most) *most = bytes;
}

static int check_fits(const clgen_store *store) {
  const clgen_device_info *d = &store->device->info;
  uint64_t have = d->global_bytes, need = clgen_store_memory(store).peak_bytes;
  if (!have || need <= have) return CLGEN_OK;
  return clgen_fail(CLGEN_E_NOMEM, "this needs %.2f GiB and %s has %.2f GiB: %.2f GiB too much", (double)need / 1073741824.0,
                    d->name, (double)have / 1073741824.0, (double)(need - have) / 1073741824.0);
}

int clgen_store_admit(clgen_store *store, const clgen_lowered *low, const uint64_t arena_bytes[CLGEN_MAX_ARENAS],
                      const clgen_memory *memory) {
  const wants before = store->wants;
  int code = CLGEN_OK;
  for (int i = 0; !code && i < low->n_slots; ++i)
    if (low->slot[i].kind == CLGEN_SLOT_STATE) code = plan_state(store, low->slot[i].node->name, low->slot[i].bytes);
  for (int i = 0; i < CLGEN_MAX_ARENAS; ++i) raise_to(&store->wants.arena[i], arena_bytes[i]);
  raise_to(&store->wants.scratch_bytes, memory->scratch_bytes);
  store->wants.input_bytes += memory->input_bytes;
  if (!code) code = check_fits(store);
  if (code) {
    for (size_t i = before.n_planned; i < store->wants.n_planned; ++i) free(store->planned[i].name);
    store->wants = before;
  }
  return code;
}

void clgen_store_program_gone(clgen_store *store, const clgen_memory *memory) {
  store->wants.input_bytes -= memory->input_bytes;
}

clgen_memory clgen_store_memory(const clgen_store *store) {
  clgen_memory m = {.input_bytes = store->wants.input_bytes, .scratch_bytes = store->wants.scratch_bytes};
  for (size_t i = 0; i < store->wants.n_planned; ++i) m.state_bytes += store->planned[i].bytes;
  for (size_t i = 0; i < store->count; ++i) {
    bool known = false;
    for (size_t k = 0; k < store->wants.n_planned && !known; ++k)
      known = !strcmp(store->planned[k].name, store->entry[i].name);
    if (!known) m.state_bytes += state_bytes(&store->entry[i]);
  }
  for (int i = 0; i < CLGEN_MAX_ARENAS; ++i)
    m.arena_bytes += store->wants.arena[i] > store->arena[i].bytes && store->arena[i].users
                         ? store->wants.arena[i] + store->arena[i].bytes
                         : store->wants.arena[i];
  for (size_t i = 0; i < store->n_outgrown; ++i) m.arena_bytes += store->outgrown[i].bytes;
  m.peak_bytes = m.state_bytes + m.input_bytes + m.arena_bytes + m.scratch_bytes;
  return m;
}

/* Programs that are bound to it keep it; without any it goes. */
static int outgrow(clgen_store *store, arena *a) {
  if (a->users > 0) {
    arena *more = realloc(store->outgrown, (store->n_outgrown + 1) * sizeof *more);
    if (!more) return clgen_fail_nomem((store->n_outgrown + 1) * sizeof *more);
    store->outgrown = more;
    more[store->n_outgrown++] = *a;
  } else {
    store->device->backend->buffer_free(store->device->impl, a->buffer);
  }
  *a = (arena){0};
  return CLGEN_OK;
}

/* As large as any program wants it that is known by now. One that is compiled later and needs more gets a new one. */
int clgen_store_arena(clgen_store *store, int index, uint64_t bytes, clgen_buffer **out) {
  arena *a = &store->arena[index];
  int code = a->buffer && a->bytes < bytes ? outgrow(store, a) : CLGEN_OK;
  if (!code && !a->buffer) {
    const uint64_t wanted = store->wants.arena[index];
    code = create_buffer(store, wanted, &a->buffer);
    if (!code) a->bytes = wanted;
  }
  if (code) return code;
  ++a->users;
  *out = a->buffer;
  return CLGEN_OK;
}

void clgen_store_arena_release(clgen_store *store, int index, clgen_buffer *buffer) {
  if (store->arena[index].buffer == buffer) {
    --store->arena[index].users;
    return;
  }
  for (size_t i = 0; i < store->n_outgrown; ++i) {
    if (store->outgrown[i].buffer != buffer) continue;
    if (--store->outgrown[i].users > 0) return;
    store->device->backend->buffer_free(store->device->impl, buffer);
    store->outgrown[i] = store->outgrown[--store->n_outgrown];
    return;
  }
}
