/* also: tests/unit/net/rawserver.c */
/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/stage.c */
/* The loop and an upstream that was given up: one request probes it, a good answer brings it back,
 * and the last one of a route is tried all the same. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_BODY "{\"error\":{\"message\":\"m\",\"code\":\"c\"}}"

static struct stage stage;
static struct scene *const scene = &stage.scene;
static const struct rawserver_script good = GOOD;
static const struct rawserver_script failing = ANSWERS("500 Oops", JSON, ERROR_BODY);

/* --- half open ------------------------------------------------------------ */

static void
look_who_else_is_admitted(void *argument)
{
    struct stage *seen = argument;
    if (stage_would_admit(seen, 0))
        abort(); /* a second probe */
}

static void
one_request_probes_and_its_answer_closes(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        {{READ, CALL(look_who_else_is_admitted), SEND(HEAD("200 OK", JSON) "\r\n" GOOD_BODY)}},
    };
    stage_open(&stage, 2);
    stage_serve(&stage, 0, scripts, 4);
    stage_serve(&stage, 1, &good, 1);
    stage_open_for_a_moment(&stage, 0);
    stage_wear_out(&stage);
    stage_await_probe(&stage, 0);
    stage_chat(&stage);
    stage_expect(&stage, "eu:200", 200);
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_CLOSED);
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_PROBES], 1);
    stage_close(&stage);
}

static void
release_first(void *self, struct span bytes)
{
    (void)bytes;
    rawserver_release(self);
}

static void
look_whether_it_is_closed(void *argument)
{
    struct stage *seen = argument;
    if (!stage_would_admit(seen, 0))
        abort(); /* a long answer must not keep the others away */
}

static void
a_streams_first_content_closes_while_it_flows(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        ANSWERS("500 Oops", JSON, ERROR_BODY),
        /* looks when the client has the second piece: the first one was reported by then */
        {{READ, SEND(HEAD("200 OK", EVENTS) "\r\n" TEXT), WAIT, SEND(TEXT), WAIT,
          CALL(look_whether_it_is_closed), SEND(STOP)}},
    };
    stage_open(&stage, 2);
    stage_serve(&stage, 0, scripts, 4);
    stage_serve(&stage, 1, &good, 1);
    stage_open_for_a_moment(&stage, 0);
    stage_wear_out(&stage);
    stage_await_probe(&stage, 0);
    scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
    scene->client.on_bytes = release_first;
    scene->client.self = stage.servers[0];
    stage_run(&stage);
    stage_expect(&stage, "eu:200", 200);
    stage_close(&stage);
}

static void
a_probe_that_starts_well_and_is_cut_has_failed_all_the_same(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        ANSWERS("500 Oops", JSON, ERROR_BODY), ANSWERS("500 Oops", JSON, ERROR_BODY),
        ANSWERS("500 Oops", JSON, ERROR_BODY), ANSWERS("200 OK", EVENTS, ROLE TEXT)};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, scripts, 4);
    stage_serve(&stage, 1, &good, 1);
    stage_open_for_a_moment(&stage, 0);
    stage_wear_out(&stage);
    stage_await_probe(&stage, 0);
    scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
    stage_run(&stage);
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_CLOSED);
    assert_int_equal(stage_breaker(&stage, 0).breaker.consecutive_failures, 1);
    stage_close(&stage);
}

static void
while_another_probes_the_next_upstream_answers(void **state)
{
    (void)state;
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    stage_open_for_a_moment(&stage, 0);
    stage_wear_out(&stage);
    stage_await_probe(&stage, 0);
    struct state_cell cell = stage_cell(&stage, 0); /* as another process would */
    struct breaker_permit permit =
        state_admit(scene->relay.state, &cell, &scene->upstreams[0].rules, false);
    assert_int_equal(permit.answer, BREAKER_PROBE);
    stage_chat(&stage);
    stage_expect(&stage, "us:200", 200);
    assert_int_equal(stage_requests(&stage, 0), 3);
    stage_close(&stage);
}

/* --- the last resort ------------------------------------------------------ */

static void
the_last_upstream_is_tried_against_its_breaker(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {ANSWERS("500 Oops", JSON, ERROR_BODY),
                                                      ANSWERS("500 Oops", JSON, ERROR_BODY),
                                                      ANSWERS("500 Oops", JSON, ERROR_BODY), GOOD};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, scripts, 4);
    stage_wear_out(&stage);
    stage_chat(&stage);
    stage_expect(&stage, "eu:200", 200);
    assert_int_equal(stage_breaker(&stage, 0).breaker.state, BREAKER_CLOSED);
    stage_close(&stage);
}

static void
it_is_not_tried_when_somebody_answered_already(void **state)
{
    (void)state;
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &failing, 1);
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    struct state_cell cell = stage_cell(&stage, 1);
    for (int i = 0; i < 3; i++) {
        struct breaker_permit permit =
            state_admit(scene->relay.state, &cell, &scene->upstreams[1].rules, false);
        const struct breaker_report report = {.verdict = BREAKER_FAIL};
        (void)state_report(scene->relay.state, &cell, &scene->upstreams[1].rules, &permit, &report,
                           500);
    }
    stage_run(&stage);
    stage_expect(&stage, "eu:500", 500);
    assert_int_equal(stage_requests(&stage, 1), 0);
    stage_close(&stage);
}

static void
nobody_who_admits_is_503_with_the_time_to_wait(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &failing, 1);
    scene->config.last_resort = false;
    stage_wear_out(&stage);
    stage_chat(&stage);
    stage_expect(&stage, "", 503);
    assert_non_null(strstr(buf_text(&scene->client.body), "upstream_unavailable"));
    const char *wait = memsink_header(&scene->client, "Retry-After");
    assert_non_null(wait);
    assert_in_range(strtol(wait, NULL, 10), 1, 10);
    assert_null(memsink_header(&scene->client, "X-Postern-Attempts"));
    assert_int_equal(stage_requests(&stage, 0), 3);
    stage_close(&stage);
}

static void
the_operators_word_stands_above_the_last_resort(void **state)
{
    (void)state;
    struct err err;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &good, 1);
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    struct state_cell cell = stage_cell(&stage, 0);
    assert_int_equal(state_override(scene->relay.state, &cell, BREAKER_FORCED_OPEN, 0, &err), 0);
    stage_run(&stage);
    stage_expect(&stage, "", 503);
    assert_null(memsink_header(&scene->client, "Retry-After")); /* nobody knows */
    assert_int_equal(stage_requests(&stage, 0), 0);
    stage_close(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_probes_and_its_answer_closes),
        cmocka_unit_test(a_streams_first_content_closes_while_it_flows),
        cmocka_unit_test(a_probe_that_starts_well_and_is_cut_has_failed_all_the_same),
        cmocka_unit_test(while_another_probes_the_next_upstream_answers),
        cmocka_unit_test(the_last_upstream_is_tried_against_its_breaker),
        cmocka_unit_test(it_is_not_tried_when_somebody_answered_already),
        cmocka_unit_test(nobody_who_admits_is_503_with_the_time_to_wait),
        cmocka_unit_test(the_operators_word_stands_above_the_last_resort),
    };
    return cmocka_run_group_tests_name("relay/relay, recovery", tests, NULL, NULL);
}
