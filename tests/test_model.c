/* Models: configurations, the networks and their names, snapshots there and back, images from latents, the ELBO. */
#include "graphs.h"

#include <clgen/elbo.h>
#include <clgen/model.h>
#include <clgen/npy.h>
#include <clgen/safetensors.h>
#include <unistd.h>

static clgen_device *host;
static char folder[64];

static int open_device(void **state) {
  (void)state;
  host = open_host();
  snprintf(folder, sizeof folder, "%s", "test-model-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static void remove_file(const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  unlink(path);
}

static int close_device(void **state) {
  (void)state;
  clgen_device_close(host);
  remove_file("a.safetensors");
  remove_file("b.safetensors");
  remove_file("x.npy");
  return rmdir(folder);
}

static const char *file(char out[128], const char *name) {
  snprintf(out, 128, "%s/%s", folder, name);
  return out;
}

static clgen_model_config config_of(clgen_arch arch, int size, int channels) {
  clgen_model_config c = {.arch = arch, .channels = channels, .height = size, .width = size};
  c.ngf = 2, c.ndf = 3, c.nz = 4, c.hidden = 5;
  return c;
}

/* ---- Configurations ---- */

static void test_defaults(void **state) {
  (void)state;
  clgen_model_config c = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32};
  OK(clgen_model_config_complete(&c));
  assert_true(c.ngf == 64 && c.ndf == 64 && c.nz == 100);
  c = (clgen_model_config){.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 28, .width = 28};
  OK(clgen_model_config_complete(&c));
  assert_true(c.hidden == 400 && c.nz == 20);
}

static void test_sizes_that_make_no_sense(void **state) {
  (void)state;
  clgen_model_config bad[] = {
      config_of(CLGEN_ARCH_DCGAN, 28, 1),    config_of(CLGEN_ARCH_DCGAN, 32, 0),  config_of(CLGEN_ARCH_DCGAN, 32, 5),
      config_of(CLGEN_ARCH_VAE_CONV, 30, 1), config_of(CLGEN_ARCH_VAE_MLP, 0, 1), config_of(CLGEN_ARCH_VAE_MLP, 5000, 1),
      config_of(CLGEN_ARCH_VAE_MLP, 8, 1),   config_of(CLGEN_ARCH_DCGAN, 64, 1),  config_of(CLGEN_ARCH_VAE_MLP, 8, 1)};
  bad[6].hidden = -1;
  bad[7].width = 32;
  bad[8].minibatch = CLGEN_MINIBATCH_STD;
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    clgen_model *m = NULL;
    assert_int_equal(clgen_model_create(&m, &bad[i]), CLGEN_E_INVALID);
    assert_null(m);
  }
  clgen_arch arch;
  clgen_model_config part = config_of(CLGEN_ARCH_DCGAN, 32, 1);
  part.se = 1;
  assert_int_equal(clgen_model_config_complete(&part), CLGEN_E_INVALID);
  part.se = 0, part.mapping_layers = 2;
  assert_int_equal(clgen_model_config_complete(&part), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "dcgan has none"));
  assert_int_equal(clgen_arch_parse("gan", &arch), CLGEN_E_INVALID);
  assert_non_null(strstr(clgen_last_error(), "dcgan"));
}

static void test_configuration_as_json(void **state) {
  (void)state;
  clgen_model_config c = config_of(CLGEN_ARCH_VAE_CONV, 8, 3), back;
  c.width = 12, c.likelihood = CLGEN_LIKELIHOOD_LOGISTIC, c.scale = 0.25f;
  char *json = NEED(clgen_model_config_to_json(&c));
  OK(clgen_model_config_from_json(&back, json, "here"));
  assert_memory_equal(&c, &back, sizeof c);
  free(json);
  c = config_of(CLGEN_ARCH_DCGAN, 32, 3);
  c.d_norm = CLGEN_D_PLAIN;
  c.minibatch = CLGEN_MINIBATCH_DISC, c.cond = CLGEN_COND_PROJECTION, c.classes = 10;
  json = NEED(clgen_model_config_to_json(&c));
  OK(clgen_model_config_from_json(&back, json, "here"));
  assert_memory_equal(&c, &back, sizeof c);
  free(json);
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "{\"arch\":\"dcgan\"}",
      "{\"arch\":\"vae-mlp\",\"channels\":1,\"height\":8,\"width\":8,\"ngf\":1,\"ndf\":1,\"nz\":1,\"hidden\":1,"
      "\"likelihood\":\"poisson\"}",
      "{\"arch\":\"vae-mlp\",\"channels\":1,\"height\":8,\"width\":8,\"ngf\":1,\"ndf\":1,\"nz\":1,\"hidden\":1,"
      "\"scale\":0.5}",
      "{\"arch\":3}",
      "{\"arch\":\"pixelcnn\"}",
      "{\"arch\":\"dcgan\",\"channels\":1,\"height\":33,\"width\":33,\"ngf\":1,\"ndf\":1,\"nz\":1,"
      "\"hidden\":1}",
      "{\"arch\":\"dcgan\",\"channels\":1,\"height\":32,\"width\":32,\"ngf\":-1,\"ndf\":1,\"nz\":1,"
      "\"hidden\":1}",
      "{\"arch\":\"dcgan\",\"channels\":1,\"height\":32,\"width\":32,\"ngf\":1,\"ndf\":1,\"nz\":1,"
      "\"hidden\":1,\"minibatch\":\"all\"}"};
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    assert_int_equal(clgen_model_config_from_json(&back, bad[i], "here"), CLGEN_E_FORMAT);
    assert_non_null(strstr(clgen_last_error(), "here"));
  }
}

/* ---- Networks ---- */

/* Every discriminator there is has what is asked of it. */
static void test_what_discriminators_see_of_a_batch(void **state) {
  (void)state;
  static const char *const layers[CLGEN_MINIBATCHES] = {"", "minibatch_std", "minibatch_disc"};
  for (int arch = 0; arch < CLGEN_ARCH_COUNT; ++arch) {
    if (clgen_arch_kind((clgen_arch)arch) != CLGEN_GAN) continue;
    for (int i = CLGEN_MINIBATCH_STD; i < CLGEN_MINIBATCHES; ++i) {
      clgen_model_config c = config_of((clgen_arch)arch, 32, 1);
      c.minibatch = (clgen_minibatch)i;
      clgen_model *m;
      OK(clgen_model_create(&m, &c));
      const clgen_net *d = clgen_model_network_at(m, 1)->net;
      bool found = false;
      char text[96];
      for (int k = 0; k < clgen_net_layer_count(d); ++k)
        found = found || strstr(clgen_net_layer_text(d, k, text, sizeof text), layers[i]);
      if (!found) fail_msg("the discriminator of %s has no layer %s", clgen_arch_name((clgen_arch)arch), layers[i]);
      clgen_model_free(m);
    }
  }
}

static void names_of(const clgen_net *net, char out[1024]) {
  out[0] = 0;
  for (int i = 0; i < clgen_net_tensor_count(net); ++i) {
    const clgen_net_tensor *t = clgen_net_tensor_at(net, i);
    char shape[96];
    size_t n = strlen(out);
    if (t->kind == CLGEN_NET_PARAM && t->shape.ndim > 1)
      snprintf(out + n, 1024 - n, "%s %s;", t->name, clgen_shape_text(&t->shape, shape, sizeof shape));
  }
}

static void test_networks_are_pytorchs(void **state) {
  (void)state;
  static const struct {
    clgen_arch arch;
    int size, channels, network;
    const char *names;
  } cases[] = {
      {CLGEN_ARCH_DCGAN, 32, 1, 0, "0.weight 4x8x4x4;3.weight 8x4x4x4;6.weight 4x2x4x4;9.weight 2x1x4x4;"},
      {CLGEN_ARCH_DCGAN, 32, 1, 1, "0.weight 3x1x4x4;2.weight 6x3x4x4;5.weight 12x6x4x4;8.weight 1x12x4x4;"},
      {CLGEN_ARCH_DCGAN, 64, 3, 0,
       "0.weight 4x16x4x4;3.weight 16x8x4x4;6.weight 8x4x4x4;9.weight 4x2x4x4;12.weight 2x3x4x4;"},
      {CLGEN_ARCH_DCGAN, 64, 3, 1,
       "0.weight 3x3x4x4;2.weight 6x3x4x4;5.weight 12x6x4x4;8.weight 24x12x4x4;11.weight 1x24x4x4;"},
      {CLGEN_ARCH_VAE_MLP, 6, 1, 0, "fc1.weight 5x36;fc21.weight 4x5;fc22.weight 4x5;fc3.weight 5x4;fc4.weight 36x5;"},
      {CLGEN_ARCH_VAE_CONV, 8, 2, 0,
       "conv1.weight 2x2x4x4;conv2.weight 4x2x4x4;fc21.weight 4x16;fc22.weight 4x16;fc3.weight 16x4;deconv1.weight 4x2x4x4;"
       "deconv2.weight 2x2x4x4;"},
  };
  for (size_t i = 0; i < CLGEN_COUNT(cases); ++i) {
    clgen_model_config c = config_of(cases[i].arch, cases[i].size, cases[i].channels);
    clgen_model *m;
    char names[1024];
    OK(clgen_model_create(&m, &c));
    names_of(clgen_model_network_at(m, cases[i].network)->net, names);
    assert_string_equal(names, cases[i].names);
    clgen_model_free(m);
  }
}

/* The usual sizes have the usual numbers of parameters (PyTorch's sum over parameters()). */
static void test_numbers_of_parameters(void **state) {
  (void)state;
  clgen_model_config c = {.arch = CLGEN_ARCH_DCGAN, .channels = 1, .height = 32, .width = 32};
  clgen_model *m;
  OK(clgen_model_create(&m, &c));
  assert_int_equal(clgen_net_param_count(clgen_model_network_at(m, 0)->net), 1066880);
  assert_int_equal(clgen_net_param_count(clgen_model_network_at(m, 1)->net), 661248);
  clgen_model_free(m);
  c = (clgen_model_config){.arch = CLGEN_ARCH_VAE_MLP, .channels = 1, .height = 28, .width = 28};
  OK(clgen_model_create(&m, &c));
  assert_int_equal(clgen_net_param_count(clgen_model_network_at(m, 0)->net), 652824);
  clgen_model_free(m);
}

/* ---- Pixels ---- */

static void test_bytes_there_and_back(void **state) {
  (void)state;
  static const clgen_arch arch[] = {CLGEN_ARCH_DCGAN, CLGEN_ARCH_VAE_MLP};
  for (int k = 0; k < 2; ++k) {
    clgen_model_config c = config_of(arch[k], 32, 1);
    clgen_model *m;
    clgen_graph *g;
    OK(clgen_model_create(&m, &c));
    OK(clgen_graph_create(&g));
    clgen_tensor *x = clgen_input(g, "x", CLGEN_U8, clgen_shape_of(1, 256));
    clgen_tensor *y = NEED(clgen_model_from_bytes(m, x));
    clgen_tensor *logits =
        clgen_log(clgen_div(y, clgen_affine(y, -1, 1))); /* what a VAE's decoder makes; +-inf at the ends */
    clgen_tensor *z = NEED(clgen_model_to_bytes(m, k ? logits : y));
    OK(clgen_output(y));
    OK(clgen_output(z));
    compiled p = compile(g, host);
    uint8_t in[256], out[256];
    for (int i = 0; i < 256; ++i) in[i] = (uint8_t)i;
    OK(clgen_program_write(p.program, x, in, sizeof in));
    OK(clgen_program_run(p.program));
    OK(clgen_program_read(p.program, z, out, sizeof out));
    float *f = read_floats(p.program, y);
    assert_true(fabs((double)f[0] - (k ? 0 : -1)) < 1e-6 && fabs((double)f[255] - 1) < 1e-6);
    assert_memory_equal(in, out, sizeof in);
    free(f);
    free_compiled(&p);
    clgen_graph_free(g);
    clgen_model_free(m);
  }
}

/* ---- Snapshots ---- */

static void compare_states(clgen_store *a, clgen_store *b) {
  assert_true(clgen_store_count(a) > 0);
  for (size_t i = 0; i < clgen_store_count(a); ++i) {
    clgen_dtype dtype;
    clgen_shape shape;
    const char *name = clgen_store_name(a, i);
    OK(clgen_store_info(a, name, &dtype, &shape));
    int64_t n = clgen_shape_count(&shape);
    float *x = new_floats((size_t)n), *y = new_floats((size_t)n);
    OK(clgen_store_read(a, name, 0, n, x));
    OK(clgen_store_read(b, name, 0, n, y));
    assert_memory_equal(x, y, (size_t)n * sizeof *x);
    free(x);
    free(y);
  }
}

static void test_snapshots(void **state) {
  (void)state;
  char a[128], b[128];
  file(a, "a.safetensors"), file(b, "b.safetensors");
  static const clgen_arch arch[] = {CLGEN_ARCH_DCGAN,   CLGEN_ARCH_VAE_MLP, CLGEN_ARCH_VAE_CONV,
                                    CLGEN_ARCH_VAE_RES, CLGEN_ARCH_RESNET,  CLGEN_ARCH_STYLE};
  for (int k = 0; k < 6; ++k) {
    clgen_model_config c = config_of(arch[k], 32, 1);
    clgen_model *m, *back;
    clgen_store *store, *other;
    clgen_safetensors *st;
    OK(clgen_model_create(&m, &c));
    OK(clgen_store_create(&store, host));
    OK(clgen_store_create(&other, host));
    OK(clgen_model_init(m, store, 11));
    const clgen_st_meta meta = {"note", "something"};
    OK(clgen_model_save(m, store, 7, a, &meta, 1));
    OK(clgen_safetensors_open(&st, a));
    assert_string_equal(clgen_safetensors_meta(st, "note"), "something");
    OK(clgen_model_open(&back, st));
    assert_memory_equal(clgen_model_get_config(back), clgen_model_get_config(m), sizeof c);
    OK(clgen_model_load(back, other, st, NULL));
    compare_states(store, other);
    if (k == 0) {
      const struct {
        const char *name;
        int64_t count;
      } tracked[] = {{"G.1.num_batches_tracked", 7}, {"D.3.num_batches_tracked", 21}, {"G_ema.7.num_batches_tracked", 7}};
      for (size_t i = 0; i < CLGEN_COUNT(tracked); ++i) {
        int64_t count;
        memcpy(&count, ((const clgen_st_tensor *)NEED((void *)clgen_safetensors_find(st, tracked[i].name)))->data, 8);
        assert_int_equal(count, tracked[i].count);
      }
    }
    OK(clgen_model_save(back, other, 7, b, &meta, 1));
    void *x, *y;
    size_t nx, ny;
    OK(clgen_file_read(a, 1 << 24, &x, &nx));
    OK(clgen_file_read(b, 1 << 24, &y, &ny));
    assert_int_equal(nx, ny);
    assert_memory_equal(x, y, nx);
    free(x);
    free(y);
    clgen_safetensors_close(st);
    clgen_store_free(store);
    clgen_store_free(other);
    clgen_model_free(m);
    clgen_model_free(back);
  }
}

static void test_foreign_files(void **state) {
  (void)state;
  char path[128];
  file(path, "b.safetensors");
  float w[4] = {0};
  clgen_st_tensor t = {"fc1.weight", CLGEN_ST_F32, clgen_shape_of(2, 2, 2), w};
  clgen_safetensors *st;
  clgen_model *m;
  clgen_generator *g;
  OK(clgen_safetensors_write(path, &t, 1, NULL, 0));
  OK(clgen_safetensors_open(&st, path));
  assert_int_equal(clgen_model_open(&m, st), CLGEN_E_FORMAT);
  clgen_safetensors_close(st);
  clgen_model_config c = config_of(CLGEN_ARCH_VAE_MLP, 6, 1);
  char *json = NEED(clgen_model_config_to_json(&c));
  const clgen_st_meta meta = {"clgen.cfg", json};
  OK(clgen_safetensors_write(path, &t, 1, &meta, 1));
  assert_int_equal(clgen_generator_open(&g, host, path, 2), CLGEN_E_FORMAT); /* fc1.weight of another shape */
  assert_non_null(strstr(clgen_last_error(), "fc1.weight"));
  t.name = "other";
  OK(clgen_safetensors_write(path, &t, 1, &meta, 1));
  assert_int_equal(clgen_generator_open(&g, host, path, 2), CLGEN_E_NOTFOUND);
  assert_null(g);
  free(json);
}

/* ---- Images ---- */

/* An image depends on its latent and on nothing beside: not on the batch that it is made in, nor on its place. */
static void test_images_do_not_depend_on_the_batch(void **state) {
  (void)state;
  clgen_model_config c = config_of(CLGEN_ARCH_DCGAN, 32, 3);
  clgen_model *m;
  clgen_store *store;
  clgen_generator *one, *three;
  OK(clgen_model_create(&m, &c));
  OK(clgen_store_create(&store, host));
  OK(clgen_model_init(m, store, 2));
  OK(clgen_generator_create(&one, m, store, 1));
  OK(clgen_generator_create(&three, m, store, 3));
  enum { N = 5, BYTES = 3 * 32 * 32 };
  float z[N * 4];
  for (uint64_t i = 0; i < N; ++i) clgen_latent_of_seed(i * i, 4, z + 4 * i);
  static uint8_t a[N * BYTES], b[N * BYTES];
  OK(clgen_generator_run(one, N, z, NULL, a));
  OK(clgen_generator_run(three, N, z, NULL, b));
  assert_memory_equal(a, b, sizeof a);
  assert_memory_not_equal(a, a + BYTES, BYTES);
  clgen_generator_free(one);
  clgen_generator_free(three);
  assert_int_equal(clgen_generator_create(&one, m, store, 0), CLGEN_E_INVALID);
  assert_null(one);
  float again[4];
  clgen_latent_of_seed(9, 4, again);
  assert_memory_equal(again, z + 12, sizeof again);
  clgen_store_free(store);
  clgen_model_free(m);
}

/* ---- ELBO ---- */

enum { SIDE = 6, PIXELS = SIDE * SIDE };

static clgen_dataset *data_of(const uint8_t *images, int64_t n) {
  char path[128];
  const int64_t shape[3] = {n, SIDE, SIDE};
  clgen_dataset *data;
  OK(clgen_npy_write(file(path, "x.npy"), CLGEN_NPY_U8, 3, shape, images));
  OK(clgen_dataset_open(&data, path, NULL));
  return data;
}

typedef struct {
  clgen_model *model;
  clgen_store *store;
  const clgen_net *net;
} vae;

static vae open_vae(void) {
  vae v;
  clgen_model_config c = config_of(CLGEN_ARCH_VAE_MLP, SIDE, 1);
  OK(clgen_model_create(&v.model, &c));
  OK(clgen_store_create(&v.store, host));
  OK(clgen_model_init(v.model, v.store, 2));
  v.net = clgen_model_generator_network(v.model)->net;
  return v;
}

static void close_vae(vae *v) {
  clgen_store_free(v->store);
  clgen_model_free(v->model);
}

static void fill(const vae *v, int tensor, float value) {
  const clgen_net_tensor *t = clgen_net_tensor_at(v->net, tensor);
  for (int64_t i = 0; i < clgen_shape_count(&t->shape); ++i)
    OK(clgen_store_write(v->store, "VAE.param", t->offset + i, 1, &value));
}

static clgen_elbo measure(const vae *v, const clgen_dataset *data, uint64_t seed) {
  clgen_elbo e;
  OK(clgen_elbo_measure(v->model, v->store, data, seed, NULL, NULL, &e));
  return e;
}

/* With all weights 0 the encoder says its biases and the decoder its own, whatever the image: all is known. */
static void test_elbo_without_weights(void **state) {
  (void)state;
  enum { N = 131 }; /* a whole batch and a piece of one */
  static uint8_t images[N * PIXELS];
  double sum[N], mean = 0, spread = 0;
  const double softplus1 = log1p(exp(1));
  for (int i = 0; i < N; ++i) {
    sum[i] = 0;
    for (int k = 0; k < PIXELS; ++k) {
      images[i * PIXELS + k] = (uint8_t)(i * 31 + k * 7);
      sum[i] += images[i * PIXELS + k] / 255.0;
    }
    mean += (PIXELS * softplus1 - sum[i]) / N;
  }
  for (int i = 0; i < N; ++i) spread += pow(PIXELS * softplus1 - sum[i] - mean, 2);
  clgen_dataset *data = data_of(images, N);
  vae v = open_vae();
  for (int i = 0; i < 10; ++i) fill(&v, i, 0);
  fill(&v, 3, 1);    /* fc21.bias: the mean */
  fill(&v, 5, 0.5f); /* fc22.bias: the log variance */
  fill(&v, 9, 1);    /* fc4.bias: the logits */
  clgen_elbo e = measure(&v, data, 1);
  assert_int_equal(e.images, N);
  assert_true(fabs(e.reconstruction - mean) < 1e-4);
  assert_true(fabs(e.kl - 4 * 0.5 * (1 + exp(0.5) - 1 - 0.5)) < 1e-4);
  assert_true(fabs(e.negative_elbo - e.reconstruction - e.kl) < 1e-9);
  assert_true(fabs(e.standard_error - sqrt(spread / (N - 1) / N)) < 1e-5);
  close_vae(&v);
  clgen_dataset_close(data);
}

/* One image many times: every copy gets a draw of its own, by the seed. */
static void test_elbo_draws(void **state) {
  (void)state;
  static uint8_t images[256 * PIXELS];
  for (size_t i = 0; i < sizeof images; ++i) images[i] = (uint8_t)(i % PIXELS * 7);
  clgen_dataset *few = data_of(images, 128), *many = data_of(images, 256);
  vae v = open_vae();
  clgen_elbo a = measure(&v, few, 1), b = measure(&v, many, 1);
  assert_true(a.negative_elbo == measure(&v, few, 1).negative_elbo);
  assert_true(a.negative_elbo != measure(&v, few, 2).negative_elbo);
  assert_true(fabs(a.negative_elbo - b.negative_elbo) > 1e-7); /* more than rounding */
  assert_true(a.standard_error > 1e-4 && fabs(a.kl - b.kl) < 1e-5);
  close_vae(&v);
  clgen_dataset_close(few);
  clgen_dataset_close(many);
}

static void test_elbo_of_what_has_none(void **state) {
  (void)state;
  static const uint8_t image[PIXELS];
  clgen_dataset *data = data_of(image, 1);
  clgen_model_config bad[] = {config_of(CLGEN_ARCH_DCGAN, 32, 1), config_of(CLGEN_ARCH_VAE_MLP, SIDE + 1, 1)};
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    vae v = open_vae();
    clgen_model *other;
    clgen_elbo e;
    OK(clgen_model_create(&other, &bad[i]));
    assert_int_equal(clgen_elbo_measure(other, v.store, data, 1, NULL, NULL, &e), CLGEN_E_INVALID);
    clgen_model_free(other);
    close_vae(&v);
  }
  clgen_dataset_close(data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_sizes_that_make_no_sense),
      cmocka_unit_test(test_configuration_as_json),
      cmocka_unit_test(test_what_discriminators_see_of_a_batch),
      cmocka_unit_test(test_networks_are_pytorchs),
      cmocka_unit_test(test_numbers_of_parameters),
      cmocka_unit_test(test_bytes_there_and_back),
      cmocka_unit_test(test_snapshots),
      cmocka_unit_test(test_foreign_files),
      cmocka_unit_test(test_images_do_not_depend_on_the_batch),
      cmocka_unit_test(test_elbo_without_weights),
      cmocka_unit_test(test_elbo_draws),
      cmocka_unit_test(test_elbo_of_what_has_none),
  };
  return cmocka_run_group_tests(tests, open_device, close_device);
}
