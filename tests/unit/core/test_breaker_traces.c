/* test_breaker_traces.c - what must hold for every word, every rule and every order of calls, tried
 * on random ones; and that the seed's rules are the original service's class on every trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "breaker_profiles.h"
#include "breaker_story.h"

#define CALLS_MAX 8
#define TRACES 4000
#define STEPS 50

/* Always the same sequence, so that a failure can be seen again. */
static uint64_t
draw(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

static unsigned
draw_below(uint64_t *dice, unsigned end)
{
    return (unsigned)(draw(dice) >> 33) % end;
}

/* --- any word, any rules -------------------------------------------------- */

static struct breaker_rules
draw_rules(uint64_t *dice)
{
    return (struct breaker_rules){.failure_threshold = (int)draw_below(dice, 6),
                                  .open_ms = draw_below(dice, 20000),
                                  .window = (enum breaker_window)draw_below(dice, 3),
                                  .window_size = draw_below(dice, 40),
                                  .failure_rate = draw_below(dice, 101),
                                  .slow_rate = draw_below(dice, 101),
                                  .min_calls = draw_below(dice, 12),
                                  .permits = draw_below(dice, 5),
                                  .policy = (enum breaker_policy)draw_below(dice, 2),
                                  .lease_ms = draw_below(dice, 30000),
                                  .backoff_percent = draw_below(dice, 400),
                                  .open_max_ms = draw_below(dice, 60000),
                                  .jitter_percent = draw_below(dice, 50),
                                  .backoff_decays = draw_below(dice, 2) == 1,
                                  .late_count = draw_below(dice, 2) == 1,
                                  .retry_after_max_ms = draw_below(dice, 100000),
                                  .quota_hold_ms = draw_below(dice, 100000)};
}

/* The specification's clamp, written down a second time. */
static uint64_t
clamp_of(const struct breaker_rules *rules)
{
    uint64_t longest_ms = rules->open_ms;

    longest_ms = rules->open_max_ms > longest_ms ? rules->open_max_ms : longest_ms;
    longest_ms = rules->retry_after_max_ms > longest_ms ? rules->retry_after_max_ms : longest_ms;
    longest_ms = rules->quota_hold_ms > longest_ms ? rules->quota_hold_ms : longest_ms;
    return longest_ms * (100 + rules->jitter_percent) / 100 + 1000;
}

struct trace {
    struct story story;
    struct breaker_permit calls[CALLS_MAX];
    bool busy[CALLS_MAX];
};

static void
check_probes_out(const struct trace *trace, const struct breaker_permit *admitted)
{
    unsigned out = 0;

    if (admitted->answer != BREAKER_PROBE) {
        return;
    }
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        out += trace->busy[i] && trace->calls[i].answer == BREAKER_PROBE &&
               trace->calls[i].generation == admitted->generation;
    }
    assert_in_range(out, 1, trace->story.rules.permits);
}

static void
step_admit(struct trace *trace, unsigned call, bool last_resort)
{
    struct breaker_permit permit = story_admit(&trace->story, last_resort);

    if (!breaker_is_admitted(&permit)) {
        assert_in_range(permit.wait_ms, 0, clamp_of(&trace->story.rules));
        assert_true((permit.wait_ms == 0) == (permit.answer == BREAKER_REJECTED_FORCED));
        return;
    }
    assert_int_equal(permit.wait_ms, 0);
    trace->calls[call] = permit;
    trace->busy[call] = true;
    check_probes_out(trace, &permit);
}

/* The first half of a stream's report leaves its call busy; the second ends it. */
static void
step_report(struct trace *trace, unsigned call, uint64_t *dice)
{
    struct breaker_report report = {.verdict = (enum breaker_verdict)draw_below(dice, 6),
                                    .slow = draw_below(dice, 4) == 0,
                                    .stated_wait_ms = draw_below(dice, 200000),
                                    .random = (uint32_t)draw(dice)};
    uint64_t before = trace->story.words.control;

    story_report(&trace->story, &trace->calls[call], &report);
    enum breaker_effect effect = trace->story.effect;
    if (effect == BREAKER_NO_EFFECT || effect == BREAKER_STALE) {
        assert_true(trace->story.words.control == before);
    }
    if (report.verdict == BREAKER_STARTED) {
        bool voted = (effect == BREAKER_COUNTED || effect == BREAKER_CLOSED_AGAIN) &&
                     !trace->story.rules.late_count;
        assert_false(voted && trace->calls[call].answer == BREAKER_PROBE);
        return;
    }
    trace->busy[call] = false;
}

static void
step_else(struct trace *trace, unsigned call, uint64_t *dice)
{
    struct story *story = &trace->story;
    unsigned what = draw_below(dice, 40);

    if (what == 0) {
        story->words.control = breaker_reset(story->words.control, story->now_ms);
    } else if (what == 1) {
        story->words.override_until_ms = draw_below(dice, 2) * (story->now_ms + 500);
        story->words.control = breaker_override(
            story->words.control, (enum breaker_override)draw_below(dice, 4), story->now_ms);
    } else if (what < 5) {
        story->words.cool_until_ms = breaker_cool(story->words.cool_until_ms, story->now_ms,
                                                  draw_below(dice, 200000), &story->rules);
    } else if (what < 15 && trace->busy[call]) {
        (void)breaker_renew(story->words.control, &trace->calls[call], story->now_ms, &story->rules,
                            &story->words.control);
    } else {
        story->now_ms += draw(dice) % (what < 20 ? 60000 : 1500);
    }
}

static void
play_damaged(uint64_t *dice)
{
    struct breaker_rules rules = draw_rules(dice);
    struct trace trace = {.story = story_begin(&rules)};

    trace.story.words = (struct breaker_words){draw(dice), draw(dice), draw(dice)};
    trace.story.count_window = draw(dice);
    for (unsigned i = 0; i < WINDOW_BUCKETS; i++) {
        trace.story.buckets[i] = draw(dice);
    }
    if (draw_below(dice, 4) == 0) {
        trace.story.now_ms = draw(dice);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned call = draw_below(dice, CALLS_MAX);
        unsigned what = draw_below(dice, 6);
        if (what < 2 && !trace.busy[call]) {
            step_admit(&trace, call, what == 0 && draw_below(dice, 4) == 0);
        } else if (what < 5 && trace.busy[call]) {
            step_report(&trace, call, dice);
        } else {
            step_else(&trace, call, dice);
        }
    }
}

static void
any_word_gives_bounded_waits_and_no_more_probes_than_permits(void **state)
{
    (void)state;
    uint64_t dice = UINT64_C(0x9E3779B97F4A7C15);

    for (unsigned i = 0; i < TRACES; i++) {
        play_damaged(&dice);
    }
}

/* However damaged, one good answer after the longest wait closes it, unless an override holds. */
static void
any_word_heals_with_the_next_good_answer(void **state)
{
    (void)state;
    uint64_t dice = UINT64_C(0xD1B54A32D192ED03);
    struct breaker_report good = {.verdict = BREAKER_OK};

    for (unsigned i = 0; i < TRACES; i++) {
        struct story story = story_begin(i % 2 == 0 ? &profile_classic : &profile_llm);
        story.words.control = draw(&dice) & ~(UINT64_C(3) << 62);
        story.words.cool_until_ms = draw(&dice);
        struct breaker_permit permit = story_admit(&story, false);
        if (!breaker_is_admitted(&permit)) {
            uint64_t wait_ms = clamp_of(&story.rules) + story.rules.lease_ms + 2000;
            story.now_ms += wait_ms;
            permit = story_admit(&story, false);
        }
        assert_true(breaker_is_admitted(&permit));
        story_report(&story, &permit, &good);
        assert_int_equal(story.words.control >> 60, BREAKER_CLOSED);
    }
}

/* Numbers that no option allows must still not overflow, nor be shown as no wait at all. */
static void
extreme_rules_saturate(void **state)
{
    (void)state;
    struct breaker_rules rules = {.failure_threshold = 1,
                                  .open_ms = UINT64_MAX,
                                  .window = BREAKER_WINDOW_TIME,
                                  .window_size = UINT32_MAX,
                                  .failure_rate = UINT32_MAX,
                                  .slow_rate = UINT32_MAX,
                                  .permits = UINT32_MAX,
                                  .lease_ms = UINT64_MAX,
                                  .backoff_percent = UINT32_MAX,
                                  .open_max_ms = UINT64_MAX,
                                  .jitter_percent = UINT32_MAX,
                                  .retry_after_max_ms = UINT64_MAX,
                                  .quota_hold_ms = UINT64_MAX};
    struct story story = story_begin(&rules);
    struct breaker_report bad = {
        .verdict = BREAKER_TRIP, .stated_wait_ms = UINT64_MAX, .random = UINT32_MAX};
    struct breaker_permit permit = story_admit(&story, false);

    story_report(&story, &permit, &bad);
    permit = story_admit(&story, false);
    assert_int_equal(permit.answer, BREAKER_REJECTED_OPEN);
    story.now_ms += permit.wait_ms;
    for (unsigned i = 0; i < 31; i++) {
        assert_int_equal(story_admit(&story, false).answer, BREAKER_PROBE);
    }
    story.now_ms += 3600000;
    assert_int_equal(story_admit(&story, false).answer, BREAKER_REJECTED_BUSY);
}

/* --- the seed ------------------------------------------------------------- */

/* The original service's circuit, line by line. */
struct circuit {
    int threshold;
    uint64_t timeout_ms;
    int count;
    uint64_t last_failure_ms;
    bool open;
};

static bool
circuit_admits(const struct circuit *circuit, uint64_t now_ms)
{
    return !circuit->open || now_ms - circuit->last_failure_ms >= circuit->timeout_ms;
}

static void
circuit_hear(struct circuit *circuit, bool failed, uint64_t now_ms)
{
    circuit->count = failed ? circuit->count + 1 : 0;
    circuit->open = failed && (circuit->open || circuit->count >= circuit->threshold);
    if (failed) {
        circuit->last_failure_ms = now_ms;
    }
}

static unsigned
play_seed(uint64_t *dice)
{
    struct breaker_rules rules = profile_seed;
    rules.failure_threshold = 1 + (int)draw_below(dice, 5);
    rules.open_ms = draw_below(dice, 4) * UINT64_C(5000);
    rules.open_max_ms = rules.open_ms;
    struct circuit circuit = {.threshold = rules.failure_threshold, .timeout_ms = rules.open_ms};
    struct trace trace = {.story = story_begin(&rules)};
    unsigned admissions = 0;

    for (unsigned i = 0; i < STEPS; i++) {
        unsigned call = draw_below(dice, CALLS_MAX);
        trace.story.now_ms += draw_below(dice, 3) * draw_below(dice, 3000);
        uint64_t now_ms = trace.story.now_ms;
        if (trace.busy[call]) {
            bool failed = draw_below(dice, 5) < 3;
            struct breaker_report report = {.verdict = failed ? BREAKER_FAIL : BREAKER_OK};
            story_report(&trace.story, &trace.calls[call], &report);
            circuit_hear(&circuit, failed, now_ms);
            trace.busy[call] = false;
            continue;
        }
        struct breaker_permit permit = story_admit(&trace.story, false);
        assert_int_equal(breaker_is_admitted(&permit), circuit_admits(&circuit, now_ms));
        trace.calls[call] = permit;
        trace.busy[call] = breaker_is_admitted(&permit);
        admissions++;
    }
    return admissions;
}

static void
the_seeds_rules_equal_the_original_circuit_on_overlapping_traces(void **state)
{
    (void)state;
    uint64_t dice = UINT64_C(0x2545F4914F6CDD1D);
    unsigned admissions = 0;

    for (unsigned i = 0; i < TRACES; i++) {
        admissions += play_seed(&dice);
    }
    assert_in_range(admissions, 50000, TRACES * STEPS);
}

/* What the default profile's two differences are allowed to change for a caller who waits: nothing.
 */
static void
one_caller_after_another_cannot_tell_classic_from_the_original(void **state)
{
    (void)state;
    uint64_t dice = UINT64_C(0xA0761D6478BD642F);

    for (unsigned i = 0; i < TRACES; i++) {
        struct story story = story_begin(&profile_classic);
        struct circuit circuit = {.threshold = 3, .timeout_ms = 10000};
        for (unsigned step = 0; step < STEPS / 2; step++) {
            story.now_ms += draw_below(&dice, 4000);
            struct breaker_permit permit = story_admit(&story, false);
            assert_int_equal(breaker_is_admitted(&permit), circuit_admits(&circuit, story.now_ms));
            if (!breaker_is_admitted(&permit)) {
                continue;
            }
            bool failed = draw_below(&dice, 5) < 3;
            struct breaker_report report = {.verdict = failed ? BREAKER_FAIL : BREAKER_OK};
            story.now_ms += draw_below(&dice, 4000);
            story_report(&story, &permit, &report);
            circuit_hear(&circuit, failed, story.now_ms);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_word_gives_bounded_waits_and_no_more_probes_than_permits),
        cmocka_unit_test(any_word_heals_with_the_next_good_answer),
        cmocka_unit_test(extreme_rules_saturate),
        cmocka_unit_test(the_seeds_rules_equal_the_original_circuit_on_overlapping_traces),
        cmocka_unit_test(one_caller_after_another_cannot_tell_classic_from_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
