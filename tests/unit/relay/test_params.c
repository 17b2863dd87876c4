/* The parameters are looked through once, and of each name the first counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/params.h"

static void
each_is_found_under_its_own_name(void **state)
{
    (void)state;
    static const char *const list[] = {"REDIRECT_HTTP_AUTHORIZATION=a",
                                       "CONTENT_LENGTH=b",
                                       "CONTENT_TYPE=c",
                                       "PATH_INFO=d",
                                       "REMOTE_ADDR=e",
                                       "REMOTE_USER=f",
                                       "REQUEST_METHOD=g",
                                       "REQUEST_URI=h",
                                       "SCRIPT_NAME=i",
                                       NULL};
    struct params params;
    params_read(&params, list);
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        const char expected[] = {(char)('a' + i), '\0'};
        assert_string_equal(params.values[i], expected);
    }
    assert_int_equal(params.header_count, 0);
}

static void
of_a_name_that_stands_twice_the_first_counts(void **state)
{
    (void)state;
    static const char *const list[] = {"REMOTE_USER=", "REMOTE_USER=root", NULL};
    struct params params;
    params_read(&params, list);
    assert_string_equal(params.values[PARAM_REMOTE_USER], "");
    assert_string_equal(params_find(list, "REMOTE_USER"), "");
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
        cmocka_unit_test(of_a_name_that_stands_twice_the_first_counts),
        cmocka_unit_test(what_only_begins_or_ends_like_a_name_is_not_it),
    };
    return cmocka_run_group_tests_name("relay/params", tests, NULL, NULL);
}
