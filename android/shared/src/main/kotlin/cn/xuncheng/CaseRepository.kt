package cn.xuncheng

import cn.xuncheng.ffi.Area
import cn.xuncheng.ffi.Capture
import cn.xuncheng.ffi.CaseAct
import cn.xuncheng.ffi.CaseDetail
import cn.xuncheng.ffi.CaseEdit
import cn.xuncheng.ffi.CasePage
import cn.xuncheng.ffi.CaseQuery
import cn.xuncheng.ffi.CaseStep
import cn.xuncheng.ffi.Category
import cn.xuncheng.ffi.Cursor
import cn.xuncheng.ffi.EnrolmentCode
import cn.xuncheng.ffi.EntryId
import cn.xuncheng.ffi.FieldApp
import cn.xuncheng.ffi.FieldException
import cn.xuncheng.ffi.ItemId
import cn.xuncheng.ffi.Organisation
import cn.xuncheng.ffi.PersonId
import cn.xuncheng.ffi.PhotoHash
import cn.xuncheng.ffi.Reason
import cn.xuncheng.ffi.Status
import java.io.File
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.withContext

/**
 * The cases on this phone: one person's store, for coroutines.
 *
 * Every call is the core's of the same name, off the main thread, with this device's clock and entropy. What a call says it
 * has done is durable when it returns; why it did not is a [FieldException].
 */
class CaseRepository(
    private val app: FieldApp,
    transport: OfficeTransport,
    private val clock: DeviceClock,
    private val entropy: Entropy,
    private val dispatcher: CoroutineDispatcher = Dispatchers.IO,
) : AutoCloseable {
    private val driver = SyncDriver(app, transport, clock, entropy, dispatcher)
    private val counted = MutableStateFlow(0L)

    /** Counts up whenever what the store shows may have changed: a list that watches it is never stale. */
    val changes: StateFlow<Long> = counted.asStateFlow()

    /** Whose store it is. */
    val person: PersonId get() = app.person()

    /** Keeps a case with its photos: no network is needed, and it is in the list when this returns. */
    suspend fun capture(capture: Capture): CaseDetail = changing { capture(capture, clock.now(), entropy.seed()) }

    /** One page of cases, newest first; the next one begins at [after]. */
    suspend fun cases(query: CaseQuery, after: Cursor? = null, limit: Int = PAGE): CasePage =
        reading { cases(query, after, limit.toUShort()) }

    /** The case whose number, provisional label or id begins with [text]. */
    suspend fun findCase(text: String): ItemId = reading { findCase(text) }

    /** A case with its photos and its story. */
    suspend fun case(id: ItemId): CaseDetail = reading { case(id) }

    /** Corrects fields of a case. */
    suspend fun edit(id: ItemId, edit: CaseEdit): CaseDetail = changing { edit(id, edit, clock.now(), entropy.seed()) }

    /** Takes a case back, sent or not, until it is filed; the office judges one that was sent. */
    suspend fun withdraw(id: ItemId, reason: String): CaseDetail =
        changing { withdraw(id, reason, clock.now(), entropy.seed()) }

    /** Takes a step, with the photos that it needs. */
    suspend fun step(id: ItemId, act: CaseAct): CaseDetail = changing { step(id, act, clock.now(), entropy.seed()) }

    /** Says something about a case. */
    suspend fun comment(id: ItemId, text: String): CaseDetail =
        changing { comment(id, text, clock.now(), entropy.seed()) }

    /** Makes this store a device of its person, with a [code] of the office; [device] is what the phone calls itself. */
    suspend fun enrol(code: EnrolmentCode, device: String) = driver.enrol(code, device).also { changed() }

    /** Carries everything that waits to the office and brings what is new there. */
    suspend fun sync(): SyncEnd = driver.sync(moved = ::changed)

    /** How the store stands: what waits, what was refused, what needs a person. */
    suspend fun status(): Status = reading { status() }

    /** This person has seen that the office refused an entry: the status shows it no more. */
    suspend fun acknowledge(entry: EntryId): Unit = changing { acknowledge(entry) }

    /** The person has seen that a copy of this store speaks to the office too. */
    suspend fun acknowledgeCopy(): Unit = changing { acknowledgeCopy() }

    /** Wants the whole story of a case; what is not on this phone comes with the next sync. */
    suspend fun wantHistory(id: ItemId): Unit = changing { wantHistory(id) }

    /** Wants the thumbnails that stand for these cases in a list that is scrolled on; they come with the next sync. */
    suspend fun wantThumbnails(ids: List<ItemId>): Unit = changing { wantThumbnails(ids) }

    /** Wants the views of a case's photos, because it was opened; they come with the next sync. */
    suspend fun wantViews(id: ItemId): Unit = changing { wantViews(id) }

    /** Wants the original of a case's [photo]: somebody else's, or one that has left this phone. */
    suspend fun wantOriginal(id: ItemId, photo: PhotoHash): Unit = changing { wantOriginal(id, photo) }

    /** Categories by what a person types; all of them for an empty text. */
    suspend fun categories(text: String): List<Category> = reading { categories(text) }

    /** Every area of the district. */
    suspend fun areas(): List<Area> = reading { areas() }

    /** Every organisation of the district. */
    suspend fun organisations(): List<Organisation> = reading { organisations() }

    /** Reasons to choose from for a step. */
    suspend fun reasons(step: CaseStep): List<Reason> = reading { reasons(step) }

    /** Closes the store. */
    override fun close() = app.close()

    private fun changed() = counted.update { it + 1 }

    private suspend fun <T> reading(call: FieldApp.() -> T): T = withContext(dispatcher) { app.call() }

    private suspend fun <T> changing(call: FieldApp.() -> T): T = reading(call).also { changed() }

    companion object {
        /** Cases in a page, unless a list asks for more or fewer. */
        const val PAGE = 50

        /** Opens the store in [folder]; [FieldException.NoStore] where there is none. */
        suspend fun open(
            folder: File,
            transport: OfficeTransport = OkHttpTransport(),
            clock: DeviceClock = JvmClock(),
            entropy: Entropy = SystemEntropy(),
        ): CaseRepository = withContext(Dispatchers.IO) {
            CaseRepository(FieldApp.open(folder), transport, clock, entropy)
        }

        /** Makes a store for [person] in [folder]. */
        suspend fun create(
            folder: File,
            person: PersonId,
            transport: OfficeTransport = OkHttpTransport(),
            clock: DeviceClock = JvmClock(),
            entropy: Entropy = SystemEntropy(),
        ): CaseRepository = withContext(Dispatchers.IO) {
            CaseRepository(FieldApp.create(folder, person, entropy.seed()), transport, clock, entropy)
        }
    }
}
