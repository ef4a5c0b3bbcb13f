/* Convolution as a product of matrices: what comes before and after the product. Each kernel takes (words, index of its
 * first word, its memory); the words of a convolution are listed at clgen_words_conv in src/backend/opencl/conv.c. */

#define CONV_SIZES                                                                                          \
  const int per_item = (int)words[at], total = (int)words[at + 1], images = (int)words[at + 2];             \
  const int channels = (int)words[at + 3], height = (int)words[at + 4], width = (int)words[at + 5];         \
  const int kh = (int)words[at + 6], kw = (int)words[at + 7], oh = (int)words[at + 8], ow = (int)words[at + 9]; \
  const int stride_h = (int)words[at + 10], stride_w = (int)words[at + 11];                                 \
  const int pad_h = (int)words[at + 12], pad_w = (int)words[at + 13];                                       \
  const long image_at = words[at + 14], cols_at = words[at + 15];

/* x (images,channels,height,width) -> cols (channels kh kw, images oh ow) */
__kernel void clgen_im2col(__global const long *words, const int at, __global const float *x, __global float *cols) {
  CONV_SIZES
  x += image_at;
  cols += cols_at;
  STRETCH(i) {
    const int ox = i % ow, oy = i / ow % oh, n = i / (ow * oh) % images, r = i / (ow * oh * images);
    const int kx = r % kw, ky = r / kw % kh, c = r / (kw * kh);
    const int x0 = ox * stride_w - pad_w + kx, y0 = oy * stride_h - pad_h + ky;
    const bool inside = x0 >= 0 && x0 < width && y0 >= 0 && y0 < height;
    cols[i] = inside ? x[((n * channels + c) * height + y0) * width + x0] : 0.0f;
  }
}

/* The transposed map, as a sum over what each pixel went into, always in the same order. */
__kernel void clgen_col2im(__global const long *words, const int at, __global const float *cols, __global float *x) {
  CONV_SIZES
  x += image_at;
  cols += cols_at;
  STRETCH(i) {
    const int px = i % width + pad_w, py = i / width % height + pad_h, c = i / (width * height) % channels;
    const int n = i / (width * height * channels);
    /* the output places o with 0 <= p - o stride < k */
    const int ox_first = px < kw ? 0 : (px - kw) / stride_w + 1, oy_first = py < kh ? 0 : (py - kh) / stride_h + 1;
    const int ox_last = min(ow - 1, px / stride_w), oy_last = min(oh - 1, py / stride_h);
    float sum = 0.0f;
    for (int oy = oy_first; oy <= oy_last; ++oy)
      for (int ox = ox_first; ox <= ox_last; ++ox) {
        const int r = (c * kh + py - oy * stride_h) * kw + px - ox * stride_w;
        sum += cols[((r * images + n) * oh + oy) * ow + ox];
      }
    x[i] = sum;
  }
}

/* from (rows,columns,inner) -> to (columns,rows,inner) */
__kernel void clgen_swap_axes(__global const long *words, const int at, __global const float *from, __global float *to) {
  const int per_item = (int)words[at], total = (int)words[at + 1];
  const int rows = (int)words[at + 2], columns = (int)words[at + 3], inner = (int)words[at + 4];
  from += words[at + 5];
  to += words[at + 6];
  STRETCH(i) {
    const int p = i % inner, row = i / inner % rows, column = i / (inner * rows);
    to[i] = from[(row * columns + column) * inner + p];
  }
}
