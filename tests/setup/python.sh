#!/usr/bin/env bash
# Gives the tests a Python environment of their own, with what tests/openapi/requirements.txt names, in target/tools/python.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
wanted=$root/tests/openapi/requirements.txt
folder=$root/target/tools/python
log=$root/target/tools/python.log
mkdir -p "$root/target/tools"

install() {
  command -v apt-get >/dev/null || { echo "python: install $*" >&2; exit 1; }
  local superuser=()
  [ "$(id -u)" = 0 ] || superuser=(sudo)
  { "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
    { "${superuser[@]}" apt-get update && "${superuser[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }; } \
    >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
}

if ! cmp -s "$wanted" "$folder/.portico-requirements"; then
  python3 -c 'import venv, ensurepip' 2>/dev/null || install python3 python3-venv
  # One environment for one list: nothing of another is left in it.
  rm -rf "$folder"
  { python3 -m venv "$folder" && "$folder/bin/pip" install --disable-pip-version-check --only-binary :all: -r "$wanted"; } >"$log" 2>&1 ||
    { tail -20 "$log" >&2; exit 1; }
  cp "$wanted" "$folder/.portico-requirements"
fi
echo "python: $("$folder/bin/python" --version), $("$folder/bin/st" --version)"
