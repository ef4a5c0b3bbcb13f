/* clgen explore interpolate, traverse, directions: walks through the latent space. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/image.h>

#include "commands.h"
#include "explore.h"
#include "metrics/metrics_internal.h"

/* Latents of a grid; freed by write_walk. */
static int alloc_walk(const explorer *e, int64_t n, float **z) {
  *z = calloc((size_t)n * (size_t)e->config->nz, sizeof **z);
  return *z ? CLGEN_OK : clgen_fail_nomem((size_t)n * (size_t)e->config->nz * sizeof **z);
}

/* of_each: images of one seed after the other. */
static int write_walk(const explorer *e, int64_t n, float *z, int64_t columns, int64_t of_each) {
  uint8_t *pixels = NULL;
  int code = explore_make(e, n, z, of_each, &pixels);
  if (!code) code = explore_write(e, n, pixels, columns);
  free(pixels);
  free(z);
  return code;
}

/* ---- interpolate ---- */

/* On the great circle (Shoemake 1985), since normal latents lie near a sphere and the chord leaves it (White 2016). Lengths
 * go over linearly. Where the two point the same or opposite ways there is no one circle: straight. */
static void between(const float *a, const float *b, int64_t nz, double t, float *out) {
  double aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < nz; ++i) {
    aa += (double)a[i] * (double)a[i];
    bb += (double)b[i] * (double)b[i];
    ab += (double)a[i] * (double)b[i];
  }
  double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1, angle = acos(fmax(-1, fmin(1, cosine)));
  bool round = sin(angle) > 1e-6;
  double length = round ? (1 - t) * sqrt(aa) + t * sqrt(bb) : 1;
  double p = round ? sin((1 - t) * angle) / sin(angle) / sqrt(aa) : 1 - t;
  double q = round ? sin(t * angle) / sin(angle) / sqrt(bb) : t;
  for (int64_t i = 0; i < nz; ++i) out[i] = (float)(length * (p * (double)a[i] + q * (double)b[i]));
}

/* A row from each seed to the next, both ends in it. */
static int write_rows(const explorer *e, const float *z) {
  int64_t nz = e->config->nz, rows = (int64_t)e->n_seeds - 1, steps = e->r.steps;
  float *walk;
  int code = alloc_walk(e, rows * steps, &walk);
  for (int64_t r = 0; !code && r < rows; ++r)
    for (int64_t k = 0; k < steps; ++k)
      between(z + r * nz, z + (r + 1) * nz, nz, (double)k / (double)(steps - 1), walk + (r * steps + k) * nz);
  return code ? code : write_walk(e, rows * steps, walk, steps, rows * steps);
}

/* Round through all seeds and back to the first, which makes it a loop. */
static int write_animation(const explorer *e, const float *z) {
  const clgen_model_config *c = e->config;
  int64_t nz = c->nz, n = (int64_t)e->n_seeds * e->r.steps;
  float *walk;
  uint8_t *pixels = NULL;
  clgen_image *frames = calloc((size_t)n, sizeof *frames);
  int code = frames ? alloc_walk(e, n, &walk) : clgen_fail_nomem((size_t)n * sizeof *frames);
  if (code) {
    free(frames);
    return code;
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t from = i / e->r.steps, to = (from + 1) % (int64_t)e->n_seeds;
    between(z + from * nz, z + to * nz, nz, (double)(i % e->r.steps) / (double)e->r.steps, walk + i * nz);
  }
  code = explore_make(e, n, walk, n, &pixels);
  for (int64_t i = 0; !code && i < n; ++i)
    code = clgen_image_grid(&frames[i], pixels + (size_t)i * e->image_bytes, 1, c->channels, c->height, c->width, 1);
  if (!code) code = clgen_image_write_apng(e->r.animation, frames, n, (int)e->r.delay);
  for (int64_t i = 0; i < n; ++i) clgen_image_free(&frames[i]);
  free(frames);
  free(pixels);
  free(walk);
  return code;
}

static int interpolate(explorer *e) {
  float *z;
  if (e->n_seeds < 2) return clgen_fail(CLGEN_E_INVALID, "option --seeds: two or more are needed to go from one to another");
  int code = explore_latents(e, &z);
  if (!code && e->r.output[0]) code = write_rows(e, z);
  if (!code && e->r.animation[0]) code = write_animation(e, z);
  free(z);
  return code;
}

int explore_interpolate(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("a PNG: a row from each seed to the next"),
      {"animation", 0, CLGEN_OPTION_STRING, EXPLORE_AT(animation), "", 0, 0, NULL, "FILE", NULL,
       "animated PNG to write: through all seeds and back to the first"},
      EXPLORE_SEEDS_ROW("0-4"),
      EXPLORE_CLASS_ROW,
      EXPLORE_STEPS_ROW("10", "images from one seed to the next"),
      {"delay", 0, CLGEN_OPTION_INT, EXPLORE_AT(delay), "60", 1, 65535, NULL, "MS", NULL, "milliseconds per frame"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore interpolate --network FILE [--output FILE.png] [--animation FILE.png]\n\n"
      "Spherical interpolation (slerp) from the latent of each seed to the next.\n",
      rows, CLGEN_COUNT(rows), false, interpolate};
  return explore_run(&part, argc, argv);
}

/* ---- traverse ---- */

/* --dims as rows; all of them, at most 32, when it is not given. */
static int parse_dims(const explorer *e, uint64_t **dims, size_t *n) {
  char all[32];
  int nz = e->config->nz;
  snprintf(all, sizeof all, "0-%d", (nz < 32 ? nz : 32) - 1);
  int code = tool_parse_seeds(e->r.dims[0] ? e->r.dims : all, dims, n);
  if (code) return clgen_fail_prefix(code, "option --dims");
  for (size_t i = 0; i < *n; ++i)
    if ((*dims)[i] >= (uint64_t)nz) {
      unsigned long long dim = (*dims)[i];
      free(*dims);
      return clgen_fail(CLGEN_E_INVALID, "option --dims: %llu; this network's latent has 0 to %d", dim, nz - 1);
    }
  return CLGEN_OK;
}

static double step_at(const explorer *e, int64_t k) { return e->r.range * (2 * (double)k / (double)(e->r.steps - 1) - 1); }

static int traverse(explorer *e) {
  int64_t nz = e->config->nz, steps = e->r.steps;
  uint64_t *dims;
  size_t rows;
  float *walk, *z = NULL;
  int code = parse_dims(e, &dims, &rows);
  if (code) return code;
  code = explore_latents(e, &z);
  if (!code) code = alloc_walk(e, (int64_t)rows * steps, &walk);
  for (size_t r = 0; !code && r < rows; ++r)
    for (int64_t k = 0; k < steps; ++k) {
      float *to = walk + ((int64_t)r * steps + k) * nz;
      memcpy(to, z, (size_t)nz * sizeof *to);
      to[dims[r]] = (float)step_at(e, k);
    }
  free(dims);
  free(z);
  return code ? code : write_walk(e, (int64_t)rows * steps, walk, steps, (int64_t)rows * steps);
}

int explore_traverse(int argc, char **argv) {
  static const clgen_option rows[] = {EXPLORE_ROWS("a PNG: a row for each dimension"),
                                      {"seeds", 0, CLGEN_OPTION_STRING, EXPLORE_AT(seeds), "", 0, 0, NULL, "SEED", NULL,
                                       "latent of the other dimensions; default: 0, the mean"},
                                      {"dims", 0, CLGEN_OPTION_STRING, EXPLORE_AT(dims), "", 0, 0, NULL, "LIST", NULL,
                                       "dimensions to traverse; default: all, at most the first 32"},
                                      EXPLORE_CLASS_ROW,
                                      EXPLORE_STEPS_ROW("11", "images a row"),
                                      EXPLORE_RANGE_ROW("3", "from -R to R"),
                                      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore traverse --network FILE --output FILE.png\n\n"
      "Varies one latent dimension, useful for VAEs: rows that do not change are\n"
      "dimensions that the VAE does not use.\n",
      rows, CLGEN_COUNT(rows), false, traverse};
  return explore_run(&part, argc, argv);
}

/* ---- directions ---- */

/* a (nz, nz) = W^T W of the first layer's weight W (outputs, nz), whichever way round PyTorch keeps it. */
static int first_layer(const explorer *e, double *a) {
  const clgen_model_network *generator = clgen_model_generator_network(e->model);
  int first;
  clgen_net_layer_tensors(generator->net, clgen_model_latent_layer(e->model), &first);
  const clgen_net_tensor *w = clgen_net_tensor_at(generator->net, first);
  int64_t nz = e->config->nz;
  bool latent_first = w->shape.ndim == 4;              /* conv_transpose2d: (in,out,k,k); linear: (out,in) */
  int64_t inputs = w->shape.dim[latent_first ? 0 : 1]; /* behind the latent's numbers there may be a class's */
  int64_t n = clgen_shape_count(&w->shape), outputs = n / inputs;
  char *state = clgen_format("%s.param", generator->prefix);
  float *values = malloc((size_t)n * sizeof *values);
  int code = state && values ? clgen_store_read(e->store, state, w->offset, n, values) : clgen_fail_nomem((size_t)n * 4);
  for (int64_t i = 0; !code && i < nz; ++i)
    for (int64_t j = 0; j < nz; ++j) {
      double sum = 0;
      for (int64_t o = 0; o < outputs; ++o)
        sum += (double)values[latent_first ? i * outputs + o : o * inputs + i] *
               (double)values[latent_first ? j * outputs + o : o * inputs + j];
      a[i * nz + j] = sum;
    }
  free(values);
  free(state);
  return code;
}

/* Through `z` (nz) along eigenvectors (columns of a, ascending), the strongest first. */
static int write_directions(const explorer *e, const double *a, const float *z) {
  int64_t nz = e->config->nz, rows = e->r.count < nz ? e->r.count : nz, steps = e->r.steps;
  float *walk;
  int code = alloc_walk(e, rows * steps, &walk);
  for (int64_t r = 0; !code && r < rows; ++r)
    for (int64_t k = 0; k < steps; ++k)
      for (int64_t i = 0; i < nz; ++i)
        walk[(r * steps + k) * nz + i] = (float)((double)z[i] + step_at(e, k) * a[i * nz + nz - 1 - r]);
  return code ? code : write_walk(e, rows * steps, walk, steps, rows * steps);
}

static int directions(explorer *e) {
  size_t nz = (size_t)e->config->nz;
  double *a = malloc((nz * nz + nz) * sizeof *a);
  float *z = NULL;
  int code = a ? explore_latents(e, &z) : clgen_fail_nomem((nz * nz + nz) * sizeof *a);
  if (!code) code = first_layer(e, a);
  if (!code) code = clgen_eigen_symmetric(e->config->nz, a, true, a + nz * nz);
  if (!code) code = write_directions(e, a, z);
  free(a);
  free(z);
  return code;
}

int explore_directions(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("a PNG: a row for each direction, the strongest first"),
      {"seeds", 0, CLGEN_OPTION_STRING, EXPLORE_AT(seeds), "0", 0, 0, NULL, "SEED", NULL,
       "the image in the middle; \"\" is latent 0"},
      {"count", 0, CLGEN_OPTION_INT, EXPLORE_AT(count), "8", 1, 256, NULL, "N", NULL, "number of directions"},
      EXPLORE_CLASS_ROW,
      EXPLORE_STEPS_ROW("9", "images a row"),
      EXPLORE_RANGE_ROW("5", "from -R to R along the direction"),
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore directions --network FILE --output FILE.png\n\n"
      "SeFa (Shen & Zhou 2021): leading singular vectors of the first layer's weights as latent directions, without data\n"
      "and without labels.\n",
      rows, CLGEN_COUNT(rows), false, directions};
  return explore_run(&part, argc, argv);
}
