import { execFile } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

/**
 * Certificates where K3s keeps them, made with the node's openssl (it is there with ca-certificates). A certificate is
 * named by its path without `.crt`; the private key lies beside it as `.key`.
 */
const run = promisify(execFile)

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export async function createAuthority(path: string, name: string): Promise<void> {
  await request(path, [
    ...['-subj', `/CN=${name}@${Math.floor(Date.now() / 1000)}`, '-days', '3650'],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,digitalSignature'],
  ])
}

/** Issues a certificate that may serve and be a client: etcd's gateway dials its own member with the serving one. */
export async function issue(
  authority: string,
  path: string,
  subject: { name: string; organization?: string; dns?: readonly string[]; ips?: readonly string[] },
): Promise<void> {
  const organization = subject.organization === undefined ? '' : `/O=${subject.organization}`
  const names = [...(subject.dns ?? []).map((name) => `DNS:${name}`), ...(subject.ips ?? []).map((ip) => `IP:${ip}`)]
  await request(path, [
    ...['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-days', '365'],
    ...['-subj', `${organization}/CN=${subject.name}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth', '-addext', 'keyUsage=critical,digitalSignature'],
    ...(names.length > 0 ? ['-addext', `subjectAltName=${names.join(',')}`] : []),
  ])
}

async function request(path: string, options: readonly string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await run('openssl', ['req', '-x509', ...newKey, ...options, '-keyout', `${path}.key`, '-out', `${path}.crt`])
  await chmod(`${path}.key`, 0o600)
}
