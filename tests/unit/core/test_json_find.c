/* test_json_find.c - what core/json_find.c finds in a document, and how it reads strings. */
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
assert_value(const struct json_member *member, const char *text)
{
    if (!span_is(member->value, text))
        fail_msg("%s is <" SPAN_FMT ">, not <%s>", member->name, SPAN_ARG(member->value), text);
}

static void
finds_members_of_the_top_level_object_only(void **state)
{
    (void)state;
    struct span body = span_from(" {\"n\":{\"model\":\"inner\"} , \"model\" : \"gpt-4o\",\n"
                                 "\"stream\":true,\"a\":[{\"stream\":1}],\"k\":[1, 2],"
                                 "\"f\":false,\"z\":null,\"d\":-1.5e3}");
    struct json_member wanted[] = {{.name = "model"}, {.name = "stream"}, {.name = "k"},
                                   {.name = "f"},     {.name = "z"},      {.name = "d"},
                                   {.name = "n"},     {.name = "absent"}};
    assert_int_equal(json_find(body, wanted, COUNT(wanted), NULL), 0);
    static const struct {
        enum json_value_type type;
        const char *text;
    } found[] = {{JSON_STRING, "\"gpt-4o\""},
                 {JSON_TRUE, "true"},
                 {JSON_ARRAY, "[1, 2]"},
                 {JSON_FALSE, "false"},
                 {JSON_NULL, "null"},
                 {JSON_NUMBER, "-1.5e3"},
                 {JSON_OBJECT, "{\"model\":\"inner\"}"},
                 {JSON_NONE, ""}};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        assert_int_equal(wanted[i].type, found[i].type);
        assert_value(&wanted[i], found[i].text);
        if (found[i].type != JSON_NONE)
            assert_ptr_equal(body.ptr + wanted[i].offset, wanted[i].value.ptr);
    }
}

static void
finds_a_name_that_is_spelled_with_escapes(void **state)
{
    (void)state;
    struct json_member model = {.name = "model"};
    assert_int_equal(json_find(span_from("{\"\\u006dod\\u0065l\":\"x\"}"), &model, 1, NULL), 0);
    assert_value(&model, "\"x\"");
    assert_int_equal(json_find(span_from("{\"model\\u0000\":1,\"mode\":2,\"models\":3,\"\":4}"),
                               &model, 1, NULL),
                     0);
    assert_int_equal(model.type, JSON_NONE);
    struct json_member nameless = {.name = ""};
    assert_int_equal(json_find(span_from("{\"a\":1,\"\":4}"), &nameless, 1, NULL), 0);
    assert_value(&nameless, "4");
}

static void
refuses_a_wanted_member_that_stands_twice(void **state)
{
    (void)state;
    struct json_member wanted[] = {{.name = "model"}, {.name = "stream"}};
    struct json_mistake mistake;
    const char *body = "{\"model\":\"a\",\"x\":1,\"x\":2,\"\\u006dodel\":\"b\"}";
    assert_int_equal(json_find(span_from(body), wanted, 2, &mistake), -1);
    assert_int_equal(mistake.error, JSON_DUPLICATE);
    assert_string_equal(mistake.member, "model");
    assert_int_equal(mistake.offset, strstr(body, "\"\\u006d") - body);
    assert_int_equal(wanted[0].type, JSON_NONE);

    const char *harmless = "{\"model\":\"a\",\"x\":1,\"x\":2,\"y\":{\"model\":1}}";
    assert_int_equal(json_find(span_from(harmless), wanted, 2, &mistake), 0);
}

static void
finds_nothing_in_what_is_no_object_or_not_valid(void **state)
{
    (void)state;
    struct json_member model = {.name = "model"};
    struct json_mistake mistake;
    assert_int_equal(json_find(span_from("[{\"model\":1}]"), &model, 1, &mistake), 0);
    assert_int_equal(model.type, JSON_NONE);
    assert_int_equal(json_find(span_from("\"model\""), &model, 1, &mistake), 0);
    assert_int_equal(model.type, JSON_NONE);
    assert_int_equal(json_find(span_from("{\"model\":\"x\",}"), &model, 1, &mistake), -1);
    assert_int_equal(model.type, JSON_NONE);
    assert_int_equal(mistake.error, JSON_BAD_SYNTAX);
    assert_int_equal(mistake.offset, 13);
    assert_null(mistake.member);
    assert_int_equal(json_find(span_of(NULL, 0), &model, 1, &mistake), -1);
    assert_int_equal(mistake.error, JSON_INCOMPLETE);
}

static void
within_a_value_the_first_of_two_counts(void **state)
{
    (void)state;
    struct json_member error[] = {{.name = "code"}, {.name = "type"}};
    json_find_within(span_from("{\"code\":1,\"code\":2,\"type\":\"t\"}"), error, 2);
    assert_value(&error[0], "1");
    assert_value(&error[1], "\"t\"");
    json_find_within(span_of(NULL, 0), error, 2);
    assert_int_equal(error[0].type, JSON_NONE);
    assert_int_equal(error[0].value.len, 0);
}

static void
visits_each_element_of_an_array(void **state)
{
    (void)state;
    struct span array = span_from("[ 1,\"a,]\" , [2,[3]],{\"x\":[4]} ,null,-5 ]");
    static const char *const wanted[] = {"1", "\"a,]\"", "[2,[3]]", "{\"x\":[4]}", "null", "-5"};
    size_t at = 0;
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_true(span_is(json_each(array, &at), wanted[i]));
    assert_int_equal(json_each(array, &at).len, 0);
    assert_int_equal(json_each(array, &at).len, 0);
    static const char *const without[] = {"[]", "[ \n]", "{\"a\":1}", "7", ""};
    for (size_t i = 0; i < COUNT(without); i++) {
        at = 0;
        assert_int_equal(json_each(span_from(without[i]), &at).len, 0);
    }
}

static void
finds_members_of_each_element_on_the_way(void **state)
{
    (void)state;
    struct span array = span_from("[ {\"a\":1,\"b\":[{\"a\":0}]}, 7 ,{\"\\u0061\" : \"x\"} ]");
    static const struct {
        const char *element, *a;
    } found[] = {
        {"{\"a\":1,\"b\":[{\"a\":0}]}", "1"}, {"7", ""}, {"{\"\\u0061\" : \"x\"}", "\"x\""}};
    struct json_member a = {.name = "a"};
    size_t at = 0;
    for (size_t i = 0; i < COUNT(found); i++) {
        assert_true(span_is(json_each_find(array, &at, &a, 1), found[i].element));
        assert_value(&a, found[i].a);
        if (a.type != JSON_NONE)
            assert_ptr_equal(array.ptr + a.offset, a.value.ptr);
    }
    assert_int_equal(json_each_find(array, &at, &a, 1).len, 0);
    assert_int_equal(a.type, JSON_NONE);
}

static void
says_which_member_stands_again(void **state)
{
    (void)state;
    struct json_member wanted[] = {{.name = "a"}, {.name = "b"}};
    struct span object = span_from("{\"a\":1,\"b\":{\"b\":2},\"\\u0061\":3}");
    json_find_within(object, wanted, COUNT(wanted));
    assert_value(&wanted[0], "1");
    assert_true(wanted[0].is_repeated);
    assert_false(wanted[1].is_repeated);
}

/* Wherever the portions are cut, and though the text moves. */
static void
finds_members_while_the_document_comes(void **state)
{
    (void)state;
    static const char text[] = " {\"a\":[1,{\"b\":0}],\"\\u0062\" : -1.5 ,\"a\":2} ";
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct json_member wanted[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
        struct json_finder finder;
        char begun[sizeof(text)];
        memcpy(begun, text, sizeof(text));
        json_finder_init(&finder, wanted, COUNT(wanted));
        assert_int_equal(json_finder_feed(&finder, span_of(begun, cut)), JSON_VALID);
        memset(begun, 'x', sizeof(begun));
        assert_int_equal(json_finder_feed(&finder, span_from(text)), JSON_VALID);
        assert_int_equal(json_finder_end(&finder), JSON_VALID);
        assert_value(&wanted[0], "[1,{\"b\":0}]");
        assert_int_equal(wanted[0].type, JSON_ARRAY);
        assert_true(wanted[0].is_repeated);
        assert_value(&wanted[1], "-1.5");
        assert_ptr_equal(wanted[1].value.ptr, text + wanted[1].offset);
        assert_int_equal(wanted[2].type, JSON_NONE);
    }
}

static void
unescapes_a_string(void **state)
{
    (void)state;
    static const struct {
        const char *value, *text;
    } samples[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20ac\\uFFFD\"", "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbd"},
        {"\"\\ud83d\\uDE00!\"", "\xf0\x9f\x98\x80!"},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"},
        {"\"\\u0001\\u007f\\u0080\\u07Ff\\u0800\\uffff\"",
         "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
        {"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80"},
        {"\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80"},
        {"\"\\ud800\\udbff\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud800\\ue000\"", "\xef\xbf\xbd\xee\x80\x80"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ud83d\\n12345\"", "\xef\xbf\xbd\n12345"},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
    };
    struct buf out;
    buf_init(&out, 100);
    for (size_t i = 0; i < COUNT(samples); i++) {
        buf_clear(&out);
        assert_int_equal(json_unescape(span_from(samples[i].value), &out), 0);
        assert_string_equal(buf_text(&out), samples[i].text);
        assert_true(json_string_is(span_from(samples[i].value), samples[i].text));
    }
    buf_clear(&out);
    assert_int_equal(json_unescape(span_from("\"a\\u0000b\""), &out), 0);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.ptr, "a\0b", 3);
    assert_int_equal(json_unescape(span_from("17"), &out), -1);
    buf_fini(&out);
}

static void
unescapes_into_what_just_fits_or_not_at_all(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    assert_int_equal(json_unescape(span_from("\"\\n\\u0041bc\""), &out), 0);
    assert_string_equal(buf_text(&out), "\nAbc");
    assert_int_equal(json_unescape(span_from("\"d\""), &out), -1);
    assert_string_equal(buf_text(&out), "\nAbc");
    buf_fini(&out);
}

static void
compares_a_string_with_a_text(void **state)
{
    (void)state;
    assert_true(json_string_is(span_from("\"stream\""), "stream"));
    assert_false(json_string_is(span_from("\"stream\""), "streams"));
    assert_false(json_string_is(span_from("\"streams\""), "stream"));
    assert_false(json_string_is(span_from("\"str\\u0000eam\""), "str"));
    assert_false(json_string_is(span_from("stream"), "stream"));
    assert_false(json_string_is(span_of(NULL, 0), ""));
}

static void
says_what_is_empty(void **state)
{
    (void)state;
    static const char *const empty[] = {"null", "false", "\"\"", "[]", "[ ]", "{}", "{\n}", ""};
    static const char *const full[] = {"true", "0", "\" \"", "[0]", "{\"a\":null}", "[null]"};
    for (size_t i = 0; i < COUNT(empty); i++)
        assert_true(json_is_empty(span_from(empty[i])));
    for (size_t i = 0; i < COUNT(full); i++)
        assert_false(json_is_empty(span_from(full[i])));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members_of_the_top_level_object_only),
        cmocka_unit_test(finds_a_name_that_is_spelled_with_escapes),
        cmocka_unit_test(refuses_a_wanted_member_that_stands_twice),
        cmocka_unit_test(finds_nothing_in_what_is_no_object_or_not_valid),
        cmocka_unit_test(within_a_value_the_first_of_two_counts),
        cmocka_unit_test(visits_each_element_of_an_array),
        cmocka_unit_test(finds_members_of_each_element_on_the_way),
        cmocka_unit_test(says_which_member_stands_again),
        cmocka_unit_test(finds_members_while_the_document_comes),
        cmocka_unit_test(unescapes_a_string),
        cmocka_unit_test(unescapes_into_what_just_fits_or_not_at_all),
        cmocka_unit_test(compares_a_string_with_a_text),
        cmocka_unit_test(says_what_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
