/* secrets.c - looks for fragments of the known secrets, quickly where there are none. */
#include "base/secrets.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define SIEVE_BITS 65536

static struct {
    pthread_rwlock_t lock;
    struct span *items; /* owned, as is the text they point to */
    size_t count;
    /* One bit for each hash of four bytes in a row that stand in a secret: most text has none set.
     */
    uint64_t sieve[SIEVE_BITS / 64];
} known = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static uint32_t
sieve_bit(const char *four)
{
    uint32_t word;
    memcpy(&word, four, sizeof(word));
    return (word * UINT32_C(2654435761)) >> 16;
}

static void
forget(void)
{
    for (size_t i = 0; i < known.count; i++) {
        union {
            const char *borrowed;
            char *owned;
        } text = {.borrowed = known.items[i].ptr};
        mem_free_wiped(text.owned, known.items[i].len);
    }
    mem_free(known.items);
    known.items = NULL;
    known.count = 0;
    memset(known.sieve, 0, sizeof(known.sieve));
}

static void
remember(struct span secret)
{
    char *copy = mem_copy_text(secret.ptr, secret.len);
    if (!copy)
        return;
    known.items[known.count++] = span_of(copy, secret.len);
    for (size_t at = 0; at + 4 <= secret.len; at++) {
        uint32_t bit = sieve_bit(secret.ptr + at);
        known.sieve[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

void
secrets_set(const struct span *secrets, size_t count)
{
    pthread_rwlock_wrlock(&known.lock);
    forget();
    known.items = mem_array(count, sizeof(*known.items));
    for (size_t i = 0; known.items && i < count; i++) {
        if (secrets[i].len >= SECRETS_FRAGMENT)
            remember(secrets[i]);
    }
    pthread_rwlock_unlock(&known.lock);
}

/* How many bytes at the front of `text` stand in `secret`, when that is a fragment or more. */
static size_t
match_len(struct span secret, struct span text)
{
    size_t best = 0;
    struct span rest = secret;
    struct span first = span_of(text.ptr, SECRETS_FRAGMENT);
    const char *at;
    while (rest.len >= SECRETS_FRAGMENT &&
           (at = memmem(rest.ptr, rest.len, first.ptr, first.len)) != NULL) {
        size_t left = secret.len - (size_t)(at - secret.ptr);
        size_t len = SECRETS_FRAGMENT;
        while (len < left && len < text.len && at[len] == text.ptr[len])
            len++;
        best = len > best ? len : best;
        rest = span_of(at + 1, left - 1);
    }
    return best;
}

/* May these four bytes stand in a secret? */
static bool
passes_sieve(const char *four)
{
    uint32_t bit = sieve_bit(four);
    return (known.sieve[bit / 64] >> (bit % 64) & 1) != 0;
}

/* May this fragment? Of 64 secrets one gram of four bytes in twelve passes by chance: only all of
 * them together spare a text that it is compared with each secret. */
static bool
may_be_fragment(const char *text)
{
    for (size_t at = 0; at + 4 <= SECRETS_FRAGMENT; at++)
        if (!passes_sieve(text + at))
            return false;
    return true;
}

/* How many bytes at the front of `text` stand in any secret. */
static size_t
longest_match(struct span text)
{
    size_t best = 0;
    for (size_t i = 0; i < known.count; i++) {
        size_t len = match_len(known.items[i], text);
        best = len > best ? len : best;
    }
    return best;
}

static bool
find(struct span text, struct span *found)
{
    const char *at = text.ptr;
    for (size_t left = text.len; left >= SECRETS_FRAGMENT;) {
        size_t step = 1;
        /* Each fragment that begins at one of the next places, up to this one, holds these four. */
        if (!passes_sieve(at + SECRETS_FRAGMENT - 4)) {
            step = SECRETS_FRAGMENT - 3;
        } else if (may_be_fragment(at)) {
            *found = span_of(at, longest_match(span_of(at, left)));
            if (found->len > 0)
                return true;
        }
        at += step;
        left -= step;
    }
    return false;
}

bool
secrets_find(struct span text, struct span *found)
{
    if (text.len < SECRETS_FRAGMENT) /* most values of headers: no lock for them */
        return false;
    pthread_rwlock_rdlock(&known.lock);
    bool is_found = known.count > 0 && find(text, found);
    pthread_rwlock_unlock(&known.lock);
    return is_found;
}
