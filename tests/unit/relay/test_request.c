/* What a web server passes is made into a request, or refused with the right words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/request.h"

#define LIMITS (&(const struct request_limits){.max_bytes = 4096, .timeout_ms = 30000})

/* --- mounts: how each web server spells the same request (doc/ and the servers' own ways)
 * --------- */

struct mount_row {
    const char *server;
    const char *mount; /* configured; NULL: derived */
    const char *uri, *script, *info;
    const char *below; /* NULL: refused as unknown */
};

static void
the_mount_is_found_on_every_server(void **state)
{
    (void)state;
    static const struct mount_row rows[] = {
        {"lighttpd", NULL, "/ai/v1/models?x=1", "/ai", "/v1/models", "/v1/models"},
        {"lighttpd, the mount alone", NULL, "/ai", "/ai", NULL, ""},
        {"lighttpd, a slash", NULL, "/ai/", "/ai", "/", "/"},
        {"lighttpd, an escaped mount", NULL, "/%61i/v1/x", "/ai", "/v1/x", "/v1/x"},
        {"root mount", NULL, "/v1/x", "", "/v1/x", "/v1/x"},
        {".htaccess, END", NULL, "/ai/v1/x", "/ai/postern.cgi", NULL, "/v1/x"},
        {".htaccess, with PATH_INFO", NULL, "/ai/v1/x", "/ai/postern.fcgi", "/v1/x", "/v1/x"},
        {"script named in the URL", NULL, "/ai/postern.cgi/v1/x", "/ai/postern.cgi", "/v1/x",
         "/v1/x"},
        {"ProxyPass", NULL, "/ai/v1/chat/completions", "/ai/v1/chat/completions", NULL,
         "/v1/chat/completions"},
        {"ProxyPass, Azure path", NULL, "/ai/openai/v1/x", "/ai/openai/v1/x", NULL, "/openai/v1/x"},
        {"ProxyPass, an escaped path", NULL, "/ai/v1/files/a%20b", "/ai/v1/files/a b", NULL,
         "/v1/files/a%20b"},
        {"configured", "/ai", "/ai/status", "/ai/status", NULL, "/status"},
        {"configured, elsewhere", "/ai", "/airplane", "/ai", "/rplane", NULL},
        {"configured as root", "", "/v1/x", "/whatever", NULL, "/v1/x"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mount_row *row = &rows[i];
        char uri[128] = "REQUEST_URI=", script[128] = "SCRIPT_NAME=", info[128] = "PATH_INFO=";
        (void)strncat(uri, row->uri, 100);
        (void)strncat(script, row->script, 100);
        if (row->info)
            (void)strncat(info, row->info, 100);
        const char *const params[] = {"REQUEST_METHOD=GET", uri, script, row->info ? info : NULL,
                                      NULL};
        struct request request;
        struct request_fault fault = {.failure = FAILURE_COUNT};
        int result = request_read(&request, params, row->mount, &fault);
        if (result != (row->below ? 0 : -1))
            fail_msg("%s: result %d", row->server, result);
        if (row->below && !span_is(request.path, row->below))
            fail_msg("%s: below the mount is \"" SPAN_FMT "\"", row->server,
                     SPAN_ARG(request.path));
        if (!row->below)
            assert_int_equal(fault.failure, FAILURE_UNKNOWN_URL);
        request_fini(&request);
    }
}

/* --- refusals ------------------------------------------------------------- */

static enum failure
failure_for(const char *const *params)
{
    struct request request;
    struct request_fault fault = {.failure = FAILURE_COUNT};
    int result = request_read(&request, params, "", &fault);
    request_fini(&request);
    return result == 0 ? FAILURE_COUNT : fault.failure;
}

static void
what_could_be_read_two_ways_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *param;
        enum failure failure;
    } rows[] = {
        {"HTTP_X_NOTE=plain", FAILURE_COUNT},
        {"HTTP_X_NOTE=a\rb", FAILURE_INVALID_HEADER},
        {"HTTP_X_NOTE=a\nX: b", FAILURE_INVALID_HEADER},
        {"HTTP_AUTHORIZATION=Bearer b", FAILURE_INVALID_HEADER}, /* the second one */
        {"CONTENT_LENGTH=12", FAILURE_COUNT},
        {"CONTENT_LENGTH=-1", FAILURE_INVALID_CONTENT_LENGTH},
        {"CONTENT_LENGTH=abc", FAILURE_INVALID_CONTENT_LENGTH},
        {"CONTENT_LENGTH=18446744073709551616", FAILURE_INVALID_CONTENT_LENGTH},
        {"CONTENT_LENGTH=1,1", FAILURE_INVALID_CONTENT_LENGTH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/embeddings",
                                      "HTTP_AUTHORIZATION=Bearer a", rows[i].param, NULL};
        assert_int_equal(failure_for(params), rows[i].failure);
    }
    const char *const no_method[] = {"REQUEST_URI=/v1/x", NULL};
    assert_int_equal(failure_for(no_method), FAILURE_INVALID_HEADER);
    const char *const no_target[] = {"REQUEST_METHOD=GET", NULL};
    assert_int_equal(failure_for(no_target), FAILURE_INVALID_PATH);
    const char *const dots[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/v1/%2e%2e/x", NULL};
    assert_int_equal(failure_for(dots), FAILURE_INVALID_PATH);
}

static void
headers_beyond_their_maxima_are_refused(void **state)
{
    (void)state;
    static char huge[70000], many[300][24];
    (void)snprintf(huge, sizeof(huge), "HTTP_X_HUGE=%065536d", 0);
    const char *const one[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/v1/models", huge, NULL};
    assert_int_equal(failure_for(one), FAILURE_HEADERS_TOO_LARGE);
    const char *params[304] = {"REQUEST_METHOD=GET", "REQUEST_URI=/v1/models"};
    for (size_t i = 0; i < 300; i++) {
        (void)snprintf(many[i], sizeof(many[i]), "HTTP_X_%zu=1", i);
        params[i + 2] = many[i];
    }
    assert_int_equal(failure_for(params), FAILURE_HEADERS_TOO_LARGE);
    params[250] = NULL;
    assert_int_equal(failure_for(params), FAILURE_COUNT);
}

static void
the_credentials_are_found_where_servers_put_them(void **state)
{
    (void)state;
    const char *const params[] = {"REQUEST_METHOD=GET",
                                  "REQUEST_URI=/v1/models",
                                  "REDIRECT_HTTP_AUTHORIZATION=Bearer x",
                                  "HTTP_API_KEY=k",
                                  "HTTP_X_FORWARDED_FOR=1.2.3.4",
                                  "REMOTE_ADDR=127.0.0.1",
                                  "REMOTE_USER=ann",
                                  NULL};
    struct request request;
    struct request_fault fault;
    assert_int_equal(request_read(&request, params, "", &fault), 0);
    assert_true(span_is(request.credentials.authorization, "Bearer x"));
    assert_true(span_is(request.credentials.api_key, "k"));
    assert_true(span_is(request.credentials.remote_user, "ann"));
    assert_true(request.credentials.was_forwarded);
    request_fini(&request);
}

static void
whatever_a_proxy_adds_shows_it(void **state)
{
    (void)state;
    static const char *const added[] = {
        "HTTP_FORWARDED=x",         "HTTP_VIA=x",           "HTTP_X_FORWARDED=x",
        "HTTP_X_FORWARDED_FOR=x",   "HTTP_X_FORWARDED_BY=", "HTTP_X_CLIENT_IP=x",
        "HTTP_X_FORWARDED_HOST=x",  "HTTP_X_REAL_IP=x",     "HTTP_X_FORWARDED_PROTO=x",
        "HTTP_X_FORWARDED_PORT=x",  "HTTP_FORWARDED_FOR=x", "HTTP_CF_CONNECTING_IP=x",
        "HTTP_X_FORWARDED_SERVER=", "HTTP_TRUE_CLIENT_IP=", "HTTP_X_CLUSTER_CLIENT_IP=x",
    };
    for (size_t i = 0; i <= sizeof(added) / sizeof(added[0]); i++) {
        bool is_added = i < sizeof(added) / sizeof(added[0]);
        const char *const params[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/v1/models",
                                      "HTTP_USER_AGENT=x", is_added ? added[i] : NULL, NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        if (request.credentials.was_forwarded != is_added)
            fail_msg("%s", is_added ? added[i] : "none");
        request_fini(&request);
    }
}

static void
a_page_of_another_host_is_not_this_host(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        bool is_foreign;
    } rows[] = {
        {"HTTP_ORIGIN=https://evil.example", true},
        {"HTTP_ORIGIN=http://evil.example:8080", true},
        {"HTTP_ORIGIN=http://localhost.evil.example", true},
        {"HTTP_ORIGIN=null", true},
        {"HTTP_ORIGIN=http://localhost:3000", false},
        {"HTTP_ORIGIN=http://127.0.0.1", false},
        {"HTTP_ORIGIN=http://[::1]:8080", false},
        {"HTTP_X_OTHER=https://evil.example", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/files",
                                      "REMOTE_ADDR=127.0.0.1", rows[i].origin, NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request.credentials.was_forwarded, rows[i].is_foreign);
        request_fini(&request);
    }
}

/* --- bodies --------------------------------------------------------------- */

struct text_source {
    const char *rest;
    size_t step; /* bytes a read gives at most */
};

static int64_t
read_text(void *self, char *out, size_t room)
{
    struct text_source *text = self;
    size_t len = strlen(text->rest);
    len = len < room ? len : room;
    len = len < text->step ? len : text->step;
    memcpy(out, text->rest, len);
    text->rest += len;
    return (int64_t)len;
}

static int
load(struct request *request, const char *length, const char *type, const char *body,
     struct request_fault *fault)
{
    const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/chat/completions", type,
                                  length, NULL};
    struct text_source text = {body, 3};
    const struct source source = {&text, read_text};
    *fault = (struct request_fault){.failure = FAILURE_COUNT};
    assert_int_equal(request_read(request, params, "", fault), 0);
    return request_load_body(request, &source, LIMITS, fault);
}

static void
a_good_body_is_kept_byte_for_byte_and_understood(void **state)
{
    (void)state;
    static const char body[] = "{ \"stream\" :true, \"n\":1e400,\"\\u006dodel\": \"a\\u002fb\" }";
    struct request request;
    struct request_fault fault;
    assert_int_equal(
        load(&request, NULL, "CONTENT_TYPE=application/json; charset=utf-8", body, &fault), 0);
    assert_true(span_is(buf_span(&request.body), body));
    assert_true(request.wants_stream);
    assert_string_equal(request.model_name, "a/b");
    assert_true(span_is(request.model.value, "\"a\\u002fb\""));
    request_fini(&request);
}

/* What core/affinity.c makes of it is tested there; here: that it is given the right members. */
static void
a_conversation_is_known_by_its_body_or_its_session(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"prompt_cache_key\":\"a\"}", "{\"user\":\"a\"}",
                                         "{\"messages\":[{\"role\":\"user\"}]}",
                                         "{\"input\":\"a\"}", "{\"prompt\":\"a\"}"};
    struct request request;
    struct request_fault fault;
    uint64_t affinity;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", bodies[i], &fault),
                         0);
        assert_true(affinity_find(&request.conversation, &affinity));
        request_fini(&request);
    }
    assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", "{\"n\":1}", &fault), 0);
    assert_false(affinity_find(&request.conversation, &affinity));
    request_fini(&request);
    assert_int_equal(load(&request, "HTTP_X_SESSION_ID=s1", "CONTENT_TYPE=application/json",
                          "{\"n\":1}", &fault),
                     0);
    assert_true(affinity_find(&request.conversation, &affinity));
    request_fini(&request);
}

static void
bad_bodies_are_refused_with_their_own_error(void **state)
{
    (void)state;
    static const char json[] = "CONTENT_TYPE=application/json";
    static const struct {
        const char *length, *type, *body;
        enum failure failure;
        const char *detail;
    } rows[] = {
        {"CONTENT_LENGTH=5", json, "{}", FAILURE_REQUEST_CUT, NULL},
        {"CONTENT_LENGTH=5000", json, "{}", FAILURE_REQUEST_TOO_LARGE, NULL},
        {"CONTENT_LENGTH=2", "CONTENT_TYPE=text/plain", "{}", FAILURE_UNSUPPORTED_MEDIA_TYPE, NULL},
        {"CONTENT_LENGTH=0", json, "", FAILURE_INVALID_JSON, NULL},
        {"CONTENT_LENGTH=7", json, "{\"a\":x}", FAILURE_INVALID_JSON, "at byte offset 5"},
        {"CONTENT_LENGTH=25", json, "{\"model\":\"a\",\"model\":\"b\"}", FAILURE_DUPLICATE_KEY,
         "model"},
        {NULL, json, "{\"model\":\"gpt\\u0000evil\"}", FAILURE_INVALID_JSON, "NUL"},
        {NULL, json, "{\"stream\":\"true\"}", FAILURE_INVALID_JSON, "stream"},
        {NULL, json, "{\"stream\":1}", FAILURE_INVALID_JSON, "stream"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request request;
        struct request_fault fault;
        assert_int_equal(load(&request, rows[i].length, rows[i].type, rows[i].body, &fault), -1);
        assert_int_equal(fault.failure, rows[i].failure);
        if (rows[i].detail) {
            assert_non_null(fault.detail);
            assert_non_null(strstr(fault.detail, rows[i].detail));
        }
        request_fini(&request);
    }
}

static void
a_path_names_the_model_until_the_body_does(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *body, *model;
    } rows[] = {
        {"REQUEST_URI=/openai/deployments/gpt%2D4o%20x/embeddings", "{}", "gpt-4o x"},
        {"REQUEST_URI=/openai/deployments/prod/embeddings", "{\"model\":null}", "prod"},
        {"REQUEST_URI=/openai/deployments/prod/embeddings", "{\"model\":\"mine\"}", "prod"},
        {"REQUEST_URI=/v1/embeddings", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri,
                                      "CONTENT_TYPE=application/json", NULL};
        struct text_source text = {rows[i].body, 100};
        const struct source source = {&text, read_text};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_load_body(&request, &source, LIMITS, &fault), 0);
        if (rows[i].model)
            assert_string_equal(request.model_name, rows[i].model);
        else
            assert_null(request.model_name);
        request_fini(&request);
    }
}

static void
a_body_without_a_length_is_counted(void **state)
{
    (void)state;
    char body[5000];
    memset(body, ' ', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    struct request request;
    struct request_fault fault;
    assert_int_equal(load(&request, NULL, "CONTENT_TYPE=application/json", body, &fault), -1);
    assert_int_equal(fault.failure, FAILURE_REQUEST_TOO_LARGE);
    request_fini(&request);
}

static void
only_large_bodies_of_pinned_operations_are_uploads(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *length;
        bool is_upload;
    } rows[] = {
        {"REQUEST_URI=/v1/files", "CONTENT_LENGTH=1000000", true},
        {"REQUEST_URI=/v1/files", "HTTP_TRANSFER_ENCODING=chunked", true},
        {"REQUEST_URI=/v1/files", "CONTENT_LENGTH=100", false},
        {"REQUEST_URI=/v1/chat/completions", "CONTENT_LENGTH=1000000", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri, rows[i].length, NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        assert_int_equal(request_is_upload(&request), rows[i].is_upload);
        request_fini(&request);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mount_is_found_on_every_server),
        cmocka_unit_test(what_could_be_read_two_ways_is_refused),
        cmocka_unit_test(headers_beyond_their_maxima_are_refused),
        cmocka_unit_test(a_conversation_is_known_by_its_body_or_its_session),
        cmocka_unit_test(the_credentials_are_found_where_servers_put_them),
        cmocka_unit_test(whatever_a_proxy_adds_shows_it),
        cmocka_unit_test(a_page_of_another_host_is_not_this_host),
        cmocka_unit_test(a_good_body_is_kept_byte_for_byte_and_understood),
        cmocka_unit_test(bad_bodies_are_refused_with_their_own_error),
        cmocka_unit_test(a_path_names_the_model_until_the_body_does),
        cmocka_unit_test(a_body_without_a_length_is_counted),
        cmocka_unit_test(only_large_bodies_of_pinned_operations_are_uploads),
    };
    return cmocka_run_group_tests_name("relay/request", tests, NULL, NULL);
}
