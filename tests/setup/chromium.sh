#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests of pages, and prints where. CHROMIUM names another one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
log=$root/target/tools/chromium.log
mkdir -p "$root/target/tools"

if [ -n "${CHROMIUM:-}" ]; then
  command -v "$CHROMIUM" || { echo "chromium: CHROMIUM is $CHROMIUM, which is no program" >&2; exit 1; }
  exit 0
fi

find_chromium() {
  local candidate
  for candidate in "$(command -v chromium || true)" "$(command -v chromium-browser || true)" "$(command -v google-chrome || true)"; do
    if [ -x "$candidate" ]; then echo "$candidate"; return 0; fi
  done
  return 1
}

if ! find_chromium >/dev/null; then
  command -v apt-get >/dev/null || { echo "chromium: install it, or name one by CHROMIUM" >&2; exit 1; }
  superuser=()
  [ "$(id -u)" = 0 ] || superuser=(sudo)
  { "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium ||
    { "${superuser[@]}" apt-get update && "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; }; } \
    >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
fi
find_chromium || { echo "chromium: none was found" >&2; exit 1; }
