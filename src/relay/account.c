/* account.c - keeps the list of attempts. */
#include "relay/account.h"

#include <stdio.h>

void
account_attempt(struct account *account, const char *upstream, const char *word)
{
    size_t room = sizeof(account->attempts) - account->attempts_len;
    char *end = account->attempts + account->attempts_len;
    int len = snprintf(end, room, "%s%s:%s", account->attempts_len > 0 ? "," : "", upstream, word);
    if (len > 0 && (size_t)len < room)
        account->attempts_len += (size_t)len;
    else
        *end = '\0';
    account->count++;
}
