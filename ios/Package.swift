// swift-tools-version:6.0
// Everything in Swift. `./test swift` builds the Rust library, generates the bindings and runs `swift test` here.

import PackageDescription

// The folder with libxuncheng_ffi; ./test passes the one that cargo built into.
let lib = Context.environment["XUNCHENG_LIB_DIR"] ?? "\(Context.packageDirectory)/../target/debug"

let package = Package(
    name: "Xuncheng",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "Xuncheng", targets: ["Xuncheng"])
    ],
    targets: [
        // The C header and module map of the Rust library. Generated; not in git.
        .systemLibrary(name: "xuncheng_ffiFFI", path: "generated/xuncheng_ffiFFI"),
        // The Swift side of the bindings. Generated; not in git, and not ours to make strict: hence the older mode.
        .target(
            name: "XunchengFFI",
            dependencies: ["xuncheng_ffiFFI"],
            path: "generated/XunchengFFI",
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: [
                .linkedLibrary("xuncheng_ffi"),
                // On a developer's machine; an app links the library from its XCFramework instead.
                .unsafeFlags(
                    ["-L\(lib)", "-Xlinker", "-rpath", "-Xlinker", lib],
                    .when(platforms: [.linux, .macOS])
                ),
            ]
        ),
        .target(
            name: "Xuncheng",
            dependencies: ["XunchengFFI"],
            linkerSettings: [
                // Swift 6.0's Observation on Linux names a function that no library of it has (swiftlang/swift#75670), for
                // the message before a crash.
                .unsafeFlags(["-Xlinker", "--allow-shlib-undefined"], .when(platforms: [.linux]))
            ]
        ),
        .testTarget(name: "XunchengTests", dependencies: ["Xuncheng", "XunchengFFI"]),
    ],
    swiftLanguageModes: [.v6]
)
