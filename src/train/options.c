/* The options of a training run: their table, and what they are when not said. */
#include "train/train_internal.h"

#include <clgen/image.h>

#include <string.h>

#define AT(member) offsetof(clgen_train_options, member)

static const clgen_option rows[] = {
    {"data", 0, CLGEN_OPTION_STRING, AT(data), "", 0, 0, NULL, "SRC", CLGEN_OPTIONS_BASIC,
     "training images: a folder of PNG and JPEG files, IDX (MNIST), CIFAR-10, NPY or NPZ"},
    {"res", 0, CLGEN_OPTION_INT, AT(res), "0", 0, 4096, NULL, "N", CLGEN_OPTIONS_BASIC,
     "resize images to N x N pixels; 0: 32 for GANs, else the size of the data"},
    {"channels", 0, CLGEN_OPTION_INT, AT(channels), "0", 0, 4, NULL, "N", "Data",
     "1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; 0: the channels of the data, without alpha"},
    {"background", 0, CLGEN_OPTION_STRING, AT(background), "000000", 0, 0, NULL, "RRGGBB", "Data",
     "colour behind transparent pixels"},
    {"classes", 0, CLGEN_OPTION_STRING, AT(classes), "", 0, 0, NULL, "LIST", "Data",
     "train on these classes only: numbers, ranges and names with commas, as 0-4,7; default: all"},
    {"subset", 0, CLGEN_OPTION_INT, AT(subset), "0", 0, 1e15, NULL, "N", "Data",
     "train on a random subset of N images, chosen by --seed; 0: all"},
    {"validation", 0, CLGEN_OPTION_INT, AT(validation), "0", 0, 1e15, NULL, "N", "Data",
     "hold out N random images as a validation set; they are never trained on; --ada-by rv uses them"},
    {"strict", 0, CLGEN_OPTION_FLAG, AT(strict), "no", 0, 0, NULL, NULL, "Data",
     "fail when a file cannot be read, instead of skipping it"},
    {"cfg", 0, CLGEN_OPTION_CHOICE, AT(cfg), "dcgan", 0, 0, "auto" CLGEN_ARCHS(CLGEN_ARCH_CHOICE), "NAME",
     CLGEN_OPTIONS_BASIC, "network; auto: a dcgan with options chosen for the data and the device"},
    {"ngf", 0, CLGEN_OPTION_INT, AT(ngf), "0", 0, 65536, NULL, "N", "Model",
     "channels of the generator's last hidden layer; 0: style and VAEs 32, others 64"},
    {"ndf", 0, CLGEN_OPTION_INT, AT(ndf), "0", 0, 65536, NULL, "N", "Model",
     "channels of the discriminator's first layer; 0: same as --ngf, classifier 16"},
    {"nz", 0, CLGEN_OPTION_INT, AT(nz), "0", 0, 65536, NULL, "N", "Model",
     "size of the latent vector; 0: dcgan 100, resnet and style 128, VAEs 20"},
    {"hidden", 0, CLGEN_OPTION_INT, AT(hidden), "0", 0, 1048576, NULL, "N", "Model",
     "width of vae-mlp's hidden layers, or number of features of a classifier; 0: vae-mlp 400, classifier 64"},
    {"mapping-layers", 0, CLGEN_OPTION_INT, AT(mapping_layers), "0", 0, 64, NULL, "N", "Model",
     "layers of the mapping network of --cfg style, from latents to styles; 0: 4"},
    {"se", 0, CLGEN_OPTION_FLAG, AT(se), "no", 0, 0, NULL, NULL, "Model",
     "squeeze-and-excitation in the residual blocks of resnet and vae-res"},
    {"init", 0, CLGEN_OPTION_STRING, AT(init), "", 0, 0, NULL, "NETWORK", "Transfer learning",
     "fine-tune this trained network: a snapshot or a run's folder; its --cfg, --ngf, --ndf, --nz, --hidden, "
     "--mapping-layers, --se, --d-norm and, for GANs, --res are used unless given"},
    {"freeze", 0, CLGEN_OPTION_STRING, AT(freeze), "", 0, 0, NULL, "LIST", "Transfer learning",
     "do not train these parameters: patterns of layer or tensor names as in snapshots, with commas: 'D.0,G.3.*'"},
    {"freezed", 0, CLGEN_OPTION_INT, AT(freezed), "0", 0, 1000, NULL, "N", "Transfer learning",
     "do not train the first N layers of the discriminator, counted from the image (FreezeD)"},
    {"lr-old", 0, CLGEN_OPTION_REAL, AT(lr_old), "1", 0, 1e9, NULL, "X", "Transfer learning",
     "learning rate of transferred parameters, as a multiple of the rate of new ones"},
    {"l2-sp", 0, CLGEN_OPTION_REAL, AT(l2_sp), "0", 0, 1e9, NULL, "X", "Transfer learning",
     "L2-SP penalty X / 2 |w - w0|^2 on transferred parameters, w0 their values in --init"},
    {"l2-sp-new", 0, CLGEN_OPTION_REAL, AT(l2_sp_new), "0.01", 0, 1e9, NULL, "X", "Transfer learning",
     "with --l2-sp: penalty X / 2 |w|^2 on new parameters"},
    {"ewc", 0, CLGEN_OPTION_REAL, AT(ewc), "0", 0, 1e300, NULL, "X", "Transfer learning",
     "elastic weight consolidation: penalty X times the sum of F (w - w0)^2, F the Fisher information of --init, "
     "estimated on images that it generates"},
    {"ewc-of", 0, CLGEN_OPTION_CHOICE, AT(ewc_of), "G", 0, 0, "G|D|both", "NETS", "Transfer learning",
     "networks of a GAN that --ewc applies to"},
    {"loss", 0, CLGEN_OPTION_CHOICE, AT(loss), "ns", 0, 0, CLGEN_GAN_LOSS_CHOICES, "NAME", "GAN objective",
     "cross entropy, non-saturating (ns) or minimax (bce); least squares (lsgan); wgan with weight clipping; wgan-gp; "
     "hinge; relativistic average (ragan)"},
    {"reg", 0, CLGEN_OPTION_STRING, AT(reg), "", 0, 0, NULL, "LIST", "GAN objective",
     "regularisers with commas: gp, r1, dragan, sn, fm, ha, bcr, mbstd, mbdisc, pl (docs/objectives.md); the first four "
     "remove batch norm from the discriminator; pl needs --cfg style"},
    {"d-norm", 0, CLGEN_OPTION_CHOICE, AT(d_norm), "auto", 0, 0, CLGEN_D_NORM_CHOICES, "NAME", "GAN objective",
     "normalisation in the discriminator; auto: batch for dcgan and vae-gan, none for others and where a regulariser "
     "forbids batch norm"},
    {"label-smoothing", 0, CLGEN_OPTION_REAL, AT(label_smoothing), "0", 0, 0.5, NULL, "X", "GAN objective",
     "with ns and bce: the discriminator's target for real images is 1 - X (one-sided)"},
    {"critic-steps", 0, CLGEN_OPTION_INT, AT(critic_steps), "0", 0, 1000, NULL, "N", "GAN objective",
     "discriminator updates per generator update, each on its own batch; 0: wgan and wgan-gp 5, others 1"},
    {"clip", 0, CLGEN_OPTION_REAL, AT(clip), "0", 0, 1e9, NULL, "X", "GAN objective",
     "wgan clips the discriminator's weights to [-X, X]; 0: style 0.5, others 0.01"},
    {"gp-weight", 0, CLGEN_OPTION_REAL, AT(gp_weight), "10", 0, 1e9, NULL, "X", "GAN objective", "weight of gp and dragan"},
    {"r1-gamma", 0, CLGEN_OPTION_REAL, AT(r1_gamma), "10", 0, 1e9, NULL, "X", "GAN objective",
     "weight of r1 is X / 2; 0: 0.0002 times the pixels of an image, divided by the batch size"},
    {"reg-interval", 0, CLGEN_OPTION_INT, AT(reg_interval), "16", 1, 100000, NULL, "N", "GAN objective",
     "compute r1 every N steps, with N times its weight (lazy regularisation)"},
    {"pl-weight", 0, CLGEN_OPTION_REAL, AT(pl_weight), "2", 0, 1e9, NULL, "X", "GAN objective", "weight of pl"},
    {"pl-interval", 0, CLGEN_OPTION_INT, AT(pl_interval), "8", 1, 100000, NULL, "N", "GAN objective",
     "compute pl at every Nth generator update, with N times its weight"},
    {"fm-weight", 0, CLGEN_OPTION_REAL, AT(fm_weight), "1", 0, 1e9, NULL, "X", "GAN objective", "weight of fm"},
    {"ha-weight", 0, CLGEN_OPTION_REAL, AT(ha_weight), "0.01", 0, 1e9, NULL, "X", "GAN objective", "weight of ha"},
    {"bcr-weight", 0, CLGEN_OPTION_REAL, AT(bcr_weight), "10", 0, 1e9, NULL, "X", "GAN objective", "weight of bcr"},
    {"bcr-flip", 0, CLGEN_OPTION_FLAG, AT(bcr_flip), "no", 0, 0, NULL, NULL, "GAN objective",
     "bcr also mirrors images, beside shifting them"},
    {"augment", 0, CLGEN_OPTION_STRING, AT(augment), "", 0, 0, NULL, "LIST", "Augmentation",
     "transformations for --adapt ada and --augment-p: groups (" CLGEN_AUGMENT_GROUPS
     "), prefixes of that list (b, bg, bgc, bgcf, bgcfn, bgcfnc), or single ones: xflip, rotate90, xint, scale, rotate, "
     "aniso, xfrac, brightness, contrast, lumaflip, hue, saturation; default: bgc"},
    {"augment-p", 0, CLGEN_OPTION_REAL, AT(augment_p), "0", 0, 1, NULL, "X", "Augmentation",
     "augment all that the discriminator sees; probability of each transformation"},
    {"ada-by", 0, CLGEN_OPTION_CHOICE, AT(ada_by), "rt", 0, 0, "rt|rv", "NAME", "Augmentation",
     "overfitting measure of ada: mean sign of the logits of training images (rt), or where the mean logit of --validation "
     "images lies between that of training images (0) and of fakes (1) (rv)"},
    {"ada-target", 0, CLGEN_OPTION_REAL, AT(ada_target), "-1", -1, 1, NULL, "X", "Augmentation",
     "ada raises the probability while the measure is above X; -1: rt 0.6, rv 0.5"},
    {"ada-kimg", 0, CLGEN_OPTION_REAL, AT(ada_kimg), "0", 0, 1e9, NULL, "KIMG", "Augmentation",
     "ada can move the probability from 0 to 1 in this many thousand images; 0: 500, with --init 100"},
    {"ada-limit", 0, CLGEN_OPTION_REAL, AT(ada_limit), "0.8", 0, 1, NULL, "X", "Augmentation",
     "largest probability that ada may set"},
    {"likelihood", 0, CLGEN_OPTION_CHOICE, AT(likelihood), "bernoulli", 0, 0, CLGEN_LIKELIHOOD_CHOICES, "NAME",
     "VAE objective", "distribution of pixels: Bernoulli, Gaussian or discretised logistic"},
    {"scale", 0, CLGEN_OPTION_REAL, AT(scale), "0", 0, 1000, NULL, "X", "VAE objective",
     "scale of gaussian and logistic, for pixels from 0 to 1; 0: a learned scalar"},
    {"beta", 0, CLGEN_OPTION_REAL, AT(beta), "1", 1e-9, 1e9, NULL, "X", "VAE objective", "weight of the KL divergence"},
    {"kl-anneal", 0, CLGEN_OPTION_CHOICE, AT(kl_anneal), "none", 0, 0, "none|linear|cyclical", "NAME", "VAE objective",
     "schedule of beta from 0: once (linear) or in four cycles"},
    {"kl-anneal-kimg", 0, CLGEN_OPTION_REAL, AT(kl_anneal_kimg), "20", 1e-3, 1e9, NULL, "KIMG", "VAE objective",
     "length of the schedule in thousand images"},
    {"free-bits", 0, CLGEN_OPTION_REAL, AT(free_bits), "0", 0, 1e9, NULL, "X", "VAE objective",
     "nats of KL divergence per latent dimension that are not penalised"},
    {"free-bits-group", 0, CLGEN_OPTION_INT, AT(free_bits_group), "1", 1, 65536, NULL, "N", "VAE objective",
     "apply --free-bits to groups of N dimensions"},
    {"capacity", 0, CLGEN_OPTION_REAL, AT(capacity), "0", 0, 1e9, NULL, "X", "VAE objective",
     "target of the KL divergence in nats: the penalty is --beta times |KL - X|"},
    {"capacity-kimg", 0, CLGEN_OPTION_REAL, AT(capacity_kimg), "20", 0, 1e9, NULL, "KIMG", "VAE objective",
     "the target rises from 0 over this many thousand images"},
    {"kl-target", 0, CLGEN_OPTION_REAL, AT(kl_target), "0", 0, 1e9, NULL, "X", "VAE objective",
     "KL divergence in nats that --adapt control-vae reaches by changing beta"},
    {"control-kp", 0, CLGEN_OPTION_REAL, AT(control_kp), "0.01", 0, 1e9, NULL, "X", "VAE objective",
     "proportional gain of control-vae"},
    {"control-ki", 0, CLGEN_OPTION_REAL, AT(control_ki), "0.005", 0, 1e9, NULL, "X", "VAE objective",
     "integral gain of control-vae: relative change of beta per step and nat of error"},
    {"beta-max", 0, CLGEN_OPTION_REAL, AT(beta_max), "100", 1e-9, 1e9, NULL, "X", "VAE objective",
     "largest beta that control-vae may set"},
    {"recon-gamma", 0, CLGEN_OPTION_REAL, AT(recon_gamma), "0", 0, 1e9, NULL, "X", "VAE objective",
     "vae-gan: weight of the reconstruction loss in the decoder's loss; 0: 0.03"},
    {"iwae", 0, CLGEN_OPTION_INT, AT(iwae), "1", 1, 1024, NULL, "K", "VAE objective",
     "train on the importance-weighted bound with K samples per image; 1: the ELBO"},
    {"cond", 0, CLGEN_OPTION_CHOICE, AT(cond), "none", 0, 0, CLGEN_COND_CHOICES, "WAY", CLGEN_OPTIONS_BASIC,
     "train a class-conditional network (docs/conditional.md); VAEs: concat"},
    {"aux-weight", 0, CLGEN_OPTION_REAL, AT(aux_weight), "1", 1e-9, 1e9, NULL, "X", "Classes",
     "acgan: weight of the classification loss, in the losses of D and G"},
    {"kimg", 0, CLGEN_OPTION_INT, AT(kimg), "60", 1, 1e9, NULL, "N", CLGEN_OPTIONS_BASIC,
     "train on N thousand images; an epoch of 60,000 images is 60"},
    {"batch", 'b', CLGEN_OPTION_INT, AT(batch), "0", 0, 1048576, NULL, "N", CLGEN_OPTIONS_BASIC,
     "batch size; 0: GANs 64, style 32, others 128"},
    {"batch-gpu", 0, CLGEN_OPTION_INT, AT(batch_gpu), "0", 0, 1048576, NULL, "N", "Training",
     "micro-batch size: gradients of several micro-batches are accumulated, with less memory; batch norm then uses the "
     "statistics of N images; 0: the whole batch"},
    {"batch-max", 0, CLGEN_OPTION_INT, AT(batch_max), "0", 0, 1048576, NULL, "N", "Training",
     "with --adapt noise-scale: largest batch; gradients of several batches are accumulated where that saves steps; "
     "0: the batch size does not change"},
    {"optimizer", 0, CLGEN_OPTION_CHOICE, AT(optimizer), "adam", 0, 0, "sgd|momentum|rmsprop|adam|adamw", "NAME", "Training",
     "sgd has no momentum"},
    {"lr", 0, CLGEN_OPTION_REAL, AT(lr), "0", 0, 1e300, NULL, "X", CLGEN_OPTIONS_BASIC,
     "learning rate; 0: dcgan and resnet 0.0002, style 0.002, others 0.001; sgd 0.01"},
    {"lr-d", 0, CLGEN_OPTION_REAL, AT(lr_d), "0", 0, 1e300, NULL, "X", "Training",
     "learning rate of the discriminator; 0: same as --lr, but 0.0002 for vae-gan without --lr"},
    {"beta1", 0, CLGEN_OPTION_REAL, AT(beta1), "-1", -1, 0.9999, NULL, "X", "Training",
     "Adam's beta1; -1: dcgan 0.5, resnet and style 0, others 0.9"},
    {"beta2", 0, CLGEN_OPTION_REAL, AT(beta2), "-1", -1, 0.999999, NULL, "X", "Training",
     "Adam's beta2, rmsprop's alpha; -1: Adam 0.999, resnet 0.9, style 0.99; rmsprop 0.99"},
    {"momentum", 0, CLGEN_OPTION_REAL, AT(momentum), "0.9", 0, 0.9999, NULL, "X", "Training",
     "momentum of --optimizer momentum"},
    {"weight-decay", 0, CLGEN_OPTION_REAL, AT(weight_decay), "0.01", 0, 1e9, NULL, "X", "Training",
     "decoupled weight decay of adamw"},
    {"lr-schedule", 0, CLGEN_OPTION_CHOICE, AT(lr_schedule), "constant", 0, 0, "constant|linear|cosine|plateau", "NAME",
     "Training",
     "learning rate schedule: linear and cosine fall to 0 at --kimg; plateau lowers the rate when the loss (wgan: the "
     "estimated distance) stops improving"},
    {"lr-patience", 0, CLGEN_OPTION_REAL, AT(lr_patience), "20", 0.001, 1e9, NULL, "KIMG", "Training",
     "plateau compares means over this many thousand images"},
    {"lr-factor", 0, CLGEN_OPTION_REAL, AT(lr_factor), "0.5", 0.001, 0.999, NULL, "X", "Training",
     "plateau multiplies the learning rates by X, at least to 1/1000 of their start"},
    {"warmup-kimg", 0, CLGEN_OPTION_REAL, AT(warmup_kimg), "0", 0, 1e9, NULL, "KIMG", "Training",
     "linear warm-up of the learning rates over this many thousand images"},
    {"grad-clip", 0, CLGEN_OPTION_REAL, AT(grad_clip), "0", 0, 1e9, NULL, "NORM", "Training",
     "clip the gradient norm of each network to this value; 0: no clipping"},
    {"ema", 0, CLGEN_OPTION_REAL, AT(ema), "10", 0, 1e9, NULL, "KIMG", "Training",
     "half-life of the EMA of the generator's weights, at most 1/20 of the images seen; 0: no EMA"},
    {"adapt", 0, CLGEN_OPTION_STRING, AT(adapt), "", 0, 0, NULL, "LIST", CLGEN_OPTIONS_BASIC,
     "controllers that adjust training while it runs, with commas: " CLGEN_CONTROLLER_NAMES "; default: none"},
    {"seed", 0, CLGEN_OPTION_INT, AT(seed), "0", 0, 4294967295.0, NULL, "N", CLGEN_OPTIONS_BASIC,
     "random seed; the same seed and device give the same bytes"},
    {"outdir", 'o', CLGEN_OPTION_STRING, AT(outdir), "", 0, 0, NULL, "DIR", CLGEN_OPTIONS_BASIC,
     "where to create the run's folder, 00000-DATA-CFG and so on"},
    {"desc", 0, CLGEN_OPTION_STRING, AT(desc), "", 0, 0, NULL, "TEXT", "Run", "text to add to the folder's name"},
    {"resume", 0, CLGEN_OPTION_STRING, AT(resume), "", 0, 0, NULL, "RUN", CLGEN_OPTIONS_BASIC,
     "resume this run: its folder or one of its snapshots"},
    {"tick", 0, CLGEN_OPTION_REAL, AT(tick), "0", 0, 1e9, NULL, "KIMG", "Run",
     "report progress every KIMG thousand images; 0: GANs 4, others 20"},
    {"snap", 0, CLGEN_OPTION_INT, AT(snap), "5", 1, 1e9, NULL, "N", "Run", "write a snapshot every N ticks"},
    {"metrics", 0, CLGEN_OPTION_STRING, AT(metrics), "", 0, 0, NULL, "LIST", CLGEN_OPTIONS_BASIC,
     "evaluate each snapshot, on the test images if there are some: " CLGEN_METRIC_NAMES},
    {"metrics-num", 0, CLGEN_OPTION_INT, AT(metrics_num), "2000", 2, 1e9, NULL, "N", "Metrics",
     "number of images for --metrics; compare only results of equal N"},
    {"features", 0, CLGEN_OPTION_STRING, AT(features), "", 0, 0, NULL, "FILE", "Metrics",
     "feature network for --metrics: a file (docs/features.md) or mnist-cnn; default: mnist-cnn where it fits the data, "
     "else "
     "a classifier trained on the data's labels"},
    {"device", 'd', CLGEN_OPTION_STRING, AT(device), "", 0, 0, NULL, "SPEC", CLGEN_OPTIONS_BASIC,
     "OpenCL device: P:D, PCI address or UUID, gpu, cpu, accel, host or part of a name; see clgen-devices"},
    {"dry-run", 'n', CLGEN_OPTION_FLAG, AT(dry_run), "no", 0, 0, NULL, NULL, CLGEN_OPTIONS_BASIC,
     "print what would be done and the memory it needs; write nothing"},
};

const clgen_option *clgen_train_option_rows(size_t *n) {
  *n = CLGEN_COUNT(rows);
  return rows;
}

/* ---- Values not said ---- */

int clgen_train_options_complete(clgen_train_options *o, clgen_arch *arch) {
  int code = clgen_arch_parse(o->cfg, arch);
  if (code) return code;
  const clgen_arch_defaults *d = clgen_arch_get_defaults(*arch);
  bool sgd = !strcmp(o->optimizer, "sgd") || !strcmp(o->optimizer, "momentum");
  if (!o->batch) o->batch = d->batch;
  if (!(o->lr > 0)) {
    o->lr = sgd ? 0.01 : d->lr;
    if (!sgd && !(o->lr_d > 0)) o->lr_d = d->lr_d;
  }
  if (o->beta1 < 0) o->beta1 = d->beta1;
  if (o->beta2 < 0) o->beta2 = strcmp(o->optimizer, "rmsprop") ? d->beta2 : 0.99;
  if (!(o->ada_target > -1)) o->ada_target = strcmp(o->ada_by, "rv") ? 0.6 : 0.5;
  if (!(o->tick > 0)) o->tick = d->tick;
  if (!o->res) o->res = d->res;
  if (!(o->r1_gamma > 0)) o->r1_gamma = clgen_auto_r1_gamma((int)o->res, o->batch);
  clgen_model_config c = {.arch = *arch, .channels = 1, .height = 32, .width = 32};
  c.ngf = (int)o->ngf, c.ndf = (int)(o->ndf ? o->ndf : o->ngf), c.nz = (int)o->nz, c.hidden = (int)o->hidden;
  c.se = o->se, c.mapping_layers = (int)o->mapping_layers;
  if (clgen_arch_kind(*arch) == CLGEN_CLASSIFIER) c.ndf = (int)o->ndf;
  code = clgen_cond_parse(o->cond, &c.cond);
  c.classes = 2; /* the data say how many */
  if (!code) code = clgen_model_config_complete(&c);
  clgen_gan_objective objective;
  clgen_vae_objective vae;
  if (!code) code = clgen_train_objective(o, &objective);
  clgen_augmentation augment;
  if (!code) code = clgen_train_augmentation(o, &augment);
  if (!code) code = clgen_batch_gpu_check(o->batch, o->batch_gpu, &objective);
  if (!code) code = clgen_train_check_transfer(o, *arch);
  o->ngf = c.ngf, o->ndf = c.ndf, o->nz = c.nz, o->hidden = c.hidden;
  if (!code) code = clgen_train_likelihood(o, &c);
  if (!code) code = clgen_train_vae_objective(o, &vae);
  if (!code) code = clgen_vae_batch_gpu_check(o->batch, o->batch_gpu, &vae);
  int64_t batches;
  unsigned mask;
  if (!code) code = clgen_train_controllers(o, &mask);
  if (!code && clgen_arch_kind(*arch) == CLGEN_GAN) code = clgen_controllers_batch_gpu_check(o->batch, o->batch_gpu, mask);
  if (!code) code = clgen_train_batches_max(o, &batches);
  return code;
}

int clgen_train_background(const clgen_train_options *o, unsigned char rgb[3]) {
  int code = clgen_colour_parse(rgb, o->background);
  return code ? clgen_fail_prefix(code, "option --background") : CLGEN_OK;
}

clgen_optimizer clgen_train_optimizer(const clgen_train_options *o) {
  clgen_optimizer opt = {.kind = CLGEN_SGD, .beta1 = o->beta1, .beta2 = o->beta2, .eps = 1e-8};
  if (!strcmp(o->optimizer, "adam")) opt.kind = CLGEN_ADAM;
  if (!strcmp(o->optimizer, "adamw")) opt.kind = CLGEN_ADAMW;
  if (!strcmp(o->optimizer, "rmsprop")) opt.kind = CLGEN_RMSPROP;
  if (!strcmp(o->optimizer, "momentum")) opt.momentum = o->momentum;
  opt.weight_decay = o->weight_decay;
  return opt;
}

void clgen_train_schedule(const clgen_train_options *o, clgen_trainer_config *out) {
  out->schedule = CLGEN_LR_CONSTANT;
  if (!strcmp(o->lr_schedule, "linear")) out->schedule = CLGEN_LR_LINEAR;
  if (!strcmp(o->lr_schedule, "cosine")) out->schedule = CLGEN_LR_COSINE;
  out->warmup_kimg = o->warmup_kimg;
  out->total_kimg = (double)o->kimg;
}
