/** The node's side of the stand-in against the kernel, in one scratch machine with an API of its own: flannel switched off. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ScratchMachine } from '../standin/node/scratch-machine.ts'
import { looksAt, pod, podFolder, startedMachine } from './standin-node/looks.ts'

let machine: ScratchMachine
const { until, find, ready, sandboxes, connect, save } = looksAt(() => machine)

beforeAll(async () => {
  machine = await startedMachine()
  for (const name of ['cli-0', 'cli-2']) await machine.put(podFolder('shop'), pod('shop', name, { app: 'cli' }))
  await machine.put(podFolder('shop'), pod('shop', 'web', { app: 'web' }))
}, 60_000)

afterAll(async () => {
  await machine.destroy()
})

test('keeps links, rules and pods, is not ready, and cannot take a sandbox down', async () => {
  const web = (await ready('web')).status.podIP as string
  await ready('cli-0')
  // The rules that are to be frozen are those of a finished sync.
  await until('the policy to admit cli-0', async () =>
    (await connect('cli-0', `${web}:8080`)).startsWith('web ') ? true : undefined,
  )
  await machine.stop()
  const frozen = await save('-t', 'filter')
  await machine.start('none')
  const conditions = await machine.ask<{ ready: boolean; message: string }>({ op: 'conditions' })
  expect(conditions).toMatchObject({ ready: false, reason: 'KubeletNotReady' })
  expect(conditions.message).toContain('cni plugin not initialized')
  expect(await connect('cli-0', `${web}:8080`)).toMatch(/^web /)
  const rules = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => /KUBE-(ROUTER|POD-FW|NWPLCY)/.test(line))
      .map((line) => line.replace(/\[.*\]/, ''))
  expect(rules(await save('-t', 'filter'))).toEqual(rules(frozen))
  expect((await machine.exec('cat', '/var/lib/rancher/k3s/agent/etc/containerd/config.toml')).stdout).not.toContain(
    'conf_dir',
  )
  await machine.ask({
    op: 'patch',
    path: `${podFolder('shop')}/cli-2`,
    patch: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
  })
  await until('the pod to leave the API', async () => ((await find('cli-2')) === undefined ? true : undefined))
  expect((await sandboxes()).find((one) => one.metadata.name === 'cli-2')).toMatchObject({
    state: 'SANDBOX_NOTREADY',
  })
  expect(machine.journal).toContain('cni plugin not initialized')
  await machine.put(podFolder('shop'), pod('shop', 'waits', { app: 'cli' }))
  await until('it to wait', async () =>
    (await find('waits'))?.status?.containerStatuses?.[0]?.state.waiting?.reason === 'ContainerCreating'
      ? true
      : undefined,
  )
})

test('another CNI takes over: new sandboxes get its addresses, leases and results of the old ones stay', async () => {
  const old = (await ready('cli-0')).status.podIP as string
  const conf = `{"cniVersion":"0.3.1","name":"other","plugins":[{"type":"other-cni"}]}`
  const script = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
[ "$CNI_IFNAME" = lo ] && { echo '{"cniVersion":"0.3.1","ips":[],"interfaces":[],"dns":{}}'; exit 0; }
echo '{"cniVersion":"0.3.1","interfaces":[],"ips":[{"address":"10.52.0.9/32"}],"dns":{}}'
`
  for (const [path, text] of [
    ['/opt/cni/bin/other-cni', script],
    ['/opt/cni/bin/loopback', script],
    ['/etc/cni/net.d/05-other.conflist', conf],
  ]) {
    await machine.exec(
      'sh',
      '-c',
      'mkdir -p "$(dirname "$1")"; printf "%s" "$2" > "$1"; chmod +x "$1"',
      'sh',
      path ?? '',
      text ?? '',
    )
  }
  await until('the node to be ready', async () =>
    (await machine.ask<{ ready: boolean }>({ op: 'conditions' })).ready ? true : undefined,
  )
  await until('the waiting pod', async () => ((await find('waits'))?.status?.podIP === '10.52.0.9' ? true : undefined))
  const sandbox = (await sandboxes()).find((one) => one.metadata.name === 'cli-0')
  expect(await machine.crictl('stopp', sandbox?.id ?? '')).toMatchObject({ code: 0, stderr: '' })
  await until('its new address', async () => ((await find('cli-0'))?.status?.podIP === '10.52.0.9' ? true : undefined))
  expect((await machine.exec('ls', `/var/lib/cni/networks/cbr0/${old}`)).code).toBe(0)
  expect((await machine.exec('ls', '/var/lib/cni/results')).stdout).toContain(`cbr0-${sandbox?.id}-eth0`)
})

test('flannel does not come back while another device has its port', async () => {
  await machine.stop()
  await machine.exec('ip', 'link', 'delete', 'flannel.1')
  await machine.exec('ip', 'link', 'add', 'cilium_vxlan', 'type', 'vxlan', 'external', 'dstport', '8472')
  await machine.exec('ip', 'link', 'set', 'cilium_vxlan', 'up')
  await machine.start()
  await until('the fatal error', async () =>
    /flannel exited: failed to set interface flannel\.1 to UP state: address already in use/.test(machine.journal)
      ? true
      : undefined,
  )
})
