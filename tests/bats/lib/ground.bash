# ground.bash - the ground a test stands on: one private directory, free ports, processes ended by pid.
#
#   $GROUND/lib/postern.fcgi    the program under test (a copy: nothing of the tree is needed by others)
#   $GROUND/postern/.env        its configuration, found from the program's directory
#   $GROUND/postern/state/      its state file
#   $GROUND/site/               the document root
#   $GROUND/conf/               the shipped server configurations
#   $GROUND/run/                sockets, pids, logs
#
# POSTERN_FCGI names the program, POSTERNCTL the operator's tool; without them those of the build tree
# are taken: $BUILD, else the source tree, else its build/. Web servers refuse to work as root, so root runs them as www-data.

TREE=$(cd "${BATS_TEST_DIRNAME:?}/../.." && pwd)
[ -n "${BUILD:-}" ] || { [ -x "$TREE/src/postern.fcgi" ] && BUILD=$TREE; } || BUILD=$TREE/build
PROGRAM=$(realpath -m "${POSTERN_FCGI:-$BUILD/src/postern.fcgi}")
# shellcheck disable=SC2034 # for suites
CTL=$(realpath -m "${POSTERNCTL:-$BUILD/src/posternctl}")
RUN_USER=$(id -un)
[ "$(id -u)" -ne 0 ] || RUN_USER=${RUN_USER_FOR_ROOT:-www-data}

# Waiting is bounded, never measured: a slow machine makes a test slower, not red.
PATIENCE=${PATIENCE:-15}

fail() {
    echo "$*" >&2
    return 1
}

# Bash's errexit, and so bats, does not see the failure of a command behind "!".
refute() {
    ! "$@" || fail "it must not be so: $*"
}

# wait_until TEXT COMMAND… - runs the command again until it succeeds
wait_until() {
    local what=$1 deadline=$((SECONDS + PATIENCE))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || fail "waited in vain: $what" || return 1
        sleep 0.02
    done
}

# IN_NAMESPACE is a command that prepares a mount namespace for what is started in it (root alone).
# Takes the place of the shell that calls it, so that the pid spawn() knows is the command's own.
exec_as_run_user() {
    if [ -n "${IN_NAMESPACE:-}" ]; then
        local command=$IN_NAMESPACE
        # shellcheck disable=SC2016 # the inner shell expands
        IN_NAMESPACE='' exec unshare -m sh -c "$command"' && exec "$@"' sh \
            setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups "$@"
    elif [ "$RUN_USER" = "$(id -un)" ]; then
        exec "$@"
    else
        exec setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups "$@"
    fi
}

ground_make() {
    [ -x "$PROGRAM" ] || fail "no program at $PROGRAM; build it, or set POSTERN_FCGI" || return 1
    # Not below BATS's own directory: that is closed to the user who runs the servers.
    GROUND=$(mktemp -d "${TMPDIR:-/tmp}/postern-test.XXXXXX")
    export GROUND
    chmod 755 "$GROUND"
    mkdir "$GROUND"/{lib,postern,postern/state,site,conf,run,pid}
    chmod 700 "$GROUND/postern"
    cp "$PROGRAM" "$GROUND/lib/postern.fcgi"
    cp "$TREE"/{lighttpd.conf,apache.conf} "$TREE"/doc/{nginx.conf,lighttpd-cgi.conf} "$GROUND/conf/"
    echo 'a page of the site' >"$GROUND/site/index.html"
    chown -R "$RUN_USER" "$GROUND"/{lib,postern,site,run}
}

# Everything goes, also after a failure; KEEP=1 keeps the directory for a look at the logs.
ground_drop() {
    [ -n "${GROUND:-}" ] || return 0
    local name
    for name in web postern $(ls "$GROUND/pid" 2>/dev/null); do
        end "$name"
    done
    end_strays
    [ -n "${KEEP:-}" ] || rm -rf "$GROUND"
}

# Below the range that the kernel gives to outgoing connections: nobody takes it before it is used.
free_port() {
    python3 -c 'import random, socket
while True:
    port = random.randrange(15000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break'
}

# spawn NAME COMMAND… - in the background, its output in run/NAME.log. The command is a program, or a
# function that ends in exec.
spawn() {
    local name=$1
    shift
    # Bats waits for whoever holds one of its own descriptors.
    ("$@") </dev/null >>"$GROUND/run/$name.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    echo $! >"$GROUND/pid/$name"
}

pid_of() {
    cat "$GROUND/pid/$1"
}

has_ended() {
    local state
    # A zombie that its parent has not noticed yet has ended, too.
    { read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null || return 0
    [ "$state" = Z ]
}

end() {
    local pid
    pid=$(pid_of "$1" 2>/dev/null) || return 0
    rm -f "$GROUND/pid/$1"
    kill -TERM "$pid" 2>/dev/null || return 0
    wait_until "end of $1" has_ended "$pid" || kill -KILL "$pid"
}

# program_pids [PATH] - of the program under test, wherever it was put. By its command line: of a process that cannot be dumped
# the rest of /proc is root's to see.
program_pids() {
    local dir name program=${1:-$GROUND/lib/postern.fcgi}
    for dir in /proc/[0-9]*; do
        { IFS= read -r -d '' name <"$dir/cmdline"; } 2>/dev/null || continue
        [ "$name" != "$program" ] || basename "$dir"
    done
}

# What a killed web server left: programs that were started from our own copy.
end_strays() {
    local exe
    for exe in /proc/[0-9]*/exe; do
        case $(readlink "$exe" 2>/dev/null) in
        "$GROUND"/*) kill -KILL "$(basename "$(dirname "$exe")")" 2>/dev/null || true ;;
        esac
    done
}

# Shown by bats when a test fails.
ground_tell() {
    [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
    local log
    for log in "$GROUND"/run/*.log; do
        [ -s "$log" ] || continue
        echo "--- $(basename "$log")"
        tail -n 15 "$log"
    done
}

log_says() {
    cat "$GROUND"/run/*.log | grep -E -- "$1" >/dev/null
}
