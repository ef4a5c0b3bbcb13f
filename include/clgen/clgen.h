/* Everything. */
#ifndef CLGEN_CLGEN_H
#define CLGEN_CLGEN_H

#include <clgen/error.h>
#include <clgen/device.h>
#include <clgen/graph.h>
#include <clgen/nn.h>
#include <clgen/blocks.h>
#include <clgen/model.h>
#include <clgen/data.h>
#include <clgen/npy.h>
#include <clgen/image.h>
#include <clgen/plot.h>
#include <clgen/metrics.h>
#include <clgen/safetensors.h>
#include <clgen/options.h>
#include <clgen/elbo.h>
#include <clgen/features.h>
#include <clgen/evaluator.h>
#include <clgen/assess.h>
#include <clgen/train.h>
#include <clgen/report.h>
#include <clgen/adapt.h>
#include <clgen/augment.h>

#endif
