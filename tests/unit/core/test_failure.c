/* Our own errors: every row is filled, and every body is JSON of OpenAI's shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/complaint.h"
#include "core/failure.h"
#include "core/json.h"

#define BODY_MAX 4096

/* The text of a member of "error". */
static void
expect_member(struct span body, const char *name, const char *text)
{
    struct json_member error = {.name = "error"}, member = {.name = name};
    assert_int_equal(json_find(body, &error, 1, NULL), 0);
    json_find_within(error.value, &member, 1);
    if (!json_string_is(member.value, text))
        fail_msg("%s of " SPAN_FMT " is not \"%s\"", name, SPAN_ARG(body), text);
}

static void
every_failure_has_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const struct failure_row *row = failure_get((enum failure)i);
        if (!row->code || !row->type || !row->message)
            fail_msg("row %d is not filled", i);
        if (row->status < 400 || row->status > 599)
            fail_msg("%s has the status %d", row->code, row->status);
        if (*failure_reason(row->status) == '\0')
            fail_msg("%s: status %d has no name", row->code, row->status);
    }
}

static void
no_code_stands_twice(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(failure_get((enum failure)i)->code,
                                    failure_get((enum failure)j)->code);
    }
}

static void
the_type_goes_with_the_status(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const struct failure_row *row = failure_get((enum failure)i);
        const char *type = row->status == 429   ? "rate_limit_error"
                           : row->status >= 500 ? "server_error"
                                                : "invalid_request_error";
        assert_string_equal(row->type, type);
    }
}

static void
every_body_is_json_in_openais_shape(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const struct failure_row *row = failure_get((enum failure)i);
        struct buf body;
        buf_init(&body, BODY_MAX);
        assert_int_equal(failure_format((enum failure)i, NULL, &body), 0);
        expect_member(buf_span(&body), "message", row->message);
        expect_member(buf_span(&body), "type", row->type);
        expect_member(buf_span(&body), "code", row->code);
        assert_true(complaint_read(buf_span(&body)).is_openai_shaped);
        buf_fini(&body);
    }
}

static void
a_detail_is_added_and_escaped(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, BODY_MAX);
    assert_int_equal(failure_format(FAILURE_INVALID_JSON, "a \"b\" \\ \n \x01 \xff </x>", &body),
                     0);
    expect_member(buf_span(&body), "message",
                  "the body is not valid JSON: a \"b\" \\ \n \x01 \xEF\xBF\xBD </x>");
    buf_fini(&body);
}

static void
a_body_that_does_not_fit_is_told(void **state)
{
    (void)state;
    for (size_t room = 0; room < 100; room++) {
        struct buf body;
        buf_init(&body, room);
        assert_int_equal(failure_format(FAILURE_INVALID_JSON, "and more of it", &body), -1);
        buf_fini(&body);
    }
}

static void
a_wrapped_status_has_its_own_type(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type;
    } rows[] = {{400, "invalid_request_error"},
                {404, "invalid_request_error"},
                {429, "rate_limit_error"},
                {500, "server_error"},
                {529, "server_error"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf body;
        buf_init(&body, BODY_MAX);
        assert_int_equal(failure_format_status(rows[i].status, &body), 0);
        expect_member(buf_span(&body), "type", rows[i].type);
        expect_member(buf_span(&body), "code", "upstream_error");
        buf_fini(&body);
    }
}

/* What helps nobody to try again, and what does: clients of OpenAI obey x-should-retry. */
static void
what_time_heals_is_not_final(void **state)
{
    (void)state;
    static const enum failure heals[] = {FAILURE_REQUEST_TIMEOUT,      FAILURE_REQUEST_CUT,
                                         FAILURE_GATEWAY_OVERLOADED,   FAILURE_UPSTREAM_TIMEOUT,
                                         FAILURE_UPSTREAM_UNREACHABLE, FAILURE_UPSTREAM_UNAVAILABLE,
                                         FAILURE_UPSTREAMS_LIMITED,    FAILURE_GATEWAY_STOPPING};
    static const enum failure stays[] = {FAILURE_INVALID_API_KEY, FAILURE_INVALID_JSON,
                                         FAILURE_GATEWAY_CLOSED,  FAILURE_GATEWAY_MISCONFIGURED,
                                         FAILURE_UPSTREAM_AUTH,   FAILURE_UPSTREAM_TLS};
    for (size_t i = 0; i < sizeof(heals) / sizeof(heals[0]); i++)
        assert_false(failure_get(heals[i])->is_final);
    for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++)
        assert_true(failure_get(stays[i])->is_final);
}

static void
a_status_without_a_name_has_an_empty_one(void **state)
{
    (void)state;
    assert_string_equal(failure_reason(200), "OK");
    assert_string_equal(failure_reason(429), "Too Many Requests");
    assert_string_equal(failure_reason(599), "");
    assert_string_equal(failure_reason(0), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_its_row),
        cmocka_unit_test(no_code_stands_twice),
        cmocka_unit_test(the_type_goes_with_the_status),
        cmocka_unit_test(every_body_is_json_in_openais_shape),
        cmocka_unit_test(a_detail_is_added_and_escaped),
        cmocka_unit_test(a_body_that_does_not_fit_is_told),
        cmocka_unit_test(a_wrapped_status_has_its_own_type),
        cmocka_unit_test(what_time_heals_is_not_final),
        cmocka_unit_test(a_status_without_a_name_has_an_empty_one),
    };
    return cmocka_run_group_tests_name("core/failure", tests, NULL, NULL);
}
