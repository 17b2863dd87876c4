/* access.h - who is calling, and may they?
 *
 * In this order: a valid client key; a user whom the web server verified; this host where
 * `trust_loopback` is on; everybody where `open` is on. Keys are compared by digest, against every
 * configured key, in constant time. What no key proves counts only without a doubt (doubt.h).
 */
#ifndef POSTERN_ACCESS_ACCESS_H
#define POSTERN_ACCESS_ACCESS_H

#include <stdbool.h>

#include "access/credentials.h"
#include "access/doubt.h"
#include "config/config.h"

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_MISSING_KEY,
    ACCESS_BAD_KEY,
    ACCESS_CLOSED /* nobody was let in by the configuration */
};

struct access_decision {
    enum access_verdict verdict;
    const char *name; /* who it is, for the log; borrowed from the configuration or a constant */
    enum doubt doubt; /* why a user or this host did not count; DOUBT_ABSENT: neither was claimed */
};

/* May this caller use the API? */
struct access_decision access_check_client(const struct config *config,
                                           const struct access_credentials *credentials);

/* May this caller see the operator's pages? Loopback alone is enough only where `trust_loopback` is
 * `admin`. `*doubt` tells why a user of `admins` or this host did not count. */
bool access_is_operator(const struct config *config, const struct access_credentials *credentials,
                        enum doubt *doubt);

#endif
