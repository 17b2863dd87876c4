/* header.h - is this a state file, whole, and of our layout?
 */
#ifndef POSTERN_STATE_HEADER_H
#define POSTERN_STATE_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "state/layout.h"

enum header_verdict {
    HEADER_OURS,
    HEADER_DAMAGED, /* our magic, but the checksum does not fit */
    HEADER_OTHER,   /* a good header of another layout or other sizes */
    HEADER_BLANK,   /* nothing but zeros: a power cut, or a file that was emptied */
    HEADER_FOREIGN  /* anything else: somebody's own file */
};

/* Fills the page of a new file. */
void header_make(struct layout_header *header, uint64_t created_unix_ms);

enum header_verdict header_check(const struct layout_header *header);

/* CRC-32C (Castagnoli), bit by bit: it runs over 56 bytes when a file is opened. */
uint32_t header_crc32c(const void *bytes, size_t len);

#endif
