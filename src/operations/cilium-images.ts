/** Images of the agent and the operator. The chart pins digests; the tag is what containerd lists. */
export const ciliumImages = (version: string): string[] => [
  `quay.io/cilium/cilium:v${version}`,
  `quay.io/cilium/operator-generic:v${version}`,
]
