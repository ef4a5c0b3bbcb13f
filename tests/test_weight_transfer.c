/* What of a snapshot is carried over into another model: which tensor meets which, and the bits or formulas that they get.
 */
#include "graphs.h"

#include <clgen/model.h>
#include <clgen/safetensors.h>

#include "files.h"

static const clgen_model_config small = {
    .arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32, .ngf = 2, .ndf = 2, .nz = 3};

/* A snapshot of a model as `seed` starts it; only: of this network alone. */
static char *snapshot(clgen_device *device, const clgen_model_config *config, uint64_t seed, const char *file,
                      const char *only) {
  clgen_model *m;
  clgen_store *store;
  char *path = NEED(clgen_strdup(file_at(file)));
  OK(clgen_model_create(&m, config));
  OK(clgen_store_create(&store, device));
  OK(clgen_model_init(m, store, seed));
  for (int i = 0; i < clgen_model_network_count(m); ++i) { /* statistics, and G_ema, that are nobody's start */
    const clgen_model_network *w = clgen_model_network_at(m, i);
    for (int k = 0; k < 2; ++k) {
      char name[64];
      int64_t n = k ? clgen_net_stat_size(w->net) : clgen_net_param_size(w->net);
      snprintf(name, sizeof name, "%s.%s", w->prefix, k ? "stat" : "param");
      for (int64_t e = 0; (k || !strcmp(w->prefix, "G_ema")) && e < n; ++e) {
        float value = (float)(seed + 1) + (float)e / 64;
        OK(clgen_store_write(store, name, e, 1, &value));
      }
    }
  }
  OK(clgen_model_save(m, store, 0, path, NULL, 0));
  if (only) {
    clgen_safetensors *all;
    OK(clgen_safetensors_open(&all, path));
    clgen_st_tensor *some = NEED(calloc(clgen_safetensors_count(all), sizeof *some));
    size_t n = 0;
    for (size_t i = 0; i < clgen_safetensors_count(all); ++i)
      if (!strncmp(clgen_safetensors_get(all, i)->name, only, strlen(only))) some[n++] = *clgen_safetensors_get(all, i);
    const clgen_st_meta meta = {"clgen.cfg", clgen_safetensors_meta(all, "clgen.cfg")};
    OK(clgen_safetensors_write(path, some, n, &meta, 1));
    free(some);
    clgen_safetensors_close(all);
  }
  clgen_store_free(store);
  clgen_model_free(m);
  return path;
}

typedef struct {
  clgen_device *device;
  clgen_safetensors *file;
  clgen_model *m;
  clgen_store *store;
  clgen_weight_transfer *carry;
} carried;

static carried carry_into(const clgen_model_config *config, char *path) {
  carried c = {.device = open_host()};
  OK(clgen_safetensors_open(&c.file, path));
  OK(clgen_model_create(&c.m, config));
  OK(clgen_store_create(&c.store, c.device));
  OK(clgen_model_init(c.m, c.store, 77));
  OK(clgen_weight_transfer_create(&c.carry, c.m, c.file));
  OK(clgen_weight_transfer_apply(c.carry, c.store));
  free(path);
  return c;
}

static void carried_free(carried *c) {
  clgen_weight_transfer_free(c->carry);
  clgen_store_free(c->store);
  clgen_model_free(c->m);
  clgen_safetensors_close(c->file);
  clgen_device_close(c->device);
}

static const clgen_transferred *row_of(const carried *c, const char *name) {
  for (int i = 0; i < clgen_weight_transfer_count(c->carry); ++i)
    if (!strcmp(clgen_weight_transfer_at(c->carry, i)->name, name)) return clgen_weight_transfer_at(c->carry, i);
  fail_msg("no row %s", name);
  return NULL;
}

/* The tensor of the model that a row is of. */
static float *now(const carried *c, const char *name) {
  for (int i = 0; i < clgen_model_network_count(c->m); ++i) {
    const clgen_model_network *w = clgen_model_network_at(c->m, i);
    size_t skip = w->bare ? 0 : strlen(w->prefix) + 1;
    if (skip && (strncmp(name, w->prefix, skip - 1) != 0 || name[skip - 1] != '.')) continue;
    for (int k = 0; k < clgen_net_tensor_count(w->net); ++k) {
      const clgen_net_tensor *t = clgen_net_tensor_at(w->net, k);
      if (strcmp(t->name, name + skip) != 0) continue;
      char state[64];
      float *values = new_floats((size_t)clgen_shape_count(&t->shape));
      snprintf(state, sizeof state, "%s.%s", w->prefix, t->kind == CLGEN_NET_PARAM ? "param" : "stat");
      OK(clgen_store_read(c->store, state, t->offset, clgen_shape_count(&t->shape), values));
      return values;
    }
  }
  fail_msg("no tensor %s", name);
  return NULL;
}

static const float *then(const carried *c, const char *name) {
  const clgen_st_tensor *t = clgen_safetensors_find(c->file, name);
  if (!t) fail_msg("the file has no %s", name);
  return t->data;
}

/* Of every row that is whole the bits are the file's; how many are, and how many in part. */
static void check_whole(const carried *c, int whole, int part) {
  int seen[3] = {0};
  for (int i = 0; i < clgen_weight_transfer_count(c->carry); ++i) {
    const clgen_transferred *r = clgen_weight_transfer_at(c->carry, i);
    ++seen[r->how];
    if (r->how != CLGEN_TRANSFER_WHOLE) continue;
    float *got = now(c, r->name);
    if (memcmp(got, then(c, r->from), (size_t)clgen_shape_count(&r->shape) * sizeof *got) != 0)
      fail_msg("%s has not the bits of %s", r->name, r->from);
    free(got);
  }
  if (seen[CLGEN_TRANSFER_WHOLE] != whole || seen[CLGEN_TRANSFER_PART] != part)
    fail_msg("%d whole and %d in part, not %d and %d", seen[CLGEN_TRANSFER_WHOLE], seen[CLGEN_TRANSFER_PART], whole, part);
}

static void check_row(const carried *c, const char *name, const char *from, int how, const char *note) {
  const clgen_transferred *r = row_of(c, name);
  assert_int_equal(r->how, how);
  assert_string_equal(r->from, from);
  assert_string_equal(r->note, note);
}

/* Elements of a tensor with four axes. */
static float at4(const float *t, const int64_t dim[4], int64_t a, int64_t b, int64_t e) {
  return t[(a * dim[1] + b) * dim[2] * dim[3] + e];
}

static void the_same_model_gets_everything(void **state) {
  (void)state;
  clgen_device *device = open_host();
  carried c = carry_into(&small, snapshot(device, &small, 1, "same.safetensors", NULL));
  int64_t n = clgen_net_param_size(clgen_model_network_at(c.m, 1)->net);
  uint8_t *mark = NEED(malloc((size_t)n));
  check_whole(&c, 44, 0);
  OK(clgen_weight_transfer_marks(c.carry, 1, mark));
  int64_t marked = 0;
  for (int64_t i = 0; i < n; ++i) marked += mark[i] == 2;
  assert_int_equal(marked, clgen_net_param_count(clgen_model_network_at(c.m, 1)->net));
  free(mark);
  carried_free(&c);
  clgen_device_close(device);
}

/* 32x32 grey to 64x64 in colour: what is nearer to the image has the same meaning. */
static void another_resolution_and_colours(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model_config large = small;
  large.height = large.width = 64;
  large.channels = 3;
  carried c = carry_into(&large, snapshot(device, &small, 1, "grey.safetensors", NULL));
  check_whole(&c, 38, 3);
  check_row(&c, "G.6.weight", "G.3.weight", CLGEN_TRANSFER_WHOLE, "");
  check_row(&c, "G.4.running_var", "G.1.running_var", CLGEN_TRANSFER_WHOLE, "");
  check_row(&c, "G.3.weight", "", CLGEN_TRANSFER_NOT, "");
  check_row(&c, "G.0.weight", "", CLGEN_TRANSFER_NOT, "");
  check_row(&c, "D.5.weight", "D.5.weight", CLGEN_TRANSFER_WHOLE, "");
  check_row(&c, "D.8.weight", "", CLGEN_TRANSFER_NOT, "");
  check_row(&c, "G.12.weight", "G.9.weight", CLGEN_TRANSFER_PART, "repeated for the colours: 3 channels from 1");
  check_row(&c, "D.0.weight", "D.0.weight", CLGEN_TRANSFER_PART, "divided among the colours: 3 channels from 1");
  float *out = now(&c, "G.12.weight"), *in = now(&c, "D.0.weight");
  for (int64_t k = 0; k < 2; ++k)
    for (int64_t e = 0; e < 16; ++e) {
      const int64_t grey[4] = {2, 1, 4, 4}, rgb[4] = {2, 3, 4, 4};
      float sum = 0;
      for (int64_t ch = 0; ch < 3; ++ch) {
        assert_true(at4(out, rgb, k, ch, e) == at4(then(&c, "G.9.weight"), grey, k, 0, e));
        sum += at4(in, rgb, k, ch, e);
      }
      assert_true(fabs((double)sum - (double)at4(then(&c, "D.0.weight"), grey, k, 0, e)) < 1e-7);
    }
  free(out);
  free(in);
  carried_free(&c);
  clgen_device_close(device);
}

/* Back again: a grey picture is seen as one of three equal colours, and comes out as their mean. */
static void colours_to_grey(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model_config large = small;
  large.height = large.width = 64;
  large.channels = 4;
  carried c = carry_into(&small, snapshot(device, &large, 1, "rgba.safetensors", NULL));
  check_whole(&c, 38, 3);
  check_row(&c, "D.0.weight", "D.0.weight", CLGEN_TRANSFER_PART, "added up over the colours: 1 channel from 4");
  check_row(&c, "G.9.weight", "G.12.weight", CLGEN_TRANSFER_PART, "averaged over the colours: 1 channel from 4");
  const int64_t grey[4] = {2, 1, 4, 4}, rgba[4] = {2, 4, 4, 4};
  float *out = now(&c, "G.9.weight"), *in = now(&c, "D.0.weight");
  for (int64_t k = 0; k < 2; ++k)
    for (int64_t e = 0; e < 16; ++e) {
      double sums[2] = {0};
      for (int64_t ch = 0; ch < 3; ++ch) {
        sums[0] += (double)at4(then(&c, "G.12.weight"), rgba, k, ch, e);
        sums[1] += (double)at4(then(&c, "D.0.weight"), rgba, k, ch, e);
      }
      assert_true(fabs((double)at4(out, grey, k, 0, e) - sums[0] / 3) < 1e-6);
      assert_true(fabs((double)at4(in, grey, k, 0, e) - sums[1]) < 1e-6);
    }
  free(out);
  free(in);
  carried_free(&c);
  clgen_device_close(device);
}

/* With an alpha the colours are as they were. */
static void alpha_comes_and_goes(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model_config rgb = small, rgba = small;
  rgb.channels = 3;
  rgba.channels = 4;
  const int64_t wide[4] = {2, 4, 4, 4}, narrow[4] = {2, 3, 4, 4};
  for (int more = 0; more < 2; ++more) {
    carried c = carry_into(more ? &rgba : &rgb, snapshot(device, more ? &rgb : &rgba, 1, "alpha.safetensors", NULL));
    check_row(&c, "D.0.weight", "D.0.weight", CLGEN_TRANSFER_PART,
              more ? "colour channels; alpha is initialised" : "colour channels; alpha is left out");
    float *in = now(&c, "D.0.weight");
    for (int64_t k = 0; k < 2; ++k)
      for (int64_t ch = 0; ch < 3; ++ch)
        assert_true(at4(in, more ? wide : narrow, k, ch, 5) == at4(then(&c, "D.0.weight"), more ? narrow : wide, k, ch, 5));
    int64_t n = clgen_net_param_size(clgen_model_network_at(c.m, 1)->net), fresh = 0;
    uint8_t *mark = NEED(malloc((size_t)n));
    OK(clgen_weight_transfer_marks(c.carry, 1, mark));
    for (int64_t i = 0; i < 2 * (more ? 4 : 3) * 16; ++i) fresh += !mark[i]; /* D.0 lies first */
    assert_int_equal(fresh, more ? 2 * 16 : 0);
    free(mark);
    free(in);
    carried_free(&c);
  }
  clgen_device_close(device);
}

static void other_latents(void **state) {
  (void)state;
  clgen_device *device = open_host();
  for (int more = 0; more < 2; ++more) {
    clgen_model_config c5 = small;
    c5.nz = 5;
    carried c = carry_into(more ? &c5 : &small, snapshot(device, more ? &small : &c5, 1, "nz.safetensors", NULL));
    check_whole(&c, 42, 2);
    check_row(&c, "G.0.weight", "G.0.weight", CLGEN_TRANSFER_PART, more ? "3 of 5 latents" : "3 of 3 latents");
    float *w = now(&c, "G.0.weight");
    assert_memory_equal(w, then(&c, "G.0.weight"), 3 * 8 * 16 * sizeof *w);
    free(w);
    carried_free(&c);
  }
  clgen_device_close(device);
}

/* A discriminator without batch norm takes the convolutions of one with, though they have other numbers, and spectral
 * normalisation their weights. */
static void another_discriminator(void **state) {
  (void)state;
  clgen_device *device = open_host();
  for (int spectral = 0; spectral < 2; ++spectral) {
    clgen_model_config other = small;
    other.d_norm = spectral ? CLGEN_D_SPECTRAL : CLGEN_D_PLAIN;
    carried c = carry_into(&other, snapshot(device, &small, 1, "batch.safetensors", NULL));
    check_whole(&c, 36, 0);
    check_row(&c, spectral ? "D.4.weight_orig" : "D.4.weight", "D.5.weight", CLGEN_TRANSFER_WHOLE, "");
    check_row(&c, spectral ? "D.6.weight_orig" : "D.6.weight", "D.8.weight", CLGEN_TRANSFER_WHOLE, "");
    check_row(&c, "D.4.bias", "", CLGEN_TRANSFER_NOT, "");
    carried_free(&c);
  }
  clgen_device_close(device);
}

static void only_the_average(void **state) {
  (void)state;
  clgen_device *device = open_host();
  carried c = carry_into(&small, snapshot(device, &small, 1, "ema.safetensors", "G_ema."));
  check_whole(&c, 32, 0);
  check_row(&c, "G.3.weight", "G_ema.3.weight", CLGEN_TRANSFER_WHOLE, "");
  check_row(&c, "D.0.weight", "", CLGEN_TRANSFER_NOT, "");
  carried_free(&c);
  c = carry_into(&small, snapshot(device, &small, 1, "g.safetensors", "G."));
  check_whole(&c, 32, 0);
  check_row(&c, "G_ema.3.weight", "G.3.weight", CLGEN_TRANSFER_WHOLE, "");
  carried_free(&c);
  clgen_device_close(device);
}

static void other_kinds_of_model(void **state) {
  (void)state;
  clgen_device *device = open_host();
  const clgen_model_config five = {
      .arch = CLGEN_ARCH_CLASSIFIER, .channels = 1, .height = 12, .width = 12, .ndf = 4, .hidden = 6, .classes = 5};
  clgen_model_config three = five;
  three.classes = 3;
  three.channels = 3;
  carried c = carry_into(&three, snapshot(device, &five, 1, "five.safetensors", NULL));
  check_row(&c, "fc2.weight", "fc2.weight", CLGEN_TRANSFER_PART, "3 of 3 classes");
  check_row(&c, "fc2.bias", "fc2.bias", CLGEN_TRANSFER_PART, "3 of 3 classes");
  check_row(&c, "conv1.weight", "conv1.weight", CLGEN_TRANSFER_PART, "divided among the colours: 3 channels from 1");
  carried_free(&c);
  const clgen_model_config mlp = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};
  clgen_model_config colour = mlp, larger = mlp;
  colour.channels = 3;
  larger.height = 5;
  c = carry_into(&colour, snapshot(device, &mlp, 1, "mlp.safetensors", NULL));
  check_whole(&c, 7, 3);
  check_row(&c, "fc1.weight", "fc1.weight", CLGEN_TRANSFER_PART, "divided among the colours: 3 channels from 1");
  check_row(&c, "fc4.bias", "fc4.bias", CLGEN_TRANSFER_PART, "repeated for the colours: 3 channels from 1");
  float *in = now(&c, "fc1.weight"), *out = now(&c, "fc4.weight");
  for (int k = 0; k < 3; ++k)
    for (int i = 0; i < 48; ++i) {
      assert_true(fabs(3 * (double)in[48 * k + i] - (double)then(&c, "fc1.weight")[16 * k + i % 16]) < 1e-6);
      assert_true(out[3 * i + k] == then(&c, "fc4.weight")[3 * (i % 16) + k]);
    }
  free(in);
  free(out);
  carried_free(&c);
  c = carry_into(&larger, snapshot(device, &mlp, 1, "mlp.safetensors", NULL));
  check_whole(&c, 7, 0);
  carried_free(&c);
  clgen_device_close(device);
}

static void what_cannot_be_carried_over_is_refused(void **state) {
  (void)state;
  clgen_device *device = open_host();
  const clgen_model_config mlp = {.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 4, .width = 4, .hidden = 3, .nz = 2};
  char *path = snapshot(device, &small, 1, "gan.safetensors", NULL);
  clgen_safetensors *file;
  clgen_model *m;
  clgen_weight_transfer *c;
  OK(clgen_safetensors_open(&file, path));
  OK(clgen_model_create(&m, &mlp));
  assert_int_equal(clgen_weight_transfer_create(&c, m, file), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "contains a dcgan, expected a vae-mlp"));
  assert_null(c);
  clgen_model_free(m);
  clgen_safetensors_close(file);
  free(path);
  path = snapshot(device, &small, 1, "torn.safetensors", "G.0"); /* a network of which some tensors are missing */
  OK(clgen_safetensors_open(&file, path));
  OK(clgen_model_create(&m, &small));
  assert_int_equal(clgen_weight_transfer_create(&c, m, file), CLGEN_E_FORMAT);
  assert_non_null(strstr(clgen_last_error(), "G.1.weight"));
  clgen_model_free(m);
  clgen_safetensors_close(file);
  free(path);
  clgen_device_close(device);
}

/* Numbers go where the file's parameters went as they are, and nowhere else. */
static void numbers_go_with_their_parameters(void **state) {
  (void)state;
  clgen_device *device = open_host();
  clgen_model_config colour = small;
  colour.channels = 3;
  carried c = carry_into(&colour, snapshot(device, &small, 1, "grey.safetensors", NULL));
  const clgen_net *net = clgen_model_network_at(c.m, 1)->net;
  const clgen_net *from = clgen_model_network_at(clgen_weight_transfer_source(c.carry), 1)->net;
  int64_t n = clgen_net_param_size(net), m = clgen_net_param_size(from);
  float *numbers[CLGEN_MODEL_MAX_NETWORKS] = {NULL, new_floats((size_t)m)}, *got = new_floats((size_t)n);
  for (int64_t i = 0; i < m; ++i) numbers[1][i] = (float)i + 1;
  OK(clgen_weight_transfer_numbers(c.carry, 1, numbers, got));
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i), *s = clgen_net_tensor_at(from, i);
    for (int64_t k = 0; t->kind == CLGEN_NET_PARAM && k < clgen_shape_count(&t->shape); ++k)
      assert_true(got[t->offset + k] == (strcmp(t->name, "0.weight") ? (float)(s->offset + k + 1) : 0));
  }
  free(numbers[1]);
  free(got);
  carried_free(&c);
  clgen_device_close(device);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_model_gets_everything),
      cmocka_unit_test(another_resolution_and_colours),
      cmocka_unit_test(colours_to_grey),
      cmocka_unit_test(alpha_comes_and_goes),
      cmocka_unit_test(other_latents),
      cmocka_unit_test(another_discriminator),
      cmocka_unit_test(only_the_average),
      cmocka_unit_test(other_kinds_of_model),
      cmocka_unit_test(what_cannot_be_carried_over_is_refused),
      cmocka_unit_test(numbers_go_with_their_parameters),
  };
  return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
