import { readdirSync, readFileSync } from 'node:fs'

const everyMs = 25

export interface WatchedArguments {
  looks: number
  /** Command lines, of any process of this machine and of its practice nodes, that held one of the words. */
  seen: string[]
}

/** Looks at every process's arguments forty times a second. The nodes' processes are this machine's as well. */
export function watchArguments(words: readonly string[]): { stop(): WatchedArguments } {
  const seen = new Set<string>()
  let looks = 0
  const timer = setInterval(() => {
    looks++
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = commandLineOf(pid)
      if (words.some((word) => line.includes(word))) seen.add(line.replaceAll('\0', ' '))
    }
  }, everyMs)
  return {
    stop() {
      clearInterval(timer)
      return { looks, seen: [...seen] }
    },
  }
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // It has ended since.
    return ''
  }
}
