#!/usr/bin/env bats
# Mistakes in the configuration: the gateway answers 503, its log says which, and when the file is
# mended it serves again without a restart.

load lib/all

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
}

teardown_file() {
    ground_drop
}

setup() {
    forget primary fallback
    rm -f "$GROUND/postern/postern.json"
}

teardown() {
    ground_tell
}

env_file() {
    echo "$GROUND/postern/.env"
}

# starts with what is in the files now, with empty logs
start_here() {
    server_stop
    rm -f "$GROUND"/run/*.log
    server_start
}

add_to_env() {
    gateway_env
    printf '%s\n' "$@" >>"$(env_file)"
}

postern_json() {
    cat >"$GROUND/postern/postern.json"
    chown "$RUN_USER" "$GROUND/postern/postern.json"
    chmod 600 "$GROUND/postern/postern.json"
}

expect_misconfigured() {
    chat
    expect_error 503 gateway_misconfigured
    expect_header X-Should-Retry false
    expect_count primary 0
    # The reason is the operator's, not the client's.
    refute grep -qE "$GROUND|$PRIMARY_KEY|127\.0\.0\.1" "$ANSWER/body"
}

gateway_serves() {
    chat
    [ "$STATUS" -eq 200 ]
}

mended_serves() {
    gateway_env
    rm -f "$GROUND/postern/postern.json"
    wait_until "service resumes" gateway_serves
    expect_from primary
}

expect_log() {
    wait_until "the log says: $1" log_says "$1"
}

@test "a number that is none: 503, the log names variable, file and reason, mended it serves" {
    add_to_env CIRCUIT_RETRY_TIMEOUT=ten
    start_here
    expect_misconfigured
    expect_log "$(env_file):[0-9]+: CIRCUIT_RETRY_TIMEOUT: .*ten.*number"
    mended_serves
}

@test "a missing host is named" {
    gateway_env PRIMARY_OPENAI_HOST=
    start_here
    expect_misconfigured
    expect_log 'PRIMARY_OPENAI_HOST'
    mended_serves
}

@test "a missing key is named" {
    gateway_env FALLBACK_OPENAI_API_KEY=
    start_here
    expect_misconfigured
    expect_log 'FALLBACK_OPENAI_API_KEY'
    mended_serves
}

@test "an unknown name under our own prefix is named, with the one that was meant" {
    add_to_env POSTERN_HEARTBEET=1
    start_here
    expect_misconfigured
    expect_log 'POSTERN_HEARTBEET.*(HEARTBEAT|heartbeat)'
    mended_serves
}

@test "all mistakes are told at once" {
    add_to_env CIRCUIT_RETRY_TIMEOUT=ten POSTERN_THREADS=-3 POSTERN_NOTHING=1
    start_here
    expect_misconfigured
    expect_log CIRCUIT_RETRY_TIMEOUT
    expect_log POSTERN_THREADS
    expect_log POSTERN_NOTHING
    mended_serves
}

@test "a host with a password, a query or another scheme is refused" {
    local url
    for url in http://u:p@127.0.0.1:9 'http://127.0.0.1:9/?x=1' ftp://127.0.0.1 127.0.0.1:9; do
        gateway_env PRIMARY_OPENAI_HOST="$url"
        start_here
        expect_misconfigured
        expect_log PRIMARY_OPENAI_HOST
    done
    mended_serves
}

@test "plain http to another host is refused" {
    gateway_env PRIMARY_OPENAI_HOST=http://upstream.invalid
    start_here
    expect_misconfigured
    expect_log 'PRIMARY_OPENAI_HOST.*http'
    mended_serves
}

@test "no configuration at all: 503, and the log says where it was looked for" {
    rm -f "$(env_file)"
    start_here
    expect_misconfigured
    expect_log "$(env_file)|PRIMARY_OPENAI_HOST"
    mended_serves
}

@test "an .env file that cannot be read is named" {
    gateway_env
    chmod 000 "$(env_file)"
    start_here
    expect_misconfigured
    expect_log "$(env_file).*([Pp]ermission|denied)"
    mended_serves
}

@test "an .env file that everybody may write is refused" {
    gateway_env
    chmod 666 "$(env_file)"
    start_here
    expect_misconfigured
    expect_log "$(env_file).*(writ|change)"
    mended_serves
}

@test "an .env file that everybody may read is warned about" {
    gateway_env
    chmod 644 "$(env_file)"
    start_here
    chat
    expect_from primary
    expect_log "$(env_file).*read"
}

@test "an .env file below the document root is refused" {
    # Elsewhere the file is found from the program, and lighttpd tells a CGI program that it serves
    # through an alias another document root.
    [ "$SERVER" = lighttpd ] || skip 'the file cannot be put there, or it cannot be seen'
    gateway_env
    mv "$GROUND/postern" "$GROUND/site/postern"
    ln -s "$GROUND/site/postern" "$GROUND/postern"
    start_here
    chat
    local status=$STATUS
    rm "$GROUND/postern"
    mv "$GROUND/site/postern" "$GROUND/postern"
    [ "$status" -eq 503 ]
    expect_log 'env.*(DOCUMENT_ROOT|document root)'
}

@test "a bad new file does not replace a good configuration" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    gateway_env
    start_here
    chat
    expect_from primary
    add_to_env CIRCUIT_RETRY_TIMEOUT=ten
    expect_log_while_asking 'CIRCUIT_RETRY_TIMEOUT: .*ten'
    chat
    expect_from primary
    mended_serves
}

# The files are looked at when a request comes.
expect_log_while_asking() {
    wait_until "the log says: $1" ask_and_look "$1"
}

ask_and_look() {
    chat
    log_says "$1"
}

@test "a changed .env file is in use within seconds, without a restart" {
    gateway_env
    start_here
    chat
    expect_from primary
    gateway_env PRIMARY_OPENAI_HOST="http://127.0.0.1:$FALLBACK_PORT" \
        FALLBACK_OPENAI_HOST="http://127.0.0.1:$PRIMARY_PORT"
    wait_until "the hosts are swapped" answer_is_from_fallback
}

answer_is_from_fallback() {
    chat
    grep -q '"system_fingerprint":"fallback"' "$ANSWER/body"
}

@test "the .env file is read as python-dotenv reads it" {
    {
        echo "# a comment"
        echo "export PRIMARY_OPENAI_HOST='http://127.0.0.1:$PRIMARY_PORT'  # where it is"
        echo "THE_KEY=\"$PRIMARY_KEY\""
        # shellcheck disable=SC2016
        echo 'PRIMARY_OPENAI_API_KEY=${THE_KEY}'
        echo "FALLBACK_OPENAI_HOST = http://127.0.0.1:$FALLBACK_PORT"
        echo "FALLBACK_OPENAI_API_KEY=\"$FALLBACK_KEY\""
        echo "POSTERN_TRUST_LOOPBACK=yes"
        echo "POSTERN_STATE=$GROUND/postern/state/test.state"
    } >"$(env_file)"
    start_here
    chat
    expect_from primary
    [ "$(header_asked primary authorization)" = "Bearer $PRIMARY_KEY" ]
}

@test "neither keys nor prompts are in the log" {
    gateway_env
    start_here
    tell primary '{"mode":"unauthorized"}'
    json /v1/chat/completions -H 'Authorization: Bearer the-clients-own-key' \
        -d '{"model":"gpt-4o","messages":[{"role":"user","content":"my-private-prompt"}]}'
    expect_from fallback
    refute log_says "$PRIMARY_KEY|$FALLBACK_KEY|the-clients-own-key|my-private-prompt"
    log_says 'req='
}

# --- postern.json

@test "postern.json: upstreams, routes, comments and values from the .env file" {
    gateway_env
    postern_json <<END
{ // two upstreams under other names
  "upstreams": {
    "near": { "dialect": "openai", "url": "http://127.0.0.1:$FALLBACK_PORT", "key": "\${FALLBACK_OPENAI_API_KEY}" },
    "far":  { "dialect": "azure",  "url": "http://127.0.0.1:$PRIMARY_PORT/base", "key": "\${PRIMARY_OPENAI_API_KEY}" } },
  "routes": [ { "model": "gpt-4o", "try": [ "near", "far" ] },
              { "model": "far-*", "try": [ "far" ] } ] }
END
    start_here
    chat
    expect_from fallback
    expect_header X-Postern-Upstream near
    json /v1/chat/completions -d '{"model":"far-1","messages":[]}'
    expect_from primary
    [ "$(header_asked primary api-key)" = "$PRIMARY_KEY" ]
    [[ $(asked primary '.[0].target') == /base/openai/* ]]
}

@test "postern.json: a syntax error is told with its line" {
    gateway_env
    printf '{ "upstreams": {\n  "a": { "url": }\n} }\n' | postern_json
    start_here
    expect_misconfigured
    expect_log 'postern.json:2'
    mended_serves
}

@test "postern.json: an upstream that is not there is told with its place" {
    gateway_env
    postern_json <<END
{ "upstreams": { "openai": { "url": "http://127.0.0.1:$PRIMARY_PORT", "key": "k-1234567890" } },
  "routes": [
    { "model": "*", "try": [ "openia" ] } ] }
END
    start_here
    expect_misconfigured
    expect_log 'postern.json:3: routes\[0\].try\[0\].*openia'
    mended_serves
}

@test "postern.json: an unknown member is an error" {
    gateway_env
    echo '{ "heartbeet": 1 }' | postern_json
    start_here
    expect_misconfigured
    expect_log 'postern.json.*heartbeet'
    mended_serves
}
