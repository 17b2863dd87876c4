/* breaker_report.c - what an attempt's result does to its breaker. */
#include <stddef.h>

#include "core/breaker.h"
#include "core/breaker_time.h"
#include "core/breaker_word.h"

/* All that one report is judged by. */
struct hearing {
    uint64_t now_ms;
    const struct breaker_rules *rules;
    const struct breaker_permit *permit;
    const struct breaker_report *report;
    const struct breaker_totals *totals; /* NULL: no window */
};

enum ruling { UNDECIDED, OPENS, CLOSES };

/* --- whose report counts -------------------------------------------------- */

static bool
is_failure(enum breaker_verdict verdict)
{
    return verdict == BREAKER_FAIL || verdict == BREAKER_TRIP;
}

/* Under the operator's force, and without a permit, a report is statistics only. */
static bool
is_heard(const struct breaker_word *word, const struct breaker_permit *permit)
{
    if (!breaker_is_admitted(permit) || permit->answer == BREAKER_FREE)
        return false;
    return word->override == BREAKER_AUTO || word->override == BREAKER_METRICS_ONLY;
}

static bool
is_late(const struct breaker_word *word, const struct breaker_permit *permit,
        const struct breaker_rules *rules)
{
    return permit->generation != word->generation && !rules->late_count;
}

bool
breaker_wants_window(uint64_t control, const struct breaker_permit *permit,
                     const struct breaker_report *report, const struct breaker_rules *rules,
                     uint32_t *generation)
{
    struct breaker_word word = breaker_word_decode(control);
    *generation = word.generation;
    if (rules->window == BREAKER_WINDOW_NONE || word.state != BREAKER_CLOSED ||
        !is_heard(&word, permit) || is_late(&word, permit, rules))
        return false;
    switch (report->verdict) {
    case BREAKER_OK:
    case BREAKER_STARTED:
    case BREAKER_FAIL:
        return true;
    case BREAKER_TRIP: /* opens, and a new generation's window is empty */
        return word.override == BREAKER_METRICS_ONLY;
    case BREAKER_FINISHED: /* was counted when it started */
    case BREAKER_IGNORED:
        break;
    }
    return false;
}

/* --- transitions ---------------------------------------------------------- */

static enum breaker_effect
close_again(struct breaker_word *word, const struct hearing *hearing)
{
    breaker_word_close(word, hearing->now_ms);
    if (!hearing->rules->backoff_decays)
        word->level = 0;
    return BREAKER_CLOSED_AGAIN;
}

/* `attempt`: the how-manieth opening in a row. */
static enum breaker_effect
open_again(struct breaker_word *word, unsigned attempt, const struct hearing *hearing)
{
    uint64_t open_ms = breaker_time_open_ms(attempt, hearing->report, hearing->rules);
    if (word->state == BREAKER_OPEN) { /* a longer hold is not shortened by a late failure */
        uint64_t left_ms = breaker_time_open_left_ms(word, hearing->now_ms, hearing->rules);
        open_ms = open_ms > left_ms ? open_ms : left_ms;
    }
    breaker_word_open(word, hearing->now_ms + open_ms);
    word->level = attempt < BREAKER_WORD_LEVEL_MAX ? attempt : BREAKER_WORD_LEVEL_MAX;
    return BREAKER_OPENED;
}

/* Re-opening before the breaker was closed for as long as it had been open continues the backoff.
 */
static unsigned
attempt_from_closed(const struct breaker_word *word, const struct hearing *hearing)
{
    if (!hearing->rules->backoff_decays || word->level == 0)
        return 1;
    uint64_t closed_s = (hearing->now_ms / 1000 - word->since_s) & BREAKER_WORD_SINCE_MASK;
    uint64_t open_ms = breaker_time_backoff_ms(word->level, hearing->rules);
    return closed_s * 1000 < open_ms ? word->level + 1 : 1;
}

/* --- thresholds ----------------------------------------------------------- */

static bool
is_rate_reached(const struct breaker_totals *totals, const struct breaker_rules *rules)
{
    uint64_t calls = totals->calls;
    if (rules->failure_rate > 0 && UINT64_C(100) * totals->fails >= rules->failure_rate * calls)
        return true;
    return rules->slow_rate > 0 && UINT64_C(100) * totals->slows >= rules->slow_rate * calls;
}

/* resilience4j clamps it for count windows before half-open uses it. */
static unsigned
min_calls(const struct breaker_rules *rules)
{
    if (rules->window == BREAKER_WINDOW_COUNT && rules->min_calls > rules->window_size)
        return rules->window_size;
    return rules->min_calls;
}

static bool
is_window_bad(const struct hearing *hearing)
{
    const struct breaker_totals *totals = hearing->totals;
    if (!totals || totals->calls == 0 || totals->calls < min_calls(hearing->rules))
        return false;
    return is_rate_reached(totals, hearing->rules);
}

static bool
is_row_long_enough(unsigned failures, const struct breaker_rules *rules)
{
    return rules->failure_threshold > 0 && failures >= (unsigned)rules->failure_threshold;
}

/* --- closed --------------------------------------------------------------- */

static bool
must_open(const struct breaker_word *word, const struct hearing *hearing)
{
    enum breaker_verdict verdict = hearing->report->verdict;
    if (word->override == BREAKER_METRICS_ONLY)
        return false;
    if (verdict == BREAKER_TRIP || is_window_bad(hearing))
        return true;
    return verdict == BREAKER_FAIL && is_row_long_enough(word->failures, hearing->rules);
}

static enum breaker_effect
hear_closed(struct breaker_word *word, const struct hearing *hearing)
{
    enum breaker_verdict verdict = hearing->report->verdict;
    if (verdict == BREAKER_IGNORED)
        return BREAKER_NO_EFFECT;
    if (verdict == BREAKER_FINISHED) {
        word->failures = 0;
        return BREAKER_COUNTED;
    }
    if (is_failure(verdict) && word->failures < BREAKER_WORD_FAILURES_MAX)
        word->failures++;
    if (must_open(word, hearing))
        return open_again(word, attempt_from_closed(word, hearing), hearing);
    if (verdict == BREAKER_OK) /* STARTED leaves the row: only a verified end ends it */
        word->failures = 0;
    return BREAKER_COUNTED;
}

/* --- open ----------------------------------------------------------------- */

static enum breaker_effect
hear_open(struct breaker_word *word, const struct hearing *hearing)
{
    if (hearing->rules->permits > 0)
        return BREAKER_STALE;
    /* Without permits there is no half-open: the word stays OPEN and everybody tries. */
    if (hearing->report->verdict == BREAKER_IGNORED)
        return BREAKER_NO_EFFECT;
    if (!is_failure(hearing->report->verdict))
        return close_again(word, hearing);
    bool was_over = breaker_time_open_left_ms(word, hearing->now_ms, hearing->rules) == 0;
    unsigned attempt = was_over ? word->level + 1 : word->level;
    return open_again(word, attempt > 0 ? attempt : 1, hearing);
}

/* --- half-open ------------------------------------------------------------ */

static bool
is_too_slow(const struct hearing *hearing)
{
    return hearing->report->slow && hearing->rules->slow_rate > 0;
}

static void
vote(unsigned *votes, bool cast)
{
    if (cast && *votes < BREAKER_WORD_VOTES_MAX)
        (*votes)++;
}

static unsigned
votes_needed(unsigned wanted)
{
    if (wanted == 0)
        return 1;
    return wanted < BREAKER_WORD_VOTES_MAX ? wanted : BREAKER_WORD_VOTES_MAX;
}

static enum ruling
rule_by_any_failure(const struct breaker_word *word, const struct hearing *hearing)
{
    if (is_failure(hearing->report->verdict) || is_too_slow(hearing))
        return OPENS;
    return word->ok >= votes_needed(hearing->rules->permits) ? CLOSES : UNDECIDED;
}

static enum ruling
rule_by_rate(const struct breaker_word *word, const struct hearing *hearing)
{
    const struct breaker_rules *rules = hearing->rules;
    struct breaker_totals votes = {
        .calls = word->ok + word->fail, .fails = word->fail, .slows = word->slow};
    unsigned permits = votes_needed(rules->permits);
    unsigned needed = votes_needed(min_calls(rules));
    if (hearing->report->verdict == BREAKER_TRIP)
        return OPENS;
    if (votes.calls < (needed < permits ? needed : permits))
        return UNDECIDED;
    return is_rate_reached(&votes, rules) ? OPENS : CLOSES;
}

static enum breaker_effect
give_back(struct breaker_word *word, const struct breaker_permit *permit)
{
    unsigned votes = word->ok + word->fail;
    if (permit->answer != BREAKER_PROBE || permit->generation != word->generation ||
        word->issued <= votes)
        return BREAKER_NO_EFFECT;
    word->issued--;
    return BREAKER_PERMIT_RETURNED;
}

static enum breaker_effect
hear_half_open(struct breaker_word *word, const struct hearing *hearing)
{
    enum breaker_verdict verdict = hearing->report->verdict;
    if (verdict == BREAKER_IGNORED)
        return give_back(word, hearing->permit);
    if (verdict == BREAKER_FINISHED) /* its vote was cast when it started */
        return BREAKER_NO_EFFECT;
    vote(&word->ok, !is_failure(verdict));
    vote(&word->fail, is_failure(verdict));
    vote(&word->slow, hearing->report->slow);

    enum ruling ruling = hearing->rules->policy == BREAKER_RATE
                             ? rule_by_rate(word, hearing)
                             : rule_by_any_failure(word, hearing);
    switch (ruling) {
    case OPENS:
        return open_again(word, word->level + 1, hearing);
    case CLOSES:
        return close_again(word, hearing);
    case UNDECIDED:
        break;
    }
    return BREAKER_COUNTED;
}

/* --- report --------------------------------------------------------------- */

/* A call let through against the breaker's word can speak for the upstream, not against it: that it
 * would fail is what the breaker had said. */
static enum breaker_effect
hear_last_resort(struct breaker_word *word, const struct hearing *hearing)
{
    enum breaker_verdict verdict = hearing->report->verdict;
    if ((verdict != BREAKER_OK && verdict != BREAKER_STARTED) || is_too_slow(hearing))
        return BREAKER_NO_EFFECT;
    return close_again(word, hearing);
}

static enum breaker_effect
hear(struct breaker_word *word, const struct hearing *hearing)
{
    bool last_resort =
        hearing->permit->answer == BREAKER_LAST_RESORT && hearing->rules->permits > 0;
    switch (word->state) {
    case BREAKER_OPEN:
        return last_resort ? hear_last_resort(word, hearing) : hear_open(word, hearing);
    case BREAKER_HALF_OPEN:
        return last_resort ? hear_last_resort(word, hearing) : hear_half_open(word, hearing);
    case BREAKER_CLOSED:
        break;
    }
    return hear_closed(word, hearing);
}

/* house: seven parameters, because of what breaker.h says. */
enum breaker_effect
breaker_report(uint64_t control, uint64_t now_ms, const struct breaker_rules *rules,
               const struct breaker_permit *permit, const struct breaker_report *report,
               const struct breaker_totals *totals, uint64_t *next)
{
    struct breaker_word word = breaker_word_decode(control);
    struct hearing hearing = {.now_ms = now_ms,
                              .rules = rules,
                              .permit = permit,
                              .report = report,
                              .totals = rules->window == BREAKER_WINDOW_NONE ? NULL : totals};
    *next = control;
    if (!is_heard(&word, permit))
        return BREAKER_NO_EFFECT;
    if (is_late(&word, permit, rules))
        return BREAKER_STALE;
    enum breaker_effect effect = hear(&word, &hearing);
    if (effect != BREAKER_NO_EFFECT && effect != BREAKER_STALE)
        *next = breaker_word_encode(&word);
    return effect;
}
