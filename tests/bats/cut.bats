#!/usr/bin/env bats
# What does a client see of an answer that was cut, behind each web server, over each HTTP? The words
# of the table in doc/failures.md, which script/cuts writes:
#
#   error    nothing of it: another upstream's answer, or one clear error
#   event    a stream that ends in an error event
#   broken   a transfer that breaks: a body shorter than its length, a chunk or an end that is missing
#   unseen   an answer that looks whole

load lib/all

# No breaker opens, whatever is done here.
ALWAYS=(CIRCUIT_FAILURE_THRESHOLD=1000)

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
    gateway_env "${ALWAYS[@]}"
    speak_http2
    server_start
    meet
}

# postern learns from the first request which web server is in front.
meet() {
    [ "$(curl -sS --max-time "$PATIENCE" "$BASE/status")" = OK ]
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

# begin PROTOCOL METHOD PATH [BODY] - asks, in the background
begin() {
    local how=--http$1 base=$BASE
    PROTOCOL=$1
    if [ "$1" = 2 ]; then
        how=--http2-prior-knowledge
        base=http://127.0.0.1:${H2_PORT:-$PORT}/ai
    fi
    rm -f "$BATS_TEST_TMPDIR"/{body,head,curl}
    curl -sSN "$how" --max-time "$PATIENCE" -X "$2" ${4:+-H 'Content-Type: application/json' -d "$4"} \
        -o "$BATS_TEST_TMPDIR/body" -D "$BATS_TEST_TMPDIR/head" -w '%{http_code}' "$base$3" \
        >"$BATS_TEST_TMPDIR/status" 2>"$BATS_TEST_TMPDIR/curl" 3>&- &
    CLIENT=$!
}

# finish - sets SEEN to the word
finish() {
    local code=0 status
    wait "$CLIENT" || code=$?
    status=$(cat "$BATS_TEST_TMPDIR/status")
    refute grep -q '"code":"gateway_' "$BATS_TEST_TMPDIR/body" || return 1 # that is no upstream's fault
    case $code in
    0) ;;
    18 | 56 | 92) SEEN=broken && return ;;
    # mod_http2 leaves the client without a word, most times.
    28) [ "$SERVER $PROTOCOL" = 'apache-proxy 2' ] && SEEN=broken && return ;;
    esac
    [ "$code" -eq 0 ] || fail "curl ends with $code: $(cat "$BATS_TEST_TMPDIR/curl")" || return 1
    if [ "$status" != 200 ] || is_whole; then
        SEEN=error
    elif grep -q '"error"' "$BATS_TEST_TMPDIR/body"; then
        SEEN=event
    else
        SEEN=unseen
    fi
}

# A good answer, because postern asked another upstream, or a web server asked postern again.
is_whole() {
    grep -qE '"system_fingerprint":"|"upstream":"' "$BATS_TEST_TMPDIR/body" &&
        ! grep -q '^data: ' "$BATS_TEST_TMPDIR/body"
}

# cell PROTOCOL COLUMN - of the table
cell() {
    if [ -n "${CUTS:-}" ]; then
        cat "$CUTS/$SERVER.$1.$2"
        return
    fi
    awk -F' *[|] *' -v server="$SERVER" -v http="HTTP/$1" -v column="$2" '
        $2 == "server" { for (i = 3; i < NF; i++) name[$i] = i }
        $2 == server && $3 == http { print $(name[column]) }' "$TREE/doc/failures.md"
}

# agrees PROTOCOL COLUMN WORD - with the document; for script/cuts it makes the document
agrees() {
    echo "# cut: $SERVER, HTTP/$1, $2: $3" >&3
    if [ -n "${CUTS:-}" ]; then
        echo "$3" >"$CUTS/$SERVER.$1.$2"
        return
    fi
    [ "$(cell "$1" "$2")" = "$3" ] || fail "$SERVER, HTTP/$1, $2: $3, and not $(cell "$1" "$2")"
}

SPEECH='{"model":"tts-1","input":"hello","voice":"v"}'

# cut PROTOCOL STEP METHOD PATH [BODY] - with that fault everywhere; sets SEEN
cut() {
    local name protocol=$1 step=$2
    for name in primary fallback; do
        tell "$name" "$step"
    done
    begin "$protocol" "${@:3}"
    finish
}

# kill_postern - as the kernel does when memory ends
kill_postern() {
    local pid
    for pid in $(program_pids); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# killed PROTOCOL LIKE STEP METHOD PATH [BODY] - postern, when the client has a part of the answer; of
# one that is held, as the cell LIKE says, it has none. Sets SEEN.
killed() {
    local protocol=$1 like=$2 step=$3
    tell_next primary "[$step]"
    begin "$protocol" "${@:4}"
    await primary gate never 1
    [ "$(cell "$protocol" "$like")" = error ] ||
        wait_until "a part of the answer" test -s "$BATS_TEST_TMPDIR/body"
    kill_postern
    finish
    forget primary
    server_restart
    meet
}

# over_each COLUMN COMMAND… - the command, which sets SEEN, with each version of HTTP
over_each() {
    local column=$1 protocol failed=
    shift
    for protocol in 1.0 1.1 2; do
        "$1" "$protocol" "${@:2}" || return 1
        agrees "$protocol" "$column" "$SEEN" || failed=1
    done
    [ -z "$failed" ]
}

@test "sound without a length that is cut" {
    over_each 'no length' cut '{"mode":"cut_bytes"}' POST /v1/audio/speech "$SPEECH"
}

@test "a file without a length that is cut" {
    over_each 'no length' cut '{"mode":"cut_bytes"}' GET /v1/files/f/content
}

@test "sound that is cut, and shorter than its length" {
    over_each 'length' cut '{"mode":"cut_bytes","length":true,"size":2000000}' \
        POST /v1/audio/speech "$SPEECH"
}

@test "a file of JSON that is cut" {
    over_each 'no length' cut '{"mode":"cut_bytes","type":"application/json","begin":"[\"","size":2000000}' \
        GET /v1/files/f/content
}

@test "a JSON answer of 3 MB that is cut" {
    local begin='{\"choices\":[{\"index\":0,\"message\":{\"content\":\"'
    over_each JSON cut \
        "{\"mode\":\"cut_bytes\",\"type\":\"application/json\",\"begin\":\"$begin\",\"size\":3000000}" \
        POST /v1/chat/completions "$CHAT"
}

# wrong_at_the_end PROTOCOL TAIL - a JSON answer of 2 MB, whole, and no good answer
wrong_at_the_end() {
    local name
    for name in primary fallback; do
        head -c 2000000 /dev/zero | tr '\0' x |
            jq -Rc --arg tail "$2" '{mode: "ok",
                body: "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"\(.)\"}}]\($tail)"}' |
            control "$name" default -d @- >/dev/null
    done
    begin "$1" POST /v1/chat/completions "$CHAT"
    finish
    [ "$SEEN" = error ] || fail "HTTP/$1, $2: $SEEN"
}

@test "a JSON answer of 2 MB is judged by its end too" {
    local protocol
    for protocol in 1.0 1.1 2; do
        wrong_at_the_end "$protocol" ',"error":{"message":"m","type":"server_error"}}'
        wrong_at_the_end "$protocol" ',"choices":[{"index":0,"message":{"content":"b"}}]}'
    done
}

@test "a JSON answer of 3 MB that is cut is answered by the fallback" {
    tell primary '{"mode":"cut_bytes","type":"application/json","begin":"{\"choices\":[\"","size":3000000}'
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:malformed,fallback:200
}

@test "a stream that is cut" {
    over_each stream cut '{"mode":"close_mid_body","after":3}' POST /v1/chat/completions "$CHAT_STREAM"
}

@test "postern is killed while it sends an answer without a length" {
    over_each 'killed, no length' killed 'no length' '{"mode":"cut_bytes","gate":"never"}' \
        POST /v1/audio/speech "$SPEECH"
}

@test "postern is killed while it sends an answer with a length" {
    over_each 'killed, length' killed length '{"mode":"cut_bytes","length":true,"size":2000000,"gate":"never"}' \
        POST /v1/audio/speech "$SPEECH"
}

@test "postern is killed while it sends a stream" {
    over_each 'killed, stream' killed stream '{"mode":"ok","gate":"never"}' \
        POST /v1/chat/completions "$CHAT_STREAM"
}

@test "what is too long to be held goes out, and says where it is unprotected" {
    local protocol
    reconfigure "${ALWAYS[@]}" POSTERN_SPOOL_MAX=2MiB
    head -c 4000000 /dev/zero | tr '\0' x | jq -Rc '{mode: "ok", type: "audio/mpeg", body: .}' |
        control primary default -d @- >/dev/null
    for protocol in 1.0 1.1 2; do
        begin "$protocol" POST /v1/audio/speech "$SPEECH"
        finish
        [ "$(wc -c <"$BATS_TEST_TMPDIR/body")" -eq 4000000 ]
        case $(cell "$protocol" length) in
        error) grep -qi '^X-Postern-Unprotected: yes' "$BATS_TEST_TMPDIR/head" ;;
        broken) refute grep -qi '^X-Postern-Unprotected:' "$BATS_TEST_TMPDIR/head" ;;
        *) fail "no row" ;;
        esac
    done
    reconfigure "${ALWAYS[@]}"
}
