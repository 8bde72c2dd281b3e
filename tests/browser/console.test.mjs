// The console as people use it: a case from two phones' photos to its closing, over pages in a real browser.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Browser, Office, photo, sideways, signIn } from './world.mjs'

let office, browser, li, zhou

before(async () => {
  office = await Office.start()
  browser = await Browser.start()
  li = await office.phone('li', '李的手机')
  zhou = await office.phone('zhou', '城管一队手机')
  await li('capture', '--category', '占道经营', '--note', '水果摊占用人行道，行人绕行', '--address', '巴州大道三号桥头', '--at', '31.8672,106.7503', await photo('stall-on'))
  await li('capture', '--category', '非法小广告', '--note', '墙面小广告成片', '--address', '江北大道中段', '--at', '31.8690,106.7462', await photo('flyers-on'))
  await li('sync')
})

after(async () => {
  await browser?.stop()
  await office?.stop()
  if (browser) console.log(`# screenshots: ${browser.shots}`)
})

const flash = (page) => page.getByRole('status')
const openCase = async (page, words) => {
  await page.waitForLoadState('networkidle')
  await page.goto('/')
  await page.getByRole('link', { name: words }).click()
  await page.waitForLoadState('networkidle')
}

test('an acceptor finds a case by a two-character word and files it', async () => {
  const { page, troubles } = await browser.window(office)
  await page.goto('/')
  assert.match(page.url(), /\/sign-in/)
  await browser.shoot(page, 'sign-in')
  await signIn(page, '张受理')
  await browser.shoot(page, 'list')

  await page.getByLabel('搜索').fill('水果')
  await page.getByRole('button', { name: '查询' }).click()
  assert.equal(await page.locator('.case-row').count(), 1)
  await page.getByRole('link', { name: '占道经营' }).click()
  await page.getByText('整改前', { exact: true }).waitFor()
  const loaded = await page.locator('.shots img').first().evaluate((image) => image.complete && image.naturalWidth > 100)
  assert.ok(loaded, 'the photo shows')
  await browser.shoot(page, 'case-reported')

  await page.getByRole('button', { name: '立案', exact: true }).click()
  await flash(page).getByText('已办理：立案').waitFor()
  await page.waitForLoadState('networkidle')
  await page.reload()
  assert.equal(await flash(page).count(), 0)
  assert.deepEqual(troubles, [])
})

test('an acceptor corrects what the case says, and the story shows what stood before', async () => {
  for (const [name, width] of [['correct', 1280], ['correct-phone', 390]]) {
    const { page, troubles } = await browser.window(office, { width, height: 844 })
    await signIn(page, '张受理')
    await openCase(page, '占道经营')
    await page.locator('summary', { hasText: '更正案件信息' }).click()
    await page.getByLabel('地址').fill(`巴州大道三号桥头，${width} 号`)
    assert.equal(await page.getByLabel('类别').evaluate((select) => select.selectedOptions[0].text), '占道经营（09006）')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name)
    await page.getByRole('button', { name: '保存更正' }).click()
    await flash(page).getByText('案件信息已更正').waitFor()
    const change = page.locator('.change').last()
    assert.match(await change.textContent(), new RegExp(`地址：巴州大道三号桥头.* → 巴州大道三号桥头，${width} 号`))
    assert.equal(await page.locator('.change').count(), width === 1280 ? 1 : 2, 'what was not touched was not written')
    assert.equal(await sideways(page), 0)
    await page.waitForLoadState('networkidle')
    await browser.shoot(page, `${name}ed`)
    assert.deepEqual(troubles, [])
  }
})

test('a dispatcher sends it to the organisation that the pack suggests', async () => {
  const { page, troubles } = await browser.window(office)
  await signIn(page, '赵派遣')
  await page.getByRole('link', { name: /我的待办/ }).click()
  await page.getByRole('link', { name: '占道经营' }).click()
  await page.getByRole('button', { name: '派遣', exact: true }).click()
  await flash(page).getByText('已办理：派遣').waitFor()
  await page.locator('.facts').getByText('城管执法大队').waitFor()
  assert.deepEqual(troubles, [])
})

test('a crew accepts at its desk, and is told what handling needs', async () => {
  const { page, troubles } = await browser.window(office)
  await signIn(page, '周队')
  await openCase(page, '占道经营')
  await page.getByRole('button', { name: '接收', exact: true }).click()
  await flash(page).getByText('已办理：接收').waitFor()
  await page.locator('summary', { hasText: '处置反馈' }).click()
  await page.getByText('处置单位还没有为这次派遣附上整改后照片').waitFor()
  assert.ok(await page.getByRole('button', { name: '处置反馈', exact: true }).isDisabled())
  assert.equal(await page.getByText('李巡查').count(), 0, 'nobody tells the crew who reported')
  assert.deepEqual(troubles, [])
})

test('what the crew photographs stands beside what was reported, and the case closes', async () => {
  await zhou('sync')
  const [row] = JSON.parse(await zhou('list', '--json')).cases ?? JSON.parse(await zhou('list', '--json'))
  await zhou('step', row.label ?? row.id, 'handle', '--photo', await photo('stall-cleared'), '--note', '已劝离并清理')
  await zhou('sync')

  const { page, troubles } = await browser.window(office)
  await signIn(page, '孙核查')
  await openCase(page, '占道经营')
  assert.equal(await page.locator('.pair .card').nth(1).locator('img').count(), 1)
  await page.getByRole('button', { name: '核查通过', exact: true }).click()
  await flash(page).getByText('已办理：核查通过').waitFor()
  await page.getByRole('button', { name: '退出' }).click()
  await page.waitForURL('**/sign-in')
  await page.waitForLoadState('networkidle')

  await signIn(page, '张受理')
  await openCase(page, '占道经营')
  await page.getByRole('button', { name: '结案', exact: true }).click()
  await flash(page).getByText('已办理：结案').waitFor()
  await browser.shoot(page, 'case-closed')
  assert.deepEqual(troubles, [])
})

test('another is declined with a reason of the pack', async () => {
  const { page, troubles } = await browser.window(office)
  await signIn(page, '张受理')
  await openCase(page, '非法小广告')
  await page.locator('summary', { hasText: '不予立案' }).click()
  await page.getByLabel('理由（必填）').selectOption('位置不明，无法定位')
  await page.getByRole('button', { name: '不予立案', exact: true }).click()
  await flash(page).getByText('已办理：不予立案').waitFor()
  await page.locator('.events').getByText('位置不明，无法定位').waitFor()
  assert.deepEqual(troubles, [])
})

test('what a crew may not report is held, and a desk sees it with its photos', async () => {
  const chen = await office.phone('chen')
  await chen('capture', '--category', '占道经营', '--note', '下水井盖旁摆摊，影响检修', '--address', '江北大道公交站旁', '--at', '31.8690,106.7462', await photo('stall-on'), await photo('flyers-on'))
  await chen('sync')
  for (const [name, width] of [['held', 1280], ['held-phone', 390]]) {
    const { page, troubles } = await browser.window(office, { width, height: 844 })
    await signIn(page, '张受理')
    await page.getByRole('link', { name: '待人工处理 3', exact: true }).click()
    await page.getByText('下水井盖旁摆摊').waitFor()
    await page.getByText('陈师傅（市政公用').waitFor()
    await page.getByText('命令行 command line').waitFor()
    await page.waitForLoadState('networkidle')
    const images = page.locator('.held .thumbs img')
    const loaded = (images) => images.map((image) => image.complete && image.naturalWidth > 100)
    assert.deepEqual(await images.evaluateAll(loaded), [true, true], 'the thumbnails show')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name)
    assert.deepEqual(troubles, [])
  }
})

test('an administrator sees what phones hold, makes a code once and revokes it', async () => {
  const { page, troubles } = await browser.window(office)
  await signIn(page, '何主任')
  await page.getByRole('link', { name: '手机', exact: true }).click()
  await page.getByText('李的手机').waitFor()
  await page.getByText('这个办公室还没有做过备份').waitFor()
  assert.equal(await page.locator('.stands .tone-good').count(), 0, 'nothing is safe before a backup')
  await page.getByLabel('为谁登记手机').selectOption({ label: '王巡查（监督中心）' })
  await page.getByRole('button', { name: '生成登记码' }).click()
  await page.getByText('xuncheng://enrol').waitFor()
  await browser.shoot(page, 'phones')
  await page.waitForLoadState('networkidle')
  await page.reload()
  assert.equal(await page.getByText('xuncheng://enrol').count(), 0, 'the code is shown once')
  await page.getByRole('button', { name: '作废' }).click()
  await flash(page).getByText('已作废').waitFor()

  await office.backUp()
  await page.reload()
  await page.getByText('最近一次备份').waitFor()
  assert.equal(await page.locator('.stands .tone-good').count(), 3, 'all that came is in the backup')
  assert.equal(await page.locator('.stands .tone-warn').count(), 0)
  await browser.shoot(page, 'phones-backed-up')
  assert.deepEqual(troubles, [])
})

test('at the width of a phone nothing runs out of the page, by day and by night', async () => {
  for (const dark of [false, true]) {
    const { page, troubles } = await browser.window(office, { width: 390, height: 844, dark })
    const name = (page) => `${page}-phone${dark ? '-dark' : ''}`
    await page.goto('/sign-in')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name('sign-in'))
    await signIn(page, '何主任')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name('list'))
    await openCase(page, '占道经营')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name('case'))
    await page.goto('/phones')
    assert.equal(await sideways(page), 0)
    await browser.shoot(page, name('phones'))
    assert.deepEqual(troubles, [])
  }
})

test('the keyboard alone opens a case', async () => {
  const { page, troubles } = await browser.window(office)
  await signIn(page, '张受理')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '跳到正文')
  await page.locator('.case-row a').first().focus()
  await page.keyboard.press('Enter')
  await page.getByText('案件经过').waitFor()
  assert.deepEqual(troubles, [])
})

test('the filters stay out of the way on a phone until they are wanted', async () => {
  const { page, troubles } = await browser.window(office, { width: 390, height: 844 })
  await signIn(page, '张受理')
  assert.ok(await page.getByLabel('搜索').isHidden())
  await page.getByLabel('显示筛选条件').check()
  await page.getByLabel('搜索').fill('不存在的词')
  await page.getByRole('button', { name: '查询' }).click()
  await page.getByText('没有符合条件的案件').waitFor()
  assert.equal(await sideways(page), 0)
  assert.deepEqual(troubles, [])
})
