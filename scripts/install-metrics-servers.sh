#!/usr/bin/env bash
# Installs what the tests of metrics and alerts need where it is missing: Debian's Prometheus (with promtool),
# Alertmanager and VictoriaMetrics. None is started as a service. Quick when everything is there.
#
# Exit codes: 0 all is there; 1 apt failed; 3 something is missing and may not be installed from here (the command to run
# is printed).
set -euo pipefail

PACKAGES=(prometheus prometheus-alertmanager victoria-metrics)

all_there() {
    command -v prometheus >/dev/null && command -v promtool >/dev/null && command -v victoria-metrics >/dev/null &&
        command -v prometheus-alertmanager >/dev/null
}

if all_there; then
    exit 0
fi

COMMAND="apt-get install --no-install-recommends ${PACKAGES[*]}"

if ! command -v apt-get >/dev/null; then
    echo "Prometheus, Alertmanager or VictoriaMetrics is missing, and this machine has no apt to install them with." >&2
    echo "Install them so that prometheus, promtool, prometheus-alertmanager and victoria-metrics are found; then run this again." >&2
    exit 3
fi

if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n env)
else
    echo "Prometheus, Alertmanager or VictoriaMetrics is missing, and only root may install them. Run:" >&2
    echo "    sudo $COMMAND" >&2
    exit 3
fi

# In runlevel 1 Debian's packages do not start the service that they bring.
APT=("${AS_ROOT[@]}" RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=30)
echo "installing: ${PACKAGES[*]}"
# What is known of the archive may be too old to fetch from: then ask it once and try again.
if ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
    if ! "${APT[@]}" update || ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
        echo "apt could not install Prometheus, Alertmanager and VictoriaMetrics: see its message above. To try by hand, as root: $COMMAND" >&2
        exit 1
    fi
fi

if ! all_there; then
    echo "apt reported success, but prometheus, promtool, prometheus-alertmanager or victoria-metrics is still missing" >&2
    exit 1
fi
