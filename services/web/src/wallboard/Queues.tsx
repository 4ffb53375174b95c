import { number, t } from "../shared/i18n.ts";
import type { QueueLine } from "../shared/model.ts";
import { duration } from "../shared/time.ts";
import { LevelWord, TargetBar } from "./Tile.tsx";
import { percent } from "./Wall.tsx";
import { serviceLevel, waitLevel, worst } from "./state.ts";

/** A tile for each queue: how it stands today, and who waits now. */
export function Queues({ queues, at }: { queues: readonly QueueLine[]; at: number }) {
  return (
    <section class="queues" aria-labelledby="queues-title">
      <h2 id="queues-title">{t("wallboard.queues")}</h2>
      <ul>
        {queues.map((queue) => (
          <Queue key={queue.id} queue={queue} at={at} />
        ))}
      </ul>
    </section>
  );
}

function Queue({ queue, at }: { queue: QueueLine; at: number }) {
  const service = queue.outbound ? "none" : serviceLevel(queue.service_level, queue.service_level_target);
  const wait = queue.outbound ? "none" : waitLevel(queue.longest_since, queue.target_seconds, at);
  const level = worst([service, wait]);
  return (
    <li class="queue" data-level={level}>
      <div class="queue-head">
        <h3>{queue.display_name}</h3>
        {queue.outbound ? <span class="level">{t("wallboard.outbound")}</span> : <LevelWord level={level} />}
      </div>
      <div class="queue-main">
        <p data-level={wait}>
          <span class="big timer">{number(queue.waiting)}</span> <span>{t("kpi.waiting_short")}</span>
        </p>
        <p data-level={wait}>
          <span class="big timer">{queue.longest_since === null ? "–" : duration(at - queue.longest_since)}</span>{" "}
          <span>{t("kpi.longest_short")}</span>
        </p>
        {!queue.outbound && (
          <p data-level={service}>
            <span class="big timer">{percent(queue.service_level)}</span>{" "}
            <span>{t("kpi.service_short", { s: queue.target_seconds, target: percent(queue.service_level_target) })}</span>
          </p>
        )}
      </div>
      {!queue.outbound && queue.service_level !== null && (
        <TargetBar share={queue.service_level / 100} target={queue.service_level_target / 100} />
      )}
      <p class="queue-foot">
        {t(queue.outbound ? "wallboard.queue_foot_outbound" : "wallboard.queue_foot", {
          answered: number(queue.answered),
          offered: number(queue.offered),
          abandoned: number(queue.abandoned),
          asa: queue.asa_seconds === null ? "–" : duration(queue.asa_seconds * 1000),
        })}
      </p>
    </li>
  );
}
