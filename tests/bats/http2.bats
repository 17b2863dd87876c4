#!/usr/bin/env bats
# An upstream behind a real HTTP/2 server (nginx), with a certificate of a test authority.

load lib/all
load lib/faults

setup_file() {
    export QUICK="CIRCUIT_FAILURE_THRESHOLD=1000 POSTERN_CONNECT_TIMEOUT=5 POSTERN_RETRY_WAIT_MAX=0
        POSTERN_IDLE_TIMEOUT=5"
    # shellcheck disable=SC2086
    stand_up $QUICK
    front_start
}

setup() {
    PATH=$PATH:/usr/sbin
    command -v nginx >/dev/null || skip 'nginx is not installed'
    forget primary fallback
    FRONT_PORT=$(cat "$GROUND/conf/front-port")
    if [[ $BATS_TEST_DESCRIPTION == *'not offered'* ]]; then with_front; else with_front POSTERN_HTTP2=yes; fi
    : >"$GROUND/run/front-access.log"
}

# nginx, which speaks HTTP/2 to postern and HTTP/1.1 to the hostile upstream behind it
front_start() {
    local conf=$GROUND/conf run=$GROUND/run port
    PATH=$PATH:/usr/sbin
    command -v nginx >/dev/null || return 0
    port=$(free_port)
    echo "$port" >"$conf/front-port"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=front -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$conf/front.key" -out "$conf/front.pem" 2>/dev/null
    chmod 644 "$conf/front.pem"
    cat >"$conf/front.conf" <<END
daemon off; worker_processes 1; pid $run/front.pid; error_log $run/front-error.log;
events { }
http {
    log_format protocol '\$server_protocol';
    access_log $run/front-access.log protocol;
    client_body_temp_path $run/front-body; proxy_temp_path $run/front-proxy;
    fastcgi_temp_path $run/front-f; uwsgi_temp_path $run/front-u; scgi_temp_path $run/front-s;
    server {
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $conf/front.pem; ssl_certificate_key $conf/front.key;
        keepalive_requests 3;
        location / {
            proxy_pass http://127.0.0.1:$PRIMARY_PORT; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Connection "";
        }
    }
}
END
    spawn front nginx -p "$GROUND" -e "$run/front-error.log" -c "$conf/front.conf"
    wait_until "start of nginx" curl -s -o /dev/null -k "https://127.0.0.1:$port/"
}

with_front() {
    with PRIMARY_OPENAI_HOST="https://127.0.0.1:$FRONT_PORT" POSTERN_CA_FILE="$GROUND/conf/front.pem" "$@"
}

expect_protocol() {
    sort -u "$GROUND/run/front-access.log" | diff - <(echo "$1") || fail "another protocol was spoken"
}

@test "JSON and a stream come whole over HTTP/2, and past a goodbye" {
    local n
    for n in 1 2 3 4; do # nginx says goodbye after three requests
        chat
        expect_from primary
        chat_stream
        expect_whole_stream primary
    done
    expect_count fallback 0
    expect_protocol HTTP/2.0
}

@test "it is not offered unless the operator says so" {
    chat
    expect_from primary
    expect_protocol HTTP/1.1
}

@test "an answer that is cut behind HTTP/2 is none" {
    tell primary '{"mode":"close_mid_body"}'
    chat
    expect_from fallback
    tell primary '{"mode":"close_mid_body","after":3}'
    chat_stream
    expect_cut_stream 'one two three' upstream_stream_interrupted
}

@test "gzip, errors and a large answer pass over HTTP/2" {
    tell primary '{"mode":"long_json","size":3000000}'
    chat
    expect_status 200
    jq -e '.choices | length > 0' "$ANSWER/body" >/dev/null
    tell primary '{"mode":"status","status":404}'
    chat
    expect_status 404
    expect_protocol HTTP/2.0
}

@test "a large request goes out over HTTP/2" {
    { printf '{"model":"gpt-4o","messages":["'; head -c 900000 /dev/zero | tr '\0' x; printf '"]}'; } \
        >"$BATS_TEST_TMPDIR/big"
    json /v1/chat/completions --data-binary "@$BATS_TEST_TMPDIR/big"
    expect_from primary
    [ "$(asked primary '.[-1].length')" -eq "$(wc -c <"$BATS_TEST_TMPDIR/big")" ]
    expect_protocol HTTP/2.0
}
