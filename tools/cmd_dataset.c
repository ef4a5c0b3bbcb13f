/* clgen dataset: what is in a dataset. Everything is gathered as JSON first; the text is a view of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <clgen/data.h>
#include <clgen/image.h>

#include "columns.h"
#include "commands.h"
#include "common.h"

#define SIDE_FOR_MIXED 64 /* pictures of different sizes are brought to this square to count and average them */
#define SHOWN_PASSED_OVER 20

typedef struct {
  int64_t res, channels, subset, seed;
  char split[CLGEN_OPTION_TEXT], background[CLGEN_OPTION_TEXT], classes[CLGEN_OPTION_TEXT];
  bool strict, json;
} record;

#define AT(member) offsetof(record, member)
/* clang-format off */
static const clgen_option rows[] = {
    {"split", 0, CLGEN_OPTION_CHOICE, AT(split), "train", 0, 0, "train|test", "SPLIT", NULL,
     "which split to read, where SRC has both"},
    {"res", 0, CLGEN_OPTION_INT, AT(res), "0", 0, 4096, NULL, "N", NULL,
     "center-crop every image to a square and resize it to N x N pixels; 0: keep the size"},
    {"channels", 0, CLGEN_OPTION_INT, AT(channels), "0", 0, 4, NULL, "N", NULL,
     "channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; 0: 1 if every image is grey, else 3"},
    {"background", 0, CLGEN_OPTION_STRING, AT(background), "000000", 0, 0, NULL, "RRGGBB", NULL,
     "the background colour on which transparent pixels are composed"},
    {"classes", 0, CLGEN_OPTION_STRING, AT(classes), "", 0, 0, NULL, "LIST", NULL,
     "read only these classes: a list of numbers, ranges and names, such as 0-4,7; default: all"},
    {"subset", 0, CLGEN_OPTION_INT, AT(subset), "0", 0, 1e15, NULL, "N", NULL, "read only N images, a random subset; 0: all"},
    {"seed", 0, CLGEN_OPTION_INT, AT(seed), "0", 0, 1e15, NULL, "N", NULL, "the seed of the random subset"},
    {"strict", 0, CLGEN_OPTION_FLAG, AT(strict), "no", 0, 0, NULL, NULL, NULL,
     "fail at the first file that cannot be read; without it, such files are passed over and listed"},
    {"json", 0, CLGEN_OPTION_FLAG, AT(json), "no", 0, 0, NULL, NULL, NULL, "print all results as JSON"},
};
/* clang-format on */

static const char usage[] =
    "usage: clgen dataset SRC [OPTION]...\n\n"
    "Shows what clgen reads from a dataset: the number and shape of the images, their mean and standard deviation, the\n"
    "classes, and the files that could not be read, with the reason.\n\n"
    "SRC is one of:\n"
    "  - a folder of PNG and JPEG files. Classes: dataset.json ({\"labels\": [[\"file\", class], ...]}), labels.csv\n"
    "    (file,class), or one subfolder for each class. Splits: subfolders train and test (or val).\n"
    "  - an NPY file of shape (N,H,W), (N,H,W,C) or (N,C,H,W), or an NPZ file with such images, and labels.\n"
    "  - an IDX file, as MNIST has them (gzip or not), or a folder with train-* and t10k-*.\n"
    "  - a CIFAR-10 binary file (*.bin), or a folder of them.\n";

/* ---- Opening ------------------------------------------------------------------------------------------------------- */

/* Training needs images of one size, this command does not: *mixed is set when they were resized to be read. */
static int open_source(clgen_dataset **out, const char *source, const record *r, const char *who, bool *mixed) {
  clgen_dataset_options d = {
      .resolution = (int)r->res, .channels = (int)r->channels, .split = r->split, .strict = r->strict};
  d.classes = r->classes;
  d.subset = r->subset;
  d.seed = (uint64_t)r->seed;
  d.log = tool_logger(who);
  *mixed = false;
  int code = clgen_colour_parse(d.background, r->background);
  if (code) return clgen_fail_prefix(code, "option --background");
  code = clgen_dataset_open(out, source, &d);
  if (code != CLGEN_E_INVALID || r->res) return code;
  d.resolution = SIDE_FOR_MIXED;
  d.log.write = NULL; /* the first call has logged it all */
  *mixed = true;
  return clgen_dataset_open(out, source, &d);
}

/* ---- Gathering ----------------------------------------------------------------------------------------------------- */

/* Mean and standard deviation over all images, of one channel or (channel -1) of all. */
static void moments(const clgen_dataset *ds, int channel, double *mean, double *std) {
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  size_t plane = (size_t)info->height * (size_t)info->width;
  size_t first = channel < 0 ? 0 : (size_t)channel * plane, n = channel < 0 ? (size_t)info->channels * plane : plane;
  uint64_t histogram[256] = {0};
  for (int64_t i = 0; i < info->count; ++i) {
    const uint8_t *p = clgen_dataset_image(ds, i) + first;
    for (size_t k = 0; k < n; ++k) ++histogram[p[k]];
  }
  double total = (double)info->count * (double)n, sum = 0, squares = 0;
  for (int v = 0; v < 256; ++v) sum += (double)histogram[v] * v;
  *mean = sum / total;
  for (int v = 0; v < 256; ++v) squares += (double)histogram[v] * (v - *mean) * (v - *mean);
  *std = sqrt(squares / total);
}

static void add_moments(json_t *out, const clgen_dataset *ds) {
  double mean, std;
  json_t *means = json_array(), *stds = json_array();
  moments(ds, -1, &mean, &std);
  json_object_set_new(out, "mean", json_real(mean));
  json_object_set_new(out, "std", json_real(std));
  for (int c = 0; c < clgen_dataset_get_info(ds)->channels; ++c) {
    moments(ds, c, &mean, &std);
    json_array_append_new(means, json_real(mean));
    json_array_append_new(stds, json_real(std));
  }
  json_object_set_new(out, "channel_means", means);
  json_object_set_new(out, "channel_stds", stds);
}

static int add_classes(json_t *out, const clgen_dataset *ds) {
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  json_t *list = json_array();
  int64_t *count = calloc((size_t)info->classes + 1, sizeof *count);
  if (!count) {
    json_decref(list);
    return clgen_fail_nomem((size_t)info->classes * sizeof *count);
  }
  for (int64_t i = 0; i < info->count; ++i) ++count[clgen_dataset_label(ds, i) + 1];
  for (int c = 0; c < info->classes; ++c)
    json_array_append_new(
        list, json_pack("{s:i, s:o, s:I}", "class", c, "name", tool_text_json(clgen_dataset_class_name(ds, c)), "count",
                        (json_int_t)count[c + 1]));
  json_object_set_new(out, "classes", list);
  json_object_set_new(out, "without_class", json_integer(count[0]));
  free(count);
  return CLGEN_OK;
}

static int gather(json_t **result, const clgen_dataset *ds, const record *r, bool mixed) {
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  json_t *passed = json_array();
  json_t *out = json_pack("{s:o, s:o, s:s, s:s, s:I, s:[i, i, i], s:i, s:i, s:i, s:b, s:{s:i, s:i, s:i, s:i}}", "path",
                          tool_text_json(i->path), "name", tool_text_json(i->name), "format", i->format, "split", r->split,
                          "count", (json_int_t)i->count, "shape", i->channels, i->height, i->width, "channels", i->channels,
                          "height", i->height, "width", i->width, "mixed_sizes", mixed, "sizes_found", "min_width",
                          i->min_width, "min_height", i->min_height, "max_width", i->max_width, "max_height", i->max_height);
  if (!out) {
    json_decref(passed);
    return clgen_fail_nomem(0);
  }
  add_moments(out, ds);
  for (int64_t k = 0; k < i->passed_over; ++k)
    json_array_append_new(passed, tool_text_json(clgen_dataset_passed_over(ds, k)));
  json_object_set_new(out, "passed_over", passed);
  json_object_set_new(out, "left_out", json_integer((json_int_t)i->left_out));
  json_object_set_new(out, "other_files", json_integer((json_int_t)i->other_files));
  json_object_set_new(out, "blank", json_integer((json_int_t)i->blank));
  *result = out;
  return add_classes(out, ds);
}

/* ---- Text ---------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }
static long long int_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static double real_of(const json_t *o, const char *key) { return json_real_value(json_object_get(o, key)); }

static void print_shape(const json_t *out) {
  static const char *const kinds[] = {"", "grey", "grey and alpha", "RGB", "RGBA"};
  const json_t *found = json_object_get(out, "sizes_found");
  long long w0 = int_of(found, "min_width"), w1 = int_of(found, "max_width"), h0 = int_of(found, "min_height"),
            h1 = int_of(found, "max_height"), w = int_of(out, "width"), h = int_of(out, "height");
  printf("shape:    %lld x %lld x %lld (channels, height, width): %s\n", int_of(out, "channels"), h, w,
         kinds[int_of(out, "channels")]);
  if (w0 != w1 || h0 != h1)
    printf("sizes:    of different sizes, %lld to %lld wide and %lld to %lld high%s\n", w0, w1, h0, h1,
           json_is_true(json_object_get(out, "mixed_sizes"))
               ? "; the values below are for --res 64, and training needs --res N"
               : "");
  else if (w0 != w || h0 != h)
    printf("sizes:    resized from %lld x %lld\n", w0, h0);
}

static void print_classes(const json_t *out) {
  char count[32];
  size_t i;
  const json_t *c;
  const json_t *list = json_object_get(out, "classes");
  if (!json_array_size(list)) {
    printf("classes:  none\n");
    return;
  }
  printf("classes:  %zu\n", json_array_size(list));
  columns t;
  columns_begin(&t, 3);
  json_array_foreach(list, i, c) {
    columns_add(&t, "  %lld", int_of(c, "class"));
    columns_add(&t, "%s", text_of(c, "name"));
    columns_add(&t, "%s", tool_count_text(int_of(c, "count"), count, sizeof count));
  }
  columns_end(&t, stdout);
  if (int_of(out, "without_class")) printf("  without a class: %lld\n", int_of(out, "without_class"));
}

static void print_text(const json_t *out) {
  char count[32];
  size_t i;
  const json_t *line, *passed = json_object_get(out, "passed_over");
  columns_put_text(stdout, text_of(out, "path"));
  printf("\nformat:   %s\n", text_of(out, "format"));
  printf("images:   %s\n", tool_count_text(int_of(out, "count"), count, sizeof count));
  print_shape(out);
  printf("mean:     %.4f of 255 (%.4f)\nstd:      %.4f of 255 (%.4f)\n", real_of(out, "mean"), real_of(out, "mean") / 255,
         real_of(out, "std"), real_of(out, "std") / 255);
  print_classes(out);
  if (int_of(out, "left_out")) printf("left out: %lld images in subfolders\n", int_of(out, "left_out"));
  if (int_of(out, "other_files")) printf("other files: %lld, not images\n", int_of(out, "other_files"));
  printf("passed over: %zu\n", json_array_size(passed));
  json_array_foreach(passed, i, line) {
    if (i == SHOWN_PASSED_OVER) break;
    fputs("  ", stdout);
    columns_put_text(stdout, json_string_value(line));
    putchar('\n');
  }
  if (json_array_size(passed) > SHOWN_PASSED_OVER)
    printf("  and %zu more: --json shows all\n", json_array_size(passed) - SHOWN_PASSED_OVER);
}

int cmd_dataset(int argc, char **argv) {
  record r;
  const char *source = NULL;
  tool_options o = {
      .usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r, .operands = &source, .max_operands = 1};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if (!source) return tool_usage(argv[0], "which dataset?");
  clgen_dataset *ds;
  json_t *out = NULL;
  bool mixed;
  int code = open_source(&ds, source, &r, argv[0], &mixed);
  if (code == CLGEN_E_INVALID) return tool_usage(argv[0], "%s", clgen_last_error());
  if (code) return tool_failed(argv[0]);
  code = gather(&out, ds, &r, mixed);
  clgen_dataset_close(ds);
  if (!code && r.json) return tool_json_print(argv[0], out);
  if (!code) print_text(out);
  json_decref(out);
  return code ? tool_failed(argv[0]) : TOOL_OK;
}
