import Foundation
import Testing

/// A real office in a process of its own, on a free port of this machine.
final class Office {
    /// Where phones reach it.
    private(set) var address = ""

    private let data: URL
    private var process: Process?

    init(data: URL) {
        self.data = data
    }

    deinit {
        stop()
    }

    /// Starts it, or starts it again where it was.
    func start() throws {
        let port = address.split(separator: ":").last.map(String.init) ?? "0"
        let (office, output) = try run(["serve", "--port", port, "--json"])
        process = office
        var line = Data()
        while let byte = try output.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) {
            line += byte
        }
        struct Serving: Decodable {
            let address: String
        }
        address = try JSONDecoder().decode(Serving.self, from: line).address
    }

    /// A one-time code for a person's phone.
    func code(person: String) throws -> String {
        struct Made: Decodable {
            let code: String
        }
        let (_, output) = try run(["code", "new", "--person", person, "--json"])
        return try JSONDecoder().decode(Made.self, from: output.readToEnd() ?? Data()).code
    }

    /// Pulls its plug.
    func stop() {
        guard let process else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    private func run(_ words: [String]) throws -> (Process, FileHandle) {
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["XUNCHENG_BIN"]))
        process.arguments = words + ["--data", data.path]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return (process, output.fileHandleForReading)
    }
}
