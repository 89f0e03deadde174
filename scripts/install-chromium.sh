#!/usr/bin/env bash
# Installs what the browser tests need where it is missing: Debian's Chromium. Quick when it is there.
#
# Exit codes: 0 it is there; 1 apt failed; 3 it is missing and may not be installed from here (the command to run is
# printed).
set -euo pipefail

PACKAGES=(chromium fonts-liberation)

found() {
    [ -x /usr/bin/chromium ]
}

if found; then
    exit 0
fi

COMMAND="apt-get install --no-install-recommends ${PACKAGES[*]}"

if ! command -v apt-get >/dev/null; then
    echo "Chromium is missing, and this machine has no apt to install it with." >&2
    echo "Install it so that /usr/bin/chromium is there; then run this again." >&2
    exit 3
fi

if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n env)
else
    echo "Chromium is missing, and only root may install it. Run:" >&2
    echo "    sudo $COMMAND" >&2
    exit 3
fi

APT=("${AS_ROOT[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=30)
echo "installing: ${PACKAGES[*]}"
# What is known of the archive may be too old to fetch from: then ask it once and try again.
if ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
    if ! "${APT[@]}" update || ! "${APT[@]}" install --no-install-recommends "${PACKAGES[@]}"; then
        echo "apt could not install Chromium: see its message above. To try by hand, as root: $COMMAND" >&2
        exit 1
    fi
fi

if ! found; then
    echo "apt reported success, but there is no /usr/bin/chromium" >&2
    exit 1
fi
