/* also: tests/unit/net/rawserver.c */
/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/stage.c */
/* The whole loop: what falls back, what does not, and what the client gets in the end. */
#include "stage.h"

#include <string.h>

#define ERROR_BODY "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"c\"}}\n"
#define CODED(code) "{\"error\":{\"message\":\"m\",\"code\":\"" code "\"}}"

static struct stage stage;
static struct scene *const scene = &stage.scene;
static const struct rawserver_script good = GOOD;

static void
expect_attempts(const char *attempts)
{
    if (strcmp(scene->call.account.attempts, attempts) != 0)
        fail_msg("attempts are %s, not %s", scene->call.account.attempts, attempts);
    assert_string_equal(memsink_header(&scene->client, "X-Postern-Attempts"), attempts);
}

/* --- what falls back ------------------------------------------------------ */

static void
the_next_upstream_answers_for_one_that_failed(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        const char *attempts;
    } rows[] = {
        {ANSWERS("500 Oops", JSON, ERROR_BODY), "eu:500,us:200"},
        {ANSWERS("502 Oops", "text/html", "<html>"), "eu:502,us:200"},
        {ANSWERS("503 Oops", JSON, ""), "eu:503,us:200"},
        {ANSWERS("504 Oops", JSON, ERROR_BODY), "eu:504,us:200"},
        {ANSWERS("529 Oops", JSON, CODED("overloaded_error")), "eu:529,us:200"},
        {ANSWERS("429 Slow", JSON, CODED("rate_limit_exceeded")), "eu:429,us:200"},
        {ANSWERS("429 Money", JSON, CODED("insufficient_quota")), "eu:429,us:200"},
        {ANSWERS("401 Key", JSON, CODED("invalid_api_key")), "eu:401,us:200"},
        {ANSWERS("402 Money", JSON, ERROR_BODY), "eu:402,us:200"},
        {ANSWERS("403 Key", JSON, ERROR_BODY), "eu:403,us:200"},
        {ANSWERS("307 Away", JSON, ""), "eu:307,us:200"},
        {ANSWERS("408 Late", JSON, ERROR_BODY), "eu:408,us:200"},
        {ANSWERS("413 Large", JSON, ERROR_BODY), "eu:413,us:200"},
        {ANSWERS("400 Long", JSON, CODED("context_length_exceeded")), "eu:400,us:200"},
        {ANSWERS("200 OK", JSON, ERROR_BODY), "eu:malformed,us:200"},
        {ANSWERS("200 OK", "text/html", "<html>sign in</html>"), "eu:malformed,us:200"},
        {ANSWERS("200 OK", JSON, "{\"choices\":[{"), "eu:malformed,us:200"},
        {ANSWERS("200 OK", JSON, "{\"choices\":[]}"), "eu:malformed,us:200"},
        {ANSWERS("200 OK", JSON, ""), "eu:malformed,us:200"},
        {ANSWERS("204 Nothing", JSON, ""), "eu:malformed,us:200"},
        {{{READ, SEND(HEAD("200 OK", JSON) "Content-Length: 100\r\n\r\n" GOOD_BODY)}},
         "eu:malformed,us:200"},
        {{{READ, SEND("SSH-2.0-OpenSSH_9.2\r\n")}}, "eu:malformed,us:200"},
        {{{READ, SEND("HTTP/1.1 200 OK\r\nContent-Ty")}}, "eu:malformed,us:200"},
        {{{READ}}, "eu:unreachable,us:200"},
        {{{READ, RESET}}, "eu:unreachable,us:200"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &rows[i].script, 1);
        stage_serve(&stage, 1, &good, 1);
        stage_chat(&stage);
        expect_attempts(rows[i].attempts);
        assert_int_equal(scene->client.status, 200);
        scene_expect_body(scene, GOOD_BODY);
        assert_string_equal(memsink_header(&scene->client, "X-Postern-Upstream"), "us");
        assert_string_equal(scene->call.account.upstream, "us");
        stage_close(&stage);
    }
}

static void
the_next_upstream_answers_for_a_silent_one(void **state)
{
    (void)state;
    static const struct rawserver_script silent = {{READ, HOLD}};
    static const struct rawserver_script stalled = {
        {READ, SEND(HEAD("200 OK", JSON) "\r\n{\"choices\":["), HOLD}};
    static const struct rawserver_script *const scripts[] = {&silent, &stalled};
    for (size_t i = 0; i < 2; i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, scripts[i], 1);
        stage_serve(&stage, 1, &good, 1);
        scene->upstreams[0].timeouts.response_ms = 40;
        stage_chat(&stage);
        expect_attempts("eu:timeout,us:200");
        scene_expect_body(scene, GOOD_BODY);
        assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 1);
        stage_close(&stage);
    }
}

static void
the_next_upstream_answers_where_nobody_listens(void **state)
{
    (void)state;
    stage_open(&stage, 3);
    stage_serve(&stage, 2, &good, 1);
    stage_chat(&stage);
    expect_attempts("eu:unreachable,us:unreachable,asia:200");
    stage_close(&stage);
}

/* --- what does not -------------------------------------------------------- */

static void
what_is_the_clients_own_is_its_answer(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        int status;
        const char *body;
    } rows[] = {
        {ANSWERS("400 Bad", JSON, ERROR_BODY), 400, ERROR_BODY},
        {ANSWERS("404 None", JSON, CODED("model_not_found")), 404, CODED("model_not_found")},
        {ANSWERS("409 Busy", JSON, ERROR_BODY), 409, ERROR_BODY},
        {ANSWERS("422 Bad", JSON, " " ERROR_BODY), 422, " " ERROR_BODY},
        {ANSWERS("400 No", JSON, CODED("content_filter")), 400, CODED("content_filter")},
        {ANSWERS("200 OK", JSON, CODED("content_filter")), 400, CODED("content_filter")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &rows[i].script, 1);
        stage_serve(&stage, 1, &good, 1);
        stage_chat(&stage);
        assert_int_equal(scene->client.status, rows[i].status);
        scene_expect_body(scene, rows[i].body);
        assert_int_equal(stage_requests(&stage, 1), 0);
        assert_string_equal(memsink_header(&scene->client, "X-Postern-Upstream"), "eu");
        stage_close(&stage);
    }
}

static void
too_long_falls_back_once_only(void **state)
{
    (void)state;
    static const struct rawserver_script too_long =
        ANSWERS("400 Long", JSON, CODED("context_length_exceeded"));
    stage_open(&stage, 3);
    stage_serve(&stage, 0, &too_long, 1);
    stage_serve(&stage, 1, &too_long, 1);
    stage_serve(&stage, 2, &good, 1);
    stage_chat(&stage);
    expect_attempts("eu:400,us:400");
    assert_int_equal(scene->client.status, 400);
    assert_int_equal(stage_requests(&stage, 2), 0);
    stage_close(&stage);
}

/* --- when nobody does better ---------------------------------------------- */

static void
the_last_real_answer_is_the_clients(void **state)
{
    (void)state;
    static const struct rawserver_script first = ANSWERS("500 Oops", JSON, ERROR_BODY);
    static const struct rawserver_script second =
        ANSWERS("503 Full\r\nRetry-After: 7", JSON, CODED("x"));
    static const struct rawserver_script gone = {{READ, RESET}};
    stage_open(&stage, 3);
    stage_serve(&stage, 0, &first, 1);
    stage_serve(&stage, 1, &second, 1);
    stage_serve(&stage, 2, &gone, 1);
    stage_chat(&stage);
    expect_attempts("eu:500,us:503,asia:unreachable");
    assert_int_equal(scene->client.status, 503);
    assert_string_equal(memsink_header(&scene->client, "X-Postern-Upstream"), "us");
    assert_string_equal(memsink_header(&scene->client, "Retry-After"), "7");
    scene_expect_body(scene, CODED("x"));
    stage_close(&stage);
}

static void
a_failure_without_an_answer_is_told_as_what_it_was(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        int status;
        const char *code;
    } rows[] = {
        {{{READ, RESET}}, 502, "upstream_unreachable"},
        {{{READ, SEND("HTTP/1.1 200 OK\r\nX")}}, 502, "upstream_bad_response"},
        {ANSWERS("200 OK", "text/html", "<html>"), 502, "upstream_bad_response"},
        {ANSWERS("200 OK", JSON, "{\"choices\":[{"), 502, "upstream_bad_response"},
        {ANSWERS("302 Away\r\nLocation: http://127.0.0.1:9/", JSON, ""), 502, "upstream_redirect"},
        {{{READ, HOLD}}, 504, "upstream_timeout"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &rows[i].script, 1);
        if (strstr(rows[i].code, "timeout"))
            scene->upstreams[0].timeouts.response_ms = 40;
        stage_chat(&stage);
        assert_int_equal(scene->client.status, rows[i].status);
        if (!strstr(buf_text(&scene->client.body), rows[i].code))
            fail_msg("%s: %s", rows[i].code, buf_text(&scene->client.body));
        assert_null(memsink_header(&scene->client, "X-Postern-Upstream"));
        assert_null(memsink_header(&scene->client, "Location"));
        stage_close(&stage);
    }
}

static void
a_refusal_of_our_key_is_502_and_says_nothing_of_it(void **state)
{
    (void)state;
    static const struct rawserver_script refusals[] = {
        ANSWERS("401 Key", JSON, CODED("Incorrect API key provided: sk-up****89")),
        ANSWERS("403 Key", "text/html", "<html>Incorrect</html>"),
        ANSWERS("400 Key", JSON,
                "{\"error\":{\"message\":\"Incorrect\",\"code\":\"invalid_api_key\"}}"),
        ANSWERS("200 OK", JSON,
                "{\"error\":{\"message\":\"Incorrect\",\"code\":\"invalid_api_key\"}}"),
        {{READ, SEND(HEAD("401 Key", JSON) "Content-Length: 100\r\n\r\n{\"error\":\"Incorrect")}},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &refusals[i], 1);
        stage_chat(&stage);
        assert_int_equal(scene->client.status, 502);
        assert_non_null(strstr(buf_text(&scene->client.body), "upstream_auth_failed"));
        assert_null(strstr(buf_text(&scene->client.body), "Incorrect"));
        assert_string_equal(memsink_header(&scene->client, "x-should-retry"), "false");
        stage_close(&stage);
    }
}

static void
an_error_whose_body_cannot_pass_keeps_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        struct rawserver_script script;
        int status;
    } rows[] = {
        {CHAT, ANSWERS("503 Oops", "text/html", "<html>nginx</html>"), 503},
        {CHAT, ANSWERS("500 Oops", JSON, "{\"error\":\"" SCENE_SECRET "\"}"), 500},
        {CHAT, {{READ, SEND(HEAD("429 Slow", JSON) "Content-Length: 100\r\n\r\n{\"err")}}, 429},
        {"/v1/unknown",
         {{READ, SEND(HEAD("429 Slow", "text/plain") "Content-Length: 100\r\n\r\nslow d")}},
         429},
        {CHAT,
         {{READ,
           SEND(HEAD("500 Oops", JSON) "\r\n\""),
           {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("a long error body, and longer, ")}}},
         500},
        {"/v1/unknown",
         {{READ,
           SEND(HEAD("500 Oops", "text/plain") "\r\n"),
           {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("a long error body, and longer, ")}}},
         500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &rows[i].script, 1);
        scene_ask(scene, "POST", rows[i].path, CHAT_BODY);
        stage_run(&stage);
        assert_int_equal(scene->client.status, rows[i].status);
        if (!strstr(buf_text(&scene->client.body), "\"upstream_error\""))
            fail_msg("row %zu: %s", i, buf_text(&scene->client.body));
        assert_string_equal(memsink_header(&scene->client, "Content-Type"), JSON);
        stage_close(&stage);
    }
}

/* --- what is sent --------------------------------------------------------- */

static void
each_upstream_gets_its_own_key_and_model_and_nothing_of_the_clients(void **state)
{
    (void)state;
    static const struct rawserver_script failing = ANSWERS("500 Oops", JSON, ERROR_BODY);
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->upstreams[0].key = "key-of-eu";
    scene->upstreams[1].key = "key-of-us";
    scene->candidates[1].model = "gpt-4o-mini";
    scene_ask_with(scene, "POST", CHAT, CHAT_BODY, "HTTP_AUTHORIZATION=Bearer pk_client");
    stage_run(&stage);
    const char *first = rawserver_last_request(stage.servers[0]);
    const char *second = rawserver_last_request(stage.servers[1]);
    assert_non_null(strstr(first, "Bearer key-of-eu"));
    assert_null(strstr(first, "key-of-us"));
    assert_non_null(strstr(first, "{\"model\":\"gpt-4o\",\"messages\":[]}"));
    assert_non_null(strstr(second, "Bearer key-of-us"));
    assert_null(strstr(second, "key-of-eu"));
    assert_non_null(strstr(second, "{\"model\":\"gpt-4o-mini\",\"messages\":[]}"));
    assert_null(strstr(first, "pk_client"));
    assert_null(strstr(second, "pk_client"));
    stage_close(&stage);
}

static void
a_model_without_a_route_asks_nobody(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &good, 1);
    scene->route.model = "claude-*";
    stage_chat(&stage);
    assert_int_equal(scene->client.status, 404);
    assert_non_null(strstr(buf_text(&scene->client.body), "model_not_found"));
    assert_int_equal(stage_requests(&stage, 0), 0);
    stage_close(&stage);
}

static void
a_deployment_in_the_path_is_the_model_that_is_routed(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &good, 1);
    scene->route.model = "gpt-4o";
    scene_ask(scene, "POST", "/openai/deployments/gpt%2D4o/chat/completions", "{\"messages\":[]}");
    stage_run(&stage);
    assert_int_equal(scene->client.status, 200);
    assert_non_null(
        strstr(rawserver_last_request(stage.servers[0]), "{\"model\":\"gpt-4o\",\"messages\":[]}"));
    stage_close(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_upstream_answers_for_one_that_failed),
        cmocka_unit_test(the_next_upstream_answers_for_a_silent_one),
        cmocka_unit_test(the_next_upstream_answers_where_nobody_listens),
        cmocka_unit_test(what_is_the_clients_own_is_its_answer),
        cmocka_unit_test(too_long_falls_back_once_only),
        cmocka_unit_test(the_last_real_answer_is_the_clients),
        cmocka_unit_test(a_failure_without_an_answer_is_told_as_what_it_was),
        cmocka_unit_test(a_refusal_of_our_key_is_502_and_says_nothing_of_it),
        cmocka_unit_test(an_error_whose_body_cannot_pass_keeps_its_status),
        cmocka_unit_test(each_upstream_gets_its_own_key_and_model_and_nothing_of_the_clients),
        cmocka_unit_test(a_model_without_a_route_asks_nobody),
        cmocka_unit_test(a_deployment_in_the_path_is_the_model_that_is_routed),
    };
    return cmocka_run_group_tests_name("relay/relay", tests, NULL, NULL);
}
