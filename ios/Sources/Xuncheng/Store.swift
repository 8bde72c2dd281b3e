import Dispatch
import Foundation
import XunchengFFI

/// The core behind a queue of its own: its calls block for SQLite, and Swift's concurrency must not.
struct Store: Sendable {
    let app: FieldApp
    let clock: any DeviceClock
    let entropy: any Entropy
    private let queue = DispatchQueue(label: "cn.xuncheng.store", qos: .userInitiated)

    init(app: FieldApp, clock: any DeviceClock, entropy: any Entropy) {
        self.app = app
        self.clock = clock
        self.entropy = entropy
    }

    /// Calls the core with this device's clock and a new seed.
    func call<Value: Sendable>(
        _ work: @escaping @Sendable (FieldApp, Now, Data) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { waiting in
            queue.async {
                waiting.resume(with: Result { try work(app, clock.now(), entropy.seed()) })
            }
        }
    }
}
