/**
 * Run on the operator's side of a lab until its stdin ends: asks every server five times a second whether it is ready, and
 * then prints, as JSON, the times in which none was. Arguments: a file with a kubeconfig, the servers' addresses.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { kubeGet } from './kube-access.ts'

const [kubeconfig = '', ...addresses] = process.argv.slice(2)
const get = kubeGet(readFileSync(kubeconfig, 'utf8'))
const everyMs = 200

let ended = false
process.stdin.on('end', () => {
  ended = true
})
process.stdin.resume()

const away: { startMs: number; endMs: number }[] = []
let lastThereMs = Date.now()
let gone = false
let looks = 0
while (!ended) {
  const atMs = Date.now()
  const answers = await Promise.all(addresses.map((address) => get(address, '/readyz', 1_000)))
  looks += 1
  if (answers.some((answer) => answer === 'ok')) {
    if (gone) away.push({ startMs: lastThereMs, endMs: atMs })
    gone = false
    lastThereMs = atMs
  } else {
    gone = true
  }
  await sleep(Math.max(0, atMs + everyMs - Date.now()))
}
if (gone) away.push({ startMs: lastThereMs, endMs: Date.now() })
process.stdout.write(JSON.stringify({ looks, away }))
