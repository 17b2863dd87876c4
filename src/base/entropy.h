/* entropy.h - random bytes of the kernel (getrandom). */
#ifndef POSTERN_BASE_ENTROPY_H
#define POSTERN_BASE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

void entropy_fill(void *out, size_t len); /* aborts if the kernel has none to give */
uint64_t entropy_u64(void);               /* cheap: the kernel is asked once in a while */

#endif
