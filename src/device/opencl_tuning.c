/* The tuning store: what was measured on a device once, kept in a file of JSON under the cache directory. */
#include "device/opencl.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* The fingerprint as text that is sure to be valid in JSON. */
static void device_key(const clgen_cl *cl, char key[17]) {
  uint64_t hash = clgen_hash64(cl->fingerprint, strlen(cl->fingerprint), 0);
  snprintf(key, 17, "%016llx", (unsigned long long)hash);
}

/* tuning/NAME-HASH.json: the name is for people, the hash tells drivers and versions apart. */
static char *store_path(const clgen_cl *cl, char **folder) {
  char name[49], key[17];
  size_t n = 0;
  for (const char *s = cl->info.name; *s && n < sizeof name - 1; s++) {
    bool plain = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
    if (plain || (n > 0 && name[n - 1] != '-')) name[n++] = plain ? *s : '-';
  }
  name[n] = 0;
  device_key(cl, key);
  *folder = clgen_format("%s/tuning", cl->cache_dir);
  return *folder ? clgen_format("%s/%s-%s.json", *folder, name, key) : NULL;
}

/* The stored object; a fresh one when the file is absent, damaged, or for another device. */
static json_t *read_store(const clgen_cl *cl, const char *path) {
  void *data = NULL;
  size_t size = 0;
  json_t *root = NULL;
  char key[17];
  device_key(cl, key);
  if (clgen_file_read(path, (size_t)16 << 20, &data, &size) == CLGEN_OK) root = json_loadb(data, size, 0, NULL);
  free(data);
  const char *owner = json_string_value(json_object_get(root, "device"));
  if (owner && strcmp(owner, key) == 0 && json_is_object(json_object_get(root, "results"))) return root;
  json_decref(root);
  return json_pack("{s:s, s:{}}", "device", key, "results");
}

char *clgen_tuning_get(clgen_cl *cl, const char *key) {
  if (!cl->cache_dir) return NULL;
  char *folder = NULL, *path = store_path(cl, &folder), *value = NULL;
  json_t *root = path ? read_store(cl, path) : NULL;
  const char *text = json_string_value(json_object_get(json_object_get(root, "results"), key));
  if (text) value = clgen_strdup(text);
  json_decref(root);
  free(path);
  free(folder);
  return value;
}

int clgen_tuning_put(clgen_cl *cl, const char *key, const char *value) {
  if (!cl->cache_dir) return CLGEN_OK;
  char *folder = NULL, *path = store_path(cl, &folder), *text = NULL;
  json_t *root = path ? read_store(cl, path) : NULL;
  int code = CLGEN_OK;
  if (root && json_object_set_new(json_object_get(root, "results"), key, json_string(value)) == 0)
    text = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
  if (!text)
    code = clgen_fail(CLGEN_E_INVALID, "the tuning result '%s' cannot be stored as JSON", key);
  else if ((code = clgen_make_folders(folder)) == CLGEN_OK)
    code = clgen_file_write(path, text, strlen(text));
  free(text);
  json_decref(root);
  free(path);
  free(folder);
  return code;
}

char *clgen_cl_recall(const clgen_device_info *info, const clgen_device_options *options, const char *key) {
  clgen_cl cl = {.info = *info};
  if (options) cl.options = *options;
  char *value = clgen_cl_locate_cache(&cl) == CLGEN_OK ? clgen_tuning_get(&cl, key) : NULL;
  clgen_cl_leave_cache(&cl);
  return value;
}

int clgen_cl_keep(const clgen_device_info *info, const clgen_device_options *options, const char *key, const char *value) {
  clgen_cl cl = {.info = *info};
  if (options) cl.options = *options;
  int code = clgen_cl_locate_cache(&cl);
  if (code == CLGEN_OK) code = clgen_tuning_put(&cl, key, value);
  clgen_cl_leave_cache(&cl);
  return code;
}
