/* --cfg auto: looks at the data and the device, chooses what the options leave open, and says why. */
#include "train/train_internal.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS 600 /* that training may take */
#define GEMM 768

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
    /* It means nothing without what says how often. */
    if (!strcmp(o->name, "augment") && !strstr(r->options.adapt, "ada") && !(r->options.augment_p > 0)) continue;
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
  if (!o->data[0]) return clgen_fail(CLGEN_E_INVALID, "option --data: no training images given");
  int code = clgen_run_look_at_data(r, &f);
  if (!code) code = clgen_run_open_device(r);
  if (!code) code = look_at_device(r, &f);
  if (code) return code;
  clgen_auto_choice choice;
  clgen_auto_choose(&f, &choice);
  clgen_log_write(&r->log, CLGEN_LOG_INFO,
                  "auto:     %lld %s pictures, at least %dx%d, mean difference %.2f; device %.0f GFLOP/s",
                  (long long)f.images, f.grey ? "grey" : "coloured", f.width, f.height, f.diversity, f.gflops);
  return apply(r, given, &choice);
}
