import { useEffect } from "preact/hooks";
import { now } from "../shared/clock.ts";
import { Icon } from "../shared/icons.tsx";
import { t } from "../shared/i18n.ts";
import { lineText, offline } from "../shared/line.ts";
import { reconnectNow } from "./live.ts";
import { type Notice, desk, dismiss, line, notices } from "./store.ts";

/** Says when the desk is cut off: what is shown is old, what is written waits. */
export function LineBanner() {
  now.value; // The seconds to the next attempt count down.
  const text = lineText(line.value, desk.value.position !== null, Date.now());
  return (
    <div class="line-banner" role="status">
      {text !== null && (
        <p>
          <Icon name="alert" /> {offline.value ? t("line.offline") : text}{" "}
          {line.value.state === "waiting" && (
            <button type="button" onClick={reconnectNow}>
              {t("line.now")}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

export function Notices() {
  return (
    <div class="notices" role="region" aria-label={t("notices.label")} aria-live="assertive">
      {notices.value.map((notice) => (
        <OneNotice key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

const INFO_MS = 8_000;

/** An error stays until it is closed: whoever looked away must still find it. */
function OneNotice({ notice }: { notice: Notice }) {
  useEffect(() => {
    if (notice.tone !== "info") return;
    const timer = setTimeout(() => dismiss(notice.id), INFO_MS);
    return () => clearTimeout(timer);
  }, [notice.id]);
  return (
    <div class="notice" data-tone={notice.tone}>
      <span>{notice.text}</span>
      <button type="button" class="quiet square" aria-label={t("close")} onClick={() => dismiss(notice.id)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
