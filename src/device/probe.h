/* One small example of everything that a backend may be asked for: for --probe, --ops and the tests. */
#ifndef CLGEN_DEVICE_PROBE_H
#define CLGEN_DEVICE_PROBE_H

#include "backend/backend.h"

/* Operands have no memory yet, are contiguous, and have slots in the order inputs, outputs. */
void clgen_example_elementwise(clgen_step *s, int op, int64_t n);
void clgen_example_reduce(clgen_step *s, int64_t rows, int64_t columns); /* sums the rows up: columns results */
void clgen_example_matmul(clgen_step *s, int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b);
/* One of the three; square kernel, same stride and padding both ways. x is (2, c, h, w). */
void clgen_example_conv(clgen_step *s, clgen_step_kind kind, int64_t c, int64_t h, int64_t w, int64_t o, int kernel,
                        int stride, int pad);
/* One of the two, of two images. */
void clgen_example_sample(clgen_step *s, clgen_step_kind kind, int64_t c, int64_t h, int64_t w, int64_t oh, int64_t ow);

/* Elements that an example's operand has. */
int64_t clgen_example_elements(const clgen_step *s, const clgen_operand *o);

/* Every example, one for each row of --ops: clgen_example_count() of them. */
size_t clgen_example_count(void);
void clgen_example_get(size_t index, clgen_step *s);
/* What the row is called: the elementwise operation's name, or the kind of the step. */
const char *clgen_example_name(size_t index);

#endif
