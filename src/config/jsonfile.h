/* jsonfile.h - what postern.json says at its top, and how its values are read and complained about.
 */
#ifndef POSTERN_CONFIG_JSONFILE_H
#define POSTERN_CONFIG_JSONFILE_H

#include "config/load.h"

/* Reads the file into load->json and puts the values of ${NAME} in. */
void jsonfile_read(struct load *load, const char *path);

/* Complains about top-level members that mean nothing. */
void jsonfile_check(struct load *load);

struct spot jsonfile_spot(const struct load *load, const struct node *node);

/* A mistake that names file, line and path of the node. */
void jsonfile_mistake(struct load *load, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The text of a string; a mistake and NULL when it is anything else. NULL for no node. */
const char *jsonfile_string(struct load *load, const struct node *node);

#endif
