/* inert.h - options that were written but change nothing, given the others. */
#ifndef POSTERN_CONFIG_INERT_H
#define POSTERN_CONFIG_INERT_H

#include "config/option.h"

/* Why the option has no effect among these; NULL: it has one. */
const char *inert_reason(const struct option *option, const struct options *options);

#endif
