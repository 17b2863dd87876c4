/* naive.c - the bare relay that postern is measured against: libfcgi in, curl_easy_perform out on
 * warm connections, and nothing else. No checks, no breaker, no log, no care.
 *
 * NAIVE_UPSTREAM is the URL, NAIVE_CA_FILE whom it trusts, NAIVE_THREADS (32) how many requests it
 * serves at once; like any FastCGI program it finds its socket at descriptor 0.
 */
#include <curl/curl.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/num.h"

#define BODY_MAX_BYTES 65536
#define THREADS_MAX 1024

static size_t
write_body(char *bytes, size_t unit, size_t count, void *self)
{
    FCGX_Request *request = self;
    int put = FCGX_PutStr(bytes, (int)(unit * count), request->out);
    return put < 0 ? 0 : (size_t)put;
}

static void
relay(CURL *easy, FCGX_Request *request)
{
    char body[BODY_MAX_BYTES];
    int len = FCGX_GetStr(body, (int)sizeof(body), request->in);
    (void)FCGX_PutS("Content-Type: application/json\r\n\r\n", request->out);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    (void)curl_easy_perform(easy);
}

static void *
serve(void *upstream)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    FCGX_Request request;
    CURL *easy = curl_easy_init();
    if (!easy || !headers || FCGX_InitRequest(&request, 0, 0) != 0)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_URL, (const char *)upstream);
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("NAIVE_CA_FILE"));
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body);
    while (FCGX_Accept_r(&request) == 0) {
        relay(easy, &request);
        FCGX_Finish_r(&request);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    return NULL;
}

int
main(void)
{
    const char *wanted = getenv("NAIVE_THREADS");
    char *upstream = getenv("NAIVE_UPSTREAM");
    uint64_t threads = 32;
    if (wanted && num_parse_u64(span_from(wanted), THREADS_MAX, &threads) != 0)
        return EXIT_FAILURE;
    if (!upstream || FCGX_Init() != 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EXIT_FAILURE;
    for (uint64_t i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, upstream) != 0)
            return EXIT_FAILURE;
    }
    (void)serve(upstream);
    return EXIT_SUCCESS;
}
