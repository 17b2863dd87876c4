/* breaker_word.h - the breaker's control word taken apart, put together and changed. Pure.
 *
 * For breaker*.c alone; everybody else has breaker.h, where the word's layout is drawn.
 */
#ifndef POSTERN_CORE_BREAKER_WORD_H
#define POSTERN_CORE_BREAKER_WORD_H

#include <stdint.h>

#include "core/breaker.h"

/* What the fields can hold. Times are kept modulo their field. */
#define BREAKER_WORD_GENERATION_MASK 0xFFFFFu
#define BREAKER_WORD_LEVEL_MAX 15u
#define BREAKER_WORD_FAILURES_MAX 0xFFFFu
#define BREAKER_WORD_SINCE_MASK 0xFFFFFu
#define BREAKER_WORD_UNTIL_MASK ((UINT64_C(1) << 36) - 1)
#define BREAKER_WORD_LEASE_MASK 0xFFFFu
#define BREAKER_WORD_VOTES_MAX 31u

/* Fields of another state than `state` are 0. */
struct breaker_word {
    enum breaker_override override;
    enum breaker_state state;
    uint32_t generation;
    unsigned level; /* openings in a row */

    unsigned failures; /* CLOSED: in a row */
    uint32_t since_s;

    uint64_t until_ms; /* OPEN */

    uint32_t lease_s; /* HALF_OPEN */
    unsigned issued, ok, fail, slow;
};

struct breaker_word breaker_word_decode(uint64_t control);
uint64_t breaker_word_encode(const struct breaker_word *word);

/* Puts all permits given so far out of date. */
void breaker_word_fence(struct breaker_word *word);

/* Change the state: fence, and empty the fields of the state that ends. */
void breaker_word_close(struct breaker_word *word, uint64_t now_ms);
void breaker_word_open(struct breaker_word *word, uint64_t until_ms);
void breaker_word_half_open(struct breaker_word *word);

#endif
