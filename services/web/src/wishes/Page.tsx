import { t } from "../shared/i18n.ts";
import { PageFrame } from "../shared/page.tsx";
import { Detail } from "./Detail.tsx";
import { Filters } from "./Filters.tsx";
import { List } from "./List.tsx";
import { broken, chosen, list, me, message } from "./store.ts";

export function Page() {
  return (
    <PageFrame title="wishes.title" skip="wishes.skip" who={me.value} message={message} kind="wish-book" open={chosen.value !== null}>
      <Content />
    </PageFrame>
  );
}

function Content() {
  if (broken.value !== null)
    return (
      <p class="splash failure" role="alert">
        {broken.value}
      </p>
    );
  if (list.value === null) return <p class="splash">{t("loading")}</p>;
  return (
    <>
      <Filters />
      <List shown={list.value} />
      {chosen.value !== null && <Detail chosen={chosen.value} key={chosen.value.id} />}
    </>
  );
}
