/* credentials.h - what a request brought by which its caller may be known; plain data.
 *
 * Spans are empty where it brought none. All is borrowed from the request.
 */
#ifndef POSTERN_ACCESS_CREDENTIALS_H
#define POSTERN_ACCESS_CREDENTIALS_H

#include <stdbool.h>

#include "base/span.h"
#include "core/wire.h"

struct access_credentials {
    /* keys */
    struct span authorization;
    struct span api_key;   /* api-key */
    struct span x_api_key; /* x-api-key */

    /* what the web server says */
    struct span remote_user;
    struct span auth_type;     /* set by servers that verified the user, and by them alone … */
    struct span client_verify; /* … but for certificates: SSL_CLIENT_VERIFY */
    struct span remote_addr;
    struct span server_addr;
    struct span protocol; /* "HTTP/1.1" */

    /* what tells a browser's request, and for which site it was meant */
    struct span host;
    struct span origin;
    struct span referer;
    struct span fetch_site;      /* Sec-Fetch-Site */
    bool is_form;                /* an unchecked body of a type that forms send */
    struct wire_headers headers; /* all of them, names in lower case */
};

#endif
