/* suggest.c - how far two names are apart in letters, whatever their case. */
#include "config/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 63
#define CHANGED 2 /* costs; a letter more or less is 1 */
#define SWAPPED 1

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t
least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows of the table. A part left out is likelier than a letter
 * mistaken for another. */
static size_t
distance(struct span a, struct span b)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = lower(a.ptr[i - 1]), y = lower(b.ptr[j - 1]);
            row[j] =
                least_of(least_of(row[j - 1], above[j]) + 1, above[j - 1] + (x == y ? 0 : CHANGED));
            bool swapped = i > 1 && j > 1 && x == lower(b.ptr[j - 2]) && y == lower(a.ptr[i - 2]);
            if (swapped)
                row[j] = least_of(row[j], two_above[j - 2] + SWAPPED);
        }
    }
    return rows[a.len % 3][b.len];
}

void
suggest_init(struct suggest *suggest, struct span wanted)
{
    size_t close = wanted.len < 3 ? 1 : wanted.len < 5 ? 2 : wanted.len < 16 ? 3 : 4;
    *suggest = (struct suggest){.wanted = wanted, .least = close + 1};
}

void
suggest_offer(struct suggest *suggest, const char *known)
{
    struct span name = span_from(known);
    if (suggest->wanted.len > NAME_MAX_BYTES || name.len > NAME_MAX_BYTES)
        return;
    size_t far = distance(suggest->wanted, name);
    if (far >= suggest->least)
        return;
    suggest->least = far;
    memcpy(suggest->best, known, name.len + 1);
}

const char *
suggest_text(const struct suggest *suggest, char out[SUGGEST_TEXT_MAX])
{
    out[0] = '\0';
    if (suggest->best[0] != '\0')
        (void)snprintf(out, SUGGEST_TEXT_MAX, "; did you mean %s?", suggest->best);
    return out;
}
