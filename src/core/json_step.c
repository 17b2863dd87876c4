/* json_step.c - the inside of strings, numbers and literals. What most of their bytes are (plain
 * text, digits) is passed over in runs. */
#include "core/json_step.h"

#include "core/word.h"

const unsigned char *
json_step_refuse(struct json_scan *scan, const unsigned char *at, enum json_error error)
{
    scan->error = error;
    return at;
}

/* Tells of the part that ended before `at`. Returns `resume`: it is done last of all and apart, so
 * that whoever need not tell saves no registers for it. */
static __attribute__((noinline)) const unsigned char *
tell(const struct json_scan *scan, enum json_part part, const unsigned char *at,
     const unsigned char *resume)
{
    size_t begin = part == JSON_NAME ? scan->name_at : scan->value_at[scan->depth];
    scan->visit(scan->visitor, part, scan->depth, begin, json_step_offset(scan, at));
    return resume;
}

const unsigned char *
json_step_ended(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    bool is_last = scan->depth == 0;
    bool has_comma = !is_last && at < end && *at == ',';
    scan->closed = is_last;
    if (is_last)
        scan->state = JSON_CLOSED;
    else if (scan->in_object)
        scan->state = has_comma ? JSON_WANTS_NAME : JSON_WANTS_NEXT_NAME;
    else
        scan->state = has_comma ? JSON_WANTS_VALUE : JSON_WANTS_NEXT_ITEM;
    return json_step_is_told(scan) ? tell(scan, JSON_VALUE, at, at + has_comma) : at + has_comma;
}

/* --- strings -------------------------------------------------------------- */

/* Marks the quotes, the backslashes, the controls and what is beyond ASCII. With one bit turned a
 * quote is the next above the controls, and the blank is not. */
static uint64_t
mark_special(uint64_t word)
{
    uint64_t low = (word ^ WORD_OF(2)) - WORD_OF(0x21);
    uint64_t backslash = (word ^ WORD_OF('\\')) - WORD_OF(1);
    return (low | backslash | word) & WORD_TOPS;
}
_Static_assert(('"' ^ 2) == 0x20,
               "mark_special() turns the quote into the byte above the controls");

static const unsigned char *
skip_plain(const unsigned char *at, const unsigned char *end)
{
    for (size_t words = (size_t)(end - at) / WORD_BYTES; words > 0; words--) {
        uint64_t marks = mark_special(word_load(at));
        if (marks != 0)
            return at + word_first(marks);
        at += WORD_BYTES;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static const bool is_hex[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
    ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['a'] = true, ['b'] = true,
    ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true, ['A'] = true, ['B'] = true,
    ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true,
};

/* How long the escape is, with its backslash, that has this letter. 0: none has. */
static const uint8_t escape_bytes[256] = {
    ['"'] = 2, ['\\'] = 2, ['/'] = 2, ['b'] = 2, ['f'] = 2,
    ['n'] = 2, ['r'] = 2,  ['t'] = 2, ['u'] = 6,
};

/* A whole escape at once. Returns `at` for one that the portion cuts or that is wrong. */
static const unsigned char *
skip_escape(const unsigned char *at, const unsigned char *end)
{
    size_t len = end - at < 2 ? 0 : escape_bytes[at[1]];
    if (len == 6 &&
        (end - at < 6 || !is_hex[at[2]] || !is_hex[at[3]] || !is_hex[at[4]] || !is_hex[at[5]]))
        return at;
    return at + len;
}

static const unsigned char *
string_ended(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    if (!scan->in_name)
        return json_step_ended(scan, at, end);
    bool has_colon = at < end && *at == ':';
    scan->state = has_colon ? JSON_WANTS_VALUE : JSON_WANTS_COLON;
    return json_step_is_told(scan) ? tell(scan, JSON_NAME, at, at + has_colon) : at + has_colon;
}

static bool
is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Whole characters of two and three bytes, which nearly all are. Returns `at` for any other, for
 * one near the portion's end and for one that is wrong. */
static const unsigned char *
skip_beyond_ascii(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 3) {
        if (*at >= 0xC2 && *at < 0xE0 && is_tail(at[1]))
            at += 2;
        else if (*at > 0xE0 && *at < 0xF0 && *at != 0xED && is_tail(at[1]) && is_tail(at[2]))
            at += 3;
        else
            break;
    }
    return at;
}

/* What cannot be passed over at once: it is wrong, or it is read byte by byte. Apart, so that a
 * string without it saves no registers. */
static __attribute__((noinline)) const unsigned char *
take_special(struct json_scan *scan, const unsigned char *at)
{
    if (*at == '\\')
        scan->state = JSON_IN_ESCAPE;
    else if (*at < 0x20)
        return json_step_refuse(scan, at, JSON_BAD_SYNTAX);
    else if (utf8_begin(&scan->utf8, *at))
        scan->state = JSON_IN_UTF8;
    else
        return json_step_refuse(scan, at, JSON_BAD_UTF8);
    return at + 1;
}

const unsigned char *
json_step_string(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    for (;;) {
        at = skip_plain(at, end);
        if (at == end)
            return at;
        if (*at == '"')
            return string_ended(scan, at + 1, end);
        const unsigned char *after =
            *at == '\\' ? skip_escape(at, end) : skip_beyond_ascii(at, end);
        if (after == at)
            return take_special(scan, at);
        at = after;
    }
}

const unsigned char *
json_step_utf8(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    while (scan->utf8.left > 0 && at < end) {
        if (!utf8_continue(&scan->utf8, *at))
            return json_step_refuse(scan, at, JSON_BAD_UTF8);
        at++;
    }
    if (scan->utf8.left == 0)
        scan->state = JSON_IN_STRING;
    return at;
}

const unsigned char *
json_step_escape(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    if (escape_bytes[*at] == 0)
        return json_step_refuse(scan, at, JSON_BAD_ESCAPE);
    scan->hex_left = 4;
    scan->state = *at == 'u' ? JSON_IN_HEX : JSON_IN_STRING;
    return at + 1;
}

const unsigned char *
json_step_hex(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    (void)end;
    if (!is_hex[*at])
        return json_step_refuse(scan, at, JSON_BAD_ESCAPE);
    if (--scan->hex_left == 0)
        scan->state = JSON_IN_STRING;
    return at + 1;
}

/* --- numbers and literals ------------------------------------------------- */

enum number_class { CLASS_OTHER, CLASS_ZERO, CLASS_DIGIT, CLASS_POINT, CLASS_E, CLASS_SIGN };

static const uint8_t number_class[256] = {
    ['0'] = CLASS_ZERO,  ['1'] = CLASS_DIGIT, ['2'] = CLASS_DIGIT, ['3'] = CLASS_DIGIT,
    ['4'] = CLASS_DIGIT, ['5'] = CLASS_DIGIT, ['6'] = CLASS_DIGIT, ['7'] = CLASS_DIGIT,
    ['8'] = CLASS_DIGIT, ['9'] = CLASS_DIGIT, ['.'] = CLASS_POINT, ['e'] = CLASS_E,
    ['E'] = CLASS_E,     ['+'] = CLASS_SIGN,  ['-'] = CLASS_SIGN,
};

#define ENDS 0    /* the byte is not the number's: it has ended, if it may end here */
#define WRONG 255 /* no number goes on like this */

static const uint8_t number_next[][6] = {
    /*                 other, 0,               1-9,             .,            e,        sign */
    [JSON_NUMBER_MINUS] = {WRONG, JSON_NUMBER_ZERO, JSON_NUMBER_INTEGER, WRONG, WRONG, WRONG},
    [JSON_NUMBER_ZERO] = {ENDS, WRONG, WRONG, JSON_NUMBER_POINT, JSON_NUMBER_E, WRONG},
    [JSON_NUMBER_INTEGER] = {ENDS, JSON_NUMBER_INTEGER, JSON_NUMBER_INTEGER, JSON_NUMBER_POINT,
                             JSON_NUMBER_E, WRONG},
    [JSON_NUMBER_POINT] = {WRONG, JSON_NUMBER_FRACTION, JSON_NUMBER_FRACTION, WRONG, WRONG, WRONG},
    [JSON_NUMBER_FRACTION] = {ENDS, JSON_NUMBER_FRACTION, JSON_NUMBER_FRACTION, WRONG,
                              JSON_NUMBER_E, WRONG},
    [JSON_NUMBER_E] = {WRONG, JSON_NUMBER_EXPONENT, JSON_NUMBER_EXPONENT, WRONG, WRONG,
                       JSON_NUMBER_E_SIGN},
    [JSON_NUMBER_E_SIGN] = {WRONG, JSON_NUMBER_EXPONENT, JSON_NUMBER_EXPONENT, WRONG, WRONG, WRONG},
    [JSON_NUMBER_EXPONENT] = {ENDS, JSON_NUMBER_EXPONENT, JSON_NUMBER_EXPONENT, WRONG, WRONG,
                              WRONG},
};

bool
json_step_may_end(unsigned state)
{
    return state >= JSON_NUMBER_MINUS && state <= JSON_NUMBER_EXPONENT &&
           number_next[state][CLASS_OTHER] == ENDS;
}

/* Marks what is no digit. */
static uint64_t
mark_no_digit(uint64_t word)
{
    uint64_t value = word ^ WORD_OF('0');
    return (value | (value + WORD_OF(0x80 - 10))) & WORD_TOPS;
}

static const unsigned char *
skip_digits(const unsigned char *at, const unsigned char *end)
{
    for (; end - at >= WORD_BYTES; at += WORD_BYTES) {
        uint64_t marks = mark_no_digit(word_load(at));
        if (marks != 0)
            return at + word_first(marks);
    }
    return at;
}

const unsigned char *
json_step_number(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    uint8_t state = scan->state;
    while (at < end) {
        uint8_t next = number_next[state][number_class[*at]];
        if (next == WRONG)
            return json_step_refuse(scan, at, JSON_BAD_NUMBER);
        if (next == ENDS)
            return json_step_ended(scan, at, end);
        at++;
        state = next;
        if (number_next[state][CLASS_DIGIT] == state)
            at = skip_digits(at, end);
    }
    scan->state = state;
    return at;
}

const unsigned char *
json_step_literal(struct json_scan *scan, const unsigned char *at, const unsigned char *end)
{
    const char *rest = scan->literal;
    for (; at < end && *at == (unsigned char)*rest; at++)
        if (*++rest == '\0')
            return json_step_ended(scan, at + 1, end);
    scan->literal = rest;
    return at == end ? at : json_step_refuse(scan, at, JSON_BAD_SYNTAX);
}
