/* connection.c - libcurl: its options, its callbacks, its wait and its codes. */
#include "net/connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/authorities.h"
#include "net/framing.h"
#include "net/unread.h"

/* The library ties a connection to a pair of its objects: the easy one is the exchange, the multi
 * one holds the connection between exchanges. */
struct connection {
    CURLM *multi;
    CURL *easy;
    const struct connection_calls *calls; /* borrowed */
    struct curl_slist *headers;
    CURLcode code;                         /* of the exchange, once it is over */
    int socket_errno;                      /* why this host could make no socket; 0: it could */
    bool is_added;                         /* easy to multi */
    bool has_rules;                        /* what holds for every exchange is set */
    const struct curl_tlssessioninfo *tls; /* of the exchange; borrowed: from easy */
    curl_socket_t warm_fd;                 /* between exchanges */
    char words[CURL_ERROR_SIZE];
};

/* --- what connections share ------------------------------------------------------------------- */

/* The library's shared connection cache is not safe across threads, so that is not among it. */
struct connection_share {
    CURLSH *curl;
    const char *ca_dir;  /* the system's authorities by hash; NULL: they are not there so … */
    const char *ca_file; /* … but all in this file, which is read for each connection */
    pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

static void
lock_share(CURL *easy, curl_lock_data kind, curl_lock_access access, void *self)
{
    (void)easy;
    (void)access;
    struct connection_share *share = self;
    pthread_mutex_lock(&share->locks[kind]);
}

static void
unlock_share(CURL *easy, curl_lock_data kind, void *self)
{
    (void)easy;
    struct connection_share *share = self;
    pthread_mutex_unlock(&share->locks[kind]);
}

void
connection_share_free(struct connection_share *share)
{
    if (!share)
        return;
    if (share->curl)
        curl_share_cleanup(share->curl); /* takes the locks once more */
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&share->locks[i]);
    mem_free(share);
    curl_global_cleanup();
}

struct connection_share *
connection_share_new(struct err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        err_set(err, ERR_MISSING, "libcurl does not start: %s", curl_easy_strerror(code));
        return NULL;
    }
    struct connection_share *share = mem_new(sizeof *share);
    if (!share) {
        curl_global_cleanup();
        err_set(err, ERR_MEMORY, "no memory for the connections");
        return NULL;
    }
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&share->locks[i], NULL);
    const curl_version_info_data *library = curl_version_info(CURLVERSION_NOW);
    share->ca_dir = authorities_is_hashed(library->capath) ? library->capath : NULL;
    share->ca_file = share->ca_dir ? NULL : library->cainfo;
    share->curl = curl_share_init();
    CURLSH *curl = share->curl;
    if (curl && curl_share_setopt(curl, CURLSHOPT_LOCKFUNC, lock_share) == CURLSHE_OK &&
        curl_share_setopt(curl, CURLSHOPT_UNLOCKFUNC, unlock_share) == CURLSHE_OK &&
        curl_share_setopt(curl, CURLSHOPT_USERDATA, share) == CURLSHE_OK &&
        curl_share_setopt(curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
        curl_share_setopt(curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK)
        return share;
    connection_share_free(share);
    err_set(err, ERR_MEMORY, "no memory for what connections share");
    return NULL;
}

/* --- opening and closing ---------------------------------------------------------------------- */

struct connection *
connection_open(void)
{
    struct connection *connection = mem_new(sizeof *connection);
    if (!connection)
        return NULL;
    connection->multi = curl_multi_init();
    connection->easy = curl_easy_init();
    /* One at a time: a fresh connection pushes the old one out. */
    if (connection->multi && connection->easy &&
        curl_multi_setopt(connection->multi, CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK)
        return connection;
    connection_close(connection);
    return NULL;
}

static void
free_headers(struct connection *connection)
{
    for (struct curl_slist *line = connection->headers; line; line = line->next)
        mem_wipe(line->data, strlen(line->data)); /* the upstream's key is one of them */
    curl_slist_free_all(connection->headers);
    connection->headers = NULL;
}

static void
leave_multi(struct connection *connection)
{
    if (connection->is_added)
        curl_multi_remove_handle(connection->multi, connection->easy);
    connection->is_added = false;
}

void
connection_close(struct connection *connection)
{
    if (!connection)
        return;
    leave_multi(connection);
    curl_easy_cleanup(connection->easy);
    curl_multi_cleanup(connection->multi);
    free_headers(connection);
    mem_free(connection);
}

/* The library reads no further than the stated length, so a longer body's rest may be here. Where
 * TLS is another than OpenSSL nobody can look, and nothing is kept. */
static bool
has_unread_tls(const struct connection *connection)
{
    const struct curl_tlssessioninfo *tls = connection->tls;
    return tls && tls->internals &&
           (tls->backend != CURLSSLBACKEND_OPENSSL || unread_in_tls(tls->internals));
}

bool
connection_rest(struct connection *connection)
{
    curl_socket_t warm = CURL_SOCKET_BAD; /* stays so when the upstream wanted it closed */
    curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &warm);
    bool is_clean = warm != CURL_SOCKET_BAD && !has_unread_tls(connection);
    leave_multi(connection);
    curl_easy_setopt(connection->easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(connection->easy, CURLOPT_HTTPHEADER, NULL);
    free_headers(connection);
    connection->calls = NULL;
    connection->warm_fd = warm;
    return is_clean;
}

bool
connection_is_quiet(const struct connection *connection)
{
    return !unread_on_socket(connection->warm_fd);
}

/* --- called by the library -------------------------------------------------------------------- */

static size_t
on_header(char *line, size_t unit, size_t count, void *self)
{
    struct connection *connection = self;
    if (!connection->tls) /* told only while it runs */
        (void)curl_easy_getinfo(connection->easy, CURLINFO_TLS_SSL_PTR, &connection->tls);
    struct span span = span_of(line, unit * count);
    return connection->calls->line(connection->calls->self, span) == 0 ? unit * count : 0;
}

static size_t
on_bytes(char *bytes, size_t unit, size_t count, void *self)
{
    const struct connection *connection = self;
    struct span span = span_of(bytes, unit * count);
    return connection->calls->bytes(connection->calls->self, span) == 0 ? unit * count : 0;
}

static size_t
on_body(char *out, size_t unit, size_t count, void *self)
{
    const struct connection *connection = self;
    int64_t got = connection->calls->body(connection->calls->self, out, unit * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int
on_seek(void *self, curl_off_t offset, int origin)
{
    struct connection *connection = self;
    int rc = connection->calls->seek(connection->calls->self, origin == SEEK_SET ? offset : -1);
    return rc == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* The library does not keep the reason when socket() itself fails. That a family of addresses is
 * not there is no such reason: the next address may be of another. */
static curl_socket_t
on_socket(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct connection *connection = self;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0 && errno != EAFNOSUPPORT)
        connection->socket_errno = errno;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* --- the options ------------------------------------------------------------------------------ */

/* Keeps the first option that the library refused: an option that is silently not set can be a
 * certificate that is not checked. */
struct setter {
    CURL *easy;
    CURLcode code;
    const char *option;
};

static void
note(struct setter *setter, const char *option, CURLcode code)
{
    if (code == CURLE_OK || setter->code != CURLE_OK)
        return;
    setter->code = code;
    setter->option = option;
}

#define SET(setter, name, value)                                                                   \
    note((setter), #name, curl_easy_setopt((setter)->easy, CURLOPT_##name, (value)))

static long
at_most_int(uint64_t value)
{
    return value < INT32_MAX ? (long)value : INT32_MAX;
}

/* What holds for every exchange. */
static void
set_rules(struct setter *set, struct connection *connection, const struct pool_options *options)
{
    SET(set, NOSIGNAL, 1L);
    SET(set, QUICK_EXIT, 1L); /* a silent DNS server would hold us for 10 s (curl #2975) */
    SET(set, PROXY, "");      /* neither http_proxy of the environment … */
    SET(set, NOPROXY, "*");   /* … nor any other */
    SET(set, PROTOCOLS_STR, "http,https");
    SET(set, FOLLOWLOCATION, 0L); /* so what it may do on a redirect needs no rule */
    SET(set, NETRC, (long)CURL_NETRC_IGNORED);
    SET(set, DISALLOW_USERNAME_IN_URL, 1L);
    SET(set, PATH_AS_IS, 1L);
    SET(set, HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(set, HTTP09_ALLOWED, 0L);
    SET(set, SSL_VERIFYPEER, 1L);
    SET(set, SSL_VERIFYHOST, 2L);
    SET(set, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(set, TCP_KEEPALIVE, 1L);
    SET(set, MAXLIFETIME_CONN, at_most_int(options->connection_life_s));
    SET(set, MAXAGE_CONN, at_most_int(options->idle_life_s));
    SET(set, HEADERFUNCTION, on_header);
    SET(set, HEADERDATA, connection);
    SET(set, WRITEFUNCTION, on_bytes);
    SET(set, WRITEDATA, connection);
    SET(set, READFUNCTION, on_body);
    SET(set, READDATA, connection);
    SET(set, SEEKFUNCTION, on_seek);
    SET(set, SEEKDATA, connection);
    SET(set, OPENSOCKETFUNCTION, on_socket);
    SET(set, OPENSOCKETDATA, connection);
    SET(set, ERRORBUFFER, connection->words);
}

/* An authority of the operator's own, and then not the system's too. */
static void
set_authorities(struct setter *set, const char *own_file, const struct connection_share *share)
{
    SET(set, CAINFO, own_file ? own_file : share->ca_file);
    SET(set, CAPATH, own_file ? NULL : share->ca_dir);
}

static void
set_origin(struct setter *set, const struct wire_request *request)
{
    SET(set, URL, request->url);
    SET(set, BUFFERSIZE, (long)request->receive_bytes);
    SET(set, CONNECTTIMEOUT_MS, at_most_int(request->connect_timeout_ms));
    SET(set, ACCEPT_ENCODING, request->decode ? "gzip, deflate" : NULL);
}

/* The last exchange's method stands until another is set; naming a body makes it POST. */
static void
set_method(struct setter *set, const struct wire_request *request)
{
    const struct wire_body *body = &request->body;
    bool has_body = framing_has_body(request);
    bool is_at_hand = has_body && !framing_is_read(body);
    const char *bytes = body->parts[0].len > 0 ? body->parts[0].ptr : "";
    SET(set, POSTFIELDS, is_at_hand ? bytes : NULL); /* not copied */
    SET(set, POSTFIELDSIZE_LARGE, (curl_off_t)framing_length(body));
    if (framing_is_head(request))
        SET(set, NOBODY, 1L);
    else if (has_body)
        SET(set, POST, 1L);
    else
        SET(set, HTTPGET, 1L);
    SET(set, CUSTOMREQUEST, request->method);
}

static int
add_line(void *self, const char *line)
{
    struct connection *connection = self;
    struct curl_slist *longer = curl_slist_append(connection->headers, line);
    if (!longer)
        return -1;
    connection->headers = longer;
    return 0;
}

int
connection_start(struct connection *connection, struct connection_share *share,
                 const struct pool_options *options, const struct wire_request *request,
                 const struct connection_calls *calls)
{
    connection->calls = calls;
    connection->code = CURLE_OUT_OF_MEMORY;
    connection->socket_errno = 0;
    connection->tls = NULL;
    connection->words[0] = '\0';
    if (framing_each_line(request, add_line, connection) != 0)
        return -1;
    struct setter set = {.easy = connection->easy};
    if (!connection->has_rules) {
        set_rules(&set, connection, options);
        SET(&set, SHARE, share->curl);
        connection->has_rules = true;
    }
    set_origin(&set, request);
    set_authorities(&set, request->ca_file ? request->ca_file : options->ca_file, share);
    set_method(&set, request);
    SET(&set, HTTPHEADER, connection->headers);
    if (set.code != CURLE_OK) {
        connection->code = set.code;
        (void)snprintf(connection->words, sizeof connection->words, "option %s: %s", set.option,
                       curl_easy_strerror(set.code));
        return -1;
    }
    connection->is_added = curl_multi_add_handle(connection->multi, connection->easy) == CURLM_OK;
    return connection->is_added ? 0 : -1;
}

/* --- running ---------------------------------------------------------------------------------- */

_Static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLPRI == POLLPRI &&
                   CURL_WAIT_POLLOUT == POLLOUT,
               "poll's events are handed to the library as they are");

bool
connection_run(struct connection *connection)
{
    int running = 0;
    int left = 0;
    CURLMcode failed = curl_multi_perform(connection->multi, &running);
    if (failed == CURLM_OK && running > 0)
        return true;
    const CURLMsg *last = curl_multi_info_read(connection->multi, &left);
    connection->code = last ? last->data.result : CURLE_FAILED_INIT;
    return false;
}

int
connection_wait(struct connection *connection, struct pollfd *waits, uint64_t wait_ms)
{
    struct curl_waitfd extra[TRANSFER_WAITS];
    for (size_t i = 0; i < TRANSFER_WAITS; i++)
        extra[i] = (struct curl_waitfd){.fd = waits[i].fd, .events = waits[i].events};
    CURLMcode failed =
        curl_multi_poll(connection->multi, extra, TRANSFER_WAITS, (int)at_most_int(wait_ms), NULL);
    for (size_t i = 0; i < TRANSFER_WAITS; i++)
        waits[i].revents = extra[i].revents;
    if (failed == CURLM_OK)
        return 0;
    connection->code = CURLE_FAILED_INIT;
    return -1;
}

/* --- what it came to -------------------------------------------------------------------------- */

static uint64_t
get_number(const struct connection *connection, CURLINFO which)
{
    curl_off_t number = 0;
    if (curl_easy_getinfo(connection->easy, which, &number) != CURLE_OK || number < 0)
        return 0;
    return (uint64_t)number;
}

struct connection_facts
connection_facts(const struct connection *connection)
{
    struct connection_facts facts = {.os_errno = connection->socket_errno};
    long connects = 0;
    long os_errno = 0;
    facts.was_connected = get_number(connection, CURLINFO_PRETRANSFER_TIME_T) > 0;
    facts.sent_bytes = get_number(connection, CURLINFO_SIZE_UPLOAD_T);
    if (curl_easy_getinfo(connection->easy, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK)
        facts.was_reused = facts.was_connected && connects == 0;
    if (facts.os_errno == 0 &&
        curl_easy_getinfo(connection->easy, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK)
        facts.os_errno = (int)os_errno;
    if (facts.was_reused)
        return facts;
    uint64_t tls_us = get_number(connection, CURLINFO_APPCONNECT_TIME_T);
    facts.connect_us = tls_us > 0 ? tls_us : get_number(connection, CURLINFO_CONNECT_TIME_T);
    return facts;
}

/* What a code of the library means depends on how far the answer had come. */
static const struct meaning {
    CURLcode code;
    enum wire_fault faults[CONNECTION_IN_BODY + 1]; /* by phase */
} meanings[] = {
    {CURLE_OK, {WIRE_NO_REPLY, WIRE_CUT, WIRE_NO_FAULT}},
    {CURLE_COULDNT_RESOLVE_HOST, {WIRE_RESOLVE, WIRE_RESOLVE, WIRE_RESOLVE}},
    {CURLE_COULDNT_CONNECT, {WIRE_CONNECT, WIRE_CONNECT, WIRE_CONNECT}},
    {CURLE_SSL_CONNECT_ERROR, {WIRE_TLS, WIRE_CUT, WIRE_CUT}},
    {CURLE_PEER_FAILED_VERIFICATION, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_CERTPROBLEM, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_CACERT_BADFILE, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_SHUTDOWN_FAILED, {WIRE_TLS, WIRE_CUT, WIRE_CUT}},
    {CURLE_SSL_CRL_BADFILE, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_ISSUER_ERROR, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SSL_INVALIDCERTSTATUS, {WIRE_CERTIFICATE, WIRE_CERTIFICATE, WIRE_CERTIFICATE}},
    {CURLE_SEND_ERROR, {WIRE_SEND, WIRE_CUT, WIRE_CUT}},
    {CURLE_SEND_FAIL_REWIND, {WIRE_SEND, WIRE_CUT, WIRE_CUT}},
    {CURLE_RECV_ERROR, {WIRE_CONNECT, WIRE_CUT, WIRE_CUT}},
    {CURLE_GOT_NOTHING, {WIRE_NO_REPLY, WIRE_CUT, WIRE_CUT}},
    {CURLE_PARTIAL_FILE, {WIRE_CUT, WIRE_CUT, WIRE_CUT}},
    {CURLE_FAILED_INIT, {WIRE_LOCAL, WIRE_LOCAL, WIRE_LOCAL}},
    {CURLE_URL_MALFORMAT, {WIRE_LOCAL, WIRE_LOCAL, WIRE_LOCAL}},
};

/* Only the connect phase has a time limit of the library's. Its connect time is that of the whole
 * phase, so the local port says whether TCP was done. */
static enum wire_fault
judge_timeout(const struct connection *connection)
{
    long port = 0;
    if (get_number(connection, CURLINFO_NAMELOOKUP_TIME_T) == 0)
        return WIRE_RESOLVE;
    curl_easy_getinfo(connection->easy, CURLINFO_LOCAL_PORT, &port);
    return port > 0 ? WIRE_TLS : WIRE_CONNECT_TIMEOUT;
}

enum wire_fault
connection_fault(const struct connection *connection, enum connection_phase phase)
{
    if (connection->code == CURLE_OPERATION_TIMEDOUT)
        return judge_timeout(connection);
    /* Out of memory is also what the library says of a header line beyond 100 KB. */
    if (connection->code == CURLE_OUT_OF_MEMORY && !connection_facts(connection).was_connected)
        return WIRE_LOCAL;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == connection->code)
            return meanings[i].faults[phase];
    }
    /* Codes without a row speak of what came: "unsupported protocol" of bytes that are not HTTP. */
    return phase == CONNECTION_IN_BODY ? WIRE_CUT : WIRE_BAD_REPLY;
}

const char *
connection_why(const struct connection *connection)
{
    return connection->words[0] ? connection->words : curl_easy_strerror(connection->code);
}
