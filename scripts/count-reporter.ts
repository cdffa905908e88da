import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Ends a run with one line over all packages: `N passed, N failed`. A file that does not load, and an error outside any test, count as failures. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        if (test.result().state === "passed") passed++;
        else failedHere++;
      }
      failed += failedHere === 0 && !module.ok() ? 1 : failedHere;
    }
    process.on("exit", () => console.log(`${passed} passed, ${failed} failed`));
  }
}
