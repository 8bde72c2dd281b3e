#!/usr/bin/env bash
# The Rust library for iOS devices and simulators as ios/XunchengFFI.xcframework, and the Swift over it in ios/generated.
# Needs a Mac with Xcode and rustup.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(uname)" = Darwin ] || { echo "this needs a Mac with Xcode: xcodebuild makes the XCFramework" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}
device=aarch64-apple-ios
simulators=(aarch64-apple-ios-sim x86_64-apple-ios)
rustup target add "$device" "${simulators[@]}"

export IPHONEOS_DEPLOYMENT_TARGET=17.0
for triple in "$device" "${simulators[@]}"; do
    cargo build --release --locked -p xuncheng-ffi --lib --target "$triple"
done
simulator=$target/ios-simulator
mkdir -p "$simulator"
lipo -create "$target"/{aarch64-apple-ios-sim,x86_64-apple-ios}/release/libxuncheng_ffi.a \
    -output "$simulator/libxuncheng_ffi.a"

# The generators read the library's metadata: any build of it will do.
generate() { cargo run --release --locked -p xuncheng-ffi --bin uniffi-bindgen-swift -- "$@"; }
library=$target/$device/release/libxuncheng_ffi.a
rm -rf ios/generated ios/XunchengFFI.xcframework
generate --swift-sources "$library" ios/generated/XunchengFFI
generate --headers --modulemap --module-name xuncheng_ffiFFI --modulemap-filename module.modulemap \
    "$library" ios/generated/xuncheng_ffiFFI

xcodebuild -create-xcframework \
    -library "$library" -headers ios/generated/xuncheng_ffiFFI \
    -library "$simulator/libxuncheng_ffi.a" -headers ios/generated/xuncheng_ffiFFI \
    -output ios/XunchengFFI.xcframework
echo "made ios/XunchengFFI.xcframework"
