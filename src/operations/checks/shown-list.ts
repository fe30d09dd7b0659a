/** The first few of a list that may be long. */
export const shownList = (items: readonly string[], most = 10): string =>
  `${items.slice(0, most).join('; ')}${items.length > most ? `; and ${items.length - most} more` : ''}`
