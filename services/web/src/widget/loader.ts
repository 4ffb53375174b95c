// The script of `<script async src="https://hub/widget/loader.js" data-site="KEY">`: a button in the host page, and an
// iframe with the conversation once somebody wants it. It knows nothing of what is said.
//
// Attributes: `data-site` the site key; `data-hub` the hub's origin when the script is served from elsewhere;
// `data-lang` `zh-CN` or `en`, otherwise the browser decides; `data-remember` lets this page's own storage hold the
// visitor's token and unsent messages where the browser gives the iframe none. Then the page's scripts could read them,
// which is why it is the site's choice; without it such a visitor starts anew with every page.

import { type FromFrame, type FromHost, isOurs, PREFIX } from "./bridge.ts";

declare global {
  interface Window {
    RapportChat?: { open(): void; close(): void; toggle(): void };
  }
}

const LABELS = {
  en: { open: "Chat with us", close: "Close chat", unread: "unread", frame: "Chat" },
  zh: { open: "在线咨询", close: "关闭聊天窗口", unread: "条未读消息", frame: "在线咨询" },
};
const USED = "rapport.chat.used";
const SVG = "http://www.w3.org/2000/svg";

function start(script: HTMLScriptElement): void {
  const site = script.dataset["site"];
  if (!site) {
    console.error("Rapport chat: the script tag needs data-site");
    return;
  }
  const hub = new URL(script.dataset["hub"] || script.src, location.href).origin;
  const language = script.dataset["lang"] || navigator.language;
  const chinese = /^zh\b/i.test(language);
  const label = chinese ? LABELS.zh : LABELS.en;
  const remembers = script.dataset["remember"] !== undefined;
  const narrow = matchMedia("(max-width: 600px)");
  let frame: HTMLIFrameElement | null = null;
  let ready = false;
  let open = false;
  let unread = 0;

  // Styles are set through the object model, which a strict style-src policy of the host page allows.
  const button = document.createElement("button");
  const badge = document.createElement("span");
  const style = (element: HTMLElement, rules: Partial<CSSStyleDeclaration>) => Object.assign(element.style, rules);
  button.type = "button";
  button.lang = chinese ? "zh-CN" : "en";
  style(button, {
    all: "initial",
    position: "fixed",
    right: "20px",
    bottom: "20px",
    width: "60px",
    height: "60px",
    borderRadius: "30px",
    background: "#0b5c50",
    border: "2px solid #fff",
    boxSizing: "border-box",
    boxShadow: "0 4px 16px rgba(0,0,0,.3)",
    cursor: "pointer",
    zIndex: "2147483000",
    display: "flex",
    alignItems: "center",
    justifyContent: "center",
  });
  button.addEventListener("focus", () => {
    if (button.matches(":focus-visible")) style(button, { outline: "3px solid #0b5c50", outlineOffset: "3px" });
  });
  button.addEventListener("blur", () => style(button, { outline: "none" }));
  style(badge, {
    all: "initial",
    position: "absolute",
    top: "-6px",
    right: "-6px",
    minWidth: "22px",
    height: "22px",
    padding: "0 5px",
    boxSizing: "border-box",
    borderRadius: "11px",
    background: "#b3261e",
    color: "#fff",
    font: "bold 13px/22px system-ui, sans-serif",
    textAlign: "center",
  });
  badge.setAttribute("aria-hidden", "true");
  button.append(icon("M4 5h16v11H9l-5 4z"), badge);

  function icon(path: string): SVGSVGElement {
    const svg = document.createElementNS(SVG, "svg");
    const shape = document.createElementNS(SVG, "path");
    for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: "28", height: "28", "aria-hidden": "true" })) {
      svg.setAttribute(name, value);
    }
    for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "#fff", "stroke-width": "2", "stroke-linejoin": "round" })) {
      shape.setAttribute(name, value);
    }
    svg.append(shape);
    return svg;
  }

  function draw(): void {
    const count = unread > 99 ? "99+" : String(unread);
    const news = unread > 0 && !open;
    badge.textContent = count;
    badge.style.display = news ? "block" : "none";
    const opening = chinese ? `${label.open}，${count} ${label.unread}` : `${label.open}, ${count} ${label.unread}`;
    button.setAttribute("aria-label", open ? label.close : news ? opening : label.open);
    button.setAttribute("aria-expanded", String(open));
    if (!frame) return;
    const full = narrow.matches;
    style(frame, {
      display: open ? "block" : "none",
      inset: full ? "0" : "auto 20px 92px auto",
      width: full ? "100%" : "400px",
      height: full ? "100%" : "min(640px, calc(100vh - 112px))",
      borderRadius: full ? "0" : "14px",
      boxShadow: full ? "none" : "0 8px 40px rgba(0,0,0,.35)",
    });
    button.style.visibility = open && full ? "hidden" : "visible";
  }

  function load(): void {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = label.frame;
    style(frame, { all: "initial", position: "fixed", border: "0", zIndex: "2147483001", colorScheme: "light dark" });
    const inside = new URLSearchParams({ host: location.origin, lang: chinese ? "zh-CN" : "en" });
    // The site key is public and tells the hub which pages may hold the iframe.
    frame.src = `${hub}/widget/frame.html?site=${encodeURIComponent(site ?? "")}#${inside}`;
    document.body.append(frame);
    draw();
  }

  function tell(message: FromHost): void {
    if (ready || message.type === "kept") frame?.contentWindow?.postMessage(message, hub);
  }

  function show(visible: boolean): void {
    if (visible === open) return;
    open = visible;
    if (open) {
      load();
      remember();
    }
    draw();
    tell({ rapport: "chat", type: open ? "opened" : "closed" });
    if (open) frame?.focus();
    else button.focus();
  }

  /** On the next page of this visit the count of unread messages shall be there without a click. */
  function remember(): void {
    try {
      sessionStorage.setItem(USED, "1");
    } catch {
      // Without storage the count comes with the first click.
    }
  }

  function wasUsed(): boolean {
    try {
      return sessionStorage.getItem(USED) === "1";
    } catch {
      return false;
    }
  }

  /** What was kept for the iframe, as far as the site agreed and the browser allows. */
  function kept(): Record<string, string> {
    try {
      const ours = Object.entries({ ...localStorage }).filter(([name]) => name.startsWith(`${PREFIX}${site}.`));
      return remembers ? Object.fromEntries(ours) : {};
    } catch {
      return {};
    }
  }

  function keep(name: string, value: string | null): void {
    if (!remembers || !name.startsWith(`${PREFIX}${site}.`)) return;
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {
      // No storage here either: the conversation lasts as long as the page.
    }
  }

  button.addEventListener("click", () => show(!open));
  narrow.addEventListener("change", draw);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open && document.activeElement === button) show(false);
  });
  window.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== hub || !isOurs(event.data)) return;
    const message = event.data as FromFrame;
    if (message.type === "ready") {
      ready = true;
      tell({ rapport: "chat", type: open ? "opened" : "closed" });
    } else if (message.type === "close") {
      show(false);
    } else if (message.type === "unread") {
      unread = Math.max(0, Number(message.count) || 0);
      draw();
    } else if (message.type === "recall") {
      tell({ rapport: "chat", type: "kept", entries: kept() });
    } else if (message.type === "keep") {
      keep(String(message.name), message.value === null ? null : String(message.value));
    }
  });

  draw();
  document.body.append(button);
  if (wasUsed()) load();
  window.RapportChat = { open: () => show(true), close: () => show(false), toggle: () => show(!open) };
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && !window.RapportChat) {
  if (document.body) start(script);
  else addEventListener("DOMContentLoaded", () => start(script), { once: true });
}
