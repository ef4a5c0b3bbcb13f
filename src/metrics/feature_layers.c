/* The kinds of layers that a described feature network may have: one row each, with its keys (docs/features.md). */
#include <clgen/blocks.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "metrics/feature_net.h"

enum { MOST = 4096 }; /* of kernels, strides and paddings */

/* One value a channel, in the shape in which it meets x. */
static clgen_tensor *per_channel(clgen_tensor *v, const clgen_tensor *x) {
  clgen_shape shape = {.ndim = clgen_tensor_shape(x)->ndim, .dim = {1, 1, 1, 1, 1, 1}};
  shape.dim[1] = clgen_tensor_dim(x, 1);
  return clgen_reshape(v, shape);
}

static int need_rank(const clgen_feature_part *p, const clgen_tensor *x, int low, int high, const char *wanted) {
  char text[96];
  const clgen_shape *s = clgen_tensor_shape(x);
  if (s->ndim >= low && s->ndim <= high) return CLGEN_OK;
  return clgen_feature_fail(p, "its input is %s, expected %s", clgen_shape_text(s, text, sizeof text), wanted);
}
static int need_picture(const clgen_feature_part *p, const clgen_tensor *x) { return need_rank(p, x, 4, 4, "(N,C,H,W)"); }

static int add_bias(const clgen_feature_part *p, clgen_tensor **x) {
  clgen_tensor *bias = NULL;
  char a[96];
  int code = clgen_feature_tensor(p, "bias", 1, true, &bias);
  if (code || !bias || !*x) return code;
  if (clgen_tensor_dim(bias, 0) != clgen_tensor_dim(*x, 1))
    return clgen_feature_fail(p, "its bias has %lld values for an output of %s", (long long)clgen_tensor_dim(bias, 0),
                              clgen_shape_text(clgen_tensor_shape(*x), a, sizeof a));
  *x = clgen_add(*x, per_channel(bias, *x));
  return CLGEN_OK;
}

/* ---- Windows ---- */

/* As many windows as positions of their stride in the picture, with the odd zero behind: TensorFlow's SAME, and PyTorch's
 * "same", which has stride 1. */
static void same_padding(int64_t length, int size, int stride, int *before, int *after) {
  int64_t all = ((length + stride - 1) / stride - 1) * stride + size - length;
  if (all < 0) all = 0;
  *before = (int)(all / 2);
  *after = (int)(all - all / 2);
}

static int read_padding(const clgen_feature_part *p, const clgen_tensor *x, clgen_window *w) {
  const json_t *said = json_object_get(p->json, "padding");
  if (json_is_string(said)) {
    if (strcmp(json_string_value(said), "same") != 0)
      return clgen_feature_fail(p, "padding \"%.40s\" is not \"same\"", json_string_value(said));
    same_padding(clgen_tensor_dim(x, 2), w->height, w->stride_h, &w->top, &w->bottom);
    same_padding(clgen_tensor_dim(x, 3), w->width, w->stride_w, &w->left, &w->right);
    return CLGEN_OK;
  }
  int pad[4] = {0}, n = clgen_feature_ints(p, "padding", 0, MOST, json_array_size(said) == 4 ? 4 : 2, pad);
  if (n < 0) return n;
  w->top = pad[0], w->bottom = n == 4 ? pad[1] : pad[0];
  w->left = n == 4 ? pad[2] : pad[1], w->right = n == 4 ? pad[3] : pad[1];
  return CLGEN_OK;
}

static int read_stride(const clgen_feature_part *p, int missing_h, int missing_w, clgen_window *w) {
  int stride[2] = {missing_h, missing_w}, n = clgen_feature_ints(p, "stride", 1, MOST, 2, stride);
  w->stride_h = stride[0], w->stride_w = stride[1];
  return n < 0 ? n : CLGEN_OK;
}

static int read_window(const clgen_feature_part *p, const clgen_tensor *x, clgen_window *w) {
  int kernel[2] = {0}, n = clgen_feature_ints(p, "kernel", 1, MOST, 2, kernel);
  if (n == 0) return clgen_feature_fail(p, "\"kernel\" is missing");
  int code = n < 0 ? n : need_picture(p, x);
  *w = (clgen_window){.height = kernel[0], .width = kernel[1]};
  if (!code) code = read_stride(p, kernel[0], kernel[1], w);
  return code ? code : read_padding(p, x, w);
}

static int max_pool(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  clgen_window w;
  int code = read_window(p, in[0], &w);
  if (!code) *out = clgen_max_pool2d(in[0], w);
  return code;
}

static int avg_pool(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  clgen_window w;
  bool count = true;
  int code = read_window(p, in[0], &w);
  if (!code) code = clgen_feature_flag(p, "count_include_pad", true, &count);
  if (!code) *out = clgen_avg_pool2d(in[0], w, count);
  return code;
}

static int global_avg_pool(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  int code = need_picture(p, in[0]);
  if (!code) *out = clgen_mean(in[0], 1u << 2 | 1u << 3, false);
  return code;
}

/* ---- Layers with weights ---- */

static int conv2d(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  clgen_tensor *x = in[0], *weight = NULL;
  clgen_window w = {0};
  int code = need_picture(p, x);
  if (!code) code = clgen_feature_tensor(p, "weight", 4, false, &weight);
  if (code) return code;
  w.height = (int)clgen_tensor_dim(weight, 2), w.width = (int)clgen_tensor_dim(weight, 3);
  code = read_stride(p, 1, 1, &w);
  if (!code) code = read_padding(p, x, &w);
  if (code) return code;
  bool even = w.top == w.bottom && w.left == w.right; /* what a convolution does by itself */
  if (!even) x = clgen_pad(clgen_pad(x, 2, w.top, w.bottom), 3, w.left, w.right);
  *out = clgen_conv2d(x, weight, (clgen_conv){w.stride_h, w.stride_w, even ? w.top : 0, even ? w.left : 0});
  return add_bias(p, out);
}

static int linear(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  clgen_tensor *weight = NULL;
  int code = need_rank(p, in[0], 2, 2, "(N,D), as flatten makes it,");
  if (!code) code = clgen_feature_tensor(p, "weight", 2, false, &weight);
  if (!code) *out = clgen_matmul(in[0], weight, false, true);
  return code ? code : add_bias(p, out);
}

/* At inference a batch norm is a scale and a shift. */
static int batch_norm(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  float *weight = NULL, *bias = NULL, *mean = NULL, *var = NULL;
  double eps = 0;
  int code = need_rank(p, in[0], 2, 4, "(N,C,H,W) or (N,C)");
  int64_t channels = code ? 0 : clgen_tensor_dim(in[0], 1);
  if (!code) code = clgen_feature_number(p, "eps", 1e-5, 0, 1, &eps);
  if (!code) code = clgen_feature_values(p, "weight", channels, true, &weight);
  if (!code) code = clgen_feature_values(p, "bias", channels, true, &bias);
  if (!code) code = clgen_feature_values(p, "running_mean", channels, false, &mean);
  if (!code) code = clgen_feature_values(p, "running_var", channels, false, &var);
  for (int64_t i = 0; !code && i < channels; ++i) {
    double scale = (weight ? (double)weight[i] : 1) / sqrt((double)var[i] + eps);
    if (!isfinite(scale)) code = clgen_feature_fail(p, "channel %lld has the variance %g", (long long)i, (double)var[i]);
    mean[i] = (float)((bias ? (double)bias[i] : 0) - scale * (double)mean[i]);
    var[i] = (float)scale;
  }
  free(weight);
  free(bias);
  if (code) {
    free(mean);
    free(var);
    return code;
  }
  clgen_tensor *scale = clgen_feature_constant(p, "scale", var, clgen_shape_of(1, channels));
  clgen_tensor *shift = clgen_feature_constant(p, "shift", mean, clgen_shape_of(1, channels));
  *out = clgen_add(clgen_mul(in[0], per_channel(scale, in[0])), per_channel(shift, in[0]));
  return CLGEN_OK;
}

/* ---- Activations ---- */

#define ACTIVATION(name, expression)                                                                 \
  static int name(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) { \
    (void)p, (void)n;                                                                                \
    clgen_tensor *x = in[0];                                                                         \
    *out = expression;                                                                               \
    return CLGEN_OK;                                                                                 \
  }

ACTIVATION(relu, clgen_relu(x))
ACTIVATION(relu6, clgen_clamp(x, 0, 6))
ACTIVATION(sigmoid, clgen_sigmoid(x))
ACTIVATION(tanh_of, clgen_tanh(x))
ACTIVATION(silu, clgen_mul(x, clgen_sigmoid(x)))

static int leaky_relu(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)n;
  double slope = 0;
  int code = clgen_feature_number(p, "slope", 0.01, 0, 1, &slope);
  if (!code) *out = clgen_leaky_relu(in[0], (float)slope);
  return code;
}

/* ---- Shapes and branches ---- */

static int flatten(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)p, (void)n;
  const clgen_shape *s = clgen_tensor_shape(in[0]);
  *out = clgen_reshape(in[0], clgen_shape_of(2, s->dim[0], clgen_shape_count(s) / s->dim[0]));
  return CLGEN_OK;
}

static int concat(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  (void)p;
  *out = clgen_concat(n, in, 1);
  return CLGEN_OK;
}

static int add(const clgen_feature_part *p, int n, clgen_tensor *const *in, clgen_tensor **out) {
  const clgen_shape *first = clgen_tensor_shape(in[0]);
  *out = in[0];
  for (int i = 1; i < n; ++i) {
    const clgen_shape *s = clgen_tensor_shape(in[i]);
    char a[96], b[96];
    if (!clgen_shape_equal(first, s)) /* to be sure that nothing is broadcast */
      return clgen_feature_fail(p, "%s and %s cannot be added", clgen_shape_text(first, a, sizeof a),
                                clgen_shape_text(s, b, sizeof b));
    *out = clgen_add(*out, in[i]);
  }
  return CLGEN_OK;
}

static const clgen_feature_layer rows[] = {
    {"conv2d", "weight bias stride padding", 1, conv2d},
    {"batch_norm", "weight bias running_mean running_var eps", 1, batch_norm},
    {"linear", "weight bias", 1, linear},
    {"relu", "", 1, relu},
    {"relu6", "", 1, relu6},
    {"leaky_relu", "slope", 1, leaky_relu},
    {"sigmoid", "", 1, sigmoid},
    {"tanh", "", 1, tanh_of},
    {"silu", "", 1, silu},
    {"max_pool", "kernel stride padding", 1, max_pool},
    {"avg_pool", "kernel stride padding count_include_pad", 1, avg_pool},
    {"global_avg_pool", "", 1, global_avg_pool},
    {"flatten", "", 1, flatten},
    {"concat", "", 2, concat},
    {"add", "", 2, add},
};

const clgen_feature_layer *clgen_feature_layer_at(size_t index) { return index < CLGEN_COUNT(rows) ? &rows[index] : NULL; }
