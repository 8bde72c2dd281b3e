package cn.xuncheng

import cn.xuncheng.ffi.Now
import java.security.SecureRandom
import java.time.Instant
import java.util.UUID

/** What a device's clocks say. The core reads none: it is told. */
fun interface DeviceClock {
    /** Both clocks at this moment. */
    fun now(): Now
}

/** Where random bytes come from. The core draws none: it is given a seed for each call. */
fun interface Entropy {
    /** 32 bytes that nobody can guess, new for each call. */
    fun seed(): ByteArray
}

/**
 * The clocks of a JVM. One process counts as one boot, because a JVM's monotonic clock need not go on in the next one; an
 * Android app gives `SystemClock.elapsedRealtime` and the device's boot count instead.
 */
class JvmClock : DeviceClock {
    private val bootId = UUID.randomUUID().toString()
    private val started = System.nanoTime()

    override fun now() = Now(
        wall = Instant.now(),
        monotonicMs = ((System.nanoTime() - started) / 1_000_000).toULong(),
        bootId = bootId,
    )
}

/** The operating system's entropy. */
class SystemEntropy : Entropy {
    private val random = SecureRandom()

    override fun seed() = ByteArray(SEED_BYTES).also(random::nextBytes)

    private companion object {
        const val SEED_BYTES = 32
    }
}
