import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "examples/*", "tests", "bench"],
    reporters: ["default", "./scripts/count-reporter.ts"],
  },
});
