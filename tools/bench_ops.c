/* clgen bench ops: one small program for each kind of operation, at shapes from the middle of a DCGAN and of a VAE. */
#include <stdlib.h>
#include <string.h>

#include <clgen/nn.h>

#include "bench.h"
#include "commands.h"
#include "common.h"

typedef struct {
  clgen_graph *graph;
  clgen_store *store;
  int64_t batch;
} place;

static clgen_tensor *operand(const place *p, const char *name, clgen_shape shape) {
  return bench_operand(p->graph, p->store, name, shape);
}

/* A layer's activations: 64 channels of 16x16. */
static clgen_tensor *picture(const place *p, const char *name) {
  return operand(p, name, clgen_shape_of(4, p->batch, 64, 16, 16));
}
static clgen_tensor *halved(const place *p) { return operand(p, "dy", clgen_shape_of(4, p->batch, 128, 8, 8)); }
static clgen_tensor *filter(const place *p) { return operand(p, "w", clgen_shape_of(4, 128, 64, 4, 4)); }
static const clgen_conv halving = {2, 2, 1, 1};

static clgen_tensor *build_copy(const place *p) {
  clgen_shape shape = clgen_shape_of(4, p->batch, 64, 16, 16);
  return clgen_assign(clgen_state(p->graph, "y", CLGEN_F32, shape), picture(p, "x"));
}
static clgen_tensor *build_add(const place *p) { return clgen_add(picture(p, "a"), picture(p, "b")); }
static clgen_tensor *build_bias_leaky(const place *p) {
  return clgen_leaky_relu(clgen_add(picture(p, "x"), operand(p, "b", clgen_shape_of(4, 1, 64, 1, 1))), 0.2f);
}
static clgen_tensor *build_tanh(const place *p) { return clgen_tanh(picture(p, "x")); }
static clgen_tensor *build_sigmoid(const place *p) { return clgen_sigmoid(picture(p, "x")); }
static clgen_tensor *build_softplus(const place *p) { return clgen_softplus(picture(p, "x")); }
static clgen_tensor *build_exp(const place *p) { return clgen_exp(picture(p, "x")); }
static clgen_tensor *build_log(const place *p) {
  return clgen_log(operand(p, "uniform", clgen_shape_of(4, p->batch, 64, 16, 16)));
}
static clgen_tensor *build_to_u8(const place *p) { return clgen_to_u8(clgen_affine(picture(p, "x"), 127.5f, 127.5f)); }
static clgen_tensor *build_permute(const place *p) { return clgen_permute(picture(p, "x"), (const int[]){1, 0, 2, 3}); }
static clgen_tensor *build_transpose(const place *p) {
  return clgen_transpose(operand(p, "x", clgen_shape_of(2, p->batch * 16, 1024)));
}
static clgen_tensor *build_slice(const place *p) { return clgen_slice(picture(p, "x"), 1, 16, 32); }
static clgen_tensor *build_pad(const place *p) { return clgen_pad(picture(p, "x"), 2, 1, 1); }
static clgen_tensor *build_concat(const place *p) {
  clgen_tensor *x[] = {picture(p, "a"), picture(p, "b")};
  return clgen_concat(2, x, 1);
}
static clgen_tensor *build_broadcast(const place *p) {
  return clgen_broadcast(operand(p, "b", clgen_shape_of(4, 1, 64, 1, 1)), clgen_shape_of(4, p->batch, 64, 16, 16));
}
static clgen_tensor *build_random(const place *p) {
  clgen_tensor *counter = clgen_state(p->graph, "counter", CLGEN_U32, clgen_shape_of(0));
  return clgen_random_normal(p->graph, counter, 1, 0, clgen_shape_of(4, p->batch, 64, 16, 16));
}
static clgen_tensor *build_sum_channels(const place *p) { return clgen_sum(picture(p, "x"), 1u | 4u | 8u, true); }
static clgen_tensor *build_sum_rows(const place *p) {
  return clgen_sum(operand(p, "x", clgen_shape_of(2, p->batch * 16, 784)), 2u, true);
}
static clgen_tensor *build_sum_columns(const place *p) {
  return clgen_sum(operand(p, "x", clgen_shape_of(2, p->batch * 16, 784)), 1u, true);
}
static clgen_tensor *build_batch_norm(const place *p) {
  clgen_tensor *x = picture(p, "x");
  clgen_tensor *mean = clgen_mean(x, 1u | 4u | 8u, true);
  clgen_tensor *variance = clgen_mean(clgen_square(clgen_sub(x, mean)), 1u | 4u | 8u, true);
  return clgen_normalize(x, mean, clgen_rsqrt(clgen_affine(variance, 1, 1e-5f)));
}
static clgen_tensor *build_matmul(const place *p) {
  return clgen_matmul(operand(p, "a", clgen_shape_of(2, p->batch * 2, 784)), operand(p, "b", clgen_shape_of(2, 784, 400)),
                      false, false);
}
static clgen_tensor *build_matmul_nt(const place *p) {
  return clgen_matmul(operand(p, "a", clgen_shape_of(2, p->batch * 2, 784)), operand(p, "b", clgen_shape_of(2, 400, 784)),
                      false, true);
}
static clgen_tensor *build_matmul_tn(const place *p) {
  return clgen_matmul(operand(p, "a", clgen_shape_of(2, p->batch * 2, 400)),
                      operand(p, "b", clgen_shape_of(2, p->batch * 2, 784)), true, false);
}
static clgen_tensor *build_conv(const place *p) { return clgen_conv2d(picture(p, "x"), filter(p), halving); }
static clgen_tensor *build_conv_input(const place *p) {
  return clgen_conv2d_input_grad(halved(p), filter(p), halving, 16, 16);
}
static clgen_tensor *build_conv_weight(const place *p) {
  return clgen_conv2d_weight_grad(picture(p, "x"), halved(p), halving, 4, 4);
}

/* Every picture turned a little. */
static clgen_tensor *map(const place *p) {
  static const float entries[] = {0.9f, -0.3f, 0.25f, 0.3f, 0.9f, -0.5f};
  clgen_tensor *t[6];
  for (int k = 0; k < 6; ++k) t[k] = clgen_constant(p->graph, entries[k], clgen_shape_of(1, 1));
  return clgen_broadcast(clgen_reshape(clgen_concat(6, t, 0), clgen_shape_of(3, 1, 2, 3)),
                         clgen_shape_of(3, p->batch, 2, 3));
}
static clgen_tensor *build_sample(const place *p) { return clgen_affine_sample(picture(p, "x"), map(p), 16, 16); }
static clgen_tensor *build_sample_grad(const place *p) { return clgen_affine_sample_grad(picture(p, "dy"), map(p), 16, 16); }

/* Adam on a million parameters (for batches of 64), in the place where a training step has it. */
static clgen_tensor *build_adam(const place *p) {
  static const clgen_optimizer adam = {.kind = CLGEN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  clgen_net *net = NULL;
  clgen_module *bound = NULL;
  clgen_tensor *result = NULL;
  int code = clgen_net_create(&net, CLGEN_INIT_PYTORCH);
  if (!code) code = clgen_net_linear(net, "fc", 1024, (int)p->batch * 16);
  if (code >= 0) code = clgen_net_init(net, p->store, "net", 1);
  if (!code) code = clgen_net_bind(&bound, net, p->graph, "net");
  if (!code) {
    clgen_tensor *grad = operand(p, "grad", clgen_shape_of(1, clgen_net_param_size(net)));
    clgen_tensor *scalars = operand(p, "scalars", clgen_shape_of(1, CLGEN_OPTIMIZER_SCALARS));
    if (!clgen_optimizer_apply(&adam, bound, grad, scalars)) result = clgen_module_param(bound);
  }
  clgen_module_free(bound);
  clgen_net_free(net);
  return result;
}

static const struct {
  const char *name;
  clgen_tensor *(*build)(const place *p);
  bool moves; /* bound by memory: compared with a copy */
} operations[] = {
    {"copy", build_copy, true},
    {"add", build_add, true},
    {"bias+leaky_relu", build_bias_leaky, true},
    {"tanh", build_tanh, true},
    {"sigmoid", build_sigmoid, true},
    {"softplus", build_softplus, true},
    {"exp", build_exp, true},
    {"log", build_log, true},
    {"to_u8", build_to_u8, true},
    {"random_normal", build_random, true},
    {"broadcast", build_broadcast, true},
    {"permute", build_permute, true},
    {"transpose", build_transpose, true},
    {"slice", build_slice, true},
    {"pad", build_pad, true},
    {"concat", build_concat, true},
    {"sum_channels", build_sum_channels, true},
    {"sum_rows", build_sum_rows, true},
    {"sum_columns", build_sum_columns, true},
    {"batch_norm", build_batch_norm, true},
    {"adam", build_adam, true},
    {"matmul", build_matmul, false},
    {"matmul_nt", build_matmul_nt, false},
    {"matmul_tn", build_matmul_tn, false},
    {"conv2d", build_conv, false},
    {"conv2d_input_grad", build_conv_input, false},
    {"conv2d_weight_grad", build_conv_weight, false},
    {"affine_sample", build_sample, true},
    {"affine_sample_grad", build_sample_grad, true},
};

typedef struct {
  int64_t batch, large;
  double seconds;
  char only[CLGEN_OPTION_TEXT];
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"batch", 'b', CLGEN_OPTION_INT, offsetof(record, batch), "64", 1, 4096, NULL, "N", NULL, "batch size"},
    {"large", 0, CLGEN_OPTION_INT, offsetof(record, large), "1024", 0, 4096, NULL, "N", NULL,
     "second batch size for memory-bound operations, larger than the caches; 0: none"},
    {"only", 0, CLGEN_OPTION_STRING, offsetof(record, only), "", 0, 0, NULL, "TEXT", NULL,
     "only operations whose name contains this"},
    {"seconds", 0, CLGEN_OPTION_REAL, offsetof(record, seconds), "0.5", 0.001, 3600, NULL, "X", NULL,
     "seconds to measure each operation"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

static const char usage[] =
    "usage: clgen bench ops [--batch N] [--large N] [--only TEXT] [--device SPEC] [--json]\n\n"
    "Measures one program for each kind of operation, at shapes from the middle of a DCGAN and of a VAE. What memory\n"
    "bounds is measured in turn with a copy of an array of the batch, at two sizes: as in training, and beyond the caches.\n"
    "GB/s count each operand once; of copy is that rate beside the copy's, by the clock and by processor time, which\n"
    "means more on a busy machine. Times are medians.\n";

/* ---- Measuring ------------------------------------------------------------------------------------------------------- */

typedef struct {
  place at;
  clgen_program *program;
} operation;

static void operation_free(operation *o) {
  clgen_program_free(o->program);
  clgen_store_free(o->at.store);
  clgen_graph_free(o->at.graph);
}

static int operation_create(operation *o, clgen_device *device, size_t index, int64_t batch) {
  *o = (operation){.at = {.batch = batch}};
  int code = clgen_graph_create(&o->at.graph);
  if (!code) code = clgen_store_create(&o->at.store, device);
  clgen_tensor *result = code ? NULL : operations[index].build(&o->at);
  if (!code) code = result ? clgen_output(result) : CLGEN_E_INVALID;
  if (!code) code = clgen_compile(&o->program, o->at.graph, o->at.store);
  if (!code) code = clgen_program_prepare(o->program);
  return code;
}

static json_t *operation_json(size_t index, const operation *o, const bench_timing *t) {
  const clgen_program_info *info = clgen_program_get_info(o->program);
  return json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:i}", "op", operations[index].name, "steps", (int)info->steps,
                   "median_s", t->median_s, "best_s", t->best_s, "cpu_s", t->cpu_s, "gflops",
                   1e-9 * info->flops / t->median_s, "gb_per_s", 1e-9 * info->bytes / t->median_s, "samples", t->samples);
}

static int measure(json_t *list, clgen_device *device, size_t index, const operation *copy, int64_t batch, double seconds) {
  operation o;
  bench_timing t[2];
  bench_ratio ratio;
  int code = operation_create(&o, device, index, batch);
  const bench_work work[2] = {{bench_run_program, o.program}, {bench_run_program, copy->program}};
  if (!code && operations[index].moves)
    code = bench_beside(t, &ratio, device, work, seconds);
  else if (!code)
    code = bench_measure(t, device, bench_run_program, o.program, seconds);
  if (!code) {
    json_t *row = operation_json(index, &o, t);
    double bytes = clgen_program_get_info(o.program)->bytes / clgen_program_get_info(copy->program)->bytes;
    if (operations[index].moves) json_object_set_new(row, "of_copy", json_real(bytes * ratio.wall));
    if (operations[index].moves) json_object_set_new(row, "of_copy_cpu", json_real(bytes * ratio.cpu));
    json_array_append_new(list, row);
  }
  operation_free(&o);
  return code ? clgen_fail_prefix(code, "%s", operations[index].name) : CLGEN_OK;
}

/* large: only what memory bounds */
static int measure_list(json_t *list, clgen_device *device, const record *r, int64_t batch, bool large) {
  operation copy;
  int code = operation_create(&copy, device, 0, batch);
  for (size_t i = 0; !code && i < CLGEN_COUNT(operations); ++i)
    if (strstr(operations[i].name, r->only) && (!large || operations[i].moves))
      code = measure(list, device, i, &copy, batch, r->seconds);
  operation_free(&copy);
  return code;
}

static double real_of(const json_t *row, const char *key) { return json_real_value(json_object_get(row, key)); }

static void print_list(const json_t *list, int64_t batch) {
  size_t i;
  json_t *row;
  printf("\n%-20s %5s %10s %9s %9s %8s %8s %8s\n", "operation", "steps", "median ms", "cpu ms", "GFLOP/s", "GB/s", "of copy",
         "by cpu");
  json_array_foreach(list, i, row) {
    printf("%-20s %5lld %10.3f %9.3f %9.2f %8.2f", json_string_value(json_object_get(row, "op")),
           (long long)json_integer_value(json_object_get(row, "steps")), 1e3 * real_of(row, "median_s"),
           1e3 * real_of(row, "cpu_s"), real_of(row, "gflops"), real_of(row, "gb_per_s"));
    if (json_object_get(row, "of_copy"))
      printf(" %7.0f%% %7.0f%%", 1e2 * real_of(row, "of_copy"), 1e2 * real_of(row, "of_copy_cpu"));
    printf("\n");
  }
  printf("batches of %lld\n", (long long)batch);
}

int bench_ops(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  size_t matching = 0;
  for (size_t i = 0; i < CLGEN_COUNT(operations); ++i) matching += strstr(operations[i].name, r.only) != NULL;
  if (!matching) return tool_usage(argv[0], "no operation has '%s' in its name", r.only);
  clgen_device *device;
  if (tool_device_open(&device, argv[0], &r.device)) return tool_failed(argv[0]);
  json_t *list = json_array(), *large = json_array(), *out = tool_device_json(device);
  int code = out ? measure_list(list, device, &r, r.batch, false) : CLGEN_E_NOMEM;
  if (!code && r.large) code = measure_list(large, device, &r, r.large, true);
  status = code ? tool_failed(argv[0]) : TOOL_OK;
  if (!status && !r.json) {
    bench_print_device(out);
    print_list(list, r.batch);
    if (json_array_size(large)) print_list(large, r.large);
  }
  json_object_set_new(out, "batch", json_integer(r.batch));
  json_object_set_new(out, "ops", list);
  json_object_set_new(out, "large_batch", json_integer(r.large));
  json_object_set_new(out, "large", large);
  if (!status && r.json)
    status = tool_json_print(argv[0], out);
  else
    json_decref(out);
  tool_device_close(device, &r.device);
  return status;
}
