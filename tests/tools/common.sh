# shellcheck shell=bash
# What the suite scripts share; ./test runs them with COUNTS, FAILURES and CARGO_TARGET_DIR set and progress on fd 3.
set -euo pipefail

: "${CARGO_TARGET_DIR:?run ./test SUITE instead}" "${COUNTS:?}" "${FAILURES:?}"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# Where `cargo build --workspace` leaves the library, the generators and the office.
built=$CARGO_TARGET_DIR/debug
export XUNCHENG_BIN=$built/xuncheng

# step TEXT: says what happens now, to whoever waits and to the log.
step() {
    echo "   $*" >&3
    echo "== $*"
}

# fail TEXT: ends the suite with a reason that ./test shows.
fail() {
    echo "   $*" >>"$FAILURES"
    echo "$*" >&2
    exit 1
}

# count PASSED FAILED IGNORED: what ./test adds up.
count() { echo "$1 $2 ${3:-0}" >"$COUNTS"; }

# sum: adds up the numbers on standard input.
sum() { awk '{ n += $1 } END { print n + 0 }'; }

missing_names=()
missing_packages=()

# need NAME PACKAGES CHECK...: notes that NAME has to be there, which CHECK finds out and Debian's PACKAGES bring. A package
# may name alternatives, "a|b", of which the first that this release has is taken.
need() {
    local name=$1 packages=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        missing_names+=("$name")
        # shellcheck disable=SC2206  # a list of words
        missing_packages+=($packages)
    fi
}

# install_needs: brings what `need` found missing, or ends the suite saying what to do.
install_needs() {
    [ ${#missing_names[@]} -gt 0 ] || return 0
    local names command package pick packages=()
    names=$(printf '%s, ' "${missing_names[@]}")
    names=${names%, }
    command="apt-get update && apt-get install -y ${missing_packages[*]//|*/}"
    if ! command -v apt-get >/dev/null; then
        fail "missing: $names. Install it with your system's package manager and run ./test again (Debian: $command)"
    elif [ "$(id -u)" != 0 ]; then
        fail "missing: $names. Run: sudo sh -c '$command' (or ./test as root, which does it)"
    fi
    step "installing $names"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    for package in "${missing_packages[@]}"; do
        pick=${package%%|*}
        for alternative in ${package//|/ }; do
            if apt-cache show "$alternative" >/dev/null 2>&1; then
                pick=$alternative
                break
            fi
        done
        packages+=("$pick")
    done
    apt-get install -y -q --no-install-recommends "${packages[@]}" ||
        fail "could not install $names; see the log, then run: $command"
    missing_names=()
    missing_packages=()
}

# need_rust: a C compiler, for SQLite and zstd, and cargo.
need_rust() {
    [ -z "${HOME:-}" ] || PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null ||
        fail "missing: Rust. Install rustup from https://rustup.rs; rust-toolchain.toml then brings the right version"
    need "a C compiler" "gcc libc6-dev" command -v cc
    install_needs
}

# cargo_locked SUBCOMMAND...: cargo; in CI the committed Cargo.lock has to fit.
cargo_locked() {
    local subcommand=$1
    shift
    local locked=()
    [ "${CI:-}" != true ] || locked=(--locked)
    cargo "$subcommand" "${locked[@]}" "$@"
}

# build_workspace: library, generators and office. Always the whole workspace: fewer packages would select other features of
# shared dependencies, and build them a second time.
build_workspace() {
    step "building the workspace"
    cargo_locked build --workspace
}

# ffi_library: the library that Kotlin and Swift load.
ffi_library() {
    local library
    for library in "$built"/libxuncheng_ffi.{so,dylib}; do
        [ ! -e "$library" ] || { echo "$library"; return; }
    done
    fail "cargo built no libxuncheng_ffi in $built"
}

# count_junit FILE...: counts JUnit reports, as Maven's surefire and SwiftPM write them.
count_junit() {
    local tests failures errors skipped
    attributes() { cat "$@" | tr '\n' ' ' | grep -o '<testsuite [^>]*>' || true; }
    number() { grep -o " $1=\"[0-9]*\"" <<<"$2" | tr -cd '0-9\n' | sum; }
    local suites
    suites=$(attributes "$@")
    tests=$(number tests "$suites")
    failures=$(number failures "$suites")
    errors=$(number errors "$suites")
    skipped=$(number skipped "$suites")
    count "$((tests - failures - errors - skipped))" "$((failures + errors))" "$skipped"
}

# node_tests FOLDER: the tests of a folder in JavaScript, counted; what they need comes by its committed package-lock.json.
node_tests() {
    step "npm ci"
    cd "$1"
    npm ci --no-audit --no-fund

    step "node --test"
    local output=$COUNTS.output status=0
    node --test --test-reporter=tap 2>&1 | tee "$output" || status=$?
    tally() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$output" | sum; }
    count "$(tally pass)" "$(($(tally fail) + $(tally cancelled)))" "$(($(tally skipped) + $(tally todo)))"
    rm -f "$output"
    exit "$status"
}
