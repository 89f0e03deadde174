#!/usr/bin/env bash
# Installs from Debian's packages what tests and benchmarks are compared with, where it is missing. None is started as a
# service. Quick when everything is there. Which, as arguments:
#
#   metrics   Prometheus with promtool, Alertmanager, VictoriaMetrics
#   host      node_exporter, and pidstat (of sysstat)
#   netdata   netdata, for `make bench-host`
#
# Exit codes: 0 all is there; 1 apt failed; 2 wrong use; 3 something is missing and may not be installed from here (the
# command to run is printed).
set -euo pipefail

PROGRAMS=()
PACKAGES=()
for group in "$@"; do
    case "$group" in
    metrics)
        PROGRAMS+=(prometheus promtool prometheus-alertmanager victoria-metrics)
        PACKAGES+=(prometheus prometheus-alertmanager victoria-metrics)
        ;;
    host)
        PROGRAMS+=(prometheus-node-exporter pidstat)
        PACKAGES+=(prometheus-node-exporter sysstat)
        ;;
    netdata)
        PROGRAMS+=(netdata)
        PACKAGES+=(netdata)
        ;;
    *)
        echo "$0: there is no group '$group' (metrics, host, netdata)" >&2
        exit 2
        ;;
    esac
done
if [ "${#PROGRAMS[@]}" -eq 0 ]; then
    echo "$0: say which: metrics, host, netdata" >&2
    exit 2
fi

missing() {
    local program
    for program in "${PROGRAMS[@]}"; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || printf '%s ' "$program"
    done
}

LACKS=$(missing)
if [ -z "$LACKS" ]; then
    exit 0
fi

COMMAND="apt-get install --no-install-recommends ${PACKAGES[*]}"
if ! command -v apt-get >/dev/null; then
    echo "Missing: $LACKS. This machine has no apt to install them with: install them so that they are found." >&2
    exit 3
fi
if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n env)
else
    echo "Missing: $LACKS. Only root may install them. Run:" >&2
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
LACKS=$(missing)
if [ -n "$LACKS" ]; then
    echo "apt reported success, but these are still missing: $LACKS" >&2
    exit 1
fi
