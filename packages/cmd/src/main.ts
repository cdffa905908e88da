#!/usr/bin/env node
import { noteWarnings } from "./output/warnings.ts";
import { runProgram } from "./run-program.ts";

noteWarnings();
// The process ends by itself once nothing is open any more.
process.exitCode = await runProgram(process.argv.slice(2));
