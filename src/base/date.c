/* date.c - the civil calendar. */
#include "base/date.h"

#include <stdbool.h>

/* March begins the year, so that the leap day ends it; 400 years are as long as any other 400. */
#define DAYS_TO_1970 719468 /* since 0000-03-01 */
#define DAYS_OF_400_YEARS 146097
#define DAYS_OF_100_YEARS 36524 /* but for the leap day that only the last 100 of 400 end with */
#define DAYS_OF_4_YEARS 1460    /* but for the leap day that they end with */

struct date
date_of_day(uint32_t days)
{
    uint64_t shifted = (uint64_t)days + DAYS_TO_1970;
    uint64_t day = shifted % DAYS_OF_400_YEARS;
    uint64_t leap_days = day / DAYS_OF_4_YEARS - day / DAYS_OF_100_YEARS;
    uint64_t year = (day - leap_days - (day == DAYS_OF_400_YEARS - 1)) / 365;
    day -= year * 365 + year / 4 - year / 100;
    uint64_t month = (5 * day + 2) / 153; /* five months have 153 days, whichever five */
    day -= (153 * month + 2) / 5;
    bool is_next = month >= 10; /* January and February */
    return (struct date){
        .year = (unsigned)(shifted / DAYS_OF_400_YEARS * 400 + year + is_next),
        .month = (unsigned)(is_next ? month - 9 : month + 3),
        .day = (unsigned)day + 1,
    };
}
