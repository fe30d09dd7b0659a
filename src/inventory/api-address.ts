import type { Inventory } from './schema.ts'

/** Where Cilium is told to find the API: what K3s serves on servers and agents alike (cilium.md §2.3), or the inventory's own. */
export function apiAddress({ values }: Inventory['cilium']): { host: string; port: number } {
  const { k8sServiceHost, k8sServicePort } = values
  return {
    host: typeof k8sServiceHost === 'string' ? k8sServiceHost : '127.0.0.1',
    port: Number(k8sServicePort ?? 6444),
  }
}

export const isLoopback = (host: string): boolean => host === 'localhost' || host.startsWith('127.') || host === '::1'
