/* GET /v1/models lists what the configuration names, once each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view/models.h"

#define MODEL(id) "{\"id\":\"" id "\",\"object\":\"model\",\"created\":0,\"owned_by\":\"postern\"}"

static const struct upstream_model renamed[] = {{"gpt-4o", "gpt4o-prod"}, {"o\"3", "o3"}};
static const struct upstream upstreams[] = {{.name = "eu", .models = renamed, .model_count = 2}};
static const struct route routes[] = {
    {.model = "gpt-4o"}, {.model = "gpt-5*"}, {.model = "mini"}, {.model = "*"}};
static const struct config named = {
    .upstreams = upstreams, .upstream_count = 1, .routes = {routes, 4}};
static const struct config unnamed = {.routes = {routes + 3, 1}};

static void
each_name_is_listed_once_and_patterns_are_not(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    assert_true(models_are_named(&named));
    assert_int_equal(models_write(&named, NULL, &out), 1);
    assert_string_equal(buf_text(&out), "{\"object\":\"list\",\"data\":[" MODEL("gpt-4o") "," MODEL(
                                            "mini") "," MODEL("o\\\"3") "]}");
    buf_fini(&out);
}

static void
one_model_is_found_by_its_name(void **state)
{
    (void)state;
    const struct span mini = SPAN_LITERAL("mini"), other = SPAN_LITERAL("gpt-5-nano");
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(models_write(&named, &mini, &out), 1);
    assert_string_equal(buf_text(&out), MODEL("mini"));
    assert_int_equal(models_write(&named, &other, &out), 0);
    buf_fini(&out);
}

static void
patterns_alone_name_nothing(void **state)
{
    (void)state;
    assert_false(models_are_named(&unnamed));
}

static void
a_list_that_does_not_fit_is_said_so(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 60);
    assert_int_equal(models_write(&named, NULL, &out), -1);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_listed_once_and_patterns_are_not),
        cmocka_unit_test(one_model_is_found_by_its_name),
        cmocka_unit_test(patterns_alone_name_nothing),
        cmocka_unit_test(a_list_that_does_not_fit_is_said_so),
    };
    return cmocka_run_group_tests_name("view/models", tests, NULL, NULL);
}
