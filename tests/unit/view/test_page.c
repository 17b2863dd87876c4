/* The gateway's own pages: which there are, for whom, and that none shows a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "view/page.h"

#define PAGE_MAX 4096
#define PRIMARY_KEY "sk-primary-0123456789"
#define FALLBACK_KEY "sk-fallback-0123456789"
#define CONNECTION "InstrumentationKey=00000000-1111"

static const struct config config = {
    .app_version = "2.4 \"beta\"",
    .app_insights_enabled = true,
    .app_insights_connection_string = CONNECTION,
    .circuit_failure_threshold = -5,
    .circuit_retry_timeout = "0.5",
    .primary_host = "https://eu.example",
    .primary_key = PRIMARY_KEY,
    .fallback_host = "https://us.example",
    .fallback_key = FALLBACK_KEY,
};
/* The least that a configuration of upstreams leaves for these pages. */
static const struct config bare = {.circuit_retry_timeout = "10"};

static void
write_page(const char *path, const struct config *of, struct buf *out)
{
    const struct page *page = page_find(span_from(path));
    assert_non_null(page);
    buf_init(out, PAGE_MAX);
    assert_int_equal(page->write(of, out), 0);
}

static void
each_page_is_found_with_and_without_a_slash(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is_there, for_operator;
    } rows[] = {
        {"", true, false},
        {"/", true, false},
        {"/status", true, false},
        {"/status/", true, false},
        {"/version", true, true},
        {"/version/", true, true},
        {"/settings", true, true},
        {"/settings/", true, true},
        {"/Status", false, false},
        {"/statu", false, false},
        {"/status/x", false, false},
        {"/status//", false, false},
        {"/settingsx", false, false},
        {"//", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct page *page = page_find(span_from(rows[i].path));
        if ((page != NULL) != rows[i].is_there)
            fail_msg("\"%s\"", rows[i].path);
        if (page)
            assert_int_equal(page->for_operator, rows[i].for_operator);
    }
}

static void
status_says_ok_and_nothing_else(void **state)
{
    (void)state;
    struct buf out;
    write_page("/status", &config, &out);
    assert_string_equal(buf_text(&out), "OK");
    buf_fini(&out);
    write_page("", &config, &out);
    assert_string_equal(buf_text(&out), "OK");
    buf_fini(&out);
}

static void
version_is_the_operators_else_the_programs(void **state)
{
    (void)state;
    struct buf out;
    write_page("/version", &config, &out);
    assert_string_equal(buf_text(&out), "2.4 \"beta\"");
    buf_fini(&out);
    write_page("/version", &bare, &out);
    assert_string_equal(buf_text(&out), POSTERN_VERSION);
    buf_fini(&out);
}

static void
expect(struct span page, const char *name, const char *text)
{
    struct json_member member = {.name = name};
    struct json_mistake mistake;
    if (json_find(page, &member, 1, &mistake) != 0)
        fail_msg("%s at %zu: " SPAN_FMT, json_error_text(mistake.error), mistake.offset,
                 SPAN_ARG(page));
    if (!span_is(member.value, text))
        fail_msg("%s is " SPAN_FMT, name, SPAN_ARG(member.value));
}

static void
settings_are_json_under_the_original_names(void **state)
{
    (void)state;
    struct buf out;
    write_page("/settings", &config, &out);
    struct span page = buf_span(&out);
    expect(page, "app_version", "\"2.4 \\\"beta\\\"\"");
    expect(page, "app_insights_enabled", "true");
    expect(page, "app_insights_connection_string", "\"**********\"");
    expect(page, "circuit_failure_threshold", "-5");
    expect(page, "circuit_retry_timeout", "0.5");
    expect(page, "primary_open_ai_host", "\"https://eu.example\"");
    expect(page, "primary_open_ai_api_key", "\"**********\"");
    expect(page, "fallback_open_ai_host", "\"https://us.example\"");
    expect(page, "fallback_open_ai_api_key", "\"**********\"");
    buf_fini(&out);

    write_page("/settings", &bare, &out);
    expect(buf_span(&out), "primary_open_ai_api_key", "\"\"");
    expect(buf_span(&out), "fallback_open_ai_host", "\"\"");
    buf_fini(&out);
}

static void
no_page_shows_a_secret(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "/status", "/version", "/settings"};
    static const char *const secrets[] = {PRIMARY_KEY, FALLBACK_KEY, CONNECTION};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct buf out;
        write_page(paths[i], &config, &out);
        for (size_t j = 0; j < sizeof(secrets) / sizeof(secrets[0]); j++)
            assert_null(strstr(buf_text(&out), secrets[j]));
        buf_fini(&out);
    }
}

static void
a_page_that_does_not_fit_is_told(void **state)
{
    (void)state;
    for (size_t room = 0; room < 200; room++) {
        struct buf out;
        buf_init(&out, room);
        assert_int_equal(page_find(span_from("/settings"))->write(&config, &out), -1);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_page_is_found_with_and_without_a_slash),
        cmocka_unit_test(status_says_ok_and_nothing_else),
        cmocka_unit_test(version_is_the_operators_else_the_programs),
        cmocka_unit_test(settings_are_json_under_the_original_names),
        cmocka_unit_test(no_page_shows_a_secret),
        cmocka_unit_test(a_page_that_does_not_fit_is_told),
    };
    return cmocka_run_group_tests_name("view/page", tests, NULL, NULL);
}
