/* Features of images: the output of a classifier's last hidden layer, or of any layer of a network that a file describes,
 * and the class probabilities. All metrics of features use this code, so reals and fakes are processed in the same way. */
#ifndef CLGEN_FEATURES_H
#define CLGEN_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include <clgen/data.h>
#include <clgen/graph.h>
#include <clgen/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n images of one size: channels x height x width bytes each, planes one after another. */
typedef struct {
  const uint8_t *pixels;
  int64_t n;
  int channels, height, width;
} clgen_images;

/* All images of a dataset, which must outlive what uses them. */
clgen_images clgen_images_of(const clgen_dataset *ds);
/* The classes of images first .. first + n - 1 in a model's numbering: classes meet by name. CLGEN_E_INVALID where the model
 * has no such class. */
int clgen_classes_of_images(const clgen_model *m, const clgen_dataset *ds, int64_t first, int64_t n, int *classes);

typedef struct {
  /* To be said beside every figure: what the file's description says, or the file's name without its extension, or that of
   * its run's folder. */
  const char *name;
  const char *path;            /* "" when made from a model in memory */
  int channels, height, width; /* of its input; other images are converted */
  int64_t dim;
  int classes; /* 0: it has no class logits */
} clgen_features_info;

typedef struct clgen_features clgen_features;
/* Of a classifier whose network is in the store; both must outlive it. `batch` images at a time. */
int clgen_features_create(clgen_features **out, const clgen_model *m, clgen_store *store, int64_t batch);
/* From a safetensors file, on a device that must outlive it. What is wrong with it is CLGEN_E_FORMAT with the file's name,
 * and the layer's where it is one's fault.
 *
 * With metadata "clgen.features" it is a network of any architecture, described as in docs/features.md. Where `batch` images
 * need more than 1 GiB beside the weights, fewer are looked at at a time.
 *
 * With metadata "clgen.cfg" it is what `clgen train --cfg classifier` writes, a JSON object
 *   {"arch":"classifier","channels":C,"height":H,"width":W,"ndf":F,"hidden":D,"classes":K}
 * and these float tensors, as PyTorch lays them out: for i = 1, 2, ... while both sides are at least 6 pixels, halving each
 * time: convI.weight (out, in, 4, 4), stride 2, padding 1, no bias, the first out being F and then twice the last, at most
 * 8 F; bnI.weight, .bias, .running_mean, .running_var (out); ReLU. Then fc1.weight (D, what is left), fc1.bias, ReLU: the
 * features; fc2.weight (K, D), fc2.bias: the logits. Pixels are byte / 255. */
int clgen_features_open(clgen_features **out, clgen_device *device, const char *path, int64_t batch);
/* The memory that clgen_features_open and a run would need on the device; allocates nothing there. */
int clgen_features_memory(clgen_device *device, const char *path, int64_t batch, clgen_memory *out);
void clgen_features_free(clgen_features *f);
const clgen_features_info *clgen_features_get_info(const clgen_features *f);
/* The index of a class by its name; -1: no such class. */
int clgen_features_find_class(const clgen_features *f, const char *name);
const clgen_program_info *clgen_features_program(const clgen_features *f);
/* Features (n,dim) and probabilities (n,classes), either may be NULL, and nothing is written to the latter where there are
 * no classes. Images of other channels or another size are converted (alpha on black, grey by luma) and resized (bicubic,
 * antialiased) as bytes first. `progress` may be NULL. */
int clgen_features_run(clgen_features *f, const clgen_images *images, float *features, float *probabilities,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user);

/* Image `index` as channels x height x width bytes: converted (alpha on black, grey by luma) and resized (bicubic,
 * antialiased) where it is not so yet. */
int clgen_images_fit(const clgen_images *images, int64_t index, int channels, int height, int width, uint8_t *out);

/* The file of a feature network that comes with clgen ("mnist-cnn"): free(*path). It is looked for in $CLGEN_DATA_DIR, in
 * ../models and ../share/clgen/models beside the running program's folder, and where clgen was installed. CLGEN_E_NOTFOUND
 * says where it was looked for. */
int clgen_features_find(char **path, const char *name);

#ifdef __cplusplus
}
#endif
#endif
