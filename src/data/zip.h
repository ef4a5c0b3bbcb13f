/* Just enough of ZIP for NPZ: stored and deflated members, ZIP64. */
#ifndef CLGEN_DATA_ZIP_H
#define CLGEN_DATA_ZIP_H

#include <stddef.h>

typedef struct clgen_zip clgen_zip;
int clgen_zip_open(clgen_zip **out, const char *path);
void clgen_zip_close(clgen_zip *zip);
size_t clgen_zip_count(const clgen_zip *zip);
const char *clgen_zip_name(const clgen_zip *zip, size_t i);
/* The member's bytes, its checksum checked; free(*data). */
int clgen_zip_read(clgen_zip *zip, size_t i, void **data, size_t *size);

#endif
