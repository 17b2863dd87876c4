#!/usr/bin/env bats
# What trust_loopback believes: that a request was made on this host, by one of its own programs, for
# this host. Behind every server, because each passes something else.

load lib/all
load lib/fcgi

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
    gateway_env POSTERN_TRUST_LOOPBACK=yes
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

# gets_in [CURL OPTION…], is_kept_out [CURL OPTION…]
gets_in() {
    ask GET /v1/models "$@"
    [ "$STATUS" = 200 ] || { show; fail "$*: status $STATUS"; }
}

is_kept_out() {
    local before
    before=$(count primary)
    ask GET /v1/models "$@"
    [ "$STATUS" = 401 ] || { show; fail "$*: status $STATUS"; }
    expect_json .error.code missing_api_key
    expect_count primary "$before"
}

# The names in an array of the unit test, which is the one list of them.
names_in() {
    sed -n "/^static const char \*const $1\[\]/,/};/p" "$TREE/tests/unit/core/test_proxyheader.c" |
        grep -v '^ *[/*]' | grep -o '"[^"]\+"' | tr -d '"' | sort -u
}

# statuses_with NAMES - "STATUS NAME" for each header, all through one curl
statuses_with() {
    local name
    while read -r name; do
        printf 'next\nurl = "%s/v1/models"\nheader = "%s: 1"\noutput = /dev/null\nmax-time = 60\n' \
            "$BASE" "$name"
        printf 'write-out = "%%{http_code} %s\\n"\n' "$name"
    done | tail -n +2 | curl -sS -K -
}

@test "a program on this host gets in" {
    gets_in
    gets_in -H "Host: localhost:$PORT"
    gets_in -H 'Host: ai.localhost'
    gets_in -H 'Host: [::1]'
    chat
    expect_from primary
}

@test "what any of 230 proxies' headers came with does not" {
    local statuses
    # Apache keeps Proxy-Authorization to itself, as Authorization.
    names_in of_proxies | grep -v '^proxy-authorization$' >"$BATS_TEST_TMPDIR/names"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -gt 61 ]
    statuses=$(statuses_with <"$BATS_TEST_TMPDIR/names")
    [ "$(wc -l <<<"$statuses")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/names")" ]
    refute grep -v '^401 ' <<<"$statuses"
    expect_count primary 0
    log_says 'doubt=proxy_header'
}

@test "what SDKs send themselves is no proxy's" {
    # Not those which mean something to the web server or to us.
    local statuses
    statuses=$(names_in of_programs |
        grep -vE '^(host|content-length|transfer-encoding|te|expect|upgrade|connection|from|keep-alive|if-.*|range|authorization|origin|referer|sec-fetch-site|content-type)$' |
        statuses_with)
    [ "$(wc -l <<<"$statuses")" -gt 61 ]
    refute grep -v '^200 ' <<<"$statuses"
}

@test "a Host that is not this host's does not, with any port" {
    local host
    for host in evil.example "evil.example:$PORT" localhost.evil.example 127.0.0.1.evil.example \
        "0.0.0.0:$PORT" 192.0.2.1 intern.example; do
        is_kept_out -H "Host: $host"
    done
    # Resolvers take these for 127.0.0.1; some web servers refuse them themselves.
    for host in 127.1 2130706433 0x7f000001; do
        ask GET /v1/models -H "Host: $host"
        [[ $STATUS == 40[01] ]] || fail "$host: status $STATUS"
    done
    expect_count primary 0
    log_says 'doubt=host .*POSTERN_TRUSTED_HOSTS'
}

@test "a Host that the operator named does" {
    reconfigure POSTERN_TRUST_LOOPBACK=yes POSTERN_TRUSTED_HOSTS='other.example, intern.example'
    gets_in -H 'Host: intern.example'
    gets_in -H "Host: Intern.Example:$PORT"
    gets_in -H 'Host: intern.example' -H 'Origin: https://intern.example'
    is_kept_out -H 'Host: x.intern.example'
    is_kept_out -H 'Host: intern.example.evil.example'
    reconfigure POSTERN_TRUST_LOOPBACK=yes
}

# nginx's proxy_pass as it is: HTTP/1.0, its own address as Host, and no header that tells.
@test "what a proxy sends that adds nothing does not" {
    is_kept_out --http1.0
    is_kept_out --http1.0 -H 'Connection: close'
    is_kept_out --http1.0 -H 'Host:'
    log_says 'doubt=http_1_0'
}

@test "what a page of another site makes a browser send does not" {
    local header
    for header in 'Origin: https://evil.example' 'Origin: null' "Origin: http://evil.example:$PORT" \
        'Referer: https://evil.example/' 'Referer: http://127.0.0.1.evil.example/' \
        'Sec-Fetch-Site: cross-site' 'Sec-Fetch-Site: same-site' 'Sec-Fetch-Site: x'; do
        is_kept_out -H "$header"
    done
    # A name of the page's own for our address: all of it is "same-origin".
    is_kept_out -H "Host: evil.example:$PORT" -H "Origin: http://evil.example:$PORT" \
        -H 'Sec-Fetch-Site: same-origin'
    for header in "Origin: http://127.0.0.1:$PORT" 'Origin: http://localhost:3000' \
        'Referer: http://127.0.0.1/page' 'Sec-Fetch-Site: same-origin' 'Sec-Fetch-Site: none'; do
        gets_in -H "$header"
    done
}

@test "a body of a type that forms send does not pass for a program's" {
    local type
    for type in text/plain 'text/plain;charset=UTF-8' application/x-www-form-urlencoded; do
        ask POST /v1/threads -H "Content-Type: $type" -d '{"a":1}'
        expect_error 401 missing_api_key
        ask POST /v1/chat/completions -H "Content-Type: $type" -d "$CHAT"
        expect_error 415 unsupported_media_type
    done
    expect_count primary 0
    json /v1/threads -d '{}'
    expect_status 200
}

@test "the operator's pages want more than to be on this host" {
    local path
    for path in /version /settings; do
        ask GET "$path"
        expect_error 403 not_operator
        ask GET "$path" -H "api-key: $OPERATOR_KEY"
        expect_status 200
    done
    ask GET /status
    expect_status 200
}

@test "with trust_loopback = admin they do not, but for programs of this host alone" {
    reconfigure POSTERN_TRUST_LOOPBACK=admin
    gets_in
    local path
    for path in /version /settings; do
        ask GET "$path"
        expect_status 200
        ask GET "$path" -H 'Host: evil.example'
        expect_error 403 not_operator
        ask GET "$path" -H 'Origin: https://evil.example'
        expect_error 403 not_operator
        ask GET "$path" -H 'X-Forwarded-For: 127.0.0.1'
        expect_error 403 not_operator
    done
    reconfigure POSTERN_TRUST_LOOPBACK=yes
}

@test "a key gets in whatever came with it" {
    reconfigure POSTERN_TRUST_LOOPBACK=yes POSTERN_CLIENT_KEY=key-of-one
    ask GET /v1/models -H 'api-key: key-of-one' -H 'Via: 1.1 x' -H 'Host: evil.example' \
        -H 'Origin: https://evil.example' -H 'Sec-Fetch-Site: cross-site'
    expect_status 200
    reconfigure POSTERN_TRUST_LOOPBACK=yes
}

# --- spellings of one header, as lighttpd passes them

@test "two spellings of one header are refused" {
    [[ $SERVER == lighttpd* ]] || skip 'the others drop one of them'
    local pair
    for pair in Sec-Fetch-Site:Sec_Fetch_Site X-API-Key:X_Api_Key X-Postern-Delivery:X.Postern.Delivery; do
        ask GET /v1/models -H "${pair%:*}: none" -H "${pair#*:}: none"
        expect_error 400 invalid_header
    done
    json /v1/threads -d '{}' -H 'Content_Type: text/plain'
    expect_error 400 invalid_header
    ask GET /v1/models -H 'Content_Length: 5'
    [ "$STATUS" -eq 400 ] || fail "status $STATUS"
    is_kept_out -H 'X_Real_IP: 192.0.2.1'
    is_kept_out -H 'X.Forwarded.For: 192.0.2.1'
    expect_count primary 0
}

# --- parameters, as no web server but a misconfigured one passes them

@test "a parameter that decides something and is passed twice is refused, and the operator told" {
    [ "$SERVER" = lighttpd ] || skip 'without a web server: once is enough'
    fcgi_start
    local name
    for name in REQUEST_METHOD=GET REQUEST_URI=/ai/v1/models SCRIPT_NAME=/ai REMOTE_ADDR=127.0.0.1 \
        SERVER_ADDR=127.0.0.1 CONTENT_TYPE=application/json; do
        fcgi_ask GET /v1/models application/json "param=$name" params end answer
        expect_error 503 gateway_misconfigured
        log_says "reason=parameter_twice name=${name%%=*}"
    done
    for name in REMOTE_USER AUTH_TYPE PATH_INFO CONTENT_LENGTH SERVER_PROTOCOL SSL_CLIENT_VERIFY \
        REDIRECT_HTTP_AUTHORIZATION; do
        fcgi_ask GET /v1/models application/json "param=$name=" "param=$name=x" params end answer
        expect_error 503 gateway_misconfigured
        log_says "reason=parameter_twice name=$name"
    done
    expect_count primary 0
    fcgi_ask GET /v1/models application/json param=QUERY_STRING=a param=QUERY_STRING=b params end answer
    expect_status 200
}

@test "a header that decides something and is passed twice is refused" {
    [ "$SERVER" = lighttpd ] || skip 'without a web server: once is enough'
    fcgi_start
    local name
    for name in HOST ORIGIN REFERER SEC_FETCH_SITE AUTHORIZATION API_KEY X_API_KEY \
        TRANSFER_ENCODING X_POSTERN_DELIVERY; do
        fcgi_ask GET /v1/models application/json "param=HTTP_$name=a" "param=HTTP_$name=b" params \
            end answer
        expect_error 400 invalid_header
    done
    expect_count primary 0
}

@test "a parameter that is missing is not taken for loopback" {
    [ "$SERVER" = lighttpd ] || skip 'without a web server: once is enough'
    fcgi_start
    local common=(begin param=REQUEST_METHOD=GET param=REQUEST_URI=/ai/v1/models param=SCRIPT_NAME=/ai)
    local all=(param=REMOTE_ADDR=127.0.0.1 param=SERVER_ADDR=127.0.0.1 param=HTTP_HOST=localhost)
    local number answer
    for number in 0 1 2; do
        local given=("${all[@]}")
        unset "given[$number]"
        answer=$("$FCGICLIENT" "unix:$GROUND/run/postern.socket" "${common[@]}" "${given[@]}" \
            params end answer)
        grep -q '^Status: 401' <<<"$answer" || fail "without ${all[number]}: $answer"
    done
    answer=$("$FCGICLIENT" "unix:$GROUND/run/postern.socket" "${common[@]}" "${all[@]}" params end answer)
    refute grep -q '^Status: 4' <<<"$answer"
}
