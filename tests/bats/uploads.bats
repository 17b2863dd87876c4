#!/usr/bin/env bats
# Large requests: what they cost in memory, and uploads that are too large, that do not say how long
# they are, or whose client dies.

load lib/all
load lib/routes
load lib/fcgi

setup_file() {
    routes_ground
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=600 POSTERN_MAX_UPLOAD=64MiB <<END
{ "upstreams": { $(at north), $(at south) },
  "routes": [ { "model": "renamed", "try": [ { "upstream": "north", "model": "other" } ] },
              { "model": "*", "try": [ "north", "south" ] } ] }
END
}

teardown_file() {
    ground_drop
}

setup() {
    forget north south
}

teardown() {
    ground_tell
}

MIB=1048576
FORM='multipart/form-data; boundary=b'

# peak_kib PID - the most memory that it ever had
peak_kib() {
    awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}

# A sanitizer's memory is not the program's.
has_plain_memory() {
    ! grep -q __asan_init "$GROUND/lib/postern.fcgi" || skip 'a sanitizer takes memory of its own'
    ! is_cgi || skip 'each request has a process of its own'
}

# grows_below MIB COMMAND… - the responder's peak over what it was after something small
grows_below() {
    server_restart # what was freed is given back late, and reused
    ask_for gpt-4o
    expect_status 200
    peak_grows_below "$@"
}

peak_grows_below() {
    local most=$1 pid before grown
    shift
    pid=$(program_pids)
    before=$(peak_kib "$pid")
    "$@"
    grown=$(($(peak_kib "$pid") - before))
    echo "it grew by $grown KiB"
    ((grown < most * 1024)) || fail "the responder grew by more than $most MiB"
}

upload() {
    ask POST /v1/files -H "Content-Type: $FORM" "$@"
}

# large_file MIB - of random bytes once, then more of the same
large_file() {
    LARGE=$BATS_TEST_TMPDIR/large
    head -c $MIB /dev/urandom >"$BATS_TEST_TMPDIR/part"
    local n
    for ((n = 0; n < $1; n++)); do
        cat "$BATS_TEST_TMPDIR/part"
    done >"$LARGE"
}

expect_whole_upload() {
    [ "$(asked north '.[-1].sha256')" = "$(sha256sum <"$LARGE" | cut -d' ' -f1)" ]
    [ "$(asked north '.[-1].length')" -eq "$(stat -c %s "$LARGE")" ]
}

# large_chat MODEL MIB
large_chat() {
    LARGE=$BATS_TEST_TMPDIR/chat
    {
        printf '{"model":"%s","messages":[{"role":"user","content":"' "$1"
        head -c $(($2 * MIB)) /dev/zero | tr '\0' a
        printf '"}]}'
    } >"$LARGE"
}

@test "an upload of 64 MiB passes through in constant memory" {
    has_plain_memory
    large_file 64
    grows_below 8 upload --data-binary "@$LARGE"
    expect_status 200
    expect_whole_upload
}

@test "a chat of 20 MiB costs its length, and little more" {
    has_plain_memory
    large_chat gpt-4o 20
    grows_below 28 json /v1/chat/completions --data-binary "@$LARGE"
    expect_from north
    expect_whole_upload
}

@test "a chat of 20 MiB whose model is replaced costs no more" {
    has_plain_memory
    large_chat renamed 20
    grows_below 28 json /v1/chat/completions --data-binary "@$LARGE"
    expect_from north
}

# --- how large it may be

@test "an upload of just POSTERN_MAX_UPLOAD passes, and one byte more is 413 that asks nobody" {
    LARGE=$BATS_TEST_TMPDIR/large
    truncate -s $((64 * MIB)) "$LARGE"
    upload --data-binary "@$LARGE"
    expect_status 200
    expect_whole_upload
    printf x >>"$LARGE"
    upload --data-binary "@$LARGE"
    expect_error 413 request_too_large
    expect_header X-Should-Retry false
    expect_count north 1
    expect_count south 0
    # not even begun
    wait_until 'the log line' log_says 'path="/v1/files".* status=413 upstream=- attempts=- '
}

@test "a chat that is larger than POSTERN_MAX_BODY is 413 that asks nobody" {
    large_chat gpt-4o 32
    json /v1/chat/completions --data-binary "@$LARGE"
    expect_error 413 request_too_large
    expect_count north 0
}

@test "an upload that a web server counted arrives whole, though its client sent it in chunks" {
    large_file 3
    upload -H 'Transfer-Encoding: chunked' --data-binary "@$LARGE"
    expect_status 200
    expect_whole_upload
}

# --- as it comes, in raw FastCGI

# A good call goes to north: its breaker opens with the first failure of its own.
expect_north_is_well() {
    fcgi_ask POST /v1/chat/completions application/json params "stdin=$CHAT" end answer
    expect_status 200
    [[ $(header X-Postern-Upstream) == north ]] || { show; fail 'north is blamed'; }
}

@test "a chat of 20 MiB that does not say how long it is costs its length, and little more" {
    has_plain_memory
    fcgi_start
    fcgi_ask POST /v1/chat/completions application/json params "stdin=$CHAT" end answer
    expect_status 200
    peak_grows_below 28 fcgi_ask POST /v1/chat/completions application/json params \
        'stdin={"model":"gpt-4o","messages":[{"role":"user","content":"' fill-stdin=$((20 * MIB)) \
        'stdin="}]}' end answer
    expect_status 200
    [ "$(asked north '.[-1].length')" -gt $((20 * MIB)) ]
}

@test "an upload without a length arrives whole, in chunks" {
    fcgi_start
    fcgi_ask POST /v1/files "$FORM" params fill-stdin=3000000 end answer
    expect_status 200
    [ "$(header_asked north transfer-encoding)" = chunked ]
    [ -z "$(header_asked north content-length)" ]
    [ "$(asked north '.[0].length')" -eq 3000000 ]
    [ "$(asked north '.[0].sha256')" = "$(head -c 3000000 /dev/zero | tr '\0' a | sha256sum | cut -d' ' -f1)" ]
}

@test "an upload without a length is cut off at POSTERN_MAX_UPLOAD, and nobody is blamed" {
    fcgi_start
    fcgi_ask POST /v1/files "$FORM" params fill-stdin=33000000 fill-stdin=33000000 \
        fill-stdin=33000000 end answer
    expect_error 413 request_too_large
    expect_count north 0 # it did not see the end of it
    expect_count south 0
    expect_north_is_well
}

@test "an upload that ends before its length is 400, and its upstream does not take it for whole" {
    fcgi_start
    fcgi_ask POST /v1/files "$FORM" param=CONTENT_LENGTH=3000000 params fill-stdin=2999999 end answer
    expect_error 400 request_cut
    expect_count north 0
    expect_north_is_well
    expect_count north 1
}

@test "a client that dies in the middle of an upload takes the upload with it, and nobody is blamed" {
    fcgi_start
    local length
    for length in param=CONTENT_LENGTH=3000000 param=X=none; do
        forget north
        fcgi_ask POST /v1/files "$FORM" "$length" params fill-stdin=2000000 close
        wait_until 'the end of the upload' log_says 'path="/v1/files".* status=499 '
        : >"$GROUND/run/postern.log"
        expect_count north 0
    done
    expect_north_is_well
    expect_count south 0
}

@test "an upload is sent once, to one upstream, though that fails and pinned = none" {
    fresh_routes POSTERN_PINNED=none CIRCUIT_FAILURE_THRESHOLD=off POSTERN_RETRIES=2 <<END
{ "upstreams": { $(at north), $(at south) } }
END
    fcgi_start
    tell north '{"mode":"status","status":500,"headers":[["retry-after-ms","1"]]}'
    fcgi_ask POST /v1/files "$FORM" params fill-stdin=1000000 end answer
    expect_status 500
    expect_attempts north:500
    tell north '{"mode":"close_without_answer"}'
    fcgi_ask POST /v1/files "$FORM" params fill-stdin=1000000 end answer
    expect_error 502 upstream_unreachable
    expect_count north 2
    expect_count south 0
    # a small one is kept, and may fall back
    fcgi_ask POST /v1/files "$FORM" param=CONTENT_LENGTH=10 params fill-stdin=10 end answer
    expect_status 200
    expect_header X-Postern-Upstream south
}
