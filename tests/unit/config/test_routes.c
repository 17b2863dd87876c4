/* test_routes.c - routes of postern.json, their forms and their mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_up, site_down)

/* Two upstreams, then the routes from line 2 on. */
static bool
load_routes(struct site *site, const char *routes)
{
    char text[65536];
    (void)snprintf(text, sizeof(text),
                   "{\"upstreams\": {\"a\": {\"url\": \"https://a.example\"}, "
                   "\"backup\": {\"url\": \"https://b.example\"}},\n\"routes\": %s}",
                   routes);
    return site_load_json(site, text);
}

static void
a_step_is_a_name_an_object_or_a_list(void **state)
{
    struct site *site = *state;
    assert_true(load_routes(site, "[{\"model\": \"*\", \"try\": [\n"
                                  "[\"a\", {\"upstream\": \"backup\", \"weight\": 1000}],\n"
                                  "{\"upstream\": \"a\", \"model\": \"m\"}, \"backup\"]}]"));
    const struct route *route = &site->config->routes.routes[0];
    assert_int_equal(route->count, 3);
    assert_int_equal(route->steps[0].count, 2);
    assert_string_equal(route->steps[0].candidates[0].upstream->name, "a");
    assert_int_equal(route->steps[0].candidates[0].weight, 1);
    assert_int_equal(route->steps[0].candidates[1].weight, 1000);
    assert_string_equal(route->steps[1].candidates[0].model, "m");
    assert_string_equal(route->steps[2].candidates[0].upstream->name, "backup");
}

static const struct wrong {
    const char *routes, *mistake;
} wrongs[] = {
    {"{}", "2: routes: must be a list of routes with at least one"},
    {"[]", "2: routes: must be a list of routes with at least one"},
    {"[1]", "2: routes[0]: must be an object with a model and a try"},
    {"[{\"try\": [\"a\"]}]", "2: routes[0]: has no model (\"*\" is every model)"},
    {"[{\"model\": \"\", \"try\": [\"a\"]}]",
     "2: routes[0].model: is empty (\"*\" is every model)"},
    {"[{\"model\": 4, \"try\": [\"a\"]}]", "2: routes[0].model: must be a string, not a number"},
    {"[{\"model\": \"a*b\", \"try\": [\"a\"]}]",
     "2: routes[0].model: may have \"*\" at its end only"},
    {"[{\"model\": \"*\"}]", "2: routes[0]: has no try, the list of upstreams"},
    {"[{\"model\": \"*\", \"try\": \"a\"}]",
     "2: routes[0].try: must be a list of upstreams, in the order they are tried"},
    {"[{\"model\": \"*\", \"try\": []}]",
     "2: routes[0].try: must be a list of upstreams, in the order they are tried"},
    {"[{\"model\": \"*\", \"trys\": 1, \"try\": [\"a\"]}]",
     "2: routes[0].trys: means nothing here; did you mean try?"},
    {"[{\"model\": \"*\",\n\"try\": [\"a\",\n\"bakcup\"]}]",
     "4: routes[0].try[1]: no upstream is called \"bakcup\"; did you mean backup?"},
    {"[{\"model\": \"*\", \"try\": [\"zzz\"]}]",
     "2: routes[0].try[0]: no upstream is called \"zzz\""},
    {"[{\"model\": \"*\", \"try\": [[]]}]", "2: routes[0].try[0]: is an empty list"},
    {"[{\"model\": \"*\", \"try\": [[[\"a\"]]]}]",
     "2: routes[0].try[0][0]: must be the name of an upstream or an object, not a list"},
    {"[{\"model\": \"*\", \"try\": [{\"model\": \"m\"}]}]",
     "2: routes[0].try[0]: names no upstream"},
    {"[{\"model\": \"*\", \"try\": [{\"upstream\": \"a\", \"model\": \"\"}]}]",
     "2: routes[0].try[0].model: is empty"},
    {"[{\"model\": \"*\", \"try\": [{\"upstream\": \"a\", \"wait\": 1}]}]",
     "2: routes[0].try[0].wait: means nothing here"},
    {"[{\"model\": \"*\", \"try\": [[\"a\", {\"upstream\": \"backup\", \"weight\": 0}]]}]",
     "2: routes[0].try[0][1].weight: must be a whole number from 1 to 1000"},
    {"[{\"model\": \"*\", \"try\": [{\"upstream\": \"a\", \"weight\": \"two\"}]}]",
     "2: routes[0].try[0].weight: must be a whole number from 1 to 1000"},
    {"[{\"model\": \"gpt*\", \"try\": [\"a\"]},\n{\"model\": \"gpt-4\", \"try\": [\"a\"]}]",
     "3: routes[1]: is never reached: routes[0] takes \"gpt-4\" before it"},
    {"[{\"model\": \"m\", \"try\": [\"a\"]}, {\"model\": \"m\", \"try\": [\"a\"]}]",
     "2: routes[1]: is never reached: routes[0] takes \"m\" before it"},
};

static void
each_mistake_is_told_with_its_line_and_path(void **state)
{
    struct site *site = *state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        char line[512];
        if (load_routes(site, wrongs[i].routes))
            fail_msg("accepted: %s", wrongs[i].routes);
        (void)snprintf(line, sizeof(line), "%%/work/postern.json:%s", wrongs[i].mistake);
        site_expect_mistake(site, line);
        if (site->mistakes.count != 1)
            fail_msg("also: %s", site->mistakes.lines[1]);
    }
}

static void
what_a_longer_pattern_takes_first_is_reached(void **state)
{
    struct site *site = *state;
    assert_true(load_routes(site, "[{\"model\": \"gpt-4o\", \"try\": [\"a\"]},"
                                  "{\"model\": \"gpt-4*\", \"try\": [\"a\"]},"
                                  "{\"model\": \"gpt-5\", \"try\": [\"a\"]},"
                                  "{\"model\": \"*\", \"try\": [\"backup\"]}]"));
    assert_int_equal(site->config->routes.count, 4);
}

static void
a_route_has_at_most_32_candidates(void **state)
{
    struct site *site = *state;
    for (int count = 32; count < 34; count++) {
        char text[1024] = "[{\"model\": \"*\", \"try\": [[\"a\"";
        size_t at = strlen(text);
        for (int i = 1; i < count - 1; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, ",\"a\"");
        (void)snprintf(text + at, sizeof(text) - at, "],\"a\"]}]");
        assert_int_equal(load_routes(site, text), count == 32);
    }
    site_expect_mistake(site,
                        "%/work/postern.json:2: routes[0].try: has 33 candidates, more than 32");
}

static void
there_are_at_most_1000_routes(void **state)
{
    struct site *site = *state;
    static char text[60000];
    for (int count = 1000; count < 1002; count++) {
        size_t at = (size_t)snprintf(text, sizeof(text), "[");
        for (int i = 0; i < count; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "%s{\"model\": \"m%04d\", \"try\": [\"a\"]}", i ? "," : "", i);
        (void)snprintf(text + at, sizeof(text) - at, "]");
        assert_int_equal(load_routes(site, text), count == 1000);
    }
    site_expect_mistake(site, "%/work/postern.json:2: routes: has 1001 routes, more than 1000");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_is_a_name_an_object_or_a_list),
        TEST(each_mistake_is_told_with_its_line_and_path),
        TEST(what_a_longer_pattern_takes_first_is_reached),
        TEST(a_route_has_at_most_32_candidates),
        TEST(there_are_at_most_1000_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
