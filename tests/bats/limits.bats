#!/usr/bin/env bats
# Behind a web server on a host that bounds memory, threads or descriptors: what fits is answered, and
# the rest costs its requests alone, each with a clear 503. Not for sanitizers, which reserve the whole
# address space.

load lib/all

REQUESTS=120

# Nobody else's threads count for a user that no other test has.
pick_user() {
    if [ "$(id -u)" -eq 0 ] && id games >/dev/null 2>&1; then
        export RUN_USER_FOR_ROOT=games
        RUN_USER=games
    fi
}

setup() {
    ! grep -q __asan_init "$PROGRAM" || skip "a sanitizer's memory is not the program's"
    pick_user
    ground_make
    upstream_start primary
    upstream_start fallback
    gateway_env CIRCUIT_FAILURE_THRESHOLD=1
}

teardown() {
    [ -n "${GROUND:-}" ] || return 0
    ground_tell
    ground_drop
}

# start_under SHELL-COMMAND… - the server, and the program below limits that it sets itself
start_under() {
    mv "$GROUND/lib/postern.fcgi" "$GROUND/lib/postern"
    printf '#!/bin/sh\n%s\nexec %s\n' "$1" "$GROUND/lib/postern" >"$GROUND/lib/postern.fcgi"
    chmod 755 "$GROUND/lib/postern.fcgi"
    server_start
}

responder() {
    program_pids "$GROUND/lib/postern"
}

# crowd [CURL OPTION…] - that many requests at once; those that are served wait for each other at the
# upstream until all others have been turned away. Leaves one file a request.
crowd() {
    tell primary '{"mode":"late","gate":"crowd"}'
    mkdir -p "$BATS_TEST_TMPDIR/crowd"
    local number
    for ((number = 0; number < REQUESTS; number++)); do
        curl -sS --max-time 60 -o "$BATS_TEST_TMPDIR/crowd/$number" -w '%{http_code}\n' \
            -H 'Content-Type: application/json' "$@" "$BASE/v1/chat/completions" \
            >>"$BATS_TEST_TMPDIR/statuses" 3>&- &
    done
    wait_until "all others are turned away" crowd_is_settled
    release primary crowd all
    wait_until "every request is answered" statuses_are "$REQUESTS"
}

statuses_are() {
    [ "$(wc -l <"$BATS_TEST_TMPDIR/statuses")" -eq "$1" ]
}

# Each is answered or waits at the upstream.
crowd_is_settled() {
    [ $(($(wc -l <"$BATS_TEST_TMPDIR/statuses") + $(count primary))) -ge "$REQUESTS" ]
}

served() {
    grep -c '^200$' "$BATS_TEST_TMPDIR/statuses"
}

# Nothing but answers and clean 503s, by the process that was there before.
expect_clean() {
    refute grep -qvE '^(200|503)$' "$BATS_TEST_TMPDIR/statuses"
    local file
    for file in "$BATS_TEST_TMPDIR"/crowd/*; do
        jq -e '.choices or .error.code == "gateway_overloaded"' "$file" >/dev/null ||
            fail "not an answer: $(head -c 300 "$file")"
    done
    [ "$(responder)" = "$1" ] || fail "the process has changed"
    refute log_says 'breaker_opened'
    forget primary fallback
    chat
    expect_from primary
}

@test "120 requests at once cost no more than 512 MiB of addresses" {
    start_under 'ulimit -v 524288'
    local before
    before=$(responder)
    crowd -d "$CHAT"
    [ "$(served)" -eq "$REQUESTS" ]
    expect_clean "$before"
    refute log_says threads_clamped
}

@test "in 64 MiB of addresses fewer are served, which the log says, and the rest is told" {
    start_under 'ulimit -v 65536'
    local before
    before=$(responder)
    crowd -d "$CHAT"
    [ "$(served)" -ge 8 ]
    expect_clean "$before"
    log_says 'threads_clamped from=256 to=32 .*address_space_mib=64'
}

@test "large bodies in little memory cost their own requests alone" {
    start_under 'ulimit -v 98304'
    local before
    before=$(responder)
    jq -n '{model: "gpt-4o", messages: [{role: "user", content: ("x" * 300000)}]}' \
        >"$BATS_TEST_TMPDIR/large"
    crowd -d "@$BATS_TEST_TMPDIR/large"
    [ "$(served)" -ge 8 ]
    expect_clean "$before"
}

@test "with few descriptors fewer are served, and the rest is told" {
    start_under 'ulimit -n 320'
    local before
    before=$(responder)
    crowd -d "$CHAT"
    [ "$(served)" -eq 8 ]
    expect_clean "$before"
    log_says 'threads_clamped from=256 to=8 descriptors=320'
}

@test "where no more threads can be made those that are there serve, and the rest is told" {
    [ "$RUN_USER" = games ] || skip "needs root, for a user of its own"
    start_under 'ulimit -p 30'
    local before
    before=$(responder)
    crowd -d "$CHAT"
    [ "$(served)" -ge 8 ]
    expect_clean "$before"
}

@test "a name that is not looked up for want of a thread is not the upstream's fault" {
    [ "$RUN_USER" = games ] || skip "needs root, for a user of its own"
    getent ahostsv4 "$(hostname)" >/dev/null || skip "this host does not know its own name"
    gateway_env CIRCUIT_FAILURE_THRESHOLD=1 POSTERN_PLAIN_HTTP=yes \
        PRIMARY_OPENAI_HOST="http://$(hostname):$PRIMARY_PORT"
    start_under 'ulimit -p 4' # two of the program's own, and one that serves
    chat
    expect_error 503 gateway_overloaded
    log_says 'outcome=local .*why="getaddrinfo'
    refute log_says breaker_opened
}

@test "an end that comes before the first request is told at the start" {
    [ "$RUN_USER" = games ] || skip "needs root, for a user of its own"
    start_under 'ulimit -p 1'
    log_says 'process_failed why="no thread can be started'
}
