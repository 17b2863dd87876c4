/* easy.c - the options of one exchange. */
#include "net/easy.h"

#include <string.h>

#include "base/mem.h"
#include "net/authorities.h"
#include "net/framing.h"

void
easy_note(struct easy *easy, const char *option, CURLcode code)
{
    if (code == CURLE_OK || easy->code != CURLE_OK)
        return;
    easy->code = code;
    easy->option = option;
}

long
easy_number(uint64_t value)
{
    return value < INT32_MAX ? (long)value : INT32_MAX;
}

struct easy_authorities
easy_authorities(void)
{
    const curl_version_info_data *library = curl_version_info(CURLVERSION_NOW);
    if (authorities_is_hashed(library->capath))
        return (struct easy_authorities){.dir = library->capath};
    return (struct easy_authorities){.file = library->cainfo};
}

/* What holds for every exchange. The library hands bodies on as they come: their chunks and their
 * coding are body.c's. */
static void
set_rules(struct easy *easy, const struct pool_options *options)
{
    EASY_SET(easy, NOSIGNAL, 1L);
    EASY_SET(easy, QUICK_EXIT, 1L); /* a silent DNS server would hold us for 10 s (curl #2975) */
    EASY_SET(easy, PROXY, "");      /* neither http_proxy of the environment … */
    EASY_SET(easy, NOPROXY, "*");   /* … nor any other */
    EASY_SET(easy, PROTOCOLS_STR, "http,https");
    EASY_SET(easy, FOLLOWLOCATION, 0L); /* so what it may do on a redirect needs no rule */
    EASY_SET(easy, NETRC, (long)CURL_NETRC_IGNORED);
    EASY_SET(easy, DISALLOW_USERNAME_IN_URL, 1L);
    EASY_SET(easy, PATH_AS_IS, 1L);
    EASY_SET(easy, HTTP09_ALLOWED, 0L);
    EASY_SET(easy, HTTP_TRANSFER_DECODING, 0L);
    EASY_SET(easy, HTTP_CONTENT_DECODING, 0L);
    EASY_SET(easy, SSL_VERIFYPEER, 1L);
    EASY_SET(easy, SSL_VERIFYHOST, 2L);
    EASY_SET(easy, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    EASY_SET(easy, TCP_KEEPALIVE, 1L);
    EASY_SET(easy, MAXLIFETIME_CONN, easy_number(options->connection_life_s));
    EASY_SET(easy, MAXAGE_CONN, easy_number(options->idle_life_s));
}

/* An authority of the operator's own, and then not the system's too. */
static void
set_authorities(struct easy *easy, const char *own_file, const struct easy_authorities *systems)
{
    EASY_SET(easy, CAINFO, own_file ? own_file : systems->file);
    EASY_SET(easy, CAPATH, own_file ? NULL : systems->dir);
}

static void
set_origin(struct easy *easy, const struct wire_request *request)
{
    EASY_SET(easy, URL, request->url);
    EASY_SET(easy, BUFFERSIZE, (long)request->receive_bytes);
    EASY_SET(easy, CONNECTTIMEOUT_MS, easy_number(request->connect_timeout_ms));
    /* Never in clear, where nothing but a status line would say that it is spoken. The library
     * (7.88) reads frames of HTTP/2 as long as there are some, and calls nobody until one is of the
     * answer: our clock does not hold there, so it is spoken only where the operator says so. */
    EASY_SET(easy, HTTP_VERSION,
             (long)(request->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
}

/* Naming a body makes it POST. */
static void
set_method(struct easy *easy, const struct wire_request *request)
{
    const struct wire_body *body = &request->body;
    bool has_body = framing_has_body(request);
    if (has_body && !framing_is_read(body)) /* not copied */
        EASY_SET(easy, POSTFIELDS, body->parts[0].len > 0 ? body->parts[0].ptr : "");
    EASY_SET(easy, POSTFIELDSIZE_LARGE, (curl_off_t)framing_length(body));
    if (framing_is_head(request))
        EASY_SET(easy, NOBODY, 1L);
    else if (has_body)
        EASY_SET(easy, POST, 1L);
    EASY_SET(easy, CUSTOMREQUEST, request->method);
}

static int
add_line(void *self, const char *line)
{
    struct easy *easy = self;
    struct curl_slist *longer = curl_slist_append(easy->headers, line);
    if (!longer)
        return -1;
    easy->headers = longer;
    return 0;
}

int
easy_open(struct easy *easy, const struct wire_request *request, const struct pool_options *options,
          const struct easy_authorities *authorities)
{
    *easy = (struct easy){.curl = curl_easy_init()};
    if (!easy->curl || framing_each_line(request, add_line, easy) != 0) {
        easy_note(easy, "HTTPHEADER", CURLE_OUT_OF_MEMORY);
        return -1;
    }
    set_rules(easy, options);
    set_origin(easy, request);
    set_authorities(easy, request->ca_file ? request->ca_file : options->ca_file, authorities);
    set_method(easy, request);
    EASY_SET(easy, HTTPHEADER, easy->headers);
    return easy->code == CURLE_OK ? 0 : -1;
}

void
easy_close(struct easy *easy)
{
    if (easy->curl)
        curl_easy_cleanup(easy->curl);
    for (struct curl_slist *line = easy->headers; line; line = line->next)
        mem_wipe(line->data, strlen(line->data)); /* the upstream's key is one of them */
    curl_slist_free_all(easy->headers);
    easy->curl = NULL;
    easy->headers = NULL;
}
