#!/usr/bin/env bash
# Gives runtime-worker its node modules (wrangler, workerd, esbuild, wasm-opt and a Node that is new enough for them).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root/runtime-worker"
mark=node_modules/.portico-lock
command -v npm >/dev/null || { echo "node: npm is needed; any Node from 20 on brings it" >&2; exit 1; }
if ! cmp -s package-lock.json "$mark"; then
  mkdir -p "$root/target/tools"
  # The engine warning is about the Node outside; the one that runs the tools is among the modules.
  npm ci --loglevel=error >"$root/target/tools/npm.log" 2>&1 || { tail -20 "$root/target/tools/npm.log" >&2; exit 1; }
  cp package-lock.json "$mark"
fi
echo "node: $(node_modules/.bin/node --version), $(node_modules/.bin/workerd --version)"
