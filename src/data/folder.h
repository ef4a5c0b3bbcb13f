/* Between folder.c and folder_find.c. */
#ifndef CLGEN_DATA_FOLDER_H
#define CLGEN_DATA_FOLDER_H

#include "data/data_internal.h"

bool clgen_folder_is(const char *name); /* of a list of names: it ends with a slash */
/* From a folder to the one in it that holds the pictures: the part for training or testing, or the only one. Replaces *path
 * (from malloc) and *entries. *splits: there are parts. */
int clgen_folder_descend(clgen_dataset *ds, char **path, clgen_names *entries, bool *splits);
/* Its pictures, sorted. CLGEN_E_FORMAT: none. */
int clgen_folder_find(clgen_dataset *ds, const char *path, const clgen_names *entries, const clgen_labels *labels,
                      clgen_names *out);

#endif
