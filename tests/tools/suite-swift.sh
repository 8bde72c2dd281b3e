#!/usr/bin/env bash
# The Swift package over freshly generated bindings, against the real core and a real office. Swift comes from PATH if there
# is a Swift 6, else from a Debian 13 chroot, which needs root.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

swift_6() { swift --version 2>/dev/null | grep -q 'Swift version [6-9]'; }

need_rust
if swift_6; then
    swift=(swift)
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    step "Swift from a Debian 13 chroot (made once: one to two minutes)"
    swift=(tests/tools/swift-chroot.sh run swift)
    tests/tools/swift-chroot.sh setup || fail "the Swift chroot could not be made; see the log"
    export XUNCHENG_SWIFT_BIND=$CARGO_TARGET_DIR
    [ ! -d "${XUNCHENG_PHOTOS:-}" ] || XUNCHENG_SWIFT_BIND+=:$(cd "$XUNCHENG_PHOTOS" && pwd)
else
    fail "missing: Swift 6. Install it from https://www.swift.org/install, or run ./test as root on Debian or Ubuntu, which" \
        "makes a chroot with it"
fi
build_workspace

step "generating Swift"
library=$(ffi_library)
rm -rf ios/generated
"$built/uniffi-bindgen-swift" --swift-sources "$library" ios/generated/XunchengFFI
"$built/uniffi-bindgen-swift" --headers --modulemap --module-name xuncheng_ffiFFI --modulemap-filename module.modulemap \
    "$library" ios/generated/xuncheng_ffiFFI

step "swift test"
export XUNCHENG_LIB_DIR=$built
reports=$CARGO_TARGET_DIR/test-logs/swift-reports
rm -rf "$reports"
mkdir -p "$reports"
status=0
# SwiftPM writes XCTest's report only for a parallel run; swift-testing's lies beside it under its own name.
"${swift[@]}" test --package-path ios --scratch-path "$CARGO_TARGET_DIR/swift" --parallel \
    --xunit-output "$reports/swift.xml" || status=$?

shopt -s nullglob
files=("$reports"/*.xml)
[ ${#files[@]} = 0 ] || count_junit "${files[@]}"
exit "$status"
