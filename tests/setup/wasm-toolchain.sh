#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` work and installs the two tools that turn its output into a Worker.
#
# Prints one line that names the toolchain, and leaves the same as shell assignments in target/tools/wasm-env.sh for
# runtime-worker/build.sh. WASM_TOOLCHAIN=rustup|debian picks one way; by default rustup is asked first.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$root/target/tools
target=wasm32-unknown-unknown
worker_build_version=0.8.7
wanted=${WASM_TOOLCHAIN:-auto}
mkdir -p "$tools"
cd "$root"

has_rustup_target() {
  command -v rustup >/dev/null && [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]
}

add_rustup_target() {
  command -v rustup >/dev/null || return 1
  has_rustup_target && return 0
  # Where downloads are blocked rustup retries for minutes; a target of 20 MB needs seconds.
  timeout 120 rustup target add "$target" >"$tools/rustup.log" 2>&1 && has_rustup_target
}

# Debian ships a compiler with the source of std, but no std for this target: it is built once, into a system root of our own.
make_debian_toolchain() {
  local home=$tools/debian-toolchain
  [ -f "$home/complete" ] && return 0
  command -v apt-get >/dev/null || { echo "wasm-toolchain: neither rustup's nor Debian's toolchain can be had here" >&2; return 1; }
  if ! dpkg -s rustc-web cargo-web rust-web-src lld-22 >/dev/null 2>&1; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src lld-22 \
      >"$tools/apt.log" 2>&1
  fi
  rm -rf "$home"
  mkdir -p "$home/bin" "$home/sysroot/lib/rustlib/$target/lib" "$home/seed/src"
  ln -s /usr/lib/rustlib/x86_64-unknown-linux-gnu "$home/sysroot/lib/rustlib/"
  ln -s /usr/bin/cargo "$home/bin/cargo"
  printf '[package]\nname = "seed"\nversion = "0.1.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n[workspace]\n' \
    >"$home/seed/Cargo.toml"
  : >"$home/seed/src/lib.rs"
  # Link-time optimisation reads bitcode, so std has to carry it.
  (cd "$home/seed" && RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR=$home/seed/target \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-22 \
    /usr/bin/cargo build --release --target "$target" -Z build-std=std,panic_abort >"$tools/std.log" 2>&1) ||
    { tail -20 "$tools/std.log" >&2; return 1; }
  cp "$home/seed/target/$target/release/deps/"*.rlib "$home/sysroot/lib/rustlib/$target/lib/"
  rm -rf "$home/seed"
  printf '#!/bin/sh\nexec /usr/bin/rustc --sysroot "%s" "$@"\n' "$home/sysroot" >"$home/bin/rustc"
  chmod +x "$home/bin/rustc"
  touch "$home/complete"
}

write_environment() {
  {
    printf 'export WASM_BINDGEN_BIN=%q\n' "$tools/bin/wasm-bindgen"
    if [ "$1" = debian ]; then
      printf 'export PATH=%q:"$PATH"\n' "$tools/debian-toolchain/bin"
      printf 'export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-22\n'
    fi
  } >"$tools/wasm-env.sh"
}

# The command-line tool must be of the very version that the crate in the lock has.
install_tools() {
  local version
  version=$(grep -A1 '^name = "wasm-bindgen"$' Cargo.lock | sed -n 's/^version = "\(.*\)"$/\1/p')
  if [ "$("$tools/bin/worker-build" --version 2>/dev/null || true)" != "$worker_build_version" ]; then
    cargo install --quiet --root "$tools" --version "$worker_build_version" --locked worker-build 2>"$tools/install.log" ||
      { tail -20 "$tools/install.log" >&2; return 1; }
  fi
  if [ "$("$tools/bin/wasm-bindgen" --version 2>/dev/null || true)" != "wasm-bindgen $version" ]; then
    cargo install --quiet --root "$tools" --version "$version" wasm-bindgen-cli 2>"$tools/install.log" ||
      { tail -20 "$tools/install.log" >&2; return 1; }
  fi
  echo "$version"
}

case $wanted in
auto) if add_rustup_target; then kind=rustup; else make_debian_toolchain; kind=debian; fi ;;
rustup) add_rustup_target; kind=rustup ;;
debian) make_debian_toolchain; kind=debian ;;
*) echo "wasm-toolchain: WASM_TOOLCHAIN is rustup or debian, not '$wanted'" >&2; exit 2 ;;
esac
bindgen=$(install_tools)
write_environment "$kind"
echo "wasm-toolchain: $kind toolchain for $target, worker-build $worker_build_version, wasm-bindgen $bindgen"
