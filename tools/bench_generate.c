/* clgen bench generate */
#include <stdlib.h>

#include <clgen/model.h>

#include "bench.h"
#include "commands.h"
#include "common.h"

static const char usage[] =
    "usage: clgen bench generate [--cfg NAME] [--batch N] [--device SPEC] [--json]\n\n"
    "Measures making images as 'clgen generate' does, from latents to bytes: N at a time, and a single one. The network is\n"
    "untrained. images/s and GFLOP/s are those of the median.\n";

typedef struct {
  char cfg[CLGEN_OPTION_TEXT];
  int64_t batch, res, channels, ngf, nz, hidden;
  double seconds;
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"cfg", 0, CLGEN_OPTION_CHOICE, offsetof(record, cfg), "dcgan", 0, 0, CLGEN_ARCH_CHOICES, "NAME", NULL,
     "network to run"},
    {"batch", 'b', CLGEN_OPTION_INT, offsetof(record, batch), "64", 1, 1048576, NULL, "N", NULL, "batch size"},
    {"res", 0, CLGEN_OPTION_INT, offsetof(record, res), "0", 0, 4096, NULL, "N", NULL, "image size; 0: GANs 32, VAEs 28"},
    {"channels", 0, CLGEN_OPTION_INT, offsetof(record, channels), "1", 1, 4, NULL, "N", NULL, "channels of the images"},
    {"ngf", 0, CLGEN_OPTION_INT, offsetof(record, ngf), "0", 0, 65536, NULL, "N", NULL, "as for 'clgen train'"},
    {"nz", 0, CLGEN_OPTION_INT, offsetof(record, nz), "0", 0, 65536, NULL, "N", NULL, "as for 'clgen train'"},
    {"hidden", 0, CLGEN_OPTION_INT, offsetof(record, hidden), "0", 0, 1048576, NULL, "N", NULL, "as for 'clgen train'"},
    {"seconds", 0, CLGEN_OPTION_REAL, offsetof(record, seconds), "3", 0.001, 3600, NULL, "X", NULL,
     "seconds to measure each"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

typedef struct {
  clgen_generator *generator;
  int64_t batch;
  float *z;
  uint8_t *pixels;
} generation;

static int run(void *context) {
  const generation *m = context;
  return clgen_generator_run(m->generator, m->batch, m->z, NULL, m->pixels);
}

/* Times a generator of so many images at once. */
static int measure(bench_timing *timing, clgen_program_info *info, clgen_device *device, const clgen_model *model,
                   clgen_store *store, int64_t batch, double seconds) {
  const clgen_model_config *c = clgen_model_get_config(model);
  size_t pixels = (size_t)batch * (size_t)c->channels * (size_t)c->height * (size_t)c->width, nz = (size_t)c->nz;
  generation m = {.batch = batch, .z = malloc((size_t)batch * nz * sizeof(float)), .pixels = malloc(pixels)};
  int code = m.z && m.pixels ? clgen_generator_create(&m.generator, model, store, batch) : clgen_fail_nomem(pixels);
  for (int64_t i = 0; !code && i < batch; ++i) clgen_latent_of_seed((uint64_t)i, c->nz, m.z + (size_t)i * nz);
  if (!code) code = bench_measure(timing, device, run, &m, seconds);
  if (!code) *info = *clgen_generator_info(m.generator);
  clgen_generator_free(m.generator);
  free(m.z);
  free(m.pixels);
  return code;
}

static int print_result(const record *r, const char *who, clgen_device *device, const clgen_program_info *info,
                        const bench_timing *many, const bench_timing *one) {
  double rate = (double)r->batch / many->median_s;
  json_t *out = tool_device_json(device);
  json_t *more =
      json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:i}", "cfg", r->cfg, "batch", (json_int_t)r->batch,
                "images_per_s", rate, "median_s", many->median_s, "gflops", 1e-9 * info->flops / many->median_s, "gflop",
                1e-9 * info->flops, "one_image_s", one->median_s, "peak_bytes", (json_int_t)info->memory.peak_bytes,
                "launches", (json_int_t)info->launches, "samples", many->samples);
  if (!out || !more || json_object_update(out, more)) {
    json_decref(out);
    json_decref(more);
    return tool_failed(who);
  }
  json_decref(more);
  if (r->json) return tool_json_print(who, out);
  bench_print_device(out);
  json_decref(out);
  printf("%s, batch %lld: %.1f images/s, %.2f ms a batch, %.2f GFLOP/s, %zu launches; one image %.2f ms\n", r->cfg,
         (long long)r->batch, rate, 1e3 * many->median_s, 1e-9 * info->flops / many->median_s, info->launches,
         1e3 * one->median_s);
  return TOOL_OK;
}

int bench_generate(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  clgen_model_config c = {.channels = (int)r.channels, .ngf = (int)r.ngf, .nz = (int)r.nz, .hidden = (int)r.hidden};
  if (clgen_arch_parse(r.cfg, &c.arch)) return tool_failed(argv[0]);
  c.ndf = c.ngf;
  if (clgen_arch_kind(c.arch) == CLGEN_CLASSIFIER) return tool_usage(argv[0], "--cfg %s does not generate images", r.cfg);
  const clgen_arch_defaults *d = clgen_arch_get_defaults(c.arch);
  c.height = c.width = (int)(r.res ? r.res : d->res ? d->res : 28);
  clgen_device *device = NULL;
  if (tool_device_open(&device, argv[0], &r.device)) return tool_failed(argv[0]);
  clgen_model *model = NULL;
  clgen_store *store = NULL;
  bench_timing many, one;
  clgen_program_info info, single;
  int code = clgen_model_create(&model, &c);
  if (!code) code = clgen_store_create(&store, device);
  if (!code) code = clgen_model_init(model, store, 0);
  if (!code) code = measure(&many, &info, device, model, store, r.batch, r.seconds);
  if (!code) code = measure(&one, &single, device, model, store, 1, r.seconds);
  status = code ? tool_failed(argv[0]) : print_result(&r, argv[0], device, &info, &many, &one);
  clgen_store_free(store);
  clgen_model_free(model);
  tool_device_close(device, &r.device);
  return status;
}
