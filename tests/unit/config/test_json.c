/* test_json.c - postern.json: upstreams, values of variables, and where its mistakes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_up, site_down)

/* The example of the design, with comments. */
static const char example[] =
    "{ \"upstreams\": { // what answers\n"
    "    \"eu\": { \"dialect\": \"azure\", \"url\": \"https://eu.openai.azure.com\",\n"
    "            \"key\": \"${EU_KEY}\", \"models\": { \"gpt-4o\": \"gpt4o-prod\" } },\n"
    "    \"us\": { \"dialect\": \"azure\", \"url\": \"https://us.openai.azure.com\",\n"
    "            \"key\": \"${US_KEY}\" },\n"
    "    \"openai\": { \"dialect\": \"openai\", \"url\": \"https://api.openai.com\",\n"
    "                \"key\": \"${OPENAI_KEY}\", \"first_token_timeout\": 20 } },\n"
    "  /* what is tried */\n"
    "  \"routes\": [ { \"model\": \"gpt-4o*\", \"try\": [ [\"eu\", \"us\"], \"openai\" ] },\n"
    "    { \"model\": \"*\", \"try\": [ \"openai\",\n"
    "        { \"upstream\": \"eu\", \"model\": \"gpt-4o-mini\", \"weight\": 3 } ] } ] }\n";

static void
the_example_of_the_manual_is_read(void **state)
{
    struct site *site = *state;
    site_write(site, "work/.env", "EU_KEY=key-of-europe\nUS_KEY=k2\nOPENAI_KEY=k3\n");
    site_write(site, "work/postern.json", example);
    site_set(site, "US_KEY=from-outside");
    assert_true(site_load(site));
    const struct config *config = site->config;
    assert_int_equal(config->upstream_count, 3);
    const struct upstream *eu = &config->upstreams[0], *us = &config->upstreams[1],
                          *openai = &config->upstreams[2];
    assert_string_equal(eu->name, "eu");
    assert_string_equal(eu->key, "key-of-europe");
    assert_int_equal(eu->dialect, UPSTREAM_DIALECT_AZURE);
    assert_int_equal(eu->model_count, 1);
    assert_string_equal(eu->models[0].from, "gpt-4o");
    assert_string_equal(eu->models[0].to, "gpt4o-prod");
    assert_string_equal(us->key, "from-outside");
    assert_int_equal(config->secret_count, 3);
    assert_true(span_is(config->secrets[0], "key-of-europe"));
    assert_int_equal(us->timeouts.first_token_ms, 60000);
    assert_int_equal(openai->timeouts.first_token_ms, 20000);
    assert_int_equal(config->routes.count, 2);
    const struct route *first = &config->routes.routes[0], *second = &config->routes.routes[1];
    assert_string_equal(first->model, "gpt-4o*");
    assert_int_equal(first->count, 2);
    assert_int_equal(first->steps[0].count, 2);
    assert_ptr_equal(first->steps[0].candidates[1].upstream, us);
    assert_ptr_equal(first->steps[1].candidates[0].upstream, openai);
    assert_ptr_equal(second->steps[1].candidates[0].upstream, eu);
    assert_string_equal(second->steps[1].candidates[0].model, "gpt-4o-mini");
    assert_int_equal(second->steps[1].candidates[0].weight, 3);
    assert_null(second->steps[0].candidates[0].model);
}

static void
options_stand_at_the_top_and_in_upstreams(void **state)
{
    struct site *site = *state;
    assert_true(site_load_json(
        site, "{\"circuit_profile\": \"llm\", \"threads\": 8, \"open\": true, \"retries\": \"1\",\n"
              " \"client_key\": \"${A_KEY}\",\n"
              " \"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"retries\": 2,\n"
              "   \"connect_timeout\": 0.5, \"circuit_failure_threshold\": \"off\"},\n"
              "  \"b\": {\"url\": \"https://b.example\", \"model\": \"m\"}}}"));
    const struct config *config = site->config;
    assert_int_equal(config->profile, OUTCOME_LLM);
    assert_int_equal(config->threads, 8);
    assert_true(config->open);
    assert_int_equal(config->client_key_count, 1);
    assert_int_equal(config->upstreams[0].retries, 2);
    assert_int_equal(config->upstreams[0].timeouts.connect_ms, 500);
    assert_int_equal(config->upstreams[0].rules.failure_threshold, 0);
    assert_int_equal(config->upstreams[1].retries, 1);
    assert_int_equal(config->upstreams[1].rules.failure_threshold, 5);
    assert_string_equal(config->upstreams[1].model, "m");
    assert_string_equal(config->upstreams[1].key, "");
    /* without routes all are tried in their order */
    assert_int_equal(config->routes.routes[0].count, 2);
    assert_ptr_equal(config->routes.routes[0].steps[1].candidates[0].upstream,
                     &config->upstreams[1]);
}

static void
an_option_may_mean_something_for_one_upstream_alone(void **state)
{
    struct site *site = *state;
    assert_true(site_load_json(
        site, "{\"circuit_failure_rate\": 40, \"upstreams\": {\n"
              "\"a\": {\"url\": \"https://a.example\", \"circuit_window\": \"count:8\"}}}"));
    assert_int_equal(site->config->upstreams[0].rules.failure_rate, 40);
    assert_int_equal(site->config->upstreams[0].rules.window_size, 8);
}

static void
the_pair_is_only_a_store_of_values_then(void **state)
{
    struct site *site = *state;
    site_write(site, "work/postern.json",
               "{\"upstreams\": {\"a\": {\"url\": \"${PRIMARY_OPENAI_HOST}/x\",\n"
               " \"key\": \"${PRIMARY_OPENAI_SPARE}\"}}}");
    assert_true(site_load_env(site, "PRIMARY_OPENAI_SPARE=spare-key\n"));
    assert_int_equal(site->config->upstream_count, 1);
    assert_string_equal(site->config->upstreams[0].base_path, "/x");
    assert_string_equal(site->config->upstreams[0].key, "spare-key");
    site_expect_warning(site, "%/work/.env:3: FALLBACK_OPENAI_HOST: is not used: the upstreams are "
                              "those of %/work/postern.json");
    assert_false(site_load_env(site, "PRIMARY_OPENAI_SPARE=1\nPRIMARY_OPENAI_OTHER=1\n"));
    site_expect_mistake(site, "%/work/.env:6: PRIMARY_OPENAI_OTHER: is not an option");
}

static void
routes_may_name_the_pair(void **state)
{
    struct site *site = *state;
    site_write(site, "work/postern.json",
               "{\"routes\": [{\"model\": \"*\", \"try\": [\"fallback\", \"primary\"]}]}");
    assert_true(site_load_env(site, ""));
    assert_string_equal(site->config->routes.routes[0].steps[0].candidates[0].upstream->name,
                        "fallback");
}

/* A text and the one mistake that is in it. */
static const struct wrong {
    const char *text, *mistake;
} wrongs[] = {
    {"{\n\"a\": 1,\n}", "%/work/postern.json:3: is not valid JSON"},
    {"", "%/work/postern.json:1: ends before its JSON value does"},
    {"[]", "%/work/postern.json:1: the file must hold an object, not a list"},
    {"{\"threads\": 1,\n \"thr\\u0065ads\": 2}",
     "%/work/postern.json:2: threads: stands here again, after line 1"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\"},\n\"a\": {\"x\": {}}}}",
     "%/work/postern.json:2: upstreams.a: stands here again, after line 1"},
    {"{\"treads\": 1}", "%/work/postern.json:1: treads: is not an option; did you mean threads?"},
    {"{\"upstream\": {}}",
     "%/work/postern.json:1: upstream: is not an option; did you mean upstreams?"},
    {"{\"env_file\": \"x\"}", "%/work/postern.json:1: env_file: is not an option"},
    {"{\"threads\": [1]}",
     "%/work/postern.json:1: threads: must be a string, a number, true or false, not a list"},
    {"{\"threads\": null}",
     "%/work/postern.json:1: threads: must be a string, a number, true or false, not null"},
    {"{\"threads\": 1.5}", "%/work/postern.json:1: threads: \"1.5\" is not a whole number"},
    {"{\"threads\": 99999999999}",
     "%/work/postern.json:1: threads: \"99999999999\" is above the maximum of 16384"},
    {"{\"threads\": \"${NOWHERE}\"}", "%/work/postern.json:1: threads: the variable \"NOWHERE\" is "
                                      "set neither in the environment nor in .env"},
    {"{\"mount\": \"a\\u0000b\"}", "%/work/postern.json: mount has a NUL in its text"},
    {"{\"upstreams\": []}",
     "%/work/postern.json:1: upstreams: must be an object: a name for each upstream"},
    {"{\"upstreams\": {\"a\":\n 1}}",
     "%/work/postern.json:1: upstreams.a: must be an object with a url and a key"},
    {"{\"upstreams\": {\"A b\": {\"url\": \"https://a.example\"}}}",
     "%/work/postern.json:1: upstreams.A b: the name must be 1 to 47 small letters, digits, \"-\" "
     "or \"_\""},
    {"{\"upstreams\": {\"a\": {}}}", "%/work/postern.json:1: upstreams.a: has no url"},
    {"{\"upstreams\": {\"a\": {\n\"url\": \"a.example\"}}}",
     "%/work/postern.json:2: upstreams.a.url: \"a.example\" has no scheme: https:// is missing "
     "before it"},
    {"{\"upstreams\": {\"a\": {\"url\": 1}}}",
     "%/work/postern.json:1: upstreams.a.url: must be a string, not a number"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"dialect\": \"gpt\"}}}",
     "%/work/postern.json:1: upstreams.a.dialect: \"gpt\" is not auto, openai or azure"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"kee\": \"secret\"}}}",
     "%/work/postern.json:1: upstreams.a.kee: is not an option of an upstream; did you mean key?"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"threads\": 1}}}",
     "%/work/postern.json:1: upstreams.a.threads: is for all upstreams: it belongs to the top of "
     "the file"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"retries\": 11}}}",
     "%/work/postern.json:1: upstreams.a.retries: \"11\" is above the maximum of 10"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"circuit_open_max\": 60}}}",
     "%/work/postern.json:1: upstreams.a.circuit_open_max: has no effect without circuit_backoff "
     "above 1"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\",\n \"circuit_backoff\": 2,"
     "\"circuit_open_max\": 6}}}",
     "%/work/postern.json:2: upstreams.a.circuit_open_max: is below circuit_retry_timeout, the "
     "shortest opening"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"models\": [\"x\"]}}}",
     "%/work/postern.json:1: upstreams.a.models: must be an object like "
     "{\"gpt-4o\": \"my-deployment\"}"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"models\": {\"x\": \"\"}}}}",
     "%/work/postern.json:1: upstreams.a.models.x: is not the name of a model"},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"ca_file\": \"no\"}}}",
     "%/work/postern.json:1: upstreams.a.ca_file: there is no file \"%/work/no\""},
    {"{\"upstreams\": {\"a\": {\"url\": \"https://a.example\", \"key\": \"a b\"}}}",
     "%/work/postern.json:1: upstreams.a.key: the value (not shown) has a blank, a line end or "
     "another character that no key has"},
};

static void
each_mistake_is_told_with_its_line_and_path(void **state)
{
    struct site *site = *state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        /* the pair is there where no upstreams are, so that nothing else is wrong */
        const char *pair = strstr(wrongs[i].text, "upstreams\": {\"") ? "A=1\n" : SITE_PAIR;
        site_write(site, "work/.env", pair);
        site_write(site, "work/postern.json", wrongs[i].text);
        if (site_load(site))
            fail_msg("accepted: %s", wrongs[i].text);
        site_expect_mistake(site, wrongs[i].mistake);
        if (site->mistakes.count != 1)
            fail_msg("also: %s", site->mistakes.lines[1]);
        assert_null(strstr(site->mistakes.lines[0], "secret"));
    }
}

static void
there_may_be_64_upstreams(void **state)
{
    struct site *site = *state;
    for (int count = 64; count < 66; count++) {
        char text[8192] = "{\"upstreams\": {";
        size_t at = strlen(text);
        for (int i = 0; i < count; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "%s\"u%d\": {\"url\": \"https://u%d.example\"}", i ? "," : "", i,
                                   i);
        (void)snprintf(text + at, sizeof(text) - at,
                       "}, \"routes\": [{\"model\": \"*\", \"try\": [\"u0\"]}]}");
        assert_int_equal(site_load_json(site, text), count == 64);
    }
    site_expect_mistake(site, "%/work/postern.json:1: upstreams: has 65 members, more than 64");
}

static void
nesting_is_bounded(void **state)
{
    struct site *site = *state;
    char text[2000];
    (void)snprintf(text, sizeof(text), "{\"threads\": ");
    size_t at = strlen(text);
    memset(text + at, '[', 200);
    memset(text + at + 200, ']', 200);
    (void)snprintf(text + at + 400, sizeof(text) - at - 400, "}");
    site_write(site, "work/postern.json", text);
    assert_false(site_load_env(site, ""));
    site_expect_mistake(site, "%/work/postern.json:1: is nested more than 128 levels deep");
}

static void
an_upstream_no_route_uses_is_warned_about(void **state)
{
    struct site *site = *state;
    assert_true(site_load_json(
        site, "{\"upstreams\": {\"a\": {\"url\": \"https://a.example\"},\n"
              " \"b\": {\"url\": \"https://b.example/v1\", \"dialect\": \"azure\"}},\n"
              "\"routes\": [{\"model\": \"*\", \"try\": [\"a\"]}]}"));
    site_expect_warning(site, "%/work/postern.json:3: routes: no route uses the upstream b");
    site_expect_warning(site, "%/work/postern.json:2: upstreams.b.url: the path /v1 is put before "
                              "the /openai of each request: it probably should be left out");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_manual_is_read),
        TEST(options_stand_at_the_top_and_in_upstreams),
        TEST(an_option_may_mean_something_for_one_upstream_alone),
        TEST(the_pair_is_only_a_store_of_values_then),
        TEST(routes_may_name_the_pair),
        TEST(each_mistake_is_told_with_its_line_and_path),
        TEST(there_may_be_64_upstreams),
        TEST(nesting_is_bounded),
        TEST(an_upstream_no_route_uses_is_warned_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
