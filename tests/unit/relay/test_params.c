/* The parameters are looked through once, and what stands twice is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/params.h"

static void
each_is_found_under_its_own_name(void **state)
{
    (void)state;
    static const char *const list[] = {"REDIRECT_HTTP_AUTHORIZATION=a",
                                       "AUTH_TYPE=b",
                                       "CONTENT_LENGTH=c",
                                       "CONTENT_TYPE=d",
                                       "PATH_INFO=e",
                                       "REMOTE_ADDR=f",
                                       "REMOTE_USER=g",
                                       "REQUEST_METHOD=h",
                                       "REQUEST_URI=i",
                                       "SCRIPT_NAME=j",
                                       "SERVER_ADDR=k",
                                       "SERVER_PROTOCOL=l",
                                       "SSL_CLIENT_VERIFY=m",
                                       NULL};
    struct params params;
    params_read(&params, list);
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        const char expected[] = {(char)('a' + i), '\0'};
        assert_string_equal(params.values[i], expected);
    }
    assert_null(params.doubled);
    assert_int_equal(params.header_count, 0);
}

static void
what_stands_twice_is_told(void **state)
{
    (void)state;
    static const char *const names[] = {"REDIRECT_HTTP_AUTHORIZATION",
                                        "AUTH_TYPE",
                                        "CONTENT_LENGTH",
                                        "CONTENT_TYPE",
                                        "PATH_INFO",
                                        "REMOTE_ADDR",
                                        "REMOTE_USER",
                                        "REQUEST_METHOD",
                                        "REQUEST_URI",
                                        "SCRIPT_NAME",
                                        "SERVER_ADDR",
                                        "SERVER_PROTOCOL",
                                        "SSL_CLIENT_VERIFY"};
    assert_int_equal(sizeof(names) / sizeof(names[0]), PARAM_COUNT);
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        char first[64], second[64];
        (void)snprintf(first, sizeof(first), "%s=", names[i]); /* an empty one counts */
        (void)snprintf(second, sizeof(second), "%s=root", names[i]);
        const char *const list[] = {first, "QUERY_STRING=a", second, "QUERY_STRING=b", NULL};
        struct params params;
        params_read(&params, list);
        assert_non_null(params.doubled);
        assert_string_equal(params.doubled, names[i]);
        assert_string_equal(params.values[i], "");
        assert_string_equal(params_find(list, names[i]), "");
    }
    static const char *const others[] = {"DOCUMENT_ROOT=/a", "DOCUMENT_ROOT=/b", "X=1", "X=2",
                                         NULL};
    struct params params;
    params_read(&params, others);
    assert_null(params.doubled);
}

static void
what_only_begins_or_ends_like_a_name_is_not_it(void **state)
{
    (void)state;
    static const char *const list[] = {
        "REMOTE_USER", "REMOTE_USERS=x", "XREMOTE_USER=x",      "HTTP_REMOTE_USER=x",
        "=x",          "remote_user=x",  "HTTP_=REMOTE_USER=x", NULL};
    struct params params;
    params_read(&params, list);
    assert_null(params.values[PARAM_REMOTE_USER]);
    assert_null(params_find(list, "REMOTE_USER"));
    assert_int_equal(params.header_count, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_under_its_own_name),
        cmocka_unit_test(what_stands_twice_is_told),
        cmocka_unit_test(what_only_begins_or_ends_like_a_name_is_not_it),
    };
    return cmocka_run_group_tests_name("relay/params", tests, NULL, NULL);
}
