/* What a web server passes is made into a request, or refused with the right words. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/request.h"

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
                                  "HTTP_HOST=localhost:8080",
                                  "HTTP_ORIGIN=http://localhost",
                                  "HTTP_REFERER=http://localhost/a",
                                  "HTTP_SEC_FETCH_SITE=same-origin",
                                  "REMOTE_ADDR=127.0.0.1",
                                  "REMOTE_USER=ann",
                                  "AUTH_TYPE=Basic",
                                  "SERVER_ADDR=127.0.0.2",
                                  "SERVER_PROTOCOL=HTTP/1.1",
                                  "SSL_CLIENT_VERIFY=NONE",
                                  NULL};
    struct request request;
    struct request_fault fault;
    assert_int_equal(request_read(&request, params, "", &fault), 0);
    const struct access_credentials *credentials = &request.credentials;
    assert_true(span_is(credentials->authorization, "Bearer x"));
    assert_true(span_is(credentials->api_key, "k"));
    assert_true(span_is(credentials->remote_user, "ann"));
    assert_true(span_is(credentials->auth_type, "Basic"));
    assert_true(span_is(credentials->client_verify, "NONE"));
    assert_true(span_is(credentials->remote_addr, "127.0.0.1"));
    assert_true(span_is(credentials->server_addr, "127.0.0.2"));
    assert_true(span_is(credentials->protocol, "HTTP/1.1"));
    assert_true(span_is(credentials->host, "localhost:8080"));
    assert_true(span_is(credentials->origin, "http://localhost"));
    assert_true(span_is(credentials->referer, "http://localhost/a"));
    assert_true(span_is(credentials->fetch_site, "same-origin"));
    assert_int_equal(credentials->headers.count, 6);
    assert_true(span_is(credentials->headers.items[1].name, "x-forwarded-for"));
    request_fini(&request);
}

static void
a_header_that_decides_something_stands_once(void **state)
{
    (void)state;
    static const char *const names[] = {
        "AUTHORIZATION",  "API_KEY",           "X_API_KEY",         "HOST",
        "ORIGIN",         "REFERER",           "CONTENT_TYPE",      "CONTENT_LENGTH",
        "SEC_FETCH_SITE", "TRANSFER_ENCODING", "X_POSTERN_DELIVERY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char first[64], second[64];
        bool is_length = strcmp(names[i], "CONTENT_LENGTH") == 0;
        bool is_type = strcmp(names[i], "CONTENT_TYPE") == 0;
        (void)snprintf(first, sizeof(first), "HTTP_%s=1", names[i]);
        (void)snprintf(second, sizeof(second), "HTTP_%s=2", names[i]);
        const char *const once[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/files", first,
                                    is_length ? "CONTENT_LENGTH=1"
                                    : is_type ? "CONTENT_TYPE=1"
                                              : "X=1",
                                    NULL};
        const char *const twice[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/files", first, second,
                                     NULL};
        if (failure_for(once) != FAILURE_COUNT || failure_for(twice) != FAILURE_INVALID_HEADER)
            fail_msg("%s", names[i]);
    }
    const char *const listed[] = {"REQUEST_METHOD=GET",
                                  "REQUEST_URI=/v1/models",
                                  "HTTP_ACCEPT_ENCODING=gzip",
                                  "HTTP_ACCEPT_ENCODING=br",
                                  "HTTP_X_NOTE=1",
                                  "HTTP_X_NOTE=2",
                                  NULL};
    assert_int_equal(failure_for(listed), FAILURE_COUNT);
}

static void
a_parameter_that_the_web_server_passes_twice_is_refused(void **state)
{
    (void)state;
    static const char *const doubles[] = {
        "AUTH_TYPE=Basic",    "REMOTE_USER=root",       "REMOTE_ADDR=::1", "SERVER_ADDR=::1",
        "REQUEST_METHOD=GET", "REQUEST_URI=/v1/models", "SCRIPT_NAME=",    "CONTENT_LENGTH=0"};
    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=GET", "REQUEST_URI=/v1/models", doubles[i],
                                      doubles[i], NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), -1);
        assert_int_equal(fault.failure, FAILURE_GATEWAY_MISCONFIGURED);
        assert_non_null(request.doubled);
        request_fini(&request);
    }
}

static void
the_body_is_described_once(void **state)
{
    (void)state;
    static const struct {
        const char *param, *header;
        enum failure failure;
    } rows[] = {
        {"CONTENT_TYPE=application/json", "HTTP_CONTENT_TYPE=application/json", FAILURE_COUNT},
        {"CONTENT_TYPE=application/json", "HTTP_CONTENT_TYPE=text/plain", FAILURE_INVALID_HEADER},
        {"CONTENT_TYPE=application/json", "HTTP_CONTENT_TYPE=", FAILURE_INVALID_HEADER},
        {"CONTENT_TYPE=", "HTTP_CONTENT_TYPE=application/json", FAILURE_COUNT},
        {"CONTENT_LENGTH=12", "HTTP_CONTENT_LENGTH=12", FAILURE_COUNT},
        {"CONTENT_LENGTH=12", "HTTP_CONTENT_LENGTH=13", FAILURE_INVALID_CONTENT_LENGTH},
        {"CONTENT_LENGTH=", "HTTP_CONTENT_LENGTH=13", FAILURE_INVALID_CONTENT_LENGTH},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/files", rows[i].param,
                                      rows[i].header, NULL};
        if (failure_for(params) != rows[i].failure)
            fail_msg("%s and %s", rows[i].param, rows[i].header);
    }
}

/* A server that passes the type as a header alone: it is judged as the upstream will read it. */
static void
a_type_that_is_only_a_header_is_the_type(void **state)
{
    (void)state;
    const char *const params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/files",
                                  "HTTP_CONTENT_TYPE=text/plain", NULL};
    struct request request;
    struct request_fault fault;
    assert_int_equal(request_read(&request, params, "", &fault), 0);
    assert_true(span_is(request.content_type, "text/plain"));
    request_fini(&request);
}

static void
a_body_that_forms_send_is_known_where_no_type_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *type;
        bool is_form;
    } rows[] = {
        {"REQUEST_URI=/v1/threads", "CONTENT_TYPE=text/plain", true},
        {"REQUEST_URI=/v1/threads", "CONTENT_TYPE=Text/Plain;charset=UTF-8", true},
        {"REQUEST_URI=/v1/threads", "CONTENT_TYPE=application/x-www-form-urlencoded", true},
        {"REQUEST_URI=/v1/threads", "CONTENT_TYPE=application/json", false},
        {"REQUEST_URI=/v1/files", "CONTENT_TYPE=multipart/form-data; boundary=x", false},
        {"REQUEST_URI=/v1/chat/completions", "CONTENT_TYPE=text/plain", false}, /* 415 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const params[] = {"REQUEST_METHOD=POST", rows[i].uri, rows[i].type, NULL};
        struct request request;
        struct request_fault fault;
        assert_int_equal(request_read(&request, params, "", &fault), 0);
        if (request.credentials.is_form != rows[i].is_form)
            fail_msg("%s", rows[i].type);
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
        cmocka_unit_test(the_credentials_are_found_where_servers_put_them),
        cmocka_unit_test(a_header_that_decides_something_stands_once),
        cmocka_unit_test(a_parameter_that_the_web_server_passes_twice_is_refused),
        cmocka_unit_test(the_body_is_described_once),
        cmocka_unit_test(a_type_that_is_only_a_header_is_the_type),
        cmocka_unit_test(a_body_that_forms_send_is_known_where_no_type_is_asked_for),
    };
    return cmocka_run_group_tests_name("relay/request", tests, NULL, NULL);
}
