import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { FailedError } from '../../src/errors.ts'
import {
  heldBack,
  missingOfConfig,
  routingConfig,
  routingOf,
  sameValues,
  withRouting,
} from '../../src/operations/routing-values.ts'
import { routedFacts, someValues } from './routed-facts.ts'

const podCidr = '10.52.0.0/16'

test('of somebody’s values only the mode changes, and there and back is where it began', () => {
  const native = withRouting(someValues('tunnel'), { mode: 'native', podCidr })
  expect(parse(native)).toEqual({
    ...parse(someValues('tunnel')),
    routingMode: 'native',
    autoDirectNodeRoutes: true,
    ipv4NativeRoutingCIDR: podCidr,
  })
  expect(sameValues(withRouting(native, { mode: 'tunnel', podCidr }), someValues('tunnel'))).toBe(true)
})

test('what somebody wrote stays as it is written: its order, its comments', () => {
  const written =
    '# ours, see the wiki\nprometheus: { enabled: true } # for the dashboards\nroutingMode: tunnel # for now\n'
  const native = withRouting(written, { mode: 'native', podCidr })
  expect(native).toBe(
    '# ours, see the wiki\nprometheus: { enabled: true } # for the dashboards\nroutingMode: native # for now\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.52.0.0/16\n',
  )
  expect(heldBack(written)).toBe(`${written}updateStrategy:\n  type: OnDelete\n`)
  const own = stringify(parse(someValues('tunnel')), { lineWidth: 0 })
  expect(withRouting(withRouting(own, { mode: 'native', podCidr }), { mode: 'tunnel', podCidr })).toBe(own)
})

test('a release without values has the chart’s: a tunnel on 8472, rolled', () => {
  expect(routingOf('')).toEqual({ mode: 'tunnel', tunnelPort: 8472, strategy: 'RollingUpdate' })
  expect(parse(withRouting('', { mode: 'tunnel', podCidr }))).toEqual({
    routingMode: 'tunnel',
    tunnelProtocol: 'vxlan',
  })
})

test('kube-proxy’s replacement is written only where it is another than now, however that is written', () => {
  const wanted = (kubeProxyReplacement: boolean) => ({ mode: 'tunnel' as const, podCidr, kubeProxyReplacement })
  const of = (values: string) => (parse(values) as { kubeProxyReplacement?: unknown }).kubeProxyReplacement
  expect(of(withRouting('', wanted(false)))).toBeUndefined()
  expect(of(withRouting('kubeProxyReplacement: "true"', wanted(true)))).toBe('true')
  expect(of(withRouting('kubeProxyReplacement: "true"', wanted(false)))).toBe(false)
  expect(of(withRouting('', wanted(true)))).toBe(true)
})

test('held back, the rest of the strategy stays', () => {
  expect(parse(heldBack(someValues('native'))).updateStrategy).toEqual({
    type: 'OnDelete',
    rollingUpdate: { maxUnavailable: 1 },
  })
  expect(routingOf(heldBack('')).strategy).toBe('OnDelete')
})

test('a ConfigMap that was patched is told with its key; one as the chart makes it is not', () => {
  for (const mode of ['native', 'tunnel'] as const) {
    const { config } = routedFacts(mode).kube.cilium
    expect(missingOfConfig(config, someValues(mode))).toBeNull()
  }
  const { config } = routedFacts('native').kube.cilium
  expect(missingOfConfig({ ...config, 'routing-mode': 'tunnel' }, someValues('native'))).toBe(
    'cilium-config has routing-mode: tunnel, not native',
  )
  expect(missingOfConfig({ ...config, 'routing-mode': 'tunnel' }, someValues('tunnel'))).toMatch(
    /auto-direct-node-routes: true, not false/,
  )
  expect(missingOfConfig(null, someValues('native'))).toMatch(/no ConfigMap/)
  expect(routingConfig('')['ipv4-native-routing-cidr']).toBeNull()
})

test('values that are none are an error that says whose, and what to do', () => {
  expect(() => routingOf('updateStrategy: often')).toThrow(FailedError)
  expect(() => routingOf('a: [1')).toThrow(FailedError)
  expect(() => routingOf('updateStrategy: often')).toThrow(/kube-system\/cilium.*updateStrategy/s)
})
