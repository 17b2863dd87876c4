/* utf8.h - UTF-8 checked byte by byte and written (RFC 3629, section 4). Pure.
 *
 * Overlong forms, surrogates and what is above U+10FFFF are not UTF-8.
 */
#ifndef POSTERN_CORE_UTF8_H
#define POSTERN_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A character beyond ASCII of which some bytes are still to come. */
struct utf8 {
    uint8_t left;     /* how many */
    uint8_t min, max; /* the range of the next */
};

/* Its first byte. False when no character begins so. */
bool utf8_begin(struct utf8 *utf8, unsigned char byte);

/* The next one, while `left` is not 0. False when it does not belong there. */
bool utf8_continue(struct utf8 *utf8, unsigned char byte);

/* The bytes of a code point (at most U+10FFFF, no surrogate) in `out`. Returns how many. */
size_t utf8_encode(uint32_t code_point, char out[4]);

#endif
