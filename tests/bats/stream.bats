#!/usr/bin/env bats
# Streams: what the client sees of them, whatever the upstream does.

load lib/all

setup_file() {
    export QUIET_BREAKER=CIRCUIT_FAILURE_THRESHOLD=1000
    stand_up "$QUIET_BREAKER"
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

# The stream as the upstream sent it, to compare bytes with.
raw_stream() {
    curl -sSN "http://127.0.0.1:$PRIMARY_PORT$1" -H 'Content-Type: application/json' -d "$2"
}

# --- passing through

@test "a stream comes event by event, none waits for the next" {
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open
    local word
    for word in one two three four five; do
        stream_expect "$word"
        release primary next
    done
    release primary next 5
    stream_end
    grep -q '\[DONE\]' "$BATS_TEST_TMPDIR/stream-rest"
    expect_count fallback 0
}

@test "two streams are interleaved as their upstreams send" {
    tell primary '{"mode":"ok","gate":"one"}'
    chat_open
    stream_expect one
    local first=$STREAM first_pid=$STREAM_PID
    await primary gate one 1
    tell primary '{"mode":"ok","gate":"two"}'
    chat_open
    stream_expect one
    local second=$STREAM second_pid=$STREAM_PID word
    for word in two three four; do
        release primary two
        STREAM=$second stream_expect "$word"
        release primary one
        STREAM=$first stream_expect "$word"
    done
    release primary one all
    release primary two all
    cat <&"$first" >/dev/null
    cat <&"$second" >/dev/null
    wait "$first_pid"
    wait "$second_pid"
}

@test "a stream's head says what it is and that nobody should buffer it" {
    chat_stream
    expect_whole_stream primary
    [[ $(header Content-Type) == text/event-stream* ]]
    expect_header Cache-Control no-cache
    expect_header X-Accel-Buffering no
    expect_header X-Postern-Upstream primary
    [ -n "$(header X-Request-Id)" ]
}

@test "every byte of a stream passes as it is" {
    chat_stream
    cmp "$ANSWER/body" <(raw_stream /v1/chat/completions "$CHAT_STREAM")
}

@test "odd line ends, a byte order mark, a NUL and invalid UTF-8 pass as they are" {
    tell primary '{"mode":"odd_bytes"}'
    chat_stream
    expect_from primary
    cmp "$ANSWER/body" <(raw_stream /v1/chat/completions "$CHAT_STREAM")
}

@test "a stream that comes byte by byte is the same stream" {
    tell primary '{"mode":"byte_by_byte"}'
    chat_stream
    expect_whole_stream primary
    cmp "$ANSWER/body" <(raw_stream /v1/chat/completions "$CHAT_STREAM")
}

@test "it makes no difference where a stream is split" {
    raw_stream /v1/chat/completions "$CHAT_STREAM" >"$BATS_TEST_TMPDIR/whole"
    local at size
    size=$(wc -c <"$BATS_TEST_TMPDIR/whole")
    # 37 and the event's length have no common factor: every place of an event gets its turn.
    for ((at = 1; at < size; at += 37)); do
        tell_next primary "{\"mode\":\"split\",\"at\":$at}"
        chat_stream
        cmp "$ANSWER/body" "$BATS_TEST_TMPDIR/whole" || fail "split at $at"
    done
    expect_count fallback 0
}

@test "a compressed stream arrives decoded" {
    tell primary '{"mode":"gzipped"}'
    chat_stream -H 'Accept-Encoding: gzip'
    expect_whole_stream primary
    expect_no_header Content-Encoding
}

@test "completions and responses stream, too" {
    json /v1/completions -d '{"model":"m","stream":true,"prompt":"x"}'
    expect_status 200
    cmp "$ANSWER/body" <(raw_stream /v1/completions '{"model":"m","stream":true,"prompt":"x"}')
    json /v1/responses -d '{"model":"m","stream":true,"input":"x"}'
    expect_status 200
    cmp "$ANSWER/body" <(raw_stream /v1/responses '{"model":"m","stream":true,"input":"x"}')
    expect_count fallback 0
}

@test "a stream that finished without [DONE] is whole" {
    tell primary '{"mode":"no_done"}'
    chat_stream
    expect_from primary
    expect_words 'one two three four five'
    refute grep -q '"error"' "$ANSWER/body"
}

# --- falling back before the first byte

fallback_streams() {
    tell primary "$1"
    chat_stream
    expect_whole_stream fallback
    expect_count fallback 1
    # Not a byte of the primary's attempt reached the client.
    refute grep -q '"system_fingerprint":"primary"' "$ANSWER/body"
}

@test "an error status is answered by the fallback's stream" {
    fallback_streams '{"mode":"status","status":500}'
}

@test "an empty stream is answered by the fallback's" {
    fallback_streams '{"mode":"empty_stream"}'
}

@test "a stream of nothing but [DONE] is answered by the fallback's" {
    fallback_streams '{"mode":"only_done"}'
}

@test "a stream that ends after the role is answered by the fallback's" {
    fallback_streams '{"mode":"role_only"}'
}

@test "an error as the first event is answered by the fallback's stream" {
    fallback_streams '{"mode":"error_first_event"}'
}

@test "an error in JSON with status 200 is answered by the fallback's stream" {
    fallback_streams '{"mode":"error_in_200"}'
}

@test "a first event that is broken JSON is answered by the fallback's stream" {
    fallback_streams '{"mode":"not_json_event"}'
}

@test "a stream cut before its first token is answered by the fallback" {
    fallback_streams '{"mode":"close_mid_body"}'
}

@test "a JSON answer where a stream was asked for is answered by the fallback's stream" {
    fallback_streams '{"mode":"json_for_stream"}'
}

@test "a page of HTML is answered by the fallback's stream" {
    fallback_streams '{"mode":"html"}'
}

@test "silence before the first token is answered by the fallback's stream" {
    reconfigure "$QUIET_BREAKER" POSTERN_FIRST_TOKEN_TIMEOUT=1
    fallback_streams '{"mode":"stall"}'
    forget primary fallback
    fallback_streams '{"mode":"silent"}'
    reconfigure "$QUIET_BREAKER"
}

@test "when no upstream streams, the client gets the last one's error, not a stream" {
    tell primary '{"mode":"empty_stream"}'
    tell fallback '{"mode":"status","status":503}'
    chat_stream
    expect_status 503
    expect_json .error.message 'fallback says 503'
}

# --- after the first byte

cut_stream() {
    tell primary "$1"
    chat_stream
    expect_cut_stream "$2" "$3"
    expect_count fallback 0
}

@test "a stream that is closed midway ends in an error event" {
    cut_stream '{"mode":"close_mid_body","after":3}' 'one two three' upstream_stream_interrupted
}

@test "a stream that is reset midway ends in an error event" {
    cut_stream '{"mode":"reset_mid_body","after":3}' 'one two three' upstream_stream_interrupted
}

@test "a stream with a broken chunk ends in an error event" {
    cut_stream '{"mode":"cut_chunk","after":2}' 'one two' upstream_stream_interrupted
}

@test "a stream that ends cleanly without its finish ends in an error event" {
    cut_stream '{"mode":"unfinished"}' 'one two three' upstream_stream_interrupted
}

@test "a stream that ends inside an event ends in an error event" {
    tell primary "$(jq -n --arg event "data: $(chat_event one)" --arg cut 'data: {"choices":[{"del' \
        '{mode: "ok", events: [$event + "\n\n", $cut]}')"
    chat_stream
    expect_status 200
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_stream_interrupted ]
    refute grep -q '\[DONE\]' "$ANSWER/body"
}

chat_event() {
    printf '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}' "$1"
}

@test "a stream with a broken event midway ends in an error event" {
    tell primary '{"mode":"not_json_event","after":2}'
    chat_stream
    expect_status 200
    [[ $(data_events | tail -n 1 | jq -r .error.code) == upstream_* ]]
    refute grep -q '\[DONE\]' "$ANSWER/body"
    expect_count fallback 0
}

@test "a stream that stalls ends in an error event in time" {
    reconfigure "$QUIET_BREAKER" POSTERN_IDLE_TIMEOUT=1
    cut_stream '{"mode":"stall","after":2}' 'one two' upstream_timeout
    await primary closed 0
    reconfigure "$QUIET_BREAKER"
}

@test "an upstream's own error event passes as it is and ends the stream" {
    tell primary '{"mode":"error_mid_stream"}'
    chat_stream
    expect_status 200
    expect_words 'one two'
    [ "$(data_events | tail -n 1 | jq -r .error.message)" = 'the model fell over' ]
    [ "$(grep -c '"error"' "$ANSWER/body")" -eq 1 ]
    refute grep -q '\[DONE\]' "$ANSWER/body"
    expect_count fallback 0
}

@test "a cut responses stream ends in that API's own error event" {
    tell primary '{"mode":"close_mid_body","after":3}'
    json /v1/responses -d '{"model":"m","stream":true,"input":"x"}'
    expect_status 200
    [ "$(grep '^event: ' "$ANSWER/body" | tail -n 1)" = 'event: error' ]
    [ "$(data_events | tail -n 1 | jq -r .type)" = error ]
    [ "$(data_events | tail -n 1 | jq -r .code)" = upstream_stream_interrupted ]
    refute grep -q response.completed "$ANSWER/body"
}

# --- held delivery

@test "held: a stream that is cut midway is answered whole by the fallback" {
    tell primary '{"mode":"close_mid_body","after":3}'
    chat_stream -H 'X-Postern-Delivery: held'
    expect_whole_stream fallback
    expect_header X-Postern-Attempts primary:malformed,fallback:200
}

@test "held: a good stream passes byte for byte" {
    chat_stream -H 'X-Postern-Delivery: held'
    expect_whole_stream primary
    cmp "$ANSWER/body" <(raw_stream /v1/chat/completions "$CHAT_STREAM")
}

@test "held: when every stream is cut the client gets an error status" {
    tell primary '{"mode":"close_mid_body","after":3}'
    tell fallback '{"mode":"unfinished"}'
    chat_stream -H 'X-Postern-Delivery: held'
    expect_status 502
    expect_json '.error | has("code")' true
}

# --- waiting

@test "a waiting stream gets heartbeats, and then its answer" {
    reconfigure "$QUIET_BREAKER" POSTERN_HEARTBEAT=0.2
    tell primary '{"mode":"late","gate":"start"}'
    chat_open
    local line
    IFS= read -r -t "$PATIENCE" -u "$STREAM" line
    [[ $line == :* ]] || fail "not a comment: $line"
    release primary start
    stream_expect one
    stream_end
    reconfigure "$QUIET_BREAKER"
}

@test "the fallback can still answer after heartbeats went out" {
    reconfigure "$QUIET_BREAKER" POSTERN_HEARTBEAT=0.2 POSTERN_FIRST_TOKEN_TIMEOUT=1
    tell primary '{"mode":"silent"}'
    chat_stream
    expect_whole_stream fallback
    grep -q '^:' "$ANSWER/body"
    reconfigure "$QUIET_BREAKER"
}

@test "a total failure after heartbeats is told as an error event" {
    reconfigure "$QUIET_BREAKER" POSTERN_HEARTBEAT=0.2 POSTERN_FIRST_TOKEN_TIMEOUT=1
    tell primary '{"mode":"silent"}'
    tell fallback '{"mode":"status","status":503}'
    chat_stream
    expect_status 200
    [ "$(data_events | wc -l)" -eq 1 ]
    data_events | jq -e .error.message
    refute grep -q '\[DONE\]' "$ANSWER/body"
    reconfigure "$QUIET_BREAKER"
}

# --- leaving

@test "a client that leaves in the middle ends the upstream's stream" {
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open
    stream_expect one
    release primary next
    stream_expect two
    stream_leave
    await primary closed 0
    expect_count fallback 0
}

@test "a client that leaves a held stream ends the upstream's" {
    # Before an answer has begun, a web server may tell nobody that the client left; a heartbeat does.
    reconfigure "$QUIET_BREAKER" POSTERN_HEARTBEAT=0.5
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open -H 'X-Postern-Delivery: held'
    await primary gate next 1
    stream_leave
    await primary closed 0
    reconfigure "$QUIET_BREAKER"
}

@test "a web server that stops ends the upstream's stream" {
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open
    stream_expect one
    server_stop
    await primary closed 0
    stream_leave
    server_start
}
