/* breaker_word.c - packs, unpacks and changes the breaker's control word. */
#include "core/breaker_word.h"

static unsigned
bits(uint64_t control, unsigned shift, unsigned mask)
{
    return (unsigned)(control >> shift) & mask;
}

static void
decode_payload(struct breaker_word *word, uint64_t control)
{
    switch (word->state) {
    case BREAKER_CLOSED:
        word->failures = bits(control, 20, BREAKER_WORD_FAILURES_MAX);
        word->since_s = bits(control, 0, BREAKER_WORD_SINCE_MASK);
        return;
    case BREAKER_OPEN:
        word->until_ms = control & BREAKER_WORD_UNTIL_MASK;
        return;
    case BREAKER_HALF_OPEN:
        word->lease_s = bits(control, 20, BREAKER_WORD_LEASE_MASK);
        word->issued = bits(control, 15, BREAKER_WORD_VOTES_MAX);
        word->ok = bits(control, 10, BREAKER_WORD_VOTES_MAX);
        word->fail = bits(control, 5, BREAKER_WORD_VOTES_MAX);
        word->slow = bits(control, 0, BREAKER_WORD_VOTES_MAX);
        return;
    }
}

struct breaker_word
breaker_word_decode(uint64_t control)
{
    static const enum breaker_state states[4] = {BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN,
                                                 BREAKER_CLOSED};
    struct breaker_word word = {.override = (enum breaker_override)bits(control, 62, 3),
                                .state = states[bits(control, 60, 3)],
                                .generation = bits(control, 40, BREAKER_WORD_GENERATION_MASK),
                                .level = bits(control, 36, BREAKER_WORD_LEVEL_MAX)};
    /* Metrics-only begins closed and never opens; a word that says otherwise was damaged. */
    if (word.override == BREAKER_METRICS_ONLY && word.state != BREAKER_CLOSED) {
        word.state = BREAKER_CLOSED;
        return word;
    }
    decode_payload(&word, control);
    return word;
}

static uint64_t
encode_payload(const struct breaker_word *word)
{
    switch (word->state) {
    case BREAKER_CLOSED:
        return (uint64_t)word->failures << 20 | word->since_s;
    case BREAKER_OPEN:
        return word->until_ms;
    case BREAKER_HALF_OPEN:
        return (uint64_t)word->lease_s << 20 | (uint64_t)word->issued << 15 |
               (uint64_t)word->ok << 10 | (uint64_t)word->fail << 5 | word->slow;
    }
    return 0;
}

uint64_t
breaker_word_encode(const struct breaker_word *word)
{
    return (uint64_t)word->override << 62 | (uint64_t)word->state << 60 |
           (uint64_t)word->generation << 40 | (uint64_t)word->level << 36 | encode_payload(word);
}

void
breaker_word_fence(struct breaker_word *word)
{
    word->generation = (word->generation + 1) & BREAKER_WORD_GENERATION_MASK;
}
/* The one place where a breaker changes its state. */
static void
enter(struct breaker_word *word, enum breaker_state state)
{
    *word = (struct breaker_word){.override = word->override,
                                  .state = state,
                                  .generation = word->generation,
                                  .level = word->level};
    breaker_word_fence(word);
}
void
breaker_word_close(struct breaker_word *word, uint64_t now_ms)
{
    enter(word, BREAKER_CLOSED);
    word->since_s = (uint32_t)(now_ms / 1000) & BREAKER_WORD_SINCE_MASK;
}
void
breaker_word_open(struct breaker_word *word, uint64_t until_ms)
{
    enter(word, BREAKER_OPEN);
    word->until_ms = until_ms & BREAKER_WORD_UNTIL_MASK;
}
void
breaker_word_half_open(struct breaker_word *word)
{
    enter(word, BREAKER_HALF_OPEN);
}