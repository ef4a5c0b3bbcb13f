/* Building blocks of networks that are more than a list of layers: each has a function that adds its layers to a network and
 * says in the block's own description where they are, and one that runs them. Blocks are values; a model keeps them. */
#ifndef CLGEN_BLOCKS_H
#define CLGEN_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include <clgen/graph.h>
#include <clgen/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sizes --------------------------------------------------------------------------------------------------------------
 */

/* (N,C,H,W), every pixel `factor` times each way: -> (N,C,factor H,factor W). */
clgen_tensor *clgen_upsample_nearest(clgen_tensor *x, int factor);
/* Twice as large each way, as PyTorch's interpolate(mode="bilinear", align_corners=False). */
clgen_tensor *clgen_upsample_bilinear(clgen_tensor *x);
/* Windows over a picture: their size, from one to the next, and how far they reach beyond its edges, which is less than the
 * size. The picture becomes (H + top + bottom - height) / stride_h + 1 high, rounded down, and as wide likewise. */
typedef struct {
  int height, width, stride_h, stride_w;
  int top, bottom, left, right;
} clgen_window;
/* (N,C,H,W): the largest of each window. Beyond the edges there is nothing. */
clgen_tensor *clgen_max_pool2d(clgen_tensor *x, clgen_window window);
/* The mean of each window; beyond the edges there are zeros, which count or do not (PyTorch's count_include_pad). */
clgen_tensor *clgen_avg_pool2d(clgen_tensor *x, clgen_window window, bool count_padding);
/* The same of squares of size x size pixels side by side; the picture's sides must be multiples of it. */
clgen_tensor *clgen_average_pool(clgen_tensor *x, int size);

typedef enum { CLGEN_SAME_SIZE, CLGEN_UPSAMPLE, CLGEN_DOWNSAMPLE, CLGEN_UPSAMPLE_SMOOTH } clgen_resample;
/* A 3x3 convolution with padding 1, behind nearest upsampling by 2 or before 2x2 mean pooling: w (O,C,3,3). The two are one
 * 4x4 convolution of stride 2 with sums of the weights (Karras et al. 2018, section A.1), with less than half the work.
 * Smooth upsampling is by the filter (1, 3, 3, 1), bilinear away from the edges, where there are zeros (Karras et al. 2019,
 * appendix C): one 6x6 convolution. */
clgen_tensor *clgen_conv3x3(clgen_tensor *x, clgen_tensor *w, clgen_resample resample);

/* A network's 3x3 convolution of stride 1, with its bias, as such. */
clgen_tensor *clgen_module_conv3x3(clgen_module *b, int layer, clgen_tensor *x, clgen_resample resample, bool training);

/* ---- Blocks -------------------------------------------------------------------------------------------------------------
 */

/* Squeeze and excitation (Hu, Shen, Sun 2018, section 3): the channels of x (N,C,H,W), each weighed by what two linear
 * layers say of the means of all. Tensors "<name>.fc1.*" and "<name>.fc2.*", C/16 numbers between them, at least 4. Returns
 * the first layer's index, which is what running it takes, or a code. */
int clgen_net_squeeze_excite(clgen_net *net, const char *name, int64_t channels);
clgen_tensor *clgen_module_squeeze_excite(clgen_module *b, int first, clgen_tensor *x);

/* A residual block with activations before its convolutions (He et al. 2016), as in GANs (Gulrajani et al. 2017, appendix C;
 * Miyato et al. 2018, appendix B.4): norm, activation, 3x3, norm, activation, 3x3, and a 1x1 convolution beside them where
 * the channels or the size change. The first of two convolutions has no bias where a norm follows. Upsampling is before the
 * first convolution, pooling behind the last. */
typedef struct {
  int64_t in, out;
  clgen_resample resample;
  clgen_norm norm;
  int64_t classes;                              /* not 0: its norms are conditional batch norms, in place of `norm` */
  float slope;                                  /* of leaky activations; 0: ReLU */
  bool first;                                   /* nothing before the first convolution, since images come in */
  bool squeeze;                                 /* squeeze and excitation before the sum */
  int norm1, conv1, norm2, conv2, shortcut, se; /* layers, set by clgen_net_residual; -1: none */
} clgen_residual;
/* Tensors "<name>.norm1.*", ".conv1.*", ".norm2.*", ".conv2.*", ".shortcut.*", ".se.*"; 0 or a code. */
int clgen_net_residual(clgen_net *net, const char *name, clgen_residual *block);
/* labels (N,classes), a 1 among zeros, only for a block of classes. */
clgen_tensor *clgen_module_residual(clgen_module *b, const clgen_residual *block, clgen_tensor *x, clgen_tensor *labels,
                                    bool training);

/* A convolution that a style modulates (Karras et al. 2020, section 2.2, as scaling of its input and its output): a linear
 * function "<name>.affine.*" of the style (N,style) scales the channels of x; "<name>.weight" and ".bias" are the
 * convolution's, 3x3 or 1x1; with `demodulate` each output's weights have length 1. Where it has noise,
 * "<name>.noise_strength" times the noise is added, which is "<name>.noise_const" (side,side) unless it is given. A leaky
 * ReLU with gain sqrt(2). */
typedef struct {
  int64_t in, out, style;
  int kernel; /* 3 or 1 */
  clgen_resample resample;
  bool demodulate;
  int side;                       /* of the picture that comes out, for its noise; 0: no noise */
  float slope;                    /* of the activation; 0: none */
  int affine, conv, noise, fixed; /* layers, set by clgen_net_modulated; -1: none */
} clgen_modulated;
int clgen_net_modulated(clgen_net *net, const char *name, clgen_modulated *block);
/* noise (N,1,side,side); NULL: the block's own, always the same. */
clgen_tensor *clgen_module_modulated(clgen_module *b, const clgen_modulated *block, clgen_tensor *x, clgen_tensor *style,
                                     clgen_tensor *noise);

/* A dense block (Huang et al. 2017, section 3): each of its layers (norm, ReLU, 3x3 to `growth` channels) sees all before
 * it; (N,in,H,W) -> (N,in + layers growth,H,W). Tensors "<name>.norm1.*", "<name>.conv1.*" and so on, without biases. */
typedef struct {
  int64_t in, growth;
  int layers;
  clgen_norm norm;
  int first; /* its first layer, set by clgen_net_dense */
} clgen_dense;
int clgen_net_dense(clgen_net *net, const char *name, clgen_dense *block);
clgen_tensor *clgen_module_dense(clgen_module *b, const clgen_dense *block, clgen_tensor *x, bool training);

/* An inception block (Szegedy et al. 2015, figure 2b): 1x1, 1x1 then 3x3, 1x1 then 5x5, and 3x3 pooling (of means, as in the
 * later versions) then 1x1, ReLU behind each convolution, side by side: -> (N,one + three + five + pool,H,W). Tensors
 * "<name>.one.*", ".three1.*", ".three2.*", ".five1.*", ".five2.*", ".pool.*". */
typedef struct {
  int64_t in, one, three_reduced, three, five_reduced, five, pool;
  int first;
} clgen_inception;
int clgen_net_inception(clgen_net *net, const char *name, clgen_inception *block);
clgen_tensor *clgen_module_inception(clgen_module *b, const clgen_inception *block, clgen_tensor *x, bool training);

/* A fully convolutional network (Long, Shelhamer, Darrell 2015): `levels` 3x3 convolutions with ReLU, of `hidden` channels,
 * each but the first behind 2x2 mean pooling; 1x1 convolutions to `out` scores at each, added up from the coarsest by
 * nearest upsampling: (N,in,H,W) -> (N,out,H,W), whatever H and W, multiples of 2^(levels - 1). Tensors "<name>.conv1.*" and
 * "<name>.score1.*" and so on. */
typedef struct {
  int64_t in, hidden, out;
  int levels;
  int first;
} clgen_fully_convolutional;
int clgen_net_fully_convolutional(clgen_net *net, const char *name, clgen_fully_convolutional *block);
clgen_tensor *clgen_module_fully_convolutional(clgen_module *b, const clgen_fully_convolutional *block, clgen_tensor *x,
                                               bool training);

#ifdef __cplusplus
}
#endif
#endif
