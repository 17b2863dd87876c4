/* connection.c - libcurl: its options, its callbacks, its wait and its codes. */
#include "net/connection.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/easy.h"
#include "net/look.h"

#define SOCKETS_MAX 8 /* that are tried at once: one of each family of addresses */

/* The library ties a connection to a pair of its objects: the easy one is the exchange, the multi
 * one holds the connection between exchanges. */
struct connection {
    CURLM *multi;
    struct easy easy;                     /* of the exchange under way */
    const struct connection_calls *calls; /* borrowed */
    CURLcode code;                        /* of the exchange, once it is over */
    int socket_errno;                     /* why this host could make no socket; 0: it could */
    bool is_added;                        /* easy to multi */
    bool is_warm;                         /* there was a connection when the exchange began */
    bool was_noisy;                       /* it had something to say before it was asked */
    int sockets[SOCKETS_MAX];             /* that are open; more than one only while connecting */
    unsigned socket_count;
    const void *ssl; /* of the connection; borrowed from OpenSSL. NULL: unknown, or none */
    bool is_opaque;  /* TLS of another library, into which nobody can look */
    bool is_h2;
    uint64_t acked_bytes; /* of all requests before this one, and of the handshake */
    char words[CURL_ERROR_SIZE];
};

/* --- what connections share ------------------------------------------------------------------- */

/* The library's shared connection cache is not safe across threads, so that is not among it. */
struct connection_share {
    CURLSH *curl;
    struct easy_authorities authorities;
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
    share->authorities = easy_authorities();
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
    /* One at a time: a fresh connection pushes the old one out. */
    if (connection->multi &&
        curl_multi_setopt(connection->multi, CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK)
        return connection;
    connection_close(connection);
    return NULL;
}

static void
forget_exchange(struct connection *connection)
{
    if (connection->is_added)
        curl_multi_remove_handle(connection->multi, connection->easy.curl);
    connection->is_added = false;
    easy_close(&connection->easy);
    connection->calls = NULL;
}

void
connection_close(struct connection *connection)
{
    if (!connection)
        return;
    forget_exchange(connection);
    curl_multi_cleanup(connection->multi);
    mem_free(connection);
}

static bool
is_open(const struct connection *connection)
{
    return connection->socket_count == 1;
}

/* What waits in the kernel under TLS may as well be its goodbye or a ticket. */
bool
connection_has_more(const struct connection *connection)
{
    if (!is_open(connection) || connection->is_h2)
        return false;
    if (connection->ssl)
        return look_unread_tls(connection->ssl);
    return look_unread(connection->sockets[0]) == LOOK_BYTES;
}

bool
connection_is_open(const struct connection *connection)
{
    return is_open(connection);
}

bool
connection_rest(struct connection *connection)
{
    /* The library reads no further than the stated length, so a longer body's rest may be here. */
    bool has_rest = connection->ssl && !connection->is_h2 && look_unread_tls(connection->ssl);
    forget_exchange(connection);
    return is_open(connection) && !has_rest && !connection->is_opaque;
}

/* --- called by the library -------------------------------------------------------------------- */

/* Told only while it runs. */
static void
note_tls(struct connection *connection)
{
    const struct curl_tlssessioninfo *tls = NULL;
    if (connection->ssl || connection->is_opaque ||
        curl_easy_getinfo(connection->easy.curl, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || !tls ||
        !tls->internals)
        return;
    connection->is_opaque = tls->backend != CURLSSLBACKEND_OPENSSL;
    if (connection->is_opaque)
        return;
    connection->ssl = tls->internals;
    connection->is_h2 = look_speaks_h2(connection->ssl);
}

static size_t
on_header(char *line, size_t unit, size_t count, void *self)
{
    struct connection *connection = self;
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
    if (fd >= 0 && connection->socket_count == SOCKETS_MAX) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (connection->socket_count == 0 || connection->is_warm) { /* known is nothing of this one */
        connection->ssl = NULL;
        connection->is_opaque = connection->is_h2 = connection->is_warm = false;
        connection->acked_bytes = 0;
    }
    connection->sockets[connection->socket_count++] = fd;
    return fd;
}

static int
on_close(void *self, curl_socket_t fd)
{
    struct connection *connection = self;
    for (unsigned i = 0; i < connection->socket_count; i++) {
        if (connection->sockets[i] == fd)
            connection->sockets[i] = connection->sockets[--connection->socket_count];
    }
    if (connection->socket_count == 0)
        connection->ssl = NULL; /* freed with it */
    return close(fd);
}

/* A connection was found or made, and the next thing is to write the request. On one that was warm
 * nothing may wait to be read: it would be taken for the answer. */
static int
on_ready(void *self, char *peer, char *own, int peer_port, int own_port)
{
    struct connection *connection = self;
    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    note_tls(connection);
    connection->was_noisy = connection->is_warm && is_open(connection) && !connection->is_h2 &&
                            look_unread(connection->sockets[0]) != LOOK_NOTHING;
    return connection->was_noisy ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* --- starting ----------------------------------------------------------------------------------
 */

static void
set_calls(struct connection *connection)
{
    struct easy *easy = &connection->easy;
    EASY_SET(easy, HEADERFUNCTION, on_header);
    EASY_SET(easy, HEADERDATA, connection);
    EASY_SET(easy, WRITEFUNCTION, on_bytes);
    EASY_SET(easy, WRITEDATA, connection);
    EASY_SET(easy, READFUNCTION, on_body);
    EASY_SET(easy, READDATA, connection);
    EASY_SET(easy, SEEKFUNCTION, on_seek);
    EASY_SET(easy, SEEKDATA, connection);
    EASY_SET(easy, OPENSOCKETFUNCTION, on_socket);
    EASY_SET(easy, OPENSOCKETDATA, connection);
    EASY_SET(easy, CLOSESOCKETFUNCTION, on_close);
    EASY_SET(easy, CLOSESOCKETDATA, connection);
    EASY_SET(easy, PREREQFUNCTION, on_ready);
    EASY_SET(easy, PREREQDATA, connection);
    EASY_SET(easy, ERRORBUFFER, connection->words);
}

int
connection_start(struct connection *connection, struct connection_share *share,
                 const struct pool_options *options, const struct wire_request *request,
                 const struct connection_calls *calls)
{
    struct easy *easy = &connection->easy;
    connection->calls = calls;
    connection->code = CURLE_OUT_OF_MEMORY;
    connection->socket_errno = 0;
    connection->was_noisy = false;
    connection->is_warm = connection->socket_count > 0;
    connection->words[0] = '\0';
    if (easy_open(easy, request, options, &share->authorities) == 0) {
        EASY_SET(easy, SHARE, share->curl);
        set_calls(connection);
    }
    if (easy->code != CURLE_OK) {
        connection->code = easy->code;
        (void)snprintf(connection->words, sizeof connection->words, "option %s: %s", easy->option,
                       curl_easy_strerror(easy->code));
        return -1;
    }
    connection->is_added = curl_multi_add_handle(connection->multi, easy->curl) == CURLM_OK;
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
        curl_multi_poll(connection->multi, extra, TRANSFER_WAITS, (int)easy_number(wait_ms), NULL);
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
    if (curl_easy_getinfo(connection->easy.curl, which, &number) != CURLE_OK || number < 0)
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
    if (curl_easy_getinfo(connection->easy.curl, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK)
        facts.was_reused = facts.was_connected && connects == 0;
    if (facts.os_errno == 0 &&
        curl_easy_getinfo(connection->easy.curl, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK)
        facts.os_errno = (int)os_errno;
    if (facts.was_reused)
        return facts;
    uint64_t tls_us = get_number(connection, CURLINFO_APPCONNECT_TIME_T);
    facts.connect_us = tls_us > 0 ? tls_us : get_number(connection, CURLINFO_CONNECT_TIME_T);
    return facts;
}

enum connection_asked
connection_asked(struct connection *connection)
{
    note_tls(connection);
    if (connection->is_h2 || !is_open(connection))
        return CONNECTION_ASKED_ALL;
    struct look_acks acks = look_acks(connection->sockets[0]);
    if (!acks.is_known)
        return CONNECTION_ASKED_ALL;
    bool has_none = connection->is_warm && acks.bytes == connection->acked_bytes;
    connection->acked_bytes = acks.bytes;
    if (acks.has_all)
        return CONNECTION_ASKED_ALL;
    return has_none ? CONNECTION_ASKED_NOTHING : CONNECTION_ASKED_PART;
}

bool
connection_was_noisy(const struct connection *connection)
{
    return connection->was_noisy;
}

bool
connection_speaks_h2(struct connection *connection)
{
    note_tls(connection);
    return connection->is_h2;
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
    curl_easy_getinfo(connection->easy.curl, CURLINFO_LOCAL_PORT, &port);
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
