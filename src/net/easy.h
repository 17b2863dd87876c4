/* easy.h - the library's object for one exchange, and the options that it is made with.
 *
 * Made for the exchange and thrown away with it: libcurl 7.88 keeps a pointer to the last header of
 * an exchange into the next one on the same object, and an answer that begins with a folded line
 * then writes into freed memory. What of its state outlives an exchange is the connection, which
 * belongs to the multi object.
 *
 * The only file that includes the library; only easy.c and connection.c include this one.
 */
#ifndef POSTERN_NET_EASY_H
#define POSTERN_NET_EASY_H

#include <curl/curl.h>

#include "core/wire.h"
#include "net/transfer.h"

/* Keeps the first option that the library refused: an option that is silently not set can be a
 * certificate that is not checked. */
struct easy {
    CURL *curl;
    struct curl_slist *headers;
    CURLcode code;      /* of the first option that was refused … */
    const char *option; /* … and its name */
};

/* Where the system's authorities are. */
struct easy_authorities {
    const char *dir;  /* by hash; NULL: they are not there so … */
    const char *file; /* … but all in this file, which is read for each connection */
};
struct easy_authorities easy_authorities(void);

/* Makes it for that request; -1 without memory or when an option was refused. easy_close() it in
 * any case. `request` is borrowed until then. */
int easy_open(struct easy *easy, const struct wire_request *request,
              const struct pool_options *options, const struct easy_authorities *authorities);

/* Forgets it: keys, pointers, all. It must have left its multi object. */
void easy_close(struct easy *easy);

void easy_note(struct easy *easy, const char *option, CURLcode code);

#define EASY_SET(easy, name, value)                                                                \
    easy_note((easy), #name, curl_easy_setopt((easy)->curl, CURLOPT_##name, (value)))

long easy_number(uint64_t value); /* as the library takes numbers: INT32_MAX at most */

#endif
