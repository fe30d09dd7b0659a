/**
 * Run on the operator's side of a lab until its stdin ends: opens a new connection to each address four times a second, and
 * then prints, as JSON, the longest time in ms in which there was none, in the order of the addresses. Port 22.
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const everyMs = 250
const addresses = process.argv.slice(2)

let ended = false
process.stdin.on('end', () => {
  ended = true
})
process.stdin.resume()

function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22 })
    const end = (there: boolean) => {
      socket.destroy()
      resolve(there)
    }
    socket.setTimeout(2_000, () => end(false))
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}

async function longestAwayMs(address: string): Promise<number> {
  let longestMs = 0
  let lastMs = performance.now()
  while (!ended) {
    const triedMs = performance.now()
    if (await answers(address)) {
      longestMs = Math.max(longestMs, triedMs - lastMs)
      lastMs = performance.now()
    }
    await sleep(Math.max(0, triedMs + everyMs - performance.now()))
  }
  return Math.max(longestMs, performance.now() - lastMs)
}

process.stdout.write(JSON.stringify(await Promise.all(addresses.map(longestAwayMs))))
