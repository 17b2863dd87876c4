/* access.h - who is calling, and may they?
 *
 * In this order: a valid client key; a REMOTE_USER that the web server authenticated; a
 * loopback REMOTE_ADDR without any forwarding header where `trust_loopback` is on; everybody where
 * `open` is on. Keys are compared by digest, against every configured key, in constant time.
 */
#ifndef POSTERN_ACCESS_ACCESS_H
#define POSTERN_ACCESS_ACCESS_H

#include <stdbool.h>

#include "base/span.h"
#include "config/config.h"

/* What the request brought; spans are empty where it did not. */
struct access_credentials {
    struct span authorization;
    struct span api_key;   /* api-key */
    struct span x_api_key; /* x-api-key */
    struct span remote_user;
    struct span remote_addr;
    bool was_forwarded; /* a forwarding header is there, or a page of another host sent it */
};

enum access_verdict {
    ACCESS_GRANTED,
    ACCESS_MISSING_KEY,
    ACCESS_BAD_KEY,
    ACCESS_CLOSED /* nobody was let in by the configuration */
};

/* May this caller use the API? `*name` tells who it is, for the log; borrowed from the
 * configuration or a constant. */
enum access_verdict access_check_client(const struct config *config,
                                        const struct access_credentials *credentials,
                                        const char **name);

/* May this caller see the operator's pages? */
bool access_is_operator(const struct config *config, const struct access_credentials *credentials);

#endif
