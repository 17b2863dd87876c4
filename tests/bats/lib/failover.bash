# failover.bash - the failover suite's upstreams, and playing one of its scenarios
# (tests/failover/play.py).

# As upstream_start, with the behaviours that only this suite needs.
failover_upstream_start() {
    local name=$1 ready=$GROUND/run/$1.ready
    spawn "$name" python3 "$TREE/tests/upstream/failover.py" --name "$name" --ready "$ready"
    wait_until "start of upstream $name" test -s "$ready"
    export "${name^^}_PORT=$(jq .port "$ready")" "${name^^}_CONTROL=$(jq .control "$ready")"
}

# The recommended profile and one retry. Every time is a tenth of what it would be in earnest: ten
# seconds to the first token, of silence and until an open breaker's next probe.
failover_stand_up() {
    ground_make
    failover_upstream_start primary
    failover_upstream_start fallback
    gateway_env CIRCUIT_PROFILE=llm POSTERN_RETRIES=1 FALLBACK_OPENAI_MODEL=spare-model \
        POSTERN_FIRST_TOKEN_TIMEOUT=1 POSTERN_IDLE_TIMEOUT=1 POSTERN_RESPONSE_TIMEOUT=1 \
        POSTERN_TOTAL_TIMEOUT=9 CIRCUIT_RETRY_TIMEOUT=1 CIRCUIT_BACKOFF=1
    server_start
    mkdir "$GROUND/card"
    export CTL RUN_USER CTL_ENV=$GROUND/postern/.env
}

# plays SCENARIO DELIVERY VERDICT
plays() {
    local verdict
    export BASE
    python3 "$TREE/tests/failover/play.py" "$1" "$2" "$GROUND/card/$1.$2.json" \
        >"$BATS_TEST_TMPDIR/$2" || fail "$1 could not be played"
    verdict=$(head -n 1 "$BATS_TEST_TMPDIR/$2")
    [ "$verdict" = "$3" ] && return 0
    cat "$BATS_TEST_TMPDIR/$2" >&2
    fail "$1, $2: $verdict, not $3"
}

# card score | write DOC | check DOC
card() {
    local order=$1
    shift
    python3 "$TREE/tests/failover/card.py" "$order" "$GROUND/card" "$@"
}
