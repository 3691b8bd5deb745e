#!/bin/sh
# Installs the browser that tests/browser runs in, on a Debian machine.
set -eu
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium
/usr/bin/chromium --version
