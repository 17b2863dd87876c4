/* date.h - the date of a day, without the C library's zones and the lock around them. Pure. */
#ifndef POSTERN_BASE_DATE_H
#define POSTERN_BASE_DATE_H

#include <stdint.h>

/* In the Gregorian calendar; month and day count from 1. */
struct date {
    unsigned year, month, day;
};

struct date date_of_day(uint32_t days); /* since 1970-01-01 */

#endif
