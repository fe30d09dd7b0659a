import { keepsItsPromises } from './keeps.ts'

keepsItsPromises('live')
