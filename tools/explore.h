/* What the parts of `clgen explore` share. */
#ifndef CLGEN_TOOLS_EXPLORE_H
#define CLGEN_TOOLS_EXPLORE_H

#include <clgen/data.h>
#include <clgen/model.h>

#include "common.h"

/* Every option of every part; a part has rows for those that it takes. */
typedef struct {
  char network[CLGEN_OPTION_TEXT], output[CLGEN_OPTION_TEXT], seeds[CLGEN_OPTION_TEXT], data[CLGEN_OPTION_TEXT],
      split[CLGEN_OPTION_TEXT], animation[CLGEN_OPTION_TEXT], fine[CLGEN_OPTION_TEXT], image[CLGEN_OPTION_TEXT],
      dims[CLGEN_OPTION_TEXT], method[CLGEN_OPTION_TEXT], klass[CLGEN_OPTION_TEXT];
  int64_t from, steps, delay, count, starts, iterations, samples;
  double range, lr, noise;
  tool_device_options device;
} explore_record;

/* clang-format off */
#define EXPLORE_AT(member) offsetof(explore_record, member)
#define EXPLORE_ROWS(files)                                                                                              \
  {"network", 0, CLGEN_OPTION_STRING, EXPLORE_AT(network), "", 0, 0, NULL, "FILE", NULL,                                  \
   "network-snapshot-NNNNNN.safetensors, or a run's folder for its newest snapshot"},                                        \
  {"output", 'o', CLGEN_OPTION_STRING, EXPLORE_AT(output), "", 0, 0, NULL, "FILE", NULL, "file to write, " files}
#define EXPLORE_SEEDS_ROW(initial)                                                                                       \
  {"seeds", 0, CLGEN_OPTION_STRING, EXPLORE_AT(seeds), initial, 0, 0, NULL, "LIST", NULL,                                 \
   "numbers and ranges, 0-7 or 1,5,9-12"}
#define EXPLORE_CLASS_ROW                                                                                                \
  {"class", 0, CLGEN_OPTION_STRING, EXPLORE_AT(klass), "", 0, 0, NULL, "CLASS", NULL,                                     \
   "class of a conditional network: a name or a number; default: the seed's"}
#define EXPLORE_STEPS_ROW(initial, help)                                                                                 \
  {"steps", 0, CLGEN_OPTION_INT, EXPLORE_AT(steps), initial, 2, 256, NULL, "N", NULL, help}
#define EXPLORE_RANGE_ROW(initial, help)                                                                                 \
  {"range", 0, CLGEN_OPTION_REAL, EXPLORE_AT(range), initial, 0.01, 100, NULL, "R", NULL, help}
#define EXPLORE_DATA_ROWS                                                                                                \
  {"data", 0, CLGEN_OPTION_STRING, EXPLORE_AT(data), "", 0, 0, NULL, "SRC", NULL,                                         \
   "images, as for clgen train; converted to the network's size and channels"},                                    \
  {"split", 0, CLGEN_OPTION_CHOICE, EXPLORE_AT(split), "train", 0, 0, "train|test", "SPLIT", NULL, "which of them"}
/* clang-format on */

typedef struct {
  const char *who;
  explore_record r;
  clgen_device *device;
  clgen_model *model;
  clgen_store *store; /* all networks of the snapshot */
  const clgen_model_config *config;
  clgen_generator *generator;
  uint64_t *seeds;
  size_t n_seeds;
  int asked; /* --class; -1: none */
  size_t image_bytes;
} explorer;

/* What a part is: its usage and rows, what it cannot do without, and what it does (a code). */
typedef struct {
  const char *usage;
  const clgen_option *rows;
  size_t n_rows;
  bool needs_data;
  int (*explore)(explorer *e);
} explore_part;
/* The whole command; an exit status. */
int explore_run(const explore_part *part, int argc, char **argv);

/* CLGEN_E_INVALID without any. */
int explore_need_seeds(const explorer *e);
/* The latents of the seeds and behind them zeros, (n_seeds + 1, nz): what comes first without any seed; free() them. */
int explore_latents(const explorer *e, float **z);
/* Makes an image of each of n latents, planes one after another; free() them. Where a class is asked for and none is given,
 * it is that of the seeds, each of which has so many images (the last of them the rest). */
int explore_make(const explorer *e, int64_t n, const float *z, int64_t of_each, uint8_t **pixels);
/* The same of latents with styles, whose classes are left to it. */
int explore_make_styled(const explorer *e, int64_t n, const clgen_styled_latents *latents, int64_t of_each,
                        uint8_t **pixels);
/* --class, or the class of the index'th seed, or of seed 0 where there is none. */
int explore_class(const explorer *e, size_t index);
/* Writes n images as --output, `columns` in a row. */
int explore_write(const explorer *e, int64_t n, const uint8_t *pixels, int64_t columns);
int explore_open_data(const explorer *e, clgen_dataset **out);

/* One gradient as a program. */
typedef struct {
  clgen_graph *graph;
  clgen_module *net;
  clgen_program *program;
  clgen_tensor *in, *target, *counter, *labels, *error, *grad; /* labels: NULL where no class is told */
} explore_gradient;
/* The pass of a network that n images are put through, and their classes, once the graph is compiled. */
clgen_pass explore_gradient_pass(explore_gradient *g, const explorer *e, int64_t n);
int explore_gradient_classes(const explore_gradient *g, const explorer *e, int64_t n, const int *classes);
/* d(loss)/d(wrt) becomes the output `grad`, and the graph is compiled. */
int explore_gradient_finish(explore_gradient *g, const explorer *e, clgen_tensor *loss, clgen_tensor *wrt);
void explore_gradient_free(explore_gradient *g);

#endif
