import { crictl } from '../../../src/lab/standin/node/crictl.ts'

process.exitCode = await crictl(process.argv.slice(2))
