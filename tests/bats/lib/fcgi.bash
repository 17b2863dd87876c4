# fcgi.bash - postern by itself on a socket, spoken to in raw FastCGI: for what a web server, which
# collects a request before it passes it on, would never send.

FCGICLIENT=$BUILD/tests/upstream/fcgiclient

# fcgi_start - takes the web server's place
fcgi_start() {
    [ -x "$FCGICLIENT" ] || skip "there is no $FCGICLIENT"
    server_stop
    start_daemon
}

# fcgi_ask METHOD PATH TYPE STEP… - sets STATUS, FCGI_CODE and $ANSWER/body; the steps are those of
# tests/upstream/fcgiclient after the parameters
fcgi_ask() {
    local method=$1 path=$2 type=$3 raw=$BATS_TEST_TMPDIR/raw
    shift 3
    ANSWER=$BATS_TEST_TMPDIR
    FCGI_CODE=0
    "$FCGICLIENT" "unix:$GROUND/run/postern.socket" begin "param=REQUEST_METHOD=$method" \
        "param=REQUEST_URI=/ai$path" param=SCRIPT_NAME=/ai "param=CONTENT_TYPE=$type" \
        param=REMOTE_ADDR=127.0.0.1 param=SERVER_ADDR=127.0.0.1 param=HTTP_HOST=localhost "$@" >"$raw" 2>"$ANSWER/curl" || FCGI_CODE=$?
    sed -n '1,/^\r$/p' "$raw" >"$ANSWER/head"
    sed '1,/^\r$/d' "$raw" >"$ANSWER/body"
    STATUS=$(sed -n 's/^Status: *\([0-9]*\).*/\1/Ip' "$ANSWER/head")
    [ -n "$STATUS" ] || STATUS=200
}
