/* also: tests/unit/net/rawserver.c */
/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/stage.c */
/* The loop and its breakers: who is asked at all, how long the others wait, and pinned operations.
 */
#include "stage.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_BODY "{\"error\":{\"message\":\"m\",\"code\":\"c\"}}"
#define CUT_STREAM ANSWERS("200 OK", EVENTS, ROLE TEXT)

static struct stage stage;
static struct scene *const scene = &stage.scene;
static const struct rawserver_script good = GOOD;
static const struct rawserver_script failing = ANSWERS("500 Oops", JSON, ERROR_BODY);

/* --- opening -------------------------------------------------------------- */

static void
a_breaker_opens_after_three_failures_and_is_passed_over(void **state)
{
    (void)state;
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    for (int i = 0; i < 3; i++) {
        stage_chat(&stage);
        stage_expect(&stage, "eu:500,us:200", 200);
    }
    for (int i = 0; i < 2; i++) {
        stage_chat(&stage);
        stage_expect(&stage, "us:200", 200);
    }
    assert_int_equal(stage_requests(&stage, 0), 3);
    assert_int_equal(stage_requests(&stage, 1), 5);
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_TRIPS], 1);
    stage_close(&stage);
}

static void
a_clients_mistakes_open_nothing(void **state)
{
    (void)state;
    static const struct rawserver_script bad = ANSWERS("400 Bad", JSON, ERROR_BODY);
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &bad, 1);
    for (int i = 0; i < 6; i++) {
        stage_chat(&stage);
        stage_expect(&stage, "eu:400", 400);
    }
    assert_int_equal(stage_breaker(&stage, 0).breaker.consecutive_failures, 0);
    stage_close(&stage);
}

/* What a client asks for on a path or in a form that we do not read must not close an upstream. */
static void
nobody_trips_a_breaker_by_the_model_it_names(void **state)
{
    (void)state;
    static const struct rawserver_script unknown =
        ANSWERS("404 None", JSON, "{\"error\":{\"message\":\"m\",\"code\":\"model_not_found\"}}");
    static const struct {
        const char *method, *path, *body;
    } rows[] = {
        {"GET", "/v1/models/none", NULL},
        {"POST", "/openai/deployments/none/chat/completions", "{\"messages\":[]}"},
        {"POST", CHAT, "{\"model\":\"none\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &unknown, 1);
        scene->config.breaker_per_model = true;
        scene->upstreams[0].dialect = UPSTREAM_DIALECT_AZURE;
        scene_ask(scene, rows[i].method, rows[i].path, rows[i].body);
        stage_run(&stage);
        assert_int_equal(scene->client.status, 404);
        if (!stage_would_admit(&stage, 0))
            fail_msg("%s tripped it", rows[i].path);
        stage_close(&stage);
    }
}

static atomic_bool has_begun, gave_up;

static void
await(const atomic_bool *happened)
{
    for (int i = 0; !atomic_load(happened) && i < 5000; i++)
        (void)poll(NULL, 0, 1);
}

/* An upstream that loses patience before any of the body is simply broken. */
static void
await_body(void *unused)
{
    (void)unused;
    await(&has_begun);
}

static void
note_end(void *unused)
{
    (void)unused;
    atomic_store(&gave_up, true);
}

/* A client that goes on with its body only when the upstream has lost patience. */
static int64_t
read_at_a_crawl(void *self, char *out, size_t room)
{
    size_t *given = self;
    const size_t len = room < 1000 ? room : 1000;
    if (*given > 0) {
        atomic_store(&has_begun, true);
        await(&gave_up);
    }
    memset(out, 'x', len);
    *given += len;
    return (int64_t)len;
}

static void
nobody_trips_a_breaker_by_a_slow_upload(void **state)
{
    (void)state;
    static char body[200001];
    static const struct rawserver_script impatient[] = {
        {{{.verb = RAW_READ_SOME},
          CALL(await_body),
          SEND("HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"),
          CALL(note_end),
          HOLD}},
        {{{.verb = RAW_READ_SOME}, CALL(await_body), CALL(note_end), RESET}},
    };
    memset(body, 'x', sizeof(body) - 1);
    for (size_t i = 0; i < 2; i++) {
        size_t given = 0;
        atomic_store(&has_begun, false);
        atomic_store(&gave_up, false);
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &impatient[i], 1);
        scene_ask(scene, "POST", "/v1/files", body);
        scene->source = (struct source){&given, read_at_a_crawl};
        stage_run(&stage);
        assert_true(given < sizeof(body) - 1);
        assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 0);
        stage_close(&stage);
    }
}

/* One broken deployment must not close its whole host, wherever its name was configured. */
static void
each_configured_model_may_have_a_breaker_of_its_own(void **state)
{
    (void)state;
    static const struct upstream_model models[] = {{"broken", "broken-prod"}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->config.breaker_per_model = true;
    scene->upstreams[0].models = models;
    scene->upstreams[0].model_count = 1;
    for (int i = 0; i < 4; i++) {
        scene_ask(scene, "POST", CHAT, "{\"model\":\"broken\"}");
        stage_run(&stage);
        stage_expect(&stage, i < 3 ? "eu:500,us:200" : "us:200", 200);
    }
    stage_chat(&stage);
    stage_expect(&stage, "eu:500,us:200", 200);
    stage_close(&stage);
}

static void
streams_that_start_well_and_are_cut_open_it_too(void **state)
{
    (void)state;
    static const struct rawserver_script cut = CUT_STREAM;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &cut, 1);
    for (int i = 0; i < 3; i++) {
        scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
        stage_run(&stage);
    }
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_OPEN);
    stage_close(&stage);
}

static void
whole_streams_reset_the_count(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {CUT_STREAM, CUT_STREAM, GOOD_STREAM,
                                                      CUT_STREAM};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, scripts, 4);
    for (int i = 0; i < 5; i++) {
        scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
        stage_run(&stage);
    }
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_CLOSED);
    assert_int_equal(stage_breaker(&stage, 0).breaker.consecutive_failures, 2);
    stage_close(&stage);
}

/* A stream is one call, though it is reported when it begins and when it ends. */
static void
a_stream_counts_once_in_the_window(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {ANSWERS("500 Oops", JSON, ERROR_BODY),
                                                      GOOD_STREAM};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, scripts, 2);
    struct breaker_rules *rules = &scene->upstreams[0].rules;
    rules->failure_threshold = 0;
    rules->window = BREAKER_WINDOW_COUNT;
    rules->window_size = rules->min_calls = 3;
    rules->failure_rate = 33;
    stage_chat(&stage);
    scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
    stage_run(&stage);
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_CLOSED); /* 1 of 2 */
    scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
    stage_run(&stage);
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_OPEN); /* 1 of 3 */
    stage_close(&stage);
}

/* --- limits --------------------------------------------------------------- */

static void
all_cooling_down_is_429_with_the_time_to_wait(void **state)
{
    (void)state;
    static const struct rawserver_script limited =
        ANSWERS("429 Slow\r\nRetry-After: 30", JSON, ERROR_BODY);
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &limited, 1);
    stage_serve(&stage, 1, &limited, 1);
    scene->config.last_resort = false;
    stage_chat(&stage);
    stage_expect(&stage, "eu:429,us:429", 429);
    assert_string_equal(memsink_header(&scene->client, "Retry-After"), "30");
    scene_expect_body(scene, ERROR_BODY);
    stage_chat(&stage);
    stage_expect(&stage, "", 429);
    assert_non_null(strstr(buf_text(&scene->client.body), "upstream_rate_limited"));
    assert_in_range(strtol(memsink_header(&scene->client, "Retry-After"), NULL, 10), 29, 30);
    assert_int_equal(stage_requests(&stage, 0), 1);
    stage_close(&stage);
}

static void
a_short_wait_is_waited_for_when_nobody_else_admits(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("429 Slow\r\nretry-after-ms: 2", JSON, ERROR_BODY), GOOD};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, scripts, 2);
    scene->config.retry_wait_max_ms = 1000;
    stage_chat(&stage);
    stage_expect(&stage, "eu:429,eu:200", 200);
    stage_close(&stage);
}

static void
a_long_wait_is_the_clients(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("429 Slow\r\nRetry-After: 30", JSON, ERROR_BODY), GOOD};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, scripts, 2);
    scene->config.retry_wait_max_ms = 1000;
    stage_chat(&stage);
    stage_expect(&stage, "eu:429", 429);
    assert_string_equal(memsink_header(&scene->client, "Retry-After"), "30");
    stage_close(&stage);
}

static void
retries_try_the_same_upstream_first(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("503 Full\r\nretry-after-ms: 1", JSON, ERROR_BODY), GOOD};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, scripts, 2);
    stage_serve(&stage, 1, &good, 1);
    scene->config.profile = OUTCOME_CLASSIC; /* where a wait is no cool-down */
    scene->config.retry_wait_max_ms = 1000;
    scene->upstreams[0].retries = 1;
    stage_chat(&stage);
    stage_expect(&stage, "eu:503,eu:200", 200);
    stage_close(&stage);
}

/* --- pinned --------------------------------------------------------------- */

/* Both share the load of one step, as in "try": [["eu", "us"]]. */
static void
share_the_load(void)
{
    scene->steps[0].count = 2;
    scene->route.count = 1;
}

static void
a_pinned_operation_always_goes_to_the_first_upstream(void **state)
{
    (void)state;
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &good, 1);
    stage_serve(&stage, 1, &good, 1);
    share_the_load();
    for (int i = 0; i < 20; i++) {
        scene_ask(scene, "GET", "/v1/files", NULL);
        stage_run(&stage);
        stage_expect(&stage, "eu:200", 200);
    }
    assert_int_equal(stage_requests(&stage, 1), 0);
    stage_close(&stage);
}

static void
a_pinned_operation_fails_rather_than_splits_an_account(void **state)
{
    (void)state;
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    scene_ask(scene, "POST", "/v1/batches", "{}");
    stage_run(&stage);
    stage_expect(&stage, "eu:500", 500);
    assert_int_equal(stage_requests(&stage, 1), 0);

    scene->config.pinned = false;
    scene_ask(scene, "POST", "/v1/batches", "{}");
    stage_run(&stage);
    stage_expect(&stage, "eu:500,us:200", 200);
    stage_close(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_opens_after_three_failures_and_is_passed_over),
        cmocka_unit_test(a_clients_mistakes_open_nothing),
        cmocka_unit_test(nobody_trips_a_breaker_by_the_model_it_names),
        cmocka_unit_test(nobody_trips_a_breaker_by_a_slow_upload),
        cmocka_unit_test(each_configured_model_may_have_a_breaker_of_its_own),
        cmocka_unit_test(streams_that_start_well_and_are_cut_open_it_too),
        cmocka_unit_test(whole_streams_reset_the_count),
        cmocka_unit_test(a_stream_counts_once_in_the_window),
        cmocka_unit_test(all_cooling_down_is_429_with_the_time_to_wait),
        cmocka_unit_test(a_short_wait_is_waited_for_when_nobody_else_admits),
        cmocka_unit_test(a_long_wait_is_the_clients),
        cmocka_unit_test(retries_try_the_same_upstream_first),
        cmocka_unit_test(a_pinned_operation_always_goes_to_the_first_upstream),
        cmocka_unit_test(a_pinned_operation_fails_rather_than_splits_an_account),
    };
    return cmocka_run_group_tests_name("relay/relay, breakers", tests, NULL, NULL);
}
