import Foundation
import XunchengFFI

/// What a device's clocks say. The core reads none: it is told.
public protocol DeviceClock: Sendable {
    /// Both clocks at this moment.
    func now() -> Now
}

/// Where random bytes come from. The core draws none: it is given a seed for each call.
public protocol Entropy: Sendable {
    /// 32 bytes that nobody can guess, new for each call.
    func seed() -> Data
}

/// The clocks of this process, which counts as one boot. The monotonic one goes on while the device sleeps.
public struct SystemClock: DeviceClock {
    private let bootId = UUID().uuidString
    private let started = ContinuousClock.now

    /// A clock that begins now.
    public init() {}

    public func now() -> Now {
        let (seconds, attoseconds) = (ContinuousClock.now - started).components
        return Now(
            wall: Date(),
            monotonicMs: UInt64(seconds) * 1000 + UInt64(attoseconds / 1_000_000_000_000_000),
            bootId: bootId
        )
    }
}

/// The operating system's entropy.
public struct SystemEntropy: Entropy {
    /// The operating system's entropy.
    public init() {}

    public func seed() -> Data {
        var random = SystemRandomNumberGenerator()
        return Data((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }
}
