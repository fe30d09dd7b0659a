import { clusterDns, cronJob, daemonSet, deployment, namespace, server, service } from './manifests.ts'
import type { Scenario } from './scenario.ts'

/** Holding the lock for so long is what writing tens of thousands of rules takes; here nothing is written meanwhile. */
const holdS = 40
/** Between two: others get the lock, one after the other. */
const restS = 4

/** What must go on while everything else is dropped: ssh, etcd, the API, the kubelet, tunnels. As Calico's failsafe ports. */
const failsafes = [
  '-i lo',
  '-o lo',
  '-p icmp',
  '-m conntrack --ctstate RELATED,ESTABLISHED',
  '-p tcp -m multiport --ports 22,2379,2380,4240,6443,9345,10250',
  '-p udp -m multiport --ports 8472,8473',
].map((match) => `-A KUBE-FIREWALL ${match} -m comment --comment failsafe -j RETURN\\n`)

/**
 * The other CNI's agent: reads the filter table, writes it back whole, and keeps the xtables lock. kube-proxy's rule in
 * KUBE-FIREWALL loses its matches on the way and is a bare DROP, as when an iptables of another version reads it. That chain
 * is jumped to from INPUT and OUTPUT: without the failsafes before it the node would be gone, ssh and all. With them new
 * connections between the node itself and what is not on it are dropped in silence. It stays so until kube-proxy gets the
 * lock for its next sync, and comes back a few seconds later.
 */
const agent = `
strip='/^-A KUBE-FIREWALL .*failsafe/ { next }
/^-A KUBE-FIREWALL .*-j DROP$/ { printf "%s", failsafes; print "-A KUBE-FIREWALL -j DROP"; next }
{ print }'
while :; do
  iptables-save -t filter | awk -v failsafes='${failsafes.join('')}' "$strip" | iptables-restore -w -T filter
  flock /run/xtables.lock sleep ${holdS}
  sleep ${restS}
done`

/**
 * Seed 004: a second writer of rules on one node. kube-proxy's syncs there wait for the lock, give up after 5 s and are late;
 * a pod with a hostPort waits in ContainerCreating while portmap does; new Endpoints come faster than they are written.
 * The nodes have iptables-legacy: iptables-nft takes no such lock.
 */
export const ruleConflict: Scenario = {
  is: 'on one node a second CNI agent keeps the xtables lock and strips rules: kube-proxy and new pods wait (seed 004)',
  leastNodes: 2,
  iptables: 'legacy',
  workload: (nodes, images) => {
    const worst = nodes.slice(-1)
    const port = { port: 80, targetPort: 8080 }
    return {
      pods: 1 + 2 * nodes.length,
      objects: [
        ...['shop', 'batch'].map((name) => namespace(name)),
        ...clusterDns(images.dns),
        deployment({ namespace: 'shop', name: 'web', replicas: nodes.length }, [server('web', images.server)], {
          apart: true,
        }),
        deployment({ namespace: 'shop', name: 'cli', replicas: nodes.length }, [server('cli', images.server)], {
          apart: true,
        }),
        service({ namespace: 'shop', name: 'web' }, [{ ...port, nodePort: 30_080 }]),
      ],
      trouble: [
        daemonSet(
          { namespace: 'kube-system', name: 'calico-node', labels: { 'k8s-app': 'calico-node' } },
          [{ name: 'calico-node', image: 'docker.io/calico/node:v3.30.3', command: ['bash', '-c', agent] }],
          { hostNetwork: true, nodes: worst },
        ),
        // Its pods are endpoints while they run, and one port of their node leads to them.
        ...['import', 'export'].map((name, index) =>
          cronJob(
            { namespace: 'batch', name, schedule: '* * * * *' },
            { ...images.job, command: ['sleep', String(10 + 15 * index)] },
            [{ name: 'web', containerPort: 8080, hostPort: 9200 + index, protocol: 'TCP' }],
            { nodes: worst },
          ),
        ),
        ...['import', 'export'].map((name) => service({ namespace: 'batch', name }, [port])),
      ],
    }
  },
}
