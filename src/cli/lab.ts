import { Command, Option } from 'commander'
import { InputError } from '../errors.ts'
import { type FaultName, faults, parseFault } from '../lab/faults.ts'
import { requireRoot } from '../lab/host.ts'
import {
  breakNode,
  down,
  find,
  type Lab,
  type LabOptions,
  type LabSummary,
  list,
  mendNode,
  power,
  runFromOperator,
  up,
} from '../lab/lab.ts'
import { defaultLabName } from '../lab/layout.ts'
import { checkRealK3s, type RealK3s } from '../lab/real-k3s.ts'
import { scenarioNames, scenarios } from '../lab/scenarios/scenarios.ts'
import { printedJson } from '../visible.ts'

const sayLine = (line: string) => process.stderr.write(`${line}\n`)

/** `migrate lab ...`: a practice cluster of real nodes on this machine. */
export function labCommand(): Command {
  const lab = new Command('lab')
    .description('a practice cluster of real nodes on this machine (needs root)')
    .hook('preAction', requireRoot)
  const nameOption = () => new Option('--name <lab>', 'which lab').default(defaultLabName)
  const jsonOption = () => new Option('--json', 'print JSON')

  lab
    .command('up')
    .description('make a lab: nodes, K3s (a stand-in unless --k3s is given), a workload; says what to type next')
    .addOption(nameOption())
    .option('--servers <n>', 'how many servers', count, 3)
    .option('--agents <n>', "how many agents (default: 1, or the scenario's)", count)
    .addOption(
      new Option('--scenario <name>', 'what runs there, and what is wrong with it')
        .choices(scenarioNames)
        .default('healthy'),
    )
    .addOption(
      new Option('--iptables <backend>', "what iptables is on the nodes (default: nft, or the scenario's)").choices([
        'nft',
        'legacy',
      ]),
    )
    .option('--k3s <file>', 'a real k3s program instead of the stand-in; needs --images')
    .option('--images <dir>', 'folder with the image archives of that K3s; the nodes can reach no registry')
    .addOption(jsonOption())
    .addHelpText('after', `\nScenarios:\n${scenarioTable()}`)
    .action(async (options: UpFlags) => {
      const { k3s, images, json, ...rest } = options
      const real = realK3s(k3s, images)
      const made = await up({ ...rest, ...(real === undefined ? {} : { k3s: real }), say: sayLine })
      process.stdout.write(json ? toJson(describe(made)) : nextSteps(made))
    })

  lab
    .command('status')
    .description('all labs of this machine, also those whose maker was killed')
    .addOption(jsonOption())
    .action((options: { json?: true }) => {
      const labs = list()
      process.stdout.write(options.json ? toJson(labs) : statusText(labs))
    })

  lab
    .command('shell')
    .description("a shell on the operator's side: this machine, with the lab's network")
    .addOption(nameOption())
    .action(async (options: { name: string }) => {
      const found = find(options.name)
      sayLine(`operator's side of lab "${found.name}": inventory ${found.inventoryFile}; leave with exit`)
      process.exitCode = await runFromOperator(found, [process.env.SHELL ?? '/bin/sh'])
    })

  lab
    .command('exec')
    .description("run a command on the operator's side; its exit code is passed on")
    .addOption(nameOption())
    .argument('<command...>', 'after --')
    .action(async (argv: string[], options: { name: string }) => {
      const [program = '', ...args] = argv
      process.exitCode = await runFromOperator(find(options.name), [program, ...args])
    })

  lab
    .command('break')
    .description('switch a node off or on, or lay a fault on it')
    .addOption(nameOption())
    .argument('<node>', 'e.g. s2')
    .argument('[what]', 'power-off, power-on, or a fault: NAME or NAME=VALUE')
    .addOption(new Option('--mend <fault>', 'take this fault away again').choices(Object.keys(faults)))
    .addHelpText('after', `\n${faultTable()}`)
    .action(async (node: string, what: string | undefined, options: { name: string; mend?: FaultName }) => {
      sayLine(await breakOrMend(options.name, node, what, options.mend))
    })

  lab
    .command('down')
    .description('take a lab away, whatever state it is in; nothing of it stays')
    .addOption(nameOption())
    .action(async (options: { name: string }) => {
      await down(options.name)
      sayLine(`lab "${options.name}" is gone`)
    })

  return lab
}

type UpFlags = Required<Pick<LabOptions, 'name' | 'servers' | 'scenario'>> &
  Pick<LabOptions, 'agents' | 'iptables'> & {
    k3s?: string
    images?: string
    json?: true
  }

/** Digits only: `Number` would take "", "1e1" and "0x2" as well. The lab itself knows how many are possible. */
function count(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new InputError(`"${text}" is not a number of nodes`)
}

function realK3s(binary: string | undefined, images: string | undefined): RealK3s | undefined {
  if (binary === undefined && images === undefined) return undefined
  if (binary === undefined || images === undefined) {
    throw new InputError('--k3s and --images belong together: the nodes can reach no registry', {
      next: 'migrate lab up --k3s FILE --images DIR',
    })
  }
  return checkRealK3s({ binary, images })
}

async function breakOrMend(lab: string, node: string, what: string | undefined, mend?: FaultName): Promise<string> {
  if ((what === undefined) === (mend === undefined)) {
    throw new InputError('expected either what to break or --mend FAULT', { next: 'migrate lab break --help' })
  }
  if (mend !== undefined) {
    mendNode(lab, node, mend)
    return `${node}: ${mend} is mended`
  }
  if (what === 'power-off') {
    await power(lab, node, 'off')
    return `${node} is off; again on with: migrate lab break --name ${lab} ${node} power-on`
  }
  if (what === 'power-on') {
    await power(lab, node, 'on')
    return `${node} is on and answers ssh`
  }
  const fault = parseFault(what ?? '')
  breakNode(lab, node, fault)
  return `${node}: ${faults[fault.name].does}; ends with: migrate lab break --name ${lab} ${node} --mend ${fault.name}`
}

const scenarioTable = (): string =>
  Object.entries(scenarios)
    .map(([name, { is }]) => `  ${name.padEnd(16)}  ${is}\n`)
    .join('')

function faultTable(): string {
  const rows = [
    ['power-off', 'no power: every process at once, /run, links and rules lost, files kept'],
    ['power-on', 'power again; K3s starts by itself'],
    ...Object.entries(faults).map(([name, fault]) => [
      fault.value === '' ? name : `${name}=${fault.value}`,
      fault.does,
    ]),
  ]
  return rows.map(([name, does]) => `  ${name?.padEnd(16)} ${does}\n`).join('')
}

const describe = ({ name, scenario, stateDir, inventoryFile, operatorNamespace, nodes }: Lab) => ({
  ...{ name, scenario, stateDir, inventoryFile, operatorNamespace, nodes },
})

const toJson = (value: unknown) => printedJson(value, 2)

function nextSteps(lab: Lab): string {
  const named = lab.name === defaultLabName ? '' : ` --name ${lab.name}`
  return [
    `lab "${lab.name}" is up: ${lab.nodes.map((node) => `${node.name} ${node.address}`).join(', ')}`,
    `scenario "${lab.scenario}": ${scenarios[lab.scenario].is}`,
    `inventory: ${lab.inventoryFile}`,
    '',
    'next:',
    `  migrate lab exec${named} -- migrate plan -i ${lab.inventoryFile}    what would be done to it`,
    `  migrate lab shell${named}    a shell from which the nodes can be reached`,
    `  migrate lab down${named}     take it away`,
    '',
  ].join('\n')
}

function statusText(labs: readonly LabSummary[]): string {
  if (labs.length === 0) return 'no lab on this machine; make one with: migrate lab up\n'
  return labs.map(labText).join('')
}

function labText(lab: LabSummary): string {
  const made = lab.createdAt === null ? 'at an unknown time' : lab.createdAt
  const state = lab.complete ? 'complete' : `not complete; take it away with: migrate lab down --name ${lab.name}`
  const nodes = lab.nodes.map((node) => {
    const broken = node.faults.length > 0 ? `  faults: ${node.faults.join(', ')}` : ''
    return `  ${node.name.padEnd(4)} ${node.role.padEnd(6)} ${node.address}  ${node.pid === null ? 'off' : 'on'}${broken}\n`
  })
  return `${lab.name}  ${lab.scenario ?? 'scenario unknown'}  made ${made}  ${state}\n${nodes.join('')}`
}
