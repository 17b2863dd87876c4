/* test_breaker_override.c - last resorts, the operator's hand and damaged words, told as stories.
 * The names Vnn are the vectors of the breaker specification, section 5; the notation is
 * breaker_story.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker_profiles.h"
#include "breaker_story.h"

/* OPEN until STORY_BASE_MS + until_ms, whoever wrote it. */
static uint64_t
open_word(uint64_t until_ms)
{
    return UINT64_C(1) << 60 | ((STORY_BASE_MS + until_ms) & ((UINT64_C(1) << 36) - 1));
}

/* --- the last resort ------------------------------------------------------ */

static void
a_last_resort_that_works_closes(void **state)
{
    (void)state;
    story_play(&profile_llm, "5xF@0 -> O(10000); A@1 N(9999); L@1 R; S@2 -> C(0); A@3 Y");
    story_play(&profile_llm, "5xF@0; L a@1 R; start a@2 -> C(0); F a@3 -> C(1)");
    story_play(&profile_llm,
               "5xF@0; A a@10000 P; L b@10001 R; S b@10002 -> C(0); F a@10003 dropped -> C(0)");
    struct breaker_rules rates = profile_llm_permits(3);
    rates.policy = BREAKER_RATE;
    story_play(&rates, "5xF@0; L@1 R; S@2 -> C(0)");
}

static void
a_last_resort_that_fails_changes_nothing(void **state)
{
    (void)state;
    story_play(&profile_llm, "5xF@0 -> O(10000); L a..c@1 R; F(60000) a@2 I b@3 T c@4 -> O(10000)");
    story_play(&profile_llm, "5xF@0; A a@10000 P; L b,c@10001 R; F b@10002 -> H; I c@10003 -> H\n"
                             "A@10004 N(busy); S a@10005 -> C(0)");
    story_play(&profile_llm,
               "5xF@0; L a@1 R; A b@10000 P; S a@10001 dropped -> H; renew a@10002 N");

    /* nor does one that was too slow, where slow calls matter */
    struct breaker_rules rules = profile_llm;
    rules.slow_rate = 100;
    story_play(&rules, "5xF@0 -> O(10000); L a,b@1 R; s a@2 slow-start b@3 -> O(10000)");
}

static void
a_last_resort_without_permits_prolongs_as_any_failure_does(void **state)
{
    (void)state;
    story_play(&profile_seed, "3xF@0 -> O(10000); L@1 R; F@2 -> O(10002); L@3 R; S@4 -> C(0)");
}

static void
a_last_resort_takes_the_probe_that_is_due(void **state)
{
    (void)state;
    story_play(&profile_llm, "5xF@0; L a@10000 P; A@10001 N(busy); F a@10100 -> O(30100)");
    story_play(&profile_llm, "A@0 Y; L@0 Y");
    /* past a cool-down it is an ordinary call, or a probe */
    story_play(&profile_llm, "cool(5000)@0; A@1 N(cool); L@1 Y; F@2 -> C(1)");
    story_play(&profile_llm, "5xF@0; cool(60000)@0; A@10000 N(cool); L@10000 P");
}

static void
a_last_resort_never_overrides_the_operator(void **state)
{
    (void)state;
    story_play(&profile_llm, "force-open@0; L@1 N(forced)");
}

/* --- the operator's hand -------------------------------------------------- */

static void
forced_open_rejects_until_told_otherwise(void **state)
{
    (void)state;
    /* V31 */
    struct story story =
        story_play(&profile_llm, "A a,b@0 Y; force-open@5; A@10 N(forced); F a@20 -> C(0)\n"
                                 "auto@25 -> C(0); F b@30 dropped -> C(0); A@40 Y");
    assert_int_equal(breaker_view(&story.words, STORY_BASE_MS, &profile_llm).generation, 2);
    story_play(&profile_llm, "5xF@0; A@10000 P; auto@10500 -> O(10500)");
    story_play(&profile_llm,
               "5xF@0; A a@10000 P; force-open@10500; auto@11000 -> O(10500); A@11001 P\n"
               "S a@11002 dropped -> H");
}

static void
forced_closed_admits_and_counts_nothing(void **state)
{
    (void)state;
    /* V32 */
    story_play(&profile_llm, "force-closed@0; A@1 free; 20xF@2 T@3 -> C(0); A@4 free");
    story_play(&profile_llm,
               "5xF@0; force-closed@1; A@2 free; S@3 -> O(10000); auto@4 -> O(10000); A@5 N(9995)");
}

static void
metrics_only_counts_and_never_opens(void **state)
{
    (void)state;
    /* V34 */
    story_play(&profile_llm,
               "metrics-only@0; A@0 Y; 20xF@1 -> C(20); T@2 -> C(21); A@3 Y; S@4 -> C(0)");
    story_play(&profile_llm, "5xF@0; metrics-only@1 -> C(0); A@2 Y");
}

static void
an_override_ends_by_itself(void **state)
{
    (void)state;
    story_play(&profile_llm, "force-open(500)@0; A@499 N(forced); A@500 Y");
    story_play(&profile_llm, "5xF@0; force-closed(500)@1; A@499 free; A@500 N(9500)");
    story_play(&profile_llm, "5xF@0; force-open(500)@1; L@499 N(forced); L@500 R");
    struct story story = story_play(&profile_llm, "force-open(500)@0");
    assert_int_equal(breaker_view(&story.words, STORY_BASE_MS + 499, &profile_llm).override,
                     BREAKER_FORCED_OPEN);
    assert_int_equal(breaker_view(&story.words, STORY_BASE_MS + 500, &profile_llm).override,
                     BREAKER_AUTO);
}

static void
reset_forgets_everything(void **state)
{
    (void)state;
    struct story story =
        story_play(&profile_llm, "A a@0 Y; 5xF@0; A@10000 P F@10001 -> O(30001)\n"
                                 "force-open@10002; cool(9000)@10003; reset@10004 -> C(0)\n"
                                 "A@10005 Y; F a@10006 dropped");
    struct breaker_view view = breaker_view(&story.words, story.now_ms, &profile_llm);
    assert_int_equal(view.level, 0);
    assert_int_equal(view.override, BREAKER_AUTO);
}

/* --- words from elsewhere ------------------------------------------------- */

static void
a_deadline_beyond_ones_own_rules_has_passed(void **state)
{
    (void)state;
    /* V33 */
    struct story story = story_begin(&profile_llm);
    story.words.control = open_word(3500000);
    story_tell(&story, "A@0 N(3500000)");
    story.words.control = open_word(10800000);
    story_tell(&story, "A@0 P");

    story = story_begin(&profile_seed);
    story.words.control = open_word(11000);
    story_tell(&story, "A@0 N(11000)");
    story.words.control = open_word(11001);
    story_tell(&story, "A@0 Y");
}

static void
a_clock_that_fell_back_to_1970_ends_old_deadlines(void **state)
{
    (void)state;
    /* V45, the breaker's part */
    struct breaker_words words = {.control = open_word(300000)};
    uint64_t next;
    assert_int_equal(breaker_admit(&words, 0, &profile_llm, &next).answer, BREAKER_PROBE);
}

static void
an_invalid_state_reads_as_closed(void **state)
{
    (void)state;
    struct story story = story_begin(&profile_classic);
    story.words.control = UINT64_C(3) << 60;
    story_tell(&story, "A@0 Y; 3xF@0 -> O(10000)");

    story = story_begin(&profile_llm);
    story.words.control = UINT64_C(3) << 62 | open_word(5000); /* metrics-only is never open */
    story_tell(&story, "A@0 Y; 9xF@0 -> C(9)");
}

static void
votes_saturate_in_their_field(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_llm_permits(3);
    struct story story = story_play(&rules, "5xF@0; A a@10000 P");
    story.words.control |= 31; /* slow votes */
    uint64_t before = story.words.control;
    story_tell(&story, "s a@10001 -> H");
    assert_true(story.words.control == (before | 1 << 10)); /* one good vote, and no failed one */
}

/* --- what people and the cell are told ------------------------------------ */

static void
the_view_shows_an_open_whose_time_has_passed_as_half_open(void **state)
{
    (void)state;
    struct story story = story_play(&profile_llm, "5xF@0");
    struct breaker_view view = breaker_view(&story.words, STORY_BASE_MS + 9000, &profile_llm);
    assert_int_equal(view.state, BREAKER_OPEN);
    assert_int_equal(view.wait_ms, 1000);
    assert_int_equal(view.level, 1);
    view = breaker_view(&story.words, STORY_BASE_MS + 10000, &profile_llm);
    assert_int_equal(view.state, BREAKER_HALF_OPEN);
    assert_int_equal(view.wait_ms, 0);
}

static void
effects_tell_what_a_report_did(void **state)
{
    (void)state;
    struct story story = story_play(&profile_classic, "A@0 Y F@0");
    assert_int_equal(story.effect, BREAKER_COUNTED);
    story_tell(&story, "I@0");
    assert_int_equal(story.effect, BREAKER_NO_EFFECT);
    story_tell(&story, "F@0 F@0");
    assert_int_equal(story.effect, BREAKER_OPENED);
    story_tell(&story, "A@10000 P I@10000");
    assert_int_equal(story.effect, BREAKER_PERMIT_RETURNED);
    story_tell(&story, "A@10000 P S@10000");
    assert_int_equal(story.effect, BREAKER_CLOSED_AGAIN);
}

static void
a_rejected_caller_has_nothing_to_report(void **state)
{
    (void)state;
    struct story story = story_play(&profile_seed, "3xF@0 -> O(10000)");
    struct breaker_permit rejected = story_admit(&story, false);
    struct breaker_report report = {.verdict = BREAKER_OK};
    assert_false(breaker_is_admitted(&rejected));
    story_report(&story, &rejected, &report);
    assert_int_equal(story.effect, BREAKER_NO_EFFECT);
    story_tell(&story, "-> O(10000)");
}

static void
only_results_that_a_closed_breaker_counts_go_into_the_window(void **state)
{
    (void)state;
    static const struct {
        enum breaker_verdict verdict;
        bool wanted;
    } rows[] = {{BREAKER_OK, true},        {BREAKER_STARTED, true},  {BREAKER_FAIL, true},
                {BREAKER_FINISHED, false}, {BREAKER_IGNORED, false}, {BREAKER_TRIP, false}};
    struct story closed = story_play(&profile_llm, "A@0 Y");
    struct story open = story_play(&profile_llm, "5xF@0");
    uint32_t generation;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct breaker_report report = {.verdict = rows[i].verdict};
        assert_int_equal(breaker_wants_window(closed.words.control, &closed.last, &report,
                                              &profile_llm, &generation),
                         rows[i].wanted);
        assert_false(breaker_wants_window(open.words.control, &open.last, &report, &profile_llm,
                                          &generation));
        assert_int_equal(generation, 1);
        assert_false(breaker_wants_window(closed.words.control, &closed.last, &report,
                                          &profile_classic, &generation));
    }
}

static void
every_name_is_its_own(void **state)
{
    (void)state;
    assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
    assert_string_equal(breaker_override_name(BREAKER_METRICS_ONLY), "metrics_only");
    for (int a = BREAKER_ADMITTED; a <= BREAKER_REJECTED_FORCED; a++) {
        for (int b = a + 1; b <= BREAKER_REJECTED_FORCED; b++) {
            assert_string_not_equal(breaker_answer_name((enum breaker_answer)a),
                                    breaker_answer_name((enum breaker_answer)b));
        }
    }
}
int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_last_resort_that_works_closes),
        cmocka_unit_test(a_last_resort_that_fails_changes_nothing),
        cmocka_unit_test(a_last_resort_without_permits_prolongs_as_any_failure_does),
        cmocka_unit_test(a_last_resort_takes_the_probe_that_is_due),
        cmocka_unit_test(a_last_resort_never_overrides_the_operator),
        cmocka_unit_test(forced_open_rejects_until_told_otherwise),
        cmocka_unit_test(forced_closed_admits_and_counts_nothing),
        cmocka_unit_test(metrics_only_counts_and_never_opens),
        cmocka_unit_test(an_override_ends_by_itself),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(a_deadline_beyond_ones_own_rules_has_passed),
        cmocka_unit_test(a_clock_that_fell_back_to_1970_ends_old_deadlines),
        cmocka_unit_test(an_invalid_state_reads_as_closed),
        cmocka_unit_test(votes_saturate_in_their_field),
        cmocka_unit_test(the_view_shows_an_open_whose_time_has_passed_as_half_open),
        cmocka_unit_test(effects_tell_what_a_report_did),
        cmocka_unit_test(a_rejected_caller_has_nothing_to_report),
        cmocka_unit_test(only_results_that_a_closed_breaker_counts_go_into_the_window),
        cmocka_unit_test(every_name_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
