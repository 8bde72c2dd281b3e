package cn.xuncheng

import cn.xuncheng.ffi.Capture
import cn.xuncheng.ffi.CapturePhoto
import cn.xuncheng.ffi.CaseAct
import cn.xuncheng.ffi.CaseDetail
import cn.xuncheng.ffi.CaseEdit
import cn.xuncheng.ffi.CaseQuery
import cn.xuncheng.ffi.CaseStep
import cn.xuncheng.ffi.FieldException
import cn.xuncheng.ffi.PhotoRole
import cn.xuncheng.ffi.PhotoStage
import cn.xuncheng.ffi.PictureFile
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir

/** One phone and one real office: what an inspector lives through on a day with a bad network. */
@Timeout(120)
class JourneyTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `a case captured offline reaches the office once there is one, and nothing is lost on the way`() = runBlocking {
        val office = Office(File(folder, "office")).start()
        val li = CaseRepository.create(File(folder, "li"), person = "li")
        val scope = CoroutineScope(Dispatchers.Default)
        val list = CaseListModel(li, scope)
        try {
            // 没有网络，也没有登记：照样采集，立刻在列表里。
            val stall = li.capture(stall())
            val shown = li.cases(CaseQuery()).cases.single()
            assertEquals("占道经营", shown.categoryName)
            assertEquals("已上报", shown.stateLabel)
            assertTrue(shown.label.startsWith("新-"), shown.label)
            assertEquals(listOf(PhotoStage.SAVED, PhotoStage.SAVED), stall.stages())
            assertEquals(stall.summary.id, li.cases(CaseQuery(text = "摆摊")).cases.single().id)
            assertTrue(assertIs<PictureFile.Here>(shown.thumbnailFile).path.isFile)
            list.state.first { it.cases.map { case -> case.id } == listOf(stall.summary.id) }
            assertFailsWith<FieldException.NotAnArgument> { li.case("占道经营") }

            // 不对的登记码，说得清楚是哪里不对。
            assertFailsWith<FieldException.NotEnrolled> { li.sync() }
            assertFailsWith<FieldException.NotAnEnrolmentCode> { li.enrol("https://example.org", "李巡查的手机") }
            assertFailsWith<FieldException.OtherPerson> { li.enrol(office.code("wang"), "李巡查的手机") }
            val code = office.code("li")
            val wrong = code.replace(Regex("secret=[^&]+"), "secret=0000-0000-0000-0000")
            val refused = assertFailsWith<FieldException.CodeRefused> { li.enrol(wrong, "李巡查的手机") }
            assertEquals("wrong_code", refused.code)

            // 登记，同步：有了编号，照片已经收到。
            li.enrol(code, "李巡查的手机")
            assertEquals(SyncEnd.Done, li.sync())
            val numbered = li.case(stall.summary.id)
            assertTrue(numbered.summary.numbered, numbered.summary.label)
            assertFalse(numbered.summary.pending)
            assertEquals(listOf(PhotoStage.RECEIVED, PhotoStage.RECEIVED), numbered.stages())
            assertEquals(stall.summary.id, li.findCase(numbered.summary.label))
            list.state.first { it.cases.single().label == numbered.summary.label }

            // 用过的登记码，换一部手机也不能再用。
            CaseRepository.create(File(folder, "second"), person = "li").use { second ->
                assertEquals("used_code", assertFailsWith<FieldException.CodeRefused> { second.enrol(code, "另一部手机") }.code)
            }

            // 办公室断电：提示没有网络，案件还在手机里。
            office.stop()
            val garbage = li.capture(garbage())
            assertFailsWith<FieldException.Offline> { li.sync() }
            list.sync()
            list.state.first { it.problem is FieldException.Offline && !it.syncing }
            assertEquals(setOf(garbage.summary.id, stall.summary.id), li.cases(CaseQuery()).cases.map { it.id }.toSet())
            assertEquals(listOf(PhotoStage.SAVED), li.case(garbage.summary.id).stages())
            assertEquals("no_answer", li.status().attention?.code)

            // 来电以后，接着传完。
            office.start()
            assertEquals(SyncEnd.Done, li.sync())
            assertEquals(listOf(PhotoStage.RECEIVED), li.case(garbage.summary.id).stages())
            val status = li.status()
            assertEquals(0uL, status.unsent)
            assertEquals(0uL, status.pending)
            assertTrue(status.refused.isEmpty())
            assertEquals(0uL, status.refusedMore)
            assertFailsWith<FieldException.NotRefused> { li.acknowledge(stall.story.first().id) }
            assertEquals(null, status.attention)

            // 改正一处，撤回一件：按打开表单时看到的内容提交，由办公室判定。
            val opened = li.case(garbage.summary.id)
            li.edit(garbage.summary.id, CaseEdit(description = "垃圾堆到了路面", shown = opened.shown))
            assertEquals(listOf(CaseStep.WITHDRAW), li.case(stall.summary.id).steps)
            val act = CaseAct(step = CaseStep.WITHDRAW, reason = "摊主已离开", shown = numbered.shown)
            assertEquals("已撤回", li.step(stall.summary.id, act).summary.stateLabel)
            assertFailsWith<FieldException.NotNow> { li.edit(stall.summary.id, CaseEdit(address = "桥头")) }
            assertEquals(SyncEnd.Done, li.sync())
            assertEquals("垃圾堆到了路面", li.case(garbage.summary.id).summary.description)
            val withdrawn = li.case(stall.summary.id)
            assertEquals("已撤回" to false, withdrawn.summary.stateLabel to withdrawn.summary.pending)
        } finally {
            scope.cancel()
            li.close()
            office.close()
        }
    }

    private fun stall() = Capture(
        category = "占道经营",
        description = "滨河路口摆摊卖菜，占用人行道",
        address = "滨河路与新市街交叉口",
        photos = listOf(
            CapturePhoto(file = sample("stall-on-pavement.jpg"), role = PhotoRole.Scene),
            CapturePhoto(file = sample("flyers-on-wall-before.jpg"), role = PhotoRole.Close),
        ),
    )

    private fun garbage() = Capture(
        category = "matter/06010",
        description = "收摊后垃圾未清运",
        photos = listOf(CapturePhoto(file = sample("garbage-by-bins-before.jpg"), role = PhotoRole.Scene)),
    )

    private fun CaseDetail.stages() = photos.map { it.stage }

    private fun sample(name: String) = File(System.getProperty("xuncheng.samples"), name)
}
