/* Measuring, for the parts of `clgen bench`. */
#ifndef CLGEN_TOOLS_BENCH_H
#define CLGEN_TOOLS_BENCH_H

#include <jansson.h>

#include <clgen/device.h>
#include <clgen/graph.h>

typedef struct {
  double median_s, best_s; /* of one call */
  int samples, calls;      /* measurements, and calls in each */
} bench_timing;

/* Calls run(context), which enqueues work on the device, until `seconds` have passed, after a warm-up. A sample is as many
 * calls as take a few milliseconds, waited for at its end; there are at least three. */
int bench_measure(bench_timing *out, clgen_device *device, int (*run)(void *), void *context, double seconds);
int bench_program(bench_timing *out, clgen_device *device, clgen_program *program, double seconds);

/* An F32 state of the graph, filled with numbers on [-1,1); NULL on failure. */
clgen_tensor *bench_operand(clgen_graph *graph, clgen_store *store, const char *name, clgen_shape shape);

/* One line above a table, from what tool_device_json gave. */
void bench_print_device(const json_t *out);

#endif
