/* scene.c - puts a call together without web server and files. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "base/secrets.h"

#define MIB (1024 * 1024)
static const struct span secret = SPAN_LITERAL(SCENE_SECRET);

#define MINUTE_MS 60000

static const struct breaker_rules breaker = {
    .failure_threshold = 3,
    .open_ms = 10000,
    .permits = 1,
    .policy = BREAKER_ANY_FAIL,
    .lease_ms = 10000,
    .backoff_percent = 100,
    .open_max_ms = 10000,
    .retry_after_max_ms = 3600000,
    .quota_hold_ms = 300000,
};

static void
add_upstream(struct scene *scene, size_t i)
{
    static const char *const names[SCENE_UPSTREAMS_MAX] = {"eu", "us", "asia"};
    scene->upstreams[i] = (struct upstream){
        .name = names[i],
        .origin = "http://127.0.0.1:9",
        .base_path = "",
        .host = "127.0.0.1",
        .key = SCENE_SECRET,
        .dialect = UPSTREAM_DIALECT_OPENAI,
        .timeouts = {MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS},
        .rules = breaker,
    };
    upstream_identify(&scene->upstreams[i], NULL, scene->upstreams[i].breaker_key);
    scene->candidates[i] = (struct route_candidate){.upstream = &scene->upstreams[i], .weight = 1};
    scene->steps[i] = (struct route_step){&scene->candidates[i], 1};
}

void
scene_init(struct scene *scene, size_t upstreams)
{
    *scene = (struct scene){.route = {.model = "*", .steps = scene->steps, .count = upstreams}};
    assert_true(upstreams <= SCENE_UPSTREAMS_MAX);
    for (size_t i = 0; i < upstreams; i++)
        add_upstream(scene, i);
    scene->config = (struct config){
        .upstreams = scene->upstreams,
        .upstream_count = upstreams,
        .routes = {&scene->route, 1},
        .profile = OUTCOME_LLM,
        .last_resort = true,
        .pinned = true,
        .total_timeout_ms = 10 * MINUTE_MS,
        .retry_wait_max_ms = 0,
        .hold_max_bytes = MIB,
        .spool_max_bytes = 64 * MIB,
        .spool_dir = "/tmp",
        .max_body_bytes = MIB,
        .max_upload_bytes = MIB,
        .body_timeout_ms = MINUTE_MS,
    };
    scene->relay.config = &scene->config;
    memsink_init(&scene->client);
    assert_int_equal(secrets_take(&secret, 1), 0);
}

static void
forget(struct scene *scene)
{
    call_fini(&scene->call);
    request_fini(&scene->request);
}

void
scene_fini(struct scene *scene)
{
    forget(scene);
    memsink_fini(&scene->client);
    secrets_drop(&secret, 1);
}

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct scene *scene = self;
    size_t len = scene->unread.len < room ? scene->unread.len : room;
    if (len == 0)
        return 0;
    memcpy(out, scene->unread.ptr, len);
    scene->unread = span_of(scene->unread.ptr + len, scene->unread.len - len);
    return (int64_t)len;
}

void
scene_ask_with(struct scene *scene, const char *method, const char *path, const char *body,
               const char *header)
{
    struct request_fault fault;
    forget(scene);
    memsink_fini(&scene->client);
    memsink_init(&scene->client);
    (void)snprintf(scene->method, sizeof(scene->method), "REQUEST_METHOD=%s", method);
    (void)snprintf(scene->uri, sizeof(scene->uri), "REQUEST_URI=%s", path);
    (void)snprintf(scene->length, sizeof(scene->length), "CONTENT_LENGTH=%zu",
                   body ? strlen(body) : 0);
    const char *const params[] = {
        scene->method, scene->uri, scene->length, "CONTENT_TYPE=application/json", header, NULL};
    const struct request_limits limits = {scene->config.max_body_bytes, MINUTE_MS};
    scene->unread = span_from(body);
    scene->source = (struct source){scene, read_body};
    assert_int_equal(request_read(&scene->request, params, "", &fault), 0);
    if (!request_is_upload(&scene->request))
        assert_int_equal(request_load_body(&scene->request, &scene->source, &limits, &fault), 0);
    call_init(&scene->call, &scene->relay, &scene->request);
    scene->call.source = &scene->source;
    scene->call.sink = &scene->client.sink;
    scene->call.drain_deadline_ms = &scene->drain_deadline_ms;
}

void
scene_ask(struct scene *scene, const char *method, const char *path, const char *body)
{
    scene_ask_with(scene, method, path, body, NULL);
}

void
scene_expect_body(struct scene *scene, const char *body)
{
    if (!span_is(buf_span(&scene->client.body), body))
        fail_msg("the client got: " SPAN_FMT, SPAN_ARG(buf_span(&scene->client.body)));
}
