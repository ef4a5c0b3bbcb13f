/* --cfg auto: rules that choose options from facts about the data and the device. Each choice has its reason. */
#include "adapt/adapt_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* GFLOP per image of a DCGAN's training step with ngf 64, at 32x32 and at 64x64, as counted from the compiled steps. The
 * cost is proportional to the square of ngf. */
#define GFLOP_BASE 0.38
#define GFLOP_64 1.7
/* Bytes of intermediate results per image, for the same two networks (the peaks of the memory plans). */
#define BYTES_BASE 1.3e6
#define BYTES_64 5e6
/* A step's GFLOP/s divided by those of a large matrix product: docs/performance.md. */
#define SHARE_OF_GEMM 0.6
#define LEAST_KIMG 60
#define MOST_EPOCHS 400
#define LITTLE_DIVERSITY 0.1
/* Thresholds for clgen_auto_facts.mirrored and so on, below which a transformation preserves the distribution of the data.
 * Handwritten digits have 1.39 (mirrored), 1.54 (turned) and 4.4 (negative); drawn symbols 1.03, 1.11 and 1.48. The
 * threshold for rotations is stricter, because a rotation changes the meaning of a picture more often. */
#define PRESERVES 1.1
#define SURELY_PRESERVES 1.05

static void because(clgen_auto_choice *c, const char *option, const char *value, const char *reason, ...) {
  if (c->n == CLGEN_AUTO_OPTIONS) return;
  clgen_auto_option *r = &c->option[c->n++];
  snprintf(r->name, sizeof r->name, "%s", option);
  snprintf(r->value, sizeof r->value, "%s", value);
  va_list args;
  va_start(args, reason);
  clgen_vsnprintf(r->why, sizeof r->why, reason, args);
  va_end(args);
}

static void because_number(clgen_auto_choice *c, const char *option, double value, const char *why) {
  char text[32];
  clgen_snprintf(text, sizeof text, "%g", value);
  because(c, option, text, "%s", why);
}

static double images_per_s(const clgen_auto_facts *f, int res, int width) {
  double gflop = (res > 32 ? GFLOP_64 : GFLOP_BASE) * width * width / 4096.0;
  return SHARE_OF_GEMM * f->gflops / gflop;
}

static void choose_size(const clgen_auto_facts *f, clgen_auto_choice *c) {
  char why[160];
  int side = f->width < f->height ? f->width : f->height;
  c->res = f->res ? f->res : side >= 48 ? 64 : 32;
  snprintf(why, sizeof why, "the smallest picture is %dx%d", f->width, f->height);
  if (!f->res) because_number(c, "res", c->res, why);
  c->channels = f->channels ? f->channels : f->grey ? 1 : 3;
  if (!f->channels)
    because_number(c, "channels", c->channels, f->grey ? "all pictures are grey" : "the pictures are coloured");
}

/* The largest ngf with which 2 LEAST_KIMG can be trained in the given time. */
static void choose_width(const clgen_auto_facts *f, clgen_auto_choice *c) {
  char why[160];
  c->ngf = f->ngf ? f->ngf : 64;
  while (!f->ngf && c->ngf > 16 && images_per_s(f, c->res, c->ngf) * f->seconds < 2000.0 * LEAST_KIMG) c->ngf /= 2;
  double rate = images_per_s(f, c->res, c->ngf);
  clgen_snprintf(why, sizeof why, "about %.0f images/s with this number of channels, at %.0f GFLOP/s", rate, f->gflops);
  if (!f->ngf) because_number(c, "ngf", c->ngf, why);
}

static void choose_batch(const clgen_auto_facts *f, clgen_auto_choice *c) {
  char why[160];
  double each = (c->res > 32 ? BYTES_64 : BYTES_BASE) * c->ngf / 64.0;
  c->batch = f->batch ? f->batch : f->images < 1000 ? 32 : 64;
  const char *first = f->images < 1000 ? "small, so that an epoch of few images has many steps"
                                       : "half of the batch size of the DCGAN paper";
  while (!f->batch && c->batch > 8 && each * (double)c->batch > 0.5 * (double)f->memory) c->batch /= 2;
  clgen_snprintf(why, sizeof why, "%s; needs about %.0f MiB of the device's %.0f MiB", first,
                 each * (double)c->batch / 1048576, (double)f->memory / 1048576);
  if (!f->batch) because_number(c, "batch", (double)c->batch, why);
}

static bool is_near(double ratio, double least_far) { return ratio > 0 && ratio < least_far; }

/* Chooses transformations that preserve the distribution of the data. ADA may apply them with a high probability. Others
 * could leak into the generator's images: a mirrored 5. */
static void choose_augmentation(const clgen_auto_facts *f, clgen_auto_choice *c) {
  const bool flip = is_near(f->mirrored, PRESERVES), turn = is_near(f->turned, SURELY_PRESERVES),
             negate = is_near(f->negative, PRESERVES);
  char list[CLGEN_AUTO_VALUE];
  snprintf(list, sizeof list, "%s%sxint,scale,aniso,xfrac,brightness,contrast%s%s", flip ? "xflip," : "",
           turn ? "rotate90,rotate," : "", negate ? ",lumaflip" : "", c->channels >= 3 ? ",hue,saturation" : "");
  because(c, "augment", list,
          "distance to the nearest other picture: mirrored %.2f times the original's, rotated %.2f times, negative %.2f "
          "times",
          f->mirrored, f->turned, f->negative);
}

/* Against an overfitted discriminator and mode collapse. */
static void choose_against_collapse(const clgen_auto_facts *f, clgen_auto_choice *c) {
  const bool few = f->images < CLGEN_AUTO_FEW;
  if (f->diversity < LITTLE_DIVERSITY)
    because(c, "reg", "mbstd", "pictures differ little; mbstd helps against mode collapse");
  if (few)
    because(c, "adapt", "ada,guard", "ada: a discriminator overfits %lld images; guard: against mode collapse",
            (long long)f->images);
  else
    because(c, "adapt", "guard", "against mode collapse");
  if (few) choose_augmentation(f, c);
  because_number(c, "lr", 1e-3, "with batch norm in both networks training is stable at five times the DCGAN paper's rate");
}

static void choose_budget(const clgen_auto_facts *f, clgen_auto_choice *c) {
  char why[160];
  double in_time = images_per_s(f, c->res, c->ngf) * f->seconds / 1000, enough = (double)f->images * MOST_EPOCHS / 1000;
  double kimg = floor(in_time < enough ? in_time : enough);
  c->kimg = f->kimg ? f->kimg : (int64_t)(kimg < LEAST_KIMG ? LEAST_KIMG : kimg);
  if (enough < in_time)
    snprintf(why, sizeof why, "%d epochs are enough", MOST_EPOCHS);
  else if (kimg < LEAST_KIMG)
    clgen_snprintf(why, sizeof why, "less training gives no recognisable images; about %.0f minutes on this device",
                   LEAST_KIMG * f->seconds / in_time / 60);
  else
    clgen_snprintf(why, sizeof why, "about %.0f minutes on this device", f->seconds / 60);
  if (!f->kimg) because_number(c, "kimg", (double)c->kimg, why);
}

/* As the configuration "auto" in the code of Karras et al. 2020: proportional to the number of pixels, and to 1 / batch. */
double clgen_auto_r1_gamma(int res, int64_t batch) { return 0.0002 * res * res / (double)batch; }

void clgen_auto_choose(const clgen_auto_facts *f, clgen_auto_choice *out) {
  *out = (clgen_auto_choice){0};
  choose_size(f, out);
  choose_width(f, out);
  choose_batch(f, out);
  choose_against_collapse(f, out);
  choose_budget(f, out);
}
