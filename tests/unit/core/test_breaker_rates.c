/* test_breaker_rates.c - the same answers as resilience4j, told as stories. The names Vnn are
 * the vectors of the breaker specification, section 5; the notation is breaker_story.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "breaker_profiles.h"
#include "breaker_story.h"

/* --- resilience4j --------------------------------------------------------- */

static void
r4_count_window_opens_at_the_rate(void **state)
{
    (void)state;
    struct breaker_rules four = profile_r4_window(BREAKER_WINDOW_COUNT, 4, 4);
    /* V11 */
    story_play(&four, "S@0 S@1 F@2 -> C(1); F@3 -> O(1003)");
    /* V12 */
    story_play(&four, "S@0 S@1 S@2 F@3 -> C(1); F@4 -> O(1004)");
    /* V14 */
    struct breaker_rules ten = profile_r4_window(BREAKER_WINDOW_COUNT, 10, 10);
    story_play(&ten, "9xF@8 -> C(9); F@9 -> O(1009)");
}

static void
r4_a_success_may_open(void **state)
{
    (void)state;
    /* V13 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 5, 5);
    story_play(&rules, "4xF@0 -> C(4); S@4 -> O(1004)");
}

static void
r4_half_open_judges_by_rate(void **state)
{
    (void)state;
    /* V15 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 10, 2);
    rules.permits = 3;
    story_play(&rules, "F@0 F@0 -> O(1000); A@1001 P P P N; S@1002 -> H; S@1003 -> C(0)\n"
                       "F@1004 -> C(1)");
    /* V16 */
    rules.permits = 2;
    rules.backoff_percent = 200;
    rules.open_max_ms = 60000;
    story_play(&rules, "F@0 F@0 -> O(1000); A a,b@1001 P P; S a@1002 F b@1003 -> O(3003)");
}

static void
r4_min_calls_beyond_a_count_window_are_clamped_to_it(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 2, 100);
    rules.permits = 5;
    story_play(&rules, "F@0 F@0 -> O(1000); A a,b@1001 P P; S a@1002 -> H; S b@1003 -> C(0)");
}

static void
the_deadline_itself_admits(void **state)
{
    (void)state;
    /* V17; resilience4j still rejects at 1000 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 2, 2);
    story_play(&rules, "F@0 F@0 -> O(1000); A@999 N(1); A@1000 P");
}

static void
r4_time_window_forgets_by_the_second(void **state)
{
    (void)state;
    /* V18 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_TIME, 10, 3);
    story_play(&rules, "F@0 F@9900 F@9950 -> O(10950)");
    story_play(&rules, "F@0 F@9900 F@10000 -> C(3); S@10001 -> O(11001)");
}

static void
r4_slow_calls_open(void **state)
{
    (void)state;
    /* V19 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 2, 2);
    rules.slow_rate = 50;
    story_play(&rules, "s@0 -> C(0); S@1 -> O(1001)");
}

static void
late_results_say_nothing_while_open(void **state)
{
    (void)state;
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 2, 2);
    story_play(&rules, "A a..d@0 Y; F a,b@0 -> O(1000); F c@5 dropped; S d@6 dropped -> O(1000)");
}

static void
backoff_doubles_to_its_cap_and_a_good_probe_ends_it(void **state)
{
    (void)state;
    /* V20 */
    struct breaker_rules rules = profile_r4_window(BREAKER_WINDOW_COUNT, 1, 1);
    rules.backoff_percent = 200;
    rules.open_max_ms = 5000;
    story_play(&rules, "F@0 -> O(1000); A@1000 P F@1000 -> O(3000); A@3000 P F@3000 -> O(7000)\n"
                       "A@7000 P F@7000 -> O(12000); A@12000 P F@12000 -> O(17000)\n"
                       "A@17000 P S@17000 -> C(0); F@17001 -> O(18001)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r4_count_window_opens_at_the_rate),
        cmocka_unit_test(r4_a_success_may_open),
        cmocka_unit_test(r4_half_open_judges_by_rate),
        cmocka_unit_test(r4_min_calls_beyond_a_count_window_are_clamped_to_it),
        cmocka_unit_test(the_deadline_itself_admits),
        cmocka_unit_test(r4_time_window_forgets_by_the_second),
        cmocka_unit_test(r4_slow_calls_open),
        cmocka_unit_test(late_results_say_nothing_while_open),
        cmocka_unit_test(backoff_doubles_to_its_cap_and_a_good_probe_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
