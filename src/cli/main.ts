#!/usr/bin/env node
import { migrate } from './program.ts'

process.exitCode = await migrate(process.argv.slice(2))
