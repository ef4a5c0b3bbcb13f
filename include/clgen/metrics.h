/* The formulas of the metrics. All functions work on plain arrays: features float (n, d), class probabilities float
 * (n, classes), images as bytes (one plane after another). The caller provides the features and must name them with each
 * value: values from different features must not be compared.
 *
 * All sums are in double. Everything random is a function of a seed. The value of a metric for perfect fakes is not 0. To
 * know this floor, call the metric with two halves of the reals (clgen_split_halves), each as large as the evaluated sets.
 */
#ifndef CLGEN_METRICS_H
#define CLGEN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An estimate. low and high bound a 95% confidence interval; they and se (standard error) are NaN if the method gives
 * none. */
typedef struct {
  double value, se, low, high;
  char warning[224]; /* why the value is not reliable; "" with enough samples */
} clgen_estimate;

/* n points of dimension d, row after row: floats (features) or bytes (pixels); exactly one of the two pointers is set. */
typedef struct {
  const float *floats;
  const uint8_t *bytes;
  int64_t n;
  int64_t d;
} clgen_points;

/* All calls below fail with CLGEN_E_INVALID (a size that makes no sense: fewer than 2 points, differing dimensions, k not
 * below n, ...), CLGEN_E_NONFINITE (a NaN or an infinity in the input; the message names its row) or CLGEN_E_NOMEM. */

/* ---- Choosing ---------------------------------------------------------------------------------------------------- */

/* A permutation of 0 .. n-1 by seed. */
int clgen_permutation(uint64_t seed, int64_t n, int64_t *order);
/* The same, to be read as two halves: order[0 .. n/2) and order[n/2 .. n). */
int clgen_split_halves(uint64_t seed, int64_t n, int64_t *order);
/* out[i] = rows[order[i]], rows of row_bytes each. */
void clgen_gather_rows(const void *rows, size_t row_bytes, const int64_t *order, int64_t n, void *out);

/* ---- Fréchet distance (FID) -------------------------------------------------------------------------------------- */

/* Mean and covariance of a stream of features, in double. With groups > 1 each row also counts to one of the groups, and the
 * distance gets a standard error by the delete-a-group jackknife, for memory of groups * d * d * 8 bytes (10 groups do); 1
 * is without. The sums are the same bits however the rows are divided over the calls. d at most 16384. */
typedef struct clgen_moments clgen_moments;
int clgen_moments_create(clgen_moments **out, int64_t d, int groups);
void clgen_moments_free(clgen_moments *m);
/* A row that is not finite is an error, and none of the rows of that call is counted. */
int clgen_moments_add(clgen_moments *m, const float *features, int64_t n);
int64_t clgen_moments_count(const clgen_moments *m);
/* mean (d), covariance (d, d) with n-1 below the line; either may be NULL. Needs 2 rows. */
int clgen_moments_get(const clgen_moments *m, double *mean, double *covariance);

/* Heusel et al., "GANs trained by a two time-scale update rule", NIPS 2017: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)); the
 * trace of the root is the sum of the roots of the eigenvalues of S1^(1/2) S2 S1^(1/2), of which at most min(n1, n2, d + 1)
 * - 1 are not zero. Warns below 2 d samples in either set: the distance is then mostly the bias of too small samples, which
 * falls like 1/n. CLGEN_E_UNSUPPORTED in a build without LAPACK; CLGEN_E_NONFINITE when LAPACK finds no eigenvalues. */
int clgen_fid(const clgen_moments *real, const clgen_moments *fake, clgen_estimate *out);

/* ---- Kernel distance (KID) --------------------------------------------------------------------------------------- */

typedef struct {
  clgen_estimate estimate; /* the mean over the subsets; se is that of the mean at the full sample size, by subsampling
                            * (Politis & Romano 1994): std^2 m/(n-m) + std^2/subsets */
  double std;              /* over the subsets, as papers print it */
  int64_t size;            /* of a subset: as asked, or half the smaller set where that has no more points than was asked */
} clgen_kid_result;

/* Binkowski et al., "Demystifying MMD GANs", ICLR 2018: the unbiased MMD^2 with the kernel (x.y/d + 1)^3, over `subsets`
 * subsets of `size` points without replacement (0: 100 of 1000). Floats only. */
int clgen_kid(const clgen_points *real, const clgen_points *fake, int subsets, int64_t size, uint64_t seed,
              clgen_kid_result *out);

/* ---- Inception Score --------------------------------------------------------------------------------------------- */

typedef struct {
  clgen_estimate estimate; /* the mean over the splits; se is that of a mean of them */
  double std;              /* over the splits (divided by their number, as papers print it) */
} clgen_inception_result;

/* Salimans et al., "Improved techniques for training GANs", NIPS 2016: exp(E KL(p(y|x) || p(y))) in `splits` (0: 10) parts
 * of the rows, which are shuffled by seed, since many sets come sorted by class. Rows have to be probabilities: not
 * negative, summing to 1 within 1e-3. Warns when a part has fewer than 5 rows per class. */
int clgen_inception_score(const float *probabilities, int64_t n, int64_t classes, int splits, uint64_t seed,
                          clgen_inception_result *out);

/* ---- Classes -------------------------------------------------------------------------------------------------------- */

/* Shmelkov, Schmid, Alahari, "How good is my GAN?", ECCV 2018 (GAN-test): the share of rows of probabilities (n,classes)
 * where labels[i] is the most probable, with Wilson's interval. A label below 0 is never right. */
int clgen_class_accuracy(const float *probabilities, const int *labels, int64_t n, int64_t classes, clgen_estimate *out);

/* ---- Precision, recall, density, coverage ------------------------------------------------------------------------ */

typedef struct {
  int k;
  clgen_estimate precision, recall, density, coverage;
} clgen_prdc_result;

/* Precision and recall: Kynkäänniemi et al., "Improved precision and recall metric", NeurIPS 2019 (a point on the sphere is
 * inside). Density and coverage: Naeem et al., "Reliable fidelity and diversity metrics", ICML 2020 (a point on the sphere
 * is outside, as in the authors' code). The radii are the distances to the k-th nearest other point of the same set. One
 * pass for n_k values of k: out[i] for ks[i], each 1 .. 64. Intervals: Wilson's for shares, normal for density; they count
 * the points that are judged as random and the spheres as given. Warns with fewer than 200 k points, or sets whose sizes
 * differ by more than a factor of 2 (recall, coverage). */
int clgen_prdc(const clgen_points *real, const clgen_points *fake, const int *ks, int n_k, clgen_prdc_result *out);

/* ---- Statistically different bins -------------------------------------------------------------------------------- */

typedef struct {
  int bins;             /* as asked; 0: 100 */
  double significance;  /* of the z-test; 0: 0.05 */
  clgen_estimate ndb;   /* bins whose shares differ; the interval is binomial over bins. significance * bins is chance */
  clgen_estimate share; /* ndb / bins */
  clgen_estimate jsd;   /* Jensen-Shannon divergence of the shares, natural logarithm; se by 200 bootstraps by seed */
} clgen_ndb_result;

/* Richardson & Weiss, "On GANs and GMMs", NeurIPS 2018: the reals are clustered (k-means++ by seed, then Lloyd's iteration,
 * at most 100 rounds), the fakes assigned to the nearest centre, and each bin's two shares compared by a two-sided z-test of
 * two proportions. counts, unless NULL, gets (2, bins): reals, fakes. `bins` and `significance` of *out are read first (0:
 * the defaults). Warns with fewer than 10 points a bin in either set. */
int clgen_ndb(const clgen_points *real, const clgen_points *fake, uint64_t seed, clgen_ndb_result *out, int64_t *counts);

/* ---- MS-SSIM ----------------------------------------------------------------------------------------------------- */

/* Wang, Simoncelli, Bovik, "Multiscale structural similarity", Asilomar 2003, of two images of bytes, range 255: window 11,
 * sigma 1.5, K = 0.01 and 0.03, only where the window is wholly inside; halving by the mean of 2x2 (the last row or column
 * of an odd size counts twice). The number of scales, up to 5, is the largest at which the coarsest image is still at least
 * 11 pixels high and wide (32x32: 2; 176x176: 5), and the exponents are divided by their sum. Images below 11 pixels get one
 * scale and the largest odd window that fits, sigma in proportion. A negative term counts as 0. Channels are averaged. */
int clgen_ms_ssim(const uint8_t *a, const uint8_t *b, int channels, int height, int width, double *out);
int clgen_ms_ssim_scales(int height, int width);
/* The mean over random pairs of different images (Odena et al. 2017): the lower, the more varied. pairs 0: 5000. Images (n,
 * channels, height, width). Compare with the reals' own. Warns below 100 pairs or 50 images. */
int clgen_ms_ssim_diversity(const uint8_t *images, int64_t n, int channels, int height, int width, int64_t pairs,
                            uint64_t seed, clgen_estimate *out);

/* ---- Duplicates -------------------------------------------------------------------------------------------------- */

typedef struct {
  int64_t i, j; /* i < j */
  double distance;
} clgen_pair;

typedef struct {
  double threshold;                      /* pairs no farther apart are duplicates */
  int64_t real_pairs, fake_pairs;        /* how many there are */
  clgen_estimate real_share, fake_share; /* of images that have a duplicate in their set */
  clgen_estimate real_rate, fake_rate;   /* share of all pairs = the chance that two images are duplicates */
  clgen_estimate support; /* 1 / fake_rate: how many different images there seem to be. Without a duplicate it is infinite,
                           * and low is pairs / 3 ("rule of three") */
  double birthday;        /* so many images hold a duplicate with probability 1/2: sqrt(2 ln 2 support) */
} clgen_duplicates_result;

/* The birthday test: Arora & Zhang, "Do GANs actually learn the distribution?", 2017. There a person judges the closest
 * pairs; here duplicates are pairs closer than the `quantile` (0: 0.01; linear between ranks) of the reals' distances to
 * their own nearest neighbours. closest, unless NULL, gets the n_closest (at most 1024) closest pairs of fakes, closest
 * first (n_closest at most the number of pairs). Compare sets of one size: shares grow with n, rates do not. Warns below 100
 * fakes or reals. */
int clgen_duplicates(const clgen_points *real, const clgen_points *fake, double quantile, clgen_pair *closest, int n_closest,
                     clgen_duplicates_result *out);

/* ---- Memorisation ------------------------------------------------------------------------------------------------ */

typedef struct {
  clgen_estimate authentic; /* share of fakes farther from their nearest training image than that is from its own nearest:
                             * Alaa et al., "How faithful is your synthetic data?", ICML 2022, section 3.2. 0.4 to 0.6 for
                             * new images of the same kind, 0 for copies */
  clgen_estimate ratio;     /* median of those two distances' ratio; interval by ranks, no se */
  clgen_estimate copying;   /* with held-out images: chance that a fake is nearer to the training set than a held-out one is
                             * (ties half), Meehan et al. 2020; 1/2 for no copying; se of DeLong et al. 1988. Else NaN */
  int64_t exact;            /* fakes at distance 0 from a training image */
} clgen_memorisation_result;

/* For each fake the nearest training image and its distance (either array may be NULL, each is fakes->n long). held_out may
 * be NULL. Warns below 100 fakes. */
int clgen_memorisation(const clgen_points *train, const clgen_points *fake, const clgen_points *held_out, int64_t *nearest,
                       double *distance, clgen_memorisation_result *out);

#ifdef __cplusplus
}
#endif
#endif
