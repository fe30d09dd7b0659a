#!/usr/bin/env node
import { migrate } from './program.ts'

// Whoever read what is said may be gone (`| head`): what was begun is finished all the same, and the journal has it.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

process.exitCode = await migrate(process.argv.slice(2))
