import Foundation
import XunchengFFI

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Whoever owns a network: sends one request, and says what came of it.
public protocol OfficeTransport: Sendable {
    /// Sends `request` to the office at `office`. Every failure is an outcome.
    func send(_ request: HttpRequest, to office: String) async -> SyncOutcome
}

/// The office over URLSession, while the app is in the foreground.
///
/// Redirects are not followed: an office sends none, and a captive portal that sends one is to be seen by the core. Nothing
/// is cached; no cookie is kept. A link on which nothing moves for a minute counts as cut.
public final class URLSessionTransport: OfficeTransport {
    private let exchanges: Exchanges
    private let session: URLSession

    /// A transport with a session of its own.
    public init() {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 60
        configuration.timeoutIntervalForResource = 3600
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        exchanges = Exchanges(mostBytes: Int(limits().responseBytes))
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
    }

    deinit {
        session.invalidateAndCancel()
    }

    public func send(_ request: HttpRequest, to office: String) async -> SyncOutcome {
        do {
            let task = session.dataTask(with: try request.to(office))
            let response = try await withTaskCancellationHandler {
                try await exchanges.run(task)
            } onCancel: {
                task.cancel()
            }
            return .answered(response)
        } catch {
            return outcome(of: error)
        }
    }
}

private func outcome(of error: any Error) -> SyncOutcome {
    if let unreadable = error as? UnreadableFile { return .unreadable(unreadable.why) }
    if let unsendable = error as? Unsendable { return .failed(unsendable.why) }
    switch (error as? URLError)?.code {
    case .cannotFindHost, .cannotConnectToHost, .dnsLookupFailed, .notConnectedToInternet, .dataNotAllowed,
        .internationalRoamingOff:
        return .unreachable(error.localizedDescription)
    default:
        return .failed(error.localizedDescription)
    }
}

/// A request that cannot be sent, or an answer that cannot be taken.
private struct Unsendable: Error {
    let why: String
}

/// The file of a request's body could not be read.
private struct UnreadableFile: Error {
    let why: String
}

extension HttpRequest {
    fileprivate func to(_ office: String) throws -> URLRequest {
        let address = (office.hasSuffix("/") ? String(office.dropLast()) : office) + path
        guard let url = URL(string: address) else { throw Unsendable(why: "\(address) is no address") }
        var request = URLRequest(url: url)
        request.httpMethod = method.word
        for header in headers {
            request.addValue(header.value, forHTTPHeaderField: header.name)
        }
        request.httpBody = try body.content()
        return request
    }
}

extension HttpMethod {
    fileprivate var word: String {
        switch self {
        case .post: "POST"
        case .patch: "PATCH"
        case .head: "HEAD"
        }
    }
}

extension HttpBody {
    /// The bytes to send. A piece of a file is at most a few megabytes in the foreground, so it is read whole: a stream would
    /// have to be rewound when the system repeats a request.
    fileprivate func content() throws -> Data? {
        switch self {
        case .empty:
            return nil
        case .bytes(let bytes):
            return bytes
        case .file(let path, let offset, let length):
            return try piece(of: path, from: offset, length: length)
        }
    }
}

private func piece(of path: URL, from offset: UInt64, length: UInt64) throws -> Data {
    do {
        let file = try FileHandle(forReadingFrom: path)
        defer { try? file.close() }
        try file.seek(toOffset: offset)
        let piece = try file.read(upToCount: Int(length)) ?? Data()
        guard piece.count == Int(length) else {
            throw UnreadableFile(why: "\(path.lastPathComponent) ends after \(Int(offset) + piece.count) bytes")
        }
        return piece
    } catch let error as UnreadableFile {
        throw error
    } catch {
        throw UnreadableFile(why: error.localizedDescription)
    }
}

/// The exchanges of one session that are under way.
private final class Exchanges: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private struct Exchange {
        let waiting: CheckedContinuation<HttpResponse, any Error>
        var body = Data()
    }

    private let mostBytes: Int
    /// Guards `underWay`: tasks begin on any thread, the session reports on its own.
    private let lock = NSLock()
    private var underWay: [Int: Exchange] = [:]

    init(mostBytes: Int) {
        self.mostBytes = mostBytes
    }

    func run(_ task: URLSessionDataTask) async throws -> HttpResponse {
        try await withCheckedThrowingContinuation { waiting in
            lock.withLock { underWay[task.taskIdentifier] = Exchange(waiting: waiting) }
            task.resume()
        }
    }

    func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let tooLong = lock.withLock {
            underWay[dataTask.taskIdentifier]?.body.append(data)
            return underWay[dataTask.taskIdentifier].map { $0.body.count > mostBytes } ?? false
        }
        if tooLong {
            finish(dataTask, with: .failure(Unsendable(why: "the answer is longer than \(mostBytes) bytes")))
            dataTask.cancel()
        }
    }

    func urlSession(
        _: URLSession,
        task _: URLSessionTask,
        willPerformHTTPRedirection _: HTTPURLResponse,
        newRequest _: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let error {
            return finish(task, with: .failure(error))
        }
        guard let answer = task.response as? HTTPURLResponse, let status = UInt16(exactly: answer.statusCode) else {
            return finish(task, with: .failure(Unsendable(why: "the answer is not HTTP")))
        }
        let headers = answer.allHeaderFields.map { HttpHeader(name: "\($0.key)", value: "\($0.value)") }
        let body = lock.withLock { underWay[task.taskIdentifier]?.body } ?? Data()
        finish(task, with: .success(HttpResponse(status: status, headers: headers, body: body)))
    }

    private func finish(_ task: URLSessionTask, with result: Result<HttpResponse, any Error>) {
        lock.withLock { underWay.removeValue(forKey: task.taskIdentifier) }?.waiting.resume(with: result)
    }
}
