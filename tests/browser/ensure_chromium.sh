#!/bin/sh
# Makes sure that the browser tests find a chromium. It installs Debian's where it may; where it may not, it says so in
# one line and the tests are skipped. It never fails the build.
set -u

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    if apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1 &&
        apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1; then
        exit 0
    fi
fi

echo "*** BROWSER TESTS WILL BE SKIPPED: no chromium found. Get it with: sudo apt-get install chromium (or set ECGR1_CHROMIUM to its path) ***" >&2
exit 0
