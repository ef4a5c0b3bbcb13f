#ifndef CLGEN_OPTIONS_INTERNAL_H
#define CLGEN_OPTIONS_INTERNAL_H

#include <clgen/options.h>

/* A bound that only says "there is none". */
#define OPTION_NO_LIMIT 1e12

/* What a number may be: "a whole number from 1 to 64". */
const char *clgen_option_range(const clgen_option *row, char *buf, size_t size);
/* Whether it lies in the row's range. */
bool clgen_option_allows(const clgen_option *row, double value);

#endif
