/* settings.h - from names to values: what was written for each option, and by whom. */
#ifndef POSTERN_CONFIG_SETTINGS_H
#define POSTERN_CONFIG_SETTINGS_H

#include "config/load.h"

/* Fills load->settings: the environment goes before the .env file, that before postern.json.
 * Complains about names under our prefixes that are no option. */
void settings_gather(struct load *load);

/* Fills load->options: the profile's defaults, then what was written. */
void settings_parse(struct load *load);

/* What was written for the option of this environment name. */
const struct setting *settings_find(const struct load *load, const char *env);

/* Reads the option members of an upstream in postern.json into `options`. `others` (up to NULL) are
 * the names of its members that are no options; any further one is a mistake. */
void settings_parse_own(struct load *load, const struct node *object, const char *const *others,
                        struct options *options);

/* How many parts a list has that commas divide; at least one. */
size_t settings_count_parts(const char *text);

#endif
