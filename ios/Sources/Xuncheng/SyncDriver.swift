import XunchengFFI

/// How a conversation with the office ended.
public enum SyncEnd: Equatable, Sendable {
    /// All that can go has gone.
    case done
    /// What is left waits until this moment of the monotonic clock: for the office, or for another driver.
    case waits(monotonicMs: UInt64)
}

/// Drives the core's conversation with the office: asks what to do, does it, reports what came of it.
///
/// It may be cancelled, killed or run twice at once at any point; nothing is lost by it.
struct SyncDriver: Sendable {
    let store: Store
    let transport: any OfficeTransport

    /// Makes this store a device of its person, with a `code` of the office; `device` is what the phone calls itself.
    func enrol(code: EnrolmentCode, device: String) async throws {
        let enrolment = try await store.call { app, _, seed in try app.enrol(code: code, device: device, seed: seed) }
        switch await transport.send(enrolment.request(), to: enrolment.office()) {
        case .answered(let response):
            try await store.call { app, _, _ in try app.enrolled(enrolment: enrolment, response: response) }
        case .unreachable(let why), .failed(let why), .unreadable(let why):
            throw FieldError.Offline(why: why)
        }
    }

    /// Carries everything that waits to the office and brings what is new there; `moved` is told of each exchange.
    func sync(moved: @Sendable () async -> Void) async throws -> SyncEnd {
        let status = try await store.call { app, _, _ in try app.status() }
        guard let office = status.office else { throw FieldError.NotEnrolled }
        try await store.call { app, _, _ in try app.startSync() }
        var failure: FieldError?
        while true {
            try Task.checkCancellation()
            switch try await store.call({ app, now, seed in try app.nextAction(now: now, seed: seed) }) {
            case .done:
                return .done
            case .waitUntil(let monotonicMs):
                if let failure { throw failure }
                return .waits(monotonicMs: monotonicMs)
            case .send(let id, let request):
                let outcome = await transport.send(request, to: office)
                do {
                    try await store.call { app, now, seed in
                        try app.completed(action: id, outcome: outcome, now: now, seed: seed)
                    }
                    failure = nil
                } catch let error as FieldError {
                    // What could not be noted, on a full or broken disk, would come next again, without end.
                    switch error {
                    case .NoSpace, .StoreBroken: throw error
                    default: failure = error
                    }
                }
                await moved()
            }
        }
    }
}
