// Uploads speak tus 1.0 to others too: tus-js-client sends to our office, our phone sends to @tus/server.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'
import { Upload } from 'tus-js-client'
import { Office, photo } from '../tools/office.mjs'
import { Beside, Wire, turnedAway } from './between.mjs'

const PIECE = 64 * 1024
/** What the headers of a request may take beside its body. */
const HEADERS = 2048

let office
const others = []

/** Stops it after the test. */
function stopping(other) {
  others.push(other)
  return other
}

beforeEach(async () => {
  office = await Office.start('--piece-bytes', String(PIECE))
})

afterEach(async () => {
  for (const other of others.splice(0)) await other.stop()
  await office.stop()
})

/** A phone whose requests go to `address`, with a case that has one photo; gives the photo's bytes and name too. */
async function captured(address) {
  const phone = await office.phone('li', undefined, address)
  const file = await photo('manhole-missing-before')
  await phone('capture', '--category', '污水井盖', file)
  const original = await readFile(file)
  return { phone, original, sha256: createHash('sha256').update(original).digest('hex') }
}

const atOffice = (sha256) => readFile(path.join(office.data, 'photos', sha256.slice(0, 2), sha256))
const events = (text) => text.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
const status = async (phone) => JSON.parse(await phone('--json', 'status'))

describe('tus-js-client sends to the office', () => {
  /** What a phone of the office would send an original with: its token, and the entry that shows the photo. */
  async function enrolled() {
    const uploads = turnedAway()
    const beside = stopping(await Beside.of(office, uploads))
    const { phone, original, sha256 } = await captured(beside.address)
    await assert.rejects(phone('sync'), 'its entries have come, its original has not')
    const metadata = Object.fromEntries(
      uploads.asked['upload-metadata'].split(',').map((pair) => {
        const [name, value] = pair.split(' ')
        return [name, Buffer.from(value, 'base64').toString()]
      }),
    )
    assert.equal(metadata.sha256, sha256)
    return { phone, original, sha256, metadata, headers: { Authorization: uploads.asked.authorization } }
  }

  /** Sends `bytes` to the end, or to an error. */
  function sent(address, bytes, options) {
    const endpoint = `${address}/v1/photos/uploads`
    const retryDelays = [0, 50, 100, 200, 400]
    return new Promise((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint,
        chunkSize: PIECE,
        retryDelays,
        ...options,
        onSuccess: () => resolve(upload),
        onError: reject,
      })
      upload.start()
    })
  }

  for (const uploadDataDuringCreation of [false, true]) {
    test(`whole, ${uploadDataDuringCreation ? 'the first piece with the creation' : 'created empty'}`, async () => {
      const { phone, original, sha256, metadata, headers } = await enrolled()
      await sent(office.address, original, { metadata, headers, uploadDataDuringCreation })
      assert.deepEqual(await atOffice(sha256), original)
      // The office signed for it: its phone has nothing to send any more.
      const synced = events(await phone('sync', '--events'))
      assert.ok(!synced.some(({ event }) => event === 'sending'), JSON.stringify(synced))
      const { photos } = await status(phone)
      assert.equal(photos.received, 1)
    })
  }

  test('a cut in the middle of a piece is gone on from', async () => {
    const { original, sha256, metadata, headers } = await enrolled()
    const wire = stopping(await Wire.to(office.address))
    wire.cutAfter(2.5 * PIECE)
    await sent(wire.address, original, { metadata, headers })
    assert.equal(wire.cuts, 1)
    assert.deepEqual(await atOffice(sha256), original)
    const requests = Math.ceil(original.length / PIECE) + 4
    const most = original.length + PIECE + requests * HEADERS
    assert.ok(wire.sent <= most, `${wire.sent} bytes for ${original.length}: at most a piece goes twice`)
  })

  test('another process goes on where the first one was, also after the office was started anew', async () => {
    const { original, sha256, metadata, headers } = await enrolled()
    const url = await new Promise((resolve, reject) => {
      const upload = new Upload(original, {
        endpoint: `${office.address}/v1/photos/uploads`,
        chunkSize: PIECE,
        metadata,
        headers,
        onError: reject,
        onChunkComplete: (_, accepted) => {
          if (accepted === 2 * PIECE) upload.abort().then(() => resolve(upload.url), reject)
        },
      })
      upload.start()
    })
    await office.restart()
    const wire = stopping(await Wire.to(office.address))
    const { pathname } = new URL(url)
    await sent(wire.address, original, { uploadUrl: wire.address + pathname, headers })
    assert.deepEqual(await atOffice(sha256), original)
    assert.ok(wire.sent < original.length, 'what was acknowledged does not go again')
  })

  test('other bytes than the photo, another length, no token: each is refused with its reason', async () => {
    const { original, metadata, headers } = await enrolled()
    const refused = (bytes, options) =>
      sent(office.address, bytes, { retryDelays: null, ...options }).then(
        () => assert.fail('it was taken'),
        (error) => [error.originalResponse.getStatus(), JSON.parse(error.originalResponse.getBody()).code],
      )
    const altered = Buffer.from(original)
    altered[1000] ^= 1
    assert.deepEqual(await refused(altered, { metadata, headers }), [460, 'checksum_mismatch'])
    assert.deepEqual(await refused(original.subarray(1), { metadata, headers }), [422, 'not_of_entry'])
    assert.deepEqual(await refused(original, { metadata, headers: {} }), [401, 'bad_token'])
    const nobodys = { ...metadata, entry: '0'.repeat(32) }
    assert.deepEqual(await refused(original, { metadata: nobodys, headers }), [409, 'unknown_entry'])
  })
})

describe('our phone sends to @tus/server', () => {
  /** A tus server that takes uploads for the office. */
  async function theirs() {
    const directory = await mkdtemp(path.join(tmpdir(), 'xuncheng-tus-'))
    stopping({ stop: () => rm(directory, { recursive: true, force: true }) })
    const server = new Server({ path: '/v1/photos/uploads', datastore: new FileStore({ directory }) })
    const seen = []
    const beside = stopping(
      await Beside.of(office, (request, response) => {
        seen.push([request.method, request.headers['upload-offset']])
        return server.handle(request, response)
      }),
    )
    const kept = async () => {
      const files = (await readdir(directory)).filter((name) => !name.endsWith('.json'))
      return Promise.all(files.map((name) => readFile(path.join(directory, name))))
    }
    return { beside, seen, kept }
  }

  test('whole, in pieces', async () => {
    const { beside, seen, kept } = await theirs()
    const { phone, original } = await captured(beside.address)
    await phone('sync')
    assert.deepEqual(await kept(), [original])
    const pieces = Math.ceil(original.length / PIECE)
    assert.deepEqual(seen.map(([method]) => method), ['POST', ...Array(pieces - 1).fill('PATCH')])
    // Nobody signed for it: offsets are hints, and the phone keeps asking.
    assert.equal((await status(phone)).photos.received, 0)
    await phone('sync')
    assert.deepEqual(seen.slice(pieces), [['HEAD', undefined]])
  })

  test('a cut in the middle of a piece is gone on from', async () => {
    const { beside, seen, kept } = await theirs()
    const wire = stopping(await Wire.to(beside.address))
    const { phone, original } = await captured(wire.address)
    const before = wire.sent
    // Past entries and thumbnail, into the original.
    wire.cutAfter(4.5 * PIECE)
    await assert.rejects(phone('sync'))
    assert.equal(wire.cuts, 1)
    await phone('sync')
    assert.deepEqual(await kept(), [original])
    assert.ok(seen.some(([method]) => method === 'HEAD'), 'the server is asked how far it is')
    const { bytes_sent_again: again } = await status(phone)
    assert.ok(again <= PIECE, `${again} bytes again`)
    assert.ok(wire.sent - before < original.length + 2 * PIECE + 20 * HEADERS, `${wire.sent - before} bytes`)
  })
})
