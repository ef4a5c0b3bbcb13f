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

struct clgen_store {
  clgen_device *device;
  entry *entry;
  size_t count, room;
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
  free(store->entry);
  free(store);
}

clgen_device *clgen_store_device(const clgen_store *store) { return store->device; }

static entry *find(const clgen_store *store, const char *name) {
  for (size_t i = 0; i < store->count; ++i)
    if (strcmp(store->entry[i].name, name) == 0) return &store->entry[i];
  return NULL;
}

int clgen_store_declare(clgen_store *store, const char *name, clgen_dtype dtype, clgen_shape shape) {
  entry *e = find(store, name);
  if (e) {
    char a[96], b[96];
    if (e->dtype == dtype && clgen_shape_equal(&e->shape, &shape)) return CLGEN_OK;
    return clgen_fail(CLGEN_E_INVALID, "state \"%s\" is there already with another type or shape (%s, now %s)", name,
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
  size_t bytes = (size_t)clgen_shape_count(&shape) * clgen_dtype_size(dtype);
  int code = store->device->backend->buffer_create(store->device->impl, bytes, &fresh.buffer);
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
    return clgen_fail(CLGEN_E_INVALID, "state \"%s\" has %lld elements: not %lld from %lld on", name, (long long)have,
                      (long long)count, (long long)offset);
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
