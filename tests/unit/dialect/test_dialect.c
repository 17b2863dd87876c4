/* also: tests/unit/dialect/ask.c */
/* Where a path leads at each dialect, and which headers and credentials go there. */
#include "ask.h"

#include <stdio.h>
#include <string.h>

#define KEY "sk-upstream-0123456789"
#define AUTO UPSTREAM_DIALECT_AUTO
#define OPENAI UPSTREAM_DIALECT_OPENAI
#define AZURE UPSTREAM_DIALECT_AZURE

static struct upstream
make_upstream(enum upstream_dialect dialect, const char *base_path, bool base_is_v1)
{
    return (struct upstream){
        .name = "up",
        .origin = "https://up.example:443",
        .base_path = base_path,
        .host = "up.example",
        .key = KEY,
        .dialect = dialect,
        .base_is_v1 = base_is_v1,
        .timeouts = {.connect_ms = 1234},
        .ca_file = "/etc/ca.pem",
    };
}

/* --- the address ---------------------------------------------------------- */

#define CHAT "chat/completions"
#define DEPLOYED "/openai/deployments/gpt-4o/" CHAT

static const struct {
    enum upstream_dialect dialect;
    const char *base_path;
    bool base_is_v1;
    const char *asked, *sent;
} addresses[] = {
    /* as the client wrote it, whatever that is */
    {AUTO, "", false, "/v1/" CHAT, "/v1/" CHAT},
    {AUTO, "", false, "/openai/v1/" CHAT "?a=1", "/openai/v1/" CHAT "?a=1"},
    {AUTO, "", false, DEPLOYED "?api-version=2024-10-21", DEPLOYED "?api-version=2024-10-21"},
    {AUTO, "/apim", false, "/v1/" CHAT, "/apim/v1/" CHAT},
    {AUTO, "/apim", false, DEPLOYED, "/apim" DEPLOYED},
    {AUTO, "/api/v1", true, "/v1/" CHAT, "/api/v1/" CHAT},
    {AUTO, "/openai/v1", true, "/v1/models?x", "/openai/v1/models?x"},
    {AUTO, "", false, "/v1/models?", "/v1/models?"},
    {AUTO, "", false, "/v1/files/a%20b", "/v1/files/a%20b"},
    /* everything below /v1 */
    {OPENAI, "", false, "/v1/" CHAT, "/v1/" CHAT},
    {OPENAI, "", false, "/openai/v1/" CHAT, "/v1/" CHAT},
    {OPENAI, "", false, DEPLOYED, "/v1/" CHAT},
    {OPENAI, "", false, "/openai/files/f-1", "/v1/files/f-1"},
    {OPENAI, "/prefix", false, DEPLOYED, "/prefix/v1/" CHAT},
    {OPENAI, "/api/v1", true, "/v1/" CHAT, "/api/v1/" CHAT},
    {OPENAI, "/api/v1", true, DEPLOYED, "/api/v1/" CHAT},
    {OPENAI, "/api/v1", true, "/openai/v1/models", "/api/v1/models"},
    {OPENAI, "", false, "/openai/deployments/x", "/v1/"},
    /* Azure's version means nothing there, and what a client of OpenAI writes stays */
    {OPENAI, "", false, DEPLOYED "?api-version=2024-10-21", "/v1/" CHAT},
    {OPENAI, "", false, DEPLOYED "?api-version=1&a=b&&c", "/v1/" CHAT "?a=b&c"},
    {OPENAI, "", false, DEPLOYED "?a=b&api-version=1", "/v1/" CHAT "?a=b"},
    {OPENAI, "", false, DEPLOYED "?my-api-version=1", "/v1/" CHAT "?my-api-version=1"},
    {OPENAI, "", false, "/v1/models?api-version=1&b=c", "/v1/models?api-version=1&b=c"},
    {OPENAI, "", false, "/openai/v1/models?api-version=preview", "/v1/models"},
    /* everything below /openai */
    {AZURE, "", false, DEPLOYED "?api-version=1", DEPLOYED "?api-version=1"},
    {AZURE, "", false, "/openai/v1/" CHAT, "/openai/v1/" CHAT},
    {AZURE, "", false, "/v1/" CHAT, "/openai/v1/" CHAT},
    {AZURE, "", false, "/v1/models?limit=2", "/openai/v1/models?limit=2"},
    {AZURE, "/apim", false, "/v1/" CHAT, "/apim/openai/v1/" CHAT},
    {AZURE, "/apim", false, DEPLOYED, "/apim" DEPLOYED},
};

static void
each_dialect_leads_a_path_to_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct upstream upstream =
            make_upstream(addresses[i].dialect, addresses[i].base_path, addresses[i].base_is_v1);
        const struct route_candidate candidate = {.upstream = &upstream};
        char url[256];
        struct ask ask;
        ask_init(&ask, addresses[i].asked);
        ask_encode(&ask, &candidate);
        (void)snprintf(url, sizeof(url), "https://up.example:443%s", addresses[i].sent);
        if (strcmp(ask.out.url, url) != 0)
            fail_msg("%s at %s \"%s\" became %s", addresses[i].asked, dialect_get(&upstream)->name,
                     addresses[i].base_path, ask.out.url);
        assert_string_equal(ask.out.origin, "https://up.example:443");
        ask_fini(&ask);
    }
}

static void
a_query_of_many_parts_costs_its_length(void **state)
{
    (void)state;
    enum { PARTS = 20000 };
    static char target[sizeof("/openai/files?") + 2 * PARTS];
    (void)snprintf(target, sizeof(target), "/openai/files?");
    for (size_t i = 0; i < PARTS; i++)
        memcpy(target + strlen("/openai/files?") + 2 * i, "a&", 2);
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, target);
    ask_encode(&ask, &candidate);
    assert_int_equal(strlen(ask.out.url),
                     strlen("https://up.example:443/v1/files?") + 2 * PARTS - 1);
    ask_fini(&ask);
}

static void
method_time_and_authorities_go_along(void **state)
{
    (void)state;
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, "/v1/files");
    ask.dialect.method = "DELETE";
    ask_encode(&ask, &candidate);
    assert_string_equal(ask.out.method, "DELETE");
    assert_int_equal(ask.out.connect_timeout_ms, 1234);
    assert_string_equal(ask.out.ca_file, "/etc/ca.pem");
    assert_false(ask.out.body.present);
    ask_fini(&ask);
}

static void
only_json_answers_are_asked_for_compressed(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        bool accepts, decodes;
    } rows[] = {
        {"/v1/chat/completions", true, true},
        {"/v1/chat/completions", false, false},
        {"/v1/audio/speech", true, false},
        {"/v1/files/f/content", true, false},
    };
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask.dialect.accepts_coded = rows[i].accepts;
        ask_encode(&ask, &candidate);
        assert_int_equal(ask.out.decode, rows[i].decodes);
        ask_fini(&ask);
    }
}

/* --- credentials ---------------------------------------------------------- */

static void
the_key_is_shown_as_the_upstream_wants_it(void **state)
{
    (void)state;
    static const struct {
        enum upstream_dialect dialect;
        bool is_azure_host;
        const char *target;
        bool as_api_key;
    } rows[] = {
        {AUTO, false, "/v1/models", false},   {AUTO, false, "/openai/models", true},
        {AUTO, true, "/v1/models", true},     {AUTO, true, "/openai/models", true},
        {OPENAI, false, "/v1/models", false}, {OPENAI, true, "/openai/models", false},
        {AZURE, false, "/v1/models", true},   {AZURE, false, "/openai/models", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct upstream upstream = make_upstream(rows[i].dialect, "", false);
        upstream.is_azure_host = rows[i].is_azure_host;
        const struct route_candidate candidate = {.upstream = &upstream};
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask_encode(&ask, &candidate);
        const struct span *shown = ask_sent(&ask, rows[i].as_api_key ? "api-key" : "authorization");
        assert_non_null(shown);
        assert_true(span_is(*shown, rows[i].as_api_key ? KEY : "Bearer " KEY));
        assert_null(ask_sent(&ask, rows[i].as_api_key ? "authorization" : "api-key"));
        ask_fini(&ask);
    }
}

static void
left_to_be_found_out_the_host_tells_the_dialect(void **state)
{
    (void)state;
    static const struct {
        bool is_azure_host, is_openai_host, base_is_v1;
        const char *target, *sent;
    } rows[] = {
        {true, false, false, "/v1/" CHAT, "/openai/v1/" CHAT},
        {true, false, false, DEPLOYED "?api-version=1", DEPLOYED "?api-version=1"},
        {true, false, true, "/v1/" CHAT, "/" CHAT},
        {false, true, false, DEPLOYED "?api-version=1", "/v1/" CHAT},
        {false, true, true, "/openai/v1/models", "/models"},
        {false, false, false, DEPLOYED "?api-version=1", DEPLOYED "?api-version=1"},
        {false, false, false, "/v1/" CHAT, "/v1/" CHAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct upstream upstream = make_upstream(AUTO, "", rows[i].base_is_v1);
        upstream.is_azure_host = rows[i].is_azure_host;
        upstream.is_openai_host = rows[i].is_openai_host;
        const struct route_candidate candidate = {.upstream = &upstream};
        char url[256];
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask_encode(&ask, &candidate);
        (void)snprintf(url, sizeof(url), "https://up.example:443%s", rows[i].sent);
        assert_string_equal(ask.out.url, url);
        ask_fini(&ask);
    }
}

static void
an_address_that_has_the_root_already_gets_no_second_one(void **state)
{
    (void)state;
    static const struct {
        enum upstream_dialect dialect;
        const char *target, *sent;
    } rows[] = {
        {AUTO, "/v1/" CHAT, "/openai/v1/" CHAT},
        {AUTO, DEPLOYED "?api-version=1", DEPLOYED "?api-version=1"},
        {AZURE, "/v1/" CHAT, "/openai/openai/v1/" CHAT}, /* who says azure says prefix */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct upstream upstream = make_upstream(rows[i].dialect, "/openai", false);
        upstream.is_azure_host = true;
        const struct route_candidate candidate = {.upstream = &upstream};
        struct ask ask;
        ask_init(&ask, rows[i].target);
        ask_encode(&ask, &candidate);
        assert_string_equal(ask.out.url + strlen(upstream.origin), rows[i].sent);
        ask_fini(&ask);
    }
}

static void
an_upstream_without_a_key_is_shown_none(void **state)
{
    (void)state;
    struct upstream upstream = make_upstream(OPENAI, "", false);
    upstream.key = "";
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, "/v1/models");
    ask_encode(&ask, &candidate);
    assert_null(ask_sent(&ask, "authorization"));
    assert_null(ask_sent(&ask, "api-key"));
    ask_fini(&ask);
}

/* --- headers -------------------------------------------------------------- */

#define HEADER(name, value)                                                                        \
    {                                                                                              \
        SPAN_LITERAL(name), SPAN_LITERAL(value)                                                    \
    }

static void
only_listed_headers_pass(void **state)
{
    (void)state;
    struct wire_header headers[] = {
        HEADER("content-type", "application/json"),
        HEADER("accept", "text/event-stream"),
        HEADER("openai-organization", "org-1"),
        HEADER("x-stainless-lang", "python"),
        HEADER("traceparent", "00-1-2-01"),
        HEADER("authorization", "Bearer pk_client"),
        HEADER("api-key", "pk_client"),
        HEADER("x-api-key", "pk_client"),
        HEADER("cookie", "session=1"),
        HEADER("proxy-authorization", "Basic x"),
        HEADER("host", "evil.example"),
        HEADER("content-length", "5"),
        HEADER("transfer-encoding", "chunked"),
        HEADER("connection", "x-hop"),
        HEADER("x-hop", "1"),
        HEADER("x-forwarded-for", "192.0.2.1"),
        HEADER("x-real-ip", "192.0.2.1"),
        HEADER("accept-encoding", "br"),
        HEADER("expect", "100-continue"),
        HEADER("x-postern-delivery", "held"),
        HEADER("x-original-url", "/admin"),
        HEADER("proxy", "http://evil.example"),
        HEADER("x-ms-authorization-auxiliary", "Bearer x"),
        HEADER("openai-beta", "a\r\nX-Evil: 1"),
        HEADER("x-client-request-id", "caf\xc3\xa9"),
    };
    static const char *const passing[] = {"content-type", "accept", "openai-organization",
                                          "x-stainless-lang", "traceparent"};
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, "/v1/chat/completions");
    ask_headers(&ask, headers, sizeof(headers) / sizeof(headers[0]));
    ask_encode(&ask, &candidate);
    const size_t count = sizeof(passing) / sizeof(passing[0]);
    for (size_t i = 0; i < count; i++)
        assert_non_null(ask_sent(&ask, passing[i]));
    /* these, the upstream's key and the agent: nothing else */
    assert_int_equal(ask.out.headers.count, count + 2);
    for (size_t i = 0; i < ask.out.headers.count; i++)
        assert_false(span_contains_nocase(ask.out.headers.items[i].value, "pk_client"));
    assert_true(span_is(*ask_sent(&ask, "authorization"), "Bearer " KEY));
    ask_fini(&ask);
}

static void
the_agent_is_appended_to_the_clients(void **state)
{
    (void)state;
    struct wire_header agent[] = {HEADER("user-agent", "OpenAI/Python 1.2")};
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, "/v1/models");
    ask_encode(&ask, &candidate);
    assert_true(span_is(*ask_sent(&ask, "user-agent"), "postern/" POSTERN_VERSION));
    ask_headers(&ask, agent, 1);
    ask_encode(&ask, &candidate);
    assert_true(
        span_is(*ask_sent(&ask, "user-agent"), "OpenAI/Python 1.2 postern/" POSTERN_VERSION));
    ask_fini(&ask);
}

static void
many_headers_leave_room_for_ours(void **state)
{
    (void)state;
    static struct wire_header headers[2 * WIRE_HEADERS_MAX];
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        headers[i] = (struct wire_header)HEADER("x-stainless-lang", "c");
    struct upstream upstream = make_upstream(OPENAI, "", false);
    const struct route_candidate candidate = {.upstream = &upstream};
    struct ask ask;
    ask_init(&ask, "/v1/models");
    ask_headers(&ask, headers, sizeof(headers) / sizeof(headers[0]));
    ask_encode(&ask, &candidate);
    assert_int_equal(ask.out.headers.count, WIRE_HEADERS_MAX);
    assert_non_null(ask_sent(&ask, "authorization"));
    assert_non_null(ask_sent(&ask, "user-agent"));
    ask_fini(&ask);
}

static void
no_memory_is_told(void **state)
{
    (void)state;
    struct upstream upstream = make_upstream(AZURE, "", false);
    const struct route_candidate candidate = {.upstream = &upstream, .model = "m"};
    struct err err;
    struct ask ask;
    ask_init(&ask, DEPLOYED);
    ask_encode(&ask, &candidate);
    size_t enough = ask.arena.used_bytes;
    ask_fini(&ask);
    for (size_t room = 0; room < enough; room += 16) {
        ask_init(&ask, DEPLOYED);
        arena_fini(&ask.arena);
        arena_init(&ask.arena, room);
        assert_int_equal(
            dialect_encode(&ask.dialect, &candidate, &ask.arena, &ask.body, &ask.out, &err), -1);
        assert_int_equal(err.code, ERR_MEMORY);
        ask_fini(&ask);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialect_leads_a_path_to_its_place),
        cmocka_unit_test(a_query_of_many_parts_costs_its_length),
        cmocka_unit_test(method_time_and_authorities_go_along),
        cmocka_unit_test(only_json_answers_are_asked_for_compressed),
        cmocka_unit_test(the_key_is_shown_as_the_upstream_wants_it),
        cmocka_unit_test(left_to_be_found_out_the_host_tells_the_dialect),
        cmocka_unit_test(an_address_that_has_the_root_already_gets_no_second_one),
        cmocka_unit_test(an_upstream_without_a_key_is_shown_none),
        cmocka_unit_test(only_listed_headers_pass),
        cmocka_unit_test(the_agent_is_appended_to_the_clients),
        cmocka_unit_test(many_headers_leave_room_for_ours),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests_name("dialect/dialect", tests, NULL, NULL);
}
