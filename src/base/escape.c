/* escape.c - the escapes, each read from characters that had the layers below taken off. */
#include "base/escape.h"

#include <string.h>

#define LOOK_MAX 11 /* "&#0000065;" and one more */
#define DIGITS_MAX 7

/* The characters from here on, one layer down, read as they are asked for. */
struct look {
    struct span text;
    unsigned layers;
    int bytes[LOOK_MAX];
    size_t ends[LOOK_MAX]; /* where each ends in `text` */
    size_t count;
};

/* What an escape says, and how many characters it takes; 0: it is none. */
struct meaning {
    int byte;
    size_t count;
};

static const struct meaning none = {ESCAPE_OTHER, 0};

bool
escape_begins(int byte)
{
    return byte == '\\' || byte == '%' || byte == '&';
}

/* ESCAPE_OTHER behind the end, too. */
static int
look_at(struct look *look, size_t index)
{
    while (look->count <= index && index < LOOK_MAX) {
        size_t from = look->count > 0 ? look->ends[look->count - 1] : 0;
        if (from == look->text.len)
            return ESCAPE_OTHER;
        struct span rest = span_of(look->text.ptr + from, look->text.len - from);
        struct escape_unit unit = escape_read(rest, look->layers);
        look->bytes[look->count] = unit.byte;
        look->ends[look->count++] = from + unit.len;
    }
    return index < LOOK_MAX ? look->bytes[index] : ESCAPE_OTHER;
}

static int
digit(int c, int base)
{
    int value = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : base;
    return value < base ? value : -1;
}

/* From `least` to `most` digits at `from`. */
static struct meaning
read_number(struct look *look, size_t from, int base, size_t least, size_t most)
{
    int value = 0;
    size_t count = 0;
    int next;
    while (count < most && (next = digit(look_at(look, from + count), base)) >= 0) {
        value = value < 0x80 ? value * base + next : value;
        count++;
    }
    if (count < least)
        return none;
    return (struct meaning){value < 0x80 ? value : ESCAPE_OTHER, from + count};
}

/* JSON's, and those of C that logs and programs print. */
static struct meaning
read_backslash(struct look *look)
{
    int next = look_at(look, 1);
    switch (next) {
    case 'u':
        return read_number(look, 2, 16, 4, 4);
    case 'x':
        return read_number(look, 2, 16, 2, 2);
    case '"':
    case '\'':
    case '/':
    case '\\':
        return (struct meaning){next, 2};
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': /* controls, which no key has */
        return (struct meaning){ESCAPE_OTHER, 2};
    default:
        return read_number(look, 1, 8, 3, 3);
    }
}

static struct meaning
read_entity(struct look *look)
{
    static const struct {
        const char *name;
        int byte;
    } entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    if (look_at(look, 1) == '#') {
        int kind = look_at(look, 2);
        bool is_hex = kind == 'x' || kind == 'X';
        struct meaning read = read_number(look, is_hex ? 3 : 2, is_hex ? 16 : 10, 1, DIGITS_MAX);
        if (read.count > 0 && look_at(look, read.count) == ';')
            read.count++;
        return read;
    }
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        size_t len = strlen(entities[i].name), at = 0;
        while (at < len && look_at(look, at + 1) == entities[i].name[at])
            at++;
        if (at == len && look_at(look, at + 1) == ';')
            return (struct meaning){entities[i].byte, at + 2};
    }
    return none;
}

struct escape_unit
escape_read(struct span text, unsigned layers)
{
    unsigned char first = (unsigned char)text.ptr[0];
    if (layers == 0 || !escape_begins(first)) /* the latter stands for itself in every layer */
        return (struct escape_unit){first < 0x80 ? first : ESCAPE_OTHER, 1};
    struct look look; /* for each character: the arrays are filled as far as they are read */
    look.text = text;
    look.layers = layers - 1;
    look.count = 0;
    struct meaning meaning = none;
    int byte = look_at(&look, 0);
    if (byte == '\\')
        meaning = read_backslash(&look);
    else if (byte == '%')
        meaning = read_number(&look, 1, 16, 2, 2);
    else if (byte == '&')
        meaning = read_entity(&look);
    if (meaning.count == 0)
        return (struct escape_unit){byte, look.ends[0]};
    return (struct escape_unit){meaning.byte, look.ends[meaning.count - 1]};
}
