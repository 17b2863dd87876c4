/* statedwait.c - reads the wait that an answer's headers state. */
#include "core/statedwait.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/num.h"
#include "core/httpdate.h"

/* A provider's reset tells when the limit is full again, not when the next call would pass. */
#define RESET_MAX_MS UINT64_C(60000)

/* What the answer's own clock says, so that a wrong clock here moves no date; ours when it says
 * nothing. */
static int64_t
answered_at_unix_s(const struct wire_headers *headers, uint64_t unix_ms)
{
    const struct span *date = wire_header_find(headers, "date");
    int64_t unix_s = date ? httpdate_parse(*date) : -1;
    return unix_s >= 0 ? unix_s : (int64_t)(unix_ms / 1000);
}

static uint64_t
wait_until_ms(int64_t then_unix_s, int64_t now_unix_s)
{
    if (then_unix_s <= now_unix_s)
        return 0;
    uint64_t wait_s = (uint64_t)(then_unix_s - now_unix_s);
    return wait_s < STATEDWAIT_MAX_MS / 1000 ? wait_s * 1000 : STATEDWAIT_MAX_MS;
}

static uint64_t
at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

/* A decimal number, times 1000. One that is too big for anything is a number all the same. */
static bool
parse_milli(struct span text, uint64_t *milli)
{
    size_t digits = 0, points = 0;
    for (size_t i = 0; i < text.len; i++) {
        digits += text.ptr[i] >= '0' && text.ptr[i] <= '9';
        points += text.ptr[i] == '.';
    }
    if (digits == 0 || points > 1 || digits + points != text.len)
        return false;
    if (num_parse_milli(text, STATEDWAIT_MAX_MS * 1000, milli) != 0)
        *milli = STATEDWAIT_MAX_MS * 1000;
    return true;
}

enum spelling { IN_MS, IN_SECONDS, AS_DATE };

/* 0: not in this spelling, or nothing to wait for. */
static uint64_t
read_value(struct span value, enum spelling spelling, int64_t now_unix_s)
{
    uint64_t milli = 0;
    value = span_trim(value);
    if (spelling == AS_DATE)
        return wait_until_ms(httpdate_parse(value), now_unix_s);
    if (!parse_milli(value, &milli))
        return 0;
    /* Thousandths of a millisecond are rounded up: never earlier than asked. */
    return at_most(spelling == IN_MS ? (milli + 999) / 1000 : milli, STATEDWAIT_MAX_MS);
}

/* --- resets of rate limits ------------------------------------------------ */

/* Takes bytes off the front while they are (or are not) part of a number. */
static struct span
take_run(struct span *rest, bool of_number)
{
    size_t len = 0;
    while (len < rest->len &&
           ((rest->ptr[len] >= '0' && rest->ptr[len] <= '9') || rest->ptr[len] == '.') == of_number)
        len++;
    struct span run = span_of(rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    return run;
}

/* One "6m" of a duration in microseconds, taken off the front; false when it is none. */
static bool
take_part(struct span *rest, uint64_t *part_us)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"ms", 1000},      {"us", 1},       {"\u00b5s", 1}, {"ns", 0},
                 {"h", 3600000000}, {"m", 60000000}, {"s", 1000000}};
    uint64_t milli = 0;
    struct span number = take_run(rest, true);
    struct span unit = take_run(rest, false);
    if (!parse_milli(number, &milli))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!span_is(unit, units[i].name))
            continue;
        bool fits = units[i].us == 0 || milli <= UINT64_MAX / units[i].us;
        *part_us = fits ? milli * units[i].us / 1000 : UINT64_MAX;
        return true;
    }
    return false;
}

/* Go's way of writing durations ("6m0s", "20ms", "1h2m3.5s"), or bare seconds. 0 when it is
 * neither, as "-1". */
static uint64_t
parse_duration_ms(struct span text)
{
    uint64_t milli = 0, total_us = 0;
    text = span_trim(text);
    if (parse_milli(text, &milli))
        return at_most(milli, RESET_MAX_MS);
    while (text.len > 0) {
        uint64_t part_us = 0;
        if (!take_part(&text, &part_us))
            return 0;
        total_us = at_most(total_us + at_most(part_us, RESET_MAX_MS * 1000), RESET_MAX_MS * 1000);
    }
    return (total_us + 999) / 1000;
}

/* What a provider calls the headers of one dimension ("requests", "tokens", …) of its limits. */
struct family {
    const char *prefix;
    const char *reset_prefix, *reset_suffix;
    const char *left_prefix, *left_suffix;
    bool is_date;     /* the reset is a date, else a duration */
    bool must_be_out; /* counts only where nothing is left; else also where that is not said */
};
static const struct family families[] = {
    {"x-ratelimit-", "reset-", "", "remaining-", "", false, true},
    {"anthropic-ratelimit-", "", "-reset", "", "-remaining", true, false},
};

static struct span
without_prefix(struct span name, const char *prefix)
{
    size_t len = span_from(prefix).len;
    return span_has_prefix_nocase(name, prefix) ? span_of(name.ptr + len, name.len - len)
                                                : span_of(NULL, 0);
}

/* The dimension in a header's name, empty when it is not of this form. */
static struct span
dimension(struct span name, const char *family, const char *prefix, const char *suffix)
{
    size_t suffix_len = span_from(suffix).len;
    struct span rest = without_prefix(without_prefix(name, family), prefix);
    if (rest.len <= suffix_len)
        return span_of(NULL, 0);
    rest.len -= suffix_len;
    return span_is_nocase(span_of(rest.ptr + rest.len, suffix_len), suffix) ? rest
                                                                            : span_of(NULL, 0);
}

static bool
is_same_dimension(struct span a, struct span b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (((unsigned char)a.ptr[i] | 0x20) != ((unsigned char)b.ptr[i] | 0x20))
            return false;
    }
    return a.len == b.len;
}

/* Is this dimension used up? */
static bool
is_out(const struct wire_headers *headers, const struct family *family, struct span wanted)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct wire_header *header = &headers->items[i];
        struct span found =
            dimension(header->name, family->prefix, family->left_prefix, family->left_suffix);
        uint64_t milli = 0;
        if (is_same_dimension(found, wanted) && parse_milli(span_trim(header->value), &milli))
            return milli == 0;
    }
    return !family->must_be_out;
}

/* The longest reset among the dimensions that are used up. */
static uint64_t
longest_reset_ms(const struct wire_headers *headers, const struct family *family,
                 int64_t now_unix_s)
{
    uint64_t longest_ms = 0;
    for (size_t i = 0; i < headers->count; i++) {
        const struct wire_header *header = &headers->items[i];
        struct span found =
            dimension(header->name, family->prefix, family->reset_prefix, family->reset_suffix);
        if (found.len == 0 || !is_out(headers, family, found))
            continue;
        uint64_t reset_ms = family->is_date
                                ? wait_until_ms(httpdate_parse_rfc3339(header->value), now_unix_s)
                                : parse_duration_ms(header->value);
        longest_ms = reset_ms > longest_ms ? reset_ms : longest_ms;
    }
    return at_most(longest_ms, RESET_MAX_MS);
}

/* --- all of it ------------------------------------------------------------ */

uint64_t
statedwait_read(const struct wire_headers *headers, int status, uint64_t unix_ms)
{
    static const struct {
        struct span name;
        enum spelling spelling;
    } sources[] = {{SPAN_LITERAL("retry-after-ms"), IN_MS},
                   {SPAN_LITERAL("x-ms-retry-after-ms"), IN_MS},
                   {SPAN_LITERAL("retry-after"), IN_SECONDS},
                   {SPAN_LITERAL("retry-after"), AS_DATE}};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        for (size_t j = 0; j < headers->count; j++) {
            const struct wire_header *header = &headers->items[j];
            if (header->name.len != sources[i].name.len ||
                !span_equal_nocase(header->name, sources[i].name))
                continue;
            uint64_t wait_ms = read_value(header->value, sources[i].spelling,
                                          answered_at_unix_s(headers, unix_ms));
            if (wait_ms > 0)
                return wait_ms;
        }
    }
    uint64_t longest_ms = 0;
    for (size_t i = 0; status == 429 && i < sizeof(families) / sizeof(families[0]); i++) {
        uint64_t reset_ms =
            longest_reset_ms(headers, &families[i], answered_at_unix_s(headers, unix_ms));
        longest_ms = reset_ms > longest_ms ? reset_ms : longest_ms;
    }
    return longest_ms;
}
