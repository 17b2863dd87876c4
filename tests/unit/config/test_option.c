/* test_option.c - the rows of the option table hold together, and each kind reads what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/option.h"
#include "core/breaker.h"

static struct arena arena;

/* What the row's place in `options` holds. */
static int64_t
number_of(const struct option *option, const struct options *options)
{
    int64_t value;
    memcpy(&value, (const char *)options + option->offset, sizeof(value));
    return value;
}

static const char *
text_of(const struct option *option, const struct options *options)
{
    const char *value;
    memcpy(&value, (const char *)options + option->offset, sizeof(value));
    return value;
}

static int
arena_up(void **state)
{
    (void)state;
    arena_init(&arena, 65536);
    return 0;
}

static int
arena_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void
every_row_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        char name[OPTION_NAME_MAX];
        assert_true(strlen(option->env) < OPTION_NAME_MAX);
        assert_non_null(option->sentence);
        assert_int_equal(option->sentence[strlen(option->sentence) - 1], '.');
        assert_ptr_equal(option_find(span_from(option->env)), option);
        if (!(option->flags & OPTION_NOT_IN_JSON))
            assert_ptr_equal(option_find_json(span_from(option_json_name(option, name))), option);
        assert_true((option->kind == OPTION_CHOICE) == (option->choices != NULL));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(option->env, option_table[j].env);
            assert_int_not_equal(option->offset, option_table[j].offset);
        }
    }
}

static void
every_default_can_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        for (int llm = 0; llm < 2; llm++) {
            struct options options = {0};
            struct err err = {0};
            const char *text = option_default(&option_table[i], llm);
            if (text &&
                option_parse(&option_table[i], span_from(text), &arena, &options, &err) != 0)
                fail_msg("%s: %s", option_table[i].env, err.msg);
        }
    }
}

static void
names_differ_by_case_and_prefix(void **state)
{
    (void)state;
    char name[OPTION_NAME_MAX];
    const struct option *ours = option_find(span_from("POSTERN_RETRIES"));
    const struct option *breaker = option_find(span_from("CIRCUIT_BACKOFF"));
    assert_string_equal(option_json_name(ours, name), "retries");
    assert_string_equal(option_json_name(breaker, name), "circuit_backoff");
    assert_null(option_find(span_from("postern_retries")));
    assert_null(option_find_json(span_from("env_file")));
    assert_true(option_is_ours(span_from("circuit_anything")));
    assert_true(option_is_ours(span_from("POSTERN_")));
    assert_false(option_is_ours(span_from("OPENAI_API_KEY")));
}

/* What a value is read as. */
static const struct reading {
    const char *env, *text;
    int64_t value;
} readings[] = {
    {"POSTERN_OPEN", "yes", 1},
    {"POSTERN_OPEN", "TRUE", 1},
    {"POSTERN_OPEN", "0", 0},
    {"POSTERN_THREADS", "16384", 16384},
    {"POSTERN_CONNECT_TIMEOUT", "0.25", 250},
    {"POSTERN_CONNECT_TIMEOUT", "300", 300000},
    {"POSTERN_HEARTBEAT", "0", 0},
    {"POSTERN_HOLD_MAX", "1MiB", 1048576},
    {"POSTERN_HOLD_MAX", "2048", 2048},
    {"POSTERN_DELIVERY", "held", 1},
    {"POSTERN_STATE_MODE", "0660", 1},
    {"CIRCUIT_FAILURE_THRESHOLD", " +1_0 ", 10},
    {"CIRCUIT_FAILURE_THRESHOLD", "-5", -5},
    {"CIRCUIT_FAILURE_THRESHOLD", "off", OPTION_OFF},
    {"CIRCUIT_RETRY_TIMEOUT", "10", 10000},
    {"CIRCUIT_RETRY_TIMEOUT", " 1_0 ", 10000},
    {"CIRCUIT_RETRY_TIMEOUT", "2.5", 2500},
    {"CIRCUIT_RETRY_TIMEOUT", "-0.5", -500},
    {"CIRCUIT_RETRY_TIMEOUT", "-99999999999999999", -2199023255000},
    {"CIRCUIT_SLOW", "off", OPTION_OFF},
    {"CIRCUIT_SLOW", "1.5", 1500},
    {"CIRCUIT_BACKOFF", "1.5", 150},
    {"CIRCUIT_BACKOFF", "2", 200},
    {"CIRCUIT_WINDOW", "none", 0},
    {"CIRCUIT_WINDOW", "count:24", ((int64_t)BREAKER_WINDOW_COUNT << 32) + 24},
    {"CIRCUIT_WINDOW", "time:3600", ((int64_t)BREAKER_WINDOW_TIME << 32) + 3600},
};

static void
reads_values_by_their_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        const struct option *option = option_find(span_from(readings[i].env));
        struct options options = {0};
        struct err err = {0};
        if (option_parse(option, span_from(readings[i].text), &arena, &options, &err) != 0)
            fail_msg("%s: %s", readings[i].env, err.msg);
        assert_int_equal(number_of(option, &options), readings[i].value);
    }
}

/* What is said about a value that cannot be read. */
static const struct refusal {
    const char *env, *text, *message;
} refusals[] = {
    {"POSTERN_OPEN", "on", "\"on\" is not yes or no"},
    {"POSTERN_THREADS", "", "\"\" is not a whole number"},
    {"POSTERN_THREADS", "many", "\"many\" is not a whole number"},
    {"POSTERN_THREADS", "0", "\"0\" is below the minimum of 1"},
    {"POSTERN_THREADS", "99999999999999999999",
     "\"99999999999999999999\" is above the maximum of 16384"},
    {"POSTERN_CONNECT_TIMEOUT", "ten", "\"ten\" is not a number of seconds"},
    {"POSTERN_CONNECT_TIMEOUT", "-1", "\"-1\" is not a number of seconds"},
    {"POSTERN_CONNECT_TIMEOUT", "0", "\"0\" is below the minimum of 0.01 seconds"},
    {"POSTERN_CONNECT_TIMEOUT", "301", "\"301\" is above the maximum of 300 seconds"},
    {"POSTERN_HOLD_MAX", "17MiB", "\"17MiB\" is above the maximum of 16MiB bytes"},
    {"POSTERN_HOLD_MAX", "1MB",
     "\"1MB\" is not a size (a number, or a number with KiB, MiB or GiB)"},
    {"POSTERN_DELIVERY", "Held", "\"Held\" is not live or held"},
    {"POSTERN_LOG_LEVEL", "trace", "\"trace\" is not error, warn, info or debug"},
    {"CIRCUIT_FAILURE_RATE", "101", "\"101\" is above the maximum of 100 percent"},
    {"CIRCUIT_FAILURE_RATE", "5%", "\"5%\" is not a whole number of percent or off"},
    {"CIRCUIT_FAILURE_THRESHOLD", "3.0", "\"3.0\" is not a whole number or off"},
    {"CIRCUIT_FAILURE_THRESHOLD", "65536", "\"65536\" is above the maximum of 65535"},
    {"CIRCUIT_FAILURE_THRESHOLD", "", "\"\" is not a whole number or off"},
    {"CIRCUIT_RETRY_TIMEOUT", "10s", "\"10s\" is not a number of seconds"},
    {"CIRCUIT_RETRY_TIMEOUT", "1e3", "\"1e3\" is not a number of seconds"},
    {"CIRCUIT_RETRY_TIMEOUT", "2592001", "\"2592001\" is above the maximum of 2592000 seconds"},
    {"CIRCUIT_BACKOFF", "0.99", "\"0.99\" is below the minimum of 1"},
    {"CIRCUIT_WINDOW", "count:25",
     "\"count:25\" is not none, count:1 to count:24 or time:1 to time:3600"},
    {"CIRCUIT_WINDOW", "time:0",
     "\"time:0\" is not none, count:1 to count:24 or time:1 to time:3600"},
    {"CIRCUIT_WINDOW", "60", "\"60\" is not none, count:1 to count:24 or time:1 to time:3600"},
    {"POSTERN_THREADS", "1\n2", "\"1\\x0a2\" is not a whole number"},
    {"POSTERN_THREADS", "0123456789012345678901234567890123456789012345678901234567890123456789",
     "\"012345678901234567890123456789012345678901234567890123456789\"... is above the maximum of "
     "16384"},
};

static void
says_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct option *option = option_find(span_from(refusals[i].env));
        struct options options = {0};
        struct err err = {0};
        if (option_parse(option, span_from(refusals[i].text), &arena, &options, &err) == 0)
            fail_msg("%s=%s was read", refusals[i].env, refusals[i].text);
        assert_string_equal(err.msg, refusals[i].message);
        assert_int_equal(number_of(option, &options), 0);
    }
}

static void
an_empty_text_is_one_that_was_not_set(void **state)
{
    (void)state;
    const struct option *option = option_find(span_from("POSTERN_MOUNT"));
    struct options options = {0};
    assert_int_equal(option_parse(option, span_from("/ai"), &arena, &options, NULL), 0);
    assert_string_equal(text_of(option, &options), "/ai");
    assert_int_equal(option_parse(option, span_from(""), &arena, &options, NULL), 0);
    assert_null(text_of(option, &options));
}

static void
the_manual_says_what_may_be_written(void **state)
{
    (void)state;
    static const char *const domains[][2] = {
        {"POSTERN_MOUNT", "text"},
        {"POSTERN_CLIENT_KEY", "secret text"},
        {"POSTERN_OPEN", "yes or no"},
        {"POSTERN_CONNECT_TIMEOUT", "seconds, 0.01 to 300"},
        {"POSTERN_MAX_BODY", "size, 1KiB to 1GiB"},
        {"POSTERN_LOG_LEVEL", "error, warn, info or debug"},
        {"CIRCUIT_FAILURE_THRESHOLD", "number, up to 65535, or off"},
        {"CIRCUIT_RETRY_TIMEOUT", "seconds, up to 2592000"},
        {"CIRCUIT_BACKOFF", "factor, 1 to 100"},
        {"CIRCUIT_WINDOW", "none, count:1..24 or time:1..3600"},
    };
    struct buf text;
    buf_init(&text, 256);
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        buf_clear(&text);
        assert_int_equal(option_put_domain(option_find(span_from(domains[i][0])), &text), 0);
        assert_string_equal(buf_text(&text), domains[i][1]);
    }
    buf_fini(&text);
}

static void
a_choice_has_words(void **state)
{
    (void)state;
    char word[OPTION_NAME_MAX];
    const struct option *option = option_find(span_from("POSTERN_LOG_LEVEL"));
    assert_string_equal(option_choice(option, 0, word), "error");
    assert_string_equal(option_choice(option, 3, word), "debug");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(every_default_can_be_written),
        cmocka_unit_test(names_differ_by_case_and_prefix),
        cmocka_unit_test(reads_values_by_their_kind),
        cmocka_unit_test(says_what_is_wrong_with_a_value),
        cmocka_unit_test(an_empty_text_is_one_that_was_not_set),
        cmocka_unit_test(the_manual_says_what_may_be_written),
        cmocka_unit_test(a_choice_has_words),
    };
    return cmocka_run_group_tests(tests, arena_up, arena_down);
}
