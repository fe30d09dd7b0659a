import { keepsItsPromises } from './keeps.ts'

keepsItsPromises('staged')
