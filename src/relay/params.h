/* params.h - the web server's parameters (RFC 3875, 4.1), looked through once.
 *
 * A list of "NAME=value", ended by NULL. What is found is borrowed from the list. What stands twice
 * could be read in two ways, by us and by whoever judged it before us: it is told, to be refused.
 */
#ifndef POSTERN_RELAY_PARAMS_H
#define POSTERN_RELAY_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/* What a request is read from, beside its headers. */
enum param {
    PARAM_AUTHORIZATION, /* as Apache's rewrites rename what they pass on */
    PARAM_AUTH_TYPE,
    PARAM_CONTENT_LENGTH,
    PARAM_CONTENT_TYPE,
    PARAM_PATH_INFO,
    PARAM_REMOTE_ADDR,
    PARAM_REMOTE_USER,
    PARAM_REQUEST_METHOD,
    PARAM_REQUEST_URI,
    PARAM_SCRIPT_NAME,
    PARAM_SERVER_ADDR,
    PARAM_SERVER_PROTOCOL,
    PARAM_SSL_CLIENT_VERIFY,
    PARAM_COUNT
};

#define PARAMS_HEADER_PREFIX "HTTP_"

/* Is this one a header of the request? */
bool params_is_header(const char *param);

struct params {
    const char *values[PARAM_COUNT]; /* NULL: not there; of several the first */
    const char *doubled;             /* the name of one that stands twice; NULL: none does */
    size_t header_count;             /* of those that are headers of the request */
};

void params_read(struct params *params, const char *const *list);

/* Any one of them, the first; NULL: not there. */
const char *params_find(const char *const *list, const char *name);

#endif
