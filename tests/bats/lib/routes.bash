# routes.bash - gateways with a postern.json of their own, whose upstreams are north, south and east.

# What happens around a suite that loads this and its tests, unless it says otherwise.
setup_file() {
    routes_ground
}

teardown_file() {
    ground_drop
}

setup() {
    forget north south east
}

teardown() {
    ground_tell
}

routes_ground() {
    local name
    ground_make
    for name in north south east; do
        upstream_start "$name"
    done
}

# No part of a name may stand in a key: fragments of keys are redacted in the log.
key_of() {
    local sum
    sum=$(sha256sum <<<"$1")
    echo "sk-${sum:0:24}"
}

# at NAME [MEMBERS [SERVER]] - a member of "upstreams"; SERVER is who answers, where NAME is no server
at() {
    local port=${3:-$1}
    port=${port^^}_PORT
    printf '"%s": { "url": "http://127.0.0.1:%s", "key": "%s"%s }' \
        "$1" "${!port}" "$(key_of "$1")" "${2:+, $2}"
}

# write_routes <JSON - postern.json, put in its place as a whole
write_routes() {
    local file=$GROUND/postern/postern.json
    cat >"$file.new"
    chmod 600 "$file.new"
    chown "$RUN_USER" "$file.new"
    mv "$file.new" "$file"
}

# fresh_routes [NAME=VALUE…] <JSON - the gateway with this postern.json, and with nothing remembered
fresh_routes() {
    write_routes
    fresh_start PRIMARY_OPENAI_HOST= PRIMARY_OPENAI_API_KEY= FALLBACK_OPENAI_HOST= \
        FALLBACK_OPENAI_API_KEY= "$@"
}

# operator ARGUMENT… - posternctl, as the user who runs the gateway
operator() {
    (exec_as_run_user "$CTL" --env "$GROUND/postern/.env" "$@") >"$BATS_TEST_TMPDIR/operator" 2>&1 ||
        fail "posternctl $*: $(cat "$BATS_TEST_TMPDIR/operator")"
}

# ask_for MODEL [CURL OPTION…] - a chat
ask_for() {
    local model=$1
    shift
    json /v1/chat/completions "$@" \
        -d "$(jq -cn --arg model "$model" '{$model, messages: [{role: "user", content: "hello"}]}')"
}

expect_attempts() {
    expect_header X-Postern-Attempts "$1"
}

# who_answers JQ - asks each chat {body, headers} that the jq program makes, all through one curl;
# prints who answered, one a line
who_answers() {
    jq -nr --arg url "$BASE/v1/chat/completions" "$1"' |
        "next", "url = \($url | tojson)", "header = \"Content-Type: application/json\"",
        (.headers // {} | to_entries[] | "header = \("\(.key): \(.value)" | tojson)"),
        "data = \(.body | tojson | tojson)", "output = /dev/null", "max-time = 60",
        "write-out = \"%header{x-postern-upstream}\\n\""' |
        tail -n +2 | curl -sS -K -
}
