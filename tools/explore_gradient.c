/* clgen explore project, saliency: gradients with respect to a latent, and to an image. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/features.h>
#include <clgen/image.h>

#include "commands.h"
#include "explore.h"

typedef struct {
  clgen_graph *graph;
  clgen_bound *net;
  clgen_program *program;
  clgen_tensor *in, *target, *counter, *error, *grad;
} gradient;

static void free_gradient(gradient *g) {
  clgen_program_free(g->program);
  clgen_bound_free(g->net);
  clgen_graph_free(g->graph);
}

/* d(loss)/d(wrt) becomes an output. */
static int finish(gradient *g, const explorer *e, clgen_tensor *loss, clgen_tensor *wrt) {
  int code = loss ? clgen_grad(loss, 1, &wrt, &g->grad) : CLGEN_E_INVALID;
  if (!code) code = clgen_output(g->grad);
  return code ? code : clgen_compile(&g->program, g->graph, e->store);
}

/* ---- project ---- */

/* The images to be projected: of --image, or the first of --data. */
static int read_targets(const explorer *e, uint8_t **pixels, int64_t *n) {
  const clgen_model_config *c = e->config;
  clgen_dataset *data = NULL;
  clgen_image image = {0}, sized = {0}, converted = {0};
  *n = e->r.image[0] ? 1 : e->r.count;
  *pixels = malloc((size_t)*n * e->image_bytes);
  int code = *pixels ? CLGEN_OK : clgen_fail_nomem((size_t)*n * e->image_bytes);
  if (!code && e->r.image[0]) {
    code = clgen_image_read(&image, e->r.image, (uint64_t)1 << 28);
    if (!code) code = clgen_image_resize(&image, c->width, c->height, &sized);
    if (!code) code = clgen_image_convert(&sized, c->channels, NULL, &converted);
    for (size_t k = 0; !code && k < e->image_bytes; ++k) { /* to planes */
      size_t area = (size_t)c->width * (size_t)c->height;
      (*pixels)[k] = converted.data[k % area * (size_t)c->channels + k / area];
    }
  } else if (!code) {
    code = explore_open_data(e, &data);
    if (!code && clgen_dataset_get_info(data)->count < *n) *n = clgen_dataset_get_info(data)->count;
    if (!code) memcpy(*pixels, clgen_dataset_image(data, 0), (size_t)*n * e->image_bytes);
  }
  clgen_image_free(&image);
  clgen_image_free(&sized);
  clgen_image_free(&converted);
  clgen_dataset_close(data);
  return code;
}

/* The mean square error, on a scale of 0 to 1, of each start's image (an output), and its gradient in the latents. */
static int build_projection(gradient *g, const explorer *e) {
  const clgen_model_config *c = e->config;
  const clgen_model_network *maker = clgen_model_maker(e->model);
  int code = clgen_graph_create(&g->graph);
  if (!code) code = clgen_net_bind(&g->net, maker->net, g->graph, maker->prefix);
  if (code) return code;
  g->in = clgen_input(g->graph, "z", CLGEN_F32, clgen_shape_of(2, e->r.starts, c->nz));
  g->target = clgen_input(g->graph, "target", CLGEN_U8, clgen_shape_of(4, 1, c->channels, c->height, c->width));
  clgen_tensor *made = clgen_model_decode(e->model, g->net, g->in, &(clgen_pass){0});
  clgen_tensor *off = clgen_sub(clgen_model_to_unit(e->model, made), clgen_affine(g->target, 1 / 255.0f, 0));
  g->error = clgen_mean(clgen_square(off), 1u << 1 | 1u << 2 | 1u << 3, false);
  code = clgen_output(g->error);
  return code ? code : finish(g, e, clgen_sum(g->error, CLGEN_ALL_AXES, false), g->in);
}

/* Adam (Kingma & Ba 2014) on latents; m holds both moments. */
static void descend(float *z, const float *grad, double *m, size_t n, int64_t step, double lr) {
  for (size_t i = 0; i < n; ++i) {
    double g = (double)grad[i], *v = m + n;
    m[i] = 0.9 * m[i] + 0.1 * g;
    v[i] = 0.999 * v[i] + 0.001 * g * g;
    double first = m[i] / (1 - pow(0.9, (double)step)), second = v[i] / (1 - pow(0.999, (double)step));
    z[i] -= (float)(lr * first / (sqrt(second) + 1e-8));
  }
}

/* From every start; `best` (nz) gets the latent with the least error seen, which is returned in *error. */
static int project_one(gradient *g, const explorer *e, const uint8_t *target, float *best, double *error) {
  size_t nz = (size_t)e->config->nz, starts = (size_t)e->r.starts, n = starts * nz;
  float *z = malloc((2 * n + starts) * sizeof *z), *grad = z + n, *errors = grad + n;
  double *moments = calloc(2 * n, sizeof *moments);
  int code = z && moments ? clgen_program_write(g->program, g->target, target, e->image_bytes) : clgen_fail_nomem(n * 24);
  for (size_t s = 0; !code && s < starts; ++s) clgen_latent_of_seed(s, e->config->nz, z + s * nz);
  *error = INFINITY;
  for (int64_t step = 1; !code && step <= e->r.iterations + 1; ++step) {
    code = clgen_program_write(g->program, g->in, z, n * sizeof *z);
    if (!code) code = clgen_program_run(g->program);
    if (!code) code = clgen_program_read(g->program, g->error, errors, starts * sizeof *errors);
    if (!code) code = clgen_program_read(g->program, g->grad, grad, n * sizeof *grad);
    for (size_t s = 0; !code && s < starts; ++s)
      if ((double)errors[s] < *error) {
        *error = (double)errors[s];
        memcpy(best, z + s * nz, nz * sizeof *best);
      }
    if (!code) descend(z, grad, moments, n, step, e->r.lr);
  }
  free(z);
  free(moments);
  return code;
}

/* Targets above, what the network makes of the best latents below. */
static int write_projections(const explorer *e, const uint8_t *targets, const float *z, int64_t n) {
  uint8_t *both = malloc((size_t)(2 * n) * e->image_bytes);
  if (!both) return clgen_fail_nomem((size_t)(2 * n) * e->image_bytes);
  memcpy(both, targets, (size_t)n * e->image_bytes);
  int code = clgen_generator_run(e->generator, n, z, both + (size_t)n * e->image_bytes);
  if (!code) code = explore_write(e, 2 * n, both, n);
  free(both);
  return code;
}

static int project(explorer *e) {
  gradient g = {0};
  uint8_t *targets = NULL;
  int64_t n = 0;
  float *z = NULL;
  size_t nz = (size_t)e->config->nz;
  if (!e->r.image[0] == !e->r.data[0])
    return clgen_fail(CLGEN_E_INVALID, "what to project: give --image FILE or --data SRC");
  int code = read_targets(e, &targets, &n);
  if (!code) z = malloc((size_t)n * nz * sizeof *z);
  if (!code && !z) code = clgen_fail_nomem((size_t)n * nz * sizeof *z);
  if (!code) code = build_projection(&g, e);
  for (int64_t i = 0; !code && i < n; ++i) {
    double error, length = 0;
    code = project_one(&g, e, targets + (size_t)i * e->image_bytes, z + (size_t)i * nz, &error);
    for (size_t k = 0; !code && k < nz; ++k) length += (double)z[(size_t)i * nz + k] * (double)z[(size_t)i * nz + k];
    if (!code && !isfinite(error)) code = clgen_fail(CLGEN_E_NONFINITE, "the error of a projection is not finite");
    if (!code)
      printf("image %lld: PSNR %.2f dB, latent of length %.2f (of a random one: about %.2f)\n", (long long)i,
             -10 * log10(fmax(error, 1e-12)), sqrt(length), sqrt((double)nz));
  }
  if (!code) code = write_projections(e, targets, z, n);
  free_gradient(&g);
  free(targets);
  free(z);
  return code;
}

int explore_project(int argc, char **argv) {
  static const clgen_option rows[] = {
      EXPLORE_ROWS("a PNG: the given images above, the projections below"),
      {"image", 0, CLGEN_OPTION_STRING, EXPLORE_AT(image), "", 0, 0, NULL, "FILE", NULL, "one PNG or JPEG"},
      EXPLORE_DATA_ROWS,
      {"count", 0, CLGEN_OPTION_INT, EXPLORE_AT(count), "8", 1, 1000, NULL, "N", NULL, "the first N images of --data"},
      {"starts", 0, CLGEN_OPTION_INT, EXPLORE_AT(starts), "8", 1, 1000, NULL, "N", NULL,
       "latents to begin with, of which the best wins"},
      {"iterations", 0, CLGEN_OPTION_INT, EXPLORE_AT(iterations), "200", 0, 1e6, NULL, "N", NULL, "steps of Adam"},
      {"lr", 0, CLGEN_OPTION_REAL, EXPLORE_AT(lr), "0.05", 1e-9, 100, NULL, "RATE", NULL, "their length"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore project --network FILE (--image FILE | --data SRC) --output FILE.png\n\n"
      "The nearest to a given image that the network can make: gradient descent on the latent. The\n"
      "peak signal-to-noise ratio is printed; 10 dB is poor, 30 dB close.\n",
      rows, CLGEN_COUNT(rows), false, project};
  return explore_run(&part, argc, argv);
}

/* ---- saliency ---- */

static int build_saliency(gradient *g, const explorer *e, int64_t n) {
  const clgen_model_config *c = e->config;
  const clgen_model_network *d = clgen_model_network_at(e->model, 1);
  int code = clgen_graph_create(&g->graph);
  if (!code) code = clgen_net_bind(&g->net, d->net, g->graph, d->prefix);
  if (code) return code;
  g->in = clgen_input(g->graph, "images", CLGEN_U8, clgen_shape_of(4, n, c->channels, c->height, c->width));
  g->counter = clgen_input(g->graph, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  clgen_tensor *images = clgen_model_from_bytes(e->model, g->in);
  clgen_tensor *noise = clgen_random_normal(g->graph, g->counter, 0, CLGEN_STREAM_METRIC, *clgen_tensor_shape(images));
  clgen_tensor *noisy = clgen_add(images, clgen_affine(noise, 2 * (float)e->r.noise, 0)); /* pixels are on [-1,1] */
  g->error = clgen_model_judge(e->model, g->net, images, &(clgen_pass){0}, NULL);
  code = clgen_output(g->error);
  if (code) return code;
  clgen_tensor *logits = clgen_model_judge(e->model, g->net, noisy, &(clgen_pass){0}, NULL);
  return logits ? finish(g, e, clgen_sum(logits, CLGEN_ALL_AXES, false), noisy) : CLGEN_E_INVALID;
}

/* SmoothGrad (Smilkov et al. 2017): the mean of the gradients at --samples noisy copies. */
static int mean_gradient(gradient *g, const explorer *e, float *sum, float *one, size_t n) {
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
static int map_images(const explorer *e, const uint8_t *images, int64_t n, uint8_t *maps, float *logits) {
  gradient g = {0};
  const clgen_model_config *c = e->config;
  size_t size = (size_t)n * e->image_bytes;
  float *grad = calloc(2 * size, sizeof *grad);
  int code = grad ? build_saliency(&g, e, n) : clgen_fail_nomem(2 * size * sizeof *grad);
  if (!code) code = clgen_program_write(g.program, g.in, images, size);
  if (!code) code = mean_gradient(&g, e, grad, grad + size, size);
  if (!code) code = clgen_program_read(g.program, g.error, logits, (size_t)n * sizeof *logits);
  if (!code) to_maps(grad, maps, (size_t)n, (size_t)c->channels, (size_t)c->height * (size_t)c->width);
  free(grad);
  free_gradient(&g);
  return code;
}

/* Rows of n: reals, their maps, fakes, their maps. */
static int write_saliency(const explorer *e, const clgen_dataset *data, const uint8_t *fakes) {
  size_t n = e->n_seeds, row = n * e->image_bytes;
  uint8_t *all = malloc(4 * row);
  float *logits = malloc(n * sizeof *logits);
  int code = all && logits ? CLGEN_OK : clgen_fail_nomem(4 * row);
  for (size_t i = 0; !code && i < n; ++i)
    memcpy(all + i * e->image_bytes,
           clgen_dataset_image(data, (int64_t)(e->seeds[i] % (uint64_t)clgen_dataset_get_info(data)->count)),
           e->image_bytes);
  if (!code) memcpy(all + 2 * row, fakes, row);
  for (size_t half = 0; !code && half < 2; ++half) {
    uint8_t *images = all + 2 * half * row;
    code = map_images(e, images, (int64_t)n, images + row, logits);
    for (size_t i = 0; !code && i < n; ++i)
      printf("%s %llu: real with probability %.4f\n", half ? "fake of seed" : "real image", (unsigned long long)e->seeds[i],
             1 / (1 + exp(-(double)logits[i])));
  }
  if (!code) code = explore_write(e, (int64_t)(4 * n), all, (int64_t)n);
  free(all);
  free(logits);
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
  if (!code) code = explore_make(e, (int64_t)e->n_seeds, z, &fakes);
  if (!code) code = write_saliency(e, data, fakes);
  clgen_dataset_close(data);
  free(z);
  free(fakes);
  return code;
}

int explore_saliency(int argc, char **argv) {
  static const clgen_option rows[] = {EXPLORE_ROWS("a PNG: reals, their maps, fakes, their maps"),
                                      EXPLORE_DATA_ROWS,
                                      EXPLORE_SEEDS_ROW("0-7"),
                                      {"samples", 0, CLGEN_OPTION_INT, EXPLORE_AT(samples), "32", 1, 100000, NULL, "N", NULL,
                                       "noisy copies of each image, whose gradients are averaged"},
                                      {"noise", 0, CLGEN_OPTION_REAL, EXPLORE_AT(noise), "0.15", 0, 10, NULL, "S", NULL,
                                       "their noise's standard deviation; 1 is black against white"},
                                      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore saliency --network FILE --data SRC --output FILE.png\n\n"
      "Where a small change would change the discriminator's mind most, for the images of these numbers\n"
      "in the data and the fakes of these seeds. What it believes of them is printed.\n",
      rows, CLGEN_COUNT(rows), true, saliency};
  return explore_run(&part, argc, argv);
}
