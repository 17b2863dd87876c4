/* err.c - fills and prefixes the one error struct. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    err->code = code;
    err->sys_errno = 0;
    (void)vsnprintf(err->msg, sizeof(err->msg), format, args);
    va_end(args);
    return -1;
}

int
err_system(struct err *err, const char *format, ...)
{
    int saved_errno = errno;
    if (!err)
        return -1;
    char what[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    char words[80];
    /* the GNU strerror_r may return a constant of its own */
    const char *text = strerror_r(saved_errno, words, sizeof(words));
    err->code = ERR_SYSTEM;
    err->sys_errno = saved_errno;
    (void)snprintf(err->msg, sizeof(err->msg), "%s: %s", what, text);
    return -1;
}

int
err_prefix(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    char prefixed[sizeof(err->msg)];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(prefixed, sizeof(prefixed), format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof(prefixed) - 3)
        return -1; /* a prefix that leaves no room for the message would hide it */
    (void)snprintf(prefixed + used, sizeof(prefixed) - (size_t)used, ": %.*s",
                   (int)(sizeof(prefixed) - (size_t)used - 3), err->msg);
    memcpy(err->msg, prefixed, sizeof(prefixed));
    return -1;
}
