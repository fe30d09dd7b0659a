import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Plan } from '../../src/engine/model.ts'
import { readPlanFile } from '../../src/engine/plan-file.ts'
import { someFacts } from '../operations/some-facts.ts'

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
const lab = new URL('../../inventory/lab.yaml', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'plan-'))
afterAll(() => rmSync(folder, { recursive: true }))

const facts = join(folder, 'facts.json')
writeFileSync(facts, JSON.stringify({ ...someFacts(), cluster: 'lab' }))

function plan(...args: string[]): string {
  return execFileSync(process.execPath, [main, 'plan', '-i', lab, '--facts', facts, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
}

describe('planning offline, from a facts file', () => {
  test('-o keeps a plan that can be run, 0600; two plans of the same facts would do the same', async () => {
    const file = join(folder, 'plan.json')
    const printed: Plan = JSON.parse(plan('--json', '-o', file))
    const kept = await readPlanFile(file)
    expect(kept.plan).toEqual(printed)
    expect(kept.facts).toEqual(JSON.parse(readFileSync(facts, 'utf8')))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const again: Plan = JSON.parse(plan('--format', 'json'))
    expect(again.id).not.toBe(printed.id)
    expect(again.changesDigest).toBe(printed.changesDigest)
  })

  test('the two orders are two plans; text and Markdown name every step', () => {
    const staged: Plan = JSON.parse(plan('--json'))
    const seed: Plan = JSON.parse(plan('--json', '--order', 'seed'))
    expect(seed.changesDigest).not.toBe(staged.changesDigest)
    const text = plan()
    const markdown = plan('--format', 'markdown')
    for (const step of staged.steps) {
      expect(text).toContain(step.stepId)
      expect(markdown).toContain(`| ${step.phaseTitle} |`)
    }
  })

  test('another runbook is another plan; parameters that it has not are refused', () => {
    const purge = [main, 'plan', '-i', lab, '--facts', facts, '--runbook', 'kube-router-purge']
    const blocked = spawnSync(process.execPath, [...purge, '--json'], { encoding: 'utf8' })
    // On these facts the controller runs.
    expect(blocked.status).toBe(3)
    expect(JSON.parse(blocked.stdout)).toMatchObject({ runbook: 'kube-router-purge', params: {} })
    const { status, stderr } = spawnSync(process.execPath, [...purge, '--order', 'seed'], { encoding: 'utf8' })
    expect(status).toBe(2)
    expect(stderr).toContain('It takes none: leave --order, --policies and --to out.')
    const change = [main, 'plan', '-i', lab, '--facts', facts, '--runbook', 'routing-mode-change']
    const modeless = spawnSync(process.execPath, change, { encoding: 'utf8' })
    expect(modeless.status).toBe(2)
    expect(modeless.stderr).toContain('--to takes native or tunnel')
    const native = spawnSync(process.execPath, [...change, '--to', 'native', '--json'], { encoding: 'utf8' })
    expect(JSON.parse(native.stdout)).toMatchObject({ runbook: 'routing-mode-change', params: { to: 'native' } })
  })

  test('--compare puts the ways side by side, and takes nothing that chooses one', () => {
    expect(plan('--compare')).toMatch(
      /^ +k3s-flannel-to-cilium staged +k3s-flannel-to-cilium-live open +k3s-flannel-to-cilium-live closed$/m,
    )
    expect(JSON.parse(plan('--compare', '--json'))).toMatchObject([
      {
        runbook: 'k3s-flannel-to-cilium',
        open: [{ from: 'kube-router-rules', to: 'policies-on' }],
        pointsOfNoReturn: [],
      },
      { params: { policies: 'open' }, pointsOfNoReturn: [{ from: 'flannel-off-flags' }] },
      { params: { policies: 'closed' }, open: [{ from: 'policies-off-servers', to: 'policies-on' }] },
    ])
    const both = [main, 'plan', '-i', lab, '--facts', facts, '--compare', '--order', 'seed', '-o', 'x']
    const { status, stderr } = spawnSync(process.execPath, both, { encoding: 'utf8' })
    expect([status, stderr]).toEqual([2, expect.stringContaining('and --output, --order is of one')])
  })

  test('what blocks is printed with the plan, and the exit says so', () => {
    const broken = someFacts()
    const node = broken.nodes.s1
    if (!node?.etcd) throw new Error('fixture')
    const { etcd } = node
    const blocked = {
      ...broken,
      cluster: 'lab',
      nodes: { ...broken.nodes, s1: { ...node, etcd: { ...etcd, isLearner: true } } },
    }
    const file = join(folder, 'blocked.json')
    writeFileSync(file, JSON.stringify(blocked))
    const ended = spawnSync(process.execPath, [main, 'plan', '-i', lab, '--facts', file], { encoding: 'utf8' })
    expect(ended.stdout).toMatch(/^ {2}blocks {2}/m)
    expect(ended.status).toBe(3)
  })
})
