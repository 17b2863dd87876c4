/* upstreams.h - the endpoints: from PRIMARY_ and FALLBACK_, or from postern.json. */
#ifndef POSTERN_CONFIG_UPSTREAMS_H
#define POSTERN_CONFIG_UPSTREAMS_H

#include "config/load.h"

/* Fills upstreams and upstream_count of the configuration. */
void upstreams_make(struct load *load);

const struct upstream *upstreams_find(const struct load *load, const char *name); /* or NULL */

#endif
