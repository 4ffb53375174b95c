import type { TimelineItem } from "../shared/model.ts";

/** What belongs to one contact and stands together is shown together, and so is the planning between two contacts. */
export interface Episode {
  key: number;
  interaction: string | null;
  /** Newest first, as the timeline is. */
  items: TimelineItem[];
}

export function episodes(items: readonly TimelineItem[]): Episode[] {
  const found: Episode[] = [];
  for (const item of items) {
    const last = found.at(-1);
    if (last !== undefined && last.interaction === item.interaction) last.items.push(item);
    else found.push({ key: item.position, interaction: item.interaction, items: [item] });
  }
  return found;
}
