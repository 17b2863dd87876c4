/* account.h - what happened to one client request, for its headers and its log line. */
#ifndef POSTERN_RELAY_ACCOUNT_H
#define POSTERN_RELAY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_ATTEMPTS_MAX 512

struct account {
    char attempts[ACCOUNT_ATTEMPTS_MAX]; /* "eu:503,us:timeout" */
    size_t attempts_len;
    bool is_full; /* a name did not fit: no later one may look as if it had come next */
    unsigned count;
    const char *upstream;   /* whose answer the client got; NULL: ours */
    int status;             /* that the client got; 499: it left before */
    uint64_t bytes;         /* of the body that was sent */
    uint64_t waited_us;     /* for upstreams, in exchanges and between tries */
    uint64_t wait_began_us; /* of the wait that is going on; 0: none is */
    bool was_cut;           /* the answer began and failed */
};

void account_wait_begin(struct account *account, uint64_t now_us);
void account_wait_end(struct account *account, uint64_t now_us);

/* Of the time since `started_us`, what was not spent waiting for an upstream. */
uint64_t account_own_us(const struct account *account, uint64_t started_us, uint64_t now_us);

/* One attempt ended, or is about to be answered from. A list that is full gets no further names. */
void account_attempt(struct account *account, const char *upstream, const char *word);

#endif
