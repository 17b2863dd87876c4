#!/usr/bin/env bats
# After a failure: who is asked again, who is given rest, how long that is waited for, and what the
# client hears when nobody is left. Waits are proved by what was asked meanwhile, and by a least time.

load lib/all
load lib/routes

north_and_south() {
    fresh_routes "$@" <<END
{ "upstreams": { $(at north), $(at south) } }
END
}

north_alone() {
    fresh_routes "$@" <<END
{ "upstreams": { $(at north) } }
END
}

# fails STATUS [HEADER VALUE]… - a step
fails() {
    jq -cn --argjson status "$1" '{mode: "status", $status,
        headers: [$ARGS.positional as $all | range(0; $all | length; 2) | $all[.:. + 2]]}' \
        --args "${@:2}"
}

now_ms() {
    echo "$((${EPOCHREALTIME/[.,]/} / 1000))"
}

# at_least MS COMMAND… - it may take longer, but not less
at_least() {
    local least=$1 began
    shift
    began=$(now_ms)
    "$@"
    (($(now_ms) - began >= least)) || fail "it took less than $least ms: $*"
}

# --- rest

answered_by_north() {
    ask_for gpt-4o
    [ "$(header X-Postern-Upstream)" = north ]
}

# 429 with that header; the other answers until 1.5 seconds are over, and north is not asked before.
rests() {
    tell_next north "$(fails 429 "$@")"
    ask_for gpt-4o
    expect_attempts north:429,south:200
    ask_for gpt-4o
    expect_attempts south:200
    wait_until 'the end of the rest' answered_by_north
    expect_attempts north:200
    expect_count north 2
}

@test "llm: a limited upstream rests for as long as it said, and the other answers meanwhile" {
    north_and_south CIRCUIT_PROFILE=llm
    at_least 1500 rests retry-after-ms 1500
    forget north
    at_least 1500 rests x-ms-retry-after-ms 1500.5 Retry-After 600
    forget north
    at_least 2000 rests Retry-After 2
}

@test "llm: the rest that was asked for is kept within circuit_retry_after_max" {
    north_and_south CIRCUIT_PROFILE=llm CIRCUIT_RETRY_AFTER_MAX=1
    at_least 1000 rests Retry-After 86400
}

@test "llm: no stream either goes to an upstream that rests" {
    north_and_south CIRCUIT_PROFILE=llm
    tell_next north "$(fails 429 retry-after-ms 600000)"
    chat_stream
    expect_whole_stream south
    expect_attempts north:429,south:200
    chat_stream
    expect_whole_stream south
    expect_count north 1
}

@test "classic: a limited upstream is asked again by the next request" {
    north_and_south CIRCUIT_RETRY_TIMEOUT=600
    tell_next north "$(fails 429 retry-after-ms 600000)"
    ask_for gpt-4o
    expect_attempts north:429,south:200
    ask_for gpt-4o
    expect_attempts north:200
}

@test "llm: an upstream without a wait is sick, not at rest" {
    north_and_south CIRCUIT_PROFILE=llm CIRCUIT_FAILURE_THRESHOLD=2 CIRCUIT_RETRY_TIMEOUT=600
    tell north "$(fails 429)"
    ask_for gpt-4o
    ask_for gpt-4o
    expect_attempts north:429,south:200
    ask_for gpt-4o
    expect_attempts south:200
}

# --- refused

@test "llm: who refuses our key or our money is left alone at once, and for long" {
    local step
    for step in '{"mode":"unauthorized"}' '{"mode":"unauthorized","status":403}' \
        '{"mode":"no_money"}' '{"mode":"status","status":402}' '{"mode":"redirect"}'; do
        forget north
        north_and_south CIRCUIT_PROFILE=llm CIRCUIT_RETRY_TIMEOUT=0.1 CIRCUIT_QUOTA_HOLD=600
        tell_next north "$step"
        ask_for gpt-4o
        expect_from south
        ask_for gpt-4o
        expect_attempts south:200
        expect_count north 1
    done
}

@test "classic: an upstream that refuses our key is asked by each request, and the other answers" {
    north_and_south
    tell north '{"mode":"unauthorized"}'
    local n
    for n in 1 2 3 4 5; do
        ask_for gpt-4o
        expect_attempts north:401,south:200
    done
}

# --- nobody is left

@test "llm: the last one is tried at rest as well, where nothing else is said" {
    north_and_south CIRCUIT_PROFILE=llm
    tell_next north "$(fails 429 Retry-After 600)"
    tell_next south "$(fails 429 Retry-After 50)"
    ask_for gpt-4o
    expect_status 429
    expect_attempts north:429,south:429
    expect_header Retry-After 50
    ask_for gpt-4o
    expect_attempts south:200
}

@test "llm: when all rest and nobody is tried against it, 429 says until when" {
    north_and_south CIRCUIT_PROFILE=llm CIRCUIT_LAST_RESORT=fail_fast
    tell north "$(fails 429 Retry-After 600)"
    tell south "$(fails 429 Retry-After 50)"
    ask_for gpt-4o
    forget north south
    ask_for gpt-4o
    expect_error 429 upstream_rate_limited
    expect_no_header X-Postern-Attempts
    (($(header Retry-After) > 30 && $(header Retry-After) <= 50))
    expect_no_header X-Should-Retry
    chat_stream
    expect_error 429 upstream_rate_limited
    expect_count north 0
    expect_count south 0
}

@test "when every breaker is open and nobody is tried against it, 503 says until when" {
    north_and_south CIRCUIT_LAST_RESORT=fail_fast CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=40
    tell north "$(fails 500)"
    tell south "$(fails 500)"
    ask_for gpt-4o
    forget north south
    ask_for gpt-4o
    expect_error 503 upstream_unavailable
    (($(header Retry-After) > 20 && $(header Retry-After) <= 40))
    expect_no_header X-Should-Retry
    chat_stream
    expect_error 503 upstream_unavailable
    expect_count north 0
    expect_count south 0
}

@test "a client is not told to come back within minutes when that is too early" {
    north_and_south CIRCUIT_LAST_RESORT=fail_fast CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=600
    tell north "$(fails 500)"
    tell south "$(fails 500)"
    ask_for gpt-4o
    ask_for gpt-4o
    expect_error 503 upstream_unavailable
    expect_header X-Should-Retry false
}

@test "llm: one at rest and one with an open breaker are 503" {
    fresh_routes CIRCUIT_PROFILE=llm CIRCUIT_LAST_RESORT=fail_fast <<END
{ "upstreams": { $(at north), $(at south '"circuit_failure_threshold": 1') } }
END
    tell north "$(fails 429 Retry-After 30)"
    tell south "$(fails 500)"
    ask_for gpt-4o
    ask_for gpt-4o
    expect_error 503 upstream_unavailable
    (($(header Retry-After) <= 30))
}

@test "an upstream that is held open by hand is not tried even as the last resort" {
    north_alone
    ask_for gpt-4o # from here on there is a state file
    operator breaker open north
    ask_for gpt-4o
    expect_error 503 upstream_unavailable
    expect_count north 1
    operator breaker auto north
    ask_for gpt-4o
    expect_from north
}

# --- again

@test "retries: a stated wait is waited for, to the same upstream, before another is asked" {
    north_and_south POSTERN_RETRIES=1
    local status
    for status in 429 500 503; do
        forget north
        tell_next north "$(fails "$status" retry-after-ms 400)"
        at_least 400 ask_for gpt-4o
        expect_attempts "north:$status,north:200"
    done
    expect_count south 0
}

@test "retries: so does a stream, before its first byte" {
    north_and_south POSTERN_RETRIES=1
    tell_next north "$(fails 503 retry-after-ms 100)"
    chat_stream
    expect_whole_stream north
    expect_attempts north:503,north:200
}

@test "retries: a wait that is too long is not begun" {
    north_and_south POSTERN_RETRIES=3 POSTERN_RETRY_WAIT_MAX=2
    tell north "$(fails 503 Retry-After 3)"
    ask_for gpt-4o
    expect_attempts north:503,south:200
}

@test "retries: as often as the upstream's own number says, and no oftener" {
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=off <<END
{ "retries": 1, "upstreams": { $(at north '"retries": 3'), $(at south), $(at east '"retries": 0') } }
END
    tell north "$(fails 500 retry-after-ms 1)"
    tell south "$(fails 500 retry-after-ms 1)"
    ask_for gpt-4o
    expect_attempts north:500,north:500,north:500,north:500,south:500,south:500,east:200
}

@test "retries: without any, the last one alone is asked again, once, when nobody else is left" {
    north_and_south CIRCUIT_FAILURE_THRESHOLD=off
    tell north "$(fails 500 retry-after-ms 1)"
    ask_for gpt-4o
    expect_attempts north:500,south:200
    tell south "$(fails 500 retry-after-ms 1)"
    ask_for gpt-4o
    expect_status 500
    expect_attempts north:500,south:500,south:500
    expect_json .error.message 'south says 500'
}

@test "retries: a silent upstream is asked once" {
    fresh_routes POSTERN_RETRIES=3 <<END
{ "upstreams": { $(at north '"response_timeout": 0.2, "first_token_timeout": 0.2'), $(at south) } }
END
    tell north '{"mode":"silent"}'
    ask_for gpt-4o
    expect_attempts north:timeout,south:200
    chat_stream
    expect_attempts north:timeout,south:200
    expect_count north 2
}

@test "x-should-retry: false forbids what would be tried again" {
    north_and_south POSTERN_RETRIES=2
    tell north "$(fails 500 x-should-retry false retry-after-ms 1)"
    ask_for gpt-4o
    expect_attempts north:500,south:200
    north_alone
    ask_for gpt-4o
    expect_attempts north:500
}

@test "x-should-retry: true allows what would not be" {
    north_and_south POSTERN_RETRIES=1
    tell_next north "$(fails 422)"
    ask_for gpt-4o
    expect_status 422
    expect_attempts north:422
    tell_next north "$(fails 422 x-should-retry true)"
    at_least 350 ask_for gpt-4o # half a second, less a quarter at most
    expect_attempts north:422,north:200
}

@test "retries: the budget of an upstream pays for them, and when it is empty there are none" {
    north_and_south POSTERN_RETRIES=1 CIRCUIT_FAILURE_THRESHOLD=off
    tell north "$(fails 500 retry-after-ms 1)"
    local began=$SECONDS calls=80 retried earned
    who_answers "range($calls) | {body: {model: \"gpt-4o\", messages: []}}" >"$BATS_TEST_TMPDIR/who"
    expect_count south "$calls"
    retried=$(($(count north) - calls))
    # ten to begin with, a fifth for each call, and one for each second
    earned=$((10 + calls / 5 + SECONDS - began + 1))
    ((retried >= 10 && retried <= earned)) || fail "$retried retries, $earned earned"
    ((retried < calls)) || fail "every call was tried again"
}

# --- the time of the whole call

@test "total_timeout bounds a call, however much time its upstreams have" {
    north_and_south POSTERN_TOTAL_TIMEOUT=0.5
    tell north '{"mode":"silent"}'
    tell south '{"mode":"silent"}'
    ask_for gpt-4o # with a client that waits a minute, and upstreams that have five
    expect_error 504 upstream_timeout
    expect_attempts north:timeout
    expect_count south 0
    chat_stream
    expect_error 504 upstream_timeout
}

@test "total_timeout bounds all attempts together" {
    fresh_routes POSTERN_TOTAL_TIMEOUT=1 CIRCUIT_FAILURE_THRESHOLD=off <<END
{ "response_timeout": 0.6, "upstreams": { $(at north), $(at south), $(at east) } }
END
    local name
    for name in north south east; do
        tell "$name" '{"mode":"silent"}'
    done
    ask_for gpt-4o
    expect_error 504 upstream_timeout
    expect_attempts north:timeout,south:timeout
    expect_count east 0
}

@test "total_timeout: no wait is begun that would outlast it" {
    north_alone POSTERN_TOTAL_TIMEOUT=30 POSTERN_RETRIES=5 POSTERN_RETRY_WAIT_MAX=60
    tell north "$(fails 503 Retry-After 40)"
    local began=$SECONDS
    ask_for gpt-4o
    ((SECONDS - began < 15)) || fail 'it waited to the end of its time'
    expect_status 503
    expect_attempts north:503
    expect_header Retry-After 40
}

@test "total_timeout cuts a stream that never ends, and says so in it" {
    north_alone POSTERN_TOTAL_TIMEOUT=0.5
    tell north '{"mode":"endless_stream"}'
    chat_stream
    expect_status 200
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_timeout ]
    refute grep -q '\[DONE\]' "$ANSWER/body"
}
