/* Between the files of the host backend. */
#ifndef CLGEN_HOST_H
#define CLGEN_HOST_H

#include "backend/backend.h"

struct clgen_buffer {
  size_t bytes;
  unsigned char *data;
};

/* The first element of a contiguous float operand. */
static inline float *clgen_host_floats(const clgen_operand *o) { return (float *)(void *)o->buffer->data + o->offset; }

void clgen_host_map(const clgen_step *step);
void clgen_host_reduce(const clgen_step *step);

/* `sums` holds clgen_host_sums(step) doubles: one for each element of a row (matmul) or of an image plane (convolution,
 * sampling). */
size_t clgen_host_sums(const clgen_step *step);
void clgen_host_matmul(const clgen_step *step, double *sums);
void clgen_host_conv2d(const clgen_step *step, double *sums);
void clgen_host_conv2d_input_grad(const clgen_step *step, double *sums);
void clgen_host_conv2d_weight_grad(const clgen_step *step);
void clgen_host_affine_sample(const clgen_step *step);
void clgen_host_affine_sample_grad(const clgen_step *step, double *sums);

/* Fails with a message unless the step is well formed; with its buffers bound, also unless it stays inside them. */
int clgen_host_check(const clgen_step *step, bool bound);

/* Element `index` of the stream: the same bits as the device's kernel draws. */
float clgen_host_uniform(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index);
float clgen_host_normal(uint64_t seed, uint32_t stream, uint32_t counter, uint64_t index);

#endif
