#!/usr/bin/env bats
# What must hold behind every web server. SERVER says which (tests/bats/lib/server.bash); run
# tests/bats/run smoke for all of them.

load lib/all

setup_file() {
    stand_up POSTERN_HEARTBEAT=1
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

@test "an answer of the primary comes back" {
    chat
    expect_from primary
    expect_count primary 1
    expect_count fallback 0
}

@test "a site's own page is still served" {
    run -0 curl -sS "http://127.0.0.1:$PORT/index.html"
    [ "$output" = 'a page of the site' ]
}

@test "status answers OK" {
    ask GET /status
    expect_status 200
    expect_body OK
}

@test "a stream comes event by event, none waits for the next" {
    tell primary '{"mode":"ok","gate":"next"}'
    chat_open
    local word
    for word in one two three four five; do
        stream_expect "$word"
        # The upstream has not been allowed to send more than what was just read.
        release primary next
    done
    stream_next
    [ "$(jq -r '.choices[0].finish_reason' <<<"$EVENT")" = stop ]
    release primary next
    stream_next
    [ "$EVENT" = '[DONE]' ]
    stream_end
}

@test "several streams run at once" {
    tell primary '{"mode":"ok","gate":"all"}'
    local number pids=()
    for number in 1 2 3 4 5 6; do
        curl -sSN --max-time 60 -H 'Content-Type: application/json' -d "$CHAT_STREAM" \
            -o "$BATS_TEST_TMPDIR/$number" "$BASE/v1/chat/completions" 3>&- &
        pids+=($!)
    done
    # All six upstream streams are under way before one of them may go on.
    await primary gate all 6
    release primary all all
    for number in "${pids[@]}"; do
        wait "$number"
    done
    [ "$(cat "$BATS_TEST_TMPDIR"/[1-6] | grep -c '\[DONE\]')" -eq 6 ]
}

@test "the fallback answers when the primary fails" {
    tell primary '{"mode":"status","status":503}'
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:503,fallback:200
}

@test "the fallback streams when the primary fails" {
    tell primary '{"mode":"status","status":500}'
    chat_stream
    expect_whole_stream fallback
}

@test "an upstream's error comes back with its status" {
    tell primary '{"mode":"status","status":422,"body":"{\"error\":{\"message\":\"no\"}}"}'
    chat
    expect_status 422
    expect_body '{"error":{"message":"no"}}'
}

@test "path and query reach the upstream as they are" {
    ask GET '/v1/files/a%20b+c;d=e/content?x=%2F..%2F&y=a+b&&z=%C3%A4?'
    expect_status 200
    [ "$(asked primary '.[0].target')" = '/v1/files/a%20b+c;d=e/content?x=%2F..%2F&y=a+b&&z=%C3%A4?' ]
}

@test "the client's Authorization is read and not forwarded" {
    chat -H 'Authorization: Bearer the-client-key'
    expect_status 200
    [ "$(header_asked primary authorization)" = "Bearer $PRIMARY_KEY" ]
}

@test "a client key in Authorization opens the gate" {
    reconfigure POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=smoke-client-key POSTERN_HEARTBEAT=1
    chat -H 'Authorization: Bearer wrong'
    expect_error 401 invalid_api_key
    chat -H 'Authorization: Bearer smoke-client-key'
    expect_from primary
    reconfigure POSTERN_HEARTBEAT=1
}

@test "a body of 10 MB arrives whole" {
    body_of 10 >"$BATS_TEST_TMPDIR/sent"
    json /v1/chat/completions --data-binary "@$BATS_TEST_TMPDIR/sent"
    expect_from primary
    [ "$(asked primary '.[0].sha256')" = "$(sha256sum <"$BATS_TEST_TMPDIR/sent" | cut -d' ' -f1)" ]
}

@test "a chunked body of 10 MB arrives whole" {
    body_of 10 >"$BATS_TEST_TMPDIR/sent"
    json /v1/chat/completions -H 'Transfer-Encoding: chunked' \
        --data-binary "@$BATS_TEST_TMPDIR/sent"
    expect_from primary
    [ "$(asked primary '.[0].sha256')" = "$(sha256sum <"$BATS_TEST_TMPDIR/sent" | cut -d' ' -f1)" ]
}

# a chat request with as many megabytes of text
body_of() {
    printf '{"model":"gpt-4o","messages":[{"role":"user","content":"'
    head -c "$(($1 << 20))" /dev/zero | tr '\0' x
    printf '"}]}'
}

@test "an answer of 3 MB comes back whole" {
    tell primary '{"mode":"long_json","size":3145728}'
    chat
    expect_from primary
    [ "$(jq -r '.choices[0].message.content | length' "$ANSWER/body")" -gt 3000000 ]
}

@test "a client that leaves a stream ends the upstream's" {
    tell primary '{"mode":"ok","gate":"never"}'
    chat_open
    stream_expect one
    stream_leave
    await primary closed 0
}

@test "a client that leaves before the first byte ends the upstream's exchange" {
    tell primary '{"mode":"silent"}'
    chat_open
    await primary requests 1
    stream_leave
    await primary closed 0
}

@test "every method reaches the upstream" {
    local method
    for method in GET POST PUT PATCH DELETE; do
        # lighttpd refuses a GET with a body.
        if [ "$method" = GET ]; then
            ask GET /openai/things/1
        else
            ask "$method" /openai/things/1 -d '{}' -H 'Content-Type: application/json'
        fi
        expect_status 200
        [ "$(asked primary '.[-1].method')" = "$method" ]
    done
}

@test "an escaped slash is refused in our own words" {
    ask GET /v1/models/a%2Fb
    expect_error 400 invalid_path
    expect_count primary 0
}
