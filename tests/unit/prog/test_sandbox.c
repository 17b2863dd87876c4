/* What a process can still do behind the walls, and what not: tried in a child, which stays behind
 * them. Where the kernel lacks one, what it keeps out is not tried. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/trust.h"
#include "prog/sandbox.h"
#include "state/spool.h"

#ifdef __SANITIZE_ADDRESS__
#define HAS_LEAK_CHECKER true
#else
#define HAS_LEAK_CHECKER false
#endif

#define PATH_BYTES 160

static char root[PATH_BYTES / 2];
static struct config_sources sources;
static struct config config;
static struct sandbox offer;

/* Below the root; good for a few at a time. */
static const char *
at(const char *name)
{
    static char paths[8][PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    (void)snprintf(path, PATH_BYTES, "%s/%s", root, name);
    return path;
}

static void
make_file(const char *name)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* The places for temporary files are open, so this stands somewhere else. */
static int
make_places(void **state)
{
    static const char *const directories[] = {"etc", "state", "log", "other", "home", "spool"};
    (void)state;
    (void)snprintf(root, sizeof(root), "/dev/shm/postern-sandbox.XXXXXX");
    if (!mkdtemp(root)) {
        (void)snprintf(root, sizeof(root), "postern-sandbox.XXXXXX"); /* in the build directory */
        if (!mkdtemp(root))
            return -1;
    }
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        (void)mkdir(at(directories[i]), 0700);
    make_file("etc/env");
    make_file("other/file");
    make_file("log/log");
    sources = (struct config_sources){.home_dir = at("home"), .sysconfdir = NULL};
    config = (struct config){.env_path = strdup(at("etc/env")),
                             .state_path = strdup(at("state/file")),
                             .log_path = strdup(at("log/log")),
                             .spool_dir = strdup(at("spool"))};
    offer = sandbox_offer();
    return 0;
}

static int
drop_places(void **state)
{
    static const char *const entries[] = {"etc/env", "other/file", "log/log", "etc",  "state",
                                          "log",     "other",      "home",    "spool"};
    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        (void)remove(at(entries[i]));
    free((char *)(uintptr_t)config.env_path);
    free((char *)(uintptr_t)config.state_path);
    free((char *)(uintptr_t)config.log_path);
    free((char *)(uintptr_t)config.spool_dir);
    return rmdir(root);
}

/* Runs `trial` behind the walls. It returns the line of what went wrong; 0: nothing. */
static void
behind_the_walls(const struct config *known, int (*trial)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)sandbox_enter(&sources, known, NULL);
        _exit(trial());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0)
        fail_msg("the trial failed in line %d (or 256 behind it)", WEXITSTATUS(status));
}

#define MUST(condition)                                                                            \
    do { /* house: control flow in a macro, because the child has but a number to say it with */   \
        if (!(condition))                                                                          \
            return __LINE__ % 256;                                                                 \
    } while (0)

static bool
can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* --- files ---------------------------------------------------------------- */

static int
try_reading(void)
{
    MUST(can_open(at("etc/env"), O_RDONLY));
    MUST(can_open("/etc/passwd", O_RDONLY));
    MUST(can_open("/proc/sys/kernel/random/boot_id", O_RDONLY));
    MUST(can_open("/dev/null", O_RDWR));
    MUST(!can_open(at("other/file"), O_RDONLY) && errno == EACCES);
    MUST(!can_open(root, O_RDONLY | O_DIRECTORY));
    MUST(trust_is_kept_out(at("other/file"), R_OK));
    return 0;
}

static int
try_writing(void)
{
    MUST(!can_open(at("etc/env"), O_WRONLY) && errno == EACCES);
    MUST(!can_open(at("etc/new"), O_WRONLY | O_CREAT) && errno == EACCES);
    MUST(trust_is_kept_out(at("etc/new"), W_OK));
    MUST(!can_open(at("other/new"), O_WRONLY | O_CREAT));
    MUST(symlink("/etc/passwd", at("state/link")) != 0);
    MUST(can_open(at("log/log"), O_WRONLY | O_APPEND));
    MUST(rename(at("log/log"), at("log/log.1")) == 0);
    MUST(can_open(at("log/log"), O_WRONLY | O_CREAT));
    MUST(unlink(at("log/log.1")) == 0);
    MUST(can_open("/tmp", O_RDWR | O_TMPFILE) || errno == EOPNOTSUPP);
    uint64_t max_bytes = 4096;
    MUST(spool_open(at("spool"), &max_bytes) >= 0);
    return 0;
}

/* As state/create.c does it both ways, and sets a damaged one aside. */
static int
try_making_a_state_file(void)
{
    char link[64];
    int fd = open(at("state"), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        MUST(linkat(AT_FDCWD, link, AT_FDCWD, at("state/file"), AT_SYMLINK_FOLLOW) == 0);
        MUST(fchmod(fd, 0660) == 0);
        MUST(unlink(at("state/file")) == 0);
    }
    MUST(can_open(at("state/new"), O_RDWR | O_CREAT | O_EXCL));
    MUST(truncate(at("state/new"), 4096) == 0);
    MUST(rename(at("state/new"), at("state/file")) == 0);
    MUST(rename(at("state/file"), at("state/bad")) == 0);
    MUST(unlink(at("state/bad")) == 0);
    return 0;
}

static void
only_configured_places_are_reached(void **state)
{
    (void)state;
    if (offer.landlock == 0)
        skip();
    behind_the_walls(&config, try_reading);
    behind_the_walls(&config, try_writing);
    behind_the_walls(&config, try_making_a_state_file);
}

static int
try_other_files(void)
{
    MUST(can_open(at("other/file"), O_RDWR));
    MUST(!trust_is_kept_out(at("other/file"), R_OK));
    return 0;
}

static void
without_a_configuration_files_stay_open(void **state)
{
    (void)state;
    behind_the_walls(NULL, try_other_files);
}

/* --- calls ---------------------------------------------------------------- */

static int
try_programs(void)
{
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    MUST(execv("/bin/true", arguments) != 0 && (errno == EPERM || errno == EACCES));
    MUST(HAS_LEAK_CHECKER || (fork() < 0 && errno == EPERM));
    MUST(HAS_LEAK_CHECKER || (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) < 0));
    return 0;
}

static int
try_other_rights(void)
{
    struct iovec nothing = {NULL, 0};
    MUST(HAS_LEAK_CHECKER || (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 && errno == EPERM));
    MUST(process_vm_readv(getppid(), &nothing, 1, &nothing, 1, 0) != 0 && errno == EPERM);
    MUST(syscall(SYS_setuid, getuid()) != 0 && errno == EPERM);
    MUST(unshare(CLONE_NEWUSER) != 0 && errno == EPERM);
    MUST(chroot("/") != 0 && errno == EPERM);
    MUST(kill(getppid(), 0) != 0 && errno == EPERM);
    MUST(HAS_LEAK_CHECKER || (syscall(SYS_tgkill, getppid(), getppid(), 0) != 0 && errno == EPERM));
    MUST(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
    MUST(syscall(SYS_tkill, getppid(), 0) != 0 && errno == EPERM);
    MUST(HAS_LEAK_CHECKER ||
         (syscall(SYS_prlimit64, getppid(), RLIMIT_CPU, NULL, NULL) != 0 && errno == EPERM));
    MUST(syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, NULL) == 0);
    MUST(fcntl(STDERR_FILENO, F_SETOWN, getppid()) != 0 && errno == EPERM);
    MUST(fcntl(STDERR_FILENO, F_SETSIG, SIGKILL) != 0 && errno == EPERM);
    MUST(fcntl(STDERR_FILENO, F_GETFD) >= 0);
    MUST(chmod(at("log/log"), 0666) != 0 && errno == EPERM);
    MUST(chown(at("log/log"), getuid(), getgid()) != 0 && errno == EPERM);
    MUST(syscall(425, 1, NULL) < 0 && errno == ENOSYS); /* io_uring_setup */
    MUST(syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == EPERM);
    MUST(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 && errno == EAFNOSUPPORT);
    MUST(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) < 0 && errno == EAFNOSUPPORT);
    return 0;
}

static void
no_program_no_process_and_no_other_rights_are_had(void **state)
{
    (void)state;
    if (!offer.seccomp)
        skip();
    behind_the_walls(NULL, try_programs);
    behind_the_walls(&config, try_programs);
    behind_the_walls(&config, try_other_rights);
}

static int
try_listening(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    MUST(bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 && errno == EACCES);
    return 0;
}

static void
no_further_port_is_listened_on(void **state)
{
    (void)state;
    if (offer.landlock < 4)
        skip();
    behind_the_walls(&config, try_listening);
}

/* --- what must go on ------------------------------------------------------ */

static void *
say_so(void *did_run)
{
    *(bool *)did_run = true;
    return NULL;
}

static int
try_work(void)
{
    pthread_t thread;
    bool did_run = false;
    MUST(pthread_create(&thread, NULL, say_so, &did_run) == 0);
    MUST(pthread_join(thread, NULL) == 0 && did_run);
    struct addrinfo *found = NULL;
    MUST(getaddrinfo("localhost", "443", NULL, &found) == 0);
    freeaddrinfo(found);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in nobody = {
        .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    MUST(fd >= 0);
    MUST(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) != 0 && errno == ECONNREFUSED);
    (void)close(fd);
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    (void)close(fd);
    return 0;
}

static void
threads_names_and_connections_are_as_before(void **state)
{
    (void)state;
    behind_the_walls(&config, try_work);
    behind_the_walls(NULL, try_work);
}

static void
the_walls_that_stand_are_told(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox now = sandbox_enter(&sources, &config, NULL);
        bool is_all = now.no_new_privs == offer.no_new_privs && now.landlock == offer.landlock &&
                      now.seccomp == offer.seccomp;
        _exit(is_all ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_configured_places_are_reached),
        cmocka_unit_test(without_a_configuration_files_stay_open),
        cmocka_unit_test(no_program_no_process_and_no_other_rights_are_had),
        cmocka_unit_test(no_further_port_is_listened_on),
        cmocka_unit_test(threads_names_and_connections_are_as_before),
        cmocka_unit_test(the_walls_that_stand_are_told),
    };
    return cmocka_run_group_tests_name("prog/sandbox", tests, make_places, drop_places);
}
