import { type Container, server, tcp } from './manifests.ts'

/** Home Assistant's own port, and go2rtc's beside it. */
const ports = [tcp(8123, 'http'), tcp(18_554, 'rtsp')]

/**
 * A container that behaves as Home Assistant does to a network: listens, joins the multicast groups of mDNS and SSDP, and
 * opens new connections to each of `targets` (`host:port`, host a Service's name) four times a second. Its program is
 * part of the stand-in.
 */
export const homeAssistant = (targets: readonly string[]): Container => ({
  ...server('homeassistant', { image: 'ghcr.io/home-assistant/home-assistant:2026.2.1' }, ports),
  env: [{ name: 'CONNECT_TO', value: targets.join(' ') }],
})

/** A Service's name as a pod asks for it. */
export const named = (service: string, namespace: string, port: number): string =>
  `${service}.${namespace}.svc.cluster.local:${port}`
