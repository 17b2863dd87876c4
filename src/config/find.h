/* find.h - where the files are, and whether they may be used. Nothing below a document root is. */
#ifndef POSTERN_CONFIG_FIND_H
#define POSTERN_CONFIG_FIND_H

#include "config/load.h"

/* The .env file in use; NULL: there is none, or the one that was named is not there (a mistake). */
const char *find_env_file(struct load *load);

/* postern.json; NULL as above. To be asked after the .env file was read, which may name it. */
const char *find_json_file(struct load *load);

/* The state file, or "none". To be asked after the options were read. */
const char *find_state_file(struct load *load);

/* The directory for answers too long for memory. To be asked after the state file was found. */
const char *find_spool(struct load *load);

/* A relative path is meant from the file it was written in, or from the working directory. */
const char *find_resolve(struct load *load, const char *path, struct spot at);

/* May this file be used? A mistake when it lies in the open or somebody else could have written it;
 * a warning when everybody can read it and it `has_secrets`. */
bool find_is_trusted(struct load *load, const char *path, const struct stat *st, bool has_secrets);

/* Of these only the second is asked: for a file that is no secret. */
bool find_is_owned(struct load *load, const char *path, const struct stat *st);

/* A mistake that says where a .env file was looked for. */
void find_explain_missing(struct load *load);

#endif
