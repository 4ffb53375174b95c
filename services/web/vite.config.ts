import { defineConfig } from "vite";

// One entry per page; the hub embeds `dist` as it is.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        desk: "index.html",
        wallboard: "wallboard.html",
        policy: "policy.html",
        wishes: "wishes.html",
        chat: "chat.html",
        "widget-frame": "widget/frame.html",
      },
    },
  },
});
