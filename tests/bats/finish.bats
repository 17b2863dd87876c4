#!/usr/bin/env bats
# What ends an answer: finish reasons, the marker, several choices; in both deliveries.

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

# chunk WORD REASON [INDEX] - an event; either may be null
chunk() {
    jq -rcn --argjson word "$1" --argjson why "$2" --argjson index "${3:-0}" '"data: " + ({
        object: "chat.completion.chunk", system_fingerprint: "primary",
        choices: [{index: $index, delta: (if $word then {content: $word} else {} end),
                   finish_reason: $why}]} | tojson)'
}

# script MODE EVENT… - a step that sends these events and then does what the mode does
script() {
    jq -cn --arg mode "$1" '{mode: $mode, stream: true, after: 99, events: [$ARGS.positional[] + "\n\n"]}' \
        --args "${@:2}"
}

DONE='data: [DONE]'

# broken STEP [REQUEST] - live: some words and an error; held: the fallback's
broken() {
    tell primary "$1"
    json /v1/chat/completions -N -d "${2:-$CHAT_STREAM}"
    expect_status 200
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_stream_interrupted ] ||
        { show; fail "no error event"; }
    refute grep -q '\[DONE\]' "$ANSWER/body"
    expect_header X-Postern-Upstream primary
    json /v1/chat/completions -N -d "${2:-$CHAT_STREAM}" -H 'X-Postern-Delivery: held'
    expect_header X-Postern-Attempts primary:malformed,fallback:200
}

# whole STEP [REQUEST] - passes unchanged in both
whole() {
    tell primary "$1"
    local how
    for how in live held; do
        json /v1/chat/completions -N -d "${2:-$CHAT_STREAM}" -H "X-Postern-Delivery: $how"
        expect_from primary
        cmp "$ANSWER/body" <(jq -rj '.events[]' <<<"$1") || { show; fail "$how: not as it came"; }
    done
    expect_header X-Postern-Upstream primary
}

TWO='{"model":"gpt-4o","stream":true,"n":2,"messages":[{"role":"user","content":"hello"}]}'

# --- finish reasons

@test "a finish in every chunk proves nothing when the stream is cut" {
    broken "$(script close_mid_body "$(chunk '"a"' '"stop"')" "$(chunk '"b"' '"stop"')")"
    broken "$(script reset_mid_body "$(chunk '"a"' '"stop"')" "$(chunk '"b"' '"stop"')")"
}

@test "a finish in every chunk is confirmed by the marker or by a proper end" {
    whole "$(script ok "$(chunk '"a"' '"stop"')" "$(chunk '"b"' '"stop"')" "$DONE")"
    whole "$(script ok "$(chunk '"a"' '"stop"')" "$(chunk '"b"' '"stop"')")"
}

@test "a finish beside the last word passes as real hosts send it" {
    whole "$(script ok "$(chunk '"a"' null)" "$(chunk '"b"' '"length"')" "$DONE")"
    whole "$(script close_mid_body "$(chunk '"a"' null)" "$(chunk '"b"' '"length"')" "$DONE")"
}

@test "the word null is no finish" {
    broken "$(script close_mid_body "$(chunk '"a"' '"null"')" "$(chunk '"b"' '"null"')")"
    broken "$(script ok "$(chunk '"a"' '"null"')")"
    whole "$(script ok "$(chunk '"a"' '"null"')" "$(chunk null '"stop"')" "$DONE")"
}

@test "an unknown reason counts only where the transfer ended" {
    broken "$(script close_mid_body "$(chunk '"a"' null)" "$(chunk null '"weary"')")"
    whole "$(script ok "$(chunk '"a"' null)" "$(chunk null '"weary"')")"
}

@test "a reason that says that it broke off ends in an error event" {
    local why
    for why in error abort cancelled network_error insufficient_system_resource; do
        tell primary "{\"mode\":\"choice_breaks_off\",\"why\":\"$why\"}"
        chat_stream
        expect_cut_stream 'one two three' upstream_stream_interrupted
    done
    broken "$(script ok "$(chunk '"a"' null)" "$(chunk null '"abort"')" "$DONE")"
}

@test "an error that clients would not notice is replaced by one that they do" {
    broken "$(script ok "$(chunk '"a"' null)" 'data: {"detail":"out of memory"}' "$DONE")"
    broken "$(script ok "$(chunk '"a"' null)" $'event: error\ndata: {"message":"m"}' "$DONE")"
}

@test "before the first word such a reason is answered by the fallback" {
    tell primary "$(script ok "$(chunk null '"error"')" "$DONE")"
    chat_stream
    expect_whole_stream fallback
}

# --- choices

@test "the marker does not finish a choice that is open" {
    broken "$(script ok "$(chunk '"a"' null)" "$(chunk '"b"' null 1)" "$(chunk null '"stop"')" \
        "$DONE")" "$TWO"
    broken "$(script ok "$(chunk '"a"' null)" "$(chunk '"b"' null 1)" "$DONE")" "$TWO"
    whole "$(script ok "$(chunk '"a"' null)" "$(chunk '"b"' null 1)" "$(chunk null '"stop"')" \
        "$(chunk null '"stop"' 1)" "$DONE")" "$TWO"
}

@test "a choice that never came is missing unless the marker says that this is all" {
    broken "$(script ok "$(chunk '"a"' null)" "$(chunk null '"stop"')")" "$TWO"
    whole "$(script ok "$(chunk '"a"' null)" "$(chunk null '"stop"')" "$DONE")" "$TWO"
}

@test "choices from the sixty-fourth on are told apart" {
    broken "$(script ok "$(chunk '"a"' null 63)" "$(chunk '"b"' null 100)" \
        "$(chunk null '"stop"' 100)" "$DONE")" "$TWO"
    whole "$(script ok "$(chunk '"a"' null 63)" "$(chunk '"b"' null 100)" \
        "$(chunk null '"stop"' 100)" "$(chunk null '"stop"' 63)" "$DONE")" "$TWO"
}

@test "a choice whose number is none, or with a member twice, is broken" {
    broken "$(script ok "$(chunk '"a"' null)" "$(chunk '"b"' null 70000)" "$DONE")"
    local twice='data: {"choices":[{"index":0,"delta":{},"finish_reason":null,"finish_reason":"stop"}]}'
    broken "$(script ok "$(chunk '"a"' null)" "$twice" "$DONE")"
}

@test "a stream of more choices than can be followed is refused at the door" {
    json /v1/chat/completions -d "${TWO/\"n\":2/\"n\":1025}"
    expect_error 400 invalid_json
    json /v1/completions -d '{"model":"m","stream":true,"n":600,"prompt":["a","b"]}'
    expect_error 400 invalid_json
    expect_count primary 0
}

@test "each prompt of a batch must be answered" {
    local step
    step=$(script ok 'data: {"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}' "$DONE")
    tell primary "$step"
    json /v1/completions -d '{"model":"m","stream":true,"prompt":["a","b"]}'
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_stream_interrupted ]
    json /v1/completions -d '{"model":"m","stream":true,"prompt":["a"]}'
    [ "$(data_events | tail -n 1)" = '[DONE]' ]
}

# --- JSON

@test "a JSON answer that has not finished, or has two messages, is answered by the fallback" {
    local mode
    for mode in unfinished_json doubled_members; do
        tell primary "{\"mode\":\"$mode\"}"
        chat
        expect_from fallback
        expect_header X-Postern-Attempts primary:malformed,fallback:200
        json /v1/responses -d '{"model":"m","input":"x"}'
        expect_json .metadata.upstream fallback
    done
}

@test "a response that was asked for in the background may be under way" {
    tell primary '{"mode":"unfinished_json"}'
    json /v1/responses -d '{"model":"m","input":"x","background":true}'
    expect_json .metadata.upstream primary
}

@test "a batch of embeddings with one missing is answered by the fallback" {
    tell fallback '{"mode":"ok","body":"{\"data\":[{},{}]}"}'
    json /v1/embeddings -d '{"model":"m","input":["a","b"]}'
    expect_body '{"data":[{},{}]}'
    json /v1/embeddings -d '{"model":"m","input":[1,2,3]}'
    expect_json .upstream primary
}

# --- images

@test "a stream of pictures is whole when all that were asked for are completed" {
    local event step
    event='data: {"type":"image_generation.completed","b64_json":"Yw=="}'
    local ask='{"model":"m","prompt":"x","stream":true,"n":2}'
    tell primary "$(script ok "$event" "$event")"
    json /v1/images/generations -d "$ask"
    expect_status 200
    refute grep -q '"error"' "$ANSWER/body"
    for step in "$(script close_mid_body "$event")" "$(script ok "$event")"; do
        tell primary "$step"
        json /v1/images/generations -d "$ask"
        [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_stream_interrupted ]
    done
}
