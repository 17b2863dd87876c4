# upstream.bash - hostile upstreams (tests/upstream/hostile.py): starting them, telling them what to
# do, asking what they were asked. NAME is primary, fallback or any other word.

# upstream_start NAME [OPTION…] - exports NAME_PORT and NAME_CONTROL, the name in capitals
upstream_start() {
    local name=$1 ready=$GROUND/run/$1.ready
    shift
    rm -f "$ready"
    spawn "$name" python3 "$TREE/tests/upstream/hostile.py" --name "$name" --ready "$ready" "$@"
    wait_until "start of upstream $name" test -s "$ready"
    export "${name^^}_PORT=$(jq .port "$ready")" "${name^^}_CONTROL=$(jq .control "$ready")"
}

control() {
    local name=${1^^}_CONTROL path=$2
    shift 2
    curl -sS --fail-with-body --max-time 30 "http://127.0.0.1:${!name}/$path" "$@"
}

# tell NAME STEP - what it does from now on:  tell primary '{"mode":"status","status":503}'
tell() {
    control "$1" default -d "$2" >/dev/null
}

# tell_next NAME STEPS - what it does with the next requests, one step each
tell_next() {
    control "$1" script -d "$2" >/dev/null
}

forget() {
    local name
    for name; do
        control "$name" reset -X POST >/dev/null
    done
}

# asked NAME [JQ] - the requests that it received
asked() {
    control "$1" requests | jq -r "${2:-.}"
}

# header_asked NAME HEADER [NUMBER] - a header of a request it received; nothing when it had none
header_asked() {
    control "$1" requests | jq -r --arg name "${2,,}" --argjson number "${3:--1}" \
        '.[$number].headers[] | select(.[0] | ascii_downcase == $name) | .[1]'
}

count() {
    control "$1" state | jq .requests
}

expect_count() {
    local got
    got=$(count "$1")
    [ "$got" -eq "$2" ] || fail "$1 received $got requests, not $2"
}

# await NAME requests N | connections N | gate GATE N | closed NUMBER
await() {
    local name=$1 path=wait part
    shift
    for part; do
        path+=/$part
    done
    control "$name" "$path" >/dev/null || fail "$name: waited in vain for $path"
}

# release NAME GATE [N | all]
release() {
    local how=n=${3:-1}
    [ "$how" != n=all ] || how=all
    control "$1" "release/$2?$how" -X POST >/dev/null
}
