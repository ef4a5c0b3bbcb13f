/* clgen explore: the parts, and what they share. */
#include <stdlib.h>
#include <string.h>

#include <clgen/image.h>
#include <clgen/train.h>

#include "commands.h"
#include "explore.h"

static const tool_part parts[] = {
    {"interpolate", explore_interpolate, "interpolate between seeds: a grid, an animation"},
    {"traverse", explore_traverse, "vary one latent dimension per row"},
    {"directions", explore_directions, "latent directions with the largest effect (SeFa)"},
    {"truncation", explore_truncation, "truncation: latents or styles nearer to and farther from their mean"},
    {"mix", explore_mix, "style mixing: coarse layers of one seed, fine layers of another"},
    {"nearest", explore_nearest, "generated images and their nearest training images"},
    {"latent", explore_latent, "a VAE's latents of a dataset, by class"},
    {"project", explore_project, "project an image into the latent space"},
    {"saliency", explore_saliency, "saliency maps of the discriminator"},
    {"augment", explore_augment, "an image under augmentation"},
};

int cmd_explore(int argc, char **argv) {
  return tool_run_part("Makes pictures of what a network learned.", parts, CLGEN_COUNT(parts), argc, argv);
}

/* ---- What the parts share ---- */

static int read_class(explorer *e) {
  int *classes;
  size_t n;
  e->asked = -1;
  if (!e->r.klass[0]) return CLGEN_OK;
  int code = clgen_model_parse_classes(e->model, e->r.klass, &classes, &n);
  if (code) return clgen_fail_prefix(code, "option --class");
  e->asked = classes[0];
  free(classes);
  return n == 1 ? CLGEN_OK
                : clgen_fail(CLGEN_E_INVALID, "option --class: '%s' are %zu classes, expected one", e->r.klass, n);
}

static int open_network(explorer *e) {
  clgen_safetensors *file = NULL;
  char *path = NULL;
  int code = clgen_run_network(&path, e->r.network);
  if (!code) code = clgen_safetensors_open(&file, path);
  free(path);
  if (!code) code = clgen_model_open(&e->model, file);
  if (!code) code = clgen_store_create(&e->store, e->device);
  if (!code) code = clgen_model_load(e->model, e->store, file, NULL);
  clgen_safetensors_close(file);
  if (code) return code;
  e->config = clgen_model_get_config(e->model);
  e->image_bytes = (size_t)e->config->channels * (size_t)e->config->height * (size_t)e->config->width;
  code = clgen_generator_create(&e->generator, e->model, e->store, 16);
  return code ? code : read_class(e);
}

static void close_explorer(explorer *e) {
  clgen_generator_free(e->generator);
  clgen_store_free(e->store);
  clgen_model_free(e->model);
  tool_device_close(e->device, &e->r.device);
  free(e->seeds);
}

static int check(explorer *e, const explore_part *part) {
  if (!e->r.network[0]) return tool_usage(e->who, "option --network: the network is missing");
  if (!e->r.output[0] && !e->r.animation[0]) return tool_usage(e->who, "option --output: the file to write is missing");
  if (part->needs_data && !e->r.data[0]) return tool_usage(e->who, "option --data: the images are missing");
  if (e->r.seeds[0] && tool_parse_seeds(e->r.seeds, &e->seeds, &e->n_seeds))
    return tool_usage(e->who, "option --seeds: %s", clgen_last_error());
  return TOOL_GO_ON;
}

int explore_run(const explore_part *part, int argc, char **argv) {
  explorer e = {.who = argv[0]};
  tool_options o = {.usage = part->usage, .rows = part->rows, .n_rows = part->n_rows, .record = &e.r};
  int status = tool_parse(&o, argc, argv);
  if (status == TOOL_GO_ON) status = check(&e, part);
  if (status == TOOL_GO_ON) {
    int code = tool_device_open(&e.device, e.who, &e.r.device);
    if (!code) code = open_network(&e);
    if (!code) code = part->explore(&e);
    status = code ? tool_failed(e.who) : TOOL_OK;
  }
  close_explorer(&e);
  return status;
}

int explore_need_seeds(const explorer *e) {
  return e->n_seeds ? CLGEN_OK : clgen_fail(CLGEN_E_INVALID, "option --seeds: one at least is needed");
}

int explore_latents(const explorer *e, float **z) {
  size_t nz = (size_t)e->config->nz;
  *z = calloc((e->n_seeds + 1) * nz, sizeof **z);
  if (!*z) return clgen_fail_nomem((e->n_seeds + 1) * nz * sizeof **z);
  for (size_t i = 0; i < e->n_seeds; ++i) clgen_latent_of_seed(e->seeds[i], e->config->nz, *z + i * nz);
  return CLGEN_OK;
}

int explore_class(const explorer *e, size_t index) {
  if (e->asked >= 0) return e->asked;
  return clgen_model_class_of_seed(e->model, index < e->n_seeds ? e->seeds[index] : 0);
}

int explore_make_styled(const explorer *e, int64_t n, const clgen_styled_latents *latents, int64_t of_each,
                        uint8_t **pixels) {
  clgen_styled_latents asked = *latents;
  *pixels = malloc((size_t)n * e->image_bytes);
  int *classes = malloc((size_t)n * sizeof *classes);
  int code = *pixels && classes ? CLGEN_OK : clgen_fail_nomem((size_t)n * e->image_bytes);
  bool conditional = clgen_model_is_conditional(e->model);
  for (int64_t i = 0; !code && conditional && i < n; ++i) {
    size_t seed = (size_t)(i / of_each);
    classes[i] = explore_class(e, e->n_seeds && seed >= e->n_seeds ? e->n_seeds - 1 : seed);
  }
  if (conditional) asked.classes = classes;
  if (!code) code = clgen_generator_run_styled(e->generator, n, &asked, *pixels);
  free(classes);
  return code;
}

int explore_make(const explorer *e, int64_t n, const float *z, int64_t of_each, uint8_t **pixels) {
  return explore_make_styled(e, n, &(clgen_styled_latents){.z = z}, of_each, pixels);
}

int explore_write(const explorer *e, int64_t n, const uint8_t *pixels, int64_t columns) {
  const clgen_model_config *c = e->config;
  clgen_image grid = {0};
  int code = clgen_image_grid(&grid, pixels, n, c->channels, c->height, c->width, (int)columns);
  if (!code) code = clgen_image_write_png(e->r.output, &grid);
  clgen_image_free(&grid);
  return code;
}

int explore_open_data(const explorer *e, clgen_dataset **out) {
  const clgen_model_config *c = e->config;
  clgen_dataset_options d = {.resolution = c->height, .channels = c->channels, .split = e->r.split};
  d.log = tool_logger(e->who);
  int code = clgen_dataset_open(out, e->r.data, &d);
  if (code || clgen_dataset_get_info(*out)->width == c->width) return code;
  clgen_dataset_close(*out);
  *out = NULL;
  return clgen_fail(CLGEN_E_INVALID, "%s: the network's images are not square (%dx%d)", e->r.network, c->width, c->height);
}
