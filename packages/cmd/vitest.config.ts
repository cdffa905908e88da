import { defineConfig } from "vitest/config";

export default defineConfig({
  // Most tests run the real program, several times.
  test: { testTimeout: 60_000 },
});
