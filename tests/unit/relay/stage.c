/* stage.c - opens what relay_run() needs besides the scene. */
#include "stage.h"

#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "relay/attempt.h"
#include "relay/relay.h"

void
stage_open(struct stage *stage, size_t upstreams)
{
    static const struct pool_options pooling = {
        .idle_per_origin_max = 4, .idle_max = 8, .connection_life_s = 60, .idle_life_s = 60};
    static const struct state_options private = {.path = "none"};
    struct err err;
    (void)signal(SIGPIPE, SIG_IGN);
    log_open(-1, LOG_LEVEL_ERROR);
    memset(stage->servers, 0, sizeof(stage->servers));
    scene_init(&stage->scene, upstreams);
    stage->scene.relay.pool = pool_new(&pooling, &err);
    assert_non_null(stage->scene.relay.pool);
    stage->scene.relay.state = state_open(&private, &err);
    assert_non_null(stage->scene.relay.state);
}

void
stage_close(struct stage *stage)
{
    pool_free(stage->scene.relay.pool); /* before the servers, which wait for their peers */
    for (size_t i = 0; i < SCENE_UPSTREAMS_MAX; i++) {
        if (stage->servers[i])
            rawserver_stop(stage->servers[i]);
    }
    state_close(stage->scene.relay.state);
    scene_fini(&stage->scene);
}

void
stage_serve(struct stage *stage, size_t i, const struct rawserver_script *scripts, size_t count)
{
    stage->servers[i] = rawserver_start(scripts, count, NULL, stage);
    stage->scene.upstreams[i].origin = rawserver_origin(stage->servers[i]);
}

void
stage_run(struct stage *stage)
{
    relay_run(&stage->scene.call);
}

void
stage_chat(struct stage *stage)
{
    scene_ask(&stage->scene, "POST", CHAT, CHAT_BODY);
    stage_run(stage);
}

void
stage_expect(const struct stage *stage, const char *attempts, int status)
{
    const struct scene *scene = &stage->scene;
    if (strcmp(scene->call.account.attempts, attempts) != 0)
        fail_msg("attempts are %s, not %s", scene->call.account.attempts, attempts);
    assert_int_equal(scene->client.status, status);
}

unsigned
stage_requests(const struct stage *stage, size_t i)
{
    return rawserver_requests(stage->servers[i]);
}

struct state_cell
stage_cell(const struct stage *stage, size_t i)
{
    struct state_cell cell;
    attempt_name_cell(&stage->scene.call, &stage->scene.candidates[i], &cell);
    return cell;
}

bool
stage_would_admit(struct stage *stage, size_t i)
{
    struct state_cell cell = stage_cell(stage, i);
    return state_would_admit(stage->scene.relay.state, &cell, &stage->scene.upstreams[i].rules);
}

struct state_cell_view
stage_breaker(struct stage *stage, size_t i)
{
    struct state_cell cell = stage_cell(stage, i);
    return state_cell_view(stage->scene.relay.state, &cell, &stage->scene.upstreams[i].rules);
}

void
stage_open_for_a_moment(struct stage *stage, size_t i)
{
    stage->scene.upstreams[i].rules.open_ms = 1;
    stage->scene.upstreams[i].rules.open_max_ms = 1;
}

void
stage_wear_out(struct stage *stage)
{
    for (int i = 0; i < 3; i++)
        stage_chat(stage);
    assert_int_not_equal(stage_breaker(stage, 0).breaker.state, BREAKER_CLOSED);
}

void
stage_await_probe(struct stage *stage, size_t i)
{
    while (!stage_would_admit(stage, i))
        ;
}
