/* postern.c - postern.fcgi: finds out how it was started, and serves that way until it is told to
 * end. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/acceptor.h"
#include "edge/cgi.h"
#include "edge/drain.h"
#include "edge/fcgi.h"
#include "edge/listener.h"
#include "edge/serve.h"
#include "edge/signals.h"
#include "edge/workers.h"
#include "prog/process.h"
#include "prog/sources.h"

/* How long streams may go on after the signal to end, unless configured. A web server that started
 * us waits for us with everything it has. */
#define DRAIN_OWN_MS 30000
#define DRAIN_INHERITED_MS 2000
#define DRAIN_GRACE_MS 1000 /* for the error event that ends them */

#define THREAD_IDLE_MS 60000
#define TIDY_EVERY_MS 10000

#define EXIT_USAGE 2

enum mode { MODE_FASTCGI, MODE_CGI, MODE_LISTEN, MODE_HELP, MODE_VERSION, MODE_WRONG };

static const char usage[] =
    "usage: postern.fcgi --listen unix:PATH[,mode=0660]   serve FastCGI on a socket of its own\n"
    "       postern.fcgi --listen 127.0.0.1:PORT\n"
    "       postern.fcgi --help | --version\n"
    "Started by a web server as a FastCGI program or a CGI script it takes no arguments.\n";

/* --- how was it started? -------------------------------------------------- */

static enum mode
read_arguments(int argc, char **argv, const char **address)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, MODE_LISTEN},
        {"help", no_argument, NULL, MODE_HELP},
        {"version", no_argument, NULL, MODE_VERSION},
        {NULL, 0, NULL, 0},
    };
    enum mode mode = MODE_WRONG;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?' || mode != MODE_WRONG)
            return MODE_WRONG;
        mode = (enum mode)option;
        if (mode == MODE_LISTEN)
            *address = optarg;
    }
    return optind == argc ? mode : MODE_WRONG;
}

/* Under a web server the arguments may be a client's: mod_cgid passes `?--help+x` as two of them.
 */
static enum mode
find_mode(int argc, char **argv, const char **address)
{
    if (listener_is_listening(STDIN_FILENO))
        return MODE_FASTCGI;
    if (getenv("GATEWAY_INTERFACE"))
        return MODE_CGI;
    return read_arguments(argc, argv, address);
}

static int
fail(const struct err *err)
{
    char quoted[LOG_QUOTE_MAX];
    log_write(LOG_LEVEL_ERROR, "process_failed why=%s", log_quote(quoted, span_from(err->msg)));
    return EXIT_FAILURE;
}

/* --- FastCGI -------------------------------------------------------------- */

struct responder {
    struct serve *serve;
    struct drain drain;
    struct fcgi_server fcgi;
    struct workers *workers;
    struct listener listener;
    int signal_fd;
};

static void
run_connection(void *self, int fd, bool is_overload)
{
    const struct responder *responder = self;
    fcgi_answer(&responder->fcgi, fd, is_overload);
}

static int
start_workers(struct responder *responder, struct err *err)
{
    unsigned wanted = serve_threads(responder->serve);
    const struct process_limits limits = process_limits();
    unsigned threads = process_clamp_threads(wanted, &limits);
    if (threads < wanted)
        log_write(LOG_LEVEL_WARN,
                  "threads_clamped from=%u to=%u descriptors=%u address_space_mib=%" PRIu64, wanted,
                  threads, limits.descriptors, limits.address_bytes >> 20);
    const struct workers_options options = {.listen_fd = responder->listener.fd,
                                            .threads_max = threads,
                                            .idle_ms = THREAD_IDLE_MS,
                                            .run = run_connection,
                                            .self = responder};
    responder->workers = workers_new(&options, err);
    if (!responder->workers)
        return -1;
    log_write(LOG_LEVEL_INFO, "process_ready mode=fastcgi socket=%s threads=%u",
              responder->listener.is_own ? "own" : "inherited", threads);
    return 0;
}

static int
start_responder(struct responder *responder, const struct sources *sources, struct err *err)
{
    bool is_own = responder->listener.is_own;
    responder->drain.wake_fd = -1;
    responder->signal_fd = signals_open(err);
    if (responder->signal_fd < 0 || fcgi_init(err) || drain_init(&responder->drain, err))
        return -1;
    responder->serve = serve_new(&sources->config, is_own ? DRAIN_OWN_MS : DRAIN_INHERITED_MS, err);
    if (!responder->serve)
        return -1;
    responder->fcgi = (struct fcgi_server){
        .serve = serve_exchange, .self = responder->serve, .drain = &responder->drain};
    return start_workers(responder, err);
}

/* Lets running requests finish, then makes them. Those that do not even then go down with the
 * process; nothing they use may be freed before. */
static void
stop_workers(struct responder *responder)
{
    uint64_t drain_ms = serve_drain_ms(responder->serve);
    listener_close(&responder->listener);
    drain_begin(&responder->drain, clock_boot_ms() + drain_ms);
    if (!workers_stop(responder->workers, drain_ms + DRAIN_GRACE_MS)) {
        log_write(LOG_LEVEL_WARN, "process_ended requests_cut=%u",
                  workers_view(responder->workers).threads);
        _exit(EXIT_SUCCESS);
    }
    workers_free(responder->workers);
    responder->workers = NULL;
}

/* Takes the listener of `responder`. */
static int
serve_socket(struct responder *responder, const struct sources *sources)
{
    struct err err = {.code = ERR_NONE};
    int status = EXIT_FAILURE;
    if (start_responder(responder, sources, &err)) {
        status = fail(&err);
        goto out;
    }
    const struct acceptor acceptor = {.workers = responder->workers,
                                      .signal_fd = responder->signal_fd,
                                      .tidy = serve_tidy,
                                      .self = responder->serve,
                                      .tidy_every_ms = TIDY_EVERY_MS};
    status = acceptor_run(&acceptor, &err) ? fail(&err) : EXIT_SUCCESS;
    stop_workers(responder);
out:
    listener_close(&responder->listener);
    serve_free(responder->serve);
    drain_fini(&responder->drain);
    if (responder->signal_fd >= 0)
        (void)close(responder->signal_fd);
    return status;
}

static int
run_fastcgi(const struct sources *sources, const char *address)
{
    struct responder responder = {.signal_fd = -1};
    struct err err;
    int rc = address ? listener_open(&responder.listener, address, &err)
                     : listener_inherit(&responder.listener, STDIN_FILENO, &err);
    return rc ? fail(&err) : serve_socket(&responder, sources);
}

/* --- CGI ------------------------------------------------------------------ */

static int
run_cgi(const struct sources *sources)
{
    struct err err;
    struct drain drain;
    struct config_sources config = sources->config;
    int status = EXIT_FAILURE;
    config.is_brief = true; /* else each request would repeat the same warnings */
    if (drain_init(&drain, &err))
        return fail(&err);
    struct serve *serve = serve_new(&config, DRAIN_INHERITED_MS, &err);
    if (!serve) {
        (void)fail(&err);
        goto out;
    }
    const struct cgi_server server = {
        .serve = serve_exchange, .self = serve, .drain = &drain, .end_fd = signals_open(NULL)};
    status = cgi_answer(&server, sources->config.environment, STDIN_FILENO, STDOUT_FILENO);
    if (server.end_fd >= 0)
        (void)close(server.end_fd);
out:
    serve_free(serve);
    drain_fini(&drain);
    return status;
}

/* --- main ----------------------------------------------------------------- */

static int
run_server(enum mode mode, const char *address)
{
    static struct sources sources; /* two paths of PATH_MAX: too much for a stack */
    struct err err;
    if (sources_capture(&sources, &err))
        return fail(&err);
    sources_wipe_environment();
    int status = mode == MODE_CGI ? run_cgi(&sources) : run_fastcgi(&sources, address);
    sources_free(&sources);
    return status;
}

int
main(int argc, char **argv)
{
    const char *address = NULL;
    process_harden();
    process_open_standard_fds();
    process_bound_memory();
    signals_block(); /* before anything starts a thread */
    enum mode mode = find_mode(argc, argv, &address);
    switch (mode) {
    case MODE_FASTCGI:
    case MODE_CGI:
    case MODE_LISTEN:
        return run_server(mode, address);
    case MODE_HELP:
        return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    case MODE_VERSION:
        return puts("postern " POSTERN_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    case MODE_WRONG:
        break;
    }
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}
