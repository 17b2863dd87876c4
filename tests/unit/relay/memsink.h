/* memsink.h - a client in memory: keeps what it is sent, and goes away when a test says so. */
#ifndef POSTERN_TESTS_MEMSINK_H
#define POSTERN_TESTS_MEMSINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "relay/sink.h"

struct memsink {
    struct sink sink;
    int status; /* 0: no head came */
    unsigned heads, flushes;
    bool was_aborted;
    bool has_ended;
    struct buf head; /* "Name: value\n" … */
    struct buf body;
    atomic_bool is_gone; /* from any thread, by memsink_leave() */
    size_t room;         /* bytes of body after which a write fails; SIZE_MAX: none */
    int wake[2];         /* a pipe: its reading end is waited for */
    struct pollfd waits[SINK_WAITS];
    void (*on_bytes)(void *self, struct span bytes); /* may be NULL */
    void *self;
};

void memsink_init(struct memsink *sink);
void memsink_fini(struct memsink *sink);

/* The client hangs up. Safe from any thread. */
void memsink_leave(struct memsink *sink);
/* Wakes whoever waits, as the end of the process does. */
void memsink_wake(struct memsink *sink);

/* A header's value in static memory, or NULL. The last one asked for is forgotten. */
const char *memsink_header(const struct memsink *sink, const char *name);
unsigned memsink_count(const struct memsink *sink, const char *name);

/* The body without heartbeats, in memory of the sink. */
const char *memsink_body(struct memsink *sink);

#endif
