/* clgen explore nearest, latent: the network beside the images that it learned from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/features.h>
#include <clgen/plot.h>

#include "commands.h"
#include "explore.h"
#include "metrics/metrics_internal.h"

/* ---- nearest ---- */

/* Each row: a made image, then its neighbours. */
static int write_neighbours(const explorer *e, const clgen_dataset *data, const uint8_t *made, const int64_t *index,
                            const double *square) {
  size_t k = (size_t)e->r.count, columns = k + 1, bytes = e->image_bytes;
  uint8_t *pixels = malloc(e->n_seeds * columns * bytes);
  if (!pixels) return clgen_fail_nomem(e->n_seeds * columns * bytes);
  for (size_t i = 0; i < e->n_seeds; ++i) {
    memcpy(pixels + i * columns * bytes, made + i * bytes, bytes);
    printf("seed %llu:", (unsigned long long)e->seeds[i]);
    for (size_t j = 0; j < k; ++j) {
      memcpy(pixels + (i * columns + 1 + j) * bytes, clgen_dataset_image(data, index[i * k + j]), bytes);
      printf("%s image %lld at %.4f", j ? "," : "", (long long)index[i * k + j],
             sqrt(square[i * k + j] / (double)bytes) / 255);
    }
    printf("\n");
  }
  int code = explore_write(e, (int64_t)(e->n_seeds * columns), pixels, (int64_t)columns);
  free(pixels);
  return code;
}

static int find_neighbours(const explorer *e, const clgen_dataset *data, const uint8_t *made) {
  clgen_images images = clgen_images_of(data);
  clgen_points real = {.bytes = images.pixels, .n = images.n, .d = (int64_t)e->image_bytes};
  clgen_points fake = {.bytes = made, .n = (int64_t)e->n_seeds, .d = (int64_t)e->image_bytes};
  clgen_rows a = {0}, b = {0};
  int k = (int)e->r.count;
  int64_t *index = clgen_alloc(fake.n, k, sizeof *index);
  double *square = clgen_alloc(fake.n, k, sizeof *square);
  int code = index && square ? clgen_rows_init(&a, &fake, 1, "made images") : CLGEN_E_NOMEM;
  if (!code) code = clgen_rows_init(&b, &real, k, "images");
  if (!code) code = clgen_nearest(&a, &b, k, NULL, square, index);
  if (!code) code = write_neighbours(e, data, made, index, square);
  clgen_rows_free(&a);
  clgen_rows_free(&b);
  free(index);
  free(square);
  return code;
}

static int nearest(explorer *e) {
  clgen_dataset *data = NULL;
  float *z = NULL;
  uint8_t *made = NULL;
  int code = explore_need_seeds(e);
  if (!code) code = explore_open_data(e, &data);
  if (!code) code = explore_latents(e, &z);
  if (!code) code = explore_make(e, (int64_t)e->n_seeds, z, 1, &made);
  if (!code) code = find_neighbours(e, data, made);
  clgen_dataset_close(data);
  free(z);
  free(made);
  return code;
}

int explore_nearest(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("a PNG: a row for each seed, its image and then its neighbours"),
      EXPLORE_DATA_ROWS,
      EXPLORE_SEEDS_ROW("0-7"),
      EXPLORE_CLASS_ROW,
      {"count", 0, CLGEN_OPTION_INT, EXPLORE_AT(count), "5", 1, CLGEN_MAX_NEAREST, NULL, "N", NULL, "number of neighbours"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore nearest --network FILE --data SRC --output FILE.png\n\n"
      "Finds the training images that are nearest to each generated image, by the\n"
      "root mean square of the difference of pixels (printed; 1 is black against white).\n",
      rows, CLGEN_COUNT(rows), true, nearest};
  return explore_run(&part, argc, argv);
}

/* ---- latent ---- */

enum { BATCH = 64 };

typedef struct {
  clgen_graph *graph;
  clgen_module *net;
  clgen_program *program;
  clgen_tensor *images, *labels, *mu; /* labels: NULL where no class is told */
} encoder;

static int build_encoder(encoder *n, const explorer *e) {
  const clgen_model_config *c = e->config;
  const clgen_model_network *w = clgen_model_encoder(e->model);
  clgen_tensor *logvar;
  int code = clgen_graph_create(&n->graph);
  if (!code) code = clgen_net_bind(&n->net, w->net, n->graph, w->prefix);
  if (code) return code;
  n->images = clgen_input(n->graph, "images", CLGEN_U8, clgen_shape_of(4, BATCH, c->channels, c->height, c->width));
  if (clgen_model_is_conditional(e->model))
    n->labels = clgen_input(n->graph, "labels", CLGEN_F32, clgen_shape_of(2, BATCH, c->classes));
  const clgen_pass pass = {.labels = n->labels};
  code = clgen_model_encode(e->model, n->net, clgen_model_from_bytes(e->model, n->images), &pass, &n->mu, &logvar);
  if (!code) code = clgen_output(n->mu);
  return code ? code : clgen_compile(&n->program, n->graph, e->store);
}

static void free_encoder(encoder *n) {
  clgen_program_free(n->program);
  clgen_module_free(n->net);
  clgen_graph_free(n->graph);
}

/* The classes of the images of a batch. */
static int write_labels(const encoder *net, const explorer *e, const clgen_dataset *data, const int64_t *which, size_t n) {
  size_t numbers = BATCH * (size_t)e->config->classes;
  int classes[BATCH];
  float *rows = calloc(numbers, sizeof *rows);
  int code = rows ? CLGEN_OK : clgen_fail_nomem(numbers * sizeof *rows);
  for (size_t i = 0; !code && i < n; ++i) code = clgen_classes_of_images(e->model, data, which[i], 1, &classes[i]);
  if (!code) code = clgen_model_one_hot(e->model, (int64_t)n, classes, rows);
  if (!code) code = clgen_program_write(net->program, net->labels, rows, numbers * sizeof *rows);
  free(rows);
  return code;
}

/* Posterior means of n images, (n, nz). */
static int encode(const explorer *e, const clgen_dataset *data, const int64_t *which, int64_t n, float *mu) {
  encoder net = {0};
  size_t bytes = e->image_bytes, nz = (size_t)e->config->nz;
  uint8_t *batch = calloc(BATCH, bytes);
  float *means = malloc(BATCH * nz * sizeof *means);
  int code = batch && means ? build_encoder(&net, e) : clgen_fail_nomem(BATCH * bytes);
  for (int64_t at = 0; !code && at < n; at += BATCH) {
    size_t now = (size_t)(n - at < BATCH ? n - at : BATCH);
    for (size_t i = 0; i < now; ++i) memcpy(batch + i * bytes, clgen_dataset_image(data, which[at + (int64_t)i]), bytes);
    code = clgen_program_write(net.program, net.images, batch, BATCH * bytes);
    if (!code && net.labels) code = write_labels(&net, e, data, which + at, now);
    if (!code) code = clgen_program_run(net.program);
    if (!code) code = clgen_program_read(net.program, net.mu, means, BATCH * nz * sizeof *means);
    if (!code) memcpy(mu + (size_t)at * nz, means, now * nz * sizeof *mu);
  }
  free(batch);
  free(means);
  free_encoder(&net);
  return code;
}

/* Principal components of the rows of mu (n, nz): xy (2, n), and the shares of the variance that the two hold. */
static int project_rows(const float *mu, int64_t n, int64_t nz, double *xy, double share[2]) {
  clgen_moments *moments = NULL;
  double *mean = malloc((size_t)(nz + nz * nz + nz) * sizeof *mean), *a = mean + nz, *values = a + nz * nz, sum = 0;
  int code = mean ? clgen_moments_create(&moments, nz, 1) : clgen_fail_nomem((size_t)(nz * nz) * sizeof *mean);
  if (!code) code = clgen_moments_add(moments, mu, n);
  if (!code) code = clgen_moments_get(moments, mean, a);
  if (!code) code = clgen_eigen_symmetric(nz, a, true, values);
  for (int64_t i = 0; !code && i < nz; ++i) sum += fmax(values[i], 0);
  for (int64_t axis = 0; !code && axis < 2; ++axis) {
    int64_t column = nz - 1 - axis;
    share[axis] = sum > 0 ? values[column] / sum : 0;
    for (int64_t i = 0; i < n; ++i) {
      double dot = 0;
      for (int64_t k = 0; k < nz; ++k) dot += ((double)mu[i * nz + k] - mean[k]) * a[k * nz + column];
      xy[axis * n + i] = dot;
    }
  }
  clgen_moments_free(moments);
  free(mean);
  return code;
}

/* The rows of a class one after another, as a series each; those without a class are one too. */
static int plot_classes(const explorer *e, const clgen_dataset *data, const int64_t *which, int64_t n, const double *xy,
                        const double share[2]) {
  int classes = clgen_dataset_get_info(data)->classes, used = 0;
  clgen_plot_series *series = calloc((size_t)classes + 1, sizeof *series);
  double *sorted = malloc((size_t)(2 * n) * sizeof *sorted);
  char *x_label = clgen_format("principal component 1 of the latent (%.0f%% of its variance)", 100 * share[0]);
  char *y_label = clgen_format("principal component 2 (%.0f%%)", 100 * share[1]);
  int code = series && sorted && x_label && y_label ? CLGEN_OK : clgen_fail_nomem((size_t)(2 * n) * sizeof *sorted);
  int64_t at = 0;
  for (int c = -1; !code && c < classes; ++c) {
    clgen_plot_series *s = &series[used];
    *s = (clgen_plot_series){.name = c < 0 ? "without a class" : clgen_dataset_class_name(data, c), .colour = used};
    s->x = sorted + at, s->y = sorted + n + at;
    for (int64_t i = 0; i < n; ++i)
      if (clgen_dataset_label(data, which[i]) == c) {
        sorted[at] = xy[i];
        sorted[n + at++] = xy[n + i];
        ++s->n;
      }
    used += s->n > 0;
  }
  clgen_plot p = {.title = "Images in the latent space", .x_label = x_label, .y_label = y_label, .series = series};
  p.n_series = used, p.points = true, p.width = 640, p.height = 520;
  if (!code) code = clgen_plot_write(e->r.output, &p);
  free(series);
  free(sorted);
  free(x_label);
  free(y_label);
  return code;
}

static int plot_latent(const explorer *e, const clgen_dataset *data) {
  int64_t all = clgen_dataset_get_info(data)->count, n = e->r.count < all ? e->r.count : all, nz = e->config->nz;
  int64_t *which = clgen_alloc(all, 1, sizeof *which);
  float *mu = clgen_alloc(n, nz, sizeof *mu);
  double *xy = clgen_alloc(n, 2, sizeof *xy), share[2];
  int code = which && mu && xy ? clgen_permutation(0, all, which) : CLGEN_E_NOMEM;
  if (!code) code = encode(e, data, which, n, mu);
  if (!code) code = project_rows(mu, n, nz, xy, share);
  if (!code) code = plot_classes(e, data, which, n, xy, share);
  free(which);
  free(mu);
  free(xy);
  return code;
}

static int latent(explorer *e) {
  clgen_dataset *data = NULL;
  if (!clgen_model_encodes(e->model))
    return clgen_fail(CLGEN_E_INVALID, "%s: a %s has no encoder", e->r.network, clgen_arch_name(e->config->arch));
  if (e->config->nz < 2) return clgen_fail(CLGEN_E_INVALID, "%s: a latent of one dimension is no plane", e->r.network);
  int code = explore_open_data(e, &data);
  if (!code) code = plot_latent(e, data);
  clgen_dataset_close(data);
  return code;
}

int explore_latent(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("an SVG"),
      EXPLORE_DATA_ROWS,
      {"count", 0, CLGEN_OPTION_INT, EXPLORE_AT(count), "2000", 2, 100000, NULL, "N", NULL, "maximum number of images"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore latent --network FILE --data SRC --output FILE.svg\n\n"
      "The means of a VAE's posterior for images of a dataset, on their first two principal components,\n"
      "coloured by class.\n",
      rows, CLGEN_COUNT(rows), true, latent};
  return explore_run(&part, argc, argv);
}
