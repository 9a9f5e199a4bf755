#!/bin/sh
# Collects what a part needs at run time from a built checkout: collect.sh <directory> <app>...
set -eu
out=$1
shift

# collect <part>: its manifest and its JavaScript, without types, maps and what only the compiler reads
collect() {
  mkdir -p "$out/$1"
  cp -R "$1/package.json" "$1/dist" "$out/$1/"
  find "$out/$1/dist" \( -name '*.d.ts' -o -name '*.map' -o -name '*.tsbuildinfo' \) -delete
}

for app; do collect "apps/$app"; done
for lib in libs/*; do
  # Parts that only tests use are not built.
  if [ -d "$lib/dist" ] && [ "$lib" != libs/testing ]; then collect "$lib"; fi
done
