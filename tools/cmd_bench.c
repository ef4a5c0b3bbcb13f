/* clgen bench: the parts, and matrix products. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "commands.h"
#include "common.h"

static const tool_part parts[] = {
    {"step", bench_step, "whole training steps"},
    {"generate", bench_generate, "making images, many at a time and a single one"},
    {"gemm", bench_gemm, "matrix products of the sizes that training needs"},
    {"ops", bench_ops, "every kind of operation, at a shape typical of training"},
};

int cmd_bench(int argc, char **argv) {
  return tool_run_part("Measures how fast a device is.", parts, CLGEN_COUNT(parts), argc, argv);
}

/* ---- gemm -------------------------------------------------------------------------------------------------------- */

typedef struct {
  int64_t m, n, k;
} gemm_size;

/* The square that everybody knows, and products of a DCGAN's and a VAE's layers. */
static const gemm_size usual_sizes[] = {{1024, 1024, 1024}, {128, 4096, 1024}, {128, 1024, 4096},
                                        {1024, 4096, 128},  {64, 16384, 16},   {128, 784, 400}};

typedef struct {
  int64_t m, n, k;
  double seconds;
  bool json;
  tool_device_options device;
} record;

static const clgen_option rows[] = {
    {"m", 0, CLGEN_OPTION_INT, offsetof(record, m), "0", 1, 65536, NULL, "N", NULL,
     "rows of the result; default: several sizes"},
    {"n", 0, CLGEN_OPTION_INT, offsetof(record, n), "0", 1, 65536, NULL, "N", NULL, "columns of the result"},
    {"k", 0, CLGEN_OPTION_INT, offsetof(record, k), "0", 1, 65536, NULL, "N", NULL, "terms of each sum"},
    {"seconds", 0, CLGEN_OPTION_REAL, offsetof(record, seconds), "1", 0.001, 3600, NULL, "X", NULL,
     "seconds to measure each size"},
    {"json", 0, CLGEN_OPTION_FLAG, offsetof(record, json), "no", 0, 0, NULL, NULL, NULL, "print JSON"},
    TOOL_DEVICE_ROWS(record, device),
};

static const char usage[] =
    "usage: clgen bench gemm [--m N --n N --k N] [--device SPEC] [--json]\n\n"
    "Measures matrix products, (M,K) times (K,N), as training runs them. GFLOP/s are those of the median sample.\n";

static int measure_gemm(bench_timing *timing, clgen_device *device, gemm_size size, double seconds) {
  clgen_graph *graph = NULL;
  clgen_store *store = NULL;
  clgen_program *program = NULL;
  int code = clgen_graph_create(&graph);
  if (!code) code = clgen_store_create(&store, device);
  if (!code) {
    clgen_tensor *a = bench_operand(graph, store, "a", clgen_shape_of(2, size.m, size.k));
    clgen_tensor *b = a ? bench_operand(graph, store, "b", clgen_shape_of(2, size.k, size.n)) : NULL;
    clgen_tensor *c = b ? clgen_matmul(a, b, false, false) : NULL;
    code = c ? clgen_output(c) : CLGEN_E_INVALID;
  }
  if (!code) code = clgen_compile(&program, graph, store);
  if (!code) code = bench_program(timing, device, program, seconds);
  clgen_program_free(program);
  clgen_store_free(store);
  clgen_graph_free(graph);
  return code;
}

static json_t *size_json(gemm_size s, const bench_timing *t) {
  double gflop = 2e-9 * (double)s.m * (double)s.n * (double)s.k;
  return json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:i}", "m", (json_int_t)s.m, "n", (json_int_t)s.n, "k", (json_int_t)s.k,
                   "gflops", gflop / t->median_s, "median_s", t->median_s, "best_s", t->best_s, "samples", t->samples);
}

static int measure_all(json_t *list, clgen_device *device, const record *r) {
  gemm_size own = {r->m, r->n, r->k};
  size_t n = r->m ? 1 : CLGEN_COUNT(usual_sizes);
  int code = CLGEN_OK;
  for (size_t i = 0; !code && i < n; ++i) {
    bench_timing timing;
    gemm_size size = r->m ? own : usual_sizes[i];
    code = measure_gemm(&timing, device, size, r->seconds);
    if (!code) json_array_append_new(list, size_json(size, &timing));
  }
  return code;
}

static void print_sizes(const json_t *list) {
  size_t i;
  json_t *row;
  printf("%6s %6s %6s %12s %10s\n", "M", "N", "K", "median ms", "GFLOP/s");
  json_array_foreach(list, i, row) {
    const char *const names[] = {"m", "n", "k"};
    for (int j = 0; j < 3; ++j) printf("%6lld ", (long long)json_integer_value(json_object_get(row, names[j])));
    printf("%12.3f %10.2f\n", 1e3 * json_real_value(json_object_get(row, "median_s")),
           json_real_value(json_object_get(row, "gflops")));
  }
}

void bench_print_device(const json_t *out) {
  const char *const names[] = {"device", "spec", "driver", "version"};
  const char *v[4];
  for (int i = 0; i < 4; ++i) v[i] = json_string_value(json_object_get(out, names[i]));
  printf("%s (%s)%s%s, clgen %s\n", v[0], v[1], v[2][0] ? ", driver " : "", v[2], v[3]);
}

int bench_gemm(int argc, char **argv) {
  record r;
  tool_options o = {.usage = usage, .rows = rows, .n_rows = CLGEN_COUNT(rows), .record = &r};
  int status = tool_parse(&o, argc, argv);
  if (status != TOOL_GO_ON) return status;
  if ((r.m || r.n || r.k) && !(r.m && r.n && r.k)) return tool_usage(argv[0], "--m, --n and --k have to be given together");
  clgen_device *device;
  if (tool_device_open(&device, argv[0], &r.device)) return tool_failed(argv[0]);
  json_t *list = json_array(), *out = tool_device_json(device);
  status = out && !measure_all(list, device, &r) ? TOOL_OK : tool_failed(argv[0]);
  if (!status && !r.json) {
    bench_print_device(out);
    print_sizes(list);
  }
  json_object_set_new(out, "gemm", list);
  if (!status && r.json)
    status = tool_json_print(argv[0], out);
  else
    json_decref(out);
  tool_device_close(device, &r.device);
  return status;
}
