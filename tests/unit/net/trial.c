/* trial.c - running one exchange against the scripted upstream. */
#include "trial.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"

#define BODY_MAX (64u << 20)

const struct pool_options trial_options = {
    .idle_per_origin_max = 16,
    .idle_max = 64,
    .connection_life_s = 3600,
    .idle_life_s = 60,
};

static int
on_head(void *self, const struct wire_reply *reply)
{
    struct trial *trial = self;
    trial->heads++;
    trial->reply_at_head = *reply;
    if (trial->observer.releases_at_head)
        rawserver_release(trial->server);
    return trial->observer.stops_at_head ? -1 : 0;
}

static int
on_bytes(void *self, struct span bytes)
{
    struct trial *trial = self;
    if (trial->observer.releases_at_bytes && trial->body.len == 0)
        rawserver_release(trial->server);
    assert_int_equal(buf_put_span(&trial->body, bytes), 0);
    return trial->observer.stops_at_bytes ? -1 : 0;
}

static uint64_t
until_ms(uint64_t passed_ms, uint64_t limit_ms, uint64_t wait_ms)
{
    uint64_t left_ms = limit_ms > passed_ms ? limit_ms - passed_ms : 0;
    return left_ms < wait_ms ? left_ms : wait_ms;
}

static int
on_watch(void *self, uint64_t *wait_ms)
{
    struct trial *trial = self;
    const struct trial_observer *observer = &trial->observer;
    uint64_t passed_ms = clock_boot_ms() - trial->began_ms;
    short revents = trial->waits[0].revents;
    if (observer->releases_at_watch && trial->watches == 0)
        rawserver_release(trial->server);
    trial->watches++;
    trial->revents = (short)(trial->revents | revents);
    *wait_ms = 60000;
    eventfd_t taken;
    if (observer->takes_back && revents != 0)
        (void)eventfd_read(observer->watch_fd, &taken);
    if (observer->releases_after_ms > 0 && !trial->has_released) {
        trial->has_released = passed_ms >= observer->releases_after_ms;
        if (trial->has_released)
            rawserver_release(trial->server);
        else
            *wait_ms = until_ms(passed_ms, observer->releases_after_ms, *wait_ms);
    }
    if (observer->stops_after_ms > 0) {
        if (passed_ms >= observer->stops_after_ms)
            return -1;
        *wait_ms = until_ms(passed_ms, observer->stops_after_ms, *wait_ms);
    }
    return observer->stops_at_revents && revents != 0 ? -1 : 0;
}

void
trial_open(struct trial *trial, const struct rawserver_script *scripts, size_t count, SSL_CTX *tls,
           const struct pool_options *options)
{
    struct err err;
    *trial = (struct trial){0};
    buf_init(&trial->body, BODY_MAX);
    trial->pool = pool_new(options, &err);
    assert_non_null(trial->pool);
    if (count > 0)
        trial->server = rawserver_start(scripts, count, tls, trial);
}

void
trial_close(struct trial *trial)
{
    trial_end(trial);
    pool_free(trial->pool);
    if (trial->server)
        rawserver_stop(trial->server);
    buf_fini(&trial->body);
}

struct wire_request
trial_request(struct trial *trial, const char *method)
{
    const char *origin = rawserver_origin(trial->server);
    (void)snprintf(trial->url, sizeof trial->url, "%s/v1/thing", origin);
    return (struct wire_request){
        .method = method, .url = trial->url, .origin = origin, .connect_timeout_ms = 5000};
}

void
trial_run(struct trial *trial, const struct wire_request *request)
{
    struct transfer_observer observer = {
        .self = trial,
        .head = on_head,
        .bytes = on_bytes,
        .watch = on_watch,
        .waits = trial->waits,
    };
    trial_end(trial);
    buf_clear(&trial->body);
    trial->heads = trial->watches = 0;
    trial->revents = 0;
    int watch_fd = trial->observer.is_watching ? trial->observer.watch_fd : -1;
    trial->waits[0] = (struct pollfd){.fd = watch_fd, .events = POLLIN};
    trial->waits[1] = (struct pollfd){.fd = -1};
    trial->has_released = false;
    trial->began_ms = clock_boot_ms();
    trial->transfer = transfer_run(trial->pool, request, &observer, &trial->reply);
    trial->took_ms = clock_boot_ms() - trial->began_ms;
}

void
trial_get(struct trial *trial)
{
    struct wire_request request = trial_request(trial, "GET");
    trial_run(trial, &request);
}

void
trial_end(struct trial *trial)
{
    transfer_end(trial->pool, trial->transfer);
    trial->transfer = NULL;
}

struct span
trial_header(const struct trial *trial, const char *name)
{
    const struct span *value = wire_header_find(&trial->reply.headers, name);
    return value ? *value : span_of("", 0);
}
