// An office and phones as real processes, and a browser that notices what goes wrong on a page.

import { spawn, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

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
  static async start() {
    const office = new Office()
    office.folder = await mkdtemp(path.join(tmpdir(), 'xuncheng-browser-'))
    office.data = path.join(office.folder, 'office')
    office.process = spawn(binary, ['serve', '--data', office.data, '--port', '0', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XUNCHENG_LOG: 'warn' },
    })
    office.log = ''
    office.process.stderr.on('data', (text) => (office.log += text))
    const lines = readline.createInterface({ input: office.process.stdout })
    const first = once(lines, 'line')
    const ended = once(office.process, 'exit').then(([status]) => {
      throw new Error(`the office ended with status ${status}: ${office.log}`)
    })
    const [line] = await Promise.race([first, ended])
    ended.catch(() => {})
    office.console = JSON.parse(line).console
    return office
  }

  /** A verified backup of this office. */
  async backUp() {
    await xuncheng('backup', '--data', this.data, '--to', path.join(this.folder, 'backups'))
  }

  /** A phone of `person`, enrolled here; without a name it has the command line's. */
  async phone(person, device) {
    const folder = path.join(this.folder, `phone-${person}`)
    const phone = (...args) => xuncheng('phone', '--folder', folder, ...args)
    const { code } = JSON.parse(await xuncheng('code', 'new', '--data', this.data, '--person', person, '--json'))
    await phone('init', '--person', person)
    await phone('enrol', code, ...(device ? ['--device', device] : []))
    return phone
  }

  async stop() {
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM')
      await once(this.process, 'exit')
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A headless browser with an empty profile. Screenshots go to XUNCHENG_SCREENSHOTS, or to a temporary folder. */
export class Browser {
  static async start() {
    const browser = new Browser()
    browser.chromium = await chromium.launch({
      executablePath: process.env.XUNCHENG_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    browser.shots = process.env.XUNCHENG_SCREENSHOTS ?? (await mkdtemp(path.join(tmpdir(), 'xuncheng-screenshots-')))
    await mkdir(browser.shots, { recursive: true })
    return browser
  }

  /** A window of its own: other cookies than every other. `troubles` fills with what a visitor should never meet. */
  async window(office, { width = 1440, height = 900, dark = false } = {}) {
    const context = await this.chromium.newContext({
      baseURL: office.console,
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      locale: 'zh-CN',
      javaScriptEnabled: true,
    })
    const page = await context.newPage()
    const troubles = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) troubles.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => troubles.push(`script: ${error.message}`))
    page.on('requestfailed', (request) => troubles.push(`failed: ${request.url()} ${request.failure()?.errorText}`))
    page.on('response', (response) => {
      if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`)
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(office.console)) troubles.push(`elsewhere: ${request.url()}`)
    })
    return { page, troubles, context }
  }

  async shoot(page, name) {
    await page.screenshot({ path: path.join(this.shots, `${name}.png`), fullPage: true })
  }

  async stop() {
    await this.chromium.close()
  }
}

/** Signs in by the picker. */
export async function signIn(page, name) {
  await page.goto('/sign-in')
  await page.getByRole('button', { name: new RegExp(name) }).click()
  // Going on while thumbnails are on their way would cut them off, and a cut request is a trouble.
  await page.waitForLoadState('networkidle')
}

/** How far the page can be moved sideways, in pixels. */
export async function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}
