/* anchor.h - the file's clock: milliseconds that all processes agree on, also after a reboot.
 *
 * File time is the boot clock plus an anchor. One word of the file holds which boot the anchor
 * belongs to and the wall clock at that boot:
 *
 *      boot tag (22) | Unix ms at boot (42)
 *
 * The first process of a boot writes it; after that nobody reads the wall clock, so its steps
 * change nothing. After a reboot file time goes on from the wall clock, and old deadlines keep
 * their meaning; with a wrong wall clock they lie in the past or beyond what any rule could have
 * set, and both count as passed.
 */
#ifndef POSTERN_STATE_ANCHOR_H
#define POSTERN_STATE_ANCHOR_H

#include <stdatomic.h>
#include <stdint.h>

#define ANCHOR_UNKNOWN_BOOT 1 /* the tag where /proc does not say which boot this is */

/* Two clocks read at one instant, and whose they are. */
struct anchor_boot {
    uint32_t tag; /* 22 bits, never 0 */
    uint64_t boot_ms;
    uint64_t unix_ms;
};

/* This machine, now: the tag is made of the boot's id and the time namespace. */
struct anchor_boot anchor_read(void);

/* Takes the anchor of this boot from `word`, or puts it there. Returns what is to be added to the
 * boot clock. */
uint64_t anchor_adopt(_Atomic uint64_t *word, const struct anchor_boot *boot);

#endif
