/* landlock.c - the kernel's three calls, by number: the C library has none of them. */
#include "prog/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What came after the headers of Debian 12. */
#define TRUNCATE (UINT64_C(1) << 14)    /* version 3 */
#define BIND_TCP UINT64_C(1)            /* version 4 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1) /* version 6 */

/* struct landlock_ruleset_attr as version 6 has it; older kernels take as much of it as they know.
 */
struct ruleset {
    uint64_t files, ports, scoped;
};

#define FIRST_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* version 1 */
#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS                                                                               \
    (READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER |        \
     TRUNCATE)
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)

int
landlock_version(void)
{
    long version =
        syscall(__NR_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

/* What is shut, unless a rule opens it. */
static struct ruleset
rights_of(int version)
{
    struct ruleset rights = {.files = FIRST_RIGHTS};
    if (version >= 2)
        rights.files |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        rights.files |= TRUNCATE;
    if (version >= 4)
        rights.ports = BIND_TCP; /* the socket we listen on is there already */
    if (version >= 6)
        rights.scoped = SCOPE_SIGNAL;
    return rights;
}

struct landlock
landlock_new(void)
{
    int version = landlock_version();
    struct ruleset rights = rights_of(version);
    size_t size = version >= 6   ? sizeof(rights)
                  : version >= 4 ? offsetof(struct ruleset, scoped)
                                 : offsetof(struct ruleset, ports);
    int fd = version > 0 ? (int)syscall(__NR_landlock_create_ruleset, &rights, size, 0) : -1;
    return (struct landlock){fd, version};
}

static uint64_t
rights_for(enum landlock_use use, bool is_directory)
{
    static const uint64_t rights[] = {
        [LANDLOCK_READ] = READ_RIGHTS,
        [LANDLOCK_WRITE] = WRITE_RIGHTS,
        [LANDLOCK_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
    };
    return rights[use] & (is_directory ? UINT64_MAX : FILE_RIGHTS);
}

void
landlock_allow(const struct landlock *landlock, const char *path, enum landlock_use use)
{
    struct stat st;
    int fd = landlock->fd >= 0 ? open(path, O_PATH | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0) {
        uint64_t known = rights_of(landlock->version).files;
        struct landlock_path_beneath_attr rule = {
            .allowed_access = known & rights_for(use, S_ISDIR(st.st_mode)), .parent_fd = fd};
        (void)syscall(__NR_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(fd);
}

bool
landlock_enter(struct landlock *landlock)
{
    if (landlock->fd < 0)
        return false;
    bool is_in_force = syscall(__NR_landlock_restrict_self, landlock->fd, 0) == 0;
    (void)close(landlock->fd);
    landlock->fd = -1;
    return is_in_force;
}
