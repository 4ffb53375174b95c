import { t } from "../shared/i18n.ts";
import type { Level } from "./state.ts";

interface Shown {
  name: string;
  value: string;
  beside: string;
  level?: Level;
  /** What the number is: waits are over a target, service levels under it. */
  kind?: "share" | "wait";
  bar?: { share: number; target: number } | null;
}

/** One number with what it is measured against. Its state is said in a word and in a colour. */
export function Tile({ name, value, beside, level = "none", kind = "share", bar = null }: Shown) {
  return (
    <div class="tile" data-level={level}>
      <h3>{name}</h3>
      <p class="tile-value timer">{value}</p>
      {bar !== null && <TargetBar {...bar} />}
      <p class="tile-beside">
        <span>{beside}</span>
        <LevelWord level={level} kind={kind} />
      </p>
    </div>
  );
}

export function LevelWord({ level, kind = "share" }: { level: Level; kind?: "share" | "wait" }) {
  if (level === "none") return null;
  return <span class="level">{t(kind === "wait" ? `level.wait.${level}` : `level.${level}`)}</span>;
}

/** How far, and a line where it should be. */
export function TargetBar({ share, target }: { share: number; target: number }) {
  const percent = (part: number) => `${(100 * Math.min(1, Math.max(0, part))).toFixed(1)}%`;
  return (
    <div class="target-bar" aria-hidden="true">
      <div class="fill" style={{ inlineSize: percent(share) }} />
      <div class="mark-line" style={{ insetInlineStart: percent(target) }} />
    </div>
  );
}
