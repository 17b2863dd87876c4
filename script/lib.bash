# shellcheck shell=bash disable=SC2034
# What bootstrap, serve and test share. Sourced; runs in the project's root.

BUILD_PACKAGES=(autoconf automake gcc libc6-dev libcurl4-openssl-dev libfcgi-dev libjson-c-dev
    libssl-dev make pkg-config zlib1g-dev)
SERVE_PACKAGES=(curl lighttpd python3)
TEST_PACKAGES=(apache2 bats ca-certificates clang-format-14 cppcheck jq libapache2-mod-fcgid libcmocka-dev
    nginx-light openssl procps shellcheck strace valgrind)

say() {
    printf '\033[1m%s\033[0m\n' "$*"
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The packages among the arguments that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

install_packages() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: configure names what is missing
    local missing sudo=
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            die "These Debian packages are missing; install them and come back:
  apt-get install $missing"
        fi
        sudo=sudo
    fi
    say "installing: $missing"
    # A server that the package would start has no business here.
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq \
        --no-install-recommends $missing >/dev/null
}

# build_in DIR [configure's arguments]: configures where that is new, and builds.
build_in() {
    local dir=$1
    shift
    if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
        say "autoreconf"
        autoreconf -fi
    fi
    mkdir -p "$dir"
    if [ ! -f "$dir/Makefile" ] || [ configure -nt "$dir/config.status" ] ||
        [ "$*" != "$(cat "$dir/.arguments" 2>/dev/null)" ]; then
        say "configure ($dir)"
        (cd "$dir" && ../configure --quiet "$@")
        # make does not see that objects were made with other arguments.
        [ "$*" = "$(cat "$dir/.arguments" 2>/dev/null)" ] || make -C "$dir" -s clean >/dev/null
        printf '%s' "$*" >"$dir/.arguments"
    fi
    say "make ($dir)"
    make -C "$dir" -s -j"$(nproc)" all >/dev/null
}
