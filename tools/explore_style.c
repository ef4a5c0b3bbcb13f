/* clgen explore truncation, mix: styles, and latents nearer to the middle. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "explore.h"

static int write_styled(const explorer *e, int64_t n, const clgen_styled_latents *latents, int64_t columns) {
  uint8_t *pixels = NULL;
  int code = explore_make_styled(e, n, latents, columns, &pixels);
  if (!code) code = explore_write(e, n, pixels, columns);
  free(pixels);
  return code;
}

/* ---- truncation ---- */

static int truncation(explorer *e) {
  size_t nz = (size_t)e->config->nz, steps = (size_t)e->r.steps, n = e->n_seeds * steps;
  float *z = NULL, *all = malloc(n * (nz + 1) * sizeof *all), *far = all + n * nz;
  int code = all ? explore_need_seeds(e) : clgen_fail_nomem(n * (nz + 1) * sizeof *all);
  if (!code) code = explore_latents(e, &z);
  for (size_t i = 0; !code && i < n; ++i) {
    memcpy(all + i * nz, z + i / steps * nz, nz * sizeof *all);
    far[i] = (float)(e->r.range * (double)(i % steps) / (double)(steps - 1));
  }
  if (!code) code = write_styled(e, (int64_t)n, &(clgen_styled_latents){.z = all, .truncation = far}, e->r.steps);
  free(z);
  free(all);
  return code;
}

int explore_truncation(int argc, char **argv) {
  static const clgen_option rows[] = {EXPLORE_ROWS("a PNG: a row for each seed"),
                                      EXPLORE_SEEDS_ROW("0-7"),
                                      EXPLORE_CLASS_ROW,
                                      EXPLORE_STEPS_ROW("7", "images a row"),
                                      EXPLORE_RANGE_ROW("1.5", "the latent, or the style, goes from 0 to R; training saw 1"),
                                      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore truncation --network FILE --output FILE.png\n\n"
      "The truncation trick: the latent is multiplied by factors below and above 1.\n"
      "In a network with styles these are interpolated to their mean.\n",
      rows, CLGEN_COUNT(rows), false, truncation};
  return explore_run(&part, argc, argv);
}

/* ---- mix ---- */

/* A row for each of --seeds, a column for each of `fine`; the first of both are the seeds themselves, with nothing in the
 * corner. All images are made, the corner too. */
static int write_mixes(const explorer *e, const uint64_t *fine, size_t n_fine, int from) {
  size_t nz = (size_t)e->config->nz, columns = n_fine + 1, n = (e->n_seeds + 1) * columns;
  float *coarse = calloc(2 * n * nz, sizeof *coarse), *other = coarse + n * nz;
  uint8_t *pixels = NULL;
  if (!coarse) return clgen_fail_nomem(2 * n * nz * sizeof *coarse);
  for (size_t i = 1; i < n; ++i) {
    size_t row = i / columns, column = i % columns;
    uint64_t of_row = row ? e->seeds[row - 1] : fine[column - 1], of_column = column ? fine[column - 1] : of_row;
    clgen_latent_of_seed(of_row, e->config->nz, coarse + i * nz);
    clgen_latent_of_seed(of_column, e->config->nz, other + i * nz);
  }
  const clgen_styled_latents latents = {.z = coarse, .fine = other, .fine_from = from};
  int code = explore_make_styled(e, (int64_t)n, &latents, (int64_t)n, &pixels);
  if (!code) memset(pixels, 0, e->image_bytes);
  if (!code) code = explore_write(e, (int64_t)n, pixels, (int64_t)columns);
  free(pixels);
  free(coarse);
  return code;
}

static int mix(explorer *e) {
  uint64_t *fine = NULL;
  size_t n_fine;
  int layers = clgen_model_style_layers(e->model), code = explore_need_seeds(e);
  if (!code && !layers)
    code = clgen_fail(CLGEN_E_INVALID, "%s: a %s has no styles; only --cfg style has", e->r.network,
                      clgen_arch_name(e->config->arch));
  if (!code && e->r.from >= layers)
    code = clgen_fail(CLGEN_E_INVALID, "option --from: %lld; this network's layers with a style are 0 to %d",
                      (long long)e->r.from, layers - 1);
  if (!code && tool_parse_seeds(e->r.fine, &fine, &n_fine)) code = clgen_fail_prefix(CLGEN_E_INVALID, "option --fine");
  if (!code) code = write_mixes(e, fine, n_fine, e->r.from < 0 ? layers / 2 : (int)e->r.from);
  free(fine);
  return code;
}

int explore_mix(int argc, char **argv) {
  static const clgen_option rows[] = {EXPLORE_ROWS("a PNG: rows and columns of seeds, and their mixes"),
                                      {"seeds", 0, CLGEN_OPTION_STRING, EXPLORE_AT(seeds), "0-4", 0, 0, NULL, "LIST", NULL,
                                       "seeds of the coarse layers' styles, one row each"},
                                      {"fine", 0, CLGEN_OPTION_STRING, EXPLORE_AT(fine), "5-10", 0, 0, NULL, "LIST", NULL,
                                       "seeds of the fine layers' styles, one column each"},
                                      {"class", 0, CLGEN_OPTION_STRING, EXPLORE_AT(klass), "", 0, 0, NULL, "CLASS", NULL,
                                       "class of a conditional network: a name or a number; default: the first seed's"},
                                      {"from", 0, CLGEN_OPTION_INT, EXPLORE_AT(from), "-1", -1, 64, NULL, "N", NULL,
                                       "first fine layer; there are two layers per resolution; -1: the upper half"},
                                      TOOL_DEVICE_ROWS(explore_record, device)};
  const explore_part part = {
      "usage: clgen explore mix --network FILE --output FILE.png\n\n"
      "Style mixing (Karras et al. 2019, section 3.1): what the coarse layers of a network with styles make of one\n"
      "seed, and the fine ones of another.\n",
      rows, CLGEN_COUNT(rows), false, mix};
  return explore_run(&part, argc, argv);
}
