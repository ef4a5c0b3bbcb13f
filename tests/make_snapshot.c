/* make_snapshot ARCH FILE: writes a small, freshly initialised network as `clgen train` would, for tests of commands. */
#include <stdio.h>

#include <clgen/error.h>
#include <clgen/model.h>

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: make_snapshot ARCH FILE\n");
    return 2;
  }
  clgen_model_config config = {.channels = 1, .height = 32, .width = 32, .ngf = 4, .ndf = 4, .nz = 8, .hidden = 16};
  const clgen_st_meta meta[] = {{"clgen.kimg", "3"}, {"clgen.options", "{\"lr\": 0.0002, \"cfg\": \"dcgan\"}"}};
  clgen_device *device = NULL;
  clgen_store *store = NULL;
  clgen_model *model = NULL;
  int code = clgen_arch_parse(argv[1], &config.arch);
  if (!code) code = clgen_device_open(&device, "host", NULL);
  if (!code) code = clgen_store_create(&store, device);
  if (!code) code = clgen_model_create(&model, &config);
  if (!code) code = clgen_model_init(model, store, 1);
  if (!code) code = clgen_model_save(model, store, 7, argv[2], meta, 2);
  if (code) fprintf(stderr, "make_snapshot: %s\n", clgen_last_error());
  clgen_model_free(model);
  clgen_store_free(store);
  clgen_device_close(device);
  return code ? 1 : 0;
}
