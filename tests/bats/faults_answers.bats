#!/usr/bin/env bats
# The fault matrix, what was answered: for each way an upstream can fail, once with a healthy fallback and
# once with the same fault there, for an answer in JSON and for a stream. Names begin with the row.

load lib/all
load lib/faults

# --- broken HTTP

# bats test_tags=subset
@test "U18 two lengths, and one of 24 digits" {
    bad_response '{"mode":"two_lengths"}'
    bad_response '{"mode":"huge_length"}'
}

@test "U19 a negative length, and one that is no number" {
    bad_response '{"mode":"negative_length"}'
    bad_response '{"mode":"garbage_length"}'
}

@test "U20 a length and chunks" {
    bad_response '{"mode":"length_and_chunked"}'
}

@test "U21 chunk sizes that are none" {
    bad_response '{"mode":"bad_chunk_size"}'
    bad_response '{"mode":"long_chunk_size"}'
}

# bats test_tags=subset
@test "U22 a chunk that is cut, or no last one" {
    bad_response '{"mode":"cut_chunk"}'
    tell primary '{"mode":"cut_chunk","after":3}'
    chat_stream
    expect_cut_stream 'one two three' upstream_stream_interrupted
    forget fallback
    tell primary '{"mode":"no_last_chunk"}'
    chat
    expect_from fallback
    chat_stream
    expect_cut_stream 'one' upstream_stream_interrupted
}

@test "U23 a chunk extension of 100 KB" {
    taken_as_good '{"mode":"chunk_extension"}'
}

@test "U24 HTTP/1.0, ended by closing" {
    taken_as_good '{"mode":"http10"}'
}

# bats test_tags=subset
@test "U25 HTTP/1.0, cut" {
    bad_response '{"mode":"http10_cut"}'
}

@test "U26 no HTTP at all, and status lines that are none" {
    local mode
    for mode in garbage http09 http99 status_20 status_000; do
        bad_response "{\"mode\":\"$mode\"}"
    done
}

@test "U27 HTTP/2 in clear, 999, 101" {
    local mode
    for mode in http2_in_clear status_999 status_101; do
        bad_response "{\"mode\":\"$mode\"}"
    done
}

@test "U28 a header of 200 KB" {
    bad_response '{"mode":"big_header"}'
}

@test "U29 headers without an end, 103s without an end" {
    bad_response '{"mode":"endless_headers"}'
    bad_response '{"mode":"endless_103"}'
}

@test "U30 100 and 103 before the answer" {
    taken_as_good '{"mode":"interim"}'
    expect_no_header Link
    expect_no_header X-Interim
}

@test "U31 a NUL in a header, a header without a colon" {
    bad_response '{"mode":"nul_in_header"}'
    bad_response '{"mode":"no_colon"}'
}

@test "U32 a folded header, bare line feeds" {
    taken_as_good '{"mode":"folded_header"}'
    expect_no_header X-Folded
    taken_as_good '{"mode":"bare_lf"}'
}

# --- size

# bats test_tags=subset
@test "U37 a JSON answer without an end is one error, in time" {
    with POSTERN_TOTAL_TIMEOUT=2
    tell primary '{"mode":"endless_json"}'
    chat
    expect_error 504 upstream_timeout
    with
}

@test "U37 a JSON answer beyond the maximum is a failure" {
    with POSTERN_SPOOL_MAX=2MiB
    tell primary '{"mode":"endless_json"}'
    chat
    expect_from fallback
    expect_header X-Postern-Attempts primary:malformed,fallback:200
    tell fallback '{"mode":"endless_json"}'
    chat
    expect_error 502 upstream_response_too_large
    with
}

@test "U38 a stream without an end ends in an error event in time" {
    with POSTERN_TOTAL_TIMEOUT=2
    tell primary '{"mode":"endless_stream"}'
    chat_stream
    expect_status 200
    [ "$(data_events | tail -n 1 | jq -r .error.code)" = upstream_timeout ]
    refute grep -q '\[DONE\]' "$ANSWER/body"
    with
}

@test "U38 a line without an end" {
    bad_response_stream '{"mode":"endless_line"}'
    tell primary '{"mode":"endless_line","after":2}'
    chat_stream
    expect_status 200
    # The flood itself did not reach the client.
    [ "$(wc -c <"$ANSWER/body")" -lt 4000000 ]
    refute grep -q '\[DONE\]' "$ANSWER/body"
}

@test "an answer of 3 MB comes whole" {
    tell primary '{"mode":"long_json","size":3000000}'
    chat
    expect_from primary
    jq -e . "$ANSWER/body" >/dev/null
}

# --- statuses

@test "U39 204, 304 and an empty 200 to a question" {
    local mode
    for mode in empty_204 not_modified empty_200; do
        bad_response "{\"mode\":\"$mode\"}"
    done
}

# bats test_tags=subset
@test "U40 a redirect" {
    answered_by_fallback '{"mode":"redirect"}'
    fails_alone '{"mode":"redirect"}' 502 upstream_redirect
    expect_no_header Location
}

# bats test_tags=subset
@test "U41 our key is refused" {
    answered_by_fallback '{"mode":"unauthorized"}'
    fails_alone '{"mode":"unauthorized"}' 502 upstream_auth_failed
    fails_alone '{"mode":"unauthorized","status":403}' 502 upstream_auth_failed
    refute grep -qE "$PRIMARY_KEY|$FALLBACK_KEY" "$ANSWER/body"
}

@test "U42 no money" {
    local status
    for status in 402 429; do
        answered_by_fallback "{\"mode\":\"no_money\",\"status\":$status}"
        tell fallback "{\"mode\":\"no_money\",\"status\":$status}"
        chat
        expect_status "$status"
        expect_json .error.code insufficient_quota
    done
}

@test "U43 429 with a wait" {
    answered_by_fallback '{"mode":"limited","retry_after":"5"}'
    tell fallback '{"mode":"limited","retry_after":"7"}'
    chat
    expect_status 429
    expect_header Retry-After 7
}

@test "U44 waits that make no sense do no harm" {
    with CIRCUIT_PROFILE=llm CIRCUIT_RETRY_AFTER_MAX=1
    local wait
    for wait in 0 -5 1.5 12abc 99999999999999999999 'Thu, 01 Jan 1970 00:00:00 GMT' \
        'Fri, 01 Jan 2099 00:00:00 GMT' 'Fri, 31 Dec 9999 23:59:59 GMT' \
        'Sun Nov  6 08:49:37 1994' garbage ''; do
        tell primary "$(jq -n --arg wait "$wait" '{mode: "limited", retry_after: $wait}')"
        chat
        expect_from fallback
    done
    tell primary '{"mode":"limited","retry_after":["5","6"]}'
    chat
    expect_from fallback
    # No wait may outlast the configured second.
    tell primary '{"mode":"ok"}'
    wait_until "the primary is asked again" primary_answers
    with
}

primary_answers() {
    chat
    grep -q '"system_fingerprint":"primary"' "$ANSWER/body"
}

# bats test_tags=subset
@test "U45 an upstream's own failure" {
    local status
    for status in 500 502 503 504 520 529; do
        answered_by_fallback "{\"mode\":\"status\",\"status\":$status}"
        tell fallback "{\"mode\":\"status\",\"status\":$status}"
        chat
        expect_status "$status"
        expect_json .error.message "fallback says $status"
    done
}

@test "U45 an upstream's failure in HTML is wrapped" {
    tell primary '{"mode":"status","status":503}'
    tell fallback '{"mode":"status","status":503,"type":"text/html","body":"<h1>Service Unavailable</h1>"}'
    chat
    expect_error 503 upstream_error
}

@test "U46 the client's own mistake" {
    local status
    for status in 400 404 409 422; do
        tell primary "{\"mode\":\"status\",\"status\":$status}"
        chat
        expect_status "$status"
        expect_json .error.message "primary says $status"
        chat_stream
        expect_status "$status"
    done
    expect_count fallback 0
}

# bats test_tags=subset
@test "U47 an error inside a 200" {
    answered_by_fallback '{"mode":"error_in_200"}'
    tell fallback '{"mode":"error_in_200"}'
    chat
    [ "$STATUS" -ge 500 ]
    expect_json '.error | has("message")' true
}

@test "U47 an answer without a choice" {
    answered_by_fallback '{"mode":"no_choices"}'
}

@test "U48 a page of HTML" {
    bad_response '{"mode":"html"}'
    bad_response '{"mode":"html_as_json"}'
}

# --- streams

@test "U49 JSON for a stream, and a stream for JSON" {
    bad_response_stream '{"mode":"json_for_stream"}'
    bad_response_json '{"mode":"stream_for_json"}'
}

# bats test_tags=subset
@test "U50 an error as the first event" {
    bad_response_stream '{"mode":"error_first_event"}'
    tell fallback '{"mode":"error_first_event"}'
    chat_stream
    [ "$STATUS" -ge 500 ]
    expect_json '.error | has("message")' true
}

@test "U51 an error in the middle of a stream" {
    tell primary '{"mode":"error_mid_stream"}'
    chat_stream
    [ "$(data_events | tail -n 1 | jq -r .error.message)" = 'the model fell over' ]
    expect_words 'one two'
    refute grep -q '\[DONE\]' "$ANSWER/body"
}

# bats test_tags=subset
@test "U52 an end without a finish" {
    tell primary '{"mode":"unfinished"}'
    chat_stream
    expect_cut_stream 'one two three' upstream_stream_interrupted
}

@test "U53 U54 odd bytes and odd splits" {
    local mode
    for mode in odd_bytes byte_by_byte; do
        tell primary "{\"mode\":\"$mode\"}"
        chat_stream
        expect_from primary
        cmp "$ANSWER/body" <(curl -sSN "http://127.0.0.1:$PRIMARY_PORT/v1/chat/completions" \
            -H 'Content-Type: application/json' -d "$CHAT_STREAM")
    done
    expect_count fallback 0
}

# --- codings

@test "U55 a coding that nobody asked for" {
    local mode
    for mode in unasked_gzip unasked_br; do
        tell primary "{\"mode\":\"$mode\"}"
        chat -H 'Accept-Encoding:'
        expect_from fallback
    done
    tell fallback '{"mode":"unasked_gzip"}'
    chat -H 'Accept-Encoding:'
    expect_error 502 upstream_bad_response
}

@test "U56 gzip that is cut" {
    tell primary '{"mode":"cut_gzip"}'
    chat -H 'Accept-Encoding: gzip'
    expect_from fallback
    chat_stream -H 'Accept-Encoding: gzip'
    expect_whole_stream fallback
}

@test "U56 a gzip bomb costs neither memory nor the truth" {
    with POSTERN_TOTAL_TIMEOUT=5
    tell primary '{"mode":"gzip_bomb"}'
    chat -H 'Accept-Encoding: gzip'
    [ "$CURL_CODE" -ne 0 ] || ! jq -e . "$ANSWER/body"
    local pid most=100000
    ! grep -q __asan_init "$GROUND/lib/postern.fcgi" || most=1000000 # a sanitizer keeps what was freed
    for pid in $(responders); do
        [ "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")" -lt "$most" ]
    done
    with
}

responders() {
    local exe
    for exe in /proc/[0-9]*/exe; do
        [ "$(readlink "$exe")" != "$GROUND/lib/postern.fcgi" ] || basename "$(dirname "$exe")"
    done
}

@test "U57 a 413 while we still upload" {
    tell primary '{"mode":"early_413"}'
    tell fallback '{"mode":"early_413"}'
    { printf '{"model":"gpt-4o","messages":["'; head -c 5000000 /dev/zero | tr '\0' x; printf '"]}'; } \
        >"$BATS_TEST_TMPDIR/big"
    json /v1/chat/completions --data-binary "@$BATS_TEST_TMPDIR/big"
    expect_status 413
    expect_json .error.message 'too large'
}

@test "U58 headers that steer a web server" {
    tell primary '{"mode":"cgi_headers"}'
    chat
    expect_from primary
    local name
    for name in Location X-Sendfile X-LIGHTTPD-send-file Set-Cookie Status; do
        expect_no_header "$name"
    done
}
