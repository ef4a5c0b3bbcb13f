/* What the files of this room share. */
#ifndef CLGEN_TRAIN_INTERNAL_H
#define CLGEN_TRAIN_INTERNAL_H

#include <clgen/train.h>

#include "base/base.h"

#endif
