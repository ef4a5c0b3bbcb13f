/* clgen bench step */
#include <stdlib.h>
#include <string.h>

#include <clgen/data.h>
#include <clgen/model.h>
#include <clgen/train.h>

#include "bench.h"
#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen bench step [--cfg NAME] [--batch N] [--device SPEC] [--json]\n\n"
    "Measures the training step as 'clgen train' runs it: gathering a batch, sending it, and the one program of the step. "
    "The\n"
    "images are noise. images/s and GFLOP/s are those of the median. The share of the data is what gathering and sending\n"
    "would take of a step if neither overlapped with it.\n";

typedef struct {
  char cfg[CLGEN_OPTION_TEXT];
  int64_t batch, res, channels, ngf, ndf, nz, hidden;
  double seconds;
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"cfg", 0, CLGEN_OPTION_CHOICE, offsetof(record, cfg), "dcgan", 0, 0, CLGEN_ARCH_CHOICES, "NAME", NULL,
     "network to train"},
    {"batch", 'b', CLGEN_OPTION_INT, offsetof(record, batch), "0", 0, 1048576, NULL, "N", NULL,
     "batch size; 0: GANs 64, VAEs 128"},
    {"res", 0, CLGEN_OPTION_INT, offsetof(record, res), "0", 0, 4096, NULL, "N", NULL, "image size; 0: GANs 32, VAEs 28"},
    {"channels", 0, CLGEN_OPTION_INT, offsetof(record, channels), "1", 1, 4, NULL, "N", NULL, "channels of the images"},
    {"ngf", 0, CLGEN_OPTION_INT, offsetof(record, ngf), "0", 0, 65536, NULL, "N", NULL, "as for 'clgen train'"},
    {"ndf", 0, CLGEN_OPTION_INT, offsetof(record, ndf), "0", 0, 65536, NULL, "N", NULL, "as for 'clgen train'"},
    {"nz", 0, CLGEN_OPTION_INT, offsetof(record, nz), "0", 0, 65536, NULL, "N", NULL, "as for 'clgen train'"},
    {"hidden", 0, CLGEN_OPTION_INT, offsetof(record, hidden), "0", 0, 1048576, NULL, "N", NULL, "as for 'clgen train'"},
    {"seconds", 0, CLGEN_OPTION_REAL, offsetof(record, seconds), "5", 0.001, 3600, NULL, "X", NULL, "seconds to measure"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

#define POOL_BYTES ((size_t)64 << 20) /* images to gather batches from: more than caches hold */
#define SENT "bench.batch"            /* where measuring sends them to */

typedef struct {
  clgen_model *model;
  clgen_store *store;
  clgen_trainer *trainer;
  clgen_sampler *sampler;
  uint8_t *images, *batch;
  size_t image_bytes, batch_size;
  uint64_t step;
} bench;

static int create_images(bench *b) {
  size_t n = POOL_BYTES / b->image_bytes + 1;
  b->images = malloc(n * b->image_bytes);
  b->batch = malloc(b->batch_size * b->image_bytes);
  if (!b->images || !b->batch) return clgen_fail_nomem(n * b->image_bytes);
  for (size_t i = 0; i < n * b->image_bytes; ++i) b->images[i] = (uint8_t)((i * 2654435761u) >> 11);
  return clgen_sampler_create(&b->sampler, (int64_t)n, 0);
}

static int create(bench *b, const record *r, clgen_device *device) {
  clgen_model_config c = {.channels = (int)r->channels, .ngf = (int)r->ngf, .nz = (int)r->nz, .hidden = (int)r->hidden};
  c.ndf = (int)(r->ndf ? r->ndf : r->ngf);
  int code = clgen_arch_parse(r->cfg, &c.arch);
  if (code) return code;
  const clgen_arch_defaults *d = clgen_arch_get_defaults(c.arch);
  bool classifier = clgen_arch_kind(c.arch) == CLGEN_CLASSIFIER;
  if (classifier) c.classes = 10, c.ndf = (int)r->ndf;
  c.height = c.width = (int)(r->res ? r->res : d->res ? d->res : 28);
  b->batch_size = (size_t)(r->batch ? r->batch : d->batch);
  clgen_trainer_config t = {.batch = (int64_t)b->batch_size, .lr = d->lr, .ema_kimg = 10, .ema_rampup = 0.05};
  t.optimizer = (clgen_optimizer){.kind = CLGEN_ADAM, .beta1 = d->beta1, .beta2 = d->beta2, .eps = 1e-8};
  code = clgen_model_create(&b->model, &c);
  if (!code) code = clgen_store_create(&b->store, device);
  if (!code) code = clgen_trainer_create(&b->trainer, b->model, b->store, &t);
  if (!code) code = clgen_model_init(b->model, b->store, 0);
  if (!code) code = clgen_trainer_prepare(b->trainer);
  if (code) return code;
  b->image_bytes = (size_t)c.channels * (size_t)c.height * (size_t)c.width;
  code = create_images(b);
  if (code || !classifier) return code;
  int *labels = malloc(b->batch_size * sizeof *labels);
  if (!labels) return clgen_fail_nomem(b->batch_size * sizeof *labels);
  for (size_t i = 0; i < b->batch_size; ++i) labels[i] = (int)(i % 10);
  code = clgen_trainer_set_labels(b->trainer, labels);
  free(labels);
  return code;
}

static void destroy(bench *b) {
  clgen_trainer_free(b->trainer);
  clgen_store_free(b->store);
  clgen_model_free(b->model);
  clgen_sampler_free(b->sampler);
  free(b->images);
  free(b->batch);
}

static void gather(bench *b) {
  for (size_t k = 0; k < b->batch_size; ++k) {
    size_t i = (size_t)clgen_sampler_index(b->sampler, b->step * b->batch_size + k);
    memcpy(b->batch + k * b->image_bytes, b->images + i * b->image_bytes, b->image_bytes);
  }
}

static int run_data(void *context) {
  bench *b = context;
  gather(b);
  ++b->step;
  int64_t bytes = (int64_t)(b->batch_size * b->image_bytes);
  return clgen_store_write(b->store, SENT, 0, bytes, b->batch);
}

static int run_step(void *context) {
  bench *b = context;
  gather(b);
  return clgen_trainer_step(b->trainer, b->step++, b->batch, NULL);
}

/* Gathering and sending beside whole steps, for a while after the measurement. */
static int measure_data(bench *b, clgen_device *device, double seconds, bench_timing *data, double *share) {
  bench_timing both[2];
  bench_ratio ratio;
  const bench_work work[2] = {{run_step, b}, {run_data, b}};
  int64_t bytes = (int64_t)(b->batch_size * b->image_bytes);
  int code = clgen_store_declare(b->store, SENT, CLGEN_U8, clgen_shape_of(1, bytes));
  if (!code) code = bench_beside(both, &ratio, device, work, seconds / 4);
  if (code) return code;
  *data = both[1];
  *share = ratio.wall;
  return CLGEN_OK;
}

/* A benchmark of numbers that are not numbers means nothing. */
static int check(bench *b) {
  clgen_trainer_report report;
  int code = clgen_trainer_read(b->trainer, &report);
  if (!code && report.bad >= 0)
    code = clgen_fail(CLGEN_E_NONFINITE, "%s became NaN or infinite in step %llu", report.name[report.bad],
                      (unsigned long long)report.bad_step);
  return code;
}

static int print_result(const record *r, const char *who, clgen_device *device, const bench *b, const bench_timing *t,
                        const bench_timing *data, double share) {
  const clgen_program_info *i = clgen_trainer_info(b->trainer);
  json_t *out = tool_device_json(device);
  json_t *more = json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:f, s:i, s:f, s:f}", "cfg", r->cfg, "batch",
                           (json_int_t)b->batch_size, "images_per_s", (double)b->batch_size / t->median_s, "median_s",
                           t->median_s, "best_s", t->best_s, "cpu_s", t->cpu_s, "gflops", 1e-9 * i->flops / t->median_s,
                           "peak_bytes", (json_int_t)i->memory.peak_bytes, "launches", (json_int_t)i->launches, "gflop",
                           1e-9 * i->flops, "samples", t->samples, "data_s", data->median_s, "data_share", share);
  if (!out || !more || json_object_update(out, more)) {
    json_decref(out);
    json_decref(more);
    return tool_failed(who);
  }
  json_decref(more);
  if (r->json) return tool_json_print(who, out);
  char bytes[32];
  bench_print_device(out);
  json_decref(out);
  printf(
      "%s, batch %zu: %.1f images/s, %.2f ms a step (best %.2f, processor time %.2f), %.2f GFLOP/s, %zu launches, %s at "
      "peak; gathering and sending %.3f ms, %.2f%% of it\n",
      r->cfg, b->batch_size, (double)b->batch_size / t->median_s, 1e3 * t->median_s, 1e3 * t->best_s, 1e3 * t->cpu_s,
      1e-9 * i->flops / t->median_s, i->launches, tool_bytes_text((double)i->memory.peak_bytes, bytes, sizeof bytes),
      1e3 * data->median_s, 100 * share);
  return TOOL_OK;
}

int bench_step(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  clgen_device *device = NULL;
  if (tool_device_open(&device, argv[0], &r.device)) return tool_failed(argv[0]);
  bench b = {0};
  bench_timing timing, data;
  double share;
  int code = create(&b, &r, device);
  if (!code) code = bench_measure(&timing, device, run_step, &b, r.seconds);
  if (!code) code = measure_data(&b, device, r.seconds, &data, &share);
  if (!code) code = check(&b);
  status = code ? tool_failed(argv[0]) : print_result(&r, argv[0], device, &b, &timing, &data, share);
  destroy(&b);
  tool_device_close(device, &r.device);
  return status;
}
