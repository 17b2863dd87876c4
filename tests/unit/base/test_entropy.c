/* A random number is given once, in whichever thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/entropy.h"

#define EACH 1000
#define THREADS 4

static void *
draw(void *numbers)
{
    for (uint64_t *at = numbers; at < (uint64_t *)numbers + EACH; at++)
        *at = entropy_u64();
    return NULL;
}

static int
compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static void
no_number_is_given_twice(void **state)
{
    (void)state;
    static uint64_t numbers[THREADS * EACH];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw, numbers + i * EACH), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    qsort(numbers, THREADS * EACH, sizeof(numbers[0]), compare);
    assert_int_not_equal(numbers[0], 0); /* memory that was wiped, not filled */
    for (size_t i = 1; i < THREADS * EACH; i++)
        assert_int_not_equal(numbers[i - 1], numbers[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_is_given_twice),
    };
    return cmocka_run_group_tests_name("base/entropy", tests, NULL, NULL);
}
