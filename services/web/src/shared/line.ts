import { signal } from "@preact/signals";
import type { Line } from "./live.ts";
import { t } from "./i18n.ts";
import { secondsLeft } from "./time.ts";

/** The line's state in words; null while there is nothing to worry about. */
export function lineText(line: Line, known: boolean, reference: number): string | null {
  switch (line.state) {
    case "live":
      return null;
    case "connecting":
      return known ? t("line.reconnecting") : t("line.connecting");
    case "waiting":
      return t("line.waiting", { s: secondsLeft(line.retryAt, reference) });
    case "closed":
      return t("line.closed");
  }
}

/** Whether the machine itself says that it has no network. */
export const offline = signal(typeof navigator !== "undefined" && navigator.onLine === false);

export function watchNetwork(back: () => void): void {
  addEventListener("offline", () => (offline.value = true));
  addEventListener("online", () => {
    offline.value = false;
    back();
  });
  addEventListener("visibilitychange", () => {
    if (!document.hidden) back();
  });
}
