/* breaker.c - who may pass: admission, leases, the operator's hand, and what people are shown. */
#include "core/breaker.h"

#include <stddef.h>

#include "core/breaker_time.h"
#include "core/breaker_word.h"

#define BUSY_WAIT_MS 1000u /* a probe's verdict may come at any moment: ask again soon */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- admission ------------------------------------------------------------ */

static struct breaker_permit
permit_for(const struct breaker_word *word, enum breaker_answer answer, uint64_t wait_ms)
{
    return (struct breaker_permit){
        .answer = answer, .generation = word->generation, .wait_ms = wait_ms};
}

static struct breaker_permit
probe(struct breaker_word *word, uint64_t now_ms, const struct breaker_rules *rules)
{
    breaker_time_start_lease(word, now_ms, rules);
    return permit_for(word, BREAKER_PROBE, 0);
}

static struct breaker_permit
admit_open(struct breaker_word *word, uint64_t now_ms, const struct breaker_rules *rules)
{
    uint64_t left_ms = breaker_time_open_left_ms(word, now_ms, rules);
    if (left_ms > 0)
        return permit_for(word, BREAKER_REJECTED_OPEN, left_ms);
    if (rules->permits == 0)
        return permit_for(word, BREAKER_ADMITTED, 0);
    breaker_word_half_open(word);
    word->issued = 1;
    return probe(word, now_ms, rules);
}

static struct breaker_permit
admit_half_open(struct breaker_word *word, uint64_t now_ms, const struct breaker_rules *rules)
{
    if (rules->permits == 0) /* another process's rules brought it here; ours let everybody try */
        return permit_for(word, BREAKER_ADMITTED, 0);
    if (word->issued < rules->permits && word->issued < BREAKER_WORD_VOTES_MAX) {
        word->issued++;
        return probe(word, now_ms, rules);
    }
    uint64_t left_ms = breaker_time_lease_left_ms(word, now_ms, rules);
    if (left_ms > 0) {
        return permit_for(word, BREAKER_REJECTED_BUSY,
                          left_ms < BUSY_WAIT_MS ? left_ms : BUSY_WAIT_MS);
    }
    /* Reclaim: the votes cast are kept, the silent probes are fenced off. */
    breaker_word_fence(word);
    word->issued = word->ok + word->fail + 1;
    if (word->issued > BREAKER_WORD_VOTES_MAX)
        word->issued = BREAKER_WORD_VOTES_MAX;
    return probe(word, now_ms, rules);
}

static struct breaker_permit
admit_by_state(struct breaker_word *word, uint64_t now_ms, const struct breaker_rules *rules)
{
    switch (word->state) {
    case BREAKER_OPEN:
        return admit_open(word, now_ms, rules);
    case BREAKER_HALF_OPEN:
        return admit_half_open(word, now_ms, rules);
    case BREAKER_CLOSED:
        break;
    }
    return permit_for(word, BREAKER_ADMITTED, 0);
}

/* The word as it is once an override that has run out is lifted. */
static uint64_t
lift_expired_override(const struct breaker_words *words, uint64_t now_ms)
{
    if (breaker_word_decode(words->control).override == BREAKER_AUTO ||
        words->override_until_ms == 0 || now_ms < words->override_until_ms)
        return words->control;
    return breaker_override(words->control, BREAKER_AUTO, now_ms);
}

struct breaker_permit
breaker_admit(const struct breaker_words *words, uint64_t now_ms, const struct breaker_rules *rules,
              uint64_t *next)
{
    *next = lift_expired_override(words, now_ms);
    struct breaker_word word = breaker_word_decode(*next);
    switch (word.override) {
    case BREAKER_FORCED_OPEN:
        return permit_for(&word, BREAKER_REJECTED_FORCED, 0);
    case BREAKER_FORCED_CLOSED:
        return permit_for(&word, BREAKER_FREE, 0);
    case BREAKER_METRICS_ONLY:
        return permit_for(&word, BREAKER_ADMITTED, 0);
    case BREAKER_AUTO:
        break;
    }
    uint64_t cool_ms = breaker_time_cool_left_ms(words->cool_until_ms, now_ms, rules);
    if (cool_ms > 0)
        return permit_for(&word, BREAKER_REJECTED_COOL, cool_ms);
    struct breaker_permit permit = admit_by_state(&word, now_ms, rules);
    if (permit.answer == BREAKER_PROBE)
        *next = breaker_word_encode(&word);
    return permit;
}

struct breaker_permit
breaker_admit_last_resort(const struct breaker_words *words, uint64_t now_ms,
                          const struct breaker_rules *rules, uint64_t *next)
{
    struct breaker_words rested = *words;
    rested.cool_until_ms = 0;
    struct breaker_permit permit = breaker_admit(&rested, now_ms, rules, next);
    if (permit.answer == BREAKER_REJECTED_OPEN || permit.answer == BREAKER_REJECTED_BUSY) {
        permit.answer = BREAKER_LAST_RESORT;
        permit.wait_ms = 0;
    }
    return permit;
}

/* --- between admission and report ----------------------------------------- */

static bool
is_probe_of(const struct breaker_permit *permit, const struct breaker_word *word)
{
    return permit->answer == BREAKER_PROBE && word->state == BREAKER_HALF_OPEN &&
           permit->generation == word->generation;
}

bool
breaker_renew(uint64_t control, const struct breaker_permit *permit, uint64_t now_ms,
              const struct breaker_rules *rules, uint64_t *next)
{
    struct breaker_word word = breaker_word_decode(control);
    *next = control;
    if (!is_probe_of(permit, &word))
        return false;
    breaker_time_start_lease(&word, now_ms, rules);
    *next = breaker_word_encode(&word);
    return true;
}

struct breaker_permit
breaker_follow(uint64_t control, const struct breaker_permit *permit)
{
    struct breaker_word word = breaker_word_decode(control);
    if (!breaker_is_admitted(permit) || permit->answer == BREAKER_FREE)
        return *permit;
    if (word.state == BREAKER_CLOSED || is_probe_of(permit, &word))
        return permit_for(&word, BREAKER_ADMITTED, 0);
    return *permit;
}

uint64_t
breaker_cool(uint64_t cool_until_ms, uint64_t now_ms, uint64_t stated_wait_ms,
             const struct breaker_rules *rules)
{
    uint64_t wait_ms = breaker_time_stated_ms(stated_wait_ms, rules);
    if (wait_ms <= breaker_time_cool_left_ms(cool_until_ms, now_ms, rules))
        return cool_until_ms;
    return now_ms + wait_ms;
}

/* --- the operator's hand -------------------------------------------------- */

uint64_t
breaker_override(uint64_t control, enum breaker_override override, uint64_t now_ms)
{
    struct breaker_word word = breaker_word_decode(control);
    if (override == BREAKER_METRICS_ONLY && word.state != BREAKER_CLOSED) {
        breaker_word_close(&word, now_ms);
    } else if (word.state == BREAKER_HALF_OPEN) {
        breaker_word_open(&word,
                          now_ms); /* its probes are fenced off: the next call is a new one */
    } else {
        breaker_word_fence(&word);
    }
    word.override = override;
    return breaker_word_encode(&word);
}

uint64_t
breaker_reset(uint64_t control, uint64_t now_ms)
{
    struct breaker_word word = breaker_word_decode(control);
    breaker_word_close(&word, now_ms);
    word.override = BREAKER_AUTO;
    word.level = 0;
    return breaker_word_encode(&word);
}

/* --- for people ----------------------------------------------------------- */

struct breaker_view
breaker_view(const struct breaker_words *words, uint64_t now_ms, const struct breaker_rules *rules)
{
    uint64_t next;
    struct breaker_permit permit = breaker_admit(words, now_ms, rules, &next);
    struct breaker_word word = breaker_word_decode(lift_expired_override(words, now_ms));
    struct breaker_view view = {.override = word.override,
                                .state = word.state,
                                .generation = word.generation,
                                .level = word.level,
                                .consecutive_failures = word.failures,
                                .wait_ms = permit.wait_ms};
    /* Nobody closes an open breaker but the next caller, so its time may be long over. */
    if (word.state == BREAKER_OPEN && breaker_time_open_left_ms(&word, now_ms, rules) == 0)
        view.state = BREAKER_HALF_OPEN;
    return view;
}

bool
breaker_is_admitted(const struct breaker_permit *permit)
{
    switch (permit->answer) {
    case BREAKER_ADMITTED:
    case BREAKER_PROBE:
    case BREAKER_FREE:
    case BREAKER_LAST_RESORT:
        return true;
    case BREAKER_REJECTED_OPEN:
    case BREAKER_REJECTED_BUSY:
    case BREAKER_REJECTED_COOL:
    case BREAKER_REJECTED_FORCED:
        break;
    }
    return false;
}

const char *
breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {
        [BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};
    return (size_t)state < COUNT_OF(names) ? names[state] : "unknown";
}

const char *
breaker_override_name(enum breaker_override override)
{
    static const char *const names[] = {[BREAKER_AUTO] = "auto",
                                        [BREAKER_FORCED_OPEN] = "forced_open",
                                        [BREAKER_FORCED_CLOSED] = "forced_closed",
                                        [BREAKER_METRICS_ONLY] = "metrics_only"};
    return (size_t) override < COUNT_OF(names) ? names[override] : "unknown";
}

const char *
breaker_answer_name(enum breaker_answer answer)
{
    static const char *const names[] = {[BREAKER_ADMITTED] = "admitted",
                                        [BREAKER_PROBE] = "probe",
                                        [BREAKER_FREE] = "free",
                                        [BREAKER_LAST_RESORT] = "last_resort",
                                        [BREAKER_REJECTED_OPEN] = "rejected_open",
                                        [BREAKER_REJECTED_BUSY] = "rejected_busy",
                                        [BREAKER_REJECTED_COOL] = "rejected_cool",
                                        [BREAKER_REJECTED_FORCED] = "rejected_forced"};
    return (size_t)answer < COUNT_OF(names) ? names[answer] : "unknown";
}
