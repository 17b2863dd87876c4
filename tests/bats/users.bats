#!/usr/bin/env bats
# Whose processes may connect to the FastCGI socket (POSTERN_SOCKET_USERS), one that postern opened and
# one that a web server opened.

load lib/all
load lib/fcgi

setup_file() {
    stand_up
}

teardown_file() {
    ground_drop
}

setup() {
    [ "$(id -u)" -eq 0 ] || skip "it takes root to be two users"
    forget primary fallback
}

teardown() {
    ground_tell
}

# log lines of refused connections
refusals() {
    cat "$GROUND"/run/*.log | grep 'connection_refused reason=user' || :
}

# A socket that the mode opens to everybody.
open_socket() {
    server_stop
    rm -f "$GROUND"/run/*.log
    cp "$FCGICLIENT" "$GROUND/lib/fcgiclient"
    gateway_env "$@"
    spawn postern exec_clean "$GROUND/lib/postern.fcgi" --listen "$ADDRESS"
    wait_until "the gateway" is_ready
}

is_ready() {
    grep -q process_ready "$GROUND/run/postern.log"
}

# as_user UID - asks for the status page; its answer in $output
as_user() {
    run setpriv --reuid "$1" --regid "$1" --clear-groups "$GROUND/lib/fcgiclient" "$ADDRESS" begin \
        param=REQUEST_METHOD=GET param=REQUEST_URI=/status params end answer
}

@test "without a list everybody gets in whom the mode lets in" {
    ADDRESS=unix:$GROUND/run/own.socket,mode=0666
    open_socket
    ADDRESS=unix:$GROUND/run/own.socket
    as_user 1
    [[ $output = *OK ]]
}

@test "a user of the list gets in, another and an unknown one do not, and the log stays short" {
    local number
    ADDRESS=unix:$GROUND/run/own.socket,mode=0666
    open_socket POSTERN_SOCKET_USERS=www-data,4242
    ADDRESS=unix:$GROUND/run/own.socket
    as_user "$(id -u www-data)"
    [[ $output = *OK ]]
    as_user 4242
    [[ $output = *OK ]]
    for number in 1 0 65534 4243; do
        as_user "$number"
        [ "$status" -eq 3 ] && [ -z "$output" ]
    done
    for number in {1..100}; do as_user 1; done
    refusals | grep -q 'warn connection_refused reason=user uid='
    [ "$(refusals | wc -l)" -lt 100 ]
    as_user 4242
    [[ $output = *OK ]]
}

@test "the list holds for a reloaded configuration" {
    ADDRESS=unix:$GROUND/run/own.socket,mode=0666
    open_socket POSTERN_SOCKET_USERS=www-data
    ADDRESS=unix:$GROUND/run/own.socket
    as_user 1
    [ "$status" -eq 3 ]
    gateway_env POSTERN_SOCKET_USERS=www-data,1
    wait_until "user 1 gets in" gets_in 1
}

gets_in() {
    setpriv --reuid www-data --clear-groups "$GROUND/lib/fcgiclient" "$ADDRESS" begin \
        param=REQUEST_METHOD=GET param=REQUEST_URI=/status params end answer >/dev/null
    as_user "$1"
    [ "$status" -eq 0 ]
}

@test "over TCP nobody is known, so a list lets nobody in, and the log tells who may connect" {
    ADDRESS=127.0.0.1:$(free_port)
    open_socket
    grep -q 'warn socket_open_to_all' "$GROUND/run/postern.log"
    as_user 1
    [[ $output = *OK ]]
    server_stop
    open_socket POSTERN_SOCKET_USERS=www-data
    as_user "$(id -u www-data)"
    [ "$status" -eq 3 ]
    refusals | grep -q 'uid=-1'
}

@test "the web server that started the gateway is a user like another" {
    server_stop
    rm -f "$GROUND"/run/*.log
    gateway_env POSTERN_SOCKET_USERS="$RUN_USER"
    server_start
    chat
    expect_from primary
    server_stop
    gateway_env POSTERN_SOCKET_USERS=root
    server_start
    chat
    [ "$STATUS" -ge 500 ]
    expect_count primary 1
    server_stop
    gateway_env
    server_start
}

@test "a name that no user has is a mistake" {
    server_stop
    gateway_env POSTERN_SOCKET_USERS=www-data,no-such-user
    server_start
    chat
    expect_error 503 gateway_misconfigured
    server_stop
    gateway_env POSTERN_SOCKET_USERS=nobody
    server_start
    chat
    expect_error 503 gateway_misconfigured
}
