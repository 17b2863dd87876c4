#!/usr/bin/env bats
# What the gateway does not do for others on its host, and what it cannot do itself any more: whose
# files it obeys, what it writes to, which keys it keeps to itself, behind which walls it lives.

load lib/all

setup_file() {
    stand_up
}

teardown_file() {
    ground_drop
}

setup() {
    forget primary fallback
    LOG=$GROUND/postern/own.log
    ELSEWHERE=/run/postern-test-$$
}

teardown() {
    ground_tell
    rm -rf "$GROUND/postern/postern.json" "$GROUND/else" "$LOG" "$LOG.1" "$ELSEWHERE"
    chown "$RUN_USER" "$GROUND/postern"
}

# Another user than root and the one who runs the gateway.
STRANGER=4711

needs_root() {
    [ "$(id -u)" -eq 0 ] || skip 'only root can make the files of another user'
}

expect_log() {
    wait_until "the log says: $1" log_says "$1"
}

gateway_serves() {
    chat
    [ "${STATUS:?}" -eq 200 ]
}

# starts [NAME=VALUE…] - with this .env, and an empty log
starts() {
    server_stop
    gateway_env "$@"
    rm -f "$GROUND"/run/*.log
    server_start
}

posternctl() {
    (exec_as_run_user "$CTL" --env "$GROUND/postern/.env" "$@") 2>&1
}

# --- keys ---------------------------------------------------------------------

# quotes TEXT - the primary's error says it, in its body and in a header that passes
quotes() {
    tell primary "$(jq -n --arg text "$1" '{mode: "status", status: 422, headers: [["X-Request-Id", $text]],
        body: "{\"error\":{\"message\":\"\($text)\",\"type\":\"invalid_request_error\"}}"}')"
    chat
    expect_status 422
}

@test "a key is kept from the client however an upstream wraps it" {
    starts
    local key=$PRIMARY_KEY text texts=()
    quotes 'nothing but words'
    expect_json .error.message 'nothing but words'
    texts+=("$key" "${key:3:12}" "$(printf %s "$key" | base64)" "$(printf 'u:%s' "$key" | base64)"
        "$(printf 'me:%s' "$key" | base64)" "$(printf %s "$key" | base64 | tr -d = | tr +/ -_)"
        "$(printf %s "$key" | od -An -tx1 | tr -d ' \n')"
        "$(printf %s "$key" | od -An -tx1 | tr -d ' \n' | tr a-f A-F)"
        "${key//-/%2d}" "${key//-/%2D}" "${key//-/%252d}" "${key//-/&#45;}" "${key//-/&#x2D;}"
        "${key//-/\\u002d}" "${key//-/\\u002D}" "${key//-/\\\\u002d}")
    for text in "${texts[@]}"; do
        quotes "$text"
        expect_json '.error | has("message")' true
        refute grep -qF -- "$text" "$ANSWER/body" "$ANSWER/head"
    done
}

@test "a key that was changed is kept in while a request under it runs, and its answer does not quote it" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    starts
    local old=sk-old-9182736455463728 new=sk-new-5647382910fedcba
    reconfigure PRIMARY_OPENAI_API_KEY=$old
    tell primary "{\"mode\":\"status\",\"status\":422,\"gate\":\"rotated\",
        \"body\":\"{\\\"error\\\":{\\\"message\\\":\\\"not $old\\\"}}\"}"
    curl -sS --max-time 60 -H 'Content-Type: application/json' -d "$CHAT" \
        -o "$BATS_TEST_TMPDIR/held" "$BASE/v1/chat/completions" 3>&- &
    local held=$!
    await primary requests 1 gate rotated 1
    [ "$(header_asked primary authorization)" = "Bearer $old" ]
    reconfigure PRIMARY_OPENAI_API_KEY=$new
    release primary rotated
    wait "$held"
    jq -e '.error | has("message")' "$BATS_TEST_TMPDIR/held"
    refute grep -q "${old:3:12}" "$BATS_TEST_TMPDIR/held"
    refute log_says "${old:3:12}"
}

@test "a key typed where no key belongs is not shown by the log nor by posternctl" {
    local typed=sk-typed-99aa88bb77cc66dd shown
    for shown in POSTERN_RETRIES=$typed POSTERN_MOUNT=$typed POSTERN_STATE_MODE=$typed \
        PRIMARY_OPENAI_DIALECT=$typed PRIMARY_OPENAI_HOST=$typed \
        PRIMARY_OPENAI_HOST=https://api.example/v1/$typed/ "PRIMARY_OPENAI_HOST=https://api.example:$typed" \
        POSTERN_CA_FILE=$typed POSTERN_$typed=1 POSTERN_HEARTBEAT=$PRIMARY_KEY \
        PRIMARY_OPENAI_MODEL=$typed APP_VERSION=$typed; do
        gateway_env
        echo "$shown" >>"$GROUND/postern/.env"
        posternctl check >"$BATS_TEST_TMPDIR/check" || true
        refute grep -E "99aa88bb|${PRIMARY_KEY:7:9}" "$BATS_TEST_TMPDIR/check"
        [ "$shown" != POSTERN_RETRIES=$typed ] || grep 'POSTERN_RETRIES: the value (not shown' "$BATS_TEST_TMPDIR/check"
    done
    gateway_env
    echo "{ \"$typed\": 1, \"upstreams\": { \"$typed\": { \"url\": \"$typed\", \"kee\": \"$typed\" } } }" \
        >"$GROUND/postern/postern.json"
    chown "$RUN_USER" "$GROUND/postern/postern.json"
    posternctl check >"$BATS_TEST_TMPDIR/check" || true
    refute grep 99aa88bb "$BATS_TEST_TMPDIR/check"
    starts POSTERN_RETRIES=$typed
    chat
    expect_error 503 gateway_misconfigured
    expect_log 'POSTERN_RETRIES: the value .not shown'
    refute log_says 99aa88bb
}

@test "a version that looks like a key is not shown by /version nor /settings" {
    starts APP_VERSION=sk-typed-99aa88bb77cc66dd
    local page
    for page in /version /settings; do
        ask GET "$page" -H "api-key: $OPERATOR_KEY"
        expect_status 200
        refute grep 99aa88bb "$ANSWER/body"
    done
}

@test "a key too plain to be told from other text is said to be" {
    gateway_env POSTERN_CLIENT_KEY=00000000
    posternctl check | grep '1 of the keys is too plain'
}

# --- whose files ------------------------------------------------------------------

@test "a .env of another user is refused and mended by its owner" {
    needs_root
    starts
    gateway_serves
    chown "$STRANGER" "$GROUND/postern/.env"
    chmod 644 "$GROUND/postern/.env"
    starts_over
    chat
    expect_error 503 gateway_misconfigured
    expect_log "\\.env: belongs to user $STRANGER, whom a process of user [0-9]+ does not trust: run this as user $STRANGER"
    gateway_env
    wait_until 'service resumes' gateway_serves
}

starts_over() {
    server_stop
    rm -f "$GROUND"/run/*.log
    server_start
}

@test "a .env in another user's directory, or one that others write to, is refused" {
    needs_root
    gateway_env
    chown "$STRANGER" "$GROUND/postern"
    chmod 755 "$GROUND/postern"
    run posternctl check
    [ "$status" -eq 1 ]
    grep "lies below $GROUND/postern, which belongs to user $STRANGER" <<<"$output"
    chown "$RUN_USER" "$GROUND/postern"
    chmod 777 "$GROUND/postern"
    run posternctl check
    [ "$status" -eq 1 ]
    grep "chmod o-w $GROUND/postern" <<<"$output"
    chmod 700 "$GROUND/postern"
    posternctl check
}

@test "postern.json and the file of certificates are held to the same" {
    needs_root
    gateway_env
    echo '{ "retries": 1 }' >"$GROUND/postern/postern.json"
    chmod 644 "$GROUND/postern/postern.json"
    chown "$STRANGER" "$GROUND/postern/postern.json"
    run posternctl check
    grep "postern.json: belongs to user $STRANGER" <<<"$output"
    rm "$GROUND/postern/postern.json"
    mkdir "$GROUND/else"
    cp /etc/ssl/certs/ca-certificates.crt "$GROUND/else/ca.crt"
    gateway_env POSTERN_CA_FILE="$GROUND/else/ca.crt"
    posternctl check
    chown "$STRANGER" "$GROUND/else/ca.crt"
    run posternctl check
    grep "ca.crt: belongs to user $STRANGER" <<<"$output"
}

@test "root does not do the will of a stranger in whose directory it stands" {
    needs_root
    local home=$GROUND/else
    mkdir "$home"
    gateway_env POSTERN_STATE="$home/made-by-root"
    cp "$GROUND/postern/.env" "$home/.env"
    chown -R "$STRANGER" "$home"
    cd "$home"
    for order in check status 'breaker reset primary'; do
        # shellcheck disable=SC2086
        run "$CTL" $order
        [ "$status" -eq 1 ]
        grep "belongs to user $STRANGER" <<<"$output"
    done
    [ ! -e "$home/made-by-root" ]
}

# --- the log ---------------------------------------------------------------------

@test "the log does not follow a link, into whatever it leads" {
    local victim=$GROUND/postern/victim
    : >"$victim"
    chown "$RUN_USER" "$victim"
    ln -s "$victim" "$LOG"
    starts POSTERN_LOG="$LOG"
    chat
    expect_log 'log_failed path=.*own.log. reason="it is a symbolic link'
    [ ! -s "$victim" ]
    rm "$LOG" "$victim"
}

@test "the log goes to no file of another user, none with two names, none that all may write" {
    needs_root
    : >"$LOG"
    chown "$STRANGER" "$LOG"
    chmod 666 "$LOG"
    starts POSTERN_LOG="$LOG"
    chat
    expect_log "log_failed .* reason=\"belongs to user $STRANGER"
    [ ! -s "$LOG" ]
    chown "$RUN_USER" "$LOG"
    starts_over
    chat
    expect_log 'log_failed .* reason="can be changed by every user'
    chmod 600 "$LOG"
    ln "$LOG" "$LOG.1"
    starts_over
    chat
    expect_log 'log_failed .* reason="it has another name'
    rm "$LOG.1"
    starts_over
    chat
    grep -q 'request req=' "$LOG"
}

@test "the log follows its name through a rotation, from behind the walls" {
    ! is_cgi || skip 'each CGI process opens it anew'
    starts POSTERN_LOG="$LOG"
    chat
    grep -q 'request req=' "$LOG"
    mv "$LOG" "$LOG.1"
    wait_until 'the log is there again' logs_to "$LOG"
}

logs_to() {
    chat
    [ -s "$1" ]
}

@test "/dev/stderr is standard error, and /dev/stdout is no part of an answer" {
    starts POSTERN_LOG=/dev/stderr
    chat
    expect_from primary
    expect_log 'request req='
    starts POSTERN_LOG=/dev/stdout
    chat
    expect_from primary
    refute grep 'request req=' "$ANSWER/body" "$ANSWER/head"
}

# --- the walls ---------------------------------------------------------------------

# The running process of the gateway, or those there are of it.
process_status() {
    local exe
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe" 2>/dev/null)" != "$GROUND/lib/postern.fcgi" ] ||
            cat "$(dirname "$exe")/status"
    done
}

holds_a_request() {
    tell primary '{"mode":"ok","gate":"never"}'
    chat_open
    stream_expect one
}

# The log is brought to its place by a request, once a second at most.
says_on_request() {
    chat
    log_says "$1"
}

@test "the process that serves has no rights to gain and its calls are filtered, or not as configured" {
    starts
    holds_a_request
    process_status >"$BATS_TEST_TMPDIR/status"
    grep -P 'NoNewPrivs:\t1' "$BATS_TEST_TMPDIR/status"
    grep -P 'Seccomp:\t2' "$BATS_TEST_TMPDIR/status"
    stream_leave
    starts POSTERN_SANDBOX=no
    holds_a_request
    process_status >"$BATS_TEST_TMPDIR/status"
    grep -P 'NoNewPrivs:\t0' "$BATS_TEST_TMPDIR/status"
    grep -P 'Seccomp:\t0' "$BATS_TEST_TMPDIR/status"
    stream_leave
    is_cgi || expect_log 'process_confined no_new_privs=no landlock=0 seccomp=no'
    posternctl check | grep 'sandbox       no'
}

@test "what stands is logged at the start, and posternctl says what the kernel has" {
    ! is_cgi || skip 'a CGI process logs mistakes and requests alone'
    starts
    chat
    expect_log 'process_confined no_new_privs=yes landlock=[0-9]+ seccomp=yes keys_locked=(yes|no)'
    posternctl check | grep 'sandbox       auto: no new rights, system calls filtered'
    posternctl check | grep 'keys .* locked memory'
}

@test "a log that moves to a place that was not known at the start is told to need a restart" {
    ! is_cgi || skip 'each CGI process opens its places anew'
    starts
    chat
    log_says 'landlock=[1-9]' || skip 'this kernel has no Landlock'
    # The places for temporary files are open to all, so nothing below them is shut.
    needs_root
    local elsewhere=$ELSEWHERE
    mkdir "$elsewhere"
    chown "$RUN_USER" "$elsewhere"
    reconfigure POSTERN_LOG="$elsewhere/log"
    wait_until 'the log looks again' says_on_request 'log_failed .* reason="the sandbox of this process does not reach it.*restart postern'
    starts_over
    chat
    grep -q 'request req=' "$elsewhere/log"
}
