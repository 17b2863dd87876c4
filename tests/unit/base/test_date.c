/* Days have the dates that the C library gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/date.h"

static void
each_day_of_more_than_400_years_has_its_date(void **state)
{
    (void)state;
    for (uint32_t day = 0; day < 160000; day++) {
        struct tm tm;
        time_t seconds = (time_t)day * 86400;
        assert_non_null(gmtime_r(&seconds, &tm));
        struct date date = date_of_day(day);
        if ((int)date.year != tm.tm_year + 1900 || (int)date.month != tm.tm_mon + 1 ||
            (int)date.day != tm.tm_mday)
            fail_msg("day %u is %u-%u-%u", day, date.year, date.month, date.day);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_of_more_than_400_years_has_its_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
