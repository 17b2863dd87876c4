#!/usr/bin/env bats
# Who gets in, what passes in which direction, and which paths are taken.

load lib/all

setup_file() {
    export QUIET=CIRCUIT_FAILURE_THRESHOLD=1000
    ground_make
    upstream_start primary
    upstream_start fallback
    upstream_start canary # nobody has any business there
    gateway_env "$QUIET"
    server_start
}

teardown_file() {
    ground_drop
}

setup() {
    forget primary fallback canary
}

teardown() {
    ground_tell
}

expect_refused() {
    expect_error "$1" "$2"
    expect_count primary 0
    expect_count fallback 0
}

# --- who gets in

@test "where nothing was configured nobody gets in, and the log tells the operator why" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK=
    chat
    expect_refused 403 gateway_closed
    chat -H 'Authorization: Bearer something'
    expect_refused 403 gateway_closed
    log_says 'POSTERN_CLIENT_KEY'
}

@test "a client key opens in each of its three headers" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one,key-of-two
    local header
    for header in 'Authorization: Bearer key-of-one' 'Authorization: bearer key-of-two' \
        'api-key: key-of-one' 'x-api-key: key-of-two'; do
        chat -H "$header"
        expect_from primary
    done
}

@test "what is not the key does not open, whatever it looks like" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one,key-of-two
    local key
    for key in wrong key-of-on key-of-one1 KEY-OF-ONE key-of-one,key-of-two key-of-three \
        "' OR 1=1 --" "$PRIMARY_KEY" "$OPERATOR_KEY"; do
        chat -H "Authorization: Bearer $key"
        expect_refused 401 invalid_api_key
        chat -H "api-key: $key"
        expect_refused 401 invalid_api_key
    done
    chat -H "x-api-key: $(printf 'x%.0s' {1..5000})"
    [ "$STATUS" -ge 400 ]
    expect_count primary 0
}

@test "a request without a key is told how to send one" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one
    chat
    expect_refused 401 missing_api_key
    expect_header X-Should-Retry false
    log_says CGIPassAuth
}

@test "a wrong key is not saved by a right one beside it" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one
    chat -H 'Authorization: Bearer wrong' -H 'Authorization: Bearer key-of-one'
    [ "$STATUS" -ge 400 ]
    expect_count primary 0
    # lighttpd hands Api_Key on as a second HTTP_API_KEY.
    chat -H 'api-key: wrong' -H 'Api_Key: key-of-one'
    [ "$STATUS" -ge 400 ]
    expect_count primary 0
}

@test "open = yes lets everybody in" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_OPEN=yes
    chat -H 'X-Forwarded-For: 192.0.2.1'
    expect_from primary
}

@test "/ and /status are for everybody, /version and /settings for the operator" {
    reconfigure "$QUIET" POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one
    local path
    for path in / /status; do
        ask GET "$path"
        expect_status 200
        expect_body OK
    done
    for path in /version /settings; do
        ask GET "$path"
        [[ $STATUS == 40[13] ]] || fail "status $STATUS without a key"
        ask GET "$path" -H 'api-key: key-of-one'
        expect_error 403 not_operator
        ask GET "$path" -H "Authorization: Bearer $OPERATOR_KEY"
        expect_status 200
    done
}

# --- to the upstream

@test "the client's own credentials go no further" {
    reconfigure "$QUIET" POSTERN_CLIENT_KEY=client-secret-1
    chat -H 'Authorization: Bearer client-secret-1' -H 'x-api-key: client-secret-2' \
        -H 'api-key: client-secret-3' -H 'Cookie: client-secret-4' \
        -H 'Proxy-Authorization: client-secret-5'
    expect_from primary
    ! asked primary | grep -q client-secret || fail "$(asked primary)"
    json /openai/deployments/d/chat/completions -d "$CHAT" -H 'api-key: client-secret-1'
    expect_from primary
    [ "$(asked primary | grep -c client-secret)" -eq 0 ]
}

@test "headers that an upstream may see are passed on" {
    reconfigure "$QUIET"
    chat -H 'OpenAI-Beta: assistants=v2' -H 'OpenAI-Organization: org-1' \
        -H 'OpenAI-Project: proj-1' -H 'X-Client-Request-Id: abc' -H 'X-Stainless-Lang: python' \
        -H 'Idempotency-Key: idem-1' -H 'anthropic-version: 2023-06-01' -H 'User-Agent: my/1'
    expect_from primary
    local pair
    for pair in openai-beta=assistants=v2 openai-organization=org-1 openai-project=proj-1 \
        x-client-request-id=abc x-stainless-lang=python idempotency-key=idem-1 \
        anthropic-version=2023-06-01; do
        [ "$(header_asked primary "${pair%%=*}")" = "${pair#*=}" ] || fail "$pair"
    done
    [[ $(header_asked primary user-agent) == my/1* ]]
}

@test "headers that are none of an upstream's business are not" {
    reconfigure "$QUIET" POSTERN_OPEN=yes
    chat -H 'Cookie: a=b' -H 'X-Forwarded-For: 192.0.2.1' -H 'X-Forwarded-Proto: https' \
        -H 'X-Forwarded-Host: evil' -H 'Forwarded: for=192.0.2.1' -H 'Via: 1.1 x' \
        -H 'X-Real-IP: 192.0.2.1' -H 'X-Original-URL: /admin' -H 'Referer: http://x/' \
        -H 'Origin: http://x' -H 'X-Custom: 1' -H 'Connection: close, X-Hop' -H 'X-Hop: 1' \
        -H 'TE: trailers' -H 'Keep-Alive: 1' -H 'X-MS-Token-AAD-Access-Token: t' \
        -H 'X-Postern-Delivery: live' -H 'If-None-Match: "x"' -H 'Range: bytes=0-1'
    expect_from primary
    local name
    for name in cookie x-forwarded-for x-forwarded-proto x-forwarded-host forwarded via x-real-ip \
        x-original-url referer origin x-custom x-hop te keep-alive x-ms-token-aad-access-token \
        x-postern-delivery if-none-match range upgrade; do
        [ -z "$(header_asked primary "$name")" ] || fail "$name was forwarded"
    done
}

@test "no header of the client's chooses another host" {
    reconfigure "$QUIET" POSTERN_OPEN=yes
    local canary=127.0.0.1:$CANARY_PORT
    chat -H "Host: $canary" -H "X-Forwarded-Host: $canary" -H "X-Portkey-Custom-Host: http://$canary" \
        -H "Proxy: http://$canary" -H "Api-Base: http://$canary"
    expect_from primary
    json /v1/chat/completions -d "{\"model\":\"http://$canary/x\",\"api_base\":\"http://$canary\",\"base_url\":\"http://$canary\",\"messages\":[]}"
    expect_from primary
    [ "$(control canary state | jq .connections)" -eq 0 ]
}

@test "a redirect is never followed" {
    reconfigure "$QUIET"
    local status
    for status in 301 302 307 308; do
        tell primary "{\"mode\":\"redirect\",\"status\":$status,\"location\":\"http://127.0.0.1:$CANARY_PORT/\"}"
        chat
        expect_from fallback
        tell fallback "{\"mode\":\"redirect\",\"status\":$status,\"location\":\"http://127.0.0.1:$CANARY_PORT/\"}"
        chat
        expect_error 502 upstream_redirect
        expect_no_header Location
        forget fallback
    done
    [ "$(control canary state | jq .connections)" -eq 0 ]
}

# --- to the client

@test "headers of an upstream that would steer the operator's site are dropped" {
    reconfigure "$QUIET"
    tell primary '{"mode":"cgi_headers"}'
    chat
    expect_from primary
    local name
    for name in Location X-Sendfile X-LIGHTTPD-send-file X-Accel-Redirect Set-Cookie \
        Strict-Transport-Security Clear-Site-Data Access-Control-Allow-Origin Status; do
        expect_no_header "$name"
    done
    refute grep -qi '^server: *evil' "$ANSWER/head"
    expect_header X-Request-Id req_upstream
    expect_header OpenAI-Processing-Ms 12
    expect_header X-RateLimit-Remaining-Requests 59
}

@test "they are dropped from streams and errors, too" {
    reconfigure "$QUIET"
    tell primary '{"mode":"cgi_headers"}'
    chat_stream
    expect_whole_stream primary
    expect_no_header Set-Cookie
    tell primary '{"mode":"status","status":422,"headers":[["Set-Cookie","a=b"],["Location","/x"],["Status","200 OK"],["Retry-After","3"]]}'
    chat
    expect_status 422
    expect_no_header Set-Cookie
    expect_no_header Location
    expect_header Retry-After 3
}

@test "an answer says what happened, without hosts or keys" {
    reconfigure "$QUIET"
    chat
    expect_from primary
    expect_header X-Postern-Upstream primary
    expect_header X-Postern-Attempts primary:200
    [[ $(header X-Postern-Overhead-Ms) =~ ^[0-9.]+$ ]]
    [ -n "$(header X-Request-Id)" ]
    tell primary '{"mode":"close_without_answer"}'
    tell fallback '{"mode":"reset_mid_headers"}'
    chat
    [ "$STATUS" -eq 502 ]
    refute grep -qE "127\.0\.0\.1:($PRIMARY_PORT|$FALLBACK_PORT)|$PRIMARY_KEY|$FALLBACK_KEY" \
        "$ANSWER/head" "$ANSWER/body"
}

@test "an error body that quotes a key does not pass" {
    reconfigure "$QUIET"
    tell primary "{\"mode\":\"status\",\"status\":422,\"body\":\"{\\\"error\\\":{\\\"message\\\":\\\"key $PRIMARY_KEY\\\"}}\"}"
    chat
    expect_status 422
    refute grep -q "${PRIMARY_KEY:3:12}" "$ANSWER/body"
    expect_json '.error | has("message")' true
}

@test "an error body of HTML is wrapped" {
    reconfigure "$QUIET"
    tell primary '{"mode":"status","status":404,"type":"text/html","body":"<h1>no</h1>"}'
    chat
    expect_status 404
    expect_header Content-Type application/json
    expect_json '.error | has("message")' true
}

# --- paths and methods

@test "paths that could mean another one are refused" {
    reconfigure "$QUIET"
    local path
    for path in /v1/../v1/models /v1/./models /v1/%2e%2e/models /v1/.%2e/models /v1/%2E./models \
        /v1/a%2fb /v1/a%2Fb /v1//models /v1/a%5cb '/v1/a\b' /v1/a%00b /openai/..%2f..%2fadmin \
        /v1/a%0d%0aX-Evil:%201; do
        ask GET "$path"
        # A web server may refuse first, or look for the page that the dots lead to.
        if grep -q '"error"' "$ANSWER/body"; then
            expect_error 400 invalid_path
        else
            [[ $STATUS == 40[04] ]] || fail "$path: status $STATUS"
        fi
    done
    expect_count primary 0
}

@test "the refusals are our own where the path reaches us" {
    reconfigure "$QUIET"
    local path
    for path in /v1/a%2Fb /v1//models; do
        ask GET "$path"
        expect_refused 400 invalid_path
    done
}

@test "control characters in the query are refused" {
    reconfigure "$QUIET"
    local query
    for query in 'x=%00' 'x=%0a' 'x=%0D%0AX-Evil:1'; do
        ask GET "/v1/models?$query"
        [ "$STATUS" -eq 400 ] || fail "$query: status $STATUS"
    done
    expect_count primary 0
}

@test "everything outside the two roots is unknown" {
    reconfigure "$QUIET"
    local path
    for path in /v1x/models /v2/models /openai2/x /admin /v1 /openai /V1/models /.env; do
        ask GET "$path"
        expect_refused 404 unknown_url
    done
}

@test "a path that only begins like the mount is not ours" {
    run -0 curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/airplane"
    [ "$output" = 404 ]
}

@test "the mount may be spelled with escapes" {
    reconfigure "$QUIET"
    run -0 curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/%61i/status"
    [ "$output" = 200 ]
}

@test "OPTIONS answers 204, other methods 405, both say what is allowed" {
    reconfigure "$QUIET"
    ask OPTIONS /v1/chat/completions
    expect_status 204
    expect_no_header Access-Control-Allow-Origin
    ask PROPFIND /v1/chat/completions
    expect_refused 405 method_not_allowed
    [[ $(header Allow) == *POST* ]]
    ask POST /settings -d x
    expect_refused 405 method_not_allowed
}

@test "arguments in the query are no command line" {
    reconfigure "$QUIET"
    ask GET '/status?--version'
    expect_status 200
    expect_body OK
    ask GET '/v1/models?--listen+unix:/tmp/x'
    expect_status 200
    [ "$(asked primary '.[0].target')" = '/v1/models?--listen+unix:/tmp/x' ]
}

# --- bodies

@test "a body that is too large is refused" {
    reconfigure "$QUIET" POSTERN_MAX_BODY=4096
    head -c 5000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/big"
    json /v1/chat/completions --data-binary "@$BATS_TEST_TMPDIR/big"
    expect_refused 413 request_too_large
    json /v1/chat/completions --data-binary "@$BATS_TEST_TMPDIR/big" -H 'Transfer-Encoding: chunked'
    expect_refused 413 request_too_large
}

refused_body() {
    json /v1/chat/completions --data-binary "$1"
    expect_refused 400 "$2"
}

@test "a body that is no JSON is refused before anybody is asked" {
    reconfigure "$QUIET"
    refused_body '{"model":' invalid_json
    refused_body 'model=gpt' invalid_json
    refused_body '{"model":"a"} x' invalid_json
    refused_body "{'model':'a'}" invalid_json
    refused_body '{"model":NaN}' invalid_json
    refused_body $'{"model":"a\xff"}' invalid_json
    refused_body '' invalid_json
}

@test "a body that could be read in two ways is refused" {
    reconfigure "$QUIET"
    refused_body '{"model":"a","model":"b"}' duplicate_key
    refused_body '{"model":"a","\u006dodel":"b"}' duplicate_key
    refused_body '{"stream":true,"model":"a","stream":false}' duplicate_key
}

@test "a body is taken up to 128 levels deep" {
    reconfigure "$QUIET"
    refused_body "{\"a\":$(nested 1000)}" json_too_deep
    refused_body "{\"a\":$(nested 128)}" json_too_deep
    json /v1/chat/completions -d "{\"model\":\"m\",\"a\":$(nested 127)}"
    expect_from primary
}

nested() {
    printf '[%.0s' $(seq "$1")
    printf ']%.0s' $(seq "$1")
}

@test "a body of another type is refused where JSON is asked for" {
    reconfigure "$QUIET"
    ask POST /v1/chat/completions -H 'Content-Type: text/plain' -d "$CHAT"
    expect_refused 415 unsupported_media_type
}
