/* Views: reshape, permute, broadcast and slice as offsets and strides over the same memory. */
#include "graph/internal.h"

#include <string.h>

void clgen_view_contiguous(clgen_view *v, const clgen_tensor *base, const clgen_shape *shape) {
  memset(v, 0, sizeof *v);
  v->base = base;
  int64_t stride = 1;
  for (int k = shape->ndim - 1; k >= 0; --k) {
    v->stride[k] = stride;
    stride *= shape->dim[k];
  }
}

bool clgen_view_is_contiguous(const clgen_view *v, const clgen_shape *shape) {
  int64_t stride = 1;
  for (int k = shape->ndim - 1; k >= 0; --k) {
    if (shape->dim[k] != 1 && v->stride[k] != stride) return false;
    stride *= shape->dim[k];
  }
  return true;
}

/* Splits and joins axes without moving anything, where the strides allow it: runs of old and new axes with the same number
 * of elements are matched, and inside a run the old axes must lie as if contiguous. */
static bool reshape_view(const clgen_shape *from, const clgen_view *in, const clgen_shape *to, clgen_view *out) {
  int i = from->ndim - 1, j = to->ndim - 1;
  while (i >= 0 || j >= 0) {
    while (i >= 0 && from->dim[i] == 1) --i;
    if (i < 0) {
      for (; j >= 0; --j) out->stride[j] = 0; /* only sizes of 1 are left */
      break;
    }
    int64_t stride = in->stride[i], old_count = from->dim[i], new_count = 1, next = stride * from->dim[i];
    --i;
    for (;;) {
      while (new_count < old_count && j >= 0) {
        out->stride[j] = stride * new_count;
        new_count *= to->dim[j--];
      }
      if (new_count == old_count) break;
      while (i >= 0 && from->dim[i] == 1) --i;
      if (i < 0 || in->stride[i] != next) return false;
      old_count *= from->dim[i];
      next = in->stride[i] * from->dim[i];
      --i;
    }
  }
  return true;
}

bool clgen_view_apply(const clgen_tensor *t, const clgen_view *in, clgen_view *out) {
  memset(out, 0, sizeof *out);
  out->base = in->base;
  out->offset = in->offset;
  const clgen_shape *from = &t->in[0]->shape;
  switch (t->op) {
    case CLGEN_OP_STOP_GRADIENT: memcpy(out->stride, in->stride, sizeof out->stride); return true;
    case CLGEN_OP_RESHAPE: return reshape_view(from, in, &t->shape, out);
    case CLGEN_OP_PERMUTE:
      for (int k = 0; k < t->shape.ndim; ++k) out->stride[k] = in->stride[t->attr.axes[k]];
      return true;
    case CLGEN_OP_SLICE:
      memcpy(out->stride, in->stride, sizeof out->stride);
      out->offset += t->attr.start * in->stride[t->attr.axis];
      return true;
    case CLGEN_OP_BROADCAST: {
      int lead = t->shape.ndim - from->ndim;
      for (int k = 0; k < from->ndim; ++k)
        out->stride[lead + k] = from->dim[k] == t->shape.dim[lead + k] ? in->stride[k] : 0;
      return true;
    }
    default: return false;
  }
}
