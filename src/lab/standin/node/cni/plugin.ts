/** The plugins as programs, for whoever runs one by the CNI protocol: `plugin.ts NAME`, environment, conf on stdin. */
import { text } from 'node:stream/consumers'
import type { PluginCall } from './call.ts'
import { callOwnPlugin } from './plugins.ts'

const env = process.env
const command = env.CNI_COMMAND
try {
  if (command === 'VERSION') {
    console.log(JSON.stringify({ cniVersion: '1.0.0', supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0'] }))
  } else if (command === 'ADD' || command === 'DEL') {
    const result = await callOwnPlugin(process.argv[2] ?? '', {
      command,
      containerId: env.CNI_CONTAINERID ?? '',
      netns: env.CNI_NETNS ?? '',
      ifName: env.CNI_IFNAME ?? '',
      args: env.CNI_ARGS ?? '',
      binDir: env.CNI_PATH ?? '',
      conf: JSON.parse(await text(process.stdin)) as PluginCall['conf'],
    })
    if (result !== null) console.log(JSON.stringify(result))
  } else {
    throw new Error(`CNI_COMMAND is ${command ?? 'not set'}, expected ADD, DEL or VERSION`)
  }
} catch (error) {
  console.log(
    JSON.stringify({ cniVersion: '1.0.0', code: 999, msg: error instanceof Error ? error.message : String(error) }),
  )
  process.exitCode = 1
}
