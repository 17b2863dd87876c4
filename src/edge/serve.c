/* serve.c - one exchange: read, let in, answered by a page or by the relay, logged. */
#include "edge/serve.h"

#include <string.h>

#include "access/access.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/caller.h"
#include "relay/engine.h"
#include "relay/params.h"
#include "relay/relay.h"
#include "report/accesslog.h"
#include "report/logfile.h"
#include "view/models.h"
#include "view/page.h"

#define THREADS_DEFAULT 256 /* of the option; while there is no configuration that says */
#define PAGE_MAX_BYTES 65536
#define EVENT_MAX_BYTES 4096
#define MODELS_MAX_BYTES ((size_t)1024 * 1024)

struct serve {
    struct config_store *configs;
    struct engine *engine;
    unsigned default_drain_ms;
};

struct serve *
serve_new(const struct config_sources *sources, unsigned default_drain_ms, struct err *err)
{
    struct serve *serve = mem_new(sizeof(*serve));
    if (!serve) {
        (void)err_set(err, ERR_MEMORY, "no memory to serve");
        return NULL;
    }
    serve->default_drain_ms = default_drain_ms;
    serve->configs = config_store_new(sources, err);
    if (serve->configs)
        serve->engine = engine_new(err);
    if (!serve->engine) {
        serve_free(serve);
        return NULL;
    }
    return serve;
}

void
serve_free(struct serve *serve)
{
    if (!serve)
        return;
    engine_free(serve->engine);
    if (serve->configs)
        config_store_free(serve->configs);
    mem_free(serve);
}

void
serve_tidy(void *self)
{
    const struct serve *serve = self;
    if (engine_tidy(serve->engine))
        mem_trim();
}

const struct config *
serve_config_get(struct serve *serve)
{
    return config_store_get(serve->configs);
}

void
serve_config_put(struct serve *serve, const struct config *config)
{
    config_store_put(serve->configs, config);
}

unsigned
serve_threads(struct serve *serve)
{
    const struct config *config = config_store_get(serve->configs);
    if (!config)
        return THREADS_DEFAULT;
    unsigned threads = config->threads;
    config_store_put(serve->configs, config);
    return threads;
}

uint64_t
serve_drain_ms(struct serve *serve)
{
    const struct config *config = config_store_get(serve->configs);
    uint64_t drain_ms = serve->default_drain_ms;
    if (config && config->drain_ms >= 0)
        drain_ms = (uint64_t)config->drain_ms;
    if (config)
        config_store_put(serve->configs, config);
    return drain_ms;
}

bool
serve_lets_in(void *self, int fd, int64_t *uid)
{
    struct serve *serve = self;
    const struct config *config = config_store_get(serve->configs);
    bool may = true;
    if (config && config->socket_uid_count > 0) {
        *uid = caller_uid(fd);
        may = caller_is_among(*uid, config->socket_uids, config->socket_uid_count);
    }
    if (config)
        config_store_put(serve->configs, config);
    return may;
}

/* --- answers -------------------------------------------------------------- */

/* One exchange being served. */
struct visit {
    struct serve *serve;
    struct exchange *exchange;
    const struct config *config;
    struct request request;
    struct account account;
    const char *code; /* of our own error */
};

static void
answer_fault(struct visit *visit, const struct request_fault *fault)
{
    const struct failure_row *row = failure_get(fault->failure);
    visit->code = row->code;
    visit->account.status = row->status;
    if (answer_send_fault(&visit->exchange->sink, &visit->request, fault) != 0)
        visit->account.status = 499;
}

static void
answer_failure(struct visit *visit, enum failure failure)
{
    const struct request_fault fault = {failure, NULL};
    answer_fault(visit, &fault);
}

static void
answer_options(struct visit *visit)
{
    struct answer answer;
    answer_begin(&answer, 204);
    answer_put(&answer, "Allow", span_from(ANSWER_METHODS));
    visit->account.status = 204;
    if (answer_send_head(&answer, &visit->exchange->sink) == 0)
        (void)visit->exchange->sink.end(visit->exchange->sink.self);
}

/* A text of our own, whole; without its body when only the head was asked for. */
static void
answer_text(struct visit *visit, const char *content_type, struct span text)
{
    struct answer answer;
    struct sink *sink = &visit->exchange->sink;
    bool is_head = strcmp(visit->request.method, "HEAD") == 0;
    answer_begin(&answer, 200);
    answer_put(&answer, "Content-Type", span_from(content_type));
    answer_put(&answer, "Cache-Control", span_from("no-store"));
    visit->account.status = 200;
    visit->account.bytes = is_head ? 0 : text.len;
    if (is_head)
        (void)answer_send_length(&answer, sink, text.len);
    else
        (void)answer_send(&answer, sink, text);
}

/* One sentence for the operator: what was missing, and what was there but could not be believed. */
static void
log_denied(const struct visit *visit, const char *reason, enum doubt doubt, const char *hint)
{
    bool is_doubt = doubt != DOUBT_ABSENT;
    log_write(LOG_LEVEL_WARN, "access_denied req=%s reason=%s%s%s hint=\"%s\"", visit->request.id,
              reason, is_doubt ? " doubt=" : "", is_doubt ? doubt_name(doubt) : "",
              is_doubt ? doubt_hint(doubt) : hint);
}

static void
answer_page(struct visit *visit, const struct page *page)
{
    const struct request *request = &visit->request;
    enum doubt doubt;
    if (strcmp(request->method, "HEAD") != 0 && strcmp(request->method, "GET") != 0) {
        answer_failure(visit, FAILURE_METHOD_NOT_ALLOWED);
        return;
    }
    if (page->for_operator && !access_is_operator(visit->config, &request->credentials, &doubt)) {
        log_denied(visit, "not_operator", doubt,
                   "it wants POSTERN_ADMIN_KEY or a user of POSTERN_ADMINS");
        answer_failure(visit, FAILURE_NOT_OPERATOR);
        return;
    }
    struct buf body;
    buf_init(&body, PAGE_MAX_BYTES);
    if (page->write(visit->config, &body) == 0)
        answer_text(visit, page->content_type, buf_span(&body));
    else
        answer_failure(visit, FAILURE_GATEWAY_ERROR);
    buf_fini(&body);
}

/* --- the API -------------------------------------------------------------- */

static bool
is_api(struct span path)
{
    return span_has_prefix(path, "/v1/") || span_has_prefix(path, "/openai/");
}

static bool
is_api_method(const char *method)
{
    static const char *const taken[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strcmp(method, taken[i]) == 0)
            return true;
    }
    return false;
}

/* Who is it, and may they? */
static bool
let_in(struct visit *visit)
{
    struct request *request = &visit->request;
    struct access_decision decision = access_check_client(visit->config, &request->credentials);
    request->client = decision.name;
    switch (decision.verdict) {
    case ACCESS_GRANTED:
        return true;
    case ACCESS_MISSING_KEY:
        log_denied(visit, "no_key", decision.doubt,
                   "Apache passes Authorization on only with CGIPassAuth On");
        answer_failure(visit, FAILURE_MISSING_API_KEY);
        return false;
    case ACCESS_BAD_KEY:
        log_denied(visit, "unknown_key", decision.doubt, "it matches no key of POSTERN_CLIENT_KEY");
        answer_failure(visit, FAILURE_INVALID_API_KEY);
        return false;
    case ACCESS_CLOSED:
        break;
    }
    log_denied(visit, "closed", decision.doubt,
               "nobody is let in: set POSTERN_CLIENT_KEY, let the web server authenticate, or set "
               "POSTERN_TRUST_LOOPBACK=yes");
    answer_failure(visit, FAILURE_GATEWAY_CLOSED);
    return false;
}

static bool
load_body(struct visit *visit)
{
    struct request *request = &visit->request;
    const struct config *config = visit->config;
    const struct request_limits limits = {config->max_body_bytes, config->body_timeout_ms};
    struct request_fault fault;
    if (request_is_upload(request)) {
        bool is_over = request->content_length > 0 &&
                       (uint64_t)request->content_length > config->max_upload_bytes;
        if (is_over)
            answer_failure(visit, FAILURE_REQUEST_TOO_LARGE);
        return !is_over;
    }
    if (request_load_body(request, &visit->exchange->source, &limits, &fault) == 0)
        return true;
    answer_fault(visit, &fault);
    return false;
}

/* GET /v1/models, where the configuration names models: what it names is what can be asked for. */
static bool
asks_for_models(const struct visit *visit)
{
    const struct operation_match *operation = &visit->request.operation;
    bool is_v1 = !operation->azure_style || operation->azure_v1;
    bool is_list =
        span_is(operation->rest, "models") || span_has_prefix(operation->rest, "models/");
    return is_v1 && is_list && strcmp(visit->request.method, "GET") == 0 &&
           models_are_named(visit->config);
}

static void
answer_models(struct visit *visit)
{
    struct span id = visit->request.operation.rest;
    struct buf body;
    (void)span_split(&id, '/');
    buf_init(&body, MODELS_MAX_BYTES);
    int found = models_write(visit->config, id.ptr ? &id : NULL, &body);
    if (found > 0)
        answer_text(visit, "application/json", buf_span(&body));
    else
        answer_failure(visit, found == 0 ? FAILURE_MODEL_NOT_FOUND : FAILURE_GATEWAY_ERROR);
    buf_fini(&body);
}

/* Who counts as gone may still read: a client that shut down just its sending half looks like one
 * that left. What it got must not look whole, and of no head at all mod_proxy_fcgi would make an
 * empty 200. As a rule nobody is there to care whether this arrives. */
static void
tell_gone(struct visit *visit, const struct call *call)
{
    static const struct request_fault fault = {FAILURE_CLIENT_GONE, NULL};
    const struct failure_row *row = failure_get(fault.failure);
    enum event_api api = visit->request.operation.row->stream;
    struct sink *sink = &visit->exchange->sink;
    struct buf event;
    visit->code = row->code;
    if (!call->head_sent) {
        (void)answer_send_fault(sink, &visit->request, &fault);
        return;
    }
    if (call->is_plain) {
        sink->abort(sink->self);
        return;
    }
    buf_init(&event, EVENT_MAX_BYTES);
    if (event_format_error(api, row->code, row->message, &event) == 0 &&
        sink->bytes(sink->self, buf_span(&event)) == 0)
        (void)sink->end(sink->self);
    buf_fini(&event);
}

static void
answer_call(struct visit *visit)
{
    struct request *request = &visit->request;
    struct relay relay;
    if (engine_lend(visit->serve->engine, visit->config, &relay) != 0) {
        answer_failure(visit, FAILURE_GATEWAY_ERROR);
        return;
    }
    struct call call;
    call_init(&call, &relay, request);
    call.source = &visit->exchange->source;
    call.sink = &visit->exchange->sink;
    call.drain_deadline_ms = visit->exchange->drain_deadline_ms;
    if (visit->config->client_probe)
        probe_start(visit->exchange->probe, visit->exchange->params, call.sent_ms);
    relay_run(&call);
    visit->account = call.account;
    if (call.is_gone)
        tell_gone(visit, &call);
    else if (!call.account.upstream)
        visit->code = failure_get(call.failure)->code;
    call_fini(&call);
}

static void
answer_api(struct visit *visit)
{
    if (!is_api_method(visit->request.method)) {
        answer_failure(visit, FAILURE_METHOD_NOT_ALLOWED);
        return;
    }
    if (!let_in(visit))
        return;
    if (asks_for_models(visit))
        answer_models(visit);
    else if (load_body(visit))
        answer_call(visit);
}

static void
answer_visit(struct visit *visit)
{
    struct request *request = &visit->request;
    const struct page *page;
    if (visit->exchange->is_overload)
        answer_failure(visit, FAILURE_GATEWAY_OVERLOADED);
    else if (!visit->config)
        answer_failure(visit, FAILURE_GATEWAY_MISCONFIGURED);
    else if (strcmp(request->method, "OPTIONS") == 0)
        answer_options(visit);
    else if (is_api(request->path))
        answer_api(visit);
    else if ((page = page_find(request->path)) != NULL)
        answer_page(visit, page);
    else
        answer_failure(visit, FAILURE_UNKNOWN_URL);
}

/* What the request itself is wrong with, or the web server that passed it. */
static void
refuse_visit(struct visit *visit, const struct request_fault *fault)
{
    if (visit->request.doubled)
        log_write(LOG_LEVEL_ERROR,
                  "request_refused req=%s reason=parameter_twice name=%s hint=\"the web server's "
                  "configuration passes it twice, so that it could be read in two ways\"",
                  visit->request.id, visit->request.doubled);
    answer_fault(visit, fault);
}

static void
log_visit(const struct visit *visit)
{
    const struct request *request = &visit->request;
    const struct account *account = &visit->account;
    const struct accesslog_entry entry = {
        .request_id = request->id,
        .client = request->client,
        .method = request->method,
        .path = request->path,
        .operation = is_api(request->path) ? request->operation.row->name : "page",
        .status = account->status,
        .upstream = account->upstream,
        .attempts = account->attempts,
        .is_stream = request->wants_stream,
        .was_cut = account->was_cut,
        .bytes = account->bytes,
        .took_us = clock_boot_us() - request->started_us,
        .waited_us = account->waited_us,
        .code = visit->code,
    };
    accesslog_write(&entry);
}

void
serve_exchange(void *self, struct exchange *exchange)
{
    struct serve *serve = self;
    struct visit visit = {.serve = serve, .exchange = exchange};
    struct request_fault fault;
    const char *root = params_find(exchange->params, "DOCUMENT_ROOT");
    if (root)
        config_store_saw_root(serve->configs, span_from(root));
    uint64_t now_ms = clock_boot_ms();
    config_store_refresh_at(serve->configs, now_ms);
    visit.config = config_store_get(serve->configs);
    if (visit.config)
        logfile_follow(visit.config, now_ms);
    const char *mount = visit.config ? visit.config->mount : NULL;
    if (request_read(&visit.request, exchange->params, mount, &fault) != 0)
        refuse_visit(&visit, exchange->fault ? exchange->fault : &fault);
    else
        answer_visit(&visit);
    log_visit(&visit);
    request_fini(&visit.request);
    if (visit.config)
        config_store_put(serve->configs, visit.config);
}
