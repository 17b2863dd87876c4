#!/usr/bin/env bats
# A client that leaves: its upstream is let go, behind each web server and in each phase of an answer,
# without a heartbeat's help. And one that stays is not taken for gone, however silent its upstream is.
# SERVER names one server; without it every test goes through all that are installed.

read -ra SERVERS_HERE \
    <<<"${SERVER:-lighttpd lighttpd-cgi apache-proxy apache-fcgid apache-cgid nginx}"

load lib/all

setup_file() {
    ground_make
    upstream_start primary
    export NO_HEARTBEAT=POSTERN_HEARTBEAT=3600
    gateway_env "$NO_HEARTBEAT"
}

teardown_file() {
    ground_drop
}

teardown() {
    ground_tell
    server_stop
}

is_installed() {
    local program=nginx
    case $1 in
    lighttpd*) program=lighttpd ;;
    apache*) program=apache2 ;;
    esac
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null
}

# behind_each COMMAND… - runs it behind each server, its upstream as if new
behind_each() {
    local SERVER
    for SERVER in "${SERVERS_HERE[@]}"; do
        is_installed "$SERVER" || continue
        forget primary
        server_start
        BATS_TEST_TMPDIR=$(mktemp -d "$BATS_TEST_TMPDIR/$SERVER.XXXXXX")
        echo "behind $SERVER" # seen when it fails; "|| fail" would hide what fails inside
        "$@"
        BATS_TEST_TMPDIR=$(dirname "$BATS_TEST_TMPDIR")
        server_stop
    done
}

# A JSON call in the background.
chat_start() {
    curl -sS --max-time 60 -H 'Content-Type: application/json' -d "$CHAT" \
        -o "$BATS_TEST_TMPDIR/answer" "$BASE/v1/chat/completions" 3>&- 2>/dev/null &
    CHAT_PID=$!
}

# half_close BODY - sends a call and, once the upstream has it, shuts the sending half of its
# connection; what comes is the output
half_close() {
    python3 - "$PORT" "$1" "http://127.0.0.1:$PRIMARY_CONTROL/wait/requests/1" <<'END'
import socket, sys, urllib.request
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
body = sys.argv[2].encode()
sock.sendall(b"POST /ai/v1/chat/completions HTTP/1.0\r\nHost: x:%s\r\n"
             b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
             % (sys.argv[1].encode(), len(body), body))
got = b""
if b"stream" in body:
    while b"data: " not in got:
        got += sock.recv(65536) or exit("no first event")
urllib.request.urlopen(sys.argv[3]).read()
sock.shutdown(socket.SHUT_WR)
while part := sock.recv(65536):
    got += part
sys.stdout.write(got.decode())
END
}

leaves_while_tokens_flow() {
    local words
    words=$(jq -cn '[range(600) | "word\(.)"]')
    tell primary "{\"mode\":\"ok\",\"pause\":0.1,\"words\":$words}"
    chat_open
    stream_next
    stream_leave
    await primary closed 0
}

leaves_a_silent_stream() {
    tell primary '{"mode":"ok","gate":"never"}'
    chat_open
    stream_expect one
    stream_leave
    await primary closed 0
}

leaves_before_the_first_event() {
    tell primary '{"mode":"late","gate":"never"}'
    chat_open
    await primary requests 1
    stream_leave
    await primary closed 0
}

leaves_before_the_first_byte() {
    tell primary '{"mode":"late","gate":"never"}'
    chat_start
    await primary requests 1
    kill -KILL "$CHAT_PID"
    await primary closed 0
}

stays_through_silence() {
    tell primary '{"mode":"ok","pause":1.2,"words":["one","two"]}'
    chat_stream
    expect_from primary
    [ "$(data_events | tail -n 1)" = "[DONE]" ]
}

# nginx closes such a connection and nobody can tell the client anything.
half_closes_a_stream() {
    [ "$SERVER" != nginx ] || return 0
    tell primary '{"mode":"ok","gate":"never"}'
    half_close "$CHAT_STREAM" >"$BATS_TEST_TMPDIR/answer"
    await primary closed 0
    grep -q '"code":"client_closed_request"' "$BATS_TEST_TMPDIR/answer"
    refute grep -q '\[DONE\]' "$BATS_TEST_TMPDIR/answer"
}

half_closes_before_the_first_byte() {
    [ "$SERVER" != nginx ] || return 0
    tell primary '{"mode":"late","gate":"never"}'
    half_close "$CHAT" >"$BATS_TEST_TMPDIR/answer"
    await primary closed 0
    grep -qE '^HTTP/1.. 400 ' "$BATS_TEST_TMPDIR/answer"
    grep -q '"code":"client_closed_request"' "$BATS_TEST_TMPDIR/answer"
}

@test "a client that leaves while tokens flow ends the upstream's stream" {
    behind_each leaves_while_tokens_flow
}

@test "a client that leaves a silent stream ends the upstream's" {
    behind_each leaves_a_silent_stream
}

@test "a client that leaves before the first event ends the upstream's stream" {
    behind_each leaves_before_the_first_event
}

@test "a client that leaves a JSON call before its first byte ends the upstream's exchange" {
    behind_each leaves_before_the_first_byte
}

@test "a client that stays through a silence gets its whole stream" {
    behind_each stays_through_silence
}

@test "a client that shuts down its sending half is told that its stream is not whole" {
    behind_each half_closes_a_stream
}

@test "a client that shuts down its sending half of a JSON call gets an error" {
    behind_each half_closes_before_the_first_byte
}

# half_close_at_once TIMES - the shut down comes right behind the request, while a script only starts.
# Prints what each answer is: json, nothing, or the first line of anything else.
half_close_at_once() {
    python3 - "$PORT" "$CHAT" "$1" <<'END'
import socket, sys
body = sys.argv[2].encode()
for _ in range(int(sys.argv[3])):
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
    sock.sendall(b"POST /ai/v1/chat/completions HTTP/1.1\r\nHost: x:%s\r\nConnection: close\r\n"
                 b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                 % (sys.argv[1].encode(), len(body), body))
    sock.shutdown(socket.SHUT_WR)
    got = b""
    while part := sock.recv(65536):
        got += part
    ours = b"client_closed_request" in got or b'"system_fingerprint":"primary"' in got
    print("json" if ours else got.split(b"\r\n")[0].decode() or "nothing")
END
}

half_closes_at_once() {
    tell primary '{"mode":"ok"}'
    half_close_at_once 30 >"$BATS_TEST_TMPDIR/answers"
    if [ "$SERVER" = nginx ]; then
        sed -i 's/^nothing$/json/' "$BATS_TEST_TMPDIR/answers" # it closes without a word
    fi
    [ "$(sort -u "$BATS_TEST_TMPDIR/answers")" = json ] || fail "$(sort "$BATS_TEST_TMPDIR/answers" | uniq -c)"
}

@test "a client that shuts down its sending half at once gets an answer of ours and no page of the server's" {
    behind_each half_closes_at_once
}

@test "without the probe a silent client is left in peace" {
    is_installed apache-proxy || skip 'Apache is not installed'
    gateway_env "$NO_HEARTBEAT" POSTERN_CLIENT_PROBE=no
    SERVER=apache-proxy server_start
    forget primary
    tell primary '{"mode":"late","gate":"never"}'
    chat_start
    await primary requests 1
    kill -KILL "$CHAT_PID"
    # Where it is on, three seconds are more than it takes.
    refute control primary 'wait/closed/0?s=3'
    gateway_env "$NO_HEARTBEAT"
}
