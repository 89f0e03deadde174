#!/usr/bin/env bash
# Installs what the demo and the tests need of PostgreSQL where it is missing: Debian's server 15, contrib and HypoPG.
# It neither creates nor starts Debian's default cluster. Quick when everything is there.
#
# Exit codes: 0 all is there; 1 apt failed; 3 something is missing and may not be installed from here (the command to run
# is printed).
set -euo pipefail

VERSION=15
PACKAGES=("postgresql-$VERSION" postgresql-contrib "postgresql-$VERSION-hypopg")
CLUSTER_CONF=/etc/postgresql-common/createcluster.d/trimtab-demo.conf

server_found() {
    local version
    for version in 15 16 17; do
        if [ -x "/usr/lib/postgresql/$version/bin/initdb" ] && [ -x "/usr/lib/postgresql/$version/bin/postgres" ] &&
            [ -e "/usr/share/postgresql/$version/extension/hypopg.control" ] &&
            [ -e "/usr/share/postgresql/$version/extension/pg_stat_statements.control" ]; then
            return 0
        fi
    done
    return 1
}

all_there() {
    server_found && command -v psql >/dev/null
}

if all_there; then
    exit 0
fi

COMMAND="apt-get install --no-install-recommends ${PACKAGES[*]}"

if ! command -v apt-get >/dev/null; then
    echo "PostgreSQL $VERSION with contrib and HypoPG is missing, and this machine has no apt to install it with." >&2
    echo "Install PostgreSQL 15 or later with its contrib extensions and HypoPG (https://github.com/HypoPG/hypopg)," >&2
    echo "so that /usr/lib/postgresql/$VERSION/bin/initdb is there; then run this again." >&2
    exit 3
fi

if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n env)
else
    echo "PostgreSQL $VERSION with contrib and HypoPG is missing, and only root may install it. Run:" >&2
    echo "    sudo $COMMAND" >&2
    exit 3
fi

# Debian's package creates and starts a cluster called 'main' unless this says no. The line is taken away at the end.
restore() {
    "${AS_ROOT[@]}" rm -f "$CLUSTER_CONF"
    "${AS_ROOT[@]}" rmdir --ignore-fail-on-non-empty "$(dirname "$CLUSTER_CONF")" 2>/dev/null || true
}
trap restore EXIT
"${AS_ROOT[@]}" mkdir -p "$(dirname "$CLUSTER_CONF")"
echo "create_main_cluster = false" | "${AS_ROOT[@]}" tee "$CLUSTER_CONF" >/dev/null

APT=("${AS_ROOT[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=30)
echo "installing: ${PACKAGES[*]}"
# What is known of the archive may be too old to fetch from: then ask it once and try again.
if ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
    if ! "${APT[@]}" update || ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
        echo "apt could not install PostgreSQL: see its message above. To try by hand, as root: $COMMAND" >&2
        exit 1
    fi
fi

if ! all_there; then
    echo "apt reported success, but PostgreSQL with contrib and HypoPG is still not complete" >&2
    exit 1
fi
