/* breaker.h - may this upstream be tried now? Pure: no clock, no atomics, no IO.
 *
 * The whole state of a breaker is one 64-bit word. Each function takes the word as it is and the
 * time in milliseconds of the state file's clock, and gives the word as it should be;
 * state/cell.c puts it back by compare-and-swap and asks again when that fails. A permit ties a
 * report to the generation that admitted it, so a late report of an older one changes nothing.
 *
 *      63 62 | 61 60 | 59 .... 40 | 39 .. 36 | 35 ................................. 0
 *      ovr   | state | generation | level    | payload, its meaning depends on state
 *
 *      CLOSED     failures in a row (16, saturating) << 20 | closed since, s (20)
 *      OPEN       open until, ms mod 2^36
 *      HALF_OPEN  lease_s (16) << 20 | issued (5) << 15 | ok (5) << 10 | fail (5) << 5 | slow (5)
 *
 * The word 0 is a fresh closed breaker, and every bit pattern is a legal one. Half-open permits
 * are leases: when all are out and the lease has passed, the next caller issues them anew under a
 * new generation, so a probe that died costs one lease of waiting and never a stuck breaker.
 */
#ifndef POSTERN_CORE_BREAKER_H
#define POSTERN_CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_override {
    BREAKER_AUTO,
    BREAKER_FORCED_OPEN,
    BREAKER_FORCED_CLOSED,
    BREAKER_METRICS_ONLY /* counts, never opens */
};

/* What the window of results is (core/window.h holds it). */
enum breaker_window { BREAKER_WINDOW_NONE, BREAKER_WINDOW_COUNT, BREAKER_WINDOW_TIME };

/* How half-open decides. */
enum breaker_policy { BREAKER_ANY_FAIL, BREAKER_RATE };

/* The operator's settings; all thresholds are applied by the reader, none is in the word. */
struct breaker_rules {
    int failure_threshold; /* failures in a row; 0: off; the option's "<= 0 acts as 1" is the
                              parser's business */
    uint64_t open_ms;      /* 0: an open breaker never rejects */
    enum breaker_window window;
    unsigned window_size;  /* calls (1..24) or seconds (1..3600) */
    unsigned failure_rate; /* percent of the window; 0: off */
    unsigned slow_rate;    /* percent of the window; 0: off */
    unsigned min_calls;    /* no rate verdict below it; clamped to window_size for COUNT */
    unsigned permits;      /* probes at once while half-open, 0 (everybody) to 31 */
    enum breaker_policy policy;
    uint64_t lease_ms;           /* how long a probe may be silent; breaker_renew() restarts it */
    unsigned backoff_percent;    /* next open time in percent of the last: 100 fixed, 200 doubled */
    uint64_t open_max_ms;        /* cap of the backed-off open time; at least open_ms */
    unsigned jitter_percent;     /* added to the open time, never subtracted */
    bool backoff_decays;         /* true: re-opening soon after closing continues the backoff */
    bool late_count;             /* true: reports of an older generation count (the seed's way) */
    uint64_t retry_after_max_ms; /* 0: stated waits are ignored */
    uint64_t quota_hold_ms;      /* least open time of BREAKER_TRIP; 0: as any other opening */
};

/* The words of one cell that admission reads, as they were loaded. */
struct breaker_words {
    uint64_t control;
    uint64_t cool_until_ms;     /* 0: not cooling down */
    uint64_t override_until_ms; /* 0: an override has no end */
};

enum breaker_answer {
    BREAKER_ADMITTED,    /* an ordinary call: closed, or open no more where permits is 0 */
    BREAKER_PROBE,       /* half-open, one of the permits */
    BREAKER_FREE,        /* forced closed: the report is statistics only */
    BREAKER_LAST_RESORT, /* against its word: a good report closes, a bad one is no news */
    BREAKER_REJECTED_OPEN,
    BREAKER_REJECTED_BUSY, /* half-open, every probe is out */
    BREAKER_REJECTED_COOL, /* the upstream asked for rest */
    BREAKER_REJECTED_FORCED
};

/* What an admission gives its caller, and what a report must bring back. */
struct breaker_permit {
    enum breaker_answer answer;
    uint32_t generation;
    uint64_t wait_ms; /* rejected: when asking again makes sense; 0 for FORCED: nobody knows */
};

/* What an attempt meant for the breaker. */
enum breaker_verdict {
    BREAKER_OK,       /* whole and good */
    BREAKER_STARTED,  /* a stream's good first event: closes half-open, counts in the window,
                         leaves the failures in a row as they are */
    BREAKER_FINISHED, /* the verified end of a stream that was reported STARTED: resets the failures
                         in a row, is not counted in the window again */
    BREAKER_FAIL,
    BREAKER_IGNORED, /* says nothing about the upstream; gives a probe's permit back */
    BREAKER_TRIP     /* open at once, for quota_hold_ms at least */
};

struct breaker_report {
    enum breaker_verdict verdict;
    bool slow;               /* slower than the operator's circuit_slow */
    uint64_t stated_wait_ms; /* what the upstream asked for; 0: nothing */
    uint32_t random;         /* the jitter's dice, uniform over 32 bits */
};

/* The window's sums after this report was recorded in it. */
struct breaker_totals {
    uint32_t calls, fails, slows;
};

/* What a report changed, for counters, log and journal. */
enum breaker_effect {
    BREAKER_NO_EFFECT, /* says nothing here: `next` is the word as it was */
    BREAKER_STALE,     /* of an older generation, or from before the opening: dropped */
    BREAKER_COUNTED,   /* in the word, the window or both; `next` may still be the word as it was */
    BREAKER_OPENED,
    BREAKER_CLOSED_AGAIN,
    BREAKER_PERMIT_RETURNED
};

/* May it be tried at `now_ms`? `*next` is the word to store; equal to words->control when nothing
 * needs to be written. An answer other than a rejection holds only when that store succeeded. A
 * rejection has something to store only when an override ran out. */
struct breaker_permit breaker_admit(const struct breaker_words *words, uint64_t now_ms,
                                    const struct breaker_rules *rules, uint64_t *next);

/* The last candidate of a route when its breaker rejected: a permit all the same. A cool-down is
 * passed over; then it is what breaker_admit() gives (a PROBE where one is due), else LAST_RESORT
 * of the present generation. FORCED_OPEN stays rejected. */
struct breaker_permit breaker_admit_last_resort(const struct breaker_words *words, uint64_t now_ms,
                                                const struct breaker_rules *rules, uint64_t *next);

/* Will breaker_report() want the window's totals, that is: must this report be recorded in the
 * window first? `*generation` is the one to record it under. */
bool breaker_wants_window(uint64_t control, const struct breaker_permit *permit,
                          const struct breaker_report *report, const struct breaker_rules *rules,
                          uint32_t *generation);

/* `totals` may be NULL when breaker_wants_window() said no; only a closed breaker looks at them.
 * house: seven parameters, because the word, its hour, the report and its result have different
 * owners in the loop that calls this. */
enum breaker_effect breaker_report(uint64_t control, uint64_t now_ms,
                                   const struct breaker_rules *rules,
                                   const struct breaker_permit *permit,
                                   const struct breaker_report *report,
                                   const struct breaker_totals *totals, uint64_t *next);

/* Restarts the lease of a living probe. False: it is no probe of this generation any more, and
 * `*next` equals `control`. */
bool breaker_renew(uint64_t control, const struct breaker_permit *permit, uint64_t now_ms,
                   const struct breaker_rules *rules, uint64_t *next);

/* After BREAKER_STARTED was reported: the permit for the second report. It moves to the generation
 * of a closed breaker (which that first report may have closed); a stream that comes from before a
 * breaker now open or half-open stays as late as it was. It is a probe no more: its vote is cast.
 */
struct breaker_permit breaker_follow(uint64_t control, const struct breaker_permit *permit);

/* The cool-down word after an upstream asked for `stated_wait_ms` of rest: never shortened, unless
 * the word is further away than these rules can have set it, which is how a damaged one is mended.
 */
uint64_t breaker_cool(uint64_t cool_until_ms, uint64_t now_ms, uint64_t stated_wait_ms,
                      const struct breaker_rules *rules);

/* The operator's hand. Both change the generation, so that calls under way count no more. */
uint64_t breaker_override(uint64_t control, enum breaker_override override, uint64_t now_ms);
uint64_t breaker_reset(uint64_t control, uint64_t now_ms);

/* A word, taken apart for people. An OPEN whose time has passed is shown HALF_OPEN. */
struct breaker_view {
    enum breaker_override override;
    enum breaker_state state;
    uint32_t generation;
    unsigned level;
    unsigned consecutive_failures;
    uint64_t wait_ms; /* until asking again makes sense, as breaker_admit() says; 0: now */
};
struct breaker_view breaker_view(const struct breaker_words *words, uint64_t now_ms,
                                 const struct breaker_rules *rules);

bool breaker_is_admitted(const struct breaker_permit *permit);
const char *breaker_state_name(enum breaker_state state);
const char *breaker_override_name(enum breaker_override override);
const char *breaker_answer_name(enum breaker_answer answer);

#endif
