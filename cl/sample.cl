/* Sampling through an affine map for each image, and its adjoint: CLGEN_STEP_AFFINE_SAMPLE* in src/backend/backend.h says what
 * they are, REACH is CLGEN_SAMPLE_REACH. The words are listed in src/backend/opencl/sample.c. */

#define SAMPLE_SIZES                                                                                       \
  const int per_item = (int)words[at], total = (int)words[at + 1], channels = (int)words[at + 2];          \
  const int height = (int)words[at + 3], width = (int)words[at + 4];                                       \
  const int oh = (int)words[at + 5], ow = (int)words[at + 6];                                              \
  image += words[at + 7];                                                                                  \
  theta += words[at + 8];                                                                                  \
  view += words[at + 9];

/* Where a pixel of the view lies in the image: (column, row). */
static inline float2 sample_place(__global const float *t, int ox, int oy, int oh, int ow, int height, int width) {
  const float u = (float)ox - 0.5f * (float)(ow - 1), v = (float)oy - 0.5f * (float)(oh - 1);
  return (float2)(t[0] * u + t[1] * v + (t[2] + 0.5f * (float)(width - 1)),
                  t[3] * u + t[4] * v + (t[5] + 0.5f * (float)(height - 1)));
}

static inline bool sample_reaches(float2 place, int height, int width) {
  return fabs(place.x) < (float)(REACH * width) && fabs(place.y) < (float)(REACH * height);
}

/* The pixel of the image that is seen at pixel i of its continuation. */
static inline int sample_mirror(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1), r = i % period, k = r < 0 ? r + period : r;
  return k < size ? k : period - k;
}

/* image (n,channels,height,width) -> view (n,channels,oh,ow); an element is a pixel of all channels */
__kernel void clgen_affine_sample(__global const long *words, const int at, __global const float *image,
                                  __global const float *theta, __global float *view) {
  SAMPLE_SIZES
  STRETCH(i) {
    const int ox = i % ow, oy = i / ow % oh, n = i / (ow * oh);
    const float2 place = sample_place(theta + 6 * n, ox, oy, oh, ow, height, width);
    const bool reaches = sample_reaches(place, height, width);
    const float2 low = reaches ? floor(place) : (float2)(0.0f), part = place - low;
    const int x0 = sample_mirror((int)low.x, width), x1 = sample_mirror((int)low.x + 1, width);
    const int y0 = sample_mirror((int)low.y, height), y1 = sample_mirror((int)low.y + 1, height);
    for (int c = 0; c < channels; ++c) {
      __global const float *p = image + (n * channels + c) * height * width;
      const float above = p[y0 * width + x0] * (1.0f - part.x) + p[y0 * width + x1] * part.x;
      const float below = p[y1 * width + x0] * (1.0f - part.x) + p[y1 * width + x1] * part.x;
      view[((n * channels + c) * oh + oy) * ow + ox] = reaches ? above * (1.0f - part.y) + below * part.y : 0.0f;
    }
  }
}

/* view -> image, the transposed map, where a work-item has a whole plane of the image and nobody else writes there: the pixels
 * of the view in their order, each to the four that it sees. An element is a plane. */
__kernel void clgen_affine_sample_grad_planes(__global const long *words, const int at, __global const float *view,
                                              __global const float *theta, __global float *image) {
  SAMPLE_SIZES
  STRETCH(i) {
    __global const float *t = theta + 6 * (i / channels), *from = view + i * oh * ow;
    __global float *to = image + i * height * width;
    for (int k = 0; k < height * width; ++k) to[k] = 0.0f;
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox) {
        const float2 place = sample_place(t, ox, oy, oh, ow, height, width);
        if (!sample_reaches(place, height, width)) continue;
        const float2 low = floor(place), part = place - low;
        const int x0 = sample_mirror((int)low.x, width), x1 = sample_mirror((int)low.x + 1, width);
        const int y0 = sample_mirror((int)low.y, height), y1 = sample_mirror((int)low.y + 1, height);
        const float seen = from[oy * ow + ox], above = seen * (1.0f - part.y), below = seen * part.y;
        to[y0 * width + x0] += above * (1.0f - part.x);
        to[y0 * width + x1] += above * part.x;
        to[y1 * width + x0] += below * (1.0f - part.x);
        to[y1 * width + x1] += below * part.x;
      }
  }
}

/* One axis of the image's continuation: the stretches of it, each the image forwards or backwards, that some pixel of the view
 * may see, when these are `radius` around `middle`. */
static inline int2 sample_folds(float middle, float radius, int size) {
  const float far = (float)(REACH * size), fold = (float)max(size - 1, 1);
  const float low = fmin(fmax(middle - radius - 1.1f, -far), far), high = fmin(fmax(middle + radius + 1.1f, -far), far);
  return (int2)((int)floor(low / fold), (int)floor(high / fold));
}

/* Pixel i of the image in a stretch; *again where another stretch has it too. */
static inline int sample_unfolded(int i, int stretch, int size, bool *again) {
  *again = size > 1 && (stretch & 1) && (i == 0 || i == size - 1);
  return size == 1 ? stretch : stretch * (size - 1) + ((stretch & 1) ? size - 1 - i : i);
}

/* First and last pixel of the view within `radius` of `middle`, along an axis of so many. */
static inline int2 sample_within(float middle, float radius, int size) {
  return (int2)((int)ceil(fmin(fmax(middle - radius, 0.0f), (float)size)),
                (int)floor(fmin(fmax(middle + radius, -1.0f), (float)(size - 1))));
}

/* The same where there are work-items enough for every pixel, as a sum over the pixels of the view that see it, always in the same order:
 * for every place where the image's continuation has the pixel, those that the inverse map puts near it. */
__kernel void clgen_affine_sample_grad_pixels(__global const long *words, const int at, __global const float *view,
                                       __global const float *theta, __global float *image) {
  SAMPLE_SIZES
  STRETCH(i) {
    const int ix = i % width, iy = i / width % height, n = i / (width * height);
    __global const float *t = theta + 6 * n;
    const float mu = 0.5f * (float)(ow - 1), mv = 0.5f * (float)(oh - 1);
    const float mx = t[2] + 0.5f * (float)(width - 1), my = t[5] + 0.5f * (float)(height - 1);
    const int2 fx = sample_folds(mx, fabs(t[0]) * mu + fabs(t[1]) * mv, width);
    const int2 fy = sample_folds(my, fabs(t[3]) * mu + fabs(t[4]) * mv, height);
    /* The inverse map; where it is not to be relied on, every pixel of the view is asked. */
    const float det = t[0] * t[4] - t[1] * t[3];
    const float squares = t[0] * t[0] + t[1] * t[1] + t[3] * t[3] + t[4] * t[4];
    const bool invertible = fabs(det) > 0.01f * squares;
    const float u0 = t[4] / det, u1 = -t[1] / det, v0 = -t[3] / det, v1 = t[0] / det, blur = 1e-6f * squares / fabs(det);
    for (int c = 0; c < channels; c += 4) {
      const int some = min(4, channels - c);
      float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      for (int ky = fy.x; ky <= fy.y; ++ky)
        for (int kx = fx.x; kx <= fx.y; ++kx) {
          bool again_x, again_y;
          const int px = sample_unfolded(ix, kx, width, &again_x), py = sample_unfolded(iy, ky, height, &again_y);
          if (again_x || again_y) continue;
          int2 bx = (int2)(0, ow - 1), by = (int2)(0, oh - 1);
          if (invertible) {
            const float dx = (float)px - mx, dy = (float)py - my;
            const float slack = 0.01f + blur * (fabs(dx) + fabs(dy) + (float)(ow + oh));
            bx = sample_within(u0 * dx + u1 * dy + mu, fabs(u0) + fabs(u1) + slack, ow);
            by = sample_within(v0 * dx + v1 * dy + mv, fabs(v0) + fabs(v1) + slack, oh);
          }
          for (int oy = by.x; oy <= by.y; ++oy)
            for (int ox = bx.x; ox <= bx.y; ++ox) {
              const float2 place = sample_place(t, ox, oy, oh, ow, height, width);
              if (!sample_reaches(place, height, width)) continue;
              const float2 low = floor(place), part = place - low;
              const int right = px - (int)low.x, down = py - (int)low.y;
              if ((right | down) & ~1) continue;
              const float weight = (right ? part.x : 1.0f - part.x) * (down ? part.y : 1.0f - part.y);
              for (int k = 0; k < some; ++k) sum[k] += weight * view[((n * channels + c + k) * oh + oy) * ow + ox];
            }
        }
      for (int k = 0; k < some; ++k) image[(n * channels + c + k) * height * width + iy * width + ix] = sum[k];
    }
  }
}
