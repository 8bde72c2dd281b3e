package cn.xuncheng

import java.io.File
import java.util.concurrent.TimeUnit

/** A real office in a process of its own, on a free port of this machine. */
class Office(private val data: File) : AutoCloseable {
    private var process: Process? = null
    private var port = 0

    /** Where phones reach it. */
    var address = ""
        private set

    /** Starts it, or starts it again where it was. */
    fun start(): Office {
        val serve = command("serve", "--port", "$port", "--json").redirectError(File(data.parentFile, "office.log"))
        val started = serve.start().also { process = it }
        val line = started.inputStream.bufferedReader().readLine()
        address = checkNotNull(line?.let { ADDRESS.find(it) }) { "the office did not start: $line" }.groupValues[1]
        port = address.substringAfterLast(':').toInt()
        return this
    }

    /** A one-time code for a person's phone. */
    fun code(person: String): String {
        val printed = command("code", "new", "--person", person, "--json").start().inputStream.bufferedReader().readText()
        return checkNotNull(CODE.find(printed)) { "the office gave no code: $printed" }.value
    }

    /** Pulls its plug. */
    fun stop() {
        process?.destroyForcibly()?.waitFor(STOP_SECONDS, TimeUnit.SECONDS)
        process = null
    }

    override fun close() = stop()

    private fun command(vararg words: String) =
        ProcessBuilder(listOf(System.getProperty("xuncheng.bin")) + words + listOf("--data", data.path))

    private companion object {
        const val STOP_SECONDS = 30L
        val ADDRESS = Regex("\"address\"\\s*:\\s*\"([^\"]+)\"")
        val CODE = Regex("xuncheng://enrol[^\"\\s]+")
    }
}
