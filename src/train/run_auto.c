/* --cfg auto: looks at the data and the device, chooses what the options leave open, and says why. */
#include "train/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 512 /* pictures, for their diversity */
#define SECONDS 600   /* that training may take */
#define GEMM 768

/* ---- The data ---- */

static bool is_grey(const uint8_t *image, size_t plane, int channels) {
  return channels == 1 || (memcmp(image, image + plane, plane) == 0 && memcmp(image, image + 2 * plane, plane) == 0);
}

/* The mean squared difference of two pictures is twice the variance of a pixel among them. */
static double mean_variance(const clgen_dataset *ds, int64_t n, size_t bytes) {
  int64_t count = clgen_dataset_get_info(ds)->count;
  double total = 0;
  for (size_t k = 0; k < bytes; ++k) {
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) {
      double v = clgen_dataset_image(ds, i * (count / n))[k] / 255.0;
      sum += v;
      square += v * v;
    }
    total += square / (double)n - sum / (double)n * sum / (double)n;
  }
  return total / (double)bytes;
}

static int look_at_data(const clgen_run *r, clgen_auto_facts *f) {
  const clgen_train_options *o = &r->options;
  clgen_dataset_options d = {.resolution = o->res ? (int)o->res : 32, .channels = (int)o->channels, .subset = o->subset};
  clgen_dataset *ds = NULL;
  d.seed = (uint64_t)o->seed;
  d.classes = o->classes;
  int code = clgen_train_background(o, d.background);
  if (!code) code = clgen_dataset_open(&ds, o->data, &d);
  if (code) return code;
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  size_t plane = (size_t)i->height * (size_t)i->width, bytes = plane * (size_t)i->channels;
  f->images = i->count;
  f->width = i->min_width;
  f->height = i->min_height;
  f->grey = i->channels < 3;
  if (i->channels == 3) {
    f->grey = true;
    for (int64_t k = 0; k < i->count && f->grey; ++k) f->grey = is_grey(clgen_dataset_image(ds, k), plane, i->channels);
  }
  f->diversity = sqrt(2 * mean_variance(ds, i->count < LOOKED_AT ? i->count : LOOKED_AT, bytes));
  clgen_dataset_close(ds);
  return CLGEN_OK;
}

/* ---- The device ---- */

/* The best of several turns: others may use the machine too. */
static int time_products(clgen_program *p, clgen_device *device, double *gflops) {
  enum { TURNS = 12, REPEATS = 4 };
  int code = clgen_program_run(p);
  if (!code) code = clgen_device_finish(device);
  for (int turn = 0; !code && turn < TURNS; ++turn) {
    double begin = clgen_seconds();
    for (int i = 0; !code && i < REPEATS; ++i) code = clgen_program_run(p);
    if (!code) code = clgen_device_finish(device);
    double rate = 2e-9 * GEMM * GEMM * GEMM * REPEATS / (clgen_seconds() - begin);
    if (rate > *gflops) *gflops = rate;
  }
  return code;
}

static int look_at_device(const clgen_run *r, clgen_auto_facts *f) {
  clgen_graph *graph = NULL;
  clgen_store *store = NULL;
  clgen_program *program = NULL;
  f->memory = clgen_device_get_info(r->device)->global_bytes;
  int code = clgen_graph_create(&graph);
  if (code) return code;
  clgen_tensor *a = clgen_input(graph, "a", CLGEN_F32, clgen_shape_of(2, GEMM, GEMM));
  clgen_tensor *b = clgen_input(graph, "b", CLGEN_F32, clgen_shape_of(2, GEMM, GEMM));
  code = clgen_output(clgen_matmul(a, b, false, false));
  if (!code) code = clgen_store_create(&store, r->device);
  if (!code) code = clgen_compile(&program, graph, store);
  if (!code) code = clgen_program_prepare(program);
  if (!code) code = time_products(program, r->device, &f->gflops);
  clgen_program_free(program);
  clgen_store_free(store);
  clgen_graph_free(graph);
  return code;
}

/* ---- The choice ---- */

static int apply(clgen_run *r, const bool *given, const clgen_auto_choice *choice) {
  size_t n;
  const clgen_option *rows = clgen_train_option_rows(&n);
  int code = clgen_options_set(rows, n, &r->options, "cfg", "dcgan");
  for (int i = 0; !code && i < choice->n; ++i) {
    const clgen_auto_option *o = &choice->option[i];
    if (clgen_train_option_given(&r->options, given, o->name)) continue;
    code = clgen_options_set(rows, n, &r->options, o->name, o->value);
    clgen_log_write(&r->log, CLGEN_LOG_INFO, "auto:     --%s %s: %s", o->name, o->value, o->why);
  }
  return code;
}

int clgen_run_auto(clgen_run *r, const bool *given) {
  const clgen_train_options *o = &r->options;
  clgen_auto_facts f = {.seconds = SECONDS, .res = (int)o->res, .channels = (int)o->channels, .ngf = (int)o->ngf};
  f.batch = o->batch;
  if (clgen_train_option_given(o, given, "kimg")) f.kimg = o->kimg;
  if (!o->data[0]) return clgen_fail(CLGEN_E_INVALID, "option --data: the images to train on are missing");
  int code = look_at_data(r, &f);
  if (!code) code = clgen_run_open_device(r);
  if (!code) code = look_at_device(r, &f);
  if (code) return code;
  clgen_auto_choice choice;
  clgen_auto_choose(&f, &choice);
  clgen_log_write(&r->log, CLGEN_LOG_INFO, "auto:     %lld pictures, %s, at least %dx%d, two lie %.2f apart; %.0f GFLOP/s",
                  (long long)f.images, f.grey ? "grey" : "coloured", f.width, f.height, f.diversity, f.gflops);
  return apply(r, given, &choice);
}
