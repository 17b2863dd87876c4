/* Which addresses and names mean this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/loopback.h"

struct row {
    const char *text;
    bool is_loopback;
};

static void
expect(bool (*is_loopback)(struct span text), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_loopback(span_from(rows[i].text)) != rows[i].is_loopback)
            fail_msg("\"%s\"", rows[i].text);
    }
}
#define EXPECT(is_loopback, rows) expect((is_loopback), (rows), sizeof(rows) / sizeof((rows)[0]))

static void
addresses_are_read_as_the_kernel_writes_them(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"127.0.0.1", true},
        {"127.255.0.9", true},
        {"::1", true},
        {"0:0:0:0:0:0:0:1", true},
        {"::ffff:127.0.0.1", true},
        {"", false},
        {"192.0.2.7", false},
        {"::ffff:192.0.2.7", false},
        {"::127.0.0.1", false},
        {"12.7.0.1", false},
        {"127.1", false},
        {"2130706433", false},
        {"0x7f.0.0.1", false},
        {"0177.0.0.1", false},
        {"127.0.0.1 ", false},
        {"127.0.0.1,192.0.2.7", false},
        {"127.evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"0.0.0.0", false},
        {"::", false},
        {"unix:", false},
        {"localhost", false},
        {"[::1]", false},
    };
    EXPECT(loopback_is_address, rows);
    assert_false(loopback_is_address(span_of("127.0.0.1\0x", 11)));
}

static void
names_are_those_that_nobody_else_can_own(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"localhost", true},
        {"LocalHost", true},
        {"postern.localhost", true},
        {"127.0.0.1", true},
        {"127.8.8.8", true},
        {"[::1]", true},
        {"[::ffff:127.0.0.1]", true},
        {"", false},
        {"::1", false},
        {"[::2]", false},
        {"[127.0.0.1]x", false},
        {".localhost", false},
        {"localhost.evil.example", false},
        {"evil-localhost", false},
        {"localhost.localdomain", false},
        {"127.0.0.1.nip.io", false},
        {"localtest.me", false},
        {"0.0.0.0", false},
        {"0", false},
        {"127.1", false},
        {"2130706433", false},
        {"local\thost", false},
        {"localhost:8080", false},
    };
    EXPECT(loopback_is_host, rows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(names_are_those_that_nobody_else_can_own),
    };
    return cmocka_run_group_tests_name("access/loopback", tests, NULL, NULL);
}
