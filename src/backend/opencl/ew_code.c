#include "backend/opencl/ew_code.h"

#include <string.h>

/* ---- The walk -------------------------------------------------------------------------------------------------- */

static bool is_random(const clgen_ew_instr *in) {
  return in->op == CLGEN_EW_RANDOM_UNIFORM || in->op == CLGEN_EW_RANDOM_NORMAL;
}

static void take_axis(clgen_ew_walk *w, int64_t dim, bool summed, const int64_t *stride) {
  bool merge = w->nd > 0 && summed == (bool)(w->axes >> (w->nd - 1) & 1u);
  for (int o = 0; merge && o < w->n_operands; ++o) merge = w->stride[o][w->nd - 1] == stride[o] * dim;
  if (!merge) {
    w->dim[w->nd] = 1;
    w->axes |= (unsigned)summed << w->nd;
    ++w->nd;
  }
  w->dim[w->nd - 1] *= dim;
  for (int o = 0; o < w->n_operands; ++o) w->stride[o][w->nd - 1] = stride[o];
}

void clgen_ew_walk_make(clgen_ew_walk *w, const clgen_step *s) {
  memset(w, 0, sizeof *w);
  w->s = s;
  for (int k = 0; k < s->n_instrs; ++k) w->numbered |= is_random(&s->instr[k]);
  w->n_operands = s->n_inputs + s->n_outputs + w->numbered;
  for (int k = 0; k < s->n_inputs; ++k) w->offset[k] = s->in[k].offset;
  for (int k = 0; k < s->n_outputs; ++k) w->offset[s->n_inputs + k] = s->out[k].offset;
  int64_t number[CLGEN_MAX_DIMS], size = 1, stride[CLGEN_EW_MAX_OPERANDS];
  for (int a = s->ndim - 1; a >= 0; --a) number[a] = size, size *= s->dim[a];
  for (int a = 0; a < s->ndim; ++a) {
    if (s->dim[a] == 1) continue;
    for (int k = 0; k < s->n_inputs; ++k) stride[k] = s->in[k].stride[a];
    for (int k = 0; k < s->n_outputs; ++k) stride[s->n_inputs + k] = s->out[k].stride[a];
    if (w->numbered) stride[w->n_operands - 1] = number[a];
    take_axis(w, s->dim[a], s->kind == CLGEN_STEP_REDUCE && (s->axes >> a & 1u), stride);
  }
  if (w->nd == 0) {
    w->nd = 1;
    w->dim[0] = 1;
  }
}

int64_t clgen_ew_count(const clgen_ew_walk *w, unsigned axes) {
  int64_t n = 1;
  for (int a = 0; a < w->nd; ++a)
    if (axes >> a & 1u) n *= w->dim[a];
  return n;
}

bool clgen_ew_is_unit(const clgen_ew_walk *w, int first, int last) {
  for (int o = first; o < last; ++o) {
    int64_t stride = w->stride[o][w->nd - 1];
    if (stride != 0 && stride != 1) return false;
  }
  return true;
}

int clgen_ew_word_load(const clgen_step *s, int k) {
  while (s->instr[k].op == CLGEN_EW_COPY) k = s->instr[k].a;
  return s->instr[k].op == CLGEN_EW_LOAD && s->in[s->instr[k].a].dtype == CLGEN_U32 ? k : -1;
}

/* ---- Declarations ---------------------------------------------------------------------------------------------- */

const char *clgen_ew_type(const char *scalar, int width, char buf[24]) {
  if (width == 1)
    snprintf(buf, 24, "%s", scalar);
  else
    snprintf(buf, 24, "%s%d", scalar, width);
  return buf;
}

static const char *scalar_name(clgen_dtype dtype) {
  return dtype == CLGEN_U8 ? "uchar" : dtype == CLGEN_U32 ? "uint" : "float";
}

static int n_parameters(clgen_ew_op op) {
  switch ((int)op) {
    case CLGEN_EW_CONST:
    case CLGEN_EW_LEAKY_RELU:
    case CLGEN_EW_LEAKY_STEP:
    case CLGEN_EW_POW: return 1;
    case CLGEN_EW_AFFINE:
    case CLGEN_EW_CLAMP:
    case CLGEN_EW_IN_RANGE: return 2;
    default: return 0;
  }
}

static int new_word(clgen_ew_gen *g, int64_t value) { return clgen_ocl_argument(g->plan, value); }

void clgen_ew_number(clgen_ew_gen *g, const char *name, int64_t value) {
  clgen_text_add(g->t, "  const int %s = (int)m[%d];\n", name, new_word(g, value));
}

static void declare_instr(clgen_ew_gen *g, int k) {
  const clgen_ew_instr *in = &g->w->s->instr[k];
  int n = n_parameters(in->op);
  for (int i = 0; i < n; ++i)
    clgen_text_add(g->t, "  const float %c%d = as_float((uint)m[%d]);\n", "pq"[i], k,
                   clgen_ocl_argument_float(g->plan, i ? in->q : in->p));
  if (!is_random(in)) return;
  clgen_text_add(g->t, "  const uint sl%d = (uint)m[%d];\n", k, new_word(g, (int64_t)(in->seed & 0xFFFFFFFFu)));
  clgen_text_add(g->t, "  const uint sh%d = (uint)m[%d];\n", k, new_word(g, (int64_t)(in->seed >> 32)));
  clgen_text_add(g->t, "  const uint st%d = (uint)m[%d];\n", k, new_word(g, (int64_t)in->stream));
}

void clgen_ew_open(clgen_ew_gen *g, bool with_outputs) {
  const clgen_ew_walk *w = g->w;
  const clgen_step *s = w->s;
  char name[32];
  clgen_text_add(g->t, "(__global const long *restrict words, int at");
  for (int k = 0; k < s->n_inputs; ++k) clgen_text_add(g->t, ", __global const %s *i%d", scalar_name(s->in[k].dtype), k);
  for (int k = 0; with_outputs && k < s->n_outputs; ++k)
    clgen_text_add(g->t, ", __global %s *o%d", scalar_name(s->out[k].dtype), k);
  clgen_text_add(g->t, "%s) {\n  __global const long *restrict m = words + at;\n",
                 with_outputs ? "" : ", __global float *partial");
  for (int a = 0; a < w->nd; ++a) {
    snprintf(name, sizeof name, "d%d", a);
    clgen_ew_number(g, name, w->dim[a]);
  }
  for (int o = 0; o < w->n_operands; ++o) {
    bool number = w->numbered && o == w->n_operands - 1;
    if (!number) {
      snprintf(name, sizeof name, "f%d", o);
      clgen_ew_number(g, name, w->offset[o]);
    }
    for (int a = 0; a < w->nd; ++a) {
      int64_t stride = w->stride[o][a];
      if (stride == 0 || (a == w->nd - 1 && stride == 1)) continue; /* these two are part of the text */
      snprintf(name, sizeof name, "s%d_%d", o, a);
      clgen_ew_number(g, name, stride);
    }
  }
  for (int k = 0; k < s->n_instrs; ++k) declare_instr(g, k);
}

/* ---- Places ---------------------------------------------------------------------------------------------------- */

void clgen_ew_decode(clgen_ew_gen *g, unsigned axes, const char *from) {
  int last = -1, first = -1;
  for (int a = 0; a < g->w->nd; ++a) {
    if (!(axes >> a & 1u)) continue;
    if (first < 0) first = a;
    last = a;
  }
  if (last < 0) return;
  if (first == last) {
    clgen_text_add(g->t, "int x%d = %s;\n", first, from);
    return;
  }
  clgen_text_add(g->t, "int rest_%s = %s;\n", from, from);
  for (int a = last; a >= 0; --a) {
    if (!(axes >> a & 1u)) continue;
    if (a == first)
      clgen_text_add(g->t, "int x%d = rest_%s;\n", a, from);
    else
      clgen_text_add(g->t, "int x%d = rest_%s %% d%d; rest_%s /= d%d;\n", a, from, a, from, a);
  }
}

void clgen_ew_advance(clgen_ew_gen *g, unsigned axes) {
  int open = 0, first = 0;
  while (first < g->w->nd && !(axes >> first & 1u)) ++first;
  for (int a = g->w->nd - 1; a >= first; --a) {
    if (!(axes >> a & 1u)) continue;
    if (a == first)
      clgen_text_add(g->t, "++x%d;\n", a);
    else
      clgen_text_add(g->t, "if (++x%d == d%d) {\nx%d = 0;\n", a, a, a), ++open;
  }
  while (open-- > 0) clgen_text_add(g->t, "}\n");
}

/* " + x<a> * stride" */
static void add_term(clgen_ew_gen *g, int o, int a) {
  int64_t stride = g->w->stride[o][a];
  if (stride == 0) return;
  if (a == g->w->nd - 1 && stride == 1)
    clgen_text_add(g->t, " + x%d", a);
  else
    clgen_text_add(g->t, " + x%d * s%d_%d", a, o, a);
}

void clgen_ew_bases(clgen_ew_gen *g, unsigned axes, int first, int last, const char *from, const char *to) {
  const clgen_ew_walk *w = g->w;
  for (int o = first; o < last; ++o) {
    bool number = w->numbered && o == w->n_operands - 1;
    clgen_text_add(g->t, "const int %s%d = ", to, o);
    if (from)
      clgen_text_add(g->t, "%s%d", from, o);
    else if (number)
      clgen_text_add(g->t, "0");
    else
      clgen_text_add(g->t, "f%d", o);
    for (int a = 0; a < w->nd; ++a)
      if (axes >> a & 1u) add_term(g, o, a);
    clgen_text_add(g->t, ";\n");
  }
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

void clgen_ew_load_fixed(clgen_ew_gen *g, const char *base) {
  const clgen_step *s = g->w->s;
  for (int k = g->first; k < g->end; ++k) {
    int o = s->instr[k].a;
    if (s->instr[k].op != CLGEN_EW_LOAD || g->w->stride[o][g->column] != 0) continue;
    if (s->in[o].dtype == CLGEN_U32) clgen_text_add(g->t, "const uint cw%d = i%d[%s%d];\n", k, o, base, o);
    if (s->in[o].dtype == CLGEN_U32)
      clgen_text_add(g->t, "const float c%d = (float)cw%d;\n", k, k);
    else
      clgen_text_add(g->t, "const float c%d = (float)i%d[%s%d];\n", k, o, base, o);
  }
}

/* The element of operand o at column j: "b3 + j", "b3 + j * s3_1" or "b3". */
static void add_place(clgen_ew_gen *g, int o, const char *base) {
  int64_t stride = g->w->stride[o][g->column];
  clgen_text_add(g->t, "%s%d", base, o);
  if (stride == 0) return;
  if (stride == 1 && g->column == g->w->nd - 1)
    clgen_text_add(g->t, " + j");
  else
    clgen_text_add(g->t, " + j * s%d_%d", o, g->column);
}

static void emit_load(clgen_ew_gen *g, int k, int width, const char *base) {
  const clgen_step *s = g->w->s;
  int o = s->instr[k].a;
  clgen_dtype dtype = s->in[o].dtype;
  char f[24], u[24], type[24];
  clgen_ew_type("float", width, f);
  clgen_ew_type("uint", width, u);
  if (g->w->stride[o][g->column] == 0) {
    if (dtype == CLGEN_U32) clgen_text_add(g->t, "const %s w%d = (%s)(cw%d);\n", u, k, u, k);
    clgen_text_add(g->t, "const %s v%d = (%s)(c%d);\n", f, k, f, k);
    return;
  }
  if (width > 1 && g->turned >> o & 1u) {
    clgen_text_add(g->t, "const %s v%d = T%d[r];\n", f, k, o);
    return;
  }
  if (dtype == CLGEN_U32)
    clgen_text_add(g->t, "const %s w%d = ", u, k);
  else
    clgen_text_add(g->t, "const %s v%d = ", f, k);
  if (dtype == CLGEN_U8) clgen_text_add(g->t, "convert_%s(", f);
  if (width == 1)
    clgen_text_add(g->t, "i%d[", o);
  else
    clgen_text_add(g->t, "LOAD(%s, i%d + ", clgen_ew_type(scalar_name(dtype), width, type), o);
  add_place(g, o, base);
  clgen_text_add(g->t, "%s%s;\n", width == 1 ? "]" : ")", dtype == CLGEN_U8 ? ")" : "");
  if (dtype == CLGEN_U32) clgen_text_add(g->t, "const %s v%d = convert_%s(w%d);\n", f, k, f, k);
}

bool clgen_ew_draws_quads(const clgen_ew_gen *g) {
  const clgen_step *s = g->w->s;
  bool quads = g->w->numbered && g->w->stride[g->w->n_operands - 1][g->column] == 1;
  for (int k = g->first; k < g->end; ++k)
    quads = quads &&
            (!is_random(&s->instr[k]) || g->w->stride[s->instr[clgen_ew_word_load(s, s->instr[k].a)].a][g->column] == 0);
  return quads;
}

void clgen_ew_draw_quads(clgen_ew_gen *g, int width, const char *base) {
  const clgen_step *s = g->w->s;
  char f[24];
  for (int k = g->first; k < g->end; ++k) {
    if (!is_random(&s->instr[k])) continue;
    clgen_text_add(g->t, "%s D%d[4];\new_quad_%s_%d(D%d, (uint)(", clgen_ew_type("float", width, f), k,
                   s->instr[k].op == CLGEN_EW_RANDOM_UNIFORM ? "uniform" : "normal", width, k);
    add_place(g, g->w->n_operands - 1, base);
    clgen_text_add(g->t, "), sl%d, sh%d, st%d, cw%d);\n", k, k, k, clgen_ew_word_load(s, s->instr[k].a));
  }
}

static void emit_random(clgen_ew_gen *g, int k, int width, const char *base) {
  const clgen_ew_instr *in = &g->w->s->instr[k];
  const char *name = in->op == CLGEN_EW_RANDOM_UNIFORM ? "uniform" : "normal";
  int number = g->w->n_operands - 1, load = clgen_ew_word_load(g->w->s, in->a);
  char f[24];
  if (g->in_quad) {
    clgen_text_add(g->t, "const %s v%d = D%d[q];\n", clgen_ew_type("float", width, f), k, k);
    return;
  }
  clgen_text_add(g->t, "const %s v%d = ew_random_%s_%d((uint)(", clgen_ew_type("float", width, f), k, name, width);
  add_place(g, number, base);
  clgen_text_add(g->t, "), sl%d, sh%d, st%d, w%d%s);\n", k, k, k, load, width == 1 ? "" : ".s0");
}

void clgen_ew_evaluate(clgen_ew_gen *g, int width, const char *base) {
  const clgen_step *s = g->w->s;
  char f[24];
  clgen_ew_type("float", width, f);
  for (int k = g->first, totals = 0; k < g->end; ++k) {
    const clgen_ew_instr *in = &s->instr[k];
    if (in->op == CLGEN_EW_LOAD) {
      emit_load(g, k, width, base);
    } else if (in->op == CLGEN_EW_TOTAL) {
      clgen_text_add(g->t, "const %s v%d = ", f, k);
      clgen_text_add(g->t, g->total, totals++);
      clgen_text_add(g->t, ";\n");
    } else if (is_random(in)) {
      emit_random(g, k, width, base);
    } else if (in->op == CLGEN_EW_CONST) {
      clgen_text_add(g->t, "const %s v%d = (%s)(p%d);\n", f, k, f, k);
    } else if (in->op == CLGEN_EW_COPY) {
      clgen_text_add(g->t, "const %s v%d = v%d;\n", f, k, in->a);
    } else {
      const int operand[3] = {in->a, in->b, in->c};
      clgen_text_add(g->t, "const %s v%d = ew_%s_%d(", f, k, clgen_ew_name((int)in->op), width);
      for (int i = 0; i < clgen_ew_arity((int)in->op); ++i) clgen_text_add(g->t, "%sv%d", i ? ", " : "", operand[i]);
      for (int i = 0; i < n_parameters(in->op); ++i) clgen_text_add(g->t, ", %c%d", "pq"[i], k);
      clgen_text_add(g->t, ");\n");
    }
  }
}

void clgen_ew_store(clgen_ew_gen *g, int k, int width, const char *base, const char *value, const char *word) {
  const clgen_step *s = g->w->s;
  clgen_dtype dtype = s->out[k].dtype;
  char type[24], converted[96];
  clgen_ew_type(scalar_name(dtype), width, type);
  if (dtype == CLGEN_F32)
    snprintf(converted, sizeof converted, "%s", value);
  else if (word && dtype == CLGEN_U32)
    snprintf(converted, sizeof converted, "%s", word);
  else if (dtype == CLGEN_U8)
    snprintf(converted, sizeof converted, "BYTES(%d, ew_byte_%d(%s))", width, width, value);
  else
    snprintf(converted, sizeof converted, "convert_%s_sat_rte(fmax(%s, 0.0f))", type, value);
  if (width == 1) {
    clgen_text_add(g->t, "o%d[", k);
    add_place(g, s->n_inputs + k, base);
    clgen_text_add(g->t, "] = %s;\n", converted);
  } else {
    clgen_text_add(g->t, "STORE(%s, o%d + ", type, k);
    add_place(g, s->n_inputs + k, base);
    clgen_text_add(g->t, ", %s);\n", converted);
  }
}
