import { useState } from "preact/hooks";
import { hubTime } from "../shared/clock.ts";
import { explain } from "../shared/explain.ts";
import { Icon } from "../shared/icons.tsx";
import { known, region, t } from "../shared/i18n.ts";
import type { TimelineItem } from "../shared/model.ts";
import { personal } from "../shared/personal.ts";
import { exactTime, moment } from "../shared/time.ts";
import { type Page, olderTimeline } from "./customer.ts";
import { notify } from "./store.ts";
import { type Episode, episodes } from "./timeline.ts";

/** Everything that happened with this customer, on all channels and from all departments, newest first. */
export function Timeline({ page }: { page: Page<TimelineItem> | null }) {
  return (
    <section class="card timeline" aria-labelledby="timeline-title">
      <h3 id="timeline-title">{t("timeline.title")}</h3>
      {page === null && <p class="muted">{t("loading")}</p>}
      {page !== null && page.items.length === 0 && <p class="muted">{t("timeline.none")}</p>}
      {page !== null && (
        <ol>
          {episodes(page.items).map((episode) => (
            <OneEpisode key={episode.key} episode={episode} />
          ))}
        </ol>
      )}
      {page !== null && page.next !== null && <Older load={olderTimeline} />}
    </section>
  );
}

/** One page more. The button stays where it is while it waits, so that the focus does too. */
export function Older({ load }: { load: () => Promise<void> }) {
  const [waiting, setWaiting] = useState(false);
  const more = async () => {
    if (waiting) return;
    setWaiting(true);
    try {
      await load();
    } catch (problem) {
      notify("error", explain(problem));
    } finally {
      setWaiting(false);
    }
  };
  return (
    <button type="button" class="quiet" aria-disabled={waiting} onClick={() => void more()}>
      {t(waiting ? "loading" : "timeline.older")}
    </button>
  );
}

function OneEpisode({ episode }: { episode: Episode }) {
  const named = episode.items.find((item) => item.channel !== null);
  const queue = episode.items.find((item) => item.queue !== null)?.queue;
  const icon = named?.channel ?? "plan";
  return (
    <li class="episode" data-channel={icon}>
      <p class="episode-head">
        <span class="row-channel" data-channel={icon}>
          <Icon name={icon} />
        </span>
        <b>{named?.channel ? t(`channel.${named.channel}`) : t("timeline.planning")}</b>
        {named?.direction && <span class="muted">{t(`direction.${named.direction}`)}</span>}
        {queue && <span class="muted">· {queue}</span>}
      </p>
      <ul>
        {episode.items.map((item) => (
          <li key={item.position}>
            <time dateTime={new Date(item.at).toISOString()} title={exactTime(item.at, region.value)}>
              {moment(item.at, hubTime(), region.value)}
            </time>
            <span>
              <Fact item={item} />
            </span>
          </li>
        ))}
      </ul>
    </li>
  );
}

/** A plan for several wishes names them all, with commas between. */
function allKnown(prefix: string, codes: string): string {
  return codes
    .split(/,\s*/u)
    .map((code) => known(prefix, code))
    .join(", ");
}

/** One fact in words: what, by whom or for whom, with what result. */
function Fact({ item }: { item: TimelineItem }) {
  const details = [
    item.department === null ? null : allKnown("department", item.department),
    item.purpose === null ? null : allKnown("purpose", item.purpose),
    item.agent,
    item.outcome === null ? null : known(item.kind === "outcome" ? "outcome" : "disposition", item.outcome),
    item.reason === null ? null : known("reason", item.reason),
  ].filter((part) => part !== null && part !== "");
  return (
    <>
      <b>{known("timeline", item.kind)}</b>
      {details.length > 0 && <> · {details.join(" · ")}</>}
      {item.text !== null && item.text !== "" && <span class="fact-text">{personal(item.text)}</span>}
    </>
  );
}
