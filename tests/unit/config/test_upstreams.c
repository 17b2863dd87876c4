/* test_upstreams.c - upstreams of PRIMARY_ and FALLBACK_, their breakers' rules, keys and secrets.
 */
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
the_pair_makes_two_upstreams_and_one_route(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "FALLBACK_OPENAI_MODEL=gpt-4o\n"
                                    "FALLBACK_OPENAI_DIALECT=openai\nPOSTERN_RETRIES=2\n"));
    const struct config *config = site->config;
    assert_int_equal(config->upstream_count, 2);
    const struct upstream *primary = &config->upstreams[0], *fallback = &config->upstreams[1];
    assert_string_equal(primary->name, "primary");
    assert_string_equal(primary->origin, "https://one.openai.azure.com:443");
    assert_string_equal(primary->host, "one.openai.azure.com");
    assert_string_equal(primary->base_path, "");
    uint64_t key[2]; /* made of what stands in the finished upstream */
    upstream_identify(primary, NULL, key);
    assert_memory_equal(primary->breaker_key, key, sizeof(key));
    assert_memory_not_equal(primary->breaker_key, fallback->breaker_key, sizeof(key));
    assert_string_equal(primary->key, "key-of-the-first-one");
    assert_int_equal(primary->dialect, UPSTREAM_DIALECT_AUTO);
    assert_true(primary->is_azure_host);
    assert_null(primary->model);
    assert_int_equal(primary->timeouts.connect_ms, 5000);
    assert_int_equal(primary->timeouts.first_token_ms, 60000);
    assert_int_equal(primary->timeouts.response_ms, 300000);
    assert_int_equal(primary->timeouts.idle_ms, 60000);
    assert_int_equal(primary->retries, 2);
    assert_null(primary->ca_file);
    assert_string_equal(fallback->name, "fallback");
    assert_string_equal(fallback->model, "gpt-4o");
    assert_int_equal(fallback->dialect, UPSTREAM_DIALECT_OPENAI);
    assert_false(fallback->is_azure_host);
    assert_int_equal(config->routes.count, 1);
    const struct route *route = &config->routes.routes[0];
    assert_string_equal(route->model, "*");
    assert_int_equal(route->count, 2);
    assert_ptr_equal(route->steps[0].candidates[0].upstream, primary);
    assert_ptr_equal(route->steps[1].candidates[0].upstream, fallback);
    assert_int_equal(route->steps[1].candidates[0].weight, 1);
}

/* Which paths stand for "/v1", by dialect. */
static void
a_path_may_stand_for_v1(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *url, *dialect;
        bool base_is_v1;
    } rows[] = {
        {"https://openrouter.ai/api/v1", "openai", true},
        {"https://openrouter.ai/api/v1", "auto", true},
        {"https://h.example/x/openai", "openai", true},
        {"https://h.example/x/openai", "auto", true},
        {"https://h.example/x", "openai", false},
        {"https://h.example/x/v1", "azure", false},
        {"https://h.example/x/openai", "azure", false},
        {"https://x.openai.azure.com/openai", "auto", false},
        {"https://x.openai.azure.com/openai/v1", "auto", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "PRIMARY_OPENAI_HOST=%s\nPRIMARY_OPENAI_DIALECT=%s\n",
                       rows[i].url, rows[i].dialect);
        assert_true(site_load_env(site, text));
        assert_int_equal(site->config->upstreams[0].base_is_v1, rows[i].base_is_v1);
    }
}

static void
the_classic_profile_is_the_original_with_one_probe(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, ""));
    const struct breaker_rules wanted = {
        .failure_threshold = 3,
        .open_ms = 10000,
        .window = BREAKER_WINDOW_NONE,
        .failure_rate = 50,
        .min_calls = 10,
        .permits = 1,
        .policy = BREAKER_ANY_FAIL,
        .lease_ms = 10000,
        .backoff_percent = 100,
        .open_max_ms = 10000,
    };
    assert_memory_equal(&site->config->upstreams[0].rules, &wanted, sizeof(wanted));
}

static void
the_llm_profile_is_the_recommended_set(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "CIRCUIT_PROFILE=llm\n"));
    const struct breaker_rules wanted = {
        .failure_threshold = 5,
        .open_ms = 10000,
        .window = BREAKER_WINDOW_TIME,
        .window_size = 60,
        .failure_rate = 50,
        .min_calls = 10,
        .permits = 1,
        .policy = BREAKER_ANY_FAIL,
        .lease_ms = 10000,
        .backoff_percent = 200,
        .open_max_ms = 300000,
        .jitter_percent = 20,
        .backoff_decays = true,
        .retry_after_max_ms = 3600000,
        .quota_hold_ms = 300000,
    };
    assert_memory_equal(&site->config->upstreams[0].rules, &wanted, sizeof(wanted));
    assert_int_equal(site->config->profile, OUTCOME_LLM);
}

static void
thresholds_act_as_in_the_original(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *text;
        int threshold;
        int64_t shown;
    } rows[] = {
        {"CIRCUIT_FAILURE_THRESHOLD=0\n", 1, 0},
        {"CIRCUIT_FAILURE_THRESHOLD=-5\n", 1, -5},
        {"CIRCUIT_FAILURE_THRESHOLD=' 1_0 '\n", 10, 10},
        {"CIRCUIT_FAILURE_THRESHOLD=off\n", 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(site_load_env(site, rows[i].text));
        assert_int_equal(site->config->upstreams[1].rules.failure_threshold, rows[i].threshold);
        assert_int_equal(site->config->circuit_failure_threshold, rows[i].shown);
    }
    assert_true(site_load_env(site, "CIRCUIT_RETRY_TIMEOUT=-1\n"));
    assert_int_equal(site->config->upstreams[0].rules.open_ms, 0);
}

static void
a_small_count_window_needs_no_more_calls_than_it_has(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "CIRCUIT_WINDOW=count:4\nCIRCUIT_FAILURE_RATE=off\n"
                                    "CIRCUIT_SLOW=2\nCIRCUIT_LATE_RESULTS=count\n"));
    const struct breaker_rules *rules = &site->config->upstreams[0].rules;
    assert_int_equal(rules->window, BREAKER_WINDOW_COUNT);
    assert_int_equal(rules->window_size, 4);
    assert_int_equal(rules->min_calls, 4);
    assert_int_equal(rules->failure_rate, 0);
    assert_int_equal(rules->slow_rate, 100);
    assert_true(rules->late_count);
}

static void
plain_http_is_for_this_host_or_written_out(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "PRIMARY_OPENAI_HOST=http://127.0.0.1:9\n"));
    assert_false(site_load_env(site, "PRIMARY_OPENAI_HOST=http://10.0.0.1:9\n"));
    site_expect_mistake(site, "%/work/.env:5: PRIMARY_OPENAI_HOST: http:// would send the key to "
                              "10.0.0.1 unencrypted: write https://, or set plain_http = yes");
    assert_true(
        site_load_env(site, "PRIMARY_OPENAI_HOST=http://10.0.0.1:9\nPOSTERN_PLAIN_HTTP=yes\n"));
    assert_string_equal(site->config->upstreams[0].origin, "http://10.0.0.1:9");
}

static void
an_empty_host_is_a_mistake_and_an_empty_key_a_warning(void **state)
{
    struct site *site = *state;
    assert_false(site_load_env(site, "PRIMARY_OPENAI_HOST=\n"));
    site_expect_mistake(site, "%/work/.env:5: PRIMARY_OPENAI_HOST: is empty");
    assert_true(site_load_env(site, "PRIMARY_OPENAI_API_KEY=\n"));
    site_expect_warning(
        site, "%/work/.env:5: PRIMARY_OPENAI_API_KEY: is empty: requests go out without a key");
    assert_string_equal(site->config->upstreams[0].key, "");
}

static void
a_key_that_could_break_a_header_is_refused_unseen(void **state)
{
    struct site *site = *state;
    assert_false(site_load_env(site, "PRIMARY_OPENAI_API_KEY=\"secret\\r\\nx: y\"\n"
                                     "POSTERN_CLIENT_KEY='good-key-of-a-client, secret x'\n"));
    site_expect_mistake(site, "%/work/.env:5: PRIMARY_OPENAI_API_KEY: the value (not shown) has a "
                              "blank, a line end or another character that no key has");
    site_expect_mistake(site, "%/work/.env:6: POSTERN_CLIENT_KEY: key 2 (not shown) has a blank or "
                              "another character that no key has");
    for (size_t i = 0; i < site->mistakes.count; i++)
        assert_null(strstr(site->mistakes.lines[i], "secret"));
}

static void
certificates_must_be_there(void **state)
{
    struct site *site = *state;
    assert_false(site_load_env(site, "POSTERN_CA_FILE=ca.pem\n"));
    site_expect_mistake(site, "%/work/.env:5: POSTERN_CA_FILE: there is no file \"%/work/ca.pem\"");
    site_write(site, "work/ca.pem", "");
    assert_true(site_load(site));
    assert_string_equal(site->config->upstreams[1].ca_file, site_path(site, "work/ca.pem"));
}

static void
only_digests_of_client_keys_are_kept(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "POSTERN_CLIENT_KEY=first-key-of-a-client, ,short\n"
                                    "POSTERN_ADMIN_KEY=key-of-the-operator\n"
                                    "POSTERN_ADMINS='ann, bob ,'\n"));
    const struct config *config = site->config;
    struct digest digest;
    struct span key = SPAN_LITERAL("short");
    assert_int_equal(config->client_key_count, 2);
    assert_string_equal(config->client_keys[0].name, "client-1");
    assert_string_equal(config->client_keys[1].name, "client-2");
    digest_sha256(&digest, &key, 1);
    assert_true(digest_equal(&config->client_keys[1].digest, &digest));
    assert_int_equal(config->admin_key_count, 1);
    assert_string_equal(config->admin_keys[0].name, "admin-1");
    assert_int_equal(config->admin_count, 2);
    assert_string_equal(config->admins[1], "bob");
    site_expect_warning(site, "%/work/.env:5: POSTERN_CLIENT_KEY: key 2 has only 5 characters: "
                              "short keys can be guessed");
}

static void
users_of_the_socket_are_names_or_numbers(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, ""));
    assert_int_equal(site->config->socket_uid_count, 0);
    assert_true(site_load_env(site, "POSTERN_SOCKET_USERS=' root, 4711,,1'\n"));
    assert_int_equal(site->config->socket_uid_count, 3);
    assert_int_equal(site->config->socket_uids[0], 0);
    assert_int_equal(site->config->socket_uids[1], 4711);
    assert_int_equal(site->config->socket_uids[2], 1);
    assert_false(site_load_env(site, "POSTERN_SOCKET_USERS=root,no-such-user,65534,4294967295\n"));
    site_expect_mistake(site,
                        "%/work/.env:5: POSTERN_SOCKET_USERS: no user is called \"no-such-user\"");
    site_expect_mistake(site, "%/work/.env:5: POSTERN_SOCKET_USERS: user 65534 stands for every "
                              "user that this host does not know");
    site_expect_mistake(site,
                        "%/work/.env:5: POSTERN_SOCKET_USERS: no user is called \"4294967295\"");
}

static void
every_secret_is_listed(void **state)
{
    struct site *site = *state;
    static const char *const wanted[] = {"key-of-the-first-one",
                                         "key-of-the-second-one",
                                         "first-key-of-a-client",
                                         "second-key-of-a-client",
                                         "short",
                                         "key-of-the-operator",
                                         "12345678-abcd"};
    assert_true(site_load_env(
        site, "POSTERN_CLIENT_KEY=first-key-of-a-client,second-key-of-a-client,short\n"
              "POSTERN_ADMIN_KEY=key-of-the-operator\n"
              "APPLICATIONINSIGHTS_CONNECTION_STRING=\"InstrumentationKey=12345678-abcd;"
              "IngestionEndpoint=https://x.example/\"\n"));
    assert_int_equal(site->config->secret_count, 7);
    site_expect_warning(site,
                        "%/work/.env: 1 of the keys is too plain: of less than 8 characters, or "
                        "of a few that repeat. Log lines and answers are not searched for it");
    for (size_t i = 0; i < 7; i++)
        assert_true(span_is(site->config->secrets[i], wanted[i]));
}

static void
says_who_gets_in(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, ""));
    site_expect_warning(site, "%/work/.env: POSTERN_CLIENT_KEY: is not set: only users that the "
                              "web server authenticates get in");
    assert_true(site_load_env(site, "POSTERN_OPEN=yes\n"));
    site_expect_warning(site, "%/work/.env:5: POSTERN_OPEN: everybody who reaches this web server "
                              "may use the upstreams");
    assert_true(site->config->open);
}

static void
a_key_of_the_example_is_warned_about(void **state)
{
    struct site *site = *state;
    assert_true(site_load_env(site, "FALLBACK_OPENAI_API_KEY=the-key-of-the-fallback\n"));
    site_expect_warning(site,
                        "%/work/.env:5: FALLBACK_OPENAI_API_KEY: is still the one of .env.example");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pair_makes_two_upstreams_and_one_route),
        TEST(a_path_may_stand_for_v1),
        TEST(the_classic_profile_is_the_original_with_one_probe),
        TEST(the_llm_profile_is_the_recommended_set),
        TEST(thresholds_act_as_in_the_original),
        TEST(a_small_count_window_needs_no_more_calls_than_it_has),
        TEST(plain_http_is_for_this_host_or_written_out),
        TEST(an_empty_host_is_a_mistake_and_an_empty_key_a_warning),
        TEST(a_key_that_could_break_a_header_is_refused_unseen),
        TEST(certificates_must_be_there),
        TEST(only_digests_of_client_keys_are_kept),
        TEST(users_of_the_socket_are_names_or_numbers),
        TEST(every_secret_is_listed),
        TEST(says_who_gets_in),
        TEST(a_key_of_the_example_is_warned_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
