#!/usr/bin/env bash
# Installs what the numbers of hosts are compared with, from Debian's packages where it is missing: node_exporter and
# pidstat (of sysstat); with `bench` behind it netdata, too. None is started as a service. Quick when all is there.
#
# Exit codes: 0 all is there; 1 apt failed; 3 something is missing and may not be installed from here (the command to run
# is printed).
set -euo pipefail

PROGRAMS=(prometheus-node-exporter pidstat)
PACKAGES=(prometheus-node-exporter sysstat)
if [ "${1:-}" = bench ]; then
    PROGRAMS+=(netdata)
    PACKAGES+=(netdata)
fi

all_there() {
    local program
    for program in "${PROGRAMS[@]}"; do
        command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || return 1
    done
}

if all_there; then
    exit 0
fi

COMMAND="apt-get install --no-install-recommends ${PACKAGES[*]}"
if ! command -v apt-get >/dev/null; then
    echo "One of ${PROGRAMS[*]} is missing, and this machine has no apt to install it with: install them yourself." >&2
    exit 3
fi
if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n env)
else
    echo "One of ${PROGRAMS[*]} is missing, and only root may install it. Run:" >&2
    echo "    sudo $COMMAND" >&2
    exit 3
fi

# In runlevel 1 Debian's packages do not start the service that they bring.
APT=("${AS_ROOT[@]}" RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=30)
echo "installing: ${PACKAGES[*]}"
# What is known of the archive may be too old to fetch from: then ask it once and try again.
if ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
    if ! "${APT[@]}" update || ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
        echo "apt could not install ${PACKAGES[*]}: see its message above. To try by hand, as root: $COMMAND" >&2
        exit 1
    fi
fi
if ! all_there; then
    echo "apt reported success, but one of ${PROGRAMS[*]} is still missing" >&2
    exit 1
fi
