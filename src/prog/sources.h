/* sources.h - where this process finds its configuration, taken once at the start.
 *
 * The environment is copied and then wiped, also in the memory that /proc/PID/environ shows: it may
 * hold keys, and libraries obey variables (http_proxy, SSLKEYLOGFILE, CURL_…) that a gateway must
 * not.
 */
#ifndef POSTERN_PROG_SOURCES_H
#define POSTERN_PROG_SOURCES_H

#include <limits.h>

#include "base/err.h"
#include "config/config.h"

struct sources {
    struct config_sources config; /* borrowed: from the fields below */
    char **environment;           /* with its texts, in locked memory: keys may stand there */
    size_t environment_bytes;
    char program_dir[PATH_MAX];
    char working_dir[PATH_MAX];
    char *home_dir;
};

/* Call it while there is one thread. */
int sources_capture(struct sources *sources, struct err *err);
void sources_wipe_environment(void);
void sources_free(struct sources *sources); /* nothing may use `config` any more */

#endif
