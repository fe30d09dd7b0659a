import { disruption } from '../api/disruption.ts'
import { type Action, statusIfChanged, type View } from './model.ts'

/** The status of each PodDisruptionBudget: how many of its pods may go now. */
export function budgets(view: View): Action[] {
  const controllers = [...view.all('replicasets'), ...view.all('deployments')]
  return view.all('poddisruptionbudgets').flatMap((budget) =>
    statusIfChanged('poddisruptionbudgets', budget, {
      ...disruption(budget, view.all('pods'), controllers),
      observedGeneration: budget.metadata.generation,
    }),
  )
}
