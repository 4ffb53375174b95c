import { useEffect } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { LanguageButton, ThemeButton } from "../shared/controls.tsx";
import { Icon } from "../shared/icons.tsx";
import { region, number, t } from "../shared/i18n.ts";
import { lineText, offline } from "../shared/line.ts";
import { duration, exactTime } from "../shared/time.ts";
import { Agents } from "./Agents.tsx";
import { Queues } from "./Queues.tsx";
import { Tile } from "./Tile.tsx";
import { type Level, BAD_TARGETS, NEAR_POINTS, byState, serviceLevel, totals, worst } from "./state.ts";
import { heardAt, line, reconnectNow, wall } from "./store.ts";

export function Wall() {
  const { position, tenant } = wall.value;
  useEffect(() => {
    document.title = `${t("wallboard.title")} · ${tenant === "" ? "Rapport" : tenant}`;
  });
  return (
    <div class="wall">
      <Top />
      <main>{position === null ? <p class="splash">{t("line.connecting")}</p> : <Board />}</main>
      <footer class="legend">{t("wallboard.legend", { points: NEAR_POINTS, times: BAD_TARGETS })}</footer>
    </div>
  );
}

function Top() {
  now.value; // The seconds to the next attempt count down.
  const text = lineText(line.value, wall.value.position !== null, Date.now());
  const fullScreen = () => {
    if (document.fullscreenElement === null) void document.documentElement.requestFullscreen().catch(() => {});
    else void document.exitFullscreen();
  };
  return (
    <header class="wall-top">
      <h1>
        {wall.value.tenant === "" ? "Rapport" : wall.value.tenant} <span class="muted">{t("wallboard.title")}</span>
      </h1>
      <p class="wall-line" role="status" data-live={text === null}>
        {text === null ? t("line.live") : offline.value ? t("line.offline") : text}{" "}
        {line.value.state === "waiting" && (
          <button type="button" onClick={reconnectNow}>
            {t("line.now")}
          </button>
        )}
      </p>
      {heardAt.value !== null && (
        <p class="as-of">
          {t("wallboard.as_of")} <time class="timer">{exactTime(text === null ? now.value : heardAt.value, region.value)}</time>
        </p>
      )}
      <span class="tools">
        <a class="button quiet" href="/">
          {t("wallboard.desk")}
        </a>
        <ThemeButton />
        <LanguageButton />
        <button type="button" class="quiet square" aria-label={t("wallboard.full")} title={t("wallboard.full")} onClick={fullScreen}>
          <Icon name="wide" />
        </button>
      </span>
    </header>
  );
}

export function percent(value: number | null): string {
  return value === null ? "–" : number(value / 100, { style: "percent", maximumFractionDigits: 0 });
}

function Board() {
  const { queues, agents } = wall.value;
  const at = now.value;
  const sum = totals(queues, at);
  const level = serviceLevel(sum.service, sum.target);
  const wait: Level = sum.longest?.level ?? "none";
  const lost = sum.offered === 0 ? null : (100 * sum.abandoned) / sum.offered;
  return (
    <>
      <section class="sums" aria-labelledby="sums-title" data-level={worst([level, wait])}>
        <h2 id="sums-title" class="hidden">
          {t("wallboard.sums")}
        </h2>
        <Tile
          name={t("kpi.service_level")}
          value={percent(sum.service)}
          level={level}
          beside={t("kpi.target", { target: percent(sum.target) })}
          bar={sum.service === null ? null : { share: sum.service / 100, target: sum.target / 100 }}
        />
        <Tile name={t("kpi.waiting")} value={number(sum.waiting)} beside={t("kpi.now")} />
        <Tile
          name={t("kpi.longest")}
          value={sum.longest === null ? "–" : duration(at - sum.longest.since)}
          level={wait}
          kind="wait"
          beside={t(sum.longest === null ? "kpi.nobody" : "kpi.now")}
        />
        <Tile
          name={t("kpi.answered")}
          value={number(sum.answered)}
          beside={t("kpi.of_offered", { n: number(sum.offered) })}
        />
        <Tile
          name={t("kpi.abandoned")}
          value={number(sum.abandoned)}
          beside={t("kpi.share_of_offered", { share: percent(lost) })}
        />
        <Tile
          name={t("kpi.asa")}
          value={sum.asaSeconds === null ? "–" : duration(sum.asaSeconds * 1000)}
          beside={t("kpi.asa_long")}
        />
      </section>
      <Queues queues={queues} at={at} />
      <Agents groups={byState(agents)} at={at} />
    </>
  );
}
