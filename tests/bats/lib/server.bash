# server.bash - one web server with the gateway below /ai, as SERVER says, with the configuration
# that is shipped. Everything is told to it by environment or include.

SERVERS=(lighttpd lighttpd-cgi apache-proxy apache-fcgid apache-cgid apache-htaccess
    apache-htaccess-fcgid nginx)
SERVER=${SERVER:-lighttpd}

# The upstream keys. No word that a log line needs may stand in them: fragments of keys are redacted.
PRIMARY_KEY=sk-1st-9f8e7d6c5b4a3210
FALLBACK_KEY=sk-2nd-0a1b2c3d4e5f6789
OPERATOR_KEY=pk-operator-5544332211

# gateway_env [NAME=VALUE…] - writes the .env file; NAME= alone leaves a variable out. Everybody gets in,
# unless POSTERN_TRUST_LOOPBACK is among them: who gets in is the subject of few suites.
gateway_env() {
    local -A values=(
        [PRIMARY_OPENAI_HOST]=http://127.0.0.1:${PRIMARY_PORT:-9}
        [PRIMARY_OPENAI_API_KEY]=$PRIMARY_KEY
        [FALLBACK_OPENAI_HOST]=http://127.0.0.1:${FALLBACK_PORT:-9}
        [FALLBACK_OPENAI_API_KEY]=$FALLBACK_KEY
        [POSTERN_OPEN]=yes
        [POSTERN_ADMIN_KEY]=$OPERATOR_KEY
        [POSTERN_STATE]=$GROUND/postern/state/test.state
    )
    local pair name file=$GROUND/postern/.env
    [[ " $*" != *" POSTERN_TRUST_LOOPBACK="* ]] || values[POSTERN_OPEN]=
    for pair; do
        values[${pair%%=*}]=${pair#*=}
    done
    for name in "${!values[@]}"; do
        [ -z "${values[$name]}" ] || printf '%s=%s\n' "$name" "${values[$name]}"
    done | sort >"$file.new"
    chmod 600 "$file.new"
    chown "$RUN_USER" "$file.new"
    mv "$file.new" "$file"
}

# reconfigure [NAME=VALUE…] - a new .env file for the running gateway; returns once it is in use
reconfigure() {
    local mark=version-$RANDOM-$RANDOM
    gateway_env APP_VERSION="$mark" "$@"
    wait_until "the new configuration is in use" gateway_version_is "$mark"
}

gateway_version_is() {
    [ "$(curl -s --max-time 5 -H "api-key: $OPERATOR_KEY" "$BASE/version")" = "$1" ]
}

# The environment of servers: nothing of ours but what is named here.
exec_clean() {
    exec_as_run_user env -i PATH="$PATH" LC_ALL=C PWD="$GROUND" \
        ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
        ${UBSAN_OPTIONS:+UBSAN_OPTIONS="$UBSAN_OPTIONS"} "$@"
}

start_lighttpd() {
    spawn web exec_clean SERVE_PORT="$PORT" SERVE_PROGRAM="$GROUND/lib/postern.fcgi" \
        SERVE_ENV="$GROUND/postern/.env" SERVE_SITE="$GROUND/site" SERVE_RUN="$GROUND/run" \
        lighttpd -D -f "$GROUND/conf/$1"
}

start_apache() {
    spawn web exec_clean apache2 -d "$GROUND" -f "$GROUND/conf/apache.conf" -D FOREGROUND \
        -C "Define PORT $PORT" -C "Define RUN $GROUND/run" -C "Define LIBEXEC $GROUND/lib" \
        -C "Define SITE $GROUND/site" -C "Define ENVFILE $GROUND/postern/.env" \
        -C "Define RUNAS $RUN_USER" "$@"
}

start_nginx() {
    local run=$GROUND/run
    cat >"$GROUND/conf/nginx-around.conf" <<END
daemon off; pid $run/nginx.pid; error_log $run/nginx-error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $run/body; proxy_temp_path $run/proxy; fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi; scgi_temp_path $run/scgi;
    upstream postern { server unix:$run/postern.socket; ${NGINX_UPSTREAM:-} }
    server { listen 127.0.0.1:$PORT; ${H2_PORT:+listen 127.0.0.1:$H2_PORT http2;} root $GROUND/site; include $GROUND/conf/nginx.conf; }
}
END
    spawn web exec_clean nginx -p "$GROUND" -e "$run/nginx-error.log" \
        -c "$GROUND/conf/nginx-around.conf"
}

# postern by itself, on the socket that mod_proxy_fcgi and nginx talk to
start_daemon() {
    rm -f "$GROUND/run/postern.socket"
    spawn postern exec_clean "$GROUND/lib/postern.fcgi" --listen "unix:$GROUND/run/postern.socket"
    wait_until "postern's socket" test -S "$GROUND/run/postern.socket"
}

# site/ai as doc/htaccess tells a shared host's customer to make it
make_htaccess() {
    mkdir -p "$GROUND/site/ai"
    cp "$TREE/doc/htaccess/$1/.htaccess" "$GROUND/site/ai/"
    printf '#!/bin/sh\nexec %s/lib/postern.fcgi\n' "$GROUND" >"$GROUND/site/ai/postern.$2"
    chmod 755 "$GROUND/site/ai/postern.$2"
    chown -R "$RUN_USER" "$GROUND/site/ai"
}

launch() {
    case $SERVER in
    lighttpd) start_lighttpd lighttpd.conf ;;
    lighttpd-cgi) start_lighttpd lighttpd-cgi.conf ;;
    apache-proxy) start_daemon && start_apache ;;
    apache-fcgid) start_apache -D fcgid ;;
    apache-cgid) start_apache -D cgid ;;
    apache-htaccess) make_htaccess cgi cgi && start_apache -D htaccess ;;
    apache-htaccess-fcgid) make_htaccess fcgid fcgi && start_apache -D htaccess ;;
    nginx) start_daemon && start_nginx ;;
    *) fail "SERVER=$SERVER is none of: ${SERVERS[*]}" ;;
    esac
}

# speak_http2 - before the server starts: it then answers HTTP/2, without TLS, at $H2_BASE
speak_http2() {
    case $SERVER in
    nginx) H2_PORT=$(free_port) ;; # a port of nginx 1.22 speaks either
    apache*) printf '%s\n' 'LoadModule http2_module ${MODULES}/mod_http2.so' 'Protocols h2c http/1.1' \
        >>"$GROUND/conf/apache.conf" ;;
    esac
    export H2_PORT
}

web_is_up() {
    # Whatever it answers, it listens. A dead one will not come up any more.
    curl -s -o /dev/null --max-time 5 "http://127.0.0.1:$PORT/index.html" && return 0
    ! has_ended "$(pid_of web)" || PATIENCE=0
    return 1
}

# The port is noted in a file, because what one test exports the next one does not see.
use_port() {
    PORT=$1
    BASE=http://127.0.0.1:$PORT/ai
    echo "$PORT" >"$GROUND/conf/port"
}

[ ! -e "${GROUND:-}/conf/port" ] || use_port "$(cat "$GROUND/conf/port")"

# A free port may be taken by somebody before the server has it: then another one.
server_start() {
    local try patience=$PATIENCE
    for try in 1 2 3; do
        { [ "$try" -eq 1 ] && [ -n "${PORT:-}" ]; } || use_port "$(free_port)"
        launch || return 1
        PATIENCE=$patience
        if wait_until "start of $SERVER on port $PORT (try $try)" web_is_up; then
            PATIENCE=$patience
            return 0
        fi
        PATIENCE=$patience
        server_stop
    done
    return 1
}

server_stop() {
    end web
    end postern
}

server_restart() {
    server_stop
    server_start
}

is_cgi() {
    case $SERVER in
    *cgi | apache-cgid | apache-htaccess) return 0 ;;
    *) return 1 ;;
    esac
}

# The same web server with a state file that knows nothing: fresh NAME=VALUE…
fresh_start() {
    server_stop
    rm -rf "$GROUND/postern/state"
    mkdir "$GROUND/postern/state"
    chown "$RUN_USER" "$GROUND/postern/state"
    gateway_env "$@"
    server_start
}

# setup_file of nearly every suite: two upstreams, the configuration, a server
stand_up() {
    ground_make
    upstream_start primary
    upstream_start fallback
    gateway_env "$@"
    server_start
}
