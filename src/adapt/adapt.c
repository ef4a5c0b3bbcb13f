/* The table of controllers, and a decision of those that a run uses. */
#include "adapt/adapt_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The guard is first: if it rolls back, the others make no decision. */
static const clgen_controller rows[] = {
    {.name = "guard", .for_gan = true, .for_others = true, .watches = CLGEN_WATCH_PLAYERS, .act = clgen_adapt_guard},
    {.name = "ada", .for_gan = true, .act = clgen_adapt_ada},
    {.name = "balance", .for_gan = true, .watches = CLGEN_WATCH_PLAYERS, .act = clgen_adapt_balance},
    {.name = "noise-scale",
     .for_gan = true,
     .for_others = true,
     .watches = CLGEN_WATCH_GRADIENTS,
     .act = clgen_adapt_noise_scale},
    {.name = "control-vae", .for_gan = true, .for_others = true, .for_encoders = true, .act = clgen_adapt_control_vae},
    {.name = "plateau", .by_option = true, .for_gan = true, .for_others = true, .act = clgen_adapt_plateau},
};

const clgen_controller *clgen_controllers(size_t *n) {
  *n = CLGEN_COUNT(rows);
  return rows;
}

double clgen_adapt_mean(const clgen_adapt_statistics *s, const char *name) {
  for (int i = 0; i < s->n; ++i)
    if (strcmp(s->name[i], name) == 0) return s->mean[i];
  return NAN;
}

void clgen_adapt_decide(clgen_adapt_outcome *out, const char *by, const char *what, double from, double to,
                        const char *reason, ...) {
  if (out->n == CLGEN_MAX_DECISIONS) return;
  clgen_decision *d = &out->decision[out->n++];
  *d = (clgen_decision){.by = by, .what = what, .from = from, .to = to};
  va_list args;
  va_start(args, reason);
  clgen_vsnprintf(d->reason, sizeof d->reason, reason, args);
  va_end(args);
}

static int add(unsigned *mask, const char *name, size_t length, bool gan, bool encodes) {
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) {
    if (rows[i].by_option || strlen(rows[i].name) != length || strncmp(rows[i].name, name, length)) continue;
    if (gan ? !rows[i].for_gan : !rows[i].for_others)
      return clgen_fail(CLGEN_E_INVALID, "option --adapt: %s needs a GAN", rows[i].name);
    if (rows[i].for_encoders && !encodes)
      return clgen_fail(CLGEN_E_INVALID, "option --adapt: %s needs a model with an encoder", rows[i].name);
    *mask |= 1u << i;
    return CLGEN_OK;
  }
  return clgen_fail(CLGEN_E_INVALID, "option --adapt: \"%.*s\" is not one of " CLGEN_CONTROLLER_NAMES, (int)length, name);
}

int clgen_adapt_parse(unsigned *mask, const char *list, bool gan, bool encodes) {
  *mask = 0;
  if (strcmp(list, "none") == 0) return CLGEN_OK;
  int code = CLGEN_OK;
  for (const char *p = list; !code && *p;) {
    size_t length = strcspn(p, ",");
    code = add(mask, p, length, gan, encodes);
    p += length;
    if (!code && *p == ',' && !*++p) code = add(mask, "", 0, gan, encodes);
  }
  return code;
}

unsigned clgen_adapt_mask(const char *name) {
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i)
    if (strcmp(rows[i].name, name) == 0) return 1u << i;
  return 0;
}

void clgen_adapt_text(unsigned mask, char *buf, size_t size) {
  if (size) buf[0] = 0;
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) {
    size_t n = strlen(buf);
    if (mask & 1u << i) snprintf(buf + n, size - n, "%s%s", n ? "," : "", rows[i].name);
  }
}

bool clgen_adapt_watches(unsigned mask, clgen_adapt_watch what) {
  bool any = false;
  for (size_t i = 0; i < CLGEN_COUNT(rows); ++i) any = any || ((mask & 1u << i) && rows[i].watches & what);
  return any;
}

void clgen_adapt_start(const clgen_adapt_config *c, float hyper[CLGEN_HYPER_COUNT]) {
  for (int i = 0; i < CLGEN_HYPER_COUNT; ++i) hyper[i] = 1;
  hyper[CLGEN_HYPER_CRITIC_STEPS] = (float)(c->critic_steps > 1 ? c->critic_steps : 1);
}

void clgen_adapt_act(unsigned mask, const clgen_adapt_config *c, const clgen_adapt_statistics *s, float *states,
                     clgen_adapt_outcome *out) {
  for (size_t i = 0; i < CLGEN_COUNT(rows) && !out->roll_back; ++i)
    if (mask & 1u << i) rows[i].act(c, s, states + i * CLGEN_CONTROLLER_STATE, out);
}
