// A browser that notices what goes wrong on a page, beside an office and phones as real processes.

import { mkdtemp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium } from 'playwright-core'

export { Office, photo, xuncheng } from '../tools/office.mjs'

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
