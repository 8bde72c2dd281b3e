package cn.xuncheng

import cn.xuncheng.ffi.FieldApp
import cn.xuncheng.ffi.FieldException
import cn.xuncheng.ffi.SyncAction
import cn.xuncheng.ffi.SyncOutcome
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.withContext

/** How a conversation with the office ended. */
sealed interface SyncEnd {
    /** All that can go has gone. */
    data object Done : SyncEnd

    /** What is left waits until this moment of the monotonic clock: for the office, or for another driver. */
    data class Waits(val monotonicMs: ULong) : SyncEnd
}

/**
 * Drives the core's conversation with the office: asks what to do, does it, reports what came of it.
 *
 * It may be cancelled, killed or run twice at once at any point; nothing is lost by it.
 */
internal class SyncDriver(
    private val app: FieldApp,
    private val transport: OfficeTransport,
    private val clock: DeviceClock,
    private val entropy: Entropy,
    private val dispatcher: CoroutineDispatcher,
) {
    /** Makes this store a device of its person, with a [code] of the office; [device] is what the phone calls itself. */
    suspend fun enrol(code: String, device: String): Unit = withContext(dispatcher) {
        app.enrol(code, device, entropy.seed()).use { enrolment ->
            when (val outcome = transport.send(enrolment.office(), enrolment.request())) {
                is SyncOutcome.Answered -> app.enrolled(enrolment, outcome.v1)
                is SyncOutcome.Unreachable -> throw FieldException.Offline(outcome.v1)
                is SyncOutcome.Failed -> throw FieldException.Offline(outcome.v1)
                is SyncOutcome.Unreadable -> throw FieldException.Offline(outcome.v1)
            }
        }
    }

    /** Carries everything that waits to the office and brings what is new there; [moved] is told of each exchange. */
    suspend fun sync(moved: () -> Unit): SyncEnd = withContext(dispatcher) {
        val office = app.status().office ?: throw FieldException.NotEnrolled()
        app.startSync()
        drive(office, moved)
    }

    private suspend fun drive(office: String, moved: () -> Unit): SyncEnd {
        var failure: FieldException? = null
        while (true) {
            when (val action = app.nextAction(clock.now(), entropy.seed())) {
                SyncAction.Done -> return SyncEnd.Done
                is SyncAction.WaitUntil -> throw failure ?: return SyncEnd.Waits(action.monotonicMs)
                is SyncAction.Send -> {
                    val outcome = transport.send(office, action.request)
                    failure = report(action, outcome)
                    moved()
                }
            }
        }
    }

    /**
     * Why the exchange did not succeed; the core has noted it, and decides what comes next. Where it could note nothing, on a full
     * or broken disk, the same would come next without end: that is thrown.
     */
    private fun report(action: SyncAction.Send, outcome: SyncOutcome): FieldException? = try {
        app.completed(action.id, outcome, clock.now(), entropy.seed())
        null
    } catch (failure: FieldException.NoSpace) {
        throw failure
    } catch (failure: FieldException.StoreBroken) {
        throw failure
    } catch (failure: FieldException) {
        failure
    }
}
