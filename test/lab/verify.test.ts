import { renameSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { until } from '../../src/lab/host.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { type Verified, verifiedSchema } from '../../src/report/verify-json.ts'
import { quietLab, takeDown } from './support/fresh-lab.ts'
import { type ClusterObject, objectsOf, onNode, serverOf } from './support/lab-access.ts'
import { migrate, mustMigrate } from './support/migrate.ts'

// One cluster, migrated once: what goes wrong afterwards is planted, found, named and repaired, one after the other.
const name = 'ev-stat'
let lab: Lab
/** Made on flannel, and kept where `verify` does not look by itself. */
let baseline: string

beforeAll(async () => {
  lab = await quietLab({ name, servers: 1, agents: 2 })
  const kept = z
    .object({ file: z.string() })
    .parse(JSON.parse(await mustMigrate(lab, 'baseline', '--duration', '20s', '--json')))
  baseline = `${lab.stateDir}/before.json`
  renameSync(kept.file, baseline)
  await mustMigrate(lab, 'run', '--yes')
})
afterAll(() => takeDown(name))

async function verify(...args: string[]): Promise<{ code: number; verified: Verified }> {
  const { code, stdout, stderr } = await migrate(lab, ['verify', '--json', ...args])
  if (stdout === '') throw new Error(`migrate verify ended with ${code}: ${stderr}`)
  return { code, verified: verifiedSchema.parse(JSON.parse(stdout)) }
}

const shown = ({ findings }: Verified) =>
  findings.filter(({ level }) => level !== 'fine').map(({ level, title, detail }) => `${level}: ${title}: ${detail}`)

const expectClean = () =>
  until({ waitingFor: () => 'verify to find nothing', timeoutMs: 60_000, everyMs: 1_000 }, async () => {
    const { code, verified } = await verify()
    return code === 0 && shown(verified).length === 0 ? true : undefined
  })

const podSchema = z.looseObject({ spec: z.looseObject({ nodeName: z.string() }) })

/** A pod of the workload, by its namespace and the label `app`. */
async function podOf(namespace: string, app: string): Promise<{ pod: string; node: string }> {
  const isIt = ({ kind, metadata }: ClusterObject) =>
    kind === 'Pod' && metadata.namespace === namespace && metadata.labels?.app === app
  const pod = (await objectsOf(lab)).find(isIt)
  if (!pod) throw new Error(`there is no pod of ${namespace}/${app}`)
  return { pod: pod.metadata.name, node: podSchema.parse(pod).spec.nodeName }
}

const sandbox = (namespace: string, pod: string) =>
  `id=$(k3s crictl pods -q --state Ready --namespace ${namespace} --name ${pod} | head -n 1); [ -n "$id" ]`

/** A script inside the pod's network namespace. */
async function inPod(namespace: string, app: string, script: string): Promise<void> {
  const { pod, node } = await podOf(namespace, app)
  await onNode(
    lab,
    node,
    `set -e
${sandbox(namespace, pod)}
netns=$(k3s crictl inspectp -o json "$id" | grep -o '/[a-z/]*netns/[^"]*' | head -n 1)
nsenter --net="$netns" sh -e <<'END'
${script}
END
`,
  )
}

const kubectl = (...args: string[]) => onNode(lab, serverOf(lab), `k3s kubectl ${args.join(' ')}`)

/** The bridge plugin as flannel has it called, in place of Cilium's, whose agent mends the configuration at once. */
const oldPlugin = `#!/bin/sh
cat >/dev/null
echo '${JSON.stringify({
  cniVersion: '0.3.1',
  name: 'cbr0',
  type: 'bridge',
  ipam: { type: 'host-local', subnet: '10.42.77.0/24', routes: [{ dst: '0.0.0.0/0' }] },
})}' | exec /var/lib/rancher/k3s/data/cni/bridge
`

/** Recreates a pod as it would have been before. */
async function leaveOnOldNetwork(): Promise<void> {
  const { pod, node } = await podOf('edge', 'cli')
  await onNode(
    lab,
    node,
    `set -e
mv /opt/cni/bin/cilium-cni /opt/cni/bin/kept
cat > /opt/cni/bin/cilium-cni <<'END'
${oldPlugin}
END
chmod 755 /opt/cni/bin/cilium-cni
${sandbox('edge', pod)}
k3s crictl stopp "$id"
for _ in $(seq 60); do
  ${sandbox('edge', pod)} && k3s crictl inspectp -o json "$id" | grep -q '"ip": *"10\\.42\\.77\\.' && break
  sleep 0.5
done
mv /opt/cni/bin/kept /opt/cni/bin/cilium-cni
k3s crictl inspectp -o json "$id" | grep '"ip": *"10\\.42\\.77\\.' || { k3s kubectl get events -n edge 2>&1 | tail -n 5; exit 1; }
`,
  )
}

async function moveToNewNetwork(): Promise<void> {
  const { pod, node } = await podOf('edge', 'cli')
  await onNode(
    lab,
    node,
    `set -e
${sandbox('edge', pod)}
k3s crictl stopp "$id"
rm -rf /var/lib/cni/networks
ip link delete cni0
`,
  )
}

const plants: {
  what: string
  plant: () => Promise<unknown>
  repair: () => Promise<unknown>
  title: string
  detail: RegExp
}[] = [
  {
    what: 'leftover FLANNEL-POSTRTG on one node',
    plant: () =>
      onNode(
        lab,
        'a1',
        'iptables -w 10 -t nat -N FLANNEL-POSTRTG && iptables -w 10 -t nat -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
      ),
    repair: () =>
      onNode(
        lab,
        'a1',
        'iptables -w 10 -t nat -D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG && iptables -w 10 -t nat -X FLANNEL-POSTRTG',
      ),
    title: 'nothing of flannel and kube-router is left',
    detail: /flannel/,
  },
  {
    what: 'a hostPort that leads nowhere',
    plant: () =>
      onNode(
        lab,
        'a2',
        'iptables -w 10 -t nat -I PREROUTING -p tcp --dport 9100 -j DNAT --to-destination 10.52.250.9:8080',
      ),
    repair: () =>
      onNode(
        lab,
        'a2',
        'iptables -w 10 -t nat -D PREROUTING -p tcp --dport 9100 -j DNAT --to-destination 10.52.250.9:8080',
      ),
    title: 'host ports lead to their pods',
    detail: /^1 of 3 lead nowhere.*a2:9100 of edge\/probe-/,
  },
  {
    what: 'DNS broken for one namespace',
    plant: async () => {
      await kubectl('-n data get networkpolicy web-egress-dns -o json > /root/web-egress-dns.json')
      await kubectl('-n data delete networkpolicy web-egress-dns')
    },
    repair: () => kubectl('apply -f /root/web-egress-dns.json'),
    title: 'the cluster DNS answers to pods of every namespace',
    detail: /no answer to 1 of 1 pods of data: data\/web-.*egress policies of data deny it, and it worked before/,
  },
  {
    what: 'a policy not enforced',
    plant: () => inPod('pay', 'web', 'nft insert rule inet standin_cilium ingress accept'),
    repair: () =>
      inPod(
        'pay',
        'web',
        `handle=$(nft -a list chain inet standin_cilium ingress | sed -n 's/^[[:space:]]*accept # handle //p')
nft delete rule inet standin_cilium ingress handle $handle`,
      ),
    title: 'what policies forbid does not connect',
    detail: /not enforced: .*-> pay\/web-/,
  },
  {
    what: 'a policy enforced too much',
    plant: () =>
      inPod(
        'shop',
        'web',
        `mac=$(nft list chain inet standin_cilium ingress | sed -n 's/.*ether saddr \\([0-9a-f:]*\\) accept.*/\\1/p')
nft -f - <<NFT
table inet planted {
  chain ingress {
    type filter hook input priority -10
    ether saddr != $mac tcp dport 8080 drop
  }
}
NFT`,
      ),
    repair: () => inPod('shop', 'web', 'nft delete table inet planted'),
    title: 'what policies allow connects',
    detail: /enforced too much: .*-> shop\/web-.*\(timeout\)/,
  },
  {
    what: 'MTU too large across nodes',
    plant: () => onNode(lab, 's1', 'iptables -w 10 -I INPUT -p udp --dport 8473 -m length --length 1400:65535 -j DROP'),
    repair: () =>
      onNode(lab, 's1', 'iptables -w 10 -D INPUT -p udp --dport 8473 -m length --length 1400:65535 -j DROP'),
    title: 'large packets cross between nodes',
    detail: /6000 bytes do not arrive, on 2 of 6 ways: .*a1 -> s1.*a2 -> s1/,
  },
  {
    what: 'one pod left on the old network',
    plant: leaveOnOldNetwork,
    repair: moveToNewNetwork,
    title: 'every pod is carried by Cilium',
    detail: /1 pods are still on the old network \(edge\/cli-/,
  },
]

test('after the migration there is nothing to find', async () => {
  const { code, verified } = await verify()
  expect(shown(verified)).toEqual([])
  expect(code).toBe(0)
})

test.each(plants)('$what: found, named, and gone after the repair', async ({ plant, repair, title, detail }) => {
  await plant()
  const { code, verified } = await verify()
  const found = verified.findings.filter((one) => one.title === title && one.level === 'blocks')
  expect(found.map((one) => one.detail).join('; '), shown(verified).join('\n')).toMatch(detail)
  expect(code).toBe(5)
  await repair()
  await expectClean()
})

test('the same pairs again, against the baseline: none is worse, what was refused is dropped now', async () => {
  const { code, verified } = await verify('--baseline', baseline, '--duration', '20s')
  const { compared } = verified
  expect(compared?.verdicts.worse, JSON.stringify(compared?.pairs.slice(0, 3))).toBe(0)
  expect(compared?.verdicts['changed-kind']).toBeGreaterThan(3)
  expect(compared?.verdicts['not-comparable']).toBe(0)
  expect(compared?.failures?.change).not.toBe('worse')
  expect(shown(verified)).toEqual([])
  expect(code).toBe(0)
})
