#!/bin/sh
# Installs Mesa's software Vulkan driver (lavapipe) and the Vulkan loader on a Debian or Ubuntu machine.
# Debian 12 has Mesa 22, too old for WebGPU; its backports bring Mesa 25.
set -eu
. /etc/os-release
if [ "${VERSION_CODENAME:-}" = bookworm ]; then
  list=/etc/apt/sources.list.d/bookworm-backports.list
  # The mirror is the one this machine already uses for bookworm itself.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
  echo "deb $mirror bookworm-backports main" > "$list"
  release="-t bookworm-backports"
else
  release=""
fi
apt-get update -q
# shellcheck disable=SC2086 # $release is two words or none
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $release mesa-vulkan-drivers libvulkan1
ls /usr/share/vulkan/icd.d/lvp_icd*.json
