/* disguise.c - the table of forms, and the two encodings. */
#include "base/disguise.h"

#include <string.h>

enum way { WAY_PLAIN, WAY_BASE64, WAY_HEX };

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const struct form {
    enum way way;
    const char *letters;
    size_t before; /* bytes of others in the first group of three */
    size_t least;
} forms[DISGUISE_COUNT] = {
    {WAY_PLAIN, NULL, 0, DISGUISE_FRAGMENT},
    /* 64 bits decide ten letters of six, wherever they begin */
    {WAY_BASE64, base64_letters, 0, 10},
    {WAY_BASE64, base64_letters, 1, 10},
    {WAY_BASE64, base64_letters, 2, 10},
    {WAY_BASE64, base64_url, 0, 10},
    {WAY_BASE64, base64_url, 1, 10},
    {WAY_BASE64, base64_url, 2, 10},
    {WAY_HEX, "0123456789abcdef", 0, 2 * (size_t)DISGUISE_FRAGMENT},
    {WAY_HEX, "0123456789ABCDEF", 0, 2 * (size_t)DISGUISE_FRAGMENT},
};

size_t
disguise_least(unsigned form)
{
    return forms[form].least;
}

/* The first letter that no bit of another byte is in. */
static size_t
first_letter(const struct form *form)
{
    return (form->before * 8 + 5) / 6;
}

size_t
disguise_len(struct span secret, unsigned form)
{
    const struct form *f = &forms[form];
    switch (f->way) {
    case WAY_PLAIN:
        return secret.len;
    case WAY_BASE64:
        return (f->before + secret.len) * 8 / 6 - first_letter(f);
    case WAY_HEX:
        return secret.len * 2;
    }
    return 0;
}

/* Six bits from bit `at` of the secret on. */
static unsigned
six_bits(struct span secret, size_t at)
{
    unsigned both = (unsigned)(unsigned char)secret.ptr[at / 8] << 8;
    if (at / 8 + 1 < secret.len)
        both |= (unsigned char)secret.ptr[at / 8 + 1];
    return both >> (10 - at % 8) & 63;
}

void
disguise_put(struct span secret, unsigned form, char *out)
{
    const struct form *f = &forms[form];
    size_t len = disguise_len(secret, form);
    switch (f->way) {
    case WAY_PLAIN:
        memcpy(out, secret.ptr, len);
        return;
    case WAY_BASE64:
        for (size_t i = 0; i < len; i++)
            out[i] = f->letters[six_bits(secret, (first_letter(f) + i) * 6 - f->before * 8)];
        return;
    case WAY_HEX:
        for (size_t i = 0; i < len; i++) {
            unsigned byte = (unsigned char)secret.ptr[i / 2];
            out[i] = f->letters[i % 2 == 0 ? byte >> 4 : byte & 15];
        }
        return;
    }
}
