import { accept, decline, end, pickDisposition, wrapUp } from "./actions.ts";
import { type Command, command } from "./shortcuts.ts";
import { neighbour } from "./state.ts";
import { choose, chosen, current, desk, helpOpen, offers, pane, presenceOpen, session, shortcutsOn } from "./store.ts";

function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/u.test(target.tagName));
}

function run(asked: Command): void {
  const item = current.value;
  if (typeof asked === "object") {
    pickDisposition(asked.disposition);
    return;
  }
  switch (asked) {
    case "accept":
    case "decline": {
      // The chosen offer, or else the one that runs out first.
      const offer = item?.phase === "offered" ? item : offers.value[0];
      if (offer !== undefined) void (asked === "accept" ? accept(offer.id) : decline(offer.id));
      return;
    }
    case "next":
      return choose(neighbour(desk.value.work, chosen.value, 1));
    case "previous":
      return choose(neighbour(desk.value.work, chosen.value, -1));
    case "end":
      if (item?.phase === "active") void end(item.id);
      return;
    case "wrap_up":
      if (item?.phase === "wrap_up") void wrapUp(item.id);
      return;
    case "presence":
      presenceOpen.value = !presenceOpen.value;
      return;
    case "composer":
      pane.value = "talk";
      requestAnimationFrame(() => document.querySelector<HTMLElement>("#talk [data-writing]")?.focus());
      return;
    case "help":
      helpOpen.value = true;
  }
}

export function startKeyboard(): void {
  addEventListener("keydown", (event) => {
    if (!shortcutsOn.value || session.value !== "signed_in" || helpOpen.value || event.repeat || event.isComposing) return;
    const asked = command({
      code: event.code,
      key: event.key,
      altKey: event.altKey,
      ctrlKey: event.ctrlKey,
      metaKey: event.metaKey,
      writing: writes(event.target),
    });
    if (asked === null) return;
    event.preventDefault();
    run(asked);
  });
}
