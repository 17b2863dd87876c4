/* test_upstream.c - a breaker is found under the same key by whoever looks. */
#include "core/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A state file outlives the program that made it, so another one must find the same cells there. */
static void
a_breaker_is_known_by_what_it_always_was(void **state)
{
    (void)state;
    /* of SHA-256("eu\0https://eu.example:443/api\0time:60\0gpt-4o") and ("…\0time:60") */
    static const unsigned char of_model[] = {0x19, 0x8e, 0x12, 0xb1, 0x0c, 0x64, 0xd8, 0x4b,
                                             0x49, 0x49, 0xb1, 0x68, 0xbb, 0x1c, 0x37, 0x7f};
    static const unsigned char of_all[] = {0x38, 0x2c, 0x4e, 0xd0, 0xe4, 0x8f, 0x06, 0xb3,
                                           0x96, 0xd3, 0x80, 0xfb, 0x64, 0x11, 0x58, 0x35};
    const struct upstream upstream = {.name = "eu",
                                      .origin = "https://eu.example:443",
                                      .base_path = "/api",
                                      .rules = {.window = BREAKER_WINDOW_TIME, .window_size = 60}};
    uint64_t key[2];
    upstream_identify(&upstream, "gpt-4o", key);
    assert_memory_equal(key, of_model, sizeof(of_model));
    upstream_identify(&upstream, NULL, key);
    assert_memory_equal(key, of_all, sizeof(of_all));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breaker_is_known_by_what_it_always_was),
    };
    return cmocka_run_group_tests_name("core/upstream", tests, NULL, NULL);
}
