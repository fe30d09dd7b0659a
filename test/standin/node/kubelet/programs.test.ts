import { expect, test } from 'vitest'
import { readPod } from '../../../../src/lab/standin/node/kubelet/pod.ts'
import { programOf } from '../../../../src/lab/standin/node/kubelet/programs.ts'

const pod = readPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' }, spec: {} })
const program = (container: object): string =>
  programOf(pod, { name: 'c', image: 'x', ...container })
    .join(' ')
    .replaceAll(/\/\S*\//g, '')

test.each([
  ['a server without ports', { image: 'nginx' }, 'perl serve.pl --name web-1 --tcp 8080'],
  [
    'declared TCP ports only',
    { ports: [{ containerPort: 80 }, { containerPort: 9, protocol: 'UDP' }] },
    'perl serve.pl --name web-1 --tcp 80',
  ],
  [
    'the probed port too',
    { ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 81 } } },
    'perl serve.pl --name web-1 --tcp 80 --tcp 81',
  ],
  ['a command every node has', { image: 'busybox:1.36', command: ['sleep'], args: ['1'] }, 'sleep 1'],
  [
    'busybox, whatever its ports',
    { image: 'busybox', command: ['sleep', '9'], ports: [{ containerPort: 80, hostPort: 80 }] },
    'sleep 9',
  ],
  [
    'a shell around a server',
    { command: ['sh', '-c', 'x'], ports: [{ containerPort: 80 }] },
    'perl serve.pl --name web-1 --tcp 80',
  ],
  [
    'Home Assistant',
    { image: 'ghcr.io/home-assistant/home-assistant:2026.2.1', ports: [{ containerPort: 8123 }] },
    'perl home-assistant.pl --name web-1 --zone zone --tcp 8123',
  ],
  [
    'an ingress controller',
    { image: 'registry.k8s.io/ingress-nginx/controller:v1', ports: [{ containerPort: 80, hostPort: 80 }] },
    'perl ingress.pl --name web-1 --zone zone --tcp 80',
  ],
  ['a command only its image has', { image: 'agnhost', args: ['netexec'] }, 'perl serve.pl --name web-1 --tcp 8080'],
  ['DNS', { image: 'rancher/mirrored-coredns-coredns:1.12' }, 'perl serve.pl --name web-1 --dns zone'],
  ['the helm job', { image: 'rancher/klipper-helm:v0.9', args: ['install'] }, 'node klipper-helm.ts install'],
  ['Cilium by digest', { image: 'quay.io/cilium/cilium:v1.17.6@sha256:ab' }, 'node agent.ts'],
])('%s', (_, container, expected) => {
  expect(program(container)).toBe(expected)
})
