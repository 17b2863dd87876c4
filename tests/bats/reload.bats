#!/usr/bin/env bats
# The files change while requests are served: not one of them fails for it, and what the files say
# at last is what is done.

load lib/all
load lib/routes

teardown() {
    [ -z "${LOAD_PID:-}" ] || kill "$LOAD_PID" 2>/dev/null || true # it was not stopped yet
    ground_tell
}

# first NAME - a postern.json in which it is asked first
first() {
    local others
    others=$(printf '%s\n' north south east | grep -v "^$1\$" | sed 's/.*/"&"/' | paste -sd,)
    cat <<END
{ // $1 comes first
  "upstreams": { $(at north), $(at south), $(at east) },
  "routes": [ { "model": "*", "try": [ "$1", $others ] } ] }
END
}

# in_place FILE <TEXT - as an editor that keeps the file and its inode
in_place() {
    cat >"$GROUND/postern/$1"
}

load_start() {
    rm -f "$BATS_TEST_TMPDIR/stop"
    python3 "$TREE/tests/bats/lib/load.py" "$BASE" "$1" "$BATS_TEST_TMPDIR/stop" \
        >"$BATS_TEST_TMPDIR/load" 3>&- &
    LOAD_PID=$!
}

# The load ends; all of it was good, and each of those named has answered some.
load_stop() {
    local name
    touch "$BATS_TEST_TMPDIR/stop"
    wait "$LOAD_PID"
    LOAD_PID=
    cat "$BATS_TEST_TMPDIR/load"
    [ "$(jq '.bad | length' "$BATS_TEST_TMPDIR/load")" -eq 0 ]
    [ "$(jq .good "$BATS_TEST_TMPDIR/load")" -gt 100 ]
    for name; do
        jq -e --arg name "$name" '.by[$name] > 0' "$BATS_TEST_TMPDIR/load" >/dev/null
    done
}

is_answered_by() {
    ask_for gpt-4o
    [ "$(header X-Postern-Upstream)" = "$1" ]
}

in_use() {
    wait_until "$1 comes first" is_answered_by "$1"
}

refusals() {
    cat "$GROUND"/run/*.log | grep -c config_refused || true
}

has_refused_more_than() {
    ask_for gpt-4o
    [ "$(refusals)" -gt "$1" ]
}

# no_env VERSION [NAME=VALUE…] - an .env file without upstreams, which is seen by its version
no_env() {
    gateway_env PRIMARY_OPENAI_HOST= PRIMARY_OPENAI_API_KEY= FALLBACK_OPENAI_HOST= \
        FALLBACK_OPENAI_API_KEY= APP_VERSION="$@"
}

@test "postern.json and .env change under load, by rename and in place, once to a bad one" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    fresh_routes < <(first north)
    local env=$GROUND/postern/.env refused
    load_start 8
    in_use north

    first south | write_routes
    in_use south
    first east | in_place postern.json
    in_use east

    refused=$(refusals)
    first north | head -n 2 | in_place postern.json
    wait_until 'the bad file is refused' has_refused_more_than "$refused"
    is_answered_by east
    first south | in_place postern.json
    in_use south

    no_env renamed
    wait_until 'the .env file that was renamed' gateway_version_is renamed
    sed 's/=renamed$/=in-place/' "$env" >"$BATS_TEST_TMPDIR/env"
    in_place .env <"$BATS_TEST_TMPDIR/env"
    wait_until 'the .env file that was written in place' gateway_version_is in-place
    refused=$(refusals)
    echo POSTERN_THREADS=many >>"$env"
    wait_until 'the bad .env file is refused' has_refused_more_than "$refused"
    no_env mended
    wait_until 'the .env file that was mended' gateway_version_is mended

    first north | write_routes
    in_use north
    load_stop north south east
    # and that is all that is asked from here on
    forget north south east
    is_answered_by north
    expect_count south 0
    expect_count east 0
}

@test "a request that has begun ends as it began, with the configuration gone that it came by" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    fresh_routes < <(first north)
    tell_next north '{"mode":"ok","gate":"next"}'
    chat_open
    stream_expect one
    # north is not even there any more, and its key neither
    write_routes <<END
{ "upstreams": { $(at south) } }
END
    in_use south
    release north next all
    local word
    for word in two three four five; do
        stream_expect "$word"
    done
    stream_end
}

@test "a breaker stays open when the files change" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    fresh_routes CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=3600 < <(first north)
    tell_next north '{"mode":"status","status":500}'
    ask_for gpt-4o
    expect_attempts north:500,south:200
    no_env other CIRCUIT_FAILURE_THRESHOLD=1 CIRCUIT_RETRY_TIMEOUT=3600
    wait_until 'the other .env file' gateway_version_is other
    ask_for gpt-4o
    expect_attempts south:200
}

@test "an upstream's key changes without a restart, also where it is warm" {
    ! is_cgi || skip 'each CGI process reads the files anew'
    # shellcheck disable=SC2016 # it is postern that puts the value in
    local routes='{ "upstreams": { "north": { "url": "http://127.0.0.1:'$NORTH_PORT'", "key": "${THE_KEY}" } } }'
    fresh_routes THE_KEY=sk-old-00112233445566 <<<"$routes"
    ask_for gpt-4o
    [ "$(header_asked north authorization)" = 'Bearer sk-old-00112233445566' ]
    no_env other THE_KEY=sk-new-aabbccddeeff00
    wait_until 'the other .env file' gateway_version_is other
    ask_for gpt-4o
    [ "$(header_asked north authorization)" = 'Bearer sk-new-aabbccddeeff00' ]
    [ "$(control north state | jq .connections)" -eq 1 ]
}
