/* test_statedwait.c - the wait that headers state, in every spelling seen in the wild. */
#include "core/statedwait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/httpdate.h"

#define NOW_UNIX_MS UINT64_C(784111777000) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

#define HEADERS_MAX 6

struct given {
    const char *name, *value;
};

/* The first header without a name ends the list. */
static uint64_t
read_wait(const struct given given[HEADERS_MAX], int status)
{
    struct wire_header items[HEADERS_MAX];
    struct wire_headers headers = {items, 0};
    for (; headers.count < HEADERS_MAX && given[headers.count].name; headers.count++) {
        items[headers.count].name = span_from(given[headers.count].name);
        items[headers.count].value = span_from(given[headers.count].value);
    }
    return statedwait_read(&headers, status, NOW_UNIX_MS);
}

struct row {
    const char *name;
    struct given headers[HEADERS_MAX];
    uint64_t wait_ms;
};

static void
assert_rows(const struct row *rows, size_t count, int status)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t wait_ms = read_wait(rows[i].headers, status);
        if (wait_ms != rows[i].wait_ms)
            fail_msg("%s: %llu ms, wanted %llu", rows[i].name, (unsigned long long)wait_ms,
                     (unsigned long long)rows[i].wait_ms);
    }
}
#define ASSERT_ROWS(rows, status) assert_rows(rows, sizeof(rows) / sizeof((rows)[0]), status)

/* Each against the status 503, so that no reset of a rate limit is looked at. */
static void
every_spelling_of_retry_after(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"7", {{"Retry-After", "7"}}, 7000},
        {"0", {{"Retry-After", "0"}}, 0},
        {"-5", {{"Retry-After", "-5"}}, 0},
        {"1.5", {{"Retry-After", "1.5"}}, 1500},
        {"12abc", {{"Retry-After", "12abc"}}, 0},
        {"20 digits", {{"Retry-After", "99999999999999999999"}}, STATEDWAIT_MAX_MS},
        {"past", {{"Retry-After", "Sun, 06 Nov 1994 08:49:36 GMT"}}, 0},
        {"now", {{"Retry-After", DATE}}, 0},
        {"in a minute", {{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}, 60000},
        {"2099", {{"Retry-After", "Thu, 01 Jan 2099 00:00:00 GMT"}}, STATEDWAIT_MAX_MS},
        {"9999", {{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}}, STATEDWAIT_MAX_MS},
        {"asctime", {{"Retry-After", "Sun Nov  6 08:49:57 1994"}}, 20000},
        {"RFC 850", {{"Retry-After", "Sunday, 06-Nov-94 08:49:57 GMT"}}, 20000},
        {"garbage", {{"Retry-After", "soon, please"}}, 0},
        {"empty", {{"Retry-After", ""}}, 0},
        {"twice", {{"Retry-After", "7"}, {"Retry-After", "9"}}, 7000},
        {"twice, the first is no wait", {{"Retry-After", "0"}, {"Retry-After", "9"}}, 9000},
        {"two joined", {{"Retry-After", "7, 9"}}, 0},
        {"blanks around", {{"Retry-After", "  7 \t"}}, 7000},
        {"an exponent", {{"Retry-After", "1e3"}}, 0},
        {"infinite", {{"Retry-After", "inf"}}, 0},
        {"not a number", {{"Retry-After", "nan"}}, 0},
        {"hexadecimal", {{"Retry-After", "0x10"}}, 0},
        {"two points", {{"Retry-After", "1.2.3"}}, 0},
        {"a point alone", {{"Retry-After", "."}}, 0},
        {"a plus", {{"Retry-After", "+7"}}, 0},
        {"too small to be one", {{"Retry-After", "0.0001"}}, 0},
        {"another case", {{"rEtRy-AfTeR", "7"}}, 7000},
    };
    ASSERT_ROWS(rows, 503);
}

static void
milliseconds_go_before_seconds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"retry-after-ms", {{"retry-after-ms", "43"}}, 43},
        {"x-ms-retry-after-ms", {{"x-ms-retry-after-ms", "43"}}, 43},
        {"decimals are rounded up", {{"retry-after-ms", "43.2"}}, 44},
        {"all three",
         {{"Retry-After", "9"}, {"x-ms-retry-after-ms", "8000"}, {"retry-after-ms", "7000"}},
         7000},
        {"two", {{"Retry-After", "9"}, {"x-ms-retry-after-ms", "8000"}}, 8000},
        {"the first says nothing", {{"retry-after-ms", "x"}, {"Retry-After", "9"}}, 9000},
        {"the first says 0", {{"retry-after-ms", "0"}, {"Retry-After", "9"}}, 9000},
        {"the first is negative", {{"retry-after-ms", "-1"}, {"Retry-After", "9"}}, 9000},
        {"a date is no number of them", {{"retry-after-ms", "Sun Nov  6 08:49:57 1994"}}, 0},
    };
    ASSERT_ROWS(rows, 503);
}

/* The answer says that it is 2030 there; its date is 30 s after that. */
static void
a_date_is_read_against_the_answers_own_clock(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"the answer's clock",
         {{"Date", "Tue, 01 Jan 2030 00:00:00 GMT"},
          {"Retry-After", "Tue, 01 Jan 2030 00:00:30 GMT"}},
         30000},
        {"past by the answer's clock, future by ours",
         {{"Date", "Tue, 01 Jan 2030 00:00:31 GMT"},
          {"Retry-After", "Tue, 01 Jan 2030 00:00:30 GMT"}},
         0},
        {"the answer's clock is no date",
         {{"Date", "yesterday"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:40 GMT"}},
         3000},
    };
    ASSERT_ROWS(rows, 503);
}

static const struct row resets[] = {
    {"used up",
     {{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "12s"}},
     12000},
    {"not used up",
     {{"x-ratelimit-remaining-requests", "1"}, {"x-ratelimit-reset-requests", "12s"}},
     0},
    {"not said whether used up", {{"x-ratelimit-reset-requests", "12s"}}, 0},
    {"the longest of those used up",
     {{"x-ratelimit-remaining-requests", "0"},
      {"x-ratelimit-reset-requests", "3s"},
      {"x-ratelimit-remaining-tokens", "0"},
      {"x-ratelimit-reset-tokens", "20ms"}},
     3000},
    {"the longer one is not used up",
     {{"x-ratelimit-remaining-requests", "0"},
      {"x-ratelimit-reset-requests", "3s"},
      {"x-ratelimit-remaining-tokens", "17"},
      {"x-ratelimit-reset-tokens", "30s"}},
     3000},
    {"bare seconds",
     {{"X-RateLimit-Remaining-Tokens", "0"}, {"X-RateLimit-Reset-Tokens", "1.5"}},
     1500},
    {"minutes are cut to one",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "6m0s"}},
     60000},
    {"hours without end",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "99999999999999999999h"}},
     60000},
    {"parts are added",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "0h0m1.25s50ms"}},
     1300},
    {"microseconds",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "1500\u00b5s"}},
     2},
    {"-1", {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "-1"}}, 0},
    {"0", {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "0"}}, 0},
    {"half a duration",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "6m0"}},
     0},
    {"an unknown unit",
     {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "6m3d"}},
     0},
    {"a stated wait goes before",
     {{"x-ratelimit-remaining-tokens", "0"},
      {"x-ratelimit-reset-tokens", "12s"},
      {"Retry-After", "2"}},
     2000},
    {"a date of the other family",
     {{"anthropic-ratelimit-requests-reset", "1994-11-06T08:49:47Z"}},
     10000},
    {"a date with a zone",
     {{"anthropic-ratelimit-tokens-reset", "1994-11-06T03:19:47.5-05:30"}},
     10000},
    {"a date, used up",
     {{"anthropic-ratelimit-tokens-remaining", "0"},
      {"anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:47Z"}},
     10000},
    {"a date, not used up",
     {{"anthropic-ratelimit-tokens-remaining", "4000"},
      {"anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:47Z"}},
     0},
    {"dates are cut too", {{"anthropic-ratelimit-tokens-reset", "1994-11-07T08:49:47Z"}}, 60000},
    {"a date in the past", {{"anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:00Z"}}, 0},
    {"a limit is no reset", {{"anthropic-ratelimit-tokens-limit", "1994-11-06T08:49:47Z"}}, 0},
    {"no dimension", {{"anthropic-ratelimit--reset", "1994-11-06T08:49:47Z"}}, 0},
};

static void
a_429_without_a_stated_wait_is_read_by_its_resets(void **state)
{
    (void)state;
    ASSERT_ROWS(resets, 429);
}

static void
resets_say_nothing_on_another_status(void **state)
{
    (void)state;
    static const struct given used_up[HEADERS_MAX] = {{"x-ratelimit-remaining-requests", "0"},
                                                      {"x-ratelimit-reset-requests", "12s"}};
    assert_int_equal(read_wait(used_up, 429), 12000);
    assert_int_equal(read_wait(used_up, 503), 0);
    assert_int_equal(read_wait(used_up, 200), 0);
}

static void
no_headers_state_no_wait(void **state)
{
    (void)state;
    struct wire_headers none = {NULL, 0};
    assert_int_equal(statedwait_read(&none, 429, NOW_UNIX_MS), 0);
}

static void
the_three_dates_of_http_are_one_moment(void **state)
{
    (void)state;
    const int64_t moment = 784111777;
    assert_int_equal(httpdate_parse(span_from(DATE)), moment);
    assert_int_equal(httpdate_parse(span_from("Sunday, 06-Nov-94 08:49:37 GMT")), moment);
    assert_int_equal(httpdate_parse(span_from("Sun Nov  6 08:49:37 1994")), moment);
    assert_int_equal(httpdate_parse_rfc3339(span_from("1994-11-06t08:49:37z")), moment);
    assert_int_equal(httpdate_parse(span_from("Thu, 01 Jan 1970 00:00:00 GMT")), 0);
    assert_int_equal(httpdate_parse(span_from("Thu, 29 Feb 2024 23:59:59 GMT")), 1709251199);
    assert_int_equal(httpdate_parse(span_from("Tue, 31 Dec 2024 23:59:59 GMT")), 1735689599);
    assert_int_equal(httpdate_parse(span_from("Friday, 01-Jan-69 00:00:00 GMT")), 3124224000);
    assert_int_equal(httpdate_parse(span_from("Thursday, 01-Jan-70 00:00:01 GMT")), 1);
}

static void
what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        ",",
        "Sun,",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Thu, 29 Feb 2023 00:00:00 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nop 1994 08:49:37 GMT",
        "Sun, 06-Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "1994-11-06T08:49:37Z",
        "784111777",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (httpdate_parse(span_from(texts[i])) != -1)
            fail_msg("\"%s\" was taken for a date", texts[i]);
    }
    assert_int_equal(httpdate_parse_rfc3339(span_from("1994-11-06T08:49:37")), -1);
    assert_int_equal(httpdate_parse_rfc3339(span_from("1994-11-06 08:49:37Z")), -1);
    assert_int_equal(httpdate_parse_rfc3339(span_from(DATE)), -1);
    assert_int_equal(httpdate_parse_rfc3339(span_from("")), -1);
}

/* The bytes behind the span would complete the date. */
static void
a_date_cut_short_is_none(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(DATE) - 1; len++)
        assert_int_equal(httpdate_parse(span_of(DATE, len)), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_retry_after),
        cmocka_unit_test(milliseconds_go_before_seconds),
        cmocka_unit_test(a_date_is_read_against_the_answers_own_clock),
        cmocka_unit_test(a_429_without_a_stated_wait_is_read_by_its_resets),
        cmocka_unit_test(resets_say_nothing_on_another_status),
        cmocka_unit_test(no_headers_state_no_wait),
        cmocka_unit_test(the_three_dates_of_http_are_one_moment),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(a_date_cut_short_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
