import { churningJobs } from './churn.ts'
import { gapOf, refusalsAreHeard } from './gap.ts'
import { ringPods, ringWorkload } from './healthy.ts'
import { homeAssistant, named } from './home-assistant.ts'
import { app, deployment, namespace, policy, server, service, tcpPort, toDns, toInternet } from './manifests.ts'
import type { Scenario } from './scenario.ts'

/**
 * Seed 000 on a small scale: the healthy workload, and a pod under strict egress that opens connections all the time, while
 * three CronJobs churn pods each minute. Every change of a pod makes kube-router reconcile, and at each reconcile the
 * policies' chains are empty for a moment: selected pods are refused at once, all of them together.
 */
export const rejectGap: Scenario = {
  is: 'CronJobs churn pods, and kube-router refuses connections of selected pods each time that it reconciles (seed 000)',
  leastNodes: 1,
  files: [refusalsAreHeard],
  fault: gapOf(4),
  workload: (nodes, images) => ({
    objects: [
      ...ringWorkload(images),
      ...['automation', 'infra', 'monitoring'].map((name) => namespace(name)),
      deployment(
        { namespace: 'automation', name: 'homeassistant' },
        [homeAssistant([named('vm-waker', 'automation', 80), named('traccar', 'automation', 80)])],
        { nodes: nodes.slice(0, 1) },
      ),
      // The bridge that it talks to: on another node, where there is one; and one that nothing selects.
      deployment({ namespace: 'automation', name: 'vm-waker' }, [server('vm-waker', images.server)], {
        nodes: nodes.slice(-1),
      }),
      deployment({ namespace: 'automation', name: 'traccar' }, [server('traccar', images.server)], {
        nodes: nodes.slice(0, 1),
      }),
      service({ namespace: 'automation', name: 'vm-waker' }, [{ port: 80, targetPort: 8080 }]),
      service({ namespace: 'automation', name: 'traccar' }, [{ port: 80, targetPort: 8080 }]),
      policy('automation', 'homeassistant', {
        podSelector: app('homeassistant'),
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ ports: [tcpPort(8123)] }],
        egress: [
          toDns,
          { to: [{ podSelector: app('vm-waker') }, { podSelector: app('traccar') }], ports: [tcpPort(8080)] },
          toInternet,
        ],
      }),
      policy('automation', 'vm-waker', {
        podSelector: app('vm-waker'),
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: app('homeassistant') }], ports: [tcpPort(8080)] }],
      }),
    ],
    pods: ringPods(nodes.length, images) + 3,
    trouble: churningJobs([
      ['infra', 'address-updater', 1],
      ['monitoring', 'logs-to-loki', 1],
      ['monitoring', 'usage-to-loki', 1],
    ]),
  }),
}
