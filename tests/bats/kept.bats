#!/usr/bin/env bats
# Connections that the web server keeps for further requests, as a site may have configured it:
# mod_proxy_fcgi with enablereuse=on, nginx with fastcgi_keep_conn.

load lib/all

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
    sed -i 's/flushpackets=on/& enablereuse=on/' "$GROUND/conf/apache.conf"
    sed -i 's/fastcgi_buffering off;/& fastcgi_keep_conn on;/' "$GROUND/conf/nginx.conf"
    export NGINX_UPSTREAM='keepalive 16;'
    gateway_env POSTERN_HEARTBEAT=1 POSTERN_THREADS=64
    server_start
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

# how many connections the web server has to the gateway
connections() {
    awk -v path="$GROUND/run/postern.socket" '$6 == "03" && $8 == path' /proc/net/unix | wc -l
}

# ask_many COUNT FILE - as many requests on one connection of the client; their statuses in FILE
ask_many() {
    curl -sS --max-time 120 -H 'Content-Type: application/json' -d "$CHAT" -o /dev/null \
        -w '%{http_code}\n' "$BASE/v1/chat/completions?number=[1-$1]" >"$2" 3>&-
}

@test "a request after another is answered, and the connection is kept" {
    ask_many 50 "$BATS_TEST_TMPDIR/statuses"
    [ "$(sort "$BATS_TEST_TMPDIR/statuses" | uniq -c | tr -s ' ')" = ' 50 200' ]
    expect_count primary 50
    [ "$(connections)" -ge 1 ]
}

@test "several clients at once are answered, and connections are kept" {
    local number
    for number in 1 2 3; do
        ask_many 100 "$BATS_TEST_TMPDIR/$number" &
    done
    wait
    [ "$(sort "$BATS_TEST_TMPDIR"/[123] | uniq -c | tr -s ' ')" = ' 300 200' ]
    expect_count primary 300
    [ "$(connections)" -ge 1 ]
}

@test "a stream comes whole on a kept connection, and a request after it" {
    chat_stream
    expect_whole_stream primary
    chat
    expect_from primary
}

@test "what follows a refused body on a kept connection is not taken for a part of it" {
    local body=$BATS_TEST_TMPDIR/body
    head -c 3000000 /dev/zero | tr '\0' x >"$body"
    json /v1/no-such-operation-at-all/ --data-binary "@$body"
    json /nowhere --data-binary "@$body"
    expect_error 404 unknown_url
    chat
    expect_from primary
}

@test "a cut answer is seen to be cut, and the next one is whole" {
    tell primary '{"mode":"cut_bytes"}'
    json /v1/audio/speech -d '{"model":"tts-1","input":"hello","voice":"v"}'
    [ "$CURL_CODE" -eq 18 ]
    forget primary
    chat
    expect_from primary
}

@test "the gateway ends at once though connections are kept" {
    chat
    local pid
    pid=$(pid_of postern)
    kill -TERM "$pid"
    wait_until "end of the gateway" has_ended "$pid"
}
