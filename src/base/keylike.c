/* keylike.c - words, and what is odd about them. */
#include "base/keylike.h"

#include <string.h>

#include "base/secrets.h"

#define PREFIXED_MIN 12 /* "sk-" and less than that is a name */
#define MIXED_MIN 20    /* letters and digits without a break */
#define MIXED_EACH 3    /* of either kind at least */
#define UUID_LEN 36

static const char *const prefixes[] = {"sk-",  "pk-",  "sk_",  "gsk_", "xai-", "hf_", "key-",
                                       "ghp_", "AIza", "AKIA", "r8_",  "pst_", "eyJ"};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What a key, a path or a name of an option is made of. */
static bool
is_word_char(char c)
{
    return is_digit(c) || is_letter(c) || (c != '\0' && strchr("-_+/=.~", c));
}

static bool
has_prefix(struct span word)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (word.len >= PREFIXED_MIN && span_has_prefix(word, prefixes[i]))
            return true;
    }
    return false;
}

/* Where a part of the word begins as a key: "upstreams.sk-…", "/v1/sk-…". */
static bool
has_prefix_within(struct span word)
{
    for (size_t at = 0; at < word.len; at++) {
        bool is_start = at == 0 || !(is_letter(word.ptr[at - 1]) || is_digit(word.ptr[at - 1]));
        if (is_start && has_prefix(span_of(word.ptr + at, word.len - at)))
            return true;
    }
    return false;
}

static bool
is_mixed(struct span word)
{
    size_t letters = 0, digits = 0;
    for (size_t i = 0; i < word.len; i++) {
        bool is_part = is_letter(word.ptr[i]) || is_digit(word.ptr[i]);
        letters = is_part ? letters + is_letter(word.ptr[i]) : 0;
        digits = is_part ? digits + is_digit(word.ptr[i]) : 0;
        if (letters + digits >= MIXED_MIN && letters >= MIXED_EACH && digits >= MIXED_EACH)
            return true;
    }
    return false;
}

static bool
is_uuid(struct span word)
{
    for (size_t at = 0; at < word.len; at++) {
        bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
        if (is_dash != (word.ptr[at] == '-'))
            return false;
    }
    return word.len == UUID_LEN;
}

static bool
is_key(struct span word)
{
    bool is_path = word.len > 0 && (word.ptr[0] == '/' || word.ptr[0] == '.');
    return has_prefix_within(word) || (!is_path && (is_mixed(word) || is_uuid(word)));
}

bool
keylike_find(struct span text, struct span *found)
{
    for (size_t at = 0; at < text.len;) {
        size_t len = 0;
        while (at + len < text.len && is_word_char(text.ptr[at + len]))
            len++;
        *found = span_of(text.ptr + at, len);
        if (len > 0 && is_key(*found))
            return true;
        at += len + 1;
    }
    return false;
}

const char *
keylike_mask(const char *text)
{
    struct span found;
    bool is_key = keylike_find(span_from(text), &found) || secrets_find(span_from(text), &found);
    return is_key ? "(not shown: it looks like a key)" : text;
}
