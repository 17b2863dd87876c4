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
    unsigned count;
    const char *upstream; /* whose answer the client got; NULL: ours */
    int status;           /* that the client got; 499: it left before */
    uint64_t bytes;       /* of the body that was sent */
    uint64_t upstream_us; /* spent inside attempts */
    bool was_cut;         /* the answer began and failed */
};

/* One attempt ended, or is about to be answered from. A list that is full gets no further names. */
void account_attempt(struct account *account, const char *upstream, const char *word);

#endif
