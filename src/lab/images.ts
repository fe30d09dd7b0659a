import { FailedError } from '../errors.ts'

/** A container's program. Only a real cluster runs `command` in a container with ports; the stand-in has a small server. */
export interface Program {
  image: string
  command?: string[]
}

/** The images of the workload, in one place: a real cluster has other ones. No `dns`: K3s brings its own. */
export interface Images {
  server: Program
  job: Program
  dns?: Program
}

/** For the stand-in, or, from the images that the archives of a real K3s hold (`present`), for a real one. */
export function imagesOf(present?: readonly string[]): Images {
  if (present === undefined) {
    return {
      server: { image: 'docker.io/library/nginx:1.27.5-alpine' },
      job: { image: 'docker.io/library/busybox:1.37.0', command: ['true'] },
      dns: { image: 'docker.io/rancher/mirrored-coredns-coredns:1.12.3' },
    }
  }
  // K3s' air-gap archive holds one for its local-path helper.
  const image = present.find((name) => /busybox:/.test(name))
  if (image === undefined) {
    throw new FailedError('the images on the nodes hold no busybox to run the workload with', {
      next: "put K3s' own air-gap archive (k3s-airgap-images-*.tar.zst), or one with busybox, into the folder of --images",
    })
  }
  const serve = 'while :; do hostname | nc -l -p 8080; done'
  return { server: { image, command: ['sh', '-c', serve] }, job: { image, command: ['true'] } }
}
