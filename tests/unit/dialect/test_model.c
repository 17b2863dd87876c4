/* also: tests/unit/dialect/ask.c */
/* The model is put where the upstream looks for it, and every other byte stays. */
#include "ask.h"

#include <string.h>

#define CHAT "/v1/chat/completions"
#define DEPLOYED "/openai/deployments/gpt-4o/chat/completions"

static struct upstream
make_upstream(enum upstream_dialect dialect)
{
    return (struct upstream){.name = "up",
                             .origin = "https://up.example:443",
                             .base_path = "",
                             .key = "k",
                             .dialect = dialect};
}

/* What `body`, asked at `target`, becomes for `candidate`. */
static void
expect_body(const char *target, const char *model_name, const struct route_candidate *candidate,
            const char *body, const char *sent)
{
    struct ask ask;
    ask_init(&ask, target);
    ask_body(&ask, body, model_name);
    ask_encode(&ask, candidate);
    if (!span_is(ask.out.body.parts[0], sent))
        fail_msg("%s became " SPAN_FMT, body, SPAN_ARG(ask.out.body.parts[0]));
    assert_int_equal(ask.out.body.length, strlen(sent));
    assert_true(ask.out.body.present);
    ask_fini(&ask);
}

/* --- replacing ------------------------------------------------------------ */

static void
every_other_byte_stays_when_the_model_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *body, *sent;
    } rows[] = {
        {"{\"model\":\"a\"}", "{\"model\":\"new\"}"},
        {" {\t\"x\" : 1e400,\n\"model\" :\"a\" , \"y\":-0 }\r\n",
         " {\t\"x\" : 1e400,\n\"model\" :\"new\" , \"y\":-0 }\r\n"},
        {"{\"mo\\u0064el\":\"a\",\"s\":\"\\ud800 \\/ \xc3\xa9\"}",
         "{\"mo\\u0064el\":\"new\",\"s\":\"\\ud800 \\/ \xc3\xa9\"}"},
        {"{\"model\":\"a\\\"b\\\\\"}", "{\"model\":\"new\"}"},
        {"{\"model\":null}", "{\"model\":\"new\"}"},
        {"{\"model\":{\"model\":\"in\"}}", "{\"model\":\"new\"}"},
        {"{\"messages\":[{\"model\":\"in\"}],\"model\":\"a\"}",
         "{\"messages\":[{\"model\":\"in\"}],\"model\":\"new\"}"},
        /* not there: a model for another operation could be wrong here, so none is added */
        {"{\"x\":{\"model\":\"in\"}}", "{\"x\":{\"model\":\"in\"}}"},
        {"{}", "{}"},
    };
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    const struct route_candidate candidate = {.upstream = &upstream, .model = "new"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_body(CHAT, "a", &candidate, rows[i].body, rows[i].sent);
}

static void
a_name_is_escaped_where_it_goes(void **state)
{
    (void)state;
    struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    upstream.model = "a\"b\\c\xc3\xa9";
    const struct route_candidate candidate = {.upstream = &upstream};
    expect_body(CHAT, "x", &candidate, "{\"model\":\"x\"}", "{\"model\":\"a\\\"b\\\\c\xc3\xa9\"}");
}

static void
an_unchanged_body_is_the_clients_own_memory(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"a\"}";
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, CHAT);
    ask_body(&ask, body, "a");
    ask_encode(&ask, &candidate);
    assert_ptr_equal(ask.out.body.parts[0].ptr, body);
    ask_fini(&ask);
}

/* A second copy of a large body would be most of what a request costs. */
static void
a_large_body_stays_where_it_is_around_the_model(void **state)
{
    (void)state;
    static const char head[] = "{\"model\":", old[] = "\"a\"", rest[] = ",\"x\":\"";
    static char body[100000];
    memset(body, 'y', sizeof(body));
    memcpy(body, head, strlen(head));
    memcpy(body + strlen(head), old, strlen(old));
    memcpy(body + strlen(head) + strlen(old), rest, strlen(rest));
    memcpy(body + sizeof(body) - 3, "\"}", 3);
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    const struct route_candidate candidate = {.upstream = &upstream, .model = "new"};
    struct ask ask;
    ask_init(&ask, CHAT);
    ask_body(&ask, body, "a");
    ask_encode(&ask, &candidate);
    const struct span *parts = ask.out.body.parts;
    assert_ptr_equal(parts[0].ptr, body);
    assert_true(span_is(parts[0], head));
    assert_true(span_is(parts[1], "\"new\""));
    assert_ptr_equal(parts[2].ptr, body + strlen(head) + strlen(old));
    assert_int_equal(parts[2].len, strlen(body) - strlen(head) - strlen(old));
    assert_int_equal(ask.out.body.length, strlen(body) + 2);
    ask_fini(&ask);
}

static void
the_step_decides_before_the_names_and_those_before_the_upstream(void **state)
{
    (void)state;
    static const struct upstream_model names[] = {{"gpt-4o", "prod-4o"}, {"gpt-4", "prod-4"}};
    struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, CHAT);

    ask.dialect.model_name = "gpt-4o";
    assert_null(dialect_model(&ask.dialect, &candidate));
    upstream.model = "own";
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "own");
    upstream.models = names;
    upstream.model_count = 2;
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "prod-4o");
    ask.dialect.model_name = "gpt-4";
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "prod-4");
    ask.dialect.model_name = "gpt";
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "own");
    ask.dialect.model_name = NULL;
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "own");
    candidate.model = "step";
    ask.dialect.model_name = "gpt-4";
    assert_string_equal(dialect_model(&ask.dialect, &candidate), "step");
    ask_fini(&ask);
}

static void
only_json_bodies_are_looked_into(void **state)
{
    (void)state;
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    const struct route_candidate candidate = {.upstream = &upstream, .model = "new"};
    static const char body[] = "{\"model\":\"a\"}";
    expect_body("/v1/files", NULL, &candidate, body, body);
    expect_body("/v1/audio/transcriptions", NULL, &candidate, body, body);
    expect_body("/v1/unknown", NULL, &candidate, body, body);
}

/* --- the deployment in a path --------------------------------------------- */

static void
the_model_of_a_path_goes_into_the_body_where_paths_have_none(void **state)
{
    (void)state;
    static const struct {
        const char *body, *sent;
    } rows[] = {
        {"{}", "{\"model\":\"gpt-4o\"}"},
        {" { } ", " {\"model\":\"gpt-4o\" } "},
        {"{ \"a\":1}", "{\"model\":\"gpt-4o\", \"a\":1}"},
        {"{\"a\":{\"model\":\"in\"}}", "{\"model\":\"gpt-4o\",\"a\":{\"model\":\"in\"}}"},
        {"{\"model\":null}", "{\"model\":\"gpt-4o\"}"},
        {"{\"model\":\"mine\"}", "{\"model\":\"gpt-4o\"}"}, /* the path was routed by */
        {"[{\"a\":1}]", "[{\"a\":1}]"},                     /* no object to put it into */
        {"\"{\"", "\"{\""},
    };
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    const struct route_candidate candidate = {.upstream = &upstream};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_body(DEPLOYED, "gpt-4o", &candidate, rows[i].body, rows[i].sent);
}

static void
a_path_that_says_it_leaves_the_body_alone(void **state)
{
    (void)state;
    static const enum upstream_dialect dialects[] = {UPSTREAM_DIALECT_AUTO, UPSTREAM_DIALECT_AZURE};
    for (size_t i = 0; i < 2; i++) {
        const struct upstream upstream = make_upstream(dialects[i]);
        const struct route_candidate candidate = {.upstream = &upstream};
        expect_body(DEPLOYED, "gpt-4o", &candidate, "{\"a\":1}", "{\"a\":1}");
    }
}

static void
a_replaced_model_replaces_the_deployment(void **state)
{
    (void)state;
    static const enum upstream_dialect dialects[] = {UPSTREAM_DIALECT_AUTO, UPSTREAM_DIALECT_AZURE};
    static const struct {
        const char *target, *model, *path;
    } rows[] = {
        {DEPLOYED, "mini", "/openai/deployments/mini/chat/completions"},
        {DEPLOYED "?api-version=1", "mini",
         "/openai/deployments/mini/chat/completions?api-version=1"},
        {DEPLOYED, "a/../b?c#d e%",
         "/openai/deployments/a%2F..%2Fb%3Fc%23d%20e%25/chat/completions"},
        {DEPLOYED, "\xc3\xa9", "/openai/deployments/%C3%A9/chat/completions"},
        {"/openai/deployments/x", "mini", "/openai/deployments/mini"},
        {DEPLOYED, NULL, DEPLOYED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct upstream upstream = make_upstream(dialects[i % 2]);
        const struct route_candidate candidate = {.upstream = &upstream, .model = rows[i].model};
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask_body(&ask, "{\"a\":1}", "gpt-4o");
        ask_encode(&ask, &candidate);
        assert_string_equal(ask.out.url + strlen("https://up.example:443"), rows[i].path);
        assert_true(span_is(ask.out.body.parts[0], "{\"a\":1}"));
        ask_fini(&ask);
    }
}

/* --- whose choice it was -------------------------------------------------- */

static void
a_model_is_replaced_only_where_it_could_be(void **state)
{
    (void)state;
    static const struct {
        const char *target, *body, *model;
        bool is_replaced;
    } rows[] = {
        {CHAT, "{\"model\":\"a\"}", "new", true},
        {CHAT, "{\"model\":\"a\"}", NULL, false},
        {CHAT, "{}", "new", false},
        {DEPLOYED, "{}", "new", true},
        {DEPLOYED, "{}", NULL, false}, /* the client's own, moved */
        {"/v1/audio/transcriptions", "{\"model\":\"a\"}", "new", false},
        {"/v1/models", "{\"model\":\"a\"}", "new", false},
    };
    const struct upstream upstream = make_upstream(UPSTREAM_DIALECT_OPENAI);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct route_candidate candidate = {.upstream = &upstream, .model = rows[i].model};
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask_body(&ask, rows[i].body, "a");
        if (dialect_replaces_model(&ask.dialect, &candidate) != rows[i].is_replaced)
            fail_msg("row %zu", i);
        ask_fini(&ask);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_other_byte_stays_when_the_model_is_replaced),
        cmocka_unit_test(a_name_is_escaped_where_it_goes),
        cmocka_unit_test(an_unchanged_body_is_the_clients_own_memory),
        cmocka_unit_test(a_large_body_stays_where_it_is_around_the_model),
        cmocka_unit_test(the_step_decides_before_the_names_and_those_before_the_upstream),
        cmocka_unit_test(only_json_bodies_are_looked_into),
        cmocka_unit_test(the_model_of_a_path_goes_into_the_body_where_paths_have_none),
        cmocka_unit_test(a_path_that_says_it_leaves_the_body_alone),
        cmocka_unit_test(a_replaced_model_replaces_the_deployment),
        cmocka_unit_test(a_model_is_replaced_only_where_it_could_be),
    };
    return cmocka_run_group_tests_name("dialect/model", tests, NULL, NULL);
}
