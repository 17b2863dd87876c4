/* option_parse.c - reads a value by the kind of its option, and says what may be written. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "config/mistakes.h"
#include "config/option.h"
#include "core/breaker.h"
#include "core/window.h"

#define WINDOW_SECONDS_MAX 3600
#define SECONDS_LIMIT_MS ((uint64_t)1 << 41) /* beyond every row's maximum */

#define SHORT_BYTES 15

/* --- one function a kind: 0 and the value, or -1 -------------------------- */

static int
parse_switch(const struct option *option, struct span text, int64_t *value)
{
    static const char *const words[2][3] = {{"no", "false", "0"}, {"yes", "true", "1"}};
    (void)option;
    for (int meaning = 0; meaning < 2; meaning++) {
        for (size_t i = 0; i < 3; i++) {
            if (span_is_nocase(text, words[meaning][i])) {
                *value = meaning;
                return 0;
            }
        }
    }
    return -1;
}

static bool
has_digits_alone(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

static int
parse_number(const struct option *option, struct span text, int64_t *value)
{
    uint64_t number;
    (void)option;
    if (num_parse_u64(text, INT64_MAX, &number) == 0)
        *value = (int64_t)number;
    else if (has_digits_alone(text))
        *value = INT64_MAX; /* a number all the same, above every maximum */
    else
        return -1;
    return 0;
}

static int
parse_seconds(const struct option *option, struct span text, int64_t *value)
{
    uint64_t ms;
    (void)option;
    if (num_parse_milli(text, SECONDS_LIMIT_MS, &ms) != 0)
        return -1;
    *value = (int64_t)ms;
    return 0;
}

/* The original reads int(); decimals are ours. */
static int
parse_signed_seconds(const struct option *option, struct span text, int64_t *value)
{
    int64_t whole;
    if (num_parse_python_int(text, &whole) == 0) {
        int64_t limit = (int64_t)(SECONDS_LIMIT_MS / 1000);
        *value = (whole > limit ? limit : whole < -limit ? -limit : whole) * 1000;
        return 0;
    }
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = span_of(text.ptr + 1, text.len - 1);
    if (parse_seconds(option, text, value) != 0)
        return -1;
    *value = negative ? -*value : *value;
    return 0;
}

static int
parse_bytes(const struct option *option, struct span text, int64_t *value)
{
    uint64_t bytes;
    (void)option;
    if (num_parse_bytes(text, INT64_MAX, &bytes) != 0)
        return -1;
    *value = (int64_t)bytes;
    return 0;
}

static int
parse_factor(const struct option *option, struct span text, int64_t *value)
{
    if (parse_seconds(option, text, value) != 0)
        return -1;
    *value = (*value + 5) / 10;
    return 0;
}

static int
parse_count(const struct option *option, struct span text, int64_t *value)
{
    (void)option;
    return num_parse_python_int(text, value);
}

/* A choice that begins with no and yes is a switch that can do more. */
static bool
is_switch(const struct option *option)
{
    return option->kind == OPTION_SWITCH ||
           (option->kind == OPTION_CHOICE &&
            span_has_prefix(span_from(option->choices), "no|yes|"));
}

static int
parse_choice(const struct option *option, struct span text, int64_t *value)
{
    if (is_switch(option) && parse_switch(option, text, value) == 0)
        return 0;
    struct span rest = span_from(option->choices);
    for (int64_t at = 0; rest.ptr; at++) {
        if (span_equal(span_split(&rest, '|'), text)) {
            *value = at;
            return 0;
        }
    }
    return -1;
}

static int
parse_window(const struct option *option, struct span text, int64_t *value)
{
    uint64_t size;
    (void)option;
    struct span rest = text;
    struct span kind = span_split(&rest, ':');
    if (span_is(text, "none")) {
        *value = option_window(BREAKER_WINDOW_NONE, 0);
        return 0;
    }
    bool by_count = span_is(kind, "count");
    if (!by_count && !span_is(kind, "time"))
        return -1;
    uint64_t max = by_count ? WINDOW_COUNT_MAX : WINDOW_SECONDS_MAX;
    if (num_parse_u64(rest, max, &size) != 0 || size == 0)
        return -1;
    *value = option_window(by_count ? BREAKER_WINDOW_COUNT : BREAKER_WINDOW_TIME, (unsigned)size);
    return 0;
}

/* --- the kinds ------------------------------------------------------------ */

struct kind {
    int (*parse)(const struct option *option, struct span text, int64_t *value); /* NULL: text */
    const char *what;                                                            /* "is not …" */
    const char *unit;                                                            /* after a bound */
    int64_t scale; /* the value of one unit; 0: no bounds */
};

static const struct kind kinds[] = {
    [OPTION_TEXT] = {NULL, "text", "", 0},
    [OPTION_SECRET] = {NULL, "text", "", 0},
    [OPTION_SWITCH] = {parse_switch, "yes or no", "", 0},
    [OPTION_NUMBER] = {parse_number, "a whole number", "", 1},
    [OPTION_PERCENT] = {parse_number, "a whole number of percent", " percent", 1},
    [OPTION_SECONDS] = {parse_seconds, "a number of seconds", " seconds", 1000},
    [OPTION_SIGNED_SECONDS] = {parse_signed_seconds, "a number of seconds", " seconds", 1000},
    [OPTION_BYTES] = {parse_bytes, "a size (a number, or a number with KiB, MiB or GiB)", " bytes",
                      1},
    [OPTION_FACTOR] = {parse_factor, "a factor", "", 100},
    [OPTION_CHOICE] = {parse_choice, "one of", "", 0},
    [OPTION_COUNT] = {parse_count, "a whole number", "", 1},
    [OPTION_WINDOW] = {parse_window, "none, count:1 to count:24 or time:1 to time:3600", "", 0},
};

/* "0.25", "32MiB", "7": a bound as an operator would write it. */
static const char *
format_bound(const struct option *option, int64_t value, char out[OPTION_NAME_MAX])
{
    static const char *const suffixes[] = {"", "KiB", "MiB", "GiB"};
    int64_t scale = kinds[option->kind].scale;
    size_t suffix = 0;
    if (option->kind == OPTION_BYTES) {
        while (value > 0 && value % 1024 == 0 && suffix < 3) {
            value /= 1024;
            suffix++;
        }
    }
    int len = snprintf(out, OPTION_NAME_MAX, "%lld", (long long)(value / scale));
    if (scale > 1 && value % scale != 0) {
        int digits = scale == 1000 ? 3 : 2;
        (void)snprintf(out + len, OPTION_NAME_MAX - (size_t)len, ".%0*lld", digits,
                       (long long)(value % scale));
        for (size_t end = strlen(out); out[end - 1] == '0'; end--)
            out[end - 1] = '\0';
    } else if (suffix > 0) {
        (void)snprintf(out + len, OPTION_NAME_MAX - (size_t)len, "%s", suffixes[suffix]);
    }
    return out;
}

static int
set_text(const struct option *option, struct span text, struct arena *arena,
         struct options *options, struct err *err)
{
    const char *copy = NULL; /* an empty text is one that was not set */
    if (text.len > 0 && !(copy = arena_copy(arena, text)))
        return err_set(err, ERR_MEMORY, "no memory is left");
    memcpy((char *)options + option->offset, &copy, sizeof(copy));
    return 0;
}

static int
check_bounds(const struct option *option, const char *quoted, int64_t value, struct err *err)
{
    const struct kind *kind = &kinds[option->kind];
    char bound[OPTION_NAME_MAX];
    if (kind->scale == 0)
        return 0;
    if (value < option->min)
        return err_set(err, ERR_RANGE, "%s is below the minimum of %s%s", quoted,
                       format_bound(option, option->min, bound), kind->unit);
    if (value > option->max)
        return err_set(err, ERR_RANGE, "%s is above the maximum of %s%s", quoted,
                       format_bound(option, option->max, bound), kind->unit);
    return 0;
}

/* "live or held" */
static const char *
format_choices(const struct option *option, char out[120])
{
    struct span rest = span_from(option->choices);
    size_t len = 0;
    out[0] = '\0';
    while (rest.ptr && len < 100) {
        struct span word = span_split(&rest, '|');
        const char *join = len == 0 ? "" : rest.ptr ? ", " : " or ";
        int added = snprintf(out + len, 120 - len, "%s" SPAN_FMT, join, SPAN_ARG(word));
        len += added > 0 ? (size_t)added : 0;
    }
    return out;
}

/* Numbers and choices are short: what is longer and no number may be a key, in the wrong place. */
static const char *
quote(char out[MISTAKES_QUOTE_MAX], struct span text)
{
    bool is_number = true;
    for (size_t i = 0; i < text.len; i++)
        is_number &= text.ptr[i] >= '0' && text.ptr[i] <= '9';
    if (text.len <= SHORT_BYTES || is_number)
        return mistakes_quote(out, text);
    (void)snprintf(out, MISTAKES_QUOTE_MAX, "the value (not shown, %zu characters)", text.len);
    return out;
}

int
option_parse(const struct option *option, struct span text, struct arena *arena,
             struct options *options, struct err *err)
{
    const struct kind *kind = &kinds[option->kind];
    int64_t value = 0;
    char quoted[MISTAKES_QUOTE_MAX], choices[120];
    if (!kind->parse)
        return set_text(option, text, arena, options, err);
    if (is_switch(option) && text.len == 0) {
        /* as the original: an empty switch is off, which is 0 */
        memcpy((char *)options + option->offset, &value, sizeof(value));
        return 0;
    }
    (void)quote(quoted, text);
    if ((option->flags & OPTION_MAY_BE_OFF) && span_is(text, "off")) {
        value = OPTION_OFF;
    } else if (kind->parse(option, text, &value) != 0) {
        bool is_choice = option->kind == OPTION_CHOICE;
        return err_set(err, ERR_SYNTAX, "%s is not %s%s%s", quoted, is_choice ? "" : kind->what,
                       is_choice ? format_choices(option, choices) : "",
                       option->flags & OPTION_MAY_BE_OFF ? " or off" : "");
    } else if (check_bounds(option, quoted, value, err) != 0) {
        return -1;
    }
    memcpy((char *)options + option->offset, &value, sizeof(value));
    return 0;
}

int
option_put_domain(const struct option *option, struct buf *out)
{
    static const char *const names[] = {
        [OPTION_TEXT] = "text",
        [OPTION_SECRET] = "secret text",
        [OPTION_SWITCH] = "yes or no",
        [OPTION_NUMBER] = "number",
        [OPTION_PERCENT] = "percent",
        [OPTION_SECONDS] = "seconds",
        [OPTION_SIGNED_SECONDS] = "seconds",
        [OPTION_BYTES] = "size",
        [OPTION_FACTOR] = "factor",
        [OPTION_CHOICE] = "",
        [OPTION_COUNT] = "number",
        [OPTION_WINDOW] = "none, count:1..24 or time:1..3600",
    };
    char low[OPTION_NAME_MAX], high[OPTION_NAME_MAX], choices[120];
    int result = buf_puts(out, names[option->kind]);
    if (option->kind == OPTION_CHOICE)
        result |= buf_puts(out, format_choices(option, choices));
    else if (kinds[option->kind].scale > 0 && option->min > INT64_MIN + 1)
        result |= buf_putf(out, ", %s to %s", format_bound(option, option->min, low),
                           format_bound(option, option->max, high));
    else if (kinds[option->kind].scale > 0)
        result |= buf_putf(out, ", up to %s", format_bound(option, option->max, high));
    if (option->flags & OPTION_MAY_BE_OFF)
        result |= buf_puts(out, ", or off");
    return result;
}
