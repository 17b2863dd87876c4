/* json.c - the one grammar of JSON (RFC 8259), byte after byte, with constant memory and no
 * recursion. */
#include "core/json.h"

#include <string.h>

enum state {
    WANTS_VALUE,
    WANTS_FIRST_ITEM, /* after "[": a value or "]" */
    WANTS_FIRST_NAME, /* after "{": a name or "}" */
    WANTS_NAME,       /* after a comma in an object */
    WANTS_COLON,
    WANTS_NEXT, /* after a value inside brackets: a comma or the bracket's end */
    CLOSED,     /* after the top-level value: blanks only */
    IN_STRING,
    IN_UTF8,
    IN_ESCAPE,
    IN_HEX,
    IN_LITERAL,
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_INTEGER,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_EXPONENT,
    COMMENT_SLASH,
    COMMENT_LINE,
    COMMENT_BLOCK,
    COMMENT_STAR
};

/* One call of feed: where it is in the bytes it was given. */
struct run {
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *begin;
    size_t base; /* offset of `begin` in the document */
};

/* What a value's first byte begins. WANTS_VALUE: no value does; brackets are their own matter. */
static const uint8_t value_state[256] = {
    ['"'] = IN_STRING,      ['-'] = NUMBER_MINUS,   ['0'] = NUMBER_ZERO,    ['1'] = NUMBER_INTEGER,
    ['2'] = NUMBER_INTEGER, ['3'] = NUMBER_INTEGER, ['4'] = NUMBER_INTEGER, ['5'] = NUMBER_INTEGER,
    ['6'] = NUMBER_INTEGER, ['7'] = NUMBER_INTEGER, ['8'] = NUMBER_INTEGER, ['9'] = NUMBER_INTEGER,
    ['n'] = IN_LITERAL,     ['t'] = IN_LITERAL,     ['f'] = IN_LITERAL,
};

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
    [NUMBER_MINUS] = {WRONG, NUMBER_ZERO, NUMBER_INTEGER, WRONG, WRONG, WRONG},
    [NUMBER_ZERO] = {ENDS, WRONG, WRONG, NUMBER_POINT, NUMBER_E, WRONG},
    [NUMBER_INTEGER] = {ENDS, NUMBER_INTEGER, NUMBER_INTEGER, NUMBER_POINT, NUMBER_E, WRONG},
    [NUMBER_POINT] = {WRONG, NUMBER_FRACTION, NUMBER_FRACTION, WRONG, WRONG, WRONG},
    [NUMBER_FRACTION] = {ENDS, NUMBER_FRACTION, NUMBER_FRACTION, WRONG, NUMBER_E, WRONG},
    [NUMBER_E] = {WRONG, NUMBER_EXPONENT, NUMBER_EXPONENT, WRONG, WRONG, NUMBER_E_SIGN},
    [NUMBER_E_SIGN] = {WRONG, NUMBER_EXPONENT, NUMBER_EXPONENT, WRONG, WRONG, WRONG},
    [NUMBER_EXPONENT] = {ENDS, NUMBER_EXPONENT, NUMBER_EXPONENT, WRONG, WRONG, WRONG},
};

static size_t
run_offset(const struct run *run)
{
    return run->base + (size_t)(run->at - run->begin);
}

static void
enter(struct json_scan *scan, enum state state)
{
    scan->state = (uint8_t)state;
}

static void
mark(const struct json_scan *scan, enum json_mark what, size_t offset)
{
    if (scan->visit && scan->depth <= scan->visit_depth)
        scan->visit(scan->visitor, what, scan->depth, offset);
}

static void
value_ended(struct json_scan *scan, size_t offset)
{
    mark(scan, JSON_VALUE_END, offset);
    scan->closed = scan->depth == 0;
    enter(scan, scan->closed ? CLOSED : WANTS_NEXT);
}

/* --- brackets, commas, colons --------------------------------------------- */

static bool
is_in_object(const struct json_scan *scan)
{
    unsigned level = scan->depth - 1;
    return (scan->kinds[level / 64] >> (level % 64) & 1) != 0;
}

static void
bracket_open(struct json_scan *scan, struct run *run, bool is_object)
{
    if (scan->depth == JSON_DEPTH_MAX) {
        scan->error = JSON_TOO_DEEP;
        return;
    }
    mark(scan, JSON_VALUE_BEGIN, run_offset(run));
    uint64_t bit = UINT64_C(1) << (scan->depth % 64);
    uint64_t *word = &scan->kinds[scan->depth / 64];
    *word = is_object ? *word | bit : *word & ~bit;
    scan->depth++;
    run->at++;
    enter(scan, is_object ? WANTS_FIRST_NAME : WANTS_FIRST_ITEM);
}

static void
bracket_close(struct json_scan *scan, struct run *run)
{
    scan->depth--;
    run->at++;
    value_ended(scan, run_offset(run));
}

static void
take_value(struct json_scan *scan, struct run *run)
{
    unsigned char byte = *run->at;
    if (byte == '{' || byte == '[') {
        bracket_open(scan, run, byte == '{');
        return;
    }
    scan->state = value_state[byte];
    if (scan->state == WANTS_VALUE) {
        scan->error = JSON_BAD_SYNTAX;
        return;
    }
    if (scan->state == IN_LITERAL)
        scan->literal = byte == 'n' ? "ull" : byte == 't' ? "rue" : "alse";
    scan->in_name = false;
    mark(scan, JSON_VALUE_BEGIN, run_offset(run));
    run->at++;
}

static void
take_name(struct json_scan *scan, struct run *run)
{
    if (*run->at != '"') {
        scan->error = JSON_BAD_SYNTAX;
        return;
    }
    mark(scan, JSON_NAME_BEGIN, run_offset(run));
    run->at++;
    scan->in_name = true;
    enter(scan, IN_STRING);
}

static void
take_next(struct json_scan *scan, struct run *run)
{
    bool in_object = is_in_object(scan);
    if (*run->at == ',') {
        run->at++;
        enter(scan, in_object ? WANTS_NAME : WANTS_VALUE);
    } else if (*run->at == (in_object ? '}' : ']')) {
        bracket_close(scan, run);
    } else {
        scan->error = JSON_BAD_SYNTAX;
    }
}

/* Between tokens: skips blanks, then takes the byte that the state wants. */
static void
step_between(struct json_scan *scan, struct run *run)
{
    while (*run->at == ' ' || *run->at == '\n' || *run->at == '\r' || *run->at == '\t')
        if (++run->at == run->end)
            return;
    unsigned char byte = *run->at;
    uint8_t state = scan->state;
    if (byte == '/' && scan->allow_comments) {
        scan->state_after_comment = scan->state;
        run->at++;
        enter(scan, COMMENT_SLASH);
    } else if (state == CLOSED) {
        scan->error = JSON_TRAILING;
    } else if (state == WANTS_NEXT) {
        take_next(scan, run);
    } else if (state == WANTS_COLON) {
        scan->error = byte == ':' ? JSON_VALID : JSON_BAD_SYNTAX;
        run->at += byte == ':';
        enter(scan, WANTS_VALUE);
    } else if ((state == WANTS_FIRST_ITEM && byte == ']') ||
               (state == WANTS_FIRST_NAME && byte == '}')) {
        bracket_close(scan, run);
    } else if (state == WANTS_FIRST_NAME || state == WANTS_NAME) {
        take_name(scan, run);
    } else {
        take_value(scan, run);
    }
}

/* --- strings -------------------------------------------------------------- */

/* Is none of these eight bytes a quote, a backslash, a control or beyond ASCII? A subtraction sets
 * a byte's top bit when it falls below zero, and borrows from a neighbour only then. */
static bool
is_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t special = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (special & (ones << 7)) == 0;
}

static const unsigned char *
skip_plain(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        if (!is_plain_word(word))
            break;
        at += 8;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static void
string_ended(struct json_scan *scan, size_t offset)
{
    if (!scan->in_name) {
        value_ended(scan, offset);
        return;
    }
    mark(scan, JSON_NAME_END, offset);
    enter(scan, WANTS_COLON);
}

/* Whole characters at once; one that the portion cuts, or that is wrong, byte by byte. */
static void
take_beyond_ascii(struct json_scan *scan, struct run *run)
{
    const unsigned char *after = utf8_skip(run->at, run->end);
    if (after > run->at) {
        run->at = after;
    } else if (utf8_begin(&scan->utf8, *run->at)) {
        run->at++;
        enter(scan, IN_UTF8);
    } else {
        scan->error = JSON_BAD_UTF8;
    }
}

static void
step_string(struct json_scan *scan, struct run *run)
{
    run->at = skip_plain(run->at, run->end);
    if (run->at == run->end)
        return;
    unsigned char byte = *run->at;
    if (byte == '"') {
        run->at++;
        string_ended(scan, run_offset(run));
    } else if (byte == '\\') {
        run->at++;
        enter(scan, IN_ESCAPE);
    } else if (byte < 0x20) {
        scan->error = JSON_BAD_SYNTAX;
    } else {
        take_beyond_ascii(scan, run);
    }
}

static void
step_utf8(struct json_scan *scan, struct run *run)
{
    while (scan->utf8.left > 0 && run->at < run->end) {
        if (!utf8_continue(&scan->utf8, *run->at)) {
            scan->error = JSON_BAD_UTF8;
            return;
        }
        run->at++;
    }
    if (scan->utf8.left == 0)
        enter(scan, IN_STRING);
}

static void
step_escape(struct json_scan *scan, struct run *run)
{
    unsigned char byte = *run->at;
    if (byte == 'u') {
        scan->hex_left = 4;
        enter(scan, IN_HEX);
    } else if (byte != '\0' && strchr("\"\\/bfnrt", byte)) {
        enter(scan, IN_STRING);
    } else {
        scan->error = JSON_BAD_ESCAPE;
        return;
    }
    run->at++;
}

static void
step_hex(struct json_scan *scan, struct run *run)
{
    unsigned char byte = *run->at;
    bool is_digit = byte >= '0' && byte <= '9';
    bool is_letter = (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
    if (!is_digit && !is_letter) {
        scan->error = JSON_BAD_ESCAPE;
        return;
    }
    run->at++;
    if (--scan->hex_left == 0)
        enter(scan, IN_STRING);
}

/* --- numbers, literals, comments ------------------------------------------ */

static bool
is_number(unsigned state)
{
    return state >= NUMBER_MINUS && state <= NUMBER_EXPONENT;
}

static void
step_number(struct json_scan *scan, struct run *run)
{
    uint8_t state = scan->state;
    while (run->at < run->end) {
        uint8_t next = number_next[state][number_class[*run->at]];
        if (next == WRONG) {
            scan->error = JSON_BAD_NUMBER;
            return;
        }
        if (next == ENDS) {
            value_ended(scan, run_offset(run));
            return;
        }
        state = next;
        run->at++;
    }
    scan->state = state;
}

static void
step_literal(struct json_scan *scan, struct run *run)
{
    if (*run->at != (unsigned char)*scan->literal) {
        scan->error = JSON_BAD_SYNTAX;
        return;
    }
    run->at++;
    if (*++scan->literal == '\0')
        value_ended(scan, run_offset(run));
}

static void
step_comment(struct json_scan *scan, struct run *run)
{
    uint8_t state = scan->state;
    unsigned char byte = *run->at;
    if (state == COMMENT_SLASH && byte != '/' && byte != '*') {
        scan->error = JSON_BAD_SYNTAX;
        return;
    }
    run->at++;
    if (state == COMMENT_SLASH)
        enter(scan, byte == '/' ? COMMENT_LINE : COMMENT_BLOCK);
    else if ((state == COMMENT_LINE && byte == '\n') || (state == COMMENT_STAR && byte == '/'))
        scan->state = scan->state_after_comment;
    else if (state != COMMENT_LINE)
        enter(scan, byte == '*' ? COMMENT_STAR : COMMENT_BLOCK);
}

/* --- the scanner ---------------------------------------------------------- */

/* Each takes at least one byte, changes the state, or sets the error. */
static void (*const steps[])(struct json_scan *scan, struct run *run) = {
    [WANTS_VALUE] = step_between,
    [WANTS_FIRST_ITEM] = step_between,
    [WANTS_FIRST_NAME] = step_between,
    [WANTS_NAME] = step_between,
    [WANTS_COLON] = step_between,
    [WANTS_NEXT] = step_between,
    [CLOSED] = step_between,
    [IN_STRING] = step_string,
    [IN_UTF8] = step_utf8,
    [IN_ESCAPE] = step_escape,
    [IN_HEX] = step_hex,
    [IN_LITERAL] = step_literal,
    [NUMBER_MINUS] = step_number,
    [NUMBER_ZERO] = step_number,
    [NUMBER_INTEGER] = step_number,
    [NUMBER_POINT] = step_number,
    [NUMBER_FRACTION] = step_number,
    [NUMBER_E] = step_number,
    [NUMBER_E_SIGN] = step_number,
    [NUMBER_EXPONENT] = step_number,
    [COMMENT_SLASH] = step_comment,
    [COMMENT_LINE] = step_comment,
    [COMMENT_BLOCK] = step_comment,
    [COMMENT_STAR] = step_comment,
};

void
json_scan_init(struct json_scan *scan)
{
    memset(scan, 0, sizeof(*scan));
}

enum json_error
json_scan_feed(struct json_scan *scan, const char *bytes, size_t len)
{
    if (len == 0)
        return scan->error;
    const unsigned char *begin = (const unsigned char *)bytes;
    struct run run = {.at = begin, .end = begin + len, .begin = begin, .base = scan->offset};
    while (scan->error == JSON_VALID && run.at < run.end)
        steps[scan->state](scan, &run);
    scan->offset = run_offset(&run);
    return scan->error;
}

enum json_error
json_scan_end(struct json_scan *scan)
{
    if (scan->error != JSON_VALID)
        return scan->error;
    if (scan->depth == 0 && is_number(scan->state) && number_next[scan->state][0] == ENDS)
        value_ended(scan, scan->offset);
    if (scan->state == COMMENT_LINE)
        scan->state = scan->state_after_comment;
    if (scan->state != CLOSED)
        scan->error = JSON_INCOMPLETE;
    return scan->error;
}
