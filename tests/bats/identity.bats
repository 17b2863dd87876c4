#!/usr/bin/env bats
# Whom the web server says that a caller is, and whom postern believes. What each server passes is a
# table, printed at the end; it is measured with a program in postern's place.

load lib/all
load lib/identity

setup_file() {
    ground_make
    upstream_start primary
    upstream_start fallback
    gateway_env POSTERN_TRUST_LOOPBACK= POSTERN_ADMINS=anna
    make_users
    use_port "$(free_port)"
}

teardown_file() {
    sed 's/^/# /' "$GROUND/table" >&3
    ground_drop
}

setup() {
    forget primary fallback
}

teardown() {
    ground_tell
}

# row ARRANGEMENT SENT USER TYPE STATUS [CURL OPTION…] - what is passed and who gets in; "-": no such
# parameter, "refused": the web server itself refuses
row() {
    local arrangement=$1 sent=$2 user=$3 type=$4 status=$5
    shift 5
    ask GET "${ASK_PATH:-/v1/models}" "$@"
    if [ "$user" = refused ]; then
        expect_status 401
        refute grep -q ^REQUEST_METHOD= "$ANSWER/body"
    else
        expect_status 200
        [ "$(passed REMOTE_USER)" = "${user#-}" ] || fail "$sent: REMOTE_USER $(passed REMOTE_USER)"
        [ "$(passed AUTH_TYPE)" = "${type#-}" ] || fail "$sent: AUTH_TYPE $(passed AUTH_TYPE)"
    fi
    printf '%s|%s|%s\n' "$sent" "$status" "${*@Q}" >>"$BATS_TEST_TMPDIR/rows"
    printf '%-22s %-11s %-32s REMOTE_USER=%-8s AUTH_TYPE=%-7s %s\n' "$SERVER" "$arrangement" \
        "$sent" "$user" "$type" "$([ "$status" = 200 ] && echo 'gets in' || echo 'does not')" \
        >>"$GROUND/table"
}

# The same questions again, to postern.
postern_answers_so() {
    local sent status options
    local base=$BASE
    arrange "$1" "$PROGRAM"
    BASE=$base
    while IFS='|' read -r sent status options; do
        eval "ask GET ${ASK_PATH:-/v1/models} $options"
        expect_status "$status"
    done <"$BATS_TEST_TMPDIR/rows"
}

WRONG=(-u nobody:nothing)
FORGED=(-H 'Remote-User: anna' -H 'Remote_User: anna' -H 'Auth-Type: Basic' -H 'X-Remote-User: anna'
    -H 'HTTP-Remote-User: anna' -H 'Redirect-Remote-User: anna')

@test "nobody is asked: credentials that nobody verified, and forged names, are nobody's" {
    arrange none "$TREE/tests/upstream/params.py"
    row none nothing - - 403
    row none 'Basic nobody:nothing' - - 403 "${WRONG[@]}"
    row none 'Basic anna:wrong' - - 403 -u anna:wrong
    row none 'forged headers' - - 403 "${FORGED[@]}"
    postern_answers_so none
    expect_count primary 0
    ask GET /settings -u anna:wrong
    expect_error 403 not_operator
}

@test "who is asked by Basic is who he proves to be" {
    arrange basic "$TREE/tests/upstream/params.py"
    row basic nothing refused - 401
    row basic 'Basic anna:secret' anna Basic 200 -u anna:secret
    row basic 'Basic anna:wrong' refused - 401 -u anna:wrong
    row basic 'anna:secret, forged headers' anna Basic 200 -u anna:secret "${FORGED[@]}"
    postern_answers_so basic
    ask GET /settings -u anna:secret
    expect_status 200
}

@test "who is asked by Digest is who he proves to be" {
    arranges digest || skip "not with $SERVER"
    arrange digest "$TREE/tests/upstream/params.py"
    row digest 'Digest anna:secret' anna Digest 200 --digest -u anna:secret
    row digest 'Digest anna:wrong' refused - 401 --digest -u anna:wrong
    row digest 'Basic anna:secret' refused - 401 -u anna:secret
    postern_answers_so digest
}

@test "who need not be verified is not, under Apache" {
    arranges any && [[ $SERVER == apache* ]] || skip "not with $SERVER"
    arrange any "$TREE/tests/upstream/params.py"
    row any nothing - - 403
    row any 'Basic anna:wrong' - - 403 -u anna:wrong
    row any 'Basic anna:secret' - - 403 -u anna:secret
    postern_answers_so any
}

# The reason for the warning in doc/nginx.conf: no gateway can see this one.
@test "nginx's satisfy any says verified of anybody" {
    [ "$SERVER" = nginx ] || skip 'nginx alone'
    arrange any "$TREE/tests/upstream/params.py"
    row any 'Basic anna:wrong' anna Basic 200 -u anna:wrong
    grep -q 'never with .satisfy any.' "$TREE/doc/nginx.conf"
}

@test "credentials that the server makes up are nobody's" {
    arranges fake || skip "not with $SERVER"
    arrange fake "$TREE/tests/upstream/params.py"
    row fake nothing - - 403
    postern_answers_so fake
}

# The certificate's own word: nobody signed it whom the server knows.
@test "a name out of a certificate counts only when the server verified it" {
    arranges certificate || skip "not with $SERVER"
    local shown=(-k --cert "$GROUND/run/anna.crt" --key "$GROUND/run/anna.key")
    arrange certificate "$TREE/tests/upstream/params.py"
    BASE=https://127.0.0.1:$PORT/ai
    row certificate 'CN=anna, self-signed' anna ClientCert 403 "${shown[@]}"
    [ "$(passed SSL_CLIENT_VERIFY)" != SUCCESS ]
    postern_answers_so certificate
    ask GET /settings "${shown[@]}"
    expect_error 403 not_operator
    arrange verified-certificate "$TREE/tests/upstream/params.py"
    BASE=https://127.0.0.1:$PORT/ai
    : >"$BATS_TEST_TMPDIR/rows"
    row verified 'CN=anna, of a CA' anna ClientCert 200 "${shown[@]}"
    [ "$(passed SSL_CLIENT_VERIFY)" = SUCCESS ]
    postern_answers_so verified-certificate
}

@test "a name out of a forwarding header is nobody's" {
    arranges forwarded || skip "not with $SERVER"
    arrange forwarded "$TREE/tests/upstream/params.py"
    row forwarded 'Forwarded: …;remote_user=anna' - - 403 \
        -H 'Forwarded: for=192.0.2.7;remote_user=anna'
    postern_answers_so forwarded
}

@test "the name of who failed to prove it stays with the request that failed" {
    arranges error || skip "not with $SERVER"
    arrange error "$TREE/tests/upstream/params.py"
    BASE=http://127.0.0.1:$PORT
    ASK_PATH=/private/x
    row error 'Basic anna:wrong, refused' - - 404 -u anna:wrong
    [ "$(passed REDIRECT_REMOTE_USER)" = anna ]
    postern_answers_so error
    expect_count primary 0
}

@test "a name that nginx's fastcgi_params pass is nobody's unless the operator says so" {
    arranges include || skip "not with $SERVER"
    arrange include "$TREE/tests/upstream/params.py"
    row include nothing '' - 403
    row include 'Basic nobody:nothing' nobody - 403 "${WRONG[@]}"
    postern_answers_so include
    log_says 'access_denied .*reason=closed doubt=remote_user_unverified .*POSTERN_TRUST_REMOTE_USER'
    reconfigure POSTERN_TRUST_LOOPBACK= POSTERN_TRUST_REMOTE_USER=yes
    ask GET /v1/models "${WRONG[@]}"
    expect_status 200
}

@test "no user is believed where the operator wants none" {
    gateway_env POSTERN_TRUST_LOOPBACK= POSTERN_ADMINS=anna POSTERN_TRUST_REMOTE_USER=no
    arrange basic "$PROGRAM"
    ask GET /v1/models -u anna:secret
    expect_error 403 gateway_closed
    gateway_env POSTERN_TRUST_LOOPBACK= POSTERN_ADMINS=anna
}

@test "the browser of a user is not the user when another site moves it" {
    gateway_env POSTERN_TRUST_LOOPBACK= POSTERN_ADMINS=anna
    arrange basic "$PROGRAM"
    ask GET /v1/models -u anna:secret -H "Origin: http://127.0.0.1:$PORT" -H 'Sec-Fetch-Site: same-origin'
    expect_status 200
    local header
    for header in 'Origin: https://evil.example' 'Origin: null' 'Sec-Fetch-Site: cross-site' \
        'Sec-Fetch-Site: same-site' 'Referer: https://evil.example/' 'Content-Type: text/plain' \
        'Content-Type: application/x-www-form-urlencoded'; do
        ask GET /v1/models -u anna:secret -H "$header"
        [ "$STATUS" -eq 403 ] || fail "$header: status $STATUS"
        ask GET /settings -u anna:secret -H "$header"
        [[ $header == Content-Type* ]] || [ "$STATUS" -eq 403 ] || fail "/settings, $header: status $STATUS"
    done
    log_says 'doubt=foreign_page'
    expect_count primary 1
}

@test "what the server's configuration passes twice is refused, and the operator told" {
    arranges twice || skip "not with $SERVER"
    arrange twice "$TREE/tests/upstream/params.py"
    ask GET /v1/models
    [ "$(passed REMOTE_ADDR | wc -l)" -eq 2 ] || skip 'it does not'
    gateway_env POSTERN_TRUST_LOOPBACK= POSTERN_CLIENT_KEY=key-of-one
    arrange twice "$PROGRAM"
    ask GET /v1/models -H 'api-key: key-of-one'
    expect_error 503 gateway_misconfigured
    log_says 'reason=parameter_twice name=[A-Z_]+ hint='
    expect_count primary 0
}

# --- addresses

# address_row SENT ADDRESS STATUS [CURL OPTION…]
address_row() {
    local sent=$1 address=$2 status=$3
    shift 3
    ask GET /v1/models "$@"
    expect_status 200
    [ "$(passed REMOTE_ADDR)" = "$address" ] || fail "$sent: REMOTE_ADDR $(passed REMOTE_ADDR)"
    [ "$(passed SERVER_ADDR)" = 127.0.0.1 ]
    printf '%s|%s|%s\n' "$sent" "$status" "${*@Q}" >>"$BATS_TEST_TMPDIR/rows"
    printf '%-22s %-11s %-32s REMOTE_ADDR=%-10s its header: %-4s %s\n' "$SERVER" real-ip "$sent" \
        "$address" "$([ -n "$(passed HTTP_X_FORWARDED_FOR)" ] && echo passed || echo none)" \
        "$([ "$status" = 200 ] && echo 'gets in' || echo 'does not')" >>"$GROUND/table"
}

@test "a caller whom a module puts elsewhere is not this host" {
    gateway_env POSTERN_TRUST_LOOPBACK=yes
    arrange real-ip "$TREE/tests/upstream/params.py"
    address_row 'no header' 127.0.0.1 200
    address_row 'X-Forwarded-For: 192.0.2.7' 192.0.2.7 401 -H 'X-Forwarded-For: 192.0.2.7'
    postern_answers_so real-ip
}
