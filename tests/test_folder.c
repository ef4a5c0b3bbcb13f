/* Folders of pictures: which files are its pictures, splits, classes and labels, what is refused and what is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config.h"
#include "files.h"

static const uint8_t grey[1] = {40}, grey2[1] = {80}, red[3] = {200, 0, 10}, half[4] = {100, 50, 250, 128},
                     ghost[2] = {99, 0};

static void folder_mixed(void **state) {
  (void)state;
  put_picture("mix/a.png", 8, 8, 1, grey);
  put_picture("mix/B.png", 8, 8, 1, grey2); /* capitals before small letters */
  put_picture("mix/c.png", 8, 8, 2, ghost);
  clgen_dataset *ds = open_dataset(file_at("mix"), NULL);
  const clgen_dataset_info *i = clgen_dataset_get_info(ds);
  assert_string_equal(i->format, "image folder");
  assert_true(i->count == 3 && i->channels == 1 && i->height == 8 && i->width == 8 && !i->has_labels);
  assert_true(clgen_dataset_image(ds, 0)[5] == 80 && clgen_dataset_image(ds, 1)[63] == 40 &&
              clgen_dataset_image(ds, 2)[9] == 0);
  clgen_dataset_close(ds);
  const clgen_dataset_options blue = {.background = {0, 0, 255}}; /* what shines through makes it RGB */
  ds = open_dataset(file_at("mix"), &blue);
  assert_int_equal(clgen_dataset_get_info(ds)->channels, 3);
  assert_true(clgen_dataset_image(ds, 2)[0] == 0 && clgen_dataset_image(ds, 2)[128] == 255 &&
              clgen_dataset_image(ds, 1)[128] == 40);
  clgen_dataset_close(ds);

  put_picture("mix/d.png", 12, 20, 3, red); /* the first in colour, and not square */
  put_picture("mix/e.png", 4, 4, 4, half);
  put_picture("mix/.hidden.png", 8, 8, 1, grey);
  put_text("mix/notes.txt", "no picture");
  refuse(file_at("mix"), NULL, CLGEN_E_INVALID, "d.png has 12 x 20");
  const clgen_dataset_options white = {.resolution = 8, .background = {255, 255, 255}};
  ds = open_dataset(file_at("mix"), &white);
  i = clgen_dataset_get_info(ds);
  assert_true(i->count == 5 && i->channels == 3 && i->height == 8 && i->width == 8 && i->passed_over == 0);
  assert_true(i->min_width == 4 && i->max_width == 12 && i->min_height == 4 && i->max_height == 20);
  static const uint8_t right[5][3] = {{80, 80, 80}, {40, 40, 40}, {255, 255, 255}, {200, 0, 10}, {177, 152, 252}};
  for (int n = 0; n < 5; ++n)
    for (int k = 0; k < 3 * 64; ++k)
      if (clgen_dataset_image(ds, n)[k] != right[n][k / 64])
        fail_msg("image %d, %d: %d", n, k, clgen_dataset_image(ds, n)[k]);
  clgen_dataset_close(ds);

  const clgen_dataset_options alpha = {.resolution = 4, .channels = 4}, luma = {.resolution = 4, .channels = 1};
  ds = open_dataset(file_at("mix"), &alpha);
  for (int k = 0; k < 4; ++k) assert_int_equal(clgen_dataset_image(ds, 4)[16 * k], half[k]);
  assert_int_equal(clgen_dataset_image(ds, 0)[48], 255);
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("mix"), &luma);
  assert_int_equal(clgen_dataset_image(ds, 3)[0], 61); /* 0.299 * 200 + 0.114 * 10 */
  clgen_dataset_close(ds);
}

/* The middle square is what stays: a picture with bars at both ends. */
static void folder_cut(void **state) {
  (void)state;
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, 30, 10, 1), 0);
  for (int k = 0; k < 300; ++k) im.data[k] = k % 30 < 10 || k % 30 >= 20 ? 255 : 7;
  put_file("cut/a.png", "", 0);
  assert_int_equal(clgen_image_write_png(file_at("cut/a.png"), &im), 0);
  clgen_image_free(&im);
  const clgen_dataset_options o = {.resolution = 5};
  clgen_dataset *ds = open_dataset(file_at("cut"), &o);
  for (int k = 0; k < 25; ++k) assert_int_equal(clgen_dataset_image(ds, 0)[k], 7);
  clgen_dataset_close(ds);
}

static void folder_classes(void **state) {
  (void)state;
  put_picture("sub/cat/1.png", 4, 4, 1, grey);
  put_picture("sub/cat/deep/er/2.png", 4, 4, 1, grey);
  clgen_dataset *ds = open_dataset(file_at("sub"), NULL); /* one folder is no class */
  assert_true(clgen_dataset_get_info(ds)->count == 2 && !clgen_dataset_get_info(ds)->has_labels);
  assert_int_equal(clgen_dataset_label(ds, 0), -1);
  clgen_dataset_close(ds);
  put_picture("sub/ant/9.png", 4, 4, 1, grey2);
  ds = open_dataset(file_at("sub"), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->classes, 2);
  assert_string_equal(clgen_dataset_class_name(ds, 0), "ant");
  assert_string_equal(clgen_dataset_class_name(ds, 1), "cat");
  assert_true(clgen_dataset_label(ds, 0) == 0 && clgen_dataset_label(ds, 1) == 1 && clgen_dataset_label(ds, 2) == 1);
  assert_int_equal(clgen_dataset_image(ds, 0)[0], 80);
  clgen_dataset_close(ds);
  put_picture("sub/top.png", 4, 4, 1, grey); /* one beside folders of classes */
  ds = open_dataset(file_at("sub"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 3 && clgen_dataset_get_info(ds)->classes == 2);
  assert_int_equal(clgen_dataset_get_info(ds)->passed_over, 1);
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 0), "top.png: left out"));
  clgen_dataset_close(ds);
  for (int k = 0; k < 4; ++k) { /* more in the folder itself: those */
    char name[] = "sub/top0.png";
    name[7] = (char)('0' + k);
    put_picture(name, 4, 4, 1, grey);
  }
  ds = open_dataset(file_at("sub"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 5 && !clgen_dataset_get_info(ds)->has_labels);
  assert_int_equal(clgen_dataset_get_info(ds)->left_out, 3);
  assert_non_null(strstr(files_log, "are left out"));
  clgen_dataset_close(ds);
}

/* By what they hold, not by what they are called. */
static void folder_contents(void **state) {
  (void)state;
  put_picture("kinds/plain", 4, 4, 1, grey);
  put_picture("kinds/photo.dat", 4, 4, 1, grey);
  put_text("kinds/notes.txt", "no picture");
  put_text("kinds/archive", "RIFF....WEBPVP8 ");
  put_file("kinds/phone.HEIC",
           "\0\0\0\x18"
           "ftypheic....",
           16);
  put_text("kinds/scan.ppm", "P6 1 1 255 ...");
  put_text("kinds/pixels", "P6\n1 1\n255\n...");
  put_file("kinds/paint", "BM\x46\0\0\0\0\0\0\0\x36\0\0\0", 14);
  put_text("kinds/words", "BM is the British Museum, P1 it is not");
  clgen_dataset *ds = open_dataset(file_at("kinds"), NULL);
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  assert_true(info->count == 2 && info->passed_over == 5 && info->other_files == 2);
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 0), "archive: a WebP"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 2), "phone.HEIC: a HEIC"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 1), "paint: a BMP"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 3), "pixels: a PPM"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 4), "scan.ppm: a PPM"));
  clgen_dataset_close(ds);
  static const char *const pointers[] = {
      "pointer/a.png",          "array.npy",           "arrays.npz",          "train-images-idx3-ubyte.gz",
      "cifar/data_batch_1.bin", "labelled/labels.csv", "listed/dataset.json", "whatever"};
  put_picture("labelled/a.png", 4, 4, 1, grey);
  put_picture("listed/a.png", 4, 4, 1, grey);
  for (size_t i = 0; i < CLGEN_COUNT(pointers); ++i) {
    char path[80];
    snprintf(path, sizeof path, "%s", pointers[i]);
    put_text(path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    if (strncmp(path, "cifar", 5) == 0) put_text("cifar/test_batch.bin", "");
    if (strchr(path, '/')) *strchr(path, '/') = 0;
    refuse(file_at(path), NULL, CLGEN_E_FORMAT, "Git LFS");
  }
}

/* Ink on nothing, on a background of the ink's colour. */
static void folder_blank(void **state) {
  (void)state;
  clgen_image im;
  assert_int_equal(clgen_image_create(&im, 4, 4, 4), 0);
  for (int k = 0; k < 16; ++k) im.data[4 * k + 3] = k % 3 ? 255 : 0;
  put_file("ink/a.png", "", 0);
  assert_int_equal(clgen_image_write_png(file_at("ink/a.png"), &im), 0);
  clgen_image_free(&im);
  clgen_dataset *ds = open_dataset(file_at("ink"), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->blank, 1);
  assert_non_null(strstr(files_log, "--background"));
  clgen_dataset_close(ds);
  const clgen_dataset_options white = {.background = {255, 255, 255}};
  ds = open_dataset(file_at("ink"), &white);
  assert_int_equal(clgen_dataset_get_info(ds)->blank, 0);
  clgen_dataset_close(ds);
}

/* Columns under headings, blanks, quotes, names without an ending or from another system, numbers from 1. */
static void folder_csv_forms(void **state) {
  (void)state;
  static const char *const csv[] = {
      "file,class,\n0.png,cat,\n1.png,dog,\n",
      "file,class,split\n0.png,cat,train\n1.png,dog,train\n",
      ("\xef\xbb\xbf"
       "image_id,label\r\n0,cat\r\n1,dog\r\n"),
      ",file_name,size,Label\n0,\"0.png\",9,\"cat\"\n1,1.png,9,dog\n",
      "./0.png, cat\n.\\1.png ,dog\n",
      "0.png\tcat\n1.png\tdog\n",
      "0.png;cat\n\n1.png;dog",
      "bild,klasse\n0.png,cat\n1.png,dog\n",
      "label,path\ncat,0.png\ndog,1.png\n",
      "cat,0.png\ndog,1.png\n",
      "sep=;\r\nfile;class\r\n0.png;cat\r\n1.png;dog\r\n",
  };
  put_picture("forms/0.png", 4, 4, 1, grey);
  put_picture("forms/1.png", 4, 4, 1, grey2);
  for (size_t i = 0; i < CLGEN_COUNT(csv); ++i) {
    put_text("forms/labels.csv", csv[i]);
    clgen_dataset *ds = open_dataset(file_at("forms"), NULL);
    const clgen_dataset_info *info = clgen_dataset_get_info(ds);
    if (info->count != 2 || info->classes != 2 || info->passed_over) fail_msg("form %zu", i);
    assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 0)), "cat");
    assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 1)), "dog");
    clgen_dataset_close(ds);
  }
#if CLGEN_HAVE_UTF8PROC
  put_picture("forms/e\xcc\x81.png", 4, 4, 1, grey); /* as macOS stores it, and as people write it */
  put_text("forms/labels.csv", "\xc3\xa9.png,cat\n0.png,dog\n1.png,dog\n");
  clgen_dataset *accents = open_dataset(file_at("forms"), NULL);
  assert_true(clgen_dataset_get_info(accents)->passed_over == 0 && clgen_dataset_label(accents, 2) == 0);
  clgen_dataset_close(accents);
  assert_int_equal(unlink(file_at("forms/e\xcc\x81.png")), 0);
#endif
  put_text("forms/labels.csv", "file,class\n0.png,1\n1.png,2\n");
  clgen_dataset *ds = open_dataset(file_at("forms"), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->classes, 2);
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 1)), "2");
  clgen_dataset_close(ds);
  put_text("forms/labels.csv", "file,class\n0.png,1.0\n1.png,10.0\n"); /* numbers, as pandas writes them */
  ds = open_dataset(file_at("forms"), NULL);
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 1)), "10");
  assert_int_equal(clgen_dataset_get_info(ds)->classes, 10);
  clgen_dataset_close(ds);
  put_text("forms/labels.csv", "file,class\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "no file has a class");
  put_text("forms/labels.csv", "/home/me/0.png,cat\n/home/me/1.png,dog\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "'home/me/0.png' where the folder has '0.png'");
  put_text("forms/labels.csv", "file,class,split\n0.png,cat,train\n1.png,dog,val\n");
  const clgen_dataset_options testing = {.split = "test"};
  ds = open_dataset(file_at("forms"), &testing);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && !strstr(files_log, "all images are used"));
  clgen_dataset_close(ds);
  ds = open_dataset(file_at("forms"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && clgen_dataset_image(ds, 0)[0] != 80);
  clgen_dataset_close(ds);
  put_text("forms/labels.csv", "file,\"a\nb\",class\n0.png,x,cat\n1.png\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "line 4: expected");
  put_text("forms/labels.csv", "file,width,height\n0.png,4,4\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "none of its 3 headings");
  put_text("forms/labels.csv", "file,class\n0.png,\"cat\n1.png,dog\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "line 2: a quoted field has no closing quote");
  put_file("forms/labels.csv",
           "\xff\xfe"
           "0\0,\0",
           6);
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "UTF-16");
  put_text("forms/labels.csv", "file,class\n0.png,\n1.png,dog\n");
  ds = open_dataset(file_at("forms"), NULL);
  assert_true(clgen_dataset_get_info(ds)->classes == 1 && clgen_dataset_label(ds, 0) == -1);
  clgen_dataset_close(ds);
  put_text("forms/labels.csv", "0.png,cat,train\n1.png,dog,train\n");
  refuse(file_at("forms"), NULL, CLGEN_E_FORMAT, "line 1: expected");
}

/* What systems put beside pictures, downloads that failed, and values of a small range. */
static void folder_odd(void **state) {
  (void)state;
  const uint8_t dark[1] = {12};
  put_picture("odd/cat/0.png", 4, 4, 1, dark);
  put_picture("odd/dog/1.png", 4, 4, 1, dark);
  put_picture("odd/@eaDir/1.png", 4, 4, 1, grey);
  put_picture("odd/__MACOSX/cat/0.png", 4, 4, 1, grey);
  put_text("odd/cat/2.png", "<!DOCTYPE html><html>404</html>");
  clgen_dataset *ds = open_dataset(file_at("odd"), NULL);
  const clgen_dataset_info *info = clgen_dataset_get_info(ds);
  assert_true(info->count == 2 && info->classes == 2 && info->passed_over == 1);
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 0), "cat/2.png: a web page"));
  assert_non_null(strstr(files_log, "almost black: the largest pixel value is 12 "));
  clgen_dataset_close(ds);
  put_text("odd/Labels.csv", "0.png,cat\n");
  clgen_dataset_close(open_dataset(file_at("odd"), NULL));
  assert_non_null(strstr(files_log, "Labels.csv is not read"));
  refuse(put_text("images.tar.gz", "not one at all"), NULL, CLGEN_E_UNSUPPORTED, "TAR archive");
  refuse(put_text("x.parquet", "PAR1...."), NULL, CLGEN_E_UNSUPPORTED, "Parquet");
  refuse(put_text("x.h5", "\x89HDF\r\n\x1a\n"), NULL, CLGEN_E_UNSUPPORTED, "HDF5");
  refuse(put_text("x.pkl", "\x80\x04...."), NULL, CLGEN_E_UNSUPPORTED, "pickle");
}

static void folder_csv(void **state) {
  (void)state;
  const clgen_dataset_options strict = {.strict = true};
  for (int i = 0; i < 4; ++i) {
    char name[] = "csv/0.png";
    name[4] = (char)('0' + i);
    put_picture(name, 4, 4, 1, grey);
  }
  put_text("csv/labels.csv",
           "\xef\xbb\xbf"
           "file,category\r\n1.png,\"Food, \"\"good\"\"\"\r\n\n0.png,Objects\n3.png,Food & Drink\n2.png,Objects");
  clgen_dataset *ds = open_dataset(file_at("csv"), &strict);
  assert_int_equal(clgen_dataset_get_info(ds)->classes, 3);
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 1)), "Food, \"good\"");
  assert_string_equal(clgen_dataset_class_name(ds, clgen_dataset_label(ds, 2)), "Objects");
  assert_int_equal(clgen_dataset_label(ds, 0), clgen_dataset_label(ds, 2));
  clgen_dataset_close(ds);
  put_text("csv/labels.csv", "0.png,10\n1.png,2\n9.png,0\n"); /* numbers stay; one is not there, two are not named */
  ds = open_dataset(file_at("csv"), NULL);
  assert_true(clgen_dataset_get_info(ds)->classes == 11 && clgen_dataset_label(ds, 0) == 10 &&
              clgen_dataset_label(ds, 1) == 2);
  assert_int_equal(clgen_dataset_label(ds, 3), -1);
  assert_int_equal(clgen_dataset_get_info(ds)->passed_over, 1);
  assert_string_equal(clgen_dataset_passed_over(ds, 0), "9.png: named in labels.csv, but not there");
  assert_non_null(strstr(files_log, "2 of 4"));
  clgen_dataset_close(ds);
  refuse(file_at("csv"), &strict, CLGEN_E_NOTFOUND, "9.png");
  put_text("csv/labels.csv", "0.png,10\n1.png,2\n2.png,0\n");
  refuse(file_at("csv"), &strict, CLGEN_E_FORMAT, "1 images have no class");
  put_text("csv/labels.csv", "0.png,a\n0.png,b\n");
  refuse(file_at("csv"), NULL, CLGEN_E_FORMAT, "two classes");
  put_text("csv/labels.csv", "0.png,a\n1.png\n");
  refuse(file_at("csv"), NULL, CLGEN_E_FORMAT, "line 2");
  put_file("csv/labels.csv", "0.png,1\n1\0", 10);
  refuse(file_at("csv"), NULL, CLGEN_E_FORMAT, "not text");
  put_text("csv/labels.csv", "0.png,a,b\n");
  refuse(file_at("csv"), NULL, CLGEN_E_FORMAT, "line 1");
  put_text("csv/labels.csv", "0.png,1\n1.png,0\n2.png,x\n3.png,0\n");
  damage_file(file_at("csv/labels.csv"), file_at("csv"), false);
}

static void folder_json(void **state) {
  (void)state;
  put_picture("json/00000/img0.png", 4, 4, 1, grey);
  put_picture("json/00000/img1.png", 4, 4, 1, grey2);
  put_text("json/dataset.json", "{\"labels\": [[\"00000/img0.png\", 3], [\"00000/img1.png\", 0]]}");
  clgen_dataset *ds = open_dataset(file_at("json"), NULL);
  assert_true(clgen_dataset_get_info(ds)->classes == 4 && clgen_dataset_label(ds, 0) == 3 &&
              clgen_dataset_label(ds, 1) == 0);
  clgen_dataset_close(ds);
  put_picture("json/top.png", 4, 4, 1, grey); /* names with folders: all folders are looked into */
  ds = open_dataset(file_at("json"), NULL);
  assert_int_equal(clgen_dataset_get_info(ds)->count, 3);
  clgen_dataset_close(ds);
  damage_file(file_at("json/dataset.json"), file_at("json"), true);
  put_text("json/dataset.json", "{\"labels\": null}");
  ds = open_dataset(file_at("json"), NULL);
  assert_false(clgen_dataset_get_info(ds)->has_labels);
  clgen_dataset_close(ds);
  static const char *const bad[] = {"{\"labels\": {}}",
                                    "[]",
                                    "{\"labels\": [[\"a.png\"]]}",
                                    "{\"labels\": [[1, 2]]}",
                                    "{\"labels\": [[\"a.png\", 0.5]]}",
                                    "{\"labels\": [[\"a.png\", [0, 1]]]}"};
  for (size_t i = 0; i < CLGEN_COUNT(bad); ++i) {
    put_text("json/dataset.json", bad[i]);
    refuse(file_at("json"), NULL, CLGEN_E_FORMAT, "dataset.json");
  }
}

static void folder_refused(void **state) {
  (void)state;
  const clgen_dataset_options strict = {.strict = true};
  assert_int_equal(clgen_make_folders(file_at("bad")), 0);
  refuse(file_at("bad"), NULL, CLGEN_E_FORMAT, "found no dataset");
  refuse(file_at("not-there"), NULL, CLGEN_E_NOTFOUND, "not-there");
  refuse(put_text("letter.txt", "Dear"), NULL, CLGEN_E_FORMAT, "44 65 61 72");
  refuse(put_text("nothing", ""), NULL, CLGEN_E_FORMAT, "empty");
  refuse(put_picture("one.png", 4, 4, 1, grey), NULL, CLGEN_E_FORMAT, "single image");
  put_text("bad/b.png", "not a picture");
  refuse(file_at("bad"), NULL, CLGEN_E_FORMAT, "none of 1 files");
  put_picture("bad/a.png", 4, 4, 1, grey);
  put_text("bad/c.gif", "GIF89a..........");
  assert_int_equal(symlink("nowhere", file_at("bad/d.png")), 0);
  clgen_dataset *ds = open_dataset(file_at("bad"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 1 && clgen_dataset_get_info(ds)->passed_over == 3);
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 0), "b.png: neither"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 1), "c.gif: a GIF"));
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 2), "d.png: No such file"));
  clgen_dataset_close(ds);
  refuse(file_at("bad"), &strict, CLGEN_E_FORMAT, "b.png: neither");
  assert_int_equal(clgen_make_folders(file_at("circle/in")), 0);
  assert_int_equal(symlink("..", file_at("circle/in/out")), 0);
  refuse(file_at("circle"), NULL, CLGEN_E_FORMAT, "a link to a folder above it");
  put_picture("circle/in/side/a.png", 4, 4, 1, grey); /* with a picture somewhere it is no more than a thing to say */
  put_picture("circle/in/more/b.png", 4, 4, 1, grey);
  ds = open_dataset(file_at("circle"), NULL);
  assert_true(clgen_dataset_get_info(ds)->count == 2 && clgen_dataset_get_info(ds)->classes == 2);
  assert_true(clgen_dataset_get_info(ds)->passed_over == 1);
  assert_non_null(strstr(clgen_dataset_passed_over(ds, 0), "a link to a folder above it"));
  clgen_dataset_close(ds);
  const clgen_dataset_options options[] = {
      {.resolution = -1}, {.resolution = 100000}, {.channels = 5}, {.subset = -1}, {.subset = 2}};
  for (size_t i = 0; i < CLGEN_COUNT(options); ++i) {
    int code = try_dataset(&ds, file_at("bad"), &options[i]);
    assert_int_equal(code, CLGEN_E_INVALID);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(folder_mixed), cmocka_unit_test(folder_cut),       cmocka_unit_test(folder_classes),
      cmocka_unit_test(folder_csv),   cmocka_unit_test(folder_csv_forms), cmocka_unit_test(folder_contents),
      cmocka_unit_test(folder_blank), cmocka_unit_test(folder_json),      cmocka_unit_test(folder_refused),
      cmocka_unit_test(folder_odd),
  };
  return cmocka_run_group_tests_name("folder", tests, files_set_up, files_tear_down);
}
