import type { Sections } from './sections.ts'

/** What a family's parser is told besides what the node said. */
export interface About {
  /** The node's name and address in the inventory. */
  readonly node: string
  readonly address: string
  /** Operator's clock when the command was sent and when its answer was there. */
  readonly sentMs: number
  readonly answeredMs: number
}

/** One family of a node's facts: what is run on the node, and what is made of its answer. */
export interface Family<F> {
  /**
   * POSIX sh, constant. Runs after the prelude (prelude.ts) with the names of all nodes as arguments; says everything by
   * `emit NAME COMMAND...`. Must change nothing on the node.
   */
  readonly script: string
  /** Pure. Throws what `Sections` throws, or any error: it is given node and family by the caller. */
  parse(sections: Sections, about: About): F
}
