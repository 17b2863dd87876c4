/* budget.c - the token bucket that pays for retries, in one word. */
#include "core/budget.h"

#define MILLI_CAP 10000u
#define MILLI_PER_ATTEMPT 200u
#define MILLI_PER_RETRY 1000u
/* and one a millisecond, so it fills in MILLI_CAP milliseconds */

#define TIME_BITS 40
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

struct bucket {
    uint64_t milli_tokens;
    uint64_t filled_at_ms; /* modulo 34 years */
};

static struct bucket
filled(uint64_t milli_tokens, uint64_t at_ms)
{
    return (struct bucket){.milli_tokens = milli_tokens < MILLI_CAP ? milli_tokens : MILLI_CAP,
                           .filled_at_ms = at_ms & TIME_MASK};
}

static struct bucket
refill(uint64_t word, uint64_t now_ms)
{
    if (word == 0)
        return filled(MILLI_CAP, now_ms);
    struct bucket bucket = filled(word >> TIME_BITS, word);

    /* A process whose clock is a little ahead was here: it filled for us. Further ahead than the
     * bucket takes to fill is no clock's doing, and reads as a bucket long unused. */
    if (((bucket.filled_at_ms - now_ms) & TIME_MASK) <= MILLI_CAP)
        return bucket;
    uint64_t passed_ms = (now_ms - bucket.filled_at_ms) & TIME_MASK;
    return filled(bucket.milli_tokens + passed_ms, now_ms);
}

static uint64_t
encode(struct bucket bucket)
{
    uint64_t word = bucket.milli_tokens << TIME_BITS | bucket.filled_at_ms;
    return word != 0 ? word : 1; /* empty at millisecond 0 is not "never used" */
}

uint64_t
budget_deposit(uint64_t word, uint64_t now_ms)
{
    struct bucket bucket = refill(word, now_ms);
    return encode(filled(bucket.milli_tokens + MILLI_PER_ATTEMPT, bucket.filled_at_ms));
}

bool
budget_withdraw(uint64_t word, uint64_t now_ms, uint64_t *next)
{
    struct bucket bucket = refill(word, now_ms);
    bool paid = bucket.milli_tokens >= MILLI_PER_RETRY;
    if (paid)
        bucket.milli_tokens -= MILLI_PER_RETRY;
    *next = encode(bucket);
    return paid;
}
