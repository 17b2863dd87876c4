/* err.h - one failure of the outside world, told upwards.
 *
 * A function that can fail returns 0 or -1 and takes a `struct err *` last. The message is made
 * where the value is known, names the thing and the value, is lower case and has no full stop;
 * callers prefix it on the way up with err_prefix() and show it once, at the top.
 * Neither keys nor prompts go into a message.
 */
#ifndef POSTERN_BASE_ERR_H
#define POSTERN_BASE_ERR_H

/* What the caller can do about it. */
enum err_code {
    ERR_NONE = 0,
    ERR_SYSTEM,  /* a system call failed: sys_errno says how */
    ERR_SYNTAX,  /* text that does not parse */
    ERR_RANGE,   /* a value outside its limits */
    ERR_LIMIT,   /* a buffer or table is at its stated maximum */
    ERR_MEMORY,  /* the allocator gave nothing */
    ERR_DENIED,  /* refused on purpose: ownership, mode, place */
    ERR_MISSING, /* what was asked for is not there */
    ERR_PEER     /* the other end went away or broke the protocol */
};

struct err {
    enum err_code code;
    int sys_errno; /* 0 unless code is ERR_SYSTEM */
    char msg[256];
};

/* Fills `err` (may be NULL) and returns -1, so that `return err_set(…)` is the whole failure path.
 */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from errno: the message gets ": " and the system's words. */
int err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the message. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
