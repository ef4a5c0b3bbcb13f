/* Measuring, for the parts of `clgen bench`. */
#ifndef CLGEN_TOOLS_BENCH_H
#define CLGEN_TOOLS_BENCH_H

#include <jansson.h>

#include <clgen/device.h>
#include <clgen/graph.h>

typedef struct {
  double median_s, best_s; /* of one call */
  double cpu_s;            /* processor time of this process in one call, the median: on a busy machine it says more than the
                              clock; for a GPU it is the driver's work */
  int samples, calls;      /* measurements, and calls in each */
} bench_timing;

typedef struct {
  int (*run)(void *context); /* enqueues work */
  void *context;
} bench_work;

/* The median of the second's time over the first's, sample by sample. */
typedef struct {
  double wall, cpu;
} bench_ratio;

/* Calls run(context), which enqueues work on the device, until `seconds` have passed, after a warm-up. A sample is as many
 * calls as take a few milliseconds, waited for at its end; there are at least three. */
int bench_measure(bench_timing *out, clgen_device *device, int (*run)(void *), void *context, double seconds);
/* The same for two, a sample of each in turn: what else the machine does meets both alike. */
int bench_beside(bench_timing out[2], bench_ratio *ratio, clgen_device *device, const bench_work work[2], double seconds);
int bench_run_program(void *program); /* a clgen_program: the `run` of one */
int bench_program(bench_timing *out, clgen_device *device, clgen_program *program, double seconds);

/* An F32 state of the graph, filled with numbers on [-1,1); NULL on failure. */
clgen_tensor *bench_operand(clgen_graph *graph, clgen_store *store, const char *name, clgen_shape shape);

/* One line above a table, from what tool_device_json gave. */
void bench_print_device(const json_t *out);

#endif
