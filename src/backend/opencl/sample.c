/* Sampling through affine maps (cl/sample.cl). A wide device has few work-items: each of them takes whole planes of the
 * adjoint's result. Others have one for each pixel. */
#include "backend/opencl/linear.h"

int clgen_ocl_add_sample(clgen_ocl *ocl, clgen_plan *plan, const clgen_step *s, size_t index) {
  bool forward = s->kind == CLGEN_STEP_AFFINE_SAMPLE, planes = !forward && ocl->wide;
  int64_t total = s->sample.n * (forward ? s->sample.oh * s->sample.ow : planes ? s->sample.c : s->sample.h * s->sample.w);
  if (total * s->sample.c == 0) return CLGEN_OK;
  clgen_ocl_launch *item = clgen_ocl_launch_add(plan, index);
  if (!item) return clgen_fail_nomem(sizeof *item);
  plan->uses_sample = true;
  item->name = forward  ? "clgen_affine_sample"
               : planes ? "clgen_affine_sample_grad_planes"
                        : "clgen_affine_sample_grad_pixels";
  item->n_mems = 3;
  item->mem[0] = clgen_ocl_mem_of(&s->in[0]);
  item->mem[1] = clgen_ocl_mem_of(&s->in[1]);
  item->mem[2] = clgen_ocl_mem_of(&s->out[0]);
  clgen_ocl_spread(ocl, plan, item, total);
  const clgen_operand *image = forward ? &s->in[0] : &s->out[0], *view = forward ? &s->out[0] : &s->in[0];
  const int64_t words[] = {s->sample.c,  s->sample.h,   s->sample.w,     s->sample.oh,
                           s->sample.ow, image->offset, s->in[1].offset, view->offset};
  for (size_t k = 0; k < CLGEN_COUNT(words); ++k) clgen_ocl_argument(plan, words[k]);
  return CLGEN_OK;
}
