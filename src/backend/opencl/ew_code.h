/* What the generators of MAP and REDUCE kernels share: a step's operands seen over its merged axes, and pieces of text.
 *
 * Names in the generated text: i0, i1, ... inputs; o0, o1, ... outputs; m the item's numbers; d0, d1, ... sizes of axes;
 * x0, x1, ... the place along them; b<k> the element of operand k (inputs, then outputs, then the element's number in the
 * domain) at which a row begins; v<k> the value of instruction k, w<k> the same as raw bits, p<k> and q<k> its parameters.
 */
#ifndef CLGEN_EW_CODE_H
#define CLGEN_EW_CODE_H

#include "backend/opencl/ocl.h"

enum { CLGEN_EW_MAX_OPERANDS = CLGEN_OCL_MAX_MEMS + 1 };

typedef struct {
  const clgen_step *s;
  int nd; /* at least 1 */
  int64_t dim[CLGEN_MAX_DIMS];
  unsigned axes;
  int n_operands; /* inputs, outputs, and the element's number (offset 0, row-major) if a random number needs it */
  int64_t offset[CLGEN_EW_MAX_OPERANDS], stride[CLGEN_EW_MAX_OPERANDS][CLGEN_MAX_DIMS];
  bool numbered;
} clgen_ew_walk;

/* Drops axes of size 1 and merges neighbours that every operand walks alike. */
void clgen_ew_walk_make(clgen_ew_walk *w, const clgen_step *s);
int64_t clgen_ew_count(const clgen_ew_walk *w, unsigned axes);
/* Operands first .. last - 1 have stride 0 or 1 along the last axis. */
bool clgen_ew_is_unit(const clgen_ew_walk *w, int first, int last);

typedef struct {
  clgen_text *t;
  clgen_plan *plan;
  const clgen_ew_walk *w;
  int column;        /* the axis that the innermost loop or vector goes along */
  int first, end;    /* the instructions that load_fixed and evaluate are about */
  const char *total; /* the name of the value of the n-th TOTAL, a format for n */
  unsigned turned;   /* operands whose vectors at row r of a block are T<k>[r] */
  bool in_quad;      /* a random instruction's vector is D<k>[q] */
} clgen_ew_gen;

/* "(__global const long *restrict words, int at, ...) {" and the numbers: sizes, strides, offsets, parameters. */
void clgen_ew_open(clgen_ew_gen *g, bool with_outputs);
/* const int NAME = value; through the item's numbers. */
void clgen_ew_number(clgen_ew_gen *g, const char *name, int64_t value);
/* From the flat index `from` over the axes of the mask, the last fastest: x<k> for each. */
void clgen_ew_decode(clgen_ew_gen *g, unsigned axes, const char *from);
/* Moves x<k> on to the next index over the axes of the mask. */
void clgen_ew_advance(clgen_ew_gen *g, unsigned axes);
/* const int TO<k> = FROM<k> + x.. s.. over the axes of the mask, for operands first .. last - 1; FROM NULL: the offset. */
void clgen_ew_bases(clgen_ew_gen *g, unsigned axes, int first, int last, const char *from, const char *to);
/* Loads of what does not change along the column axis, from bases with this prefix. */
void clgen_ew_load_fixed(clgen_ew_gen *g, const char *base);
/* Loads and evaluates every instruction at column j, `width` elements at once; declares v<k>. */
void clgen_ew_evaluate(clgen_ew_gen *g, int width, const char *base);
/* Whether random numbers can be drawn four vectors at a time, and the text that does it: declares D<k>[4]. */
bool clgen_ew_draws_quads(const clgen_ew_gen *g);
void clgen_ew_draw_quads(clgen_ew_gen *g, int width, const char *base);
/* Stores `value` (of width elements; `word`, raw bits, instead where it isn't NULL) to output k at column j. */
void clgen_ew_store(clgen_ew_gen *g, int k, int width, const char *base, const char *value, const char *word);
/* The LOAD of a U32 operand behind instruction k, through copies; -1: none. */
int clgen_ew_word_load(const clgen_step *s, int k);
const char *clgen_ew_type(const char *scalar, int width, char buf[24]);

#endif
