/* clgen explore augment: what the transformations of --augment make of an image. */
#include <stdlib.h>
#include <string.h>

#include <clgen/augment.h>
#include <clgen/data.h>
#include <clgen/image.h>

#include "commands.h"
#include "common.h"

enum { STREAM = 1 };

typedef struct {
  char data[CLGEN_OPTION_TEXT], output[CLGEN_OPTION_TEXT], augment[CLGEN_OPTION_TEXT];
  int64_t index, res, count, seed;
  double p;
  tool_device_options device;
} record;

typedef struct {
  const record *r;
  clgen_device *device;
  clgen_dataset *data;
  int64_t count;
  size_t bytes; /* of an image */
  uint8_t *pixels;
} picture;

/* One row: the image `count` times through these transformations, each time with other random numbers. */
static clgen_tensor *build(clgen_graph *g, clgen_tensor *image, clgen_tensor *counter, const picture *p,
                           unsigned transformations) {
  clgen_shape shape = *clgen_tensor_shape(image);
  shape.dim[0] = p->count;
  uint64_t seed = (uint64_t)p->r->seed;
  clgen_tensor *images = clgen_broadcast(clgen_affine(image, 1 / 127.5f, -1), shape);
  clgen_shape uniforms = clgen_shape_of(2, CLGEN_AUGMENT_UNIFORMS, p->count),
              normals = clgen_shape_of(2, CLGEN_AUGMENT_NORMALS, p->count);
  clgen_tensor *y = clgen_augment(g, images, transformations, clgen_constant(g, (float)p->r->p, clgen_shape_of(1, 1)),
                                  clgen_random_uniform(g, counter, seed, STREAM, uniforms),
                                  clgen_random_normal(g, counter, seed, STREAM + 1, normals),
                                  clgen_random_normal(g, counter, seed, STREAM + 2, shape));
  return clgen_to_u8(clgen_affine(y, 127.5f, 127.5f));
}

static int make_row(const picture *p, unsigned transformations, uint32_t number, uint8_t *out) {
  const clgen_dataset_info *i = clgen_dataset_get_info(p->data);
  clgen_graph *g = NULL;
  clgen_store *store = NULL;
  clgen_program *program = NULL;
  int code = clgen_graph_create(&g);
  if (!code) code = clgen_store_create(&store, p->device);
  if (code) {
    clgen_graph_free(g);
    return code;
  }
  clgen_tensor *image = clgen_input(g, "image", CLGEN_U8, clgen_shape_of(4, 1, i->channels, i->height, i->width));
  clgen_tensor *counter = clgen_input(g, "counter", CLGEN_U32, clgen_shape_of(1, 1));
  clgen_tensor *y = build(g, image, counter, p, transformations);
  code = y ? clgen_output(y) : CLGEN_E_INVALID;
  if (!code) code = clgen_compile(&program, g, store);
  if (!code) code = clgen_program_write(program, image, clgen_dataset_image(p->data, p->r->index), p->bytes);
  if (!code) code = clgen_program_write(program, counter, &number, sizeof number);
  if (!code) code = clgen_program_run(program);
  if (!code) code = clgen_program_read(program, y, out, (size_t)p->count * p->bytes);
  clgen_program_free(program);
  clgen_store_free(store);
  clgen_graph_free(g);
  return code;
}

/* A row for each group of which something was asked for, and one for all; the image itself comes first in each. */
static int make_rows(picture *p, unsigned transformations) {
  const clgen_dataset_info *i = clgen_dataset_get_info(p->data);
  const size_t row = (size_t)(p->count + 1) * p->bytes;
  static const unsigned groups[] = {CLGEN_AUGMENT_BLIT,   CLGEN_AUGMENT_GEOM,  CLGEN_AUGMENT_COLOR,
                                    CLGEN_AUGMENT_FILTER, CLGEN_AUGMENT_NOISE, CLGEN_AUGMENT_CUTOUT};
  unsigned rows[8];
  int n = 0;
  for (size_t k = 0; k < sizeof groups / sizeof *groups; ++k)
    if (transformations & groups[k]) rows[n++] = transformations & groups[k];
  if (n > 1) rows[n++] = transformations;
  p->pixels = malloc((size_t)n * row);
  if (!p->pixels) return clgen_fail(CLGEN_E_NOMEM, "out of memory: %zu bytes", (size_t)n * row);
  int code = CLGEN_OK;
  for (int k = 0; !code && k < n; ++k) {
    memcpy(p->pixels + (size_t)k * row, clgen_dataset_image(p->data, p->r->index), p->bytes);
    code = make_row(p, rows[k], (uint32_t)k, p->pixels + (size_t)k * row + p->bytes);
  }
  clgen_image grid = {0};
  if (!code)
    code = clgen_image_grid(&grid, p->pixels, n * (p->count + 1), i->channels, i->height, i->width, (int)p->count + 1);
  if (!code) code = clgen_image_write_png(p->r->output, &grid);
  clgen_image_free(&grid);
  return code;
}

static int explore(const char *who, const record *r, unsigned transformations) {
  picture p = {.r = r, .count = r->count};
  clgen_dataset_options d = {.resolution = (int)r->res, .log = tool_logger(who)};
  int code = clgen_dataset_open(&p.data, r->data, &d);
  if (!code) {
    const clgen_dataset_info *i = clgen_dataset_get_info(p.data);
    p.bytes = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    if (r->index >= i->count)
      code = clgen_fail(CLGEN_E_INVALID, "option --index: %s has %lld images", r->data, (long long)i->count);
  }
  if (!code) code = tool_device_open(&p.device, who, &r->device);
  if (!code) code = make_rows(&p, transformations);
  free(p.pixels);
  clgen_dataset_close(p.data);
  tool_device_close(p.device, &r->device);
  return code;
}

#define AT(member) offsetof(record, member)
static const clgen_option rows[] = {
    {"data", 0, CLGEN_OPTION_STRING, AT(data), "", 0, 0, NULL, "SRC", NULL, "images, as for clgen train"},
    {"index", 0, CLGEN_OPTION_INT, AT(index), "0", 0, 1e15, NULL, "N", NULL, "index of the image, from 0"},
    {"output", 'o', CLGEN_OPTION_STRING, AT(output), "", 0, 0, NULL, "FILE", NULL, "PNG to write"},
    {"augment", 0, CLGEN_OPTION_STRING, AT(augment), "bgcfnc", 0, 0, NULL, "LIST", NULL, "as for clgen train"},
    {"augment-p", 0, CLGEN_OPTION_REAL, AT(p), "0.8", 0, 1, NULL, "X", NULL, "probability of each transformation"},
    {"res", 0, CLGEN_OPTION_INT, AT(res), "32", 1, 4096, NULL, "N", NULL, "resize to N x N pixels"},
    {"count", 0, CLGEN_OPTION_INT, AT(count), "12", 1, 256, NULL, "N", NULL, "transformed images per row"},
    {"seed", 0, CLGEN_OPTION_INT, AT(seed), "0", 0, 4294967295.0, NULL, "N", NULL, "random seed"},
    TOOL_DEVICE_ROWS(record, device)};

int explore_augment(int argc, char **argv) {
  static const char usage[] =
      "usage: clgen explore augment --data SRC --output FILE.png\n\n"
      "What 'clgen train --augment' does to an image before the discriminator sees it: a row for each\n"
      "category and one for all of them together, each beginning with the image as it is.\n";
  record r;
  unsigned transformations;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!r.data[0]) return tool_usage(argv[0], "option --data: the images are missing");
  if (!r.output[0]) return tool_usage(argv[0], "option --output: the file to write is missing");
  if (clgen_augment_parse(&transformations, r.augment))
    return tool_usage(argv[0], "option --augment: %s", clgen_last_error());
  return explore(argv[0], &r, transformations) ? tool_failed(argv[0]) : TOOL_OK;
}
