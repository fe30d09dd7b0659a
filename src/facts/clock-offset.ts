/**
 * How far a node's clock is from the operator's, at least (node minus operator, ms). The node's clock is read first and last
 * between the sending and the answer, so the true offset lies between two bounds; on a slow connection they are far
 * apart, and the least that explains both is taken: a delay must not look like a wrong clock.
 */
export function clockOffsetMs(
  node: { readonly beginMs: number; readonly endMs: number },
  operator: { readonly sentMs: number; readonly answeredMs: number },
): number {
  const [atLeast, atMost] = [node.endMs - operator.answeredMs, node.beginMs - operator.sentMs]
  return Math.min(Math.max(0, atLeast), Math.max(atMost, atLeast))
}
