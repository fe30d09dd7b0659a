/** The few BPF instructions that the stand-in's datapath needs; a compiler on every practice node would be absurd. */

export type Instruction = { hex: string } | { map: string; register: number } | { label: string } | JumpInstruction

interface JumpInstruction {
  opcode: number
  register: number
  value: number
  to: string
}

/** Numbers of include/uapi/linux/bpf.h. */
export const helper = {
  mapLookup: 1,
  storeBytes: 9,
  setTunnelKey: 21,
  redirect: 23,
  loadBytes: 26,
  changeType: 32,
} as const

function encode(opcode: number, destination: number, source: number, offset: number, value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt8(opcode, 0)
  bytes.writeUInt8((source << 4) | destination, 1)
  bytes.writeInt16LE(offset, 2)
  bytes.writeInt32LE(value, 4)
  return bytes.toString('hex')
}

const plain = (opcode: number, destination: number, source = 0, offset = 0, value = 0): Instruction => ({
  hex: encode(opcode, destination, source, offset, value),
})

export const bpf = {
  set: (register: number, value: number) => plain(0xb7, register, 0, 0, value),
  copy: (register: number, from: number) => plain(0xbf, register, from),
  add: (register: number, value: number) => plain(0x07, register, 0, 0, value),
  and: (register: number, value: number) => plain(0x57, register, 0, 0, value),
  /** 32 bits from memory at `from + offset`. */
  load: (register: number, from: number, offset: number) => plain(0x61, register, from, offset),
  /** 32 bits to memory at `to + offset`. */
  store: (to: number, offset: number, from: number) => plain(0x63, to, from, offset),
  storeValue: (to: number, offset: number, value: number) => plain(0x62, to, 0, offset, value),
  call: (number: number) => plain(0x85, 0, 0, 0, number),
  exit: () => plain(0x95, 0),
  map: (register: number, map: string): Instruction => ({ map, register }),
  label: (label: string): Instruction => ({ label }),
  jumpIfEqual: (register: number, value: number, to: string): Instruction => ({ opcode: 0x15, register, value, to }),
  jumpUnlessEqual: (register: number, value: number, to: string): Instruction => ({
    opcode: 0x55,
    register,
    value,
    to,
  }),
  jump: (to: string): Instruction => ({ opcode: 0x05, register: 0, value: 0, to }),
}

/** Words for the loader: sixteen hex digits an instruction, `@MAP,REGISTER` where it must put the map's descriptor. */
export function assemble(program: readonly Instruction[]): string[] {
  const labels = new Map<string, number>()
  let position = 0
  for (const instruction of program) {
    if ('label' in instruction) labels.set(instruction.label, position)
    // A map reference is a 64 bit constant: two slots.
    else position += 'map' in instruction ? 2 : 1
  }
  const words: string[] = []
  position = 0
  for (const instruction of program) {
    if ('label' in instruction) continue
    position += 'map' in instruction ? 2 : 1
    if ('map' in instruction) words.push(`@${instruction.map},${instruction.register}`)
    else if ('hex' in instruction) words.push(instruction.hex)
    else {
      const target = labels.get(instruction.to)
      if (target === undefined) throw new Error(`BPF program jumps to "${instruction.to}", which it does not have`)
      words.push(encode(instruction.opcode, instruction.register, 0, target - position, instruction.value))
    }
  }
  return words
}
