/* Declarations that the files of src/model share. */
#ifndef CLGEN_MODEL_INTERNAL_H
#define CLGEN_MODEL_INTERNAL_H

#include <clgen/model.h>

#include "base/base.h"

struct clgen_model {
  clgen_model_config config;
  const struct clgen_arch_row *row;
  clgen_net *nets[3]; /* G, D and E, or the VAE, or the classifier */
  clgen_model_network networks[CLGEN_MODEL_MAX_NETWORKS];
  int n_networks;
  void *plan;                /* what else the architecture knows of its networks: its blocks; free()d */
  int latent;                /* the generator's layer that takes the latent; a VAE's layers before it are its encoder */
  int mu, logvar, unflatten; /* where other parts begin, as layers: the encoder's two ends; a VAE's pictures */
  int log_scale;             /* VAE: the layer that is its scale; -1: it learns none */
  int class_head;            /* D: the layer behind its last that the class goes through; -1: there is none */
  char **class_names;        /* by class, where there are classes */
  int64_t *class_counts;
};

/* An architecture: all that the rest of the library knows of it. Parts that it has none of are NULL. */
typedef struct clgen_arch_row {
  clgen_model_kind kind;
  clgen_arch_defaults defaults;
  clgen_d_norm d_norm;                       /* of the discriminator, where nothing is said */
  unsigned d_norms;                          /* those that it can have: bits 1u << clgen_d_norm */
  bool takes_se;                             /* its blocks may have squeeze and excitation */
  unsigned conds;                            /* how it can be told a class: bits 1u << clgen_cond */
  int (*check)(const clgen_model_config *c); /* the size of the images, beyond what holds for all; NULL: any */
  int (*build)(clgen_model *m);              /* makes m's nets and says where their parts are */
  clgen_tensor *(*decode)(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass);
  clgen_tensor *(*discriminate)(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                clgen_tensor **features);
  /* What a discriminator's last layer sees of its last picture; NULL: all of it. */
  clgen_tensor *(*sum_up)(const clgen_model *m, clgen_module *b, clgen_tensor *picture, const clgen_pass *pass);
  clgen_tensor *(*classify)(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                            clgen_tensor **features);
  int (*styles)(const clgen_model *m); /* how many layers take a style */
  int (*encode)(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass, clgen_tensor **mu,
                clgen_tensor **logvar);
} clgen_arch_row;

#define CLGEN_EVERY_D_NORM (((1u << CLGEN_D_NORMS) - 1u) & ~(1u << CLGEN_D_AUTO))

#define CLGEN_ARCH_ROW(id, name, row) extern const clgen_arch_row clgen_arch_##row;
CLGEN_ARCHS(CLGEN_ARCH_ROW)
#undef CLGEN_ARCH_ROW
const clgen_arch_row *clgen_arch_row_of(clgen_arch arch);

/* Adds to a discriminator whose last layer is to come what c->minibatch says. Returns how many channels it has then (their
 * number was `channels`, at `positions` each), or a negative code. */
int clgen_model_add_minibatch(const clgen_model_config *c, clgen_net *d, int channels, int positions);

/* Parts of DCGAN, which a VAE-GAN is made of too. Convolutions that halve a picture of *channels down to 4x4, to ndf
 * channels and then to twice as many each time: *channels at the end; *index counts the names on. Negative: failed. */
int clgen_dcgan_generator(clgen_net *net, const clgen_model_config *c);
int clgen_dcgan_discriminator(clgen_model *m, clgen_net *net);
int clgen_dcgan_convolutions(clgen_net *net, const clgen_model_config *c, clgen_norm norm, int *index, int *channels);
/* Members of their defaults. */
#define CLGEN_DCGAN_DEFAULTS \
  .res = 32, .ngf = 64, .ndf = 64, .nz = 100, .hidden = 400, .batch = 64, .beta1 = 0.5, .beta2 = 0.999, .tick = 4
#define CLGEN_EVERY_COND (1u << CLGEN_COND_CONCAT | 1u << CLGEN_COND_PROJECTION | 1u << CLGEN_COND_ACGAN)
clgen_tensor *clgen_dcgan_decode(const clgen_model *m, clgen_module *b, clgen_tensor *z, const clgen_pass *pass);
clgen_tensor *clgen_dcgan_discriminate(const clgen_model *m, clgen_module *b, clgen_tensor *images, const clgen_pass *pass,
                                       clgen_tensor **features);
int clgen_dcgan_check(const clgen_model_config *c);
const char *clgen_cond_name(clgen_cond cond);
/* How many numbers are joined to a latent (and to what a VAE's encoder sees), and the joining: x (N,...) as (N,F + joined).
 */
int clgen_model_joined(const clgen_model_config *c);
clgen_tensor *clgen_model_join(const clgen_model *m, clgen_tensor *x, const clgen_pass *pass);
/* The same joining wherever a class is told, in whatever way. */
clgen_tensor *clgen_model_append_class(const clgen_model *m, clgen_tensor *x, const clgen_pass *pass);
/* How many planes are joined to a discriminator's images, and the joining. */
int clgen_model_planes(const clgen_model_config *c);
clgen_tensor *clgen_model_join_planes(const clgen_model *m, clgen_tensor *images, const clgen_pass *pass);
/* A generator's batch norm, by class where it is told in this way: clgen_module_forward_labelled takes both. */
int clgen_model_batch_norm(const clgen_model_config *c, clgen_net *net, const char *name, int64_t channels);
/* Behind a discriminator's last layer, which sees so many features: what the class goes through, if anything. */
int clgen_model_add_class_head(clgen_model *m, clgen_net *d, int64_t features);
/* That last layer, and what is added to its logits (N). */
int clgen_model_verdict_layer(const clgen_model *m);
clgen_tensor *clgen_model_project(const clgen_model *m, clgen_module *b, clgen_tensor *features, clgen_tensor *logits,
                                  const clgen_pass *pass);

/* Classes that are called by their numbers; freed by clgen_model_free. */
int clgen_model_number_classes(clgen_model *m);
void clgen_model_free_classes(clgen_model *m);
char *clgen_model_classes_to_json(const clgen_model *m); /* free() it */
int clgen_model_classes_from_json(clgen_model *m, const char *json, const char *source_name);

/* The networks of a GAN, in m->nets, or the one of another model, as m->networks. */
void clgen_model_list_gan(clgen_model *m);
void clgen_model_list_one(clgen_model *m, const char *prefix);
/* The parameter log_scale of a VAE, where it learns one: before the layers. */
int clgen_model_add_scale(clgen_model *m);

/* As a layer, which makes the biases of convolutions before it superfluous. */
clgen_norm clgen_d_norm_layer(clgen_d_norm norm);

/* ---- Carrying over (weight_transfer_match.c, weight_transfer_tensor.c) ---- */

/* The entry of `from` that serves for entry i of `to`; -1: none. image_is_last: images come out of the network. */
int clgen_weight_transfer_match(const clgen_net *to, int i, const clgen_net *from, bool image_is_last);

/* What an axis of two tensors that differ there only is counted in. */
typedef enum { CLGEN_AXIS_ROWS, CLGEN_AXIS_COLOURS_IN, CLGEN_AXIS_COLOURS_OUT } clgen_axis_kind;
typedef struct {
  clgen_axis_kind kind;
  int axis;
  int channels, channels_was; /* of colours; each has axis size / channels numbers, all of the first channel first */
} clgen_axis_change;
/* change NULL: of the same shape. mark[i] is 2 for a number that is one of from's, 1 for one made of some, else as it was;
 * mark may be NULL. */
void clgen_weight_transfer_tensor(const clgen_shape *shape, const clgen_shape *was, const clgen_axis_change *change,
                                  const float *from, float *to, uint8_t *mark);

#endif
