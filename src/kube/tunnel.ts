import { connect as tlsConnect } from 'node:tls'
import { Agent } from 'undici'
import type { Node } from '../nodes/node.ts'
import { route } from './route.ts'

/**
 * An HTTP dispatcher whose connections run over SSH to the API of whichever server accepts one. Nothing listens on the
 * operator's side, and no port but SSH is needed.
 */
export function tunnel(servers: readonly Node[]): { dispatcher: Agent; rotate(): void } {
  const { open, rotate } = route(servers)
  const dispatcher = new Agent({
    // A watch holds one for as long as it lasts, and four kinds are watched at once.
    connections: 8,
    headersTimeout: 10_000,
    bodyTimeout: 20_000,
    connect: (_options, callback) => {
      open().then(
        ({ stream, credentials: { ca, cert, key } }) => {
          const secure = tlsConnect({
            ...{ socket: stream, ca, cert, key },
            host: '127.0.0.1',
            ALPNProtocols: ['http/1.1'],
          })
          const fail = (error: Error) => callback(error, null)
          secure.once('error', fail)
          secure.once('secureConnect', () => {
            secure.off('error', fail)
            // The stream under it may be reset at any time; undici sees that through `close`.
            secure.on('error', () => {})
            callback(null, secure)
          })
        },
        (error: Error) => callback(error, null),
      )
    },
  })
  return { dispatcher, rotate }
}
