import { useEffect, useRef } from "preact/hooks";
import { known, number, t } from "../shared/i18n.ts";
import type { WishView } from "../shared/model.ts";
import { standing } from "../shared/wish.ts";
import { type List as Shown, choose, chosen, firstOnPage, listLoading, nextPage, previousPage, reload } from "./store.ts";
import { windowText } from "./words.ts";

/** One page of wishes, in the order they were filed. The arrows go from one to the next. */
export function List({ shown }: { shown: Shown }) {
  const rows = useRef<HTMLOListElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const page = useRef(shown.after);
  useEffect(() => {
    // Another page: the reader begins at its top.
    if (page.current !== shown.after) title.current?.focus();
    page.current = shown.after;
  }, [shown.after]);
  const move = (event: KeyboardEvent) => {
    const all = [...(rows.current?.querySelectorAll("button") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[Math.min(Math.max(to, 0), all.length - 1)]?.focus();
  };
  const first = firstOnPage(shown);
  return (
    <section class="card wish-list" aria-labelledby="list-title" aria-busy={listLoading.value}>
      <div class="card-head">
        <h2 id="list-title" ref={title} tabIndex={-1}>
          {t("wishes.list")}{" "}
          {shown.wishes.length > 0 && <span class="version">{t("wishes.range", { from: number(first), to: number(first + shown.wishes.length - 1) })}</span>}
        </h2>
        <button type="button" class="quiet" aria-disabled={listLoading.value} onClick={() => void reload()}>
          {t("wishes.reload")}
        </button>
      </div>
      {shown.wishes.length === 0 && (
        <p class="muted" role="status">
          {t("wishes.none")}
        </p>
      )}
      <ol ref={rows} class="rows-of-wishes" onKeyDown={move}>
        {shown.wishes.map((wish) => (
          <li key={wish.id}>
            <Row wish={wish} />
          </li>
        ))}
      </ol>
      {(shown.before.length > 0 || shown.next !== null) && (
        <nav class="actions" aria-label={t("wishes.pages")}>
          <button type="button" aria-disabled={shown.before.length === 0} onClick={previousPage}>
            {t("wishes.previous")}
          </button>
          <span class="spring" />
          <button type="button" aria-disabled={shown.next === null} onClick={nextPage}>
            {t("wishes.next")}
          </button>
        </nav>
      )}
    </section>
  );
}

export function Row({ wish, current = chosen.value?.id === wish.id, together = false }: { wish: WishView; current?: boolean; together?: boolean }) {
  const where = standing(wish);
  return (
    <button type="button" class="wish-row" data-wish={wish.id} aria-current={current ? "true" : undefined} onClick={() => choose(wish)}>
      <span class="wish-row-head">
        <b>{known("purpose", wish.purpose)}</b>
        <span class="muted">{known("department", wish.department)}</span>
        <span class="mark" data-status={wish.status}>
          {known("wish_status", wish.status)}
        </span>
      </span>
      {(where.length > 0 || together) && <span class="wish-row-state">{[...where, ...(together ? [t("wishes.together")] : [])].join(" · ")}</span>}
      <span class="wish-row-foot muted">
        <span class="mark" data-class={wish.class}>
          {t(`class.${wish.class}`)}
        </span>
        <span>{t("wishes.worth", { value: number(wish.value) })}</span>
        <span>{windowText(wish)}</span>
      </span>
    </button>
  );
}
