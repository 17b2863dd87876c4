/* test_route.c - which route takes a model, and in which order its candidates are tried. */
#include "core/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define AFFINITIES 100000
#define ALL_MAX 40

static const struct upstream eu = {.name = "eu"}, us = {.name = "us"}, asia = {.name = "asia"},
                             openai = {.name = "openai"};

static const char *
found_pattern(const struct route_table *table, const char *model)
{
    const struct route *route = route_find(table, span_from(model));
    return route ? route->model : "none";
}

static void
the_first_pattern_that_matches_takes_the_model(void **state)
{
    (void)state;
    static const struct route routes[] = {
        {.model = "gpt-4o"}, {.model = "gpt-4*"}, {.model = "gpt-4.1"}, {.model = "*"}};
    const struct route_table table = {routes, 4};
    assert_string_equal(found_pattern(&table, "gpt-4o"), "gpt-4o");
    assert_string_equal(found_pattern(&table, "gpt-4o-mini"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-4"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-4.1"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-4*"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-4*x"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-4.10"), "gpt-4*");
    assert_string_equal(found_pattern(&table, "gpt-"), "*");
    assert_string_equal(found_pattern(&table, "GPT-4o"), "*");
    assert_string_equal(found_pattern(&table, ""), "*");
}

static void
a_model_without_a_route_has_none(void **state)
{
    (void)state;
    static const struct route routes[] = {{.model = "gpt-4o"}, {.model = "o1*"}};
    const struct route_table table = {routes, 2};
    assert_string_equal(found_pattern(&table, "gpt-4"), "none");
    assert_string_equal(found_pattern(&table, "gpt-4oo"), "none");
    assert_string_equal(found_pattern(&table, "o"), "none");
    const struct route_table empty = {NULL, 0};
    assert_string_equal(found_pattern(&empty, "gpt-4o"), "none");
}

static void
a_request_without_a_model_matches_everything_alone(void **state)
{
    (void)state;
    static const struct route routes[] = {{.model = ""}, {.model = "g*"}, {.model = "*"}};
    const struct route_table all = {routes, 3}, named = {routes, 2};
    assert_string_equal(found_pattern(&all, NULL), "*");
    assert_string_equal(found_pattern(&named, NULL), "none");
}

static void
steps_keep_their_order_whatever_the_affinity(void **state)
{
    (void)state;
    static const struct route_candidate first[] = {{&eu, NULL, 1}, {&us, NULL, 1000}},
                                        last[] = {{&openai, "gpt-4o-mini", 1}};
    static const struct route_step steps[] = {{first, 2}, {last, 1}};
    static const struct route route = {"*", steps, 2};
    for (uint64_t affinity = 0; affinity < 1000; affinity++) {
        struct route_order order;
        route_order(&route, affinity, &order);
        assert_int_equal(order.count, 3);
        assert_ptr_equal(order.items[2].upstream, &openai);
        assert_string_equal(order.items[2].model, "gpt-4o-mini");
        assert_ptr_not_equal(order.items[0].upstream, order.items[1].upstream);
    }
}

static void
only_a_step_of_several_candidates_is_shared(void **state)
{
    (void)state;
    static const struct route_candidate both[] = {{&eu, NULL, 1}, {&us, NULL, 1}};
    static const struct route_step steps[] = {{both, 1}, {both, 1}, {both, 2}};
    const struct route in_turn = {"*", steps, 2}, shared = {"*", steps, 3};
    assert_false(route_is_shared(&in_turn));
    assert_true(route_is_shared(&shared));
}

/* The first of one step's candidates for an affinity. */
static const struct route_candidate *
first_of(const struct route_candidate *candidates, size_t count, uint64_t affinity,
         struct route_order *order)
{
    const struct route_step step = {candidates, count};
    const struct route route = {"*", &step, 1};
    route_order(&route, affinity, order);
    return &order->items[0];
}

static void
the_same_affinity_has_the_same_order(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {{&eu, NULL, 5}, {&us, NULL, 3}, {&asia, NULL, 1}};
    static const struct route_candidate turned[] = {
        {&asia, NULL, 1}, {&eu, NULL, 5}, {&us, NULL, 3}};
    for (uint64_t affinity = 0; affinity < 1000; affinity++) {
        struct route_order a, b;
        first_of(all, 3, affinity, &a);
        first_of(turned, 3, affinity, &b);
        for (size_t i = 0; i < 3; i++)
            assert_ptr_equal(a.items[i].upstream, b.items[i].upstream);
    }
}

/* How often each candidate is first, beside the share that its weight promises. */
static void
assert_shares(const struct route_candidate *candidates, size_t count)
{
    long hits[ALL_MAX] = {0}, weights = 0;
    for (uint64_t affinity = 0; affinity < AFFINITIES; affinity++) {
        struct route_order order;
        const struct route_candidate *first = first_of(candidates, count, affinity, &order);
        for (size_t i = 0; i < count; i++)
            hits[i] += candidates[i].upstream == first->upstream;
    }
    for (size_t i = 0; i < count; i++)
        weights += (long)candidates[i].weight;
    for (size_t i = 0; i < count; i++) {
        long wanted = AFFINITIES * (long)candidates[i].weight / weights;
        if (labs(hits[i] - wanted) > wanted / 50)
            fail_msg("%s: %ld of %d, wanted %ld", candidates[i].upstream->name, hits[i], AFFINITIES,
                     wanted);
    }
}

static void
equal_weights_share_equally_within_two_percent(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {{&eu, NULL, 1}, {&us, NULL, 1}, {&asia, NULL, 1}};
    assert_shares(all, 2);
    assert_shares(all, 3);
}

static void
weights_share_by_weight_within_two_percent(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {
        {&eu, NULL, 50}, {&us, NULL, 30}, {&asia, NULL, 15}, {&openai, NULL, 5}};
    static const struct route_candidate heavy[] = {{&eu, NULL, 1000}, {&us, NULL, 250}};
    assert_shares(all, 4);
    assert_shares(heavy, 2);
}

/* A thousandth of the calls, counted: too few for two percent. */
static void
the_least_weight_beside_the_greatest_is_still_drawn(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {{&eu, NULL, 1000}, {&us, NULL, 1}};
    int hits = 0;
    for (uint64_t affinity = 0; affinity < AFFINITIES; affinity++) {
        struct route_order order;
        hits += first_of(all, 2, affinity, &order)->upstream == &us;
    }
    assert_in_range(hits, 70, 130);
}

static void
removing_a_candidate_moves_only_its_own_affinities(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {
        {&eu, NULL, 5}, {&us, NULL, 3}, {&openai, NULL, 2}, {&asia, NULL, 4}};
    int moved_to[3] = {0};
    for (uint64_t affinity = 0; affinity < AFFINITIES; affinity++) {
        struct route_order before, after;
        const struct route_candidate *was = first_of(all, 4, affinity, &before);
        const struct route_candidate *now = first_of(all, 3, affinity, &after);
        const struct upstream *heir =
            was->upstream == &asia ? before.items[1].upstream : was->upstream;
        assert_ptr_equal(now->upstream, heir);
        for (size_t i = 0; i < 3; i++)
            moved_to[i] += was->upstream == &asia && now->upstream == all[i].upstream;
    }
    /* 4/14 of all were there, and its heirs have 5, 3 and 2 tenths of them. */
    assert_in_range(moved_to[0], 14286 * 95 / 100, 14286 * 105 / 100);
    assert_in_range(moved_to[1], 8571 * 95 / 100, 8571 * 105 / 100);
    assert_in_range(moved_to[2], 5714 * 95 / 100, 5714 * 105 / 100);
}

static void
two_models_of_one_upstream_are_two_candidates(void **state)
{
    (void)state;
    static const struct route_candidate all[] = {{&eu, "a", 1}, {&eu, "b", 1}};
    int first_a = 0;
    for (uint64_t affinity = 0; affinity < 10000; affinity++) {
        struct route_order order;
        first_a += first_of(all, 2, affinity, &order)->model[0] == 'a';
    }
    assert_in_range(first_a, 4800, 5200);
}

static void
an_order_holds_no_more_than_its_maximum(void **state)
{
    (void)state;
    struct upstream upstreams[ALL_MAX];
    struct route_candidate all[ALL_MAX];
    char names[ALL_MAX][3];
    for (size_t i = 0; i < ALL_MAX; i++) {
        names[i][0] = (char)('a' + i / 10);
        names[i][1] = (char)('0' + i % 10);
        names[i][2] = '\0';
        upstreams[i] = (struct upstream){.name = names[i]};
        all[i] = (struct route_candidate){&upstreams[i], NULL, 1};
    }
    /* Whoever is drawn first of all forty stays first where only 32 have room. */
    for (uint64_t affinity = 0; affinity < 1000; affinity++) {
        struct route_order whole, half;
        const struct upstream *first = first_of(all, ALL_MAX, affinity, &whole)->upstream;
        assert_int_equal(whole.count, ROUTE_CANDIDATES_MAX);
        bool is_in_half = first < upstreams + ALL_MAX / 2;
        first_of(all, ALL_MAX / 2, affinity, &half);
        if (is_in_half)
            assert_ptr_equal(half.items[0].upstream, first);
    }
}

static void
a_step_that_has_no_room_left_adds_nothing(void **state)
{
    (void)state;
    struct route_candidate many[ROUTE_CANDIDATES_MAX];
    for (size_t i = 0; i < ROUTE_CANDIDATES_MAX; i++)
        many[i] = (struct route_candidate){&eu, NULL, 1};
    const struct route_candidate last = {&us, NULL, 1000};
    const struct route_step steps[] = {{many, ROUTE_CANDIDATES_MAX}, {&last, 1}};
    const struct route route = {"*", steps, 2};
    struct route_order order;
    route_order(&route, 7, &order);
    assert_int_equal(order.count, ROUTE_CANDIDATES_MAX);
    for (size_t i = 0; i < order.count; i++)
        assert_ptr_equal(order.items[i].upstream, &eu);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_pattern_that_matches_takes_the_model),
        cmocka_unit_test(a_model_without_a_route_has_none),
        cmocka_unit_test(a_request_without_a_model_matches_everything_alone),
        cmocka_unit_test(steps_keep_their_order_whatever_the_affinity),
        cmocka_unit_test(only_a_step_of_several_candidates_is_shared),
        cmocka_unit_test(the_same_affinity_has_the_same_order),
        cmocka_unit_test(equal_weights_share_equally_within_two_percent),
        cmocka_unit_test(weights_share_by_weight_within_two_percent),
        cmocka_unit_test(the_least_weight_beside_the_greatest_is_still_drawn),
        cmocka_unit_test(removing_a_candidate_moves_only_its_own_affinities),
        cmocka_unit_test(two_models_of_one_upstream_are_two_candidates),
        cmocka_unit_test(an_order_holds_no_more_than_its_maximum),
        cmocka_unit_test(a_step_that_has_no_room_left_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
