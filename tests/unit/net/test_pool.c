/* test_pool.c - which warm connection is taken, kept, closed. */
#include "net/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A "https://a:443"
#define B "https://b:443"

/* Items live here; what was closed is written down in order, by name. */
static struct named_item {
    struct pool_item item;
    char origin[32];
    char name;
} items[16];
static char closed[sizeof items / sizeof items[0] + 1];

static void
write_down(struct pool_item *item)
{
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (&items[i].item == item)
            closed[strlen(closed)] = items[i].name;
    }
}

static void
open_pool(struct pool *pool, unsigned per_origin, unsigned altogether)
{
    const struct pool_options options = {
        .idle_per_origin_max = per_origin, .idle_max = altogether, .idle_life_s = 10};
    memset(closed, 0, sizeof closed);
    memset(items, 0, sizeof items);
    pool_init(pool, &options, write_down);
}

/* 'a', 'b' … are the items' names. */
static void
give(struct pool *pool, char name, const char *origin, uint64_t now_ms)
{
    struct named_item *named = &items[name - 'a'];
    named->name = name;
    (void)snprintf(named->origin, sizeof named->origin, "%s", origin);
    named->item.origin = named->origin;
    pool_give(pool, &named->item, now_ms);
}

static char
take(struct pool *pool, const char *origin, uint64_t now_ms)
{
    const struct pool_item *item = pool_take(pool, origin, now_ms);
    for (size_t i = 0; item && i < sizeof items / sizeof items[0]; i++) {
        if (&items[i].item == item)
            return items[i].name;
    }
    return '-';
}

static void
the_last_one_used_is_taken_first(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 4, 8);
    give(&pool, 'a', A, 1);
    give(&pool, 'b', A, 2);
    give(&pool, 'c', A, 3);
    assert_int_equal(take(&pool, A, 4), 'c');
    give(&pool, 'c', A, 5);
    assert_int_equal(take(&pool, A, 6), 'c');
    assert_int_equal(take(&pool, A, 6), 'b');
    assert_int_equal(take(&pool, A, 6), 'a');
    assert_int_equal(take(&pool, A, 6), '-');
    assert_string_equal(closed, "");
    pool_fini(&pool);
}

static void
an_origin_never_gets_the_connection_of_another(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 4, 8);
    give(&pool, 'a', A, 1);
    assert_int_equal(take(&pool, B, 2), '-');
    assert_int_equal(take(&pool, "https://a:4433", 2), '-');
    assert_int_equal(take(&pool, "https://a:44", 2), '-');
    give(&pool, 'b', B, 3);
    assert_int_equal(take(&pool, A, 4), 'a');
    pool_fini(&pool);
    assert_string_equal(closed, "b");
}

static void
what_idled_too_long_is_closed_and_not_taken(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 4, 8);
    give(&pool, 'a', A, 1000);
    give(&pool, 'b', B, 1001);
    give(&pool, 'c', A, 5000);
    assert_int_equal(take(&pool, B, 11000), 'b');
    assert_string_equal(closed, "a");
    give(&pool, 'b', B, 15000);
    assert_string_equal(closed, "ac");
    assert_int_equal(take(&pool, A, 15000), '-');
    assert_int_equal(take(&pool, B, 24999), 'b');
    pool_fini(&pool);
}

/* Nobody takes or gives any more. */
static void
a_sweep_closes_what_was_idle_for_its_life(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 4, 8);
    assert_false(pool_sweep(&pool, 0));
    give(&pool, 'a', A, 1000);
    give(&pool, 'b', B, 5000);
    assert_false(pool_sweep(&pool, 10999));
    assert_string_equal(closed, "");
    assert_false(pool_sweep(&pool, 11000)); /* one is left */
    assert_string_equal(closed, "a");
    assert_true(pool_sweep(&pool, 15000));
    assert_string_equal(closed, "ab");
    assert_false(pool_sweep(&pool, 99000)); /* there was nothing to do */
    pool_fini(&pool);
    assert_string_equal(closed, "ab");
}

static void
beyond_an_origins_bound_its_longest_idle_is_closed(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 2, 8);
    give(&pool, 'a', A, 1);
    give(&pool, 'b', B, 2);
    give(&pool, 'c', A, 3);
    give(&pool, 'd', A, 4);
    assert_string_equal(closed, "a");
    assert_int_equal(take(&pool, B, 5), 'b');
    pool_fini(&pool);
}

static void
beyond_the_whole_bound_the_longest_idle_of_all_is_closed(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 4, 3);
    give(&pool, 'a', A, 1);
    give(&pool, 'b', B, 2);
    give(&pool, 'c', A, 3);
    give(&pool, 'd', B, 4);
    assert_string_equal(closed, "a");
    pool_fini(&pool);
    assert_string_equal(closed, "adcb");
}

static void
a_pool_without_room_closes_what_it_is_given(void **state)
{
    (void)state;
    struct pool pool;
    open_pool(&pool, 0, 0);
    give(&pool, 'a', A, 1);
    assert_string_equal(closed, "a");
    assert_int_equal(take(&pool, A, 1), '-');
    pool_fini(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_used_is_taken_first),
        cmocka_unit_test(an_origin_never_gets_the_connection_of_another),
        cmocka_unit_test(what_idled_too_long_is_closed_and_not_taken),
        cmocka_unit_test(a_sweep_closes_what_was_idle_for_its_life),
        cmocka_unit_test(beyond_an_origins_bound_its_longest_idle_is_closed),
        cmocka_unit_test(beyond_the_whole_bound_the_longest_idle_of_all_is_closed),
        cmocka_unit_test(a_pool_without_room_closes_what_it_is_given),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
