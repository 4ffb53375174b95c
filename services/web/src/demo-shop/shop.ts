// The demo shop embeds the chat as any site does; only the site key comes from the hub, which made it for the demo.

import "./shop.css";

function isConfig(value: unknown): value is { site: string } {
  return typeof value === "object" && value !== null && "site" in value && typeof value.site === "string";
}

try {
  const config: unknown = await (await fetch("/widget/config.json", { cache: "no-store" })).json();
  if (!isConfig(config)) throw new Error("the hub has no demo site");
  const script = document.createElement("script");
  script.async = true;
  script.src = "/widget/loader.js";
  script.dataset["site"] = config.site;
  document.body.append(script);
} catch {
  document.querySelector("#trouble")!.textContent = "The chat is not set up: the hub named no site key for this page.";
}
