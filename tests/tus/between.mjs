// What stands between a phone and its office in these tests: somebody else's tus server, or a wire that is cut.

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'

const UPLOADS = '/v1/photos/uploads'

async function listening(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

/** Hands a request on to the office, and its answer back. */
function pass(office, request, response) {
  const { method, url, headers } = request
  const onward = http.request(new URL(url, office), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  request.pipe(onward)
}

/** All that a phone asks goes to the office, but its uploads: those go to `uploads`, a handler of requests. */
export class Beside {
  static async of(office, uploads) {
    const beside = new Beside()
    beside.server = http.createServer((request, response) => {
      if (request.url.startsWith(UPLOADS)) uploads(request, response)
      else pass(office.address, request, response)
    })
    beside.address = await listening(beside.server)
    return beside
  }

  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }
}

/** A handler that takes no upload, and remembers what the first one said of itself. */
export function turnedAway() {
  const handler = (request, response) => {
    handler.asked ??= request.headers
    request.resume().on('end', () => response.writeHead(503).end())
  }
  return handler
}

/** A wire to `address` that can be cut, and that counts what goes over it. */
export class Wire {
  static async to(address) {
    const wire = new Wire()
    const { port } = new URL(address)
    wire.sent = 0
    wire.cuts = 0
    wire.left = Infinity
    wire.open = new Set()
    wire.server = net.createServer((client) => wire.join(client, net.connect(Number(port), '127.0.0.1')))
    wire.address = await listening(wire.server)
    return wire
  }

  /** It is cut after so many more bytes from the client, once. */
  cutAfter(bytes) {
    this.left = bytes
  }

  join(client, server) {
    const ends = [client, server]
    ends.forEach((end) => this.open.add(end))
    const hangUp = () => ends.forEach((end) => this.open.delete(end.destroy()))
    ends.forEach((end) => end.on('error', hangUp).on('close', hangUp))
    server.pipe(client)
    client.on('data', (bytes) => {
      const through = bytes.subarray(0, Math.min(bytes.length, this.left))
      this.left -= through.length
      this.sent += through.length
      server.write(through)
      if (this.left > 0) return
      this.left = Infinity
      this.cuts += 1
      // What came before the cut arrives.
      server.end(() => client.destroy())
    })
  }

  stop() {
    this.open.forEach((end) => end.destroy())
    this.server.close()
  }
}
