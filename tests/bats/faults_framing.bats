#!/usr/bin/env bats
# The fault matrix, framing and order: answers whose end two readers could find in two places, parts, framing
# without end, answers to what was not asked. Names begin with the row.

load lib/all
load lib/faults

# bats test_tags=subset
@test "U59 codings of the transfer that are folded, doubled, unknown" {
    local mode
    for mode in folded_coding gzip_chunked identity chunked_identity xchunked chunked_parameter \
        chunked_twice coding_and_blank coding_behind_cr http10_chunked; do
        bad_response "{\"mode\":\"$mode\"}"
    done
}

@test "U59 trailers that are framing, chunks that end otherwise than they must" {
    bad_response_json '{"mode":"length_in_trailer"}'
    bad_response_json '{"mode":"bare_lf_chunk"}'
}

# bats test_tags=subset
@test "U59 on an opaque path a cut body does not pass with its chunks as a whole one" {
    tell primary '{"mode":"folded_coding_cut"}'
    ask GET /v1/files/file-1/content
    expect_error 502 upstream_bad_response
    ! grep -q choices "$ANSWER/body"
}

# bats test_tags=subset
@test "U59 a fold at the beginning of a later answer harms nobody" {
    local n
    for n in 1 2 3; do
        tell primary '{"mode":"ok"}'
        chat
        expect_from primary
        bad_response '{"mode":"fold_first"}'
    done
    tell primary '{"mode":"ok"}'
    chat
    expect_from primary
}

# bats test_tags=subset
@test "U60 parts and differences that nobody asked for" {
    local mode
    for mode in part part_without_range part_as_whole difference content_of_204 content_of_205; do
        bad_response "{\"mode\":\"$mode\"}"
        ask GET /v1/files/file-1/content -H 'Range: bytes=0-9'
        expect_error 502 upstream_bad_response
    done
}

@test "U60 a client that asks for a part makes nobody ask the upstream for one" {
    ask GET /v1/files/file-1/content -H 'Range: bytes=0-9' -H 'x-ms-range: bytes=0-9'
    [[ $STATUS == 20[06] ]] # a web server may cut the whole by itself, and says so
    expect_count primary 1
    [ -z "$(header_asked primary Range)" ]
    [ -z "$(header_asked primary x-ms-range)" ]
}

@test "U61 framing without end" {
    local mode
    for mode in endless_extension endless_trailers endless_line_ends endless_blank_lines; do
        bad_response "{\"mode\":\"$mode\"}"
    done
}

# bats test_tags=subset
@test "U62 a second answer is never that of the next request" {
    local n
    tell fallback '{"mode":"ok"}'
    for n in 1 2 3 4; do
        tell primary '{"mode":"answer_twice"}'
        chat
        ! grep -q stray "$ANSWER/body" || fail "the stray answer was taken"
        tell primary '{"mode":"ok"}'
        chat
        expect_from primary
    done
}

@test "U62 nor is one that comes while nobody asks" {
    tell_next primary '{"mode":"answer_twice_late","gate":"more"}'
    chat
    expect_from primary
    await primary gate more 1
    # The next request is on its way to the same connection: what it hears there is older than it.
    control primary release/more -X POST >/dev/null
    tell primary '{"mode":"ok"}'
    local n
    for n in 1 2 3; do
        chat
        ! grep -q stray "$ANSWER/body" || fail "the stray answer was taken"
    done
}

# connections_of KEY - how many new ones a request with that key takes
connections_of() {
    local before
    before=$(control primary state | jq .connections)
    chat -H "Authorization: Bearer $1-key-of-a-client"
    expect_from primary
    echo $(($(control primary state | jq .connections) - before))
}

@test "U62 with pool_scope = client a warm connection serves one client alone" {
    [[ $SERVER != *cgi* ]] || skip 'a process that answers once keeps no connection'
    local keys=POSTERN_CLIENT_KEY=first-key-of-a-client,second-key-of-a-client
    with $keys
    connections_of first >/dev/null
    [ "$(connections_of second)" -eq 0 ]
    with $keys POSTERN_POOL_SCOPE=client
    connections_of first >/dev/null
    [ "$(connections_of second)" -eq 1 ]
    [ "$(connections_of first)" -eq 0 ]
    [ "$(connections_of second)" -eq 0 ]
    with
}
