import { median, mib } from "./memory.ts";
import { parseServerSoakOptions, USAGE } from "./server-soak-options.ts";
import { ServerSoak, type ServerSoakReport } from "./server-soak-run.ts";

/** The program behind `just soak-server`: progress goes to stderr, the report to stdout. */
const options = parseServerSoakOptions(process.argv.slice(2));
if (options === "help") process.stdout.write(USAGE);
else {
  const report = await new ServerSoak(options, (text) => process.stderr.write(`${text}\n`)).run();
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}

function reportText(report: ServerSoakReport): string {
  const { seed, minutes, batches, refusals, attacks, diskFills, checks, versions, memory, readyMs, problems } = report;
  const sum = Object.values(attacks).reduce((all, count) => all + count, 0);
  const lines = [
    `seed ${seed}, ${minutes.toFixed(1)} minutes`,
    `${sum} attacks: ${Object.entries(attacks)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}`,
    `the disk was full ${diskFills} times`,
    `${Object.entries(batches)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")} batches acknowledged; ${refusals} tries were refused or unanswered, and sent again`,
    `${checks} checks of what was acknowledged; ${versions} versions read and compared in the end`,
    `memory ${mib(memory[0] ?? 0)} at first, ${mib(median(memory))} in the median, ${mib(Math.max(0, ...memory))} at most, ${mib(memory.at(-1) ?? 0)} in the end`,
    `/readyz took ${Math.round(median(readyMs))} ms in the median, ${Math.round(Math.max(0, ...readyMs))} ms at most`,
    problems.length === 0 ? "nothing is wrong" : `WRONG, and left in ${report.directory}:`,
    ...problems.map((problem) => `  ${problem}`),
  ];
  return `${lines.join("\n")}\n`;
}
