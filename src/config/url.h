/* url.h - an upstream's address, as an operator writes it, taken apart and checked.
 *
 * Scheme, host, port, path prefix and nothing else: user, password, query and fragment are errors,
 * because keys travel in headers only. A message quotes the address only where it cannot be a
 * secret.
 */
#ifndef POSTERN_CONFIG_URL_H
#define POSTERN_CONFIG_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct url {
    const char *origin;    /* "https://host:443" */
    const char *host;      /* lower case; IPv6 without brackets */
    const char *base_path; /* "" or "/prefix" */
    bool plain;            /* http */
    bool is_loopback;      /* names this host: 127.x.y.z, ::1, localhost */
    bool is_azure;         /* a host of Azure's AI services */
    bool ends_in_version;  /* the path ends in /v1, /v2 … */
    bool ends_in_openai;   /* the path ends in /openai */
};

int url_parse(struct span text, struct arena *arena, struct url *url, struct err *err);

#endif
