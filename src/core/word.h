/* word.h - eight bytes of text looked at in one step. Pure.
 *
 * Whoever looks for a byte sets the top bit of each byte of a word that may be it, by a subtraction
 * that borrows where it falls below zero. A borrow reaches only the bytes that follow one that is
 * marked, so the first mark is always right.
 */
#ifndef POSTERN_CORE_WORD_H
#define POSTERN_CORE_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_BYTES 8
#define WORD_OF(byte) (UINT64_C(0x0101010101010101) * (byte)) /* eight times the same */
#define WORD_TOPS WORD_OF(0x80)

/* house: code in a header, because a call would cost more than these do. */

/* Eight bytes, the first one lowest. */
static inline uint64_t
word_load(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The index of the first byte that is marked; one must be. */
static inline size_t
word_first(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}

#endif
