/* account.c - keeps the list of attempts and their time. */
#include "relay/account.h"

#include <stdio.h>

void
account_attempt(struct account *account, const char *upstream, const char *word)
{
    size_t room = sizeof(account->attempts) - account->attempts_len;
    char *end = account->attempts + account->attempts_len;
    account->count++;
    if (account->is_full)
        return;
    int len = snprintf(end, room, "%s%s:%s", account->attempts_len > 0 ? "," : "", upstream, word);
    account->is_full = len < 0 || (size_t)len >= room;
    if (account->is_full)
        *end = '\0';
    else
        account->attempts_len += (size_t)len;
}

void
account_wait_begin(struct account *account, uint64_t now_us)
{
    account->wait_began_us = now_us;
}

void
account_wait_end(struct account *account, uint64_t now_us)
{
    account->waited_us += now_us - account->wait_began_us;
    account->wait_began_us = 0;
}

uint64_t
account_own_us(const struct account *account, uint64_t started_us, uint64_t now_us)
{
    uint64_t running_us = account->wait_began_us > 0 ? now_us - account->wait_began_us : 0;
    uint64_t waited_us = account->waited_us + running_us;
    uint64_t elapsed_us = now_us - started_us;
    return elapsed_us > waited_us ? elapsed_us - waited_us : 0;
}
