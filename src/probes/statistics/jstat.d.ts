/** The part of jStat that is used here: it comes without types. */
declare module 'jstat' {
  const jStat: {
    beta: { inv(p: number, alpha: number, beta: number): number }
    gamma: { inv(p: number, shape: number, scale: number): number }
    studentt: { inv(p: number, degreesOfFreedom: number): number }
    /** ln C(n, k) */
    combinationln(n: number, k: number): number
  }
  export default { jStat }
}
