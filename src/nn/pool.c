/* Pooling: what becomes of the windows of a picture, from operations that there are. The elements of windows are as many
 * views of the picture, so what is made of them is one pass along each axis, and its gradients follow by themselves. */
#include <clgen/blocks.h>

#include "nn/nn_internal.h"

/* Along one axis. */
typedef struct {
  int axis;
  int64_t size, stride, before, after;
} walk;

/* The elements first, first + stride, ... of an axis, n of them, as a view: one column of rows of `stride` elements, which
 * begin before `first` where they would else reach beyond the end. */
static clgen_tensor *every(clgen_tensor *x, const walk *w, int64_t first, int64_t n) {
  if (w->stride == 1) return clgen_slice(x, w->axis, first, n);
  clgen_shape s = *clgen_tensor_shape(x), rows = s;
  int64_t over = first + n * w->stride - s.dim[w->axis], column = over > 0 ? over : 0;
  rows.ndim = s.ndim + 1;
  rows.dim[w->axis] = n;
  rows.dim[w->axis + 1] = w->stride;
  for (int i = w->axis + 1; i < s.ndim; ++i) rows.dim[i + 1] = s.dim[i];
  s.dim[w->axis] = n;
  x = clgen_reshape(clgen_slice(x, w->axis, first - column, n * w->stride), rows);
  return clgen_reshape(clgen_slice(x, w->axis + 1, column, 1), s);
}

/* The outermost elements once more, which changes no window's maximum: each holds them that reaches beyond them. */
static clgen_tensor *repeat_edges(clgen_tensor *x, const walk *w) {
  int64_t n = clgen_tensor_dim(x, w->axis);
  clgen_shape before = *clgen_tensor_shape(x), after = before;
  before.dim[w->axis] = w->before;
  after.dim[w->axis] = w->after;
  clgen_tensor *part[3];
  int parts = 0;
  if (w->before) part[parts++] = clgen_broadcast(clgen_slice(x, w->axis, 0, 1), before);
  part[parts++] = x;
  if (w->after) part[parts++] = clgen_broadcast(clgen_slice(x, w->axis, n - 1, 1), after);
  return parts == 1 ? x : clgen_concat(parts, part, w->axis);
}

static clgen_tensor *pool_axis(clgen_tensor *x, walk w, bool maximum) {
  if (!x) return NULL;
  int64_t length = clgen_tensor_dim(x, w.axis) + w.before + w.after, n = (length - w.size) / w.stride + 1;
  if (n * w.stride > length) w.after += n * w.stride - length; /* between windows that do not touch: read by none */
  x = maximum ? repeat_edges(x, &w) : w.before || w.after ? clgen_pad(x, w.axis, w.before, w.after) : x;
  clgen_tensor *y = every(x, &w, 0, n);
  for (int64_t t = 1; t < w.size; ++t) /* of equal elements the first gets maximum's gradient, as in PyTorch */
    y = maximum ? clgen_maximum(every(x, &w, t, n), y) : clgen_add(y, every(x, &w, t, n));
  return y;
}

static walk down_of(const clgen_window *w) { return (walk){2, w->height, w->stride_h, w->top, w->bottom}; }
static walk across_of(const clgen_window *w) { return (walk){3, w->width, w->stride_w, w->left, w->right}; }

static bool fits(const walk *w, int64_t length) {
  return w->size >= 1 && w->stride >= 1 && w->before >= 0 && w->before < w->size && w->after >= 0 && w->after < w->size &&
         length + w->before + w->after >= w->size;
}

static bool window_ok(const char *what, const clgen_tensor *x, const clgen_window *window) {
  if (!clgen_is_picture(what, x, 1)) return false;
  walk down = down_of(window), across = across_of(window);
  if (fits(&down, clgen_tensor_dim(x, 2)) && fits(&across, clgen_tensor_dim(x, 3))) return true;
  char text[96];
  clgen_fail(
      CLGEN_E_INVALID,
      "%s: windows of %dx%d every %dx%d, with %d, %d, %d and %d above, below, left and right of %s: sizes and strides "
      "are at least 1, padding is less than the window, and a window fits",
      what, window->height, window->width, window->stride_h, window->stride_w, window->top, window->bottom, window->left,
      window->right, clgen_shape_text(clgen_tensor_shape(x), text, sizeof text));
  return false;
}

clgen_tensor *clgen_max_pool2d(clgen_tensor *x, clgen_window window) {
  if (!window_ok("max pooling", x, &window)) return NULL;
  return pool_axis(pool_axis(x, across_of(&window), true), down_of(&window), true);
}

/* How many elements of the picture itself each window along an axis has. */
static clgen_tensor *counts(clgen_graph *g, walk w, int64_t length) {
  clgen_shape line = clgen_shape_of(4, 1, 1, 1, 1);
  line.dim[w.axis] = length;
  return pool_axis(clgen_constant(g, 1, line), w, false);
}

/* Windows that tile the picture: sums over axes of their own, in one pass. */
static clgen_tensor *mean_of_tiles(clgen_tensor *x, const clgen_window *w) {
  const clgen_shape s = *clgen_tensor_shape(x);
  x = clgen_reshape(x,
                    clgen_shape_of(6, s.dim[0], s.dim[1], s.dim[2] / w->height, w->height, s.dim[3] / w->width, w->width));
  return clgen_mean(x, 1u << 3 | 1u << 5, false);
}

clgen_tensor *clgen_avg_pool2d(clgen_tensor *x, clgen_window window, bool count_padding) {
  if (!window_ok("average pooling", x, &window)) return NULL;
  bool padded = window.top || window.bottom || window.left || window.right;
  bool tiles = !padded && window.stride_h == window.height && window.stride_w == window.width;
  if (tiles && clgen_tensor_dim(x, 2) % window.height == 0 && clgen_tensor_dim(x, 3) % window.width == 0)
    return mean_of_tiles(x, &window);
  walk down = down_of(&window), across = across_of(&window);
  clgen_tensor *sum = pool_axis(pool_axis(x, across, false), down, false);
  if (count_padding || !padded) return clgen_affine(sum, (float)(1.0 / ((double)window.height * window.width)), 0);
  clgen_graph *g = clgen_tensor_graph(x);
  return clgen_div(sum, clgen_mul(counts(g, down, clgen_tensor_dim(x, 2)), counts(g, across, clgen_tensor_dim(x, 3))));
}

clgen_tensor *clgen_average_pool(clgen_tensor *x, int size) {
  if (!clgen_is_picture("average pooling", x, size)) return NULL;
  return clgen_avg_pool2d(x, (clgen_window){size, size, size, size, 0, 0, 0, 0}, true);
}
