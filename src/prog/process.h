/* process.h - what the process does to itself before it serves anybody. */
#ifndef POSTERN_PROG_PROCESS_H
#define POSTERN_PROG_PROCESS_H

#include <stdint.h>

/* No core file, and no look into our memory or environment for other processes of the same user:
 * they hold keys and prompts. First of all. */
void process_harden(void);

/* Keeps what every thread reserves small, where a hosting company bounds the address space: the
 * allocator's heaps, and the stacks of threads that libraries start. Before the first thread. */
void process_bound_memory(void);

/* Descriptors 0 to 2 exist afterwards, so that no socket or file becomes standard error by
 * accident. */
void process_open_standard_fds(void);

struct process_limits {
    unsigned descriptors;   /* so many there may be */
    uint64_t address_bytes; /* of memory that may be reserved; UINT64_MAX: as much as there is */
};

/* Raises the soft limit of descriptors to the hard one. */
struct process_limits process_limits(void);

/* How many requests can run at once with that much, at most `wanted`, at least 1. */
unsigned process_clamp_threads(unsigned wanted, const struct process_limits *limits);

#endif
