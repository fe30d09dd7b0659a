import { down, type Lab, type LabOptions, list, up } from '../../../src/lab/lab.ts'

/** The lab of that name, if there is one: also of a test that was killed. */
export async function takeDown(name: string): Promise<void> {
  if (list().some((one) => one.name === name)) await down(name)
}

export async function freshLab(options: LabOptions & { name: string }): Promise<Lab> {
  await takeDown(options.name)
  return await up(options)
}
