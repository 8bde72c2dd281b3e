package cn.xuncheng

import cn.xuncheng.ffi.HttpBody
import cn.xuncheng.ffi.HttpHeader
import cn.xuncheng.ffi.HttpMethod
import cn.xuncheng.ffi.HttpRequest
import cn.xuncheng.ffi.HttpResponse
import cn.xuncheng.ffi.SyncOutcome
import cn.xuncheng.ffi.limits
import java.io.File
import java.io.IOException
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.UnknownHostException
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Headers
import okhttp3.MediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okio.Buffer
import okio.BufferedSink
import okio.FileSystem
import okio.ForwardingSource
import okio.Path.Companion.toOkioPath
import okio.Source

/** Whoever owns a network: sends one request, and says what came of it. */
fun interface OfficeTransport {
    /** Sends [request] to the office at [office]. Every failure is an outcome; only cancellation is thrown. */
    suspend fun send(office: String, request: HttpRequest): SyncOutcome
}

/**
 * The office over OkHttp, on Android and on a JVM.
 *
 * Redirects are not followed: an office sends none, and a captive portal that sends one is to be seen by the core. Nothing is
 * cached; no cookie is kept. Each stage of a request has a time limit of its own, so that a stalled link is noticed while a
 * long upload is not cut off.
 */
class OkHttpTransport(client: OkHttpClient = OkHttpClient()) : OfficeTransport {
    private val client = client.newBuilder()
        .followRedirects(false)
        .followSslRedirects(false)
        .connectTimeout(CONNECT_SECONDS, TimeUnit.SECONDS)
        .writeTimeout(STALL_SECONDS, TimeUnit.SECONDS)
        .readTimeout(STALL_SECONDS, TimeUnit.SECONDS)
        .cache(null)
        .build()
    private val mostBytes = limits().responseBytes.toLong()

    override suspend fun send(office: String, request: HttpRequest): SyncOutcome =
        try {
            exchange(client.newCall(request.to(office)))
        } catch (error: IllegalArgumentException) {
            // An address that is none.
            SyncOutcome.Unreachable(error.message.orEmpty())
        }

    private suspend fun exchange(call: Call): SyncOutcome = suspendCancellableCoroutine { waiting ->
        waiting.invokeOnCancellation { call.cancel() }
        call.enqueue(object : Callback {
            override fun onFailure(call: Call, e: IOException) = waiting.resume(e.toOutcome())

            override fun onResponse(call: Call, response: Response) = waiting.resume(
                try {
                    SyncOutcome.Answered(response.use { it.read(mostBytes) })
                } catch (error: IOException) {
                    error.toOutcome()
                },
            )
        })
    }

    private companion object {
        const val CONNECT_SECONDS = 10L
        const val STALL_SECONDS = 60L
    }
}

private fun IOException.toOutcome(): SyncOutcome {
    val why = message ?: javaClass.simpleName
    return when (this) {
        is UnreadableFile -> SyncOutcome.Unreadable(why)
        is UnknownHostException, is ConnectException, is NoRouteToHostException -> SyncOutcome.Unreachable(why)
        else -> SyncOutcome.Failed(why)
    }
}

private fun HttpRequest.to(office: String): Request {
    val named = Headers.Builder().apply { headers.forEach { add(it.name, it.value) } }.build()
    return Request.Builder().url(office.trimEnd('/') + path).headers(named).method(method.word(), content()).build()
}

private fun HttpMethod.word() = when (this) {
    HttpMethod.POST -> "POST"
    HttpMethod.PATCH -> "PATCH"
    HttpMethod.HEAD -> "HEAD"
}

private fun HttpRequest.content(): RequestBody? = when (val body = body) {
    HttpBody.Empty -> if (method == HttpMethod.HEAD) null else ByteArray(0).toRequestBody()
    is HttpBody.Bytes -> body.v1.toRequestBody()
    is HttpBody.File -> FilePiece(body.path, body.offset.toLong(), body.length.toLong())
}

/** A piece of a file as a body of known length, never in memory as a whole. The type is among the request's headers. */
private class FilePiece(private val file: File, private val offset: Long, private val length: Long) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun contentLength() = length

    override fun writeTo(sink: BufferedSink) {
        reading { FileSystem.SYSTEM.openReadOnly(file.toOkioPath()) }.use { handle ->
            handle.source(offset).use { piece -> sink.write(Watched(piece), length) }
        }
    }

    /** Tells what breaks while the file is read from what breaks on the network: OkHttp hands on both as one. */
    private class Watched(source: Source) : ForwardingSource(source) {
        override fun read(sink: Buffer, byteCount: Long) = reading { super.read(sink, byteCount) }
    }
}

/** The file of a request's body could not be read. */
private class UnreadableFile(cause: IOException) : IOException(cause.message ?: cause.javaClass.simpleName, cause)

private inline fun <T> reading(read: () -> T): T =
    try {
        read()
    } catch (error: IOException) {
        throw UnreadableFile(error)
    }

private fun Response.read(mostBytes: Long): HttpResponse {
    val source = body.source()
    if (source.request(mostBytes + 1)) throw IOException("the answer is longer than $mostBytes bytes")
    return HttpResponse(
        status = code.toUShort(),
        headers = headers.map { (name, value) -> HttpHeader(name, value) },
        body = source.readByteArray(),
    )
}
