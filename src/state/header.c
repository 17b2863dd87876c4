/* header.c - makes and checks the first page of the state file. */
#include "state/header.h"

#include <stdbool.h>
#include <string.h>

#include "base/entropy.h"

uint32_t
header_crc32c(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

void
header_make(struct layout_header *header, uint64_t created_unix_ms)
{
    memset(header, 0, sizeof(*header));
    header->identity = (struct layout_identity){.magic = LAYOUT_MAGIC,
                                                .layout = LAYOUT_NUMBER,
                                                .header_bytes = LAYOUT_HEADER_BYTES,
                                                .cell_bytes = LAYOUT_CELL_BYTES,
                                                .cells = LAYOUT_CELLS,
                                                .file_bytes = LAYOUT_FILE_BYTES,
                                                .created_unix_ms = created_unix_ms};
    entropy_fill(header->identity.uuid, sizeof(header->identity.uuid));
    header->checksum = header_crc32c(&header->identity, sizeof(header->identity));
    header->checksum_inverted = ~header->checksum;
}

static bool
is_blank(const struct layout_header *header)
{
    static const struct layout_header zero;
    return memcmp(header, &zero, sizeof(zero)) == 0;
}

enum header_verdict
header_check(const struct layout_header *header)
{
    const struct layout_identity *identity = &header->identity;
    if (identity->magic != LAYOUT_MAGIC)
        return is_blank(header) ? HEADER_BLANK : HEADER_FOREIGN;

    uint32_t checksum = header_crc32c(identity, sizeof(*identity));
    if (header->checksum != checksum || header->checksum_inverted != ~checksum)
        return HEADER_DAMAGED;

    bool ours = identity->layout == LAYOUT_NUMBER &&
                identity->header_bytes == LAYOUT_HEADER_BYTES &&
                identity->cell_bytes == LAYOUT_CELL_BYTES && identity->cells == LAYOUT_CELLS &&
                identity->file_bytes == LAYOUT_FILE_BYTES;
    return ours ? HEADER_OURS : HEADER_OTHER;
}
