import Foundation
import XunchengFFI

/// The cases on this phone: one person's store, for Swift's concurrency.
///
/// Every call is the core's of the same name, off the main thread, with this device's clock and entropy. What a call says it
/// has done is durable when it returns; why it did not is a `FieldError`.
public actor CaseRepository {
    /// Cases in a page, unless a list asks for more or fewer.
    public static let page: UInt16 = 50

    private let store: Store
    private let driver: SyncDriver
    private var watchers: [UUID: AsyncStream<Void>.Continuation] = [:]

    /// The cases of `app`.
    public init(
        app: FieldApp,
        transport: any OfficeTransport = URLSessionTransport(),
        clock: any DeviceClock = SystemClock(),
        entropy: any Entropy = SystemEntropy()
    ) {
        store = Store(app: app, clock: clock, entropy: entropy)
        driver = SyncDriver(store: store, transport: transport)
    }

    /// Opens the store in `folder`; `FieldError.NoStore` where there is none.
    public static func open(folder: URL) throws -> CaseRepository {
        CaseRepository(app: try FieldApp.open(folder: folder))
    }

    /// Makes a store for `person` in `folder`.
    public static func create(folder: URL, person: PersonId) throws -> CaseRepository {
        CaseRepository(app: try FieldApp.create(folder: folder, person: person, seed: SystemEntropy().seed()))
    }

    /// Speaks whenever what the store shows may have changed, and once at the beginning: a list that watches is never stale.
    public func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watcher = UUID()
        watchers[watcher] = continuation
        continuation.onTermination = { _ in Task { await self.forget(watcher) } }
        continuation.yield()
        return stream
    }

    /// Whose store it is.
    public nonisolated var person: PersonId { store.app.person() }

    /// Keeps a case with its photos: no network is needed, and it is in the list when this returns.
    public func capture(_ capture: Capture) async throws -> CaseDetail {
        try await changing { app, now, seed in try app.capture(capture: capture, now: now, seed: seed) }
    }

    /// One page of cases, newest first; the next one begins at `after`.
    public func cases(
        _ query: CaseQuery = CaseQuery(),
        after: Cursor? = nil,
        limit: UInt16 = CaseRepository.page
    ) async throws -> CasePage {
        try await store.call { app, _, _ in try app.cases(query: query, after: after, limit: limit) }
    }

    /// The case whose number, provisional label or id begins with `text`.
    public func findCase(_ text: String) async throws -> ItemId {
        try await store.call { app, _, _ in try app.findCase(text: text) }
    }

    /// A case with its photos and its story.
    public func `case`(_ id: ItemId) async throws -> CaseDetail {
        try await store.call { app, _, _ in try app.case(id: id) }
    }

    /// Corrects fields of a case.
    public func edit(_ id: ItemId, _ edit: CaseEdit) async throws -> CaseDetail {
        try await changing { app, now, seed in try app.edit(id: id, edit: edit, now: now, seed: seed) }
    }

    /// Takes a case back, sent or not, until it is filed; the office judges one that was sent.
    public func withdraw(_ id: ItemId, reason: String) async throws -> CaseDetail {
        try await changing { app, now, seed in try app.withdraw(id: id, reason: reason, now: now, seed: seed) }
    }

    /// Takes a step, with the photos that it needs.
    public func step(_ id: ItemId, _ act: CaseAct) async throws -> CaseDetail {
        try await changing { app, now, seed in try app.step(id: id, act: act, now: now, seed: seed) }
    }

    /// Says something about a case.
    public func comment(_ id: ItemId, text: String) async throws -> CaseDetail {
        try await changing { app, now, seed in try app.comment(id: id, text: text, now: now, seed: seed) }
    }

    /// Makes this store a device of its person, with a `code` of the office; `device` is what the phone calls itself.
    public func enrol(code: EnrolmentCode, device: String) async throws {
        try await driver.enrol(code: code, device: device)
        changed()
    }

    /// Carries everything that waits to the office and brings what is new there.
    @discardableResult
    public func sync() async throws -> SyncEnd {
        try await driver.sync { await self.changed() }
    }

    /// How the store stands: what waits, what was refused, what needs a person.
    public func status() async throws -> Status {
        try await store.call { app, _, _ in try app.status() }
    }

    /// This person has seen that the office refused an entry: the status shows it no more.
    public func acknowledge(_ entry: EntryId) async throws {
        try await changing { app, _, _ in try app.acknowledge(entry: entry) }
    }

    /// The person has seen that a copy of this store speaks to the office too.
    public func acknowledgeCopy() async throws {
        try await changing { app, _, _ in try app.acknowledgeCopy() }
    }

    /// Wants the whole story of a case; what is not on this phone comes with the next sync.
    public func wantHistory(_ id: ItemId) async throws {
        try await changing { app, _, _ in try app.wantHistory(id: id) }
    }

    /// Wants the thumbnails that stand for these cases in a list that is scrolled on; they come with the next sync.
    public func wantThumbnails(_ ids: [ItemId]) async throws {
        try await changing { app, _, _ in try app.wantThumbnails(ids: ids) }
    }

    /// Wants the views of a case's photos, because it was opened; they come with the next sync.
    public func wantViews(_ id: ItemId) async throws {
        try await changing { app, _, _ in try app.wantViews(id: id) }
    }

    /// Wants the original of a case's `photo`: somebody else's, or one that has left this phone.
    public func wantOriginal(_ id: ItemId, _ photo: PhotoHash) async throws {
        try await changing { app, _, _ in try app.wantOriginal(id: id, photo: photo) }
    }

    /// Categories by what a person types; all of them for an empty text.
    public func categories(_ text: String) async throws -> [XunchengFFI.Category] {
        try await store.call { app, _, _ in app.categories(text: text) }
    }

    /// Every area of the district.
    public func areas() async throws -> [Area] {
        try await store.call { app, _, _ in app.areas() }
    }

    /// Every organisation of the district.
    public func organisations() async throws -> [Organisation] {
        try await store.call { app, _, _ in app.organisations() }
    }

    /// Reasons to choose from for a step.
    public func reasons(_ step: CaseStep) async throws -> [Reason] {
        try await store.call { app, _, _ in app.reasons(step: step) }
    }

    private func changing<Answer: Sendable>(
        _ work: @escaping @Sendable (FieldApp, Now, Data) throws -> Answer
    ) async throws -> Answer {
        let answer = try await store.call(work)
        changed()
        return answer
    }

    private func changed() {
        for watcher in watchers.values {
            watcher.yield()
        }
    }

    private func forget(_ watcher: UUID) {
        watchers.removeValue(forKey: watcher)
    }
}
