import Foundation
import Observation
import Testing
import Xuncheng
import XunchengFFI

/// One phone and one real office: what an inspector lives through on a day with a bad network.
@MainActor
struct JourneyTests {
    @Test(
        "A case captured offline reaches the office once there is one, and nothing is lost on the way",
        .timeLimit(.minutes(2))
    )
    func journey() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "xuncheng-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let office = Office(data: folder.appending(path: "office"))
        try office.start()
        let li = try CaseRepository.create(folder: folder.appending(path: "li"), person: "li")
        let list = CaseListModel(repository: li)

        // 没有网络，也没有登记：照样采集，立刻在列表里。
        let stall = try await li.capture(stall())
        let shown = try #require(try await li.cases().cases.first)
        #expect(shown.categoryName == "占道经营")
        #expect(shown.stateLabel == "已上报")
        #expect(shown.label.hasPrefix("新-"))
        #expect(stall.stages == [.saved, .saved])
        #expect(try await li.cases(CaseQuery(text: "摆摊")).cases.map(\.id) == [stall.summary.id])
        guard case .here(let thumbnail) = shown.thumbnailFile else {
            Issue.record("an own photo lies on its phone")
            return
        }
        #expect(FileManager.default.fileExists(atPath: thumbnail.path))
        await list.shows { $0.cases.map(\.id) == [stall.summary.id] }
        #expect(await refusal { try await li.case("占道经营") }.isNotAnArgument)

        // 不对的登记码，说得清楚是哪里不对。
        #expect(await refusal { try await li.sync() } == .NotEnrolled)
        #expect(await refusal { try await li.enrol(code: "https://example.org", device: "李巡查的手机") }.isNotACode)
        let another = try office.code(person: "wang")
        #expect(
            await refusal { try await li.enrol(code: another, device: "李巡查的手机") }
                == .OtherPerson(own: "li", other: "wang")
        )
        let code = try office.code(person: "li")
        let wrong = code.replacing(/secret=[^&]+/, with: "secret=0000-0000-0000-0000")
        #expect(await refusal { try await li.enrol(code: wrong, device: "李巡查的手机") }.refusedCode == "wrong_code")

        // 登记，同步：有了编号，照片已经收到。
        try await li.enrol(code: code, device: "李巡查的手机")
        #expect(try await li.sync() == .done)
        let numbered = try await li.case(stall.summary.id)
        #expect(numbered.summary.numbered)
        #expect(!numbered.summary.pending)
        #expect(numbered.stages == [.received, .received])
        #expect(try await li.findCase(numbered.summary.label) == stall.summary.id)
        await list.shows { $0.cases.map(\.label) == [numbered.summary.label] }

        // 用过的登记码，换一部手机也不能再用。
        let second = try CaseRepository.create(folder: folder.appending(path: "second"), person: "li")
        #expect(await refusal { try await second.enrol(code: code, device: "另一部手机") }.refusedCode == "used_code")

        // 办公室断电：提示没有网络，案件还在手机里。
        office.stop()
        let garbage = try await li.capture(garbage())
        #expect(await refusal { try await li.sync() }.isOffline)
        list.sync()
        await list.shows { !$0.syncing && $0.problem.isOffline }
        #expect(Set(try await li.cases().cases.map(\.id)) == [garbage.summary.id, stall.summary.id])
        #expect(try await li.case(garbage.summary.id).stages == [.saved])
        #expect(try await li.status().attention?.code == "no_answer")

        // 来电以后，接着传完。
        try office.start()
        #expect(try await li.sync() == .done)
        #expect(try await li.case(garbage.summary.id).stages == [.received])
        let status = try await li.status()
        #expect(status.unsent == 0)
        #expect(status.pending == 0)
        #expect(status.refused.isEmpty)
        #expect(status.refusedMore == 0)
        let taken = try #require(stall.story.first).id
        #expect(await refusal { try await li.acknowledge(taken) } == .NotRefused(entry: taken))
        #expect(status.attention == nil)

        // 改正一处，撤回一件：按打开表单时看到的内容提交，由办公室判定。
        let opened = try await li.case(garbage.summary.id)
        _ = try await li.edit(garbage.summary.id, CaseEdit(description: "垃圾堆到了路面", shown: opened.shown))
        #expect(try await li.case(stall.summary.id).steps == [.withdraw])
        let act = CaseAct(step: .withdraw, reason: "摊主已离开", shown: numbered.shown)
        #expect(try await li.step(stall.summary.id, act).summary.stateLabel == "已撤回")
        #expect(await refusal { try await li.edit(stall.summary.id, CaseEdit(address: "桥头")) }.isNotNow)
        #expect(try await li.sync() == .done)
        #expect(try await li.case(garbage.summary.id).summary.description == "垃圾堆到了路面")
        let withdrawn = try await li.case(stall.summary.id)
        #expect(withdrawn.summary.stateLabel == "已撤回")
        #expect(!withdrawn.summary.pending)
    }

    private func stall() -> Capture {
        Capture(
            category: "占道经营",
            description: "滨河路口摆摊卖菜，占用人行道",
            address: "滨河路与新市街交叉口",
            photos: [
                CapturePhoto(file: sample("stall-on-pavement.jpg"), role: .scene),
                CapturePhoto(file: sample("flyers-on-wall-before.jpg"), role: .close),
            ]
        )
    }

    private func garbage() -> Capture {
        Capture(
            category: "matter/06010",
            description: "收摊后垃圾未清运",
            photos: [CapturePhoto(file: sample("garbage-by-bins-before.jpg"), role: .scene)]
        )
    }

    private func sample(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).appending(path: "../../../../samples/photos/\(name)").standardizedFileURL
    }
}

/// What a call that should fail failed with.
@MainActor
private func refusal<Value: Sendable>(_ work: @MainActor () async throws -> Value) async -> FieldError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error as? FieldError
    }
}

extension FieldError? {
    fileprivate var isNotACode: Bool { if case .NotAnEnrolmentCode = self { true } else { false } }
    fileprivate var isNotAnArgument: Bool { if case .NotAnArgument = self { true } else { false } }
    fileprivate var isNotNow: Bool { if case .NotNow = self { true } else { false } }
    fileprivate var isOffline: Bool { if case .Offline = self { true } else { false } }
    fileprivate var refusedCode: String? { if case .CodeRefused(let code, _) = self { code } else { nil } }
}

extension CaseDetail {
    fileprivate var stages: [PhotoStage?] { photos.map(\.stage) }
}

extension CaseListModel {
    /// Waits until the list shows what it should.
    fileprivate func shows(_ condition: (CaseListState) -> Bool) async {
        while !condition(state) {
            await withCheckedContinuation { changed in
                withObservationTracking {
                    _ = state
                } onChange: {
                    changed.resume()
                }
            }
        }
    }
}
