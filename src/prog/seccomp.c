/* seccomp.c - the list, and the program of the kernel's filter that is made of it. */
#include "prog/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0 /* no filter for it */
#endif

/* A leak checker stops the process from a child that it makes without exec. */
#ifdef __SANITIZE_ADDRESS__
#define HAS_LEAK_CHECKER 1
#else
#define HAS_LEAK_CHECKER 0
#endif

/* house: formatted by hand, by what the calls are for */
/* clang-format off */
static const uint32_t refused[] = {
    /* other programs and processes */
    __NR_execve, __NR_execveat, __NR_kill, __NR_tkill, __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo,
    __NR_unshare, __NR_setns, __NR_personality,
    /* other processes' memory and files */
    __NR_process_vm_readv, __NR_process_vm_writev, __NR_kcmp,
    /* other users, more rights */
    __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, __NR_setresgid,
    __NR_setfsuid, __NR_setfsgid, __NR_setgroups, __NR_capset,
    __NR_add_key, __NR_request_key, __NR_keyctl,
    /* file systems and devices */
    __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_swapon, __NR_swapoff,
    __NR_fchmodat, 452 /* fchmodat2 */, __NR_fchown, __NR_fchownat,
    __NR_setxattr, __NR_lsetxattr, __NR_fsetxattr,
    __NR_quotactl, __NR_mknodat, __NR_name_to_handle_at, __NR_open_by_handle_at,
    __NR_fanotify_init,
    /* the kernel and the machine */
    __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load, __NR_bpf,
    __NR_perf_event_open, __NR_userfaultfd, __NR_reboot, __NR_acct, __NR_syslog,
    __NR_settimeofday, __NR_clock_settime, __NR_adjtimex, __NR_clock_adjtime,
    __NR_sethostname, __NR_setdomainname, __NR_vhangup, __NR_lookup_dcookie,
#ifdef __x86_64__
    __NR_chmod, __NR_chown, __NR_lchown, __NR_fork, __NR_vfork, __NR_mknod, __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_uselib,
    __NR_kexec_file_load, __NR_create_module, __NR_ustat, __NR_sysfs,
#endif
#if !HAS_LEAK_CHECKER
    __NR_ptrace,
#endif
    /* newer than the oldest kernel's headers: the same number everywhere */
    424, /* pidfd_send_signal */
    428, /* open_tree */  429, /* move_mount */ 430, /* fsopen */   431, /* fsconfig */
    432, /* fsmount */    433, /* fspick */     438, /* pidfd_getfd */
    440, /* process_madvise */ 442, /* mount_setattr */ 448, /* process_mrelease */
};

/* Done without where it is missing, so it is missing. */
static const uint32_t missing[] = {
    425, /* io_uring_setup */ 426, /* io_uring_enter */ 427, /* io_uring_register */
    435, /* clone3, whose flags cannot be looked at: clone has taken its place everywhere */
};
/* clang-format on */

static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define RULE_COUNT (COUNT(refused) + COUNT(missing))
#define FEW 3 /* numbers that are compared with one after another */
#define PROGRAM_MAX 512

/* A call that does not do what it should. */
struct rule {
    uint32_t number;
    int error;
};

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
};
/* a comparison and an answer for each rule, and two for each choice between two halves */
_Static_assert(4 * RULE_COUNT + 2 * COUNT(families) + 48 <= PROGRAM_MAX, "raise PROGRAM_MAX");

static void
put(struct program *program, unsigned code, uint32_t value)
{
    program->code[program->len++] = (struct sock_filter){.code = (uint16_t)code, .k = value};
}

static void
put_load(struct program *program, size_t offset)
{
    put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static void
put_answer(struct program *program, int error)
{
    put(program, BPF_RET | BPF_K,
        error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* Unless the comparison holds, the next `skip` are passed over. */
static void
put_unless(struct program *program, unsigned comparison, uint32_t value, uint8_t skip)
{
    program->code[program->len++] = (struct sock_filter){
        .code = (uint16_t)(BPF_JMP | BPF_K | comparison), .jf = skip, .k = value};
}

/* The numbers are searched by halves: the kernel runs the program for each call, or, from 5.11 on,
 * for each number when it is put in force. What none is found for is allowed. */
static void
put_search(struct program *program, const struct rule *rules, size_t count)
{
    if (count > FEW) {
        size_t half = count / 2;
        put_unless(program, BPF_JGE, rules[half].number, 1);
        unsigned short jump = program->len;
        put(program, BPF_JMP | BPF_JA, 0);
        put_search(program, rules, half);
        program->code[jump].k = (uint32_t)(program->len - jump - 1);
        put_search(program, rules + half, count - half);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_unless(program, BPF_JEQ, rules[i].number, 1);
        put_answer(program, rules[i].error);
    }
    put_answer(program, 0);
}

static int
compare(const void *a, const void *b)
{
    uint32_t left = ((const struct rule *)a)->number, right = ((const struct rule *)b)->number;
    return left < right ? -1 : left > right;
}

static void
put_rules(struct program *program)
{
    struct rule rules[RULE_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(refused); i++)
        rules[count++] = (struct rule){refused[i], EPERM};
    for (size_t i = 0; i < COUNT(missing); i++)
        rules[count++] = (struct rule){missing[i], ENOSYS};
    qsort(rules, count, sizeof(rules[0]), compare); /* the order is each architecture's own */
    put_search(program, rules, count);
}

/* A thread may be made, a process not. */
static void
put_clone(struct program *program)
{
    put_unless(program, BPF_JEQ, __NR_clone, 4);
    put_load(program, offsetof(struct seccomp_data, args[0]));
    put_unless(program, BPF_JSET, CLONE_THREAD, 1);
    put_answer(program, 0);
    put_answer(program, HAS_LEAK_CHECKER ? 0 : EPERM);
}

/* A call that names a process: only of this one, or of the one that asks (0) where it may say so.
 * A leak checker stops threads of ours from another process. */
static void
put_own(struct program *program, uint32_t number, bool may_be_zero)
{
    put_unless(program, BPF_JEQ, number, may_be_zero ? 6 : 4);
    put_load(program, offsetof(struct seccomp_data, args[0]));
    if (may_be_zero) {
        put_unless(program, BPF_JEQ, 0, 1);
        put_answer(program, 0);
    }
    put_unless(program, BPF_JEQ, (uint32_t)getpid(), 1);
    put_answer(program, 0);
    put_answer(program, HAS_LEAK_CHECKER ? 0 : EPERM);
}

/* A descriptor may not send signals to whom it likes. */
static void
put_fcntl(struct program *program)
{
    static const uint32_t commands[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG};
    put_unless(program, BPF_JEQ, __NR_fcntl, 2 * COUNT(commands) + 2);
    put_load(program, offsetof(struct seccomp_data, args[1]));
    for (size_t i = 0; i < COUNT(commands); i++) {
        put_unless(program, BPF_JEQ, commands[i], 1);
        put_answer(program, EPERM);
    }
    put_answer(program, 0);
}

static void
put_socket(struct program *program)
{
    put_unless(program, BPF_JEQ, __NR_socket, 2 * COUNT(families) + 2);
    put_load(program, offsetof(struct seccomp_data, args[0]));
    for (size_t i = 0; i < COUNT(families); i++) {
        put_unless(program, BPF_JEQ, families[i], 1);
        put_answer(program, 0);
    }
    put_answer(program, EAFNOSUPPORT);
}

/* Calls of another architecture, and of the second one that x86_64 has, would go by other numbers.
 */
static void
make_program(struct program *program)
{
    put_load(program, offsetof(struct seccomp_data, arch));
    put_unless(program, BPF_JEQ, ARCH, 1);
    put(program, BPF_JMP | BPF_JA, 1);
    put_answer(program, ENOSYS);
    put_load(program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    put_unless(program, BPF_JGE, 0x40000000, 1);
    put_answer(program, ENOSYS);
#endif
    put_clone(program);
    put_own(program, __NR_tgkill, false);
    put_own(program, __NR_prlimit64, true);
    put_fcntl(program);
    put_socket(program);
    put_rules(program);
}

bool
seccomp_is_offered(void)
{
    uint32_t action = SECCOMP_RET_ERRNO;
    return ARCH != 0 && syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool
seccomp_enter(void)
{
    struct program program = {.len = 0};
    make_program(&program);
    const struct sock_fprog filter = {.len = program.len, .filter = program.code};
    if (ARCH == 0)
        return false;
    /* Older kernels would slow the whole process down for the sake of code that it does not trust:
     * there is none in it. */
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                   &filter) == 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
