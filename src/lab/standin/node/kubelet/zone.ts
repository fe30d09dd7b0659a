import type { ApiObject } from '../../context.ts'

/** The records the stand-in's CoreDNS answers: a line for each Service, headless ones with their endpoints. */
export function zoneText(services: readonly ApiObject[], slices: readonly ApiObject[], clusterDomain: string): string {
  const lines = services.flatMap((service) => {
    const { name, namespace } = service.metadata
    const clusterIp = service.spec?.clusterIP
    const addresses =
      clusterIp !== 'None'
        ? [clusterIp]
        : slices
            .filter(
              (slice) =>
                slice.metadata.namespace === namespace &&
                slice.metadata.labels?.['kubernetes.io/service-name'] === name,
            )
            .flatMap((slice) => (slice.endpoints ?? []) as { addresses: string[] }[])
            .flatMap((endpoint) => endpoint.addresses)
    const known = addresses.filter((address) => typeof address === 'string' && address !== '')
    return known.length === 0 ? [] : [`${name}.${namespace}.svc.${clusterDomain} ${known.join(' ')}`]
  })
  return `${lines.sort().join('\n')}\n`
}
