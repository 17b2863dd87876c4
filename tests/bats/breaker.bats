#!/usr/bin/env bats
# The circuit breaker through a web server: with the original's variables alone it does what the
# original did, but that all processes share it, a restart keeps it, and one request probes.

load lib/all

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
}

teardown_file() {
    ground_drop
}

setup() {
    forget primary fallback
}

teardown() {
    ground_tell
}

fail_primary() {
    local n
    tell primary "${2:-{\"mode\":\"status\",\"status\":503\}}"
    for ((n = 0; n < $1; n++)); do
        chat
        expect_from fallback
    done
    tell primary '{"mode":"ok"}'
}

# Longer than CIRCUIT_RETRY_TIMEOUT=1; that it may take longer still does no harm.
sleep_past_opening() {
    sleep 1.2
}

@test "three failures in a row open it: the primary is not called again" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 3
    expect_count primary 3
    local n
    for n in 1 2 3 4 5; do
        chat
        expect_from fallback
    done
    expect_count primary 3
}

@test "two failures do not open it, and a success forgets them" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    local round
    for round in 1 2 3; do
        fail_primary 2
        chat
        expect_from primary
    done
    expect_count primary 9
}

@test "a client's own mistake counts as a success" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 2
    tell_next primary '{"mode":"status","status":400}'
    chat
    expect_status 400
    fail_primary 2
    chat
    expect_from primary
}

@test "429 counts as a failure" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 3 '{"mode":"limited"}'
    chat
    expect_from fallback
    expect_count primary 3
}

@test "no connection counts as a failure" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_FAILURE_THRESHOLD=2
    fail_primary 2 '{"mode":"reset_on_accept"}'
    local before
    before=$(control primary state | jq .connections)
    chat
    expect_from fallback
    [ "$(control primary state | jq .connections)" -eq "$before" ]
}

@test "the threshold is the configured one, and 0 acts as 1" {
    local threshold
    for threshold in 1 0; do
        fresh_start CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_FAILURE_THRESHOLD=$threshold
        forget primary
        fail_primary 1
        chat
        expect_from fallback
        expect_count primary 1
    done
}

@test "an open breaker rejects streams as well" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 3
    chat_stream
    expect_whole_stream fallback
    expect_count primary 3
}

@test "after the retry time-out exactly one of many requests probes" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=1
    fail_primary 3
    tell primary '{"mode":"ok","gate":"probe"}'
    sleep_past_opening
    local number pids=()
    for number in 1 2 3 4 5 6 7 8; do
        curl -sS --max-time 60 -H 'Content-Type: application/json' -d "$CHAT" \
            -o "$BATS_TEST_TMPDIR/$number" "$BASE/v1/chat/completions" 3>&- &
        pids+=($!)
    done
    # The probe waits at the gate; the seven others must come back meanwhile.
    await primary gate probe 1
    await fallback requests 10
    expect_count primary 4
    release primary probe
    for number in "${pids[@]}"; do
        wait "$number"
    done
    [ "$(cat "$BATS_TEST_TMPDIR"/[1-8] | grep -o '"system_fingerprint":"primary"' | wc -l)" -eq 1 ]
    expect_count fallback 10
}

@test "a good probe closes it" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=1
    fail_primary 3
    sleep_past_opening
    local n
    for n in 1 2 3; do
        chat
        expect_from primary
    done
}

@test "a failed probe opens it again for the whole time" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=1
    fail_primary 3
    sleep_past_opening
    fail_primary 1
    # Were the second opening not there, one of these would call the primary, which is well now.
    chat
    expect_from fallback
    expect_count primary 4
    sleep_past_opening
    chat
    expect_from primary
}

@test "a probe whose client left makes room for the next one" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=1 POSTERN_HEARTBEAT=0.5
    fail_primary 3
    tell primary '{"mode":"ok","gate":"next"}'
    sleep_past_opening
    chat_open
    await primary requests 4
    stream_expect one
    stream_leave
    await primary closed 3
    tell primary '{"mode":"ok"}'
    wait_until "another probe" primary_answers
}

primary_answers() {
    chat
    grep -q '"system_fingerprint":"primary"' "$ANSWER/body"
}

@test "a restart of the web server keeps it open" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 3
    server_restart
    chat
    expect_from fallback
    expect_count primary 3
}

@test "a killed responder leaves it open" {
    ! is_cgi || skip 'a CGI process is gone after each request anyway'
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 3
    kill_responders
    wait_until "a new responder" fallback_answers
    expect_count primary 3
}

kill_responders() {
    local exe
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe")" != "$GROUND/lib/postern.fcgi" ] ||
            kill -KILL "$(basename "$(dirname "$exe")")"
    done
}

fallback_answers() {
    chat
    [ "$STATUS" -eq 200 ] && expect_from fallback
}

@test "the breaker of the fallback is its own: the primary is still asked" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    tell fallback '{"mode":"status","status":500}'
    tell_next primary '[{"mode":"status","status":500},{"mode":"status","status":500}]'
    chat
    expect_status 500
    chat
    expect_status 500
    chat
    expect_from primary
}

@test "with every breaker open the last upstream is tried all the same" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_FAILURE_THRESHOLD=1
    tell primary '{"mode":"status","status":500}'
    tell fallback '{"mode":"status","status":500}'
    chat
    expect_status 500
    forget primary fallback
    chat
    expect_from fallback
    expect_count primary 0
}

@test "with fail_fast nobody is called and the client is told when to come back" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_LAST_RESORT=fail_fast
    tell primary '{"mode":"status","status":500}'
    tell fallback '{"mode":"status","status":500}'
    chat
    expect_status 500
    forget primary fallback
    chat
    expect_error 503 upstream_unavailable
    [[ $(header Retry-After) =~ ^[0-9]+$ ]]
    expect_count primary 0
    expect_count fallback 0
}

@test "streams that start well and are cut open it" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    tell primary '{"mode":"close_mid_body","after":2}'
    local n
    for n in 1 2 3; do
        chat_stream
        expect_cut_stream 'one two' upstream_stream_interrupted
    done
    chat_stream
    expect_whole_stream fallback
    expect_count primary 3
}

@test "whole streams keep it closed" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600
    fail_primary 2
    chat_stream
    expect_whole_stream primary
    fail_primary 2
    chat_stream
    expect_whole_stream primary
}

@test "a client that leaves is no failure of the upstream's" {
    fresh_start CIRCUIT_RETRY_TIMEOUT=600 CIRCUIT_FAILURE_THRESHOLD=1 POSTERN_HEARTBEAT=0.5
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open
    stream_expect one
    stream_leave
    await primary closed 0
    tell primary '{"mode":"ok"}'
    chat
    expect_from primary
}

# --- the recommended profile

@test "llm: a 429 that states a wait is no failure, but the primary gets its rest" {
    fresh_start CIRCUIT_PROFILE=llm CIRCUIT_FAILURE_THRESHOLD=1
    tell_next primary '{"mode":"limited","retry_after":"600"}'
    chat
    expect_from fallback
    chat
    expect_from fallback
    expect_count primary 1
}

@test "llm: a short wait is over soon" {
    fresh_start CIRCUIT_PROFILE=llm CIRCUIT_FAILURE_THRESHOLD=1
    tell_next primary '{"mode":"limited","retry_after":"1"}'
    chat
    expect_from fallback
    sleep_past_opening
    chat
    expect_from primary
}

@test "llm: when all are resting the client hears 429 and when to come back" {
    fresh_start CIRCUIT_PROFILE=llm CIRCUIT_LAST_RESORT=fail_fast
    tell primary '{"mode":"limited","retry_after":"600"}'
    tell fallback '{"mode":"limited","retry_after":"300"}'
    chat
    expect_status 429
    forget primary fallback
    chat
    expect_error 429 upstream_rate_limited
    [ "$(header Retry-After)" -gt 200 ]
    expect_count primary 0
    expect_count fallback 0
}

@test "llm: a refused key opens it at once" {
    fresh_start CIRCUIT_PROFILE=llm
    tell_next primary '{"mode":"unauthorized"}'
    chat
    expect_from fallback
    chat
    expect_from fallback
    expect_count primary 1
}
