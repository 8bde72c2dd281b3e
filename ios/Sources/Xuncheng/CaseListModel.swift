import Observation
import XunchengFFI

/// What a list of cases shows.
public struct CaseListState: Sendable {
    /// What it was asked for.
    public var query = CaseQuery()
    /// Newest first.
    public var cases: [CaseSummary] = []
    /// Where the next page begins; none when all are shown.
    public var next: Cursor?
    /// Whether the first page is on its way.
    public var loading = true
    /// Whether a conversation with the office is under way.
    public var syncing = false
    /// What a screen has to say; the list stays as it was.
    public var problem: FieldError?
}

/// A list of cases without a screen: intents in, states out. It follows the store, whoever changes it.
@MainActor
@Observable
public final class CaseListModel {
    /// What a screen draws.
    public private(set) var state = CaseListState()

    @ObservationIgnored private let repository: CaseRepository
    @ObservationIgnored private var reading: Task<Void, Never>?
    @ObservationIgnored private var syncing: Task<Void, Never>?
    @ObservationIgnored private var following: Task<Void, Never>?

    /// A list of `repository`'s cases.
    public init(repository: CaseRepository) {
        self.repository = repository
        following = Task { [weak self] in
            for await _ in await repository.changes() {
                self?.read()
            }
        }
    }

    deinit {
        following?.cancel()
    }

    /// Shows what `query` finds, from the top.
    public func show(_ query: CaseQuery) {
        state = CaseListState(query: query, syncing: state.syncing)
        read()
    }

    /// Shows one page more.
    public func more() {
        guard let after = state.next, !state.loading else { return }
        state.loading = true
        reading = told {
            let page = try await self.repository.cases(self.state.query, after: after)
            try Task.checkCancellation()
            self.state.cases += page.cases
            self.state.next = page.next
            self.state.loading = false
        }
    }

    /// Talks with the office now.
    public func sync() {
        guard !state.syncing else { return }
        state.syncing = true
        state.problem = nil
        syncing = told {
            defer { self.state.syncing = false }
            try await self.repository.sync()
        }
    }

    /// The person has read what was said.
    public func dismiss() {
        state.problem = nil
    }

    /// Reads again as many cases as are shown, and at least a page.
    private func read() {
        reading?.cancel()
        let (query, shown) = (state.query, state.cases.count)
        reading = told {
            var page = try await self.repository.cases(query)
            var cases = page.cases
            while cases.count < shown, let next = page.next {
                page = try await self.repository.cases(query, after: next)
                cases += page.cases
            }
            try Task.checkCancellation()
            self.state.cases = cases
            self.state.next = page.next
            self.state.loading = false
        }
    }

    private func told(_ work: @escaping @MainActor () async throws -> Void) -> Task<Void, Never> {
        Task {
            do {
                try await work()
            } catch let problem as FieldError {
                state.problem = problem
                state.loading = false
            } catch {
                // Cancelled: a later call draws the state.
            }
        }
    }
}
