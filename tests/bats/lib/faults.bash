# faults.bash - what the suites of the fault matrix share: short time-outs, and the few ways in which
# a fault may show to the client.

setup_file() {
    export QUICK="CIRCUIT_FAILURE_THRESHOLD=1000 POSTERN_CONNECT_TIMEOUT=1
        POSTERN_FIRST_TOKEN_TIMEOUT=2 POSTERN_RESPONSE_TIMEOUT=2 POSTERN_IDLE_TIMEOUT=1
        POSTERN_RETRY_WAIT_MAX=0"
    # shellcheck disable=SC2086
    stand_up $QUICK
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

# reconfigure with the short time-outs of this suite
with() {
    # shellcheck disable=SC2086
    reconfigure $QUICK "$@"
}

answered_by_fallback() {
    local step=$1
    tell primary "$step"
    tell fallback '{"mode":"ok"}'
    chat
    expect_from fallback
    chat_stream
    expect_whole_stream fallback
}

# fails_alone STEP STATUS CODE - with the same fault everywhere the client gets one clear error
fails_alone() {
    tell primary "$1"
    tell fallback "$1"
    chat
    expect_error "$2" "$3"
    chat_stream
    expect_error "$2" "$3"
}

bad_response() {
    answered_by_fallback "$1"
    fails_alone "$1" 502 upstream_bad_response
}

unreachable() {
    answered_by_fallback "$1"
    fails_alone "$1" 502 upstream_unreachable
}

taken_as_good() {
    tell primary "$1"
    chat
    expect_from primary
    chat_stream
    expect_whole_stream primary
    expect_count fallback 0
}

bad_response_stream() {
    tell primary "$1"
    chat_stream
    expect_whole_stream fallback
}

bad_response_json() {
    tell primary "$1"
    tell fallback '{"mode":"ok"}'
    chat
    expect_from fallback
    expect_header Content-Type application/json
}
