/* stage.h - a scene with upstreams that answer: scripted servers, a pool, breakers in private
 * memory.
 */
#ifndef POSTERN_TESTS_STAGE_H
#define POSTERN_TESTS_STAGE_H

#include "../net/rawserver.h"
#include "scene.h"

struct stage {
    struct scene scene;
    struct rawserver *servers[SCENE_UPSTREAMS_MAX]; /* NULL: nobody listens there */
};

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define RESET                                                                                      \
    {                                                                                              \
        .verb = RAW_RESET                                                                          \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define WAIT                                                                                       \
    {                                                                                              \
        .verb = RAW_WAIT                                                                           \
    }
#define CALL(function)                                                                             \
    {                                                                                              \
        .verb = RAW_CALL, .call = (function)                                                       \
    }
#define SEND(text) RAW_BYTES(text)
#define HEAD(status, type) "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nConnection: close\r\n"

/* A whole answer of one connection; its end is told by closing. */
#define ANSWERS(status, type, body)                                                                \
    {                                                                                              \
        {                                                                                          \
            READ, SEND(HEAD(status, type) "\r\n" body)                                             \
        }                                                                                          \
    }
#define JSON "application/json"
#define EVENTS "text/event-stream"
#define GOOD_BODY "{\"choices\":[{\"index\":0}]}"
#define GOOD ANSWERS("200 OK", JSON, GOOD_BODY)
#define ROLE "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"
#define TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define GOOD_STREAM ANSWERS("200 OK", EVENTS, ROLE TEXT STOP DONE)

void stage_open(struct stage *stage, size_t upstreams);
void stage_close(struct stage *stage);

/* Upstream `i` answers by these scripts, one a connection; the last one repeats. The stage is their
 * argument. */
void stage_serve(struct stage *stage, size_t i, const struct rawserver_script *scripts,
                 size_t count);

/* The call of the last scene_ask() runs to its end. */
void stage_run(struct stage *stage);
/* A plain chat call from question to end. */
void stage_chat(struct stage *stage);

/* It was tried there, in these words, and the client got that status. */
void stage_expect(const struct stage *stage, const char *attempts, int status);

unsigned stage_requests(const struct stage *stage, size_t i);

/* What the breaker of upstream `i` says. */
bool stage_would_admit(struct stage *stage, size_t i);
struct state_cell_view stage_breaker(struct stage *stage, size_t i);
struct state_cell stage_cell(const struct stage *stage, size_t i);

/* The breaker of upstream `i` opens for a millisecond alone. */
void stage_open_for_a_moment(struct stage *stage, size_t i);
/* Three chats, after which the breaker of the first upstream, which fails, is closed no more. */
void stage_wear_out(struct stage *stage);
/* Comes back when an open time has passed. */
void stage_await_probe(struct stage *stage, size_t i);

#endif
