import { keepsItsPromises } from './keeps.ts'

keepsItsPromises('seed')
