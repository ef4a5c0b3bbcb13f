/* What the files of this room share. */
#ifndef CLGEN_MODEL_INTERNAL_H
#define CLGEN_MODEL_INTERNAL_H

#include <clgen/model.h>

#include "base/base.h"

struct clgen_model {
  clgen_model_config config;
  clgen_net *nets[2]; /* G and D, or the VAE, or the classifier */
  clgen_model_network networks[3];
  int n_networks;
  int encoder, mu, logvar, decoder, unflatten; /* VAE: where its parts begin, as layers */
  int last;                                    /* classifier: its last layer */
};

int clgen_dcgan_build(clgen_model *m);
int clgen_vae_build(clgen_model *m);
int clgen_classifier_build(clgen_model *m);

#endif
