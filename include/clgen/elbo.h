/* Evaluates a VAE by the ELBO, on which it was trained, and by the importance-weighted bound, which is tighter. */
#ifndef CLGEN_ELBO_H
#define CLGEN_ELBO_H

#include <stdint.h>

#include <clgen/data.h>
#include <clgen/graph.h>
#include <clgen/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nats per image, lower is better. */
typedef struct {
  int64_t images;
  double negative_elbo, standard_error; /* mean over images, and the standard error of this mean */
  double reconstruction, kl; /* its two terms: -log p(image | z), by the model's likelihood, and KL(q(z | image) || p(z)) */
} clgen_elbo;

/* The negative evidence lower bound (Kingma & Welling 2013) with one sample of z per image, a function of (seed, the image's
 * index). Under a Bernoulli likelihood pixels are read as probabilities, byte / 255, as PyTorch's example does; a Gaussian's
 * is a density of byte / 255, so that its bound may be negative; a logistic's is of the 256 bytes. The model's networks are
 * in the store, and the data must have the model's size and channels (CLGEN_E_INVALID). `progress` may be NULL. */
int clgen_elbo_measure(const clgen_model *m, clgen_store *store, const clgen_dataset *data, uint64_t seed,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user, clgen_elbo *out);

/* Nats an image, lower is better. */
typedef struct {
  int64_t images;
  int samples;                           /* an image */
  double negative_bound, standard_error; /* mean over images, and its error from their spread */
} clgen_iwae;

/* Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, equation 8: the mean of -log of the mean of
 * `samples` importance weights p(image, z) / q(z | image). Never above the negative ELBO in expectation, and nearer to
 * -log p(image) with more samples. Otherwise as clgen_elbo_measure; at most 1e6 samples. */
int clgen_iwae_measure(const clgen_model *m, clgen_store *store, const clgen_dataset *data, int samples, uint64_t seed,
                       void (*progress)(void *user, int64_t done, int64_t total), void *user, clgen_iwae *out);

/* Makes the store count the memory that both bounds take; allocates and runs nothing. */
int clgen_elbo_plan(const clgen_model *m, clgen_store *store);

#ifdef __cplusplus
}
#endif
#endif
