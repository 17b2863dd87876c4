#!/usr/bin/env bats
# The fault matrix, connections and time: for each way an upstream can fail, once with a healthy fallback and
# once with the same fault there, for an answer in JSON and for a stream. Names begin with the row.

load lib/all
load lib/faults

# --- the connection

@test "U01 a name that does not exist" {
    with PRIMARY_OPENAI_HOST=https://x.invalid
    chat
    expect_from fallback
    with PRIMARY_OPENAI_HOST=https://x.invalid FALLBACK_OPENAI_HOST=https://y.invalid
    chat
    expect_error 502 upstream_dns_failure
    with
}

@test "U02 a name server that is silent" {
    [[ $SERVER == lighttpd && $(id -u) -eq 0 ]] && unshare -m true 2>/dev/null ||
        skip 'needs root, to give the server a resolv.conf of its own'
    spawn nameserver python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.99", 53)); time.sleep(600)'
    echo 'nameserver 127.0.0.99' >"$GROUND/conf/resolv.conf"
    server_stop
    # Mounted where only what is started from here on sees it.
    # shellcheck disable=SC2086
    gateway_env $QUICK PRIMARY_OPENAI_HOST=https://silent.example
    IN_NAMESPACE="mount --bind $GROUND/conf/resolv.conf /etc/resolv.conf" server_start
    local began=$SECONDS
    chat
    expect_from fallback
    # The connect time-out is one second; without care the resolver takes ten.
    ((SECONDS - began < 8)) || fail "it took $((SECONDS - began)) seconds"
    end nameserver
    with
    server_restart
}

@test "U03 a refused connection" {
    with PRIMARY_OPENAI_HOST=http://127.0.0.1:9
    chat
    expect_from fallback
    chat_stream
    expect_whole_stream fallback
    with PRIMARY_OPENAI_HOST=http://127.0.0.1:9 FALLBACK_OPENAI_HOST=http://127.0.0.1:9
    chat
    expect_error 502 upstream_unreachable
    chat_stream
    expect_error 502 upstream_unreachable
    with
}

@test "U04 a host that swallows connections" {
    upstream_start hole --blackhole
    with PRIMARY_OPENAI_HOST="http://127.0.0.1:$HOLE_PORT"
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:timeout,fallback:200
    with PRIMARY_OPENAI_HOST="http://127.0.0.1:$HOLE_PORT" \
        FALLBACK_OPENAI_HOST="http://127.0.0.1:$HOLE_PORT"
    chat
    expect_error 504 upstream_timeout
    with
    end hole
}

@test "U05 a name whose first address is dead" {
    # localhost is ::1, where nobody listens, and 127.0.0.1.
    with PRIMARY_OPENAI_HOST="http://localhost:$PRIMARY_PORT"
    chat
    expect_from primary
    expect_header X-Postern-Attempts primary:200
    with
}

# --- TLS

# A small authority and a server certificate: certificate NAME SUBJECT-ALTERNATIVE-NAME DAYS
certificate() {
    local dir=$GROUND/conf name=$1 san=$2 days=$3
    if [ ! -e "$dir/ca.pem" ]; then
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca \
            -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
    fi
    openssl req -newkey rsa:2048 -nodes -subj /CN=test -keyout "$dir/$name.key" \
        -out "$dir/$name.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
        -CAcreateserial -days "$days" -extfile <(echo "subjectAltName=$san") \
        -out "$dir/$name.pem" 2>/dev/null
    chmod 644 "$dir/$name.key"
}

# tls_upstream NAME [OPTION…] - an upstream named secure with that certificate
tls_upstream() {
    upstream_start secure --tls "$GROUND/conf/$1.pem" "$GROUND/conf/$1.key" "${@:2}"
}

with_tls() {
    with PRIMARY_OPENAI_HOST="https://127.0.0.1:$SECURE_PORT" POSTERN_CA_FILE="$GROUND/conf/ca.pem" "$@"
}

refuses_tls() {
    with_tls
    chat
    expect_from fallback
    with_tls FALLBACK_OPENAI_HOST="https://127.0.0.1:$SECURE_PORT"
    chat
    expect_error 502 upstream_tls_failure
    expect_header X-Should-Retry false
    # Not a byte of a request was sent, so no key was either.
    [ "$(count secure)" -eq 0 ]
    end secure
    with
}

@test "TLS that is as it should be works" {
    certificate good IP:127.0.0.1 1
    tls_upstream good
    with_tls
    chat
    expect_status 200
    expect_count secure 1
    end secure
    with
}

@test "U06 a certificate that has expired" {
    certificate expired IP:127.0.0.1 -1
    tls_upstream expired
    refuses_tls
}

@test "U07 a certificate of another host" {
    certificate other DNS:other.example 1
    tls_upstream other
    refuses_tls
}

@test "U08 a certificate of an unknown authority" {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$GROUND/conf/own.key" -out "$GROUND/conf/own.pem" 2>/dev/null
    certificate good IP:127.0.0.1 1
    tls_upstream own
    refuses_tls
}

@test "U09 TLS 1.0 alone" {
    certificate good IP:127.0.0.1 1
    tls_upstream good --tls-old
    refuses_tls
}

@test "U10 a handshake that stalls" {
    # An upstream without TLS waits for the end of a request that a ClientHello is not.
    with PRIMARY_OPENAI_HOST="https://127.0.0.1:$PRIMARY_PORT"
    chat
    expect_from fallback
    expect_count primary 0
    with
}

@test "U10 plain text on the TLS port" {
    tell primary '{"mode":"speaks_first"}'
    with PRIMARY_OPENAI_HOST="https://127.0.0.1:$PRIMARY_PORT"
    chat
    expect_from fallback
    with
}

# --- closed and reset

@test "U11 a reset on accept" {
    unreachable '{"mode":"reset_on_accept"}'
}

@test "U12 a close before any byte" {
    unreachable '{"mode":"close_on_accept"}'
    unreachable '{"mode":"close_without_answer"}'
}

@test "U11 a warm connection that has died is no failure" {
    tell primary '{"mode":"closes"}'
    local n
    for n in 1 2 3 4; do
        chat
        expect_from primary
    done
    expect_count fallback 0
}

# bats test_tags=subset
@test "U13 a reset inside the headers" {
    bad_response '{"mode":"reset_mid_headers"}'
}

# bats test_tags=subset
@test "U14 a close inside the headers" {
    bad_response '{"mode":"close_mid_headers"}'
}

# bats test_tags=subset
@test "U15 a reset inside the body" {
    bad_response '{"mode":"reset_mid_body"}'
}

@test "U16 a close inside the body" {
    bad_response '{"mode":"close_mid_body"}'
}

# bats test_tags=subset
@test "U16 a stream closed or reset after it began" {
    local mode
    for mode in close_mid_body reset_mid_body; do
        tell primary "{\"mode\":\"$mode\",\"after\":3}"
        chat_stream
        expect_cut_stream 'one two three' upstream_stream_interrupted
    done
    expect_count fallback 0
}

# bats test_tags=subset
@test "U17 a body shorter than its Content-Length" {
    bad_response '{"mode":"short_body"}'
    tell primary '{"mode":"short_body","after":3}'
    chat_stream
    expect_cut_stream 'one two three' upstream_stream_interrupted
}

# --- time

# Several at once, because each takes its time-out. in_time MODE
in_time() {
    local mode=$1 who shape pids=() pid
    for who in primary '*'; do
        for shape in false true; do
            time_out_of "$mode" "$who" "$shape" &
            pids+=($!)
        done
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
}

# The request itself asks for the mode, so that no other one is disturbed.
time_out_of() {
    ANSWER_DIR=$(mktemp -d "$BATS_TEST_TMPDIR/XXXX")
    json /v1/chat/completions -d "{\"model\":\"hostile/$2/$1\",\"stream\":$3,\"messages\":[]}"
    if [ "$2" = primary ]; then
        expect_from fallback
    else
        expect_error 504 upstream_timeout
    fi
}

@test "U33 a header that comes byte by byte" {
    in_time slow_header
}

# bats test_tags=subset
@test "U34 no answer at all" {
    in_time silent
}

@test "U35 silence before the first event, or inside a JSON answer" {
    in_time stall
}

# bats test_tags=subset
@test "U35 silence inside a stream" {
    tell primary '{"mode":"stall","after":2}'
    chat_stream
    expect_cut_stream 'one two' upstream_timeout
}

@test "U36 a drip is no fault" {
    taken_as_good '{"mode":"drip"}'
}
