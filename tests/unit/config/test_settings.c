/* test_settings.c - names and values of the environment and the .env file, and what is said of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_up, site_down)

static void
the_four_required_lines_are_a_whole_configuration(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, ""));
    const struct config *config = site->config;
    assert_int_equal(config->circuit_failure_threshold, 3);
    assert_string_equal(config->circuit_retry_timeout, "10");
    assert_string_equal(config->primary_host, "https://one.openai.azure.com");
    assert_string_equal(config->fallback_key, "key-of-the-second-one");
    assert_null(config->app_version);
    assert_false(config->app_insights_enabled);
    assert_null(config->app_insights_connection_string);
    assert_int_equal(config->profile, OUTCOME_CLASSIC);
    assert_true(config->last_resort && config->pinned && config->client_probe);
    assert_false(config->breaker_per_model || config->trust_loopback || config->open);
    assert_false(config->loopback_is_operator);
    assert_int_equal(config->trust_remote_user, CONFIG_USER_VERIFIED);
    assert_int_equal(config->trusted_host_count, 0);
    assert_int_equal(config->total_timeout_ms, 900000);
    assert_int_equal(config->heartbeat_ms, 15000);
    assert_int_equal(config->retry_wait_max_ms, 5000);
    assert_int_equal(config->slow_ms, 0);
    assert_int_equal(config->delivery, UPSTREAM_LIVE);
    assert_int_equal(config->hold_max_bytes, 1048576);
    assert_int_equal(config->max_body_bytes, 33554432);
    assert_int_equal(config->max_upload_bytes, 536870912);
    assert_int_equal(config->body_timeout_ms, 30000);
    assert_null(config->mount);
    assert_int_equal(config->threads, 256);
    assert_int_equal(config->drain_ms, -1);
    assert_int_equal(config->state_mode, 0600);
    assert_null(config->log_path);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->sse_padding_bytes, 0);
    assert_int_equal(config->client_key_count + config->admin_key_count + config->admin_count, 0);
}

static void
each_option_reaches_the_configuration(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(
        site, "APP_VERSION=9\nAPPLICATION_INSIGHTS_ENABLED=True\n"
              "APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=12345678-x;I=y\n"
              "CIRCUIT_LAST_RESORT=fail_fast\nPOSTERN_BREAKER_SCOPE=model\n"
              "POSTERN_PINNED=none\nPOSTERN_TOTAL_TIMEOUT=1.5\n"
              "POSTERN_HEARTBEAT=0\nPOSTERN_RETRY_WAIT_MAX=2\n"
              "CIRCUIT_SLOW=7\nPOSTERN_DELIVERY=held\n"
              "POSTERN_HOLD_MAX=2MiB\nPOSTERN_MAX_BODY=3MiB\n"
              "POSTERN_MAX_UPLOAD=4MiB\nPOSTERN_BODY_TIMEOUT=8\n"
              "POSTERN_MOUNT=/ai/\nPOSTERN_THREADS=4\nPOSTERN_DRAIN=0\n"
              "POSTERN_STATE_MODE=0660\nPOSTERN_LOG=log/file\n"
              "POSTERN_LOG_LEVEL=debug\nPOSTERN_CLIENT_PROBE=no\n"
              "POSTERN_SSE_PADDING=8KiB\nPOSTERN_TRUST_LOOPBACK=yes\n"
              "POSTERN_STATE_ANY_FILESYSTEM=yes\n"));
    const struct config *config = site->config;
    assert_string_equal(config->app_version, "9");
    assert_true(config->app_insights_enabled);
    assert_string_equal(config->app_insights_connection_string,
                        "InstrumentationKey=12345678-x;I=y");
    assert_false(config->last_resort || config->pinned || config->client_probe);
    assert_true(config->breaker_per_model && config->trust_loopback);
    assert_true(config->state_any_filesystem);
    assert_int_equal(config->total_timeout_ms, 1500);
    assert_int_equal(config->heartbeat_ms, 0);
    assert_int_equal(config->retry_wait_max_ms, 2000);
    assert_int_equal(config->slow_ms, 7000);
    assert_int_equal(config->delivery, UPSTREAM_HELD);
    assert_int_equal(config->hold_max_bytes, 2 << 20);
    assert_int_equal(config->max_body_bytes, 3 << 20);
    assert_int_equal(config->max_upload_bytes, 4 << 20);
    assert_int_equal(config->body_timeout_ms, 8000);
    assert_string_equal(config->mount, "/ai");
    assert_int_equal(config->threads, 4);
    assert_int_equal(config->drain_ms, 0);
    assert_int_equal(config->state_mode, 0660);
    assert_string_equal(config->log_path, site_path(site, "work/log/file"));
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->sse_padding_bytes, 8192);
}

/* Values that the option took when it was a switch, and none at all, mean what they meant. */
static void
whom_to_trust_is_a_switch_that_can_do_more(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *text;
        bool is_trusted, is_operator;
        enum config_user user;
    } rows[] = {
        {"POSTERN_TRUST_LOOPBACK=yes\n", true, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_LOOPBACK=True\n", true, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_LOOPBACK=1\n", true, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_LOOPBACK=admin\n", true, true, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_LOOPBACK=0\n", false, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_LOOPBACK=\n", false, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_REMOTE_USER=no\n", false, false, CONFIG_USER_NEVER},
        {"POSTERN_TRUST_REMOTE_USER=false\n", false, false, CONFIG_USER_NEVER},
        {"POSTERN_TRUST_REMOTE_USER=yes\n", false, false, CONFIG_USER_ALWAYS},
        {"POSTERN_TRUST_REMOTE_USER=auto\n", false, false, CONFIG_USER_VERIFIED},
        {"POSTERN_TRUST_REMOTE_USER=\n", false, false, CONFIG_USER_NEVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(site_load_env(site, rows[i].text));
        const struct config *config = site->config;
        if (config->trust_loopback != rows[i].is_trusted ||
            config->loopback_is_operator != rows[i].is_operator ||
            config->trust_remote_user != rows[i].user)
            fail_msg("%s", rows[i].text);
    }
    assert_true(site_load_env(site, "POSTERN_TRUST_REMOTE_USER=yes\n"));
    site_expect_warning(site, "%/work/.env:5: POSTERN_TRUST_REMOTE_USER: whoever REMOTE_USER names "
                              "gets in, verified or not");
    assert_false(site_load_env(site, "POSTERN_TRUST_LOOPBACK=root\n"));
    site_expect_mistake(site,
                        "%/work/.env:5: POSTERN_TRUST_LOOPBACK: \"root\" is not no, yes or admin");
}

static void
trusted_hosts_are_names(void **state)
{
    struct site *site = *state;
    assert_true(
        site_load_env(site, "POSTERN_TRUSTED_HOSTS=a.example.org, B-2.example ,,[2001:db8::1]\n"));
    assert_int_equal(site->config->trusted_host_count, 3);
    assert_true(span_is(site->config->trusted_hosts[1], "B-2.example"));
    assert_true(span_is(site->config->trusted_hosts[2], "[2001:db8::1]"));
    static const char *const wrongs[] = {
        "*", "*.example.org", "https://a.example", "a.example:80", "a.example/", "a b"};
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        char text[128], line[256];
        (void)snprintf(text, sizeof(text), "POSTERN_TRUSTED_HOSTS='%s'\n", wrongs[i]);
        (void)snprintf(
            line, sizeof(line),
            "%%/work/.env:5: POSTERN_TRUSTED_HOSTS: \"%s\" is not the name of a host; it "
            "is written without scheme, port and path",
            wrongs[i]);
        assert_false(site_load_env(site, text));
        site_expect_mistake(site, line);
    }
}

static void
the_environment_goes_before_the_file_and_that_before_the_json(void **state)
{
    struct site *site = *state;
    site_write(site, "work/postern.json", "{\"threads\": 1, \"retries\": 1, \"heartbeat\": 1}");
    assert_true(site_load_env(site, "POSTERN_THREADS=2\nPOSTERN_RETRIES=2\n"));
    assert_int_equal(site->config->threads, 2);
    site_set(site, "POSTERN_THREADS=3");
    assert_true(site_load(site));
    assert_int_equal(site->config->threads, 3);
    assert_int_equal(site->config->upstreams[0].retries, 2);
    assert_int_equal(site->config->heartbeat_ms, 1000);
}

static void
an_unknown_name_is_a_mistake_without_its_value(void **state)
{
    struct site *site = *state;
    site_set(site, "POSTERN_TREADS=secret");
    assert_false(site_load_env(site,
                               "PRIMARY_OPENAI_APIKEY=secret\nCIRCUIT_NOTHING_OF_THE_KIND=secret\n"
                               "postern_retries=1\nOPENAI_API_KEY=allowed\n"));
    site_expect_mistake(
        site, "environment: POSTERN_TREADS: is not an option; did you mean POSTERN_THREADS?");
    site_expect_mistake(site,
                        "%/work/.env:5: PRIMARY_OPENAI_APIKEY: is not an option; did you mean "
                        "PRIMARY_OPENAI_API_KEY?");
    site_expect_mistake(site, "%/work/.env:6: CIRCUIT_NOTHING_OF_THE_KIND: is not an option");
    site_expect_mistake(
        site, "%/work/.env:7: postern_retries: is not an option; did you mean POSTERN_RETRIES?");
    assert_int_equal(site->mistakes.count, 4);
    for (size_t i = 0; i < site->mistakes.count; i++)
        assert_null(strstr(site->mistakes.lines[i], "secret"));
}

static void
all_mistakes_are_told_at_once(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env",
               "PRIMARY_OPENAI_HOST=one.example\n"
               "PRIMARY_OPENAI_KEY=abc\n"
               "FALLBACK_OPENAI_HOST=\"http://two.example\"\n"
               "FALLBACK_OPENAI_API_KEY\n"
               "CIRCUIT_RETRY_TIMEOUT=ten\n"
               "this is no line\n");
    assert_false(site_load(site));
    site_expect_mistake(site, "%/work/.env:1: PRIMARY_OPENAI_HOST: \"one.example\" has no scheme: "
                              "https:// is missing before it");
    site_expect_mistake(site, "%/work/.env:2: PRIMARY_OPENAI_KEY: is not an option; did you mean "
                              "PRIMARY_OPENAI_API_KEY?");
    site_expect_mistake(
        site, "%/work/.env: PRIMARY_OPENAI_API_KEY: is missing, but there is PRIMARY_OPENAI_KEY");
    site_expect_mistake(site, "%/work/.env:3: FALLBACK_OPENAI_HOST: http:// would send the key to "
                              "two.example unencrypted: write https://, or set plain_http = yes");
    site_expect_mistake(site, "%/work/.env:4: FALLBACK_OPENAI_API_KEY: has no value: write "
                              "FALLBACK_OPENAI_API_KEY=value");
    site_expect_mistake(site,
                        "%/work/.env:5: CIRCUIT_RETRY_TIMEOUT: \"ten\" is not a number of seconds");
    site_expect_mistake(
        site, "%/work/.env:6: the line is not NAME=value, or a quote in it is not closed");
    assert_int_equal(site->mistakes.count, 7);
}

static void
an_option_without_effect_is_a_mistake(void **state)
{
    struct site *site = *state;
    assert_false(site_load_env(site, "CIRCUIT_FAILURE_RATE=40\nCIRCUIT_MIN_CALLS=4\n"
                                     "CIRCUIT_SLOW_RATE=10\nCIRCUIT_OPEN_MAX=60\n"
                                     "CIRCUIT_BACKOFF_RESET=decay\nCIRCUIT_RETRY_AFTER_MAX=5\n"
                                     "CIRCUIT_QUOTA_HOLD=5\nPOSTERN_ENV_FILE=x\n"));
    static const char *const lines[] = {
        "%/work/.env:5: CIRCUIT_FAILURE_RATE: has no effect without circuit_window",
        "%/work/.env:6: CIRCUIT_MIN_CALLS: has no effect without circuit_window",
        "%/work/.env:7: CIRCUIT_SLOW_RATE: has no effect without circuit_slow",
        "%/work/.env:8: CIRCUIT_OPEN_MAX: has no effect without circuit_backoff above 1",
        "%/work/.env:9: CIRCUIT_BACKOFF_RESET: has no effect without circuit_backoff above 1",
        "%/work/.env:10: CIRCUIT_RETRY_AFTER_MAX: has no effect without circuit_retry_after = "
        "honour",
        "%/work/.env:11: CIRCUIT_QUOTA_HOLD: has no effect without circuit_profile = llm",
        "%/work/.env:12: POSTERN_ENV_FILE: has no effect in a file: it is read from the "
        "environment only",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        site_expect_mistake(site, lines[i]);
    assert_int_equal(site->mistakes.count, sizeof(lines) / sizeof(lines[0]));
    assert_true(site_load_env(site, "CIRCUIT_PROFILE=llm\nCIRCUIT_FAILURE_RATE=40\n"
                                    "CIRCUIT_MIN_CALLS=4\nCIRCUIT_SLOW=9\nCIRCUIT_SLOW_RATE=10\n"
                                    "CIRCUIT_OPEN_MAX=60\nCIRCUIT_BACKOFF_RESET=decay\n"
                                    "CIRCUIT_RETRY_AFTER_MAX=5\nCIRCUIT_QUOTA_HOLD=5\n"));
}

static void
a_cap_below_what_it_caps_is_a_mistake(void **state)
{
    struct site *site = *state;
    assert_false(site_load_env(site, "CIRCUIT_BACKOFF=2\nCIRCUIT_OPEN_MAX=5\n"));
    site_expect_mistake(site, "%/work/.env:6: CIRCUIT_OPEN_MAX: is below circuit_retry_timeout, "
                              "the shortest opening");
}

static void
the_retry_timeout_is_shown_as_it_was_meant(void **state)
{
    struct site *site = *state;
    static const char *const shown[][2] = {
        {"CIRCUIT_RETRY_TIMEOUT=10.0\n", "10"},     {"CIRCUIT_RETRY_TIMEOUT=2.50\n", "2.5"},
        {"CIRCUIT_RETRY_TIMEOUT=-1\n", "-1"},       {"CIRCUIT_RETRY_TIMEOUT=0.001\n", "0.001"},
        {"CIRCUIT_RETRY_TIMEOUT=-0.25\n", "-0.25"}, {"CIRCUIT_RETRY_TIMEOUT=0\n", "0"},
    };
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        assert_true(site_load_env(site, shown[i][0]));
        assert_string_equal(site->config->circuit_retry_timeout, shown[i][1]);
    }
}

static void
the_mount_is_a_path(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "POSTERN_MOUNT=/\n"));
    assert_string_equal(site->config->mount, "");
    static const char *const bad[] = {"ai", "/a//b", "/../a", "/a?b", "/a%2f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char line[64], wanted[160];
        (void)snprintf(line, sizeof(line), "POSTERN_MOUNT=%s\n", bad[i]);
        assert_false(site_load_env(site, line));
        (void)snprintf(wanted, sizeof(wanted),
                       "%s/work/.env:5: POSTERN_MOUNT: \"%s\" is no path from the root of the "
                       "site, like /ai",
                       site->root, bad[i]);
        assert_string_equal(site->mistakes.lines[0], wanted);
    }
}

static void
more_mistakes_than_fit_are_still_mistakes(void **state)
{
    struct site *site = *state;
    char text[4000] = "";
    size_t at = 0;
    for (int i = 0; i < 260; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "CIRCUIT_X%d=\n", i);
    site_write(site, "work/.env", text);
    assert_false(site_load(site));
    assert_int_equal(site->mistakes.count, 200);
    assert_int_equal(site->mistakes.lost_count, 64);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_four_required_lines_are_a_whole_configuration),
        TEST(each_option_reaches_the_configuration),
        TEST(whom_to_trust_is_a_switch_that_can_do_more),
        TEST(trusted_hosts_are_names),
        TEST(the_environment_goes_before_the_file_and_that_before_the_json),
        TEST(an_unknown_name_is_a_mistake_without_its_value),
        TEST(all_mistakes_are_told_at_once),
        TEST(an_option_without_effect_is_a_mistake),
        TEST(a_cap_below_what_it_caps_is_a_mistake),
        TEST(the_retry_timeout_is_shown_as_it_was_meant),
        TEST(the_mount_is_a_path),
        TEST(more_mistakes_than_fit_are_still_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
