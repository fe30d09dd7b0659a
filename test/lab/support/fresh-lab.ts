import { down, type Lab, type LabOptions, list, up } from '../../../src/lab/lab.ts'
import { quietCronJob } from './workload.ts'

/** The lab of that name, if there is one: also of a test that was killed. */
export async function takeDown(name: string): Promise<void> {
  if (list().some((one) => one.name === name)) await down(name)
}

export async function freshLab(options: LabOptions & { name: string }): Promise<Lab> {
  await takeDown(options.name)
  return await up(options)
}

/** So that the whole of it can be compared: no pods of a CronJob come and go. */
export async function quietLab(options: LabOptions & { name: string }): Promise<Lab> {
  const lab = await freshLab(options)
  await quietCronJob(lab)
  return lab
}
