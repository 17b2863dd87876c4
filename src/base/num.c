/* num.c - exact number parsing, and plain printing. */
#include "base/num.h"

#include <stdbool.h>
#include <stddef.h>

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* value * 10 + digit, or -1 above max. */
static int
push_digit(uint64_t *value, char digit, uint64_t max)
{
    uint64_t add = (uint64_t)(digit - '0');
    if (add > max || *value > (max - add) / 10)
        return -1;
    *value = *value * 10 + add;
    return 0;
}

int
num_parse_u64(struct span text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]) || push_digit(&value, text.ptr[i], max) != 0)
            return -1;
    }
    *out = value;
    return 0;
}

int
num_parse_python_int(struct span text, int64_t *out)
{
    text = span_trim(text);
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = span_of(text.ptr + 1, text.len - 1);
    uint64_t value = 0;
    bool after_digit = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '_' && after_digit && i + 1 < text.len) {
            after_digit = false;
            continue;
        }
        if (!is_digit(text.ptr[i]) || push_digit(&value, text.ptr[i], INT64_MAX) != 0)
            return -1;
        after_digit = true;
    }
    if (!after_digit)
        return -1;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

/* The digits after a decimal point as thousandths, rounded by the fourth. Returns how many there
 * are. */
static size_t
parse_fraction(const char *digits, size_t len, uint64_t *milli)
{
    static const unsigned weight[3] = {100, 10, 1};
    size_t count = 0;
    for (; count < len && is_digit(digits[count]); count++) {
        unsigned digit = (unsigned)(digits[count] - '0');
        if (count < 3)
            *milli += digit * weight[count];
        else if (count == 3 && digit >= 5)
            *milli += 1;
    }
    return count;
}

int
num_parse_milli(struct span text, uint64_t max_milli, uint64_t *out)
{
    uint64_t whole = 0, milli = 0;
    size_t at = 0;
    for (; at < text.len && is_digit(text.ptr[at]); at++) {
        if (push_digit(&whole, text.ptr[at], max_milli / 1000) != 0)
            return -1;
    }
    size_t digits = at;
    if (at < text.len && text.ptr[at] == '.') {
        size_t count = parse_fraction(text.ptr + at + 1, text.len - at - 1, &milli);
        digits += count;
        at += 1 + count;
    }
    if (digits == 0 || at != text.len || whole * 1000 + milli > max_milli)
        return -1;
    *out = whole * 1000 + milli;
    return 0;
}

struct suffix {
    const char *text;
    unsigned shift;
};
static const struct suffix suffixes[] = {
    {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"K", 10}, {"M", 20}, {"G", 30},
};

int
num_parse_bytes(struct span text, uint64_t max, uint64_t *out)
{
    unsigned shift = 0;
    text = span_trim(text);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        struct span suffix = span_from(suffixes[i].text);
        if (!span_has_suffix(text, suffixes[i].text))
            continue;
        shift = suffixes[i].shift;
        text = span_trim(span_of(text.ptr, text.len - suffix.len));
        break;
    }
    uint64_t value;
    if (num_parse_u64(text, max >> shift, &value) != 0)
        return -1;
    *out = value << shift;
    return 0;
}

size_t
num_format_u64(char out[NUM_FORMAT_MAX], uint64_t value)
{
    size_t len = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10)
        len++;
    out[len] = '\0';
    for (size_t at = len; at > 0; value /= 10)
        out[--at] = (char)('0' + value % 10);
    return len;
}
