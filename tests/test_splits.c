/* Splits in folders of pictures, and what lies beside a dataset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config.h"
#include "files.h"

static const uint8_t grey[1] = {40}, grey2[1] = {80};

static void folder_splits(void **state) {
  (void)state;
  const clgen_dataset_options test = {.split = "test"};
  put_picture("split/train/x/1.png", 4, 4, 1, grey);
  put_picture("split/train/y/1.png", 4, 4, 1, grey);
  put_picture("split/test/x/1.png", 4, 4, 1, grey2);
  clgen_dataset *ds = open_dataset(file_at("split"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 2 && clgen_dataset_get_info(ds)->classes == 2);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("split"), &test);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && clgen_dataset_image(ds, 0)[0] == 80);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("split/train"), &test);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 2);
  assert_non_null(strstr(files_log, "all images are used"));
  clgen_dataset_close(ds);
  static const char *const names[][2] = {{"Train", "Valid"},
                                         {"training", "testing"},
                                         {"TRAIN", "validation"},
                                         {"train", "dev"},
                                         {"trn", "Evaluation"},
                                         {"in/train", "in/val"},
                                         {"a/b/Training", "a/b/holdout"},
                                         {"train2017", "val2017"},
                                         {"training_set/training_set", "test_set/test_set"},
                                         {"seg_train/a", "seg_test/a"},
                                         {"trainset", "Test-Images"}};
  for (size_t i = 0; i < CLGEN_COUNT(names); ++i) {
    char name[80];
    for (int k = 0; k < 3; ++k) {
      snprintf(name, sizeof name, "split%zu/%s/%c/1.png", i, names[i][k / 2], "xyx"[k]);
      put_picture(name, 4, 4, 1, k < 2 ? grey : grey2);
    }
    snprintf(name, sizeof name, "split%zu", i);
    ds = open_dataset(file_at(name), NULL);
    assert_true(clgen_dataset_get_info(ds)->count == 2 && clgen_dataset_get_info(ds)->classes == 2);
    clgen_dataset_close(ds);
    ds = open_dataset(file_at(name), &test);
    assert_true(clgen_dataset_get_info(ds)->count == 1 && clgen_dataset_image(ds, 0)[0] == 80);
    clgen_dataset_close(ds);
  }
}

/* What lies beside a dataset in its folder: one stray picture, annotations, what macOS packs, folders of other kinds. */
static void folder_beside(void **state) {
  (void)state;
  static const char *const beside[][2] = {{"sample.png", "not in the folder of a split"},
                                          {"unlabeled/1.png", "left out: unlabeled"},
                                          {"annotations/1.xml", ""},
                                          {"__MACOSX/train/._1.png", ""}};
  char name[80];
  for (size_t i = 0; i < CLGEN_COUNT(beside); ++i)
    for (int with_test = i < 2; with_test < 2; ++with_test) {
      static const char *const files[] = {"train/x/1.png", "train/y/1.png", "test/x/1.png"};
      for (int k = 0; k < 2 + with_test; ++k) {
        snprintf(name, sizeof name, "beside%zu%d/%s", i, with_test, files[k]);
        put_picture(name, 4, 4, 1, grey);
      }
      snprintf(name, sizeof name, "beside%zu%d/%s", i, with_test, beside[i][0]);
      if (i < 2)
        put_picture(name, 4, 4, 1, grey2);
      else
        put_text(name, "no picture");
      snprintf(name, sizeof name, "beside%zu%d", i, with_test);
      clgen_dataset *ds = open_dataset(file_at(name), NULL);
      const clgen_dataset_info *info = clgen_dataset_get_info(ds);
      assert_true(info->count == 2 && info->classes == 2 && info->passed_over == (i == 0));
      assert_string_equal(clgen_dataset_class_name(ds, 1), "y");
      assert_non_null(strstr(i ? files_log : clgen_dataset_passed_over(ds, 0), beside[i][1]));
      clgen_dataset_close(ds);
    }
  put_text("beside01/labels.csv", "train/x/1.png,x\n");
  clgen_dataset_close(open_dataset(file_at("beside01"), NULL));
  assert_non_null(strstr(files_log, "labels.csv is not read, since it lies beside"));
  put_picture("yolo/images/train/1.png", 4, 4, 1, grey);
  put_picture("yolo/images/val/2.png", 4, 4, 1, grey);
  put_text("yolo/labels/train/1.txt", "0 0 0 1 1");
  clgen_dataset *ds = open_dataset(file_at("yolo"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && !clgen_dataset_get_info(ds)->has_labels);
  clgen_dataset_close(ds);
  put_picture("traffic/train/1.png", 4, 4, 1, grey);
  put_picture("traffic/bus/2.png", 4, 4, 1, grey);
  ds = open_dataset(file_at("traffic"), NULL);
  assert_true(clgen_dataset_get_info(ds)->classes == 2 && strstr(files_log, "'train' is read as a class"));
  clgen_dataset_close(ds);
}

/* cat/train, cat/test, dog/train, ... */
static void folder_splits_in_classes(void **state) {
  (void)state;
  put_picture("within/cat/train/1.png", 4, 4, 1, grey);
  put_picture("within/cat/train/2.png", 4, 4, 1, grey);
  put_picture("within/dog/train/3.png", 4, 4, 1, grey);
  put_picture("within/dog/Val/4.png", 4, 4, 1, grey2);
  const clgen_dataset_options test = {.split = "test"};
  clgen_dataset *ds = open_dataset(file_at("within"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 3 && clgen_dataset_get_info(ds)->classes == 2);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("within"), &test);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && clgen_dataset_image(ds, 0)[0] == 80);
  assert_true(clgen_dataset_label(ds, 0) == 1 && !strstr(files_log, "all images are used"));
  clgen_dataset_close(ds);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(folder_splits), cmocka_unit_test(folder_beside),
                                     cmocka_unit_test(folder_splits_in_classes)};
  return cmocka_run_group_tests_name("splits", tests, files_set_up, files_tear_down);
}
