import { type Command, Option } from 'commander'
import { loadInventory } from '../inventory/load.ts'
import type { Inventory } from '../inventory/schema.ts'
import { type Terminal, terminalOf } from './terminal.ts'

/** What every command takes. */
export interface CommonOptions {
  inventoryFile: string
  json: boolean
  /** As typed; absent: what the inventory says. */
  stateDir?: string
  terminal: Terminal
}

interface CommonFlags {
  inventory?: string
  json?: true
  stateDir?: string
  color?: boolean
}

/** Adds the common options; they are taken before and after the command's name. */
export function withCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('-i, --inventory <file>', 'the inventory (default: $MIGRATE_INVENTORY, else inventory.yaml)'))
    .addOption(new Option('--json', 'print JSON, for programs'))
    .addOption(new Option('--state-dir <folder>', "where plans and runs are kept (default: the inventory's stateDir)"))
    .addOption(new Option('--no-color', 'no colours and no redrawing (also: NO_COLOR, CI, a pipe)'))
}

export function commonOptions(command: Command): CommonOptions {
  const flags: CommonFlags = { ...command.parent?.opts<CommonFlags>(), ...definedOnly(command.opts<CommonFlags>()) }
  const wantsColour = flags.color !== false && command.parent?.opts<CommonFlags>().color !== false
  return {
    inventoryFile: flags.inventory ?? process.env.MIGRATE_INVENTORY ?? 'inventory.yaml',
    json: flags.json === true,
    ...(flags.stateDir === undefined ? {} : { stateDir: flags.stateDir }),
    terminal: terminalOf(process, process.env, wantsColour),
  }
}

/** @param checkFiles whether keys and known_hosts must be there; not when no node will be spoken to */
export function inventoryOf({ inventoryFile, stateDir }: CommonOptions, checkFiles: boolean): Inventory {
  return loadInventory(inventoryFile, { checkFiles, ...(stateDir === undefined ? {} : { stateDir }) })
}

function definedOnly<T extends object>(flags: T): Partial<T> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as Partial<T>
}
