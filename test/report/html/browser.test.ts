import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportPage } from '../../../src/report/html/page.ts'
import { measuredRun, recordedRun } from './report-fixture.ts'

/** The system's own browser; nothing is downloaded. */
const executablePath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path))
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')

describe.skipIf(executablePath === undefined)('in Chromium (skipped without: CHROMIUM names one elsewhere)', () => {
  let browser: Browser
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-page-'))
    await writeFile(join(folder, 'measured.html'), reportPage(measuredRun))
    await writeFile(join(folder, 'bare.html'), reportPage({ ...recordedRun, before: null, after: null, pairs: [] }))
    browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      // Root has no sandbox to go into.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    })
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  interface Look {
    width: number
    colorScheme: 'light' | 'dark'
    name: string
  }
  const looks: Look[] = ['measured', 'bare'].flatMap((name) =>
    [1440, 390].flatMap((width) =>
      (['light', 'dark'] as const).map((colorScheme): Look => ({ width, colorScheme, name })),
    ),
  )

  /** Opened as a file, with everything unfolded; what it asks for or complains of is kept. */
  async function open({ width, colorScheme, name }: Look): Promise<{ page: Page; asked: string[]; said: string[] }> {
    // What axe injects is not the page's own: its policy would forbid it.
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true })
    const asked: string[] = []
    const said: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    page.on('console', (message) => said.push(message.text()))
    page.on('pageerror', (error) => said.push(String(error)))
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href)
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    return { page, asked, said }
  }

  test.each(
    looks,
  )('$name at $width px, $colorScheme: nothing is wider than the page, and it asks for nothing', async (look) => {
    const { page, asked, said } = await open(look)
    const widths = await page.evaluate('[document.documentElement.scrollWidth, document.documentElement.clientWidth]')
    expect(widths).toEqual([look.width, look.width])
    expect(asked).toEqual([pathToFileURL(join(folder, `${look.name}.html`)).href])
    expect(said).toEqual([])
    await page.close()
  })

  test.each(
    looks.filter(({ name }) => name === 'measured'),
  )('$name at $width px, $colorScheme: everything has a name and can be read', async (look) => {
    const { page } = await open(look)
    await page.evaluate(axeSource)
    const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults
    expect(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))])).toEqual([])
    await page.close()
  })

  test('the pictures are seen, one at a time, and their text is inside of them', async () => {
    for (const width of [1440, 390]) {
      const { page } = await open({ name: 'measured', width, colorScheme: 'light' })
      // By role and name, as a screen reader finds them.
      for (const name of [/^The run, node by node/, /^Every interruption/, /^Connectivity/, /^Packets refused/]) {
        const picture = page.getByRole('img', { name })
        expect(await picture.count()).toBe(1)
        expect((await picture.boundingBox())?.height).toBeGreaterThan(100)
      }
      const outside = await page.evaluate(`[...document.querySelectorAll('svg')].flatMap((svg) => {
        const box = svg.getBoundingClientRect()
        if (box.width === 0) return []
        return [...svg.querySelectorAll('text')].filter((text) => {
          const own = text.getBoundingClientRect()
          return own.left < box.left - 1 || own.right > box.right + 1 || own.top < box.top - 1 || own.bottom > box.bottom + 1
        }).map((text) => text.textContent)
      })`)
      expect(outside).toEqual([])
      await page.close()
    }
  })

  test('the page obeys its own policy: an injected script does not run, its style is applied', async () => {
    const page = await browser.newPage()
    const poisoned = reportPage(recordedRun).replace('<main>', '<main><script>document.title = "run"</script>')
    await writeFile(join(folder, 'poisoned.html'), poisoned)
    await page.goto(pathToFileURL(join(folder, 'poisoned.html')).href)
    expect(await page.title()).toBe(`${recordedRun.plan.cluster}: run ${recordedRun.runId}`)
    expect(await page.evaluate('getComputedStyle(document.body).maxWidth')).toBe('1216px')
    await page.close()
  })

  test('on paper: black on white in the dark too, and nothing is cut off at the right', async () => {
    const { page } = await open({ name: 'measured', width: 720, colorScheme: 'dark' })
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(720)
    await page.close()
  })
})
