import { request } from 'node:https'
import { caHash, type Token } from './token.ts'

const timeoutMs = 10_000

/** A server's supervisor port as a joining node uses it: first its CA, checked against the token, then by password. */
export class SupervisorClient {
  private readonly url: string
  private readonly authorization: string
  private ca = ''

  constructor(url: string, user: 'server' | 'node', token: Token) {
    this.url = url
    this.authorization = `Basic ${Buffer.from(`${user}:${token.password}`).toString('base64')}`
  }

  /** @throws if nobody answers, or the CA is not the one that the token names. */
  async trust(token: Token): Promise<string> {
    this.ca = await this.send('GET', '/cacerts', undefined, false)
    if (token.caHash !== undefined && token.caHash !== caHash(this.ca))
      throw new Error(
        `token CA hash does not match the Cluster CA certificate hash: ${token.caHash} != ${caHash(this.ca)}`,
      )
    return this.ca
  }

  /** Whether the server's API is up; an answer other than `ok` is an error. */
  async ready(): Promise<void> {
    await this.send('GET', '/v1-k3s/readyz', undefined, true)
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.send('GET', path, undefined, true))
  }

  async post<T>(path: string, body: object): Promise<T> {
    return JSON.parse(await this.send('POST', path, body, true))
  }

  private send(method: string, path: string, body: object | undefined, trusted: boolean): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const url = new URL(path, this.url)
    const options = {
      method,
      headers: { authorization: this.authorization, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      // The very first answer is the CA itself; it is checked against the token's hash.
      ...(trusted ? { ca: this.ca } : { rejectUnauthorized: false }),
    }
    const outgoing = request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) return resolve(text)
        reject(
          new Error(`https://${url.host}${path}: ${response.statusCode} ${response.statusMessage}: ${text.trim()}`),
        )
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }
}
