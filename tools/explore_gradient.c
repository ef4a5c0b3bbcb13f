/* clgen explore project: gradients with respect to a latent; and what every part shares that asks for a gradient. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/features.h>
#include <clgen/image.h>

#include "commands.h"
#include "explore.h"

void explore_gradient_free(explore_gradient *g) {
  clgen_program_free(g->program);
  clgen_module_free(g->net);
  clgen_graph_free(g->graph);
}

clgen_pass explore_gradient_pass(explore_gradient *g, const explorer *e, int64_t n) {
  if (clgen_model_is_conditional(e->model))
    g->labels = clgen_input(g->graph, "labels", CLGEN_F32, clgen_shape_of(2, n, e->config->classes));
  return (clgen_pass){.labels = g->labels};
}

int explore_gradient_classes(const explore_gradient *g, const explorer *e, int64_t n, const int *classes) {
  if (!g->labels) return CLGEN_OK;
  size_t bytes = (size_t)n * (size_t)e->config->classes * sizeof(float);
  float *rows = malloc(bytes);
  int code = rows ? clgen_model_one_hot(e->model, n, classes, rows) : clgen_fail_nomem(bytes);
  if (!code) code = clgen_program_write(g->program, g->labels, rows, bytes);
  free(rows);
  return code;
}

int explore_gradient_finish(explore_gradient *g, const explorer *e, clgen_tensor *loss, clgen_tensor *wrt) {
  int code = loss ? clgen_grad(loss, 1, &wrt, &g->grad) : CLGEN_E_INVALID;
  if (!code) code = clgen_output(g->grad);
  return code ? code : clgen_compile(&g->program, g->graph, e->store);
}

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
static int build_projection(explore_gradient *g, const explorer *e) {
  const clgen_model_config *c = e->config;
  const clgen_model_network *generator = clgen_model_generator_network(e->model);
  int code = clgen_graph_create(&g->graph);
  if (!code) code = clgen_net_bind(&g->net, generator->net, g->graph, generator->prefix);
  if (code) return code;
  g->in = clgen_input(g->graph, "z", CLGEN_F32, clgen_shape_of(2, e->r.starts, c->nz));
  g->target = clgen_input(g->graph, "target", CLGEN_U8, clgen_shape_of(4, 1, c->channels, c->height, c->width));
  const clgen_pass pass = explore_gradient_pass(g, e, e->r.starts);
  clgen_tensor *made = clgen_model_decode(e->model, g->net, g->in, &pass);
  clgen_tensor *off = clgen_sub(clgen_model_to_unit(e->model, made), clgen_affine(g->target, 1 / 255.0f, 0));
  g->error = clgen_mean(clgen_square(off), 1u << 1 | 1u << 2 | 1u << 3, false);
  code = clgen_output(g->error);
  return code ? code : explore_gradient_finish(g, e, clgen_sum(g->error, CLGEN_ALL_AXES, false), g->in);
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
static int project_one(explore_gradient *g, const explorer *e, const uint8_t *target, float *best, double *error) {
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
  uint8_t *made = NULL;
  int code = explore_make(e, n, z, n, &made);
  if (!code) memcpy(both + (size_t)n * e->image_bytes, made, (size_t)n * e->image_bytes);
  if (!code) code = explore_write(e, 2 * n, both, n);
  free(both);
  free(made);
  return code;
}

/* All of one class. */
static int write_start_classes(const explore_gradient *g, const explorer *e) {
  int *classes = malloc((size_t)e->r.starts * sizeof *classes);
  if (!classes) return clgen_fail_nomem((size_t)e->r.starts * sizeof *classes);
  for (int64_t i = 0; g->labels && i < e->r.starts; ++i) classes[i] = explore_class(e, 0);
  int code = explore_gradient_classes(g, e, e->r.starts, classes);
  free(classes);
  return code;
}

static int project(explorer *e) {
  explore_gradient g = {0};
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
  if (!code) code = write_start_classes(&g, e);
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
  explore_gradient_free(&g);
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
      EXPLORE_CLASS_ROW,
      {"starts", 0, CLGEN_OPTION_INT, EXPLORE_AT(starts), "8", 1, 1000, NULL, "N", NULL,
       "number of random starts; the best result is kept"},
      {"iterations", 0, CLGEN_OPTION_INT, EXPLORE_AT(iterations), "200", 0, 1e6, NULL, "N", NULL, "Adam steps"},
      {"lr", 0, CLGEN_OPTION_REAL, EXPLORE_AT(lr), "0.05", 1e-9, 100, NULL, "RATE", NULL, "learning rate"},
      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore project --network FILE (--image FILE | --data SRC) --output FILE.png\n\n"
      "The nearest to a given image that the network can make: gradient descent on the latent. The\n"
      "peak signal-to-noise ratio is printed; 10 dB is poor, 30 dB close.\n",
      rows, CLGEN_COUNT(rows), false, project};
  return explore_run(&part, argc, argv);
}
