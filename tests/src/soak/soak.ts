import { reportText } from "./report.ts";
import { Soak } from "./run.ts";
import { parseSoakOptions, USAGE } from "./soak-options.ts";

/** The program behind `just soak`: progress goes to stderr, the report to stdout. */
const options = parseSoakOptions(process.argv.slice(2));
if (options === "help") process.stdout.write(USAGE);
else {
  const report = await new Soak(options, (text) => process.stderr.write(`${text}\n`)).run();
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  process.exitCode = report.problems.length === 0 ? 0 : 1;
}
