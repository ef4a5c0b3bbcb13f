/* Files of arrays, as datasets. */
#include <clgen/data.h>
#include <clgen/npy.h>
#include <string.h>
#include <unistd.h>

#include "data/data_internal.h"
#include "fuzz.h"

static void dataset(const char *path, const clgen_dataset_options *options) {
  clgen_dataset *ds;
  if (clgen_dataset_open(&ds, path, options) != CLGEN_OK) return;
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  const size_t bytes = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
  fuzz_look_at(clgen_dataset_image(ds, 0), bytes * (size_t)info->count);
  for (int64_t i = 0; i < info->count; ++i) {
    const int label = clgen_dataset_label(ds, i);
    if (label >= 0) fuzz_look_at(clgen_dataset_class_name(ds, label), 1);
  }
  clgen_dataset_close(ds);
}

/* All that a file of images goes through: as it is, and as part of it in another size and other channels. */
static void datasets(const char *path) {
  dataset(path, NULL);
  dataset(path, &(clgen_dataset_options){.channels = 3, .subset = 2, .seed = 1, .classes = "0-2"});
}

/* Two files: the first two bytes are the length of the labels, which follow; the rest are the images. */
void fuzz_idx(const uint8_t *data, size_t size) {
  size_t labels = size < 2 ? 0 : data[0] | (size_t)data[1] << 8;
  if (size < 2) return;
  data += 2, size -= 2;
  if (labels > size) labels = size;
  const char *path = fuzz_file("labels-idx1-ubyte", data, labels);
  if (!labels) unlink(path);
  datasets(fuzz_file("images-idx3-ubyte", data + labels, size - labels));
}

void fuzz_cifar(const uint8_t *data, size_t size) { datasets(fuzz_file("data_batch_1.bin", data, size)); }
void fuzz_npz(const uint8_t *data, size_t size) { datasets(fuzz_file("input.npz", data, size)); }

void fuzz_npy(const uint8_t *data, size_t size) {
  clgen_npy a;
  if (clgen_npy_read_memory(&a, data, size, "input") == CLGEN_OK) {
    fuzz_look_at(a.data, (size_t)a.count * clgen_npy_type_size(a.type));
    (void)clgen_npy_to_f32(&a);
    clgen_npy_free(&a);
  }
  datasets(fuzz_file("input.npy", data, size));
}

/* ---- Classes of pictures ---- */

static void labels(const char *file, const uint8_t *data, size_t size) {
  static char *names[] = {"a.png", "b.jpg", "c/", "d"};
  char *sorted[] = {(char *)(uintptr_t)file, names[0], names[1], names[2], names[3]};
  clgen_labels l;
  clgen_names files = {.at = sorted, .n = CLGEN_COUNT(sorted)};
  clgen_names_sort(&files);
  fuzz_file(file, data, size);
  if (clgen_labels_read(&l, fuzz_folder(), &files) == CLGEN_OK) {
    for (size_t i = 0; i < l.n; ++i) {
      const clgen_file_class *c = clgen_labels_find(&l, l.at[i].file);
      const int label = c ? clgen_labels_class(&l, c->name) : -1;
      if (label < 0 || label >= l.count) __builtin_trap(); /* what was numbered is found */
    }
    (void)clgen_labels_find(&l, "./a.png");
  }
  clgen_labels_free(&l);
}

void fuzz_labels_csv(const uint8_t *data, size_t size) { labels("labels.csv", data, size); }
void fuzz_dataset_json(const uint8_t *data, size_t size) { labels("dataset.json", data, size); }
