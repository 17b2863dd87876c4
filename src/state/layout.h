/* layout.h - the state file, byte for byte: layout 1.
 *
 * Everything that several processes write is a 64-bit word that is correct by itself, so each is
 * changed by one compare-and-swap and a copy taken at any instant is legal. There is no pointer,
 * length or index in the file that a reader trusts; sizes are constants here and only compared
 * with those in the header. An all-zero page is valid and unused. A part that needs more room
 * than it has here means a new layout, and a new layout means a new file name.
 */
#ifndef POSTERN_STATE_LAYOUT_H
#define POSTERN_STATE_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_NUMBER 1
#define LAYOUT_MAGIC UINT64_C(0x315453524e545350) /* "PSTNRST1" on a little-endian machine */
#define LAYOUT_FILE_BYTES ((size_t)1048576)
#define LAYOUT_HEADER_BYTES 4096
#define LAYOUT_CELL_BYTES 512
#define LAYOUT_CELLS 256
#define LAYOUT_NAME_WORDS 6
#define LAYOUT_BUCKETS 32
#define LAYOUT_COUNTERS 16

/* The bytes that the checksum covers; written once, before the file gets its name. */
struct layout_identity {
    uint64_t magic;
    uint32_t layout;
    uint32_t header_bytes;
    uint32_t cell_bytes;
    uint32_t cells;
    uint64_t file_bytes;
    uint64_t created_unix_ms;
    uint8_t uuid[16];
};

struct layout_header {
    struct layout_identity identity;
    uint32_t checksum; /* CRC-32C of `identity` */
    uint32_t checksum_inverted;
    _Atomic uint64_t anchor; /* state/anchor.h; on a line of its own, not in the checksum */
    uint64_t padding[7];
    _Atomic uint64_t budget; /* reserved: retries of all upstreams together */
    uint64_t unused[LAYOUT_HEADER_BYTES / 8 - 17];
};

/* One breaker. The identity is written once and never taken away. */
struct layout_cell {
    _Atomic uint64_t key[2]; /* 0, 0: free; x, 0: claimed by someone who may have died */
    _Atomic uint64_t name[LAYOUT_NAME_WORDS];
    _Atomic uint64_t control; /* core/breaker.h */
    _Atomic uint64_t cool_until_ms;
    _Atomic uint64_t budget;       /* core/budget.h */
    _Atomic uint64_t count_window; /* core/window.h */
    _Atomic uint64_t override_until_ms;
    _Atomic uint64_t last_failure; /* reason (16) | verdict (6) | ms (42) */
    uint64_t reserved[2];
    _Atomic uint64_t buckets[LAYOUT_BUCKETS]; /* core/window.h */
    _Atomic uint64_t counters[LAYOUT_COUNTERS];
};

struct layout_file {
    struct layout_header header;
    struct layout_cell cells[LAYOUT_CELLS];
    _Atomic uint64_t counters[61440 / 8]; /* reserved: counters of the gateway as a whole */
    _Atomic uint64_t limits[131072 / 8];  /* reserved: what each client used up */
    _Atomic uint64_t slots[65536 / 8];    /* reserved: requests under way */
    _Atomic uint64_t journal[131072 / 8]; /* reserved: the last transitions */
    _Atomic uint64_t history[524288 / 8]; /* reserved: sums of the last days, a ring */
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit words must be swapped without a lock");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "an atomic word is just the word");
_Static_assert(sizeof(struct layout_identity) == 0x38, "the checksum covers 0x00..0x37");
_Static_assert(offsetof(struct layout_header, checksum) == 0x38, "layout 1");
_Static_assert(offsetof(struct layout_header, anchor) == 0x40, "layout 1");
_Static_assert(offsetof(struct layout_header, budget) == 0x80, "layout 1");
_Static_assert(sizeof(struct layout_header) == LAYOUT_HEADER_BYTES, "layout 1");
_Static_assert(offsetof(struct layout_cell, control) == 0x40, "layout 1");
_Static_assert(offsetof(struct layout_cell, buckets) == 0x80, "layout 1");
_Static_assert(offsetof(struct layout_cell, counters) == 0x180, "layout 1");
_Static_assert(sizeof(struct layout_cell) == LAYOUT_CELL_BYTES, "layout 1");
_Static_assert(offsetof(struct layout_file, cells) == 0x1000, "layout 1");
_Static_assert(offsetof(struct layout_file, counters) == 0x21000, "layout 1");
_Static_assert(offsetof(struct layout_file, limits) == 0x30000, "layout 1");
_Static_assert(offsetof(struct layout_file, slots) == 0x50000, "layout 1");
_Static_assert(offsetof(struct layout_file, journal) == 0x60000, "layout 1");
_Static_assert(offsetof(struct layout_file, history) == 0x80000, "layout 1");
_Static_assert(sizeof(struct layout_file) == LAYOUT_FILE_BYTES, "layout 1");

#endif
