/* httpdate.c - the dates that headers hold, read by one cursor. */
#include "core/httpdate.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/num.h"

/* Reads from the left. What does not fit clears `ok`, and everything after it reads as 0. */
struct cursor {
    struct span rest;
    bool ok;
};

struct moment {
    int64_t year, month, day, hour, minute, second; /* month and day count from 1 */
};

static int64_t
take_number(struct cursor *cursor, size_t digits)
{
    uint64_t value = 0;
    if (!cursor->ok || cursor->rest.len < digits ||
        num_parse_u64(span_of(cursor->rest.ptr, digits), 9999, &value) != 0) {
        cursor->ok = false;
        return 0;
    }
    cursor->rest = span_of(cursor->rest.ptr + digits, cursor->rest.len - digits);
    return (int64_t)value;
}

static void
take_char(struct cursor *cursor, char wanted)
{
    cursor->ok = cursor->ok && cursor->rest.len > 0 && cursor->rest.ptr[0] == wanted;
    if (cursor->ok)
        cursor->rest = span_of(cursor->rest.ptr + 1, cursor->rest.len - 1);
}

static int64_t
take_month(struct cursor *cursor)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (size_t i = 0; cursor->ok && i < sizeof(months) / sizeof(months[0]); i++) {
        if (!span_has_prefix(cursor->rest, months[i]))
            continue;
        cursor->rest = span_of(cursor->rest.ptr + 3, cursor->rest.len - 3);
        return (int64_t)i + 1;
    }
    cursor->ok = false;
    return 0;
}

static void
take_time(struct cursor *cursor, struct moment *moment)
{
    moment->hour = take_number(cursor, 2);
    take_char(cursor, ':');
    moment->minute = take_number(cursor, 2);
    take_char(cursor, ':');
    moment->second = take_number(cursor, 2);
}

/* The civil calendar's days since 1970-01-01; March begins the year, so that the leap day ends it.
 */
static int64_t
days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
}

/* Unix seconds, or -1 when there is no such moment since 1970. 23:59:60 is a leap second. */
static int64_t
moment_unix_s(const struct moment *moment)
{
    if (moment->year < 1970 || moment->month < 1 || moment->month > 12 || moment->day < 1 ||
        moment->hour > 23 || moment->minute > 59 || moment->second > 60)
        return -1;
    int64_t next_month = moment->month % 12 + 1;
    int64_t days = days_since_1970(moment->year, moment->month, moment->day);
    if (days >= days_since_1970(moment->year + (next_month == 1), next_month, 1))
        return -1;
    return ((days * 24 + moment->hour) * 60 + moment->minute) * 60 + moment->second;
}

/* "06 Nov 1994 08:49:37 GMT" or "06-Nov-94 08:49:37 GMT": what follows the name of the day. */
static void
take_dated(struct cursor *cursor, struct moment *moment)
{
    moment->day = take_number(cursor, 2);
    bool is_rfc850 = cursor->rest.len > 0 && cursor->rest.ptr[0] == '-';
    take_char(cursor, is_rfc850 ? '-' : ' ');
    moment->month = take_month(cursor);
    take_char(cursor, is_rfc850 ? '-' : ' ');
    moment->year = take_number(cursor, is_rfc850 ? 2 : 4);
    if (is_rfc850)
        moment->year += moment->year < 70 ? 2000 : 1900;
    take_char(cursor, ' ');
    take_time(cursor, moment);
    cursor->ok = cursor->ok && span_is(cursor->rest, " GMT");
}

/* "Nov  6 08:49:37 1994": asctime without the name of the day. */
static void
take_asctime(struct cursor *cursor, struct moment *moment)
{
    moment->month = take_month(cursor);
    take_char(cursor, ' ');
    bool is_padded = cursor->rest.len > 0 && cursor->rest.ptr[0] == ' ';
    if (is_padded)
        take_char(cursor, ' ');
    moment->day = take_number(cursor, is_padded ? 1 : 2);
    take_char(cursor, ' ');
    take_time(cursor, moment);
    take_char(cursor, ' ');
    moment->year = take_number(cursor, 4);
    cursor->ok = cursor->ok && cursor->rest.len == 0;
}

int64_t
httpdate_parse(struct span text)
{
    struct moment moment = {0};
    struct cursor cursor = {span_trim(text), true};
    struct span day_name = span_split(&cursor.rest, ' ');
    if (span_has_suffix(day_name, ","))
        take_dated(&cursor, &moment);
    else
        take_asctime(&cursor, &moment);
    return cursor.ok ? moment_unix_s(&moment) : -1;
}

/* "Z" or "+05:30" at the end of an RFC 3339 date, in seconds. */
static int64_t
take_zone(struct cursor *cursor)
{
    if (!cursor->ok || span_is_nocase(cursor->rest, "Z"))
        return 0;
    bool is_west = span_has_prefix(cursor->rest, "-");
    take_char(cursor, is_west ? '-' : '+');
    int64_t seconds = take_number(cursor, 2) * 3600;
    take_char(cursor, ':');
    seconds += take_number(cursor, 2) * 60;
    cursor->ok = cursor->ok && cursor->rest.len == 0;
    return is_west ? -seconds : seconds;
}

int64_t
httpdate_parse_rfc3339(struct span text)
{
    struct moment moment = {0};
    struct cursor cursor = {span_trim(text), true};
    moment.year = take_number(&cursor, 4);
    take_char(&cursor, '-');
    moment.month = take_number(&cursor, 2);
    take_char(&cursor, '-');
    moment.day = take_number(&cursor, 2);
    take_char(&cursor, span_has_prefix(cursor.rest, "t") ? 't' : 'T');
    take_time(&cursor, &moment);
    if (span_has_prefix(cursor.rest, "."))
        take_char(&cursor, '.');
    while (cursor.rest.len > 0 && cursor.rest.ptr[0] >= '0' && cursor.rest.ptr[0] <= '9')
        cursor.rest = span_of(cursor.rest.ptr + 1, cursor.rest.len - 1);
    int64_t zone_s = take_zone(&cursor);
    int64_t unix_s = cursor.ok ? moment_unix_s(&moment) : -1;
    return unix_s < 0 ? -1 : unix_s - zone_s;
}
