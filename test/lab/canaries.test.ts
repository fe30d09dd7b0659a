import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { must } from '../../src/lab/host.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { freshLab, takeDown } from './support/fresh-lab.ts'
import { kubeconfigOf, onNode, serverOf } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'
import { type Answers, typed } from './support/typed.ts'
import { watchArguments } from './support/watch-arguments.ts'

// Secrets that nobody else has, through a whole run with a failure in it; then they are looked for everywhere.
const name = 'canaries'
const passphrase = 'canary-passphrase-5e1f'
/** No secret: said aloud on a node, so that it is known that the looking finds what is there. */
const decoy = 'canary-decoy-90c2'
let lab: Lab
/** By what they are, in each form in which they could stand somewhere. */
let canaries: Record<string, string[]>
let answers: Answers

beforeAll(async () => {
  lab = await freshLab({ name, servers: 3, agents: 1 })
  // The operator: a user whose sudo wants a password, with a key that wants a passphrase.
  const key = join(lab.stateDir, 'canary_key')
  copyFileSync(join(lab.stateDir, 'id_ed25519'), key)
  await must(['ssh-keygen', '-q', '-p', '-P', '', '-N', passphrase, '-f', key])
  const inventory = parse(readFileSync(lab.inventoryFile, 'utf8'))
  inventory.ssh = { ...inventory.ssh, user: 'operatorpw', identityFile: 'canary_key' }
  writeFileSync(lab.inventoryFile, stringify(inventory))

  const password = readFileSync(join(lab.stateDir, 'operatorpw.password'), 'utf8').trim()
  const token = await onNode(lab, serverOf(lab), 'cat /var/lib/rancher/k3s/server/token')
  const keyData = parse(await kubeconfigOf(lab)).users[0].user['client-key-data']
  const pemLine = Buffer.from(keyData, 'base64').toString().split('\n')[1] ?? ''
  const forms = (secret: string) => [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1)]
  canaries = {
    'sudo password': forms(password),
    passphrase: forms(passphrase),
    'server token': forms(token.trim().split('::server:')[1] ?? ''),
    'client key': [pemLine, keyData.slice(80, 140)],
  }
  expect(
    Object.values(canaries)
      .flat()
      .filter((form) => form.length < 12),
  ).toEqual([])
  answers = { 'Passphrase of': passphrase, 'sudo password of': password }
})
afterAll(() => takeDown(name))

const all = () => [decoy, ...Object.values(canaries).flat()]
/** Which of the secrets a text holds. */
const held = (text: string) =>
  Object.keys(canaries).filter((what) => canaries[what]?.some((form) => text.includes(form)))

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Files of a node that hold a secret, K3s' own aside, and lines of its journal that do. */
async function leftOn(node: string): Promise<string> {
  // The words go through stdin, into a file that is not looked at.
  const script = `
cat >/root/canary-words <<'END'
${all().join('\n')}
END
find / /run /tmp /dev/shm -xdev \\( -path /var/lib/rancher -o -path /etc/rancher -o -path /proc -o -path /sys -o -path /root/canary-words \\) -prune \\
  -o -type f -newer /var/lib/canary-mark -exec grep -lFf /root/canary-words {} +
journalctl --no-pager | grep -Ff /root/canary-words
rm /root/canary-words
ls -A /var/lib/cni-migrate 2>/dev/null
:`
  return await onNode(lab, node, script)
}

test('password, passphrase, server token and client key: asked once, and nowhere afterwards but where they must be', async () => {
  for (const { name: node } of lab.nodes) await onNode(lab, node, 'touch /var/lib/canary-mark')
  const watch = watchArguments(all())
  await onNode(lab, serverOf(lab), `echo ${decoy} >/tmp/decoy; logger ${decoy}; sh -c 'sleep 1; :' ${decoy}`)
  const state = join(lab.stateDir, '.migrate')
  const plan = join(lab.stateDir, 'plan.json')

  // Without a terminal nobody can be asked, and that is said.
  const unasked = await migrate(lab, ['plan'])
  expect(unasked).toMatchObject({ code: 2 })

  const screens = [unasked.stdout, unasked.stderr]
  const planned = await typed(lab, `plan -i ${lab.inventoryFile} -o ${plan}`, answers)
  expect(planned, planned.screen.slice(-2000)).toMatchObject({ code: 0, asked: Object.keys(answers) })

  // A file where a folder is expected: the flags cannot be written on this server.
  await onNode(lab, serverOf(lab), 'touch /etc/rancher/k3s/config.yaml.d')
  const failed = await typed(lab, `run -i ${lab.inventoryFile} ${plan} --yes`, answers)
  expect(failed, failed.screen.slice(-2000)).toMatchObject({ code: 1, asked: Object.keys(answers) })
  await onNode(lab, serverOf(lab), 'rm /etc/rancher/k3s/config.yaml.d')
  const resumed = await typed(lab, `resume -i ${lab.inventoryFile} --yes`, answers)
  expect(resumed, resumed.screen.slice(-2000)).toMatchObject({ code: 0, asked: Object.keys(answers) })
  screens.push(
    planned.screen,
    failed.screen,
    resumed.screen,
    await mustMigrate(lab, 'report'),
    await mustMigrate(lab, 'status'),
  )
  const { looks, seen } = watch.stop()

  expect(screens.flatMap(held)).toEqual([])
  expect(new Set(seen.map((line) => line.trim()))).toEqual(new Set([`sh -c sleep 1; : ${decoy}`]))
  expect(looks).toBeGreaterThan(500)

  const found = [...filesUnder(state), plan].flatMap((file) => {
    const secrets = held(readFileSync(file, 'latin1'))
    const mode = (statSync(file).mode & 0o777).toString(8)
    return secrets.length === 0
      ? []
      : [`${mode} ${relative(state, file).replace(/^.*\/runs\/[^/]+\//, '')}: ${secrets.join(', ')}`]
  })
  process.stderr.write(`${found.join('\n')}\n`)
  // What the way back lives from, for the operator's eyes only: K3s' own files, and the token that opens the snapshot.
  expect(
    found.filter(
      (line) =>
        !/^600 backups\/\w+\/(snapshot\/(token|[\w-]+)|files\/etc\/rancher\/k3s\/config\.yaml|files\/etc\/systemd\/system\/k3s(-agent)?\.service(\.env)?): server token$/.test(
          line,
        ),
    ),
  ).toEqual([])
  expect(found.filter((line) => line.includes('snapshot/token'))).toHaveLength(1)

  for (const { name: node } of lab.nodes) {
    // The system's journal is read as text, besides being a file.
    const lines = (await leftOn(node)).split('\n').filter((line) => line !== '' && !/^\/var\/log\/journal\//.test(line))
    const decoys = [expect.stringMatching('^/tmp/decoy$'), expect.stringMatching(`: ${decoy}$`)]
    expect(lines, node).toEqual(node === serverOf(lab) ? decoys : [])
  }
})
