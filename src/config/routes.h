/* routes.h - which upstreams are tried for which model. */
#ifndef POSTERN_CONFIG_ROUTES_H
#define POSTERN_CONFIG_ROUTES_H

#include "config/load.h"

/* Fills config->routes. To be called after upstreams_make(). */
void routes_make(struct load *load);

#endif
