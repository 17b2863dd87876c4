/* account.c - keeps the list of attempts and their time. */
#include "relay/account.h"

#include <string.h>

#include "base/span.h"

void
account_attempt(struct account *account, const char *upstream, const char *word)
{
    const struct span parts[] = {span_from(account->attempts_len > 0 ? "," : ""),
                                 span_from(upstream), SPAN_LITERAL(":"), span_from(word)};
    size_t room = sizeof(account->attempts) - account->attempts_len;
    char *end = account->attempts + account->attempts_len;
    account->count++;
    if (account->is_full)
        return;
    size_t len = parts[0].len + parts[1].len + parts[2].len + parts[3].len;
    account->is_full = len >= room; /* the NUL, too */
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !account->is_full; i++) {
        memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    *end = '\0';
    if (!account->is_full)
        account->attempts_len += len;
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
