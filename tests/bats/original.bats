#!/usr/bin/env bats
# All that the original service did, with its names. SERVER says behind which web server.

load lib/all

setup_file() {
    # The breaker has a suite of its own (breaker.bats); here it must not come between.
    export QUIET_BREAKER=CIRCUIT_FAILURE_THRESHOLD=1000
    stand_up "$QUIET_BREAKER" CIRCUIT_RETRY_TIMEOUT=7 APP_VERSION=1.2.3 \
        APPLICATION_INSIGHTS_ENABLED=true \
        APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=very-secret
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

# --- relaying

relays_openai() {
    local method=$1 with=()
    [ "$method" = GET ] || with=(-H 'Content-Type: application/json' -d '{"a": [1,  2.50]}')
    ask "$method" '/openai/things/x-1?api-version=2024-06-01&b=%20c' "${with[@]}" \
        -H 'api-key: from-the-client'
    expect_status 200
    [ "$(asked primary '.[0].method')" = "$method" ]
    [ "$(asked primary '.[0].target')" = '/openai/things/x-1?api-version=2024-06-01&b=%20c' ]
    [ "$(header_asked primary api-key)" = "$PRIMARY_KEY" ]
    [ "$(header_asked primary host)" = "127.0.0.1:$PRIMARY_PORT" ]
    [ -z "$(header_asked primary authorization)" ]
    [ "$method" = GET ] || [ "$(asked primary '.[0].body')" = '{"a": [1,  2.50]}' ]
    expect_json .upstream primary
    expect_count fallback 0
}

@test "GET /openai/… is relayed with the configured key" {
    relays_openai GET
}

@test "POST /openai/… is relayed with the configured key" {
    relays_openai POST
}

@test "PUT /openai/… is relayed with the configured key" {
    relays_openai PUT
}

@test "PATCH /openai/… is relayed with the configured key" {
    relays_openai PATCH
}

@test "DELETE /openai/… is relayed with the configured key" {
    relays_openai DELETE
}

@test "a deployment's path is relayed as it is" {
    json '/openai/deployments/gpt4o-prod/chat/completions?api-version=2024-06-01' -d "$CHAT"
    expect_from primary
    [ "$(asked primary '.[0].target')" = \
        '/openai/deployments/gpt4o-prod/chat/completions?api-version=2024-06-01' ]
}

@test "/v1/… is relayed with the configured key as a bearer" {
    chat -H 'Authorization: Bearer from-the-client'
    expect_from primary
    [ "$(asked primary '.[0].target')" = /v1/chat/completions ]
    [ "$(header_asked primary authorization)" = "Bearer $PRIMARY_KEY" ]
    [ -z "$(header_asked primary api-key)" ]
    [ "$(header_asked primary host)" = "127.0.0.1:$PRIMARY_PORT" ]
}

@test "the body arrives byte for byte, however odd its JSON is" {
    local odd='{ "model":"gpt-4o","messages":[{"content":"\ud83d\u00e4\/\u0000"}],"n":18446744073709551616,"t":-0,"e":1e400 }'
    json /v1/chat/completions -d "$odd"
    expect_from primary
    [ "$(asked primary '.[0].body')" = "$odd" ]
}

@test "a form with a file arrives byte for byte" {
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/file"
    ask POST /v1/files -F purpose=batch -F "file=@$BATS_TEST_TMPDIR/file" \
        --trace-ascii "$BATS_TEST_TMPDIR/trace"
    expect_status 200
    [ "$(asked primary '.[0].length')" -gt 100000 ]
    [[ $(header_asked primary content-type) == multipart/form-data\;\ boundary=* ]]
}

@test "Accept and Content-Type are passed on" {
    ask POST /openai/things -H 'Accept: application/x-special' -H 'Content-Type: text/x-odd' -d x
    expect_status 200
    [ "$(header_asked primary accept)" = application/x-special ]
    [ "$(header_asked primary content-type)" = text/x-odd ]
}

@test "Accept-Encoding is passed on and the answer arrives decoded" {
    tell primary '{"mode":"gzipped"}'
    chat -H 'Accept-Encoding: gzip, br'
    expect_from primary
    [[ $(header_asked primary accept-encoding) == *gzip* ]]
    expect_no_header Content-Encoding
}

@test "without Accept-Encoding nothing compressed is asked for" {
    tell primary '{"mode":"gzipped"}'
    chat -H 'Accept-Encoding:'
    expect_from primary
    [[ $(header_asked primary accept-encoding) != *gzip* ]]
}

@test "a host with a slash at its end works" {
    reconfigure "$QUIET_BREAKER" PRIMARY_OPENAI_HOST="http://127.0.0.1:$PRIMARY_PORT/"
    forget primary
    chat
    expect_from primary
    [ "$(asked primary '.[0].target')" = /v1/chat/completions ]
}

# --- falling back

falls_back() {
    tell primary "$1"
    json '/v1/chat/completions?tag=1' -d "$CHAT"
    expect_from fallback
    expect_count fallback 1
    [ "$(asked fallback '.[0].target')" = '/v1/chat/completions?tag=1' ]
    [ "$(asked fallback '.[0].body')" = "$CHAT" ]
    [ "$(header_asked fallback authorization)" = "Bearer $FALLBACK_KEY" ]
    forget fallback
    json '/openai/deployments/d/chat/completions?api-version=1' -d "$CHAT"
    expect_from fallback
    [ "$(asked fallback '.[0].target')" = '/openai/deployments/d/chat/completions?api-version=1' ]
    [ "$(header_asked fallback api-key)" = "$FALLBACK_KEY" ]
    [ "$(asked fallback | grep -c "$PRIMARY_KEY")" -eq 0 ]
}

@test "what fell back was asked of each upstream once" {
    tell primary '{"mode":"status","status":500}'
    chat
    expect_from fallback
    expect_count primary 1
    expect_count fallback 1
}

@test "429 falls back" {
    falls_back '{"mode":"limited"}'
}

@test "500 falls back" {
    falls_back '{"mode":"status","status":500}'
}

@test "501 falls back" {
    falls_back '{"mode":"status","status":501}'
}

@test "502 falls back" {
    falls_back '{"mode":"status","status":502}'
}

@test "503 falls back" {
    falls_back '{"mode":"status","status":503}'
}

@test "504 falls back" {
    falls_back '{"mode":"status","status":504}'
}

@test "505 falls back" {
    falls_back '{"mode":"status","status":505}'
}

@test "529 falls back" {
    falls_back '{"mode":"status","status":529}'
}

@test "a refused key (401) falls back" {
    falls_back '{"mode":"unauthorized"}'
}

@test "an unpaid bill (402) falls back" {
    falls_back '{"mode":"no_money","status":402}'
}

@test "a forbidden resource (403) falls back" {
    falls_back '{"mode":"unauthorized","status":403}'
}

@test "a context that is too long falls back" {
    falls_back '{"mode":"status","status":400,"code":"context_length_exceeded","kind":"invalid_request_error"}'
}

@test "a connection that closes without an answer falls back" {
    falls_back '{"mode":"close_without_answer"}'
}

@test "no connection falls back" {
    reconfigure "$QUIET_BREAKER" PRIMARY_OPENAI_HOST=http://127.0.0.1:9
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:unreachable,fallback:200
}

@test "a primary that does not answer in time falls back" {
    reconfigure "$QUIET_BREAKER" POSTERN_RESPONSE_TIMEOUT=1
    tell primary '{"mode":"silent"}'
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:timeout,fallback:200
    reconfigure "$QUIET_BREAKER"
}

comes_back_from_fallback() {
    local status=$1 body='{"error": {"message":"as it is", "type":"x","param":null,"code":7}}'
    tell primary '{"mode":"status","status":500}'
    tell fallback "$(jq -n --argjson status "$status" --arg body "$body" \
        '{mode: "status", status: $status, body: $body}')"
    chat
    expect_status "$status"
    expect_body "$body"
}

@test "the fallback's answer comes back as it is, also when it is a 400" {
    comes_back_from_fallback 400
}

@test "the fallback's answer comes back as it is, also when it is a 404" {
    comes_back_from_fallback 404
}

@test "the fallback's answer comes back as it is, also when it is a 503" {
    comes_back_from_fallback 503
}

@test "the fallback's 429 comes back with its Retry-After" {
    tell primary '{"mode":"status","status":500}'
    tell fallback '{"mode":"limited","retry_after":"17"}'
    chat
    expect_status 429
    expect_header Retry-After 17
    expect_json .error.message 'slow down'
}

both_refuse() {
    tell primary "{\"mode\":\"unauthorized\",\"status\":$1}"
    tell fallback "{\"mode\":\"unauthorized\",\"status\":$1}"
    chat
    expect_error 502 upstream_auth_failed
    expect_header X-Should-Retry false
    refute grep -qE "$PRIMARY_KEY|$FALLBACK_KEY" "$ANSWER/body"
    expect_count fallback 1
}

@test "when every upstream refuses our key (401) the client hears 502" {
    both_refuse 401
}

@test "when every upstream forbids us (403) the client hears 502" {
    both_refuse 403
}

# --- what is the client's own mistake

comes_back_from_primary() {
    local body='{"error": {"message":"as  it is","param":null}, "extra":[1.0]}'
    tell primary "$(jq -n --argjson status "$1" --arg body "$body" \
        '{mode: "status", status: $status, body: $body}')"
    chat
    expect_status "$1"
    expect_body "$body"
    expect_count fallback 0
}

@test "400 comes back byte for byte" {
    comes_back_from_primary 400
}

@test "404 comes back byte for byte" {
    comes_back_from_primary 404
}

@test "405 comes back byte for byte" {
    comes_back_from_primary 405
}

@test "409 comes back byte for byte" {
    comes_back_from_primary 409
}

@test "415 comes back byte for byte" {
    comes_back_from_primary 415
}

@test "418 comes back byte for byte" {
    comes_back_from_primary 418
}

@test "422 comes back byte for byte" {
    comes_back_from_primary 422
}

@test "451 comes back byte for byte" {
    comes_back_from_primary 451
}

@test "a rejected content is never routed around" {
    tell primary '{"mode":"status","status":400,"code":"content_filter"}'
    chat
    expect_status 400
    expect_json .error.code content_filter
    expect_count fallback 0
}

# --- pages

@test "GET and HEAD of / and /status answer OK" {
    local path
    for path in / /status; do
        ask GET "$path"
        expect_status 200
        expect_body OK
        ask HEAD "$path"
        expect_status 200
        expect_body ''
    done
}

@test "/version shows APP_VERSION" {
    reconfigure "$QUIET_BREAKER"
    gateway_env "$QUIET_BREAKER" APP_VERSION=1.2.3
    wait_until 'version 1.2.3' gateway_version_is 1.2.3
    ask GET /version -H "api-key: $OPERATOR_KEY"
    expect_status 200
    expect_body 1.2.3
}

settings_name() {
    ask GET /settings -H "api-key: $OPERATOR_KEY"
    expect_status 200
    expect_header Content-Type application/json
    diff <(jq -S . "$ANSWER/body") <(jq -S . <<<"$1")
    refute grep -qE "secret|$PRIMARY_KEY|$FALLBACK_KEY" "$ANSWER/body"
}

@test "/settings names the settings and hides the secrets" {
    reconfigure "$QUIET_BREAKER" CIRCUIT_RETRY_TIMEOUT=7 APPLICATION_INSIGHTS_ENABLED=true \
        APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=very-secret
    settings_name "$(jq -n --arg version "$(curl -s -H "api-key: $OPERATOR_KEY" "$BASE/version")" '{
        app_version: $version,
        app_insights_enabled: true,
        app_insights_connection_string: "**********",
        circuit_failure_threshold: 1000,
        circuit_retry_timeout: 7,
        primary_open_ai_host: "http://127.0.0.1:'"$PRIMARY_PORT"'",
        primary_open_ai_api_key: "**********",
        fallback_open_ai_host: "http://127.0.0.1:'"$FALLBACK_PORT"'",
        fallback_open_ai_api_key: "**********"
    }')"
}

@test "/settings shows defaults, and an empty secret as empty" {
    reconfigure
    settings_name "$(jq -n --arg version "$(curl -s -H "api-key: $OPERATOR_KEY" "$BASE/version")" '{
        app_version: $version,
        app_insights_enabled: false,
        app_insights_connection_string: "",
        circuit_failure_threshold: 3,
        circuit_retry_timeout: 10,
        primary_open_ai_host: "http://127.0.0.1:'"$PRIMARY_PORT"'",
        primary_open_ai_api_key: "**********",
        fallback_open_ai_host: "http://127.0.0.1:'"$FALLBACK_PORT"'",
        fallback_open_ai_api_key: "**********"
    }')"
    reconfigure "$QUIET_BREAKER"
}

@test "any other path is a 404 in JSON" {
    local path
    for path in /nothing /v1x /openaix/y /statusx /v1; do
        ask GET "$path"
        expect_error 404 unknown_url
    done
    expect_count primary 0
}

# --- replacing the model

@test "a configured model is spliced in and every other byte stays" {
    reconfigure "$QUIET_BREAKER" PRIMARY_OPENAI_MODEL=own-model FALLBACK_OPENAI_MODEL='other "1"'
    forget primary fallback
    json /v1/chat/completions -d '{ "n":1.50, "model" : "gpt-4o" ,"messages":[{"model":"x"}],"z":"\u00e4"}'
    expect_status 200
    [ "$(asked primary '.[0].body')" = \
        '{ "n":1.50, "model" : "own-model" ,"messages":[{"model":"x"}],"z":"\u00e4"}' ]
    tell primary '{"mode":"status","status":500}'
    json /v1/chat/completions -d '{"messages":[],"model":"gpt-4o"}'
    expect_status 200
    [ "$(asked fallback '.[0].body')" = '{"messages":[],"model":"other \"1\""}' ]
    reconfigure "$QUIET_BREAKER"
}
