import { defineConfig } from "vite";

// The loader goes into other people's pages: one classic script under a name that never changes.
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2019",
    outDir: "dist/widget",
    emptyOutDir: false,
    lib: {
      entry: "src/widget/loader.ts",
      formats: ["iife"],
      name: "RapportChatLoader",
      fileName: () => "loader.js",
    },
  },
});
