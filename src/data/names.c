#include "data/data_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int clgen_names_add(clgen_names *list, char *name) {
  if (!name) return CLGEN_E_NOMEM;
  if (list->n == list->room) {
    size_t room = list->room ? list->room * 2 : 64;
    char **at = realloc(list->at, room * sizeof *at);
    if (!at) {
      free(name);
      return clgen_fail_nomem(room * sizeof *at);
    }
    list->at = at;
    list->room = room;
  }
  list->at[list->n++] = name;
  return CLGEN_OK;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void clgen_names_sort(clgen_names *list) {
  if (list->n) qsort(list->at, list->n, sizeof *list->at, compare);
}

bool clgen_names_have(const clgen_names *sorted, const char *name) {
  return sorted->n && bsearch(&name, sorted->at, sorted->n, sizeof *sorted->at, compare) != NULL;
}

void clgen_names_free(clgen_names *list) {
  for (size_t i = 0; i < list->n; ++i) free(list->at[i]);
  free(list->at);
  memset(list, 0, sizeof *list);
}

static int add_entry(const char *folder, const char *entry, clgen_names *out) {
  char *full = clgen_format("%s/%s", folder, entry);
  if (!full) return CLGEN_E_NOMEM;
  struct stat st;
  bool there = stat(full, &st) == 0; /* else a dangling link, or gone by now: opening it will say so */
  free(full);
  return clgen_names_add(out, clgen_format("%s%s", entry, there && S_ISDIR(st.st_mode) ? "/" : ""));
}

/* What systems and NAS boxes put beside files: resource forks of macOS in ZIP archives, thumbnails, bins. */
static bool is_by_system(const char *name) {
  static const char *const names[] = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i)
    if (strcmp(name, names[i]) == 0) return true;
  return name[0] == '.';
}

int clgen_names_of_folder(const char *path, clgen_names *out) {
  memset(out, 0, sizeof *out);
  DIR *dir = opendir(path);
  if (!dir) return clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  int code = CLGEN_OK;
  for (struct dirent *e; !code && (errno = 0, e = readdir(dir)) != NULL;)
    if (!is_by_system(e->d_name)) code = add_entry(path, e->d_name, out);
  if (!code && errno) code = clgen_fail(CLGEN_E_IO, "%s: %s", path, strerror(errno));
  closedir(dir);
  if (code)
    clgen_names_free(out);
  else
    clgen_names_sort(out);
  return code;
}

bool clgen_file_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int clgen_replace_in_name(const char *path, const char *from, const char *to, char **out) {
  *out = NULL;
  const char *slash = strrchr(path, '/'), *last = NULL;
  for (const char *p = slash ? slash : path; (p = strstr(p, from)) != NULL; ++p) last = p;
  if (!last) return CLGEN_OK;
  *out = clgen_format("%.*s%s%s", (int)(last - path), path, to, last + strlen(from));
  return *out ? CLGEN_OK : CLGEN_E_NOMEM;
}
