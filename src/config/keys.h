/* keys.h - who gets in, and the list of all that must never be shown. */
#ifndef POSTERN_CONFIG_KEYS_H
#define POSTERN_CONFIG_KEYS_H

#include "config/load.h"

/* Fills the keys, the admins and the secrets of the configuration. To be called last. */
void keys_make(struct load *load);

#endif
