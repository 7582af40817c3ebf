#!/usr/bin/env bash
# Builds the Worker into runtime-worker/build/ with the workspace's profile `worker`. Further arguments go to cargo.
#
# The tools are those that tests/setup/wasm-toolchain.sh and tests/setup/node.sh install, so that nothing is downloaded here.
#
# WORKER_CRATE builds another crate by the same means; WORKER_PREBUILT=1 keeps what is there, for wrangler runs that come after a build.
set -euo pipefail

if [ "${WORKER_PREBUILT:-}" = 1 ]; then exit 0; fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
crate=${WORKER_CRATE:-$here}
tools=$root/target/tools
if [ ! -f "$tools/wasm-env.sh" ]; then "$root/tests/setup/wasm-toolchain.sh" >&2; fi
"$root/tests/setup/node.sh" >&2
. "$tools/wasm-env.sh"
export PATH=$here/node_modules/.bin:$PATH
export ESBUILD_BIN=$here/node_modules/.bin/esbuild WASM_OPT_BIN=$here/node_modules/.bin/wasm-opt
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
exec "$tools/bin/worker-build" "$crate" --profile worker "$@"
