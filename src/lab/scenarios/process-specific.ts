import { homeAssistant, named } from './home-assistant.ts'
import { clusterDns, deployment, namespace, server, service } from './manifests.ts'
import type { Scenario } from './scenario.ts'

/** Milliseconds until it begins: a fresh pod works, and degrades once everything in it runs (seed 001, finding 2). */
const quietS = 15

/**
 * Takes the way out of the pod's namespace away and gives it back, in blocks of 5 to 8 s: an ip rule for TCP from ports that
 * the kernel gives to connecting sockets. connect() looks routes up with protocol and ports, and fails with ENETUNREACH;
 * a lookup by address alone (`ip route get`, RTM_GETROUTE) finds the usual route. What is connected to the pod, and its
 * listening sockets, are spared. Whether it was a rule in the report's pod is not known: there it was not looked for.
 */
const breaker = `
rule='priority 100 ipproto tcp sport 32768-60999 unreachable'
trap 'ip rule del $rule 2>/dev/null; exit 0' TERM
sleep ${quietS}
while :; do
  ip rule add $rule
  sleep $((5 + $(date +%N | cut -c 9) % 4))
  ip rule del $rule
  sleep $((5 + $(date +%N | cut -c 8) % 4))
done`

/**
 * Seed 001: a process in one pod breaks connecting for its whole network namespace, on and off. No NetworkPolicy anywhere;
 * the pod beside it on the same node, with the same image of a server, has no trouble.
 */
export const processSpecific: Scenario = {
  is: "a process in Home Assistant's pod breaks connecting for the whole of that pod, on and off (seed 001)",
  leastNodes: 2,
  workload: (nodes, images) => {
    const [first = '', second = first] = nodes
    return {
      pods: 5 + nodes.length,
      objects: [
        ...['automation', 'devices', 'tools'].map((name) => namespace(name)),
        ...clusterDns(images.dns),
        deployment(
          { namespace: 'automation', name: 'homeassistant' },
          [
            homeAssistant([named('ccu3', 'devices', 80), named('mosquitto', 'automation', 80)]),
            { name: 'go2rtc', ...images.job, command: ['bash', '-c', breaker] },
          ],
          { nodes: [first] },
        ),
        deployment({ namespace: 'automation', name: 'mosquitto' }, [server('mosquitto', images.server)], {
          nodes: [first],
        }),
        deployment({ namespace: 'devices', name: 'ccu3' }, [server('ccu3', images.server)], { nodes: [second] }),
        // The report's debug pod, on the same node, and one on each of the others.
        deployment({ namespace: 'tools', name: 'netdebug' }, [server('netdebug', images.server)], { nodes: [first] }),
        deployment({ namespace: 'tools', name: 'web', replicas: nodes.length }, [server('web', images.server)], {
          apart: true,
        }),
        service({ namespace: 'devices', name: 'ccu3' }, [{ port: 80, targetPort: 8080 }]),
        service({ namespace: 'automation', name: 'mosquitto' }, [{ port: 80, targetPort: 8080 }]),
        service({ namespace: 'tools', name: 'web' }, [{ port: 80, targetPort: 8080 }]),
      ],
    }
  },
}
