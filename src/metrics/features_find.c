/* Where the feature networks that come with clgen lie. */
#include <clgen/features.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "config.h"

/* The folder of the running program, "" where the system does not say. */
static void program_folder(char *out, size_t size) {
  ssize_t n = readlink("/proc/self/exe", out, size - 1);
  out[n > 0 ? n : 0] = 0;
  char *slash = strrchr(out, '/');
  if (slash) *slash = 0;
}

int clgen_features_find(char **path, const char *name) {
  char folder[4096];
  const char *set = getenv("CLGEN_DATA_DIR");
  program_folder(folder, sizeof folder);
  const struct {
    const char *base, *below;
  } places[] = {
      {set ? set : "", ""}, {folder, "/../models"}, {folder, "/../share/clgen/models"}, {CLGEN_DATADIR, "/models"}};
  *path = NULL;
  for (size_t i = 0; i < CLGEN_COUNT(places); ++i) {
    if (!places[i].base[0]) continue;
    *path = clgen_format("%s%s/%s.safetensors", places[i].base, places[i].below, name);
    if (!*path) return CLGEN_E_NOMEM;
    if (access(*path, R_OK) == 0) return CLGEN_OK;
    free(*path);
    *path = NULL;
  }
  return clgen_fail(CLGEN_E_NOTFOUND,
                    "there is no %s.safetensors in %s/models, nor beside this program (set CLGEN_DATA_DIR to its folder)",
                    name, CLGEN_DATADIR);
}
