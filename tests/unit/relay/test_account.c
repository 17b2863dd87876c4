/* What happened to a request, in the few words that headers and log have for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/account.h"

static void
attempts_are_listed_in_their_order(void **state)
{
    (void)state;
    struct account account = {0};
    assert_string_equal(account.attempts, "");
    account_attempt(&account, "eu", "503");
    assert_string_equal(account.attempts, "eu:503");
    account_attempt(&account, "us", "timeout");
    account_attempt(&account, "openai", "200");
    assert_string_equal(account.attempts, "eu:503,us:timeout,openai:200");
    assert_int_equal(account.count, 3);
}

static void
a_full_list_keeps_what_it_has(void **state)
{
    (void)state;
    struct account account = {0};
    char before[ACCOUNT_ATTEMPTS_MAX];
    for (unsigned i = 0; i < 200; i++) {
        memcpy(before, account.attempts, sizeof(before));
        account_attempt(&account, "a-name-of-some-length", "unreachable");
        size_t len = strlen(account.attempts);
        assert_true(len < sizeof(account.attempts));
        assert_int_equal(len, account.attempts_len);
        assert_memory_equal(account.attempts, before, strlen(before));
    }
    assert_int_equal(account.count, 200);
    /* it ends with a whole name */
    assert_string_equal(account.attempts + account.attempts_len - strlen("unreachable"),
                        "unreachable");
}

static void
a_full_list_gets_no_shorter_name_either(void **state)
{
    (void)state;
    struct account account = {0};
    for (unsigned i = 0; i < 20; i++)
        account_attempt(&account, "an-upstream-with-a-name-of-47-bytes-to-the-last", "unreachable");
    size_t len = account.attempts_len;
    assert_true(len + sizeof(",b:200") < sizeof(account.attempts)); /* it would fit */
    account_attempt(&account, "b", "200");
    assert_int_equal(account.attempts_len, len);
}

static void
our_own_time_is_what_no_upstream_took(void **state)
{
    (void)state;
    struct account account = {0};
    assert_int_equal(account_own_us(&account, 1000, 1500), 500);
    account_wait_begin(&account, 1600);
    assert_int_equal(account_own_us(&account, 1000, 9600), 600); /* while it runs */
    account_wait_end(&account, 9600);
    assert_int_equal(account.waited_us, 8000);
    assert_int_equal(account_own_us(&account, 1000, 9700), 700);
    account_wait_begin(&account, 9700);
    account_wait_end(&account, 9800);
    assert_int_equal(account.waited_us, 8100);
    assert_int_equal(account_own_us(&account, 1000, 9900), 800);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_are_listed_in_their_order),
        cmocka_unit_test(a_full_list_keeps_what_it_has),
        cmocka_unit_test(a_full_list_gets_no_shorter_name_either),
        cmocka_unit_test(our_own_time_is_what_no_upstream_took),
    };
    return cmocka_run_group_tests_name("relay/account", tests, NULL, NULL);
}
