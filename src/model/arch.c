/* The table of architectures. */
#include "model/model_internal.h"

#include <string.h>

#define NAME(id, name, row) name,
#define ROW(id, name, row) &clgen_arch_##row,
static const char *const names[] = {CLGEN_ARCHS(NAME)};
static const clgen_arch_row *const rows[] = {CLGEN_ARCHS(ROW)};

const clgen_arch_row *clgen_arch_row_of(clgen_arch arch) { return rows[arch]; }
const char *clgen_arch_name(clgen_arch arch) { return (size_t)arch < CLGEN_COUNT(names) ? names[arch] : "?"; }
clgen_model_kind clgen_arch_kind(clgen_arch arch) { return rows[arch]->kind; }
bool clgen_arch_has_styles(clgen_arch arch) { return rows[arch]->styles; }
bool clgen_arch_encodes(clgen_arch arch) { return rows[arch]->encode; }
const clgen_arch_defaults *clgen_arch_get_defaults(clgen_arch arch) { return &rows[arch]->defaults; }
clgen_d_norm clgen_arch_d_norm(clgen_arch arch) { return rows[arch]->d_norm; }

int clgen_arch_parse(const char *name, clgen_arch *out) {
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (strcmp(names[i], name) == 0) {
      *out = (clgen_arch)i;
      return CLGEN_OK;
    }
  return clgen_fail(CLGEN_E_INVALID, "no model is called \"%s\"; there are %s", name, CLGEN_ARCH_CHOICES);
}
