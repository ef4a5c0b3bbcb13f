/* clgen explore saliency: what of an image a discriminator decides by. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/features.h>
#include <clgen/image.h>

#include "commands.h"
#include "explore.h"

/* Images as an input of the discriminator's graph, and its logits of them as an output. */
static int begin(explore_gradient *g, const explorer *e, int64_t n, clgen_tensor **images) {
  const clgen_model_config *c = e->config;
  const clgen_model_network *d = clgen_model_network_at(e->model, 1);
  int code = clgen_graph_create(&g->graph);
  if (!code) code = clgen_net_bind(&g->net, d->net, g->graph, d->prefix);
  if (code) return code;
  g->in = clgen_input(g->graph, "images", CLGEN_U8, clgen_shape_of(4, n, c->channels, c->height, c->width));
  *images = clgen_model_from_bytes(e->model, g->in);
  return *images ? CLGEN_OK : CLGEN_E_INVALID;
}

/* ---- Gradients by pixels ---- */

static int build_saliency(explore_gradient *g, const explorer *e, int64_t n) {
  clgen_tensor *images;
  int code = begin(g, e, n, &images);
  if (code) return code;
  g->counter = clgen_input(g->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  clgen_tensor *noise = clgen_random_normal(g->graph, g->counter, 0, CLGEN_STREAM_METRIC, *clgen_tensor_shape(images));
  clgen_tensor *noisy = clgen_add(images, clgen_affine(noise, 2 * (float)e->r.noise, 0)); /* pixels are on [-1,1] */
  const clgen_pass pass = explore_gradient_pass(g, e, n);
  g->error = clgen_model_discriminate(e->model, g->net, images, &pass, NULL);
  code = clgen_output(g->error);
  if (code) return code;
  clgen_tensor *logits = clgen_model_discriminate(e->model, g->net, noisy, &pass, NULL);
  return explore_gradient_finish(g, e, clgen_sum(logits, CLGEN_ALL_AXES, false), noisy);
}

/* SmoothGrad (Smilkov et al. 2017): the mean of the gradients at --samples noisy copies. */
static int mean_gradient(explore_gradient *g, const explorer *e, float *sum, float *one, size_t n) {
  int code = CLGEN_OK;
  for (uint32_t k = 0; !code && k < (uint32_t)e->r.samples; ++k) {
    code = clgen_program_write(g->program, g->counter, &k, sizeof k);
    if (!code) code = clgen_program_run(g->program);
    if (!code) code = clgen_program_read(g->program, g->grad, one, n * sizeof *one);
    for (size_t i = 0; !code && i < n; ++i) sum[i] += one[i] / (float)e->r.samples;
  }
  return code;
}

/* Simonyan et al. 2013, section 3: the largest |d logit / d pixel| over the channels; the brightest of each image is 255. */
static void to_maps(const float *grad, uint8_t *maps, size_t n, size_t channels, size_t area) {
  for (size_t i = 0; i < n; ++i) {
    const float *g = grad + i * channels * area;
    double most = 0;
    for (size_t k = 0; k < channels * area; ++k) most = fmax(most, fabs((double)g[k]));
    for (size_t p = 0; p < area; ++p) {
      double value = 0;
      for (size_t c = 0; c < channels; ++c) value = fmax(value, fabs((double)g[c * area + p]));
      for (size_t c = 0; c < channels; ++c)
        maps[(i * channels + c) * area + p] = (uint8_t)lrint(most > 0 ? 255 * value / most : 0);
    }
  }
}

/* Maps of n images, and the logits. */
static int map_gradients(const explorer *e, const uint8_t *images, const int *classes, int64_t n, uint8_t *maps,
                         float *logits) {
  explore_gradient g = {0};
  const clgen_model_config *c = e->config;
  size_t size = (size_t)n * e->image_bytes;
  float *grad = calloc(2 * size, sizeof *grad);
  int code = grad ? build_saliency(&g, e, n) : clgen_fail_nomem(2 * size * sizeof *grad);
  if (!code) code = clgen_program_write(g.program, g.in, images, size);
  if (!code) code = explore_gradient_classes(&g, e, n, classes);
  if (!code) code = mean_gradient(&g, e, grad, grad + size, size);
  if (!code) code = clgen_program_read(g.program, g.error, logits, (size_t)n * sizeof *logits);
  if (!code) to_maps(grad, maps, (size_t)n, (size_t)c->channels, (size_t)c->height * (size_t)c->width);
  free(grad);
  explore_gradient_free(&g);
  return code;
}

/* ---- Grad-CAM ---- */

/* Selvaraju et al. 2017, equations 1 and 2, without the rectification: the pictures A that the discriminator's last layer
 * sees, each weighted by the mean of d logit / d A; (N,h,w) in `target`. */
static int build_cam(explore_gradient *g, const explorer *e, int64_t n) {
  clgen_tensor *images, *seen = NULL, *slope;
  int code = begin(g, e, n, &images);
  if (code) return code;
  const clgen_pass pass = explore_gradient_pass(g, e, n);
  g->error = clgen_model_discriminate(e->model, g->net, images, &pass, &seen);
  code = clgen_output(g->error);
  if (!code) code = clgen_grad(clgen_sum(g->error, CLGEN_ALL_AXES, false), 1, &seen, &slope);
  if (code) return code;
  if (clgen_tensor_shape(seen)->ndim != 4)
    return clgen_fail(CLGEN_E_UNSUPPORTED, "%s: the input of the discriminator's last layer is no feature map",
                      e->r.network);
  clgen_tensor *weight = clgen_mean(slope, 1u << 2 | 1u << 3, true);
  g->target = clgen_sum(clgen_mul(weight, seen), 1u << 1, false);
  code = clgen_output(g->target);
  return code ? code : clgen_compile(&g->program, g->graph, e->store);
}

/* Linear between the centres of a map of h x w, at a place of the image. */
static double between(const float *map, int64_t h, int64_t w, double y, double x) {
  y = fmin(fmax(y * (double)h - 0.5, 0), (double)h - 1), x = fmin(fmax(x * (double)w - 0.5, 0), (double)w - 1);
  int64_t top = (int64_t)y, left = (int64_t)x, bottom = top + 1 < h ? top + 1 : top, right = left + 1 < w ? left + 1 : left;
  double dy = y - (double)top, dx = x - (double)left;
  double above = (1 - dx) * (double)map[top * w + left] + dx * (double)map[top * w + right];
  double below = (1 - dx) * (double)map[bottom * w + left] + dx * (double)map[bottom * w + right];
  return (1 - dy) * above + dy * below;
}

/* One image's map in the size of the image; the strongest point is 255. What speaks for the other verdict is black. */
static void enlarge(const clgen_model_config *c, const float *map, int64_t h, int64_t w, double sign, uint8_t *out) {
  double most = 0;
  for (int64_t k = 0; k < h * w; ++k) most = fmax(most, sign * (double)map[k]);
  for (int p = 0; p < c->height * c->width; ++p) {
    double value = sign * between(map, h, w, (p / c->width + 0.5) / c->height, (p % c->width + 0.5) / c->width);
    for (int k = 0; k < c->channels; ++k)
      out[k * c->height * c->width + p] = (uint8_t)lrint(most > 0 && value > 0 ? 255 * value / most : 0);
  }
}

/* What speaks for the verdict that each image got. */
static int map_cam(const explorer *e, const uint8_t *images, const int *classes, int64_t n, uint8_t *maps, float *logits) {
  explore_gradient g = {0};
  float *cam = NULL;
  int code = build_cam(&g, e, n);
  int64_t h = code ? 0 : clgen_tensor_dim(g.target, 1), w = code ? 0 : clgen_tensor_dim(g.target, 2);
  size_t bytes = (size_t)(n * h * w) * sizeof *cam;
  if (!code && !(cam = malloc(bytes))) code = clgen_fail_nomem(bytes);
  if (!code) code = clgen_program_write(g.program, g.in, images, (size_t)n * e->image_bytes);
  if (!code) code = explore_gradient_classes(&g, e, n, classes);
  if (!code) code = clgen_program_run(g.program);
  if (!code) code = clgen_program_read(g.program, g.target, cam, bytes);
  if (!code) code = clgen_program_read(g.program, g.error, logits, (size_t)n * sizeof *logits);
  for (int64_t i = 0; !code && i < n; ++i)
    enlarge(e->config, cam + i * h * w, h, w, logits[i] < 0 ? -1 : 1, maps + (size_t)i * e->image_bytes);
  free(cam);
  explore_gradient_free(&g);
  return code;
}

/* ---- Both ---- */

/* The classes of the images of these numbers, and of the fakes of these seeds, where they matter. */
static int find_classes(const explorer *e, const clgen_dataset *data, int *reals, int *fakes) {
  uint64_t count = (uint64_t)clgen_dataset_get_info(data)->count;
  int code = CLGEN_OK;
  if (!clgen_model_is_conditional(e->model)) return code;
  for (size_t i = 0; !code && i < e->n_seeds; ++i) {
    fakes[i] = explore_class(e, i);
    code = clgen_classes_of_images(e->model, data, (int64_t)(e->seeds[i] % count), 1, &reals[i]);
  }
  return code;
}

/* Rows of n: reals, their maps, fakes, their maps. */
static int write_saliency(const explorer *e, const clgen_dataset *data, const uint8_t *fakes) {
  size_t n = e->n_seeds, row = n * e->image_bytes;
  uint8_t *all = malloc(4 * row);
  float *logits = malloc(n * sizeof *logits);
  bool cam = strcmp(e->r.method, "grad-cam") == 0;
  int *classes = malloc(2 * n * sizeof *classes);
  int code = all && logits && classes ? find_classes(e, data, classes, classes + n) : clgen_fail_nomem(4 * row);
  for (size_t i = 0; !code && i < n; ++i)
    memcpy(all + i * e->image_bytes,
           clgen_dataset_image(data, (int64_t)(e->seeds[i] % (uint64_t)clgen_dataset_get_info(data)->count)),
           e->image_bytes);
  if (!code) memcpy(all + 2 * row, fakes, row);
  for (size_t half = 0; !code && half < 2; ++half) {
    uint8_t *images = all + 2 * half * row;
    code = (cam ? map_cam : map_gradients)(e, images, classes + half * n, (int64_t)n, images + row, logits);
    for (size_t i = 0; !code && i < n; ++i)
      printf("%s %llu: real with probability %.4f\n", half ? "fake of seed" : "real image", (unsigned long long)e->seeds[i],
             1 / (1 + exp(-(double)logits[i])));
  }
  if (!code) code = explore_write(e, (int64_t)(4 * n), all, (int64_t)n);
  free(all);
  free(logits);
  free(classes);
  return code;
}

static int saliency(explorer *e) {
  clgen_dataset *data = NULL;
  float *z = NULL;
  uint8_t *fakes = NULL;
  if (!clgen_model_is_gan(e->model))
    return clgen_fail(CLGEN_E_INVALID, "%s: a %s has no discriminator, only a GAN has", e->r.network,
                      clgen_arch_name(e->config->arch));
  int code = explore_need_seeds(e);
  if (!code) code = explore_open_data(e, &data);
  if (!code) code = explore_latents(e, &z);
  if (!code) code = explore_make(e, (int64_t)e->n_seeds, z, 1, &fakes);
  if (!code) code = write_saliency(e, data, fakes);
  clgen_dataset_close(data);
  free(z);
  free(fakes);
  return code;
}

int explore_saliency(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("a PNG: reals, their maps, fakes, their maps"),
      EXPLORE_DATA_ROWS,
      EXPLORE_SEEDS_ROW("0-7"),
      EXPLORE_CLASS_ROW,
      {"method", 0, CLGEN_OPTION_CHOICE, EXPLORE_AT(method), "gradient", 0, 0, "gradient|grad-cam", "NAME", NULL,
       "gradient of the logit by pixels, or Grad-CAM on the input of the last layer"},
      {"samples", 0, CLGEN_OPTION_INT, EXPLORE_AT(samples), "32", 1, 100000, NULL, "N", NULL,
       "number of noisy copies of each image (SmoothGrad); their gradients are averaged"},
      {"noise", 0, CLGEN_OPTION_REAL, EXPLORE_AT(noise), "0.15", 0, 10, NULL, "S", NULL,
       "standard deviation of the noise, for pixels from 0 to 1"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore saliency --network FILE --data SRC --output FILE.png\n\n"
      "Saliency maps of the discriminator: the gradient of its logit by pixels, or (grad-cam) the regions that\n"
      "support its decision; for images of the data with these numbers and fakes of these seeds. Its\n"
      "logits are printed.\n",
      rows, CLGEN_COUNT(rows), true, saliency};
  return explore_run(&part, argc, argv);
}
