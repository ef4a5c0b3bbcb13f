/* What a run writes while it goes on. */
#include "train/train_internal.h"

#include <clgen/image.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long clgen_run_kimg(const clgen_run *r) { return (long)(r->step * (uint64_t)r->options.batch / 1000); }

static int write_grid(clgen_run *r, const char *path, int64_t n, bool generated) {
  const clgen_model_config *c = clgen_model_get_config(r->model);
  clgen_image grid = {0};
  int code = clgen_image_grid(&grid, r->pixels, n, c->channels, c->height, c->width, CLGEN_GRID_COLUMNS);
  if (!code) code = clgen_image_write_png(path, &grid);
  if (!code && generated && r->calls->drawn) r->calls->drawn(r->calls->user, &grid, CLGEN_GRID_COLUMNS);
  clgen_image_free(&grid);
  return code;
}

void clgen_run_grid_classes(int classes, int of_image[CLGEN_GRID_IMAGES]) {
  const int rows = CLGEN_GRID_IMAGES / CLGEN_GRID_COLUMNS;
  for (int i = 0; i < CLGEN_GRID_IMAGES; ++i)
    of_image[i] = classes <= rows ? i / CLGEN_GRID_COLUMNS * classes / rows : i * classes / CLGEN_GRID_IMAGES;
}

/* The next image at or behind *position that is of the class; -1: there is none. */
static int64_t next_real(const clgen_run *r, int klass, uint64_t *position) {
  for (int64_t tried = 0; tried < clgen_dataset_get_info(r->data)->count; ++tried) {
    int64_t index = clgen_sampler_index(r->sampler, (*position)++);
    if (klass < 0 || clgen_dataset_label(r->data, index) == klass) return index;
  }
  return -1;
}

int clgen_run_write_reals(clgen_run *r) {
  char path[CLGEN_PATH_TEXT];
  const clgen_dataset_info *i = clgen_dataset_get_info(r->data);
  size_t image = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
  int64_t n = i->count < CLGEN_GRID_IMAGES ? i->count : CLGEN_GRID_IMAGES;
  uint64_t position = 0;
  for (int64_t k = 0; k < n; ++k) {
    if (r->classes && k && r->classes[k] != r->classes[k - 1]) position = 0;
    int64_t index = next_real(r, r->classes ? r->classes[k] : -1, &position);
    if (index >= 0)
      memcpy(r->pixels + (size_t)k * image, clgen_dataset_image(r->data, index), image);
    else
      memset(r->pixels + (size_t)k * image, 0, image);
  }
  clgen_run_dir_file(&r->dir, "reals.png", -1, "", path);
  return write_grid(r, path, n, false);
}

int clgen_run_write_fakes(clgen_run *r, const char *path) {
  if (!r->generator) return CLGEN_OK;
  int code = clgen_generator_run(r->generator, CLGEN_GRID_IMAGES, r->latents, r->classes, r->pixels);
  return code ? code : write_grid(r, path, CLGEN_GRID_IMAGES, true);
}

/* The two newest that are not newer than `kimg` stay: one would do, but may be what a person wants to go back to. */
static void remove_old_states(const clgen_run *r, long kimg) {
  long numbers[256];
  int n = clgen_run_dir_numbers(&r->dir, CLGEN_STATE_PREFIX, CLGEN_SAFETENSORS, numbers, 256), older = 0;
  for (int i = n - 1; i >= 0; --i) {
    char path[CLGEN_PATH_TEXT];
    if (numbers[i] > kimg || older++ < 2) continue;
    clgen_run_dir_file(&r->dir, CLGEN_STATE_PREFIX, numbers[i], CLGEN_SAFETENSORS, path);
    unlink(path);
  }
}

static int save_network(clgen_run *r, const char *path) {
  char step[32], images[32];
  snprintf(step, sizeof step, "%llu", (unsigned long long)r->step);
  snprintf(images, sizeof images, "%llu", (unsigned long long)(r->step * (uint64_t)r->options.batch));
  const clgen_st_meta meta[] = {{"clgen.step", step},
                                {"clgen.images", images},
                                {"clgen.training", r->course},
                                {"clgen.data", r->fingerprint},
                                {"clgen.device", clgen_device_get_info(r->device)->name}};
  return clgen_model_save(r->model, r->store, r->step, path, meta, CLGEN_COUNT(meta));
}

/* The state first, which is all that going on needs, and the network last: where it is not there or of another step, going
 * on writes all of them again. */
int clgen_run_save(clgen_run *r) {
  char state[CLGEN_PATH_TEXT], snapshot[CLGEN_PATH_TEXT], fakes[CLGEN_PATH_TEXT];
  long kimg = clgen_run_kimg(r);
  clgen_run_dir_file(&r->dir, CLGEN_STATE_PREFIX, kimg, CLGEN_SAFETENSORS, state);
  clgen_run_dir_file(&r->dir, CLGEN_SNAPSHOT_PREFIX, kimg, CLGEN_SAFETENSORS, snapshot);
  clgen_run_dir_file(&r->dir, "fakes", kimg, ".png", fakes);
  int code = clgen_run_save_state(r, state);
  if (!code) code = clgen_run_write_fakes(r, fakes);
  if (!code && r->generator) snprintf(r->result->fakes, sizeof r->result->fakes, "%s", fakes);
  if (!code) code = save_network(r, snapshot);
  if (!code) snprintf(r->result->snapshot, sizeof r->result->snapshot, "%s", snapshot);
  if (!code) remove_old_states(r, kimg);
  return code;
}
