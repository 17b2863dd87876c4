/* anchor.c - ties the boot clock to the state file. */
#include "state/anchor.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/header.h"

#define UNIX_BITS 42
#define UNIX_MASK ((UINT64_C(1) << UNIX_BITS) - 1)
#define TAG_MASK ((UINT32_C(1) << 22) - 1)
#define SAME_BOOT_MS 2000 /* without a tag: two anchors this close are of one boot */

static size_t
read_boot_id(char *out, size_t room)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, out, room);
    (void)close(fd);
    return got > 0 ? (size_t)got : 0;
}

static uint32_t
read_tag(void)
{
    char text[64 + sizeof(uint64_t)] = "";
    size_t len = read_boot_id(text, 64);
    if (len == 0)
        return ANCHOR_UNKNOWN_BOOT;

    /* Another time namespace has another boot clock. Kernels without them have no such file. */
    struct stat st;
    uint64_t time_namespace = stat("/proc/self/ns/time", &st) == 0 ? (uint64_t)st.st_ino : 0;
    memcpy(text + len, &time_namespace, sizeof(time_namespace));
    uint32_t tag = header_crc32c(text, len + sizeof(time_namespace)) & TAG_MASK;
    return tag > ANCHOR_UNKNOWN_BOOT ? tag : ANCHOR_UNKNOWN_BOOT + 1;
}

struct anchor_boot
anchor_read(void)
{
    return (struct anchor_boot){
        .tag = read_tag(), .boot_ms = clock_boot_ms(), .unix_ms = clock_unix_ms()};
}

static bool
is_of_boot(uint64_t word, uint32_t tag, uint64_t own_ms)
{
    if (word == 0)
        return false;
    if (tag != ANCHOR_UNKNOWN_BOOT)
        return word >> UNIX_BITS == tag;
    uint64_t stored_ms = word & UNIX_MASK;
    uint64_t apart_ms = stored_ms > own_ms ? stored_ms - own_ms : own_ms - stored_ms;
    return apart_ms < SAME_BOOT_MS;
}

uint64_t
anchor_adopt(_Atomic uint64_t *word, const struct anchor_boot *boot)
{
    uint64_t own_ms = boot->unix_ms > boot->boot_ms ? boot->unix_ms - boot->boot_ms : 0;
    own_ms = own_ms < UNIX_MASK ? own_ms : UNIX_MASK;

    uint64_t seen = atomic_load(word);
    if (is_of_boot(seen, boot->tag, own_ms))
        return seen & UNIX_MASK;
    uint64_t own = (uint64_t)boot->tag << UNIX_BITS | own_ms;
    if (atomic_compare_exchange_strong(word, &seen, own))
        return own_ms;
    /* Another process was faster: one of this boot has said what counts, any other one has not. */
    return is_of_boot(seen, boot->tag, own_ms) ? seen & UNIX_MASK : own_ms;
}
