# client.bash - asking the gateway, and saying what the answer must be.

CHAT='{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}'
CHAT_STREAM='{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hello"}]}'

# ask METHOD PATH [CURL OPTION…] - sets STATUS and CURL_CODE; the answer is in $ANSWER/head and body
ask() {
    local method=$1 path=$2
    shift 2
    ANSWER=${ANSWER_DIR:-$BATS_TEST_TMPDIR}
    local how=(-X "$method" -o "$ANSWER/body")
    # curl takes the head of an answer to HEAD for its body.
    [ "$method" != HEAD ] || how=(--head -o /dev/null)
    rm -f "$ANSWER/head" "$ANSWER/body"
    touch "$ANSWER/head" "$ANSWER/body"
    CURL_CODE=0
    STATUS=$(curl -sS --path-as-is --max-time 60 "${how[@]}" -D "$ANSWER/head" \
        -w '%{http_code}' "$@" "$BASE$path" 2>"$ANSWER/curl") || CURL_CODE=$?
}

json() {
    ask POST "$1" -H 'Content-Type: application/json' "${@:2}"
}

chat() {
    json /v1/chat/completions -d "$CHAT" "$@"
}

chat_stream() {
    json /v1/chat/completions -N -d "$CHAT_STREAM" "$@"
}

show() {
    cat "$ANSWER/head" "$ANSWER/body" "$ANSWER/curl" >&2
}

body() {
    cat "$ANSWER/body"
}

header() {
    sed -n "s/^$1: *//Ip" "$ANSWER/head" | tr -d '\r'
}

expect_status() {
    [ "$STATUS" = "$1" ] && return 0
    show
    fail "status $STATUS, not $1"
}

expect_body() {
    [ "$(body)" = "$1" ] && return 0
    show
    fail "not the body: $1"
}

# expect_json JQ VALUE
expect_json() {
    local got
    got=$(jq -r "$1" "$ANSWER/body") && [ "$got" = "$2" ] && return 0
    show
    fail "$1 is \"${got:-}\", not \"$2\""
}

expect_header() {
    local got
    got=$(header "$1")
    [ "$got" = "$2" ] && return 0
    show
    fail "$1 is \"$got\", not \"$2\""
}

expect_no_header() {
    ! grep -qi "^$1:" "$ANSWER/head" || fail "there is a header $1"
}

# expect_error STATUS CODE - an error of our own, in OpenAI's shape
expect_error() {
    expect_status "$1"
    expect_json .error.code "$2"
    expect_json '.error | has("message") and has("type") and has("param")' true
    expect_header Content-Type application/json
}

# expect_from NAME - a good chat answer, JSON or stream, of that upstream and of no other
expect_from() {
    expect_status 200
    [ "$CURL_CODE" -eq 0 ] || fail "curl says $CURL_CODE"
    grep -q "\"system_fingerprint\":\"$1\"" "$ANSWER/body" || { show; fail "not from $1"; }
}

# data_events - the data of each event, one a line
data_events() {
    tr -d '\r' <"$ANSWER/body" | sed -n 's/^data: //p'
}

# expect_whole_stream NAME - every word, the finish and [DONE], and no error
expect_whole_stream() {
    expect_from "$1"
    expect_words "one two three four five"
    [ "$(data_events | tail -n 1)" = "[DONE]" ] || { show; fail "no [DONE] at the end"; }
    ! grep -q '"error"' "$ANSWER/body" || { show; fail "an error in it"; }
}

expect_words() {
    local got
    got=$(data_events | grep -v '^\[DONE\]' |
        jq -rj 'select(.choices) | .choices[0].delta.content // empty | . + " "')
    [ "${got% }" = "$1" ] || { show; fail "words \"${got% }\", not \"$1\""; }
}

# expect_cut_stream WORDS CODE - some words, then one error event, and no end that looks clean
expect_cut_stream() {
    expect_status 200
    expect_words "$1"
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = "$2" ] ||
        { show; fail "the last event is not the error $2"; }
    [ "$(grep -c '"error"' "$ANSWER/body")" -eq 1 ] || { show; fail "not one error event"; }
    ! grep -q '\[DONE\]' "$ANSWER/body" || { show; fail "[DONE] after an error"; }
}

# --- a stream, read event by event

# stream_open PATH [CURL OPTION…]
stream_open() {
    local path=$1 pipe=$BATS_TEST_TMPDIR/stream
    shift
    mkfifo "$pipe"
    curl -sSN --max-time 60 -D "$BATS_TEST_TMPDIR/stream-head" "$@" "$BASE$path" \
        >"$pipe" 2>"$BATS_TEST_TMPDIR/stream-errors" 3>&- &
    STREAM_PID=$!
    exec {STREAM}<"$pipe"
    rm "$pipe"
}

chat_open() {
    stream_open /v1/chat/completions -H 'Content-Type: application/json' -d "$CHAT_STREAM" "$@"
}

# Sets EVENT to the next event's data; comments are passed over. Fails at the end of the stream.
stream_next() {
    local line
    EVENT=
    while IFS= read -r -t "$PATIENCE" -u "$STREAM" line; do
        line=${line%$'\r'}
        case $line in
        data:*) EVENT+=${line#data: } ;;
        '') [ -z "$EVENT" ] || return 0 ;;
        esac
    done
    fail "no further event"
}

# stream_expect WORD - the next event carries that word
stream_expect() {
    stream_next || return 1
    [ "$(jq -r '.choices[0].delta.content' <<<"$EVENT")" = "$1" ] ||
        fail "the event is not \"$1\": $EVENT"
}

# The client leaves.
stream_leave() {
    kill -KILL "$STREAM_PID" 2>/dev/null || true # it may have seen the end already
    exec {STREAM}<&-
}

# Reads to the end; fails when curl saw a cut.
stream_end() {
    cat <&"$STREAM" >"$BATS_TEST_TMPDIR/stream-rest"
    exec {STREAM}<&-
    wait "$STREAM_PID"
}
