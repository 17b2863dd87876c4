/* doubt.h - may what no key proves be believed of this request? Pure.
 *
 * Two things let a request in without a key: a user whom the web server verified, and where
 * `trust_loopback` is on that it was made on this host. Both come along with whatever the caller's
 * browser or proxy sends, whoever made it do so. So they count only where nothing speaks against
 * it, and here is all that does.
 */
#ifndef POSTERN_ACCESS_DOUBT_H
#define POSTERN_ACCESS_DOUBT_H

#include "access/credentials.h"
#include "config/config.h"

enum doubt {
    DOUBT_NONE,
    DOUBT_ABSENT,     /* no such claim was made, or it is not taken: nothing to tell */
    DOUBT_UNVERIFIED, /* a REMOTE_USER that the server does not say that it verified: nginx passes
                         what the client only says */
    DOUBT_PAGE,       /* a page of another site made a browser send it */
    DOUBT_FORM,       /* a type of body that a page's form can send and no program does */
    DOUBT_PROXY,      /* a header that proxies add */
    DOUBT_PROTOCOL,   /* HTTP/1.0, as a proxy speaks to what is behind it */
    DOUBT_ADDRESS,    /* from this host, but not to it: the address was put in by a module */
    DOUBT_HOST        /* Host is neither this host nor one of `trusted_hosts` */
};

/* Why the user cannot be believed to be who REMOTE_USER says. */
enum doubt doubt_user(const struct config *config, const struct access_credentials *credentials);

/* Why the request cannot be believed to be made on this host and by its own programs. */
enum doubt doubt_loopback(const struct config *config,
                          const struct access_credentials *credentials);

/* One word for the log, and a sentence for the operator. */
const char *doubt_name(enum doubt doubt);
const char *doubt_hint(enum doubt doubt);

#endif
