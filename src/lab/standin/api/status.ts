import { ApiError } from '../context.ts'
import { EtcdError } from '../etcd/client.ts'

const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

/** The Status object that Kubernetes answers an error with. */
export function statusOf(error: unknown): { code: number; body: object } {
  const code = error instanceof ApiError ? error.code : 500
  const message = error instanceof Error ? error.message : String(error)
  const causes = error instanceof ApiError ? error.causes : []
  const exists = code === 409 && message.endsWith('already exists')
  return {
    code,
    body: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        error instanceof ApiError || error instanceof EtcdError ? message : `Internal error occurred: ${message}`,
      ...(causes.length > 0 ? { details: { causes } } : {}),
      reason: exists ? 'AlreadyExists' : (reasons[code] ?? 'Unknown'),
      code,
    },
  }
}
