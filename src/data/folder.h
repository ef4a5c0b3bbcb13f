/* Between folder.c, folder_descend.c and folder_find.c. */
#ifndef CLGEN_DATA_FOLDER_H
#define CLGEN_DATA_FOLDER_H

#include <sys/types.h>

#include "data/data_internal.h"

bool clgen_folder_is(const char *name); /* of a list of names: it ends with a slash */
/* By its ending, kinds that are not read among them, so that they are passed over with a reason; else by its first bytes. */
bool clgen_folder_is_picture(const char *folder, const char *name);
bool clgen_folder_is_labels(const char *name); /* labels.csv and the like */
/* Warns of files in a folder that may be meant as labels but are not read as such: tables of another name, and, where
 * `splits` are read, all of them. */
void clgen_folder_warn_of_tables(const clgen_dataset *ds, const char *path, const clgen_names *entries, bool splits);
/* The folders that a walk is in: a link to one of them would never end. */
typedef struct clgen_folder_chain {
  const struct clgen_folder_chain *above;
  dev_t device;
  ino_t inode;
} clgen_folder_chain;
/* Whether `path` is a folder of `above` (NULL: none). *here: the chain with it. */
bool clgen_folder_loops(const char *path, const clgen_folder_chain *above, clgen_folder_chain *here);
/* From a folder to the one in it that holds the pictures: the split for training or testing, or the only one. Replaces *path
 * (from malloc) and *entries. *splits: there are both. */
int clgen_folder_descend(clgen_dataset *ds, char **path, clgen_names *entries, bool *splits);
/* Its pictures, sorted. CLGEN_E_FORMAT: none. */
int clgen_folder_find(clgen_dataset *ds, const char *path, const clgen_names *entries, const clgen_labels *labels,
                      clgen_names *out);

#endif
