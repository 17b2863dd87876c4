/* budget.h - how many retries all processes together may still make: a token bucket in one word.
 *
 * milli_tokens (24) | last refill, ms mod 2^40. The word 0 is a bucket never used, that is full.
 * Each first attempt adds a fifth of a token, each second one token; a retry costs one; the cap
 * is ten. Pure: the word and the time come in, the next word goes out.
 */
#ifndef POSTERN_CORE_BUDGET_H
#define POSTERN_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

uint64_t budget_deposit(uint64_t word, uint64_t now_ms); /* a first attempt was made */

/* True and the next word when a retry is paid for; false leaves the bucket (but for its refill). */
bool budget_withdraw(uint64_t word, uint64_t now_ms, uint64_t *next);

#endif
