/* scene.h - one client, its request, the configuration and the upstreams of a test. */
#ifndef POSTERN_TESTS_SCENE_H
#define POSTERN_TESTS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memsink.h"
#include "relay/call.h"

#define SCENE_UPSTREAMS_MAX 3
#define SCENE_SECRET "sk-upstream-secret-0123456789"

#define CHAT "/v1/chat/completions"
#define CHAT_BODY "{\"model\":\"gpt-4o\",\"messages\":[]}"
#define CHAT_STREAM_BODY "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[]}"

struct scene {
    struct config config;
    struct upstream upstreams[SCENE_UPSTREAMS_MAX]; /* "eu", "us", "asia" */
    struct route_candidate candidates[SCENE_UPSTREAMS_MAX];
    struct route_step steps[SCENE_UPSTREAMS_MAX]; /* each candidate is one */
    struct route route;
    struct relay relay; /* its state and pool: NULL but in tests that open them */
    char method[64], uri[256], length[64]; /* as the web server passes them */
    struct request request;
    struct memsink client;
    struct span unread; /* of the request's body */
    struct source source;
    _Atomic uint64_t drain_deadline_ms;
    struct call call;
};

/* A configuration with `upstreams` of them, roomy times and no heartbeat; for a test to change
 * before it asks. */
void scene_init(struct scene *scene, size_t upstreams);
void scene_fini(struct scene *scene);

/* The client asks, and a call begins. `body` NULL: none. May be asked again: what was is forgotten.
 * `header` (may be NULL) is one parameter more, as "HTTP_X=y"; it outlives the call. */
void scene_ask(struct scene *scene, const char *method, const char *path, const char *body);
void scene_ask_with(struct scene *scene, const char *method, const char *path, const char *body,
                    const char *header);

/* The client got these bytes and no others. */
void scene_expect_body(struct scene *scene, const char *body);

#endif
