/* rules.h - a breaker's rules from the CIRCUIT_ options. */
#ifndef POSTERN_CONFIG_RULES_H
#define POSTERN_CONFIG_RULES_H

#include "config/option.h"
#include "core/breaker.h"

void rules_make(const struct options *options, struct breaker_rules *rules);

#endif
