/* fill.h - from the values of the options to the struct that the other rooms read. */
#ifndef POSTERN_CONFIG_FILL_H
#define POSTERN_CONFIG_FILL_H

#include "config/load.h"

/* Everything of load->config that is neither upstream nor route nor key. */
void fill_config(struct load *load);

#endif
