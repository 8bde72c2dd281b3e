// An office and phones as real processes, for tests in JavaScript.

import { spawn, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const binary = process.env.XUNCHENG_BIN ?? path.resolve(import.meta.dirname, '../../target/debug/xuncheng')
const samples = path.resolve(import.meta.dirname, '../../samples/photos')

/** Runs `xuncheng` with these arguments and gives what it printed. */
export async function xuncheng(...args) {
  const { stdout } = await run(binary, args, { maxBuffer: 16 << 20 })
  return stdout
}

/** The sample photo whose name begins so. */
export async function photo(start) {
  const name = (await readdir(samples)).find((file) => file.startsWith(start) && file.endsWith('.jpg'))
  if (!name) throw new Error(`no sample photo ${start}* in ${samples}`)
  return path.join(samples, name)
}

/** An office on a folder of its own. */
export class Office {
  static async start(...options) {
    const office = new Office()
    office.folder = await mkdtemp(path.join(tmpdir(), 'xuncheng-office-'))
    office.data = path.join(office.folder, 'office')
    office.options = options
    await office.run('0')
    return office
  }

  /** Ends it and starts it again on its folder and its port. */
  async restart() {
    await this.end()
    await this.run(new URL(this.address).port)
  }

  async run(port) {
    this.process = spawn(binary, ['serve', '--data', this.data, '--port', port, '--json', ...this.options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XUNCHENG_LOG: 'warn' },
    })
    this.log = ''
    this.process.stderr.on('data', (text) => (this.log += text))
    const lines = readline.createInterface({ input: this.process.stdout })
    const first = once(lines, 'line')
    const ended = once(this.process, 'exit').then(([status]) => {
      throw new Error(`the office ended with status ${status}: ${this.log}`)
    })
    const [line] = await Promise.race([first, ended])
    ended.catch(() => {})
    const said = JSON.parse(line)
    this.console = said.console
    this.address = said.address
  }

  /** A verified backup of this office. */
  async backUp() {
    await xuncheng('backup', '--data', this.data, '--to', path.join(this.folder, 'backups'))
  }

  /** A phone of `person`, enrolled here; without a name it has the command line's, without an address the office's. */
  async phone(person, device, address) {
    const folder = path.join(this.folder, `phone-${person}`)
    const phone = (...args) => xuncheng('phone', '--folder', folder, ...args)
    const told = ['--person', person, '--json', ...(address ? ['--url', address] : [])]
    const { code } = JSON.parse(await xuncheng('code', 'new', '--data', this.data, ...told))
    await phone('init', '--person', person)
    await phone('enrol', code, ...(device ? ['--device', device] : []))
    return phone
  }

  async end() {
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM')
      await once(this.process, 'exit')
    }
  }

  async stop() {
    await this.end()
    await rm(this.folder, { recursive: true, force: true })
  }
}
