/* test_allow.c - the headers that pass, and above all those that do not. */
#include "core/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
assert_each(const char *const *names, size_t count, bool (*allows)(struct span), bool wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (allows(span_from(names[i])) != wanted)
            fail_msg("%s %s", names[i], wanted ? "was refused" : "passed");
    }
}
#define ASSERT_PASS(names, allows)                                                                 \
    assert_each(names, sizeof(names) / sizeof((names)[0]), allows, true)
#define ASSERT_REFUSED(names, allows)                                                              \
    assert_each(names, sizeof(names) / sizeof((names)[0]), allows, false)

static void
what_an_upstream_needs_of_a_request_passes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "accept",
        "Content-Type",
        "OpenAI-Beta",
        "OpenAI-Organization",
        "OpenAI-Project",
        "anthropic-version",
        "anthropic-beta",
        "Idempotency-Key",
        "traceparent",
        "User-Agent",
        "X-Client-Request-Id",
        "X-Stainless-Lang",
        "x-stainless-os",
        "x-ms-client-request-id",
        "X-MS-Useragent",
        "x-ms-enable-preview",
    };
    ASSERT_PASS(names, allow_request_header);
}

static void
a_clients_credentials_never_pass(void **state)
{
    (void)state;
    static const char *const names[] = {
        "authorization",
        "Proxy-Authorization",
        "api-key",
        "x-api-key",
        "Cookie",
        "x-goog-api-key",
        "Ocp-Apim-Subscription-Key",
        "x-ms-authorization-auxiliary",
        "x-ms-copy-source-authorization",
        "X-MS-Query-Source-Authorization",
        "x-ms-token-aad-access-token",
        "X-MS-TOKEN-AAD-ID-TOKEN",
        "x-ms-tokenboundauth",
        "x-ms-encryption-key",
        "x-ms-encryption-key-sha256",
        "x-ms-client-principal",
        "x-ms-client-principal-id",
        "x-ms-client-tenant-id",
        "x-ms-home-tenant-id",
        "x-ms-client-object-id",
        "x-ms-client-app-id",
        "x-ms-arm-signed-user-token",
        "x-ms-identity-url",
        "x-ms-client-cert",
        "x-ms-sas",
        "x-ms-on-behalf-of",
        "x-ms-impersonate",
        "x-ms-enable-elevated-read",
    };
    ASSERT_REFUSED(names, allow_request_header);
}

static void
what_steers_an_upstream_or_a_connection_never_passes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "host",
        "connection",
        "te",
        "upgrade",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "expect",
        "trailer",
        "range",
        "if-none-match",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-original-url",
        "x-real-ip",
        "proxy",
        "accept-encoding",
        "content-encoding",
        "origin",
        "referer",
        "x-rewrite-url",
        "x-http-method-override",
        "api_base",
        "x-ms-copy-source",
        "x-ms-forwarded-url",
        "x-ms-original-url",
        "x-postern-delivery",
    };
    ASSERT_REFUSED(names, allow_request_header);
}

static void
what_a_client_needs_of_an_answer_passes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "content-type",
        "Content-Disposition",
        "openai-processing-ms",
        "OpenAI-Version",
        "openai-model",
        "azureml-model-session",
        "apim-request-id",
        "x-ms-region",
        "x-ms-rai-invoked",
        "anthropic-ratelimit-tokens-remaining",
        "x-request-id",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-reset-requests",
        "Retry-After",
        "retry-after-ms",
        "x-ms-client-request-id",
    };
    ASSERT_PASS(names, allow_response_header);
}

static void
what_acts_on_the_web_server_never_passes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "status",
        "location",
        "content-length",
        "transfer-encoding",
        "connection",
        "set-cookie",
        "x-sendfile",
        "X-Sendfile2",
        "x-sendfile-temporary",
        "X-LIGHTTPD-send-file",
        "x-accel-redirect",
        "x-accel-buffering",
        "strict-transport-security",
        "content-security-policy",
        "access-control-allow-origin",
        "alt-svc",
        "server",
        "date",
        "refresh",
        "www-authenticate",
        "clear-site-data",
        "content-encoding",
        "cache-control",
        "vary",
        "link",
        "variable-x",
        "script-control",
        "x-postern-upstream",
        "retry-afterwards",
        "x-ms-token-aad-refresh-token",
        "x-ms-set-cookie",
    };
    ASSERT_REFUSED(names, allow_response_header);
}

static void
a_family_takes_letters_digits_and_hyphens_only(void **state)
{
    (void)state;
    static const char *const names[] = {
        "x-ms-",      "x-ms",      "x-ms-a b",      "x-ms-a:b",     "x-ms-a\r\nHost: x",
        "x-ms-a\n",   "x-ms-a_b",  "x-ms-\xc3\xa9", "xx-ms-a",      "x_ms-a",
        "anthropic-", "anthropic", "x-stainless-/", "openai-beta2", "openai-bet",
        "accepts",    "accept ",   " accept",
    };
    ASSERT_REFUSED(names, allow_request_header);
    assert_false(allow_request_header(span_of("x-ms-a\0b", 8)));
    assert_false(allow_request_header(span_of("accept\0", 7)));
    assert_false(allow_request_header(span_of("acceptor", 3)));
    assert_true(allow_request_header(span_of("acceptor", 6)));
}

static void
values_are_printable_ascii(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\r\nX: y", "a\n", "\t", "\x7f", "\xc3\xa9", "a\x01"};
    ASSERT_REFUSED(bad, allow_request_value);
    ASSERT_REFUSED(bad, allow_response_value);
    static const char *const good[] = {"", " ", "~", "application/json; charset=utf-8"};
    ASSERT_PASS(good, allow_request_value);
    ASSERT_PASS(good, allow_response_value);
    assert_false(allow_request_value(span_of("a\0b", 3)));
}

static void
values_have_a_maximum(void **state)
{
    (void)state;
    static char text[8193];
    memset(text, 'a', sizeof text);
    assert_true(allow_request_value(span_of(text, 1024)));
    assert_false(allow_request_value(span_of(text, 1025)));
    assert_true(allow_response_value(span_of(text, 8192)));
    assert_false(allow_response_value(span_of(text, 8193)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_upstream_needs_of_a_request_passes),
        cmocka_unit_test(a_clients_credentials_never_pass),
        cmocka_unit_test(what_steers_an_upstream_or_a_connection_never_passes),
        cmocka_unit_test(what_a_client_needs_of_an_answer_passes),
        cmocka_unit_test(what_acts_on_the_web_server_never_passes),
        cmocka_unit_test(a_family_takes_letters_digits_and_hyphens_only),
        cmocka_unit_test(values_are_printable_ascii),
        cmocka_unit_test(values_have_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
