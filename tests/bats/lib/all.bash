# all.bash - what every suite loads.
# shellcheck source-path=SCRIPTDIR
LIB=$(dirname "${BASH_SOURCE[0]}")
source "$LIB/ground.bash"
source "$LIB/upstream.bash"
source "$LIB/server.bash"
source "$LIB/client.bash"
