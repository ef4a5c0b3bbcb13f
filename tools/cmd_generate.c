/* clgen generate */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/image.h>
#include <clgen/model.h>
#include <clgen/npy.h>
#include <clgen/train.h>

#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen generate --network FILE [--seeds LIST | --latents Z.npy] [--class LIST] [--outdir DIR] [--grid FILE.png]\n"
    "                      [--npy FILE.npy]\n\n"
    "Makes images with a trained network: a GAN's averaged generator, a VAE's decoder. An image is a function of its seed,\n"
    "and, where the network was trained with --cond, of its class.\n";

typedef struct {
  char network[CLGEN_OPTION_TEXT], seeds[CLGEN_OPTION_TEXT], latents[CLGEN_OPTION_TEXT], outdir[CLGEN_OPTION_TEXT],
      classes[CLGEN_OPTION_TEXT], grid[CLGEN_OPTION_TEXT], npy[CLGEN_OPTION_TEXT];
  int64_t batch;
  double truncation;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"network", 0, CLGEN_OPTION_STRING, offsetof(record, network), "", 0, 0, NULL, "FILE", NULL,
     "network-snapshot-NNNNNN.safetensors, or a run's folder for its newest snapshot"},
    {"seeds", 0, CLGEN_OPTION_STRING, offsetof(record, seeds), "", 0, 0, NULL, "LIST", NULL,
     "one image per seed: numbers and ranges, 0-63 or 1,5,9-12; default 0-63, with several classes 0-9"},
    {"latents", 0, CLGEN_OPTION_STRING, offsetof(record, latents), "", 0, 0, NULL, "Z.npy", NULL,
     "one image per row of this float32 array (N, nz), instead of seeds"},
    {"class", 0, CLGEN_OPTION_STRING, offsetof(record, classes), "", 0, 0, NULL, "LIST", NULL,
     "classes to generate: names, numbers and ranges as 7 or 0-9; all seeds of the first, then of the next, one row or more "
     "each in the grid; default: each seed draws a class by its frequency in training"},
    {"outdir", 'o', CLGEN_OPTION_STRING, offsetof(record, outdir), "", 0, 0, NULL, "DIR", NULL,
     "write each image as seedNNNN.png (latentNNNN.png; with --class CLASS-seedNNNN.png) into this folder"},
    {"grid", 0, CLGEN_OPTION_STRING, offsetof(record, grid), "", 0, 0, NULL, "FILE.png", NULL,
     "write all images as one grid"},
    {"npy", 0, CLGEN_OPTION_STRING, offsetof(record, npy), "", 0, 0, NULL, "FILE.npy", NULL,
     "write all images as uint8, (N,H,W) for one channel, (N,H,W,C) for more"},
    {"truncation", 0, CLGEN_OPTION_REAL, offsetof(record, truncation), "1", 0, 100, NULL, "X", NULL,
     "truncation: styles (of a network that has them) are interpolated to their mean, or latents multiplied, by X; see "
     "'clgen explore truncation'"},
    {"batch", 'b', CLGEN_OPTION_INT, offsetof(record, batch), "32", 1, 65536, NULL, "N", NULL, "batch size"},
    TOOL_DEVICE_ROWS(record, device),
};

typedef struct {
  const record *r;
  uint64_t *seeds; /* NULL with latents */
  float *z;
  size_t n;         /* seeds, or rows of latents */
  int *classes;     /* those that are asked for */
  size_t n_classes; /* 0: none are */
  int *class_of;    /* of each image; NULL: the network is not conditional */
  size_t n_images;
  uint8_t *pixels; /* (n_images, channels, height, width) */
  const clgen_model *model;
  const clgen_model_config *config;
} job;

static int latents_of_file(job *j) {
  clgen_npy a;
  int code = clgen_npy_read(&a, j->r->latents);
  if (code) return code;
  char shape[128];
  clgen_npy_shape_text(a.rank, a.shape, shape, sizeof shape);
  if (a.rank != 2 || a.shape[1] != j->config->nz)
    code = clgen_fail(CLGEN_E_INVALID, "%s: an array of shape %s; this network takes (N, %d)", j->r->latents, shape,
                      j->config->nz);
  else if (a.type != CLGEN_NPY_F16 && a.type != CLGEN_NPY_F32 && a.type != CLGEN_NPY_F64)
    code = clgen_fail(CLGEN_E_INVALID, "%s: of %s; latents are float32", j->r->latents, clgen_npy_type_name(a.type));
  else if (a.shape[0] < 1)
    code = clgen_fail(CLGEN_E_INVALID, "%s: has no row", j->r->latents);
  if (!code) code = clgen_npy_to_f32(&a);
  const float *values = a.data;
  for (int64_t i = 0; !code && i < a.count; ++i)
    if (!isfinite(values[i]))
      code = clgen_fail(CLGEN_E_NONFINITE, "%s: row %lld contains a number that is not finite", j->r->latents,
                        (long long)(i / a.shape[1]));
  if (code) {
    clgen_npy_free(&a);
    return code;
  }
  j->z = a.data;
  j->n = (size_t)a.shape[0];
  return CLGEN_OK;
}

static int latents_of_seeds(job *j) {
  size_t nz = (size_t)j->config->nz;
  j->z = malloc(j->n * nz * sizeof *j->z);
  if (!j->z) return clgen_fail_nomem(j->n * nz * sizeof *j->z);
  for (size_t i = 0; i < j->n; ++i) clgen_latent_of_seed(j->seeds[i], j->config->nz, j->z + i * nz);
  return CLGEN_OK;
}

static size_t image_bytes(const job *j) {
  return (size_t)j->config->channels * (size_t)j->config->height * (size_t)j->config->width;
}

/* Which images there are: each latent, of each class. */
static int choose_classes(job *j) {
  int code = CLGEN_OK;
  if (j->r->classes[0]) code = clgen_model_parse_classes(j->model, j->r->classes, &j->classes, &j->n_classes);
  if (code) return clgen_fail_prefix(code, "option --class");
  if (j->n_classes > 1 && !j->r->seeds[0] && !j->r->latents[0]) j->n = 10;
  j->n_images = j->n * (j->n_classes ? j->n_classes : 1);
  if (!clgen_model_is_conditional(j->model)) return CLGEN_OK;
  j->class_of = malloc(j->n_images * sizeof *j->class_of);
  if (!j->class_of) return clgen_fail_nomem(j->n_images * sizeof *j->class_of);
  for (size_t i = 0; i < j->n_images; ++i)
    j->class_of[i] =
        j->n_classes ? j->classes[i / j->n] : clgen_model_class_of_seed(j->model, j->seeds ? j->seeds[i] : (uint64_t)i);
  return CLGEN_OK;
}

static int make(job *j, clgen_generator *g) {
  float *truncation = malloc(j->n_images * sizeof *truncation);
  j->pixels = malloc(j->n_images * image_bytes(j));
  if (!j->pixels || !truncation) {
    free(truncation);
    return clgen_fail_nomem(j->n_images * image_bytes(j));
  }
  for (size_t i = 0; i < j->n_images; ++i) truncation[i] = (float)j->r->truncation;
  tool_progress progress;
  tool_progress_start(&progress, "generating", "images", 0, (double)j->n_images);
  size_t step = (size_t)j->r->batch, nz = (size_t)j->config->nz;
  int code = CLGEN_OK;
  for (size_t at = 0, now; !code && at < j->n_images; at += now) {
    size_t left = j->n - at % j->n; /* of this class */
    now = left < step ? left : step;
    const clgen_styled_latents latents = {
        .z = j->z + at % j->n * nz, .truncation = truncation, .classes = j->class_of ? j->class_of + at : NULL};
    code = clgen_generator_run_styled(g, (int64_t)now, &latents, j->pixels + at * image_bytes(j));
    tool_progress_update(&progress, (double)(at + now), NULL);
  }
  tool_progress_end(&progress);
  free(truncation);
  return code;
}

/* ---- What is written ---- */

static int write_grid(const char *path, const uint8_t *pixels, int64_t n, int columns, const clgen_model_config *c) {
  clgen_image grid = {0};
  int code = clgen_image_grid(&grid, pixels, n, c->channels, c->height, c->width, columns);
  if (!code) code = clgen_image_write_png(path, &grid);
  clgen_image_free(&grid);
  return code;
}

static int write_each(const job *j) {
  int code = clgen_make_folders(j->r->outdir);
  for (size_t i = 0; !code && i < j->n_images; ++i) {
    char *name = j->n_classes ? clgen_format("%s-", clgen_model_class_name(j->model, j->class_of[i])) : clgen_strdup("");
    for (char *p = name; p && *p; ++p)
      if (*p == '/') *p = '_';
    unsigned long long number = j->seeds ? (unsigned long long)j->seeds[i % j->n] : (unsigned long long)(i % j->n);
    char *path = name ? clgen_format("%s/%s%s%04llu.png", j->r->outdir, name, j->seeds ? "seed" : "latent", number) : NULL;
    code = path ? write_grid(path, j->pixels + i * image_bytes(j), 1, 1, j->config) : CLGEN_E_NOMEM;
    free(path);
    free(name);
  }
  return code;
}

/* NumPy's users expect the channels last. */
static void channels_last(const uint8_t *in, uint8_t *out, size_t channels, size_t area) {
  for (size_t c = 0; c < channels; ++c)
    for (size_t p = 0; p < area; ++p) out[p * channels + c] = in[c * area + p];
}

static int write_npy(const job *j) {
  const clgen_model_config *c = j->config;
  int64_t shape[4] = {(int64_t)j->n_images, c->height, c->width, c->channels};
  if (c->channels == 1) return clgen_npy_write(j->r->npy, CLGEN_NPY_U8, 3, shape, j->pixels);
  uint8_t *turned = malloc(j->n_images * image_bytes(j));
  if (!turned) return clgen_fail_nomem(j->n_images * image_bytes(j));
  for (size_t i = 0; i < j->n_images; ++i)
    channels_last(j->pixels + i * image_bytes(j), turned + i * image_bytes(j), (size_t)c->channels,
                  (size_t)c->height * (size_t)c->width);
  int code = clgen_npy_write(j->r->npy, CLGEN_NPY_U8, 4, shape, turned);
  free(turned);
  return code;
}

static int write_all(const job *j) {
  int code = CLGEN_OK;
  if (j->r->outdir[0]) code = write_each(j);
  int columns = (int)(j->n_classes > 1 ? j->n : (size_t)ceil(sqrt((double)j->n)));
  if (!code && j->r->grid[0]) code = write_grid(j->r->grid, j->pixels, (int64_t)j->n_images, columns, j->config);
  if (!code && j->r->npy[0]) code = write_npy(j);
  return code;
}

static int generate(job *j, clgen_device *device) {
  clgen_generator *g = NULL;
  char *path = NULL;
  int code = clgen_run_network(&path, j->r->network);
  if (!code) code = clgen_generator_open(&g, device, path, j->r->batch);
  free(path);
  if (code) return code;
  j->model = clgen_generator_model(g);
  j->config = clgen_model_get_config(j->model);
  code = j->seeds ? latents_of_seeds(j) : latents_of_file(j);
  if (!code) code = choose_classes(j);
  if (!code) code = make(j, g);
  if (!code) code = write_all(j);
  clgen_generator_free(g);
  return code;
}

static int check(const record *r, const char *who) {
  if (!r->network[0]) return tool_usage(who, "option --network: the network to make images with is missing");
  if (r->seeds[0] && r->latents[0]) return tool_usage(who, "--seeds and --latents exclude each other");
  if (!r->outdir[0] && !r->grid[0] && !r->npy[0]) return tool_usage(who, "nothing to write: give --outdir, --grid or --npy");
  return TOOL_GO_ON;
}

int cmd_generate(int argc, char **argv) {
  record r;
  bool given[CLGEN_COUNT(rows)] = {false};
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r, .given = given};
  int status = tool_parse(&o, argc, argv);
  for (size_t i = 0; i < CLGEN_COUNT(rows) && status == TOOL_GO_ON; ++i)
    if (given[i] && strcmp(rows[i].name, "seeds") == 0 && !r.seeds[0])
      status = tool_usage(argv[0], "option --seeds: the list is empty: numbers and ranges are wanted, as 0-63 or 1,5,9-12");
  if (status == TOOL_GO_ON) status = check(&r, argv[0]);
  if (status != TOOL_GO_ON) return status;
  job j = {.r = &r};
  clgen_device *device = NULL;
  if (!r.latents[0] && tool_parse_seeds(r.seeds[0] ? r.seeds : "0-63", &j.seeds, &j.n))
    return tool_usage(argv[0], "option --seeds: %s", clgen_last_error());
  int code = tool_device_open(&device, argv[0], &r.device);
  if (!code) code = generate(&j, device);
  status = code ? tool_failed(argv[0]) : TOOL_OK;
  tool_device_close(device, &r.device);
  free(j.seeds);
  free(j.z);
  free(j.classes);
  free(j.class_of);
  free(j.pixels);
  return status;
}
