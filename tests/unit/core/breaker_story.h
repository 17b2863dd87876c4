/* breaker_story.h - plays a story told in the specification's vector notation against the pure
 * breaker, with a single-threaded stand-in for the cell of the state file.
 *
 *   A@2001 N(9999)       admit at 2001 ms: rejected, wait 9999 (N alone: whatever the wait;
 *                        N(cool), N(busy), N(forced): whatever the wait, for this reason)
 *   A@0 Y                admitted; P as a probe, R as a last resort, free under a forced close
 *   A@1001 P P P N       four calls, one after the other (what follows the answers begins with ";"
 *                        or a new line where it could be read as one more of them)
 *   A a,b,c@0 Y          three calls, named, all with this answer
 *   L@5 R                the same for the last candidate of a route
 *   F@0                  the last call admitted (or one admitted at 0) reports a failure
 *   S s I T              … success, slow success, ignored, trip
 *   start end            … a stream's good first event (its call goes on), its verified end
 *   F a,b@7   5xF@0      calls by name; five failures, F(60000)@0: with a stated wait
 *   F-killed@0           a failure that is in the window when its reporter is killed
 *   dropped              that report was stale
 *   renew a@5 Y          the probe's lease begins anew (N: it is no probe any more)
 *   cool(43)@0           the upstream asks for rest
 *   force-open@0 force-closed metrics-only auto reset      force-open(500)@0: until 500
 *   -> C(2)  O(12000)  H          closed with two failures in a row; open until; half-open
 *
 * Times count from STORY_BASE_MS.
 */
#ifndef POSTERN_TESTS_BREAKER_STORY_H
#define POSTERN_TESTS_BREAKER_STORY_H

#include <stdint.h>

#include "core/breaker.h"
#include "core/window.h"

#define STORY_BASE_MS UINT64_C(1700000000000)

struct story {
    struct breaker_rules rules;
    struct breaker_words words;
    uint64_t count_window;
    uint64_t buckets[WINDOW_BUCKETS];
    uint64_t now_ms;
    struct breaker_permit last;      /* of the last call admitted */
    struct breaker_permit named[26]; /* a … z */
    enum breaker_effect effect;      /* of the last report */
    const char *text, *at;           /* what is being played, and how far */
};

struct story story_begin(const struct breaker_rules *rules);

/* Fails the test at the first sentence that is not true, and shows it. May be called again: the
 * story goes on. */
void story_tell(struct story *story, const char *text);

/* Begins and tells. */
struct story story_play(const struct breaker_rules *rules, const char *text);

/* The cell's part, for tests that are no stories. */
struct breaker_permit story_admit(struct story *story, bool last_resort);
void story_report(struct story *story, struct breaker_permit *permit,
                  const struct breaker_report *report);

#endif
